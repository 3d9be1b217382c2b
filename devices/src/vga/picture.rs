//! A picture that is drawn again only when it has to be.

use super::frame::Frame;
use super::render::{BlinkPhase, Source};

/// The picture drawn last and what it was drawn for.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    frame: Frame,
    row_buffer: Vec<u32>,
    /// `None`: registers or memory have changed since.
    phase: Option<BlinkPhase>,
    generation: u64,
}

impl Picture {
    /// Something that it may show has changed.
    pub fn outdate(&mut self) {
        self.phase = None;
    }

    /// Changes with each drawing.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The picture of `source`, which may only differ from the last one's in its phase if nothing was
    /// [outdated](Self::outdate).
    pub fn draw(&mut self, source: &Source<'_>) -> &Frame {
        let phase = source.visible_phase();
        if self.phase != Some(phase) {
            source.render(&mut self.frame, &mut self.row_buffer);
            self.phase = Some(phase);
            self.generation = self.generation.wrapping_add(1);
        }
        &self.frame
    }
}
