//! Tests of the whole VGA, through its ports and its memory window as a program uses them.

mod memory;
mod modes;
mod pictures;
mod ports;
mod soak;
mod text;

use oldiron_mmu::{IoWidth, StateReader, StateWriter};

use super::{Frame, Vga};
use crate::test_rig::Rig;
use crate::{Device, IrqLine, ResetKind};

type Bench = Rig<Vga>;

const IRQ: IrqLine = IrqLine::new(9);

/// A VGA after power-on.
fn bench() -> Bench {
    let mut bench = Bench::new(Vga::new(IRQ));
    bench.with(|vga, ctx| vga.reset(ResetKind::Cold, ctx));
    bench
}

impl Bench {
    fn sequencer(&mut self, index: u8, value: u8) {
        self.out(0x3c4, index);
        self.out(0x3c5, value);
    }

    fn graphics(&mut self, index: u8, value: u8) {
        self.out(0x3ce, index);
        self.out(0x3cf, value);
    }

    fn crtc_port(&mut self) -> u16 {
        0x3b4 + u16::from(self.inb(0x3cc) & 1) * 0x20
    }

    fn crtc(&mut self, index: u8, value: u8) {
        let port = self.crtc_port();
        self.out(port, index);
        self.out(port + 1, value);
    }

    fn crtc_read(&mut self, index: u8) -> u8 {
        let port = self.crtc_port();
        self.out(port, index);
        self.inb(port + 1)
    }

    fn attribute(&mut self, index: u8, value: u8) {
        let port = self.crtc_port() + 6;
        self.inb(port);
        self.out(0x3c0, index);
        self.out(0x3c0, value);
        self.out(0x3c0, 0x20);
    }

    fn color(&mut self, index: u8, rgb: [u8; 3]) {
        self.out(0x3c8, index);
        for value in rgb {
            self.out(0x3c9, value);
        }
    }

    fn peek(&mut self, addr: u32) -> u8 {
        self.chip.mmio_read(addr, IoWidth::Byte) as u8
    }

    fn poke(&mut self, addr: u32, value: u8) {
        self.chip.mmio_write(addr, value.into(), IoWidth::Byte);
    }

    fn poke_all(&mut self, addr: u32, bytes: &[u8]) {
        for (at, &byte) in bytes.iter().enumerate() {
            self.poke(addr + at as u32, byte);
        }
    }

    /// Lets the next vertical retrace start.
    fn next_frame(&mut self) {
        let before = self.chip.frame_number();
        while self.chip.frame_number() == before {
            assert!(self.step());
        }
    }

    fn frame(&mut self) -> Frame {
        self.chip.frame(&[]).clone()
    }

    fn pixel(&mut self, x: u32, y: u32) -> u32 {
        let frame = self.chip.frame(&[]);
        assert!(x < frame.width && y < frame.height);
        frame.pixels[(y * frame.width + x) as usize]
    }

    fn state(&self) -> Vec<u8> {
        let mut w = StateWriter::new();
        w.component(&self.chip);
        w.into_bytes()
    }

    /// Replaces the VGA by a new one that takes over its state.
    fn reload(&mut self) {
        let bytes = self.state();
        self.chip = Vga::new(IRQ);
        StateReader::new("machine", &bytes)
            .component(&mut self.chip)
            .unwrap();
        assert_eq!(self.state(), bytes);
    }
}

/// FNV-1a over size and pixels.
fn hash(frame: &Frame) -> u64 {
    let words = [frame.width, frame.height, frame.double_rows.into()];
    words
        .iter()
        .chain(&frame.pixels)
        .flat_map(|word| word.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
}
