//! Saving, restoring and hashing a whole machine.

use oldiron_devices::{Chs, DiskError, FloppyKind};
use oldiron_mmu::{Snapshot, SnapshotError, StateReader, StateWriter, TickRate, Ticks};
use serde::{Deserialize, Serialize};

use crate::{
    InputLog, Machine, NetworkCard,
    hash::{self, Hasher},
    overlays::{self, SavedOverlays},
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
    /// The place of the CD-ROM drive.
    pub(crate) cdrom: Option<usize>,
    pub(crate) bios_hash: u64,
    pub(crate) vga_bios_hash: u64,
    pub(crate) debug_exit: Option<u16>,
    pub(crate) debug_console: bool,
    pub(crate) network: Option<NetworkCard>,
    pub(crate) isa: bool,
    pub(crate) fw_cfg: bool,
    /// A hash of adapter ROMs and of what is booted directly.
    pub(crate) loaded_hash: Option<u64>,
}

impl Configuration {
    /// The first difference to `saved`, the configuration of a saved state, for people.
    fn difference(&self, saved: &Self) -> Option<String> {
        let words: [(&str, String, String); 15] = [
            ("processor", saved.cpu.clone(), self.cpu.clone()),
            (
                "memory",
                format!("{} MiB", saved.memory_mib),
                format!("{} MiB", self.memory_mib),
            ),
            (
                "ticks per second",
                saved.rate.per_second().to_string(),
                self.rate.per_second().to_string(),
            ),
            ("device timing", timing(saved), timing(self)),
            ("floppy drives", drives(saved), drives(self)),
            ("hard disks", disks(saved), disks(self)),
            ("CD-ROM drive", cdrom(saved), cdrom(self)),
            ("system BIOS", hex(saved.bios_hash), hex(self.bios_hash)),
            ("VGA BIOS", hex(saved.vga_bios_hash), hex(self.vga_bios_hash)),
            ("debug exit port", port(saved), port(self)),
            (
                "port E9h",
                fitted(saved.debug_console),
                fitted(self.debug_console),
            ),
            ("network card", card(saved), card(self)),
            ("PCI", fitted(!saved.isa), fitted(!self.isa)),
            ("fw_cfg", fitted(saved.fw_cfg), fitted(self.fw_cfg)),
            (
                "kernel, initial RAM disks or other files in memory",
                loaded(saved),
                loaded(self),
            ),
        ];
        words
            .into_iter()
            .find(|(_, saved, ours)| saved != ours)
            .map(|(what, saved, ours)| format!("{what}: saved with {saved}, this machine has {ours}"))
    }
}

fn timing(configuration: &Configuration) -> String {
    if configuration.real_timing { "real" } else { "fast" }.to_owned()
}

fn drives(configuration: &Configuration) -> String {
    let kind = |kind: &Option<FloppyKind>| kind.map_or("none".to_owned(), |kind| format!("{kind:?}"));
    configuration
        .floppies
        .iter()
        .map(kind)
        .collect::<Vec<_>>()
        .join(" and ")
}

fn disks(configuration: &Configuration) -> String {
    let disk = |disk: &Option<(Chs, u64)>| match disk {
        None => "none".to_owned(),
        Some((chs, sectors)) => format!(
            "{sectors} sectors as {}/{}/{}",
            chs.cylinders, chs.heads, chs.sectors
        ),
    };
    configuration
        .disks
        .iter()
        .map(disk)
        .collect::<Vec<_>>()
        .join(", ")
}

fn cdrom(configuration: &Configuration) -> String {
    let place = configuration
        .cdrom
        .and_then(|index| overlays::NAMES.get(index + 2));
    place.map_or("none", |name| name).to_owned()
}

fn hex(hash: u64) -> String {
    format!("{hash:016x}")
}

fn port(configuration: &Configuration) -> String {
    configuration
        .debug_exit
        .map_or("none".to_owned(), |port| format!("{port:04x}h"))
}

fn card(configuration: &Configuration) -> String {
    let card = configuration.network.as_ref();
    card.map_or("none".to_owned(), ToString::to_string)
}

fn loaded(configuration: &Configuration) -> String {
    configuration.loaded_hash.map_or("none".to_owned(), hex)
}

fn fitted(there: bool) -> String {
    if there { "it" } else { "none" }.to_owned()
}

/// The chunk that goes first: what the machine is, and when.
struct Identity<'a> {
    configuration: &'a Configuration,
    now: Ticks,
    difference: Option<String>,
}

impl Snapshot for Identity<'_> {
    const TAG: [u8; 4] = *b"MACH";
    const VERSION: u16 = 6;

    fn save(&self, w: &mut StateWriter) {
        w.put(self.configuration);
        w.put(&self.now);
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let saved: Configuration = r.get()?;
        self.difference = self.configuration.difference(&saved);
        self.now = r.get()?;
        Ok(())
    }
}

/// What the parts of a saved state are called where people read it. Parts of one kind are numbered.
fn component_name(tag: [u8; 4], nth: usize) -> String {
    let name = match &tag {
        b"MACH" => "machine",
        b"CPU " => "processor",
        b"BORD" => "board",
        b"PIC " => "interrupt controllers",
        b"PIT " => "timer",
        b"DMA " => "DMA controllers",
        b"CMOS" => "clock and CMOS",
        b"PS2 " => "keyboard controller",
        b"UART" => return format!("COM{}", nth + 1),
        b"SYSP" => "system ports",
        b"FDC " => "floppy controller",
        b"IDE " => return format!("IDE channel {nth}"),
        b"VGA " => "VGA",
        b"NE2K" => "network card",
        b"PCI " => "PCI chip set",
        b"PM  " => "power management",
        b"BOOT" => "direct boot",
        b"APIC" => "APICs",
        b"FWCF" => "fw_cfg",
        b"TEST" => "test device",
        b"DISK" => overlays::NAMES.get(nth).copied().unwrap_or("disk"),
        other => return String::from_utf8_lossy(other).trim_end().to_owned(),
    };
    name.to_owned()
}

impl Machine {
    /// The whole state but RAM, in the order in which it is restored.
    fn save_components(&self, w: &mut FileWriter) {
        w.component(&Identity {
            configuration: &self.configuration,
            now: self.now(),
            difference: None,
        });
        w.component(&self.cpu);
        w.component(&self.board);
        self.board.chips.save(w);
    }

    /// The whole state as one block of bytes: versioned, checked, the same on every host. Pages of
    /// zeros take no room. Of disks it has what images keep apart from themselves
    /// ([`BlockImage::save_overlay`](crate::BlockImage::save_overlay)); the images are not part of it.
    /// An error is that of an image whose writes cannot be read.
    pub fn save_state(&self) -> Result<Vec<u8>, DiskError> {
        let mut w = FileWriter::new();
        self.save_components(&mut w);
        overlays::save(&self.board.chips, &mut w)?;
        w.memory(&self.mem);
        Ok(w.finish())
    }

    /// Continues from a state that [`save_state`](Self::save_state) made on a machine that was
    /// built the same way. After an error the machine is as it was.
    pub fn restore_state(&mut self, state: &[u8]) -> Result<(), RestoreError> {
        let checked = FileReader::new(state)?;
        let before = self.save_state()?;
        let loaded = self.load(checked);
        match loaded {
            Ok(()) => self.inputs = InputLog::starting_at(self.now()),
            Err(_) => self.load(FileReader::new(&before)?)?,
        }
        loaded
    }

    /// Loads a state. After an error the machine is in no defined state.
    fn load(&mut self, mut r: FileReader<'_>) -> Result<(), RestoreError> {
        let mut identity = Identity {
            configuration: &self.configuration,
            now: 0,
            difference: None,
        };
        r.component(&mut identity)?;
        let now = identity.now;
        if let Some(difference) = identity.difference {
            return Err(RestoreError::Configuration(difference));
        }
        r.component(&mut self.cpu)?;
        r.component(&mut self.board)?;
        self.board.chips.load(&mut r)?;
        let overlays = SavedOverlays::read(&self.board.chips, &mut r)?;
        r.memory(&mut self.mem)?;
        r.finish()?;
        overlays.restore(&mut self.board.chips)?;
        self.clock.restore(now);
        self.board.settle_loaded(&mut self.mem);
        Ok(())
    }

    /// Saves the state and restores it at once, keeping the log of inputs.
    pub(crate) fn save_and_restore(&mut self) -> Result<(), RestoreError> {
        let state = self.save_state()?;
        self.load(FileReader::new(&state)?)
    }

    /// A hash of all RAM.
    pub fn memory_hash(&self) -> u64 {
        hash::hash_bytes(self.mem.ram())
    }

    /// A hash of the state of processor, chips and memory. No cache
    /// is in it, so machines that are in the same state hash the same, whatever their past.
    pub fn state_hash(&self) -> u64 {
        let mut w = FileWriter::new();
        self.save_components(&mut w);
        let mut hasher = Hasher::new();
        hasher.update(w.as_bytes());
        hasher.update_u64(self.memory_hash());
        hasher.update_u64(hash::hash_bytes(self.mem.frame_buffer()));
        hasher.finish()
    }

    /// Name and hash of each part of the state, and of what was written to disks: to tell which differ.
    pub fn component_hashes(&self) -> Result<Vec<(String, u64)>, DiskError> {
        let mut w = FileWriter::new();
        self.save_components(&mut w);
        overlays::save(&self.board.chips, &mut w)?;
        let mut hashes: Vec<(String, u64)> = Vec::new();
        let chunks = w.chunk_hashes();
        for (n, &(tag, hash)) in chunks.iter().enumerate() {
            let nth = chunks[..n].iter().filter(|&&(before, _)| before == tag).count();
            hashes.push((component_name(tag, nth), hash));
        }
        hashes.push(("memory".to_owned(), self.memory_hash()));
        let frame_buffer = hash::hash_bytes(self.mem.frame_buffer());
        hashes.push(("frame buffer".to_owned(), frame_buffer));
        Ok(hashes)
    }
}

#[cfg(test)]
mod tests {
    use oldiron_devices::MemoryImage;

    use super::*;
    use crate::{HostEvent, KeyCode, MachineBuilder, snapshot_file::reseal};

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
            if ![*b"RAM ", *b"FRAM"].contains(state[at..].first_chunk().unwrap()) && len > 0 {
                chunks.push((at + 14, len));
            }
            at += 14 + len + 8;
        }
        chunks
    }

    #[test]
    fn a_state_that_does_not_fit_says_why_and_leaves_the_machine_as_it_was() {
        let mut running = machine();
        running.run_until(1_000_000);
        let before = running.state_hash();
        let mut other = MachineBuilder::new().memory_mib(2).build().unwrap();
        let refused = running
            .restore_state(&other.save_state().unwrap())
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("memory: saved with 2 MiB, this machine has 1 MiB"),
            "{refused}"
        );
        other = machine();
        other.run_until(3_000_000);
        let mut cut_inside = other.save_state().unwrap();
        let (start, len) = contents(&cut_inside)[4];
        cut_inside[start..start + len].fill(0xff);
        reseal(&mut cut_inside);
        assert!(running.restore_state(&cut_inside).is_err());
        assert_eq!(running.state_hash(), before);
    }

    #[test]
    fn a_restored_machine_goes_on_as_the_saved_one() {
        let mut machine = machine();
        machine.run_until(7_654_321);
        machine.post(HostEvent::Key {
            code: KeyCode::A,
            down: true,
        });
        let (state, hashes) = (machine.save_state().unwrap(), machine.component_hashes().unwrap());
        machine.run_until(20_000_000);
        let end = machine.state_hash();
        machine.restore_state(&state).unwrap();
        assert_eq!(machine.component_hashes().unwrap(), hashes);
        assert_eq!(
            (machine.inputs().since(), machine.inputs().iter().count()),
            (7_654_321, 0)
        );
        machine.run_until(20_000_000);
        assert_eq!(machine.state_hash(), end);
    }

    #[test]
    fn a_state_with_any_value_in_it_is_refused_or_runs_on_without_panic() {
        let mut original = machine();
        original.run_until(20_000_000);
        let state = original.save_state().unwrap();
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
