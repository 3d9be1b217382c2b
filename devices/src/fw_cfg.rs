//! The firmware configuration device of QEMU, as its document "QEMU Firmware Configuration (fw_cfg) Device"
//! (docs/specs/fw_cfg) describes it: a selector at port 510h, and the selected item byte by byte at 511h.
//!
//! Programs find out how many processors there are by it. The traditional interface alone: no DMA, and the ID says so.
//! There are no files: the directory is empty. Items that this machine does not have read as zeros.

use oldiron_mmu::{IoWidth, Snapshot, SnapshotError, StateReader, StateWriter};
use serde::{Deserialize, Serialize};

use crate::{Ctx, Device, PortRange, ResetKind};

const SELECTOR: u16 = 0x510;
const DATA: u16 = 0x511;

/// Items (§"Firmware Configuration Items").
const SIGNATURE: u16 = 0x00;
const ID: u16 = 0x01;
const RAM_SIZE: u16 = 0x03;
const NB_CPUS: u16 = 0x05;
const MAX_CPUS: u16 = 0x0f;
const FILE_DIR: u16 = 0x19;

/// Selector: once meant that the item is to be written.
const WRITE_CHANNEL: u16 = 0x4000;
/// ID: the traditional interface.
const TRADITIONAL: u32 = 1;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    item: u16,
    offset: u32,
}

/// The device.
pub struct FwCfg {
    ram_bytes: u64,
    s: State,
}

impl FwCfg {
    /// The device of a machine with one processor and this much memory.
    pub fn new(ram_bytes: u64) -> Self {
        Self {
            ram_bytes,
            s: State::default(),
        }
    }

    /// A byte of the selected item. Numbers are little-endian, but for those of the directory.
    fn byte(&self) -> u8 {
        let (value, bytes): (u64, u32) = match self.s.item & !WRITE_CHANNEL {
            SIGNATURE => (u32::from_le_bytes(*b"QEMU").into(), 4),
            ID => (TRADITIONAL.into(), 4),
            RAM_SIZE => (self.ram_bytes, 8),
            NB_CPUS | MAX_CPUS => (1, 2),
            // The number of files.
            FILE_DIR => (0, 4),
            _ => (0, 0),
        };
        if self.s.offset < bytes {
            (value >> (8 * self.s.offset)) as u8
        } else {
            0
        }
    }
}

impl Device for FwCfg {
    fn name(&self) -> &'static str {
        "fw_cfg"
    }

    fn ports(&self) -> &[PortRange] {
        const PORTS: [PortRange; 1] = [PortRange {
            first: SELECTOR,
            count: 2,
        }];
        &PORTS
    }

    /// The selector has 16 bits.
    fn wide_ports(&self, port: u16) -> bool {
        port == SELECTOR
    }

    fn reset(&mut self, _: ResetKind, _: &mut Ctx<'_>) {
        self.s = State::default();
    }

    fn port_read(&mut self, port: u16, width: IoWidth, _: &mut Ctx<'_>) -> u32 {
        if port != DATA {
            return width.open_bus();
        }
        let byte = self.byte();
        self.s.offset = self.s.offset.saturating_add(1);
        byte.into()
    }

    /// A write to the selector; items cannot be written.
    fn port_write(&mut self, port: u16, value: u32, width: IoWidth, _: &mut Ctx<'_>) {
        if port == SELECTOR && width == IoWidth::Word {
            self.s = State {
                item: value as u16,
                offset: 0,
            };
        }
    }
}

impl Snapshot for FwCfg {
    const TAG: [u8; 4] = *b"FWCF";
    const VERSION: u16 = 1;

    fn save(&self, w: &mut StateWriter) {
        w.put(&self.s);
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        self.s = r.get()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rig::{Rig, assert_round_trip};

    fn item(rig: &mut Rig<FwCfg>, item: u16, bytes: usize) -> Vec<u8> {
        rig.out_wide(SELECTOR, item.into(), IoWidth::Word);
        (0..bytes).map(|_| rig.inb(DATA)).collect()
    }

    #[test]
    fn items_read_byte_by_byte_and_then_as_zeros() {
        let mut rig = Rig::new(FwCfg::new(64 << 20));
        assert_eq!(item(&mut rig, SIGNATURE, 6), b"QEMU\0\0");
        assert_eq!(item(&mut rig, ID, 5), [1, 0, 0, 0, 0], "no DMA");
        assert_eq!(item(&mut rig, RAM_SIZE, 8), (64u64 << 20).to_le_bytes());
        assert_eq!(item(&mut rig, NB_CPUS, 3), [1, 0, 0]);
        assert_eq!(item(&mut rig, MAX_CPUS, 2), [1, 0]);
        assert_eq!(item(&mut rig, FILE_DIR, 4), [0; 4]);
        assert_eq!(item(&mut rig, 0x8000, 4), [0; 4]);
        assert_eq!(item(&mut rig, SIGNATURE, 1), b"Q", "from the start again");
    }

    #[test]
    fn only_16_bits_select() {
        let mut rig = Rig::new(FwCfg::new(1 << 20));
        item(&mut rig, ID, 0);
        rig.out(SELECTOR, 5);
        rig.out_wide(SELECTOR, 5, IoWidth::Dword);
        rig.out(DATA, 5);
        assert_eq!(rig.inb(DATA), 1);
        assert_eq!(rig.inb(SELECTOR), 0xff);
    }

    #[test]
    fn state_survives_the_round_trip() {
        let mut rig = Rig::new(FwCfg::new(1 << 20));
        item(&mut rig, SIGNATURE, 2);
        assert_round_trip(&rig.chip, &mut FwCfg::new(1 << 20));
    }
}
