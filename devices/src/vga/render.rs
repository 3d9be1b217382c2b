//! From memory and registers to a picture: a pure function, evaluated when somebody looks.
//!
//! Left out: blanking and skew of the display enable signal, the shift-load bits of the clocking mode
//! (EGA boards with 64 KiB), and register changes in the middle of a frame: one set of registers holds for
//! all of it. The border is no part of the picture, so that a screenshot has the mode's own size and dots;
//! its colour shows where there is no picture.

use super::attribute::{AttributeController, AttributeMode};
use super::crtc::{AddressRule, Crtc, ModeControl};
use super::dac::Dac;
use super::frame::Frame;
use super::graphics::{GraphicsController, GraphicsMode};
use super::memory::VideoMemory;
use super::sequencer::{ClockingMode, Sequencer};

/// Everything that a picture depends on.
pub struct Source<'a> {
    pub crtc: &'a Crtc,
    pub sequencer: &'a Sequencer,
    pub graphics: &'a GraphicsController,
    pub attribute: &'a AttributeController,
    pub dac: &'a Dac,
    pub memory: &'a VideoMemory,
    /// Start address as of the last vertical retrace.
    pub start: u16,
    pub phase: BlinkPhase,
}

/// Which blinking things are visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlinkPhase {
    /// The cursor: 8 frames of 16.
    pub cursor: bool,
    /// Blinking characters: 16 frames of 32.
    pub characters: bool,
}

impl BlinkPhase {
    /// The phase in frame `number`.
    pub fn of_frame(number: u64) -> Self {
        Self {
            cursor: number & 8 == 0,
            characters: number & 16 == 0,
        }
    }
}

/// What one scan line shows. Two equal ones show the same dots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanLine {
    /// Address counter at the first character.
    pub address: u16,
    /// Row scan address; in graphics modes 0, as it only acts through `rule`.
    pub row: u8,
    rule: AddressRule,
    /// Dots that the line is moved to the left.
    pan: usize,
}

/// Spreads the eight bits of a byte over eight bytes, the highest first.
const SPREAD: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            table[byte] |= ((byte as u64 >> (7 - bit)) & 1) << (8 * bit);
            bit += 1;
        }
        byte += 1;
    }
    table
};

/// How a memory word becomes dots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shift {
    Planar,
    Interleave,
    Nibbles,
}

impl Source<'_> {
    /// Dots that a character is wide in the picture.
    fn character_width(&self) -> usize {
        if self.graphics.is_graphics() {
            if self.eight_bit_color() { 4 } else { 8 }
        } else if self.sequencer.clocking().contains(ClockingMode::EIGHT_DOTS) {
            8
        } else {
            9
        }
    }

    fn eight_bit_color(&self) -> bool {
        self.attribute.mode().contains(AttributeMode::EIGHT_BIT_COLOR)
    }

    /// Horizontal panning in dots of the picture.
    fn panning(&self) -> usize {
        let value = usize::from(self.attribute.panning());
        match self.character_width() {
            4 => (value & 7) / 2,
            8 => value & 7,
            // Nine dots: 8 is the rest position, 0 to 7 move by 1 to 8 dots.
            _ if value >= 8 => 0,
            _ => value + 1,
        }
    }

    /// The displayed scan lines, top to bottom.
    pub fn scan_lines(&self) -> Vec<ScanLine> {
        let crtc = self.crtc;
        let graphics = self.graphics.is_graphics();
        let count = crtc.lines() * crtc.vertical_scale();
        let split = u32::from(crtc.line_compare()) * u32::from(crtc.vertical_scale());
        let compatible = self
            .attribute
            .mode()
            .contains(AttributeMode::PANNING_COMPATIBILITY);
        let (mut pan, mut byte_pan) = (self.panning(), crtc.byte_panning());
        let mut base = self.start;
        let mut row = crtc.preset_row_scan();
        let mut repeated = false;
        (0..count)
            .map(|line| {
                let scan = ScanLine {
                    address: base.wrapping_add(byte_pan),
                    row: if graphics { 0 } else { row },
                    rule: crtc.address_rule(row),
                    pan,
                };
                if u32::from(line) == split {
                    (base, row, repeated) = (0, 0, false);
                    if compatible {
                        (pan, byte_pan) = (0, 0);
                    }
                } else if crtc.double_scan() && !repeated {
                    repeated = true;
                } else {
                    repeated = false;
                    if row == crtc.maximum_row_scan() {
                        row = 0;
                        base = base.wrapping_add(crtc.pitch());
                    } else {
                        row = (row + 1) & 31;
                    }
                }
                scan
            })
            .collect()
    }

    /// The memory word for each character of a line.
    fn words(&self, line: ScanLine) -> impl Iterator<Item = (u16, u32)> {
        let shift = self.crtc.count_shift();
        (0u16..).map(move |column| {
            let counter = line.address.wrapping_add(column >> shift);
            (counter, self.memory.word(line.rule.apply(counter)))
        })
    }

    /// The cells of a text line: address counter, character code, attribute.
    pub fn cells(&self, line: ScanLine) -> impl Iterator<Item = (u16, u8, u8)> {
        self.words(line)
            .take(usize::from(self.crtc.characters()))
            .map(|(counter, word)| (counter, word as u8, (word >> 8) as u8))
    }

    /// The sixteen colours of text and planar modes.
    pub fn colors(&self) -> [u32; 16] {
        core::array::from_fn(|color| self.dac.rgb(self.attribute.dac_index(color as u8)))
    }

    /// Foreground and background colour of a text attribute, before blinking.
    pub fn attribute_colors(&self, attribute: u8) -> (u8, u8) {
        let background_bits = if self.attribute.mode().contains(AttributeMode::BLINK) {
            7
        } else {
            15
        };
        (attribute & 15, attribute >> 4 & background_bits)
    }

    /// Whether a character with this attribute blinks.
    pub fn blinks(&self, attribute: u8) -> bool {
        attribute & 0x80 != 0 && self.attribute.mode().contains(AttributeMode::BLINK)
    }

    /// Address counter of the cell that shows the cursor.
    pub fn cursor_address(&self) -> u16 {
        self.crtc.cursor_location().wrapping_add(self.crtc.cursor_skew())
    }

    /// The parts of `phase` that the present mode shows.
    pub fn visible_phase(&self) -> BlinkPhase {
        let text = !self.graphics.is_graphics();
        BlinkPhase {
            cursor: self.phase.cursor && text && self.crtc.cursor_rows().is_some(),
            characters: self.phase.characters && self.attribute.mode().contains(AttributeMode::BLINK),
        }
    }

    /// Whether the monitor gets nothing to show: the screen is off, the sequencer held in reset, or there
    /// are no sync pulses.
    fn is_dark(&self) -> bool {
        self.sequencer.clocking().contains(ClockingMode::SCREEN_OFF)
            || self.sequencer.is_reset()
            || !self.crtc.mode().contains(ModeControl::SYNC_ENABLE)
    }

    /// Draws the picture.
    pub fn render(&self, frame: &mut Frame, row_buffer: &mut Vec<u32>) {
        let lines = self.scan_lines();
        let pairs = lines.as_chunks::<2>();
        frame.double_rows = pairs.1.is_empty() && pairs.0.iter().all(|[a, b]| a == b);
        let step = if frame.double_rows { 2 } else { 1 };
        let character_width = self.character_width();
        let characters = usize::from(self.crtc.characters());
        let width = characters * character_width;
        let height = lines.len() / step;
        frame.width = width as u32;
        frame.height = height as u32;
        frame.pixels.resize(width * height, 0);

        if self.is_dark() {
            frame.pixels.fill(0);
            return;
        }
        if !self.attribute.picture_on() {
            frame.pixels.fill(self.dac.rgb(self.attribute.overscan()));
            return;
        }
        // One character more than is shown, for panning.
        row_buffer.resize((characters + 1) * character_width, 0);
        let mut painter = Painter::new(self);
        let mut previous = None;
        for (pixels, &line) in frame
            .pixels
            .chunks_exact_mut(width)
            .zip(lines.iter().step_by(step))
        {
            if previous != Some(line) {
                painter.row(line, row_buffer);
                previous = Some(line);
            }
            if let Some(shown) = row_buffer.get(line.pan..line.pan + width) {
                pixels.copy_from_slice(shown);
            }
        }
    }
}

/// What stays the same for all rows of a picture.
enum Painter<'a> {
    Text(TextPainter<'a>),
    Sixteen {
        source: &'a Source<'a>,
        colors: [u32; 16],
        shift: Shift,
    },
    TwoHundredFiftySix {
        source: &'a Source<'a>,
        colors: Box<[u32; 256]>,
        shift: Shift,
    },
}

impl<'a> Painter<'a> {
    fn new(source: &'a Source<'a>) -> Self {
        if !source.graphics.is_graphics() {
            return Self::Text(TextPainter::new(source));
        }
        let mode = source.attribute.mode();
        let graphics_mode = source.graphics.mode();
        let shift = if graphics_mode.contains(GraphicsMode::SHIFT_256) {
            Shift::Nibbles
        } else if graphics_mode.contains(GraphicsMode::SHIFT_INTERLEAVE) {
            Shift::Interleave
        } else {
            Shift::Planar
        };
        if source.eight_bit_color() {
            // The internal palette is not in the way of eight-bit pixels.
            let colors = Box::new(core::array::from_fn(|index| source.dac.rgb(index as u8)));
            return Self::TwoHundredFiftySix {
                source,
                colors,
                shift,
            };
        }
        // Blinking in graphics toggles the highest colour bit past the plane enables (mode 0Fh).
        let blink = if mode.contains(AttributeMode::BLINK) && !source.phase.characters {
            8
        } else {
            0
        };
        let enabled = source.attribute.plane_enable();
        let colors = core::array::from_fn(|color| {
            source
                .dac
                .rgb(source.attribute.palette_entry(color as u8 & enabled ^ blink))
        });
        Self::Sixteen {
            source,
            colors,
            shift,
        }
    }

    fn row(&mut self, line: ScanLine, out: &mut [u32]) {
        match self {
            Self::Text(painter) => painter.row(line, out),
            Self::Sixteen {
                source,
                colors,
                shift,
            } => {
                let (dots, _) = out.as_chunks_mut::<8>();
                for (dots, (_, word)) in dots.iter_mut().zip(source.words(line)) {
                    let pixels = shift.pixels(word);
                    *dots = pixels.map(|pixel| colors[usize::from(pixel & 15)]);
                }
            }
            Self::TwoHundredFiftySix {
                source,
                colors,
                shift,
            } => {
                let (dots, _) = out.as_chunks_mut::<4>();
                for (dots, (_, word)) in dots.iter_mut().zip(source.words(line)) {
                    let pixels = match shift {
                        // Two nibbles in a row are a byte of the word: nothing to take apart.
                        Shift::Nibbles => word.to_le_bytes(),
                        _ => {
                            let n = shift.pixels(word);
                            [
                                n[0] << 4 | n[1],
                                n[2] << 4 | n[3],
                                n[4] << 4 | n[5],
                                n[6] << 4 | n[7],
                            ]
                        }
                    };
                    *dots = pixels.map(|pixel| colors[usize::from(pixel)]);
                }
            }
        }
    }
}

/// A cell made ready for all its scan lines.
#[derive(Clone, Copy)]
struct PaintedCell {
    /// Address in plane 2 of the glyph's first row.
    glyph: u16,
    foreground: u32,
    background: u32,
    /// Dots of the glyph that can show: none while a blinking character is hidden.
    visible: u16,
    /// The ninth dot repeats the eighth.
    line_graphics: bool,
    underlined: bool,
    cursor: bool,
}

struct TextPainter<'a> {
    source: &'a Source<'a>,
    colors: [u32; 16],
    fonts: [u16; 2],
    cursor: Option<(u8, u8)>,
    /// The cells of the line drawn last: the scan lines of a character row share them.
    cells: Vec<PaintedCell>,
    cells_of: Option<(u16, AddressRule)>,
}

impl<'a> TextPainter<'a> {
    fn new(source: &'a Source<'a>) -> Self {
        Self {
            source,
            colors: source.colors(),
            fonts: source.sequencer.font_bases(),
            cursor: source.crtc.cursor_rows().filter(|_| source.phase.cursor),
            cells: Vec::new(),
            cells_of: None,
        }
    }

    fn load_cells(&mut self, line: ScanLine) {
        let source = self.source;
        let cursor_address = source.cursor_address();
        let line_graphics = source.attribute.mode().contains(AttributeMode::LINE_GRAPHICS);
        let count = usize::from(source.crtc.characters()) + 1;
        self.cells.clear();
        self.cells
            .extend(source.words(line).take(count).map(|(counter, word)| {
                let [code, attribute, ..] = word.to_le_bytes();
                let (foreground, background) = source.attribute_colors(attribute);
                let hidden = source.blinks(attribute) && !source.phase.characters;
                PaintedCell {
                    glyph: self.fonts[usize::from(attribute >> 3 & 1)].wrapping_add(u16::from(code) * 32),
                    foreground: self.colors[usize::from(foreground)],
                    background: self.colors[usize::from(background)],
                    visible: if hidden { 0 } else { 0x1ff },
                    line_graphics: line_graphics && (0xc0..=0xdf).contains(&code),
                    underlined: attribute & 0x77 == 0x01,
                    cursor: counter == cursor_address,
                }
            }));
        self.cells_of = Some((line.address, line.rule));
    }

    fn row(&mut self, line: ScanLine, out: &mut [u32]) {
        if self.cells_of != Some((line.address, line.rule)) {
            self.load_cells(line);
        }
        if self.source.character_width() == 8 {
            self.dots(line.row, out.as_chunks_mut::<8>().0);
        } else {
            self.dots(line.row, out.as_chunks_mut::<9>().0);
        }
    }

    fn dots<const WIDTH: usize>(&self, row: u8, out: &mut [[u32; WIDTH]]) {
        let cursor_here = self
            .cursor
            .is_some_and(|(first, last)| (first..=last).contains(&row));
        let underline = row == self.source.crtc.underline_row();
        for (dots, cell) in out.iter_mut().zip(&self.cells) {
            // Nine dots, the leftmost in bit 8.
            let font = self
                .source
                .memory
                .font_byte(cell.glyph.wrapping_add(u16::from(row)));
            let mut bits = u16::from(font) << 1;
            if cell.line_graphics {
                bits |= bits >> 1 & 1;
            }
            if underline && cell.underlined {
                bits = 0x1ff;
            }
            bits &= cell.visible;
            if cursor_here && cell.cursor {
                bits = 0x1ff;
            }
            let difference = cell.foreground ^ cell.background;
            *dots = core::array::from_fn(|at| {
                let on = u32::from(bits >> (8 - at) & 1).wrapping_neg();
                cell.background ^ difference & on
            });
        }
    }
}

impl Shift {
    /// Eight four-bit pixels of a memory word, left to right.
    #[inline]
    fn pixels(self, word: u32) -> [u8; 8] {
        let planes = word.to_le_bytes();
        match self {
            Self::Planar => {
                let [p0, p1, p2, p3] = planes.map(|byte| SPREAD[usize::from(byte)]);
                (p0 | p1 << 1 | p2 << 2 | p3 << 3).to_le_bytes()
            }
            Self::Interleave => core::array::from_fn(|at| {
                let [low, high] = [planes[at / 4], planes[at / 4 + 2]];
                let down = 6 - 2 * (at & 3);
                low >> down & 3 | (high >> down & 3) << 2
            }),
            Self::Nibbles => core::array::from_fn(|at| planes[at / 2] >> (4 - 4 * (at & 1)) & 15),
        }
    }
}
