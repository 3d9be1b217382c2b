//! The window on the desktop.
//!
//! Keys come through minifb's input callback, one event at a time and in order; per-frame sets of
//! keys would lose fast typing. The monitor is 4:3 whatever the mode: rows are stretched, columns
//! are whole multiples.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::mpsc::{Receiver, Sender, channel},
};

use minifb::{InputCallback, Key, ScaleMode, Window, WindowOptions};
use oldiron_platform::{Frame, KeyCode, Machine};

use crate::{
    display::{Display, Input, MENU, Status, menu_command},
    keymap::key_code,
    mouse::HostMouse,
    outcome::Failure,
};

/// What the window starts with: the dots of the usual text mode, in 4:3.
const WIDTH: usize = 720;
const HEIGHT: usize = 540;

/// Opens the menu; pressed twice it is a key for the guest.
const MENU_KEY: Key = Key::F11;

/// Even an unchanged picture is drawn again after so many calls: the window may have been covered.
const REDRAW_EVERY: u32 = 16;

enum Event {
    Key(Key, bool),
    /// A character from a key that minifb has no name for.
    Char(char),
}

struct Events {
    sender: Sender<Event>,
    /// The next character belongs to a key that has been sent.
    named: bool,
}

impl InputCallback for Events {
    /// Called after the key that the character comes from.
    fn add_char(&mut self, character: u32) {
        let named = std::mem::take(&mut self.named);
        if let Some(character) = char::from_u32(character).filter(|_| !named) {
            // The receiver lives as long as the window.
            let _ = self.sender.send(Event::Char(character));
        }
    }

    fn set_key_state(&mut self, key: Key, down: bool) {
        self.named = down && has_character(key);
        let _ = self.sender.send(Event::Key(key, down));
    }
}

/// Whether a press of `key` brings a character too.
fn has_character(key: Key) -> bool {
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

/// The window.
pub struct PcWindow {
    window: Window,
    events: Receiver<Event>,
    /// Keys that the guest believes to be down.
    pressed: BTreeMap<usize, KeyCode>,
    /// Keys that are down here.
    held: BTreeSet<usize>,
    menu_open: bool,
    mouse: HostMouse,
    /// What the mouse did since the last poll.
    mouse_inputs: Vec<Input>,
    /// The guest listens to its mouse.
    mouse_wanted: bool,
    focused: bool,
    title: String,
    status: Status,
    /// Which picture is in the window.
    shown: u64,
    picture: Picture,
    skipped: u32,
}

impl PcWindow {
    /// Opens it.
    pub fn open() -> Result<Self, Failure> {
        // Without a server some systems' libraries end the program instead of returning an error.
        if cfg!(all(unix, not(target_os = "macos")))
            && std::env::var_os("DISPLAY").is_none_or(|name| name.is_empty())
        {
            return Err(Failure::host_io(
                "no display to open a window on (DISPLAY is not set); use --display term or --headless",
            ));
        }
        let options = WindowOptions {
            resize: true,
            scale_mode: ScaleMode::UpperLeft,
            ..WindowOptions::default()
        };
        let mut window = Window::new("oldiron", WIDTH, HEIGHT, options).map_err(|error| {
            Failure::host_io(format!(
                "cannot open a window: {error}; use --display term or --headless"
            ))
        })?;
        // The session paces.
        window.set_target_fps(0);
        let (sender, events) = channel();
        window.set_input_callback(Box::new(Events { sender, named: false }));
        Ok(Self {
            mouse: HostMouse::new(&window),
            mouse_inputs: Vec::new(),
            mouse_wanted: false,
            window,
            events,
            pressed: BTreeMap::new(),
            held: BTreeSet::new(),
            menu_open: false,
            focused: true,
            title: String::new(),
            status: Status::default(),
            shown: u64::MAX,
            picture: Picture::default(),
            skipped: 0,
        })
    }

    fn key(&mut self, key: Key, down: bool, inputs: &mut Vec<Input>) {
        let Some(code) = key_code(key) else {
            return;
        };
        let index = key as usize;
        if !down {
            self.held.remove(&index);
            if let Some(code) = self.pressed.remove(&index) {
                inputs.push(Input::Key(code, false));
            }
            return;
        }
        // The host's repeats are not the guest's.
        if !self.held.insert(index) {
            return;
        }
        if self.menu_open {
            if matches!(key, Key::LeftShift | Key::RightShift) {
                return;
            }
            self.menu_open = false;
            self.retitle();
            match menu_letter(key).and_then(menu_command) {
                Some(command) => return inputs.push(Input::Command(command)),
                // The menu key once more is for the guest; anything else closes the menu.
                None if key != MENU_KEY => return,
                None => {}
            }
        } else if key == MENU_KEY {
            self.menu_open = true;
            self.mouse.release(&mut self.window, inputs);
            self.retitle();
            return;
        }
        self.pressed.insert(index, code);
        inputs.push(Input::Key(code, true));
    }

    /// A character that no named key stands for: other layouts have such keys, and so do programs
    /// that type for the user.
    fn character(&mut self, character: char, inputs: &mut Vec<Input>) {
        if std::mem::take(&mut self.menu_open) {
            self.retitle();
            inputs.extend(menu_command(character).map(Input::Command));
        } else {
            inputs.push(Input::Text(character.into()));
        }
    }

    /// After each update of the window: it forgets the wheel with the next.
    fn poll_mouse(&mut self) {
        let captured = self.mouse.is_captured();
        let (width, wanted) = (picture_width(self.picture.size), self.mouse_wanted);
        self.mouse
            .poll(&mut self.window, wanted, width, &mut self.mouse_inputs);
        if self.mouse.is_captured() != captured {
            self.retitle();
        }
    }

    fn retitle(&mut self) {
        let title = match self.menu_open {
            true => format!("oldiron menu: {MENU}, F11 for F11"),
            false if self.mouse.is_captured() => self.status.line("F11: frees the mouse, menu"),
            false if self.mouse_wanted => self.status.line("click: mouse, F11: menu"),
            false => self.status.line("F11: menu"),
        };
        if title != self.title {
            self.window.set_title(&title);
            self.title = title;
        }
    }
}

fn menu_letter(key: Key) -> Option<char> {
    Some(match key {
        Key::P => 'p',
        Key::R => 'r',
        Key::D => 'd',
        Key::S => 's',
        Key::K => 'k',
        Key::L => 'l',
        Key::Equal | Key::NumPadPlus => '+',
        Key::Minus | Key::NumPadMinus => '-',
        Key::M => 'm',
        Key::F => 'f',
        Key::C => 'c',
        Key::V => 'v',
        Key::Q => 'q',
        _ => return None,
    })
}

impl Display for PcWindow {
    fn poll(&mut self) -> Result<Vec<Input>, Failure> {
        self.window.update();
        self.poll_mouse();
        let mut inputs = std::mem::take(&mut self.mouse_inputs);
        while let Ok(event) = self.events.try_recv() {
            match event {
                Event::Key(key, down) => self.key(key, down, &mut inputs),
                Event::Char(character) => self.character(character, &mut inputs),
            }
        }
        let focused = self.window.is_active();
        if self.focused && !focused {
            self.held.clear();
            let pressed = std::mem::take(&mut self.pressed);
            inputs.extend(pressed.into_values().map(|code| Input::Key(code, false)));
            self.mouse.release(&mut self.window, &mut inputs);
            self.retitle();
        }
        self.focused = focused;
        if !self.window.is_open() {
            inputs.push(Input::Close);
        }
        Ok(inputs)
    }

    fn present(&mut self, machine: &mut Machine) -> Result<(), Failure> {
        machine.displayed_frame();
        let generation = machine.vga().displayed_generation();
        let size = self.window.get_size();
        self.mouse_wanted = machine.mouse_is_listened_to();
        self.skipped += 1;
        let changed = generation != self.shown || size != self.picture.size;
        if !changed && self.skipped < REDRAW_EVERY {
            return Ok(());
        }
        let (width, height) = size;
        if width == 0 || height == 0 {
            return Ok(());
        }
        if changed {
            self.picture.draw(machine.displayed_frame(), size);
        }
        (self.skipped, self.shown) = (0, generation);
        self.window
            .update_with_buffer(&self.picture.pixels, width, height)
            .map_err(|error| Failure::host_io(format!("cannot draw in the window: {error}")))?;
        self.poll_mouse();
        Ok(())
    }

    fn show_status(&mut self, status: &Status) -> Result<(), Failure> {
        self.status.clone_from(status);
        self.retitle();
        Ok(())
    }

    fn has_sound(&self) -> bool {
        true
    }

    fn clipboard(&mut self) -> Option<String> {
        let text = arboard::Clipboard::new()
            .and_then(|mut clipboard| clipboard.get_text())
            .ok()?;
        Some(text.replace("\r\n", "\n")).filter(|text| !text.is_empty())
    }
}

/// The width of the largest 4:3 picture in a window.
fn picture_width((width, height): (usize, usize)) -> usize {
    width.min(height * 4 / 3).max(1)
}

/// What is in the window, and what it was made of: rows that stay as they are need not be drawn again.
#[derive(Default)]
struct Picture {
    pixels: Vec<u32>,
    /// Size of the window.
    size: (usize, usize),
    frame: Frame,
}

impl Picture {
    /// Draws `frame` in 4:3 in the middle of a window: columns are a whole number of dots where they
    /// fit, rows are averaged so that every line of a character has the same weight.
    fn draw(&mut self, frame: &Frame, (width, height): (usize, usize)) {
        let changed = self.take_over(frame, (width, height));
        let (from_w, from_h) = (frame.width as usize, frame.height as usize);
        if from_w == 0 || from_h == 0 || frame.pixels.len() < from_w * from_h {
            return;
        }
        // The largest 4:3 rectangle in the window, then the largest whole multiple in that.
        let fit_w = picture_width((width, height));
        let to_w = if fit_w >= from_w {
            fit_w / from_w * from_w
        } else {
            fit_w
        };
        let to_h = (to_w * 3 / 4).clamp(1, height);
        let (left, top) = ((width - to_w) / 2, (height - to_h) / 2);
        let columns: Vec<usize> = (0..to_w).map(|x| x * from_w / to_w).collect();
        for y in 0..to_h {
            // Row y shows source rows from y*from_h/to_h to (y+1)*from_h/to_h, in units of 1/to_h.
            let (begin, end) = (y * from_h, (y + 1) * from_h);
            let first = begin / to_h;
            let second = ((end - 1) / to_h).min(from_h - 1);
            if !changed[first] && !changed[second] {
                continue;
            }
            let row = &mut self.pixels[(top + y) * width + left..][..to_w];
            let source = |index: usize| &frame.pixels[index * from_w..][..from_w];
            if first == second {
                let source = source(first);
                row.iter_mut()
                    .zip(&columns)
                    .for_each(|(pixel, &x)| *pixel = source[x]);
            } else {
                // Weight of the second row in 256ths; more than two rows meet only in tiny windows.
                let weight = ((end - second * to_h) * 256 / from_h).min(256) as u32;
                let (upper, lower) = (source(first), source(second));
                for (pixel, &x) in row.iter_mut().zip(&columns) {
                    *pixel = blend(upper[x], lower[x], weight);
                }
            }
        }
    }

    /// Remembers what is being drawn, and says which of its rows are new.
    fn take_over(&mut self, frame: &Frame, size: (usize, usize)) -> Vec<bool> {
        let shape = |frame: &Frame| (frame.width, frame.height, frame.pixels.len());
        if size != self.size || shape(frame) != shape(&self.frame) {
            self.pixels.clear();
            self.pixels.resize(size.0 * size.1, 0);
            self.size = size;
            self.frame.clone_from(frame);
            return vec![true; frame.height as usize];
        }
        let row = (frame.width as usize).max(1);
        let rows = self.frame.pixels.chunks_mut(row).zip(frame.pixels.chunks(row));
        let renew = |(old, new): (&mut [u32], &[u32])| {
            let changed = old != new;
            if changed {
                old.copy_from_slice(new);
            }
            changed
        };
        rows.map(renew).collect()
    }
}

/// `a` and `b` mixed, with `weight` of 256 parts of `b`.
fn blend(a: u32, b: u32, weight: u32) -> u32 {
    if a == b {
        return a;
    }
    // Red and blue have eight free bits above them, as has green: two multiplications do for three.
    let mix = |mask: u32| (((a & mask) * (256 - weight) + (b & mask) * weight) >> 8) & mask;
    mix(0x00ff00ff) | mix(0x0000ff00)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(width: u32, height: u32, pixel: impl Fn(u32, u32) -> u32) -> Frame {
        let pixels = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .map(|(x, y)| pixel(x, y))
            .collect();
        Frame {
            width,
            height,
            pixels,
            double_rows: false,
        }
    }

    fn scale(frame: &Frame, width: usize, height: usize, out: &mut Vec<u32>) {
        let mut picture = Picture::default();
        picture.draw(frame, (width, height));
        *out = picture.pixels;
    }

    #[test]
    fn drawing_only_what_changed_gives_the_same_picture() {
        let mut picture = Picture::default();
        let mut out = Vec::new();
        for (n, (width, height)) in [(640, 400), (640, 400), (640, 400), (320, 200), (640, 400)]
            .into_iter()
            .enumerate()
        {
            for size in [(720, 540), (720, 540), (641, 480), (300, 200)] {
                let n = n as u32;
                let frame = frame(width, height, |x, y| if y % 7 == n { x * 77 + n } else { y * 99 });
                picture.draw(&frame, size);
                scale(&frame, size.0, size.1, &mut out);
                assert_eq!(picture.pixels, out);
            }
        }
    }

    #[test]
    fn a_picture_is_four_by_three_with_whole_columns_in_the_middle() {
        let mut out = Vec::new();
        scale(&frame(640, 400, |_, _| 0xffffff), 1500, 1000, &mut out);
        let row = &out[500 * 1500..501 * 1500];
        assert_eq!(row.iter().filter(|&&pixel| pixel != 0).count(), 1280);
        assert_eq!(
            (row[109], row[110], row[1389], row[1390]),
            (0, 0xffffff, 0xffffff, 0)
        );
        let lit = (0..1000).filter(|y| out[y * 1500 + 750] != 0).count();
        assert_eq!(lit, 960);
    }

    #[test]
    fn stretched_rows_keep_their_weight() {
        let mut out = Vec::new();
        scale(
            &frame(720, 400, |_, y| if y % 16 == 5 { 0xff0000 } else { 0 }),
            720,
            540,
            &mut out,
        );
        let red: u32 = (0..540).map(|y| out[y * 720] >> 16).sum();
        let expected = 25 * 255 * 540 / 400;
        assert!(red.abs_diff(expected) < expected / 20, "{red} {expected}");
    }

    #[test]
    fn colours_are_exact_where_rows_agree_and_no_size_is_too_small() {
        let mut out = Vec::new();
        scale(&frame(320, 200, |_, _| 0x123456), 720, 540, &mut out);
        assert_eq!(out[270 * 720 + 360], 0x123456);
        for (width, height) in [(1, 1), (3, 2), (100, 1), (1, 100)] {
            scale(&frame(720, 400, |_, _| 0xabcdef), width, height, &mut out);
            assert_eq!(out.len(), width * height);
        }
        scale(&Frame::default(), 10, 10, &mut out);
        assert_eq!(out, vec![0; 100]);
    }

    #[test]
    fn channels_do_not_leak_into_each_other() {
        assert_eq!(blend(0xff0000, 0x0000ff, 128), 0x7f007f);
        assert_eq!(blend(0x00ff00, 0x000000, 256), 0);
        assert_eq!(blend(0x010101, 0xfefefe, 0), 0x010101);
    }
}
