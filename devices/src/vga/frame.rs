//! A finished picture.

/// The picture that the monitor shows, top row first. A monitor of that time stretches any picture
/// to 4:3, so width and height say nothing about the shape of a pixel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Dots in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width * height` pixels as `0x00RRGGBB`.
    pub pixels: Vec<u32>,
    /// Each scan line is shown twice: `height` counts it once (200-line modes).
    pub double_rows: bool,
}
