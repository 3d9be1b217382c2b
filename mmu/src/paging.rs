//! The page walk: linear to physical, with rights, accessed and dirty bits.
//!
//! Follows SDM vol. 3A §4.3 (32-bit paging, 4 KiB and 4 MiB pages), §4.6 (access rights), §4.7
//! (error codes) and §4.8 (accessed and dirty flags). PAE and NX are not modelled.
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
    }
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
    /// Part of a 4 MiB page.
    pub large: bool,
}

const ENTRY_PRESENT: u32 = 1 << 0;
const ENTRY_WRITABLE: u32 = 1 << 1;
const ENTRY_USER: u32 = 1 << 2;
const ENTRY_ACCESSED: u32 = 1 << 5;
const ENTRY_DIRTY: u32 = 1 << 6;
const ENTRY_LARGE: u32 = 1 << 7;
const ENTRY_GLOBAL: u32 = 1 << 8;
/// Bits 13–21 of a 4 MiB entry: reserved before PSE-36.
const LARGE_RESERVED: u32 = 0x003f_e000;

fn read_entry(mem: &GuestMemory, addr: u32) -> u32 {
    match mem.lookup(addr & mem.a20_mask()) {
        MapKind::Ram(backing) | MapKind::Rom(backing) => mem.read(backing),
        MapKind::Hole | MapKind::Mmio => u32::MAX,
    }
}

fn write_entry(mem: &mut GuestMemory, addr: u32, value: u32) {
    if let MapKind::Ram(backing) = mem.lookup(addr & mem.a20_mask()) {
        mem.update_entry(backing, value);
    }
}

/// Whether a translation may have been made from an entry.
pub(crate) fn is_in_use(entry: u32) -> bool {
    const IN_USE: u32 = ENTRY_PRESENT | ENTRY_ACCESSED;
    entry & IN_USE == IN_USE
}

/// Has writes to the structure that an entry at `addr` belongs to noticed.
fn watch_table(mem: &mut GuestMemory, addr: u32) {
    if let MapKind::Ram(backing) = mem.lookup(addr & mem.a20_mask()) {
        mem.mark_table(backing);
    }
}

/// Walks the tables for `addr` and, if the access is allowed, sets accessed and dirty bits.
pub fn walk(
    mem: &mut GuestMemory,
    mode: PagingMode,
    cr3: u32,
    addr: u32,
    access: Access,
    user: bool,
) -> Result<Walk, PageFault> {
    if !mode.contains(PagingMode::ENABLED) {
        let frame = addr & !0xfff;
        return Ok(Walk {
            frame,
            user: true,
            writable: true,
            dirty: true,
            global: false,
            large: false,
        });
    }
    let write = access == Access::Write;
    let fault = |mut code: PageFaultCode| {
        code.set(PageFaultCode::WRITE, write);
        code.set(PageFaultCode::USER, user);
        Err(PageFault {
            addr: addr as u64,
            code,
        })
    };
    let pde_addr = (cr3 & !0xfff) | addr >> 22 << 2;
    let pde = read_entry(mem, pde_addr);
    if pde & ENTRY_PRESENT == 0 {
        return fault(PageFaultCode::empty());
    }
    let large = pde & ENTRY_LARGE != 0 && mode.contains(PagingMode::PAGE_SIZE_EXTENSION);
    let (entry_addr, entry, rights, frame) = if large {
        if pde & LARGE_RESERVED != 0 {
            return fault(PageFaultCode::PRESENT | PageFaultCode::RESERVED);
        }
        (pde_addr, pde, pde, (pde & 0xffc0_0000) | (addr & 0x003f_f000))
    } else {
        let pte_addr = (pde & !0xfff) | (addr >> 12 & 0x3ff) << 2;
        let pte = read_entry(mem, pte_addr);
        if pte & ENTRY_PRESENT == 0 {
            return fault(PageFaultCode::empty());
        }
        (pte_addr, pte, pde & pte, pte & !0xfff)
    };
    let may_user = rights & ENTRY_USER != 0;
    let writable = rights & ENTRY_WRITABLE != 0;
    let write_denied = write && !writable && (user || mode.contains(PagingMode::WRITE_PROTECT));
    if (user && !may_user) || write_denied {
        return fault(PageFaultCode::PRESENT);
    }
    if !large && pde & ENTRY_ACCESSED == 0 {
        write_entry(mem, pde_addr, pde | ENTRY_ACCESSED);
    }
    let touched = entry | ENTRY_ACCESSED | if write { ENTRY_DIRTY } else { 0 };
    if touched != entry {
        write_entry(mem, entry_addr, touched);
    }
    watch_table(mem, pde_addr);
    watch_table(mem, entry_addr);
    Ok(Walk {
        frame,
        user: may_user,
        writable,
        dirty: touched & ENTRY_DIRTY != 0,
        global: entry & ENTRY_GLOBAL != 0 && mode.contains(PagingMode::GLOBAL),
        large,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGED: PagingMode = PagingMode::ENABLED;

    /// A directory at 1000h whose entry 0 points at a table at 2000h, with `pte` for page 5.
    fn tables(pde: u32, pte: u32) -> GuestMemory {
        let mut mem = GuestMemory::new(1 << 20);
        mem.map_ram(0, 1 << 20, 0);
        mem.phys_write(0x1000, &pde.to_le_bytes());
        mem.phys_write(0x2000 + 5 * 4, &pte.to_le_bytes());
        mem
    }

    fn entry(mem: &GuestMemory, addr: u32) -> u32 {
        read_entry(mem, addr)
    }

    #[test]
    fn a_read_sets_accessed_and_a_write_sets_dirty() {
        let mut mem = tables(0x2007, 0x9007);
        let got = walk(&mut mem, PAGED, 0x1000, 0x5123, Access::Read, true).unwrap();
        assert_eq!((got.frame, got.dirty), (0x9000, false));
        assert_eq!((entry(&mem, 0x1000), entry(&mem, 0x2014)), (0x2027, 0x9027));
        assert!(
            walk(&mut mem, PAGED, 0x1000, 0x5123, Access::Write, true)
                .unwrap()
                .dirty
        );
        assert_eq!(entry(&mem, 0x2014), 0x9067);
    }

    #[test]
    fn error_codes_tell_presence_direction_and_privilege() {
        let code = |pte, access, user, mode| {
            walk(&mut tables(0x2007, pte), mode, 0x1000, 0x5000, access, user).map_err(|f| f.code.bits())
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
        assert!(walk(&mut mem, PAGED, 0x1000, 0x5000, Access::Write, true).is_err());
        assert_eq!((entry(&mem, 0x1000), entry(&mem, 0x2014)), (0x2007, 0x9005));
    }

    #[test]
    fn large_pages_need_pse_and_clear_reserved_bits() {
        let pse = PAGED | PagingMode::PAGE_SIZE_EXTENSION;
        let got = walk(
            &mut tables(0x0040_0087, 0),
            pse,
            0x1000,
            0x0001_2345,
            Access::Read,
            false,
        )
        .unwrap();
        assert_eq!((got.frame, got.large), (0x0041_2000, true));
        let bad = walk(&mut tables(0x0040_2087, 0), pse, 0x1000, 0, Access::Read, false).unwrap_err();
        assert_eq!(bad.code.bits(), 9);
    }
}
