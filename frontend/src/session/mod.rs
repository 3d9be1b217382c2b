//! The run: slices of guest time, what happens between them, and why it ends.
//!
//! Everything that the guest can notice happens at ticks that depend on the guest alone: looks at the
//! screen, script lines, typed keys, limits. The host only decides how far a slice goes, and results
//! do not depend on where slices end.

mod commands;
mod core;
mod endings;
mod status;

use std::{
    sync::atomic::AtomicBool,
    thread,
    time::{Duration, Instant},
};

use oldiron_platform::{HostEvent, StopReason, Ticks};

pub use self::core::{Core, dump_text};
use self::status::Meter;
use crate::{
    chaos::Chaos,
    cli::{OnReset, OnTripleFault, SaveAt, Speed},
    display::{Display, Status},
    matcher::{self, Conditions},
    outcome::{Failure, Outcome},
    pacer::{Pacer, thread_time},
    recording::{Due, Recorder, Replay},
    script_run,
    script_run::{Runner, Stage},
    serial::HostEnd,
};

/// The run loop comes back to the host at least this often.
const MAX_SLICE: Ticks = 10_000_000;
/// How often the user's input is asked for.
const POLL_INTERVAL: Duration = Duration::from_millis(7);
/// How often a new picture is shown.
const FRAME_INTERVAL: Duration = Duration::from_millis(14);
/// How far a guest that has nothing to do runs at a time.
const IDLE_INTERVAL: Duration = Duration::from_millis(20);
/// How long it must have polled before it gets rests: menus that count down are left alone.
const POLLING_GRACE: Duration = Duration::from_millis(2500);
/// How far the guest runs between two rests while it only polls for a key.
const POLLING_INTERVAL: Duration = Duration::from_millis(4);
/// How far the guest runs at a time while something is awaited from the network.
const NETWORK_INTERVAL: Duration = Duration::from_millis(2);

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
            && let Err(failure) = recorder.finish(&mut self.core.machine, &end)
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
            recorder.catch_up(&mut self.core.machine)?;
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
                    return Err(endings::verdict_outcome(verdict));
                }
            }
        }
        sent?;
        match out.disk_errors.first() {
            Some(error) => Err(Failure::host_io(error.to_string()).into()),
            None => Ok(()),
        }
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
