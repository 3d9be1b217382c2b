//! SEEK, RELATIVE SEEK and RECALIBRATE (82077AA §5.2.2, §5.2.3, §5.2.7): heads move on their own
//! timer, several drives at a time, while the chip takes further commands.

use serde::{Deserialize, Serialize};

use oldiron_mmu::Ticks;

use super::registers::St0;
use super::{DataRate, FloppyController, Seek};
use crate::{Ctx, TimerId, Timing};

/// A seek of any length at `--timing fast`.
const FAST_SEEK_MICROS: u64 = 100;

/// What a head does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Motion {
    Recalibrate,
    To(u8),
    Relative { steps: u8, inwards: bool },
}

impl FloppyController {
    pub(super) fn begin_recalibrate(&mut self, drive: u8, ctx: &mut Ctx<'_>) {
        let steps = self
            .drives
            .get(usize::from(drive))
            .map_or(79, |drive| drive.state.cylinder);
        self.begin_motion(drive, steps, Motion::Recalibrate, ctx);
    }

    pub(super) fn begin_seek(&mut self, drive: u8, cylinder: u8, ctx: &mut Ctx<'_>) {
        let steps = self.s.pcn[usize::from(drive & 3)].abs_diff(cylinder);
        self.begin_motion(drive, steps, Motion::To(cylinder), ctx);
    }

    pub(super) fn begin_relative_seek(&mut self, drive: u8, steps: u8, inwards: bool, ctx: &mut Ctx<'_>) {
        self.begin_motion(drive, steps, Motion::Relative { steps, inwards }, ctx);
    }

    fn begin_motion(&mut self, drive: u8, steps: u8, motion: Motion, ctx: &mut Ctx<'_>) {
        let drive = usize::from(drive & 3);
        self.s.seek_end[drive] = None;
        let until = ctx.now.saturating_add(self.step_time(steps, ctx));
        self.s.seeking[drive] = Some(Seek { until, motion });
        self.arm_seek_timer(ctx);
    }

    /// How long `steps` steps take: SRT counts down from 16, in units that follow the data rate
    /// (table 5-10).
    pub(super) fn step_time(&self, steps: u8, ctx: &Ctx<'_>) -> Ticks {
        match ctx.timing {
            Timing::Fast => ctx.rate.micros(FAST_SEEK_MICROS),
            Timing::Real => {
                let unit_micros = match self.data_rate() {
                    DataRate::Kbps1000 => 500,
                    DataRate::Kbps500 => 1000,
                    DataRate::Kbps300 => 1667,
                    DataRate::Kbps250 => 2000,
                };
                let step_micros = (16 - u64::from(self.s.specify[0] >> 4)) * unit_micros;
                ctx.rate.micros(step_micros * u64::from(steps.max(1)))
            }
        }
    }

    fn arm_seek_timer(&self, ctx: &mut Ctx<'_>) {
        let next = self.s.seeking.iter().flatten().map(|seek| seek.until).min();
        ctx.timers.arm(TimerId::FloppyDrive, next.unwrap_or(Ticks::MAX));
    }

    pub(super) fn seek_timer(&mut self, ctx: &mut Ctx<'_>) {
        for drive in 0..4 {
            if let Some(Seek { motion, .. }) = self.s.seeking[drive].take_if(|seek| seek.until <= ctx.now) {
                let st0 = self.finish_motion(drive, motion) | St0::from_bits_retain(drive as u8);
                self.s.seek_end[drive] = Some(st0);
                // A driver that left resets unsensed gives them up by going on.
                self.s.polls_left = 0;
                self.set_interrupt(true, ctx);
            }
        }
        self.arm_seek_timer(ctx);
    }

    fn finish_motion(&mut self, drive: usize, motion: Motion) -> St0 {
        match motion {
            Motion::Recalibrate => {
                self.s.pcn[drive] = 0;
                let found = self
                    .drives
                    .get_mut(drive)
                    .is_some_and(|drive| drive.recalibrate());
                if found {
                    St0::SE
                } else {
                    St0::SE | St0::EC | St0::ABNORMAL
                }
            }
            Motion::To(cylinder) => {
                self.move_to(drive, cylinder);
                St0::SE
            }
            Motion::Relative { steps, inwards } => {
                let pcn = self.s.pcn[drive];
                self.s.pcn[drive] = if inwards {
                    pcn.wrapping_add(steps)
                } else {
                    pcn.wrapping_sub(steps)
                };
                let short = self
                    .drives
                    .get_mut(drive)
                    .map_or(0, |drive| drive.step(steps, inwards));
                // Only the outer stop has a sensor.
                if short > 0 && !inwards {
                    St0::SE | St0::EC | St0::ABNORMAL
                } else {
                    St0::SE
                }
            }
        }
    }

    /// Steps from where the chip believes the head to be.
    pub(super) fn move_to(&mut self, drive: usize, cylinder: u8) {
        let drive = drive & 3;
        let pcn = core::mem::replace(&mut self.s.pcn[drive], cylinder);
        if let Some(drive) = self.drives.get_mut(drive) {
            drive.step(pcn.abs_diff(cylinder), cylinder > pcn);
        }
    }
}
