//! What the battery-backed memory says about the machine: the BIOS believes it.
//!
//! Registers as on the AT (10h–2Fh checksummed), with what Bochs's and QEMU's firmware conventions
//! add: 34h/35h, 38h, 3Dh and 5Bh–5Dh.

use oldiron_devices::{Chs, FloppyKind};

/// What can be booted from, as the nibble that registers 3Dh and 38h hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum BootDevice {
    Floppy = 1,
    FixedDisk = 2,
    Cd = 3,
}

impl BootDevice {
    /// Reads `--boot acd`: one to three different letters.
    pub(crate) fn parse_order(order: &str) -> Option<Vec<Self>> {
        let mut devices = Vec::new();
        for letter in order.chars() {
            let device = match letter.to_ascii_lowercase() {
                'a' => Self::Floppy,
                'c' => Self::FixedDisk,
                'd' => Self::Cd,
                _ => return None,
            };
            if devices.contains(&device) {
                return None;
            }
            devices.push(device);
        }
        (!devices.is_empty()).then_some(devices)
    }
}

/// The facts that go into the CMOS.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) memory_mib: u32,
    pub(crate) floppies: [Option<FloppyKind>; 2],
    /// Master and slave of the first channel.
    pub(crate) disks: [Option<Chs>; 2],
    pub(crate) boot_order: &'a [BootDevice],
    pub(crate) coprocessor: bool,
}

const REG_FLOPPY_TYPES: u8 = 0x10;
const REG_DISK_TYPES: u8 = 0x12;
const REG_EQUIPMENT: u8 = 0x14;
const REG_BASE_KIB: u8 = 0x15;
const REG_EXTENDED_KIB: u8 = 0x17;
const REG_EXTENDED_DISK_TYPE: u8 = 0x19;
const REG_DISK_GEOMETRY: u8 = 0x1b;
const REG_OPTIONS: u8 = 0x2d;
const REG_CHECKSUM: u8 = 0x2e;
const REG_EXTENDED_KIB_FOUND: u8 = 0x30;
const REG_ABOVE_16_MIB: u8 = 0x34;
const REG_BOOT_THIRD: u8 = 0x38;
const REG_BOOT_ORDER: u8 = 0x3d;

const EQUIPMENT_FLOPPY: u8 = 1 << 0;
const EQUIPMENT_COPROCESSOR: u8 = 1 << 1;
const EQUIPMENT_MOUSE: u8 = 1 << 2;
const EQUIPMENT_FLOPPIES_SHIFT: u8 = 6;
const OPTION_FLOPPY_FIRST: u8 = 1 << 5;
/// Nibble in 12h: the real type is in 19h or 1Ah.
const DISK_TYPE_EXTENDED: u8 = 0xf;
/// The first of the types whose geometry the user may set.
const DISK_TYPE_USER: u8 = 47;
/// More extended memory than this INT 15h/88h never reports.
const MAX_EXTENDED_KIB: u32 = 63 << 10;

/// Registers and their values, the checksum last.
pub(crate) fn contents(facts: &Facts<'_>) -> Vec<(u8, u8)> {
    let mut registers = [0u8; 0x80];
    let mut set = |register: u8, bytes: &[u8]| {
        for (slot, &byte) in registers.iter_mut().skip(register.into()).zip(bytes) {
            *slot = byte;
        }
    };

    let kind = |drive: usize| facts.floppies[drive].map_or(0, |kind| kind as u8);
    set(REG_FLOPPY_TYPES, &[kind(0) << 4 | kind(1)]);
    let count = facts.floppies.iter().flatten().count() as u8;
    let floppies = if count == 0 {
        0
    } else {
        EQUIPMENT_FLOPPY | (count - 1) << EQUIPMENT_FLOPPIES_SHIFT
    };
    let coprocessor = if facts.coprocessor {
        EQUIPMENT_COPROCESSOR
    } else {
        0
    };
    set(REG_EQUIPMENT, &[floppies | coprocessor | EQUIPMENT_MOUSE]);

    set(REG_BASE_KIB, &640u16.to_le_bytes());
    let extended = (facts.memory_mib.saturating_sub(1) << 10).min(MAX_EXTENDED_KIB) as u16;
    set(REG_EXTENDED_KIB, &extended.to_le_bytes());
    set(REG_EXTENDED_KIB_FOUND, &extended.to_le_bytes());
    let above_16_mib = (facts.memory_mib.saturating_sub(16) << 4) as u16;
    set(REG_ABOVE_16_MIB, &above_16_mib.to_le_bytes());

    let disk_type = |disk: usize| {
        if facts.disks[disk].is_some() {
            DISK_TYPE_EXTENDED
        } else {
            0
        }
    };
    set(REG_DISK_TYPES, &[disk_type(0) << 4 | disk_type(1)]);
    for (disk, chs) in (0u8..).zip(facts.disks) {
        if let Some(chs) = chs {
            set(REG_EXTENDED_DISK_TYPE + disk, &[DISK_TYPE_USER]);
            set(REG_DISK_GEOMETRY + 9 * disk, &geometry(chs));
        }
    }

    let nibble = |place: usize| facts.boot_order.get(place).map_or(0, |&device| device as u8);
    set(REG_BOOT_ORDER, &[nibble(1) << 4 | nibble(0)]);
    set(REG_BOOT_THIRD, &[nibble(2) << 4]);
    let floppy_first = facts.boot_order.first() == Some(&BootDevice::Floppy);
    set(REG_OPTIONS, &[if floppy_first { OPTION_FLOPPY_FIRST } else { 0 }]);

    let sum = registers[0x10..0x2e]
        .iter()
        .fold(0u16, |sum, &byte| sum.wrapping_add(byte.into()));
    registers[usize::from(REG_CHECKSUM)..][..2].copy_from_slice(&sum.to_be_bytes());
    (0x10..)
        .zip(registers[0x10..].iter().copied())
        .filter(|&(register, _)| is_ours(register))
        .collect()
}

/// Registers that belong to the configuration rather than to the clock chip.
fn is_ours(register: u8) -> bool {
    const CENTURY: u8 = 0x32;
    const CENTURY_PS2: u8 = 0x37;
    register != CENTURY && register != CENTURY_PS2
}

/// The nine bytes of a user-defined disk type.
fn geometry(chs: Chs) -> [u8; 9] {
    const NO_PRECOMPENSATION: u8 = 0xff;
    const MORE_THAN_8_HEADS: u8 = 1 << 3;
    let [low, high] = chs.cylinders.to_le_bytes();
    let control = if chs.heads > 8 { MORE_THAN_8_HEADS } else { 0 };
    [
        low,
        high,
        chs.heads,
        NO_PRECOMPENSATION,
        NO_PRECOMPENSATION,
        control,
        low,
        high,
        chs.sectors,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(facts: &Facts<'_>) -> [u8; 128] {
        let mut cmos = [0; 128];
        for (register, value) in contents(facts) {
            cmos[usize::from(register)] = value;
        }
        cmos
    }

    fn facts(memory_mib: u32) -> Facts<'static> {
        Facts {
            memory_mib,
            floppies: [Some(FloppyKind::Hd35), Some(FloppyKind::Hd525)],
            disks: [
                None,
                Some(Chs {
                    cylinders: 0x203,
                    heads: 16,
                    sectors: 63,
                }),
            ],
            boot_order: &[BootDevice::FixedDisk, BootDevice::Floppy, BootDevice::Cd],
            coprocessor: memory_mib == 64,
        }
    }

    #[test]
    fn drives_and_boot_order_are_where_the_bios_looks() {
        let cmos = with(&facts(16));
        assert_eq!(cmos[0x10], 0x42);
        assert_eq!(cmos[0x14], 0x45, "two floppies, a mouse, no coprocessor");
        assert_eq!(with(&facts(64))[0x14], 0x47, "and with one");
        assert_eq!(cmos[0x12], 0x0f);
        assert_eq!(cmos[0x1a], 47);
        assert_eq!(cmos[0x24..0x2d], [3, 2, 16, 0xff, 0xff, 8, 3, 2, 63]);
        assert_eq!((cmos[0x3d], cmos[0x38]), (0x12, 0x30));
        assert_eq!(cmos[0x2d], 0);
    }

    #[test]
    fn memory_sizes_saturate_where_their_registers_end() {
        let word = |cmos: &[u8; 128], at: usize| u16::from_le_bytes([cmos[at], cmos[at + 1]]);
        for (mib, extended, above) in [
            (1, 0, 0),
            (16, 15 << 10, 0),
            (17, 16 << 10, 16),
            (64, 63 << 10, 48 * 16),
            (3072, 63 << 10, 3056 * 16),
        ] {
            let cmos = with(&facts(mib));
            assert_eq!(word(&cmos, 0x15), 640);
            assert_eq!((word(&cmos, 0x17), word(&cmos, 0x30)), (extended, extended));
            assert_eq!(word(&cmos, 0x34), above);
        }
    }

    #[test]
    fn the_checksum_is_high_byte_first_over_10h_to_2dh() {
        let cmos = with(&facts(64));
        let sum: u16 = cmos[0x10..=0x2d].iter().map(|&byte| u16::from(byte)).sum();
        assert_eq!([cmos[0x2e], cmos[0x2f]], sum.to_be_bytes());
    }

    #[test]
    fn the_century_belongs_to_the_clock() {
        assert!(
            contents(&facts(64))
                .iter()
                .all(|&(register, _)| register != 0x32 && register != 0x37)
        );
    }

    #[test]
    fn a_boot_order_is_one_to_three_different_letters() {
        assert_eq!(BootDevice::parse_order("c"), Some(vec![BootDevice::FixedDisk]));
        assert_eq!(BootDevice::parse_order("DAC").map(|order| order.len()), Some(3));
        for bad in ["", "aa", "x", "acda"] {
            assert_eq!(BootDevice::parse_order(bad), None);
        }
    }
}
