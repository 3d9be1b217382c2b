//! An IBM enhanced keyboard (101/102 keys) at the other end of the cable: commands, scan code sets 1 to
//! 3, LEDs, typematic.
//!
//! Keys wait as events, not as bytes, and become bytes when the controller fetches them: so the queue
//! can be bounded without ever splitting a sequence or losing the release of a key whose press was
//! taken. A press that finds the queue full is lost together with its release.

use std::collections::VecDeque;

use bitflags::bitflags;
use oldiron_mmu::Ticks;
use serde::{Deserialize, Serialize};

use super::{
    KeyCode,
    scancodes::{Held, KeyType, ScanSet, encode, key_of_set_3},
};
use crate::{Ctx, TimerId, Timing};

/// Presses that wait at most. Releases always find room: each follows a press that was taken.
const MAX_PRESSES: usize = 64;
/// No queue of events is longer: 64 presses, a release for each, and for each key held before.
const MAX_EVENTS: usize = 2 * MAX_PRESSES + 128;
const MAX_REPLIES: usize = 16;

const ACK: u8 = 0xfa;
const RESEND: u8 = 0xfe;
const ECHO: u8 = 0xee;
const TEST_PASSED: u8 = 0xaa;
const ID: [u8; 2] = [0xab, 0x83];

const CMD_LEDS: u8 = 0xed;
const CMD_SCAN_SET: u8 = 0xf0;
const CMD_READ_ID: u8 = 0xf2;
const CMD_TYPEMATIC: u8 = 0xf3;
const CMD_ENABLE: u8 = 0xf4;
const CMD_DISABLE: u8 = 0xf5;
const CMD_DEFAULTS: u8 = 0xf6;
const CMD_RESET: u8 = 0xff;
/// Parameters are below all commands.
const FIRST_COMMAND: u8 = CMD_LEDS;

/// 10.9 characters a second after half a second.
const TYPEMATIC_DEFAULT: u8 = 0x2b;

/// The basic assurance test.
const TEST_MICROS_FAST: u64 = 1_000;
const TEST_MICROS_REAL: u64 = 500_000;

/// Commands whose parameter is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Expect {
    Leds,
    ScanSet,
    Typematic,
    /// Codes of set 3, any number, until the next command.
    KeyType(KeyType),
}

bitflags! {
    /// A set of keys. There are fewer than 128.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    struct Keys: u128 {
        const _ = !0;
    }
}

impl From<KeyCode> for Keys {
    fn from(key: KeyCode) -> Self {
        Self::from_bits_retain(1 << (key as u32 & 127))
    }
}

/// The keyboard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Keyboard {
    set: ScanSet,
    scanning: bool,
    leds: u8,
    typematic: u8,
    /// In set 3, by key.
    key_types: Vec<KeyType>,
    expect: Option<Expect>,
    /// The self-test runs.
    testing: bool,
    /// Presses and releases that were not fetched yet.
    events: VecDeque<(KeyCode, bool)>,
    /// Keys whose press was taken, and not their release.
    taken: Keys,
    /// Keys of which the program knows that they are down.
    reported: Keys,
    /// What Print Screen was pressed with: its release is that of the same code.
    print_screen: Held,
    repeating: Option<KeyCode>,
    /// Answers to commands. They go first.
    replies: VecDeque<u8>,
    /// The rest of the sequence that is being sent.
    sending: VecDeque<u8>,
    last_sent: u8,
}

impl Keyboard {
    pub(super) fn new() -> Self {
        Self {
            set: ScanSet::Two,
            scanning: true,
            leds: 0,
            typematic: TYPEMATIC_DEFAULT,
            key_types: default_key_types(),
            expect: None,
            testing: false,
            events: VecDeque::new(),
            taken: Keys::empty(),
            reported: Keys::empty(),
            print_screen: Held::default(),
            repeating: None,
            replies: VecDeque::new(),
            sending: VecDeque::new(),
            last_sent: 0,
        }
    }

    /// Back to the state after power-on.
    pub(super) fn power_on(&mut self, ctx: &mut Ctx<'_>) {
        let leds = self.leds;
        *self = Self::new();
        ctx.timers.cancel(TimerId::Keyboard);
        if leds != 0 {
            ctx.out.keyboard_leds = Some(0);
        }
    }

    // ---- keys ----

    /// A key goes down or up.
    pub(super) fn key(&mut self, key: KeyCode, down: bool) {
        if down {
            let lost = !self.scanning || self.testing || self.events.len() >= MAX_PRESSES;
            if lost || self.taken.contains(key.into()) {
                return;
            }
            self.taken |= key.into();
        } else {
            if !self.taken.contains(key.into()) {
                return;
            }
            self.taken -= key.into();
        }
        self.events.push_back((key, down));
    }

    /// All keys go up.
    pub(super) fn release_all(&mut self) {
        for &key in KeyCode::ALL {
            self.key(key, false);
        }
    }

    /// Nothing is left to be fetched.
    pub(super) fn is_drained(&self) -> bool {
        self.events.is_empty() && self.sending.is_empty()
    }

    /// Clears the output buffer, as many commands do. The releases of keys that the program knows to
    /// be down stay.
    fn clear_output(&mut self) {
        self.sending.clear();
        self.taken &= self.reported;
        let released = self.reported - self.taken;
        self.events = KeyCode::ALL
            .iter()
            .filter(|&&key| released.contains(key.into()))
            .map(|&key| (key, false))
            .collect();
    }

    fn held(&self) -> Held {
        let any = |keys: [KeyCode; 2]| keys.into_iter().any(|key| self.reported.contains(key.into()));
        Held {
            shift: any([KeyCode::ShiftLeft, KeyCode::ShiftRight]),
            control: any([KeyCode::ControlLeft, KeyCode::ControlRight]),
            alt: any([KeyCode::AltLeft, KeyCode::AltRight]),
        }
    }

    fn key_type(&self, key: KeyCode) -> KeyType {
        if self.set == ScanSet::Three {
            self.key_types
                .get(key as usize)
                .copied()
                .unwrap_or(KeyType::Typematic)
        } else {
            KeyType::TypematicMakeBreak
        }
    }

    fn send_make(&mut self, key: KeyCode) {
        let held = if key == KeyCode::PrintScreen {
            self.print_screen
        } else {
            self.held()
        };
        encode(key, true, self.set, held, &mut self.sending);
    }

    /// Turns the next event into bytes.
    fn send_event(&mut self, ctx: &mut Ctx<'_>) {
        let Some((key, down)) = self.events.pop_front() else {
            return;
        };
        if down {
            if key == KeyCode::PrintScreen {
                self.print_screen = self.held();
            }
            self.send_make(key);
            self.reported |= key.into();
            if self.key_type(key).repeats() && key != KeyCode::Pause {
                self.repeating = Some(key);
                let delay = ctx
                    .rate
                    .micros((u64::from(self.typematic >> 5 & 3) + 1) * 250_000);
                ctx.timers.arm(TimerId::Keyboard, ctx.now.saturating_add(delay));
            } else {
                self.stop_repeating(ctx);
            }
        } else {
            self.reported -= key.into();
            if self.repeating == Some(key) {
                self.stop_repeating(ctx);
            }
            if self.key_type(key).breaks() {
                let held = if key == KeyCode::PrintScreen {
                    self.print_screen
                } else {
                    self.held()
                };
                encode(key, false, self.set, held, &mut self.sending);
            }
        }
    }

    fn stop_repeating(&mut self, ctx: &mut Ctx<'_>) {
        self.repeating = None;
        if !self.testing {
            ctx.timers.cancel(TimerId::Keyboard);
        }
    }

    /// PS/2 reference: the period is (8 + A) · 2^B / 240 s.
    fn typematic_period(&self, ctx: &Ctx<'_>) -> Ticks {
        let (a, b) = (u64::from(self.typematic & 7), self.typematic >> 3 & 3);
        ctx.rate.ticks_for((8 + a) << b, 240)
    }

    /// [`TimerId::Keyboard`] is due.
    pub(super) fn timer(&mut self, ctx: &mut Ctx<'_>) {
        if core::mem::take(&mut self.testing) {
            self.reply(TEST_PASSED);
        } else if let Some(key) = self.repeating {
            // The program reads slower than the key repeats: repeats do not pile up.
            if self.scanning && self.is_drained() && self.replies.is_empty() {
                self.send_make(key);
            }
            let at = ctx.now.saturating_add(self.typematic_period(ctx));
            ctx.timers.arm(TimerId::Keyboard, at);
        }
    }

    // ---- the cable ----

    fn reply(&mut self, byte: u8) {
        if self.replies.len() < MAX_REPLIES {
            self.replies.push_back(byte);
        }
    }

    /// Whether [`fetch`](Self::fetch) would find something.
    pub(super) fn has_output(&self) -> bool {
        let keys = self.scanning && !self.events.is_empty();
        !self.replies.is_empty() || !self.sending.is_empty() || keys
    }

    /// The next byte to the controller.
    pub(super) fn fetch(&mut self, ctx: &mut Ctx<'_>) -> Option<u8> {
        if self.replies.is_empty() {
            while self.sending.is_empty() && self.scanning && !self.events.is_empty() {
                self.send_event(ctx);
            }
        }
        let byte = self.replies.pop_front().or_else(|| self.sending.pop_front())?;
        if byte != RESEND {
            self.last_sent = byte;
        }
        Some(byte)
    }

    /// A byte from the controller.
    pub(super) fn receive(&mut self, byte: u8, ctx: &mut Ctx<'_>) {
        log::trace!(target: "dev::keyboard", "receives {byte:#04x}");
        match self.expect.take() {
            Some(expect) if byte < FIRST_COMMAND => self.parameter(expect, byte, ctx),
            _ => self.command(byte, ctx),
        }
    }

    fn parameter(&mut self, expect: Expect, byte: u8, ctx: &mut Ctx<'_>) {
        match expect {
            Expect::Leds => {
                let leds = byte & 7;
                if leds != self.leds {
                    self.leds = leds;
                    ctx.out.keyboard_leds = Some(leds);
                }
            }
            Expect::ScanSet => match byte {
                0 => {
                    self.reply(ACK);
                    self.reply(self.set as u8);
                    return;
                }
                1..=3 => {
                    self.set = match byte {
                        1 => ScanSet::One,
                        2 => ScanSet::Two,
                        _ => ScanSet::Three,
                    };
                    self.clear_output();
                }
                _ => {
                    self.reply(RESEND);
                    return;
                }
            },
            Expect::Typematic => self.typematic = byte & 0x7f,
            Expect::KeyType(key_type) => {
                if let Some(slot) = key_of_set_3(byte).and_then(|key| self.key_types.get_mut(key as usize)) {
                    *slot = key_type;
                }
                self.expect = Some(expect);
            }
        }
        self.reply(ACK);
    }

    fn command(&mut self, byte: u8, ctx: &mut Ctx<'_>) {
        const ALL_TYPES: [KeyType; 4] = [
            KeyType::Typematic,
            KeyType::MakeBreak,
            KeyType::Make,
            KeyType::TypematicMakeBreak,
        ];
        match byte {
            ECHO => {
                self.reply(ECHO);
                return;
            }
            RESEND => {
                self.replies.push_front(self.last_sent);
                self.replies.truncate(MAX_REPLIES);
                return;
            }
            CMD_LEDS => self.expect = Some(Expect::Leds),
            CMD_SCAN_SET => self.expect = Some(Expect::ScanSet),
            CMD_TYPEMATIC => self.expect = Some(Expect::Typematic),
            CMD_READ_ID => {
                self.reply(ACK);
                ID.into_iter().for_each(|byte| self.reply(byte));
                return;
            }
            CMD_ENABLE => {
                self.clear_output();
                self.scanning = true;
            }
            CMD_DISABLE | CMD_DEFAULTS => {
                self.defaults(ctx);
                self.scanning = byte == CMD_DEFAULTS;
            }
            0xf7..=0xfa => self.key_types.fill(ALL_TYPES[usize::from(byte - 0xf7)]),
            0xfb..=0xfd => {
                // FBh, FCh, FDh: typematic, make/break, make.
                self.expect = Some(Expect::KeyType(ALL_TYPES[usize::from(byte - 0xfb)]));
            }
            CMD_RESET => self.reset(ctx),
            _ => {
                log::debug!(target: "dev::keyboard", "unknown command {byte:#04x}");
                self.reply(RESEND);
                return;
            }
        }
        self.reply(ACK);
    }

    /// F5h, F6h: everything as after power-on but the LEDs.
    fn defaults(&mut self, ctx: &mut Ctx<'_>) {
        self.stop_repeating(ctx);
        self.set = ScanSet::Two;
        self.typematic = TYPEMATIC_DEFAULT;
        self.key_types = default_key_types();
        self.clear_output();
    }

    fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.power_on(ctx);
        self.testing = true;
        let micros = match ctx.timing {
            Timing::Fast => TEST_MICROS_FAST,
            Timing::Real => TEST_MICROS_REAL,
        };
        let at = ctx.now.saturating_add(ctx.rate.micros(micros));
        ctx.timers.arm(TimerId::Keyboard, at);
    }

    /// Whether a loaded keyboard holds only what a running one can.
    pub(super) fn is_sane(&self) -> bool {
        self.key_types.len() == KeyCode::ALL.len()
            && self.events.len() <= MAX_EVENTS
            && self.replies.len() <= MAX_REPLIES
            && self.sending.len() <= MAX_REPLIES
            && self.leds < 8
            && self.typematic < 0x80
    }
}

fn default_key_types() -> Vec<KeyType> {
    KeyCode::ALL.iter().map(|&key| KeyType::of(key)).collect()
}
