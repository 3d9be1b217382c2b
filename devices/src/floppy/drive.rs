//! One floppy drive: head position, change line, and the diskette in it.

use serde::{Deserialize, Serialize};

use oldiron_mmu::Ticks;

use super::format::{DataRate, FloppyFormat};
use crate::{BlockImage, Ctx, FloppyKind, Timing};

/// A sector, or the search for one, at `--timing fast`.
const FAST_SECTOR_MICROS: u64 = 30;

/// Step pulses of one RECALIBRATE (82077AA §5.2.2).
const RECALIBRATE_STEPS: u8 = 79;

/// What a drive remembers without power to its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DriveState {
    pub(super) kind: Option<FloppyKind>,
    /// Position of the head, in steps from track 0.
    pub(super) cylinder: u8,
    /// The change line: set when the door opens, cleared by a step with a diskette in.
    pub(super) changed: bool,
    /// At `--timing fast`: the next sector to come under the head, from 0.
    pub(super) next_sector: u8,
}

pub(super) struct Drive {
    pub(super) state: DriveState,
    pub(super) image: Option<Box<dyn BlockImage>>,
    format: Option<FloppyFormat>,
}

impl Drive {
    pub(super) fn new(kind: Option<FloppyKind>) -> Self {
        let state = DriveState {
            kind,
            cylinder: 0,
            changed: true,
            next_sector: 0,
        };
        Self {
            state,
            image: None,
            format: None,
        }
    }

    /// Opens the door, exchanges the diskette, and closes it.
    pub(super) fn exchange(&mut self, image: Option<Box<dyn BlockImage>>) -> Option<Box<dyn BlockImage>> {
        self.state.changed = true;
        self.state.next_sector = 0;
        self.format = image
            .as_ref()
            .and_then(|image| FloppyFormat::from_sectors(image.sectors()));
        core::mem::replace(&mut self.image, image)
    }

    /// Whether index pulses come once the motor is on.
    pub(super) fn has_diskette(&self) -> bool {
        self.state.kind.is_some() && self.image.is_some()
    }

    pub(super) fn write_protected(&self) -> bool {
        self.state.kind.is_some() && self.image.as_ref().is_some_and(|image| image.is_read_only())
    }

    pub(super) fn at_track_0(&self) -> bool {
        self.state.kind.is_some() && self.state.cylinder == 0
    }

    /// The level of DSKCHG. An empty drive asserts it; a missing one cannot.
    pub(super) fn disk_change(&self) -> bool {
        self.state.kind.is_some() && (self.state.changed || self.image.is_none())
    }

    /// The format, the rate at which it is read and the track under the head, if address marks
    /// can be found there.
    pub(super) fn track(&self, head: u8) -> Option<(FloppyFormat, DataRate, u8)> {
        let (kind, format) = (self.state.kind?, self.format?);
        let rate = kind.read_rate(format)?;
        let track = if kind.double_step(format) {
            self.state.cylinder / 2
        } else {
            self.state.cylinder
        };
        (track < format.cylinders && head < format.heads).then_some((format, rate, track))
    }

    /// Moves the head `steps` tracks, inwards or outwards; returns how many it could not go.
    pub(super) fn step(&mut self, steps: u8, inwards: bool) -> u8 {
        let Some(kind) = self.state.kind else { return steps };
        let room = if inwards {
            (kind.cylinders() - 1).saturating_sub(self.state.cylinder)
        } else {
            self.state.cylinder
        };
        let moved = steps.min(room);
        if inwards {
            self.state.cylinder = self.state.cylinder.saturating_add(moved);
        } else {
            self.state.cylinder = self.state.cylinder.saturating_sub(moved);
        }
        if self.image.is_some() {
            self.state.changed = false;
        }
        steps - moved
    }

    /// Steps outwards until track 0 shows, at most as often as one RECALIBRATE does.
    pub(super) fn recalibrate(&mut self) -> bool {
        self.step(RECALIBRATE_STEPS.min(self.state.cylinder), false);
        self.at_track_0()
    }

    fn sectors_per_turn(&self) -> u64 {
        self.format.map_or(18, |format| u64::from(format.sectors)).max(1)
    }

    fn slots_hz(&self) -> u64 {
        self.state.kind.map_or(5, FloppyKind::turns_hz) * self.sectors_per_turn()
    }

    /// The sector slot that is the first to begin under the head from now on. Software that asks
    /// within the gap still catches it.
    fn next_slot(&self, ctx: &Ctx<'_>) -> u64 {
        let hz = self.slots_hz();
        let slot = ctx.rate.count_at(ctx.now, hz);
        let late = ctx.now.saturating_sub(ctx.rate.tick_of(slot, hz));
        if late <= ctx.rate.ticks_for(1, hz) / 8 {
            slot
        } else {
            slot.saturating_add(1)
        }
    }

    /// When the whole of sector `index` (from 0) has next passed under the head.
    pub(super) fn when_sector_passed(&self, index: u8, ctx: &Ctx<'_>) -> Ticks {
        match ctx.timing {
            Timing::Fast => ctx.now.saturating_add(ctx.rate.micros(FAST_SECTOR_MICROS)),
            Timing::Real => {
                let turn = self.sectors_per_turn();
                let next = self.next_slot(ctx);
                let wait = (u64::from(index) + turn - next % turn) % turn;
                let end = ctx
                    .rate
                    .tick_of(next.saturating_add(wait).saturating_add(1), self.slots_hz());
                end.max(ctx.now.saturating_add(1))
            }
        }
    }

    /// When the next ID field has passed under the head.
    pub(super) fn when_id_passed(&self, ctx: &Ctx<'_>) -> Ticks {
        match ctx.timing {
            Timing::Fast => ctx.now.saturating_add(ctx.rate.micros(FAST_SECTOR_MICROS)),
            Timing::Real => {
                let hz = self.slots_hz();
                let start = ctx.rate.tick_of(self.next_slot(ctx), hz);
                start
                    .saturating_add(ctx.rate.ticks_for(1, hz) / 4)
                    .max(ctx.now.saturating_add(1))
            }
        }
    }

    /// When the index hole has passed twice and the chip gives up a search.
    pub(super) fn when_search_failed(&self, ctx: &Ctx<'_>) -> Ticks {
        let delay = match ctx.timing {
            Timing::Fast => ctx.rate.micros(2 * FAST_SECTOR_MICROS),
            Timing::Real => ctx
                .rate
                .ticks_for(2, self.state.kind.map_or(5, FloppyKind::turns_hz)),
        };
        ctx.now.saturating_add(delay)
    }

    /// The sector whose ID field has just passed, from 0; the platter turns on.
    pub(super) fn take_id(&mut self, ctx: &Ctx<'_>) -> u8 {
        let turn = self.sectors_per_turn();
        let index = match ctx.timing {
            Timing::Fast => u64::from(self.state.next_sector),
            Timing::Real => ctx.rate.count_at(ctx.now, self.slots_hz()),
        };
        self.sector_passed((index % turn) as u8);
        (index % turn) as u8
    }

    /// Sector `index` has passed under the head.
    pub(super) fn sector_passed(&mut self, index: u8) {
        self.state.next_sector = ((u64::from(index) + 1) % self.sectors_per_turn()) as u8;
    }

    /// Takes over a loaded state; what no drive can be in is put right.
    pub(super) fn restore(&mut self, state: DriveState) {
        let last = state.kind.map_or(0, |kind| kind.cylinders() - 1);
        self.state = DriveState {
            cylinder: state.cylinder.min(last),
            ..state
        };
    }
}
