//! `img convert`: copies an image, or one with its overlay, into a new raw image without holes filled.

use std::{
    io::{Seek, SeekFrom, Write},
    path::Path,
};

use oldiron_platform::{BlockImage, Overlay, SECTOR_SIZE, base_hash};

use super::{
    beside::{Beside, unwritable},
    edit::Edit,
    info, progress,
};
use crate::{
    cli::ConvertArgs,
    outcome::Failure,
    overlay_file::{OverlayFile, format::ImageRecord},
};

/// Sectors copied at a time.
const PIECE: u64 = 128;

/// Copies.
pub fn run(args: &ConvertArgs) -> Result<String, Failure> {
    let (mut base, overlay) = if info::is_overlay(&args.from)? {
        let store = OverlayFile::open(&args.from, false)?;
        let number = choose(&store, args)?;
        let record = store.images().nth(number).cloned();
        let base = open_base(&args.from, record.as_ref(), false)?;
        let contents = store
            .contents(number)
            .map_err(|error| Failure::file(error.to_string()))?;
        (base, contents)
    } else {
        (Edit::open(&args.from, false)?, Overlay::new())
    };
    let mut to = Beside::create(&args.to, args.force)?;
    copy(&mut base, &overlay, &mut to, &args.to)?;
    to.finish()?;
    Ok(String::new())
}

fn choose(store: &OverlayFile, args: &ConvertArgs) -> Result<usize, Failure> {
    let keys: Vec<&str> = store.images().map(|image| image.key.as_str()).collect();
    let path = args.from.display();
    let names = keys.join(", ");
    match &args.image {
        Some(wanted) => keys
            .iter()
            .position(|key| key == wanted)
            .ok_or_else(|| Failure::usage(format!("{path}: has nothing of {wanted}; it has {names}"))),
        None if keys.len() == 1 => Ok(0),
        None if keys.is_empty() => Err(Failure::file(format!("{path}: nothing was written to it"))),
        None => Err(Failure::usage(format!(
            "{path}: has several images: say which with --image: {names}"
        ))),
    }
}

/// Opens the image that an overlay lies over, and checks that it is as it was.
pub fn open_base(overlay: &Path, record: Option<&ImageRecord>, committing: bool) -> Result<Edit, Failure> {
    let Some(record) = record else {
        return Err(Failure::file(format!(
            "{}: nothing was written to it",
            overlay.display()
        )));
    };
    let path = Path::new(&record.path);
    let mut base = Edit::open(path, committing)?;
    let hash = base_hash(&mut base).map_err(|error| Failure::file(error.to_string()))?;
    if base.sectors() != record.sectors || hash != record.hash {
        return Err(Failure::file(format!(
            "{}: is not as it was when {} was begun; put the image back as it was",
            path.display(),
            overlay.display()
        )));
    }
    Ok(base)
}

fn copy(base: &mut Edit, overlay: &Overlay, to: &mut Beside, path: &Path) -> Result<(), Failure> {
    let sectors = base.sectors();
    let bar = progress::bar(sectors * SECTOR_SIZE as u64);
    let mut buf = vec![0; PIECE as usize * SECTOR_SIZE];
    let mut lba = 0;
    while lba < sectors {
        let count = PIECE.min(sectors - lba);
        let piece = &mut buf[..count as usize * SECTOR_SIZE];
        base.read(lba, piece)
            .map_err(|error| Failure::file(error.to_string()))?;
        overlay.cover(lba, piece);
        // What is zero stays a hole.
        if piece.iter().any(|&byte| byte != 0) {
            let at = SeekFrom::Start(lba * SECTOR_SIZE as u64);
            let written = to.file.seek(at).and_then(|_| to.file.write_all(piece));
            written.map_err(|error| unwritable(path, &error))?;
        }
        bar.inc(piece.len() as u64);
        lba += count;
    }
    let length = to.file.set_len(sectors * SECTOR_SIZE as u64);
    bar.finish_and_clear();
    length.map_err(|error| unwritable(path, &error))
}
