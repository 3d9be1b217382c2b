//! Dispatch: how handlers follow one another.
//!
//! A handler executes its instruction and, as its last act, calls the handler of the next record
//! with the same arguments; release builds turn that call into a jump, so a trace runs without a loop
//! and its indirect branches are spread over all handlers. EIP and the instruction count are
//! constants of the records: nothing is kept up per instruction. What the fast form cannot do it
//! hands to its slow twin, before changing anything.
//!
//! This module is the only one of the crate with `unsafe` code: the chained call, narrow reads of registers, the pool of
//! records that it walks, and x87 arithmetic in assembly. Invariants:
//!
//! * A record pointer points into the pool of the [`Engine`], whose memory never moves, at a record
//!   of a complete trace: instructions, with a [`Links`] record behind the one that ends it and behind each
//!   conditional jump before that.
//! * A trace is never overwritten while the engine runs; the pool is only emptied by the run loop.
//! * `Engine::bus` is valid from the start to the end of [`Engine::run_chained`].
//! * No handler holds a reference across the call of the next one.
#![allow(unsafe_code)]

mod chain;
mod pool;
mod probe;
pub(crate) mod registers;
#[cfg(target_arch = "x86_64")]
mod x87;
#[cfg(all(test, target_arch = "x86_64"))]
mod x87_tests;

pub(crate) use chain::{FusedHandlers, FusedTable, Handler, handler, slow_handler};
pub(crate) use pool::{Pool, Record, TraceRef};
pub(crate) use probe::chaining_works;

use oldiron_mmu::{Bus, PageFlags, Ticks};

use crate::{
    core::{Core, Shadow, TraceMode, seg},
    coverage::{CountForms, Coverage, Uncounted},
    exec::{Flow, Op, Outcome, Slow},
    flags::LazyFlags,
    insn::Insn,
    trace::TraceCache,
};

/// The slow form of an instruction: what the loop calls, and the chain when the fast form gave up.
pub(crate) type Step = fn(&mut Core, &mut Bus<'_>, &Insn) -> Outcome;

/// The slow form of `O`. Never inlined: the slow twins call the next handler at their end, and with the
/// result of an instruction on their own stack that would not become a jump.
#[inline(never)]
pub(crate) fn step<O: Op>(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Outcome {
    O::exec(&mut Slow::new(core, bus), insn)
}

/// Most instructions in a trace; a chained run stops this many ticks before its deadline at the latest.
pub(crate) const MAX_TRACE: usize = 32;

/// Why a run of instructions came to its end. EIP, flags and time are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Leave {
    /// The budget is used up, or something may have changed: look around and go on.
    LookAround,
    /// The instruction at EIP faulted; [`Core::fault`] says how.
    Fault,
    /// The trace at EIP could not be found or linked without the run loop.
    NotFound,
}

/// Entries of the cache of indirect branch targets.
const JUMP_ENTRIES: usize = 4096;

/// A remembered target of indirect branches.
#[derive(Clone, Copy)]
struct JumpEntry {
    /// EIP, and the trace mode above it.
    key: u64,
    tag: u64,
    target: *const Insn,
}

impl JumpEntry {
    const EMPTY: Self = Self {
        key: u64::MAX,
        tag: 0,
        target: core::ptr::null(),
    };
}

/// State, traces, and what a chained run needs at hand.
pub(crate) struct Engine {
    pub(crate) core: Core,
    pub(crate) traces: TraceCache,
    jumps: [JumpEntry; JUMP_ENTRIES],
    /// Lent for the length of a chained run.
    bus: *mut Bus<'static>,
    /// Time = horizon - budget, at the start of a trace.
    horizon: Ticks,
    budget: i32,
    leave: Leave,
    /// The mode that the running trace was found under.
    mode: TraceMode,
    /// What links and remembered targets are valid under: the generation of translations, and CS.base.
    link_tag: u64,
    /// Forms that were executed, if they are counted: by the loop alone.
    pub(crate) coverage: Option<Box<Coverage>>,
}

// SAFETY: `bus` is null outside a run; the other pointers point into the engine's own pool, which moves
// with it only by moving the box that owns the allocation.
unsafe impl Send for Engine {}

impl core::fmt::Debug for Engine {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Engine")
            .field("core", &self.core)
            .finish_non_exhaustive()
    }
}

impl Engine {
    pub(crate) fn new(core: Core) -> Self {
        Self {
            core,
            traces: TraceCache::new(),
            jumps: [JumpEntry::EMPTY; JUMP_ENTRIES],
            bus: core::ptr::null_mut(),
            horizon: 0,
            budget: 0,
            leave: Leave::LookAround,
            mode: TraceMode::empty(),
            link_tag: 0,
            coverage: None,
        }
    }

    /// Readies an instruction's slow form: commits EIP and the time before it.
    #[inline(always)]
    fn prepare(&mut self, insn: &Insn, budget: i32) {
        self.core.eip = insn.eip;
        self.core.next_eip = insn.next_eip();
        self.core.now = self.time_before(insn, budget);
    }

    /// The time before an instruction.
    #[inline(always)]
    fn time_before(&self, insn: &Insn, budget: i32) -> Ticks {
        self.horizon
            .wrapping_sub(budget as i64 as u64)
            .wrapping_add(insn.n as u64 - 1)
    }

    /// Whether the next record may be executed: nothing happened, and the trace still stands.
    #[inline(always)]
    fn is_quiet(&self, bus: &mut Bus<'_>) -> bool {
        !bus.mem.code_was_hit() && self.may_go_on(bus)
    }

    /// Whether nothing happened that the run loop should see before the next instruction.
    #[inline(always)]
    fn may_go_on(&self, bus: &mut Bus<'_>) -> bool {
        if bus.io_used {
            if self.core.heeds(bus.io.attention()) {
                // Stays set until the run loop has seen to it: this is asked twice after one access.
                return false;
            }
            bus.io_used = false;
        }
        self.core.trace_mode == self.mode && self.core.pending_debug == 0 && self.core.shadow == Shadow::None
    }

    /// Notes the mode and the code segment that the next trace runs under.
    pub(crate) fn note_code_segment(&mut self) {
        self.mode = self.core.trace_mode;
        self.update_link_tag();
    }

    #[inline(always)]
    fn update_link_tag(&mut self) {
        let base = self.core.segments[seg::CS].base & u32::MAX as u64;
        self.link_tag = (self.core.tlb.generation() as u64) << 32 | base;
    }

    /// Drops the traces of code that was written by the last instruction or by a bus master, and all
    /// translations if one that may be cached was changed in memory.
    #[inline(never)]
    pub(crate) fn forget_written_code(&mut self, bus: &mut Bus<'_>) {
        while let Some((backing, len)) = bus.mem.take_code_hit() {
            if len == 0 {
                self.core.tlb.flush_all();
                // It is a table again when a translation is next read from it.
                bus.mem.clear_page_flags(backing >> 12, PageFlags::TABLE);
                self.update_link_tag();
                continue;
            }
            self.core.stats.smc_flushes += self.traces.kill_written(bus.mem, backing, len) as u64;
        }
    }

    /// Empties the pool and everything that points into it.
    pub(crate) fn drop_traces(&mut self, bus: &mut Bus<'_>) {
        self.traces.clear(bus.mem);
        self.core.tlb.next_generation();
    }

    /// Executes one trace, at most `limit` ticks of it, with the loop: the reference, what
    /// executes the last instructions before a deadline, and what counts forms. `core.now` is the time before.
    pub(crate) fn run_loop(&mut self, bus: &mut Bus<'_>, found: TraceRef, limit: u64) -> Leave {
        match self.coverage.take() {
            None => self.run_counted(bus, found, limit, &mut Uncounted),
            Some(mut coverage) => {
                let leave = self.run_counted(bus, found, limit, &mut *coverage);
                self.coverage = Some(coverage);
                leave
            }
        }
    }

    /// The loop itself; `count` is told of each instruction.
    #[inline(always)]
    fn run_counted(
        &mut self,
        bus: &mut Bus<'_>,
        found: TraceRef,
        limit: u64,
        count: &mut impl CountForms,
    ) -> Leave {
        let begin = self.core.now;
        // Moves on by what instructions take beyond their tick.
        self.horizon = begin;
        let mut index = found.index();
        let mut retired = begin;
        loop {
            let insn = self.traces.pool().insn(index);
            let step = self.traces.pool().step(index);
            self.prepare(&insn, 0);
            self.core.extra_ticks = 0;
            let outcome = step(&mut self.core, bus, &insn);
            self.horizon += core::mem::take(&mut self.core.extra_ticks) as u64;
            let before = core::mem::replace(&mut retired, self.horizon + insn.n as u64);
            let ticks = retired - before;
            let flow = match outcome {
                Err(_) => {
                    // EIP is this instruction's, unless a task switch failed half-way: then it is the new
                    // task's.
                    self.core.now = retired - 1;
                    count.faulted(self.traces.pool().code(index), ticks - 1);
                    return Leave::Fault;
                }
                Ok(flow) => {
                    count.completed(self.traces.pool().code(index), ticks);
                    flow
                }
            };
            let target = match flow {
                Flow::Next | Flow::Pass if self.is_quiet(bus) && retired - begin < limit => {
                    index += if flow == Flow::Pass { 2 } else { 1 };
                    continue;
                }
                Flow::Next | Flow::Pass | Flow::Fall => insn.next_eip(),
                Flow::Taken => insn.imm,
                Flow::Indirect(target) | Flow::Far(target) | Flow::FarEnabled(target) => target,
                Flow::Stop => self.core.next_eip,
                Flow::Again => insn.eip,
            };
            self.core.eip = target;
            self.core.next_eip = target;
            self.core.now = retired;
            return Leave::LookAround;
        }
    }

    /// Executes traces from `found` on with chained handlers for at most `ticks`, give or take none:
    /// it may stop up to [`MAX_TRACE`] ticks early. `core.now` is the time before.
    pub(crate) fn run_chained(&mut self, bus: &mut Bus<'_>, found: TraceRef, ticks: u64) -> Leave {
        let budget = (ticks.min(i32::MAX as u64) as i32).saturating_sub(MAX_TRACE as i32);
        self.horizon = self.core.now.wrapping_add(budget as u64);
        self.budget = budget;
        self.leave = Leave::LookAround;
        let LazyFlags { result, carry } = self.core.flags;
        let insn = self.traces.pool().pointer(found.index());
        // The lifetime is erased for the length of the call below; nothing keeps the pointer after it.
        self.bus = core::ptr::from_mut(bus).cast();
        // SAFETY: `insn` starts a complete trace of our pool, `bus` is lent to us until we return, and
        // `self` is not used otherwise while the chain runs.
        unsafe { chain::enter(core::ptr::from_mut(self), insn, budget, result, carry) };
        self.bus = core::ptr::null_mut();
        self.core.now = self.horizon.wrapping_sub(self.budget as i64 as u64);
        self.leave
    }
}
