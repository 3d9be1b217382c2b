//! The window on the desktop: keys, the menu, the mouse, and the title, whatever library opens it.
//!
//! A [`Toolkit`] is such a library: [`with_winit`], or [`with_minifb`] with `--display minifb`.

mod caption;
mod minifb_keys;
mod mouse;
mod picture;
#[cfg(all(unix, not(target_os = "macos")))]
mod pointer_x11;
mod toolkit;
mod winit_keys;
mod with_minifb;
mod with_winit;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use oldiron_platform::{KeyCode, Machine};

use self::{
    mouse::HostMouse,
    picture::{Picture, picture_width},
    toolkit::{Event, Toolkit},
    with_minifb::Minifb,
    with_winit::Winit,
};
use crate::{
    display::{Display, Input, MENU, Status, menu_command},
    outcome::Failure,
    typing::us_letter,
};

/// What the window starts with: the dots of the usual text mode, in 4:3.
const WIDTH: usize = 720;
const HEIGHT: usize = 540;

/// Opens the menu; pressed twice it is a key for the guest.
const MENU_KEY: KeyCode = KeyCode::F11;
/// Of the menu, where the window can take the whole screen.
const FULL_SCREEN: char = 'w';

/// How long the whole screen says what just changed.
const CAPTION_TIME: Duration = Duration::from_secs(4);

/// The window.
pub struct PcWindow {
    toolkit: Box<dyn Toolkit>,
    /// Keys that the guest believes to be down.
    pressed: BTreeSet<KeyCode>,
    /// Keys that are down here.
    held: BTreeSet<KeyCode>,
    menu_open: bool,
    mouse: HostMouse,
    /// The guest listens to its mouse.
    mouse_wanted: bool,
    title: String,
    /// Until when the whole screen shows the title, which it has no bar for.
    caption_until: Option<Instant>,
    /// What it shows of it.
    caption: Option<String>,
    status: Status,
    /// Which picture is in the window.
    shown: u64,
    picture: Picture,
    /// What was drawn may be gone.
    exposed: bool,
    /// The widest picture that the window was to be large enough for.
    widest: usize,
}

impl PcWindow {
    /// Opens the best there is.
    pub fn open() -> Result<Self, Failure> {
        check_server()?;
        match Winit::open() {
            Ok(toolkit) => Ok(Self::new(Box::new(toolkit))),
            Err(failure) => {
                log::info!(target: "host::window", "{failure}");
                Self::open_minifb().map_err(|_| failure)
            }
        }
    }

    /// Opens minifb's.
    pub fn open_minifb() -> Result<Self, Failure> {
        check_server()?;
        Ok(Self::new(Box::new(Minifb::open()?)))
    }

    fn new(toolkit: Box<dyn Toolkit>) -> Self {
        Self {
            toolkit,
            pressed: BTreeSet::new(),
            held: BTreeSet::new(),
            menu_open: false,
            mouse: HostMouse::new(),
            mouse_wanted: false,
            title: String::new(),
            caption_until: None,
            caption: None,
            status: Status::default(),
            shown: u64::MAX,
            picture: Picture::default(),
            exposed: true,
            widest: WIDTH,
        }
    }

    fn event(&mut self, event: Event, inputs: &mut Vec<Input>) {
        match event {
            Event::Key { code, letter, down } => self.key(code, letter, down, inputs),
            Event::Char(character) => self.character(character, inputs),
            Event::Pointer(event) => {
                let width = picture_width(self.picture.size);
                let captured = self.mouse.is_captured();
                let toolkit = self.toolkit.as_mut();
                self.mouse
                    .pointer(event, toolkit, self.mouse_wanted, width, inputs);
                if self.mouse.is_captured() != captured {
                    self.caption_until = Some(Instant::now() + CAPTION_TIME);
                }
            }
            Event::Focus(true) | Event::Exposed => self.exposed = true,
            Event::Focus(false) => {
                self.held.clear();
                let pressed = std::mem::take(&mut self.pressed);
                inputs.extend(pressed.into_iter().map(|code| Input::Key(code, false)));
                self.mouse.release(self.toolkit.as_mut(), inputs);
            }
            Event::Close => inputs.push(Input::Close),
        }
    }

    fn key(&mut self, code: KeyCode, letter: Option<char>, down: bool, inputs: &mut Vec<Input>) {
        if !down {
            self.held.remove(&code);
            if self.pressed.remove(&code) {
                inputs.push(Input::Key(code, false));
            }
            return;
        }
        // The host's repeats are not the guest's.
        if !self.held.insert(code) {
            return;
        }
        if self.menu_open {
            if matches!(code, KeyCode::ShiftLeft | KeyCode::ShiftRight) {
                return;
            }
            self.menu_open = false;
            // The menu key once more is for the guest; any other closes the menu.
            if code != MENU_KEY {
                // Layouts of other scripts have no letters of ours: then the key in their place counts.
                let letter = letter.filter(char::is_ascii).or_else(|| us_letter(code));
                return letter.into_iter().for_each(|letter| self.choose(letter, inputs));
            }
        } else if code == MENU_KEY {
            self.menu_open = true;
            self.mouse.release(self.toolkit.as_mut(), inputs);
            return;
        }
        self.pressed.insert(code);
        inputs.push(Input::Key(code, true));
    }

    /// A character that no key of a PC stands for: other layouts have such keys, and so do programs
    /// that type for the user.
    fn character(&mut self, character: char, inputs: &mut Vec<Input>) {
        if std::mem::take(&mut self.menu_open) {
            self.choose(character, inputs);
        } else {
            inputs.push(Input::Text(character.into()));
        }
    }

    /// A letter of the menu.
    fn choose(&mut self, letter: char, inputs: &mut Vec<Input>) {
        match (letter.to_ascii_lowercase(), self.toolkit.full_screen()) {
            (FULL_SCREEN, Some(full)) => {
                self.toolkit.set_full_screen(!full);
                self.caption_until = Some(Instant::now() + CAPTION_TIME);
            }
            _ => inputs.extend(menu_command(letter).map(Input::Command)),
        }
    }

    fn retitle(&mut self) {
        let full_screen = match self.toolkit.full_screen() {
            Some(_) => ", W full screen",
            None => "",
        };
        let title = match self.menu_open {
            true => format!("oldiron menu: {MENU}{full_screen}, F11 for F11"),
            false if self.mouse.is_captured() => self.status.line("F11: frees the mouse, menu"),
            false if self.mouse_wanted => self.status.line("click: mouse, F11: menu"),
            false => self.status.line("F11: menu"),
        };
        if title != self.title {
            self.toolkit.set_title(&title);
            self.title = title;
        }
    }
}

impl PcWindow {
    /// What is to be said on the picture itself: the whole screen has no title bar.
    fn wanted_caption(&self) -> Option<String> {
        let full = self.toolkit.full_screen() == Some(true);
        let news = self.caption_until.is_some_and(|until| Instant::now() < until)
            || self.menu_open
            || self.status.notice.is_some()
            || self.status.paused.is_some();
        (full && news).then(|| self.title.clone())
    }

    /// Makes room for pictures of more dots than any before: once, as the user may want it smaller.
    fn make_room(&mut self, dots: usize) {
        if dots > self.widest && self.toolkit.full_screen() != Some(true) {
            self.widest = dots;
            if dots > picture_width(self.toolkit.size()) {
                self.toolkit.grow((dots, dots * 3 / 4));
            }
        }
    }

    /// Draws the picture, and over it what is to be said.
    fn draw(&mut self) -> Result<(), Failure> {
        let Some(caption) = &self.caption else {
            return self.toolkit.draw(&self.picture.pixels, self.picture.size);
        };
        let mut pixels = self.picture.pixels.clone();
        caption::draw(&mut pixels, self.picture.size, caption);
        self.toolkit.draw(&pixels, self.picture.size)
    }
}

/// Without a server some systems' libraries end the program instead of returning an error.
fn check_server() -> Result<(), Failure> {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(all(unix, not(target_os = "macos"))) && !is_set("DISPLAY") {
        return Err(Failure::host_io(
            "no display to open a window on (DISPLAY is not set); use --display term or --headless",
        ));
    }
    Ok(())
}

impl Display for PcWindow {
    fn poll(&mut self) -> Result<Vec<Input>, Failure> {
        let (mut events, mut inputs) = (Vec::new(), Vec::new());
        self.toolkit.poll(&mut events)?;
        for event in events {
            self.event(event, &mut inputs);
        }
        self.retitle();
        Ok(inputs)
    }

    fn present(&mut self, machine: &mut Machine) -> Result<(), Failure> {
        let dots = machine.displayed_frame().width as usize;
        self.make_room(dots);
        let generation = machine.vga().displayed_generation();
        let size = self.toolkit.size();
        self.mouse_wanted = machine.mouse_is_listened_to();
        let changed = generation != self.shown || size != self.picture.size;
        let caption = self.wanted_caption();
        self.exposed |= caption != self.caption;
        self.caption = caption;
        if !changed && !self.exposed || size.0 == 0 || size.1 == 0 {
            return Ok(());
        }
        if changed {
            self.picture.draw(machine.displayed_frame(), size);
        }
        (self.exposed, self.shown) = (false, generation);
        self.draw()
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
