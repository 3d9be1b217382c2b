//! Remote DMA: how the host reads and writes the card's memory through the data port.
//!
//! DP8390D section 7.0 "Remote DMA". The NE2000's memory map: the station address at 0000h–001Fh, each byte
//! twice and "WW" at the end, and 16 KiB of RAM at 4000h–7FFFh. Nothing answers elsewhere.

use oldiron_mmu::IoWidth;

use super::{
    Ne2000,
    registers::{Command, DataConfiguration, Interrupts},
};
use crate::Ctx;

/// Where the card's RAM starts.
pub(super) const RAM_START: u16 = 0x4000;
/// Bytes of RAM on the card.
pub(super) const RAM_SIZE: usize = 0x4000;
/// Bytes of the address PROM.
const PROM_SIZE: u16 = 32;
/// What the last four bytes of the PROM of a 16-bit card hold.
const PROM_MARK: u8 = b'W';
/// From an order to move nothing to its completion.
const EMPTY_TRANSFER_NANOS: u64 = 1000;

impl Ne2000 {
    pub(super) fn memory(&self, address: u16) -> u8 {
        if address < PROM_SIZE {
            let byte = self.mac.get(usize::from(address / 2));
            return match byte {
                Some(&byte) => byte,
                None if address >= PROM_SIZE - 4 => PROM_MARK,
                None => 0,
            };
        }
        let ram = self.s.ram.get(usize::from(address.wrapping_sub(RAM_START)));
        ram.copied().unwrap_or(0xff)
    }

    pub(super) fn set_memory(&mut self, address: u16, value: u8) {
        if let Some(byte) = self.s.ram.get_mut(usize::from(address.wrapping_sub(RAM_START))) {
            *byte = value;
        }
    }

    /// What follows `address` for DMA of either kind: the ring closes at PSTOP.
    pub(super) fn after(&self, address: u16) -> u16 {
        let next = address.wrapping_add(1);
        if next == u16::from(self.s.page_stop) << 8 {
            u16::from(self.s.page_start) << 8
        } else {
            next
        }
    }

    /// A new order in bits RD0–RD2 of the command register.
    pub(super) fn order_remote(&mut self, order: Command, ctx: &Ctx<'_>) {
        let s = &mut self.s;
        s.remote_done = None;
        if order.contains(Command::RD2) {
            s.remote_left = 0;
            return;
        }
        s.remote_address = s.remote_start;
        s.remote_left = s.remote_count;
        if order.contains(Command::RD0 | Command::RD1) {
            // Send packet: the one at the boundary, as long as its header says.
            s.remote_address = u16::from(s.boundary) << 8;
            let at = s.remote_address;
            let length =
                u16::from_le_bytes([self.memory(at.wrapping_add(2)), self.memory(at.wrapping_add(3))]);
            self.s.remote_left = length;
        }
        if self.s.remote_left == 0 {
            self.s.remote_done = Some(ctx.now + ctx.rate.nanos(EMPTY_TRANSFER_NANOS));
        }
    }

    /// The host reads the data port of a card that has something to give.
    fn gives(&self) -> bool {
        self.s.remote_left > 0 && self.s.command.contains(Command::RD0)
    }

    fn takes(&self) -> bool {
        let order = self.s.command & (Command::RD0 | Command::RD1);
        self.s.remote_left > 0 && order == Command::RD1
    }

    /// Bytes that one access of the DP8390 moves.
    fn unit(&self) -> usize {
        if self.s.dcr.contains(DataConfiguration::WTS) {
            2
        } else {
            1
        }
    }

    /// Counts a byte or word that was moved.
    fn moved(&mut self, unit: usize) {
        for _ in 0..unit {
            self.s.remote_address = self.after(self.s.remote_address);
        }
        self.s.remote_left = self.s.remote_left.saturating_sub(unit as u16);
        if self.s.remote_left == 0 {
            self.complete_remote();
        }
    }

    pub(super) fn complete_remote(&mut self) {
        let s = &mut self.s;
        s.remote_done = None;
        s.isr |= Interrupts::RDC;
        let sent = s.command.contains(Command::RD0 | Command::RD1);
        let header = u16::from(s.boundary) << 8;
        s.command.remove(Command::RD0 | Command::RD1);
        s.command.insert(Command::RD2);
        if sent {
            self.s.boundary = self.memory(header.wrapping_add(1));
            self.s.overflowed = false;
        }
    }

    /// Moves one byte or word to the host, of which `buf` has room for a part or all.
    fn give(&mut self, buf: &mut [u8]) {
        let unit = self.unit();
        // In word mode the DP8390 drives even addresses.
        let mut at = self.s.remote_address & !(unit as u16 - 1);
        for index in 0..unit {
            let value = self.memory(at);
            if let Some(byte) = buf.get_mut(index) {
                *byte = value;
            }
            at = self.after(at);
        }
        self.moved(unit);
    }

    fn take(&mut self, data: &[u8]) {
        let unit = self.unit();
        let mut at = self.s.remote_address & !(unit as u16 - 1);
        for index in 0..unit {
            self.set_memory(at, data.get(index).copied().unwrap_or(0xff));
            at = self.after(at);
        }
        self.moved(unit);
    }

    /// An IN cycle of the data port: a wide one of a 16-bit card is two of its words, and a card in byte mode
    /// drives only the low lines.
    pub(super) fn data_read(&mut self, width: IoWidth) -> u32 {
        let mut bytes = [0xff; 4];
        if !self.gives() {
            log::debug!(target: "dev::ne2000", "the data port is read, but there is no remote read");
        }
        for part in bytes[..width.bytes() as usize].chunks_mut(2) {
            if self.gives() {
                self.give(part);
            }
        }
        u32::from_le_bytes(bytes) & width.mask()
    }

    pub(super) fn data_write(&mut self, value: u32, width: IoWidth) {
        if !self.takes() {
            log::debug!(target: "dev::ne2000", "the data port is written, but there is no remote write");
        }
        for part in value.to_le_bytes()[..width.bytes() as usize].chunks(2) {
            if self.takes() {
                self.take(part);
            }
        }
    }

    /// How many bytes whole cycles of `width` can move in a run, at most `len`; 0 if cycles and accesses of
    /// the DP8390 are of different widths.
    fn run_bytes(&self, width: IoWidth, len: usize) -> usize {
        let unit = self.unit();
        let cycle = width.bytes() as usize;
        if cycle.is_multiple_of(unit) && (unit == 2 || cycle == 1) {
            len.min(usize::from(self.s.remote_left)) / cycle * cycle
        } else {
            0
        }
    }

    pub(super) fn data_read_run(&mut self, width: IoWidth, buf: &mut [u8]) -> usize {
        let (len, unit) = (self.run_bytes(width, buf.len()), self.unit());
        if !self.gives() {
            return 0;
        }
        buf[..len].chunks_mut(unit).for_each(|part| self.give(part));
        len
    }

    pub(super) fn data_write_run(&mut self, width: IoWidth, data: &[u8]) -> usize {
        let (len, unit) = (self.run_bytes(width, data.len()), self.unit());
        if !self.takes() {
            return 0;
        }
        data[..len].chunks(unit).for_each(|part| self.take(part));
        len
    }
}
