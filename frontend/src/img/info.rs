//! `img info`.

use std::{fmt::Write, fs::File, io::Read, path::Path};

use oldiron_platform::{BlockImage, SECTOR_SIZE, find_geometry};

use super::{
    edit::Edit,
    partition::{Partition, partitions},
};
use crate::{
    fat::Volume,
    image,
    outcome::Failure,
    overlay_file::{OverlayFile, format},
};

/// Sectors that are looked at for the geometry.
const HEAD_SECTORS: u64 = 128;

/// Says what a file is.
pub fn run(path: &Path) -> Result<String, Failure> {
    if is_overlay(path)? {
        return overlay(path);
    }
    let mut edit = Edit::open(path, false)?;
    let fail = |error: oldiron_platform::DiskError| Failure::file(error.to_string());
    let sectors = edit.sectors();
    let mut text = String::new();
    let kind = match image::floppy_kind(sectors * SECTOR_SIZE as u64) {
        Some(_) => "floppy",
        None => "hard disk",
    };
    line(
        &mut text,
        format!("{}: raw {kind} image, {}", path.display(), size(sectors)),
    );
    if kind == "hard disk" {
        let mut head = vec![0; sectors.min(HEAD_SECTORS) as usize * SECTOR_SIZE];
        edit.read(0, &mut head).map_err(fail)?;
        let found = find_geometry(sectors, &head);
        let chs = found.logical;
        line(
            &mut text,
            format!(
                "geometry: {} cylinders, {} heads, {} sectors, from the {}",
                chs.cylinders,
                chs.heads,
                chs.sectors,
                match found.source {
                    oldiron_platform::GeometrySource::Given => "command line",
                    oldiron_platform::GeometrySource::PartitionTable => "partition table",
                    oldiron_platform::GeometrySource::BootSector => "boot sector",
                    oldiron_platform::GeometrySource::Size => "size",
                }
            ),
        );
    }
    if let Some(found) = volume(&mut edit, 0, sectors) {
        line(&mut text, found);
        return Ok(text);
    }
    for partition in partitions(&mut edit).map_err(fail)? {
        line(&mut text, describe(&partition, sectors));
        if !partition.is_extended()
            && partition.start < sectors
            && let Some(found) = volume(&mut edit, partition.start, sectors - partition.start)
        {
            line(&mut text, format!("  {found}"));
        }
    }
    Ok(text)
}

fn line(text: &mut String, line: String) {
    // Writing to a string has no way to fail.
    let _ = writeln!(text, "{line}");
}

/// Sectors, for people.
fn size(sectors: u64) -> String {
    let kib = sectors / 2;
    match kib {
        0..10_000 => format!("{kib} KiB ({sectors} sectors)"),
        _ => format!("{} MiB ({sectors} sectors)", kib / 1024),
    }
}

fn describe(partition: &Partition, sectors: u64) -> String {
    let active = if partition.active { ", active" } else { "" };
    let past = if partition.start.saturating_add(partition.sectors) > sectors {
        ", past the end of the image"
    } else {
        ""
    };
    format!(
        "partition {}: type {:02X}h ({}), from sector {}, {}{active}{past}",
        partition.number,
        partition.kind,
        partition.describe(),
        partition.start,
        size(partition.sectors)
    )
}

fn volume(edit: &mut Edit, start: u64, sectors: u64) -> Option<String> {
    let mut volume = Volume::open(edit, start, sectors).ok()?;
    let layout = volume.layout().clone();
    let free = volume.free_bytes().ok()?;
    Some(format!(
        "{} file system: {} clusters of {} bytes, {} KiB free",
        layout.kind.name(),
        layout.clusters,
        layout.cluster_bytes(),
        free / 1024
    ))
}

/// Whether the file at `path` is an overlay.
pub fn is_overlay(path: &Path) -> Result<bool, Failure> {
    let mut head = [0; 16];
    let read = File::open(path).and_then(|mut file| file.read(&mut head));
    match read {
        Ok(len) => Ok(format::is_overlay(&head[..len])),
        Err(error) => Err(image::unreadable(path, &error)),
    }
}

fn overlay(path: &Path) -> Result<String, Failure> {
    let store = OverlayFile::open(path, false)?;
    let mut text = String::new();
    let state = if store.is_committing() {
        ", its commit was interrupted"
    } else {
        ""
    };
    line(
        &mut text,
        format!("{}: overlay of oldiron{state}", path.display()),
    );
    for (number, image) in store.images().enumerate() {
        line(
            &mut text,
            format!(
                "{}: {}, over {} (hash {:016x}, {} sectors)",
                image.key,
                size(store.sectors_written(number)),
                image.path,
                image.hash,
                image.sectors
            ),
        );
    }
    Ok(text)
}
