//! A PS/2 mouse with three buttons and a wheel.
//!
//! Follows the IBM PS/2 Hardware Interface Technical Reference, "Mouse", and the knock of the
//! IntelliMouse (sample rates 200, 100, 80) that turns on the wheel and four-byte reports. Reports come
//! at the sample rate, in guest time. Movement that does not fit one report is left for the next, so
//! the overflow bits stay 0; the resolution is remembered and otherwise ignored, as the host already
//! counts in pixels.

use std::collections::VecDeque;

use oldiron_mmu::Ticks;
use serde::{Deserialize, Serialize};

use crate::{Ctx, TimerId, Timing};

/// Movements that wait, each with other buttons than the one before. The last one takes all the rest.
const MAX_MOVES: usize = 32;
const MAX_REPLIES: usize = 16;
/// A movement never grows beyond this.
const MAX_DISTANCE: i32 = 1 << 20;

const ACK: u8 = 0xfa;
const RESEND: u8 = 0xfe;
const ERROR: u8 = 0xfc;
const TEST_PASSED: u8 = 0xaa;
const ID_PLAIN: u8 = 0;
const ID_WHEEL: u8 = 3;

const CMD_SCALING_1_1: u8 = 0xe6;
const CMD_SCALING_2_1: u8 = 0xe7;
const CMD_RESOLUTION: u8 = 0xe8;
const CMD_STATUS: u8 = 0xe9;
const CMD_STREAM: u8 = 0xea;
const CMD_READ_DATA: u8 = 0xeb;
const CMD_UNWRAP: u8 = 0xec;
const CMD_WRAP: u8 = 0xee;
const CMD_REMOTE: u8 = 0xf0;
const CMD_READ_ID: u8 = 0xf2;
const CMD_SAMPLE_RATE: u8 = 0xf3;
const CMD_ENABLE: u8 = 0xf4;
const CMD_DISABLE: u8 = 0xf5;
const CMD_DEFAULTS: u8 = 0xf6;
const CMD_RESEND: u8 = 0xfe;
const CMD_RESET: u8 = 0xff;

const DEFAULT_RATE: u8 = 100;
const DEFAULT_RESOLUTION: u8 = 2;
const KNOCK: [u8; 3] = [200, 100, 80];

/// The self-test.
const TEST_MICROS_FAST: u64 = 1_000;
const TEST_MICROS_REAL: u64 = 350_000;

/// First byte of a report.
const REPORT_SYNC: u8 = 1 << 3;
const REPORT_X_SIGN: u8 = 1 << 4;
const REPORT_Y_SIGN: u8 = 1 << 5;

const BUTTONS: u8 = 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Expect {
    Resolution,
    SampleRate,
}

/// Movement with the same buttons all the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Move {
    dx: i32,
    /// Upwards, as the mouse reports it.
    dy: i32,
    dz: i32,
    buttons: u8,
}

impl Move {
    fn is_still(&self) -> bool {
        self.dx == 0 && self.dy == 0 && self.dz == 0
    }
}

/// The mouse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mouse {
    reporting: bool,
    remote: bool,
    wrap: bool,
    scaling_2_1: bool,
    resolution: u8,
    sample_rate: u8,
    last_rates: [u8; 3],
    wheel: bool,
    expect: Option<Expect>,
    testing: bool,
    /// What was not reported yet, oldest first.
    moves: VecDeque<Move>,
    /// The buttons as they are, and as they were last reported.
    buttons: u8,
    reported_buttons: u8,
    /// No report before this tick.
    next_report: Ticks,
    replies: VecDeque<u8>,
    /// The rest of a report, and all of it for RESEND.
    sending: VecDeque<u8>,
    last: Vec<u8>,
}

impl Mouse {
    pub(super) fn new() -> Self {
        Self {
            reporting: false,
            remote: false,
            wrap: false,
            scaling_2_1: false,
            resolution: DEFAULT_RESOLUTION,
            sample_rate: DEFAULT_RATE,
            last_rates: [0; 3],
            wheel: false,
            expect: None,
            testing: false,
            moves: VecDeque::new(),
            buttons: 0,
            reported_buttons: 0,
            next_report: 0,
            replies: VecDeque::new(),
            sending: VecDeque::new(),
            last: Vec::new(),
        }
    }

    /// Back to the state after power-on. The buttons are where the user has them.
    pub(super) fn power_on(&mut self, ctx: &mut Ctx<'_>) {
        let buttons = self.buttons;
        *self = Self {
            buttons,
            reported_buttons: buttons,
            ..Self::new()
        };
        ctx.timers.cancel(TimerId::Mouse);
    }

    // ---- movement ----

    /// The user moves it: `dx` to the right, `dy` downwards, `wheel` towards the user.
    pub(super) fn moved(&mut self, dx: i16, dy: i16, wheel: i8, buttons: u8, ctx: &mut Ctx<'_>) {
        let buttons = buttons & BUTTONS;
        let changed = buttons != self.buttons;
        self.buttons = buttons;
        if !self.remote && !self.reporting {
            self.reported_buttons = buttons;
            return;
        }
        if (changed || self.moves.is_empty()) && self.moves.len() < MAX_MOVES {
            self.moves.push_back(Move {
                buttons,
                ..Move::default()
            });
        }
        if let Some(last) = self.moves.back_mut() {
            let add = |sum: i32, d: i32| (sum + d).clamp(-MAX_DISTANCE, MAX_DISTANCE);
            last.dx = add(last.dx, dx.into());
            last.dy = add(last.dy, -i32::from(dy));
            last.dz = add(last.dz, wheel.into());
            last.buttons = buttons;
        }
        self.plan_report(ctx);
    }

    /// Whether movements are reported, by the mouse itself or when asked.
    pub(super) fn is_listened_to(&self) -> bool {
        self.reporting || self.remote
    }

    /// Drops what says nothing new.
    fn has_news(&mut self) -> bool {
        let dull = |this: &Self| {
            this.moves
                .front()
                .is_some_and(|next| next.is_still() && next.buttons == this.reported_buttons)
        };
        while dull(self) {
            self.moves.pop_front();
        }
        !self.moves.is_empty()
    }

    /// Arms the next report of stream mode, if there is something to report.
    fn plan_report(&mut self, ctx: &mut Ctx<'_>) {
        let streams = self.reporting && !self.remote && !self.wrap && !self.testing;
        if streams && self.sending.is_empty() && self.has_news() && ctx.timers.due(TimerId::Mouse).is_none() {
            let soonest = ctx.now.saturating_add(1);
            ctx.timers.arm(TimerId::Mouse, self.next_report.max(soonest));
        }
    }

    /// Takes as much of the next movement as a report holds, and sends it.
    fn report(&mut self) {
        let mut next = self.moves.pop_front().unwrap_or(Move {
            buttons: self.buttons,
            ..Move::default()
        });
        let take = |sum: &mut i32, low: i32, high: i32| {
            let part = (*sum).clamp(low, high);
            *sum -= part;
            part
        };
        // Nine bits would hold more, but some drivers take the byte alone for a signed number.
        let mut dx = take(&mut next.dx, -127, 127);
        let mut dy = take(&mut next.dy, -127, 127);
        let dz = take(&mut next.dz, -8, 7);
        if !self.wheel {
            next.dz = 0;
        }
        if !next.is_still() {
            self.moves.push_front(next);
        }
        if self.scaling_2_1 && !self.remote {
            (dx, dy) = (scaled(dx), scaled(dy));
        }
        let mut first = next.buttons | REPORT_SYNC;
        first |= if dx < 0 { REPORT_X_SIGN } else { 0 };
        first |= if dy < 0 { REPORT_Y_SIGN } else { 0 };
        self.reported_buttons = next.buttons;
        self.last = vec![first, dx as u8, dy as u8];
        if self.wheel {
            self.last.push(dz as u8);
        }
    }

    /// [`TimerId::Mouse`] is due.
    pub(super) fn timer(&mut self, ctx: &mut Ctx<'_>) {
        if core::mem::take(&mut self.testing) {
            self.reply(&[TEST_PASSED, ID_PLAIN]);
            return;
        }
        let streams = self.reporting && !self.remote && !self.wrap;
        if streams && self.sending.is_empty() && self.has_news() {
            self.report();
            self.sending.extend(&self.last);
            let period = ctx.rate.ticks_for(1, self.sample_rate.max(1).into());
            self.next_report = ctx.now.saturating_add(period);
        }
    }

    // ---- the cable ----

    fn reply(&mut self, bytes: &[u8]) {
        let room = MAX_REPLIES - self.replies.len().min(MAX_REPLIES);
        self.replies.extend(bytes.iter().take(room));
    }

    /// Whether [`fetch`](Self::fetch) would find something.
    pub(super) fn has_output(&self) -> bool {
        !self.replies.is_empty() || !self.sending.is_empty()
    }

    /// The next byte to the controller.
    pub(super) fn fetch(&mut self, ctx: &mut Ctx<'_>) -> Option<u8> {
        let byte = self.replies.pop_front().or_else(|| self.sending.pop_front());
        self.plan_report(ctx);
        byte
    }

    /// A byte from the controller.
    pub(super) fn receive(&mut self, byte: u8, ctx: &mut Ctx<'_>) {
        log::trace!(target: "dev::mouse", "receives {byte:#04x}");
        if self.wrap && byte != CMD_RESET && byte != CMD_UNWRAP {
            self.reply(&[byte]);
            return;
        }
        // Whatever was being reported is void.
        self.sending.clear();
        match self.expect.take() {
            Some(expect) if byte < CMD_SCALING_1_1 => self.parameter(expect, byte),
            _ => self.command(byte, ctx),
        }
        self.plan_report(ctx);
    }

    fn parameter(&mut self, expect: Expect, byte: u8) {
        match (expect, byte) {
            (Expect::Resolution, 0..=3) => self.resolution = byte,
            (Expect::SampleRate, 10 | 20 | 40 | 60 | 80 | 100 | 200) => {
                self.sample_rate = byte;
                self.last_rates = [self.last_rates[1], self.last_rates[2], byte];
                self.wheel |= self.last_rates == KNOCK;
            }
            _ => {
                self.reply(&[ERROR]);
                return;
            }
        }
        self.reply(&[ACK]);
    }

    fn status(&self) -> [u8; 3] {
        // Here the right button is bit 0 and the left one bit 2.
        let buttons = (self.buttons & 1) << 2 | (self.buttons >> 2 & 1) << 1 | (self.buttons >> 1 & 1);
        let modes =
            u8::from(self.remote) << 6 | u8::from(self.reporting) << 5 | u8::from(self.scaling_2_1) << 4;
        [modes | buttons, self.resolution, self.sample_rate]
    }

    fn command(&mut self, byte: u8, ctx: &mut Ctx<'_>) {
        match byte {
            CMD_SCALING_1_1 | CMD_SCALING_2_1 => self.scaling_2_1 = byte == CMD_SCALING_2_1,
            CMD_RESOLUTION => self.expect = Some(Expect::Resolution),
            CMD_SAMPLE_RATE => self.expect = Some(Expect::SampleRate),
            CMD_STATUS => {
                self.reply(&[ACK]);
                self.reply(&self.status());
                return;
            }
            CMD_STREAM | CMD_REMOTE => {
                self.remote = byte == CMD_REMOTE;
                self.moves.clear();
            }
            CMD_READ_DATA => {
                self.reply(&[ACK]);
                self.report();
                let report = self.last.clone();
                self.reply(&report);
                return;
            }
            CMD_WRAP | CMD_UNWRAP => self.wrap = byte == CMD_WRAP,
            CMD_READ_ID => {
                let id = if self.wheel { ID_WHEEL } else { ID_PLAIN };
                self.reply(&[ACK, id]);
                return;
            }
            CMD_ENABLE | CMD_DISABLE => {
                self.reporting = byte == CMD_ENABLE;
                self.moves.clear();
                self.reported_buttons = self.buttons;
            }
            CMD_DEFAULTS => {
                // The wheel stays: it is not among the defaults.
                self.reporting = false;
                self.remote = false;
                self.scaling_2_1 = false;
                self.resolution = DEFAULT_RESOLUTION;
                self.sample_rate = DEFAULT_RATE;
                self.moves.clear();
            }
            CMD_RESEND => {
                let last = self.last.clone();
                self.reply(&last);
                return;
            }
            CMD_RESET => {
                self.power_on(ctx);
                self.testing = true;
                let micros = match ctx.timing {
                    Timing::Fast => TEST_MICROS_FAST,
                    Timing::Real => TEST_MICROS_REAL,
                };
                let at = ctx.now.saturating_add(ctx.rate.micros(micros));
                ctx.timers.arm(TimerId::Mouse, at);
            }
            _ => {
                log::debug!(target: "dev::mouse", "unknown command {byte:#04x}");
                self.reply(&[RESEND]);
                return;
            }
        }
        self.reply(&[ACK]);
    }

    /// Whether a loaded mouse holds only what a running one can.
    pub(super) fn is_sane(&self) -> bool {
        let near = |d: i32| (-MAX_DISTANCE..=MAX_DISTANCE).contains(&d);
        self.moves.len() <= MAX_MOVES
            && self
                .moves
                .iter()
                .all(|m| near(m.dx) && near(m.dy) && near(m.dz) && m.buttons <= BUTTONS)
            && self.buttons <= BUTTONS
            && self.reported_buttons <= BUTTONS
            && self.replies.len() <= MAX_REPLIES
            && self.sending.len() <= 4
            && self.last.len() <= 4
    }
}

/// The movement that a count stands for at scaling 2:1.
fn scaled(count: i32) -> i32 {
    let size = match count.abs() {
        0 => 0,
        1 | 2 => 1,
        3 => 3,
        4 => 6,
        5 => 9,
        more => 2 * more,
    };
    size * count.signum()
}
