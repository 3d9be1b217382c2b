//! Kills at every step and power cuts: an overlay on something that remembers what was synced.

use std::collections::BTreeMap;

use super::{
    super::{medium::Medium, store::OverlayFile},
    *,
};

/// Bytes, with what was done to them since the last sync.
#[derive(Clone, Default)]
struct Disk {
    durable: Vec<u8>,
    now: Vec<u8>,
    /// Offsets and bytes in order.
    unsynced: Vec<(u64, Vec<u8>)>,
    /// Changes until the kill.
    left: usize,
}

#[derive(Clone, Default)]
struct SharedDisk(Arc<Mutex<Disk>>);

impl SharedDisk {
    fn new(bytes: Vec<u8>, left: usize) -> Self {
        Self(Arc::new(Mutex::new(Disk {
            durable: bytes.clone(),
            now: bytes,
            unsynced: Vec::new(),
            left,
        })))
    }

    fn change(&self, change: impl FnOnce(&mut Disk)) -> std::io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        if disk.left == 0 {
            return Err(std::io::Error::other("killed"));
        }
        disk.left -= 1;
        change(&mut disk);
        Ok(())
    }
}

impl Medium for SharedDisk {
    fn length(&self) -> std::io::Result<u64> {
        Ok(self.0.lock().unwrap().now.len() as u64)
    }

    fn get(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        let disk = self.0.lock().unwrap();
        buf.copy_from_slice(&disk.now[offset as usize..][..buf.len()]);
        Ok(())
    }

    fn put(&mut self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.change(|disk| {
            let end = offset as usize + data.len();
            if disk.now.len() < end {
                disk.now.resize(end, 0);
            }
            disk.now[offset as usize..end].copy_from_slice(data);
            disk.unsynced.push((offset, data.to_vec()));
        })
    }

    fn set_length(&mut self, length: u64) -> std::io::Result<()> {
        self.change(|disk| disk.now.resize(length as usize, 0))
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.change(|disk| {
            disk.durable.resize(disk.now.len(), 0);
            for (offset, data) in disk.unsynced.drain(..) {
                disk.durable[offset as usize..][..data.len()].copy_from_slice(&data);
            }
        })
    }
}

/// The next number of a sequence that looks random.
fn next(random: &mut u64) -> u64 {
    *random = random
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *random >> 33
}

impl Disk {
    /// What a power cut leaves: of each sector the durable contents or those of any time since.
    fn after_power_cut(&self, random: &mut u64) -> Vec<u8> {
        let mut left = self.durable.clone();
        if left.len() < self.now.len() && next(random).is_multiple_of(2) {
            left.resize(self.now.len(), 0);
        }
        let mut versions: BTreeMap<usize, Vec<Vec<u8>>> = BTreeMap::new();
        let mut now = self.durable.clone();
        now.resize(self.now.len().max(now.len()), 0);
        for (offset, data) in &self.unsynced {
            let (start, end) = (*offset as usize, *offset as usize + data.len());
            now[start..end].copy_from_slice(data);
            for sector in start / SECTOR_SIZE..end.div_ceil(SECTOR_SIZE) {
                let at = sector * SECTOR_SIZE;
                let bytes = now[at..now.len().min(at + SECTOR_SIZE)].to_vec();
                versions.entry(at).or_default().push(bytes);
            }
        }
        for (at, versions) in versions {
            let choice = next(random) as usize % (versions.len() + 1);
            if let Some(bytes) = versions.get(choice)
                && at + bytes.len() <= left.len()
            {
                left[at..at + bytes.len()].copy_from_slice(bytes);
            }
        }
        left
    }
}

/// What was written to each of two images: by sector, a number.
type Contents = [BTreeMap<u64, u32>; 2];

/// What may be found of it: sets of numbers; 0: not written.
type Possible = [BTreeMap<u64, Vec<u32>>; 2];

#[derive(Clone, Copy, Debug)]
enum Step {
    Write(usize, u64, u32),
    Flush,
    /// Other contents for both images, with their number.
    Replace(u32),
    /// Closes the file in order and opens it again.
    Reopen,
}

const IMAGE_SECTORS: u64 = 3000;

fn steps(seed: u64, count: u32) -> Vec<Step> {
    let mut random = seed;
    let step = |stamp: u32| match next(&mut random) % 20 {
        0 | 1 => Step::Flush,
        2 => Step::Replace(stamp),
        3 if next(&mut random).is_multiple_of(4) => Step::Reopen,
        // Some sectors again and again, others once.
        n => {
            let lba = next(&mut random) % if n < 12 { 12 } else { IMAGE_SECTORS };
            Step::Write(n as usize % 2, lba, stamp)
        }
    };
    (1..=count).map(step).collect()
}

fn replaced(stamp: u32) -> Contents {
    [0, 1].map(|image| (0..20).map(|n| (n * 13 + image, stamp)).collect())
}

fn sector(stamp: u32) -> [u8; SECTOR_SIZE] {
    let mut sector = [0; SECTOR_SIZE];
    sector
        .chunks_mut(4)
        .for_each(|place| place.copy_from_slice(&stamp.to_le_bytes()));
    sector
}

fn overlay(contents: &BTreeMap<u64, u32>) -> Overlay {
    let mut overlay = Overlay::new();
    for (&lba, &stamp) in contents {
        overlay.write(lba, &sector(stamp));
    }
    overlay
}

fn begin(disk: &SharedDisk) -> Result<[OverlaidImage; 2], Failure> {
    let store = OverlayFile::begin(Path::new("o"), Box::new(disk.clone()))?;
    let store = Arc::new(Mutex::new(store));
    let image = |name: &str| {
        let base = MemoryImage::read_only(vec![0; IMAGE_SECTORS as usize * SECTOR_SIZE]);
        OverlaidImage::new(Box::new(base), &store, name, Path::new(name))
    };
    Ok([image("hda")?, image("hdb")?])
}

/// Everything that is found in what is left.
fn found(bytes: Vec<u8>) -> Contents {
    let mut images = begin(&SharedDisk::new(bytes, usize::MAX)).unwrap();
    [0, 1].map(|n| {
        let written =
            Overlay::from_bytes(&images[n].save_overlay().unwrap().unwrap(), IMAGE_SECTORS).unwrap();
        let mut contents = BTreeMap::new();
        for (lba, data) in written.sectors() {
            let stamp = u32::from_le_bytes(*data.first_chunk().unwrap());
            assert!(*data == sector(stamp), "sector {lba} is torn");
            contents.insert(lba, stamp);
        }
        // It can be written to.
        images[n].write(1, &sector(77)).unwrap();
        images[n].flush().unwrap();
        contents
    })
}

/// Does the steps until the kill, and returns what must be in the file (one of them), and, for a power cut, what
/// each sector may be (one of these).
fn run(steps: &[Step], disk: &SharedDisk) -> (Vec<Contents>, Vec<Possible>) {
    let (mut now, mut pending) = (Contents::default(), None::<Contents>);
    let mut possible = Possible::default();
    let exactly = |contents: &Contents| -> Possible {
        [0, 1].map(|n: usize| {
            contents[n]
                .iter()
                .map(|(&lba, &stamp)| (lba, vec![stamp]))
                .collect()
        })
    };
    let Ok(mut images) = begin(disk) else {
        return (vec![now], vec![possible]);
    };
    for &step in steps {
        // What a kill within this step may leave.
        let mut after = vec![now.clone()];
        let mut cut = vec![possible.clone()];
        if !matches!(step, Step::Replace(_))
            && let Some(contents) = pending.take()
        {
            cut.push(exactly(&contents));
            after.push(contents.clone());
            (now, possible) = (contents, cut[1].clone());
        }
        let done = match step {
            Step::Write(n, lba, stamp) => {
                now[n].insert(lba, stamp);
                possible[n].entry(lba).or_insert_with(|| vec![0]).push(stamp);
                images[n].write(lba, &sector(stamp))
            }
            Step::Flush => images[0].flush(),
            Step::Replace(stamp) => {
                let contents = replaced(stamp);
                let done = [0, 1].map(|n: usize| images[n].load_overlay(&overlay(&contents[n]).to_bytes()));
                // The second image, if it was given nothing else, is as the first is.
                pending = Some(contents);
                done.into_iter().collect()
            }
            Step::Reopen => {
                drop(images);
                match begin(disk) {
                    Ok(again) => {
                        images = again;
                        Ok(())
                    }
                    Err(_) => {
                        after.push(now);
                        cut.push(possible);
                        return (after, cut);
                    }
                }
            }
        };
        if done.is_err() {
            after.push(now);
            cut.push(possible);
            return (after, cut);
        }
        if matches!(step, Step::Flush | Step::Reopen) {
            possible = exactly(&now);
        }
    }
    // The kill may come as the file is closed.
    let (mut after, mut cut) = (vec![now], vec![possible]);
    if let Some(contents) = pending {
        cut.push(exactly(&contents));
        after.push(contents);
    }
    (after, cut)
}

/// Changes that the steps make when nobody kills them.
fn changes(steps: &[Step]) -> usize {
    let disk = SharedDisk::new(Vec::new(), usize::MAX);
    run(steps, &disk);
    let left = disk.0.lock().unwrap().left;
    usize::MAX - left
}

#[test]
fn a_kill_at_any_step_loses_nothing_that_was_acknowledged() {
    for seed in [1, 2] {
        let steps = steps(seed, 30);
        assert!(steps.iter().any(|step| matches!(step, Step::Replace(_))));
        for left in 0..=changes(&steps) {
            let disk = SharedDisk::new(Vec::new(), left);
            let (expected, _) = run(&steps, &disk);
            let bytes = disk.0.lock().unwrap().now.clone();
            let found = found(bytes);
            assert!(expected.contains(&found), "seed {seed}, after {left} changes");
        }
    }
}

#[test]
fn a_power_cut_keeps_what_was_flushed_and_leaves_each_other_sector_old_or_new() {
    for seed in 0..150 {
        let steps = steps(seed, 60);
        let mut random = seed;
        let left = next(&mut random) as usize % changes(&steps);
        let disk = SharedDisk::new(Vec::new(), left);
        let (_, possible) = run(&steps, &disk);
        let bytes = disk.0.lock().unwrap().after_power_cut(&mut random);
        let found = found(bytes);
        let explains = |possible: &Possible| {
            (0..2).all(|n| {
                let known = found[n].keys().all(|lba| possible[n].contains_key(lba));
                let stamp = |lba| found[n].get(lba).copied().unwrap_or_default();
                known
                    && possible[n]
                        .iter()
                        .all(|(lba, stamps)| stamps.contains(&stamp(lba)))
            })
        };
        assert!(
            possible.iter().any(explains),
            "seed {seed}, after {left} changes: {found:?}, not one of {possible:?} in {steps:?}"
        );
    }
}
