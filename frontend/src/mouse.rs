//! The host's pointer as the guest's mouse.
//!
//! A click into the window captures the pointer, if the guest listens to its mouse; the menu key and the
//! loss of the focus set it free. While it is captured it is hidden, and where it moves, the guest's mouse moves:
//! positions are summed up and scaled as a whole, so that nothing is lost to rounding, and a pointer
//! that comes back brings the guest's back, too.
//!
//! Window libraries only tell where the pointer is when asked. Under X11 a connection of our own
//! ([`mouse_x11`](crate::mouse_x11)) does better; elsewhere buttons pressed for less than a few
//! milliseconds are missed, and the pointer stops at the edges of the screen.

use minifb::{MouseButton, MouseMode, Window};

use crate::display::Input;
#[cfg(all(unix, not(target_os = "macos")))]
use crate::mouse_x11::X11Pointer;

/// Counts that the guest's mouse makes over the width of the picture: as many as the usual DOS drivers
/// need from one side to the other.
const COUNTS_ACROSS: i64 = 640;

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

/// Where events come from.
enum Source {
    #[cfg(all(unix, not(target_os = "macos")))]
    X11(Box<X11Pointer>),
    Polled(Polled),
}

/// The pointer, and whether the guest has it.
pub struct HostMouse {
    source: Source,
    captured: bool,
    path: Path,
    buttons: u8,
}

impl HostMouse {
    /// The pointer over `window`.
    pub fn new(window: &Window) -> Self {
        Self {
            source: source(window),
            captured: false,
            path: Path::new(1),
            buttons: 0,
        }
    }

    /// Whether the guest has the pointer.
    pub fn is_captured(&self) -> bool {
        self.captured
    }

    /// Takes what the pointer did since the last call; comes after each update of the window. A click
    /// captures it if `wanted`. The picture is `width` pixels wide.
    pub fn poll(&mut self, window: &mut Window, wanted: bool, width: usize, inputs: &mut Vec<Input>) {
        let events = match &mut self.source {
            #[cfg(all(unix, not(target_os = "macos")))]
            Source::X11(pointer) => pointer.poll(),
            Source::Polled(polled) => polled.poll(window),
        };
        for event in events {
            if self.captured {
                self.event(event, inputs);
            } else if wanted && event == PointerEvent::Button(LEFT, true) {
                self.capture(window, width);
            }
        }
    }

    fn capture(&mut self, window: &mut Window, width: usize) {
        self.captured = match &mut self.source {
            #[cfg(all(unix, not(target_os = "macos")))]
            Source::X11(pointer) => pointer.grab(),
            Source::Polled(_) => {
                window.set_cursor_visibility(false);
                true
            }
        };
        self.path = Path::new(width);
    }

    /// Gives the pointer back to the host. The guest's buttons go up.
    pub fn release(&mut self, window: &mut Window, inputs: &mut Vec<Input>) {
        if !std::mem::take(&mut self.captured) {
            return;
        }
        match &mut self.source {
            #[cfg(all(unix, not(target_os = "macos")))]
            Source::X11(pointer) => pointer.ungrab(),
            Source::Polled(_) => window.set_cursor_visibility(true),
        }
        if std::mem::take(&mut self.buttons) != 0 {
            inputs.push(Input::Mouse {
                dx: 0,
                dy: 0,
                wheel: 0,
                buttons: 0,
            });
        }
    }

    fn event(&mut self, event: PointerEvent, inputs: &mut Vec<Input>) {
        let (mut dx, mut dy, mut wheel) = (0, 0, 0);
        match event {
            PointerEvent::Moved(x, y) => (dx, dy) = self.path.moved(x, y),
            PointerEvent::Button(button, true) => self.buttons |= button,
            // That of the click that captured.
            PointerEvent::Button(button, false) if self.buttons & button == 0 => return,
            PointerEvent::Button(button, false) => self.buttons &= !button,
            PointerEvent::Wheel(notches) => wheel = notches,
        }
        let buttons = self.buttons;
        if let (
            PointerEvent::Moved(..),
            Some(Input::Mouse {
                dx: x,
                dy: y,
                wheel: 0,
                buttons: same,
            }),
        ) = (event, inputs.last_mut())
            && *same == buttons
        {
            (*x, *y) = (x.saturating_add(dx), y.saturating_add(dy));
            return;
        }
        inputs.push(Input::Mouse {
            dx,
            dy,
            wheel,
            buttons,
        });
    }
}

fn source(window: &Window) -> Source {
    #[cfg(all(unix, not(target_os = "macos")))]
    match X11Pointer::open(window.get_window_handle() as usize as u32) {
        Ok(pointer) => return Source::X11(Box::new(pointer)),
        Err(error) => log::info!(target: "host::window", "the pointer is polled: {error}"),
    }
    let _ = window;
    Source::Polled(Polled::default())
}

/// The way of the pointer since it was captured, in pixels and in the guest's counts.
struct Path {
    /// Width of the picture.
    width: i64,
    pixels: [i64; 2],
    counts: [i64; 2],
}

impl Path {
    fn new(width: usize) -> Self {
        Self {
            width: (width as i64).max(1),
            pixels: [0; 2],
            counts: [0; 2],
        }
    }

    /// The counts of a movement.
    fn moved(&mut self, x: i32, y: i32) -> (i16, i16) {
        let mut new = [0; 2];
        for (axis, by) in [x, y].into_iter().enumerate() {
            self.pixels[axis] += i64::from(by);
            let counts = (self.pixels[axis] * COUNTS_ACROSS).div_euclid(self.width);
            let step = (counts - self.counts[axis]).clamp(i16::MIN.into(), i16::MAX.into());
            self.counts[axis] += step;
            new[axis] = step as i16;
        }
        (new[0], new[1])
    }
}

/// What the window library tells when asked.
#[derive(Default)]
struct Polled {
    at: Option<(i32, i32)>,
    down: u8,
}

impl Polled {
    fn poll(&mut self, window: &Window) -> Vec<PointerEvent> {
        let mut events = Vec::new();
        let at = window
            .get_unscaled_mouse_pos(MouseMode::Pass)
            .map(|(x, y)| (x as i32, y as i32));
        if let (Some((x, y)), Some((old_x, old_y))) = (at, self.at)
            && at != self.at
        {
            events.push(PointerEvent::Moved(x - old_x, y - old_y));
        }
        self.at = at.or(self.at);
        let inside = window.get_unscaled_mouse_pos(MouseMode::Discard).is_some();
        for (button, mask) in [
            (MouseButton::Left, LEFT),
            (MouseButton::Right, RIGHT),
            (MouseButton::Middle, MIDDLE),
        ] {
            let down = window.get_mouse_down(button);
            if down != (self.down & mask != 0) && (inside || !down) {
                self.down ^= mask;
                events.push(PointerEvent::Button(mask, down));
            }
        }
        if let Some((_, up)) = window.get_scroll_wheel() {
            events.push(PointerEvent::Wheel((-up).clamp(-8.0, 8.0).round() as i8));
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_that_returns_brings_the_mouse_back_whatever_the_scale_and_the_steps() {
        for width in [1, 320, 639, 720, 1440, 3001] {
            let mut path = Path::new(width);
            let (mut sum, mut at) = ((0i64, 0i64), (0, 0));
            let mut random = 12345u32;
            for n in 0..1000 {
                random = random.wrapping_mul(1664525).wrapping_add(1013904223);
                let to = match n {
                    999 => (0, 0),
                    _ => ((random >> 20) as i32 - 2000, (random >> 8 & 0xfff) as i32 - 2000),
                };
                let (dx, dy) = path.moved(to.0 - at.0, to.1 - at.1);
                at = to;
                sum = (sum.0 + i64::from(dx), sum.1 + i64::from(dy));
            }
            // At the narrowest, steps were cut: what is left comes with the next ones.
            for _ in 0..100_000 {
                let (dx, dy) = path.moved(0, 0);
                sum = (sum.0 + i64::from(dx), sum.1 + i64::from(dy));
            }
            assert_eq!(sum, (0, 0), "{width}");
        }
    }

    #[test]
    fn across_the_picture_is_across_the_guest() {
        let mut path = Path::new(720);
        let sum: i32 = (0..720).map(|_| i32::from(path.moved(1, 0).0)).sum();
        assert_eq!(sum, 640);
        assert_eq!(path.moved(-720, 9), (-640, 8));
    }

    #[test]
    fn movements_are_joined_and_buttons_and_the_wheel_keep_their_order() {
        let mut mouse = HostMouse {
            source: Source::Polled(Polled::default()),
            captured: true,
            path: Path::new(640),
            buttons: 0,
        };
        let mut inputs = Vec::new();
        for event in [
            // The end of the click that captured.
            PointerEvent::Button(LEFT, false),
            PointerEvent::Moved(3, -2),
            PointerEvent::Moved(1, 5),
            PointerEvent::Button(RIGHT, true),
            PointerEvent::Moved(2, 0),
            PointerEvent::Button(RIGHT, false),
            PointerEvent::Wheel(-1),
            PointerEvent::Moved(7, 7),
        ] {
            mouse.event(event, &mut inputs);
        }
        let seen: Vec<_> = inputs
            .into_iter()
            .map(|input| match input {
                Input::Mouse {
                    dx,
                    dy,
                    wheel,
                    buttons,
                } => (dx, dy, wheel, buttons),
                other => panic!("{other:?}"),
            })
            .collect();
        let expected = [
            (4, 3, 0, 0),
            (2, 0, 0, 2),
            (0, 0, 0, 0),
            (0, 0, -1, 0),
            (7, 7, 0, 0),
        ];
        assert_eq!(seen, expected);
    }
}
