//! The video graphics array: IBM's VGA with 256 KiB, at ports 3B0h to 3DFh and A0000h to BFFFFh.
//!
//! Follows the IBM PS/2 hardware technical reference ("Video Subsystem") and the FreeVGA notes. Time
//! is never polled: the beam is a formula of `now`, and one timer per frame latches the start address
//! at the vertical retrace. The picture is drawn when somebody asks for it.
//! Not modelled: light pen registers, the video feedback bits of input status 1 inside the picture
//! (they show the border colour outside it), and what `render` and `memory` leave out.

mod attribute;
mod cp437;
mod crtc;
mod dac;
mod frame;
mod graphics;
mod memory;
mod render;
mod sequencer;
#[cfg(test)]
mod tests;
mod text;
mod timing;

use bitflags::bitflags;
use log::debug;
use oldiron_mmu::{IoWidth, Snapshot, SnapshotError, StateReader, StateWriter};

use self::attribute::AttributeController;
use self::crtc::Crtc;
use self::dac::Dac;
use self::graphics::GraphicsController;
use self::memory::{PLANE_SIZE, VideoMemory};
use self::render::{BlinkPhase, Source};
use self::sequencer::Sequencer;
use self::timing::{Geometry, Timing};
use crate::{Ctx, Device, IrqLine, PortRange, ResetKind, TimerId};

pub use self::frame::Frame;
pub use self::text::{TextCell, TextCells, TextCursor};

/// 3BCh to 3BFh are left to a printer port.
const PORTS: [PortRange; 2] = [
    PortRange {
        first: 0x3b0,
        count: 12,
    },
    PortRange {
        first: 0x3c0,
        count: 32,
    },
];

const ATTRIBUTE_WRITE: u16 = 0x3c0;
const ATTRIBUTE_READ: u16 = 0x3c1;
/// Write: miscellaneous output. Read: input status 0.
const MISCELLANEOUS_WRITE: u16 = 0x3c2;
const VIDEO_ENABLE: u16 = 0x3c3;
const SEQUENCER_INDEX: u16 = 0x3c4;
const SEQUENCER_DATA: u16 = 0x3c5;
const PIXEL_MASK: u16 = 0x3c6;
/// Write: address to read from. Read: state.
const DAC_READ_ADDRESS: u16 = 0x3c7;
const DAC_WRITE_ADDRESS: u16 = 0x3c8;
const DAC_DATA: u16 = 0x3c9;
const FEATURE_CONTROL_READ: u16 = 0x3ca;
const MISCELLANEOUS_READ: u16 = 0x3cc;
const GRAPHICS_INDEX: u16 = 0x3ce;
const GRAPHICS_DATA: u16 = 0x3cf;
/// The CRTC's ports in colour addressing.
const CRTC_INDEX: u16 = 0x3d4;
const CRTC_DATA: u16 = 0x3d5;
/// Read: input status 1. Write: feature control.
const INPUT_STATUS_1: u16 = 0x3da;

bitflags! {
    /// Miscellaneous output register. Bits 2 and 3 select the clock.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct MiscOutput: u8 {
        /// CRTC and input status 1 at 3Dxh, not 3Bxh.
        const COLOR_ADDRESSES = 1 << 0;
        /// The CPU's window is open.
        const ENABLE_RAM = 1 << 1;
        const CLOCK_28_MHZ = 1 << 2;
        const CLOCK_EXTERNAL = 1 << 3;
        /// Which of two pages odd/even addressing reaches: set in all BIOS modes, and the one that
        /// the CRTC shows, so the level on address bit 0 is its inverse.
        const LOW_PAGE = 1 << 5;
        const HORIZONTAL_SYNC_NEGATIVE = 1 << 6;
        const VERTICAL_SYNC_NEGATIVE = 1 << 7;
    }

    /// Input status 0.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct InputStatus0: u8 {
        const SWITCH_SENSE = 1 << 4;
        const VERTICAL_INTERRUPT = 1 << 7;
    }

    /// Input status 1. Bits 4 and 5 show two of the border's colour bits.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct InputStatus1: u8 {
        /// The beam is not in the displayed part of a line.
        const DISPLAY_DISABLED = 1 << 0;
        const VERTICAL_RETRACE = 1 << 3;
    }
}

/// The clock that the miscellaneous output register selects. Nothing feeds the external input; a
/// program that selects it gets the clock of the 640-dot modes.
const fn clock_hz(misc: MiscOutput) -> u64 {
    if misc.contains(MiscOutput::CLOCK_28_MHZ) && !misc.contains(MiscOutput::CLOCK_EXTERNAL) {
        28_322_000
    } else {
        25_175_000
    }
}

/// The picture drawn last and what it was drawn for.
#[derive(Clone, Debug, Default)]
struct Picture {
    frame: Frame,
    row_buffer: Vec<u32>,
    phase: Option<BlinkPhase>,
    generation: u64,
}

/// The VGA.
#[derive(Debug)]
pub struct Vga {
    // wiring
    irq: IrqLine,
    // state
    misc: MiscOutput,
    feature_control: u8,
    video_enable: bool,
    sequencer: Sequencer,
    crtc: Crtc,
    graphics: GraphicsController,
    attribute: AttributeController,
    dac: Dac,
    memory: VideoMemory,
    timing: Timing,
    /// Start address as of the last vertical retrace.
    start: u16,
    vertical_interrupt: bool,
    frame_number: u64,
    // cache
    picture: Picture,
    registers_changed: bool,
}

impl Vga {
    /// A VGA whose vertical interrupt drives `irq` (ISA interrupt 2, which arrives as 9).
    pub fn new(irq: IrqLine) -> Self {
        let (crtc, sequencer) = (Crtc::default(), Sequencer::default());
        let misc = MiscOutput::empty();
        let timing = Timing::new(Geometry::new(&crtc, &sequencer, clock_hz(misc)), 0);
        Self {
            irq,
            misc,
            feature_control: 0,
            video_enable: true,
            sequencer,
            crtc,
            graphics: GraphicsController::default(),
            attribute: AttributeController::default(),
            dac: Dac::default(),
            memory: VideoMemory::new(),
            timing,
            start: 0,
            vertical_interrupt: false,
            frame_number: 0,
            picture: Picture::default(),
            registers_changed: true,
        }
    }

    /// A read of A0000h to BFFFFh.
    #[inline]
    pub fn mmio_read(&mut self, addr: u32, width: IoWidth) -> u32 {
        match width {
            IoWidth::Byte => u32::from(self.memory.read_byte(addr)),
            IoWidth::Word => self.memory.read_word(addr),
            IoWidth::Dword => self.memory.read_dword(addr),
        }
    }

    /// A write to A0000h to BFFFFh.
    #[inline]
    pub fn mmio_write(&mut self, addr: u32, value: u32, width: IoWidth) {
        match width {
            IoWidth::Byte => self.memory.write_byte(addr, value as u8),
            IoWidth::Word => self.memory.write_word(addr, value),
            IoWidth::Dword => self.memory.write_dword(addr, value),
        }
    }

    /// Vertical retraces so far.
    pub fn frame_number(&self) -> u64 {
        self.frame_number
    }

    /// The current picture. Drawn only if something that it shows has changed since the last call.
    pub fn frame(&mut self) -> &Frame {
        let changed = self.memory.take_changed() | core::mem::take(&mut self.registers_changed);
        let mut picture = core::mem::take(&mut self.picture);
        let source = self.source();
        let phase = source.visible_phase();
        if changed || picture.phase != Some(phase) {
            source.render(&mut picture.frame, &mut picture.row_buffer);
            picture.phase = Some(phase);
            picture.generation = picture.generation.wrapping_add(1);
        }
        self.picture = picture;
        &self.picture.frame
    }

    /// Changes whenever [`frame`](Self::frame) has drawn a new picture. Not part of the state.
    pub fn frame_generation(&self) -> u64 {
        self.picture.generation
    }

    /// The visible text page in Unicode: rows joined by newlines, each without the spaces at its
    /// end. `None` in graphics modes.
    pub fn text_screen(&self) -> Option<String> {
        text::screen(&self.source())
    }

    /// The visible text page with attributes and cursor. `None` in graphics modes.
    pub fn text_cells(&self) -> Option<TextCells> {
        text::cells(&self.source())
    }

    /// The 256 colours as the pixel mask lets them through, 0x00RRGGBB.
    pub fn palette(&self) -> [u32; 256] {
        core::array::from_fn(|index| self.dac.rgb(index as u8))
    }

    fn source(&self) -> Source<'_> {
        Source {
            crtc: &self.crtc,
            sequencer: &self.sequencer,
            graphics: &self.graphics,
            attribute: &self.attribute,
            dac: &self.dac,
            memory: &self.memory,
            start: self.start,
            phase: BlinkPhase::of_frame(self.frame_number),
        }
    }

    fn data_path_changed(&mut self) {
        let enabled = self.video_enable && self.misc.contains(MiscOutput::ENABLE_RAM);
        let low_page = self.misc.contains(MiscOutput::LOW_PAGE);
        self.memory
            .configure(&self.sequencer, &self.graphics, enabled, low_page);
    }

    fn timing_changed(&mut self, ctx: &mut Ctx<'_>) {
        let geometry = Geometry::new(&self.crtc, &self.sequencer, clock_hz(self.misc));
        if geometry != *self.timing.geometry() {
            self.timing.change(geometry, ctx.now, ctx.rate);
            self.arm_retrace(ctx);
        }
    }

    fn arm_retrace(&self, ctx: &mut Ctx<'_>) {
        let at = self.timing.next_retrace(ctx.now, ctx.rate);
        ctx.timers.arm(TimerId::VgaRetrace, at);
    }

    fn update_interrupt(&mut self, ctx: &mut Ctx<'_>) {
        let control = self.crtc.reg(crtc::VERTICAL_RETRACE_END);
        if control & crtc::CLEAR_VERTICAL_INTERRUPT == 0 {
            self.vertical_interrupt = false;
        }
        let disabled = control & crtc::DISABLE_VERTICAL_INTERRUPT != 0;
        ctx.irq.set(self.irq, self.vertical_interrupt && !disabled);
    }

    fn input_status_0(&self) -> u8 {
        let mut status = InputStatus0::empty();
        status.set(InputStatus0::SWITCH_SENSE, self.dac.monitor_sense());
        status.set(InputStatus0::VERTICAL_INTERRUPT, self.vertical_interrupt);
        status.bits()
    }

    fn input_status_1(&mut self, ctx: &Ctx<'_>) -> u8 {
        self.attribute.reset_flip_flop();
        let beam = self.timing.beam(ctx.now, ctx.rate);
        let blanked = self.timing.is_blanked(beam);
        let mut status = InputStatus1::empty();
        status.set(InputStatus1::DISPLAY_DISABLED, blanked);
        status.set(InputStatus1::VERTICAL_RETRACE, self.timing.is_retrace(beam));
        let color = if blanked { self.attribute.overscan() } else { 0 };
        let (low, high) = match self.attribute.video_status_mux() {
            0 => (0, 2),
            1 => (4, 5),
            2 => (1, 3),
            _ => (6, 7),
        };
        status.bits() | (color >> low & 1) << 4 | (color >> high & 1) << 5
    }

    fn crtc_read(&self) -> u8 {
        match self.crtc.index() {
            crtc::LATCH_READBACK => self.memory.selected_latch(),
            crtc::ATTRIBUTE_FLIP_FLOP => u8::from(self.attribute.expects_data()) << 7,
            crtc::ATTRIBUTE_INDEX => self.attribute.index(),
            index => self.crtc.reg(index),
        }
    }

    /// Ports at 3Bxh or 3Dxh, whichever the miscellaneous output register selects, as 3Dxh.
    /// Others pass unchanged; `None`: not decoded now.
    fn decode(&self, port: u16) -> Option<u16> {
        if !self.video_enable && port != VIDEO_ENABLE {
            return None;
        }
        let color = self.misc.contains(MiscOutput::COLOR_ADDRESSES);
        match port & 0xfff0 {
            0x3b0 if color => None,
            0x3b0 => Some(port & 0x0f | 0x3d0),
            0x3d0 if !color => None,
            _ => Some(port),
        }
    }
}

impl Device for Vga {
    fn name(&self) -> &'static str {
        "vga"
    }

    fn ports(&self) -> &[PortRange] {
        &PORTS
    }

    fn reset(&mut self, kind: ResetKind, ctx: &mut Ctx<'_>) {
        let fresh = Self::new(self.irq);
        let memory = core::mem::replace(&mut self.memory, fresh.memory);
        if kind == ResetKind::Hard {
            self.memory = memory;
        }
        self.misc = fresh.misc;
        self.feature_control = fresh.feature_control;
        self.video_enable = fresh.video_enable;
        self.sequencer = fresh.sequencer;
        self.crtc = fresh.crtc;
        self.graphics = fresh.graphics;
        self.attribute = fresh.attribute;
        self.dac = fresh.dac;
        self.timing = fresh.timing;
        self.start = fresh.start;
        self.vertical_interrupt = fresh.vertical_interrupt;
        self.registers_changed = true;
        self.data_path_changed();
        self.update_interrupt(ctx);
        self.arm_retrace(ctx);
    }

    fn port_read(&mut self, port: u16, width: IoWidth, ctx: &mut Ctx<'_>) -> u32 {
        let Some(decoded) = self.decode(port) else {
            return width.open_bus();
        };
        u32::from(match decoded {
            ATTRIBUTE_WRITE => self.attribute.index(),
            ATTRIBUTE_READ => self.attribute.read(),
            MISCELLANEOUS_WRITE => self.input_status_0(),
            VIDEO_ENABLE => u8::from(self.video_enable),
            SEQUENCER_INDEX => self.sequencer.index(),
            SEQUENCER_DATA => self.sequencer.read(),
            PIXEL_MASK => self.dac.mask(),
            DAC_READ_ADDRESS => self.dac.state(),
            DAC_WRITE_ADDRESS => self.dac.address(),
            DAC_DATA => self.dac.read(),
            FEATURE_CONTROL_READ => self.feature_control,
            MISCELLANEOUS_READ => self.misc.bits(),
            GRAPHICS_INDEX => self.graphics.index(),
            GRAPHICS_DATA => self.graphics.read(),
            CRTC_INDEX => self.crtc.index(),
            CRTC_DATA => self.crtc_read(),
            INPUT_STATUS_1 => self.input_status_1(ctx),
            _ => {
                debug!(target: "dev::vga", "read of port {port:#06x}, which has no register");
                return width.open_bus();
            }
        })
    }

    fn port_write(&mut self, port: u16, value: u32, _width: IoWidth, ctx: &mut Ctx<'_>) {
        let Some(decoded) = self.decode(port) else {
            return;
        };
        let value = value as u8;
        match decoded {
            ATTRIBUTE_WRITE => {
                self.attribute.write(value);
                self.registers_changed = true;
            }
            MISCELLANEOUS_WRITE => {
                // Bit 4 would switch off the video drivers of an EGA; a VGA has no such bit.
                self.misc = MiscOutput::from_bits_truncate(value);
                self.data_path_changed();
                self.timing_changed(ctx);
            }
            VIDEO_ENABLE => {
                self.video_enable = value & 1 != 0;
                self.data_path_changed();
            }
            SEQUENCER_INDEX => self.sequencer.set_index(value),
            SEQUENCER_DATA => {
                self.sequencer.write(value);
                self.data_path_changed();
                if self.sequencer.index() != 2 {
                    self.registers_changed = true;
                    self.timing_changed(ctx);
                }
            }
            PIXEL_MASK => {
                self.dac.set_mask(value);
                self.registers_changed = true;
            }
            DAC_READ_ADDRESS => self.dac.start_read(value),
            DAC_WRITE_ADDRESS => self.dac.start_write(value),
            DAC_DATA => {
                self.dac.write(value);
                self.registers_changed = true;
            }
            GRAPHICS_INDEX => self.graphics.set_index(value),
            GRAPHICS_DATA => {
                self.graphics.write(value);
                self.data_path_changed();
                self.registers_changed |= matches!(self.graphics.index(), 5 | 6);
            }
            CRTC_INDEX => self.crtc.set_index(value),
            CRTC_DATA => {
                self.crtc.write(value);
                self.registers_changed = true;
                if self.crtc.index() == crtc::VERTICAL_RETRACE_END {
                    self.update_interrupt(ctx);
                }
                self.timing_changed(ctx);
            }
            INPUT_STATUS_1 => self.feature_control = value & 3,
            _ => {
                debug!(target: "dev::vga", "write of {value:#04x} to port {port:#06x}, which has no register")
            }
        }
    }

    fn timer(&mut self, id: TimerId, ctx: &mut Ctx<'_>) {
        if id != TimerId::VgaRetrace {
            return;
        }
        self.frame_number = self.frame_number.wrapping_add(1);
        let start = self.crtc.start_address();
        self.registers_changed |= start != self.start;
        self.start = start;
        self.vertical_interrupt = true;
        self.update_interrupt(ctx);
        self.arm_retrace(ctx);
    }
}

impl Snapshot for Vga {
    const TAG: [u8; 4] = *b"VGA ";
    const VERSION: u16 = 1;

    fn save(&self, w: &mut StateWriter) {
        w.put(&(self.misc.bits(), self.feature_control, self.video_enable));
        w.put(&(&self.sequencer, &self.crtc, &self.graphics, &self.attribute));
        w.put(&self.dac.to_bytes());
        w.put(&(self.start, self.vertical_interrupt, self.frame_number));
        w.put(&self.timing.phase_dots());
        w.put(&self.memory.latches());
        let planes: Vec<u8> = self.memory.words().iter().flat_map(|w| w.to_le_bytes()).collect();
        w.put(&planes);
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let (misc, feature_control, video_enable): (u8, u8, bool) = r.get()?;
        self.misc = MiscOutput::from_bits_truncate(misc);
        self.feature_control = feature_control & 3;
        self.video_enable = video_enable;
        (self.sequencer, self.crtc, self.graphics, self.attribute) = r.get()?;
        self.sequencer.sanitize();
        self.crtc.sanitize();
        self.graphics.sanitize();
        self.attribute.sanitize();
        let dac: Vec<u8> = r.get()?;
        self.dac = Dac::from_bytes(&dac).ok_or_else(|| r.damaged())?;
        (self.start, self.vertical_interrupt, self.frame_number) = r.get()?;
        let geometry = Geometry::new(&self.crtc, &self.sequencer, clock_hz(self.misc));
        self.timing = Timing::new(geometry, r.get()?);
        let latches: u32 = r.get()?;
        let planes: Vec<u8> = r.get()?;
        let (words, rest) = planes.as_chunks::<4>();
        if words.len() != PLANE_SIZE || !rest.is_empty() {
            return Err(r.damaged());
        }
        let mut memory = Box::new([0; PLANE_SIZE]);
        for (word, bytes) in memory.iter_mut().zip(words) {
            *word = u32::from_le_bytes(*bytes);
        }
        self.memory.restore(memory, latches);
        self.data_path_changed();
        self.registers_changed = true;
        Ok(())
    }
}
