//! What leaves the machine: collected here by chips, carried off by the front end.

use oldiron_mmu::Ticks;

use crate::DiskError;

/// One byte that a UART sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SerialByte {
    /// When its last bit left.
    pub at: Ticks,
    /// 0 = COM1, 1 = COM2.
    pub port: u8,
    /// The byte.
    pub byte: u8,
}

/// A change of what drives the speaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpeakerEdge {
    /// When, to the CLK pulse of the timer.
    pub at: Ticks,
    /// From then on: 0 low, 255 high, between them the mean of a square wave above hearing.
    pub level: u8,
}

/// A frame that a network card sent, without its check sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentFrame {
    /// When its last bit left.
    pub at: Ticks,
    /// Addresses, type and data; at most 1518 bytes, and as few as the guest asked for.
    pub bytes: Vec<u8>,
}

/// The bit of [`Outbox::activity`] for the network card: it sent a frame, or took one in.
pub const NETWORK_ACTIVITY: u8 = 1 << 6;

/// Everything that chips send out of the machine, in order, each with its tick where that matters.
///
/// Not part of the machine's state: the board empties it at each slice boundary.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Bytes sent by the UARTs.
    pub serial: Vec<SerialByte>,
    /// Bytes written to port E9h.
    pub debug_console: Vec<u8>,
    /// Writes to ports of `--port-log`: port and byte.
    pub port_log: Vec<(u16, u8)>,
    /// What the speaker does, in order: at most one edge for each CLK pulse of the timer.
    pub speaker: Vec<SpeakerEdge>,
    /// Frames that the network card sent.
    pub frames: Vec<SentFrame>,
    /// Keyboard LEDs: bit 0 scroll, 1 num, 2 caps; set when they change.
    pub keyboard_leds: Option<u8>,
    /// A chip asked for a reset of the processor.
    pub cpu_reset: bool,
    /// A chip asked for a reset of the whole machine.
    pub system_reset: bool,
    /// A chip set or cleared the A20 gate.
    pub a20: Option<bool>,
    /// The guest powered off.
    pub power_off: bool,
    /// A write to the debug exit port: its low byte.
    pub debug_exit: Option<u8>,
    /// An image could not be read or written: the run must end with a host I/O error.
    pub disk_errors: Vec<DiskError>,
    /// What was at work since the board last looked: a bit for each drive, floppies 0 and 1, disks 2 to 5, and
    /// [`NETWORK_ACTIVITY`].
    pub activity: u8,
}
