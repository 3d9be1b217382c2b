//! The physical keys of a 101/102-key PC keyboard, named by what a US keycap shows.

use serde::{Deserialize, Serialize};

macro_rules! key_codes {
    ($($name:ident),* $(,)?) => {
        /// A physical key, independent of layout and scan code set.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[repr(u8)]
        #[expect(missing_docs, reason = "each name is the keycap")]
        pub enum KeyCode { $($name),* }

        impl KeyCode {
            /// All keys.
            pub const ALL: &[KeyCode] = &[$(KeyCode::$name),*];

            /// The name of the variant, for scripts, recordings and logs.
            pub const fn name(self) -> &'static str {
                match self { $(KeyCode::$name => stringify!($name)),* }
            }
        }
    };
}

key_codes! {
    Escape, F1, F2, F3, F4, F5, F6, F7, F8, F9, F10, F11, F12, PrintScreen, ScrollLock, Pause,
    Backquote, Digit1, Digit2, Digit3, Digit4, Digit5, Digit6, Digit7, Digit8, Digit9, Digit0, Minus, Equal,
    Backspace, Tab, Q, W, E, R, T, Y, U, I, O, P, BracketLeft, BracketRight, Backslash,
    CapsLock, A, S, D, F, G, H, J, K, L, Semicolon, Quote, Enter,
    ShiftLeft, IntlBackslash, Z, X, C, V, B, N, M, Comma, Period, Slash, ShiftRight,
    ControlLeft, MetaLeft, AltLeft, Space, AltRight, MetaRight, Menu, ControlRight,
    Insert, Home, PageUp, Delete, End, PageDown, ArrowUp, ArrowLeft, ArrowDown, ArrowRight,
    NumLock, NumpadDivide, NumpadMultiply, NumpadSubtract, NumpadAdd, NumpadEnter, NumpadDecimal,
    Numpad0, Numpad1, Numpad2, Numpad3, Numpad4, Numpad5, Numpad6, Numpad7, Numpad8, Numpad9,
}

impl KeyCode {
    /// The key whose variant is called `name`, in any case.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|key| key.name().eq_ignore_ascii_case(name))
    }
}
