//! The network card that a machine may have.

use oldiron_devices::{NE2000_PORTS, Ne2000};
use serde::{Deserialize, Serialize};

use crate::{
    BuildError,
    irq_router::{FIRST_SLOT, TAKEN, source},
};

/// Where a network card is plugged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CardSlot {
    /// On the ISA bus, with its jumpers set so.
    Isa {
        /// The first of its 32 ports.
        io: u16,
        /// Its interrupt line; 2 is 9.
        irq: u8,
    },
    /// On the PCI bus: the BIOS gives it ports and an interrupt line.
    Pci,
}

/// The slot of PCI in which the card is, counted from 0.
const SLOT: u8 = 1;
/// Its device number, and the only function.
pub(crate) const PCI_FUNCTION: (u8, u8) = (FIRST_SLOT + SLOT, 0);

/// An NE2000 and its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkCard {
    /// Where it is.
    pub slot: CardSlot,
    /// The address in its PROM: of one station, not of a group.
    pub mac: [u8; 6],
}

impl NetworkCard {
    /// The chip, if the card fits into a PC.
    pub(crate) fn build(&self, has_pci: bool) -> Result<Ne2000, BuildError> {
        if self.mac[0] & 1 != 0 {
            return Err(BuildError::GroupAddress { mac: self.mac });
        }
        let (io, irq) = match self.slot {
            CardSlot::Isa { io, irq } => (io, irq),
            CardSlot::Pci if has_pci => {
                let wire = source::PCI_SLOTS[usize::from(SLOT)];
                return Ok(Ne2000::pci(wire, self.mac));
            }
            CardSlot::Pci => return Err(BuildError::NoPci),
        };
        if !io.is_multiple_of(NE2000_PORTS) || !(0x200..=0x3e0).contains(&io) {
            return Err(BuildError::NetworkPorts { io });
        }
        let irq = if irq == 2 { 9 } else { irq };
        if let Some(&(_, by)) = TAKEN.iter().find(|&&(line, _)| line == irq) {
            return Err(BuildError::InterruptTaken { irq, by });
        }
        if irq > 15 {
            return Err(BuildError::InterruptTaken {
                irq,
                by: "no line of the ISA bus",
            });
        }
        Ok(Ne2000::isa(io, source::slot(irq), self.mac))
    }
}

impl core::fmt::Display for NetworkCard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.slot {
            CardSlot::Isa { io, irq } => write!(f, "isa,io={io:x},irq={irq}")?,
            CardSlot::Pci => f.write_str("pci")?,
        }
        let [a, b, c, d, e, g] = self.mac;
        write!(f, ",mac={a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
