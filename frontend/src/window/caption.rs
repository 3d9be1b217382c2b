//! A line of text over the picture: what the title bar would say, where there is none.

use oldiron_bios::FONT_8X16;

/// Dots of a character.
const WIDTH: usize = 8;
const HEIGHT: usize = 16;

const INK: u32 = 0xffffff;
const PAPER: u32 = 0x202020;

/// Writes `text` over the lower end of a picture of rows of 0x00RRGGBB, in as many lines as it takes.
pub fn draw(pixels: &mut [u32], (width, height): (usize, usize), text: &str) {
    if width == 0 {
        return;
    }
    // About as large as the guest's own text on a screen of this height.
    let scale = (height / 480).max(1);
    let columns = width / (WIDTH * scale);
    let lines = wrap(text, columns);
    let rows = lines.len() * HEIGHT * scale;
    let Some(top) = height.checked_sub(rows) else {
        return;
    };
    for (y, row) in pixels.chunks_exact_mut(width).skip(top).enumerate() {
        let Some(line) = lines.get(y / scale / HEIGHT) else {
            return;
        };
        for (x, pixel) in row.iter_mut().enumerate() {
            let (x, y) = (x / scale, y / scale % HEIGHT);
            let character = line.as_bytes().get(x / WIDTH).copied().unwrap_or(b' ');
            let glyph = FONT_8X16.get(usize::from(character) * HEIGHT + y).copied();
            let lit = glyph.unwrap_or(0) >> (WIDTH - 1 - x % WIDTH) & 1 != 0;
            *pixel = if lit { INK } else { PAPER };
        }
    }
}

/// Lines of at most `columns` characters, between words where that is possible; other characters than those of
/// ASCII become question marks.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let word = word.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' });
        let word: Vec<char> = word.collect();
        for (n, part) in word.chunks(columns.max(1)).enumerate() {
            let Some(line) = lines.last_mut() else {
                return lines;
            };
            if n == 0 && !line.is_empty() && line.len() + 1 + part.len() <= columns {
                line.push(' ');
                line.extend(part);
            } else if line.is_empty() {
                line.extend(part);
            } else {
                lines.push(part.iter().collect());
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_between_words_and_long_words_are_divided() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a bcdefgh i", 3), ["a", "bcd", "efg", "h i"]);
        assert_eq!(wrap("caf\u{e9}", 9), ["caf?"]);
        assert_eq!(wrap("ab", 0), ["a", "b"]);
    }

    #[test]
    fn text_is_at_the_lower_end_and_the_rest_stays() {
        let mut pixels = vec![0xabcdef; 320 * 200];
        draw(&mut pixels, (320, 200), "F11: menu");
        let above = 320 * (200 - HEIGHT);
        assert!(pixels[..above].iter().all(|&pixel| pixel == 0xabcdef));
        assert!(
            pixels[above..]
                .iter()
                .all(|&pixel| pixel == INK || pixel == PAPER)
        );
        let lit = pixels[above..].iter().filter(|&&pixel| pixel == INK).count();
        assert!((50..500).contains(&lit), "{lit}");
        // The stem of the F, eight dots from the left, is in its third row.
        assert!(pixels[above + 320 * 3..][..8].contains(&INK));
    }

    #[test]
    fn no_picture_is_too_small() {
        for (width, height) in [(0, 0), (1, 1), (3, 100), (100, 3)] {
            draw(&mut vec![0; width * height], (width, height), "F11: menu");
        }
    }
}
