//! Registers and status bits of the 82077AA (data sheet §2.1, §6).

use serde::{Deserialize, Serialize};

bitflags::bitflags! {
    /// Digital output register, 3F2h.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub(super) struct Dor: u8 {
        /// Low holds the chip in reset.
        const NOT_RESET = 0x04;
        /// Lets INT and DRQ out of the chip.
        const DMA_GATE = 0x08;
        const _ = !0;
    }

    /// Main status register, 3F4h.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Msr: u8 {
        /// A command is in progress.
        const CB = 0x10;
        /// Execution phase of a non-DMA transfer.
        const NDM = 0x20;
        /// The FIFO is to be read, not written.
        const DIO = 0x40;
        /// The FIFO is ready for the host.
        const RQM = 0x80;
        const _ = !0;
    }

    /// Data rate select register, 3F4h.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Dsr: u8 {
        /// Resets the chip; clears itself.
        const S_W_RESET = 0x80;
        const _ = !0;
    }

    /// Status register 0.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub(super) struct St0: u8 {
        /// Equipment check: no track 0, or the drive reports a fault.
        const EC = 0x10;
        /// Seek end.
        const SE = 0x20;
        /// Interrupt code 01: abnormal termination.
        const ABNORMAL = 0x40;
        /// Interrupt code 10: invalid command.
        const INVALID = 0x80;
        /// Interrupt code 11: ready changed while polling (after a reset).
        const POLLING = 0xc0;
        const _ = !0;
    }

    /// Status register 1.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub(super) struct St1: u8 {
        /// Missing address mark.
        const MA = 0x01;
        /// Not writable.
        const NW = 0x02;
        /// No data: the sector was not found.
        const ND = 0x04;
        /// Overrun or underrun.
        const OR = 0x10;
        /// Data error: CRC.
        const DE = 0x20;
        /// End of cylinder: more data was expected than the EOT sector allows.
        const EN = 0x80;
        const _ = !0;
    }

    /// Status register 2.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub(super) struct St2: u8 {
        /// Bad cylinder: the ID field says FFh.
        const BC = 0x02;
        /// Scan not satisfied.
        const SN = 0x04;
        /// Scan equal hit.
        const SH = 0x08;
        /// Wrong cylinder.
        const WC = 0x10;
        /// Data error in the data field.
        const DD = 0x20;
        /// Control mark: a data mark of the other kind was found.
        const CM = 0x40;
        const _ = !0;
    }

    /// Status register 3.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct St3: u8 {
        /// Head select.
        const HD = 0x04;
        /// Two sides; always 1 on this chip.
        const TWO_SIDES = 0x08;
        /// The drive's head is over track 0.
        const T0 = 0x10;
        /// Ready; always 1 on this chip.
        const READY = 0x20;
        /// The diskette is write-protected.
        const WP = 0x40;
        const _ = !0;
    }

    /// Second byte of CONFIGURE.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub(super) struct Config: u8 {
        /// FIFO threshold less one.
        const FIFOTHR = 0x0f;
        /// Disables polling.
        const POLL = 0x10;
        /// Disables the FIFO.
        const EFIFO = 0x20;
        /// Implied seek.
        const EIS = 0x40;
    }
}

impl Dor {
    /// The selected drive.
    pub(super) fn drive(self) -> usize {
        usize::from(self.bits() & 3)
    }

    /// Whether the motor of `drive` is on.
    pub(super) fn motor(self, drive: u8) -> bool {
        self.bits() >> (4 + (drive & 3)) & 1 != 0
    }
}
