//! The system and VGA BIOS of the oldiron PC: ROM images and their symbol maps.

/// The VGA BIOS, 32 KiB for C0000h: INT 10h and the fonts. Source: `bios/rom/vga`.
pub const VGA_BIOS: &[u8] = include_bytes!("../images/vgabios.bin");

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
}
