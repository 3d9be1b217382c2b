//! Saved states in files.
//!
//! All numbers are little-endian.
//!
//! ```text
//! file  := "oldiron snapshot\n"  format version (u32)
//!          header length (u32)  header (JSON: what the machine is built from, and what people want to know)
//!          state length (u64)  packed length (u64)  state, packed as one LZ4 block
//!          XXH64 of all before (u64)
//! ```
//!
//! The state is that of `Machine::save_state`: processor, chips, memory, waiting input, and what was written to
//! disks. The images themselves are named in the header, and known by length and hash. Lengths are checked
//! against the size of the file and of the machine before anything is allocated for them.

pub mod command;
mod file;

use serde::{Deserialize, Serialize};

use crate::{spec::Spec, typing::KeyQueue};

pub use file::{Snapshot, is_one};

/// What stands in front of the state.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// What the machine is built from.
    pub machine: Spec,
    /// When in guest time.
    pub tick: u64,
    /// Instructions that were executed.
    pub instructions: u64,
    /// When on the host.
    pub saved: String,
    /// The last line on the screen.
    pub screen: String,
    /// What was typed and is on its way to the keyboard.
    pub keys: KeyQueue,
}
