//! What QEMU gives to programs that test processors, beside its firmware configuration device: a latch of 32 bits at ports
//! E0h–E3h, and 64 KiB at FF000000h that behave as memory and are on the bus, so that every access to them is a cycle.
//!
//! As kvm-unit-tests use QEMU's "pc-testdev" (`TESTDEV_IO_PORT` and `IORAM_BASE_PHYS` there). Left out: its ports that drive
//! interrupt lines and protect pages.

use oldiron_mmu::{IoWidth, Snapshot, SnapshotError, StateReader, StateWriter};

use crate::{Ctx, Device, PortRange, ResetKind};

const LATCH: u16 = 0xe0;

/// The device.
pub struct TestDevice {
    latch: u32,
    memory: Vec<u8>,
}

impl Default for TestDevice {
    fn default() -> Self {
        Self::new()
    }
}

impl TestDevice {
    /// Where its memory is.
    pub const MEMORY: u32 = 0xff00_0000;
    /// The size of its memory.
    pub const MEMORY_BYTES: u32 = 0x1_0000;

    /// The device, all zeros.
    pub fn new() -> Self {
        Self {
            latch: 0,
            memory: vec![0; Self::MEMORY_BYTES as usize],
        }
    }

    /// Whether an address is in its memory.
    #[inline]
    pub fn decodes(addr: u32) -> bool {
        addr & !(Self::MEMORY_BYTES - 1) == Self::MEMORY
    }

    /// The bytes of a cycle. What is beyond the end is at the start again.
    fn places(addr: u32, width: IoWidth) -> impl Iterator<Item = (u32, usize)> {
        let place = move |n| (addr.wrapping_add(n) & (Self::MEMORY_BYTES - 1)) as usize;
        (0..width.bytes()).map(move |n| (8 * n, place(n)))
    }

    /// A read of its memory.
    pub fn mmio_read(&self, addr: u32, width: IoWidth) -> u32 {
        let byte = |place: usize| self.memory.get(place).copied().unwrap_or(0xff);
        Self::places(addr, width).fold(0, |value, (shift, place)| value | u32::from(byte(place)) << shift)
    }

    /// A write to its memory.
    pub fn mmio_write(&mut self, addr: u32, value: u32, width: IoWidth) {
        for (shift, place) in Self::places(addr, width) {
            if let Some(byte) = self.memory.get_mut(place) {
                *byte = (value >> shift) as u8;
            }
        }
    }
}

impl Device for TestDevice {
    fn name(&self) -> &'static str {
        "test device"
    }

    fn ports(&self) -> &[PortRange] {
        const PORTS: [PortRange; 1] = [PortRange {
            first: LATCH,
            count: 4,
        }];
        &PORTS
    }

    fn reset(&mut self, kind: ResetKind, _: &mut Ctx<'_>) {
        if kind == ResetKind::Cold {
            *self = Self::new();
        }
    }

    fn port_read(&mut self, port: u16, _: IoWidth, _: &mut Ctx<'_>) -> u32 {
        self.latch >> (8 * (port & 3)) & 0xff
    }

    fn port_write(&mut self, port: u16, value: u32, _: IoWidth, _: &mut Ctx<'_>) {
        let shift = 8 * (port & 3);
        self.latch = self.latch & !(0xff << shift) | (value & 0xff) << shift;
    }
}

impl Snapshot for TestDevice {
    const TAG: [u8; 4] = *b"TEST";
    const VERSION: u16 = 1;

    fn save(&self, w: &mut StateWriter) {
        w.put(&self.latch);
        w.put(&self.memory);
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let (latch, memory): (u32, Vec<u8>) = (r.get()?, r.get()?);
        if memory.len() != Self::MEMORY_BYTES as usize {
            return Err(r.damaged());
        }
        (self.latch, self.memory) = (latch, memory);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rig::{Rig, assert_round_trip};

    #[test]
    fn the_latch_keeps_each_of_its_bytes() {
        let mut rig = Rig::new(TestDevice::new());
        for (port, byte) in [(0xe0, 0x11), (0xe1, 0x22), (0xe3, 0x44)] {
            rig.out(port, byte);
        }
        assert_eq!(
            [0xe0, 0xe1, 0xe2, 0xe3].map(|port| rig.inb(port)),
            [0x11, 0x22, 0, 0x44]
        );
    }

    #[test]
    fn its_memory_takes_cycles_of_every_width_at_every_address() {
        let mut device = TestDevice::new();
        device.mmio_write(TestDevice::MEMORY + 0xfffe, 0x4433_2211, IoWidth::Dword);
        device.mmio_write(TestDevice::MEMORY + 1, 0x5a, IoWidth::Byte);
        assert_eq!(device.mmio_read(TestDevice::MEMORY, IoWidth::Word), 0x5a33);
        assert_eq!(device.mmio_read(TestDevice::MEMORY + 0xffff, IoWidth::Byte), 0x22);
        assert!(TestDevice::decodes(0xff00_ffff) && !TestDevice::decodes(0xff01_0000));
        assert_round_trip(&device, &mut TestDevice::new());
    }
}
