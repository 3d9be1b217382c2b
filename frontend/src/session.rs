//! The run: slices of guest time, what happens between them, and why it ends.
//!
//! Everything that the guest can notice happens at ticks that depend on the guest alone: looks at the
//! screen, script lines, typed keys, limits. The host only decides how far a slice goes, and results
//! do not depend on where slices end.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use oldiron_platform::{HostEvent, KeyCode, Machine, StopReason, TickRate, Ticks};

use crate::{
    chaos::Chaos,
    cli::{OnReset, OnTripleFault, SaveAt, Speed},
    complain,
    display::{Command, Display, Input, MENU, Status, menu_command},
    matcher::{self, Conditions, Verdict},
    media_lists::{Drive, MediaLists},
    net::Network,
    outcome::{Failure, Outcome, code},
    pacer::{Pacer, thread_time},
    recording::{Due, Recorder, Replay},
    screenshot, script_run,
    script_run::{Runner, Stage},
    serial::{HostEnd, PortLogs},
    snapshot::{Header, Snapshot},
    sound::Sound,
    spec::{KnownFile, Medium, Spec},
    typing::KeyQueue,
};

/// The run loop comes back to the host at least this often.
const MAX_SLICE: Ticks = 10_000_000;
/// How long a notice stays in the title.
const NOTICE_TIME: Duration = Duration::from_secs(4);
/// How often the user's input is asked for.
const POLL_INTERVAL: Duration = Duration::from_millis(7);
/// How often a new picture is shown.
const FRAME_INTERVAL: Duration = Duration::from_millis(14);
/// How far a guest that has nothing to do runs at a time.
const IDLE_INTERVAL: Duration = Duration::from_millis(20);
/// How often a new picture is shown while the guest is idle.
const IDLE_FRAME_INTERVAL: Duration = Duration::from_millis(40);
/// How long it must have polled before it gets rests: menus that count down are left alone.
const POLLING_GRACE: Duration = Duration::from_millis(2500);
/// How far the guest runs between two rests while it only polls for a key.
const POLLING_INTERVAL: Duration = Duration::from_millis(4);
/// How far the guest runs at a time while something is awaited from the network.
const NETWORK_INTERVAL: Duration = Duration::from_millis(2);
/// How often speed is measured.
const STATUS_INTERVAL: Duration = Duration::from_millis(500);

/// What ends a run besides the guest.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Instructions and deliveries.
    pub count: Option<u64>,
    /// Guest seconds.
    pub guest_seconds: Option<f64>,
    /// Host seconds.
    pub timeout: Option<Duration>,
    /// What a reset does.
    pub on_reset: OnReset,
    /// What a triple fault does.
    pub on_triple_fault: OnTripleFault,
}

/// The machine and everything that hangs on it.
pub struct Core {
    /// The machine.
    pub machine: Machine,
    keys: KeyQueue,
    serial: [HostEnd; 2],
    debug_console: Option<HostEnd>,
    port_logs: PortLogs,
    sound: Sound,
    network: Network,
    media: MediaLists,
    /// What the machine is built from, and what is in its drives now.
    spec: Spec,
    /// Instructions before the run: those of a restored state.
    instructions_before: u64,
    /// The state that was saved or restored last.
    last_state: Option<PathBuf>,
    /// What COM1 has sent, if anyone wants to know.
    serial_log: Option<Vec<u8>>,
    /// The run is over: the screen is looked at once more.
    at_end: bool,
}

impl Core {
    /// A machine with its host ends.
    pub fn new(
        machine: Machine,
        serial: [HostEnd; 2],
        debug_console: Option<HostEnd>,
        port_logs: PortLogs,
        sound: Sound,
        network: Network,
        media: MediaLists,
        spec: Spec,
    ) -> Self {
        let keys = KeyQueue::new(machine.rate());
        let instructions_before = machine.instructions();
        Self {
            machine,
            keys,
            serial,
            debug_console,
            port_logs,
            sound,
            network,
            media,
            spec,
            instructions_before,
            last_state: None,
            serial_log: None,
            at_end: false,
        }
    }

    /// Whether a triple fault is the guest's way back to real mode, as on a 286.
    fn leaves_protected_mode(&self) -> bool {
        matches!(self.machine.shutdown_code(), 0x05 | 0x09 | 0x0a | 0x0c)
    }

    /// Puts a medium into a drive as [`Replay`] says: recordings have its removal by itself.
    fn insert_recorded(&mut self, drive: Drive, path: Option<&Path>) -> Result<(), Failure> {
        let done = self.media.exchange(&mut self.machine, drive, path);
        self.note_medium(drive, path.filter(|_| done.is_ok()));
        done
    }

    /// Something was put into a drive, or taken out.
    fn note_medium(&mut self, drive: Drive, path: Option<&Path>) {
        let file = path.map(KnownFile::named);
        match drive {
            Drive::Floppy(drive) => {
                if let Some(Some(floppy)) = self.spec.floppies.get_mut(usize::from(drive)) {
                    floppy.medium = file.map(Medium::File);
                }
            }
            Drive::Cdrom => {
                if let Some(cdrom) = &mut self.spec.cdrom {
                    cdrom.medium = file;
                }
            }
        }
    }

    /// Goes on with the keys that were on their way when a state was saved.
    pub fn resume(&mut self, snapshot: &Snapshot) {
        self.keys = snapshot.header.keys.clone().at_rate(self.machine.rate());
        self.last_state = Some(snapshot.path.clone());
    }

    /// Saves the whole state to a file.
    fn save_state(&mut self, path: &Path) -> Result<(), Failure> {
        let flushed = self.machine.flush_media();
        flushed.map_err(|error| Failure::host_io(error.to_string()))?;
        let screen = self.machine.text_screen();
        let last_line = screen.lines().rfind(|line| !line.trim().is_empty());
        let header = Header {
            machine: self.spec.looked_at()?,
            tick: self.machine.now(),
            instructions: self.machine.instructions(),
            saved: chrono::Local::now().format("%Y-%m-%d %H:%M:%S").to_string(),
            screen: last_line.unwrap_or("(no text)").trim().to_owned(),
            keys: self.keys.clone(),
        };
        let state = self.machine.save_state();
        let state = state.map_err(|error| Failure::host_io(error.to_string()))?;
        Snapshot::write(path, &header, &state)?;
        self.last_state = Some(path.to_owned());
        Ok(())
    }

    /// Goes back to the state that was saved last; if that cannot be, nothing changes.
    fn load_state(&mut self) -> Result<PathBuf, Failure> {
        let Some(path) = self.last_state.clone() else {
            return Err(Failure::file("no state was saved in this run"));
        };
        let snapshot = Snapshot::read(&path)?;
        if snapshot.header.machine != self.spec.looked_at()? {
            return Err(Failure::file(format!(
                "{}: other images are in the drives now, or they have changed",
                path.display()
            )));
        }
        if !self.sound.can_jump() {
            return Err(Failure::usage("not while the sound goes into a file"));
        }
        let restored = self.machine.restore_state(&snapshot.state);
        restored.map_err(|error| Failure::file(format!("{}: {error}", path.display())))?;
        self.sound.jump(&self.machine);
        self.network.forget();
        self.resume(&snapshot);
        Ok(path)
    }

    fn post_due_keys(&mut self) {
        let now = self.machine.now();
        while let Some((key, down)) = self.keys.pop(now) {
            self.machine.post(HostEvent::Key { code: key, down });
        }
    }

    /// Hands the guest the frames that have come. Says whether there were any.
    fn post_frames(&mut self) -> Result<bool, Failure> {
        let room = self.machine.network_room();
        let frames = self.network.poll(self.machine.now(), room)?;
        let any = !frames.is_empty();
        for bytes in frames {
            self.machine.post(HostEvent::Frame { bytes });
        }
        Ok(any)
    }

    /// Writes everything that is held back.
    pub fn flush(&mut self) -> Result<(), Failure> {
        let mut result = self
            .machine
            .flush_media()
            .map_err(|error| Failure::host_io(error.to_string()));
        for end in self.serial.iter_mut().chain(&mut self.debug_console) {
            result = result.and(end.flush());
        }
        let sound = self.sound.finish(&self.machine);
        let network = self.network.flush();
        result.and(self.port_logs.flush()).and(sound).and(network)
    }
}

impl Stage for Core {
    fn now(&self) -> Ticks {
        self.machine.now()
    }

    fn rate(&self) -> TickRate {
        self.machine.rate()
    }

    fn count(&self) -> u64 {
        let stats = self.machine.stats();
        stats.instructions.saturating_sub(self.instructions_before) + stats.interrupts
    }

    fn is_look(&self) -> bool {
        self.at_end || matcher::is_look(self.rate(), self.now())
    }

    fn screen(&self) -> String {
        self.machine.text_screen()
    }

    fn serial(&self) -> &[u8] {
        self.serial_log.as_deref().unwrap_or_default()
    }

    fn keys_idle(&self) -> bool {
        self.keys.is_idle(self.machine.now())
    }

    fn type_text(&mut self, text: &str) {
        self.keys.type_text(text);
    }

    fn press(&mut self, keys: &[KeyCode]) {
        self.keys.press_chord(keys);
    }

    fn mouse(&mut self, dx: i16, dy: i16, buttons: u8) {
        self.machine.post(HostEvent::Mouse {
            dx,
            dy,
            wheel: 0,
            buttons,
        });
    }

    fn insert(&mut self, drive: Drive, path: Option<&Path>) -> Result<(), Failure> {
        let done = self.media.insert(&mut self.machine, drive, path);
        self.note_medium(drive, path.filter(|_| done.is_ok()));
        done
    }

    fn screenshot(&mut self, path: &Path) -> Result<(), Failure> {
        screenshot::write(path, self.machine.frame())
    }

    fn dump_text(&mut self, path: &Path) -> Result<(), Failure> {
        dump_text(path, &self.machine)
    }

    fn save(&mut self, path: &Path) -> Result<(), Failure> {
        self.save_state(path)
    }
}

/// Writes the text screen to a file.
pub fn dump_text(path: &Path, machine: &Machine) -> Result<(), Failure> {
    std::fs::write(path, machine.text_screen() + "\n").map_err(|error| {
        let error = crate::image::describe(&error);
        Failure::host_io(format!(
            "{}: cannot write the text screen: {error}",
            path.display()
        ))
    })
}

/// What writes down, repeats or disturbs a run.
#[derive(Default)]
pub struct Instruments {
    /// `--record`.
    pub recorder: Option<Recorder>,
    /// `oldiron replay`: then nothing else comes from outside.
    pub replay: Option<Replay>,
    /// `--save-at`.
    pub save_at: Vec<SaveAt>,
    /// `--chaos`.
    pub chaos: Option<Chaos>,
}

/// A run in progress.
pub struct Session<'a> {
    core: Core,
    conditions: Conditions,
    runner: Runner,
    limits: Limits,
    instruments: Instruments,
    display: &'a mut dyn Display,
    pacer: Pacer,
    live: bool,
    /// The guest does nothing but poll for a key.
    polling: bool,
    /// Since when it may be doing so.
    polling_since: Option<Instant>,
    interrupted: &'a AtomicBool,
    started: Instant,
    /// The tick at which the run starts: not 0 after a restore.
    began: Ticks,
    status: Status,
    meter: Meter,
}

/// What the status line is computed from.
struct Meter {
    since: Instant,
    instructions: u64,
    ticks: Ticks,
    activity: u8,
    notice_since: Instant,
    polled: Instant,
    presented: Instant,
}

impl<'a> Session<'a> {
    /// A run that has not begun.
    pub fn new(
        mut core: Core,
        conditions: Conditions,
        runner: Runner,
        limits: Limits,
        instruments: Instruments,
        speed: Speed,
        display: &'a mut dyn Display,
        interrupted: &'a AtomicBool,
    ) -> Self {
        let live = display.is_live() || core.serial.iter().any(HostEnd::is_live);
        if conditions.watches_serial() || !runner.is_done() {
            core.serial_log = Some(Vec::new());
        }
        core.machine.set_stop_on_frame(core.network.is_connected());
        core.machine.set_stop_on_reset(limits.on_reset == OnReset::Exit);
        let now = Instant::now();
        let meter = Meter {
            since: now,
            instructions: core.machine.instructions(),
            ticks: core.machine.now(),
            activity: 0,
            notice_since: now,
            polled: now,
            presented: now,
        };
        Self {
            pacer: Pacer::new(core.machine.rate(), speed, live),
            conditions,
            runner,
            limits,
            instruments,
            display,
            live,
            polling: false,
            polling_since: None,
            interrupted,
            started: now,
            began: core.machine.now(),
            core,
            status: Status::default(),
            meter,
        }
    }

    /// Runs to the end, and gives back why and the machine.
    pub fn run(mut self) -> (Outcome, Core, Duration) {
        self.started = Instant::now();
        self.pacer.restart(self.core.now());
        let end = loop {
            match self.turn() {
                Ok(()) => {}
                Err(end) => break end,
            }
        };
        let host_time = self.started.elapsed();
        if let Some(chaos) = &self.instruments.chaos {
            log::info!(target: "chaos", "{}", chaos.summary());
        }
        let mut end = self.last_look(end);
        if let Some(recorder) = &mut self.instruments.recorder
            && let Err(failure) = recorder.finish(&self.core.machine, &end)
        {
            end = failure.into();
        }
        for SaveAt { tick, path } in &self.instruments.save_at {
            let path = path.display();
            end.message += &format!("; {path} is not there, for the run ended before tick {tick}");
        }
        (end, self.core, host_time)
    }

    /// One slice and what goes with it. `Err` ends the run.
    fn turn(&mut self) -> Result<(), Outcome> {
        self.save_if_due()?;
        self.host_events()?;
        if self.status.paused.is_some() {
            self.show(true)?;
            thread::sleep(FRAME_INTERVAL);
            return Ok(());
        }
        let answered = match self.instruments.replay {
            Some(_) => {
                self.post_recorded()?;
                false
            }
            None => {
                self.runner.step(&mut self.core)?;
                self.core.post_due_keys();
                self.core.post_frames()?
            }
        };
        if let Some(recorder) = &mut self.instruments.recorder {
            recorder.catch_up(&self.core.machine)?;
        }
        let now = self.core.now();
        // A guest that has just got a frame has something to do.
        let idle = self.core.machine.idle_hint() && !answered;
        let awaiting = self.core.network.awaits();
        self.pacer.set_awaiting(awaiting);
        let quantum = match idle {
            _ if awaiting => NETWORK_INTERVAL,
            true if self.polling => POLLING_INTERVAL,
            true => IDLE_INTERVAL,
            false => POLL_INTERVAL,
        };
        let until = self.deadline(now, quantum);
        if self.pacer.allowed(now, idle) < until {
            self.show(idle)?;
            self.core.network.wait(self.pacer.until(until).min(quantum));
            return Ok(());
        }
        let watch_serial = self.conditions.watches_serial() || self.runner.watches_serial();
        self.core.machine.set_stop_on_serial(watch_serial);
        let (slice_began, retired) = (thread_time(), self.core.machine.instructions());
        let stop = self.core.machine.run_until(until);
        self.take_output()?;
        self.save_if_due()?;
        self.look_at_text()?;
        self.stopped(stop)?;
        self.check_limits()?;
        if let Some(recorder) = &mut self.instruments.recorder
            && stop == StopReason::Deadline
        {
            recorder.check_if_due(&self.core.machine)?;
        }
        if let Some(chaos) = &mut self.instruments.chaos {
            chaos.strike(&mut self.core.machine)?;
        }
        self.show(idle)?;
        let busy = self.core.machine.instructions() - retired > (self.core.now() - now) / 2;
        self.rest_if_polling(busy, thread_time().saturating_sub(slice_began));
        Ok(())
    }

    /// Saves the states that `--save-at` wants of this tick.
    fn save_if_due(&mut self) -> Result<(), Outcome> {
        let now = self.core.now();
        let due = |save: &SaveAt| save.tick <= now;
        while let Some(next) = self.instruments.save_at.iter().position(due) {
            let SaveAt { tick, path } = self.instruments.save_at.remove(next);
            if tick < now {
                let message = format!(
                    "--save-at {tick}={}: the run starts at tick {now}",
                    path.display()
                );
                return Err(Failure::usage(message).into());
            }
            self.core.save_state(&path)?;
        }
        Ok(())
    }

    /// Repeats what came from outside at this tick.
    fn post_recorded(&mut self) -> Result<(), Outcome> {
        let Instruments {
            replay: Some(replay), ..
        } = &mut self.instruments
        else {
            return Ok(());
        };
        while let Some(due) = replay.due(&self.core.machine)? {
            match due {
                Due::Event(event) => {
                    if let HostEvent::Frame { bytes } = &event {
                        let now = self.core.machine.now();
                        self.core.network.note(now, std::slice::from_ref(bytes))?;
                    }
                    self.core.machine.post(event);
                }
                Due::Medium(drive, medium) => {
                    let path = medium.map(|medium| medium.find(&replay.path)).transpose()?;
                    self.core.insert_recorded(drive, path.as_deref())?;
                }
            }
        }
        Ok(())
    }

    /// The next tick at which something is to be done: after `quantum` of host time at the latest.
    fn deadline(&self, now: Ticks, quantum: Duration) -> Ticks {
        let rate = self.core.rate();
        // What chips send waits in memory for the end of the slice: it is no longer than needed.
        let mut slice = MAX_SLICE.min(rate.per_second() / 10);
        if self.live || self.pacer.is_paced() || self.core.network.awaits() {
            slice = slice.min(self.pacer.ticks_in(quantum)).max(1);
        }
        let mut until = now + slice;
        let mut at = |tick: Ticks| until = until.min(tick.max(now + 1));
        self.instruments
            .chaos
            .iter()
            .map(Chaos::next_due)
            .for_each(&mut at);
        self.instruments
            .save_at
            .iter()
            .map(|save| save.tick)
            .for_each(&mut at);
        self.instruments
            .replay
            .iter()
            .filter_map(Replay::next_due)
            .for_each(&mut at);
        if self.conditions.watches_text() || self.runner.watches_text() {
            at(matcher::next_look(rate, now));
        }
        self.core.keys.next_due(now).into_iter().for_each(&mut at);
        self.runner.next_due(rate).into_iter().for_each(&mut at);
        if let Some(seconds) = self.limits.guest_seconds {
            at(self.guest_limit(seconds));
        }
        // Each tick is at most one instruction or delivery: the count cannot get past its target.
        let count = self.core.count();
        for target in self.limits.count.into_iter().chain(self.runner.count_due()) {
            at(now.saturating_add(target.saturating_sub(count)));
        }
        until
    }

    /// The tick at which the run has taken so many guest seconds.
    fn guest_limit(&self, seconds: f64) -> Ticks {
        let length = script_run::ticks(self.core.rate(), seconds);
        self.began.saturating_add(length)
    }

    /// Carries off what the machine sent.
    fn take_output(&mut self) -> Result<(), Outcome> {
        let out = std::mem::take(self.core.machine.outbox());
        self.meter.activity |= out.activity;
        let mut bytes: [Vec<u8>; 2] = Default::default();
        for sent in &out.serial {
            if let Some(bytes) = bytes.get_mut(usize::from(sent.port)) {
                bytes.push(sent.byte);
            }
        }
        let mut sent = Ok(());
        for (end, bytes) in self.core.serial.iter_mut().zip(&bytes) {
            if !bytes.is_empty() {
                sent = sent.and(end.send(bytes));
            }
        }
        if let Some(console) = &mut self.core.debug_console {
            sent = sent.and(console.send(&out.debug_console));
        }
        sent = sent.and(self.core.port_logs.write(&out.port_log));
        sent = sent.and(self.core.network.take(&out.frames));
        let known_to = self.core.machine.speaker_known_to();
        sent = sent.and(self.core.sound.follow(&out.speaker, known_to));
        if let Some(log) = &mut self.core.serial_log {
            for &byte in &bytes[0] {
                log.push(byte);
                if let Some(verdict) = self.conditions.look_at_serial(log) {
                    return Err(verdict_outcome(verdict));
                }
            }
        }
        sent?;
        match out.disk_errors.first() {
            Some(error) => Err(Failure::host_io(error.to_string()).into()),
            None => Ok(()),
        }
    }

    fn look_at_text(&mut self) -> Result<(), Outcome> {
        if self.conditions.watches_text()
            && self.core.is_look()
            && let Some(verdict) = self.conditions.look_at_text(&self.core.screen())
        {
            return Err(verdict_outcome(verdict));
        }
        Ok(())
    }

    /// What the machine stopped for.
    fn stopped(&mut self, stop: StopReason) -> Result<(), Outcome> {
        if let Some(replay) = &self.instruments.replay {
            let at_once = matches!(
                stop,
                StopReason::Deadline | StopReason::Serial | StopReason::Frame
            ) || stop == StopReason::TripleFault && self.core.leaves_protected_mode();
            if !at_once {
                let now = self.core.now();
                return match replay.goes_on_at(&self.core.machine) {
                    true => Ok(()),
                    false => Err(replay.differs(now, &format!("the guest came to an end ({stop:?})"))),
                };
            }
        }
        match stop {
            StopReason::Deadline | StopReason::Serial | StopReason::Frame => Ok(()),
            StopReason::PowerOff => self.guest_left("power-off", "the guest powered off"),
            StopReason::Reset => self.guest_left("reset", "the guest reset the machine (--on-reset exit)"),
            StopReason::DebugExit(value) => {
                let code = (value << 1) | 1;
                let message = format!("the guest wrote {value:02x} to the debug exit port: exit {code}");
                Err(Outcome::new(code, "debug-exit", message))
            }
            StopReason::TripleFault if self.core.leaves_protected_mode() => {
                self.core.machine.reset_cpu();
                Ok(())
            }
            StopReason::TripleFault => self.dead(code::TRIPLE_FAULT, "triple-fault", "triple fault"),
            StopReason::HaltedForever => self.dead(code::HALTED, "halted", "halted with interrupts off"),
            StopReason::DiskError => Err(Failure::host_io("an image could not be read or written").into()),
        }
    }

    /// The guest ended the run: fine, unless something was awaited.
    fn guest_left(&mut self, reason: &'static str, message: &str) -> Result<(), Outcome> {
        self.core.at_end = true;
        self.runner.step(&mut self.core)?;
        self.look_at_text()?;
        Err(if self.conditions.awaits() || !self.runner.is_done() {
            let message = format!("{message} before what was awaited came");
            Outcome::new(code::FAILED, reason, message)
        } else {
            Outcome::new(code::OK, reason, message)
        })
    }

    /// The processor does nothing any more.
    fn dead(&mut self, code: u8, reason: &'static str, message: &str) -> Result<(), Outcome> {
        match self.limits.on_triple_fault {
            OnTripleFault::Reset => {
                self.core.machine.post(HostEvent::Reset);
                if self.limits.on_reset == OnReset::Exit {
                    return self.guest_left("reset", message);
                }
            }
            OnTripleFault::Pause => {
                let at = self.core.machine.describe_position();
                complain(&format!("{message}, at {at}"));
                self.status.paused = Some(format!("{message}; reset from the menu"));
            }
            OnTripleFault::Exit => return Err(Outcome::new(code, reason, self.with_position(message))),
        }
        Ok(())
    }

    fn with_position(&mut self, message: &str) -> String {
        format!("{message}, at {}", self.core.machine.describe_position())
    }

    fn check_limits(&mut self) -> Result<(), Outcome> {
        if let Some(limit) = self.limits.count.filter(|&limit| self.core.count() >= limit) {
            let message = self.with_position(&format!("{limit} instructions (--max-insns)"));
            return Err(Outcome::new(code::LIMIT, "max-insns", message));
        }
        if let Some(limit) = self.limits.guest_seconds
            && self.core.now() >= self.guest_limit(limit)
        {
            let message = self.with_position(&format!("{limit} guest seconds (--max-virtual)"));
            return Err(Outcome::new(code::LIMIT, "max-virtual", message));
        }
        Ok(())
    }

    /// The screen as it is when the run ends may still decide it.
    fn last_look(&mut self, end: Outcome) -> Outcome {
        match end.reason {
            "max-insns" | "max-virtual" | "wait" | "triple-fault" | "halted" => {
                self.core.at_end = true;
                let end = match end.reason {
                    "wait" => Outcome {
                        message: self.with_position(&end.message),
                        ..end
                    },
                    _ => end,
                };
                self.look_at_text().err().unwrap_or(end)
            }
            _ => end,
        }
    }

    /// What the host and its user did.
    fn host_events(&mut self) -> Result<(), Outcome> {
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
                let path = chrono::Local::now()
                    .format("oldiron-%Y%m%d-%H%M%S%.3f.png")
                    .to_string();
                let written = screenshot::write(Path::new(&path), self.core.machine.frame());
                match written {
                    Ok(()) => self.notice(&path),
                    Err(failure) => self.notice(&failure.to_string()),
                }
            }
            Command::SaveState => {
                let path = chrono::Local::now()
                    .format("oldiron-%Y%m%d-%H%M%S%.3f.snap")
                    .to_string();
                match self.core.save_state(Path::new(&path)) {
                    Ok(()) => self.notice(&path),
                    Err(failure) => self.notice(&failure.to_string()),
                }
            }
            Command::LoadState if self.instruments.recorder.is_some() => {
                self.notice("not while a recording is made");
            }
            Command::LoadState => match self.core.load_state() {
                Ok(path) => {
                    self.status.paused = None;
                    self.pacer.restart(self.core.now());
                    self.notice(&format!("back to {}", path.display()));
                }
                Err(failure) => self.notice(&failure.to_string()),
            },
            Command::Faster => self.scale_speed(2.0),
            Command::Slower => self.scale_speed(0.5),
            Command::ToggleMax => {
                let speed = if self.pacer.speed() == Speed::Max {
                    Speed::Realtime
                } else {
                    Speed::Max
                };
                self.pacer.set_speed(speed, now);
                self.notice(if speed == Speed::Max {
                    "full speed"
                } else {
                    "real time"
                });
            }
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

    fn notice(&mut self, text: &str) {
        self.status.notice = Some(text.to_owned());
        self.meter.notice_since = Instant::now();
        self.meter.since = Instant::now()
            .checked_sub(STATUS_INTERVAL)
            .unwrap_or(self.meter.since);
    }

    /// Shows the picture and the status, when it is time.
    fn show(&mut self, idle: bool) -> Result<(), Outcome> {
        if !self.display.is_live() {
            return Ok(());
        }
        let interval = if idle { IDLE_FRAME_INTERVAL } else { FRAME_INTERVAL };
        if self.meter.presented.elapsed() >= interval {
            self.meter.presented = Instant::now();
            self.display.present(&mut self.core.machine)?;
        }
        let passed = self.meter.since.elapsed();
        if passed >= STATUS_INTERVAL {
            self.update_status(passed);
            self.display.show_status(&self.status)?;
        }
        Ok(())
    }

    fn update_status(&mut self, passed: Duration) {
        let (instructions, ticks) = (self.core.machine.instructions(), self.core.now());
        let seconds = passed.as_secs_f64();
        let meter = &mut self.meter;
        let guest = ticks.saturating_sub(meter.ticks) as f64 / self.core.machine.rate().per_second() as f64;
        self.status.mips = instructions.saturating_sub(meter.instructions) as f64 / 1e6 / seconds;
        self.status.percent = guest / seconds * 100.0;
        let mut names = ["A:", "B:", "hda", "hdb", "hdc", "hdd"];
        if let Some(cdrom) = &self.core.spec.cdrom
            && let Some(name) = names.get_mut(2 + cdrom.index)
        {
            *name = "CD";
        }
        let active = names
            .iter()
            .enumerate()
            .filter(|(bit, _)| meter.activity >> bit & 1 != 0);
        self.status.drives = active.map(|(_, &name)| name).collect::<Vec<_>>().join(" ");
        if meter.notice_since.elapsed() > NOTICE_TIME {
            self.status.notice = None;
        }
        (meter.since, meter.instructions, meter.ticks, meter.activity) =
            (Instant::now(), instructions, ticks, 0);
    }

    /// A DOS program that only asks for a key over and over keeps a whole core busy; here it gets
    /// a fraction of one. Its clock then falls behind; the first key brings it back to speed.
    fn rest_if_polling(&mut self, busy: bool, ran: Duration) {
        let quiet = self.core.keys.is_idle(self.core.now());
        let paced = self.pacer.speed() == Speed::Realtime;
        // A halted guest is idle too, but costs nothing.
        let polls = self.live && paced && quiet && busy && self.core.machine.idle_hint();
        let since = polls.then(|| self.polling_since.unwrap_or_else(Instant::now));
        self.polling_since = since;
        self.polling = since.is_some_and(|since| since.elapsed() >= POLLING_GRACE);
        if self.polling {
            thread::sleep(Pacer::rest_after_polling(ran));
            self.pacer.restart(self.core.now());
        }
    }
}

fn verdict_outcome(verdict: Verdict) -> Outcome {
    let reason = |option: &'static str| option.trim_start_matches('-');
    match verdict {
        Verdict::Fail(option, pattern) => Outcome::new(
            code::FAILED,
            reason(option),
            format!("{option} '{pattern}' matched"),
        ),
        Verdict::Done(option, pattern) => {
            Outcome::new(code::OK, reason(option), format!("{option} '{pattern}' matched"))
        }
    }
}
