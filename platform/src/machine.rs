//! The machine: a processor, memory and a board, and the loop that drives them.

use oldiron_cpu::{Coverage, Cpu, CpuModel, Dispatch, Exit};
use oldiron_devices::{Ne2000, Outbox, ResetKind, SpeakerEdge};
use oldiron_mmu::{Attention, Bus, GuestMemory, IoSpace, TickRate, Ticks};

use crate::{
    HostEvent, Input, InputLog, MachineStats, NetworkCard, Stamped, StopReason,
    board::{Board, ResetRequest},
    clock::Clock,
    input::KeyEvent,
    state::Configuration,
};

/// A PC.
///
/// It advances only inside [`run_until`](Self::run_until), and what it does there depends on
/// nothing but its state and on what was posted at which tick: not on the host, and not on how
/// the time was divided into runs.
pub struct Machine {
    pub(crate) cpu: Cpu,
    pub(crate) mem: GuestMemory,
    pub(crate) board: Board,
    pub(crate) clock: Clock,
    pub(crate) configuration: Configuration,
    pub(crate) inputs: InputLog,
    /// Collected for the caller; the board's own outbox is emptied into it.
    outbox: Outbox,
    stop_on_serial: bool,
    stop_on_frame: bool,
    stop_on_reset: bool,
    halted: bool,
}

impl Machine {
    pub(crate) fn new(
        model: &'static CpuModel,
        dispatch: Dispatch,
        mem: GuestMemory,
        board: Board,
        configuration: Configuration,
    ) -> Self {
        let mut cpu = Cpu::new(model);
        cpu.set_dispatch(dispatch);
        if board.chips.apic.is_some() {
            cpu.connect_apic();
        }
        let clock = Clock::new(configuration.rate);
        let outbox = Outbox::default();
        let mut machine = Self {
            cpu,
            mem,
            board,
            clock,
            configuration,
            inputs: InputLog::default(),
            outbox,
            stop_on_serial: false,
            stop_on_frame: false,
            stop_on_reset: false,
            halted: false,
        };
        machine.board.reset(&mut machine.mem, 0, ResetKind::Cold);
        machine
    }

    /// Runs until virtual time `until`, exactly, or until something else ends the run.
    ///
    /// Everything that is due at `until` has happened when it returns
    /// [`StopReason::Deadline`], but for the instruction that starts there.
    pub fn run_until(&mut self, until: Ticks) -> StopReason {
        let reason = self.run_on(until);
        if matches!(
            reason,
            StopReason::HaltedForever | StopReason::TripleFault | StopReason::PowerOff
        ) {
            // Time stands still, but the monitor would show the next frame.
            self.board.chips.vga.show_next_frame();
        }
        reason
    }

    fn run_on(&mut self, until: Ticks) -> StopReason {
        loop {
            if self.board.powered_off() {
                return StopReason::PowerOff;
            }
            let now = self.now();
            self.board.run_due_timers(&mut self.mem, now);
            if let Some(reason) = self.collect_output() {
                return reason;
            }
            if self.now() >= until {
                return StopReason::Deadline;
            }
            if let Some(reason) = self.run_slice(until) {
                if matches!(reason, StopReason::Serial | StopReason::Frame | StopReason::Reset) {
                    // Stops that were asked for: the state is that of a run that does not stop here.
                    let now = self.now();
                    self.board.run_due_timers(&mut self.mem, now);
                }
                return reason;
            }
        }
    }

    /// Runs the processor until the next thing that is due.
    fn run_slice(&mut self, until: Ticks) -> Option<StopReason> {
        let now = self.now();
        let end = self.board.next_due().min(until).max(now + 1);
        self.board.begin_slice(end);
        let mut bus = Bus::new(&mut self.mem, &mut self.board);
        let run = self.cpu.run(&mut bus, now, end);
        self.clock.advance(run.now);
        self.halted = run.exit == Exit::Halted;
        let stop = self.collect_output();
        if let Some(request) = self.board.take_reset() {
            match request {
                ResetRequest::Processor => self.reset_cpu(),
                ResetRequest::System => self.reset(),
            }
            return stop.or(self.stop_on_reset.then_some(StopReason::Reset));
        }
        if stop.is_some() {
            return stop;
        }
        match run.exit {
            Exit::Deadline | Exit::Attention => None,
            Exit::Halted => self.skip_halt(until),
            Exit::Shutdown => Some(StopReason::TripleFault),
        }
    }

    /// Nothing happens before the next timer: time jumps there.
    fn skip_halt(&mut self, until: Ticks) -> Option<StopReason> {
        let attention = self.board.attention();
        let enabled = self.cpu.interrupts_enabled();
        if attention.contains(Attention::NMI) || enabled && attention.contains(Attention::INTR) {
            return None;
        }
        if !enabled {
            return Some(StopReason::HaltedForever);
        }
        let next = self.board.next_due().min(until);
        self.clock.advance(next.max(self.now()));
        None
    }

    /// Moves what chips sent into the caller's outbox, and says whether any of it ends the run.
    fn collect_output(&mut self) -> Option<StopReason> {
        let out = self.board.take_output(self.clock.now());
        let serial = out.serial.iter().any(|sent| sent.port == 0);
        let frame = !out.frames.is_empty();
        let failed = !out.disk_errors.is_empty();
        let (power_off, debug_exit) = (out.power_off, out.debug_exit);
        append(&mut self.outbox, out);
        if power_off {
            self.board.power_off();
            return Some(StopReason::PowerOff);
        }
        if let Some(code) = debug_exit {
            return Some(StopReason::DebugExit(code));
        }
        if failed {
            return Some(StopReason::DiskError);
        }
        if frame && self.stop_on_frame {
            return Some(StopReason::Frame);
        }
        (serial && self.stop_on_serial).then_some(StopReason::Serial)
    }

    // ---- time ----

    /// Virtual time.
    pub fn now(&self) -> Ticks {
        self.clock.now()
    }

    /// Ticks per guest second.
    pub fn rate(&self) -> TickRate {
        self.clock.rate()
    }

    /// Retired instructions.
    pub fn instructions(&self) -> u64 {
        self.cpu.instructions()
    }

    /// From now on counts the forms of instructions that the guest executes: results stay the same, but the loop
    /// dispatcher is used whatever was chosen.
    pub fn count_forms(&mut self) {
        self.cpu.set_coverage(true);
    }

    /// The forms that were executed since [`Machine::count_forms`].
    pub fn coverage(&self) -> Option<&Coverage> {
        self.cpu.coverage()
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

    /// Whether the guest has nothing to do but to wait for a key or the clock. For pacing on the
    /// host: acting on it never changes what the guest does.
    pub fn idle_hint(&self) -> bool {
        self.halted || self.board.idle.is_idle(self.now())
    }

    /// Where the guest is, for people: `CS:EIP`, mode and the instruction there.
    pub fn describe_position(&mut self) -> String {
        self.cpu
            .describe_position(&mut Bus::new(&mut self.mem, &mut self.board))
    }

    /// Whether the guest has asked its mouse for reports: whether moving it does anything.
    pub fn mouse_is_listened_to(&self) -> bool {
        self.board.chips.ps2.mouse_is_listened_to()
    }

    /// The last code that the BIOS wrote to port 80h: how far its self-test has come.
    pub fn post_code(&self) -> u8 {
        self.board.chips.system.post_code()
    }

    /// Reads physical memory. Holes and devices read all ones.
    pub fn read_memory(&self, addr: u32, buf: &mut [u8]) {
        self.mem.phys_read(addr, buf);
    }

    // ---- in and out ----

    /// Before which tick no edge of the speaker is still to be put into the outbox: edges come in
    /// batches.
    pub fn speaker_known_to(&self) -> Ticks {
        self.board.chips.pit.speaker_known_to(self.now(), self.rate())
    }

    /// The edges of the speaker up to now that are still to be put into the outbox.
    pub fn speaker_rest(&self) -> Vec<SpeakerEdge> {
        self.board.chips.pit.speaker_rest(self.now(), self.rate())
    }

    /// What the machine sent out. To be emptied by the caller after each run.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// All that came from outside since the machine was built, its state was restored, or [`Self::take_inputs`].
    pub fn inputs(&self) -> &InputLog {
        &self.inputs
    }

    /// The same, to be kept by the caller: the log is empty afterwards, and so never too long.
    pub fn take_inputs(&mut self) -> Vec<Stamped> {
        self.inputs.take()
    }

    /// Notes something from outside. What is due at this tick comes first, so that the order does not
    /// depend on why the last run ended.
    pub(crate) fn note_input(&mut self, input: &Input) {
        let now = self.clock.now();
        self.board.idle.input();
        self.board.run_due_timers(&mut self.mem, now);
        self.inputs.push(now, input);
    }

    /// Something happens to the machine from outside, at the current tick.
    pub fn post(&mut self, event: HostEvent) {
        self.note_input(&Input::Event(event.clone()));
        let (mem, now) = (&mut self.mem, self.clock.now());
        match event {
            HostEvent::Key { code, down: true } => self.board.key(mem, now, KeyEvent::Down(code)),
            HostEvent::Key { code, down: false } => self.board.key(mem, now, KeyEvent::Up(code)),
            HostEvent::ReleaseAllKeys => self.board.key(mem, now, KeyEvent::ReleaseAll),
            HostEvent::Mouse {
                dx,
                dy,
                wheel,
                buttons,
            } => {
                self.board.mouse(mem, now, dx, dy, wheel, buttons);
            }
            HostEvent::SerialRx { port, bytes } => self.board.serial_input(mem, now, port, &bytes),
            HostEvent::Reset => self.reset(),
            HostEvent::Frame { bytes } => self.board.frame(mem, now, bytes),
            HostEvent::PowerButton => self.board.power_off(),
            HostEvent::NmiButton => self.board.press_nmi(mem),
        }
    }

    /// How many more bytes a [`HostEvent::SerialRx`] may bring before any of them are lost.
    pub fn serial_input_room(&self, port: u8) -> usize {
        self.board.serial_input_room(port)
    }

    /// Whether a byte from COM1 ends a run.
    pub fn set_stop_on_serial(&mut self, on: bool) {
        self.stop_on_serial = on;
    }

    /// Whether a frame from the network card ends a run: so that an answer can come at the tick of the question.
    pub fn set_stop_on_frame(&mut self, on: bool) {
        self.stop_on_frame = on;
    }

    /// The network card, if there is one.
    pub fn network_card(&self) -> Option<&NetworkCard> {
        self.configuration.network.as_ref()
    }

    /// How many more frames may be posted before any of them are lost.
    pub fn network_room(&self) -> usize {
        self.board.chips.network.as_ref().map_or(0, Ne2000::receive_room)
    }

    /// Whether a reset ends a run.
    pub fn set_stop_on_reset(&mut self, on: bool) {
        self.stop_on_reset = on;
    }

    // ---- reset ----

    /// The shutdown code in CMOS 0Fh: what the BIOS is to do after a reset. 05h, 09h, 0Ah and 0Ch
    /// say that the guest leaves protected mode the way a 286 has to.
    pub fn shutdown_code(&self) -> u8 {
        self.board.chips.cmos.shutdown_code()
    }

    /// Resets the processor alone, as the chipset does after a triple fault.
    pub fn reset_cpu(&mut self) {
        self.cpu.reset();
        let now = self.now();
        self.board.reset_processor(&mut self.mem, now);
        self.halted = false;
    }

    fn reset(&mut self) {
        let now = self.now();
        self.board.reset(&mut self.mem, now, ResetKind::Hard);
        self.reset_cpu();
    }
}

/// Appends what a slice brought. Levels are replaced by newer ones.
fn append(all: &mut Outbox, mut new: Outbox) {
    all.serial.append(&mut new.serial);
    all.debug_console.append(&mut new.debug_console);
    all.port_log.append(&mut new.port_log);
    all.frames.append(&mut new.frames);
    all.speaker.append(&mut new.speaker);
    all.disk_errors.append(&mut new.disk_errors);
    all.keyboard_leds = new.keyboard_leds.or(all.keyboard_leds);
    all.activity |= new.activity;
    all.power_off |= new.power_off;
    all.debug_exit = new.debug_exit.or(all.debug_exit);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_may_move_to_another_thread() {
        fn is_send<T: Send>() {}
        is_send::<Machine>();
    }
}
