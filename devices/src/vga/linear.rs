//! From a linear frame buffer to a picture.
//!
//! Nobody tells when the guest has written to the frame buffer, since it writes there as to any memory. So the
//! rows are compared with those shown last.

use super::frame::Frame;

/// How memory becomes a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scanout {
    /// Dots in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bits of a dot: 8 (through the DAC), 15, 16, 24 or 32.
    pub bpp: u16,
    /// Bytes from one row to the next.
    pub pitch: u32,
    /// Byte at which the first row starts.
    pub start: u32,
}

impl Scanout {
    /// Bytes that a row's picture takes.
    fn row_bytes(&self) -> usize {
        self.width as usize * usize::from(self.bpp.div_ceil(8))
    }

    /// The bytes of each row; empty where memory ends before it.
    fn rows<'a>(&self, memory: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let Self { pitch, start, .. } = *self;
        let len = self.row_bytes();
        (0..self.height).map(move |row| {
            let at = start as usize + row as usize * pitch as usize;
            memory.get(at..at + len).unwrap_or(&[])
        })
    }

    /// Draws a row's bytes as 0x00RRGGBB.
    fn draw(&self, bytes: &[u8], palette: &[u32; 256], dots: &mut [u32]) {
        match self.bpp {
            8 => {
                for (dot, &byte) in dots.iter_mut().zip(bytes) {
                    *dot = palette[usize::from(byte)];
                }
            }
            15 => draw_words(bytes, dots, |word| {
                eight(word >> 10, 5) << 16 | eight(word >> 5, 5) << 8 | eight(word, 5)
            }),
            16 => draw_words(bytes, dots, |word| {
                eight(word >> 11, 5) << 16 | eight(word >> 5, 6) << 8 | eight(word, 5)
            }),
            24 => {
                for (dot, &[b, g, r]) in dots.iter_mut().zip(bytes.as_chunks().0) {
                    *dot = u32::from_le_bytes([b, g, r, 0]);
                }
            }
            _ => {
                for (dot, &[b, g, r, _]) in dots.iter_mut().zip(bytes.as_chunks().0) {
                    *dot = u32::from_le_bytes([b, g, r, 0]);
                }
            }
        }
    }
}

/// The low `bits` of a word, at least four of them, as the same share of eight bits.
fn eight(word: u16, bits: u32) -> u32 {
    let value = u32::from(word) & ((1 << bits) - 1);
    value << (8 - bits) | value >> (2 * bits - 8)
}

fn draw_words(bytes: &[u8], dots: &mut [u32], color: impl Fn(u16) -> u32) {
    for (dot, &word) in dots.iter_mut().zip(bytes.as_chunks().0) {
        *dot = color(u16::from_le_bytes(word));
    }
}

/// How it was drawn, with which colours of the DAC, and how many bytes of memory there were.
type ShownAs = (Scanout, Vec<u32>, usize);

/// The picture drawn last, and what it was drawn from.
#[derive(Clone, Debug, Default)]
pub struct LinearPicture {
    frame: Frame,
    /// The bytes of all rows, without what lies between them.
    shown: Vec<u8>,
    shown_as: Option<ShownAs>,
    generation: u64,
}

impl LinearPicture {
    /// Another kind of picture is shown: the next drawing is a new one.
    pub fn outdate(&mut self) {
        self.shown_as = None;
    }

    /// Changes with each drawing that changed something.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The picture of `memory`. Past its end it is black.
    pub fn draw(&mut self, scanout: &Scanout, palette: &[u32; 256], memory: &[u8]) -> &Frame {
        let colors: &[u32] = if scanout.bpp == 8 { palette } else { &[] };
        let shows = memory.len();
        let same = matches!(&self.shown_as, Some((as_before, before, showed))
            if as_before == scanout && before == colors && *showed == shows);
        let row_bytes = scanout.row_bytes();
        if !same {
            self.shown_as = Some((*scanout, colors.to_vec(), shows));
            self.shown.resize(row_bytes * scanout.height as usize, 0);
            (self.frame.width, self.frame.height) = (scanout.width, scanout.height);
            self.frame.double_rows = false;
            self.frame
                .pixels
                .resize((scanout.width * scanout.height) as usize, 0);
        }
        let mut changed = !same;
        let dots = self.frame.pixels.chunks_exact_mut(scanout.width as usize);
        let shown = self.shown.chunks_exact_mut(row_bytes);
        for ((bytes, shown), dots) in scanout.rows(memory).zip(shown).zip(dots) {
            let missing = bytes.len() != shown.len();
            if same && (missing || shown == bytes) {
                continue;
            }
            changed = true;
            if missing {
                dots.fill(0);
                continue;
            }
            shown.copy_from_slice(bytes);
            scanout.draw(shown, palette, dots);
        }
        self.generation = self.generation.wrapping_add(changed.into());
        &self.frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(bpp: u16, memory: &[u8]) -> Vec<u32> {
        let scanout = Scanout {
            width: 2,
            height: 2,
            bpp,
            pitch: 2 * u32::from(bpp.div_ceil(8)) + 1,
            start: 1,
        };
        let palette = core::array::from_fn(|n| n as u32 * 0x0001_0101);
        LinearPicture::default()
            .draw(&scanout, &palette, memory)
            .pixels
            .clone()
    }

    #[test]
    fn each_depth_has_its_colours() {
        assert_eq!(
            draw(8, &[9, 1, 2, 9, 3, 4]),
            [0x010101, 0x020202, 0x030303, 0x040404]
        );
        let words = [9, 0x00, 0x7c, 0xe0, 0x03, 9, 0x1f, 0x80, 0xff, 0xff];
        assert_eq!(draw(15, &words), [0xff0000, 0x00ff00, 0x0000ff, 0xffffff]);
        let words = [9, 0x00, 0xf8, 0xe0, 0x07, 9, 0x1f, 0x00, 0x10, 0x84];
        assert_eq!(draw(16, &words), [0xff0000, 0x00ff00, 0x0000ff, 0x848284]);
        let bytes = [9, 1, 2, 3, 4, 5, 6, 9, 7, 8, 9, 10, 11, 12];
        assert_eq!(draw(24, &bytes), [0x030201, 0x060504, 0x090807, 0x0c0b0a]);
        let bytes = [9, 1, 2, 3, 77, 4, 5, 6, 77, 9, 7, 8, 9, 77, 10, 11, 12, 77];
        assert_eq!(draw(32, &bytes), [0x030201, 0x060504, 0x090807, 0x0c0b0a]);
    }

    #[test]
    fn memory_that_ends_early_shows_black_rows() {
        assert_eq!(draw(8, &[9, 1, 2, 9, 3]), [0x010101, 0x020202, 0, 0]);
        assert_eq!(draw(8, &[]), [0; 4]);
    }

    #[test]
    fn a_picture_that_stays_is_not_drawn_again() {
        let scanout = Scanout {
            width: 8,
            height: 4,
            bpp: 32,
            pitch: 32,
            start: 0,
        };
        let (mut picture, mut memory) = (LinearPicture::default(), vec![0; 128]);
        picture.draw(&scanout, &[0; 256], &memory);
        let first = picture.generation();
        picture.draw(&scanout, &[1; 256], &memory);
        assert_eq!(picture.generation(), first);
        memory[100] = 1;
        assert_eq!(picture.draw(&scanout, &[0; 256], &memory).pixels[25], 1);
        assert_eq!(picture.generation(), first + 1);
        assert_eq!(picture.draw(&scanout, &[0; 256], &[]).pixels[25], 0, "dark");
        picture.draw(&scanout, &[0; 256], &[]);
        assert_eq!(picture.generation(), first + 2);
        assert_eq!(picture.draw(&scanout, &[0; 256], &memory).pixels[25], 1);
        assert_eq!(picture.generation(), first + 3);
        let moved = Scanout { start: 4, ..scanout };
        picture.draw(&moved, &[0; 256], &memory);
        assert_eq!(picture.generation(), first + 4);
    }
}
