//! The registers of the VGA's five parts together: all that a picture depends on besides memory.

use super::attribute::AttributeController;
use super::crtc::Crtc;
use super::dac::Dac;
use super::graphics::GraphicsController;
use super::memory::VideoMemory;
use super::render::{BlinkPhase, Source};
use super::sequencer::Sequencer;

/// The registers.
#[derive(Clone, Debug, Default)]
pub struct Registers {
    pub sequencer: Sequencer,
    pub crtc: Crtc,
    pub graphics: GraphicsController,
    pub attribute: AttributeController,
    pub dac: Dac,
}

impl Registers {
    /// Masks what only a damaged state can hold. The DAC refuses it.
    pub fn sanitize(&mut self) {
        self.sequencer.sanitize();
        self.crtc.sanitize();
        self.graphics.sanitize();
        self.attribute.sanitize();
    }

    /// Whether both give the same picture of the same memory.
    pub fn show_the_same_as(&self, other: &Self) -> bool {
        self.sequencer.equals(&other.sequencer)
            && self.crtc.equals(&other.crtc)
            && self.graphics.equals(&other.graphics)
            && self.attribute.equals(&other.attribute)
            && self.dac.equals(&other.dac)
    }

    /// A picture of `memory` from `start` on.
    pub fn source<'a>(&'a self, memory: &'a VideoMemory, start: u16, phase: BlinkPhase) -> Source<'a> {
        Source {
            crtc: &self.crtc,
            sequencer: &self.sequencer,
            graphics: &self.graphics,
            attribute: &self.attribute,
            dac: &self.dac,
            memory,
            start,
            phase,
        }
    }
}
