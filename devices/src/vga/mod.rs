//! The video graphics array: IBM's VGA with 256 KiB, at ports 3B0h to 3DFh and A0000h to BFFFFh.
//!
//! Beside it is a linear frame buffer with [Bochs's display interface](dispi), which shows instead while it is
//! enabled.
//!
//! Follows the IBM PS/2 hardware technical reference ("Video Subsystem") and the FreeVGA notes. Time
//! is never polled: the beam is a formula of `now`. One timer, twice per frame, latches the start
//! address at the vertical retrace and the registers as the next frame begins. The picture is drawn when
//! somebody asks for it.
//! Not modelled: light pen registers, the video feedback bits of input status 1 inside the picture
//! (they show the border colour outside it), and what `render` and `memory` leave out.

mod attribute;
pub(crate) mod cp437;
mod crtc;
mod dac;
mod dispi;
mod frame;
mod graphics;
mod linear;
mod memory;
mod picture;
mod ports;
mod register_sets;
mod registers;
mod render;
mod sequencer;
mod state;
#[cfg(test)]
mod tests;
mod text;
mod timing;

use bitflags::bitflags;
use oldiron_mmu::IoWidth;

use self::dispi::{Dispi, Effect};
use self::linear::{LinearPicture, Scanout};
use self::memory::VideoMemory;
use self::picture::Picture;
use self::ports::PORTS;
use self::register_sets::Registers;
use self::render::{BlinkPhase, Source};
use self::sequencer::ClockingMode;
use self::timing::{Geometry, Timing};
use crate::{Ctx, Device, IrqLine, PortRange, ResetKind, TimerId};

pub use self::frame::Frame;
pub use self::text::{TextCell, TextCells, TextCursor};

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

/// The VGA.
#[derive(Debug)]
pub struct Vga {
    // wiring
    irq: IrqLine,
    // state
    misc: MiscOutput,
    feature_control: u8,
    video_enable: bool,
    registers: Registers,
    dispi: Dispi,
    memory: VideoMemory,
    timing: Timing,
    /// Start address as of the last vertical retrace.
    start: u16,
    vertical_interrupt: bool,
    frame_number: u64,
    /// A vertical retrace has come, and the frame behind it not yet begun.
    in_retrace: bool,
    // for the host
    /// What registers and memory say now.
    picture: Picture,
    registers_changed: bool,
    /// What the monitor shows: the registers are those at the frame's begin.
    displayed: Picture,
    displayed_registers: Registers,
    displayed_start: u16,
    /// Of the frame buffer, as it is now and on the monitor.
    linear: LinearPicture,
    displayed_linear: LinearPicture,
    displayed_scanout: Option<Scanout>,
}

/// The timing of `registers` as a reset leaves them.
fn reset_timing(registers: &Registers) -> Timing {
    let clock = clock_hz(MiscOutput::empty());
    Timing::new(Geometry::new(&registers.crtc, &registers.sequencer, clock), 0)
}

fn palette(registers: &Registers) -> [u32; 256] {
    core::array::from_fn(|index| registers.dac.rgb(index as u8))
}

/// What of the frame buffer the monitor gets: nothing while the sequencer keeps the screen off.
fn lit<'a>(registers: &Registers, frame_buffer: &'a [u8]) -> &'a [u8] {
    let off = registers.sequencer.clocking().contains(ClockingMode::SCREEN_OFF);
    if off { &[] } else { frame_buffer }
}

impl Vga {
    /// Physical address of the frame buffer, where PCI does not say another.
    pub const FRAME_BUFFER: u32 = 0xe000_0000;
    /// Size of the frame buffer.
    pub const FRAME_BUFFER_BYTES: u32 = 16 << 20;

    /// A VGA whose vertical interrupt drives `irq` (ISA interrupt 2, which arrives as 9).
    pub fn new(irq: IrqLine) -> Self {
        let registers = Registers::default();
        let timing = reset_timing(&registers);
        Self {
            irq,
            misc: MiscOutput::empty(),
            feature_control: 0,
            video_enable: true,
            displayed_registers: registers.clone(),
            registers,
            dispi: Dispi::default(),
            memory: VideoMemory::new(),
            timing,
            start: 0,
            vertical_interrupt: false,
            frame_number: 0,
            in_retrace: false,
            picture: Picture::default(),
            registers_changed: true,
            displayed: Picture::default(),
            displayed_start: 0,
            linear: LinearPicture::default(),
            displayed_linear: LinearPicture::default(),
            displayed_scanout: None,
        }
    }

    /// Where in the frame buffer an access to A0000h to BFFFFh ends while that is shown: the selected bank lies at
    /// A0000h, and nothing at B0000h, which is past the end. `None`: the VGA's own memory answers.
    #[inline]
    pub fn banked(&self, addr: u32) -> Option<u32> {
        self.dispi.is_enabled().then(|| match addr & 0x1_ffff {
            offset @ 0..=0xffff => self.dispi.bank_start() + offset,
            _ => Self::FRAME_BUFFER_BYTES,
        })
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

    /// The picture as registers, memory and `frame_buffer` are now. Drawn only if something that it shows has
    /// changed since the last call.
    pub fn frame(&mut self, frame_buffer: &[u8]) -> &Frame {
        if let Some(scanout) = self.dispi.scanout() {
            let frame_buffer = lit(&self.registers, frame_buffer);
            return self.linear.draw(&scanout, &self.palette(), frame_buffer);
        }
        self.note_changes();
        let phase = BlinkPhase::of_frame(self.frame_number);
        let source = self.registers.source(&self.memory, self.start, phase);
        self.picture.draw(&source)
    }

    /// Changes whenever [`frame`](Self::frame) has drawn a new picture. Not part of the state.
    pub fn frame_generation(&self) -> u64 {
        self.picture.generation().wrapping_add(self.linear.generation())
    }

    /// The picture on the monitor: changes of registers show from the next frame on, so that a program
    /// which moves the picture by the start address at the retrace and by panning after it is not seen
    /// half-way.
    pub fn displayed_frame(&mut self, frame_buffer: &[u8]) -> &Frame {
        if let Some(scanout) = &self.displayed_scanout {
            let palette = palette(&self.displayed_registers);
            let frame_buffer = lit(&self.displayed_registers, frame_buffer);
            return self.displayed_linear.draw(scanout, &palette, frame_buffer);
        }
        self.note_changes();
        let phase = BlinkPhase::of_frame(self.frame_number);
        let registers = &self.displayed_registers;
        let source = registers.source(&self.memory, self.displayed_start, phase);
        self.displayed.draw(&source)
    }

    /// Changes whenever [`displayed_frame`](Self::displayed_frame) has drawn a new picture. Not part of
    /// the state.
    pub fn displayed_generation(&self) -> u64 {
        let linear = self.displayed_linear.generation();
        self.displayed.generation().wrapping_add(linear)
    }

    /// Makes [`displayed_frame`](Self::displayed_frame) the one that would come next: for when no time
    /// passes any more.
    pub fn show_next_frame(&mut self) {
        let start = self.registers.crtc.start_address();
        self.display_from(start);
    }

    fn note_changes(&mut self) {
        if self.memory.take_changed() {
            self.picture.outdate();
            self.displayed.outdate();
        }
        if core::mem::take(&mut self.registers_changed) {
            self.picture.outdate();
        }
    }

    /// The beam is back at the top: what the registers hold is shown.
    fn begin_frame(&mut self) {
        self.display_from(self.start);
    }

    fn display_from(&mut self, start: u16) {
        let scanout = self.dispi.scanout();
        if self.displayed_scanout.is_some() != scanout.is_some() {
            // Both count drawings from now on, and the one that shows draws at least once.
            self.displayed.outdate();
            self.displayed_linear.outdate();
        }
        self.displayed_scanout = scanout;
        if self.displayed_start != start || !self.displayed_registers.show_the_same_as(&self.registers) {
            self.displayed_registers = self.registers.clone();
            self.displayed_start = start;
            self.displayed.outdate();
        }
    }

    /// The visible text page in Unicode: rows joined by newlines, each without the spaces at its
    /// end. `None` in graphics modes.
    pub fn text_screen(&self) -> Option<String> {
        (!self.dispi.is_enabled()).then(|| text::screen(&self.source()))?
    }

    /// The visible text page with attributes and cursor. `None` in graphics modes.
    pub fn text_cells(&self) -> Option<TextCells> {
        (!self.dispi.is_enabled()).then(|| text::cells(&self.source()))?
    }

    /// The 256 colours as the pixel mask lets them through, 0x00RRGGBB.
    pub fn palette(&self) -> [u32; 256] {
        palette(&self.registers)
    }

    fn source(&self) -> Source<'_> {
        let phase = BlinkPhase::of_frame(self.frame_number);
        self.registers.source(&self.memory, self.start, phase)
    }

    fn data_path_changed(&mut self) {
        let enabled = self.video_enable && self.misc.contains(MiscOutput::ENABLE_RAM);
        let low_page = self.misc.contains(MiscOutput::LOW_PAGE);
        self.memory.configure(
            &self.registers.sequencer,
            &self.registers.graphics,
            enabled,
            low_page,
        );
    }

    fn timing_changed(&mut self, ctx: &mut Ctx<'_>) {
        let geometry = Geometry::new(
            &self.registers.crtc,
            &self.registers.sequencer,
            clock_hz(self.misc),
        );
        if geometry != *self.timing.geometry() {
            self.timing.change(geometry, ctx.now, ctx.rate);
            self.arm_timer(ctx);
        }
    }

    fn arm_timer(&self, ctx: &mut Ctx<'_>) {
        let at = if self.in_retrace {
            self.timing.next_frame(ctx.now, ctx.rate)
        } else {
            self.timing.next_retrace(ctx.now, ctx.rate)
        };
        ctx.timers.arm(TimerId::VgaRetrace, at);
    }

    fn write_dispi(&mut self, value: u16, ctx: &mut Ctx<'_>) {
        let effect = self.dispi.write(value, Self::FRAME_BUFFER_BYTES);
        if effect == Effect::None {
            return;
        }
        self.registers.dac.set_wide(self.dispi.has_wide_dac());
        self.registers_changed = true;
        if effect == Effect::Cleared {
            ctx.dma.clear_frame_buffer();
        }
    }

    fn start_retrace(&mut self, ctx: &mut Ctx<'_>) {
        self.frame_number = self.frame_number.wrapping_add(1);
        let start = self.registers.crtc.start_address();
        self.registers_changed |= start != self.start;
        self.start = start;
        self.vertical_interrupt = true;
        self.update_interrupt(ctx);
    }

    fn update_interrupt(&mut self, ctx: &mut Ctx<'_>) {
        let control = self.registers.crtc.reg(crtc::VERTICAL_RETRACE_END);
        if control & crtc::CLEAR_VERTICAL_INTERRUPT == 0 {
            self.vertical_interrupt = false;
        }
        let disabled = control & crtc::DISABLE_VERTICAL_INTERRUPT != 0;
        ctx.irq.set(self.irq, self.vertical_interrupt && !disabled);
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
        // A guest may fall from one reset into the next: what need not be allocated anew is kept.
        if kind != ResetKind::Hard {
            self.memory = VideoMemory::new();
        }
        self.misc = MiscOutput::empty();
        self.feature_control = 0;
        self.video_enable = true;
        self.registers = Registers::default();
        self.dispi = Dispi::default();
        self.timing = reset_timing(&self.registers);
        self.in_retrace = false;
        self.start = 0;
        self.vertical_interrupt = false;
        self.registers_changed = true;
        self.data_path_changed();
        self.update_interrupt(ctx);
        self.arm_timer(ctx);
    }

    fn wide_ports(&self, port: u16) -> bool {
        matches!(port, dispi::INDEX_PORT | dispi::DATA_PORT)
    }

    fn port_read(&mut self, port: u16, width: IoWidth, ctx: &mut Ctx<'_>) -> u32 {
        match port {
            dispi::INDEX_PORT => return self.dispi.index().into(),
            dispi::DATA_PORT => return self.dispi.read(Self::FRAME_BUFFER_BYTES).into(),
            _ => {}
        }
        self.read_port(port, ctx).map_or(width.open_bus(), u32::from)
    }

    fn port_write(&mut self, port: u16, value: u32, _width: IoWidth, ctx: &mut Ctx<'_>) {
        match port {
            dispi::INDEX_PORT => self.dispi.set_index(value as u16),
            dispi::DATA_PORT => self.write_dispi(value as u16, ctx),
            _ => self.write_port(port, value as u8, ctx),
        }
    }

    fn timer(&mut self, id: TimerId, ctx: &mut Ctx<'_>) {
        if id != TimerId::VgaRetrace {
            return;
        }
        self.in_retrace = !self.in_retrace;
        if self.in_retrace {
            self.start_retrace(ctx);
        } else {
            self.begin_frame();
        }
        self.arm_timer(ctx);
    }
}
