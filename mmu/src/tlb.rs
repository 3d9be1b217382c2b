//! The translation look-aside buffer: linear page to host pointer, in one compare.
//!
//! An entry holds two tags, one for reads and one for writes: `addr - tag <= PAGE - size` tests
//! page and page crossing at once. A tag is given only while such an access needs nothing but the
//! host's memory: rights are there, the dirty bit is set (for writes) and no [`crate::PageFlags`] ask to
//! be noticed. Otherwise the entry still caches the translation, so that the slow path needs no walk.
//!
//! Entries come in banks: supervisor, user, and one that is never filled, selected while every
//! access must take the slow path (alignment checks, data breakpoints).
//!
//! With [`crate::host_ram`] one of two modules of this crate with `unsafe` code. Invariants: `host`
//! of an entry with a valid tag points at a whole page inside the block of the [`GuestMemory`] that
//! the TLB is bound to, and that block never moves; [`Tlb::bind`] drops everything when another
//! memory or another map is used; the processor calls the fast accessors only between `bind` and
//! the end of the borrow of that memory.
#![allow(unsafe_code)]

use crate::{Access, GuestMemory, MapKind, PAGE_SIZE, Walk, Width};

/// Entries per bank.
const ENTRIES: usize = 1024;
/// Entries per bank for instruction fetches.
const EXEC_ENTRIES: usize = 256;
/// A tag that no address matches.
const NO_TAG: u64 = 1 << 62;
/// A page number that no address has.
const NO_PAGE: u32 = u32::MAX;
/// How many fills are remembered so that a flush touches only these.
const FILL_LIST: usize = 512;

/// Which entries accesses use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlbBank {
    /// CPL 0–2.
    Supervisor,
    /// CPL 3.
    User,
    /// Never hit: everything takes the slow path.
    Disabled,
}

impl TlbBank {
    const fn first(self) -> usize {
        match self {
            Self::Supervisor => 0,
            Self::User => ENTRIES,
            Self::Disabled => 2 * ENTRIES,
        }
    }
}

/// What lies behind a linear address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Physical address after the A20 gate.
    pub phys: u32,
    /// What is there.
    pub kind: MapKind,
}

#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
struct Entry {
    read_tag: u64,
    write_tag: u64,
    host: *mut u8,
    page: u32,
    frame: u32,
}

const FRAME_MASK: u32 = !0xfff;
const FLAG_WRITE: u32 = 1 << 0;
const FLAG_GLOBAL: u32 = 1 << 1;
const FLAG_LARGE: u32 = 1 << 2;
const FLAG_DEVICE: u32 = 1 << 3;
/// The frame lies at 4 GiB or above: nothing is there.
const FLAG_BEYOND: u32 = 1 << 4;

impl Entry {
    const EMPTY: Self = Self {
        read_tag: NO_TAG,
        write_tag: NO_TAG,
        host: core::ptr::null_mut(),
        page: NO_PAGE,
        frame: 0,
    };
}

#[derive(Clone, Copy, Debug)]
struct ExecEntry {
    page: u32,
    frame: u32,
}

impl ExecEntry {
    const EMPTY: Self = Self {
        page: NO_PAGE,
        frame: 0,
    };
}

/// A value at any address. Reading and writing it through a pointer takes no copy on the stack, not even in
/// builds whose checks make `write_unaligned` do so: the chained handlers can have none.
#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Unaligned<W>(W);

/// A place in guest memory that was checked for writing. Valid until the end of the instruction
/// that obtained it.
#[derive(Clone, Copy, Debug)]
pub struct HostSlot(*mut u8);

impl HostSlot {
    /// Reads the value; `W` is the width that the slot was obtained with.
    #[inline(always)]
    pub fn read<W: Width>(self) -> W {
        // SAFETY: as in `write`.
        unsafe { self.0.cast::<Unaligned<W>>().read().0 }
    }

    /// Writes the value; `W` is the width that the slot was obtained with.
    #[inline(always)]
    pub fn write<W: Width>(self, value: W) {
        // SAFETY: made by `Tlb` for this width after it checked the address, so W::BYTES bytes from here lie
        // inside one page of the bound block. The instruction has not ended, so nothing was unbound.
        unsafe { self.0.cast::<Unaligned<W>>().write(Unaligned(value)) }
    }
}

/// The TLB.
#[derive(Debug)]
pub struct Tlb {
    /// The banks, one after another. Never moves or grows.
    entries: Vec<Entry>,
    exec: [ExecEntry; 2 * EXEC_ENTRIES],
    /// The first entry of the bank in use.
    bank: *const Entry,
    /// Indices filled since the last flush, or more than fit.
    filled: Vec<u16>,
    overflowed: bool,
    has_large: bool,
    has_global: bool,
    generation: u32,
    identity: (usize, usize),
    map_generation: u32,
    misses: u64,
}

// SAFETY: the pointers go into the block of a GuestMemory, which is Send itself; they are only followed
// while that memory is bound, which `bind` checks anew at each slice, whatever thread it runs on.
unsafe impl Send for Tlb {}

impl Default for Tlb {
    fn default() -> Self {
        let entries = vec![Entry::EMPTY; 3 * ENTRIES];
        Self {
            bank: entries.as_ptr(),
            entries,
            exec: [ExecEntry::EMPTY; 2 * EXEC_ENTRIES],
            filled: Vec::with_capacity(FILL_LIST),
            overflowed: false,
            has_large: false,
            has_global: false,
            generation: 1,
            identity: (0, 0),
            map_generation: 0,
            misses: 0,
        }
    }
}

/// log2 of the size of an entry.
const ENTRY_SHIFT: u32 = 5;
const _: () = assert!(size_of::<Entry>() == 1 << ENTRY_SHIFT);

#[inline(always)]
fn index_of(addr: u64) -> usize {
    (addr >> 12) as usize & (ENTRIES - 1)
}

impl Tlb {
    // ---- the fast path ----

    #[inline(always)]
    fn entry(&self, addr: u64) -> &Entry {
        // Offsets in bytes: one shift does for page number and entry size.
        let offset = (addr >> (12 - ENTRY_SHIFT)) as usize & ((ENTRIES - 1) << ENTRY_SHIFT);
        // SAFETY: `bank` points to the first entry of a bank inside `entries`, which never moves, and the offset
        // is that of one of the ENTRIES of a bank.
        unsafe { &*self.bank.byte_add(offset) }
    }

    /// The entry of `addr` for CPL 3 or others, whatever bank is selected.
    #[inline(always)]
    fn entry_as(&self, addr: u64, user: bool) -> &Entry {
        let bank = if user { TlbBank::User } else { TlbBank::Supervisor };
        &self.entries[index_of(addr) + bank.first()]
    }

    /// Reads at a linear address if nothing but host memory is involved.
    #[inline(always)]
    pub fn read<W: Width>(&self, addr: u64) -> Option<W> {
        let &Entry { read_tag, host, .. } = self.entry(addr);
        let offset = addr.wrapping_sub(read_tag);
        if offset > (PAGE_SIZE - W::BYTES) as u64 {
            return None;
        }
        // SAFETY: the tag matched, so `host` is a whole page of the bound block, and offset + BYTES <= PAGE_SIZE.
        Some(unsafe { host.add(offset as usize).cast::<Unaligned<W>>().read().0 })
    }

    /// Writes at a linear address if nothing but host memory is involved; else returns false.
    #[inline(always)]
    pub fn write<W: Width>(&self, addr: u64, value: W) -> bool {
        self.write_with(addr, || value)
    }

    /// Like [`Tlb::write`], with a value that is only asked for if it is written.
    #[inline(always)]
    pub fn write_with<W: Width>(&self, addr: u64, value: impl FnOnce() -> W) -> bool {
        let &Entry { write_tag, host, .. } = self.entry(addr);
        let offset = addr.wrapping_sub(write_tag);
        if offset > (PAGE_SIZE - W::BYTES) as u64 {
            return false;
        }
        // SAFETY: as in `read`; the write tag says that the page is RAM without flags.
        unsafe {
            host.add(offset as usize)
                .cast::<Unaligned<W>>()
                .write(Unaligned(value()))
        };
        true
    }

    /// Reads a value and the place to write it back, for read-modify-write.
    #[inline(always)]
    pub fn modify<W: Width>(&self, addr: u64) -> Option<(W, HostSlot)> {
        let &Entry { write_tag, host, .. } = self.entry(addr);
        let offset = addr.wrapping_sub(write_tag);
        if offset > (PAGE_SIZE - W::BYTES) as u64 {
            return None;
        }
        // SAFETY: as in `write`.
        let (value, place) = unsafe {
            let place = host.add(offset as usize);
            (place.cast::<Unaligned<W>>().read().0, place)
        };
        Some((value, HostSlot(place)))
    }

    /// Reads 16 bytes at a linear address if nothing but host memory is involved.
    #[inline(always)]
    pub fn read_wide(&self, addr: u64) -> Option<[u8; 16]> {
        let &Entry { read_tag, host, .. } = self.entry(addr);
        let offset = addr.wrapping_sub(read_tag);
        if offset > (PAGE_SIZE - 16) as u64 {
            return None;
        }
        // SAFETY: as in `read`, with 16 bytes.
        Some(unsafe { host.add(offset as usize).cast::<Unaligned<[u8; 16]>>().read().0 })
    }

    /// Writes 16 bytes at a linear address if nothing but host memory is involved; else returns false.
    #[inline(always)]
    pub fn write_wide(&self, addr: u64, value: [u8; 16]) -> bool {
        let &Entry { write_tag, host, .. } = self.entry(addr);
        let offset = addr.wrapping_sub(write_tag);
        if offset > (PAGE_SIZE - 16) as u64 {
            return false;
        }
        // SAFETY: as in `write`, with 16 bytes.
        unsafe {
            host.add(offset as usize)
                .cast::<Unaligned<[u8; 16]>>()
                .write(Unaligned(value))
        };
        true
    }

    /// Like [`Tlb::read`], with the rights of CPL 3 or others, whatever bank is selected.
    #[inline(always)]
    pub fn read_as<W: Width>(&self, addr: u64, user: bool) -> Option<W> {
        let entry = self.entry_as(addr, user);
        let offset = addr.wrapping_sub(entry.read_tag);
        if offset > (PAGE_SIZE - W::BYTES) as u64 {
            return None;
        }
        // SAFETY: as in `read`.
        Some(unsafe { entry.host.add(offset as usize).cast::<W>().read_unaligned() })
    }

    /// Like [`Tlb::write`] and [`Tlb::write_noticed`], with the rights of CPL 3 or others, whatever
    /// bank is selected.
    #[inline(always)]
    pub fn write_as<W: Width>(&self, addr: u64, value: W, user: bool, mem: &mut GuestMemory) -> bool {
        let entry = self.entry_as(addr, user);
        let offset = addr.wrapping_sub(entry.write_tag);
        if offset > (PAGE_SIZE - W::BYTES) as u64 {
            let Some(backing) = self.writable(entry, addr, W::BYTES, mem) else {
                return false;
            };
            mem.write(backing, value);
            return true;
        }
        // SAFETY: as in `write`.
        unsafe { entry.host.add(offset as usize).cast::<W>().write_unaligned(value) };
        true
    }

    // ---- devices ----

    /// The physical address at `addr` if `len` bytes there are one device page's and may be read, or
    /// written.
    #[inline(always)]
    pub fn device(&self, addr: u64, len: u32, write: bool, mem: &GuestMemory) -> Option<u32> {
        Self::device_in(self.entry(addr), addr, len, write, mem)
    }

    /// Like [`Tlb::device`], with the rights of CPL 3 or others, whatever bank is selected.
    #[inline(always)]
    pub fn device_as(&self, addr: u64, len: u32, write: bool, user: bool, mem: &GuestMemory) -> Option<u32> {
        Self::device_in(self.entry_as(addr, user), addr, len, write, mem)
    }

    #[inline(always)]
    fn device_in(entry: &Entry, addr: u64, len: u32, write: bool, mem: &GuestMemory) -> Option<u32> {
        let needed = FLAG_DEVICE | if write { FLAG_WRITE } else { 0 };
        let offset = addr as u32 & (PAGE_SIZE - 1);
        let usable =
            entry.page == (addr >> 12) as u32 && entry.frame & needed == needed && offset <= PAGE_SIZE - len;
        usable.then_some((entry.frame & FRAME_MASK | offset) & mem.a20_mask())
    }

    // ---- memory that must be noticed ----

    /// The entry of `addr` if it translates `len` bytes of RAM or ROM from there on that may be written,
    /// noticed or not, and the backing offset.
    #[inline(always)]
    fn writable(&self, entry: &Entry, addr: u64, len: u32, mem: &GuestMemory) -> Option<u32> {
        let offset = addr as u32 & (PAGE_SIZE - 1);
        if entry.page != (addr >> 12) as u32
            || entry.frame & FLAG_WRITE == 0
            || entry.host.is_null()
            || offset > PAGE_SIZE - len
        {
            return None;
        }
        // The pointer came from this block: the difference is the page's backing offset.
        Some((entry.host as usize).wrapping_sub(mem.identity().0) as u32 + offset)
    }

    /// Writes at a linear address whose page withholds fast writes, and lets the memory notice it.
    #[inline(always)]
    pub fn write_noticed<W: Width>(&self, addr: u64, value: W, mem: &mut GuestMemory) -> bool {
        match self.writable(self.entry(addr), addr, W::BYTES, mem) {
            Some(backing) => {
                mem.write(backing, value);
                true
            }
            None => false,
        }
    }

    /// The place of a value in a page that holds decoded code, if none of its own bytes is decoded and the page has
    /// nothing else to notice: writing there is like writing anywhere.
    #[inline(always)]
    pub fn place_beside_code<W: Width>(&self, addr: u64, mem: &GuestMemory) -> Option<HostSlot> {
        let entry = self.entry(addr);
        let backing = self.writable(entry, addr, W::BYTES, mem)?;
        // SAFETY: `writable` found `host` to be a page of the bound block, and W::BYTES bytes from here inside it.
        mem.is_beside_code(backing, W::BYTES)
            .then(|| HostSlot(unsafe { entry.host.add(addr as usize & (PAGE_SIZE as usize - 1)) }))
    }

    /// Reads a value that [`Tlb::write_noticed`] is sure to be able to write back.
    #[inline(always)]
    pub fn read_writable<W: Width>(&self, addr: u64, mem: &GuestMemory) -> Option<W> {
        let backing = self.writable(self.entry(addr), addr, W::BYTES, mem)?;
        Some(mem.read(backing))
    }

    /// The part of the page at `addr` that may be read as plain memory, if any, at most `len` bytes.
    pub fn read_run(&self, addr: u64, len: usize) -> Option<&[u8]> {
        let entry = self.entry(addr);
        let offset = addr.wrapping_sub(entry.read_tag);
        if offset >= PAGE_SIZE as u64 {
            return None;
        }
        let len = len.min(PAGE_SIZE as usize - offset as usize);
        // SAFETY: as in `read`; the borrow of self keeps writers through this TLB away.
        Some(unsafe { core::slice::from_raw_parts(entry.host.add(offset as usize), len) })
    }

    /// The part of the page at `addr` that may be written as plain memory, if any, at most `len` bytes.
    pub fn write_run(&mut self, addr: u64, len: usize) -> Option<&mut [u8]> {
        let entry = self.entry(addr);
        let offset = addr.wrapping_sub(entry.write_tag);
        if offset >= PAGE_SIZE as u64 {
            return None;
        }
        let len = len.min(PAGE_SIZE as usize - offset as usize);
        // SAFETY: as in `write`; the mutable borrow of self excludes every other access through this TLB.
        Some(unsafe { core::slice::from_raw_parts_mut(entry.host.add(offset as usize), len) })
    }

    /// Copies `len` bytes between two runs of plain memory, ascending, as byte copies would, and
    /// returns how many bytes were copied: up to the end of either page. 0 if either is not plain.
    pub fn copy_run(&mut self, from: u64, to: u64, len: usize) -> usize {
        let (source, target) = (self.entry(from), self.entry(to));
        let (from, to) = (
            from.wrapping_sub(source.read_tag),
            to.wrapping_sub(target.write_tag),
        );
        if from >= PAGE_SIZE as u64 || to >= PAGE_SIZE as u64 {
            return 0;
        }
        let (from, to) = (from as usize, to as usize);
        let len = len.min(PAGE_SIZE as usize - from).min(PAGE_SIZE as usize - to);
        // SAFETY: both ranges lie inside pages of the bound block. They may overlap: if the target lies
        // inside the source range after its start, an ascending copy repeats the pattern, so it is done
        // in steps no longer than the distance; otherwise memmove has the same result.
        unsafe {
            let (source, target) = (source.host.add(from), target.host.add(to));
            let distance = (target as usize).wrapping_sub(source as usize);
            if distance == 0 || distance >= len {
                core::ptr::copy(source, target, len);
            } else {
                let mut done = 0;
                while done < len {
                    let step = distance.min(len - done);
                    core::ptr::copy_nonoverlapping(source.add(done), target.add(done), step);
                    done += step;
                }
            }
        }
        len
    }

    // ---- the slow path ----

    /// The cached translation of `addr` for an access, rights and dirty bit considered.
    pub fn lookup(&self, addr: u64, access: Access, user: bool, mem: &GuestMemory) -> Option<Target> {
        let page = (addr >> 12) as u32;
        let frame = if access == Access::Execute {
            let entry = self.exec[(page as usize & (EXEC_ENTRIES - 1)) + EXEC_ENTRIES * user as usize];
            (entry.page == page).then_some(entry.frame)?
        } else {
            let bank = if user { TlbBank::User } else { TlbBank::Supervisor };
            let entry = &self.entries[index_of(addr) + bank.first()];
            let usable = entry.page == page && (access == Access::Read || entry.frame & FLAG_WRITE != 0);
            usable.then_some(entry.frame)?
        };
        let phys = (frame & FRAME_MASK | addr as u32 & 0xfff) & mem.a20_mask();
        let beyond = frame & FLAG_BEYOND != 0;
        Some(Target {
            phys,
            kind: if beyond { MapKind::Hole } else { mem.lookup(phys) },
        })
    }

    /// Records the result of a walk and returns what lies there.
    pub fn fill(
        &mut self,
        addr: u64,
        walk: &Walk,
        access: Access,
        user: bool,
        write_protect: bool,
        mem: &GuestMemory,
    ) -> Target {
        self.misses += 1;
        let page = (addr >> 12) as u32;
        let phys = (walk.frame | addr as u32 & 0xfff) & mem.a20_mask();
        let kind = if walk.beyond {
            MapKind::Hole
        } else {
            mem.lookup(phys)
        };
        let beyond = if walk.beyond { FLAG_BEYOND } else { 0 };
        self.has_large |= walk.large;
        self.has_global |= walk.global;
        if access == Access::Execute {
            let index = (page as usize & (EXEC_ENTRIES - 1)) + EXEC_ENTRIES * user as usize;
            self.exec[index] = ExecEntry {
                page,
                frame: walk.frame | beyond,
            };
            return Target { phys, kind };
        }
        let index = index_of(addr) + if user { ENTRIES } else { 0 };
        let may_write = walk.dirty && (walk.writable || !(user || write_protect));
        let mut entry = Entry {
            page,
            frame: walk.frame | beyond,
            ..Entry::EMPTY
        };
        entry.frame |= if may_write { FLAG_WRITE } else { 0 };
        entry.frame |= if walk.global { FLAG_GLOBAL } else { 0 };
        entry.frame |= if walk.large { FLAG_LARGE } else { 0 };
        entry.frame |= if kind == MapKind::Mmio { FLAG_DEVICE } else { 0 };
        if let MapKind::Ram(backing) | MapKind::Rom(backing) = kind
            && let Some(host) = mem.host_page(backing)
        {
            let tag = addr & !(PAGE_SIZE as u64 - 1);
            entry.host = host;
            entry.read_tag = tag;
            let plain = matches!(kind, MapKind::Ram(_)) && mem.page_flags(backing / PAGE_SIZE).is_empty();
            if may_write && plain {
                entry.write_tag = tag;
            }
        }
        self.entries[index] = entry;
        if self.filled.len() < FILL_LIST {
            self.filled.push(index as u16);
        } else {
            self.overflowed = true;
        }
        Target { phys, kind }
    }

    // ---- keeping it true ----

    /// Prepares for accesses to `mem`: drops everything if it is another memory, or mapped
    /// differently, than last time.
    pub fn bind(&mut self, mem: &GuestMemory) {
        if self.identity != mem.identity() || self.map_generation != mem.map_generation() {
            self.identity = mem.identity();
            self.map_generation = mem.map_generation();
            self.flush_all();
        }
    }

    /// Chooses the entries that the fast path uses.
    pub fn select(&mut self, bank: TlbBank) {
        self.bank = &raw const self.entries[bank.first()];
    }

    /// Drops everything.
    pub fn flush_all(&mut self) {
        self.flush(false);
    }

    /// Drops everything but global pages.
    pub fn flush_non_global(&mut self) {
        self.flush(self.has_global);
    }

    fn flush(&mut self, keep_global: bool) {
        self.next_generation();
        let keep = |entry: &Entry| keep_global && entry.frame & FLAG_GLOBAL != 0;
        let mut kept = Vec::new();
        if self.overflowed {
            for (index, entry) in self.entries.iter_mut().enumerate() {
                if entry.page != NO_PAGE && keep(entry) {
                    kept.push(index as u16);
                } else {
                    *entry = Entry::EMPTY;
                }
            }
        } else {
            for &index in &self.filled {
                let entry = &mut self.entries[index as usize];
                if keep(entry) {
                    kept.push(index);
                } else {
                    *entry = Entry::EMPTY;
                }
            }
        }
        self.filled.clear();
        self.overflowed = kept.len() > FILL_LIST;
        kept.truncate(FILL_LIST);
        self.filled.extend_from_slice(&kept);
        self.exec.fill(ExecEntry::EMPTY);
        if !keep_global {
            self.has_large = false;
            self.has_global = false;
        }
    }

    /// INVLPG: drops the page of `addr`, and all of it if it is a large one.
    pub fn invalidate_page(&mut self, addr: u64) {
        self.next_generation();
        let page = (addr >> 12) as u32;
        for bank in [TlbBank::Supervisor, TlbBank::User] {
            let entry = &mut self.entries[index_of(addr) + bank.first()];
            if entry.page == page {
                *entry = Entry::EMPTY;
            }
        }
        if self.has_large {
            for entry in &mut self.entries {
                if entry.page >> 10 == page >> 10 && entry.frame & FLAG_LARGE != 0 {
                    *entry = Entry::EMPTY;
                }
            }
        }
        for half in [0, EXEC_ENTRIES] {
            let entry = &mut self.exec[(page as usize & (EXEC_ENTRIES - 1)) + half];
            if entry.page == page {
                *entry = ExecEntry::EMPTY;
            }
        }
        if self.has_large {
            for entry in &mut self.exec {
                if entry.page >> 10 == page >> 10 {
                    *entry = ExecEntry::EMPTY;
                }
            }
        }
    }

    /// Withdraws fast writes to a backing page, at every address it appears at, after a
    /// [`crate::PageFlags`] bit was set for it.
    pub fn revoke_writes(&mut self, backing_page: u32, mem: &GuestMemory) {
        let Some(host) = mem.host_page(backing_page.wrapping_mul(PAGE_SIZE)) else {
            return;
        };
        let revoke = |entry: &mut Entry| {
            if entry.host == host {
                entry.write_tag = NO_TAG;
            }
        };
        if self.overflowed {
            self.entries[..2 * ENTRIES].iter_mut().for_each(revoke);
        } else {
            let filled = self.filled.iter();
            filled.for_each(|&index| revoke(&mut self.entries[index as usize]));
        }
    }

    /// Makes everything that was derived from the present translations stale.
    pub fn next_generation(&mut self) {
        // 0 is left out: it marks what was never valid.
        self.generation = self.generation.wrapping_add(1).max(1);
    }

    /// Changes whenever a translation was dropped.
    #[inline(always)]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Number of walks recorded.
    pub fn misses(&self) -> u64 {
        self.misses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup() -> (GuestMemory, Tlb) {
        let mut mem = GuestMemory::new(1 << 20);
        mem.map_ram(0, 1 << 20, 0);
        let mut tlb = Tlb::default();
        tlb.bind(&mem);
        (mem, tlb)
    }

    fn fill(tlb: &mut Tlb, mem: &GuestMemory, addr: u64, frame: u32) {
        let walk = Walk {
            frame,
            user: true,
            writable: true,
            dirty: true,
            global: false,
            large: false,
            beyond: false,
        };
        tlb.fill(addr, &walk, Access::Write, false, true, mem);
    }

    #[test]
    fn a_hit_reads_and_writes_and_a_page_crossing_misses() {
        let (mut mem, mut tlb) = setup();
        mem.write::<u32>(0x5010, 0x1234_5678);
        assert_eq!(tlb.read::<u32>(0x8010), None);
        fill(&mut tlb, &mem, 0x8010, 0x5000);
        assert_eq!(tlb.read::<u32>(0x8010), Some(0x1234_5678));
        assert!(tlb.write::<u16>(0x8ffe, 0xbeef));
        assert!(!tlb.write::<u16>(0x8fff, 0));
        assert_eq!(mem.read::<u16>(0x5ffe), 0xbeef);
    }

    #[test]
    fn code_pages_lose_fast_writes_but_keep_the_translation() {
        let (mut mem, mut tlb) = setup();
        fill(&mut tlb, &mem, 0x8000, 0x5000);
        assert!(mem.mark_code(0x5000, 4));
        tlb.revoke_writes(5, &mem);
        assert!(!tlb.write::<u8>(0x8100, 1));
        assert_eq!(tlb.read::<u8>(0x8100), Some(0));
        assert!(tlb.lookup(0x8100, Access::Write, false, &mem).is_some());
    }

    #[test]
    fn a_device_page_is_known_by_its_entry_and_an_access_that_crosses_its_end_is_not() {
        let (mut mem, mut tlb) = setup();
        mem.map_mmio(0xa0000, 0x1000);
        tlb.bind(&mem);
        assert_eq!(tlb.device(0x8010, 4, false, &mem), None);
        fill(&mut tlb, &mem, 0x8010, 0xa0000);
        assert_eq!(tlb.device(0x8ffc, 4, true, &mem), Some(0xa0ffc));
        assert_eq!(tlb.device(0x8ffd, 4, true, &mem), None);
        assert_eq!(
            tlb.device_as(0x8010, 4, false, true, &mem),
            None,
            "filled for the supervisor"
        );
        fill(&mut tlb, &mem, 0x8010, 0x5000);
        assert_eq!(tlb.device(0x8010, 4, false, &mem), None, "memory");
        let read_only = Walk {
            frame: 0xa0000,
            user: true,
            writable: false,
            dirty: true,
            global: false,
            large: false,
            beyond: false,
        };
        tlb.fill(0x8010, &read_only, Access::Read, true, true, &mem);
        assert_eq!(tlb.device_as(0x8010, 1, false, true, &mem), Some(0xa0010));
        assert_eq!(tlb.device_as(0x8010, 1, true, true, &mem), None);
    }

    #[test]
    fn flushing_and_rebinding_drop_translations() {
        let (mut mem, mut tlb) = setup();
        fill(&mut tlb, &mem, 0x8000, 0x5000);
        tlb.invalidate_page(0x8fff);
        assert_eq!(tlb.read::<u8>(0x8000), None);
        fill(&mut tlb, &mem, 0x8000, 0x5000);
        mem.set_a20(false);
        tlb.bind(&mem);
        assert_eq!(tlb.read::<u8>(0x8000), None);
    }

    #[test]
    fn an_overlapping_run_repeats_the_pattern_as_byte_copies_do() {
        let (mut mem, mut tlb) = setup();
        mem.write_bytes(0x5000, b"abc");
        fill(&mut tlb, &mem, 0x8000, 0x5000);
        assert_eq!(tlb.copy_run(0x8000, 0x8003, 7), 7);
        assert_eq!(mem.page_slice(0x5000, 10), b"abcabcabca");
    }
}
