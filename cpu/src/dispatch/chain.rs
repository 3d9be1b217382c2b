//! Chained handlers: the fast form, its slow twin, and what joins traces.

use oldiron_mmu::Bus;

use super::{Engine, JUMP_ENTRIES, JumpEntry, Leave, pool::Links, step};
use crate::{
    exec::{
        Abort, Exec, Fast, Flow, Form, Op, Outcome,
        beside::Beside,
        ea,
        fused::Fused,
        io::quiet_in_dx,
        move_::{Cc, Condition},
        st,
    },
    flags::LazyFlags,
    insn::Insn,
};

/// Declares chained functions with the platform's ABI: all arguments in registers.
macro_rules! chained {
    ($($(#[$meta:meta])* $vis:vis fn $name:ident [$($generics:tt)*] ($e:ident, $i:ident, $b:ident, $r:ident, $c:ident $(, $x:ident : $xt:ty)*) $body:block)*) => { $(
        #[cfg(target_arch = "x86_64")]
        $(#[$meta])* $vis unsafe extern "sysv64-unwind" fn $name<$($generics)*>($e: *mut Engine, $i: *const Insn, $b: i32, $r: u64, $c: u64 $(, $x: $xt)*) $body
        #[cfg(not(target_arch = "x86_64"))]
        $(#[$meta])* $vis unsafe extern "C-unwind" fn $name<$($generics)*>($e: *mut Engine, $i: *const Insn, $b: i32, $r: u64, $c: u64 $(, $x: $xt)*) $body
    )* };
}

/// What executes an instruction and then calls the handler of the next one: engine, record, budget,
/// and the two flag words.
#[cfg(target_arch = "x86_64")]
pub(crate) type Handler = unsafe extern "sysv64-unwind" fn(*mut Engine, *const Insn, i32, u64, u64);
/// What executes an instruction and then calls the handler of the next one.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) type Handler = unsafe extern "C-unwind" fn(*mut Engine, *const Insn, i32, u64, u64);

/// Starts a chain.
///
/// # Safety
/// As for every handler: see the invariants of [`super`].
pub(super) unsafe fn enter(engine: *mut Engine, insn: *const Insn, budget: i32, result: u64, carry: u64) {
    // SAFETY: the caller's promise.
    unsafe { ((*insn).handler)(engine, insn, budget, result, carry) }
}

chained! {
    /// The fast form of `O`.
    fn fast[O: Op, const FLAGS: bool, const EA: u8, const ST: u8](e, i, b, r, c) {
        // SAFETY: `e` and `i` are valid by the invariants of this module's parent, and the references made
        // here are gone before the next handler is called.
        unsafe {
            let mut x = Fast::<FLAGS, EA, ST>::new(&mut (*e).core, LazyFlags { result: r, carry: c });
            let outcome = O::exec(&mut x, &*i);
            let LazyFlags { result, carry } = x.flags();
            match outcome {
                #[cfg(target_arch = "x86_64")]
                Ok(_) if O::STACK_ARITHMETIC.is_some() => Table::<O>::ARITHMETIC(e, i, b, r, c),
                Ok(flow) => proceed::<O>(e, i, b, result, carry, flow),
                Err(Abort) if O::HAS_SECOND => beside::<O>(e, i, b, r, c),
                Err(Abort) => slow::<O>(e, i, b, r, c),
            }
        }
    }

    /// IN of `O` at the port in DX: a cycle that changes nothing beyond its chip leaves nothing to look at, and
    /// the next record follows at once.
    fn input[O: Op](e, i, b, r, c) {
        // SAFETY: as in `fast`; `bus` is valid while the chain runs.
        unsafe {
            let bus: &mut Bus<'_> = &mut *(*e).bus;
            let now = (*e).time_before(&*i, b);
            if quiet_in_dx(&mut (*e).core, bus, &*i, now) {
                next(e, i, b, r, c)
            } else {
                slow::<O>(e, i, b, r, c)
            }
        }
    }

    /// `O` where the fast form gave up: memory beside code, unusual numbers, or else the slow twin.
    #[inline(never)]
    pub(super) fn beside[O: Op](e, i, b, r, c) {
        // SAFETY: as in `fast`; `bus` is valid while the chain runs.
        unsafe {
            let mem = &*(*(*e).bus).mem;
            let mut x = Beside::new(&mut (*e).core, mem, LazyFlags { result: r, carry: c });
            let outcome = O::exec(&mut x, &*i);
            let LazyFlags { result, carry } = x.flags();
            match outcome {
                Ok(flow) => proceed::<O>(e, i, b, result, carry, flow),
                Err(Abort) => slow::<O>(e, i, b, r, c),
            }
        }
    }

    /// Goes on after a form that was executed without the slow path.
    #[inline(always)]
    fn proceed[O: Op](e, i, b, r, c, flow: Flow) {
        // SAFETY: as in `fast`.
        unsafe {
            match flow {
                Flow::Next => next(e, i, b, r, c),
                Flow::Pass => pass(e, i, b, r, c),
                Flow::Fall => follow::<0>(e, i, b, r, c),
                Flow::Taken => follow::<1>(e, i, b, r, c),
                Flow::Indirect(target) => follow_indirect(e, i, b, r, c, target),
                Flow::Far(target) => {
                    (*e).update_link_tag();
                    follow_indirect(e, i, b, r, c, target)
                }
                Flow::FarEnabled(target) => follow_enabled(e, i, b, r, c, target),
                // Only slow forms stop or repeat.
                Flow::Stop | Flow::Again => slow::<O>(e, i, b, r, c),
            }
        }
    }

    /// `F` and the conditional jump behind it; `INSIDE` if that does not end the trace.
    fn fused[F: Fused, C: Condition, const INSIDE: bool](e, i, b, r, c) {
        // SAFETY: as in `fast`; the pair's second record is the jump, which has links behind it.
        unsafe {
            let flags = LazyFlags { result: r, carry: c };
            let (LazyFlags { result, carry }, taken) = F::exec::<C>(&mut (*e).core, &*i, flags);
            let jump = i.add(1);
            if taken {
                follow::<1>(e, jump, b, result, carry)
            } else if INSIDE {
                pass(e, jump, b, result, carry)
            } else {
                follow::<0>(e, jump, b, result, carry)
            }
        }
    }

    /// The slow twin of `O`: everything that can happen, out of line.
    #[cold]
    #[inline(never)]
    fn slow[O: Op](e, i, b, r, c) {
        // SAFETY: as in `fast`; `bus` is valid while the chain runs.
        unsafe {
            let (engine, bus): (&mut Engine, &mut Bus<'_>) = (&mut *e, &mut *(*e).bus);
            engine.core.flags = LazyFlags { result: r, carry: c };
            engine.prepare(&*i, b);
            let outcome = step::<O>(&mut engine.core, bus, &*i);
            let flow = encode(outcome);
            let LazyFlags { result, carry } = engine.core.flags;
            after_slow(e, i, b, result, carry, flow)
        }
    }

    /// Goes on after a slow form, if nothing speaks against it; else commits and leaves.
    #[inline(never)]
    fn after_slow[](e, i, b, r, c, flow: u64) {
        // SAFETY: as in `slow`.
        unsafe {
            let engine = &mut *e;
            let bus: &mut Bus<'_> = &mut *engine.bus;
            let insn = &*i;
            let b = b - core::mem::take(&mut engine.core.extra_ticks) as i32;
            let flow = decode(flow);
            let goes_on =
                matches!(flow, Ok(Flow::Next | Flow::Pass | Flow::Fall | Flow::Taken | Flow::Indirect(_)));
            if goes_on && engine.is_quiet(bus) {
                return match flow {
                    Ok(Flow::Pass) => pass(e, i, b, r, c),
                    Ok(Flow::Fall) => follow::<0>(e, i, b, r, c),
                    Ok(Flow::Taken) => follow::<1>(e, i, b, r, c),
                    Ok(Flow::Indirect(target)) => follow_indirect(e, i, b, r, c, target),
                    _ => next(e, i, b, r, c),
                };
            }
            let (eip, retired, leave) = match flow {
                Ok(Flow::Next | Flow::Pass | Flow::Fall) => (insn.next_eip(), insn.n, Leave::LookAround),
                Ok(Flow::Taken) => (insn.imm, insn.n, Leave::LookAround),
                Ok(Flow::Indirect(target) | Flow::Far(target) | Flow::FarEnabled(target)) => {
                    (target, insn.n, Leave::LookAround)
                },
                Ok(Flow::Stop) => (engine.core.next_eip, insn.n, Leave::LookAround),
                Ok(Flow::Again) => (insn.eip, insn.n, Leave::LookAround),
                // EIP is this instruction's, unless a task switch failed half-way: then it is the new task's.
                Err(Abort) => (engine.core.eip, insn.n - 1, Leave::Fault),
            };
            let b = b - retired as i32;
            // `is_quiet` was false: if for what a chip wants, and not for written code, it must be seen now.
            if goes_on && b >= 0 && bus.mem.code_was_hit() && engine.may_go_on(bus) {
                // It wrote code, perhaps its own trace: no record behind it can be trusted.
                engine.forget_written_code(bus);
                if let Some(next) = engine.find_linked(eip, LazyFlags { result: r, carry: c }) {
                    return ((*next).handler)(e, next, b, r, c);
                }
            }
            leave_at(e, i, b, r, c, eip, leave)
        }
    }

    /// Calls the handler of the next record.
    #[inline(always)]
    fn next[](e, i, b, r, c) {
        // SAFETY: a record that yields `Flow::Next` has an instruction behind it.
        unsafe {
            let i = i.add(1);
            ((*i).handler)(e, i, b, r, c)
        }
    }

    /// Calls the handler of the record behind a branch's links.
    #[inline(always)]
    fn pass[](e, i, b, r, c) {
        // SAFETY: a record that yields `Flow::Pass` has links behind it, and an instruction behind these.
        unsafe {
            let i = i.add(2);
            ((*i).handler)(e, i, b, r, c)
        }
    }

    /// Goes on at a direct successor: 0 behind the trace, 1 at the branch target.
    #[inline(always)]
    fn follow[const SLOT: usize](e, i, b, r, c) {
        // SAFETY: a record that ends its trace has the links behind it; a link of the present generation
        // points at a complete trace.
        unsafe {
            let b = b - (*i).n as i32;
            let l = links(i);
            if b < 0 {
                return deadline(e, i, b, r, c, successor(&*i, SLOT));
            }
            if (*l).tag[SLOT] == (*e).link_tag {
                let target = (*l).target[SLOT];
                return ((*target).handler)(e, target, b, r, c);
            }
            resolve(e, i, b, r, c, SLOT)
        }
    }

    /// Goes on at an indirect target.
    #[inline(always)]
    fn follow_indirect[](e, i, b, r, c, target: u32) {
        // SAFETY: as in `follow`; the jump cache holds the same kind of pointers.
        unsafe {
            let b = b - (*i).n as i32;
            if b < 0 {
                return deadline(e, i, b, r, c, target);
            }
            let l = links(i);
            let next = (*l).target[0];
            if (*l).tag[0] == (*e).link_tag && (*next).eip == target {
                return ((*next).handler)(e, next, b, r, c);
            }
            indirect_miss(e, i, b, r, c, target)
        }
    }

    /// Goes on at an indirect target in another code segment, unless an interrupt waits.
    #[inline(never)]
    fn follow_enabled[](e, i, b, r, c, target: u32) {
        // SAFETY: as in `follow`.
        unsafe {
            (*e).update_link_tag();
            if !(*e).core.heeds((&*(*e).bus).io.attention()) {
                return follow_indirect(e, i, b, r, c, target);
            }
            leave_at(e, i, b - (*i).n as i32, r, c, target, Leave::LookAround)
        }
    }

    /// The inline cache missed: asks the jump cache, then the trace cache.
    #[inline(never)]
    fn indirect_miss[](e, i, b, r, c, target: u32) {
        // SAFETY: as in `follow`.
        unsafe {
            let key = (*e).jump_key(target);
            let entry = (*e).jumps[jump_index(target)];
            if entry.key == key && entry.tag == (*e).link_tag {
                let l = links(i);
                (*l).target[0] = entry.target;
                (*l).tag[0] = entry.tag;
                return ((*entry.target).handler)(e, entry.target, b, r, c);
            }
            match (*e).find_linked(target, LazyFlags { result: r, carry: c }) {
                Some(next) => {
                    (*e).jumps[jump_index(target)] =
                        JumpEntry { key, tag: (*e).link_tag, target: next };
                    ((*next).handler)(e, next, b, r, c)
                }
                None => leave_at(e, i, b, r, c, target, Leave::NotFound),
            }
        }
    }

    /// Finds a direct successor and links it.
    #[cold]
    #[inline(never)]
    fn resolve[](e, i, b, r, c, slot: usize) {
        // SAFETY: as in `follow`; `slot` is 0 or 1.
        unsafe {
            let l = links(i);
            let eip = successor(&*i, slot);
            match (*e).find_linked(eip, LazyFlags { result: r, carry: c }) {
                Some(next) => {
                    (*l).target[slot & 1] = next;
                    (*l).tag[slot & 1] = (*e).link_tag;
                    ((*next).handler)(e, next, b, r, c)
                }
                None => leave_at(e, i, b, r, c, eip, Leave::NotFound),
            }
        }
    }

    /// A trace that is no more: looks up what is at its EIP now.
    #[cold]
    #[inline(never)]
    fn dead[](e, i, b, r, c) {
        // SAFETY: as in `follow`; a dead trace keeps its first record's EIP.
        unsafe {
            let eip = (*i).eip;
            match (*e).find_linked(eip, LazyFlags { result: r, carry: c }) {
                Some(next) => ((*next).handler)(e, next, b, r, c),
                None => leave_at(e, i, b, r, c, eip, Leave::NotFound),
            }
        }
    }

    /// The budget is used up.
    #[cold]
    #[inline(never)]
    fn deadline[](e, i, b, r, c, eip: u32) {
        // SAFETY: as in `fast`.
        unsafe { leave_at(e, i, b, r, c, eip, Leave::LookAround) }
    }

    /// Commits everything that lives in registers and ends the chain.
    #[inline(always)]
    fn leave_at[](e, _i, b, r, c, eip: u32, leave: Leave) {
        // SAFETY: as in `fast`.
        let engine = unsafe { &mut *e };
        engine.core.flags = LazyFlags { result: r, carry: c };
        engine.core.eip = eip;
        engine.core.next_eip = eip;
        engine.budget = b;
        engine.leave = leave;
    }
}

/// The links record behind the instruction that ends a trace.
#[inline(always)]
fn links(i: *const Insn) -> *mut Links {
    i.wrapping_add(1).cast::<Links>().cast_mut()
}

/// EIP of a direct successor: behind the trace, or its branch target.
#[inline(always)]
fn successor(insn: &Insn, slot: usize) -> u32 {
    if slot == 0 { insn.next_eip() } else { insn.imm }
}

#[inline(always)]
fn jump_index(target: u32) -> usize {
    (target ^ target >> 12) as usize & (JUMP_ENTRIES - 1)
}

impl Engine {
    #[inline(always)]
    fn jump_key(&self, target: u32) -> u64 {
        target as u64 | (self.mode.bits() as u64) << 32
    }

    /// Finds the trace at `eip` for a chain that is between traces. `None` leaves it to the run loop.
    fn find_linked(&mut self, eip: u32, flags: LazyFlags) -> Option<*const Insn> {
        self.core.flags = flags;
        self.core.eip = eip;
        // SAFETY: only chained functions call this, and `bus` is valid while a chain runs.
        let bus: &mut Bus<'_> = unsafe { &mut *self.bus };
        if self.traces.is_full() {
            return None;
        }
        let found = self.traces.find(&mut self.core, bus).ok()?;
        if !found.is_linkable() {
            return None;
        }
        Some(self.traces.pool().pointer(found.index()))
    }
}

/// An outcome in one register: kind in the low half, target above.
#[inline(always)]
fn encode(outcome: Outcome) -> u64 {
    match outcome {
        Ok(Flow::Next) => 0,
        Ok(Flow::Fall) => 1,
        Ok(Flow::Taken) => 2,
        Ok(Flow::Indirect(target)) => 3 | (target as u64) << 32,
        Ok(Flow::Stop) => 4,
        Ok(Flow::Again) => 5,
        Ok(Flow::Far(target)) => 6 | (target as u64) << 32,
        Ok(Flow::FarEnabled(target)) => 7 | (target as u64) << 32,
        Ok(Flow::Pass) => 8,
        Err(Abort) => 9,
    }
}

#[inline(always)]
fn decode(flow: u64) -> Outcome {
    match flow as u32 {
        0 => Ok(Flow::Next),
        1 => Ok(Flow::Fall),
        2 => Ok(Flow::Taken),
        3 => Ok(Flow::Indirect((flow >> 32) as u32)),
        4 => Ok(Flow::Stop),
        5 => Ok(Flow::Again),
        6 => Ok(Flow::Far((flow >> 32) as u32)),
        7 => Ok(Flow::FarEnabled((flow >> 32) as u32)),
        8 => Ok(Flow::Pass),
        _ => Err(Abort),
    }
}

/// What a killed trace's first record is replaced with.
pub(super) fn dead_handler() -> Handler {
    dead
}

/// A handler that takes the slow path at once.
pub(crate) fn slow_handler<O: Op>() -> Handler {
    slow::<O>
}

/// The fast handlers of `O`: by flags read or not, kind of address, kind of stack.
struct Table<O>(core::marker::PhantomData<O>);

impl<O: Op> Table<O> {
    /// The host's own handler of x87 arithmetic, or of what is left of it when its operand has been loaded.
    #[cfg(target_arch = "x86_64")]
    const ARITHMETIC: Handler = match O::STACK_ARITHMETIC {
        Some(arithmetic) => super::x87::handler::<O>(arithmetic),
        None => slow::<O>,
    };

    const HANDLERS: [[[Handler; st::COUNT]; ea::COUNT]; 2] = [
        if O::FLAG_USE.may_skip() {
            Self::by_address::<false>()
        } else {
            Self::by_address::<true>()
        },
        Self::by_address::<true>(),
    ];

    const fn by_address<const FLAGS: bool>() -> [[Handler; st::COUNT]; ea::COUNT] {
        let flat = Self::by_stack::<FLAGS, { ea::FLAT_BASE }>();
        if !O::FORM.has_memory() {
            return [flat; ea::COUNT];
        }
        [
            flat,
            Self::by_stack::<FLAGS, { ea::FLAT_INDEX }>(),
            Self::by_stack::<FLAGS, { ea::SEGMENT32 }>(),
            Self::by_stack::<FLAGS, { ea::SEGMENT16_BASE }>(),
            Self::by_stack::<FLAGS, { ea::SEGMENT16 }>(),
        ]
    }

    const fn by_stack<const FLAGS: bool, const EA: u8>() -> [Handler; st::COUNT] {
        match O::FORM {
            Form::Slow => return [slow::<O>; st::COUNT],
            Form::Input => return [input::<O>; st::COUNT],
            _ => {}
        }
        #[cfg(target_arch = "x86_64")]
        if O::STACK_ARITHMETIC.is_some() && !O::FORM.has_memory() {
            return [Self::ARITHMETIC; st::COUNT];
        }
        let flat: Handler = fast::<O, FLAGS, EA, { st::FLAT }>;
        if !O::FORM.has_stack() {
            return [flat; st::COUNT];
        }
        [
            flat,
            fast::<O, FLAGS, EA, { st::SEGMENT32 }>,
            fast::<O, FLAGS, EA, { st::SEGMENT16 }>,
        ]
    }
}

/// The fast handler of `O` for a kind of address and of stack; `flags` false if nobody reads the flags
/// that it writes.
pub(crate) fn handler<O: Op>(flags: bool, ea: u8, st: u8) -> Handler {
    Table::<O>::HANDLERS[flags as usize][(ea as usize).min(ea::COUNT - 1)][(st as usize).min(st::COUNT - 1)]
}

/// The handlers of `F` by the condition of the jump behind it: if that is inside its trace, and if it ends it.
pub(crate) struct FusedTable<F>(core::marker::PhantomData<F>);

impl<F: Fused> FusedTable<F> {
    pub(crate) const HANDLERS: FusedHandlers = FusedHandlers {
        ending: Self::by_condition::<false>(),
        inside: Self::by_condition::<true>(),
    };

    const fn by_condition<const INSIDE: bool>() -> [Handler; 16] {
        [
            fused::<F, Cc<0>, INSIDE>,
            fused::<F, Cc<1>, INSIDE>,
            fused::<F, Cc<2>, INSIDE>,
            fused::<F, Cc<3>, INSIDE>,
            fused::<F, Cc<4>, INSIDE>,
            fused::<F, Cc<5>, INSIDE>,
            fused::<F, Cc<6>, INSIDE>,
            fused::<F, Cc<7>, INSIDE>,
            fused::<F, Cc<8>, INSIDE>,
            fused::<F, Cc<9>, INSIDE>,
            fused::<F, Cc<10>, INSIDE>,
            fused::<F, Cc<11>, INSIDE>,
            fused::<F, Cc<12>, INSIDE>,
            fused::<F, Cc<13>, INSIDE>,
            fused::<F, Cc<14>, INSIDE>,
            fused::<F, Cc<15>, INSIDE>,
        ]
    }
}

/// Handlers of a fused pair, by condition.
#[derive(Debug)]
pub(crate) struct FusedHandlers {
    pub(crate) ending: [Handler; 16],
    pub(crate) inside: [Handler; 16],
}
