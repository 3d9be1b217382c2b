//! Runs a script beside the guest. Everything happens at ticks that depend on nothing but the guest
//! and the script.

use std::path::Path;

use oldiron_platform::{KeyCode, TickRate, Ticks};

use crate::{
    matcher::SerialMatcher,
    media_lists::Drive,
    outcome::{Failure, Outcome, code, one_line},
    script::{Action, Limit, Line},
};

/// What a script can see and do.
pub trait Stage {
    /// Virtual time.
    fn now(&self) -> Ticks;
    /// Ticks per guest second.
    fn rate(&self) -> TickRate;
    /// Instructions and deliveries so far.
    fn count(&self) -> u64;
    /// Whether the screen is looked at now.
    fn is_look(&self) -> bool;
    /// The text screen.
    fn screen(&self) -> String;
    /// Everything that COM1 has sent.
    fn serial(&self) -> &[u8];
    /// Whether all typing is done.
    fn keys_idle(&self) -> bool;
    /// Types text.
    fn type_text(&mut self, text: &str);
    /// Presses keys together.
    fn press(&mut self, keys: &[KeyCode]);
    /// Moves the mouse and sets its buttons.
    fn mouse(&mut self, dx: i16, dy: i16, buttons: u8);
    /// Puts a medium into a drive, or takes it out.
    fn insert(&mut self, drive: Drive, path: Option<&Path>) -> Result<(), Failure>;
    /// Writes a screenshot.
    fn screenshot(&mut self, path: &Path) -> Result<(), Failure>;
    /// Writes the text screen to a file.
    fn dump_text(&mut self, path: &Path) -> Result<(), Failure>;
    /// Saves the whole state to a file.
    fn save(&mut self, path: &Path) -> Result<(), Failure>;
}

/// What a line that takes time waits for.
struct Waiting {
    kind: Kind,
    limit: Limit,
    since: Ticks,
    since_count: u64,
}

enum Kind {
    Text,
    Serial { matcher: Box<SerialMatcher>, fed: usize },
    Keys,
    Until(Ticks),
    Count(u64),
}

/// A script on its way.
pub struct Runner {
    lines: Vec<Line>,
    next: usize,
    waiting: Option<Waiting>,
    /// Where in the serial output the next `wait serial` starts.
    serial_from: usize,
    buttons: u8,
}

impl Runner {
    /// A runner before the first line.
    pub fn new(lines: Vec<Line>) -> Self {
        Self {
            lines,
            next: 0,
            waiting: None,
            serial_from: 0,
            buttons: 0,
        }
    }

    /// Whether every line is done.
    pub fn is_done(&self) -> bool {
        self.next == self.lines.len()
    }

    /// Whether the screen must be looked at.
    pub fn watches_text(&self) -> bool {
        matches!(self.waiting, Some(Waiting { kind: Kind::Text, .. }))
    }

    /// Whether serial output must be looked at byte by byte.
    pub fn watches_serial(&self) -> bool {
        matches!(
            self.waiting,
            Some(Waiting {
                kind: Kind::Serial { .. },
                ..
            })
        )
    }

    /// The tick at which the current line ends or gives up.
    pub fn next_due(&self, rate: TickRate) -> Option<Ticks> {
        let waiting = self.waiting.as_ref()?;
        let limit = waiting
            .limit
            .seconds
            .map(|seconds| waiting.since.saturating_add(ticks(rate, seconds)));
        match waiting.kind {
            Kind::Until(at) => Some(at),
            _ => limit,
        }
    }

    /// The number of instructions and deliveries at which the current line ends or gives up.
    pub fn count_due(&self) -> Option<u64> {
        let waiting = self.waiting.as_ref()?;
        match waiting.kind {
            Kind::Count(at) => Some(at),
            _ => waiting
                .limit
                .instructions
                .map(|n| waiting.since_count.saturating_add(n)),
        }
    }

    /// Does everything that can be done at this tick. `Err` ends the run.
    pub fn step(&mut self, stage: &mut impl Stage) -> Result<(), Outcome> {
        loop {
            if self.waiting.is_some() {
                if !self.is_over(stage) {
                    return self.check_limit(stage);
                }
                self.waiting = None;
                self.next += 1;
            }
            let Some(line) = self.lines.get(self.next).cloned() else {
                return Ok(());
            };
            self.start(&line, stage).map_err(|end| Outcome {
                message: format!("{}: {}", line.origin, end.message),
                ..end
            })?;
            if self.waiting.is_none() {
                self.next += 1;
            }
        }
    }

    fn start(&mut self, line: &Line, stage: &mut impl Stage) -> Result<(), Outcome> {
        let no_limit = Limit {
            instructions: None,
            seconds: None,
        };
        match &line.action {
            Action::WaitText(_, limit) => self.wait(stage, Kind::Text, *limit),
            Action::WaitSerial(pattern, limit) => {
                let matcher = SerialMatcher::new(pattern).map_err(Failure::usage)?;
                let fed = self.serial_from;
                self.wait(
                    stage,
                    Kind::Serial {
                        matcher: Box::new(matcher),
                        fed,
                    },
                    *limit,
                );
            }
            Action::WaitInstructions(n) => {
                let limit = Limit {
                    instructions: None,
                    ..Limit::default()
                };
                self.wait(stage, Kind::Count(stage.count().saturating_add(*n)), limit);
            }
            Action::WaitSeconds(seconds) => {
                let until = stage.now().saturating_add(ticks(stage.rate(), *seconds));
                self.wait(stage, Kind::Until(until), no_limit);
            }
            Action::Type(text) => {
                stage.type_text(text);
                self.wait(stage, Kind::Keys, no_limit);
            }
            Action::Key(keys) => {
                stage.press(keys);
                self.wait(stage, Kind::Keys, no_limit);
            }
            Action::MouseMove(dx, dy) => stage.mouse(*dx, *dy, self.buttons),
            Action::MouseButton { button, down, up } => {
                if *down {
                    self.buttons |= button;
                    stage.mouse(0, 0, self.buttons);
                }
                if *up {
                    self.buttons &= !button;
                    stage.mouse(0, 0, self.buttons);
                }
            }
            Action::Insert(drive, path) => stage.insert(*drive, Some(path))?,
            Action::Eject(drive) => stage.insert(*drive, None)?,
            Action::Screenshot(path) => stage.screenshot(path)?,
            Action::DumpText(path) => stage.dump_text(path)?,
            Action::Save(path) => stage.save(path)?,
            Action::ExpectText(pattern) => {
                let screen = stage.screen();
                if !pattern.is_match(&screen) {
                    let shown = summary(&screen);
                    let message = format!("the screen does not match '{pattern}'; it shows: {shown}");
                    return Err(Outcome::new(code::FAILED, "expect", message));
                }
            }
            Action::ExpectSerial(pattern) => {
                if !pattern.is_match(stage.serial()) {
                    let message = format!("COM1 has sent nothing that matches '{pattern}'");
                    return Err(Outcome::new(code::FAILED, "expect", message));
                }
            }
            Action::Quit(code) => return Err(Outcome::new(*code, "quit", "the script quits")),
        }
        Ok(())
    }

    fn wait(&mut self, stage: &impl Stage, kind: Kind, limit: Limit) {
        self.waiting = Some(Waiting {
            kind,
            limit,
            since: stage.now(),
            since_count: stage.count(),
        });
    }

    /// Whether what the current line waits for has come.
    fn is_over(&mut self, stage: &impl Stage) -> bool {
        let Some(waiting) = &mut self.waiting else {
            return true;
        };
        match &mut waiting.kind {
            Kind::Text => {
                let line = self.lines.get(self.next).map(|line| &line.action);
                stage.is_look()
                    && matches!(line, Some(Action::WaitText(pattern, _)) if pattern.is_match(&stage.screen()))
            }
            Kind::Serial { matcher, fed } => {
                let stream = stage.serial();
                while *fed < stream.len() && !matcher.matched() {
                    *fed += 1;
                    matcher.feed(&stream[self.serial_from..*fed]);
                }
                if matcher.matched() {
                    let end = matcher.end_of_match(&stream[self.serial_from..*fed]);
                    self.serial_from += end.unwrap_or(0);
                }
                matcher.matched()
            }
            Kind::Keys => stage.keys_idle(),
            Kind::Until(at) => stage.now() >= *at,
            Kind::Count(at) => stage.count() >= *at,
        }
    }

    fn check_limit(&self, stage: &impl Stage) -> Result<(), Outcome> {
        let (Some(waiting), Some(line)) = (&self.waiting, self.lines.get(self.next)) else {
            return Ok(());
        };
        let past_count = waiting
            .limit
            .instructions
            .filter(|&n| stage.count() >= waiting.since_count.saturating_add(n))
            .map(|n| format!("{n} instructions"));
        let past_time = waiting
            .limit
            .seconds
            .filter(|&seconds| stage.now() >= waiting.since.saturating_add(ticks(stage.rate(), seconds)))
            .map(|seconds| format!("{seconds} guest seconds"));
        match past_count.or(past_time) {
            None => Ok(()),
            Some(limit) => {
                let shown = summary(&stage.screen());
                let message = format!(
                    "{}: '{}' waited in vain for {limit}; the screen shows: {shown}",
                    line.origin,
                    one_line(&line.text)
                );
                Err(Outcome::new(code::LIMIT, "wait", message))
            }
        }
    }
}

/// Guest seconds as ticks.
pub fn ticks(rate: TickRate, seconds: f64) -> Ticks {
    (seconds * rate.per_second() as f64).round() as Ticks
}

/// The lines of a screen that are not empty, as one line.
pub fn summary(screen: &str) -> String {
    let lines: Vec<&str> = screen
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    match lines.as_slice() {
        [] => "no text".to_owned(),
        lines => one_line(&lines.join(" | ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{matcher, script, typing::KeyQueue};

    struct Fake {
        now: Ticks,
        screen: String,
        serial: Vec<u8>,
        keys: KeyQueue,
        log: Vec<String>,
    }

    const RATE: TickRate = TickRate::new(1000);

    impl Stage for Fake {
        fn now(&self) -> Ticks {
            self.now
        }
        fn rate(&self) -> TickRate {
            RATE
        }
        fn count(&self) -> u64 {
            self.now / 2
        }
        fn is_look(&self) -> bool {
            matcher::is_look(RATE, self.now)
        }
        fn screen(&self) -> String {
            self.screen.clone()
        }
        fn serial(&self) -> &[u8] {
            &self.serial
        }
        fn keys_idle(&self) -> bool {
            self.keys.is_idle(self.now)
        }
        fn type_text(&mut self, text: &str) {
            self.log.push(format!("{} type {text}", self.now));
            self.keys.type_text(text);
        }
        fn press(&mut self, keys: &[KeyCode]) {
            self.log.push(format!("{} press {keys:?}", self.now));
            self.keys.press_chord(keys);
        }
        fn mouse(&mut self, dx: i16, dy: i16, buttons: u8) {
            self.log.push(format!("{} mouse {dx} {dy} {buttons}", self.now));
        }
        fn insert(&mut self, drive: Drive, path: Option<&Path>) -> Result<(), Failure> {
            self.log.push(format!("{} insert {drive:?} {path:?}", self.now));
            Ok(())
        }
        fn screenshot(&mut self, _: &Path) -> Result<(), Failure> {
            Err(Failure::host_io("no"))
        }
        fn dump_text(&mut self, _: &Path) -> Result<(), Failure> {
            Ok(())
        }
        fn save(&mut self, _: &Path) -> Result<(), Failure> {
            Ok(())
        }
    }

    /// Runs `source` for `end` ticks; each entry of `world` changes screen and serial at its tick.
    fn run(source: &str, world: &[(u64, &str, &str)], end: u64) -> (Vec<String>, Option<Outcome>) {
        let mut runner = Runner::new(script::parse("s", source).unwrap());
        let keys = KeyQueue::new(RATE);
        let mut fake = Fake {
            now: 0,
            screen: String::new(),
            serial: Vec::new(),
            keys,
            log: Vec::new(),
        };
        for now in 0..end {
            fake.now = now;
            for (_, screen, serial) in world.iter().filter(|&&(at, ..)| at == now) {
                fake.screen = (*screen).to_owned();
                fake.serial.extend(serial.bytes());
            }
            if let Err(end) = runner.step(&mut fake) {
                return (fake.log, Some(end));
            }
            fake.keys.pop(now);
        }
        (fake.log, None)
    }

    #[test]
    fn lines_run_in_order_and_typing_takes_its_time() {
        let (log, end) = run("mouse click left\ntype ab\nkey a\nquit 3", &[], 500);
        assert_eq!(
            log,
            ["0 mouse 0 0 1", "0 mouse 0 0 0", "0 type ab", "60 press [A]"]
        );
        assert_eq!(end.map(|end| end.code), Some(3));
    }

    #[test]
    fn the_screen_is_looked_at_only_at_its_instants() {
        let (log, _) = run("wait text x\nmouse move 1 1", &[(20, "x", "")], 500);
        assert_eq!(log, ["29 mouse 1 1 0"]);
    }

    #[test]
    fn each_serial_wait_goes_on_from_the_end_of_the_last_match() {
        let world = [(10, "", "ok ok"), (40, "", " ok")];
        let (log, _) = run(
            "wait serial ok\nwait serial ok\nwait serial ok\nmouse move 0 0",
            &world,
            100,
        );
        assert_eq!(log, ["40 mouse 0 0 0"]);
    }

    #[test]
    fn a_wait_past_its_limit_ends_the_run_and_says_what_the_screen_showed() {
        let (_, end) = run(
            "wait 1s\nwait text nothing 0.5s",
            &[(0, "A:\\>\n\nready", "")],
            5000,
        );
        let end = end.unwrap();
        assert_eq!((end.code, end.reason), (12, "wait"));
        assert!(
            end.message.contains("s:2") && end.message.contains("A:\\> | ready"),
            "{}",
            end.message
        );
        let (_, end) = run("wait text nothing 100", &[], 5000);
        assert!(end.unwrap().message.contains("100 instructions"));
    }

    #[test]
    fn expect_fails_at_once_with_exit_10() {
        assert_eq!(
            run("expect text a", &[(0, "b", "")], 10).1.map(|end| end.code),
            Some(10)
        );
        assert_eq!(
            run("expect text b\nexpect serial c", &[(0, "b", "c")], 10).1,
            None
        );
        assert_eq!(run("expect serial c", &[], 10).1.map(|end| end.code), Some(10));
    }

    #[test]
    fn waits_for_instructions_and_time_end_on_their_tick() {
        let (log, _) = run(
            "wait insns 50\nmouse move 0 0\nwait 0.1s\nmouse move 1 1",
            &[],
            500,
        );
        assert_eq!(log, ["100 mouse 0 0 0", "200 mouse 1 1 0"]);
    }

    #[test]
    fn a_host_failure_names_the_line() {
        let end = run("screenshot a.png", &[], 10).1.unwrap();
        assert_eq!((end.code, end.message.as_str()), (74, "s:1: no"));
    }
}
