//! Why a run ended.

/// Why [`Machine::run_until`](crate::Machine::run_until) came back.
///
/// After every reason the machine may be run on; those that describe a lasting condition
/// (`PowerOff`, `TripleFault`, `HaltedForever`) come back at once until a reset ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The time asked for was reached.
    Deadline,
    /// COM1 sent a byte, and [`set_stop_on_serial`](crate::Machine::set_stop_on_serial) is on.
    Serial,
    /// The network card sent a frame, and [`set_stop_on_frame`](crate::Machine::set_stop_on_frame) is on.
    Frame,
    /// The guest, or the power button, turned the machine off.
    PowerOff,
    /// The guest wrote this byte to the debug exit port.
    DebugExit(u8),
    /// The machine was reset, and [`set_stop_on_reset`](crate::Machine::set_stop_on_reset) is on.
    /// The reset has been done: to run on continues at the reset vector.
    Reset,
    /// The processor shut itself down after a third fault. What the chipset does about it is the
    /// caller's choice: [`shutdown_code`](crate::Machine::shutdown_code) tells whether the guest
    /// meant it, [`reset_cpu`](crate::Machine::reset_cpu) continues.
    TripleFault,
    /// HLT with interrupts disabled: nothing but a reset or an NMI can wake the guest.
    HaltedForever,
    /// An image could not be read or written; [`outbox`](crate::Machine::outbox) has the error.
    DiskError,
}
