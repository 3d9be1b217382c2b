//! Sending: DP8390D section 6.0 "Packet Transmission", and section 12.0 "Loopback Diagnostics".

use oldiron_mmu::Ticks;
use serde::{Deserialize, Serialize};

use super::{
    MOST_FRAME, Ne2000,
    crc::frame_check,
    registers::{Command, Interrupts, ReceiveStatus, TransmitConfiguration, TransmitStatus},
};
use crate::{Ctx, NETWORK_ACTIVITY, SentFrame};

/// A packet that is on its way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sending {
    /// When its last bit leaves.
    pub(super) done: Ticks,
    /// Its bytes, as they were in memory when it began. None: it is longer than a transceiver lets through.
    pub(super) frame: Option<Vec<u8>>,
}

/// Loopback past the encoder, which may be another chip.
const PAST_ENCODER: u8 = 2;
/// Loopback by way of the cable.
const ON_THE_CABLE: u8 = 3;

impl Ne2000 {
    /// TXP was written.
    pub(super) fn transmit(&mut self, ctx: &Ctx<'_>) {
        if self.s.sending.is_some() || !self.s.command.contains(Command::STA) {
            return;
        }
        let length = usize::from(self.s.transmit_count);
        let mut at = u16::from(self.s.transmit_page) << 8;
        let frame = (length <= MOST_FRAME).then(|| {
            let byte = |_| {
                let byte = self.memory(at);
                at = at.wrapping_add(1);
                byte
            };
            (0..length).map(byte).collect()
        });
        self.s.local_address = (u16::from(self.s.transmit_page) << 8).wrapping_add(self.s.transmit_count);
        self.s.tsr = TransmitStatus::empty();
        self.s.sending = Some(Sending {
            done: ctx.now + super::wire_time(length, ctx),
            frame,
        });
    }

    /// The last bit has left.
    pub(super) fn sent(&mut self, sending: Sending, ctx: &mut Ctx<'_>) {
        let loopback = self.s.tcr.loopback();
        // The table of loopback results: within the chip neither carrier nor heartbeat is seen.
        let unseen = match loopback {
            0 | ON_THE_CABLE => TransmitStatus::empty(),
            PAST_ENCODER => TransmitStatus::CDH,
            _ => TransmitStatus::CDH | TransmitStatus::CRS,
        };
        self.s.tsr = TransmitStatus::PTX | TransmitStatus::ND | unseen;
        self.s.isr |= Interrupts::PTX;
        if self.s.command.contains(Command::STP) {
            self.s.isr |= Interrupts::RST;
        }
        let Some(frame) = sending.frame else {
            log::debug!(target: "dev::ne2000", "a packet of {} bytes is too long for the cable", self.s.transmit_count);
            return;
        };
        if loopback != 0 {
            self.loop_back(&frame);
        }
        if matches!(loopback, 0 | ON_THE_CABLE) {
            ctx.out.activity |= NETWORK_ACTIVITY;
            ctx.out.frames.push(SentFrame {
                at: sending.done,
                bytes: frame,
            });
        }
    }

    /// In loopback the FIFO keeps the last eight bytes of packet, CRC and byte count; nothing reaches memory.
    fn loop_back(&mut self, frame: &[u8]) {
        let appended = !self.s.tcr.contains(TransmitConfiguration::CRC);
        let check = if appended { frame_check(frame) } else { [0; 4] };
        let check = if appended { check.as_slice() } else { &[] };
        let length = (frame.len() + check.len()) as u16;
        let [low, high] = length.to_le_bytes();
        let count = [low, high, high];
        for (at, &byte) in frame.iter().chain(check).chain(&count).enumerate() {
            self.s.fifo[at % 8] = byte;
        }
        self.s.fifo_at = 0;
        // One CRC generator serves both sides: what the sender appended never checks.
        let intact = !appended
            && frame
                .split_last_chunk::<4>()
                .is_some_and(|(data, check)| frame_check(data) == *check);
        self.s.rsr = if intact {
            ReceiveStatus::PRX
        } else {
            ReceiveStatus::CRC
        };
    }

    /// The FIFO register: the bytes one after the other.
    pub(super) fn read_fifo(&mut self) -> u8 {
        let at = self.s.fifo_at % 8;
        self.s.fifo_at = (at + 1) % 8;
        self.s.fifo[usize::from(at)]
    }
}
