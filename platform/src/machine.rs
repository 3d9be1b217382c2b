//! The machine: a processor, memory and a board, and the loop that drives them.

use oldiron_cpu::{Cpu, CpuModel, Dispatch, MODELS};
use oldiron_devices::{BlockImage, DiskError, Frame, Outbox};
use oldiron_mmu::{GuestMemory, TickRate, Ticks};

use crate::{HostEvent, MachineStats, StopReason, board::Board, hash};

/// A PC.
pub struct Machine {
    cpu: Cpu,
    mem: GuestMemory,
    board: Board,
    frame: Frame,
    stop_on_serial: bool,
    stop_on_reset: bool,
}

impl Machine {
    pub(crate) fn new(model: Option<&'static CpuModel>, mib: u32, board: Board, dispatch: Dispatch) -> Self {
        let model = model.unwrap_or(&MODELS[MODELS.len() - 1]);
        let mut cpu = Cpu::new(model);
        cpu.set_dispatch(dispatch);
        Self {
            cpu,
            mem: GuestMemory::new(u64::from(mib) << 20),
            board,
            frame: Frame::default(),
            stop_on_serial: false,
            stop_on_reset: false,
        }
    }

    /// Runs until virtual time `until`, exactly, or until something else ends the run.
    pub fn run_until(&mut self, until: Ticks) -> StopReason {
        self.board.clock.advance(until);
        StopReason::Deadline
    }

    /// Virtual time.
    pub fn now(&self) -> Ticks {
        self.board.clock.now()
    }

    /// Ticks per guest second.
    pub fn rate(&self) -> TickRate {
        self.board.clock.rate()
    }

    /// Retired instructions.
    pub fn instructions(&self) -> u64 {
        self.cpu.instructions()
    }

    /// Something happens to the machine from outside, at the current tick.
    pub fn post(&mut self, event: HostEvent) {
        let _ = event;
    }

    /// What the machine sent out. To be emptied by the caller after each run.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.board.out
    }

    /// Whether a byte from COM1 ends a run.
    pub fn set_stop_on_serial(&mut self, on: bool) {
        self.stop_on_serial = on;
    }

    /// Whether a reset ends a run.
    pub fn set_stop_on_reset(&mut self, on: bool) {
        self.stop_on_reset = on;
    }

    /// Resets the processor alone, as the chipset does after a triple fault.
    pub fn reset_cpu(&mut self) {
        self.cpu.reset();
    }

    /// The shutdown code in CMOS 0Fh: what the BIOS is to do after a reset. 05h, 09h, 0Ah and 0Ch
    /// say that the guest leaves protected mode the way a 286 has to.
    pub fn shutdown_code(&self) -> u8 {
        0
    }

    /// The visible text page as UTF-8 lines without trailing spaces; empty in graphics modes.
    pub fn text_screen(&self) -> String {
        String::new()
    }

    /// The current picture.
    pub fn frame(&mut self) -> &Frame {
        &self.frame
    }

    /// Counts vertical retraces.
    pub fn frame_number(&self) -> u64 {
        0
    }

    /// Changes the floppy in drive 0 or 1, or takes it out. An image of no known floppy size is
    /// refused and the drive left as it was.
    pub fn insert_floppy(&mut self, drive: u8, image: Option<Box<dyn BlockImage>>) -> Result<(), DiskError> {
        let _ = (drive, image);
        Ok(())
    }

    /// Makes everything that the guest wrote to images durable.
    pub fn flush_media(&mut self) -> Result<(), DiskError> {
        Ok(())
    }

    /// Counters.
    pub fn stats(&self) -> MachineStats {
        let cpu = self.cpu.stats();
        MachineStats {
            instructions: self.instructions(),
            ticks: self.now(),
            trace_lookups: cpu.trace_lookups,
            trace_misses: cpu.trace_misses,
            tlb_misses: cpu.tlb_misses,
            smc_flushes: cpu.smc_flushes,
            interrupts: cpu.interrupts,
        }
    }

    /// A hash of what the screen shows.
    pub fn screen_hash(&mut self) -> u64 {
        0
    }

    /// A hash of all RAM.
    pub fn memory_hash(&self) -> u64 {
        hash::hash_bytes(self.mem.ram())
    }

    /// A hash of the whole state.
    pub fn state_hash(&self) -> u64 {
        0
    }

    /// Whether the guest has nothing to do but to wait for a key or the clock.
    pub fn idle_hint(&self) -> bool {
        false
    }

    /// Where the guest is, for people: `CS:EIP`, mode and the instruction there.
    pub fn describe_position(&mut self) -> String {
        String::new()
    }
}
