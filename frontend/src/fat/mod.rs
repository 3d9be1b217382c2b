//! FAT12, FAT16 and FAT32 file systems, with long names: for `oldiron img`.
//!
//! Follows Microsoft's "FAT: General Overview of On-Disk Format" 1.03. Left out: removing and renaming
//! files, sectors that are not 512 bytes, and labels.

mod directory;
mod layout;
mod name;
mod volume;

pub use directory::{Dir, Entry, local};
pub use layout::NewVolume;
pub use volume::{FatError, Volume};
