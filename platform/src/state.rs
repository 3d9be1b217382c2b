//! Saving, restoring and hashing a whole machine.

use oldiron_devices::{Chs, FloppyKind};
use oldiron_mmu::{Snapshot, SnapshotError, StateReader, StateWriter, TickRate, Ticks};
use serde::{Deserialize, Serialize};

use crate::{
    Machine,
    hash::{self, Hasher},
    snapshot_file::{FileReader, FileWriter, RestoreError},
};

/// What a machine is made of: a state fits only a machine that is made of the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Configuration {
    pub(crate) memory_mib: u32,
    pub(crate) cpu: String,
    pub(crate) rate: TickRate,
    pub(crate) real_timing: bool,
    pub(crate) floppies: [Option<FloppyKind>; 2],
    pub(crate) disks: [Option<(Chs, u64)>; 4],
    pub(crate) bios_hash: u64,
    pub(crate) vga_bios_hash: u64,
    pub(crate) debug_exit: Option<u16>,
    pub(crate) debug_console: bool,
}

/// The chunk that goes first: what the machine is, and when.
struct Identity<'a> {
    configuration: &'a Configuration,
    now: Ticks,
}

impl Snapshot for Identity<'_> {
    const TAG: [u8; 4] = *b"MACH";
    const VERSION: u16 = 1;

    fn save(&self, w: &mut StateWriter) {
        w.put(self.configuration);
        w.put(&self.now);
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        if r.get::<Configuration>()? != *self.configuration {
            return Err(r.mismatch("it is configured differently"));
        }
        self.now = r.get()?;
        Ok(())
    }
}

impl Machine {
    /// The whole state but RAM, in the order in which it is restored.
    fn save_components(&self, w: &mut FileWriter) {
        w.component(&Identity {
            configuration: &self.configuration,
            now: self.now(),
        });
        w.component(&self.cpu);
        w.component(&self.board);
        self.board.chips.save(w);
    }

    /// The whole state as one block of bytes. What is in the disk images is not part of it.
    pub fn save_state(&self) -> Vec<u8> {
        let mut w = FileWriter::new();
        self.save_components(&mut w);
        w.ram(&self.mem);
        w.finish()
    }

    /// Continues from a state that [`save_state`](Self::save_state) made on a machine that was
    /// built the same way. After an error the machine is in no defined state and of no more use.
    pub fn restore_state(&mut self, state: &[u8]) -> Result<(), RestoreError> {
        let mut r = FileReader::new(state)?;
        let mut identity = Identity {
            configuration: &self.configuration,
            now: 0,
        };
        r.component(&mut identity)?;
        let now = identity.now;
        r.component(&mut self.cpu)?;
        r.component(&mut self.board)?;
        self.board.chips.load(&mut r)?;
        r.ram(&mut self.mem)?;
        r.finish()?;
        self.clock.restore(now);
        self.board.settle_loaded(&mut self.mem);
        Ok(())
    }

    /// A hash of all RAM.
    pub fn memory_hash(&self) -> u64 {
        hash::hash_bytes(self.mem.ram())
    }

    /// A hash of the whole state: of what [`save_state`](Self::save_state) would save. No cache
    /// is in it, so machines that are in the same state hash the same, whatever their past.
    pub fn state_hash(&self) -> u64 {
        let mut w = FileWriter::new();
        self.save_components(&mut w);
        let mut hasher = Hasher::new();
        hasher.update(w.as_bytes());
        hasher.update_u64(self.memory_hash());
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use oldiron_devices::MemoryImage;

    use super::*;
    use crate::{MachineBuilder, snapshot_file::reseal};

    const ROUNDS: usize = 150;

    fn machine() -> Machine {
        let mut image = oldiron_bios::DEMO_DISK.to_vec();
        image.resize(1440 << 10, 0);
        let image = Box::new(MemoryImage::new(image));
        MachineBuilder::new()
            .memory_mib(1)
            .floppy(0, FloppyKind::Hd35, Some(image))
            .build()
            .unwrap()
    }

    /// Where chunks are: content start and length, without memory.
    fn contents(state: &[u8]) -> Vec<(usize, usize)> {
        let (mut at, mut chunks) = (12, Vec::new());
        while let Some(&len) = state.get(at + 6..).and_then(|rest| rest.first_chunk()) {
            let len = u64::from_le_bytes(len) as usize;
            if &state[at..at + 4] != b"RAM " && len > 0 {
                chunks.push((at + 14, len));
            }
            at += 14 + len + 4;
        }
        chunks
    }

    #[test]
    fn a_state_with_any_value_in_it_is_refused_or_runs_on_without_panic() {
        let mut original = machine();
        original.run_until(20_000_000);
        let state = original.save_state();
        let chunks = contents(&state);
        let mut random = 0x1357_9bdf_2468_ace1u64;
        let mut accepted = 0;
        for n in 0..ROUNDS {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let (start, len) = chunks[n % chunks.len()];
            let mut bad = state.clone();
            // Registers come first in most components, tables and video memory later.
            let span = if random & 1 == 0 { len.min(200) } else { len };
            let at = start + (random >> 33) as usize % span;
            bad[at] = [0, 1, 0x7f, 0x80, 0xff, (random >> 8) as u8][(random >> 3) as usize % 6];
            reseal(&mut bad);
            let mut machine = machine();
            if machine.restore_state(&bad).is_ok() {
                accepted += 1;
                let until = machine.now().saturating_add(100_000);
                if until < 1 << 40 {
                    machine.run_until(until);
                }
                machine.screen_hash();
            }
        }
        assert!(accepted > 0);
    }
}
