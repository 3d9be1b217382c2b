//! Paging: rights, accessed and dirty bits, page sizes and reserved bits: SDM vol. 3A §4.3–§4.8.

use crate::{
    bench::Bench,
    model::{Exception, Model},
    state::{control, gpr, vector},
    world::*,
};

/// A directory and a table for low memory; with PAE, pointers, a directory and a table.
pub const DIRECTORY: u32 = 0x1_9000;
pub const LOW_TABLE: u32 = 0x1_a000;
/// The table that the directory entry under test names.
const TABLE: u32 = 0x1_b000;
const POINTERS: u32 = 0x1_c000;
/// The frame that the table entry under test names.
const FRAME: u32 = 0x1_f000;
/// What is accessed. It is in the second 4 MiB, and in the third 2 MiB.
pub const LINEAR: u32 = 0x40_0123;

pub const P: u32 = 1 << 0;
pub const RW: u32 = 1 << 1;
const US: u32 = 1 << 2;
pub const A: u32 = 1 << 5;
pub const D: u32 = 1 << 6;
const PS: u32 = 1 << 7;
/// Everything allowed, and everything set that the processor would set.
const OPEN: u32 = P | RW | US | A | D;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    /// Reads and writes.
    Modify,
    Execute,
}

const ACCESSES: [Access; 4] = [Access::Read, Access::Write, Access::Modify, Access::Execute];

impl Access {
    /// mov al, [ebx]; mov [ebx], al; inc byte [ebx]; jmp ebx
    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Read => &[0x8a, 0x03],
            Self::Write => &[0x88, 0x03],
            Self::Modify => &[0xfe, 0x03],
            Self::Execute => &[0xff, 0xe3],
        }
    }

    fn writes(self) -> bool {
        matches!(self, Self::Write | Self::Modify)
    }

    /// What it does to the frame at `at`, which holds `jmp $`.
    fn effect(self, w: &mut World, at: u32) {
        let byte = w.mem[at as usize];
        match self {
            Self::Read => w.s.gpr[gpr::EAX] = w.s.gpr[gpr::EAX] & !0xff | byte as u32,
            Self::Write => w.mem[at as usize] = w.s.gpr[gpr::EAX] as u8,
            Self::Modify => {
                w.mem[at as usize] = byte + 1;
                // EBh + 1 = ECh: SF; the parity of ECh is odd.
                w.s.eflags = w.s.eflags & !0x8d4 | 0x80;
            }
            Self::Execute => w.s.eip = LINEAR,
        }
    }
}

/// Ring `r` with 32-bit paging on: low memory is mapped to itself; EBX points at what is accessed.
pub fn paged(r: u8) -> World {
    let mut world = World::ring(r);
    world.put32(DIRECTORY, LOW_TABLE | OPEN);
    for page in 0..RAM / 0x1000 {
        world.put32(LOW_TABLE + 4 * page, page << 12 | OPEN);
    }
    world.s.cr0 |= control::PG;
    world.s.cr3 = DIRECTORY;
    world.s.gpr[gpr::EBX] = LINEAR;
    world.spin(FRAME + (LINEAR & 0xfff));
    world
}

/// The same with PAE.
fn paged_wide(r: u8) -> World {
    let mut world = paged(r);
    world.put64(POINTERS, DIRECTORY as u64 | 1);
    world.put32s(DIRECTORY, &[LOW_TABLE | OPEN, 0]);
    for page in 0..RAM / 0x1000 {
        world.put64(LOW_TABLE + 8 * page, (page << 12 | OPEN) as u64);
    }
    world.s.cr4 = control::PAE;
    world.s.cr3 = POINTERS;
    world
}

pub fn page_fault(code: u32) -> Exception {
    Exception {
        vector: vector::PF,
        error: Some(code),
    }
}

/// The bits of the error code that say who did what.
fn who(access: Access, r: u8) -> u32 {
    let write = if access.writes() { 2 } else { 0 };
    write | if r == 3 { 4 } else { 0 }
}

/// Runs `access` at [`LINEAR`] in `world`: a page fault with `code`, or the frame is accessed and entries change as
/// `mark` does it.
fn try_access(
    bench: &mut Bench,
    world: &World,
    access: Access,
    code: Option<u32>,
    mark: &dyn Fn(&mut World),
    case: impl FnOnce() -> String,
) {
    let mut world = world.clone();
    let at = FRAME + (LINEAR & 0xfff);
    if let Some(code) = code {
        let mut before = world.clone();
        before.put(CODE, access.bytes());
        before.spin(CODE + 2);
        // A jump arrives before the fetch fails.
        let mut faulting = before.clone();
        faulting.s.cr2 = LINEAR;
        if access == Access::Execute {
            faulting.s.eip = LINEAR;
        }
        let wanted = Model::fault(&faulting, page_fault(code));
        bench.expect(&before, None, &wanted, 70, || format!("{access:?}: {}", case()));
        return;
    }
    let effect = |w: &mut World| {
        access.effect(w, at);
        mark(w);
    };
    world.s.eip = CODE;
    bench.check_bytes(&world, access.bytes(), Ok(&effect), || {
        format!("{access:?}: {}", case())
    });
}

/// SDM vol. 3A §4.6, §4.7, §4.8: P, R/W and U/S of both entries, for every ring and access, with and without WP.
#[test]
fn rights_of_directory_and_table_entries() {
    let mut bench = Bench::new();
    for pde in 0..8 {
        for pte in 0..8 {
            for wp in [0, control::WP] {
                for r in 0..4 {
                    for access in ACCESSES {
                        let mut world = paged(r);
                        world.s.cr0 |= wp;
                        world.put32(DIRECTORY + 4, TABLE | pde);
                        world.put32(TABLE, FRAME | pte);
                        let rights = pde & pte;
                        let user = r == 3;
                        let denied = user && rights & US == 0
                            || access.writes() && rights & RW == 0 && (user || wp != 0);
                        let code = if rights & P == 0 {
                            Some(who(access, r))
                        } else {
                            denied.then(|| who(access, r) | 1)
                        };
                        let mark = |w: &mut World| {
                            let dirty = if access.writes() { D } else { 0 };
                            w.put32(DIRECTORY + 4, TABLE | pde | A);
                            w.put32(TABLE, FRAME | pte | A | dirty);
                        };
                        try_access(&mut bench, &world, access, code, &mark, || {
                            format!("PDE {pde:x} PTE {pte:x} WP {wp:x} ring {r}")
                        });
                    }
                }
            }
        }
    }
    bench.finish(8 * 8 * 2 * 4 * 4);
}

/// SDM vol. 3A table 4-4, §4.7: the reserved bits of a 4 MiB page, by model.
#[test]
fn reserved_bits_of_pages_of_4_mib() {
    // Before PSE-36, bits 13 to 16 were reserved too; with it, they lead beyond 4 GiB, where there is nothing.
    for (model, reserved, beyond) in [("pentium", 0x3f_e000, 0), ("core", 0x3e_0000, 0x1_e000)] {
        let mut bench = Bench::named(model);
        for bit in (12..22).filter(|bit| beyond >> bit & 1 == 0) {
            for r in [0, 3] {
                for access in ACCESSES {
                    let mut world = paged(r);
                    world.s.cr4 = control::PSE;
                    world.spin(LINEAR & 0xfff);
                    let entry = P | RW | US | PS | 1 << bit;
                    world.put32(DIRECTORY + 4, entry);
                    let case = || format!("{model}, bit {bit}, ring {r}");
                    if entry & reserved != 0 {
                        let code = Some(who(access, r) | 9);
                        try_access(&mut bench, &world, access, code, &|_| {}, case);
                    } else {
                        let dirty = if access.writes() { D } else { 0 };
                        let mark = |w: &mut World| w.put32(DIRECTORY + 4, entry | A | dirty);
                        large(&mut bench, &world, access, &mark, case);
                    }
                }
            }
        }
        bench.finish(if beyond == 0 { 10 } else { 6 } * 2 * 4);
    }
}

/// SDM vol. 3A §4.3: without CR4.PSE, PS means nothing.
#[test]
fn the_page_size_bit_needs_pse() {
    let mut bench = Bench::new();
    for access in ACCESSES {
        let mut world = paged(3);
        world.put32(DIRECTORY + 4, TABLE | P | RW | US | PS);
        world.put32(TABLE, FRAME | P | RW | US);
        let mark = |w: &mut World| {
            let dirty = if access.writes() { D } else { 0 };
            w.put32(DIRECTORY + 4, TABLE | P | RW | US | PS | A);
            w.put32(TABLE, FRAME | P | RW | US | A | dirty);
        };
        try_access(&mut bench, &world, access, None, &mark, || {
            "PS without PSE".into()
        });
    }
    bench.finish(4);
}

/// An access to [`LINEAR`] in a large page from physical 0.
fn large(
    bench: &mut Bench,
    world: &World,
    access: Access,
    mark: &dyn Fn(&mut World),
    case: impl FnOnce() -> String,
) {
    let effect = |w: &mut World| {
        access.effect(w, LINEAR & 0xfff);
        mark(w);
    };
    bench.check_bytes(world, access.bytes(), Ok(&effect), || {
        format!("{access:?}: {}", case())
    });
}

/// SDM vol. 3A §4.4.2, tables 4-9 to 4-11: each bit of PAE's entries, with and without NXE, 4 KiB and 2 MiB pages.
#[test]
fn every_bit_of_pae_entries() {
    let mut bench = Bench::new();
    let mut cases = 0;
    let always = 0x7fff_fff0_0000_0000u64;
    for nxe in [0, control::NXE] {
        for bit in 0..64 {
            for (is_pte, is_large) in [(true, false), (false, false), (false, true)] {
                for r in [0, 3] {
                    for access in ACCESSES {
                        let flip = 1u64 << bit;
                        let usual = (P | RW | US) as u64;
                        let (mut pde, mut pte) = (TABLE as u64 | usual, FRAME as u64 | usual);
                        if is_pte {
                            pte ^= flip;
                        } else if is_large {
                            pde = usual ^ flip | PS as u64;
                        } else {
                            pde ^= flip;
                        }
                        // Bits of the address lead elsewhere, PS makes another page of it.
                        let moves = (12..36).contains(&bit) && !(is_large && bit < 21) || bit == 7 && !is_pte;
                        if moves {
                            continue;
                        }
                        let mut world = paged_wide(r);
                        world.s.efer = nxe;
                        world.put64(DIRECTORY + 16, pde);
                        world.put64(TABLE, pte);
                        let entry = if is_pte { pte } else { pde };
                        let mut reserved = always;
                        if nxe == 0 {
                            reserved |= 1 << 63;
                        }
                        if is_large {
                            reserved |= 0x1f_e000;
                        }
                        let fetch = if access == Access::Execute && nxe != 0 {
                            16
                        } else {
                            0
                        };
                        let who = who(access, r) | fetch;
                        let rights = entry as u32;
                        let denied = r == 3 && rights & US == 0
                            || r == 3 && access.writes() && rights & RW == 0
                            || fetch != 0 && entry >> 63 != 0;
                        let code = if rights & P == 0 {
                            Some(who)
                        } else if entry & reserved != 0 {
                            Some(who | 9)
                        } else {
                            denied.then_some(who | 1)
                        };
                        let dirty = (if access.writes() { D } else { 0 }) as u64;
                        let mark = |w: &mut World| {
                            if is_large {
                                w.put64(DIRECTORY + 16, pde | A as u64 | dirty);
                            } else {
                                w.put64(DIRECTORY + 16, pde | A as u64);
                                w.put64(TABLE, pte | A as u64 | dirty);
                            }
                        };
                        let case = || {
                            format!(
                                "bit {bit} of {} {entry:x}, NXE {nxe:x}, ring {r}",
                                if is_pte { "PTE" } else { "PDE" }
                            )
                        };
                        cases += 1;
                        if is_large && code.is_none() {
                            world.spin(LINEAR & 0xfff);
                            large(&mut bench, &world, access, &mark, case);
                        } else {
                            try_access(&mut bench, &world, access, code, &mark, case);
                        }
                    }
                }
            }
        }
    }
    bench.finish(cases);
}

#[test]
fn a_page_directory_pointer_that_is_not_present_is_a_page_fault() {
    let mut bench = Bench::new();
    for r in [0, 3] {
        for access in ACCESSES {
            let world = paged_wide(r);
            let mut world = world.clone();
            world.s.gpr[gpr::EBX] = 0x4000_0000;
            let mut before = world.clone();
            before.put(CODE, access.bytes());
            let mut faulting = before.clone();
            faulting.s.cr2 = 0x4000_0000;
            if access == Access::Execute {
                faulting.s.eip = 0x4000_0000;
            }
            let wanted = Model::fault(&faulting, page_fault(who(access, r)));
            bench.expect(&before, None, &wanted, 70, || format!("{access:?} in ring {r}"));
        }
    }
    bench.finish(8);
}
