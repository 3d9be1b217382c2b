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
    dispatch::{MAX_TRACE, Pool, TraceRef},
    fault::{Fault, FaultRule},
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
    alive: bool,
    /// Backing offset of the second page's part, for an instruction that spans two.
    second: Option<u32>,
    /// Next trace of the same page, and of the second page.
    next: [u32; 2],
}

impl Meta {
    /// The 128-byte lines of a page that its bytes lie in.
    fn lines(&self, page: u32) -> u32 {
        let total = self.last_eip.wrapping_sub(self.slot.eip);
        let (first, last) = if self.slot.backing >> 12 == page {
            let first = self.slot.backing & 0xfff;
            (first, first + self.len as u32 - 1)
        } else {
            (0, total.wrapping_sub(self.len as u32))
        };
        (u32::MAX << (first >> 7 & 31)) & (u32::MAX >> (31 - (last >> 7 & 31)))
    }
}

/// All traces.
pub(crate) struct TraceCache {
    slots: Vec<Slot>,
    metas: Vec<Meta>,
    /// First trace of each backing page.
    pages: Vec<u32>,
    pool: Pool,
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
        }
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Whether the run loop should empty the cache before it goes on.
    pub(crate) fn is_full(&self) -> bool {
        !self.pool.has_room(4 * (MAX_TRACE + 2))
    }

    /// Forgets all traces.
    pub(crate) fn clear(&mut self, mem: &mut GuestMemory) {
        for (page, first) in self.pages.iter_mut().enumerate() {
            if *first != NO_TRACE {
                *first = NO_TRACE;
                mem.unmark_code(page as u32);
            }
        }
        self.slots.fill(EMPTY);
        self.metas.clear();
        self.pool.clear();
    }

    /// Forgets the traces whose bytes lie in the written lines of a page. Returns how many.
    pub(crate) fn kill_lines(&mut self, page: u32, lines: u32) -> u32 {
        let mut killed = 0;
        let mut kept = NO_TRACE;
        let mut at = self.pages.get(page as usize).copied().unwrap_or(NO_TRACE);
        // The list is relinked, in reverse, without the traces that are no more.
        while let Some(meta) = self.metas.get_mut(at as usize) {
            let part = (meta.slot.backing >> 12 != page) as usize;
            let next = meta.next[part];
            if meta.alive && meta.lines(page) & lines != 0 {
                meta.alive = false;
                killed += 1;
                self.pool.kill(meta.start as usize);
                let slot = &mut self.slots[slot_index(meta.slot.backing, meta.slot.mode)];
                if slot.trace == at {
                    *slot = EMPTY;
                }
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
        killed
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
                match meta.second {
                    None => return Ok(TraceRef::new(meta.start as usize, true)),
                    Some(second) => {
                        let (start, rest) = (meta.start as usize, 0x1000 - (addr & 0xfff));
                        let page =
                            core.translate(bus, addr.wrapping_add(rest), Access::Execute, core.cpl == 3)?;
                        if let MapKind::Ram(now) | MapKind::Rom(now) = page.kind
                            && now == second
                        {
                            return Ok(TraceRef::new(start, false));
                        }
                    }
                }
            }
        }
        core.stats.trace_misses += 1;
        self.build(core, bus, backing, addr, class)
    }

    /// Records a decoded trace.
    fn insert(
        &mut self,
        core: &mut Core,
        mem: &mut GuestMemory,
        slot: Slot,
        start: usize,
        last_eip: u32,
        second: Option<u32>,
    ) {
        let total = last_eip.wrapping_sub(slot.eip) + 1;
        let len = total.min(0x1000 - (slot.backing & 0xfff));
        let trace = self.metas.len() as u32;
        let mut meta = Meta {
            slot: Slot { trace, ..slot },
            start: start as u32,
            last_eip,
            len: len as u16,
            alive: true,
            second,
            next: [NO_TRACE; 2],
        };
        meta.next[0] = self.enlist(slot.backing >> 12, trace);
        let mut mark = |backing: u32, len: u32| {
            if mem.mark_code(backing, len) {
                core.tlb.revoke_writes(backing >> 12, mem);
            }
        };
        mark(slot.backing, len);
        if let Some(second) = second {
            mark(second, total - len);
            meta.next[1] = self.enlist(second >> 12, trace);
        }
        self.metas.push(meta);
        self.slots[slot_index(slot.backing, slot.mode)] = meta.slot;
    }

    /// Makes `trace` the first of a page's list and returns the one that was.
    fn enlist(&mut self, page: u32, trace: u32) -> u32 {
        if self.pages.len() <= page as usize {
            self.pages.resize(page as usize + 1, NO_TRACE);
        }
        core::mem::replace(&mut self.pages[page as usize], trace)
    }
}
