//! The system and VGA BIOS of the oldiron PC: ROM images and their symbol maps.

/// The VGA BIOS, 32 KiB for C0000h: INT 10h and the fonts. Source: `bios/rom/vga`.
pub const VGA_BIOS: &[u8] = include_bytes!("../images/vgabios.bin");

/// The built-in demo disk. Only its first 64 KiB: the other sectors of the 1440 KiB floppy are zeros.
/// Source: `bios/rom/demo`.
pub const DEMO_DISK: &[u8] = include_bytes!("../images/demo.img");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vga_bios_is_an_option_rom_that_programs_recognise() {
        assert_eq!(VGA_BIOS.len(), 32 * 1024);
        assert_eq!(VGA_BIOS[..3], [0x55, 0xaa, 64]);
        assert_eq!(VGA_BIOS.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte)), 0);
        assert_eq!(&VGA_BIOS[0x1e..0x21], b"IBM");
    }

    #[test]
    fn demo_disk_is_the_start_of_a_bootable_1440k_floppy() {
        assert_eq!(DEMO_DISK.len(), 64 * 1024);
        assert_eq!(DEMO_DISK[510..512], [0x55, 0xaa]);
        assert_eq!(
            DEMO_DISK[0x13..0x15],
            2880u16.to_le_bytes(),
            "sectors in the parameter block"
        );
        assert_eq!(
            DEMO_DISK[96 * 512..][..3],
            [0xf0, 0xff, 0xff],
            "the table of clusters follows the program"
        );
    }
}
