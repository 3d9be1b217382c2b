//! The PCI bus: configuration spaces, and the chip set of the PCI machine.
//!
//! Follows the PCI Local Bus Specification, revision 2.1, and the data sheets of the 82441FX ("440FX", Intel
//! 290549) and the 82371SB ("PIIX3", Intel 290550). There is one bus, number 0.
//!
//! A chip of the bus keeps a [`ConfigSpace`], and that is all that configuration cycles see of it. What follows from
//! its contents (ports that it decodes, shadow memory, the routing of interrupts) the board reads from there after
//! each write, so that no chip has to tell anybody of a change.

mod chipset;
mod config_space;
mod hotplug;
mod power;

pub use chipset::{ConfigAddress, PciChipset};
pub use config_space::{Command, ConfigSpace, Identity};
pub use hotplug::HotPlug;
pub use power::PowerManagement;

/// Where functions of the board's own chips are: device and function.
pub mod slot {
    /// The 82441FX.
    pub const HOST_BRIDGE: (u8, u8) = (0, 0);
    /// PIIX3, function 0: the bridge to ISA.
    pub const ISA_BRIDGE: (u8, u8) = (1, 0);
    /// PIIX3, function 1: the IDE controller.
    pub const IDE: (u8, u8) = (1, 1);
    /// Power management, as of the PIIX4.
    pub const POWER: (u8, u8) = (1, 3);
    /// The VGA.
    pub const VGA: (u8, u8) = (2, 0);
}

/// The PIRQ line (0 = PIRQA#) that interrupt pin `pin` (1 = INTA#) of a device is wired to: each slot is one further
/// than the one before, and device 1 begins with PIRQA#.
pub const fn pirq_of(device: u8, pin: u8) -> u8 {
    device.wrapping_add(pin).wrapping_sub(2) & 3
}
