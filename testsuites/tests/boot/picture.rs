//! Pictures compared as people would: by what they show where, not dot by dot.

use std::{fs::File, io::BufReader, path::Path};

/// Rows of 0x00RRGGBB.
pub struct Picture {
    pub width: usize,
    pub pixels: Vec<u32>,
}

/// A part of a picture.
#[derive(Clone, Copy)]
pub struct Area {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
}

const COLUMNS: usize = 32;
const ROWS: usize = 24;

impl Picture {
    /// A screenshot; `None` while it is being written.
    pub fn read(path: &Path) -> Option<Self> {
        let decoder = png::Decoder::new(BufReader::new(File::open(path).ok()?));
        let mut reader = decoder.read_info().ok()?;
        let mut bytes = vec![0; reader.output_buffer_size()?];
        let info = reader.next_frame(&mut bytes).ok()?;
        assert_eq!(info.color_type, png::ColorType::Rgb);
        let pixels = bytes
            .chunks_exact(3)
            .map(|rgb| u32::from_be_bytes([0, rgb[0], rgb[1], rgb[2]]));
        Some(Self {
            width: info.width as usize,
            pixels: pixels.collect(),
        })
    }

    pub fn height(&self) -> usize {
        self.pixels.len() / self.width
    }

    pub fn whole(&self) -> Area {
        Area {
            left: 0,
            top: 0,
            width: self.width,
            height: self.height(),
        }
    }

    /// Mean red, green and blue of each of the fields that `area` is divided into.
    fn fields(&self, area: Area) -> Vec<[u32; 3]> {
        let field = |column: usize, row: usize| {
            let bounds = |at: usize, size: usize, count: usize| at * size / count..(at + 1) * size / count;
            let mut sums = [0; 3];
            let mut count = 0;
            for y in bounds(row, area.height, ROWS) {
                for x in bounds(column, area.width, COLUMNS) {
                    let pixel = self.pixels[(area.top + y) * self.width + area.left + x];
                    let [_, rgb @ ..] = pixel.to_be_bytes();
                    sums.iter_mut()
                        .zip(rgb)
                        .for_each(|(sum, gun)| *sum += u32::from(gun));
                    count += 1;
                }
            }
            sums.map(|sum| sum / count)
        };
        (0..ROWS * COLUMNS)
            .map(|at| field(at % COLUMNS, at / COLUMNS))
            .collect()
    }

    /// The largest difference between fields of an area here and of another one there.
    pub fn difference(&self, area: Area, other: &Self, there: Area) -> u32 {
        let pairs = self.fields(area).into_iter().zip(other.fields(there));
        let guns = pairs.flat_map(|(a, b)| (0..3).map(move |gun| a[gun].abs_diff(b[gun])));
        guns.max().unwrap_or(0)
    }
}
