//! From interrupt sources to ISA interrupt lines.
//!
//! Every chip drives a wire of its own; several wires may end on one ISA line, where they are
//! ORed, as on a board with open-collector drivers.

use oldiron_devices::{IrqLine, IrqLines};
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

/// Where each wire ends.
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
    (source::IDE0, 14),
    (source::IDE1, 15),
];

/// What the interrupt controllers see of the lines, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IsaLines {
    pub(crate) levels: u16,
    pub(crate) rising: u16,
}

/// ORs sources into ISA lines and finds their edges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IrqRouter {
    /// Levels of the sources when the controllers last looked.
    seen: u64,
}

impl IrqRouter {
    /// The lines now, and which of them rose since the last call.
    pub(crate) fn sample(&mut self, irq: &mut IrqLines) -> IsaLines {
        let levels = irq.levels();
        let rose = irq.take_rising();
        // A source that was and is high, and did not rise in between, kept its line high all along.
        let held = self.seen & levels & !rose;
        self.seen = levels;
        let onto_isa = |sources: u64| {
            let slots = (sources >> source::SLOTS) as u16;
            ROUTES.iter().fold(slots, |lines, &(wire, isa)| {
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
    fn a_spike_is_an_edge_on_a_line_that_is_low_again() {
        let (mut irq, mut router) = (IrqLines::default(), IrqRouter::default());
        irq.set(source::PIT, true);
        irq.set(source::PIT, false);
        assert_eq!(router.sample(&mut irq), IsaLines { levels: 0, rising: 1 });
    }
}
