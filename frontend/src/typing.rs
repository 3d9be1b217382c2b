//! Typing: characters of a US keyboard as key events, and the queue that spaces key events in guest
//! time so that no keyboard buffer overflows.

use std::collections::VecDeque;

use oldiron_platform::{KeyCode, TickRate, Ticks};
use serde::{Deserialize, Serialize};

/// Guest time from one typed character to the next.
const CHARACTER_MS: u64 = 30;
/// Guest time between the events of one typed character.
const STROKE_MS: u64 = 6;
/// Least guest time between two events of a live keyboard: the 8042 and the keyboard's own 16-byte
/// buffer keep up with this whatever the guest does.
const LIVE_MS: u64 = 3;

/// The key that types `c` on a US keyboard, and whether Shift is held.
pub fn us_key(c: char) -> Option<(KeyCode, bool)> {
    use KeyCode as K;
    const ROWS: &[(&str, &str, &[KeyCode])] = &[
        (
            "`1234567890-=",
            "~!@#$%^&*()_+",
            &[
                K::Backquote,
                K::Digit1,
                K::Digit2,
                K::Digit3,
                K::Digit4,
                K::Digit5,
                K::Digit6,
                K::Digit7,
                K::Digit8,
                K::Digit9,
                K::Digit0,
                K::Minus,
                K::Equal,
            ],
        ),
        (
            "qwertyuiop[]\\",
            "QWERTYUIOP{}|",
            &[
                K::Q,
                K::W,
                K::E,
                K::R,
                K::T,
                K::Y,
                K::U,
                K::I,
                K::O,
                K::P,
                K::BracketLeft,
                K::BracketRight,
                K::Backslash,
            ],
        ),
        (
            "asdfghjkl;'",
            "ASDFGHJKL:\"",
            &[
                K::A,
                K::S,
                K::D,
                K::F,
                K::G,
                K::H,
                K::J,
                K::K,
                K::L,
                K::Semicolon,
                K::Quote,
            ],
        ),
        (
            "zxcvbnm,./",
            "ZXCVBNM<>?",
            &[
                K::Z,
                K::X,
                K::C,
                K::V,
                K::B,
                K::N,
                K::M,
                K::Comma,
                K::Period,
                K::Slash,
            ],
        ),
        (
            " \n\r\t\u{8}\u{1b}",
            "",
            &[K::Space, K::Enter, K::Enter, K::Tab, K::Backspace, K::Escape],
        ),
    ];
    ROWS.iter().find_map(|(plain, shifted, keys)| {
        let at = |row: &str| row.chars().position(|k| k == c);
        let (index, shift) = at(plain)
            .map(|i| (i, false))
            .or_else(|| at(shifted).map(|i| (i, true)))?;
        keys.get(index).map(|&key| (key, shift))
    })
}

/// What a US keyboard types with `key` alone, or with one of the keypad's operators.
#[cfg(feature = "window")]
pub fn us_letter(key: KeyCode) -> Option<char> {
    match key {
        KeyCode::NumpadAdd => Some('+'),
        KeyCode::NumpadSubtract => Some('-'),
        _ => (' '..='~').find(|&c| us_key(c) == Some((key, false))),
    }
}

/// The key called `name` in a script: a character, or a name such as `f1`, `ctrl`, `pageup`.
pub fn key_by_name(name: &str) -> Option<KeyCode> {
    let mut chars = name.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return us_key(c.to_ascii_lowercase()).map(|(key, _)| key);
    }
    let lower = name.to_ascii_lowercase();
    Some(match lower.as_str() {
        "ctrl" | "control" | "lctrl" => KeyCode::ControlLeft,
        "rctrl" => KeyCode::ControlRight,
        "alt" | "lalt" => KeyCode::AltLeft,
        "ralt" | "altgr" => KeyCode::AltRight,
        "shift" | "lshift" => KeyCode::ShiftLeft,
        "rshift" => KeyCode::ShiftRight,
        "win" | "meta" | "super" => KeyCode::MetaLeft,
        "esc" => KeyCode::Escape,
        "return" | "ret" => KeyCode::Enter,
        "bksp" | "backspace" => KeyCode::Backspace,
        "spc" => KeyCode::Space,
        "del" => KeyCode::Delete,
        "ins" => KeyCode::Insert,
        "pgup" => KeyCode::PageUp,
        "pgdn" | "pgdown" => KeyCode::PageDown,
        "up" => KeyCode::ArrowUp,
        "down" => KeyCode::ArrowDown,
        "left" => KeyCode::ArrowLeft,
        "right" => KeyCode::ArrowRight,
        "minus" => KeyCode::Minus,
        "print" => KeyCode::PrintScreen,
        _ => KeyCode::by_name(&lower)?,
    })
}

/// The keys of a chord such as `ctrl-alt-del`, in the order they go down.
pub fn chord(text: &str) -> Result<Vec<KeyCode>, String> {
    let keys: Option<Vec<KeyCode>> = text.split('-').map(key_by_name).collect();
    keys.ok_or_else(|| format!("'{text}' is not a key; write for example enter, f1, a or ctrl-alt-del"))
}

/// The first character of `text` that a US keyboard cannot type.
pub fn untypable(text: &str) -> Option<char> {
    text.chars().find(|&c| us_key(c).is_none())
}

/// Key events on their way to the guest, in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyQueue {
    rate: TickRate,
    /// Key, down or up, and how long after it the next event may follow.
    events: VecDeque<(KeyCode, bool, Ticks)>,
    ready: Ticks,
}

impl KeyQueue {
    /// An empty queue.
    pub fn new(rate: TickRate) -> Self {
        Self {
            rate,
            events: VecDeque::new(),
            ready: 0,
        }
    }

    /// The same for a machine of this rate.
    pub fn at_rate(self, rate: TickRate) -> Self {
        Self { rate, ..self }
    }

    /// Whether every event has been taken, and its time has passed.
    pub fn is_idle(&self, now: Ticks) -> bool {
        self.events.is_empty() && now >= self.ready
    }

    /// When something is due next: an event, or the end of the last one's time.
    pub fn next_due(&self, now: Ticks) -> Option<Ticks> {
        (!self.is_idle(now)).then_some(self.ready.max(now))
    }

    /// The next event, if it is due.
    pub fn pop(&mut self, now: Ticks) -> Option<(KeyCode, bool)> {
        if now < self.ready {
            return None;
        }
        let (key, down, gap) = self.events.pop_front()?;
        self.ready = now + gap;
        Some((key, down))
    }

    /// Forgets everything that has not been taken.
    pub fn clear(&mut self) {
        self.events.clear();
    }

    /// Adds an event of a live keyboard.
    pub fn live(&mut self, key: KeyCode, down: bool) {
        self.push(key, down, LIVE_MS);
    }

    /// Types `text`; characters that a US keyboard does not have are left out.
    pub fn type_text(&mut self, text: &str) {
        for (key, shift) in text.chars().filter_map(us_key) {
            let mut left = CHARACTER_MS - STROKE_MS;
            if shift {
                self.push(KeyCode::ShiftLeft, true, STROKE_MS);
                self.push(key, true, STROKE_MS);
                self.push(key, false, STROKE_MS);
                left -= 2 * STROKE_MS;
                self.push(KeyCode::ShiftLeft, false, left);
            } else {
                self.push(key, true, STROKE_MS);
                self.push(key, false, left);
            }
        }
    }

    /// Presses the keys of a chord one after the other and lets go of them in reverse.
    pub fn press_chord(&mut self, keys: &[KeyCode]) {
        for &key in keys {
            self.push(key, true, STROKE_MS);
        }
        for &key in keys.iter().rev() {
            self.push(key, false, STROKE_MS);
        }
        if let Some((_, _, gap)) = self.events.back_mut() {
            *gap = self.rate.ticks_for(CHARACTER_MS - STROKE_MS, 1000);
        }
    }

    fn push(&mut self, key: KeyCode, down: bool, gap_ms: u64) {
        self.events
            .push_back((key, down, self.rate.ticks_for(gap_ms, 1000)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_printable_ascii_character_can_be_typed() {
        for c in ' '..='~' {
            assert!(us_key(c).is_some(), "{c:?}");
        }
        assert_eq!(us_key('A'), Some((KeyCode::A, true)));
        assert_eq!(us_key('|'), Some((KeyCode::Backslash, true)));
        assert_eq!(us_key('\n'), Some((KeyCode::Enter, false)));
        assert_eq!(untypable("dir \u{e4}"), Some('\u{e4}'));
    }

    #[test]
    fn chords_name_their_keys_in_order() {
        assert_eq!(
            chord("ctrl-alt-del"),
            Ok(vec![KeyCode::ControlLeft, KeyCode::AltLeft, KeyCode::Delete])
        );
        assert_eq!(chord("F12"), Ok(vec![KeyCode::F12]));
        assert_eq!(chord("a"), Ok(vec![KeyCode::A]));
        assert_eq!(chord("numpad5"), Ok(vec![KeyCode::Numpad5]));
        assert!(chord("ctrl-").is_err());
        assert!(chord("hyper").is_err());
    }

    fn drain(queue: &mut KeyQueue) -> Vec<(u64, KeyCode, bool)> {
        let (mut now, mut seen) = (0, Vec::new());
        while let Some(at) = queue.next_due(now) {
            now = at;
            if let Some((key, down)) = queue.pop(now) {
                seen.push((now, key, down));
            }
        }
        seen.push((now, KeyCode::Escape, false));
        seen
    }

    #[test]
    fn one_key_takes_thirty_guest_milliseconds() {
        let mut queue = KeyQueue::new(TickRate::new(1000));
        queue.type_text("aB");
        let expected = [
            (0, KeyCode::A, true),
            (6, KeyCode::A, false),
            (30, KeyCode::ShiftLeft, true),
            (36, KeyCode::B, true),
            (42, KeyCode::B, false),
            (48, KeyCode::ShiftLeft, false),
            (60, KeyCode::Escape, false),
        ];
        assert_eq!(drain(&mut queue), expected);
    }

    #[test]
    fn a_chord_is_released_in_reverse() {
        let mut queue = KeyQueue::new(TickRate::new(1000));
        queue.press_chord(&[KeyCode::ControlLeft, KeyCode::C]);
        let events: Vec<_> = drain(&mut queue)
            .into_iter()
            .map(|(_, key, down)| (key, down))
            .collect();
        assert_eq!(
            events[..4],
            [
                (KeyCode::ControlLeft, true),
                (KeyCode::C, true),
                (KeyCode::C, false),
                (KeyCode::ControlLeft, false)
            ]
        );
    }
}
