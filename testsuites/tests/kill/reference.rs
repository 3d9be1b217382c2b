//! The same work on a machine of our own, which notes every write.

use std::sync::{Arc, Mutex};

use oldiron_platform::{
    BlockImage, DiskError, FloppyKind, MachineBuilder, MemoryImage, SECTOR_SIZE, StopReason,
};

use super::guest::{self, Guest};

/// Sectors written, in order.
type Journal = Arc<Mutex<Vec<(u64, Vec<u8>)>>>;

/// An image in memory whose writes are noted.
struct Noted {
    image: MemoryImage,
    journal: Journal,
}

impl BlockImage for Noted {
    fn sectors(&self) -> u64 {
        self.image.sectors()
    }

    fn read(&mut self, lba: u64, buf: &mut [u8]) -> Result<(), DiskError> {
        self.image.read(lba, buf)
    }

    fn write(&mut self, lba: u64, data: &[u8]) -> Result<(), DiskError> {
        let sectors = (lba..).zip(data.chunks(SECTOR_SIZE));
        let noted = sectors.map(|(lba, sector)| (lba, sector.to_vec()));
        self.journal.lock().unwrap().extend(noted);
        self.image.write(lba, data)
    }
}

/// What a run that nobody kills does.
pub struct Reference {
    /// The disk before.
    pub base: Vec<u8>,
    writes: Vec<(u64, Vec<u8>)>,
    /// What the guest says on COM1, and how many writes came before.
    pub lines: Vec<(String, usize)>,
}

/// Most guest time that the work may take, in seconds.
const LIMIT_SECONDS: u64 = 600;

impl Reference {
    /// Runs `guest` on an image with these contents, in the machine that a command line without more options
    /// builds.
    pub fn run(guest: &Guest, base: Vec<u8>) -> Self {
        let journal = Journal::default();
        let image = Box::new(Noted {
            image: MemoryImage::new(base.clone()),
            journal: journal.clone(),
        });
        let builder = MachineBuilder::new().memory_mib(guest.memory);
        let builder = match guest.drive {
            "--hda" => builder.disk(0, image, None),
            _ => builder.floppy(0, FloppyKind::Hd35, Some(image)),
        };
        let mut machine = builder.build().unwrap();
        machine.set_stop_on_serial(true);
        let limit = machine.rate().ticks_for(LIMIT_SECONDS, 1);
        let (mut serial, mut lines) = (Vec::new(), Vec::new());
        while !lines.iter().any(|(line, _)| line == guest::END) {
            let reason = machine.run_until(limit);
            assert_eq!(reason, StopReason::Serial, "{lines:?}");
            serial.extend(
                std::mem::take(&mut machine.outbox().serial)
                    .iter()
                    .map(|sent| sent.byte),
            );
            let writes = journal.lock().unwrap().len();
            let known = lines.len();
            let new = guest::lines(&serial).into_iter().skip(known);
            lines.extend(new.map(|line| (line, writes)));
        }
        drop(machine);
        let writes = std::mem::take(&mut *journal.lock().unwrap());
        Self { base, writes, lines }
    }

    /// How many writes there are.
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// The disk after some of the writes, and what the guest had said by then.
    pub fn after(&self, writes: usize) -> (Vec<u8>, String) {
        let mut disk = self.base.clone();
        for (lba, data) in self.writes.iter().take(writes) {
            disk[*lba as usize * SECTOR_SIZE..][..SECTOR_SIZE].copy_from_slice(data);
        }
        let said = self.lines.iter().filter(|(_, before)| *before <= writes);
        (disk, said.map(|(line, _)| format!("{line} \r\n")).collect())
    }

    /// After how many writes, at most, the disk is as `disk`.
    pub fn prefix(&self, disk: &[u8]) -> Option<usize> {
        let mut now = self.base.clone();
        let sector = |bytes: &[u8], lba: u64| -> Vec<u8> {
            let at = lba as usize * SECTOR_SIZE;
            bytes[at..at + SECTOR_SIZE].to_vec()
        };
        let sectors = (now.len() / SECTOR_SIZE) as u64;
        if disk.len() != now.len() {
            return None;
        }
        let mut different = (0..sectors)
            .filter(|&lba| sector(&now, lba) != sector(disk, lba))
            .count();
        let mut found = (different == 0).then_some(0);
        for (n, (lba, data)) in (1..).zip(&self.writes) {
            let wanted = sector(disk, *lba);
            different -= usize::from(sector(&now, *lba) != wanted);
            different += usize::from(*data != wanted);
            let at = *lba as usize * SECTOR_SIZE;
            now[at..at + SECTOR_SIZE].copy_from_slice(data);
            if different == 0 {
                found = Some(n);
            }
        }
        found
    }
}
