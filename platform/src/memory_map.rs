//! Where RAM and ROM answer.
//!
//! ```text
//! 00000000–0009FFFF  RAM
//! 000A0000–000BFFFF  VGA
//! 000C0000–          VGA BIOS, at most 64 KiB
//! 000F0000–000FFFFF  system BIOS (its last 128 KiB from E0000, if it is that large)
//! 00100000–          RAM
//! FFEx0000–FFEFFFFF  system BIOS, for a reset while the A20 gate is closed
//! FFFx0000–FFFFFFFF  system BIOS, all of it
//! ```
//!
//! Everything else is a hole. The RAM that the adapter area hides is never seen.

use oldiron_mmu::{GuestMemory, HOLE_BYTE, PAGE_SIZE};

use crate::BuildError;

const KIB: usize = 1 << 10;
const ADAPTER_AREA: u32 = 0xa_0000;
const VGA_APERTURE_BYTES: u32 = 0x2_0000;
const VGA_BIOS: u32 = 0xc_0000;
const MIB: u32 = 0x10_0000;
/// How much of a large system BIOS is seen below 1 MiB.
const LOW_BIOS_BYTES: u32 = 0x2_0000;

/// Memory with its ROMs, mapped.
pub(crate) fn build(memory_mib: u32, bios: &[u8], vga_bios: &[u8]) -> Result<GuestMemory, BuildError> {
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

    let mut mem = GuestMemory::new(u64::from(memory_mib) << 20);
    mem.map_ram(0, ADAPTER_AREA, 0);
    mem.map_ram(MIB, mem.ram_bytes() - MIB, MIB);
    mem.map_mmio(ADAPTER_AREA, VGA_APERTURE_BYTES);

    // What follows the image in its last page is as empty as the pages after it.
    let mut option_rom = vga_bios.to_vec();
    option_rom.resize(vga_bios.len().next_multiple_of(PAGE_SIZE as usize), HOLE_BYTE);
    let len = option_rom.len() as u32;
    let rom = mem.add_rom(&option_rom).ok_or_else(vga_bios_size)?;
    mem.map_rom(VGA_BIOS, len, rom, 0);

    let len = bios.len() as u32;
    let rom = mem.add_rom(bios).ok_or_else(bios_size)?;
    let low = len.min(LOW_BIOS_BYTES);
    mem.map_rom(MIB - low, low, rom, len - low);
    mem.map_rom(0u32.wrapping_sub(len), len, rom, 0);
    mem.map_rom(0u32.wrapping_sub(MIB).wrapping_sub(len), len, rom, 0);
    Ok(mem)
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
            let mem = build(1, &image, &[1; 512]).unwrap();
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
        let mut mem = build(2, &bios(64), &[7; 0x1200]).unwrap();
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
    fn sizes_that_no_pc_has_are_refused() {
        let ok = bios(64);
        assert_eq!(
            build(0, &ok, &[0; 512]).err(),
            Some(BuildError::Memory { mib: 0 })
        );
        assert_eq!(
            build(3073, &ok, &[0; 512]).err(),
            Some(BuildError::Memory { mib: 3073 })
        );
        for bytes in [0, 1, 65535, 32 * KIB, 192 * KIB, 512 * KIB] {
            assert_eq!(
                build(1, &vec![0; bytes], &[0; 512]).err(),
                Some(BuildError::BiosSize { bytes })
            );
        }
        for bytes in [0, 511, 64 * KIB + 1] {
            assert_eq!(
                build(1, &ok, &vec![0; bytes]).err(),
                Some(BuildError::VgaBiosSize { bytes })
            );
        }
    }
}
