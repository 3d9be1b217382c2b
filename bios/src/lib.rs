//! The system and VGA BIOS of the oldiron PC: ROM images and their symbol maps.

/// The system BIOS, 64 KiB for F0000h and FFFF0000h. Source: `bios/rom`.
pub const SYSTEM_BIOS: &[u8] = include_bytes!("../images/bios.bin");

/// What is where in [`SYSTEM_BIOS`]: lines of a hexadecimal offset and a name, by address.
pub const SYSTEM_BIOS_SYMBOLS: &str = include_str!("../images/bios.sym");

/// The VGA BIOS, 32 KiB for C0000h: INT 10h and the fonts. Source: `bios/rom/vga`.
pub const VGA_BIOS: &[u8] = include_bytes!("../images/vgabios.bin");

/// What is where in [`VGA_BIOS`], as in [`SYSTEM_BIOS_SYMBOLS`].
pub const VGA_BIOS_SYMBOLS: &str = include_str!("../images/vgabios.sym");

/// The larger font of [`VGA_BIOS`]: code page 437, sixteen rows of eight dots for each character.
pub const FONT_8X16: &[u8; 4096] = include_bytes!("../rom/vga/fonts/font8x16.bin");

/// The adapter ROM of direct boot, 1 KiB for anywhere in the adapter area: takes INT 19h over. Source: `bios/rom/direct`.
pub const DIRECT_BOOT: &[u8] = include_bytes!("../images/direct.bin");

/// What is where in [`DIRECT_BOOT`], as in [`SYSTEM_BIOS_SYMBOLS`].
pub const DIRECT_BOOT_SYMBOLS: &str = include_str!("../images/direct.sym");

/// The built-in demo disk. Only its first 64 KiB: the other sectors of the 1440 KiB floppy are zeros.
/// Source: `bios/rom/demo`.
pub const DEMO_DISK: &[u8] = include_bytes!("../images/demo.img");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_bios_begins_at_the_reset_vector_and_says_at() {
        assert_eq!(SYSTEM_BIOS.len(), 64 * 1024);
        assert_eq!(SYSTEM_BIOS[0xfff0], 0xea, "a far jump");
        assert_eq!(SYSTEM_BIOS[0xfff3..0xfff5], [0x00, 0xf0]);
        assert_eq!(SYSTEM_BIOS[0xfff7], b'/', "the date");
        assert_eq!(SYSTEM_BIOS[0xfffe], 0xfc, "the model");
    }

    #[test]
    fn handlers_are_where_programs_know_them() {
        const JMP: u8 = 0xe9;
        const JMP_SHORT: u8 = 0xeb;
        for entry in [
            0xe05b, 0xe2c3, 0xe3fe, 0xe6f2, 0xe739, 0xe82e, 0xe987, 0xec59, 0xef57, 0xefd2, 0xf065, 0xf841,
            0xf84d, 0xf859, 0xfe6e, 0xfea5, 0xff54,
        ] {
            assert!([JMP, JMP_SHORT].contains(&SYSTEM_BIOS[entry]), "{entry:04x}");
        }
        assert_eq!(SYSTEM_BIOS[0xff53], 0xcf, "IRET");
        assert_eq!(
            SYSTEM_BIOS[0xfa6e..0xfa6e + 8],
            [0; 8],
            "the font begins with an empty character"
        );
    }

    #[test]
    fn symbol_maps_are_in_order_of_address() {
        for map in [SYSTEM_BIOS_SYMBOLS, VGA_BIOS_SYMBOLS, DIRECT_BOOT_SYMBOLS] {
            let addresses: Vec<u16> = map
                .lines()
                .map(|line| u16::from_str_radix(&line[..4], 16).unwrap())
                .collect();
            assert!(!addresses.is_empty() && addresses.is_sorted());
        }
        assert!(SYSTEM_BIOS_SYMBOLS.lines().any(|line| line.ends_with(" int13")));
    }

    #[test]
    fn vga_bios_is_an_option_rom_that_programs_recognise() {
        assert_eq!(VGA_BIOS.len(), 32 * 1024);
        assert_eq!(VGA_BIOS[..3], [0x55, 0xaa, 64]);
        assert_eq!(VGA_BIOS.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte)), 0);
        assert_eq!(&VGA_BIOS[0x1e..0x21], b"IBM");
    }

    #[test]
    fn the_rom_of_direct_boot_is_an_option_rom() {
        assert_eq!(DIRECT_BOOT.len(), 1024);
        assert_eq!(DIRECT_BOOT[..3], [0x55, 0xaa, 2]);
        assert_eq!(
            DIRECT_BOOT.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte)),
            0
        );
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
