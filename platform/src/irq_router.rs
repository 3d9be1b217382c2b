//! From interrupt sources to ISA interrupt lines.
//!
//! The lines of PCI, PIRQA# to PIRQD#, end on the ISA lines that the chip set routes them to. Every chip drives a wire of its own; several wires may end on one ISA line, where they are
//! ORed, as on a board with open-collector drivers.

use oldiron_devices::{IrqLine, IrqLines, pci::pirq_of};
use serde::{Deserialize, Serialize};

/// The wires of this board.
pub(crate) mod source {
    use super::IrqLine;

    pub(crate) const PIT: IrqLine = IrqLine::new(0);
    pub(crate) const KEYBOARD: IrqLine = IrqLine::new(1);
    pub(crate) const COM1: IrqLine = IrqLine::new(2);
    pub(crate) const COM2: IrqLine = IrqLine::new(3);
    pub(crate) const FLOPPY: IrqLine = IrqLine::new(4);
    pub(crate) const RTC: IrqLine = IrqLine::new(5);
    pub(crate) const MOUSE: IrqLine = IrqLine::new(6);
    pub(crate) const IDE0: IrqLine = IrqLine::new(7);
    pub(crate) const IDE1: IrqLine = IrqLine::new(8);
    pub(crate) const VGA: IrqLine = IrqLine::new(9);
    pub(crate) const COPROCESSOR: IrqLine = IrqLine::new(10);

    pub(crate) const SCI: IrqLine = IrqLine::new(15);
    /// INTA# of the cards in the slots of PCI, from device [`super::FIRST_SLOT`] on.
    pub(crate) const PCI_SLOTS: [IrqLine; 4] = [
        IrqLine::new(11),
        IrqLine::new(12),
        IrqLine::new(13),
        IrqLine::new(14),
    ];

    /// The first of the wires of expansion slots, which have one for each ISA line.
    pub(super) const SLOTS: u8 = 16;

    /// What a card in a slot drives as ISA line 0 to 15.
    pub(crate) const fn slot(isa: u8) -> IrqLine {
        IrqLine::new(SLOTS + (isa & 15))
    }
}

/// ISA lines that chips of the board drive, as cards see them; 9 is theirs to share with the VGA, which
/// interrupts only programs that ask for it.
pub(crate) const TAKEN: &[(u8, &str)] = &[
    (0, "timer"),
    (1, "keyboard"),
    (2, "second interrupt controller"),
    (3, "COM2"),
    (4, "COM1"),
    (6, "floppy controller"),
    (8, "clock"),
    (12, "mouse"),
    (13, "coprocessor"),
    (14, "first IDE channel"),
    (15, "second IDE channel"),
];

/// The device number of the first slot.
pub(crate) const FIRST_SLOT: u8 = 2;

/// Where the four lines of PCI end, if anywhere.
pub(crate) type PirqRoutes = [Option<u8>; 4];

/// Where each wire ends that is soldered to an ISA line.
const ROUTES: &[(IrqLine, u8)] = &[
    (source::PIT, 0),
    (source::KEYBOARD, 1),
    (source::COM2, 3),
    (source::COM1, 4),
    (source::FLOPPY, 6),
    (source::RTC, 8),
    (source::VGA, 9),
    (source::MOUSE, 12),
    (source::COPROCESSOR, 13),
    (source::SCI, 9),
    (source::IDE0, 14),
    (source::IDE1, 15),
];

/// What the interrupt controllers see of the lines, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IsaLines {
    pub(crate) levels: u16,
    pub(crate) rising: u16,
}

impl IsaLines {
    /// These lines at the inputs of the I/O APIC, with the levels of the PIRQ lines, which are active low, above them:
    /// the timer is at input 2, and 0 is not one of these.
    pub(crate) fn at_io_apic(self, pirqs: u32) -> (u32, u32) {
        let inputs = |lines: u16| {
            let lines = u32::from(lines);
            lines & !0b101 | (lines & 1) << 2
        };
        (inputs(self.levels) | (!pirqs & 0xf) << 16, inputs(self.rising))
    }
}

/// ORs sources into ISA lines and finds their edges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IrqRouter {
    /// Levels of the sources when the controllers last looked.
    seen: u64,
    pirq: PirqRoutes,
    /// High wires of PCI that ended elsewhere then.
    moved: u64,
}

impl IrqRouter {
    /// The lines of PCI end elsewhere from now on. False if that is not new. A line that is asserted is an edge where it
    /// ends now.
    pub(crate) fn route(&mut self, pirq: PirqRoutes) -> bool {
        let new = pirq != self.pirq;
        if new {
            self.pirq = pirq;
            let slots = source::PCI_SLOTS.iter();
            self.moved |= self.seen & slots.fold(0, |wires, wire| wires | 1 << wire.source());
            self.seen &= !self.moved;
        }
        new
    }

    /// Which of PIRQA# to PIRQD# were asserted when the lines were last sampled, one bit each.
    pub(crate) fn pirqs(&self) -> u32 {
        let slots = (FIRST_SLOT..).zip(source::PCI_SLOTS);
        slots.fold(0, |pirqs, (device, wire)| {
            pirqs | ((self.seen >> wire.source() & 1) as u32) << pirq_of(device, 1)
        })
    }

    /// The ISA lines at which wires of PCI end now.
    fn pci_routes(&self) -> impl Iterator<Item = (IrqLine, u8)> {
        (FIRST_SLOT..)
            .zip(source::PCI_SLOTS)
            .filter_map(|(device, wire)| {
                let line = self.pirq.get(usize::from(pirq_of(device, 1)))?;
                Some((wire, (*line)?))
            })
    }

    /// The lines now, and which of them rose since the last call.
    pub(crate) fn sample(&mut self, irq: &mut IrqLines) -> IsaLines {
        let levels = irq.levels();
        let rose = irq.take_rising() | core::mem::take(&mut self.moved) & levels;
        // A source that was and is high, and did not rise in between, kept its line high all along.
        let held = self.seen & levels & !rose;
        self.seen = levels;
        let onto_isa = |sources: u64| {
            let slots = (sources >> source::SLOTS) as u16;
            let routes = ROUTES.iter().copied().chain(self.pci_routes());
            routes.fold(slots, |lines, (wire, isa)| {
                lines | ((sources >> wire.source() & 1) as u16) << isa
            })
        };
        IsaLines {
            levels: onto_isa(levels),
            rising: onto_isa(rose) & !onto_isa(held),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_reaches_its_line_with_its_edge() {
        for &(wire, isa) in ROUTES {
            let (mut irq, mut router) = (IrqLines::default(), IrqRouter::default());
            irq.set(wire, true);
            assert_eq!(
                router.sample(&mut irq),
                IsaLines {
                    levels: 1 << isa,
                    rising: 1 << isa
                }
            );
            assert_eq!(
                router.sample(&mut irq),
                IsaLines {
                    levels: 1 << isa,
                    rising: 0
                }
            );
            irq.pulse(wire);
            assert_eq!(
                router.sample(&mut irq),
                IsaLines {
                    levels: 1 << isa,
                    rising: 1 << isa
                }
            );
            irq.set(wire, false);
            assert_eq!(router.sample(&mut irq), IsaLines { levels: 0, rising: 0 });
        }
    }

    #[test]
    fn a_card_in_a_slot_shares_the_line_of_its_number() {
        let (mut irq, mut router) = (IrqLines::default(), IrqRouter::default());
        irq.set(source::slot(9), true);
        let line = IsaLines {
            levels: 1 << 9,
            rising: 1 << 9,
        };
        assert_eq!(router.sample(&mut irq), line);
        irq.set(source::VGA, true);
        assert_eq!(router.sample(&mut irq), IsaLines { rising: 0, ..line });
    }

    #[test]
    fn lines_of_pci_end_where_they_are_routed_to() {
        let (mut irq, mut router) = (IrqLines::default(), IrqRouter::default());
        irq.set(source::PCI_SLOTS[1], true);
        assert_eq!(router.sample(&mut irq).levels, 0, "nowhere after a reset");
        assert!(router.route([None, None, Some(11), Some(10)]));
        let line = 1 << 11;
        let edge = IsaLines {
            levels: line,
            rising: line,
        };
        assert_eq!(router.sample(&mut irq), edge, "device 3 has PIRQC#");
        assert!(!router.route([None, None, Some(11), Some(10)]));
        assert_eq!(router.sample(&mut irq).rising, 0);
        irq.set(source::PCI_SLOTS[2], true);
        assert_eq!(
            router.sample(&mut irq).levels,
            line | 1 << 10,
            "device 4 has PIRQD#"
        );
        router.route([Some(11); 4]);
        irq.set(source::PCI_SLOTS[1], false);
        assert_eq!(router.sample(&mut irq).levels, line, "shared: low when both are");
    }

    #[test]
    fn a_spike_is_an_edge_on_a_line_that_is_low_again() {
        let (mut irq, mut router) = (IrqLines::default(), IrqRouter::default());
        irq.set(source::PIT, true);
        irq.set(source::PIT, false);
        assert_eq!(router.sample(&mut irq), IsaLines { levels: 0, rising: 1 });
    }
}
