//! The trace cache: decoded runs of instructions, found by where their bytes lie.
//!
//! A trace is keyed by the backing offset of its first byte, its EIP and the mode it was decoded
//! for, so that A20 wrap, ROM aliases and remapping need no flush. It lies within one page; an
//! instruction that spans two is a trace of one, found through both translations each time and never
//! linked. Code outside RAM and ROM is decoded anew each time.

mod build;

use oldiron_mmu::{Access, Bus, GuestMemory, MapKind};

use crate::{
    core::{Core, seg},
    dispatch::{Handler, MAX_TRACE, Pool, Record, TraceRef},
    fault::{Fault, FaultRule},
    lower::Lowered,
};

/// How far the limit of CS reaches: part of the key, so that a trace is only ever run under a limit
/// that allows all its direct branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum LimitClass {
    /// 4 GiB: nothing to check.
    Full,
    /// 64 KiB: 16-bit targets need no check.
    Segment64K,
    /// Anything else: every branch is checked.
    Odd,
}

impl LimitClass {
    fn of(limit: u32) -> Self {
        match limit {
            u32::MAX => Self::Full,
            0xffff => Self::Segment64K,
            _ => Self::Odd,
        }
    }
}

/// One way into the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    backing: u32,
    eip: u32,
    mode: u16,
    trace: u32,
}

const EMPTY: Slot = Slot {
    backing: u32::MAX,
    eip: 0,
    mode: u16::MAX,
    trace: u32::MAX,
};
const SLOTS: usize = 1 << 16;
const NO_TRACE: u32 = u32::MAX;
/// Bytes of decoded code that are kept.
const MOST_BYTES: usize = 4 << 20;
/// Traces that are kept.
const MOST_TRACES: usize = 1 << 17;
/// Records that must be free before the run loop goes on: those of four traces.
const HEADROOM: usize = 4 * (2 * MAX_TRACE + 2);

/// What is known of a trace besides its records.
#[derive(Clone, Copy, Debug)]
struct Meta {
    slot: Slot,
    /// First record.
    start: u32,
    /// EIP of its last byte.
    last_eip: u32,
    /// Bytes in the first page.
    len: u16,
    /// Records, its links included.
    records: u16,
    /// Handler of the first record, replaced while the trace is stale.
    head: Handler,
    /// Its bytes in `TraceCache::bytes`, and its constants in `TraceCache::constants`.
    bytes: u32,
    constants: (u32, u32),
    alive: bool,
    /// Backing offset of the second page's part, for an instruction that spans two.
    second: Option<u32>,
    /// Next trace of the same page, and of the second page.
    next: [u32; 2],
}

/// What [`TraceCache::finish`] made.
struct NewTrace {
    slot: Slot,
    start: usize,
    records: u16,
    last_eip: u32,
    constants: (u32, u32),
    second: Option<u32>,
}

impl Meta {
    /// Where its bytes in a backing page lie: offset in the page and length.
    fn part_in(&self, page: u32) -> (u32, u32) {
        if self.slot.backing >> 12 == page {
            (self.slot.backing & 0xfff, self.len as u32)
        } else {
            (
                0,
                self.last_eip
                    .wrapping_sub(self.slot.eip)
                    .wrapping_add(1)
                    .wrapping_sub(self.len as u32),
            )
        }
    }
}

/// A constant of an instruction that may change without the instruction becoming another.
#[derive(Clone, Copy, Debug)]
struct Constant {
    /// Where it lies in the trace, in bytes, and how many it has.
    at: u8,
    len: u8,
    /// Which record of the trace holds it, and as what.
    record: u8,
    displacement: bool,
}

/// All traces.
pub(crate) struct TraceCache {
    slots: Vec<Slot>,
    metas: Vec<Meta>,
    /// First trace of each backing page.
    pages: Vec<u32>,
    pool: Pool,
    /// Bytes of traces as they were decoded.
    bytes: Vec<u8>,
    constants: Vec<Constant>,
    /// Room for the trace that is being decoded.
    lowered: Vec<Lowered>,
    records: Vec<Record>,
}

fn slot_index(backing: u32, mode: u16) -> usize {
    (backing ^ backing >> 14 ^ (mode as u32).wrapping_mul(0x9e5)) as usize & (SLOTS - 1)
}

impl TraceCache {
    pub(crate) fn new() -> Self {
        Self {
            slots: vec![EMPTY; SLOTS],
            metas: Vec::new(),
            pages: Vec::new(),
            pool: Pool::new(),
            bytes: Vec::new(),
            constants: Vec::new(),
            lowered: Vec::new(),
            records: Vec::new(),
        }
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Keeps at most `records` instructions and links, but always as many as a few traces have.
    pub(crate) fn set_limit(&mut self, records: usize) {
        self.pool.set_limit(records.max(2 * HEADROOM));
    }

    /// Whether the run loop should empty the cache before it goes on.
    pub(crate) fn is_full(&self) -> bool {
        !self.pool.has_room(HEADROOM) || self.bytes.len() > MOST_BYTES || self.metas.len() > MOST_TRACES
    }

    /// Forgets all traces.
    pub(crate) fn clear(&mut self, mem: &mut GuestMemory) {
        for (page, first) in self.pages.iter_mut().enumerate() {
            if *first != NO_TRACE {
                *first = NO_TRACE;
                mem.unmark_code(page as u32);
            }
        }
        // Not all of them: a small pool is emptied often.
        for meta in self.metas.drain(..) {
            self.slots[slot_index(meta.slot.backing, meta.slot.mode)] = EMPTY;
        }
        self.bytes.clear();
        self.constants.clear();
        self.pool.clear();
    }

    /// Makes the traces stale that `len` written bytes at a backing offset touch. Returns how many.
    pub(crate) fn kill_written(&mut self, mem: &mut GuestMemory, backing: u32, len: u32) -> u32 {
        let (page, at_byte) = (backing >> 12, backing & 0xfff);
        let mut killed = 0;
        let mut kept = NO_TRACE;
        let mut at = self.pages.get(page as usize).copied().unwrap_or(NO_TRACE);
        // The list is relinked, in reverse, without the stale traces.
        while let Some(meta) = self.metas.get_mut(at as usize) {
            let part = (meta.slot.backing >> 12 != page) as usize;
            let next = meta.next[part];
            let (first, bytes) = meta.part_in(page);
            if meta.alive && first < at_byte + len && at_byte < first + bytes {
                meta.alive = false;
                killed += 1;
                self.pool.kill(meta.start as usize);
            }
            if meta.alive {
                meta.next[part] = kept;
                kept = at;
            }
            at = next;
        }
        if let Some(first) = self.pages.get_mut(page as usize) {
            *first = kept;
        }
        if killed == 0 {
            // The mark was left over from traces that were dropped before: only live ones keep theirs.
            mem.clear_code_bytes(page);
            while let Some(meta) = self.metas.get(kept as usize) {
                let (first, bytes) = meta.part_in(page);
                mem.mark_code(page << 12 | first, bytes);
                kept = meta.next[(meta.slot.backing >> 12 != page) as usize];
            }
        }
        killed
    }

    /// Tries to make a stale trace valid again under the bytes that are there now.
    fn revive(&mut self, core: &mut Core, mem: &mut GuestMemory, trace: u32) -> bool {
        let Some(meta) = self.metas.get(trace as usize).copied() else {
            return false;
        };
        let now = mem.page_slice(meta.slot.backing, meta.len as usize);
        let start = meta.bytes as usize;
        let Some(then) = self.bytes.get_mut(start..start + meta.len as usize) else {
            return false;
        };
        if meta.second.is_some() || now.len() != then.len() {
            return false;
        }
        if then != now {
            let (first, last) = (meta.constants.0 as usize, meta.constants.1 as usize);
            let constants = self.constants.get(first..last).unwrap_or(&[]);
            // Every byte that differs must belong to a constant.
            let mut left = constants.iter();
            let mut constant = left.next();
            for at in 0..then.len() {
                while constant.is_some_and(|c| c.at as usize + c.len as usize <= at) {
                    constant = left.next();
                }
                if then[at] != now[at] && constant.is_none_or(|c| at < c.at as usize) {
                    return false;
                }
            }
            then.copy_from_slice(now);
            for c in constants {
                let value = u32::from_le_bytes(
                    [0, 1, 2, 3].map(|n| then.get(c.at as usize + n).copied().unwrap_or(0)),
                );
                let index = meta.start as usize + c.record as usize;
                let insn = self.pool.insn(index);
                let (imm, disp) = if c.displacement {
                    (insn.imm, value)
                } else {
                    (value, insn.disp)
                };
                self.pool.set_constants(index, imm, disp);
            }
        }
        self.pool.set_handler(meta.start as usize, meta.head);
        self.list(core, mem, trace);
        true
    }

    /// Puts a live trace into the lists of its pages and marks its bytes as code.
    fn list(&mut self, core: &mut Core, mem: &mut GuestMemory, trace: u32) {
        let Some(mut meta) = self.metas.get(trace as usize).copied() else {
            return;
        };
        let mut mark = |backing: u32, len: u32| {
            if mem.mark_code(backing, len) {
                core.tlb.revoke_writes(backing >> 12, mem);
            }
        };
        mark(meta.slot.backing, meta.len as u32);
        meta.next[0] = self.enlist(meta.slot.backing >> 12, trace);
        if let Some(second) = meta.second {
            mark(
                second,
                meta.last_eip.wrapping_sub(meta.slot.eip) + 1 - meta.len as u32,
            );
            meta.next[1] = self.enlist(second >> 12, trace);
        }
        meta.alive = true;
        self.metas[trace as usize] = meta;
    }

    /// The trace at EIP, decoded if need be. Faults are those of fetching its first instruction.
    pub(crate) fn find(&mut self, core: &mut Core, bus: &mut Bus<'_>) -> Result<TraceRef, Fault> {
        core.stats.trace_lookups += 1;
        let cs = &core.segments[seg::CS];
        let (eip, limit) = (core.eip, cs.limit);
        if eip > limit {
            return Err(Fault::protection(0, FaultRule::FetchBeyondLimit));
        }
        let addr = (cs.base as u32).wrapping_add(eip);
        let target = core.translate(bus, addr, Access::Execute, core.cpl == 3)?;
        let class = LimitClass::of(limit);
        let mode = core.trace_mode.bits() as u16 | (class as u16) << 8;
        let (MapKind::Ram(backing) | MapKind::Rom(backing)) = target.kind else {
            return self.build_elsewhere(core, bus, addr, class);
        };
        let slot = self.slots[slot_index(backing, mode)];
        if (slot.backing, slot.eip, slot.mode) == (backing, eip, mode) {
            let meta = &self.metas[slot.trace as usize];
            if meta.last_eip <= limit {
                if !meta.alive && !self.revive(core, bus.mem, slot.trace) {
                    core.stats.trace_misses += 1;
                    return self.build(core, bus, backing, addr, class, Some(slot.trace));
                }
                let meta = &self.metas[slot.trace as usize];
                let start = meta.start as usize;
                let Some(second) = meta.second else {
                    return Ok(TraceRef::new(start, true));
                };
                let rest = 0x1000 - (addr & 0xfff);
                let page = core.translate(bus, addr.wrapping_add(rest), Access::Execute, core.cpl == 3)?;
                if let MapKind::Ram(now) | MapKind::Rom(now) = page.kind
                    && now == second
                {
                    return Ok(TraceRef::new(start, false));
                }
            }
        }
        core.stats.trace_misses += 1;
        self.build(core, bus, backing, addr, class, None)
    }

    /// Records a decoded trace; `over` is the stale one whose place it took.
    fn insert(&mut self, core: &mut Core, mem: &mut GuestMemory, new: NewTrace, over: Option<u32>) {
        let total = new.last_eip.wrapping_sub(new.slot.eip) + 1;
        let len = total.min(0x1000 - (new.slot.backing & 0xfff));
        let trace = over.unwrap_or(self.metas.len() as u32);
        let bytes = self.bytes.len() as u32;
        self.bytes
            .extend_from_slice(mem.page_slice(new.slot.backing, len as usize));
        let meta = Meta {
            slot: Slot { trace, ..new.slot },
            start: new.start as u32,
            last_eip: new.last_eip,
            len: len as u16,
            records: new.records,
            head: self.pool.insn(new.start).handler,
            bytes,
            constants: new.constants,
            alive: false,
            second: new.second,
            next: [NO_TRACE; 2],
        };
        match self.metas.get_mut(trace as usize) {
            Some(old) => *old = meta,
            None => self.metas.push(meta),
        }
        self.slots[slot_index(new.slot.backing, new.slot.mode)] = meta.slot;
        self.list(core, mem, trace);
    }

    /// Makes `trace` the first of a page's list and returns the one that was.
    fn enlist(&mut self, page: u32, trace: u32) -> u32 {
        if self.pages.len() <= page as usize {
            self.pages.resize(page as usize + 1, NO_TRACE);
        }
        core::mem::replace(&mut self.pages[page as usize], trace)
    }
}
