//! What each key sends in scan code sets 1, 2 and 3, and the 8042's translation of set 2 into set 1.
//!
//! Follows the IBM PS/2 Hardware Interface Technical Reference, "Keyboard (101- and 102-Key)". The
//! shift codes that a real keyboard wraps around the grey cursor keys while Shift or Num Lock is on
//! are left out.

use serde::{Deserialize, Serialize};

use super::KeyCode;

/// A key's make codes.
struct Codes {
    set1: u8,
    set2: u8,
    set3: u8,
    /// Sets 1 and 2 prefix it with E0h.
    extended: bool,
}

const fn plain(set1: u8, set2: u8, set3: u8) -> Codes {
    Codes {
        set1,
        set2,
        set3,
        extended: false,
    }
}

const fn grey(set1: u8, set2: u8, set3: u8) -> Codes {
    Codes {
        set1,
        set2,
        set3,
        extended: true,
    }
}

const fn codes(key: KeyCode) -> Codes {
    use KeyCode::*;
    match key {
        Escape => plain(0x01, 0x76, 0x08),
        F1 => plain(0x3b, 0x05, 0x07),
        F2 => plain(0x3c, 0x06, 0x0f),
        F3 => plain(0x3d, 0x04, 0x17),
        F4 => plain(0x3e, 0x0c, 0x1f),
        F5 => plain(0x3f, 0x03, 0x27),
        F6 => plain(0x40, 0x0b, 0x2f),
        F7 => plain(0x41, 0x83, 0x37),
        F8 => plain(0x42, 0x0a, 0x3f),
        F9 => plain(0x43, 0x01, 0x47),
        F10 => plain(0x44, 0x09, 0x4f),
        F11 => plain(0x57, 0x78, 0x56),
        F12 => plain(0x58, 0x07, 0x5e),
        PrintScreen => grey(0x37, 0x7c, 0x57),
        ScrollLock => plain(0x46, 0x7e, 0x5f),
        Pause => grey(0x46, 0x7e, 0x62),
        Backquote => plain(0x29, 0x0e, 0x0e),
        Digit1 => plain(0x02, 0x16, 0x16),
        Digit2 => plain(0x03, 0x1e, 0x1e),
        Digit3 => plain(0x04, 0x26, 0x26),
        Digit4 => plain(0x05, 0x25, 0x25),
        Digit5 => plain(0x06, 0x2e, 0x2e),
        Digit6 => plain(0x07, 0x36, 0x36),
        Digit7 => plain(0x08, 0x3d, 0x3d),
        Digit8 => plain(0x09, 0x3e, 0x3e),
        Digit9 => plain(0x0a, 0x46, 0x46),
        Digit0 => plain(0x0b, 0x45, 0x45),
        Minus => plain(0x0c, 0x4e, 0x4e),
        Equal => plain(0x0d, 0x55, 0x55),
        Backspace => plain(0x0e, 0x66, 0x66),
        Tab => plain(0x0f, 0x0d, 0x0d),
        Q => plain(0x10, 0x15, 0x15),
        W => plain(0x11, 0x1d, 0x1d),
        E => plain(0x12, 0x24, 0x24),
        R => plain(0x13, 0x2d, 0x2d),
        T => plain(0x14, 0x2c, 0x2c),
        Y => plain(0x15, 0x35, 0x35),
        U => plain(0x16, 0x3c, 0x3c),
        I => plain(0x17, 0x43, 0x43),
        O => plain(0x18, 0x44, 0x44),
        P => plain(0x19, 0x4d, 0x4d),
        BracketLeft => plain(0x1a, 0x54, 0x54),
        BracketRight => plain(0x1b, 0x5b, 0x5b),
        Backslash => plain(0x2b, 0x5d, 0x5c),
        CapsLock => plain(0x3a, 0x58, 0x14),
        A => plain(0x1e, 0x1c, 0x1c),
        S => plain(0x1f, 0x1b, 0x1b),
        D => plain(0x20, 0x23, 0x23),
        F => plain(0x21, 0x2b, 0x2b),
        G => plain(0x22, 0x34, 0x34),
        H => plain(0x23, 0x33, 0x33),
        J => plain(0x24, 0x3b, 0x3b),
        K => plain(0x25, 0x42, 0x42),
        L => plain(0x26, 0x4b, 0x4b),
        Semicolon => plain(0x27, 0x4c, 0x4c),
        Quote => plain(0x28, 0x52, 0x52),
        Enter => plain(0x1c, 0x5a, 0x5a),
        ShiftLeft => plain(0x2a, 0x12, 0x12),
        IntlBackslash => plain(0x56, 0x61, 0x13),
        Z => plain(0x2c, 0x1a, 0x1a),
        X => plain(0x2d, 0x22, 0x22),
        C => plain(0x2e, 0x21, 0x21),
        V => plain(0x2f, 0x2a, 0x2a),
        B => plain(0x30, 0x32, 0x32),
        N => plain(0x31, 0x31, 0x31),
        M => plain(0x32, 0x3a, 0x3a),
        Comma => plain(0x33, 0x41, 0x41),
        Period => plain(0x34, 0x49, 0x49),
        Slash => plain(0x35, 0x4a, 0x4a),
        ShiftRight => plain(0x36, 0x59, 0x59),
        ControlLeft => plain(0x1d, 0x14, 0x11),
        MetaLeft => grey(0x5b, 0x1f, 0x8b),
        AltLeft => plain(0x38, 0x11, 0x19),
        Space => plain(0x39, 0x29, 0x29),
        AltRight => grey(0x38, 0x11, 0x39),
        MetaRight => grey(0x5c, 0x27, 0x8c),
        Menu => grey(0x5d, 0x2f, 0x8d),
        ControlRight => grey(0x1d, 0x14, 0x58),
        Insert => grey(0x52, 0x70, 0x67),
        Home => grey(0x47, 0x6c, 0x6e),
        PageUp => grey(0x49, 0x7d, 0x6f),
        Delete => grey(0x53, 0x71, 0x64),
        End => grey(0x4f, 0x69, 0x65),
        PageDown => grey(0x51, 0x7a, 0x6d),
        ArrowUp => grey(0x48, 0x75, 0x63),
        ArrowLeft => grey(0x4b, 0x6b, 0x61),
        ArrowDown => grey(0x50, 0x72, 0x60),
        ArrowRight => grey(0x4d, 0x74, 0x6a),
        NumLock => plain(0x45, 0x77, 0x76),
        NumpadDivide => grey(0x35, 0x4a, 0x77),
        NumpadMultiply => plain(0x37, 0x7c, 0x7e),
        NumpadSubtract => plain(0x4a, 0x7b, 0x84),
        NumpadAdd => plain(0x4e, 0x79, 0x7c),
        NumpadEnter => grey(0x1c, 0x5a, 0x79),
        NumpadDecimal => plain(0x53, 0x71, 0x71),
        Numpad0 => plain(0x52, 0x70, 0x70),
        Numpad1 => plain(0x4f, 0x69, 0x69),
        Numpad2 => plain(0x50, 0x72, 0x72),
        Numpad3 => plain(0x51, 0x7a, 0x7a),
        Numpad4 => plain(0x4b, 0x6b, 0x6b),
        Numpad5 => plain(0x4c, 0x73, 0x73),
        Numpad6 => plain(0x4d, 0x74, 0x74),
        Numpad7 => plain(0x47, 0x6c, 0x6c),
        Numpad8 => plain(0x48, 0x75, 0x75),
        Numpad9 => plain(0x49, 0x7d, 0x7d),
    }
}

const GREY: u8 = 0xe0;
const BREAK_SET_1: u8 = 0x80;
/// The prefix of break codes in sets 2 and 3.
pub(super) const BREAK: u8 = 0xf0;

/// A scan code set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ScanSet {
    One = 1,
    Two = 2,
    Three = 3,
}

/// What Print Screen and Pause send depends on the keys held with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) shift: bool,
    pub(super) control: bool,
    pub(super) alt: bool,
}

/// Puts what `key` sends into `out`.
pub(super) fn encode(key: KeyCode, down: bool, set: ScanSet, held: Held, out: &mut impl Extend<u8>) {
    let codes = codes(key);
    let two_sets = |one: &'static [u8], two: &'static [u8]| if set == ScanSet::One { one } else { two };
    match (key, set) {
        (_, ScanSet::Three) if down => out.extend([codes.set3]),
        (_, ScanSet::Three) => out.extend([BREAK, codes.set3]),
        // All at once when it goes down; Break with Control.
        (KeyCode::Pause, _) => {
            let bytes = match (down, held.control) {
                (false, _) => &[],
                (true, true) => two_sets(&[0xe0, 0x46, 0xe0, 0xc6], &[0xe0, 0x7e, 0xe0, 0xf0, 0x7e]),
                (true, false) => two_sets(
                    &[0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5],
                    &[0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77],
                ),
            };
            out.extend(bytes.iter().copied());
        }
        // System Request with Alt; otherwise with a shift code around it, unless one is held anyway.
        (KeyCode::PrintScreen, _) if held.alt => {
            let bytes = if down {
                two_sets(&[0x54], &[0x84])
            } else {
                two_sets(&[0xd4], &[0xf0, 0x84])
            };
            out.extend(bytes.iter().copied());
        }
        (KeyCode::PrintScreen, _) if !held.shift && !held.control => {
            let bytes = if down {
                two_sets(&[0xe0, 0x2a, 0xe0, 0x37], &[0xe0, 0x12, 0xe0, 0x7c])
            } else {
                two_sets(&[0xe0, 0xb7, 0xe0, 0xaa], &[0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12])
            };
            out.extend(bytes.iter().copied());
        }
        (_, ScanSet::One) => {
            out.extend(codes.extended.then_some(GREY));
            out.extend([if down {
                codes.set1
            } else {
                codes.set1 | BREAK_SET_1
            }]);
        }
        (_, ScanSet::Two) => {
            out.extend(codes.extended.then_some(GREY));
            out.extend((!down).then_some(BREAK));
            out.extend([codes.set2]);
        }
    }
}

/// The key with a code of set 3.
pub(super) fn key_of_set_3(code: u8) -> Option<KeyCode> {
    KeyCode::ALL.iter().copied().find(|&key| codes(key).set3 == code)
}

/// How a key of set 3 behaves until a program says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum KeyType {
    Typematic,
    MakeBreak,
    Make,
    TypematicMakeBreak,
}

impl KeyType {
    pub(super) fn repeats(self) -> bool {
        matches!(self, Self::Typematic | Self::TypematicMakeBreak)
    }

    pub(super) fn breaks(self) -> bool {
        matches!(self, Self::MakeBreak | Self::TypematicMakeBreak)
    }

    /// The keyboard's default for a key in set 3.
    pub(super) fn of(key: KeyCode) -> Self {
        use KeyCode::*;
        match key {
            ShiftLeft | ShiftRight | ControlLeft | AltLeft | CapsLock => Self::MakeBreak,
            Escape | F1 | F2 | F3 | F4 | F5 | F6 | F7 | F8 | F9 | F10 | F11 | F12 | PrintScreen
            | ScrollLock | Pause | AltRight | ControlRight | MetaLeft | MetaRight | Menu | Insert | Home
            | PageUp | End | PageDown | NumLock | NumpadDivide | NumpadMultiply | NumpadSubtract
            | NumpadEnter | NumpadDecimal | Numpad0 | Numpad1 | Numpad2 | Numpad3 | Numpad4 | Numpad5
            | Numpad6 | Numpad7 | Numpad8 | Numpad9 => Self::Make,
            _ => Self::Typematic,
        }
    }
}

/// The table in the 8042 that turns a byte of set 2 into one of set 1. Bytes from 85h on pass.
#[rustfmt::skip]
const TRANSLATION: [u8; 0x85] = [
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
    0x80, 0x81, 0x82, 0x41, 0x54,
];

/// One byte of the keyboard through the translation table.
pub(super) fn translate(byte: u8) -> u8 {
    TRANSLATION.get(usize::from(byte)).copied().unwrap_or(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(key: KeyCode, down: bool, set: ScanSet, held: Held) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(key, down, set, held, &mut bytes);
        bytes
    }

    /// Set 2 through the controller, with its break prefix.
    fn translated(bytes: Vec<u8>) -> Vec<u8> {
        let mut high = 0;
        let mut out = Vec::new();
        for byte in bytes {
            if byte == BREAK {
                high = 0x80;
            } else {
                out.push(translate(byte) | core::mem::take(&mut high));
            }
        }
        out
    }

    #[test]
    fn set_2_translates_into_set_1_for_every_key_held_with_anything() {
        for &key in KeyCode::ALL {
            for down in [true, false] {
                for bits in 0..8 {
                    let held = Held {
                        shift: bits & 1 != 0,
                        control: bits & 2 != 0,
                        alt: bits & 4 != 0,
                    };
                    assert_eq!(
                        translated(sent(key, down, ScanSet::Two, held)),
                        sent(key, down, ScanSet::One, held),
                        "{key:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn no_two_keys_send_the_same() {
        for set in [ScanSet::One, ScanSet::Two, ScanSet::Three] {
            let mut all: Vec<Vec<u8>> = KeyCode::ALL
                .iter()
                .map(|&key| sent(key, true, set, Held::default()))
                .collect();
            all.sort();
            all.dedup();
            assert_eq!(all.len(), KeyCode::ALL.len());
        }
    }

    #[test]
    fn print_screen_is_four_bytes_and_pause_is_make_only() {
        let none = Held::default();
        assert_eq!(
            sent(KeyCode::PrintScreen, true, ScanSet::One, none),
            [0xe0, 0x2a, 0xe0, 0x37]
        );
        assert_eq!(
            sent(KeyCode::PrintScreen, false, ScanSet::One, none),
            [0xe0, 0xb7, 0xe0, 0xaa]
        );
        assert_eq!(
            sent(KeyCode::Pause, true, ScanSet::One, none),
            [0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5]
        );
        assert_eq!(sent(KeyCode::Pause, false, ScanSet::One, none), []);
    }
}
