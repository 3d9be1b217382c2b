//! Configuration cycles (PCI 2.1 §3.7.4.1, "configuration mechanism 1"): from the data port to the function that is
//! selected.

use oldiron_devices::pci::ConfigSpace;
use oldiron_mmu::IoWidth;

use crate::chips::Chips;

/// The data port, CFCh–CFFh.
const CONFIG_DATA: u16 = 0xcfc;

/// The function that is selected, if there is one, and the offset of the first byte of a cycle at `port`.
fn select(chips: &mut Chips, port: u16) -> Option<(&mut ConfigSpace, u8)> {
    let at = chips.pci.as_ref()?.selected().filter(|at| at.bus == 0)?;
    let space = chips.config_space(at.device, at.function)?;
    Some((space, at.register | (port & 3) as u8))
}

/// The bytes of a cycle that are inside the register: past its end there is no port of the bus.
fn offsets(port: u16, width: IoWidth) -> impl Iterator<Item = u8> {
    (0..width.bytes() as u8).take(usize::from(CONFIG_DATA + 4 - port))
}

/// A read. Where no function answers, the bus master sees all ones (§3.7.4.1: master abort).
pub(crate) fn read(chips: &mut Chips, port: u16, width: IoWidth) -> u32 {
    let Some((space, first)) = select(chips, port) else {
        return width.open_bus();
    };
    offsets(port, width).fold(width.open_bus(), |value, byte| {
        let shift = 8 * u32::from(byte);
        value & !(0xff << shift) | u32::from(space.read(first + byte)) << shift
    })
}

/// A write.
pub(crate) fn write(chips: &mut Chips, port: u16, value: u32, width: IoWidth) {
    let Some((space, first)) = select(chips, port) else {
        return;
    };
    log::trace!(target: "dev::pci", "configuration register {first:#04x} = {value:#x}");
    for byte in offsets(port, width) {
        space.write(first + byte, (value >> (8 * byte)) as u8);
    }
}
