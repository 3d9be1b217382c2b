//! The page walk: linear to physical, with rights, accessed and dirty bits.
//!
//! Follows SDM vol. 3A §4.3 (32-bit paging, 4 KiB and 4 MiB pages, PSE-36), §4.4 (PAE, with execute-disable),
//! §4.6 (access rights), §4.7 (error codes) and §4.8 (accessed and dirty flags). Physical addresses have 36
//! bits; there is nothing from 4 GiB on.
//!
//! What a guest writes to an entry takes effect at once, as if nothing were cached: the pages that entries were
//! read from are marked, writes to entries in use are noticed, and the processor then drops all cached
//! translations. The manual lets a processor keep stale translations for any length of time; which ones
//! would depend on the past of the cache, and with it results.

use bitflags::bitflags;

use crate::{GuestMemory, MapKind};

/// What a linear access wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read data.
    Read,
    /// Write data, or read it with the intention to write.
    Write,
    /// Fetch an instruction.
    Execute,
}

bitflags! {
    /// The error code of #PF (SDM vol. 3A §4.7).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct PageFaultCode: u32 {
        /// The page was present; a right was missing.
        const PRESENT = 1 << 0;
        /// The access was a write.
        const WRITE = 1 << 1;
        /// The access was made at CPL 3.
        const USER = 1 << 2;
        /// A reserved bit was set in a paging structure.
        const RESERVED = 1 << 3;
        /// The access was an instruction fetch; reported while execute-disable is on.
        const FETCH = 1 << 4;
    }
}

/// A page fault, before it is an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageFault {
    /// The linear address, for CR2.
    pub addr: u64,
    /// The error code.
    pub code: PageFaultCode,
}

bitflags! {
    /// The bits of CR0, CR4 and the model that decide how a walk goes.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct PagingMode: u8 {
        /// CR0.PG.
        const ENABLED = 1 << 0;
        /// CR0.WP: supervisor writes obey read-only pages.
        const WRITE_PROTECT = 1 << 1;
        /// CR4.PSE: 4 MiB pages.
        const PAGE_SIZE_EXTENSION = 1 << 2;
        /// CR4.PGE: global pages.
        const GLOBAL = 1 << 3;
        /// CR4.PAE: entries of 64 bits, below the four pointers.
        const PHYSICAL_EXTENSION = 1 << 4;
        /// IA32_EFER.NXE: bit 63 of an entry forbids execution, with CR4.PAE.
        const EXECUTE_DISABLE = 1 << 5;
        /// The model has PSE-36: 4 MiB pages beyond 4 GiB.
        const PSE36 = 1 << 6;
    }
}

/// Where translation starts, and how it goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Paging {
    /// How.
    pub mode: PagingMode,
    /// CR3.
    pub root: u32,
    /// The page directory pointers, with CR4.PAE (SDM vol. 3A §4.4.1).
    pub pointers: [u64; 4],
}

/// What a walk found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    /// Physical address of the 4 KiB frame, before the A20 gate.
    pub frame: u32,
    /// CPL 3 may access it.
    pub user: bool,
    /// The tables allow writes (for CPL 3; for others only if CR0.WP counts).
    pub writable: bool,
    /// The dirty bit is set.
    pub dirty: bool,
    /// A global page, with CR4.PGE.
    pub global: bool,
    /// Part of a page of 2 or 4 MiB.
    pub large: bool,
    /// The physical address is 4 GiB or more, where nothing is; `frame` is its lower half.
    pub beyond: bool,
}

const ENTRY_PRESENT: u64 = 1 << 0;
const ENTRY_WRITABLE: u64 = 1 << 1;
const ENTRY_USER: u64 = 1 << 2;
const ENTRY_ACCESSED: u64 = 1 << 5;
const ENTRY_DIRTY: u64 = 1 << 6;
const ENTRY_LARGE: u64 = 1 << 7;
const ENTRY_GLOBAL: u64 = 1 << 8;
const ENTRY_EXECUTE_DISABLE: u64 = 1 << 63;
/// The physical address in an entry of 64 bits: MAXPHYADDR is 36.
const ENTRY_FRAME: u64 = 0x000f_ffff_f000;
/// Bits between that address and the last one.
const ENTRY_RESERVED: u64 = 0x7fff_fff0_0000_0000;
/// Bits 13–21 of a 4 MiB entry: reserved before PSE-36, which uses the lower four of them.
const LARGE_RESERVED: u64 = 0x003f_e000;
const LARGE_RESERVED_PSE36: u64 = 0x003e_0000;
/// Bits 13–20 of a 2 MiB entry.
const LARGE_RESERVED_PAE: u64 = 0x001f_e000;
/// Reserved bits of a page directory pointer.
const POINTER_RESERVED: u64 = ENTRY_RESERVED | ENTRY_EXECUTE_DISABLE | 0x1e6;

/// An entry of 32 or 64 bits.
#[derive(Clone, Copy)]
struct Entry {
    addr: u64,
    value: u64,
}

impl Entry {
    fn read(mem: &GuestMemory, addr: u64, wide: bool) -> Self {
        let low = read_half(mem, addr) as u64;
        let high = if wide { read_half(mem, addr + 4) } else { 0 };
        Self {
            addr,
            value: low | (high as u64) << 32,
        }
    }

    /// Sets bits of its lower half.
    fn set(self, mem: &mut GuestMemory, bits: u64) {
        if self.value & bits != bits
            && let Ok(addr) = u32::try_from(self.addr)
            && let MapKind::Ram(backing) = mem.lookup(addr & mem.a20_mask())
        {
            mem.update_entry(backing, (self.value | bits) as u32);
        }
    }

    /// Has writes to the structure that it belongs to noticed.
    fn watch(self, mem: &mut GuestMemory) {
        if let Ok(addr) = u32::try_from(self.addr)
            && let MapKind::Ram(backing) = mem.lookup(addr & mem.a20_mask())
        {
            mem.mark_table(backing);
        }
    }
}

fn read_half(mem: &GuestMemory, addr: u64) -> u32 {
    let Ok(addr) = u32::try_from(addr) else {
        return u32::MAX;
    };
    match mem.lookup(addr & mem.a20_mask()) {
        MapKind::Ram(backing) | MapKind::Rom(backing) => mem.read(backing),
        MapKind::Hole | MapKind::Mmio => u32::MAX,
    }
}

/// Whether a translation may have been made from an entry, of which this is the lower half.
pub(crate) fn is_in_use(entry: u32) -> bool {
    const IN_USE: u32 = (ENTRY_PRESENT | ENTRY_ACCESSED) as u32;
    entry & IN_USE == IN_USE
}

/// Reads the page directory pointers that CR3 points at. `None` if one that is present has reserved bits set
/// (SDM vol. 3A §4.4.1).
pub fn read_pointers(mem: &GuestMemory, cr3: u32) -> Option<[u64; 4]> {
    let table = (cr3 & !0x1f) as u64;
    let pointers = [0, 8, 16, 24].map(|at| Entry::read(mem, table + at, true).value);
    let valid = |pointer: &u64| pointer & ENTRY_PRESENT == 0 || pointer & POINTER_RESERVED == 0;
    pointers.iter().all(valid).then_some(pointers)
}

/// The entries that translate an address.
struct Path {
    /// Of the page directory, unless that is the one below.
    directory: Option<Entry>,
    /// The one that names the page.
    page: Entry,
    /// Physical address of the 4 KiB frame.
    frame: u64,
    large: bool,
    /// Rights that all entries grant.
    granted: u64,
    execute_disable: bool,
}

impl Paging {
    /// Finds the entries for `addr`, without any effect. An error has the bits that do not depend on the access.
    fn path(&self, mem: &GuestMemory, addr: u32) -> Result<Path, PageFaultCode> {
        let wide = self.mode.contains(PagingMode::PHYSICAL_EXTENSION);
        let addr = addr as u64;
        let pde_addr = if wide {
            let pointer = self.pointers[(addr >> 30) as usize & 3];
            if pointer & ENTRY_PRESENT == 0 {
                return Err(PageFaultCode::empty());
            }
            pointer & ENTRY_FRAME | (addr >> 21 & 0x1ff) << 3
        } else {
            (self.root & !0xfff) as u64 | addr >> 22 << 2
        };
        let pde = self.entry(mem, pde_addr, wide)?;
        if pde.value & ENTRY_LARGE != 0 && (wide || self.mode.contains(PagingMode::PAGE_SIZE_EXTENSION)) {
            return Ok(Path {
                directory: None,
                page: pde,
                frame: self.large_frame(pde.value, addr)?,
                large: true,
                granted: pde.value,
                execute_disable: pde.value & ENTRY_EXECUTE_DISABLE != 0,
            });
        }
        let (index_mask, shift) = if wide { (0x1ff, 3) } else { (0x3ff, 2) };
        let pte_addr = pde.value & ENTRY_FRAME | (addr >> 12 & index_mask) << shift;
        let pte = self.entry(mem, pte_addr, wide)?;
        Ok(Path {
            directory: Some(pde),
            page: pte,
            frame: pte.value & ENTRY_FRAME,
            large: false,
            granted: pde.value & pte.value,
            execute_disable: (pde.value | pte.value) & ENTRY_EXECUTE_DISABLE != 0,
        })
    }

    /// An entry that must be present and have no reserved bits set.
    fn entry(&self, mem: &GuestMemory, addr: u64, wide: bool) -> Result<Entry, PageFaultCode> {
        let entry = Entry::read(mem, addr, wide);
        if entry.value & ENTRY_PRESENT == 0 {
            return Err(PageFaultCode::empty());
        }
        let mut reserved = ENTRY_RESERVED;
        if !self.mode.contains(PagingMode::EXECUTE_DISABLE) {
            reserved |= ENTRY_EXECUTE_DISABLE;
        }
        if entry.value & reserved != 0 {
            return Err(PageFaultCode::PRESENT | PageFaultCode::RESERVED);
        }
        Ok(entry)
    }

    /// The 4 KiB frame of `addr` in the page of 2 or 4 MiB that `pde` names.
    fn large_frame(&self, pde: u64, addr: u64) -> Result<u64, PageFaultCode> {
        let wide = self.mode.contains(PagingMode::PHYSICAL_EXTENSION);
        let pse36 = self.mode.contains(PagingMode::PSE36);
        let reserved = match (wide, pse36) {
            (true, _) => LARGE_RESERVED_PAE,
            (false, true) => LARGE_RESERVED_PSE36,
            (false, false) => LARGE_RESERVED,
        };
        if pde & reserved != 0 {
            return Err(PageFaultCode::PRESENT | PageFaultCode::RESERVED);
        }
        Ok(if wide {
            pde & ENTRY_FRAME & !0x1f_ffff | addr & 0x1f_f000
        } else {
            // Bits 13–16 are bits 32–35 of the address (SDM vol. 3A table 4-4).
            pde & 0xffc0_0000 | (pde >> 13 & 15) << 32 | addr & 0x3f_f000
        })
    }

    /// Where `addr` leads, without any effect and without regard to rights: for people.
    pub fn look(&self, mem: &GuestMemory, addr: u32) -> Option<u32> {
        if !self.mode.contains(PagingMode::ENABLED) {
            return Some(addr);
        }
        let path = self.path(mem, addr).ok()?;
        Some(u32::try_from(path.frame).ok()? | addr & 0xfff)
    }
}

/// Walks the tables for `addr` and, if the access is allowed, sets accessed and dirty bits.
pub fn walk(
    mem: &mut GuestMemory,
    paging: &Paging,
    addr: u32,
    access: Access,
    user: bool,
) -> Result<Walk, PageFault> {
    let mode = paging.mode;
    if !mode.contains(PagingMode::ENABLED) {
        return Ok(Walk {
            frame: addr & !0xfff,
            user: true,
            writable: true,
            dirty: true,
            global: false,
            large: false,
            beyond: false,
        });
    }
    let (write, fetch) = (access == Access::Write, access == Access::Execute);
    let can_disable = mode.contains(PagingMode::PHYSICAL_EXTENSION | PagingMode::EXECUTE_DISABLE);
    let fault = |mut code: PageFaultCode| {
        code.set(PageFaultCode::WRITE, write);
        code.set(PageFaultCode::USER, user);
        code.set(PageFaultCode::FETCH, fetch && can_disable);
        PageFault {
            addr: addr as u64,
            code,
        }
    };
    let path = paging.path(mem, addr).map_err(fault)?;
    let may_user = path.granted & ENTRY_USER != 0;
    let writable = path.granted & ENTRY_WRITABLE != 0;
    let write_denied = write && !writable && (user || mode.contains(PagingMode::WRITE_PROTECT));
    if (user && !may_user) || write_denied || (fetch && path.execute_disable) {
        return Err(fault(PageFaultCode::PRESENT));
    }
    if let Some(directory) = path.directory {
        directory.set(mem, ENTRY_ACCESSED);
        directory.watch(mem);
    }
    let touched = ENTRY_ACCESSED | if write { ENTRY_DIRTY } else { 0 };
    path.page.set(mem, touched);
    path.page.watch(mem);
    Ok(Walk {
        frame: path.frame as u32,
        user: may_user,
        writable,
        dirty: (path.page.value | touched) & ENTRY_DIRTY != 0,
        global: path.page.value & ENTRY_GLOBAL != 0 && mode.contains(PagingMode::GLOBAL),
        large: path.large,
        beyond: path.frame >> 32 != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGED: PagingMode = PagingMode::ENABLED;
    const PAE: PagingMode = PAGED.union(PagingMode::PHYSICAL_EXTENSION);
    const NX: PagingMode = PAE.union(PagingMode::EXECUTE_DISABLE);

    /// A walk from the directory at 1000h, or the pointers at 800h.
    fn walk(
        mem: &mut GuestMemory,
        mode: PagingMode,
        addr: u32,
        access: Access,
        user: bool,
    ) -> Result<Walk, PageFault> {
        let paging = Paging {
            mode,
            root: 0x1000,
            pointers: read_pointers(mem, 0x800).unwrap(),
        };
        super::walk(mem, &paging, addr, access, user)
    }

    /// A directory at 1000h whose entry 0 points at a table at 2000h, with `pte` for page 5.
    fn tables(pde: u32, pte: u32) -> GuestMemory {
        let mut mem = GuestMemory::new(1 << 20);
        mem.map_ram(0, 1 << 20, 0);
        mem.phys_write(0x1000, &pde.to_le_bytes());
        mem.phys_write(0x2000 + 5 * 4, &pte.to_le_bytes());
        mem
    }

    fn entry(mem: &GuestMemory, addr: u64) -> u32 {
        read_half(mem, addr)
    }

    /// With PAE: pointer 0 names a directory at 1000h, whose entry 0 names a table at 2000h, with `pte` for page 5.
    fn wide_tables(pde: u64, pte: u64) -> GuestMemory {
        let mut mem = tables(0, 0);
        mem.phys_write(0x800, &0x1001u64.to_le_bytes());
        mem.phys_write(0x1000, &pde.to_le_bytes());
        mem.phys_write(0x2000 + 5 * 8, &pte.to_le_bytes());
        mem
    }

    #[test]
    fn a_read_sets_accessed_and_a_write_sets_dirty() {
        let mut mem = tables(0x2007, 0x9007);
        let got = walk(&mut mem, PAGED, 0x5123, Access::Read, true).unwrap();
        assert_eq!((got.frame, got.dirty), (0x9000, false));
        assert_eq!((entry(&mem, 0x1000), entry(&mem, 0x2014)), (0x2027, 0x9027));
        assert!(walk(&mut mem, PAGED, 0x5123, Access::Write, true).unwrap().dirty);
        assert_eq!(entry(&mem, 0x2014), 0x9067);
    }

    #[test]
    fn error_codes_tell_presence_direction_and_privilege() {
        let code = |pte, access, user, mode| {
            walk(&mut tables(0x2007, pte), mode, 0x5000, access, user).map_err(|f| f.code.bits())
        };
        assert_eq!(code(0, Access::Read, false, PAGED).unwrap_err(), 0);
        assert_eq!(code(0, Access::Write, true, PAGED).unwrap_err(), 6);
        assert_eq!(code(0x9005, Access::Write, true, PAGED).unwrap_err(), 7);
        assert_eq!(code(0x9003, Access::Read, true, PAGED).unwrap_err(), 5);
        assert!(code(0x9005, Access::Write, false, PAGED).is_ok());
        let wp = PAGED | PagingMode::WRITE_PROTECT;
        assert_eq!(code(0x9005, Access::Write, false, wp).unwrap_err(), 3);
    }

    #[test]
    fn a_fault_leaves_accessed_and_dirty_alone() {
        let mut mem = tables(0x2007, 0x9005);
        assert!(walk(&mut mem, PAGED, 0x5000, Access::Write, true).is_err());
        assert_eq!((entry(&mem, 0x1000), entry(&mem, 0x2014)), (0x2007, 0x9005));
    }

    #[test]
    fn large_pages_need_pse_and_clear_reserved_bits() {
        let pse = PAGED | PagingMode::PAGE_SIZE_EXTENSION;
        let got = walk(&mut tables(0x0040_0087, 0), pse, 0x0001_2345, Access::Read, false).unwrap();
        assert_eq!((got.frame, got.large), (0x0041_2000, true));
        let bad = walk(&mut tables(0x0040_2087, 0), pse, 0, Access::Read, false).unwrap_err();
        assert_eq!(bad.code.bits(), 9);
    }

    #[test]
    fn pse36_gives_four_reserved_bits_to_the_address() {
        let pse = PAGED | PagingMode::PAGE_SIZE_EXTENSION | PagingMode::PSE36;
        let got = walk(&mut tables(0x0040_2087, 0), pse, 0x2345, Access::Read, false).unwrap();
        assert_eq!((got.frame, got.beyond), (0x0040_2000, true));
        let bad = walk(&mut tables(0x0042_0087, 0), pse, 0, Access::Read, false).unwrap_err();
        assert_eq!(bad.code.bits(), 9);
    }

    #[test]
    fn pae_entries_have_64_bits_and_pages_of_2_mib() {
        let mut mem = wide_tables(0x2007, 0x9007);
        let got = walk(&mut mem, PAE, 0x5123, Access::Write, true).unwrap();
        assert_eq!((got.frame, got.large, got.beyond), (0x9000, false, false));
        assert_eq!((entry(&mem, 0x1000), entry(&mem, 0x2028)), (0x2027, 0x9067));
        let got = walk(
            &mut wide_tables(0x0060_0087, 0),
            PAE,
            0x0001_2345,
            Access::Read,
            false,
        )
        .unwrap();
        assert_eq!((got.frame, got.large), (0x0061_2000, true));
        let got = walk(
            &mut wide_tables(0x2007, 0x1_0000_9007),
            PAE,
            0x5000,
            Access::Read,
            false,
        )
        .unwrap();
        assert!(got.beyond);
        let absent = walk(&mut mem, PAE, 0x4000_5000, Access::Read, true).unwrap_err();
        assert_eq!(absent.code.bits(), 4, "pointer 1 is not present");
    }

    #[test]
    fn pae_entries_check_their_reserved_bits() {
        let code = |pde, pte, mode| {
            let fault = walk(&mut wide_tables(pde, pte), mode, 0x5000, Access::Read, false);
            fault.map_err(|fault| fault.code.bits())
        };
        assert_eq!(code(0x10_0000_2007, 0x9007, PAE), Err(9), "bit 36");
        assert_eq!(code(0x2007, 0x4000_0000_0000_9007, PAE), Err(9), "bit 62");
        assert_eq!(
            code(0x2007, 0x8000_0000_0000_9007, PAE),
            Err(9),
            "bit 63 without NXE"
        );
        assert!(code(0x2007, 0x8000_0000_0000_9007, NX).is_ok());
        assert_eq!(code(0x0060_2087, 0, PAE), Err(9), "bit 13 of a large page");
    }

    #[test]
    fn pointers_with_reserved_bits_are_not_taken() {
        for bit in [1, 2, 5, 8, 36, 63] {
            let mut mem = tables(0, 0);
            mem.phys_write(0x808, &(0x3000 | 1u64 << bit).to_le_bytes());
            assert!(read_pointers(&mem, 0x800).is_some(), "not present");
            mem.phys_write(0x808, &(0x3001 | 1u64 << bit).to_le_bytes());
            assert!(read_pointers(&mem, 0x81f).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn execute_disable_stops_fetches_alone_and_says_so() {
        let disabled = 0x8000_0000_0000_0000;
        for (pde, pte) in [(0x2007 | disabled, 0x9007), (0x2007, 0x9007 | disabled)] {
            let mut mem = wide_tables(pde, pte);
            assert!(walk(&mut mem, NX, 0x5000, Access::Write, true).is_ok());
            let fault = walk(&mut mem, NX, 0x5000, Access::Execute, true).unwrap_err();
            assert_eq!(fault.code.bits(), 0x15);
        }
        let mut absent = wide_tables(0x2007, 0);
        let fault = walk(&mut absent, NX, 0x5000, Access::Execute, false).unwrap_err();
        assert_eq!(fault.code.bits(), 0x10);
        let fault = walk(&mut absent, PAE, 0x5000, Access::Execute, false).unwrap_err();
        assert_eq!(fault.code.bits(), 0, "the bit is not told without NXE");
    }
}
