//! Where RAM and ROM answer.
//!
//! ```text
//! 00000000–0009FFFF  RAM
//! 000A0000–000BFFFF  VGA
//! 000C0000–          VGA BIOS, at most 64 KiB
//! 000C8000–000EFFFF  other adapter ROMs
//! 000F0000–000FFFFF  system BIOS (its last 128 KiB from E0000, if it is that large)
//! 00100000–          RAM
//! E0000000–E0FFFFFF  frame buffer of the display adapter; with PCI, where its base address says
//! FEC00000           I/O APIC, a page, where there is one
//! FEE00000           local APIC, a page; the processor may move it
//! FF000000–FF00FFFF  memory of the test device, where there is one
//! FFEx0000–FFEFFFFF  system BIOS, for a reset while the A20 gate is closed
//! FFFx0000–FFFFFFFF  system BIOS, all of it
//! ```
//!
//! Everything else is a hole. The RAM that the adapter area hides is never seen on a machine without PCI. Elsewhere
//! the host bridge maps it from C0000 on ([`MemoryMap::apply`], 82441FX §3.2.18): for each 16 KiB, and for the last
//! 64 KiB together, reads and writes apart. The ROM at the top of the address space is always seen.

use core::ops::Range;
use std::collections::BTreeMap;

use oldiron_devices::{Apic, TestDevice, Vga};
use oldiron_mmu::{GuestMemory, HOLE_BYTE, PAGE_SIZE, RomId};

use crate::BuildError;

const KIB: usize = 1 << 10;
const ADAPTER_AREA: u32 = 0xa_0000;
const VGA_APERTURE_BYTES: u32 = 0x2_0000;
const VGA_BIOS: u32 = 0xc_0000;
/// Where BIOSes begin to look for adapter ROMs.
const FIRST_ADAPTER_ROM: u32 = 0xc_8000;
const MIB: u32 = 0x10_0000;
/// How much of a large system BIOS is seen below 1 MiB.
const LOW_BIOS_BYTES: u32 = 0x2_0000;

const SYSTEM_SEGMENT: u32 = 0xf_0000;
const SEGMENT_BYTES: u32 = 0x4000;

/// Where memory of cards ends.
const CARDS_END: u32 = 0xfec0_0000;

/// Bits of a programmable attribute map.
const READ_RAM: u8 = 1 << 0;
const WRITE_RAM: u8 = 1 << 1;

/// What lies between C0000h and 1 MiB, and how much of it RAM shadows.
#[derive(Debug)]
pub(crate) struct MemoryMap {
    vga_bios: RomId,
    vga_bios_bytes: u32,
    bios: RomId,
    /// Where the part of it that is seen below 1 MiB begins in it, and how long that is.
    low_bios_offset: u32,
    low_bios_bytes: u32,
    /// A page of nothing, where holes are open beneath.
    nothing: RomId,
    /// Other adapter ROMs: the address of each page, and what is there.
    adapter_roms: BTreeMap<u32, RomId>,
    pam: [u8; 7],
    /// Where the frame buffer is seen, and the VGA BIOS at a base address of PCI.
    frame_buffer: Option<u32>,
    vga_rom: Option<u32>,
    /// The page of the local APIC.
    local_apic: Option<u32>,
    io_apic: bool,
    test_device: bool,
}

impl MemoryMap {
    /// Maps what the attribute maps of the host bridge say ([`oldiron_devices::pci::PciChipset::pam`]). False if that
    /// is mapped already.
    pub(crate) fn apply(&mut self, mem: &mut GuestMemory, pam: [u8; 7]) -> bool {
        if pam == self.pam {
            return false;
        }
        self.pam = pam;
        let [system, halves @ ..] = pam;
        let mut start = VGA_BIOS;
        for half in halves.iter().flat_map(|&pair| [pair, pair >> 4]) {
            self.map_segment(mem, start, SEGMENT_BYTES, half);
            start += SEGMENT_BYTES;
        }
        self.map_segment(mem, SYSTEM_SEGMENT, MIB - SYSTEM_SEGMENT, system >> 4);
        self.cover_with_local_apic(mem);
        true
    }

    /// Maps the I/O APIC.
    pub(crate) fn add_io_apic(&mut self, mem: &mut GuestMemory) {
        mem.map_mmio(Apic::IO_BASE, PAGE_SIZE);
        self.io_apic = true;
    }

    /// Maps the memory of the test device.
    pub(crate) fn add_test_device(&mut self, mem: &mut GuestMemory) {
        mem.map_mmio(TestDevice::MEMORY, TestDevice::MEMORY_BYTES);
        self.test_device = true;
    }

    /// Maps the page of the local APIC, over whatever is there. False if it is there already.
    pub(crate) fn place_local_apic(&mut self, mem: &mut GuestMemory, page: Option<u32>) -> bool {
        if page == self.local_apic {
            return false;
        }
        if let Some(old) = core::mem::replace(&mut self.local_apic, page) {
            self.uncover(mem, old);
        }
        self.cover_with_local_apic(mem);
        true
    }

    fn cover_with_local_apic(&self, mem: &mut GuestMemory) {
        if let Some(page) = self.local_apic {
            mem.map_mmio(page, PAGE_SIZE);
        }
    }

    /// Maps at a page what is there without a local APIC.
    fn uncover(&mut self, mem: &mut GuestMemory, page: u32) {
        let bios = self.low_bios_offset + self.low_bios_bytes;
        let from_top = 0u32.wrapping_sub(page);
        match page {
            ADAPTER_AREA..VGA_BIOS => mem.map_mmio(page, PAGE_SIZE),
            VGA_BIOS..MIB => {
                let pam = core::mem::replace(&mut self.pam, [u8::MAX; 7]);
                self.apply(mem, pam);
            }
            _ if page < mem.ram_bytes() => mem.map_ram(page, PAGE_SIZE, page),
            Apic::IO_BASE if self.io_apic => mem.map_mmio(page, PAGE_SIZE),
            _ if self.test_device && TestDevice::decodes(page) => mem.map_mmio(page, PAGE_SIZE),
            _ if from_top <= bios => mem.map_rom(page, PAGE_SIZE, self.bios, bios - from_top),
            _ if (MIB..=MIB + bios).contains(&from_top) && from_top > MIB => {
                mem.map_rom(page, PAGE_SIZE, self.bios, bios + MIB - from_top);
            }
            _ => {
                mem.map_hole(page, PAGE_SIZE);
                self.map_vga(mem);
            }
        }
    }

    /// Maps the frame buffer and the VGA BIOS at base addresses, if these are where cards may be: above RAM, and below
    /// what belongs to the processor and the system BIOS. Where both are, the BIOS is seen. False if they are there
    /// already.
    pub(crate) fn place_vga(
        &mut self,
        mem: &mut GuestMemory,
        frame_buffer: Option<u32>,
        rom: Option<u32>,
    ) -> bool {
        let lowest = mem.ram_bytes().max(MIB);
        let placed = |address: Option<u32>, bytes: u32| {
            address.filter(|address| (lowest..=CARDS_END - bytes).contains(address))
        };
        let frame_buffer = placed(frame_buffer, Vga::FRAME_BUFFER_BYTES);
        let rom = placed(rom, self.vga_bios_bytes);
        if (frame_buffer, rom) == (self.frame_buffer, self.vga_rom) {
            return false;
        }
        if let Some(old) = self.frame_buffer {
            mem.map_hole(old, Vga::FRAME_BUFFER_BYTES);
        }
        if let Some(old) = self.vga_rom {
            mem.map_hole(old, self.vga_bios_bytes);
        }
        (self.frame_buffer, self.vga_rom) = (frame_buffer, rom);
        self.map_vga(mem);
        self.cover_with_local_apic(mem);
        true
    }

    /// Maps the frame buffer and the VGA BIOS where they have been placed.
    fn map_vga(&self, mem: &mut GuestMemory) {
        if let Some(frame_buffer) = self.frame_buffer {
            mem.map_frame_buffer(frame_buffer);
        }
        if let Some(rom) = self.vga_rom {
            mem.map_rom(rom, self.vga_bios_bytes, self.vga_bios, 0);
        }
    }

    fn map_segment(&self, mem: &mut GuestMemory, start: u32, len: u32, attributes: u8) {
        if attributes & READ_RAM != 0 {
            mem.map_ram(start, len, start);
            if attributes & WRITE_RAM == 0 {
                mem.protect_ram(start, len);
            }
            return;
        }
        for page in (start..start + len).step_by(PAGE_SIZE as usize) {
            self.map_socket(mem, page, attributes & WRITE_RAM != 0);
        }
        if attributes & WRITE_RAM != 0 {
            mem.open_beneath(start, len);
        }
    }

    /// Maps the ROM of a page, or a hole.
    fn map_socket(&self, mem: &mut GuestMemory, page: u32, open: bool) {
        let low_bios = MIB - self.low_bios_bytes;
        if page < VGA_BIOS + self.vga_bios_bytes {
            mem.map_rom(page, PAGE_SIZE, self.vga_bios, page - VGA_BIOS);
        } else if page >= low_bios {
            mem.map_rom(page, PAGE_SIZE, self.bios, page - low_bios + self.low_bios_offset);
        } else if let Some(&rom) = self.adapter_roms.get(&page) {
            mem.map_rom(page, PAGE_SIZE, rom, 0);
        } else if open {
            mem.map_rom(page, PAGE_SIZE, self.nothing, 0);
        } else {
            mem.map_hole(page, PAGE_SIZE);
        }
    }
}

/// Memory with its ROMs, mapped.
pub(crate) fn build(
    memory_mib: u32,
    bios: &[u8],
    vga_bios: &[u8],
    adapter_roms: &[(u32, Vec<u8>)],
) -> Result<(GuestMemory, MemoryMap), BuildError> {
    if !(1..=3072).contains(&memory_mib) {
        return Err(BuildError::Memory { mib: memory_mib });
    }
    let bios_size = || BuildError::BiosSize { bytes: bios.len() };
    let vga_bios_size = || BuildError::VgaBiosSize {
        bytes: vga_bios.len(),
    };
    if ![64 * KIB, 128 * KIB, 256 * KIB].contains(&bios.len()) {
        return Err(bios_size());
    }
    if !(512..=64 * KIB).contains(&vga_bios.len()) {
        return Err(vga_bios_size());
    }

    let mut mem = GuestMemory::with_frame_buffer(u64::from(memory_mib) << 20, Vga::FRAME_BUFFER_BYTES);
    mem.map_ram(0, ADAPTER_AREA, 0);
    mem.map_ram(MIB, mem.ram_bytes() - MIB, MIB);
    mem.map_mmio(ADAPTER_AREA, VGA_APERTURE_BYTES);
    mem.map_frame_buffer(Vga::FRAME_BUFFER);

    // What follows the image in its last page is as empty as the pages after it.
    let mut option_rom = vga_bios.to_vec();
    option_rom.resize(vga_bios.len().next_multiple_of(PAGE_SIZE as usize), HOLE_BYTE);
    let vga_bios_bytes = option_rom.len() as u32;
    let vga_bios = mem.add_rom(&option_rom).ok_or_else(vga_bios_size)?;
    let nothing = mem
        .add_rom(&[HOLE_BYTE; PAGE_SIZE as usize])
        .ok_or_else(vga_bios_size)?;
    mem.map_rom(VGA_BIOS, vga_bios_bytes, vga_bios, 0);

    let adapter_roms = map_adapter_roms(&mut mem, adapter_roms)?;

    let len = bios.len() as u32;
    let rom = mem.add_rom(bios).ok_or_else(bios_size)?;
    let low = len.min(LOW_BIOS_BYTES);
    mem.map_rom(MIB - low, low, rom, len - low);
    mem.map_rom(0u32.wrapping_sub(len), len, rom, 0);
    mem.map_rom(0u32.wrapping_sub(MIB).wrapping_sub(len), len, rom, 0);
    let map = MemoryMap {
        vga_bios,
        vga_bios_bytes,
        bios: rom,
        low_bios_offset: len - low,
        low_bios_bytes: low,
        nothing,
        adapter_roms,
        pam: [0; 7],
        frame_buffer: Some(Vga::FRAME_BUFFER),
        vga_rom: None,
        local_apic: None,
        io_apic: false,
        test_device: false,
    };
    Ok((mem, map))
}

/// Where in the adapter area ROMs may be besides these.
fn adapter_area(bios: &[u8], vga_bios: &[u8]) -> Range<u32> {
    let vga_end = VGA_BIOS + (vga_bios.len() as u32).next_multiple_of(PAGE_SIZE);
    vga_end.max(FIRST_ADAPTER_ROM)..MIB - (bios.len() as u32).min(LOW_BIOS_BYTES)
}

/// Whether ROMs lie in the adapter area, off the system and VGA BIOS and each other. The error is the address of one
/// that does not.
pub fn check_adapter_roms(bios: &[u8], vga_bios: &[u8], roms: &[(u32, Vec<u8>)]) -> Result<(), u32> {
    let area = adapter_area(bios, vga_bios);
    for (n, (at, rom)) in roms.iter().enumerate() {
        let end = *at as usize + rom.len();
        let inside = *at >= area.start && end <= area.end as usize;
        let mut before = roms.iter().take(n);
        if !inside
            || before
                .any(|(other, rom)| (*other as usize) < end && (*at as usize) < *other as usize + rom.len())
        {
            return Err(*at);
        }
    }
    Ok(())
}

/// The first place for another adapter ROM of at most 2 KiB at which a BIOS looks for one, on a page of its own.
pub(crate) fn place_adapter_rom(bios: &[u8], vga_bios: &[u8], roms: &[(u32, Vec<u8>)]) -> Option<u32> {
    let area = adapter_area(bios, vga_bios);
    area.step_by(PAGE_SIZE as usize).find(|at| {
        let page = at / PAGE_SIZE;
        roms.iter().all(|(other, rom)| {
            let last = *other + (rom.len() as u32).saturating_sub(1);
            !(*other / PAGE_SIZE..=last / PAGE_SIZE).contains(&page)
        })
    })
}

/// Maps the pages of adapter ROMs, which may begin inside a page.
fn map_adapter_roms(
    mem: &mut GuestMemory,
    roms: &[(u32, Vec<u8>)],
) -> Result<BTreeMap<u32, RomId>, BuildError> {
    let mut pages: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    for (at, rom) in roms {
        for (address, &byte) in (*at..).zip(rom) {
            let page = pages.entry(address / PAGE_SIZE);
            let page = page.or_insert_with(|| vec![HOLE_BYTE; PAGE_SIZE as usize]);
            if let Some(place) = page.get_mut((address % PAGE_SIZE) as usize) {
                *place = byte;
            }
        }
    }
    let mut mapped = BTreeMap::new();
    for (page, bytes) in pages {
        let at = page * PAGE_SIZE;
        let rom = mem.add_rom(&bytes).ok_or(BuildError::AdapterRom { at })?;
        mem.map_rom(at, PAGE_SIZE, rom, 0);
        mapped.insert(at, rom);
    }
    Ok(mapped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bios(kib: usize) -> Vec<u8> {
        (0..kib).flat_map(|k| [k as u8 ^ 0x55; KIB]).collect()
    }

    fn byte(mem: &GuestMemory, addr: u32) -> u8 {
        let mut buf = [0];
        mem.phys_read(addr, &mut buf);
        buf[0]
    }

    #[test]
    fn the_bios_ends_at_1_mib_and_at_4_gib() {
        for kib in [64, 128, 256] {
            let image = bios(kib);
            let (mem, _) = build(1, &image, &[1; 512], &[]).unwrap();
            for back in [1, 0x400, 0x1_0000] {
                let expected = image[image.len() - back as usize];
                assert_eq!(byte(&mem, MIB - back), expected);
                assert_eq!(byte(&mem, 0u32.wrapping_sub(back)), expected);
                assert_eq!(byte(&mem, 0xfff0_0000 - back), expected);
            }
            assert_eq!(byte(&mem, 0u32.wrapping_sub(image.len() as u32)), image[0]);
        }
    }

    #[test]
    fn adapter_holes_read_all_ones_and_ram_answers_above_1_mib() {
        let (mut mem, _) = build(2, &bios(64), &[7; 0x1200], &[]).unwrap();
        assert_eq!(byte(&mem, 0xc_11ff), 7);
        for hole in [0xc_1200, 0xc_2000, 0xc_8000, 0xe_ffff, 2 * MIB, 0xfec0_0000] {
            assert_eq!(byte(&mem, hole), 0xff, "{hole:#x}");
        }
        for ram in [0, 0x9_ffff, MIB, 2 * MIB - 1] {
            mem.phys_write(ram, &[0x5a]);
            assert_eq!(byte(&mem, ram), 0x5a, "{ram:#x}");
        }
    }

    #[test]
    fn attribute_maps_shadow_16_kib_each_with_reads_and_writes_apart() {
        let (mut mem, mut map) = build(2, &bios(128), &[7; 0x1200], &[]).unwrap();
        let rom = byte(&mem, 0xf_0123);
        for (pam, addr, socket) in [
            (0, 0xf_0123, rom),
            (1, 0xc_0123, 7),
            (2, 0xc_8000, 0xff),
            (4, 0xd_8000, 0xff),
        ] {
            let with = |attributes: u8| {
                let mut maps = [0; 7];
                maps[pam] = if pam == 0 { attributes << 4 } else { attributes };
                maps
            };
            assert!(map.apply(&mut mem, with(WRITE_RAM)));
            assert!(!map.apply(&mut mem, with(WRITE_RAM)), "nothing new");
            mem.phys_write(addr, &[0x21]);
            assert_eq!(byte(&mem, addr), socket, "{addr:#x}: written beneath");
            map.apply(&mut mem, with(READ_RAM));
            mem.phys_write(addr, &[0x22]);
            assert_eq!(byte(&mem, addr), 0x21, "{addr:#x}: RAM that is read only");
            map.apply(&mut mem, with(READ_RAM | WRITE_RAM));
            mem.phys_write(addr, &[0x23]);
            assert_eq!(byte(&mem, addr), 0x23, "{addr:#x}: RAM");
            assert_eq!(byte(&mem, 0xffff_0123), rom, "the ROM at the top stays");
            map.apply(&mut mem, [0; 7]);
            mem.phys_write(addr, &[0x24]);
            assert_eq!(byte(&mem, addr), socket, "{addr:#x}: as after a reset");
        }
        map.apply(&mut mem, [0, 0, 0, 0, 0x30, 0, 0]);
        mem.phys_write(0xd_bfff, &[1, 2]);
        assert_eq!(
            (byte(&mem, 0xd_bfff), byte(&mem, 0xd_c000)),
            (0xff, 2),
            "the upper half of a map"
        );
        map.apply(&mut mem, [0; 7]);
        assert_eq!(byte(&mem, 0xd_c000), 0xff);
        assert_eq!(byte(&mem, 0xe_0000), bios(128)[0]);
    }

    #[test]
    fn the_vga_bios_is_seen_at_a_base_address_where_cards_may_be() {
        let (mut mem, mut map) = build(2, &bios(64), &[7; 0x1200], &[]).unwrap();
        mem.phys_write(MIB, &[1]);
        assert!(map.place_vga(&mut mem, None, None));
        for nowhere in [MIB, 0xf_0000, 0xfec0_0000, 0xffff_0000] {
            assert!(!map.place_vga(&mut mem, None, Some(nowhere)), "{nowhere:#x}");
        }
        assert!(map.place_vga(&mut mem, None, Some(0xfebf_0000)));
        assert_eq!([0xfebf_11ff, 0xfebf_1200].map(|at| byte(&mem, at)), [7, 0xff]);
        assert!(map.place_vga(&mut mem, None, Some(0xe000_0000)));
        assert_eq!([0xfebf_0000, 0xe000_0000].map(|at| byte(&mem, at)), [0xff, 7]);
        assert!(map.place_vga(&mut mem, None, None));
        assert_eq!(
            [0xe000_0000, MIB, 0xc_0000].map(|at| byte(&mem, at)),
            [0xff, 1, 7]
        );
    }

    #[test]
    fn the_frame_buffer_moves_with_its_contents_and_hides_behind_the_bios() {
        let (mut mem, mut map) = build(2, &bios(64), &[7; 0x1200], &[]).unwrap();
        mem.phys_write(0xe000_0000, &[5]);
        mem.phys_write(0xe0ff_ffff, &[6]);
        assert!(!map.place_vga(&mut mem, Some(0xe000_0000), None));
        assert!(map.place_vga(&mut mem, Some(0xfdc0_0000), None), "the last place");
        let seen = |mem: &GuestMemory, ats: [u32; 3]| ats.map(|at| byte(mem, at));
        assert_eq!(seen(&mem, [0xe000_0000, 0xfdc0_0000, 0xfebf_ffff]), [0xff, 5, 6]);
        assert!(map.place_vga(&mut mem, Some(0x20_0000), Some(0x20_0000)));
        assert_eq!(seen(&mem, [0x20_0000, 0x20_2000, 0x11f_ffff]), [7, 0, 6]);
        assert!(map.place_vga(&mut mem, Some(0x20_0000), None));
        assert_eq!(seen(&mem, [0x20_0000, 0x20_2000, 0x11f_ffff]), [5, 0, 6]);
        for nowhere in [0x10_0000, 0xfe00_0000] {
            map.place_vga(&mut mem, Some(nowhere), None);
            assert_eq!(seen(&mem, [nowhere, 0x20_0000, 0xff00_0000])[1..], [0xff, 0xff]);
        }
    }

    #[test]
    fn other_adapter_roms_are_seen_where_no_ram_shadows_them() {
        let roms = [(0xd_0800, vec![0x5a; 0x400]), (0xd_0f00, vec![0x3c; 0x200])];
        let (mut mem, mut map) = build(1, &bios(64), &[7; 512], &roms).unwrap();
        let seen =
            |mem: &GuestMemory| [0xd_07ff, 0xd_0800, 0xd_0c00, 0xd_0fff, 0xd_1000].map(|at| byte(mem, at));
        assert_eq!(seen(&mem), [0xff, 0x5a, 0xff, 0x3c, 0x3c]);
        assert!(map.apply(&mut mem, [0, 0, 0, 0x03, 0, 0, 0]));
        assert_eq!(seen(&mem), [0; 5]);
        assert!(map.apply(&mut mem, [0; 7]));
        assert_eq!(seen(&mem), [0xff, 0x5a, 0xff, 0x3c, 0x3c]);
    }

    #[test]
    fn sizes_that_no_pc_has_are_refused() {
        let ok = bios(64);
        assert_eq!(
            build(0, &ok, &[0; 512], &[]).err(),
            Some(BuildError::Memory { mib: 0 })
        );
        assert_eq!(
            build(3073, &ok, &[0; 512], &[]).err(),
            Some(BuildError::Memory { mib: 3073 })
        );
        for bytes in [0, 1, 65535, 32 * KIB, 192 * KIB, 512 * KIB] {
            assert_eq!(
                build(1, &vec![0; bytes], &[0; 512], &[]).err(),
                Some(BuildError::BiosSize { bytes })
            );
        }
        for bytes in [0, 511, 64 * KIB + 1] {
            assert_eq!(
                build(1, &ok, &vec![0; bytes], &[]).err(),
                Some(BuildError::VgaBiosSize { bytes })
            );
        }
    }
}
