//! What a window needs of the library that opens it.

use oldiron_platform::KeyCode;

use crate::outcome::Failure;

/// Buttons as the guest's mouse has them.
pub const LEFT: u8 = 1;
pub const RIGHT: u8 = 2;
pub const MIDDLE: u8 = 4;

/// What the host's pointer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointerEvent {
    /// It moved so many pixels to the right and downwards.
    Moved(i32, i32),
    /// A button went down or up.
    Button(u8, bool),
    /// The wheel was turned so many notches towards the user.
    Wheel(i8),
}

/// What happened to the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A key of the PC went down or up. Repeats come as further presses.
    Key {
        /// Which.
        code: KeyCode,
        /// What the host's layout has on it.
        letter: Option<char>,
        /// Down.
        down: bool,
    },
    /// A character from a key that no PC has: other layouts have such keys, and so do programs that
    /// type for the user.
    Char(char),
    /// The pointer did something. Movements come while it is captured.
    Pointer(PointerEvent),
    /// The window has the keyboard from now on, or has it no longer.
    Focus(bool),
    /// What was drawn may be gone.
    Exposed,
    /// The user closed it.
    Close,
}

/// A window of one of the libraries.
pub trait Toolkit {
    /// Takes what happened since the last call, in order.
    fn poll(&mut self, events: &mut Vec<Event>) -> Result<(), Failure>;

    /// Width and height of what can be drawn on, in the screen's own pixels.
    fn size(&self) -> (usize, usize);

    /// Shows rows of 0x00RRGGBB that fill a window of this size.
    fn draw(&mut self, pixels: &[u32], size: (usize, usize)) -> Result<(), Failure>;

    /// What stands in the title bar.
    fn set_title(&mut self, title: &str);

    /// Takes the pointer: hides it, and reports its movements wherever they lead. Whether it could.
    fn capture(&mut self) -> bool;

    /// Gives the pointer back.
    fn release(&mut self);

    /// Makes the window so large, in the screen's own pixels, where the library can and the screen has room.
    fn grow(&mut self, _: (usize, usize)) {}

    /// Between a window and the whole screen, where the library can.
    fn set_full_screen(&mut self, _: bool) {}

    /// Whether the window has the whole screen; `None` where the library cannot.
    fn full_screen(&self) -> Option<bool> {
        None
    }
}

/// Why no window opens.
pub fn no_window(why: &str) -> Failure {
    Failure::host_io(format!(
        "cannot open a window: {why}; use --display term or --headless"
    ))
}
