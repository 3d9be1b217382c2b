//! The screen in a terminal: text in its colours, graphics as blocks, and the keyboard.
//!
//! Ctrl-C goes to the guest; Ctrl-] opens the menu. The terminal is put right again on any exit.

use std::{
    io::{BufWriter, IsTerminal, Stdout, Write, stderr, stdin, stdout},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crossterm::{
    cursor,
    event::{
        self, DisableBracketedPaste, EnableBracketedPaste, Event, KeyCode, KeyEvent, KeyEventKind,
        KeyModifiers,
    },
    queue,
    style::{Color, Print, ResetColor, SetBackgroundColor, SetForegroundColor},
    terminal::{self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen},
};
use oldiron_platform::{Frame, KeyCode as Pc, Machine, TextCells};

use crate::{
    display::{Display, Input, MENU, Status, menu_command},
    image,
    outcome::Failure,
    typing::us_key,
};

/// The terminal is in raw mode.
static RAW: AtomicBool = AtomicBool::new(false);
/// The terminal shows our screen.
static SCREEN: AtomicBool = AtomicBool::new(false);

/// Lines for people that came while the terminal showed our screen.
static HELD_BACK: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// More than this is lost.
const MAX_HELD_BACK: usize = 1000;

/// Prints a line on standard error, at once or when the terminal is given back. Where it cannot be
/// written, nothing can be said.
pub fn say(line: &str) {
    if SCREEN.load(Ordering::SeqCst) {
        if let Ok(mut held_back) = HELD_BACK.lock()
            && held_back.len() < MAX_HELD_BACK
        {
            held_back.push(line.to_owned());
        }
        return;
    }
    // In raw mode a line feed alone does not return.
    let end = if RAW.load(Ordering::SeqCst) { "\r\n" } else { "\n" };
    let _ = write!(stderr(), "{line}{end}");
}

/// Puts the terminal into raw mode, until [`restore`].
pub fn raw_mode() -> Result<(), Failure> {
    RAW.store(true, Ordering::SeqCst);
    terminal::enable_raw_mode().map_err(|error| failure(&error))
}

/// Gives the terminal back as it was. May be called at any time, and more than once.
pub fn restore() {
    // At this point a terminal that does not answer is beyond help.
    if SCREEN.swap(false, Ordering::SeqCst) {
        let mut out = stdout();
        let _ = queue!(
            out,
            ResetColor,
            cursor::Show,
            DisableBracketedPaste,
            LeaveAlternateScreen
        );
        let _ = out.flush();
    }
    if RAW.swap(false, Ordering::SeqCst) {
        let _ = terminal::disable_raw_mode();
    }
    // A thread that panicked while it held the lock must not make this one hang.
    if let Ok(mut held_back) = HELD_BACK.try_lock() {
        for line in held_back.drain(..) {
            let _ = writeln!(stderr(), "{line}");
        }
    }
}

fn failure(error: &std::io::Error) -> Failure {
    Failure::host_io(format!("the terminal: {}", image::describe(error)))
}

/// One character of the terminal: what stands there, its colour and the one behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    text: char,
    fore: u32,
    back: u32,
}

const BLANK: Cell = Cell {
    text: ' ',
    fore: 0xaaaaaa,
    back: 0,
};

/// Upper half of a character: two dots of a picture above each other.
const HALF_BLOCK: char = '\u{2580}';

/// The terminal.
pub struct Term {
    out: BufWriter<Stdout>,
    size: (u16, u16),
    /// What the terminal shows, row by row.
    shown: Vec<Cell>,
    cursor: Option<(u16, u16)>,
    menu_open: bool,
    status: Status,
}

impl Term {
    /// Takes the terminal over.
    pub fn open() -> Result<Self, Failure> {
        if !stdin().is_terminal() || !stdout().is_terminal() {
            return Err(Failure::host_io(
                "--display term needs a terminal for input and output; use --headless in a pipe",
            ));
        }
        raw_mode()?;
        SCREEN.store(true, Ordering::SeqCst);
        let mut term = Self {
            out: BufWriter::with_capacity(1 << 16, stdout()),
            size: (0, 0),
            shown: Vec::new(),
            cursor: None,
            menu_open: false,
            status: Status::default(),
        };
        let entered = queue!(term.out, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide);
        entered.map_err(|error| failure(&error))?;
        term.resize()?;
        Ok(term)
    }

    fn resize(&mut self) -> Result<(), Failure> {
        self.size = terminal::size().unwrap_or((80, 25));
        self.shown = vec![BLANK; usize::from(self.size.0) * usize::from(self.size.1)];
        let cleared = queue!(
            self.out,
            SetForegroundColor(color(BLANK.fore)),
            SetBackgroundColor(color(BLANK.back)),
            Clear(ClearType::All)
        );
        cleared.map_err(|error| failure(&error))
    }

    fn key(&mut self, key: KeyEvent, inputs: &mut Vec<Input>) {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        // Terminals send 1Dh for Ctrl-], which is read as Ctrl-5.
        let menu_key = control && matches!(key.code, KeyCode::Char(']' | '5'));
        if self.menu_open {
            self.menu_open = false;
            match key.code {
                _ if menu_key => chord(&[Pc::ControlLeft], Pc::BracketRight, inputs),
                KeyCode::Char(letter) => inputs.extend(menu_command(letter).map(Input::Command)),
                _ => {}
            }
            return;
        }
        if menu_key {
            self.menu_open = true;
            return;
        }
        let Some((code, shift)) = pc_key(key.code) else {
            return;
        };
        let mut held = Vec::new();
        if control {
            held.push(Pc::ControlLeft);
        }
        if key.modifiers.contains(KeyModifiers::ALT) {
            held.push(Pc::AltLeft);
        }
        // A shifted character already says so; Ctrl and Alt leave only the letter.
        if shift || key.modifiers.contains(KeyModifiers::SHIFT) && !matches!(key.code, KeyCode::Char(_)) {
            held.push(Pc::ShiftLeft);
        }
        chord(&held, code, inputs);
    }

    /// Draws what differs from what is shown.
    fn draw(&mut self, cells: &[Cell], cursor_at: Option<(u16, u16)>) -> std::io::Result<()> {
        let columns = usize::from(self.size.0).max(1);
        let mut pen: Option<(usize, u32, u32)> = None;
        if cells != self.shown.as_slice() {
            queue!(self.out, cursor::Hide)?;
            self.cursor = None;
        }
        for (at, (&cell, shown)) in cells.iter().zip(&mut self.shown).enumerate() {
            if cell == *shown {
                continue;
            }
            *shown = cell;
            let (column, row) = (at % columns, at / columns);
            let moved = pen.is_none_or(|(next, ..)| next != at || column == 0);
            if moved {
                queue!(self.out, cursor::MoveTo(column as u16, row as u16))?;
            }
            if pen.is_none_or(|(_, fore, _)| fore != cell.fore) {
                queue!(self.out, SetForegroundColor(color(cell.fore)))?;
            }
            if pen.is_none_or(|(_, _, back)| back != cell.back) {
                queue!(self.out, SetBackgroundColor(color(cell.back)))?;
            }
            queue!(self.out, Print(cell.text))?;
            pen = Some((at + 1, cell.fore, cell.back));
        }
        let cursor_at = cursor_at.filter(|&(x, y)| x < self.size.0 && y < self.size.1);
        if cursor_at != self.cursor {
            match cursor_at {
                Some((x, y)) => queue!(self.out, cursor::MoveTo(x, y), cursor::Show)?,
                None => queue!(self.out, cursor::Hide)?,
            }
            self.cursor = cursor_at;
        }
        self.out.flush()
    }

    /// Puts a line of our own at the bottom.
    fn put_line(&self, cells: &mut [Cell], text: &str) {
        let columns = usize::from(self.size.0);
        let start = cells.len().saturating_sub(columns);
        let text = text.chars().chain(std::iter::repeat(' '));
        for (cell, c) in cells[start..].iter_mut().zip(text) {
            *cell = Cell {
                text: c,
                fore: 0,
                back: 0xaaaaaa,
            };
        }
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        let _ = self.out.flush();
        restore();
    }
}

impl Display for Term {
    fn poll(&mut self) -> Result<Vec<Input>, Failure> {
        let mut inputs = Vec::new();
        while event::poll(Duration::ZERO).map_err(|error| failure(&error))? {
            match event::read().map_err(|error| failure(&error))? {
                Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key, &mut inputs),
                Event::Paste(text) => inputs.push(Input::Text(text.replace("\r\n", "\n"))),
                Event::Resize(..) => self.resize()?,
                _ => {}
            }
        }
        Ok(inputs)
    }

    fn present(&mut self, machine: &mut Machine) -> Result<(), Failure> {
        let (columns, rows) = (usize::from(self.size.0), usize::from(self.size.1));
        let mut cells = vec![BLANK; columns * rows];
        let mut used = rows;
        let mut cursor_at = None;
        match machine.text_cells() {
            Some(text) => {
                used = text.rows.len();
                cursor_at = text
                    .cursor
                    .map(|cursor| (cursor.column as u16, cursor.row as u16));
                letters(&text, columns, &mut cells);
            }
            None => picture(machine.frame(), columns, rows, &mut cells),
        }
        if self.menu_open {
            self.put_line(&mut cells, &format!("Ctrl-] menu: {MENU}"));
        } else if used < rows || self.status.paused.is_some() {
            self.put_line(&mut cells, &self.status.line("Ctrl-]: menu"));
        }
        self.draw(&cells, cursor_at).map_err(|error| failure(&error))
    }

    fn show_status(&mut self, status: &Status) -> Result<(), Failure> {
        self.status.clone_from(status);
        Ok(())
    }
}

/// Presses a key while others are held.
fn chord(held: &[Pc], key: Pc, inputs: &mut Vec<Input>) {
    inputs.extend(held.iter().map(|&key| Input::Key(key, true)));
    inputs.extend([Input::Key(key, true), Input::Key(key, false)]);
    inputs.extend(held.iter().rev().map(|&key| Input::Key(key, false)));
}

/// The PC key for a key of the terminal, and whether it needs Shift.
fn pc_key(code: KeyCode) -> Option<(Pc, bool)> {
    const FUNCTION: [Pc; 12] = [
        Pc::F1,
        Pc::F2,
        Pc::F3,
        Pc::F4,
        Pc::F5,
        Pc::F6,
        Pc::F7,
        Pc::F8,
        Pc::F9,
        Pc::F10,
        Pc::F11,
        Pc::F12,
    ];
    let plain = match code {
        KeyCode::Char(c) => return us_key(c),
        KeyCode::BackTab => return Some((Pc::Tab, true)),
        KeyCode::F(n) => *FUNCTION.get(usize::from(n).checked_sub(1)?)?,
        KeyCode::Enter => Pc::Enter,
        KeyCode::Esc => Pc::Escape,
        KeyCode::Backspace => Pc::Backspace,
        KeyCode::Tab => Pc::Tab,
        KeyCode::Left => Pc::ArrowLeft,
        KeyCode::Right => Pc::ArrowRight,
        KeyCode::Up => Pc::ArrowUp,
        KeyCode::Down => Pc::ArrowDown,
        KeyCode::Home => Pc::Home,
        KeyCode::End => Pc::End,
        KeyCode::PageUp => Pc::PageUp,
        KeyCode::PageDown => Pc::PageDown,
        KeyCode::Insert => Pc::Insert,
        KeyCode::Delete => Pc::Delete,
        _ => return None,
    };
    Some((plain, false))
}

/// Draws a text screen.
fn letters(text: &TextCells, columns: usize, cells: &mut [Cell]) {
    let shade = |index: u8| text.palette.get(usize::from(index)).copied().unwrap_or_default();
    for (from, to) in text.rows.iter().zip(cells.chunks_mut(columns.max(1))) {
        for (from, to) in from.iter().zip(to) {
            *to = Cell {
                text: printable(from.character),
                fore: shade(from.foreground),
                back: shade(from.background),
            };
        }
    }
}

/// Draws a picture with two dots to a character.
fn picture(frame: &Frame, columns: usize, rows: usize, cells: &mut [Cell]) {
    let (width, height) = (frame.width as usize, frame.height as usize);
    if width == 0 || height == 0 || frame.pixels.len() < width * height || columns == 0 || rows < 2 {
        return;
    }
    // The last row is the status line. Half a character is about square, the screen 4:3.
    let dots_down = (2 * (rows - 1)).min(columns * 3 / 4).max(2) / 2 * 2;
    let dots_across = (dots_down * 4 / 3).min(columns);
    let dot = |x: usize, y: usize| frame.pixels[y * height / dots_down * width + x * width / dots_across];
    for y in 0..dots_down / 2 {
        for x in 0..dots_across {
            if let Some(cell) = cells.get_mut(y * columns + x) {
                *cell = Cell {
                    text: HALF_BLOCK,
                    fore: dot(x, 2 * y),
                    back: dot(x, 2 * y + 1),
                };
            }
        }
    }
}

fn printable(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

/// The 16 colours of a text screen as the terminal's own, everything else as it is.
fn color(rgb: u32) -> Color {
    match rgb & 0xffffff {
        0x000000 => Color::Black,
        0x0000aa => Color::DarkBlue,
        0x00aa00 => Color::DarkGreen,
        0x00aaaa => Color::DarkCyan,
        0xaa0000 => Color::DarkRed,
        0xaa00aa => Color::DarkMagenta,
        0xaa5500 => Color::DarkYellow,
        0xaaaaaa => Color::Grey,
        0x555555 => Color::DarkGrey,
        0x5555ff => Color::Blue,
        0x55ff55 => Color::Green,
        0x55ffff => Color::Cyan,
        0xff5555 => Color::Red,
        0xff55ff => Color::Magenta,
        0xffff55 => Color::Yellow,
        0xffffff => Color::White,
        rgb => Color::Rgb {
            r: (rgb >> 16) as u8,
            g: (rgb >> 8) as u8,
            b: rgb as u8,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_keys_become_chords() {
        assert_eq!(pc_key(KeyCode::Char('a')), Some((Pc::A, false)));
        assert_eq!(pc_key(KeyCode::Char('?')), Some((Pc::Slash, true)));
        assert_eq!(pc_key(KeyCode::F(12)), Some((Pc::F12, false)));
        assert_eq!(pc_key(KeyCode::F(0)), None);
        assert_eq!(pc_key(KeyCode::F(13)), None);
        let mut inputs = Vec::new();
        chord(&[Pc::ControlLeft], Pc::C, &mut inputs);
        let expected = [
            (Pc::ControlLeft, true),
            (Pc::C, true),
            (Pc::C, false),
            (Pc::ControlLeft, false),
        ];
        assert_eq!(inputs, expected.map(|(key, down)| Input::Key(key, down)));
    }

    #[test]
    fn pictures_fit_any_terminal() {
        let frame = Frame {
            width: 320,
            height: 200,
            pixels: vec![0xaa0000; 320 * 200],
            double_rows: true,
        };
        for (columns, rows) in [(80, 25), (200, 60), (10, 3), (1, 2), (0, 0)] {
            let mut cells = vec![BLANK; columns * rows];
            picture(&frame, columns, rows, &mut cells);
        }
        let mut cells = vec![BLANK; 80 * 25];
        picture(&frame, 80, 25, &mut cells);
        assert_eq!(
            cells[0],
            Cell {
                text: HALF_BLOCK,
                fore: 0xaa0000,
                back: 0xaa0000
            }
        );
        assert_eq!(cells[79], BLANK);
    }
}
