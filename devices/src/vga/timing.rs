//! Where the beam is: a formula of virtual time and the CRTC's totals, never a counter that runs.

use oldiron_mmu::{TickRate, Ticks};

use super::crtc::Crtc;
use super::sequencer::Sequencer;

/// Frames that come faster than this are not followed one by one: registers in the middle of a
/// mode change can ask for frames of microseconds.
const MAX_FRAMES_PER_SECOND: u64 = 250;

/// What the beam draws, in dots of the undivided dot clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Dot clock.
    pub clock_hz: u64,
    /// Dots in a line, blanking included.
    pub line_dots: u64,
    /// Dots of a line in which characters are displayed.
    pub display_dots: u64,
    /// Lines in a frame, blanking included.
    pub lines: u64,
    /// Lines displayed.
    pub display_lines: u64,
    /// First line of the vertical retrace.
    pub retrace_start: u64,
    /// Line after the vertical retrace.
    pub retrace_end: u64,
}

impl Geometry {
    /// The geometry that the registers ask for.
    pub fn new(crtc: &Crtc, sequencer: &Sequencer, clock_hz: u64) -> Self {
        let character = sequencer.character_clocks();
        let scale = u64::from(crtc.vertical_scale());
        let lines = u64::from(crtc.vertical_total()) * scale;
        // A retrace programmed below the last line never comes on the chip; here it comes with the
        // last line, so that frames are still counted while a mode is being set.
        let retrace_start = (u64::from(crtc.retrace_start()) * scale).min(lines - 1);
        let retrace_end = (retrace_start + u64::from(crtc.retrace_length()) * scale).min(lines);
        Self {
            clock_hz,
            line_dots: u64::from(crtc.horizontal_total()) * character,
            display_dots: u64::from(crtc.characters()) * character,
            lines,
            display_lines: u64::from(crtc.lines()) * scale,
            retrace_start,
            retrace_end,
        }
    }

    const fn frame_dots(&self) -> u64 {
        self.line_dots * self.lines
    }
}

/// A place of the beam.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beam {
    /// Line of the frame, 0 = first displayed.
    pub line: u64,
    /// Dot of the line, 0 = first displayed.
    pub dot: u64,
}

/// The geometry and how it is aligned with absolute time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    geometry: Geometry,
    /// Dots that the beam is ahead of a frame that started at time 0.
    phase_dots: u64,
}

impl Timing {
    /// A beam that is `phase_dots` ahead of time 0.
    pub fn new(geometry: Geometry, phase_dots: u64) -> Self {
        Self {
            geometry,
            phase_dots: phase_dots % geometry.frame_dots(),
        }
    }

    /// The phase, for saving.
    pub fn phase_dots(&self) -> u64 {
        self.phase_dots
    }

    /// The geometry.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    fn dots_at(&self, now: Ticks, rate: TickRate) -> u64 {
        rate.count_at(now, self.geometry.clock_hz)
            .wrapping_add(self.phase_dots)
    }

    /// Where the beam is.
    pub fn beam(&self, now: Ticks, rate: TickRate) -> Beam {
        let position = self.dots_at(now, rate) % self.geometry.frame_dots();
        Beam {
            line: position / self.geometry.line_dots,
            dot: position % self.geometry.line_dots,
        }
    }

    /// Whether the beam is outside the displayed characters.
    pub fn is_blanked(&self, beam: Beam) -> bool {
        beam.line >= self.geometry.display_lines || beam.dot >= self.geometry.display_dots
    }

    /// Whether the beam is in the vertical retrace.
    pub fn is_retrace(&self, beam: Beam) -> bool {
        (self.geometry.retrace_start..self.geometry.retrace_end).contains(&beam.line)
    }

    /// Changes the geometry while the beam stays where it is, as far as that place still exists.
    pub fn change(&mut self, geometry: Geometry, now: Ticks, rate: TickRate) {
        let beam = self.beam(now, rate);
        let position =
            beam.line.min(geometry.lines - 1) * geometry.line_dots + beam.dot.min(geometry.line_dots - 1);
        let frame = geometry.frame_dots();
        let elapsed = rate.count_at(now, geometry.clock_hz) % frame;
        *self = Self::new(geometry, position + frame - elapsed);
    }

    /// Dots from `dots` to the next time that `line` begins, at least one.
    fn dots_until(&self, line: u64, dots: u64) -> u64 {
        let frame = self.geometry.frame_dots();
        let start = line * self.geometry.line_dots;
        let into = dots % frame;
        if into < start {
            start - into
        } else {
            start + frame - into
        }
    }

    fn tick_ahead(&self, dots: u64, now: Ticks, rate: TickRate) -> Ticks {
        let count = rate.count_at(now, self.geometry.clock_hz).saturating_add(dots);
        rate.tick_of(count, self.geometry.clock_hz)
            .max(now.saturating_add(1))
    }

    /// The first tick after `now` at which a vertical retrace has started.
    pub fn next_retrace(&self, now: Ticks, rate: TickRate) -> Ticks {
        let frame = self.geometry.frame_dots();
        let dots = self.dots_at(now, rate);
        let until = |dots| self.dots_until(self.geometry.retrace_start, dots);
        let shortest = self.geometry.clock_hz / MAX_FRAMES_PER_SECOND;
        let ahead = match until(dots) {
            near if frame < shortest => shortest + until(dots.wrapping_add(shortest)).min(near + frame),
            ahead => ahead,
        };
        self.tick_ahead(ahead, now, rate)
    }

    /// The first tick after `now` at which a frame has begun.
    pub fn next_frame(&self, now: Ticks, rate: TickRate) -> Ticks {
        self.tick_ahead(self.dots_until(0, self.dots_at(now, rate)), now, rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: TickRate = TickRate::new(100_000_000);
    const TEXT: Geometry = Geometry {
        clock_hz: 28_322_000,
        line_dots: 900,
        display_dots: 720,
        lines: 449,
        display_lines: 400,
        retrace_start: 412,
        retrace_end: 414,
    };

    #[test]
    fn the_beam_passes_every_line_once_a_frame() {
        let timing = Timing::new(TEXT, 0);
        let tick = |line: u64| RATE.tick_of(line * 900, TEXT.clock_hz);
        for line in 0..2000 {
            let beam = timing.beam(tick(line), RATE);
            assert_eq!(beam.line, line % 449);
            assert!(beam.dot < 9);
        }
    }

    #[test]
    fn the_next_retrace_is_the_first_tick_in_it() {
        let timing = Timing::new(TEXT, 12345);
        let mut now = 0;
        for _ in 0..200 {
            let next = timing.next_retrace(now, RATE);
            assert!(next > now);
            assert!(timing.is_retrace(timing.beam(next, RATE)));
            assert!(!timing.is_retrace(timing.beam(next - 1, RATE)));
            let top = timing.next_frame(next, RATE);
            assert_eq!(timing.beam(top, RATE).line, 0);
            assert_eq!(timing.beam(top - 1, RATE).line, 448);
            now = next;
        }
        // 70.087 frames a second.
        assert!((285_000_000..286_000_000).contains(&now), "{now}");
    }

    #[test]
    fn a_change_of_geometry_leaves_the_beam_where_it_is() {
        let mut timing = Timing::new(TEXT, 0);
        let now = 777_777_777;
        let before = timing.beam(now, RATE);
        let other = Geometry {
            clock_hz: 25_175_000,
            line_dots: 800,
            lines: 525,
            ..TEXT
        };
        timing.change(other, now, RATE);
        let after = timing.beam(now, RATE);
        assert_eq!(after.line, before.line);
        assert_eq!(after.dot, before.dot.min(799));
    }

    #[test]
    fn tiny_frames_are_not_followed_one_by_one() {
        let tiny = Geometry {
            line_dots: 40,
            display_dots: 8,
            lines: 2,
            display_lines: 1,
            retrace_start: 0,
            retrace_end: 2,
            ..TEXT
        };
        let timing = Timing::new(tiny, 3);
        let next = timing.next_retrace(1000, RATE);
        assert!((400_000..500_000).contains(&next), "{next}");
    }
}
