//! `img ls` and `img cp`.

use std::{
    fmt::Write as _,
    fs::{self, File},
    path::{Path, PathBuf},
    time::SystemTime,
};

use chrono::{Local, NaiveDateTime, TimeZone};
use indicatif::ProgressBar;

use super::{
    beside::{Beside, unwritable},
    edit::{Edit, in_image},
    operand::Place,
    progress,
};
use crate::{
    cli::CpArgs,
    fat::{Dir, Entry, FatError, Volume, local},
    image,
    outcome::Failure,
};

/// Directories in directories that are followed: more than there can be names for on the way.
const MOST_DEPTH: usize = 64;

/// Lists a directory, or shows a file.
pub fn list(text: &str, recursive: bool) -> Result<String, Failure> {
    let place = Place::parse(text).unwrap_or_else(|| Place::root(text));
    let mut edit = Edit::open(&place.image, false)?;
    let mut volume = edit.volume(&place)?;
    let mut out = String::new();
    match find(&mut volume, &place)? {
        Node::Dir(dir) => {
            list_dir(&mut volume, dir, "", recursive, &mut out).map_err(|error| in_image(&place, error))?;
        }
        Node::File(entry) => line(&mut out, &entry, ""),
    }
    Ok(out)
}

fn line(out: &mut String, entry: &Entry, prefix: &str) {
    let size = if entry.is_dir {
        "<DIR>".to_owned()
    } else {
        entry.size.to_string()
    };
    let time = entry.modified.map_or("-".to_owned(), |time| {
        time.format("%Y-%m-%d %H:%M:%S").to_string()
    });
    // Writing to a string has no way to fail.
    let _ = writeln!(out, "{size:>10}  {time:19}  {prefix}{}", entry.name);
}

fn list_dir(
    volume: &mut Volume<'_>,
    dir: Dir,
    prefix: &str,
    recursive: bool,
    out: &mut String,
) -> Result<(), FatError> {
    check_depth(prefix.matches('/').count())?;
    for entry in volume.list(dir)? {
        line(out, &entry, prefix);
        if recursive && entry.is_dir {
            list_dir(
                volume,
                volume.dir_of(&entry),
                &format!("{prefix}{}/", entry.name),
                true,
                out,
            )?;
        }
    }
    Ok(())
}

fn check_depth(depth: usize) -> Result<(), FatError> {
    if depth > MOST_DEPTH {
        return Err(FatError("damaged: its directories do not end".to_owned()));
    }
    Ok(())
}

/// What a path leads to.
enum Node {
    Dir(Dir),
    File(Entry),
}

fn find(volume: &mut Volume<'_>, place: &Place) -> Result<Node, Failure> {
    let absent = |name: &str| {
        Failure::file(format!(
            "{}: there is no {name}; oldiron img ls shows what there is",
            place.show()
        ))
    };
    let mut node = Node::Dir(volume.root());
    for name in &place.path {
        let Node::Dir(dir) = node else {
            return Err(absent(name));
        };
        let entry = volume.find(dir, name).map_err(|error| in_image(place, error))?;
        node = match entry.ok_or_else(|| absent(name))? {
            entry if entry.is_dir => Node::Dir(volume.dir_of(&entry)),
            entry => Node::File(entry),
        };
    }
    match node {
        Node::File(entry) if place.is_dir => Err(Failure::file(format!(
            "{}: {} is a file, not a directory",
            place.show(),
            entry.name
        ))),
        node => Ok(node),
    }
}

/// Copies.
pub fn copy(args: &CpArgs) -> Result<String, Failure> {
    let places: Vec<Option<Place>> = args.from.iter().map(|from| Place::parse(from)).collect();
    match Place::parse(&args.to) {
        Some(to) if places.iter().all(Option::is_none) => copy_in(args, &to)?,
        Some(_) => {
            return Err(Failure::usage(
                "cp copies into an image or out of one; copy to the host first, then into the other",
            ));
        }
        None => {
            let inside: Vec<Place> = places.into_iter().flatten().collect();
            if inside.len() != args.from.len() {
                return Err(Failure::usage(
                    "no place in an image is given for all of one side; write for example disk.img:/DIR/",
                ));
            }
            copy_out(args, &inside)?;
        }
    }
    Ok(String::new())
}

fn size_of(path: &Path, depth: usize) -> u64 {
    let Ok(metadata) = path.metadata() else { return 0 };
    if !metadata.is_dir() || depth > MOST_DEPTH {
        return metadata.len();
    }
    let children = fs::read_dir(path).into_iter().flatten().flatten();
    children.map(|child| size_of(&child.path(), depth + 1)).sum()
}

fn copy_in(args: &CpArgs, to: &Place) -> Result<(), Failure> {
    let bar = progress::bar(args.from.iter().map(|from| size_of(Path::new(from), 0)).sum());
    let mut edit = Edit::open(&to.image, true)?;
    {
        let mut volume = edit.volume(to)?;
        let (dir, name) = target(&mut volume, to, args.from.len() > 1)?;
        for from in &args.from {
            let mut copying = CopyIn {
                volume: &mut volume,
                to,
                recursive: args.recursive,
                bar: &bar,
            };
            copying.copy(Path::new(from), dir, name.as_deref(), 0)?;
        }
    }
    let applied = edit.apply();
    bar.finish_and_clear();
    applied.map_err(|error| Failure::file(error.to_string()))
}

/// The directory that is copied into, and the new name there if one is given.
fn target(volume: &mut Volume<'_>, to: &Place, several: bool) -> Result<(Dir, Option<String>), Failure> {
    let Some((last, parents)) = to.path.split_last() else {
        return Ok((volume.root(), None));
    };
    let parent = Place {
        path: parents.to_vec(),
        is_dir: true,
        ..to.clone()
    };
    let Node::Dir(dir) = find(volume, &parent)? else {
        return Err(Failure::file(format!(
            "{}: is a file, not a directory",
            parent.show()
        )));
    };
    let found = volume.find(dir, last).map_err(|error| in_image(to, error))?;
    match found {
        Some(entry) if entry.is_dir => Ok((volume.dir_of(&entry), None)),
        _ if to.is_dir || several => Err(Failure::file(format!(
            "{}: there is no such directory; copy into one that there is",
            to.show()
        ))),
        _ => Ok((dir, Some(last.clone()))),
    }
}

/// Copying into an image.
struct CopyIn<'a, 'b> {
    volume: &'a mut Volume<'b>,
    to: &'a Place,
    recursive: bool,
    bar: &'a ProgressBar,
}

impl CopyIn<'_, '_> {
    fn copy(&mut self, from: &Path, dir: Dir, name: Option<&str>, depth: usize) -> Result<(), Failure> {
        let fail = |error| image::unreadable(from, &error);
        let metadata = from.metadata().map_err(fail)?;
        let own = from.file_name().and_then(|name| name.to_str());
        let Some(name) = name.or(own) else {
            return Err(Failure::file(format!(
                "{}: has no name that could be written",
                from.display()
            )));
        };
        let modified = local(metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH));
        let named = |error| in_image(self.to, error);
        if metadata.is_dir() {
            if !self.recursive {
                return Err(Failure::usage(format!(
                    "{}: is a directory; copy it with -r",
                    from.display()
                )));
            }
            check_depth(depth).map_err(named)?;
            let inner = self.volume.make_dir(dir, name, modified).map_err(named)?;
            let mut children: Vec<PathBuf> = Vec::new();
            for child in fs::read_dir(from).map_err(fail)? {
                children.push(child.map_err(fail)?.path());
            }
            children.sort();
            return children
                .iter()
                .try_for_each(|child| self.copy(child, inner, None, depth + 1));
        }
        let mut file = File::open(from).map_err(fail)?;
        let bar = self.bar;
        self.volume
            .write_file(dir, name, (&mut file, metadata.len()), modified, &mut |bytes| {
                bar.inc(bytes)
            })
            .map_err(named)
    }
}

fn copy_out(args: &CpArgs, from: &[Place]) -> Result<(), Failure> {
    let to = Path::new(&args.to);
    let into = to.is_dir();
    if !into && (from.len() > 1 || args.to.ends_with('/')) {
        return Err(Failure::file(format!(
            "{}: there is no such directory",
            to.display()
        )));
    }
    for place in from {
        let mut edit = Edit::open(&place.image, false)?;
        let mut volume = edit.volume(place)?;
        let node = find(&mut volume, place)?;
        let bar = progress::bar(match &node {
            Node::File(entry) => entry.size.into(),
            // What cannot be read here, copying complains of.
            Node::Dir(dir) => bytes_below(&mut volume, *dir, 0).unwrap_or(0),
        });
        let mut copying = CopyOut {
            volume: &mut volume,
            place,
            bar: &bar,
        };
        match node {
            Node::File(entry) => {
                let path = if into {
                    copying.below(to, &entry.name)?
                } else {
                    to.to_owned()
                };
                copying.file(&entry, &path)?;
            }
            Node::Dir(_) if !args.recursive => {
                return Err(Failure::usage(format!(
                    "{}: is a directory; copy it with -r",
                    place.show()
                )));
            }
            Node::Dir(dir) => {
                let path = match place.path.last() {
                    Some(name) if into => copying.below(to, name)?,
                    _ => to.to_owned(),
                };
                copying.dir(dir, &path, None, 0)?;
            }
        }
        bar.finish_and_clear();
    }
    Ok(())
}

/// Bytes of all files below a directory of an image.
fn bytes_below(volume: &mut Volume<'_>, dir: Dir, depth: usize) -> Result<u64, FatError> {
    check_depth(depth)?;
    let mut bytes = 0u64;
    for entry in volume.list(dir)? {
        bytes = bytes.saturating_add(match entry.is_dir {
            true => {
                let inner = volume.dir_of(&entry);
                bytes_below(volume, inner, depth + 1)?
            }
            false => entry.size.into(),
        });
    }
    Ok(bytes)
}

/// Copying out of an image.
struct CopyOut<'a, 'b> {
    volume: &'a mut Volume<'b>,
    place: &'a Place,
    bar: &'a ProgressBar,
}

impl CopyOut<'_, '_> {
    /// A name in an image is no way out of the directory that is copied to.
    fn below(&self, dir: &Path, name: &str) -> Result<PathBuf, Failure> {
        if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\\', '\0']) {
            return Err(Failure::file(format!(
                "{}: {name:?} cannot be the name of a file here",
                self.place.show()
            )));
        }
        Ok(dir.join(name))
    }

    fn file(&mut self, entry: &Entry, path: &Path) -> Result<(), Failure> {
        let mut to = Beside::create(path, true)?;
        let bar = self.bar;
        self.volume
            .read_file(entry, &mut to.file, &mut |bytes| bar.inc(bytes))
            .map_err(|error| in_image(self.place, error))?;
        keep_time(&to.file, entry.modified);
        to.finish()
    }

    fn dir(
        &mut self,
        dir: Dir,
        path: &Path,
        modified: Option<NaiveDateTime>,
        depth: usize,
    ) -> Result<(), Failure> {
        let named = |error| in_image(self.place, error);
        check_depth(depth).map_err(named)?;
        if !path.is_dir() {
            fs::create_dir(path).map_err(|error| unwritable(path, &error))?;
        }
        for entry in self.volume.list(dir).map_err(named)? {
            let to = self.below(path, &entry.name)?;
            if entry.is_dir {
                let inner = self.volume.dir_of(&entry);
                self.dir(inner, &to, entry.modified, depth + 1)?;
            } else {
                self.file(&entry, &to)?;
            }
        }
        if let Ok(made) = File::open(path) {
            keep_time(&made, modified);
        }
        Ok(())
    }
}

/// The file's time; a host that does not take it has the file all the same.
fn keep_time(file: &File, modified: Option<NaiveDateTime>) {
    if let Some(time) = modified.and_then(|time| Local.from_local_datetime(&time).earliest()) {
        let _ = file.set_modified(time.into());
    }
}
