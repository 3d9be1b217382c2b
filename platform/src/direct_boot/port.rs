//! The port by which the ROM of direct boot has a kernel put into memory. It is a chip of this program, not of a PC, and
//! only there when something is booted directly.
//!
//! - E84h, command: 1 forgets what was said so far; 2 plans with the memory map that was said, and 3 does it. Reads give
//!   "oldi" in ASCII.
//! - E80h, data: bytes written to it are the memory map, entries of INT 15h/E820h without their extended attributes. Reads,
//!   32 bits wide, give the answer to the last command, a value each, and then zeros.
//!
//! The answer to 2 is 1 for an entry in real mode, 2 for one in protected mode; or 0 and characters that say why neither. The
//! answer to 3, after which memory holds everything, are the registers: SS, SP, FLAGS, CS, IP, DS; or EIP, EBX.

use oldiron_devices::{Ctx, Device, DmaBus, PortRange, ResetKind};
use oldiron_mmu::{IoWidth, Snapshot, SnapshotError, StateReader, StateWriter};
use serde::{Deserialize, Serialize};

use super::{
    DirectBoot, Entry, Loaded, Piece,
    memory::{ENTRY_BYTES, MOST_ENTRIES, MemoryMap},
};

const PORT_DATA: u16 = 0xe80;
const PORT_COMMAND: u16 = 0xe84;
const PORTS: &[PortRange] = &[PortRange {
    first: PORT_DATA,
    count: 8,
}];

const COMMAND_BEGIN: u32 = 1;
const COMMAND_PLAN: u32 = 2;
const COMMAND_LOAD: u32 = 3;
const SIGNATURE: u32 = u32::from_le_bytes(*b"oldi");

const REFUSED: u32 = 0;
const REAL_MODE: u32 = 1;
const PROTECTED_MODE: u32 = 2;
const MOST_MAP_BYTES: usize = ENTRY_BYTES * MOST_ENTRIES;
/// Characters of a refusal.
const MOST_ANSWER: usize = 1024;

const FLAGS: u32 = 0x0002;
const FLAGS_INTERRUPTS: u32 = 0x0202;
const ZEROS: [u8; 4096] = [0; 4096];

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// As written so far.
    map: Vec<u8>,
    answer: Vec<u32>,
    /// How much of the answer was read.
    read: u32,
}

/// The port.
pub(crate) struct BootPort {
    boot: DirectBoot,
    s: State,
}

impl BootPort {
    /// The port that boots this.
    pub(crate) fn new(boot: DirectBoot) -> Self {
        Self {
            boot,
            s: State::default(),
        }
    }

    fn answer(&mut self, values: impl IntoIterator<Item = u32>) {
        self.s.answer = values.into_iter().take(MOST_ANSWER).collect();
        self.s.read = 0;
    }

    fn plan(&mut self) {
        let values = match self.boot.load(&MemoryMap::from_entries(&self.s.map)) {
            Ok(Loaded { entry, .. }) => match entry {
                Entry::Real(_) => vec![REAL_MODE],
                Entry::Protected { .. } => vec![PROTECTED_MODE],
            },
            Err(error) => {
                log::warn!(target: "bios", "{error}");
                let text = format!("{error}\r\n");
                let characters = text
                    .chars()
                    .map(|c| if c.is_ascii() { u32::from(c) } else { '?'.into() });
                [REFUSED].into_iter().chain(characters).collect()
            }
        };
        self.answer(values);
    }

    fn load(&mut self, dma: &mut dyn DmaBus) {
        let Ok(Loaded { pieces, entry }) = self.boot.load(&MemoryMap::from_entries(&self.s.map)) else {
            self.answer([]);
            return;
        };
        for piece in &pieces {
            store(piece, dma);
        }
        let registers = match entry {
            Entry::Real(entry) => {
                let flags = if entry.interrupts { FLAGS_INTERRUPTS } else { FLAGS };
                let [ss, sp, cs, ip, ds] = [entry.ss, entry.sp, entry.cs, entry.ip, entry.ds].map(u32::from);
                vec![ss, sp, flags, cs, ip, ds]
            }
            Entry::Protected { eip, ebx } => vec![eip, ebx],
        };
        self.answer(registers);
    }
}

fn store(piece: &Piece<'_>, dma: &mut dyn DmaBus) {
    log::debug!(
        target: "bios",
        "{:#x} bytes at {:#010x}, {:#x} zeros behind them", piece.bytes.len(), piece.at, piece.zeros
    );
    dma.memory_write(piece.at, &piece.bytes);
    let mut at = piece.at.wrapping_add(piece.bytes.len() as u32);
    let mut left = piece.zeros as usize;
    while left > 0 {
        let zeros = ZEROS.get(..left).unwrap_or(&ZEROS);
        dma.memory_write(at, zeros);
        at = at.wrapping_add(zeros.len() as u32);
        left -= zeros.len();
    }
}

impl Device for BootPort {
    fn name(&self) -> &'static str {
        "direct boot"
    }

    fn ports(&self) -> &[PortRange] {
        PORTS
    }

    fn reset(&mut self, _kind: ResetKind, _ctx: &mut Ctx<'_>) {
        self.s = State::default();
    }

    fn port_read(&mut self, port: u16, width: IoWidth, _ctx: &mut Ctx<'_>) -> u32 {
        match port {
            PORT_DATA => {
                let value = self.s.answer.get(self.s.read as usize).copied();
                self.s.read += u32::from(value.is_some());
                value.unwrap_or(0)
            }
            PORT_COMMAND => SIGNATURE,
            _ => width.open_bus(),
        }
    }

    fn port_write(&mut self, port: u16, value: u32, _width: IoWidth, ctx: &mut Ctx<'_>) {
        match (port, value) {
            (PORT_DATA, byte) if self.s.map.len() < MOST_MAP_BYTES => self.s.map.push(byte as u8),
            (PORT_COMMAND, COMMAND_BEGIN) => self.s = State::default(),
            (PORT_COMMAND, COMMAND_PLAN) => self.plan(),
            (PORT_COMMAND, COMMAND_LOAD) => self.load(ctx.dma),
            _ => {}
        }
    }

    fn wide_ports(&self, _port: u16) -> bool {
        true
    }
}

impl Snapshot for BootPort {
    const TAG: [u8; 4] = *b"BOOT";
    const VERSION: u16 = 1;

    fn save(&self, w: &mut StateWriter) {
        w.put(&self.s);
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let state: State = r.get()?;
        if state.map.len() > MOST_MAP_BYTES || state.answer.len() > MOST_ANSWER {
            return Err(r.damaged());
        }
        self.s = state;
        Ok(())
    }
}
