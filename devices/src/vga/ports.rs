//! The VGA's ports: which register each is, and what reading and writing it entails.

use bitflags::bitflags;
use log::debug;

use super::{MiscOutput, Vga, crtc, dispi, graphics, sequencer};
use crate::{Ctx, PortRange};

/// 3BCh to 3BFh are left to a printer port.
pub(super) const PORTS: [PortRange; 3] = [
    PortRange {
        first: dispi::INDEX_PORT,
        count: 2,
    },
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

impl Vga {
    fn input_status_0(&self) -> u8 {
        let mut status = InputStatus0::empty();
        status.set(InputStatus0::SWITCH_SENSE, self.registers.dac.monitor_sense());
        status.set(InputStatus0::VERTICAL_INTERRUPT, self.vertical_interrupt);
        status.bits()
    }

    fn input_status_1(&mut self, ctx: &Ctx<'_>) -> u8 {
        self.registers.attribute.reset_flip_flop();
        let beam = self.timing.beam(ctx.now, ctx.rate);
        let blanked = self.timing.is_blanked(beam);
        let mut status = InputStatus1::empty();
        status.set(InputStatus1::DISPLAY_DISABLED, blanked);
        let pulses = self
            .registers
            .crtc
            .mode()
            .contains(crtc::ModeControl::SYNC_ENABLE);
        status.set(
            InputStatus1::VERTICAL_RETRACE,
            pulses && self.timing.is_retrace(beam),
        );
        let color = if blanked {
            self.registers.attribute.overscan()
        } else {
            0
        };
        let (low, high) = match self.registers.attribute.video_status_mux() {
            0 => (0, 2),
            1 => (4, 5),
            2 => (1, 3),
            _ => (6, 7),
        };
        status.bits() | (color >> low & 1) << 4 | (color >> high & 1) << 5
    }

    fn crtc_read(&self) -> u8 {
        match self.registers.crtc.index() {
            crtc::LATCH_READBACK => self.memory.selected_latch(),
            crtc::ATTRIBUTE_FLIP_FLOP => u8::from(self.registers.attribute.expects_data()) << 7,
            crtc::ATTRIBUTE_INDEX => self.registers.attribute.index(),
            index => self.registers.crtc.reg(index),
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

    /// An IN cycle; `None` where there is no register now.
    pub(super) fn read_port(&mut self, port: u16, ctx: &mut Ctx<'_>) -> Option<u8> {
        Some(match self.decode(port)? {
            ATTRIBUTE_WRITE => self.registers.attribute.index(),
            ATTRIBUTE_READ => self.registers.attribute.read(),
            MISCELLANEOUS_WRITE => self.input_status_0(),
            VIDEO_ENABLE => u8::from(self.video_enable),
            SEQUENCER_INDEX => self.registers.sequencer.index(),
            SEQUENCER_DATA => self.registers.sequencer.read(),
            PIXEL_MASK => self.registers.dac.mask(),
            DAC_READ_ADDRESS => self.registers.dac.state(),
            DAC_WRITE_ADDRESS => self.registers.dac.address(),
            DAC_DATA => self.registers.dac.read(),
            FEATURE_CONTROL_READ => self.feature_control,
            MISCELLANEOUS_READ => self.misc.bits(),
            GRAPHICS_INDEX => self.registers.graphics.index(),
            GRAPHICS_DATA => self.registers.graphics.read(),
            CRTC_INDEX => self.registers.crtc.index(),
            CRTC_DATA => self.crtc_read(),
            INPUT_STATUS_1 => self.input_status_1(ctx),
            _ => {
                debug!(target: "dev::vga", "read of port {port:#06x}, which has no register");
                return None;
            }
        })
    }

    /// An OUT cycle.
    pub(super) fn write_port(&mut self, port: u16, value: u8, ctx: &mut Ctx<'_>) {
        let Some(decoded) = self.decode(port) else {
            return;
        };
        match decoded {
            ATTRIBUTE_WRITE => {
                self.registers.attribute.write(value);
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
            SEQUENCER_INDEX => self.registers.sequencer.set_index(value),
            SEQUENCER_DATA => {
                self.registers.sequencer.write(value);
                self.data_path_changed();
                if self.registers.sequencer.index() != sequencer::MAP_MASK {
                    self.registers_changed = true;
                    self.timing_changed(ctx);
                }
            }
            PIXEL_MASK => {
                self.registers.dac.set_mask(value);
                self.registers_changed = true;
            }
            DAC_READ_ADDRESS => self.registers.dac.start_read(value),
            DAC_WRITE_ADDRESS => self.registers.dac.start_write(value),
            DAC_DATA => {
                self.registers.dac.write(value);
                self.registers_changed = true;
            }
            GRAPHICS_INDEX => self.registers.graphics.set_index(value),
            GRAPHICS_DATA => {
                self.registers.graphics.write(value);
                self.data_path_changed();
                self.registers_changed |= matches!(
                    self.registers.graphics.index(),
                    graphics::MODE | graphics::MISCELLANEOUS
                );
            }
            CRTC_INDEX => self.registers.crtc.set_index(value),
            CRTC_DATA => {
                self.registers.crtc.write(value);
                self.registers_changed = true;
                if self.registers.crtc.index() == crtc::VERTICAL_RETRACE_END {
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
}
