//! `oldiron snapshot list|info|delete`.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use super::{Header, Snapshot, is_one};
use crate::{
    image,
    outcome::{Failure, one_line},
    spec::{KnownFile, Medium},
};

/// Whether the file at `path` means to be a saved state.
pub fn is_snapshot(path: &Path) -> bool {
    let mut head = [0; 17];
    File::open(path).is_ok_and(|mut file| file.read_exact(&mut head).is_ok()) && is_one(&head)
}

/// The saved states in a directory, or the one file: a line for each.
pub fn list(path: &Path) -> Result<String, Failure> {
    let mut files: Vec<PathBuf> = if path.is_dir() {
        let entries = fs::read_dir(path).map_err(|error| image::unreadable(path, &error))?;
        entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| is_snapshot(path))
            .collect()
    } else {
        vec![path.to_owned()]
    };
    files.sort();
    let mut text = String::new();
    for file in &files {
        text += &match Snapshot::read(file) {
            Ok(snapshot) => line(file, &snapshot.header),
            // One that is damaged does not hide the others.
            Err(failure) if path.is_dir() => format!("{failure}\n"),
            Err(failure) => return Err(failure),
        };
    }
    Ok(text)
}

fn line(path: &Path, header: &Header) -> String {
    let machine = &header.machine;
    let media: Vec<String> = media(header)
        .into_iter()
        .map(|(drive, medium)| format!("{drive} {medium}"))
        .collect();
    let media = if media.is_empty() {
        "no media".to_owned()
    } else {
        media.join(", ")
    };
    one_line(&format!(
        "{}  {}  {} s  {} {} MiB  {media}",
        path.display(),
        header.saved,
        seconds(header),
        machine.cpu,
        machine.memory,
    )) + "\n"
}

fn seconds(header: &Header) -> String {
    format!("{:.3}", header.tick as f64 / header.machine.ips.max(1) as f64)
}

/// The drives that something is in, and what.
fn media(header: &Header) -> Vec<(&'static str, String)> {
    let machine = &header.machine;
    let name = |file: &KnownFile| file.path.clone();
    let floppies = ["A", "B"].into_iter().zip(&machine.floppies);
    let floppies = floppies.filter_map(|(drive, floppy)| {
        let medium = match floppy.as_ref()?.medium.as_ref()? {
            Medium::Demo => "the demo disk".to_owned(),
            Medium::File(file) => name(file),
        };
        Some((drive, medium))
    });
    let disks = ["hda", "hdb", "hdc", "hdd"].into_iter().zip(&machine.disks);
    let disks = disks.filter_map(|(drive, disk)| Some((drive, name(&disk.as_ref()?.image))));
    let cd = machine.cdrom.as_ref().and_then(|cdrom| cdrom.medium.as_ref());
    floppies
        .chain(disks)
        .chain(cd.map(|file| ("cdrom", name(file))))
        .collect()
}

/// All there is to know about a saved state.
pub fn info(path: &Path) -> Result<String, Failure> {
    let Snapshot { header, state, .. } = Snapshot::read(path)?;
    let machine = &header.machine;
    let mut lines = vec![
        format!("saved        {}", header.saved),
        format!("guest time   {} s (tick {})", seconds(&header), header.tick),
        format!("instructions {}", header.instructions),
        format!("processor    {}", machine.cpu),
        format!("memory       {} MiB", machine.memory),
        format!("ticks        {} per guest second", machine.ips),
        format!(
            "timing       {}",
            if machine.real_timing { "real" } else { "fast" }
        ),
        format!("clock        started at {}", machine.rtc),
    ];
    for (what, rom) in [("BIOS", &machine.bios), ("VGA BIOS", &machine.vga_bios)] {
        let rom = rom.as_ref().map_or("built in", |file| file.path.as_str());
        lines.push(format!("{what:12} {rom}"));
    }
    for (drive, medium) in media(&header) {
        lines.push(format!("{drive:12} {medium}"));
    }
    let hash = oldiron_platform::hash::hash_bytes(&state);
    lines.push(format!(
        "state        {} KiB, hash {hash:016x}",
        state.len() / 1024
    ));
    lines.push(format!("screen       {}", header.screen));
    Ok(lines.iter().map(|line| one_line(line) + "\n").collect())
}

/// Removes a saved state, and nothing that is something else.
pub fn delete(path: &Path) -> Result<String, Failure> {
    // Read for its error, if it cannot be.
    File::open(path).map_err(|error| image::unreadable(path, &error))?;
    if !is_snapshot(path) {
        return Err(Failure::file(format!(
            "{}: not a saved state of oldiron, so it stays",
            path.display()
        )));
    }
    fs::remove_file(path)
        .map(|()| String::new())
        .map_err(|error| image::unreadable(path, &error))
}
