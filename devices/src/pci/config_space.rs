//! The configuration space of one function (PCI 2.1 §6.1, §6.2): identity, command, base addresses, and what the chip
//! has beyond its header.
//!
//! Status bits that a chip would set and a write clear are left out: none of these errors can happen here.

use bitflags::bitflags;
use oldiron_mmu::{SnapshotError, StateReader, StateWriter};

use crate::PortRange;

/// Bytes of a configuration space.
const SIZE: usize = 256;

const VENDOR_ID: u8 = 0x00;
const DEVICE_ID: u8 = 0x02;
const COMMAND: u8 = 0x04;
const STATUS: u8 = 0x06;
const REVISION_ID: u8 = 0x08;
const CLASS_CODE: u8 = 0x09;
const HEADER_TYPE: u8 = 0x0e;
const BASE_ADDRESS_0: u8 = 0x10;
const ROM_BASE_ADDRESS: u8 = 0x30;
const INTERRUPT_LINE: u8 = 0x3c;
const INTERRUPT_PIN: u8 = 0x3d;

/// Bit 0 of a base address: it is one of ports.
const IO_SPACE: u8 = 1;
/// Low bits of a base address of memory: kind (bits 1 and 2) and, in bit 3, whether it may be prefetched.
const MEMORY_FLAGS: u32 = 0x0f;
const PREFETCHABLE: u32 = 1 << 3;
/// Bit 0 of the ROM's base address: it is decoded.
const ROM_ENABLE: u32 = 1;

bitflags! {
    /// The command register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Command: u16 {
        /// Answers cycles to its ports.
        const IO = 1 << 0;
        /// Answers cycles to its memory.
        const MEMORY = 1 << 1;
        /// May master the bus.
        const BUS_MASTER = 1 << 2;
        /// Drives SERR#.
        const SERR = 1 << 8;
    }
}

/// What the first 16 bytes say of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Vendor ID.
    pub vendor: u16,
    /// Device ID.
    pub device: u16,
    /// Revision ID.
    pub revision: u8,
    /// Class, subclass and programming interface, 24 bits.
    pub class: u32,
    /// The device has more functions than this.
    pub multi_function: bool,
}

/// The registers of a function: what they hold, and which of their bits can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSpace {
    bytes: [u8; SIZE],
    after_reset: [u8; SIZE],
    writable: [u8; SIZE],
    /// How many ports each base address stands for; 0: it is none of ports.
    ports: [u16; 6],
}

impl ConfigSpace {
    /// A space with an identity and nothing that can be written but the interrupt line.
    pub fn new(identity: Identity) -> Self {
        let mut space = Self {
            bytes: [0; SIZE],
            after_reset: [0; SIZE],
            writable: [0; SIZE],
            ports: [0; 6],
        };
        space.preset(VENDOR_ID, &identity.vendor.to_le_bytes());
        space.preset(DEVICE_ID, &identity.device.to_le_bytes());
        space.preset(REVISION_ID, &[identity.revision]);
        space.preset(CLASS_CODE, &identity.class.to_le_bytes()[..3]);
        space.preset(HEADER_TYPE, &[u8::from(identity.multi_function) << 7]);
        space.register(INTERRUPT_LINE, &[0], &[0xff])
    }

    fn preset(&mut self, offset: u8, values: &[u8]) {
        for (at, &value) in (usize::from(offset)..SIZE).zip(values) {
            self.bytes[at] = value;
            self.after_reset[at] = value;
        }
    }

    /// With registers from `offset` on that hold `values` after a reset; of these, the bits of `writable` can be
    /// written.
    pub fn register(mut self, offset: u8, values: &[u8], writable: &[u8]) -> Self {
        self.preset(offset, values);
        for (at, &mask) in (usize::from(offset)..SIZE).zip(writable) {
            self.writable[at] = mask;
        }
        self
    }

    /// With a command register that holds `preset` after a reset, and in which `writable` can be changed.
    pub fn command(self, preset: Command, writable: Command) -> Self {
        self.register(
            COMMAND,
            &preset.bits().to_le_bytes(),
            &writable.bits().to_le_bytes(),
        )
    }

    /// With a status register that always reads `status`.
    pub fn status(self, status: u16) -> Self {
        self.register(STATUS, &status.to_le_bytes(), &[0, 0])
    }

    /// With interrupt pin `pin`: 1 = INTA#.
    pub fn interrupt_pin(self, pin: u8) -> Self {
        self.register(INTERRUPT_PIN, &[pin], &[0])
    }

    /// With base address `bar` for `count` ports, a power of two from 4 to 256 (§6.2.5.1).
    pub fn io_bar(mut self, bar: usize, count: u16) -> Self {
        if let Some(ports) = self.ports.get_mut(bar) {
            *ports = count.clamp(4, 256).next_power_of_two();
            let mask = u32::from(*ports).wrapping_neg();
            return self.register(bar_offset(bar), &[IO_SPACE, 0, 0, 0], &mask.to_le_bytes());
        }
        self
    }

    /// With base address `bar` for `bytes` of prefetchable memory below 4 GiB, a power of two from 4 KiB on; after a
    /// reset it is `address` (§6.2.5.1).
    pub fn memory_bar(self, bar: usize, bytes: u32, address: u32) -> Self {
        let mask = bytes.max(0x1000).next_power_of_two().wrapping_neg();
        let preset = address & mask | PREFETCHABLE;
        self.register(bar_offset(bar), &preset.to_le_bytes(), &mask.to_le_bytes())
    }

    /// With the base address of an expansion ROM of `bytes`, a power of two from 2 KiB on (§6.2.5.2).
    pub fn rom_bar(self, bytes: u32) -> Self {
        let mask = bytes.max(0x800).next_power_of_two().wrapping_neg() | ROM_ENABLE;
        self.register(ROM_BASE_ADDRESS, &[0; 4], &mask.to_le_bytes())
    }

    /// Where the expansion ROM is, if it is decoded.
    pub fn rom_address(&self) -> Option<u32> {
        let register = self.read_u32(ROM_BASE_ADDRESS);
        let decoded = register & ROM_ENABLE != 0 && self.command_bits().contains(Command::MEMORY);
        Some(register & !ROM_ENABLE).filter(|&address| decoded && address != 0)
    }

    /// Where the memory of base address `bar` is, if it is decoded and has an address.
    pub fn memory_address(&self, bar: usize) -> Option<u32> {
        let address = self.read_u32(bar_offset(bar)) & !MEMORY_FLAGS;
        (self.command_bits().contains(Command::MEMORY) && address != 0).then_some(address)
    }

    /// RESET#.
    pub fn reset(&mut self) {
        self.bytes = self.after_reset;
    }

    /// Reads a byte.
    pub fn read(&self, offset: u8) -> u8 {
        self.bytes[usize::from(offset)]
    }

    /// Reads 16 bits, at an offset below FFh.
    pub fn read_u16(&self, offset: u8) -> u16 {
        u16::from_le_bytes([self.read(offset), self.read(offset.wrapping_add(1))])
    }

    fn read_u32(&self, offset: u8) -> u32 {
        let high = self.read_u16(offset.wrapping_add(2));
        u32::from(self.read_u16(offset)) | u32::from(high) << 16
    }

    /// Writes a byte; bits that cannot be written stay.
    pub fn write(&mut self, offset: u8, value: u8) {
        let at = usize::from(offset);
        self.bytes[at] = self.bytes[at] & !self.writable[at] | value & self.writable[at];
    }

    /// The command register as it stands.
    pub fn command_bits(&self) -> Command {
        Command::from_bits_truncate(self.read_u16(COMMAND))
    }

    /// The interrupt pin, 1 = INTA#; 0: none.
    pub fn pin(&self) -> u8 {
        self.read(INTERRUPT_PIN)
    }

    /// The ports that base address `bar` stands for, if they are decoded: the command register enables them, and the
    /// address is one of 16 bits and not 0, which is that of no address yet.
    pub fn io_window(&self, bar: usize) -> Option<PortRange> {
        let count = self.ports.get(bar).copied().filter(|&count| count > 0)?;
        let at = bar_offset(bar);
        let high = self.read_u16(at.wrapping_add(2));
        let first = self.read_u16(at) & count.wrapping_neg();
        let decoded = self.command_bits().contains(Command::IO) && high == 0 && first != 0;
        decoded.then_some(PortRange { first, count })
    }

    /// What was written to the registers.
    pub fn save(&self, w: &mut StateWriter) {
        w.put(&self.bytes.as_slice());
    }

    /// Loads what [`ConfigSpace::save`] saved. What cannot be written stays as the function is built.
    pub fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let saved: Vec<u8> = r.get()?;
        if saved.len() != SIZE {
            return Err(r.damaged());
        }
        self.reset();
        for (offset, value) in (0..=u8::MAX).zip(saved) {
            self.write(offset, value);
        }
        Ok(())
    }
}

const fn bar_offset(bar: usize) -> u8 {
    BASE_ADDRESS_0 + 4 * bar as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> ConfigSpace {
        ConfigSpace::new(Identity {
            vendor: 0x10ec,
            device: 0x8029,
            revision: 3,
            class: 0x02_0001,
            multi_function: true,
        })
        .command(Command::empty(), Command::IO | Command::SERR)
        .status(0x0280)
        .interrupt_pin(1)
        .io_bar(0, 32)
    }

    fn write_u32(space: &mut ConfigSpace, at: u8, value: u32) {
        for (offset, byte) in (at..).zip(value.to_le_bytes()) {
            space.write(offset, byte);
        }
    }

    #[test]
    fn the_header_says_who_it_is_and_takes_no_writes() {
        let mut space = card();
        let header = |space: &ConfigSpace| [0u8, 8, 0xc].map(|at| space.read_u32(at));
        let before = header(&space);
        assert_eq!(before, [0x8029_10ec, 0x0200_0103, 0x0080_0000]);
        for offset in 0..=u8::MAX {
            space.write(offset, 0xff);
        }
        assert_eq!(header(&space), before);
        assert_eq!(space.read_u32(4), 0x0280_0101);
        assert_eq!(space.read_u32(0x3c), 0x01ff);
        space.reset();
        assert_eq!(space, card());
    }

    #[test]
    fn all_ones_in_a_base_address_tell_its_size() {
        let mut space = card();
        write_u32(&mut space, 0x10, u32::MAX);
        assert_eq!(space.read_u32(0x10), 0xffff_ffe1);
        write_u32(&mut space, 0x14, u32::MAX);
        assert_eq!(space.read_u32(0x14), 0, "a base address that is not there");
    }

    #[test]
    fn ports_are_decoded_when_enabled_at_an_address_that_ports_have() {
        let mut space = card();
        write_u32(&mut space, 0x10, 0xc11f);
        assert_eq!(space.io_window(0), None);
        space.write(4, 1);
        let window = PortRange {
            first: 0xc100,
            count: 32,
        };
        assert_eq!(space.io_window(0), Some(window));
        assert_eq!(space.io_window(1), None);
        for nowhere in [0u32, 0x1_c100] {
            write_u32(&mut space, 0x10, nowhere);
            assert_eq!(space.io_window(0), None, "{nowhere:#x}");
        }
    }

    #[test]
    fn memory_is_decoded_when_enabled_at_an_address() {
        let mut space = card().memory_bar(1, 1 << 20, 0xe000_0000);
        let space_enabled = |space: &mut ConfigSpace, on: bool| {
            space.writable[4] = 0xff;
            space.write(4, u8::from(on) << 1);
        };
        assert_eq!(space.read_u32(0x14), 0xe000_0008);
        assert_eq!(space.memory_address(1), None);
        space_enabled(&mut space, true);
        assert_eq!(space.memory_address(1), Some(0xe000_0000));
        write_u32(&mut space, 0x14, u32::MAX);
        assert_eq!(space.read_u32(0x14), 0xfff0_0008);
        write_u32(&mut space, 0x14, 0xc12f_ffff);
        assert_eq!(space.memory_address(1), Some(0xc120_0000));
        write_u32(&mut space, 0x14, 0);
        assert_eq!(space.memory_address(1), None);
    }

    #[test]
    fn an_expansion_rom_is_decoded_when_both_enables_are_set() {
        let mut space = card()
            .rom_bar(0x1_0000)
            .command(Command::empty(), Command::MEMORY);
        write_u32(&mut space, 0x30, u32::MAX);
        assert_eq!(space.read_u32(0x30), 0xffff_0001);
        write_u32(&mut space, 0x30, 0xfe12_3457);
        assert_eq!(space.rom_address(), None);
        space.write(4, 2);
        assert_eq!(space.rom_address(), Some(0xfe12_0000));
        space.write(0x30, 0);
        assert_eq!(space.rom_address(), None);
    }

    #[test]
    fn state_survives_and_damage_changes_only_what_can_be_written() {
        let mut space = card();
        write_u32(&mut space, 0x10, 0xc100);
        let mut w = StateWriter::new();
        space.save(&mut w);
        let bytes = w.into_bytes();
        let mut loaded = card();
        loaded.load(&mut StateReader::new("card", &bytes)).unwrap();
        assert_eq!(loaded, space);
        let mut damaged = bytes.clone();
        damaged[2..].fill(0x55);
        loaded.load(&mut StateReader::new("card", &damaged)).unwrap();
        assert_eq!(loaded.read_u32(0), 0x8029_10ec);
        assert!(loaded.load(&mut StateReader::new("card", &bytes[..9])).is_err());
    }
}
