//! Keys as minifb names them, as keys of a PC.

use minifb::Key;
use oldiron_platform::KeyCode as K;

/// The PC key for a key of the window.
pub fn key_code(key: Key) -> Option<K> {
    Some(match key {
        Key::Key0 => K::Digit0,
        Key::Key1 => K::Digit1,
        Key::Key2 => K::Digit2,
        Key::Key3 => K::Digit3,
        Key::Key4 => K::Digit4,
        Key::Key5 => K::Digit5,
        Key::Key6 => K::Digit6,
        Key::Key7 => K::Digit7,
        Key::Key8 => K::Digit8,
        Key::Key9 => K::Digit9,
        Key::A => K::A,
        Key::B => K::B,
        Key::C => K::C,
        Key::D => K::D,
        Key::E => K::E,
        Key::F => K::F,
        Key::G => K::G,
        Key::H => K::H,
        Key::I => K::I,
        Key::J => K::J,
        Key::K => K::K,
        Key::L => K::L,
        Key::M => K::M,
        Key::N => K::N,
        Key::O => K::O,
        Key::P => K::P,
        Key::Q => K::Q,
        Key::R => K::R,
        Key::S => K::S,
        Key::T => K::T,
        Key::U => K::U,
        Key::V => K::V,
        Key::W => K::W,
        Key::X => K::X,
        Key::Y => K::Y,
        Key::Z => K::Z,
        Key::F1 => K::F1,
        Key::F2 => K::F2,
        Key::F3 => K::F3,
        Key::F4 => K::F4,
        Key::F5 => K::F5,
        Key::F6 => K::F6,
        Key::F7 => K::F7,
        Key::F8 => K::F8,
        Key::F9 => K::F9,
        Key::F10 => K::F10,
        Key::F11 => K::F11,
        Key::F12 => K::F12,
        Key::Down => K::ArrowDown,
        Key::Left => K::ArrowLeft,
        Key::Right => K::ArrowRight,
        Key::Up => K::ArrowUp,
        Key::Apostrophe => K::Quote,
        Key::Backquote => K::Backquote,
        Key::Backslash => K::Backslash,
        Key::Comma => K::Comma,
        Key::Equal => K::Equal,
        Key::LeftBracket => K::BracketLeft,
        Key::Minus => K::Minus,
        Key::Period => K::Period,
        Key::RightBracket => K::BracketRight,
        Key::Semicolon => K::Semicolon,
        Key::Slash => K::Slash,
        Key::Backspace => K::Backspace,
        Key::Delete => K::Delete,
        Key::End => K::End,
        Key::Enter => K::Enter,
        Key::Escape => K::Escape,
        Key::Home => K::Home,
        Key::Insert => K::Insert,
        Key::Menu => K::Menu,
        Key::PageDown => K::PageDown,
        Key::PageUp => K::PageUp,
        Key::Pause => K::Pause,
        Key::Space => K::Space,
        Key::Tab => K::Tab,
        Key::NumLock => K::NumLock,
        Key::CapsLock => K::CapsLock,
        Key::ScrollLock => K::ScrollLock,
        Key::LeftShift => K::ShiftLeft,
        Key::RightShift => K::ShiftRight,
        Key::LeftCtrl => K::ControlLeft,
        Key::RightCtrl => K::ControlRight,
        Key::NumPad0 => K::Numpad0,
        Key::NumPad1 => K::Numpad1,
        Key::NumPad2 => K::Numpad2,
        Key::NumPad3 => K::Numpad3,
        Key::NumPad4 => K::Numpad4,
        Key::NumPad5 => K::Numpad5,
        Key::NumPad6 => K::Numpad6,
        Key::NumPad7 => K::Numpad7,
        Key::NumPad8 => K::Numpad8,
        Key::NumPad9 => K::Numpad9,
        Key::NumPadDot => K::NumpadDecimal,
        Key::NumPadSlash => K::NumpadDivide,
        Key::NumPadAsterisk => K::NumpadMultiply,
        Key::NumPadMinus => K::NumpadSubtract,
        Key::NumPadPlus => K::NumpadAdd,
        Key::NumPadEnter => K::NumpadEnter,
        Key::LeftAlt => K::AltLeft,
        Key::RightAlt => K::AltRight,
        Key::LeftSuper => K::MetaLeft,
        Key::RightSuper => K::MetaRight,
        _ => return None,
    })
}

/// Whether a press of `key` brings a character too.
pub fn has_character(key: Key) -> bool {
    !matches!(
        key,
        Key::LeftShift
            | Key::RightShift
            | Key::LeftCtrl
            | Key::RightCtrl
            | Key::LeftAlt
            | Key::RightAlt
            | Key::LeftSuper
            | Key::RightSuper
            | Key::CapsLock
            | Key::NumLock
            | Key::ScrollLock
            | Key::Up
            | Key::Down
            | Key::Left
            | Key::Right
            | Key::Home
            | Key::End
            | Key::PageUp
            | Key::PageDown
            | Key::Insert
    )
}
