//! Guest memory: RAM and ROM, the physical map, and per-page flags.
//!
//! Two address spaces meet here. A *physical* address is what the processor puts on the bus after
//! the A20 gate. A *backing* offset says where a byte lies in our own block: RAM first, a display adapter's
//! frame buffer and ROM images behind it. The map turns the one into the other, 4 KiB at a time, so that the same ROM may
//! appear at several addresses and RAM may be hidden behind it.
//!
//! Every write, whoever makes it, ends in [`GuestMemory::write`] or [`GuestMemory::write_bytes`]:
//! they notice writes into bytes that were decoded as code, and into entries of paging structures that
//! cached translations were made from.

use bitflags::bitflags;

use crate::{Width, code_map::CodeMap, host_ram::HostRam, paging};

/// Bytes in a page.
pub const PAGE_SIZE: u32 = 4096;

/// What each byte of unmapped memory reads as.
pub const HOLE_BYTE: u8 = 0xff;

/// A physical address, after the A20 gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhysAddr(pub u64);

bitflags! {
    /// What must be noticed about writes to a backing page. A page with any flag set never has a
    /// fast write translation.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct PageFlags: u8 {
        /// Some bytes of the page are decoded as traces.
        const CODE = 1 << 0;
        /// Not written since the flag was set: for dirty tracking.
        const CLEAN = 1 << 1;
        /// A debugger watches the page.
        const WATCH = 1 << 2;
        /// Writes are swallowed.
        const ROM = 1 << 3;
        /// Translations were read from the page: it holds a directory or a table.
        const TABLE = 1 << 4;
    }
}

/// What lies at a physical page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKind {
    /// Nothing: reads are all ones, writes are lost.
    Hole,
    /// A device.
    Mmio,
    /// RAM at this backing offset of the page.
    Ram(u32),
    /// ROM at this backing offset of the page, or RAM that cannot be written. What becomes of a write,
    /// [`GuestMemory::write_beneath`] knows.
    Rom(u32),
}

const KIND_HOLE: u32 = 0;
const KIND_MMIO: u32 = 1;
const KIND_RAM: u32 = 2;
const KIND_ROM: u32 = 3;
const KIND_BITS: u32 = 3;
/// Of a ROM page: writes go to the RAM that it hides.
const WRITES_BENEATH: u32 = 1 << 2;
const BACKING_SHIFT: u32 = 3;

/// A ROM image that was added with [`GuestMemory::add_rom`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RomId {
    backing: u32,
    len: u32,
}

/// RAM, ROM, the physical map and the page flags.
#[derive(Debug)]
pub struct GuestMemory {
    block: HostRam,
    ram_bytes: u32,
    frame_buffer_bytes: u32,
    rom_end: u32,
    /// One entry per 4 KiB of the 4 GiB physical space: kind in bits 0–1, in bit 2 whether
    /// writes go beneath, backing page above.
    map: Vec<u32>,
    flags: Vec<PageFlags>,
    /// Which bytes are decoded as code.
    code: CodeMap,
    /// Backing offset and length of writes into decoded code, until taken; length 0 stands for an entry
    /// of a paging structure.
    code_hits: Vec<(u32, u32)>,
    /// Pages that became tables, until taken.
    new_tables: Vec<u32>,
    a20_mask: u32,
    map_generation: u32,
}

/// Room for ROM images behind RAM.
const ROM_SPACE: u32 = 1 << 20;

impl GuestMemory {
    /// `ram_bytes` of RAM (rounded down to a page, at most 3 GiB), mapped nowhere yet.
    pub fn new(ram_bytes: u64) -> Self {
        Self::with_frame_buffer(ram_bytes, 0)
    }

    /// RAM, and `frame_buffer_bytes` that a display adapter shows (rounded down to a page, at most 64 MiB). The
    /// processor reaches both alike.
    pub fn with_frame_buffer(ram_bytes: u64, frame_buffer_bytes: u32) -> Self {
        let ram_bytes = (ram_bytes.min(3 << 30) as u32) & !(PAGE_SIZE - 1);
        let frame_buffer_bytes = frame_buffer_bytes.min(64 << 20) & !(PAGE_SIZE - 1);
        let len = (ram_bytes + frame_buffer_bytes + ROM_SPACE) as usize;
        let pages = len / PAGE_SIZE as usize;
        Self {
            block: HostRam::zeroed(len),
            ram_bytes,
            frame_buffer_bytes,
            rom_end: ram_bytes + frame_buffer_bytes,
            map: vec![KIND_HOLE; 1 << 20],
            flags: vec![PageFlags::empty(); pages],
            code: CodeMap::new(pages),
            code_hits: Vec::new(),
            new_tables: Vec::new(),
            a20_mask: !0,
            map_generation: 0,
        }
    }

    /// Size of RAM in bytes.
    pub fn ram_bytes(&self) -> u32 {
        self.ram_bytes
    }

    /// All of RAM, in backing order. For hashing and saving.
    pub fn ram(&self) -> &[u8] {
        &self.block.bytes()[..self.ram_bytes as usize]
    }

    /// All of the frame buffer. For showing, hashing and saving.
    pub fn frame_buffer(&self) -> &[u8] {
        let start = self.ram_bytes as usize;
        &self.block.bytes()[start..start + self.frame_buffer_bytes as usize]
    }

    /// Reads the frame buffer from `at` on, wherever it is mapped; bytes past its end are all ones.
    pub fn frame_buffer_read(&self, at: u32, buf: &mut [u8]) {
        let bytes = self.frame_buffer().iter().skip(at as usize);
        buf.fill(HOLE_BYTE);
        buf.iter_mut().zip(bytes).for_each(|(to, &from)| *to = from);
    }

    /// Writes the frame buffer from `at` on; bytes past its end are lost.
    pub fn frame_buffer_write(&mut self, at: u32, data: &[u8]) {
        let room = self.frame_buffer_bytes.saturating_sub(at) as usize;
        let data = &data[..data.len().min(room)];
        self.write_bytes(self.frame_buffer_backing().saturating_add(at), data);
    }

    /// Fills the frame buffer with zeros. They are written where there are none, so that what the guest never uses
    /// takes no memory of the host.
    pub fn clear_frame_buffer(&mut self) {
        const ZEROS: [u8; PAGE_SIZE as usize] = [0; PAGE_SIZE as usize];
        for at in (0..self.frame_buffer_bytes).step_by(ZEROS.len()) {
            let backing = self.frame_buffer_backing() + at;
            if self.page_slice(backing, ZEROS.len()) != ZEROS {
                self.write_bytes(backing, &ZEROS);
            }
        }
    }

    /// Backing offset of the frame buffer.
    pub fn frame_buffer_backing(&self) -> u32 {
        self.ram_bytes
    }

    /// Replaces all of RAM. Decoded code and translations become stale as if it had been written.
    /// Returns false, and changes nothing, if the length differs.
    pub fn load_ram(&mut self, bytes: &[u8]) -> bool {
        if bytes.len() != self.ram_bytes as usize {
            return false;
        }
        self.write_bytes(0, bytes);
        true
    }

    // ---- the physical map ----

    /// Adds a ROM image (zero-padded to whole pages). `None` if there is no room left.
    pub fn add_rom(&mut self, image: &[u8]) -> Option<RomId> {
        let len = u32::try_from(image.len())
            .ok()?
            .checked_next_multiple_of(PAGE_SIZE)?;
        let backing = self.rom_end;
        if len > self.ram_bytes + self.frame_buffer_bytes + ROM_SPACE - backing {
            return None;
        }
        self.block.bytes_mut()[backing as usize..][..image.len()].copy_from_slice(image);
        for page in backing / PAGE_SIZE..(backing + len) / PAGE_SIZE {
            self.flags[page as usize] |= PageFlags::ROM;
        }
        self.rom_end += len;
        Some(RomId { backing, len })
    }

    fn map_range(&mut self, start: u32, len: u32, entry: impl Fn(u32) -> u32) {
        for page in 0..len / PAGE_SIZE {
            if let Some(slot) = self.map.get_mut((start / PAGE_SIZE + page) as usize) {
                *slot = entry(page);
            }
        }
        self.map_generation = self.map_generation.wrapping_add(1);
    }

    /// Maps `len` bytes of RAM from RAM offset `ram_offset` at physical `start`. All three are
    /// multiples of the page size; what lies past the end of RAM becomes a hole.
    pub fn map_ram(&mut self, start: u32, len: u32, ram_offset: u32) {
        let (first, ram_pages) = (ram_offset / PAGE_SIZE, self.ram_bytes / PAGE_SIZE);
        self.map_range(start, len, |page| match first + page {
            backing if backing < ram_pages => backing << BACKING_SHIFT | KIND_RAM,
            _ => KIND_HOLE,
        });
    }

    /// Maps the frame buffer at physical `start`, a multiple of the page size.
    pub fn map_frame_buffer(&mut self, start: u32) {
        let first = self.ram_bytes / PAGE_SIZE;
        self.map_range(start, self.frame_buffer_bytes, |page| {
            (first + page) << BACKING_SHIFT | KIND_RAM
        });
    }

    /// Maps `len` bytes of a ROM from its `offset` at physical `start`.
    pub fn map_rom(&mut self, start: u32, len: u32, rom: RomId, offset: u32) {
        let (first, pages) = (offset / PAGE_SIZE, rom.len / PAGE_SIZE);
        self.map_range(start, len, |page| match first + page {
            page if page < pages => (rom.backing / PAGE_SIZE + page) << BACKING_SHIFT | KIND_ROM,
            _ => KIND_HOLE,
        });
    }

    /// Lets `len` bytes from physical `start`, where RAM is mapped, be read only.
    pub fn protect_ram(&mut self, start: u32, len: u32) {
        self.change_range(start, len, |entry| match entry & KIND_BITS {
            KIND_RAM => entry & !KIND_BITS | KIND_ROM,
            _ => entry,
        });
    }

    /// Lets writes to `len` bytes from physical `start`, where ROM is mapped, go to the RAM beneath: that at the
    /// backing offset of the same number.
    pub fn open_beneath(&mut self, start: u32, len: u32) {
        self.change_range(start, len, |entry| match entry & KIND_BITS {
            KIND_ROM => entry | WRITES_BENEATH,
            _ => entry,
        });
    }

    fn change_range(&mut self, start: u32, len: u32, change: impl Fn(u32) -> u32) {
        let first = (start / PAGE_SIZE) as usize;
        for entry in self.map.iter_mut().skip(first).take((len / PAGE_SIZE) as usize) {
            *entry = change(*entry);
        }
        self.map_generation = self.map_generation.wrapping_add(1);
    }

    /// Maps a range as a device's.
    pub fn map_mmio(&mut self, start: u32, len: u32) {
        self.map_range(start, len, |_| KIND_MMIO);
    }

    /// Unmaps a range.
    pub fn map_hole(&mut self, start: u32, len: u32) {
        self.map_range(start, len, |_| KIND_HOLE);
    }

    /// What lies at the page of `addr`; for memory, the backing offset of `addr` itself.
    #[inline]
    pub fn lookup(&self, addr: u32) -> MapKind {
        let entry = self
            .map
            .get((addr / PAGE_SIZE) as usize)
            .copied()
            .unwrap_or(KIND_HOLE);
        let backing = (entry >> BACKING_SHIFT) * PAGE_SIZE + addr % PAGE_SIZE;
        match entry & KIND_BITS {
            KIND_RAM => MapKind::Ram(backing),
            KIND_ROM => MapKind::Rom(backing),
            KIND_MMIO => MapKind::Mmio,
            _ => MapKind::Hole,
        }
    }

    /// Opens (`true`) or closes the A20 gate. Closed, address bit 20 of the processor is zero.
    pub fn set_a20(&mut self, open: bool) {
        let mask = if open { !0 } else { !(1 << 20) };
        if mask != self.a20_mask {
            self.a20_mask = mask;
            self.map_generation = self.map_generation.wrapping_add(1);
        }
    }

    /// Whether the A20 gate is open.
    pub fn a20(&self) -> bool {
        self.a20_mask == !0
    }

    /// What the processor's address lines are masked with.
    #[inline]
    pub fn a20_mask(&self) -> u32 {
        self.a20_mask
    }

    /// Changes whenever the map or the A20 gate does: cached translations are then stale.
    #[inline]
    pub fn map_generation(&self) -> u32 {
        self.map_generation
    }

    // ---- backing bytes ----

    /// Reads at a backing offset. Bytes past the end are all ones.
    #[inline]
    pub fn read<W: Width>(&self, backing: u32) -> W {
        match self
            .block
            .bytes()
            .get(backing as usize..backing as usize + W::BYTES as usize)
        {
            Some(bytes) => W::from_le(bytes),
            None => W::truncate(u64::MAX),
        }
    }

    /// Writes at a backing offset, within one page. ROM swallows it; decoded code is noticed.
    #[inline]
    pub fn write<W: Width>(&mut self, backing: u32, value: W) {
        if self.notice_write(backing, W::BYTES, |mem| mem.read::<W>(backing) == value) {
            self.block.write(backing as usize, value);
        }
    }

    /// Looks at the flags of the page that is about to be written. False if the write is lost.
    ///
    /// Code that gets the bytes it has, as where a program patches the same interrupt number into an
    /// INT again and again, is as good as before: `same` tells.
    #[inline]
    fn notice_write(&mut self, backing: u32, len: u32, same: impl FnOnce(&Self) -> bool) -> bool {
        let page = (backing / PAGE_SIZE) as usize;
        let Some(flags) = self.flags.get_mut(page) else {
            return false;
        };
        if flags.is_empty() {
            return true;
        }
        if flags.contains(PageFlags::ROM) {
            return false;
        }
        flags.remove(PageFlags::CLEAN);
        if flags.contains(PageFlags::CODE) && self.code.touches(backing, len) && !same(self) {
            self.code_hits.push((backing, len));
        }
        if self.flags[page].contains(PageFlags::TABLE) && self.has_entry_in_use(backing, len) {
            self.code_hits.push((backing, 0));
        }
        true
    }

    /// Whether any of these bytes belong to an entry that a translation may be cached from: one that is
    /// present and accessed. The walk sets the accessed bit before it makes a translation.
    #[cold]
    fn has_entry_in_use(&self, backing: u32, len: u32) -> bool {
        // Entries of PAE have eight bytes; those that tell are in the lower half.
        let entries = (backing & !7..backing + len).step_by(4);
        entries.map(|at| self.read::<u32>(at)).any(paging::is_in_use)
    }

    /// Writes where [`lookup`](Self::lookup) says ROM, at physical `addr` and within one page: it is lost, or it
    /// goes to the RAM beneath.
    #[cold]
    pub fn write_beneath<W: Width>(&mut self, addr: u32, value: W) {
        if self.is_open_beneath(addr) {
            self.write(addr, value);
        }
    }

    fn is_open_beneath(&self, addr: u32) -> bool {
        let entry = self.map.get((addr / PAGE_SIZE) as usize);
        addr < self.ram_bytes && entry.is_some_and(|entry| entry & WRITES_BENEATH != 0)
    }

    /// Writes bytes at a backing offset, across any number of pages.
    pub fn write_bytes(&mut self, backing: u32, data: &[u8]) {
        let (mut at, mut data) = (backing, data);
        while !data.is_empty() {
            let room = (PAGE_SIZE - at % PAGE_SIZE) as usize;
            let (chunk, rest) = data.split_at(data.len().min(room));
            self.write_in_page(at, chunk);
            at = at.wrapping_add(chunk.len() as u32);
            data = rest;
        }
    }

    fn write_in_page(&mut self, backing: u32, chunk: &[u8]) {
        let same = |mem: &Self| mem.page_slice(backing, chunk.len()) == chunk;
        if self.notice_write(backing, (chunk.len() as u32).max(1), same)
            && let Some(bytes) = self
                .block
                .bytes_mut()
                .get_mut(backing as usize..backing as usize + chunk.len())
        {
            bytes.copy_from_slice(chunk);
        }
    }

    /// Bytes at a backing offset, up to the end of its page and at most `len`.
    pub fn page_slice(&self, backing: u32, len: usize) -> &[u8] {
        let len = len.min((PAGE_SIZE - backing % PAGE_SIZE) as usize);
        self.block
            .bytes()
            .get(backing as usize..backing as usize + len)
            .unwrap_or(&[])
    }

    /// Flags of a backing page (offset / [`PAGE_SIZE`]).
    #[inline]
    pub fn page_flags(&self, page: u32) -> PageFlags {
        self.flags.get(page as usize).copied().unwrap_or(PageFlags::ROM)
    }

    /// Sets flags of a backing page. The caller revokes fast write translations of the page.
    pub fn set_page_flags(&mut self, page: u32, set: PageFlags) {
        if let Some(flags) = self.flags.get_mut(page as usize) {
            *flags |= set;
        }
    }

    /// Clears flags of a backing page.
    pub fn clear_page_flags(&mut self, page: u32, clear: PageFlags) {
        if let Some(flags) = self.flags.get_mut(page as usize) {
            *flags &= !clear;
        }
    }

    // ---- decoded code ----

    /// Marks `len` bytes from a backing offset, within one page, as decoded. Returns true if the
    /// page held no code before, in which case its fast write translations must be revoked.
    pub fn mark_code(&mut self, backing: u32, len: u32) -> bool {
        let Some(flags) = self.flags.get_mut((backing / PAGE_SIZE) as usize) else {
            return false;
        };
        let first = !flags.contains(PageFlags::CODE);
        flags.insert(PageFlags::CODE);
        self.code.mark(backing, len);
        first
    }

    /// Forgets that a backing page holds code.
    pub fn unmark_code(&mut self, page: u32) {
        self.clear_code_bytes(page);
        self.clear_page_flags(page, PageFlags::CODE);
    }

    /// Forgets which bytes of a backing page are code, to be marked anew. The page still counts as code.
    pub fn clear_code_bytes(&mut self, page: u32) {
        self.code.clear(page);
    }

    /// Whether a write of `len` bytes at a backing offset, within one page, is like any other although the page
    /// holds decoded code: nothing else is to be noticed about the page, and none of the bytes is decoded.
    #[inline]
    pub(crate) fn is_beside_code(&self, backing: u32, len: u32) -> bool {
        self.page_flags(backing / PAGE_SIZE) == PageFlags::CODE && !self.code.touches(backing, len)
    }

    /// Whether decoded code was written since the hits were last taken.
    #[inline]
    pub fn code_was_hit(&self) -> bool {
        !self.code_hits.is_empty()
    }

    /// Takes the last entry of the log of hits: backing offset and length, within one page. Length 0: not
    /// code was written, but an entry that translations were made from.
    pub fn take_code_hit(&mut self) -> Option<(u32, u32)> {
        self.code_hits.pop()
    }

    // ---- paging structures ----

    /// Translations are read from the page at a backing offset: writes to its entries are noticed.
    #[inline]
    pub(crate) fn mark_table(&mut self, backing: u32) {
        let page = backing / PAGE_SIZE;
        if let Some(flags) = self.flags.get_mut(page as usize)
            && !flags.contains(PageFlags::TABLE)
        {
            flags.insert(PageFlags::TABLE);
            self.new_tables.push(page);
        }
    }

    /// Takes a page that became a table: its fast write translations must be revoked.
    #[inline]
    pub fn take_new_table(&mut self) -> Option<u32> {
        self.new_tables.pop()
    }

    /// Writes an entry with its accessed or dirty bit set, by which no cached translation becomes wrong.
    pub(crate) fn update_entry(&mut self, backing: u32, entry: u32) {
        let page = backing / PAGE_SIZE;
        let table = self.page_flags(page) & PageFlags::TABLE;
        self.clear_page_flags(page, table);
        self.write(backing, entry);
        self.set_page_flags(page, table);
    }

    // ---- bus masters and loaders: physical addresses past the A20 gate ----

    /// Reads physical memory. Holes and devices read all ones.
    pub fn phys_read(&self, addr: u32, buf: &mut [u8]) {
        let (mut at, mut buf) = (addr, buf);
        while !buf.is_empty() {
            let room = (PAGE_SIZE - at % PAGE_SIZE) as usize;
            let (chunk, rest) = buf.split_at_mut(room.min(buf.len()));
            match self.lookup(at) {
                MapKind::Ram(backing) | MapKind::Rom(backing) => {
                    chunk.copy_from_slice(self.page_slice(backing, chunk.len()));
                }
                MapKind::Hole | MapKind::Mmio => chunk.fill(HOLE_BYTE),
            }
            at = at.wrapping_add(chunk.len() as u32);
            buf = rest;
        }
    }

    /// Writes physical memory. Holes, devices and ROM swallow it.
    pub fn phys_write(&mut self, addr: u32, data: &[u8]) {
        let (mut at, mut data) = (addr, data);
        while !data.is_empty() {
            let room = (PAGE_SIZE - at % PAGE_SIZE) as usize;
            let (chunk, rest) = data.split_at(data.len().min(room));
            match self.lookup(at) {
                MapKind::Ram(backing) => self.write_in_page(backing, chunk),
                MapKind::Rom(_) if self.is_open_beneath(at) => self.write_in_page(at, chunk),
                _ => {}
            }
            at = at.wrapping_add(chunk.len() as u32);
            data = rest;
        }
    }

    // ---- for the TLB ----

    /// Where the page at a backing offset lies on the host.
    pub(crate) fn host_page(&self, backing: u32) -> Option<*mut u8> {
        let start = (backing & !(PAGE_SIZE - 1)) as usize;
        (start + PAGE_SIZE as usize <= self.block.len()).then(|| self.block.start().wrapping_add(start))
    }

    /// Identifies the host block: pointers made under another identity are stale.
    pub(crate) fn identity(&self) -> (usize, usize) {
        (self.block.start() as usize, self.block.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> GuestMemory {
        let mut mem = GuestMemory::new(2 << 20);
        mem.map_ram(0, 0xa0000, 0);
        mem.map_mmio(0xa0000, 0x20000);
        let rom = mem.add_rom(&[0x5a; 0x2000]).unwrap();
        mem.map_rom(0xfe000, 0x2000, rom, 0);
        mem.map_rom(0xffff_e000, 0x2000, rom, 0);
        mem.map_ram(0x100000, 0x100000, 0x100000);
        mem
    }

    #[test]
    fn holes_read_all_ones_and_rom_swallows_writes() {
        let mut mem = machine();
        let mut buf = [0; 4];
        mem.phys_read(0xd0000, &mut buf);
        assert_eq!(buf, [0xff; 4]);
        mem.phys_write(0xffff0, &[1, 2]);
        mem.phys_read(0xffff_fff0, &mut buf);
        assert_eq!(buf, [0x5a; 4]);
    }

    #[test]
    fn rom_that_is_open_beneath_shadows_itself() {
        let mut mem = machine();
        mem.open_beneath(0xfe000, 0x1000);
        mem.phys_write(0xfe010, &[1, 2]);
        mem.write_beneath::<u16>(0xfe012, 0x0403);
        mem.write_beneath::<u8>(0xff012, 9);
        let mut buf = [0; 4];
        mem.phys_read(0xfe010, &mut buf);
        assert_eq!(buf, [0x5a; 4], "reads are still the ROM's");
        mem.map_ram(0xfe000, 0x1000, 0xfe000);
        mem.protect_ram(0xfe000, 0x1000);
        mem.phys_write(0xfe010, &[7; 4]);
        assert_eq!(mem.lookup(0xfe010), MapKind::Rom(0xfe010));
        mem.write_beneath::<u8>(0xfe010, 7);
        mem.phys_read(0xfe010, &mut buf);
        assert_eq!(buf, [1, 2, 3, 4], "and now those of RAM that takes no writes");
        mem.phys_read(0xff010, &mut buf);
        assert_eq!(buf, [0x5a; 4]);
        assert_eq!(mem.ram()[0xff012], 0);
    }

    #[test]
    fn writes_into_decoded_bytes_are_logged_and_others_are_not() {
        let mut mem = machine();
        assert!(mem.mark_code(0x1100, 20));
        assert!(!mem.mark_code(0x1120, 1));
        mem.phys_write(0x1000, &[0; 0x100]);
        mem.phys_write(0x1114, &[0; 12]);
        assert!(!mem.code_was_hit());
        mem.phys_write(0xfff, &[1; 0x102]);
        assert_eq!(mem.take_code_hit(), Some((0x1000, 0x101)));
        assert!(!mem.code_was_hit());
    }

    #[test]
    fn decoded_bytes_that_get_the_values_they_have_are_not_logged() {
        let mut mem = machine();
        mem.phys_write(0x1100, &[0xcd, 0x16, 0x90, 0x90]);
        mem.mark_code(0x1100, 4);
        mem.phys_write(0x1101, &[0x16]);
        mem.write::<u16>(0x1100, 0x16cd);
        assert!(!mem.code_was_hit());
        mem.write::<u16>(0x1100, 0x10cd);
        assert_eq!(mem.take_code_hit(), Some((0x1100, 2)));
        mem.phys_write(0x1101, &[0x16]);
        assert_eq!(mem.take_code_hit(), Some((0x1101, 1)));
    }

    #[test]
    fn the_frame_buffer_lies_behind_ram_and_is_no_part_of_it() {
        let mut mem = GuestMemory::with_frame_buffer(1 << 20, 0x3000);
        let rom = mem.add_rom(&[0x5a; 0x1000]).unwrap();
        mem.map_frame_buffer(0xe000_0000);
        mem.map_rom(0xf_0000, 0x1000, rom, 0);
        mem.phys_write(0xe000_2ffe, &[1, 2, 3]);
        assert_eq!(mem.frame_buffer()[0x2ffe..], [1, 2]);
        assert!(mem.ram().iter().all(|&byte| byte == 0));
        assert_eq!(mem.lookup(0xe000_3000), MapKind::Hole);
        assert_eq!(mem.lookup(0xf_0000), MapKind::Rom((1 << 20) + 0x3000));
    }

    #[test]
    fn writes_cross_pages_and_stop_at_holes() {
        let mut mem = machine();
        mem.phys_write(0x9fffe, &[1, 2, 3, 4]);
        let mut buf = [0; 4];
        mem.phys_read(0x9fffe, &mut buf);
        assert_eq!(buf, [1, 2, 0xff, 0xff]);
    }
}
