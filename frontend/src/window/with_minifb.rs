//! A window by minifb.
//!
//! Keys come through minifb's input callback, one event at a time and in order; per-frame sets of
//! keys would lose fast typing. It names keys by what the host's layout has on them, so on other layouts than
//! the US one some keys are only characters.
//!
//! It only tells where the pointer is when asked. Under X11 a connection of our own
//! ([`X11Pointer`]) does better; elsewhere buttons pressed for less than a few milliseconds are
//! missed, and the pointer stops at the edges of the screen. There is no full screen.

use std::sync::mpsc::{Receiver, Sender, channel};

use minifb::{InputCallback, Key, MouseButton, MouseMode, ScaleMode, Window, WindowOptions};

#[cfg(all(unix, not(target_os = "macos")))]
use super::pointer_x11::X11Pointer;
use super::{
    HEIGHT, WIDTH,
    minifb_keys::{has_character, key_code},
    toolkit::{Event, LEFT, MIDDLE, PointerEvent, RIGHT, Toolkit, no_window},
};
use crate::outcome::Failure;

/// The window may have been covered, which nothing tells: it counts as exposed with every so many calls.
const EXPOSED_EVERY: u32 = 32;

struct Events {
    sender: Sender<Event>,
    /// The next character belongs to a key that has been sent.
    named: bool,
}

impl Events {
    fn send(&self, event: Event) {
        // The receiver lives as long as the window.
        let _ = self.sender.send(event);
    }
}

impl InputCallback for Events {
    /// Called after the key that the character comes from.
    fn add_char(&mut self, character: u32) {
        let named = std::mem::take(&mut self.named);
        if let Some(character) = char::from_u32(character).filter(|_| !named) {
            self.send(Event::Char(character));
        }
    }

    fn set_key_state(&mut self, key: Key, down: bool) {
        self.named = down && has_character(key);
        if let Some(code) = key_code(key) {
            // The name is already that of the layout's letter.
            self.send(Event::Key {
                code,
                letter: None,
                down,
            });
        }
    }
}

/// Where the pointer's events come from.
enum Source {
    #[cfg(all(unix, not(target_os = "macos")))]
    X11(Box<X11Pointer>),
    Polled(Polled),
}

/// The window.
pub struct Minifb {
    window: Window,
    keys: Receiver<Event>,
    source: Source,
    /// What the pointer did, from each update of the window: it forgets the wheel with the next.
    pointer: Vec<PointerEvent>,
    focused: bool,
    polls: u32,
}

impl Minifb {
    /// Opens it.
    pub fn open() -> Result<Self, Failure> {
        let options = WindowOptions {
            resize: true,
            scale_mode: ScaleMode::UpperLeft,
            ..WindowOptions::default()
        };
        let window = Window::new("oldiron", WIDTH, HEIGHT, options);
        let mut window = window.map_err(|error| no_window(&error.to_string()))?;
        // The session paces.
        window.set_target_fps(0);
        let (sender, keys) = channel();
        window.set_input_callback(Box::new(Events { sender, named: false }));
        Ok(Self {
            source: source(&window),
            window,
            keys,
            pointer: Vec::new(),
            focused: true,
            polls: 0,
        })
    }

    fn poll_pointer(&mut self) {
        self.pointer.append(&mut match &mut self.source {
            #[cfg(all(unix, not(target_os = "macos")))]
            Source::X11(pointer) => pointer.poll(),
            Source::Polled(polled) => polled.poll(&self.window),
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

impl Toolkit for Minifb {
    fn poll(&mut self, events: &mut Vec<Event>) -> Result<(), Failure> {
        self.window.update();
        self.poll_pointer();
        events.extend(self.pointer.drain(..).map(Event::Pointer));
        events.extend(self.keys.try_iter());
        let focused = self.window.is_active();
        if std::mem::replace(&mut self.focused, focused) != focused {
            events.push(Event::Focus(focused));
        }
        self.polls += 1;
        if self.polls.is_multiple_of(EXPOSED_EVERY) {
            events.push(Event::Exposed);
        }
        if !self.window.is_open() {
            events.push(Event::Close);
        }
        Ok(())
    }

    fn size(&self) -> (usize, usize) {
        self.window.get_size()
    }

    fn draw(&mut self, pixels: &[u32], (width, height): (usize, usize)) -> Result<(), Failure> {
        self.window
            .update_with_buffer(pixels, width, height)
            .map_err(|error| Failure::host_io(format!("cannot draw in the window: {error}")))?;
        self.poll_pointer();
        Ok(())
    }

    fn set_title(&mut self, title: &str) {
        self.window.set_title(title);
    }

    fn capture(&mut self) -> bool {
        match &mut self.source {
            #[cfg(all(unix, not(target_os = "macos")))]
            Source::X11(pointer) => pointer.grab(),
            Source::Polled(_) => {
                self.window.set_cursor_visibility(false);
                true
            }
        }
    }

    fn release(&mut self) {
        match &mut self.source {
            #[cfg(all(unix, not(target_os = "macos")))]
            Source::X11(pointer) => pointer.ungrab(),
            Source::Polled(_) => self.window.set_cursor_visibility(true),
        }
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
