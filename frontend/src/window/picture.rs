//! What the guest shows, at the size of the window.
//!
//! The monitor is 4:3 whatever the mode: rows are stretched, columns are whole multiples where they fill the window
//! well enough.

use oldiron_platform::Frame;

/// The width of the largest 4:3 picture in a window.
pub fn picture_width((width, height): (usize, usize)) -> usize {
    width.min(height * 4 / 3).max(1)
}

/// How wide a picture of so many dots is drawn in a 4:3 rectangle of this width: whole dots, if they leave no more
/// than a quarter of it empty.
fn drawn_width(dots: usize, fit: usize) -> usize {
    let whole = fit / dots * dots;
    if whole * 4 >= fit * 3 { whole } else { fit }
}

/// What a column or row of the window shows: parts of two neighbours of the picture, as a rule.
struct Share {
    first: usize,
    second: usize,
    /// Of 256 parts, those of the second.
    weight: u32,
}

impl Share {
    /// The share of `at` when `from` are drawn as `to`: from `at * from / to` to `(at + 1) * from / to`. More
    /// than two meet only in tiny windows: then it is the outer two.
    fn of(at: usize, from: usize, to: usize) -> Self {
        let (begin, end) = (at * from, (at + 1) * from);
        let first = begin / to;
        let second = ((end - 1) / to).min(from - 1);
        let weight = match first == second {
            true => 0,
            false => ((end - second * to) * 256 / from).min(256) as u32,
        };
        Self {
            first,
            second,
            weight,
        }
    }
}

/// What is in the window, and what it was made of: rows that stay as they are need not be drawn again.
#[derive(Default)]
pub struct Picture {
    /// Rows of 0x00RRGGBB.
    pub pixels: Vec<u32>,
    /// Size of the window.
    pub size: (usize, usize),
    frame: Frame,
}

impl Picture {
    /// Draws `frame` in 4:3 in the middle of a window. Rows are averaged so that every line of a character
    /// has the same weight, and so are columns where they are not a whole number of dots.
    pub fn draw(&mut self, frame: &Frame, (width, height): (usize, usize)) {
        let changed = self.take_over(frame, (width, height));
        let (from_w, from_h) = (frame.width as usize, frame.height as usize);
        if from_w == 0 || from_h == 0 || frame.pixels.len() < from_w * from_h {
            return;
        }
        let to_w = drawn_width(from_w, picture_width((width, height)));
        let to_h = (to_w * 3 / 4).clamp(1, height);
        let (left, top) = ((width - to_w) / 2, (height - to_h) / 2);
        let columns: Vec<Share> = (0..to_w).map(|x| Share::of(x, from_w, to_w)).collect();
        for y in 0..to_h {
            let rows = Share::of(y, from_h, to_h);
            if !changed[rows.first] && !changed[rows.second] {
                continue;
            }
            let source = |index: usize| &frame.pixels[index * from_w..][..from_w];
            let (upper, lower) = (source(rows.first), source(rows.second));
            let row = &mut self.pixels[(top + y) * width + left..][..to_w];
            for (pixel, column) in row.iter_mut().zip(&columns) {
                let across = |row: &[u32]| blend(row[column.first], row[column.second], column.weight);
                *pixel = match rows.weight {
                    0 => across(upper),
                    weight => blend(across(upper), across(lower), weight),
                };
            }
        }
    }

    /// Remembers what is being drawn, and says which of its rows are new.
    fn take_over(&mut self, frame: &Frame, size: (usize, usize)) -> Vec<bool> {
        let shape = |frame: &Frame| (frame.width, frame.height, frame.pixels.len());
        if size != self.size || shape(frame) != shape(&self.frame) {
            self.pixels.clear();
            self.pixels.resize(size.0 * size.1, 0);
            self.size = size;
            self.frame.clone_from(frame);
            return vec![true; frame.height as usize];
        }
        let row = (frame.width as usize).max(1);
        let rows = self.frame.pixels.chunks_mut(row).zip(frame.pixels.chunks(row));
        let renew = |(old, new): (&mut [u32], &[u32])| {
            let changed = old != new;
            if changed {
                old.copy_from_slice(new);
            }
            changed
        };
        rows.map(renew).collect()
    }
}

/// `a` and `b` mixed, with `weight` of 256 parts of `b`.
fn blend(a: u32, b: u32, weight: u32) -> u32 {
    if a == b {
        return a;
    }
    // Red and blue have eight free bits above them, as has green: two multiplications do for three.
    let mix = |mask: u32| (((a & mask) * (256 - weight) + (b & mask) * weight) >> 8) & mask;
    mix(0x00ff00ff) | mix(0x0000ff00)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(width: u32, height: u32, pixel: impl Fn(u32, u32) -> u32) -> Frame {
        let pixels = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .map(|(x, y)| pixel(x, y))
            .collect();
        Frame {
            width,
            height,
            pixels,
            double_rows: false,
        }
    }

    fn scale(frame: &Frame, width: usize, height: usize, out: &mut Vec<u32>) {
        let mut picture = Picture::default();
        picture.draw(frame, (width, height));
        *out = picture.pixels;
    }

    #[test]
    fn drawing_only_what_changed_gives_the_same_picture() {
        let mut picture = Picture::default();
        let mut out = Vec::new();
        for (n, (width, height)) in [(640, 400), (640, 400), (640, 400), (320, 200), (640, 400)]
            .into_iter()
            .enumerate()
        {
            for size in [(720, 540), (720, 540), (641, 480), (300, 200)] {
                let n = n as u32;
                let frame = frame(width, height, |x, y| if y % 7 == n { x * 77 + n } else { y * 99 });
                picture.draw(&frame, size);
                scale(&frame, size.0, size.1, &mut out);
                assert_eq!(picture.pixels, out);
            }
        }
    }

    #[test]
    fn a_picture_is_four_by_three_with_whole_columns_in_the_middle() {
        let mut out = Vec::new();
        scale(&frame(640, 400, |_, _| 0xffffff), 1500, 1000, &mut out);
        let row = &out[500 * 1500..501 * 1500];
        assert_eq!(row.iter().filter(|&&pixel| pixel != 0).count(), 1280);
        assert_eq!(
            (row[109], row[110], row[1389], row[1390]),
            (0, 0xffffff, 0xffffff, 0)
        );
        let lit = (0..1000).filter(|y| out[y * 1500 + 750] != 0).count();
        assert_eq!(lit, 960);
    }

    #[test]
    fn columns_are_stretched_where_whole_ones_would_leave_much_empty() {
        assert_eq!(drawn_width(720, 1280), 1280);
        assert_eq!(drawn_width(720, 1440), 1440);
        assert_eq!(drawn_width(640, 720), 640);
        assert_eq!(drawn_width(1024, 720), 720);
        let mut out = Vec::new();
        let stripes = frame(720, 400, |x, _| if x % 9 == 4 { 0xff0000 } else { 0 });
        scale(&stripes, 1280, 1024, &mut out);
        let red: u32 = out[512 * 1280..][..1280].iter().map(|pixel| pixel >> 16).sum();
        let expected = 80 * 255 * 1280 / 720;
        assert!(red.abs_diff(expected) < expected / 20, "{red} {expected}");
    }

    #[test]
    fn stretched_rows_keep_their_weight() {
        let mut out = Vec::new();
        scale(
            &frame(720, 400, |_, y| if y % 16 == 5 { 0xff0000 } else { 0 }),
            720,
            540,
            &mut out,
        );
        let red: u32 = (0..540).map(|y| out[y * 720] >> 16).sum();
        let expected = 25 * 255 * 540 / 400;
        assert!(red.abs_diff(expected) < expected / 20, "{red} {expected}");
    }

    #[test]
    fn colours_are_exact_where_rows_agree_and_no_size_is_too_small() {
        let mut out = Vec::new();
        scale(&frame(320, 200, |_, _| 0x123456), 720, 540, &mut out);
        assert_eq!(out[270 * 720 + 360], 0x123456);
        for (width, height) in [(1, 1), (3, 2), (100, 1), (1, 100)] {
            scale(&frame(720, 400, |_, _| 0xabcdef), width, height, &mut out);
            assert_eq!(out.len(), width * height);
        }
        scale(&Frame::default(), 10, 10, &mut out);
        assert_eq!(out, vec![0; 100]);
    }

    #[test]
    fn channels_do_not_leak_into_each_other() {
        assert_eq!(blend(0xff0000, 0x0000ff, 128), 0x7f007f);
        assert_eq!(blend(0x00ff00, 0x000000, 256), 0);
        assert_eq!(blend(0x010101, 0xfefefe, 0), 0x010101);
    }
}
