//! Files that say nothing about themselves: the user says where they go, and where to enter them.
//!
//! They are entered in real mode as a boot sector is: interrupts on, DS = ES = 0, SS:SP below 7C00h or, if a file lies
//! there, at the top of conventional memory.

use core::ops::Range;

use super::{BootFile, DirectBootError, Entry, Loaded, Piece, RealEntry, memory::MemoryMap, memory::overlap};

const BOOT_SECTOR: u64 = 0x7c00;
const CONVENTIONAL_END: u64 = 0xa_0000;
const STACK_BYTES: u64 = 0x400;

/// Files and an entry.
#[derive(Clone)]
pub(super) struct Program {
    files: Vec<(u32, BootFile)>,
    /// Segment and offset.
    entry: (u16, u16),
}

impl Program {
    /// Refuses files that overlap.
    pub(super) fn new(files: Vec<(u32, BootFile)>, entry: (u16, u16)) -> Result<Self, DirectBootError> {
        for (n, file) in files.iter().enumerate() {
            let before = files.iter().take(n);
            if let Some((_, other)) = before
                .into_iter()
                .find(|other| overlap(&range(other), &range(file)))
            {
                return Err(DirectBootError::Overlap {
                    file: file.1.name.clone(),
                    other: other.name.clone(),
                });
            }
        }
        Ok(Self { files, entry })
    }

    /// Where everything goes.
    pub(super) fn load(&self, map: &MemoryMap) -> Result<Loaded<'_>, DirectBootError> {
        let taken: Vec<_> = self.files.iter().map(range).collect();
        for (taken, (at, file)) in taken.iter().zip(&self.files) {
            if !map.contains(taken) {
                return Err(DirectBootError::NotInMemory {
                    file: file.name.clone(),
                    bytes: file.bytes.len() as u64,
                    at: (*at).into(),
                    end: map.end().saturating_sub(1),
                });
            }
        }
        let stack = map
            .highest(BOOT_SECTOR, STACK_BYTES, 16, &taken)
            .or_else(|| map.highest(CONVENTIONAL_END, STACK_BYTES, 16, &taken))
            .unwrap_or(BOOT_SECTOR - STACK_BYTES);
        let (ss, sp) = match stack + STACK_BYTES {
            end @ 0..=0xffff => (0, end as u16),
            _ => ((stack >> 4) as u16, STACK_BYTES as u16),
        };
        let pieces = self.files.iter();
        let pieces = pieces.map(|(at, file)| Piece::new((*at).into(), file.bytes.as_slice()));
        let (cs, ip) = self.entry;
        Ok(Loaded {
            pieces: pieces.collect(),
            entry: Entry::Real(RealEntry {
                cs,
                ip,
                ds: 0,
                ss,
                sp,
                interrupts: true,
            }),
        })
    }
}

fn range((at, file): &(u32, BootFile)) -> Range<u64> {
    let start = u64::from(*at);
    start..start + file.bytes.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, bytes: usize) -> BootFile {
        BootFile {
            name: name.to_owned(),
            bytes: vec![0x90; bytes],
        }
    }

    fn stack(files: Vec<(u32, BootFile)>) -> (u16, u16) {
        let program = Program::new(files, (0x1234, 0x5678)).unwrap();
        match program.load(&MemoryMap::expected(2)).unwrap().entry {
            Entry::Real(entry) => {
                assert_eq!((entry.cs, entry.ip, entry.ds), (0x1234, 0x5678, 0));
                (entry.ss, entry.sp)
            }
            Entry::Protected { .. } => panic!("a program starts in real mode"),
        }
    }

    #[test]
    fn the_stack_is_where_a_boot_sector_has_it_unless_a_file_is_there() {
        assert_eq!(stack(vec![(0x7c00, file("a", 512))]), (0, 0x7c00));
        assert_eq!(stack(vec![(0x7000, file("a", 0x1000))]), (0, 0x7000));
        assert_eq!(stack(vec![(0, file("a", 0x8000))]), (0x9f80, 0x400));
    }

    #[test]
    fn files_lie_apart_and_in_memory() {
        let refused = Program::new(vec![(0x8000, file("a", 2)), (0x8001, file("b", 1))], (0, 0));
        let refused = refused.err().unwrap().to_string();
        assert_eq!(refused, "b and a overlap in memory; load one of them elsewhere");
        for at in [0x9_fc00, 0xf_fff0, 0x20_0000, u32::MAX] {
            let program = Program::new(vec![(at, file("rom.bin", 1))], (0, 0)).unwrap();
            let refused = program.load(&MemoryMap::expected(2)).unwrap_err().to_string();
            assert!(refused.starts_with("rom.bin: 1 bytes at "), "{refused}");
            assert!(refused.contains("to 1fffff; load it elsewhere"), "{refused}");
        }
    }
}
