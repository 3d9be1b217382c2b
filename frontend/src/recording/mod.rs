//! Recordings: what came from outside, with its tick, so that a run can be repeated exactly.
//!
//! ```text
//! oldiron recording 1
//! {"machine":{"cpu":"486",…},…} HASH            what the machine is built from
//! 123456 {"Event":{"Key":…}} HASH               at tick 123456 a key went down
//! 140000000 {"Frame":"52540012…"} HASH         a frame came from the network
//! 200000000 {"Check":{"parts":…}} HASH          hashes of the state at that tick
//! 312000000 {"End":{"reason":"quit"}} HASH      the run ended
//! ```
//!
//! `HASH` is XXH64 of the hash of the line before (0 for the first) and of the text in front of it, so that
//! no line can be changed, left out or moved. A line is written whole, before it takes effect: of a run that
//! was killed everything up to its last complete line can be repeated. Neither writing nor reading keeps more than
//! a line in memory: a recording may be as long as the disk has room.

mod hex;
mod reader;
mod recorder;
mod replay;
#[cfg(test)]
mod tests;

use oldiron_platform::{HostEvent, Machine, hash::Hasher};
use serde::{Deserialize, Serialize};

use crate::{
    outcome::Failure,
    spec::{KnownFile, Medium, Spec},
};

pub use reader::{Entries, Recording};
pub use recorder::Recorder;
pub use replay::{Due, Replay};

/// The first line.
const FIRST_LINE: &str = "oldiron recording 1";

/// The second line: how the run began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beginning {
    /// What the machine is built from.
    pub machine: Spec,
    /// The saved state that it was restored from.
    pub restored: Option<KnownFile>,
}

/// What a line says happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum What {
    /// Something was posted.
    Event(HostEvent),
    /// A frame was posted, [`HostEvent::Frame`]: most of a recording with a network is these.
    Frame(#[serde(with = "hex")] Vec<u8>),
    /// A floppy was put into a drive, or taken out.
    Floppy {
        /// Drive 0 or 1.
        drive: u8,
        /// What was put in.
        medium: Option<Medium>,
    },
    /// A CD was put into the drive, or taken out.
    Cd {
        /// What was put in.
        medium: Option<KnownFile>,
    },
    /// The state was this, before anything else at its tick.
    Check {
        /// Name and hash of each part.
        parts: Vec<(String, String)>,
    },
    /// The run ended.
    End {
        /// Why, as in `--stats`.
        reason: String,
    },
}

/// The hash at the end of a line.
fn line_hash(before: u64, body: &str) -> u64 {
    let mut hasher = Hasher::new();
    hasher.update_u64(before);
    hasher.update(body.as_bytes());
    hasher.finish()
}

/// The hashes of a machine's parts as they are written.
fn parts(machine: &Machine) -> Result<Vec<(String, String)>, Failure> {
    let hashes = machine.component_hashes();
    let hashes = hashes.map_err(|error| Failure::host_io(error.to_string()))?;
    let text = |(name, hash)| (name, format!("{hash:016x}"));
    Ok(hashes.into_iter().map(text).collect())
}
