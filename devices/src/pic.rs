//! Two Intel 8259A interrupt controllers, cascaded as in the PC/AT, with the ELCR of the EISA and PCI
//! chip sets: ports 20h–21h, A0h–A1h and 4D0h–4D1h.
//!
//! Follows Intel data sheet 231468-003; names of command words and bits are its own. An interrupt
//! request must stay until it is acknowledged: when the line of an edge-triggered input drops before,
//! the request is gone, and an acknowledge that was already under way finds nothing and gets the
//! vector of IR7 ("default IR7").
//!
//! Not modelled: MCS-80/85 mode (ICW4 bit 0 clear is stored and otherwise ignored) and the buffered
//! modes, which concern only the pins.

use bitflags::bitflags;
use oldiron_mmu::{IoWidth, Snapshot, SnapshotError, StateReader, StateWriter};
use serde::{Deserialize, Serialize};

use crate::{Ctx, Device, PortRange, ResetKind};

const PORT_MASTER: u16 = 0x20;
const PORT_SLAVE: u16 = 0xa0;
const PORT_ELCR: u16 = 0x4d0;

/// The master's input to which the slave is soldered.
const CASCADE: u8 = 2;
/// The level that a controller reports when nothing requests.
const SPURIOUS: u8 = 7;

/// Timer, keyboard and cascade are always edge-triggered, and so are RTC and coprocessor.
const ELCR_MASTER: u8 = 0xf8;
const ELCR_SLAVE: u8 = 0xde;

bitflags! {
    /// Initialization command word 1.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Icw1: u8 {
        /// An ICW4 follows.
        const IC4 = 1 << 0;
        /// Single: no ICW3 follows.
        const SNGL = 1 << 1;
        /// All inputs are level-triggered.
        const LTIM = 1 << 3;
        /// Distinguishes ICW1 from OCW2 and OCW3.
        const ICW1 = 1 << 4;
    }

    /// Initialization command word 4.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Icw4: u8 {
        /// 8086 mode.
        const UPM = 1 << 0;
        /// Automatic end of interrupt.
        const AEOI = 1 << 1;
        /// Special fully nested mode.
        const SFNM = 1 << 4;
    }

    /// Operation command word 2, but for its level.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Ocw2: u8 {
        /// End of interrupt.
        const EOI = 1 << 5;
        /// The level in bits 0–2 counts.
        const SL = 1 << 6;
        /// Rotate priorities.
        const R = 1 << 7;
    }

    /// Operation command word 3.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Ocw3: u8 {
        /// Read ISR rather than IRR, if RR is set.
        const RIS = 1 << 0;
        /// RIS counts.
        const RR = 1 << 1;
        /// The next read is an acknowledge.
        const P = 1 << 2;
        /// Distinguishes OCW3 from OCW2.
        const OCW3 = 1 << 3;
        /// Special mask mode on, if ESMM is set.
        const SMM = 1 << 5;
        /// SMM counts.
        const ESMM = 1 << 6;
    }
}

/// Which command word the chip expects at its odd address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Expect {
    Icw2,
    Icw3,
    Icw4,
    Ocw1,
}

/// One 8259A.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Chip {
    /// Levels of the inputs.
    lines: u8,
    /// Inputs whose edge was seen and whose request was not acknowledged yet.
    irr: u8,
    isr: u8,
    imr: u8,
    /// Level-triggered inputs, of the chip set.
    elcr: u8,
    icw1: Icw1,
    icw3: u8,
    icw4: Icw4,
    base: u8,
    expect: Expect,
    /// The level of lowest priority; 7 unless rotated.
    lowest: u8,
    rotate_on_aeoi: bool,
    special_mask: bool,
    read_isr: bool,
    poll: bool,
}

impl Chip {
    fn new() -> Self {
        Self {
            lines: 0,
            irr: 0,
            isr: 0,
            // A controller that was never initialized is not to interrupt.
            imr: 0xff,
            elcr: 0,
            icw1: Icw1::ICW1,
            icw3: 0,
            icw4: Icw4::UPM,
            base: 0,
            expect: Expect::Ocw1,
            lowest: 7,
            rotate_on_aeoi: false,
            special_mask: false,
            read_isr: false,
            poll: false,
        }
    }

    fn level_triggered(&self) -> u8 {
        if self.icw1.contains(Icw1::LTIM) {
            0xff
        } else {
            self.elcr
        }
    }

    /// The request register as it reads: level-triggered inputs show their line.
    fn requests(&self) -> u8 {
        let level = self.level_triggered();
        self.irr & !level | self.lines & level
    }

    /// The inputs take these levels; `rising` had an edge since the last call.
    fn set_lines(&mut self, lines: u8, rising: u8) {
        self.irr = (self.irr | rising) & lines;
        self.lines = lines;
    }

    /// How urgent a level is under the present rotation, 0 is most.
    fn rank(&self, level: u8) -> u8 {
        level.wrapping_sub(self.lowest).wrapping_sub(1) & 7
    }

    /// The most urgent of the levels in a mask.
    fn most_urgent(&self, mask: u8) -> Option<u8> {
        (1..=8)
            .map(|n| self.lowest.wrapping_add(n) & 7)
            .find(|&level| mask >> level & 1 != 0)
    }

    /// The level for which INT is asserted. `cascades`: inputs with a slave behind them.
    fn pending(&self, cascades: u8) -> Option<u8> {
        if self.expect != Expect::Ocw1 {
            return None;
        }
        let level = self.most_urgent(self.requests() & !self.imr)?;
        let Some(in_service) = self.most_urgent(self.blocking()) else {
            return Some(level);
        };
        let nests = self.icw4.contains(Icw4::SFNM) && level == in_service && cascades >> level & 1 != 0;
        (self.rank(level) < self.rank(in_service) || nests).then_some(level)
    }

    /// The first INTA pulse: freezes and takes the request. `None`: there is none.
    fn acknowledge(&mut self, cascades: u8) -> Option<u8> {
        let level = self.pending(cascades)?;
        self.irr &= !(1 << level);
        if self.icw4.contains(Icw4::AEOI) {
            if self.rotate_on_aeoi {
                self.lowest = level;
            }
        } else {
            self.isr |= 1 << level;
        }
        Some(level)
    }

    fn vector(&self, level: u8) -> u8 {
        self.base | level
    }

    /// The levels in service that count: in special mask mode, a masked one neither blocks others nor
    /// is ended by a non-specific EOI (data sheet, "Special Mask Mode").
    fn blocking(&self) -> u8 {
        if self.special_mask {
            self.isr & !self.imr
        } else {
            self.isr
        }
    }

    fn write_icw1(&mut self, value: u8) {
        self.icw1 = Icw1::from_bits_truncate(value);
        self.irr = 0;
        self.isr = 0;
        self.imr = 0;
        self.lowest = 7;
        self.rotate_on_aeoi = false;
        self.special_mask = false;
        self.read_isr = false;
        self.poll = false;
        self.icw3 = 0;
        if !self.icw1.contains(Icw1::IC4) {
            self.icw4 = Icw4::empty();
        } else {
            self.icw4.remove(Icw4::AEOI);
        }
        self.expect = Expect::Icw2;
    }

    fn write_ocw2(&mut self, value: u8) {
        let (command, level) = (Ocw2::from_bits_truncate(value), value & 7);
        let (eoi, rotate) = (command.contains(Ocw2::EOI), command.contains(Ocw2::R));
        match (eoi, command.contains(Ocw2::SL)) {
            (true, true) => {
                self.isr &= !(1 << level);
                if rotate {
                    self.lowest = level;
                }
            }
            (true, false) => {
                if let Some(level) = self.most_urgent(self.blocking()) {
                    self.isr &= !(1 << level);
                    if rotate {
                        self.lowest = level;
                    }
                }
            }
            // 40h is no operation.
            (false, true) => {
                if rotate {
                    self.lowest = level;
                }
            }
            (false, false) => self.rotate_on_aeoi = rotate,
        }
    }

    fn write_ocw3(&mut self, value: u8) {
        let command = Ocw3::from_bits_truncate(value);
        self.poll = command.contains(Ocw3::P);
        if command.contains(Ocw3::RR) && !self.poll {
            self.read_isr = command.contains(Ocw3::RIS);
        }
        if command.contains(Ocw3::ESMM) {
            self.special_mask = command.contains(Ocw3::SMM);
        }
    }

    fn write_even(&mut self, value: u8) {
        if value & Icw1::ICW1.bits() != 0 {
            self.write_icw1(value);
        } else if value & Ocw3::OCW3.bits() != 0 {
            self.write_ocw3(value);
        } else {
            self.write_ocw2(value);
        }
    }

    fn write_odd(&mut self, value: u8) {
        let after_icw3 = if self.icw1.contains(Icw1::IC4) {
            Expect::Icw4
        } else {
            Expect::Ocw1
        };
        match self.expect {
            Expect::Icw2 => {
                self.base = value & 0xf8;
                self.expect = if self.icw1.contains(Icw1::SNGL) {
                    after_icw3
                } else {
                    Expect::Icw3
                };
            }
            Expect::Icw3 => {
                self.icw3 = value;
                self.expect = after_icw3;
            }
            Expect::Icw4 => {
                self.icw4 = Icw4::from_bits_truncate(value);
                self.expect = Expect::Ocw1;
            }
            Expect::Ocw1 => self.imr = value,
        }
    }

    fn read(&mut self, odd: bool, cascades: u8) -> u8 {
        if core::mem::take(&mut self.poll) {
            return self.acknowledge(cascades).map_or(0, |level| 0x80 | level);
        }
        match (odd, self.read_isr) {
            (true, _) => self.imr,
            (false, true) => self.isr,
            (false, false) => self.requests(),
        }
    }

    /// Whether fields hold what the chip can hold.
    fn is_sane(&self) -> bool {
        self.lowest < 8 && self.base & 7 == 0
    }
}

/// The two interrupt controllers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PicPair {
    master: Chip,
    slave: Chip,
}

impl Default for PicPair {
    fn default() -> Self {
        Self::new()
    }
}

impl PicPair {
    /// Both controllers after power-on: everything masked.
    pub fn new() -> Self {
        Self {
            master: Chip::new(),
            slave: Chip::new(),
        }
    }

    /// The sixteen ISA lines have these levels, and `isa_rising` rose since the last call. Bit 2, the
    /// cascade, is not a line of the bus.
    pub fn sample(&mut self, isa_levels: u16, isa_rising: u16) {
        let [low_levels, high_levels] = isa_levels.to_le_bytes();
        let [low_rising, high_rising] = isa_rising.to_le_bytes();
        self.slave.set_lines(high_levels, high_rising);
        let cascade = 1 << CASCADE;
        let levels = low_levels & !cascade | self.master.lines & cascade;
        self.master.set_lines(levels, low_rising & !cascade);
        self.settle();
    }

    /// Whether INTR of the processor is asserted.
    pub fn intr(&self) -> bool {
        self.master.pending(self.cascades()).is_some()
    }

    /// The two INTA cycles: the vector on the bus. Also right when [`intr`](Self::intr) is false: the
    /// processor had seen it, and then it went away.
    pub fn acknowledge(&mut self) -> u8 {
        let Some(level) = self.master.acknowledge(self.cascades()) else {
            log::debug!(target: "dev::pic", "spurious interrupt of the master");
            return self.master.vector(SPURIOUS);
        };
        if level != CASCADE || self.cascades() == 0 {
            return self.master.vector(level);
        }
        let vector = match self.slave.acknowledge(0) {
            Some(level) => self.slave.vector(level),
            None => {
                // The master has it in service all the same: only it must get an EOI.
                log::debug!(target: "dev::pic", "spurious interrupt of the slave");
                self.slave.vector(SPURIOUS)
            }
        };
        // The slave's INT goes low with INTA, so what it asks for next is a new edge.
        self.set_cascade(false);
        self.settle();
        vector
    }

    /// The master's inputs with a slave: as wired, if it was told so.
    fn cascades(&self) -> u8 {
        if self.master.icw1.contains(Icw1::SNGL) {
            0
        } else {
            1 << CASCADE
        }
    }

    fn set_cascade(&mut self, high: bool) {
        let bit = 1 << CASCADE;
        let lines = self.master.lines & !bit | if high { bit } else { 0 };
        let rising = lines & !self.master.lines;
        self.master.set_lines(lines, rising);
    }

    /// Carries the slave's INT to the master.
    fn settle(&mut self) {
        self.set_cascade(self.slave.pending(0).is_some());
    }

    fn chip(&mut self, port: u16) -> &mut Chip {
        if port & !1 == PORT_SLAVE {
            &mut self.slave
        } else {
            &mut self.master
        }
    }
}

impl Device for PicPair {
    fn name(&self) -> &'static str {
        "pic"
    }

    fn ports(&self) -> &[PortRange] {
        const PAIR: [PortRange; 3] = [
            PortRange {
                first: PORT_MASTER,
                count: 2,
            },
            PortRange {
                first: PORT_SLAVE,
                count: 2,
            },
            PortRange {
                first: PORT_ELCR,
                count: 2,
            },
        ];
        &PAIR
    }

    fn reset(&mut self, _: ResetKind, _: &mut Ctx<'_>) {
        for chip in [&mut self.master, &mut self.slave] {
            *chip = Chip {
                lines: chip.lines,
                ..Chip::new()
            };
        }
        self.settle();
    }

    fn port_read(&mut self, port: u16, _: IoWidth, _: &mut Ctx<'_>) -> u32 {
        let value = match port {
            0x4d0 => self.master.elcr,
            0x4d1 => self.slave.elcr,
            _ => {
                let cascades = if port & !1 == PORT_MASTER {
                    self.cascades()
                } else {
                    0
                };
                self.chip(port).read(port & 1 != 0, cascades)
            }
        };
        // A poll may have taken a request.
        self.settle();
        value.into()
    }

    fn port_write(&mut self, port: u16, value: u32, _: IoWidth, _: &mut Ctx<'_>) {
        let value = value as u8;
        log::trace!(target: "dev::pic", "out {port:#06x}, {value:#04x}");
        match port {
            0x4d0 => self.master.elcr = value & ELCR_MASTER,
            0x4d1 => self.slave.elcr = value & ELCR_SLAVE,
            _ if port & 1 == 0 => self.chip(port).write_even(value),
            _ => self.chip(port).write_odd(value),
        }
        self.settle();
    }
}

impl Snapshot for PicPair {
    const TAG: [u8; 4] = *b"PIC ";
    const VERSION: u16 = 1;

    fn save(&self, w: &mut StateWriter) {
        w.put(self);
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let mut state: Self = r.get()?;
        if !state.master.is_sane() || !state.slave.is_sane() {
            return Err(r.damaged());
        }
        state.master.elcr &= ELCR_MASTER;
        state.slave.elcr &= ELCR_SLAVE;
        *self = state;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
