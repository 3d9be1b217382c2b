//! The picture and the status line.

use std::time::{Duration, Instant};

use oldiron_platform::Ticks;

use super::{FRAME_INTERVAL, Session};
use crate::{outcome::Outcome, script_run::Stage};

/// How long a notice stays in the title.
const NOTICE_TIME: Duration = Duration::from_secs(4);
/// How often a new picture is shown while the guest is idle.
const IDLE_FRAME_INTERVAL: Duration = Duration::from_millis(40);
/// How often speed is measured.
const STATUS_INTERVAL: Duration = Duration::from_millis(500);

/// What the status line is computed from.
pub(super) struct Meter {
    pub(super) since: Instant,
    pub(super) instructions: u64,
    pub(super) ticks: Ticks,
    pub(super) activity: u8,
    pub(super) notice_since: Instant,
    pub(super) polled: Instant,
    pub(super) presented: Instant,
}

impl Session<'_> {
    pub(super) fn notice(&mut self, text: &str) {
        self.status.notice = Some(text.to_owned());
        self.meter.notice_since = Instant::now();
        self.meter.since = Instant::now()
            .checked_sub(STATUS_INTERVAL)
            .unwrap_or(self.meter.since);
    }

    /// Shows the picture and the status, when it is time.
    pub(super) fn show(&mut self, idle: bool) -> Result<(), Outcome> {
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
        let mut names = ["A:", "B:", "hda", "hdb", "hdc", "hdd", "net"];
        if let Some(cdrom) = &self.core.spec.cdrom
            && let Some(name) = names.get_mut(2 + cdrom.index)
        {
            *name = "CD";
        }
        let active = names
            .iter()
            .enumerate()
            .filter(|(bit, _)| meter.activity >> bit & 1 != 0);
        self.status.at_work = active.map(|(_, &name)| name).collect::<Vec<_>>().join(" ");
        if meter.notice_since.elapsed() > NOTICE_TIME {
            self.status.notice = None;
        }
        (meter.since, meter.instructions, meter.ticks, meter.activity) =
            (Instant::now(), instructions, ticks, 0);
    }
}
