//! Reading a recording: the whole of it is checked before any of it is believed.

use std::{fs, path::Path};

use oldiron_platform::Ticks;

use super::{Beginning, FIRST_LINE, What, line_hash};
use crate::{image, outcome::Failure};

/// What a recording says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// How the run began.
    pub beginning: Beginning,
    /// What happened, in order.
    pub entries: Vec<(Ticks, What)>,
}

impl Recording {
    /// Reads the recording at `path`.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = fs::read(path).map_err(|error| image::unreadable(path, &error))?;
        Self::parse(&bytes).map_err(|error| Failure::file(format!("{}: {error}", path.display())))
    }

    /// Whether a file that starts with `head` means to be a recording.
    pub fn is_one(head: &[u8]) -> bool {
        head.starts_with(b"oldiron recording ")
    }

    /// Whether the recording goes as far as `to`, by default to the end of the run. `Err`: the last tick that
    /// is known, in the recording of a run that was killed.
    pub fn reaches(&self, to: Option<Ticks>) -> Result<(), Ticks> {
        match self.entries.last() {
            Some((_, What::End { .. })) => Ok(()),
            last => {
                let last = last.map_or(0, |&(at, _)| at);
                if to.is_some_and(|to| to <= last) {
                    Ok(())
                } else {
                    Err(last)
                }
            }
        }
    }

    /// Reads a recording. Its last line may be cut: it is left out then, see [`Self::reaches`].
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes);
        if !Self::is_one(bytes) {
            return Err("not a recording of oldiron; give a file that --record wrote".to_owned());
        }
        let text = text.map_err(|error| damaged(1 + lines_before(bytes, error.valid_up_to())))?;
        let (first, rest) = text.split_once('\n').ok_or_else(cut)?;
        if first != FIRST_LINE {
            let version = first.rsplit(' ').next().unwrap_or_default();
            return Err(match version.parse::<u32>() {
                Ok(version) if version > 1 => {
                    format!("a recording of version {version}; this program reads version 1")
                }
                _ => damaged(1),
            });
        }
        let mut lines = Lines {
            rest,
            hash: 0,
            number: 1,
        };
        let beginning = lines.next()?.ok_or_else(cut)?;
        let beginning = serde_json::from_str(beginning).map_err(|_| damaged(2))?;
        let mut entries: Vec<(Ticks, What)> = Vec::new();
        while let Some(body) = lines.next()? {
            let entry = parse_entry(body).ok_or_else(|| damaged(lines.number))?;
            let ended = matches!(entries.last(), Some((_, What::End { .. })));
            let backwards = entries.last().is_some_and(|&(before, _)| before > entry.0);
            if ended || backwards {
                return Err(damaged(lines.number));
            }
            entries.push(entry);
        }
        let ended = matches!(entries.last(), Some((_, What::End { .. })));
        if ended && !lines.rest.is_empty() {
            return Err(damaged(lines.number + 1));
        }
        Ok(Self { beginning, entries })
    }
}

fn damaged(line: usize) -> String {
    format!("the recording is damaged in line {line}; record the run again")
}

fn cut() -> String {
    "the recording is cut off before it says what the machine is; record the run again".to_owned()
}

fn lines_before(bytes: &[u8], at: usize) -> usize {
    bytes.iter().take(at).filter(|&&byte| byte == b'\n').count()
}

/// Lines with their hashes, checked one after the other.
struct Lines<'a> {
    rest: &'a str,
    hash: u64,
    number: usize,
}

impl<'a> Lines<'a> {
    /// The text of the next line. `None` at the end, which may be in the middle of a line.
    fn next(&mut self) -> Result<Option<&'a str>, String> {
        let Some((line, rest)) = self.rest.split_once('\n') else {
            // A line that is cut is a beginning of one: it does not go on behind its hash.
            let beyond = self
                .rest
                .char_indices()
                .next_back()
                .is_some_and(|(at, _)| self.body_of(&self.rest[..at]).is_some());
            return if beyond {
                Err(damaged(self.number + 1))
            } else {
                Ok(None)
            };
        };
        self.rest = rest;
        self.number += 1;
        let body = self.body_of(line).ok_or_else(|| damaged(self.number))?;
        self.hash = line_hash(self.hash, body);
        Ok(Some(body))
    }

    /// The text in front of a line's hash, if that is right.
    fn body_of(&self, line: &'a str) -> Option<&'a str> {
        let (body, hash) = line.rsplit_once(' ')?;
        (hash == format!("{:016x}", line_hash(self.hash, body))).then_some(body)
    }
}

fn parse_entry(body: &str) -> Option<(Ticks, What)> {
    let (at, what) = body.split_once(' ')?;
    Some((at.parse().ok()?, serde_json::from_str(what).ok()?))
}
