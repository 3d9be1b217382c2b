//! Reading a recording: the whole of it is checked before any of it is believed, a line at a time.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use oldiron_platform::Ticks;

use super::{Beginning, FIRST_LINE, What, line_hash};
use crate::{image, outcome::Failure};

/// Bytes of the longest line. Half of it is more than all that can come at once from a serial line.
const MOST_LINE: u64 = 4 << 20;

/// A recording that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    path: PathBuf,
    /// How the run began.
    pub beginning: Beginning,
    /// The tick of the last entry.
    last: Ticks,
    /// The run has ended there.
    ended: bool,
}

impl Recording {
    /// Reads the recording at `path`.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        Self::check(path, open(path)?).map_err(|error| bad(path, &error))
    }

    /// Reads the recording that `source` at `path` has.
    pub(super) fn check(path: &Path, source: Box<dyn BufRead>) -> Result<Self, String> {
        let (beginning, mut entries) = Entries::open(source)?;
        let mut last = 0;
        while let Some((at, _)) = entries.next()? {
            last = at;
        }
        Ok(Self {
            path: path.to_owned(),
            beginning,
            last,
            ended: entries.ended,
        })
    }

    /// Where it is from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a file that starts with `head` means to be a recording.
    pub fn is_one(head: &[u8]) -> bool {
        head.starts_with(b"oldiron recording ")
    }

    /// Whether the recording goes as far as `to`, by default to the end of the run. `Err`: the last tick that
    /// is known, in the recording of a run that was killed.
    pub fn reaches(&self, to: Option<Ticks>) -> Result<(), Ticks> {
        if self.ended || to.is_some_and(|to| to <= self.last) {
            Ok(())
        } else {
            Err(self.last)
        }
    }

    /// What happened, from the beginning.
    pub fn entries(&self) -> Result<Entries, Failure> {
        let entries = Entries::open(open(&self.path)?);
        let (beginning, entries) = entries.map_err(|error| bad(&self.path, &error))?;
        if beginning == self.beginning {
            Ok(entries)
        } else {
            Err(bad(&self.path, "the recording was exchanged; start again"))
        }
    }
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    let file = File::open(path).map_err(|error| image::unreadable(path, &error))?;
    Ok(Box::new(BufReader::new(file)))
}

fn bad(path: &Path, error: &str) -> Failure {
    Failure::file(format!("{}: {error}", path.display()))
}

/// What happened, in order, as it is read and checked.
pub struct Entries {
    lines: Lines,
    last: Ticks,
    ended: bool,
}

impl Entries {
    /// Reads how the run began.
    pub fn open(source: Box<dyn BufRead>) -> Result<(Beginning, Self), String> {
        let mut lines = Lines {
            source,
            line: Vec::new(),
            hash: 0,
            number: 0,
        };
        lines.skip_first()?;
        let beginning = lines.next()?.ok_or_else(cut)?;
        let beginning = serde_json::from_str(beginning).map_err(|_| damaged(2))?;
        let entries = Self {
            lines,
            last: 0,
            ended: false,
        };
        Ok((beginning, entries))
    }

    /// The next entry. `None` behind the last; that line may be cut: it is left out then, see
    /// [`Recording::reaches`].
    pub fn next(&mut self) -> Result<Option<(Ticks, What)>, String> {
        if self.ended {
            return match self.lines.is_at_end()? {
                true => Ok(None),
                false => Err(damaged(self.lines.number + 1)),
            };
        }
        let Some(body) = self.lines.next()? else {
            return Ok(None);
        };
        let entry = parse_entry(body).filter(|&(at, _)| at >= self.last);
        let (at, what) = entry.ok_or_else(|| damaged(self.lines.number))?;
        self.last = at;
        self.ended = matches!(what, What::End { .. });
        Ok(Some((at, what)))
    }
}

fn damaged(line: u64) -> String {
    format!("the recording is damaged in line {line}; record the run again")
}

fn cut() -> String {
    "the recording is cut off before it says what the machine is; record the run again".to_owned()
}

fn unreadable(error: &io::Error) -> String {
    format!("cannot be read ({})", image::describe(error))
}

/// Lines with their hashes, checked one after the other.
struct Lines {
    source: Box<dyn BufRead>,
    line: Vec<u8>,
    hash: u64,
    /// Lines that were read.
    number: u64,
}

impl Lines {
    /// Reads one line, without its end. `false`: it has none, it is where the file ends.
    fn read(&mut self) -> Result<bool, String> {
        self.line.clear();
        let mut source = self.source.by_ref().take(MOST_LINE);
        let read = source.read_until(b'\n', &mut self.line);
        read.map_err(|error| unreadable(&error))?;
        let ended = self.line.pop_if(|byte| *byte == b'\n').is_some();
        if !ended && self.line.len() as u64 == MOST_LINE {
            return Err(damaged(self.number + 1));
        }
        self.number += u64::from(ended);
        Ok(ended)
    }

    /// Reads the first line, which has no hash.
    fn skip_first(&mut self) -> Result<(), String> {
        let ended = self.read();
        if !Recording::is_one(&self.line) {
            return Err("not a recording of oldiron; give a file that --record wrote".to_owned());
        }
        if !ended? {
            return Err(cut());
        }
        if self.line == FIRST_LINE.as_bytes() {
            return Ok(());
        }
        let first = String::from_utf8_lossy(&self.line);
        let version = first.rsplit(' ').next().unwrap_or_default();
        Err(match version.parse::<u32>() {
            Ok(version) if version > 1 => {
                format!("a recording of version {version}; this program reads version 1")
            }
            _ => damaged(1),
        })
    }

    /// The text of the next line. `None` at the end, which may be in the middle of a line.
    fn next(&mut self) -> Result<Option<&str>, String> {
        let ended = self.read()?;
        if !ended {
            return match self.is_beginning() {
                true => Ok(None),
                false => Err(damaged(self.number + 1)),
            };
        }
        let text = std::str::from_utf8(&self.line).ok();
        let body = text.and_then(|text| body_of(self.hash, text));
        let body = body.ok_or_else(|| damaged(self.number))?;
        self.hash = line_hash(self.hash, body);
        Ok(Some(body))
    }

    /// Whether what is there of a line is a beginning of one: text, which does not go on behind its hash.
    fn is_beginning(&self) -> bool {
        let before_last = match std::str::from_utf8(&self.line) {
            Ok(text) => text.char_indices().next_back().map_or(0, |(at, _)| at),
            // The last character is cut.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return false,
        };
        let text = self.line.get(..before_last).map(std::str::from_utf8);
        !matches!(text, Some(Ok(text)) if body_of(self.hash, text).is_some())
    }

    /// Whether nothing follows.
    fn is_at_end(&mut self) -> Result<bool, String> {
        let rest = self.source.fill_buf().map_err(|error| unreadable(&error))?;
        Ok(rest.is_empty())
    }
}

/// The text in front of a line's hash, if that is right behind a line of hash `before`.
fn body_of(before: u64, line: &str) -> Option<&str> {
    let (body, hash) = line.rsplit_once(' ')?;
    (hash == format!("{:016x}", line_hash(before, body))).then_some(body)
}

fn parse_entry(body: &str) -> Option<(Ticks, What)> {
    let (at, what) = body.split_once(' ')?;
    Some((at.parse().ok()?, serde_json::from_str(what).ok()?))
}
