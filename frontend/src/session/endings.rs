//! Why a run ends: the guest, a condition, a limit.

use oldiron_platform::{HostEvent, StopReason};

use super::Session;
use crate::{
    cli::{OnReset, OnTripleFault},
    complain,
    matcher::Verdict,
    outcome::{Failure, Outcome, code},
    script_run::Stage,
};

impl Session<'_> {
    /// What the machine stopped for.
    pub(super) fn stopped(&mut self, stop: StopReason) -> Result<(), Outcome> {
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

    pub(super) fn with_position(&mut self, message: &str) -> String {
        format!("{message}, at {}", self.core.machine.describe_position())
    }

    pub(super) fn check_limits(&mut self) -> Result<(), Outcome> {
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
    pub(super) fn last_look(&mut self, end: Outcome) -> Outcome {
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

    pub(super) fn look_at_text(&mut self) -> Result<(), Outcome> {
        if self.conditions.watches_text()
            && self.core.is_look()
            && let Some(verdict) = self.conditions.look_at_text(&self.core.screen())
        {
            return Err(verdict_outcome(verdict));
        }
        Ok(())
    }
}

pub(super) fn verdict_outcome(verdict: Verdict) -> Outcome {
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
