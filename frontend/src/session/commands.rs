//! What the host and its user do: keys, menu commands, media.

use std::{
    path::{Path, PathBuf},
    sync::atomic::Ordering,
    time::Instant,
};

use oldiron_platform::{HostEvent, KeyCode};

use super::{POLL_INTERVAL, Session};
use crate::{
    cli::Speed,
    complain,
    display::{Command, Input, MENU, menu_command},
    media_lists::Drive,
    outcome::{Failure, Outcome, code},
    screenshot,
    script_run::Stage,
};

impl Session<'_> {
    /// What the host and its user did.
    pub(super) fn host_events(&mut self) -> Result<(), Outcome> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(Outcome::new(code::SIGNAL, "signal", "ended by a signal"));
        }
        if let Some(limit) = self.limits.timeout
            && self.started.elapsed() >= limit
        {
            let message = format!("{} host seconds (--timeout)", limit.as_secs_f64());
            return Err(Outcome::new(
                code::TIMEOUT,
                "timeout",
                self.with_position(&message),
            ));
        }
        for port in 0..self.core.serial.len() {
            let input = self.core.serial[port].receive();
            if input.menu_opened {
                complain(&format!("menu: {MENU}"));
            }
            if !input.bytes.is_empty() && self.instruments.replay.is_none() {
                self.core.machine.post(HostEvent::SerialRx {
                    port: port as u8,
                    bytes: input.bytes,
                });
            }
            for command in input.menu.into_iter().filter_map(menu_command) {
                self.command(command)?;
            }
        }
        if self.meter.polled.elapsed() >= POLL_INTERVAL {
            self.meter.polled = Instant::now();
            for input in self.display.poll()? {
                self.input(input)?;
            }
        }
        Ok(())
    }

    fn input(&mut self, input: Input) -> Result<(), Outcome> {
        match input {
            Input::Key(..) | Input::Text(_) if self.instruments.replay.is_some() => {}
            Input::Key(key, down) => self.core.keys.live(key, down),
            #[cfg(feature = "window")]
            Input::Mouse { .. } if self.instruments.replay.is_some() => {}
            #[cfg(feature = "window")]
            Input::Mouse {
                dx,
                dy,
                wheel,
                buttons,
            } => self.core.machine.post(HostEvent::Mouse {
                dx,
                dy,
                wheel,
                buttons,
            }),
            Input::Text(text) => self.core.keys.type_text(&text),
            Input::Command(command) => self.command(command)?,
            #[cfg(feature = "window")]
            Input::Close => return Err(Outcome::new(code::OK, "closed", "the window was closed")),
        }
        Ok(())
    }

    fn command(&mut self, command: Command) -> Result<(), Outcome> {
        let now = self.core.now();
        let acts = matches!(
            command,
            Command::Reset
                | Command::CtrlAltDel
                | Command::NextFloppy
                | Command::NextCd
                | Command::Paste
                | Command::LoadState
        );
        if acts && self.instruments.replay.is_some() {
            self.notice("a recording is replayed: it takes no input");
            return Ok(());
        }
        match command {
            Command::Pause => {
                self.status.paused = match self.status.paused {
                    None => Some("by the menu".to_owned()),
                    Some(_) => None,
                };
                self.pacer.restart(now);
            }
            Command::Reset => {
                self.core.keys.clear();
                self.core.machine.post(HostEvent::ReleaseAllKeys);
                self.core.machine.post(HostEvent::Reset);
                self.status.paused = None;
                self.pacer.restart(now);
                self.notice("reset");
            }
            Command::CtrlAltDel => {
                self.core
                    .keys
                    .press_chord(&[KeyCode::ControlLeft, KeyCode::AltLeft, KeyCode::Delete]);
            }
            Command::Screenshot => {
                let path = named_by_the_time("png");
                let written = screenshot::write(&path, self.core.machine.frame());
                self.notice_of(&path, written);
            }
            Command::SaveState => {
                let path = named_by_the_time("snap");
                let saved = self.core.save_state(&path);
                self.notice_of(&path, saved);
            }
            Command::LoadState if self.instruments.recorder.is_some() => {
                self.notice("not while a recording is made");
            }
            Command::LoadState => self.load_state(),
            Command::Faster => self.scale_speed(2.0),
            Command::Slower => self.scale_speed(0.5),
            Command::ToggleMax => self.toggle_max(),
            Command::NextFloppy => self.next_medium(Drive::Floppy(0), "A:", "floppy"),
            Command::NextCd if self.core.spec.cdrom.is_none() => {
                self.notice("there is no CD-ROM drive; start with --cdrom");
            }
            Command::NextCd => self.next_medium(Drive::Cdrom, "CD:", "CD"),
            Command::Paste => match self.display.clipboard() {
                Some(text) => self.core.keys.type_text(&text),
                None => self.notice("no text in the clipboard"),
            },
            Command::Quit => return Err(Outcome::new(code::OK, "quit", "ended from the menu")),
        }
        Ok(())
    }

    fn load_state(&mut self) {
        match self.core.load_state() {
            Ok(path) => {
                self.status.paused = None;
                self.pacer.restart(self.core.now());
                self.notice(&format!("back to {}", path.display()));
            }
            Err(failure) => self.notice(&failure.to_string()),
        }
    }

    /// Says in the title which file was written, or why not.
    fn notice_of(&mut self, path: &Path, written: Result<(), Failure>) {
        match written {
            Ok(()) => self.notice(&path.display().to_string()),
            Err(failure) => self.notice(&failure.to_string()),
        }
    }

    fn toggle_max(&mut self) {
        let (speed, name) = match self.pacer.speed() {
            Speed::Max => (Speed::Realtime, "real time"),
            _ => (Speed::Max, "full speed"),
        };
        self.pacer.set_speed(speed, self.core.now());
        self.notice(name);
    }

    fn scale_speed(&mut self, factor: f64) {
        let real = self.core.rate().per_second() as f64 / 1e6;
        let mips = match self.pacer.speed() {
            Speed::Mips(mips) => mips,
            Speed::Realtime => real,
            Speed::Max if factor > 1.0 => return,
            Speed::Max => real / factor,
        };
        let mips = (mips * factor).clamp(real / 64.0, real * 64.0);
        self.pacer.set_speed(Speed::Mips(mips), self.core.now());
        self.notice(&format!("speed {:.0}%", mips / real * 100.0));
    }

    fn next_medium(&mut self, drive: Drive, name: &str, kind: &str) {
        let Some(path) = self.core.media.next(drive) else {
            return self.notice(&format!("no other {kind} image here"));
        };
        match self.core.insert(drive, Some(&path)) {
            Ok(()) => self.notice(&format!("{name} {}", path.display())),
            Err(failure) => self.notice(&format!("{name} empty: {failure}")),
        }
    }
}

/// A file in the current folder that says when it was made.
fn named_by_the_time(extension: &str) -> PathBuf {
    let name = chrono::Local::now().format("oldiron-%Y%m%d-%H%M%S%.3f");
    PathBuf::from(format!("{name}.{extension}"))
}
