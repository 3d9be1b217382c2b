//! What a window, a terminal and nothing at all have in common.

use oldiron_platform::{KeyCode, Machine};

use crate::outcome::Failure;

/// Something the user did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key went down or up.
    Key(KeyCode, bool),
    /// The mouse moved, or its buttons changed.
    #[cfg(feature = "window")]
    Mouse {
        /// To the right.
        dx: i16,
        /// Downwards.
        dy: i16,
        /// Towards the user.
        wheel: i8,
        /// Bit 0 left, bit 1 right, bit 2 middle.
        buttons: u8,
    },
    /// Text to be typed.
    Text(String),
    /// A command of the menu.
    Command(Command),
    /// The window was closed.
    #[cfg(feature = "window")]
    Close,
}

/// A command of the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Stop or go on.
    Pause,
    /// Press the reset button.
    Reset,
    /// Press Ctrl-Alt-Del.
    CtrlAltDel,
    /// Write a picture of the screen.
    Screenshot,
    /// Save the whole state.
    SaveState,
    /// Go back to the state that was saved last.
    LoadState,
    /// Run at twice the speed.
    Faster,
    /// Run at half the speed.
    Slower,
    /// Between real time and as fast as possible.
    ToggleMax,
    /// Put the next floppy into drive A.
    NextFloppy,
    /// Put the next CD into the drive.
    NextCd,
    /// Type what the host's clipboard holds.
    Paste,
    /// End the run.
    Quit,
}

/// The letters of the menu, for people.
pub const MENU: &str = "P pause, R reset, D Ctrl-Alt-Del, S screenshot, K keep the state, L load it, + - M speed, F next floppy, C next CD, V paste, Q quit";

/// The command that a letter of the menu stands for.
pub fn menu_command(letter: char) -> Option<Command> {
    Some(match letter.to_ascii_lowercase() {
        'p' => Command::Pause,
        'r' => Command::Reset,
        'd' => Command::CtrlAltDel,
        's' => Command::Screenshot,
        'k' => Command::SaveState,
        'l' => Command::LoadState,
        '+' | '=' => Command::Faster,
        '-' => Command::Slower,
        'm' => Command::ToggleMax,
        'f' => Command::NextFloppy,
        'c' => Command::NextCd,
        'v' => Command::Paste,
        'q' => Command::Quit,
        _ => return None,
    })
}

/// How the run is going, for people.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// Million instructions in a host second.
    pub mips: f64,
    /// Guest time in percent of host time.
    pub percent: f64,
    /// The drives that are at work, and the network, as in `A: CD net`.
    pub at_work: String,
    /// Why the machine stands still, if it does.
    pub paused: Option<String>,
    /// Something that has just happened.
    pub notice: Option<String>,
}

impl Status {
    /// One line: what a title bar has room for. `keys` says which keys and clicks do something.
    pub fn line(&self, keys: &str) -> String {
        let mut line = "oldiron".to_owned();
        match &self.paused {
            Some(why) => line += &format!(" - PAUSED: {why}"),
            None => line += &format!(" - {:.0} MIPS, {:.0}%", self.mips, self.percent),
        }
        if !self.at_work.is_empty() {
            line += &format!(" - {}", self.at_work);
        }
        if let Some(notice) = &self.notice {
            line += &format!(" - {notice}");
        }
        line + &format!(" - {keys}")
    }
}

/// Where the screen is shown and the keyboard comes from.
pub trait Display {
    /// Takes what the user did since the last call.
    fn poll(&mut self) -> Result<Vec<Input>, Failure>;

    /// Shows the current picture.
    fn present(&mut self, machine: &mut Machine) -> Result<(), Failure>;

    /// Shows how the run is going.
    fn show_status(&mut self, status: &Status) -> Result<(), Failure>;

    /// What the host's clipboard holds, where the display can ask.
    fn clipboard(&mut self) -> Option<String> {
        None
    }

    /// Whether the user hears the guest unless told otherwise.
    fn has_sound(&self) -> bool {
        false
    }

    /// Whether a user is there, who may act at any time.
    fn is_live(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_the_menu_text_is_a_command() {
        for item in MENU.split(", ") {
            let (letters, _) = item.rsplit_once(' ').unwrap();
            let first = letters.split(' ').next().unwrap();
            assert!(menu_command(first.chars().next().unwrap()).is_some(), "{item}");
        }
        assert_eq!(menu_command('x'), None);
    }

    #[test]
    fn the_title_tells_speed_drives_pause_and_the_menu_key() {
        let status = Status {
            mips: 99.6,
            percent: 100.2,
            at_work: "A: net".into(),
            ..Status::default()
        };
        assert_eq!(
            status.line("F11: menu"),
            "oldiron - 100 MIPS, 100% - A: net - F11: menu"
        );
        let status = Status {
            paused: Some("triple fault".into()),
            ..status
        };
        assert_eq!(
            status.line("F11: menu"),
            "oldiron - PAUSED: triple fault - A: net - F11: menu"
        );
    }
}
