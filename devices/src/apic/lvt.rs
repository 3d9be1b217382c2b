//! The local vector table (SDM vol. 3A §10.5.1): what the local APIC makes of its own sources.

use serde::{Deserialize, Serialize};

use super::Delivery;

/// An entry, in the order of their registers from 320h on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Timer,
    Thermal,
    Performance,
    Lint0,
    Lint1,
    Error,
}

impl Entry {
    pub(super) const ALL: [Self; 6] = [
        Self::Timer,
        Self::Thermal,
        Self::Performance,
        Self::Lint0,
        Self::Lint1,
        Self::Error,
    ];

    /// The bits that can be written.
    const fn writable(self) -> u32 {
        match self {
            Self::Timer => VECTOR | MASKED | PERIODIC,
            Self::Thermal | Self::Performance => VECTOR | DELIVERY | MASKED,
            Self::Lint0 | Self::Lint1 => VECTOR | DELIVERY | ACTIVE_LOW | LEVEL | MASKED,
            Self::Error => VECTOR | MASKED,
        }
    }
}

const VECTOR: u32 = 0xff;
const DELIVERY: u32 = 7 << 8;
const ACTIVE_LOW: u32 = 1 << 13;
const REMOTE_IRR: u32 = 1 << 14;
const LEVEL: u32 = 1 << 15;
pub(super) const MASKED: u32 = 1 << 16;
const PERIODIC: u32 = 1 << 17;

const EXT_INT: u32 = 7 << 8;
const NMI: u32 = 4 << 8;

/// The table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lvt([u32; 6]);

impl Lvt {
    /// After a reset. The processor's own value is "masked" throughout; the entries of LINT0 and LINT1 are as the
    /// MultiProcessor Specification (§3.6.2.2) wants them of the BIOS before it boots anything, so that a BIOS that
    /// knows of no APIC gets its interrupts.
    pub(super) fn new() -> Self {
        let mut lvt = Self([MASKED; 6]);
        lvt.put(Entry::Lint0, EXT_INT);
        lvt.put(Entry::Lint1, NMI);
        lvt
    }

    pub(super) fn get(&self, entry: Entry) -> u32 {
        self.0.get(entry as usize).copied().unwrap_or(MASKED)
    }

    fn put(&mut self, entry: Entry, value: u32) {
        if let Some(slot) = self.0.get_mut(entry as usize) {
            *slot = value;
        }
    }

    /// A write. While the APIC is disabled by software, entries stay masked.
    pub(super) fn write(&mut self, entry: Entry, value: u32, enabled: bool) {
        let kept = if value & LEVEL != 0 {
            self.get(entry) & REMOTE_IRR
        } else {
            0
        };
        let mask = if enabled { 0 } else { MASKED };
        self.put(entry, value & entry.writable() | kept | mask);
    }

    /// The APIC is disabled by software.
    pub(super) fn mask_all(&mut self) {
        self.0.iter_mut().for_each(|entry| *entry |= MASKED);
    }

    pub(super) fn is_masked(&self, entry: Entry) -> bool {
        self.get(entry) & MASKED != 0
    }

    pub(super) fn is_periodic(&self) -> bool {
        self.get(Entry::Timer) & PERIODIC != 0
    }

    pub(super) fn vector(&self, entry: Entry) -> u8 {
        self.get(entry) as u8
    }

    /// How a source is delivered, unless it is masked. The timer and errors have no choice.
    pub(super) fn delivery(&self, entry: Entry) -> Option<Delivery> {
        let value = self.get(entry);
        (value & MASKED == 0).then(|| match entry {
            Entry::Timer | Entry::Error => Delivery::Fixed,
            _ => Delivery::of(value),
        })
    }

    /// Whether a pin is level-triggered. LINT1 is edge-triggered always, and NMI on either.
    pub(super) fn is_level_triggered(&self, entry: Entry) -> bool {
        let value = self.get(entry);
        entry == Entry::Lint0 && value & LEVEL != 0 && Delivery::of(value) == Delivery::Fixed
    }

    /// A level was accepted, or its handler has ended.
    pub(super) fn set_remote_irr(&mut self, entry: Entry, on: bool) {
        let value = self.get(entry);
        self.put(
            entry,
            if on {
                value | REMOTE_IRR
            } else {
                value & !REMOTE_IRR
            },
        );
    }

    pub(super) fn remote_irr(&self, entry: Entry) -> bool {
        self.get(entry) & REMOTE_IRR != 0
    }

    /// Whether a pin is asserted at this level of its line.
    pub(super) fn asserts(&self, entry: Entry, high: bool) -> bool {
        high != (self.get(entry) & ACTIVE_LOW != 0)
    }

    /// Whether registers hold what they can.
    pub(super) fn is_sane(&self) -> bool {
        let entries = Entry::ALL.iter();
        entries
            .zip(self.0)
            .all(|(entry, value)| value & !(entry.writable() | REMOTE_IRR) == 0)
    }
}
