mod crash;

use std::path::PathBuf;

use oldiron_platform::{MemoryImage, SECTOR_SIZE};

use super::*;
use crate::outcome::code;

const SECTORS: u64 = 5000;

struct Bench {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.ovl");
    Bench { _dir: dir, path }
}

fn open(path: &Path) -> Result<SharedOverlay, Failure> {
    Ok(Arc::new(Mutex::new(OverlayFile::open_or_create(path)?)))
}

fn base(fill: u8) -> Box<dyn BlockImage> {
    Box::new(MemoryImage::read_only(vec![fill; SECTORS as usize * SECTOR_SIZE]))
}

fn disk(store: &SharedOverlay) -> OverlaidImage {
    OverlaidImage::new(base(7), store, "hda", Path::new("c.img")).unwrap()
}

fn byte(disk: &mut OverlaidImage, lba: u64) -> u8 {
    let mut buf = [0; SECTOR_SIZE];
    disk.read(lba, &mut buf).unwrap();
    buf[0]
}

/// A closed overlay with some sectors written, in two maps.
fn filled(path: &Path) {
    let mut disk = disk(&open(path).unwrap());
    for lba in (0..SECTORS).step_by(16) {
        disk.write(lba, &[lba as u8; SECTOR_SIZE]).unwrap();
    }
    disk.write(6, &[9; 4 * SECTOR_SIZE]).unwrap();
}

#[test]
fn what_was_written_is_there_when_the_file_is_opened_again() {
    let bench = bench();
    filled(&bench.path);
    let mut disk = disk(&open(&bench.path).unwrap());
    let found: Vec<u8> = (4..18).map(|lba| byte(&mut disk, lba)).collect();
    assert_eq!(found, [7, 7, 9, 9, 9, 9, 7, 7, 7, 7, 7, 7, 16, 7]);
    assert_eq!(byte(&mut disk, 4992), 4992u64 as u8);
    let mut buf = [0; SECTOR_SIZE];
    disk.read_base(6, &mut buf).unwrap();
    assert_eq!(buf[0], 7);
}

#[test]
fn a_file_left_open_by_a_kill_has_everything_that_was_written() {
    let bench = bench();
    filled(&bench.path);
    let store = open(&bench.path).unwrap();
    let mut image = disk(&store);
    image.write(100, &[1; SECTOR_SIZE]).unwrap();
    let killed = bench.path.with_extension("killed");
    std::fs::copy(&bench.path, &killed).unwrap();
    let mut image = disk(&open(&killed).unwrap());
    assert_eq!((byte(&mut image, 100), byte(&mut image, 6)), (1, 9));
}

#[test]
fn the_file_takes_no_more_room_than_was_written() {
    let bench = bench();
    let mut image = disk(&open(&bench.path).unwrap());
    for _ in 0..1000 {
        image.write(SECTORS - 1, &[1; SECTOR_SIZE]).unwrap();
    }
    assert_eq!(bench.path.metadata().unwrap().len(), 2 * 4096 + format::MAP_BYTES);
}

#[test]
fn another_base_is_refused_and_named() {
    let bench = bench();
    filled(&bench.path);
    let refused = |base, role, path: &str| {
        let store = open(&bench.path).unwrap();
        let failure = OverlaidImage::new(base, &store, role, Path::new(path))
            .err()
            .unwrap();
        assert_eq!(failure.code, code::FILE);
        failure.message
    };
    let said = refused(base(8), "hda", "d.img");
    assert!(
        said.contains("c.img") && said.contains("d.img") && said.contains("hash"),
        "{said}"
    );
    let small: Box<dyn BlockImage> = Box::new(MemoryImage::new(vec![7; 512]));
    assert!(refused(small, "hda", "c.img").contains("1 sectors, not 5000"));
    // The image itself, wherever it is now, is not.
    let store = open(&bench.path).unwrap();
    assert!(OverlaidImage::new(base(7), &store, "hda", Path::new("moved.img")).is_ok());
}

#[test]
fn floppies_are_known_by_what_is_in_them_and_each_has_its_own_part() {
    let bench = bench();
    let floppy = |store: &SharedOverlay, fill, name: &str| {
        OverlaidImage::new(base(fill), store, "floppy", Path::new(name))
    };
    {
        let store = open(&bench.path).unwrap();
        for fill in [1, 2] {
            let mut image = floppy(&store, fill, &format!("{fill}.img")).unwrap();
            image.write(0, &[fill + 10; SECTOR_SIZE]).unwrap();
        }
    }
    let store = open(&bench.path).unwrap();
    let mut renamed = floppy(&store, 2, "renamed.img").unwrap();
    assert_eq!(byte(&mut renamed, 0), 12);
    assert!(floppy(&store, 2, "2.img").is_err(), "it is in a drive");
    assert!(floppy(&store, 3, "1.img").is_err(), "its contents are others");
    assert_eq!(byte(&mut floppy(&store, 1, "1.img").unwrap(), 0), 11);
}

#[test]
fn floppies_of_one_name_in_two_directories_are_two_floppies() {
    let bench = bench();
    let floppy = |store: &SharedOverlay, fill, name: &str| {
        OverlaidImage::new(base(fill), store, "floppy", Path::new(name)).unwrap()
    };
    // The second pair are copies of one floppy.
    for (contents, written) in [([1, 2], [11, 12]), ([3, 3], [13, 14])] {
        let names = [format!("a/{}.img", contents[0]), format!("b/{}.img", contents[0])];
        {
            let store = open(&bench.path).unwrap();
            let mut both = [0, 1].map(|n| floppy(&store, contents[n], &names[n]));
            for (image, written) in both.iter_mut().zip(written) {
                image.write(0, &[written; SECTOR_SIZE]).unwrap();
            }
        }
        let store = open(&bench.path).unwrap();
        for n in [1, 0] {
            assert_eq!(byte(&mut floppy(&store, contents[n], &names[n]), 0), written[n]);
        }
    }
}

#[test]
fn contents_as_bytes_replace_contents() {
    let bench = bench();
    filled(&bench.path);
    let mut image = disk(&open(&bench.path).unwrap());
    let saved = image.save_overlay().unwrap().unwrap();
    image.write(1, &[1; 64 * SECTOR_SIZE]).unwrap();
    assert_ne!(image.save_overlay().unwrap().unwrap(), saved);
    image.load_overlay(&saved).unwrap();
    assert_eq!(image.save_overlay().unwrap().unwrap(), saved);
    assert_eq!((byte(&mut image, 1), byte(&mut image, 6)), (7, 9));
    drop(image);
    let image = disk(&open(&bench.path).unwrap());
    assert_eq!(image.save_overlay().unwrap().unwrap(), saved);
}

#[test]
fn a_closed_file_cut_or_altered_anywhere_is_refused_with_one_line() {
    let bench = bench();
    filled(&bench.path);
    let good = std::fs::read(&bench.path).unwrap();
    let try_bytes = |bytes: &[u8], what: &str| {
        let path = bench.path.with_extension("bad");
        std::fs::write(&path, bytes).unwrap();
        let failure = open(&path).err().unwrap_or_else(|| panic!("{what} was taken"));
        assert_eq!(failure.code, code::FILE);
        assert!(!failure.message.contains('\n'));
    };
    for cut in (1..good.len()).step_by(150_021).chain([1, 16, 40, 48, 4000]) {
        try_bytes(&good[..cut], &format!("cut at {cut}"));
    }
    try_bytes(&[&good[..], &[0]].concat(), "a tail");
    for at in (0..good.len())
        .step_by(150_021)
        .chain(0..48)
        .chain([4096, 4120, 8192, 8200, 8300])
    {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        try_bytes(&bad, &format!("byte {at}"));
    }
}

#[test]
fn damage_to_the_records_of_a_file_left_open_is_found() {
    let bench = bench();
    let store = open(&bench.path).unwrap();
    let mut image = disk(&store);
    image.write(0, &[1; 20 * SECTOR_SIZE]).unwrap();
    let good = std::fs::read(&bench.path).unwrap();
    let path = bench.path.with_extension("bad");
    for at in [4096, 4100, 4110, 4150, 8190, 8192, 8198, 8210, 8220, 8230] {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        std::fs::write(&path, &bad).unwrap();
        assert!(open(&path).is_err(), "byte {at}");
    }
    // Cut, also between two records.
    for cut in [good.len() - 1, 8192, 4096] {
        std::fs::write(&path, &good[..cut]).unwrap();
        let message = open(&path).err().unwrap().message;
        assert!(message.contains("cut short"), "{cut}: {message}");
    }
    // Killed before the header counted a map: what is behind the end is not looked at.
    std::fs::write(&path, [&good[..], &[0xff; 5000]].concat()).unwrap();
    let mut image = disk(&open(&path).unwrap());
    assert_eq!(byte(&mut image, 0), 1);
    image
        .write(4000, &[2; 2000 * SECTOR_SIZE][..1000 * SECTOR_SIZE])
        .unwrap();
    drop(image);
    assert_eq!(byte(&mut disk(&open(&path).unwrap()), 4999), 2);
    // Killed as it began.
    for zeros in [0, 100, 4096] {
        std::fs::write(&path, vec![0; zeros]).unwrap();
        assert_eq!(byte(&mut disk(&open(&path).unwrap()), 0), 7, "{zeros}");
    }
}

#[test]
fn an_overlay_has_one_user() {
    let bench = bench();
    let _first = open(&bench.path).unwrap();
    let failure = open(&bench.path).err().unwrap();
    assert!(failure.message.contains("in use"), "{}", failure.message);
}

#[test]
fn a_file_of_another_kind_or_version_is_left_alone() {
    let bench = bench();
    std::fs::write(&bench.path, [1; 9000]).unwrap();
    assert!(
        open(&bench.path)
            .err()
            .unwrap()
            .message
            .contains("not an overlay")
    );
    assert!(std::fs::read(&bench.path).unwrap() == [1; 9000]);
    let mut bytes = b"OLDIRON OVERLAY\x1a".to_vec();
    bytes.push(9);
    bytes.resize(4096, 0);
    std::fs::write(&bench.path, bytes).unwrap();
    assert!(open(&bench.path).err().unwrap().message.contains("format 9"));
}
