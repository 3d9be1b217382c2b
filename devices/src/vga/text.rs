//! What a text mode shows, as characters: for scripts and for front ends on a terminal.

use super::cp437;
use super::render::{ScanLine, Source};

/// One character cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextCell {
    /// Character code as the guest wrote it.
    pub code: u8,
    /// The Unicode character that looks like it.
    pub character: char,
    /// Index into [`TextCells::palette`].
    pub foreground: u8,
    /// Index into [`TextCells::palette`].
    pub background: u8,
    /// The character blinks.
    pub blink: bool,
}

/// The cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextCursor {
    /// Row from the top.
    pub row: usize,
    /// Column from the left.
    pub column: usize,
    /// First of the cell's scan lines that it covers.
    pub first_line: u8,
    /// Last of the cell's scan lines that it covers.
    pub last_line: u8,
}

/// A text screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextCells {
    /// Cells in a row.
    pub columns: usize,
    /// The rows, top first, each `columns` long.
    pub rows: Vec<Vec<TextCell>>,
    /// The cursor, if it is on and on the screen. It blinks on a real screen.
    pub cursor: Option<TextCursor>,
    /// Scan lines in a cell.
    pub cell_height: u8,
    /// The sixteen colours as 0x00RRGGBB.
    pub palette: [u32; 16],
}

/// The first scan line of each character row whose last scan line is displayed: a row cut off at
/// the bottom does not count.
fn character_rows(source: &Source<'_>) -> Vec<ScanLine> {
    let last = source.crtc.maximum_row_scan();
    let mut lines = source.scan_lines();
    lines.dedup();
    lines.retain(|line| line.row == last);
    lines
}

/// The visible text page: rows joined by newlines, each without the spaces at its end. `None` in
/// graphics modes.
pub fn screen(source: &Source<'_>) -> Option<String> {
    if source.graphics.is_graphics() {
        return None;
    }
    let mut text = String::new();
    for (at, line) in character_rows(source).into_iter().enumerate() {
        if at > 0 {
            text.push('\n');
        }
        let start = text.len();
        text.extend(source.cells(line).map(|(_, code, _)| cp437::to_char(code)));
        let end = start + text.get(start..).map_or(0, |row| row.trim_end_matches(' ').len());
        text.truncate(end);
    }
    Some(text)
}

/// The visible text page with attributes. `None` in graphics modes.
pub fn cells(source: &Source<'_>) -> Option<TextCells> {
    if source.graphics.is_graphics() {
        return None;
    }
    let cursor_rows = source.crtc.cursor_rows();
    let mut cursor = None;
    let mut rows = Vec::new();
    for (row, line) in character_rows(source).into_iter().enumerate() {
        let mut cells = Vec::with_capacity(usize::from(source.crtc.characters()));
        for (column, (counter, code, attribute)) in source.cells(line).enumerate() {
            if let Some((first_line, last_line)) = cursor_rows
                && counter == source.cursor_address()
            {
                cursor = cursor.or(Some(TextCursor {
                    row,
                    column,
                    first_line,
                    last_line,
                }));
            }
            let (foreground, background) = source.attribute_colors(attribute);
            cells.push(TextCell {
                code,
                character: cp437::to_char(code),
                foreground,
                background,
                blink: source.blinks(attribute),
            });
        }
        rows.push(cells);
    }
    Some(TextCells {
        columns: usize::from(source.crtc.characters()),
        rows,
        cursor,
        cell_height: source.crtc.maximum_row_scan() + 1,
        palette: source.colors(),
    })
}
