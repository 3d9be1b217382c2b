//! The memory map that the BIOS reports (INT 15h/E820h), and room in it.

use core::ops::Range;

/// Bytes of an entry as INT 15h/E820h stores it: base, length and type.
pub(crate) const ENTRY_BYTES: usize = 20;
/// More entries than this are not looked at.
pub(crate) const MOST_ENTRIES: usize = 128;

const USABLE: u32 = 1;
const RESERVED: u32 = 2;
/// Nothing is loaded above it.
const LIMIT: u64 = 1 << 32;
pub(crate) const MIB: u64 = 1 << 20;
/// Where conventional memory ends in this PC, and its extended BIOS data begins.
const CONVENTIONAL_END: u64 = 0x9_fc00;
const ADAPTERS_END: u64 = 0x10_0000;

/// A range that the BIOS reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) base: u64,
    pub(crate) len: u64,
    pub(crate) kind: u32,
}

impl Region {
    fn range(&self) -> Range<u64> {
        self.base.min(LIMIT)..self.base.saturating_add(self.len).min(LIMIT)
    }
}

/// What is where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemoryMap {
    pub(crate) regions: Vec<Region>,
    /// Usable ranges, merged, without what is reserved, in order of address.
    free: Vec<Range<u64>>,
}

impl MemoryMap {
    fn new(regions: Vec<Region>) -> Self {
        let free = free_ranges(&regions);
        Self { regions, free }
    }

    /// From entries as the BIOS stores them, one after the other. What is left at the end is no entry.
    pub(crate) fn from_entries(bytes: &[u8]) -> Self {
        let regions = bytes.as_chunks::<ENTRY_BYTES>().0.iter().map(|entry| {
            let dword = |at: usize| {
                let bytes = entry.get(at..at + 4).and_then(|bytes| bytes.first_chunk());
                u64::from(bytes.map_or(0, |&bytes| u32::from_le_bytes(bytes)))
            };
            Region {
                base: dword(0) | dword(4) << 32,
                len: dword(8) | dword(12) << 32,
                kind: dword(16) as u32,
            }
        });
        Self::new(regions.take(MOST_ENTRIES).collect())
    }

    /// What a BIOS will say of a machine with this much memory.
    pub(crate) fn expected(memory_mib: u32) -> Self {
        let region = |range: Range<u64>, kind| Region {
            base: range.start,
            len: range.end.saturating_sub(range.start),
            kind,
        };
        Self::new(vec![
            region(0..CONVENTIONAL_END, USABLE),
            region(CONVENTIONAL_END..ADAPTERS_END, RESERVED),
            region(MIB..u64::from(memory_mib) * MIB, USABLE),
        ])
    }

    /// Whether all of a range is usable.
    pub(crate) fn contains(&self, range: &Range<u64>) -> bool {
        range.is_empty()
            || self
                .free
                .iter()
                .any(|free| free.start <= range.start && range.end <= free.end)
    }

    /// Where usable memory ends, below 4 GiB.
    pub(crate) fn end(&self) -> u64 {
        self.free.last().map_or(0, |free| free.end)
    }

    /// How many bytes from `from` on are usable without a gap.
    pub(crate) fn run_from(&self, from: u64) -> u64 {
        let free = self.free.iter().find(|free| free.contains(&from));
        free.map_or(0, |free| free.end - from)
    }

    /// The highest place for `len` bytes that ends at or below `below`, at a multiple of `align`, a power of two,
    /// and off everything `taken`.
    pub(crate) fn highest(&self, below: u64, len: u64, align: u64, taken: &[Range<u64>]) -> Option<u64> {
        self.free.iter().rev().find_map(|free| {
            let mut end = free.end.min(below);
            loop {
                let start = end.checked_sub(len)? & !(align - 1);
                if start < free.start {
                    return None;
                }
                match taken.iter().find(|taken| overlap(taken, &(start..start + len))) {
                    Some(taken) => end = taken.start,
                    None => return Some(start),
                }
            }
        })
    }

    /// The lowest place for `len` bytes at or above `from`, likewise.
    pub(crate) fn lowest(&self, from: u64, len: u64, align: u64, taken: &[Range<u64>]) -> Option<u64> {
        self.free.iter().find_map(|free| {
            let mut at = free.start.max(from);
            loop {
                let start = at.checked_next_multiple_of(align)?;
                let end = start.checked_add(len)?;
                if end > free.end {
                    return None;
                }
                match taken.iter().find(|taken| overlap(taken, &(start..end))) {
                    Some(taken) => at = taken.end,
                    None => return Some(start),
                }
            }
        })
    }
}

/// Whether two ranges share a byte.
pub(crate) fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

fn free_ranges(regions: &[Region]) -> Vec<Range<u64>> {
    let of_kind = |usable: bool| {
        let mut ranges: Vec<_> = regions
            .iter()
            .filter(|region| (region.kind == USABLE) == usable)
            .map(Region::range)
            .filter(|range| !range.is_empty())
            .collect();
        ranges.sort_by_key(|range| range.start);
        ranges
    };
    let mut free: Vec<Range<u64>> = Vec::new();
    for range in of_kind(true) {
        match free.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => free.push(range),
        }
    }
    for hole in of_kind(false) {
        free = free
            .into_iter()
            .flat_map(|range| {
                let (start, end) = (range.start, range.end);
                [start..end.min(hole.start), start.max(hole.end)..end]
            })
            .filter(|range| !range.is_empty())
            .collect();
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(regions: &[(u64, u64, u32)]) -> MemoryMap {
        let entries = regions.iter().flat_map(|&(base, len, kind)| {
            let mut entry = base.to_le_bytes().to_vec();
            entry.extend(len.to_le_bytes());
            entry.extend(kind.to_le_bytes());
            entry
        });
        MemoryMap::from_entries(&entries.collect::<Vec<_>>())
    }

    #[test]
    fn what_is_reserved_is_not_usable_whatever_else_says_so() {
        let map = map(&[
            (0x10_0000, 0x100_0000, 1),
            (0, 0xa_0000, 1),
            (0x9_f000, 0x1000, 2),
            (0x80_0000, 0x10_0000, 3),
            (0x110_0000, 0x10_0000, 1),
        ]);
        assert_eq!(
            map.free,
            [0..0x9_f000, 0x10_0000..0x80_0000, 0x90_0000..0x120_0000]
        );
        assert!(map.contains(&(0x90_0000..0x120_0000)));
        assert!(!map.contains(&(0x7f_f000..0x80_1000)));
        assert_eq!(map.end(), 0x120_0000);
        assert_eq!(map.run_from(0x70_0000), 0x10_0000);
        assert_eq!(map.run_from(0xa_0000), 0);
    }

    #[test]
    fn places_are_aligned_and_off_what_is_taken() {
        let map = MemoryMap::expected(16);
        assert_eq!(map.highest(u64::MAX, 0x1001, 0x1000, &[]), Some(0xff_e000));
        let taken = [0xf0_0000..0x100_0000, 0..0x1000];
        assert_eq!(map.highest(u64::MAX, 0x1000, 0x1000, &taken), Some(0xef_f000));
        assert_eq!(map.highest(0x50_0010, 0x10, 0x1000, &[]), Some(0x50_0000));
        assert_eq!(map.highest(0x10_0000, 0x100, 0x10, &[]), Some(0x9_fb00));
        assert_eq!(map.highest(u64::MAX, 16 * MIB, 1, &[]), None);
        assert_eq!(map.lowest(0x9_f000, 0x1000, 0x1000, &[]), Some(0x10_0000));
        let taken = [0x10_0000..0x20_0001, 0..0x1000];
        assert_eq!(map.lowest(0x10_0000, 1, 0x1000, &taken), Some(0x20_1000));
        assert_eq!(map.lowest(0x100_0000, 1, 1, &[]), None);
    }

    #[test]
    fn maps_that_no_bios_should_report_leave_nothing_beyond_4_gib() {
        let odd = map(&[
            (u64::MAX, u64::MAX, 1),
            (0x10_0000, u64::MAX, 1),
            (0x20_0000, 0, 2),
            (u64::MAX - 5, 3, 2),
        ]);
        assert!(odd.contains(&(0x10_0000..1 << 32)));
        assert_eq!((odd.free.len(), odd.end()), (1, 1 << 32));
        assert_eq!(MemoryMap::from_entries(&[1; 19]).end(), 0);
        assert_eq!(map(&[]).highest(u64::MAX, 1, 1, &[]), None);
        assert_eq!(map(&[(0, 0x1000, 1)]).highest(u64::MAX, u64::MAX, 1, &[]), None);
        assert_eq!(map(&[(0, 0x1000, 1)]).lowest(0, u64::MAX, 1, &[]), None);
    }
}
