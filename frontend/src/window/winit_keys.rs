//! Physical keys as winit names them, after UI Events' `KeyboardEvent.code`, as keys of a PC.
//!
//! Not there: keys that a PC of 105 keys does not have, such as those of Japanese and Brazilian keyboards.

use oldiron_platform::KeyCode as Pc;
use winit::keyboard::KeyCode as Key;

/// Pairs of keys: first those of the same name.
macro_rules! keys {
    ($key:expr, $($same:ident)*, $($theirs:ident $ours:ident)*) => {
        match $key {
            $(Key::$same => Some(Pc::$same),)*
            $(Key::$theirs => Some(Pc::$ours),)*
            _ => None,
        }
    };
}

/// The PC key in the place of a key of the host.
pub fn key_code(key: Key) -> Option<Pc> {
    keys!(key,
        Escape F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12 PrintScreen ScrollLock Pause
        Backquote Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal Backspace
        Tab BracketLeft BracketRight Backslash CapsLock Semicolon Quote Enter
        ShiftLeft IntlBackslash Comma Period Slash ShiftRight
        ControlLeft AltLeft Space AltRight ControlRight
        Insert Home PageUp Delete End PageDown ArrowUp ArrowLeft ArrowDown ArrowRight
        NumLock NumpadDivide NumpadMultiply NumpadSubtract NumpadAdd NumpadEnter NumpadDecimal
        Numpad0 Numpad1 Numpad2 Numpad3 Numpad4 Numpad5 Numpad6 Numpad7 Numpad8 Numpad9,
        KeyA A KeyB B KeyC C KeyD D KeyE E KeyF F KeyG G KeyH H KeyI I KeyJ J KeyK K KeyL L KeyM M
        KeyN N KeyO O KeyP P KeyQ Q KeyR R KeyS S KeyT T KeyU U KeyV V KeyW W KeyX X KeyY Y KeyZ Z
        SuperLeft MetaLeft SuperRight MetaRight ContextMenu Menu
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_a_pc_has_its_place() {
        // Only single letters, and three more, have other names there.
        let names = Pc::ALL.iter().map(|key| match key {
            Pc::MetaLeft => "SuperLeft".to_owned(),
            Pc::MetaRight => "SuperRight".to_owned(),
            Pc::Menu => "ContextMenu".to_owned(),
            key if key.name().len() == 1 => format!("Key{}", key.name()),
            key => key.name().to_owned(),
        });
        let found: Vec<_> = all()
            .filter_map(|key| Some((format!("{key:?}"), key_code(key)?)))
            .collect();
        for (name, &key) in names.zip(Pc::ALL) {
            assert!(found.contains(&(name.clone(), key)), "{name}");
        }
        assert_eq!(found.len(), Pc::ALL.len());
    }

    /// Those keys of winit that have a scan code: 0 to 255 in its numbering of Linux, E0xx in that of Windows.
    fn all() -> impl Iterator<Item = Key> {
        use winit::{keyboard::PhysicalKey, platform::scancode::PhysicalKeyExtScancode};
        (0..0x10000).filter_map(|code| match PhysicalKey::from_scancode(code) {
            PhysicalKey::Code(key) => Some(key),
            PhysicalKey::Unidentified(_) => None,
        })
    }
}
