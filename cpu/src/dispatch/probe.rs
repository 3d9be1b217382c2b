//! Do chained calls become jumps in this build?
//!
//! Tail calls are not promised by the language. Ten thousand chained no-ops, by turns in fast and in
//! slow form, measure how far the stack grows; if it does, the loop is used instead.

use oldiron_mmu::{Bus, EmptyIo, GuestMemory};

use super::{Engine, Handler, chain::handler, slow_handler};
use crate::{
    core::Core,
    exec::move_::Nop,
    insn::{Insn, InsnAttr},
    model::MODELS,
};

const CHAIN: usize = 10_000;
/// More stack than any single frame needs, less than a frame per call would take.
const ALLOWED: usize = 16 * 1024;

macro_rules! stack_mark {
    ($abi:literal) => {
        /// Ends the chain and reports where the stack is.
        unsafe extern $abi fn mark(engine: *mut Engine, _: *const Insn, _: i32, _: u64, _: u64) {
            let here = 0u8;
            // SAFETY: `chaining_works` passes a valid engine.
            unsafe { (*engine).horizon = core::ptr::from_ref(&here) as u64 };
        }
    };
}
#[cfg(target_arch = "x86_64")]
stack_mark!("sysv64-unwind");
#[cfg(not(target_arch = "x86_64"))]
stack_mark!("C-unwind");

/// Whether a chain leaves the stack as it is.
pub(crate) fn chaining_works() -> bool {
    if cfg!(not(any(target_arch = "x86_64", target_arch = "aarch64"))) {
        return false;
    }
    let record = |handler: Handler| Insn {
        handler,
        dst: 0,
        src: 0,
        base: 0,
        index: 0,
        scale: 0,
        seg: 0,
        len: 1,
        n: 1,
        imm: 0,
        disp: 0,
        eip: 0,
        attr: InsnAttr::empty(),
        imm2: 0,
    };
    let pair = [record(handler::<Nop>(true, 0, 0)), record(slow_handler::<Nop>())];
    let mut records: Vec<Insn> = pair.into_iter().cycle().take(CHAIN).collect();
    records.push(record(mark));
    let mut engine = Box::new(Engine::new(Core::new(&MODELS[0])));
    engine.mode = engine.core.trace_mode;
    let (mut mem, mut io) = (GuestMemory::new(0), EmptyIo);
    let mut bus = Bus::new(&mut mem, &mut io);
    engine.bus = core::ptr::from_mut(&mut bus).cast();
    let mut depth_after = |skipped: usize| {
        // SAFETY: the records are Nops, which do not touch links, and end with `mark`; the bus outlives them.
        unsafe { super::chain::enter(&mut *engine, records[skipped..].as_ptr(), 0, 0, 0) };
        engine.horizon
    };
    (depth_after(0).abs_diff(depth_after(CHAIN)) as usize) < ALLOWED
}
