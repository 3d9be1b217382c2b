//! The processor: events between instructions, and the choice of how to run until the next one.
//!
//! Follows SDM vol. 3A §6.9 for the order of simultaneous events.

use iced_x86::{Decoder, Formatter, Instruction, NasmFormatter};
use oldiron_mmu::{Attention, Bus, Ticks};

use crate::{
    Coverage, CpuModel, CpuStats,
    core::{Activity, Core, Mode, Shadow, dr6, seg},
    dispatch::{Engine, Leave, MAX_TRACE, chaining_works},
    fault::{Fault, FaultRule, vector},
    flags::Eflags,
    interrupt::{Source, raise},
};

/// How instructions are dispatched. Results never depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dispatch {
    /// Each handler calls the next one: the fast way.
    #[default]
    Chained,
    /// A loop calls one handler after the other: the reference.
    Loop,
}

/// Why [`Cpu::run`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The deadline was reached.
    Deadline,
    /// The board asked for attention ([`oldiron_mmu::Attention`]); the instruction that caused it is complete.
    Attention,
    /// HLT: nothing happens until an interrupt.
    Halted,
    /// Triple fault: the processor is in shutdown until a reset.
    Shutdown,
}

/// What a call of [`Cpu::run`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Time reached.
    pub now: Ticks,
    /// Why it ended.
    pub exit: Exit,
}

/// What makes the board's attention the caller's business; INTR and NMI are the processor's own.
const CALLER: Attention = Attention::RESET
    .union(Attention::MAP_CHANGED)
    .union(Attention::DEADLINE_MOVED)
    .union(Attention::STOP);

/// An x86 processor.
#[derive(Debug)]
pub struct Cpu {
    engine: Box<Engine>,
    dispatch: Dispatch,
}

impl Cpu {
    /// A processor after power-on.
    pub fn new(model: &'static CpuModel) -> Self {
        let mut cpu = Self {
            engine: Box::new(Engine::new(Core::new(model))),
            dispatch: Dispatch::Loop,
        };
        cpu.set_dispatch(Dispatch::Chained);
        cpu
    }

    /// Its model.
    pub fn model(&self) -> &'static CpuModel {
        self.core().model
    }

    /// Chooses how instructions are dispatched. Where chained calls would grow the stack (see
    /// [`Dispatch`]), the loop stays.
    pub fn set_dispatch(&mut self, dispatch: Dispatch) {
        self.dispatch = dispatch;
        if dispatch == Dispatch::Chained && !chaining_works() {
            log::warn!("chained calls are not jumps in this build: loop dispatch is used");
            self.dispatch = Dispatch::Loop;
        }
    }

    /// From now on counts the forms of instructions that are executed, with the loop dispatcher whatever is
    /// chosen, or no longer counts them.
    pub fn set_coverage(&mut self, on: bool) {
        self.engine.coverage = on.then(|| Box::new(Coverage::new()));
    }

    /// The forms that were executed, if they are counted.
    pub fn coverage(&self) -> Option<&Coverage> {
        self.engine.coverage.as_deref()
    }

    // ---- caches: what is done to them never changes results ----

    /// Drops all cached translations.
    pub fn flush_tlb(&mut self) {
        self.engine.core.tlb.flush_all();
    }

    /// Drops all decoded code.
    pub fn drop_traces(&mut self, bus: &mut Bus<'_>) {
        self.engine.drop_traces(bus);
    }

    /// Keeps at most `records` decoded instructions, within reason.
    pub fn limit_traces(&mut self, records: usize) {
        self.engine.traces.set_limit(records);
    }

    /// The architectural state.
    pub fn core(&self) -> &Core {
        &self.engine.core
    }

    /// The architectural state, to change between runs. [`Core::update_mode`] is called for it.
    pub fn core_mut(&mut self) -> CoreGuard<'_> {
        CoreGuard(&mut self.engine.core)
    }

    /// The RESET line.
    pub fn reset(&mut self) {
        self.engine.core.log_registers("reset");
        self.engine.core.reset();
    }

    /// Connects the local APIC, if the model has one: CPUID and IA32_APIC_BASE show it. The bus answers for it.
    pub fn connect_apic(&mut self) {
        self.engine.core.apic_connected = true;
    }

    /// Whether an external interrupt would be taken (EFLAGS.IF): decides if HLT can ever end.
    pub fn interrupts_enabled(&self) -> bool {
        self.core().eflags.contains(Eflags::IF)
    }

    /// Instructions retired since power-on.
    pub fn instructions(&self) -> u64 {
        self.core().retired
    }

    /// Counters.
    pub fn stats(&self) -> CpuStats {
        CpuStats {
            tlb_misses: self.core().tlb.misses(),
            ..self.core().stats
        }
    }

    /// Runs from time `now` until `until`, exactly, or until something needs the caller.
    pub fn run(&mut self, bus: &mut Bus<'_>, now: Ticks, until: Ticks) -> Run {
        let core = &mut self.engine.core;
        let deliveries = core.deliveries;
        core.now = now;
        core.tlb.bind(bus.mem);
        bus.io_used = false;
        let exit = self.run_until(bus, until);
        let core = &mut self.engine.core;
        let delivered = core.deliveries.wrapping_sub(deliveries);
        core.retired = core
            .retired
            .wrapping_add((core.now - now).wrapping_sub(delivered));
        Run { now: core.now, exit }
    }

    fn run_until(&mut self, bus: &mut Bus<'_>, until: Ticks) -> Exit {
        loop {
            self.engine.forget_written_code(bus);
            if self.engine.traces.is_full() {
                self.engine.drop_traces(bus);
            }
            let core = &mut self.engine.core;
            if core.activity == Activity::Shutdown {
                return Exit::Shutdown;
            }
            let attention = bus.io.attention();
            bus.io_used = false;
            if attention.intersects(CALLER) {
                return Exit::Attention;
            }
            if core.now >= until {
                return Exit::Deadline;
            }
            if let Some((fault, source)) = self.next_event(bus, attention) {
                self.deliver(bus, fault, source);
                continue;
            }
            if self.engine.core.activity == Activity::Halted {
                return Exit::Halted;
            }
            let leave = self.execute(bus, until);
            if leave == Leave::Fault
                && let Some(fault) = self.engine.core.fault.take()
            {
                self.deliver(bus, fault, Source::Exception);
            }
        }
    }

    /// The event that comes before the next instruction, if any.
    fn next_event(&mut self, bus: &mut Bus<'_>, attention: Attention) -> Option<(Fault, Source)> {
        let core = &mut self.engine.core;
        if core.shadow == Shadow::MovSs {
            return None;
        }
        if core.pending_debug != 0 {
            let rule = if core.pending_debug & dr6::BS != 0 {
                FaultRule::SingleStep
            } else {
                FaultRule::DebugRegister
            };
            return Some((Fault::plain(vector::DB, rule), Source::Exception));
        }
        if attention.contains(Attention::NMI) && !core.nmi_blocked {
            bus.io.acknowledge_nmi();
            core.nmi_blocked = true;
            core.activity = Activity::Running;
            return Some((
                Fault::plain(vector::NMI, FaultRule::NonMaskable),
                Source::External,
            ));
        }
        if attention.contains(Attention::INTR)
            && core.eflags.contains(Eflags::IF)
            && core.shadow == Shadow::None
        {
            core.activity = Activity::Running;
            let number = bus.io.acknowledge_intr(core.now);
            return Some((
                Fault::plain(number, FaultRule::ExternalInterrupt),
                Source::External,
            ));
        }
        None
    }

    /// Delivers an event: one tick, whatever becomes of it.
    fn deliver(&mut self, bus: &mut Bus<'_>, fault: Fault, source: Source) {
        let core = &mut self.engine.core;
        raise(core, bus, fault, source);
        core.now += 1;
    }

    /// Executes at least one instruction, or finds out why it cannot be.
    fn execute(&mut self, bus: &mut Bus<'_>, until: Ticks) -> Leave {
        let core = &mut self.engine.core;
        core.repeating = false;
        let breakpoints = core.has_code_breakpoints();
        let careful =
            breakpoints || core.shadow != Shadow::None || core.eflags.intersects(Eflags::TF | Eflags::RF);
        let resume = core.eflags.contains(Eflags::RF);
        if breakpoints && !resume && core.shadow != Shadow::MovSs {
            let at = (core.segments[seg::CS].base as u32).wrapping_add(core.eip);
            core.match_breakpoints(at, 1, &[0]);
            if core.pending_debug != 0 {
                core.fault = Some(Fault::plain(vector::DB, FaultRule::DebugRegister));
                return Leave::Fault;
            }
        }
        self.engine.note_code_segment();
        let Engine { core, traces, .. } = &mut *self.engine;
        let found = match traces.find(core, bus) {
            Ok(found) => found,
            Err(fault) => {
                core.fault = Some(fault);
                return Leave::Fault;
            }
        };
        if careful {
            return self.step(bus, found, resume, until);
        }
        core.slice_end = until;
        let ticks = until - core.now;
        let chained = self.dispatch == Dispatch::Chained && self.engine.coverage.is_none();
        if chained && ticks > MAX_TRACE as u64 {
            self.engine.run_chained(bus, found, ticks)
        } else {
            self.engine.run_loop(bus, found, ticks)
        }
    }

    /// Executes one instruction under TF, RF, a shadow or breakpoints.
    fn step(
        &mut self,
        bus: &mut Bus<'_>,
        found: crate::dispatch::TraceRef,
        resume: bool,
        until: Ticks,
    ) -> Leave {
        let core = &mut self.engine.core;
        let trap = core.eflags.contains(Eflags::TF);
        let started = core.eip;
        // RF alone, which an interrupted REP comes back with, needs no look around after each element.
        core.slice_end = if trap || core.shadow != Shadow::None {
            core.now + 1
        } else {
            until
        };
        core.shadow = Shadow::None;
        core.suppress_trap = false;
        // RF lasts for one instruction; it stays through a fault of it and between the elements of a REP.
        core.eflags.remove(Eflags::RF);
        let leave = self.engine.run_loop(bus, found, 1);
        let core = &mut self.engine.core;
        if leave == Leave::Fault {
            core.eflags.set(Eflags::RF, resume);
            return leave;
        }
        if resume && core.eip == started {
            core.eflags.insert(Eflags::RF);
        }
        if trap && !core.suppress_trap && core.shadow != Shadow::MovSs {
            core.pending_debug |= dr6::BS;
        }
        leave
    }

    /// Where the guest is, for people: `CS:EIP`, mode and the instruction there.
    pub fn describe_position(&mut self, bus: &mut Bus<'_>) -> String {
        let core = &mut self.engine.core;
        let cs = core.segments[seg::CS];
        let mode = match (core.mode(), cs.is_big()) {
            (Mode::Real, _) => "real mode",
            (Mode::Virtual8086, _) => "virtual-8086 mode",
            (Mode::Protected, false) => "16-bit protected mode",
            (Mode::Protected, true) => "32-bit protected mode",
        };
        let mut bytes = Vec::new();
        for n in 0..15 {
            let addr = (cs.base as u32).wrapping_add(core.eip).wrapping_add(n);
            match core.peek(bus, addr) {
                Some(byte) => bytes.push(byte),
                None => break,
            }
        }
        let mut text = String::new();
        let bitness = if cs.is_big() { 32 } else { 16 };
        let mut decoder = Decoder::with_ip(bitness, &bytes, core.eip as u64, core.model.decoder_options());
        let mut instruction = Instruction::default();
        if decoder.can_decode() {
            decoder.decode_out(&mut instruction);
            NasmFormatter::new().format(&instruction, &mut text);
        } else {
            text.push_str("(memory not accessible)");
        }
        format!(
            "{:04X}:{:08X}, {mode}, CPL {}, {text}",
            cs.selector, core.eip, core.cpl
        )
    }
}

/// Access to the state; what is derived from it is brought up to date when it ends.
#[derive(Debug)]
pub struct CoreGuard<'a>(&'a mut Core);

impl core::ops::Deref for CoreGuard<'_> {
    type Target = Core;
    fn deref(&self) -> &Core {
        self.0
    }
}

impl core::ops::DerefMut for CoreGuard<'_> {
    fn deref_mut(&mut self) -> &mut Core {
        self.0
    }
}

impl Drop for CoreGuard<'_> {
    fn drop(&mut self) {
        self.0.next_eip = self.0.eip;
        self.0.tlb.flush_all();
        self.0.update_mode();
    }
}
