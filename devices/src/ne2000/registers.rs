//! Registers and bits of the DP8390 (section 10.0, "Internal Registers").

use serde::{Deserialize, Serialize};

bitflags::bitflags! {
    /// CR, command register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub(super) struct Command: u8 {
        /// Stop: no packet is received or sent.
        const STP = 0x01;
        /// Start.
        const STA = 0x02;
        /// Transmit packet; drops by itself.
        const TXP = 0x04;
        /// Remote read.
        const RD0 = 0x08;
        /// Remote write; with RD0 "send packet".
        const RD1 = 0x10;
        /// Abort or complete remote DMA.
        const RD2 = 0x20;
        /// Page select.
        const PS = 0xc0;
    }

    /// ISR and, but for RST, IMR: interrupt status and mask.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub(super) struct Interrupts: u8 {
        /// Packet received.
        const PRX = 0x01;
        /// Packet transmitted.
        const PTX = 0x02;
        /// Receive error.
        const RXE = 0x04;
        /// Transmit error.
        const TXE = 0x08;
        /// The receive ring is full.
        const OVW = 0x10;
        /// The top bit of a tally counter is set.
        const CNT = 0x20;
        /// Remote DMA complete.
        const RDC = 0x40;
        /// In reset, or the ring has overflowed. Causes no interrupt.
        const RST = 0x80;
    }

    /// DCR, data configuration register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub(super) struct DataConfiguration: u8 {
        /// Word transfer select.
        const WTS = 0x01;
        /// Byte order select.
        const BOS = 0x02;
        /// Long address select.
        const LAS = 0x04;
        /// Loopback select: 1 is normal operation.
        const LS = 0x08;
        /// Auto-initialize remote.
        const AR = 0x10;
        /// FIFO threshold.
        const FT = 0x60;
    }

    /// TCR, transmit configuration register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub(super) struct TransmitConfiguration: u8 {
        /// Inhibit CRC: the sender's memory has it.
        const CRC = 0x01;
        /// Encoded loopback control.
        const LB = 0x06;
        /// Auto transmit disable.
        const ATD = 0x08;
        /// Collision offset enable.
        const OFST = 0x10;
    }

    /// TSR, transmit status register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub(super) struct TransmitStatus: u8 {
        /// Packet transmitted without error.
        const PTX = 0x01;
        /// Transmission was not deferred. Shown in the table of loopback results, not in the register's description.
        const ND = 0x02;
        /// Carrier sense lost.
        const CRS = 0x10;
        /// No heartbeat of the transceiver.
        const CDH = 0x40;
        const _ = !0;
    }

    /// RCR, receive configuration register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub(super) struct ReceiveConfiguration: u8 {
        /// Save packets with errors.
        const SEP = 0x01;
        /// Accept runt packets.
        const AR = 0x02;
        /// Accept broadcast.
        const AB = 0x04;
        /// Accept multicast that the hash filter lets through.
        const AM = 0x08;
        /// All physical addresses.
        const PRO = 0x10;
        /// Monitor: check addresses, keep nothing.
        const MON = 0x20;
    }

    /// RSR, receive status register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub(super) struct ReceiveStatus: u8 {
        /// Packet received intact.
        const PRX = 0x01;
        /// CRC error.
        const CRC = 0x02;
        /// Missed packet.
        const MPA = 0x10;
        /// The address was a multicast or broadcast one.
        const PHY = 0x20;
        /// Receiver disabled: monitor mode.
        const DIS = 0x40;
        const _ = !0;
    }
}

impl Command {
    /// The register page that is seen, 0 to 3.
    pub(super) fn page(self) -> u8 {
        self.bits() >> 6
    }
}

impl TransmitConfiguration {
    /// Mode of loopback; 0 is normal operation.
    pub(super) fn loopback(self) -> u8 {
        (self & Self::LB).bits() >> 1
    }
}
