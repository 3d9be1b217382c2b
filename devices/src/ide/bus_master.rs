//! The bus master of a channel (PIIX3, Intel 290550 §3.3 and §4.6; SFF-8038i): eight ports at the base address of
//! the IDE function, and the walk through the table of physical region descriptors.
//!
//! A descriptor is a 32-bit address, a count of 16 bits in which 0 stands for 64 KiB, and in bit 63 whether it is the
//! last. Bits 0 of address and count are zero, whatever they hold. Addresses beyond memory read all ones and take
//! nothing, as everywhere on the bus; the error bit is never set.

use serde::{Deserialize, Serialize};

use crate::DmaBus;

/// Registers, as offsets from the channel's first port.
const COMMAND: u16 = 0;
const STATUS: u16 = 2;
const TABLE: u16 = 4;

/// Bytes of a descriptor.
const DESCRIPTOR_BYTES: u32 = 8;
/// In the second half of a descriptor: it is the last.
const END_OF_TABLE: u32 = 1 << 31;

bitflags::bitflags! {
    /// BMICX.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Command: u8 {
        /// Start.
        const SSBM = 1 << 0;
        /// To memory.
        const RWCON = 1 << 3;
    }

    /// BMISX.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct BmStatus: u8 {
        /// Descriptors are left.
        const ACTIVE = 1 << 0;
        /// A cycle of the bus failed.
        const ERROR = 1 << 1;
        /// The interrupt line of the channel rose.
        const INTERRUPT = 1 << 2;
        /// For drivers to note that a device can do DMA.
        const DRIVES_CAN = 1 << 5 | 1 << 6;
    }
}

/// The bus master of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BusMaster {
    command: Command,
    status: BmStatus,
    table: u32,
    /// The next descriptor.
    next: u32,
    /// What is left of the region of the one before, and whether that was the last.
    address: u32,
    left: u32,
    last: bool,
}

impl BusMaster {
    pub(super) fn new() -> Self {
        Self {
            command: Command::empty(),
            status: BmStatus::empty(),
            table: 0,
            next: 0,
            address: 0,
            left: 0,
            last: false,
        }
    }

    pub(super) fn is_sane(&self) -> bool {
        self.left <= 1 << 16
    }

    /// The interrupt line of the channel rose.
    pub(super) fn interrupt_rose(&mut self) {
        self.status |= BmStatus::INTERRUPT;
    }

    /// Reads a register. The command register has its reserved bits clear.
    pub(super) fn read(&self, port: u16) -> u8 {
        match port & 7 {
            COMMAND => self.command.bits(),
            STATUS => self.status.bits(),
            at @ TABLE.. => self.table.to_le_bytes()[usize::from(at - TABLE)],
            _ => 0,
        }
    }

    /// Writes a register.
    pub(super) fn write(&mut self, port: u16, value: u8) {
        match port & 7 {
            COMMAND => self.write_command(Command::from_bits_truncate(value)),
            STATUS => {
                let value = BmStatus::from_bits_truncate(value);
                self.status
                    .remove(value & (BmStatus::ERROR | BmStatus::INTERRUPT));
                self.status = self.status & !BmStatus::DRIVES_CAN | value & BmStatus::DRIVES_CAN;
            }
            at @ TABLE.. => {
                let mut bytes = self.table.to_le_bytes();
                bytes[usize::from(at - TABLE)] = value;
                self.table = u32::from_le_bytes(bytes) & !3;
            }
            _ => {}
        }
    }

    fn write_command(&mut self, command: Command) {
        let started = self.command.contains(Command::SSBM);
        self.command = command;
        match (started, command.contains(Command::SSBM)) {
            (false, true) => {
                self.status |= BmStatus::ACTIVE;
                (self.next, self.left, self.last) = (self.table, 0, false);
            }
            // What is left of a transfer is dropped.
            (true, false) => self.status.remove(BmStatus::ACTIVE),
            _ => {}
        }
    }

    /// Whether data can move now: to memory, or from it.
    pub(super) fn is_ready(&self, to_memory: bool) -> bool {
        self.status.contains(BmStatus::ACTIVE) && self.command.contains(Command::RWCON) == to_memory
    }

    /// The next piece of memory: where it is, and how many bytes of at most `most`. `None` when the table has ended.
    fn piece(&mut self, most: usize, dma: &mut dyn DmaBus) -> Option<(u32, usize)> {
        if !self.status.contains(BmStatus::ACTIVE) {
            return None;
        }
        if self.left == 0 {
            let mut descriptor = [0; DESCRIPTOR_BYTES as usize];
            dma.memory_read(self.next, &mut descriptor);
            self.next = self.next.wrapping_add(DESCRIPTOR_BYTES);
            let [a, b, c, d, e, f, g, h] = descriptor;
            let flags = u32::from_le_bytes([e, f, g, h]);
            self.address = u32::from_le_bytes([a, b, c, d]) & !1;
            self.left = match flags & 0xfffe {
                0 => 1 << 16,
                count => count,
            };
            self.last = flags & END_OF_TABLE != 0;
        }
        let len = most.min(self.left as usize);
        let at = self.address;
        self.address = at.wrapping_add(len as u32);
        self.left -= len as u32;
        if self.left == 0 && self.last {
            self.status.remove(BmStatus::ACTIVE);
        }
        Some((at, len))
    }

    /// Moves bytes to memory; returns how many.
    pub(super) fn put(&mut self, data: &[u8], dma: &mut dyn DmaBus) -> usize {
        let mut rest = data;
        while !rest.is_empty()
            && let Some((at, len)) = self.piece(rest.len(), dma)
        {
            let (now, later) = rest.split_at(len);
            dma.memory_write(at, now);
            rest = later;
        }
        data.len() - rest.len()
    }

    /// Fills `buf` from memory; returns how far.
    pub(super) fn get(&mut self, buf: &mut [u8], dma: &mut dyn DmaBus) -> usize {
        let mut done = 0;
        while done < buf.len()
            && let Some((at, len)) = self.piece(buf.len() - done, dma)
        {
            dma.memory_read(at, &mut buf[done..done + len]);
            done += len;
        }
        done
    }
}
