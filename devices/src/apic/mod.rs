//! The advanced interrupt controllers of a machine with one processor: the local APIC inside the processor, and an
//! 82093AA I/O APIC at FEC00000h beside the 8259s.
//!
//! Follows SDM vol. 3A chapter 10 (local APIC), the data sheet of the 82093AA (Intel 290566), and the MultiProcessor
//! Specification 1.4 §3.6 for how interrupts reach the processor before an operating system takes the APICs over:
//! "virtual wire" mode, in which the 8259s drive LINT0 and NMI drives LINT1. A message between the two takes no time.
//!
//! The 82093AA's inputs: 0 is INTR of the 8259s, 2 is the timer, 1 and 3–15 are the ISA lines of these numbers, 16–19
//! are PIRQA#–PIRQD#, which are active low, and 20–23 are not connected. An ISA line carries the PIRQs that the chip
//! set steers to it, too.
//!
//! Left out: x2APIC, system management interrupts, start-up messages (there is no second processor to start), the
//! relocation of the I/O APIC by the chip set, and ExtINT at inputs of the I/O APIC other than the first, to which no
//! 8259 is connected.

mod io;
mod local;
mod local_timer;
mod lvt;
mod vectors;

use oldiron_mmu::{IoWidth, Snapshot, SnapshotError, StateReader, StateWriter};
use serde::{Deserialize, Serialize};

use self::{io::IoApic, local::LocalApic};
use crate::{Ctx, Device, ResetKind, TimerId};

/// How a message is delivered: bits 8–10 of the interrupt command register, of LVT entries and of redirection entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    Fixed,
    LowestPriority,
    SystemManagement,
    Nmi,
    Init,
    StartUp,
    /// The vector is that of the 8259s.
    ExtInt,
    Reserved,
}

impl Delivery {
    const fn of(register: u32) -> Self {
        match register >> 8 & 7 {
            0 => Self::Fixed,
            1 => Self::LowestPriority,
            2 => Self::SystemManagement,
            4 => Self::Nmi,
            5 => Self::Init,
            6 => Self::StartUp,
            7 => Self::ExtInt,
            _ => Self::Reserved,
        }
    }
}

/// An interrupt on its way to a local APIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Message {
    vector: u8,
    delivery: Delivery,
    destination: u8,
    logical: bool,
    level_triggered: bool,
}

/// The value of one register after a cycle that may carry part of it: register of 32 bits, its address the low bits of
/// `addr`.
fn merge(old: u32, addr: u32, value: u32, width: IoWidth) -> u32 {
    let shift = 8 * (addr & 3);
    let mask = width.mask() << shift;
    old & !mask | value << shift & mask
}

/// Both controllers.
pub struct Apic {
    local: LocalApic,
    io: IoApic,
}

impl Apic {
    /// Where the I/O APIC is seen: a page.
    pub const IO_BASE: u32 = 0xfec0_0000;

    /// The controllers of a processor whose local APIC's version register reads `version`.
    pub fn new(version: u32) -> Self {
        Self {
            local: LocalApic::new(version),
            io: IoApic::new(),
        }
    }

    /// Where the local APIC is seen, a page below 4 GiB; `None` while it is turned off.
    pub fn local_page(&self) -> Option<u32> {
        self.local.page()
    }

    /// The processor's IA32_APIC_BASE was written.
    pub fn set_base(&mut self, value: u64, ctx: &mut Ctx<'_>) {
        self.local.set_base(value, ctx);
    }

    /// A read of the local APIC's page.
    pub fn read_local(&mut self, addr: u32, width: IoWidth, ctx: &Ctx<'_>) -> u32 {
        // Registers of 32 bits at every sixteenth byte; between them is nothing.
        if addr & 0xc != 0 {
            return 0;
        }
        self.local.read(addr & 0xff0, ctx) >> (8 * (addr & 3)) & width.mask()
    }

    /// A write to the local APIC's page.
    pub fn write_local(&mut self, addr: u32, value: u32, width: IoWidth, ctx: &mut Ctx<'_>) {
        if addr & 0xc != 0 {
            return;
        }
        let register = addr & 0xff0;
        let value = if width == IoWidth::Dword {
            value
        } else {
            merge(self.local.peek(register, ctx), addr, value, width)
        };
        if let Some(vector) = self.local.write(register, value, ctx) {
            self.io.end_of_interrupt(vector, &mut self.local);
        }
    }

    /// A read of the I/O APIC's page.
    pub fn read_io(&self, addr: u32, width: IoWidth) -> u32 {
        self.io.read(addr, width)
    }

    /// A write to the I/O APIC's page.
    pub fn write_io(&mut self, addr: u32, value: u32, width: IoWidth) {
        self.io.write(addr, value, width, &mut self.local);
    }

    /// The levels at the inputs 1–23 of the I/O APIC, one bit each, and which of them had a rising edge since the last
    /// call even if they are low again.
    pub fn sample(&mut self, levels: u32, rising: u32) {
        self.io.sample(levels, rising, &mut self.local);
    }

    /// The levels of INTR of the 8259s, at LINT0 and at the first input of the I/O APIC, and of NMI at LINT1.
    #[inline]
    pub fn set_pins(&mut self, intr: bool, nmi: bool) {
        if !self.local.pins_differ(intr, nmi) {
            return;
        }
        self.local.set_pins(intr, nmi);
        self.io.set_first(intr, &mut self.local);
    }

    /// INTR of the processor's core, given that of the 8259s.
    #[inline]
    pub fn intr(&self, pic: bool) -> bool {
        self.local.requests() || pic && (self.local.passes_intr() || self.io.passes_intr(&self.local))
    }

    /// NMI of the processor's core, given the line.
    #[inline]
    pub fn nmi(&self, line: bool) -> bool {
        self.local.nmi(line)
    }

    /// An interrupt acknowledge cycle. `None`: it is for the 8259s.
    pub fn acknowledge(&mut self, pic: bool) -> Option<u8> {
        match self.local.acknowledge() {
            None if !pic => Some(self.local.spurious_vector()),
            vector => vector,
        }
    }

    /// The processor takes its NMI.
    pub fn acknowledge_nmi(&mut self) {
        self.local.acknowledge_nmi();
    }

    /// The processor is reset: its APIC, too.
    pub fn reset_processor(&mut self, ctx: &mut Ctx<'_>) {
        self.local.reset(ctx);
    }

    /// Whether an INIT message came for the processor.
    pub fn take_init(&mut self) -> bool {
        self.local.take_init()
    }
}

impl Device for Apic {
    fn name(&self) -> &'static str {
        "apic"
    }

    fn reset(&mut self, _: ResetKind, ctx: &mut Ctx<'_>) {
        self.local.reset(ctx);
        self.io.reset();
    }

    fn timer(&mut self, _: TimerId, ctx: &mut Ctx<'_>) {
        self.local.timer_expired(ctx);
    }
}

#[derive(Serialize, Deserialize)]
struct Saved {
    local: local::State,
    io: io::State,
}

impl Snapshot for Apic {
    const TAG: [u8; 4] = *b"APIC";
    const VERSION: u16 = 1;

    fn save(&self, w: &mut StateWriter) {
        w.put(&Saved {
            local: self.local.state().clone(),
            io: self.io.state().clone(),
        });
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let saved: Saved = r.get()?;
        if !saved.local.is_sane() || !saved.io.is_sane() {
            return Err(r.damaged());
        }
        self.local.set_state(saved.local);
        self.io.set_state(saved.io);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
