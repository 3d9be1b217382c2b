//! What the RTL8029AS adds to the DP8390: a place on the PCI bus, and page 3 (data sheet of Realtek, 1997).
//!
//! Left out: the serial EEPROM behind 9346CR, whose contents are where reset loads them; boot ROM, and halting the
//! clock.

use serde::{Deserialize, Serialize};

use super::Ne2000;
use crate::{
    IrqLine, PortRange,
    pci::{Command, ConfigSpace, Identity},
};

const REALTEK: u16 = 0x10ec;
const RTL8029: u16 = 0x8029;
/// Registers of page 0 that say who this is: "PC".
pub(super) const ID: [u8; 2] = [0x50, 0x43];
/// Those of page 3.
const ID_AS: [u8; 2] = [0x29, 0x80];
/// 9346CR: CONFIG2 and CONFIG3 can be written.
const EEM_WRITE: u8 = 0xc0;
/// Bits of 9346CR, CONFIG2 and CONFIG3 that can be written.
const WRITABLE: [u8; 3] = [0xce, 0xe3, 0x46];

/// Registers of page 3 that keep what is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Realtek {
    /// 9346CR.
    eeprom: u8,
    config2: u8,
    config3: u8,
}

impl Realtek {
    pub(super) fn read(&self, register: u16) -> u8 {
        match register {
            0x1 => self.eeprom,
            // CONFIG0: twisted pair.
            0x3 => 0,
            0x5 => self.config2,
            0x6 => self.config3,
            0xe => ID_AS[0],
            0xf => ID_AS[1],
            _ => 0xff,
        }
    }

    pub(super) fn write(&mut self, register: u16, value: u8) {
        let open = self.eeprom & EEM_WRITE == EEM_WRITE;
        match register {
            0x1 => self.eeprom = value & WRITABLE[0],
            0x5 if open => self.config2 = value & WRITABLE[1],
            0x6 if open => self.config3 = value & WRITABLE[2],
            _ => {}
        }
    }
}

impl Ne2000 {
    /// A PCI card, 10EC:8029, with `mac` in its PROM.
    pub fn pci(irq: IrqLine, mac: [u8; 6]) -> Self {
        let [vendor, device] = [REALTEK, RTL8029].map(u16::to_le_bytes);
        let space = ConfigSpace::new(Identity {
            vendor: REALTEK,
            device: RTL8029,
            revision: 0,
            class: 0x02_0000,
            multi_function: false,
        })
        .command(Command::empty(), Command::IO)
        .status(0x0200)
        // Subsystem vendor and device.
        .register(0x2c, &[vendor[0], vendor[1], device[0], device[1]], &[0; 4])
        .io_bar(0, super::NE2000_PORTS)
        .interrupt_pin(1);
        Self {
            ports: None,
            pci: Some(space),
            ..Self::isa(0, irq, mac)
        }
    }

    /// The configuration space of a card on the PCI bus.
    pub fn config_space(&mut self) -> Option<&mut ConfigSpace> {
        self.pci.as_mut()
    }

    /// The ports that a card on the PCI bus decodes now.
    pub fn port_window(&self) -> Option<PortRange> {
        self.pci.as_ref()?.io_window(0)
    }
}
