//! The host's pointer as the guest's mouse.
//!
//! A click into the window captures the pointer, if the guest listens to its mouse; the menu key and the
//! loss of the focus set it free. While it is captured it is hidden, and where it moves, the guest's mouse moves:
//! positions are summed up and scaled as a whole, so that nothing is lost to rounding, and a pointer
//! that comes back brings the guest's back, too.

use super::toolkit::{LEFT, PointerEvent, Toolkit};
use crate::display::Input;

/// Counts that the guest's mouse makes over the width of the picture: as many as the usual DOS drivers
/// need from one side to the other.
const COUNTS_ACROSS: i64 = 640;

/// The pointer, and whether the guest has it.
pub struct HostMouse {
    captured: bool,
    path: Path,
    buttons: u8,
}

impl HostMouse {
    /// A pointer that the host has.
    pub fn new() -> Self {
        Self {
            captured: false,
            path: Path::new(1),
            buttons: 0,
        }
    }

    /// Whether the guest has the pointer.
    pub fn is_captured(&self) -> bool {
        self.captured
    }

    /// The pointer did something. A click captures it if `wanted`. The picture is `width` pixels wide.
    pub fn pointer(
        &mut self,
        event: PointerEvent,
        toolkit: &mut dyn Toolkit,
        wanted: bool,
        width: usize,
        inputs: &mut Vec<Input>,
    ) {
        if self.captured {
            self.event(event, inputs);
        } else if wanted && event == PointerEvent::Button(LEFT, true) {
            self.captured = toolkit.capture();
            self.path = Path::new(width);
        }
    }

    /// Gives the pointer back to the host. The guest's buttons go up.
    pub fn release(&mut self, toolkit: &mut dyn Toolkit, inputs: &mut Vec<Input>) {
        if !std::mem::take(&mut self.captured) {
            return;
        }
        toolkit.release();
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

#[cfg(test)]
mod tests {
    use super::{super::toolkit::RIGHT, *};

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
