//! The saved state of the VGA.
//!
//! Timing is a formula of time and registers, so that only its phase is saved. The registers that the monitor's
//! picture was begun with are not: for the rest of that frame it shows the present ones.

use oldiron_mmu::{Snapshot, SnapshotError, StateReader, StateWriter};

use super::dac::Dac;
use super::memory::PLANE_SIZE;
use super::timing::{Geometry, Timing};
use super::{MiscOutput, Vga, clock_hz};

impl Snapshot for Vga {
    const TAG: [u8; 4] = *b"VGA ";
    const VERSION: u16 = 3;

    fn save(&self, w: &mut StateWriter) {
        w.put(&(self.misc.bits(), self.feature_control, self.video_enable));
        let regs = &self.registers;
        w.put(&(&regs.sequencer, &regs.crtc, &regs.graphics, &regs.attribute));
        w.put(&self.dispi);
        w.put(&regs.dac.to_bytes());
        w.put(&(self.start, self.vertical_interrupt, self.frame_number));
        w.put(&self.in_retrace);
        w.put(&self.timing.phase_dots());
        w.put(&self.memory.latches());
        let planes: Vec<u8> = self.memory.words().iter().flat_map(|w| w.to_le_bytes()).collect();
        w.put(&planes);
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let (misc, feature_control, video_enable): (u8, u8, bool) = r.get()?;
        self.misc = MiscOutput::from_bits_truncate(misc);
        self.feature_control = feature_control & 3;
        self.video_enable = video_enable;
        let regs = &mut self.registers;
        (regs.sequencer, regs.crtc, regs.graphics, regs.attribute) = r.get()?;
        regs.sanitize();
        self.dispi = r.get()?;
        if !self.dispi.is_well_formed(Self::FRAME_BUFFER_BYTES) {
            return Err(r.damaged());
        }
        let dac: Vec<u8> = r.get()?;
        regs.dac = Dac::from_bytes(&dac, self.dispi.has_wide_dac()).ok_or_else(|| r.damaged())?;
        let geometry = Geometry::new(&regs.crtc, &regs.sequencer, clock_hz(self.misc));
        (self.start, self.vertical_interrupt, self.frame_number) = r.get()?;
        self.in_retrace = r.get()?;
        self.timing = Timing::new(geometry, r.get()?);
        let latches: u32 = r.get()?;
        let planes: Vec<u8> = r.get()?;
        let (words, rest) = planes.as_chunks::<4>();
        if words.len() != PLANE_SIZE || !rest.is_empty() {
            return Err(r.damaged());
        }
        let mut memory = Box::new([0; PLANE_SIZE]);
        for (word, bytes) in memory.iter_mut().zip(words) {
            *word = u32::from_le_bytes(*bytes);
        }
        self.memory.restore(memory, latches);
        self.data_path_changed();
        self.registers_changed = true;
        self.begin_frame();
        Ok(())
    }
}
