//! What the screen shows.

use oldiron_devices::{Frame, TextCells, Vga};

use crate::{Machine, hash::Hasher};

impl Machine {
    /// The display adapter.
    pub fn vga(&self) -> &Vga {
        &self.board.chips.vga
    }

    /// The visible text page as UTF-8 lines without trailing spaces; empty in graphics modes.
    pub fn text_screen(&self) -> String {
        self.vga().text_screen().unwrap_or_default()
    }

    /// The visible text page with colours and cursor. `None` in graphics modes.
    pub fn text_cells(&self) -> Option<TextCells> {
        self.vga().text_cells()
    }

    /// The picture as registers and memory are now.
    pub fn frame(&mut self) -> &Frame {
        self.board.chips.vga.frame(self.mem.frame_buffer())
    }

    /// The picture on the monitor: changes of registers show from the next frame on.
    pub fn displayed_frame(&mut self) -> &Frame {
        self.board.chips.vga.displayed_frame(self.mem.frame_buffer())
    }

    /// Counts vertical retraces.
    pub fn frame_number(&self) -> u64 {
        self.vga().frame_number()
    }

    /// A hash of what the screen shows: in text modes of characters and colours, without the
    /// blinking cursor; else of the picture's pixels.
    pub fn screen_hash(&mut self) -> u64 {
        let mut hasher = Hasher::new();
        if let Some(text) = self.text_cells() {
            hasher.update_u64(text.columns as u64);
            for cell in text.rows.iter().flatten() {
                hasher.update(&[cell.code, cell.foreground, cell.background, cell.blink.into()]);
            }
            text.palette
                .iter()
                .for_each(|&color| hasher.update(&color.to_le_bytes()));
        } else {
            let frame = self.frame();
            hasher.update_u64(u64::from(frame.width) << 32 | u64::from(frame.height));
            frame
                .pixels
                .iter()
                .for_each(|pixel| hasher.update(&pixel.to_le_bytes()));
        }
        hasher.finish()
    }
}
