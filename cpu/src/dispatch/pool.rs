//! The pool of records: every trace is a run of instructions, with a record of links behind each that may branch.

use core::{alloc::Layout, ptr::NonNull};

use iced_x86::Code;

use super::{Handler, Step, chain};
use crate::insn::Insn;

/// Where execution goes on after a trace, remembered. For direct branches slot 0 is the way behind
/// the branch and slot 1 its target; an indirect branch remembers its last target in slot 0.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
pub(crate) struct Links {
    /// First record of the successor.
    pub(super) target: [*const Insn; 2],
    /// The [`link_tag`](super::Engine::link_tag) under which `target` is valid.
    pub(super) tag: [u64; 2],
}

const _: () = assert!(size_of::<Links>() == size_of::<Insn>() && size_of::<Insn>() == 32);

/// What a trace is made of.
#[derive(Clone, Copy)]
pub(crate) enum Record {
    /// An instruction, its slow form, and what the decoder calls it.
    Insn(Insn, Step, Code),
    /// Links, of nothing so far.
    Links,
}

/// A tag that links start with. Generation 0 does not occur.
pub(super) const UNLINKED: u64 = 0;

const END_TRACE: Step = super::step::<crate::exec::branch::EndTrace>;

/// Records in the pool.
const CAPACITY: usize = 1 << 18;

/// A found trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceRef {
    index: u32,
    linkable: bool,
}

impl TraceRef {
    /// `linkable` false: it must be found anew each time (it spans pages, or is not RAM or ROM).
    pub(crate) fn new(index: usize, linkable: bool) -> Self {
        Self {
            index: index as u32,
            linkable,
        }
    }

    pub(crate) fn index(self) -> usize {
        self.index as usize
    }

    pub(crate) fn is_linkable(self) -> bool {
        self.linkable
    }
}

/// The records, and beside them the slow form and the name of each.
pub(crate) struct Pool {
    records: NonNull<Insn>,
    steps: Vec<(Step, Code)>,
    /// How many records may be used, at most [`CAPACITY`].
    limit: usize,
}

fn layout() -> Layout {
    Layout::new::<[Insn; CAPACITY]>()
}

impl Pool {
    pub(crate) fn new() -> Self {
        // SAFETY: the layout has a size above zero. Zeroed memory is not a valid Insn (its handler is a
        // function pointer), so no record is read before `push` wrote it: `steps.len()` records are.
        let memory = unsafe { std::alloc::alloc_zeroed(layout()) }.cast::<Insn>();
        let Some(records) = NonNull::new(memory) else {
            std::alloc::handle_alloc_error(layout())
        };
        Self {
            records,
            steps: Vec::new(),
            limit: CAPACITY,
        }
    }

    /// Number of records in use.
    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether a trace of `records` records still fits.
    pub(crate) fn has_room(&self, records: usize) -> bool {
        self.len() + records <= self.limit
    }

    /// Allows `records` records, as far as there is room for them.
    pub(crate) fn set_limit(&mut self, records: usize) {
        self.limit = records.min(CAPACITY);
    }

    /// Forgets all traces. Only the run loop may, while no chain runs.
    pub(crate) fn clear(&mut self) {
        self.steps.clear();
    }

    /// Stores a trace and returns the index of its first record, or `None` if it does not fit: over the
    /// trace at `place` (first record and number of records), if there it fits, else behind all others. It begins
    /// with an instruction and ends with links.
    ///
    /// A trace may only be overwritten after [`Pool::kill`], and never the one that is running: links
    /// to its first record then lead to the new one.
    pub(crate) fn push(&mut self, trace: &[Record], place: Option<(usize, usize)>) -> Option<usize> {
        let reused = place.filter(|&(start, room)| trace.len() <= room && start + room <= self.len());
        let start = reused.map_or(self.len(), |(start, _)| start);
        let complete = matches!(trace, [Record::Insn(..), .., Record::Links]);
        if !complete || (reused.is_none() && !self.has_room(trace.len())) {
            return None;
        }
        // The entry of a links record is never called; it keeps the two arrays in step.
        let end_trace = (END_TRACE, Code::INVALID);
        if reused.is_none() {
            self.steps.resize(start + trace.len(), end_trace);
        }
        for (n, record) in trace.iter().enumerate() {
            // SAFETY: start + trace.len() <= limit <= CAPACITY, by has_room, or these records exist. A Links
            // record is as large and as aligned as an Insn.
            self.steps[start + n] = unsafe {
                let place = self.records.add(start + n);
                match *record {
                    Record::Insn(insn, step, code) => {
                        place.write(insn);
                        (step, code)
                    }
                    Record::Links => {
                        place.cast::<Links>().write(Links {
                            target: [core::ptr::null(); 2],
                            tag: [UNLINKED; 2],
                        });
                        end_trace
                    }
                }
            };
        }
        Some(start)
    }

    /// Makes the trace at `start` stand for nothing: whoever reaches it looks its EIP up again.
    pub(crate) fn kill(&mut self, start: usize) {
        self.set_handler(start, chain::dead_handler());
    }

    /// Replaces the handler of an instruction.
    pub(crate) fn set_handler(&mut self, index: usize, handler: Handler) {
        if index < self.len() {
            // SAFETY: in range, and the caller names an instruction's record, not one of links.
            unsafe { (*self.records.add(index).as_ptr()).handler = handler };
        }
    }

    /// Replaces immediate and displacement of an instruction.
    pub(crate) fn set_constants(&mut self, index: usize, imm: u32, disp: u32) {
        if index < self.len() {
            // SAFETY: as in `set_handler`.
            unsafe {
                let insn = self.records.add(index).as_ptr();
                (*insn).imm = imm;
                (*insn).disp = disp;
            }
        }
    }

    /// The instruction record at `index`.
    pub(crate) fn insn(&self, index: usize) -> Insn {
        debug_assert!(index < self.len());
        // SAFETY: the indices that exist come from `push` and from walking a trace up to its end.
        unsafe { self.records.add(index).read() }
    }

    /// The slow form of the record at `index`.
    pub(crate) fn step(&self, index: usize) -> Step {
        self.steps.get(index).map_or(END_TRACE, |&(step, _)| step)
    }

    /// The form of the instruction at `index`; `INVALID` also for what ends a trace.
    pub(crate) fn code(&self, index: usize) -> Code {
        self.steps.get(index).map_or(Code::INVALID, |&(_, code)| code)
    }

    pub(super) fn pointer(&self, index: usize) -> *const Insn {
        debug_assert!(index < self.len());
        // SAFETY: in range of the allocation.
        unsafe { self.records.add(index).as_ptr() }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout; records need no drop.
        unsafe { std::alloc::dealloc(self.records.as_ptr().cast(), layout()) };
    }
}
