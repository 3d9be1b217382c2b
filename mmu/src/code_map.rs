//! Which bytes of memory are decoded as code: one bit each, for pages that hold any.

/// Words of the bitmap of a page.
const WORDS: usize = 4096 / 64;

/// The bitmaps.
#[derive(Debug)]
pub(crate) struct CodeMap {
    /// For each backing page the number of its bitmap plus one, or 0.
    of_page: Vec<u32>,
    bitmaps: Vec<[u64; WORDS]>,
}

/// The low `len` bits.
fn ones(len: u32) -> u64 {
    if len >= 64 { u64::MAX } else { (1 << len) - 1 }
}

impl CodeMap {
    pub(crate) fn new(pages: usize) -> Self {
        Self {
            of_page: vec![0; pages],
            bitmaps: Vec::new(),
        }
    }

    #[inline]
    fn bitmap(&self, page: u32) -> Option<&[u64; WORDS]> {
        let number = *self.of_page.get(page as usize)?;
        self.bitmaps.get((number as usize).wrapping_sub(1))
    }

    /// Marks `len` bytes from a backing offset, at most to the end of the page.
    pub(crate) fn mark(&mut self, backing: u32, len: u32) {
        let Some(number) = self.of_page.get_mut((backing >> 12) as usize) else {
            return;
        };
        if *number == 0 {
            self.bitmaps.push([0; WORDS]);
            *number = self.bitmaps.len() as u32;
        }
        let Some(bitmap) = self.bitmaps.get_mut(*number as usize - 1) else {
            return;
        };
        let (mut at, end) = (backing & 0xfff, ((backing & 0xfff) + len).min(0x1000));
        while at < end {
            let (word, bit) = ((at >> 6) as usize & (WORDS - 1), at & 63);
            bitmap[word] |= ones(end - at) << bit;
            at = (at | 63) + 1;
        }
    }

    /// Forgets all marks of a page.
    pub(crate) fn clear(&mut self, page: u32) {
        let number = self.of_page.get(page as usize).copied().unwrap_or(0);
        if let Some(bitmap) = self.bitmaps.get_mut((number as usize).wrapping_sub(1)) {
            bitmap.fill(0);
        }
    }

    /// Whether any of `len` bytes from a backing offset, within one page, is marked.
    #[inline]
    pub(crate) fn touches(&self, backing: u32, len: u32) -> bool {
        let Some(bitmap) = self.bitmap(backing >> 12) else {
            return false;
        };
        let mut at = backing & 0xfff;
        let word = |at: u32| bitmap[(at >> 6) as usize & (WORDS - 1)] >> (at & 63);
        // The usual case: all in one word.
        if (at & 63) + len <= 64 {
            return word(at) & ones(len) != 0;
        }
        let end = (at + len).min(0x1000);
        while at < end {
            if word(at) & ones(end - at) != 0 {
                return true;
            }
            at = (at | 63) + 1;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_marked_bytes_are_touched() {
        let mut map = CodeMap::new(4);
        map.mark(0x1000 + 60, 70);
        for at in 0..300u32 {
            for len in [1, 2, 4, 8, 100] {
                let overlaps = at < 130 && at + len > 60;
                assert_eq!(map.touches(0x1000 + at, len), overlaps, "{at} {len}");
            }
        }
        assert!(!map.touches(0x2000 + 60, 70));
        map.clear(1);
        assert!(!map.touches(0x1000, 0x1000));
    }

    #[test]
    fn marks_end_with_the_page() {
        let mut map = CodeMap::new(2);
        map.mark(0xfff, 20);
        assert!(map.touches(0xffe, 2) && !map.touches(0xffe, 1) && !map.touches(0x1000, 8));
        map.mark(0x9000, 1);
        assert!(!map.touches(0x9000, 1));
    }
}
