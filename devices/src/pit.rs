//! Intel 8254 programmable interval timer at ports 40h–43h, and port 61h with the speaker, the gate of
//! counter 2 and the refresh toggle.
//!
//! Follows Intel data sheet 231164-005. Time is never polled: a counter is a formula of `now`, and one
//! timer slot is armed for the next change of OUT0 that matters. While the speaker sounds, a second
//! slot hands out its edges a hundred times a second, each with its own tick.
//!
//! CLK is 1193182 Hz. GATE 0 and 1 are tied high, as on the AT. Counter 1 counts, but the refresh
//! toggle of port 61h runs at the AT's 15 µs whatever is programmed there.
//!
//! A square wave above hearing is handed out as its mean. Pulses of the speaker shorter than CLK are
//! rounded to it, which bounds the number of edges and keeps their mean.
//!
//! Not modelled: the undefined contents of a counter whose mode was just set.

mod channel;
#[cfg(test)]
mod tests;

use bitflags::bitflags;
use oldiron_mmu::{IoWidth, Snapshot, SnapshotError, StateReader, StateWriter, TickRate, Ticks};
use serde::{Deserialize, Serialize};

use self::channel::{Channel, Mode};
use crate::{Ctx, Device, IrqLine, PortRange, ResetKind, SpeakerEdge, TimerId};

/// The CLK inputs.
const CLK_HZ: u64 = 1_193_182;

const PORT_COUNTER_0: u16 = 0x40;
const PORT_COUNTER_2: u16 = 0x42;
const PORT_CONTROL: u16 = 0x43;
const PORT_B: u16 = 0x61;

/// CLK pulses from one refresh to the next.
const REFRESH_CLKS: u64 = 18;

/// How often the speaker's edges are handed out.
const SPEAKER_BATCH_MICROS: u64 = 10_000;
/// Shorter periods than this (40 kHz) are not heard.
const SPEAKER_MIN_PERIOD: u32 = 30;

bitflags! {
    /// Port 61h.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct PortB: u8 {
        /// GATE 2.
        const GATE_2 = 1 << 0;
        /// Speaker data: OUT 2 reaches the speaker.
        const SPEAKER = 1 << 1;
        /// Parity check disabled.
        const NO_PARITY = 1 << 2;
        /// I/O channel check disabled.
        const NO_IOCHK = 1 << 3;
        /// Changes with each refresh. Read only.
        const REFRESH = 1 << 4;
        /// OUT 2. Read only.
        const OUT_2 = 1 << 5;
    }
}

/// The bits that are written.
const PORT_B_WRITABLE: PortB = PortB::GATE_2
    .union(PortB::SPEAKER)
    .union(PortB::NO_PARITY)
    .union(PortB::NO_IOCHK);

bitflags! {
    /// The read-back command.
    struct ReadBack: u8 {
        const COUNTER_0 = 1 << 1;
        const COUNTER_1 = 1 << 2;
        const COUNTER_2 = 1 << 3;
        const NOT_STATUS = 1 << 4;
        const NOT_COUNT = 1 << 5;
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    counters: [Channel; 3],
    port_b: PortB,
    /// The CLK pulse up to which the speaker's edges were handed out, and its level there.
    speaker_clk: u64,
    speaker: u8,
}

/// The timer, its gates and the speaker bit.
pub struct Pit {
    irq: IrqLine,
    s: State,
}

impl Pit {
    /// A timer whose OUT0 drives `irq`. It uses the timers [`TimerId::PitChannel0`] and
    /// [`TimerId::PitSpeaker`].
    pub fn new(irq: IrqLine) -> Self {
        Self {
            irq,
            s: State {
                counters: [Channel::new(true), Channel::new(true), Channel::new(false)],
                port_b: PortB::empty(),
                speaker_clk: 0,
                speaker: 0,
            },
        }
    }

    fn clk(ctx: &Ctx<'_>) -> u64 {
        ctx.rate.count_at(ctx.now, CLK_HZ)
    }

    /// The tick of a CLK pulse, but later than now: what is armed must not come due at once.
    fn tick_after_now(ctx: &Ctx<'_>, clk: u64) -> Ticks {
        ctx.rate.tick_of(clk, CLK_HZ).max(ctx.now.saturating_add(1))
    }

    fn counter(&mut self, index: u16) -> Option<&mut Channel> {
        self.s.counters.get_mut(usize::from(index))
    }

    /// Brings all that is remembered up to now. Comes before every change.
    fn catch_up(&mut self, ctx: &mut Ctx<'_>) {
        let clk = Self::clk(ctx);
        self.follow_speaker(clk, ctx.rate, &mut ctx.out.speaker);
        for counter in &mut self.s.counters {
            counter.advance(clk);
        }
    }

    // ---- OUT 0 ----

    /// Drives IRQ 0 and arms its next change.
    fn drive_irq(&mut self, ctx: &mut Ctx<'_>) {
        let clk = Self::clk(ctx);
        let counter = &self.s.counters[0];
        let out = counter.out(clk);
        ctx.irq.set(self.irq, out);
        // The low pulse of mode 2 is too short to be seen: only its end counts.
        let skip = u64::from(counter.mode() == Mode::RateGenerator && out);
        match counter.next_change(clk) {
            Some(next) => {
                let at = Self::tick_after_now(ctx, next.saturating_add(skip));
                ctx.timers.arm(TimerId::PitChannel0, at);
            }
            None => ctx.timers.cancel(TimerId::PitChannel0),
        }
    }

    // ---- speaker ----

    /// What drives the speaker at pulse `clk`.
    fn speaker_level(&self, clk: u64) -> u8 {
        let counter = &self.s.counters[2];
        match counter.mean_above(SPEAKER_MIN_PERIOD) {
            _ if !self.s.port_b.contains(PortB::SPEAKER) => 0,
            Some(mean) => mean,
            None if counter.out(clk) => u8::MAX,
            None => 0,
        }
    }

    /// The next pulse after `clk` with which the level changes if nothing is written.
    fn next_speaker_change(&self, clk: u64) -> Option<u64> {
        let counter = &self.s.counters[2];
        if !self.s.port_b.contains(PortB::SPEAKER) {
            None
        } else if counter.mean_above(SPEAKER_MIN_PERIOD).is_some() {
            counter.next_count()
        } else {
            counter.next_change(clk)
        }
    }

    fn speaker_edge(&mut self, clk: u64, rate: TickRate, edges: &mut Vec<SpeakerEdge>) {
        let level = self.speaker_level(clk);
        if level == self.s.speaker {
            return;
        }
        self.s.speaker = level;
        let at = rate.tick_of(clk, CLK_HZ);
        match edges.last_mut() {
            Some(last) if last.at == at => last.level = level,
            _ => edges.push(SpeakerEdge { at, level }),
        }
    }

    /// Before which tick no edge is still to be handed out, at `now`.
    pub fn speaker_known_to(&self, now: Ticks, rate: TickRate) -> Ticks {
        let clk = rate.count_at(now, CLK_HZ);
        let next = self.next_speaker_change(self.s.speaker_clk);
        rate.tick_of(next.map_or(clk, |next| next.min(clk)), CLK_HZ)
    }

    /// The edges up to `now` that are still to be handed out: for who stops there.
    pub fn speaker_rest(&self, now: Ticks, rate: TickRate) -> Vec<SpeakerEdge> {
        let clk = rate.count_at(now, CLK_HZ);
        let mut ahead = Self {
            irq: self.irq,
            s: self.s.clone(),
        };
        let mut edges = Vec::new();
        ahead.follow_speaker(clk, rate, &mut edges);
        edges
    }

    /// Hands out the speaker's edges up to pulse `clk`.
    fn follow_speaker(&mut self, clk: u64, rate: TickRate, edges: &mut Vec<SpeakerEdge>) {
        // Between two calls there is at most one batch, unless nothing moves.
        if clk.saturating_sub(self.s.speaker_clk) <= CLK_HZ {
            while let Some(at) = self
                .next_speaker_change(self.s.speaker_clk)
                .filter(|&at| at <= clk)
            {
                self.s.counters[2].advance(at);
                self.s.speaker_clk = at;
                self.speaker_edge(at, rate, edges);
            }
        }
        self.s.speaker_clk = clk;
    }

    /// The level right now, after a change, and the next batch.
    fn drive_speaker(&mut self, ctx: &mut Ctx<'_>) {
        let clk = Self::clk(ctx);
        self.speaker_edge(clk, ctx.rate, &mut ctx.out.speaker);
        if self.next_speaker_change(clk).is_some() {
            let at = ctx.now.saturating_add(ctx.rate.micros(SPEAKER_BATCH_MICROS));
            ctx.timers.arm(TimerId::PitSpeaker, at);
        } else {
            ctx.timers.cancel(TimerId::PitSpeaker);
        }
    }

    // ---- ports ----

    fn write_control(&mut self, value: u8, clk: u64) {
        const READ_BACK: u8 = 3;
        const LATCH: u8 = 0;
        match (value >> 6, value >> 4 & 3) {
            (READ_BACK, _) => {
                let command = ReadBack::from_bits_truncate(value);
                let selected = [ReadBack::COUNTER_0, ReadBack::COUNTER_1, ReadBack::COUNTER_2];
                for (counter, bit) in self.s.counters.iter_mut().zip(selected) {
                    if command.contains(bit) {
                        if !command.contains(ReadBack::NOT_COUNT) {
                            counter.latch_count(clk);
                        }
                        if !command.contains(ReadBack::NOT_STATUS) {
                            counter.latch_status(clk);
                        }
                    }
                }
            }
            (index, LATCH) => {
                if let Some(counter) = self.counter(index.into()) {
                    counter.latch_count(clk);
                }
            }
            (index, _) => {
                if let Some(counter) = self.counter(index.into()) {
                    counter.program(value, clk);
                }
            }
        }
    }

    fn read_port_b(&self, clk: u64) -> u8 {
        let mut value = self.s.port_b;
        value.set(PortB::REFRESH, (clk / REFRESH_CLKS) & 1 != 0);
        value.set(PortB::OUT_2, self.s.counters[2].out(clk));
        value.bits()
    }
}

impl Device for Pit {
    fn name(&self) -> &'static str {
        "pit"
    }

    fn ports(&self) -> &[PortRange] {
        &[
            PortRange {
                first: PORT_COUNTER_0,
                count: 4,
            },
            PortRange {
                first: PORT_B,
                count: 1,
            },
        ]
    }

    /// The 8254 has no reset input: only port 61h is cleared by RESET.
    fn reset(&mut self, kind: ResetKind, ctx: &mut Ctx<'_>) {
        self.catch_up(ctx);
        if kind == ResetKind::Cold {
            self.s.counters = Self::new(self.irq).s.counters;
        }
        self.s.port_b = PortB::empty();
        self.s.counters[2].set_gate(false, Self::clk(ctx));
        self.drive_irq(ctx);
        self.drive_speaker(ctx);
    }

    fn port_read(&mut self, port: u16, width: IoWidth, ctx: &mut Ctx<'_>) -> u32 {
        let clk = Self::clk(ctx);
        self.catch_up(ctx);
        match port {
            PORT_B => self.read_port_b(clk).into(),
            PORT_COUNTER_0..=PORT_COUNTER_2 => self
                .counter(port - PORT_COUNTER_0)
                .map_or(width.open_bus(), |counter| counter.read(clk).into()),
            // The control word cannot be read back.
            _ => width.open_bus(),
        }
    }

    fn port_write(&mut self, port: u16, value: u32, _: IoWidth, ctx: &mut Ctx<'_>) {
        let value = value as u8;
        log::trace!(target: "dev::pit", "out {port:#06x}, {value:#04x}");
        let clk = Self::clk(ctx);
        self.catch_up(ctx);
        match port {
            PORT_B => {
                self.s.port_b = PortB::from_bits_truncate(value) & PORT_B_WRITABLE;
                self.s.counters[2].set_gate(self.s.port_b.contains(PortB::GATE_2), clk);
            }
            PORT_CONTROL => self.write_control(value, clk),
            _ => {
                if let Some(counter) = self.counter(port.wrapping_sub(PORT_COUNTER_0)) {
                    counter.write(value, clk);
                }
            }
        }
        self.drive_irq(ctx);
        self.drive_speaker(ctx);
    }

    fn timer(&mut self, id: TimerId, ctx: &mut Ctx<'_>) {
        self.catch_up(ctx);
        match id {
            TimerId::PitChannel0 => {
                // Where the low pulse was left out, here is its end.
                if self.s.counters[0].mode() == Mode::RateGenerator {
                    ctx.irq.set(self.irq, false);
                }
                self.drive_irq(ctx);
            }
            TimerId::PitSpeaker => self.drive_speaker(ctx),
            _ => {}
        }
    }
}

impl Snapshot for Pit {
    const TAG: [u8; 4] = *b"PIT ";
    const VERSION: u16 = 2;

    fn save(&self, w: &mut StateWriter) {
        w.put(&self.s);
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let s: State = r.get()?;
        let gate_2 = s.port_b.contains(PortB::GATE_2);
        let sane = s.counters.iter().all(Channel::is_sane)
            && s.counters[0].gate()
            && s.counters[1].gate()
            && s.counters[2].gate() == gate_2
            && PORT_B_WRITABLE.contains(s.port_b);
        if !sane {
            return Err(r.damaged());
        }
        self.s = s;
        Ok(())
    }
}
