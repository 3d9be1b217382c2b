//! The 82093AA: 24 inputs, each with an entry that says what message it becomes (data sheet 290566 §3).

use oldiron_mmu::IoWidth;
use serde::{Deserialize, Serialize};

use super::{Delivery, Message, local::LocalApic, merge};

/// Registers on the bus: the index of the register that the window shows, and the window.
const IOREGSEL: u32 = 0x00;
const IOWIN: u32 = 0x10;

/// Registers behind the window.
const IOAPICID: u8 = 0x00;
const IOAPICVER: u8 = 0x01;
const IOAPICARB: u8 = 0x02;
const IOREDTBL: u8 = 0x10;

pub(super) const INPUTS: u8 = 24;
/// Version 11h, and the number of the last entry.
const VERSION: u32 = 0x11 | (INPUTS as u32 - 1) << 16;
const ID_BITS: u32 = 0x0f00_0000;

/// Bits of an entry.
const LOGICAL: u64 = 1 << 11;
const ACTIVE_LOW: u64 = 1 << 13;
const REMOTE_IRR: u64 = 1 << 14;
const LEVEL: u64 = 1 << 15;
const MASKED: u64 = 1 << 16;
const WRITABLE: u64 = 0xff00_0000_0001_afff;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    select: u8,
    id: u32,
    entries: [u64; INPUTS as usize],
    /// Levels of the inputs.
    levels: u32,
}

impl State {
    fn new() -> Self {
        Self {
            select: 0,
            id: 0,
            entries: [MASKED; INPUTS as usize],
            levels: 0,
        }
    }

    /// Whether registers hold what they can.
    pub(super) fn is_sane(&self) -> bool {
        self.id & !ID_BITS == 0
            && self.levels >> INPUTS == 0
            && self
                .entries
                .iter()
                .all(|entry| entry & !(WRITABLE | REMOTE_IRR) == 0)
    }
}

/// The chip.
pub(super) struct IoApic {
    s: State,
    /// Inputs that are not masked. Derived.
    open: u32,
}

impl IoApic {
    pub(super) fn new() -> Self {
        Self {
            s: State::new(),
            open: 0,
        }
    }

    pub(super) fn state(&self) -> &State {
        &self.s
    }

    pub(super) fn set_state(&mut self, state: State) {
        self.s = state;
        self.note_open();
    }

    /// RESET. The inputs keep their levels.
    pub(super) fn reset(&mut self) {
        let levels = self.s.levels;
        self.set_state(State {
            levels,
            ..State::new()
        });
    }

    fn note_open(&mut self) {
        let entries = self.s.entries.iter().enumerate();
        self.open = entries.fold(0, |open, (input, entry)| {
            open | u32::from(entry & MASKED == 0) << input
        });
    }

    fn entry(&self, input: u8) -> u64 {
        self.s.entries.get(usize::from(input)).copied().unwrap_or(MASKED)
    }

    // ---- registers ----

    /// A read of a register of the bus.
    pub(super) fn read(&self, addr: u32, width: IoWidth) -> u32 {
        let value = match addr & 0xffc {
            IOREGSEL => self.s.select.into(),
            IOWIN => self.register(self.s.select),
            _ => 0,
        };
        value >> (8 * (addr & 3)) & width.mask()
    }

    fn register(&self, index: u8) -> u32 {
        match index {
            IOAPICID | IOAPICARB => self.s.id,
            IOAPICVER => VERSION,
            _ => match index.checked_sub(IOREDTBL) {
                Some(half) if half < 2 * INPUTS => (self.entry(half / 2) >> (32 * (half & 1))) as u32,
                _ => 0,
            },
        }
    }

    /// A write.
    pub(super) fn write(&mut self, addr: u32, value: u32, width: IoWidth, local: &mut LocalApic) {
        match addr & 0xffc {
            IOREGSEL => self.s.select = merge(self.s.select.into(), addr, value, width) as u8,
            IOWIN => {
                let index = self.s.select;
                self.write_register(index, merge(self.register(index), addr, value, width), local);
            }
            _ => {}
        }
    }

    fn write_register(&mut self, index: u8, value: u32, local: &mut LocalApic) {
        if index == IOAPICID {
            self.s.id = value & ID_BITS;
        }
        let Some(half) = index.checked_sub(IOREDTBL) else {
            return;
        };
        let (input, shift) = (half / 2, 32 * (half & 1));
        let Some(entry) = self.s.entries.get_mut(usize::from(input)) else {
            return;
        };
        let written = *entry & !(0xffff_ffff << shift) | u64::from(value) << shift;
        // An edge-triggered input has no remote IRR.
        let kept = if written & LEVEL != 0 {
            *entry & REMOTE_IRR
        } else {
            0
        };
        *entry = written & WRITABLE | kept;
        log::trace!(target: "dev::apic", "I/O APIC input {input}: {:#018x}", *entry);
        self.note_open();
        self.offer_level(input, local);
    }

    // ---- inputs ----

    /// Levels of all inputs but the first, and which of them rose.
    pub(super) fn sample(&mut self, levels: u32, rising: u32, local: &mut LocalApic) {
        let first = self.s.levels & 1;
        self.set_levels(levels & !1 | first, rising & !1, local);
    }

    /// The level of the first input.
    pub(super) fn set_first(&mut self, high: bool, local: &mut LocalApic) {
        self.set_levels(self.s.levels & !1 | u32::from(high), 0, local);
    }

    fn set_levels(&mut self, levels: u32, rising: u32, local: &mut LocalApic) {
        let levels = levels & ((1 << INPUTS) - 1);
        let before = core::mem::replace(&mut self.s.levels, levels);
        let rising = (rising | !before & levels) & self.open;
        // What rose and is low again has fallen, too.
        let falling = (before & !levels | rising & !levels) & self.open;
        if rising | falling == 0 {
            return;
        }
        for input in (0..INPUTS).filter(|input| (rising | falling) >> input & 1 != 0) {
            let entry = self.entry(input);
            if entry & LEVEL != 0 {
                self.offer_level(input, local);
                continue;
            }
            let asserting = if entry & ACTIVE_LOW != 0 { falling } else { rising };
            if asserting >> input & 1 != 0 {
                let delivery = Delivery::of(entry as u32);
                if delivery != Delivery::ExtInt && !local.accept(message(entry, delivery)) {
                    log::debug!(target: "dev::apic", "nobody takes the interrupt of input {input}: {entry:#018x}");
                }
            }
        }
    }

    /// Sends the message of a level-triggered input that is asserted, unless the last one is still being handled.
    fn offer_level(&mut self, input: u8, local: &mut LocalApic) {
        let entry = self.entry(input);
        let asserted = (self.s.levels >> input & 1 != 0) != (entry & ACTIVE_LOW != 0);
        if entry & (LEVEL | MASKED | REMOTE_IRR) != LEVEL || !asserted {
            return;
        }
        let delivery = Delivery::of(entry as u32);
        let taken = delivery != Delivery::ExtInt && local.accept(message(entry, delivery));
        if taken
            && matches!(delivery, Delivery::Fixed | Delivery::LowestPriority)
            && let Some(entry) = self.s.entries.get_mut(usize::from(input))
        {
            *entry |= REMOTE_IRR;
        }
    }

    /// The local APIC has ended the handling of a level-triggered vector.
    pub(super) fn end_of_interrupt(&mut self, vector: u8, local: &mut LocalApic) {
        for input in 0..INPUTS {
            let Some(entry) = self.s.entries.get_mut(usize::from(input)) else {
                return;
            };
            if *entry & LEVEL != 0 && *entry as u8 == vector {
                *entry &= !REMOTE_IRR;
                self.offer_level(input, local);
            }
        }
    }

    /// Whether the 8259s interrupt the processor by way of the first input.
    pub(super) fn passes_intr(&self, local: &LocalApic) -> bool {
        let entry = self.entry(0);
        self.open & 1 != 0
            && Delivery::of(entry as u32) == Delivery::ExtInt
            && local.listens(message(entry, Delivery::ExtInt))
    }
}

fn message(entry: u64, delivery: Delivery) -> Message {
    Message {
        vector: entry as u8,
        delivery,
        destination: (entry >> 56) as u8,
        logical: entry & LOGICAL != 0,
        level_triggered: entry & LEVEL != 0,
    }
}
