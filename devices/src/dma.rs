//! Two Intel 8237A-5 DMA controllers as in the AT (ports 00h–0Fh for bytes, C0h–DFh for words), with
//! the page registers of the 74LS612 at 81h–8Fh.
//!
//! Follows Intel data sheet 231466. A chip asks for a burst through [`DmaBus`](crate::DmaBus), and the
//! board answers with [`DmaPair::dma_read`] and [`DmaPair::dma_write`]: the burst is as long as the
//! chip's buffer or until terminal count. Single, block and demand mode are therefore one. Addresses
//! come from the page registers and never pass the A20 gate.
//!
//! Channels 0–3 reach the bus through channel 4, which must be unmasked and in cascade mode; it is so
//! after power-on, before any BIOS has spoken. Port 80h is the POST code latch of the system board.
//!
//! Not modelled: the pins' polarity bits, compressed timing, and priorities: bursts do not overlap.

#[cfg(test)]
mod tests;

use bitflags::bitflags;
use oldiron_mmu::{GuestMemory, HOLE_BYTE, IoWidth, Snapshot, SnapshotError, StateReader, StateWriter};
use serde::{Deserialize, Serialize};

use crate::{Ctx, Device, DmaOutcome, PortRange, ResetKind};

const PORT_PAGES: u16 = 0x80;
const PORT_WORDS: u16 = 0xc0;

/// Where in the register file the page of each channel is. Channel 4's drives refresh cycles.
const PAGE_OF_CHANNEL: [u8; 8] = [0x7, 0x3, 0x1, 0x2, 0xf, 0xb, 0x9, 0xa];

bitflags! {
    /// The command register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Command: u8 {
        const MEMORY_TO_MEMORY = 1 << 0;
        /// The source address of a memory-to-memory transfer stays.
        const ADDRESS_HOLD = 1 << 1;
        const DISABLE = 1 << 2;
        const COMPRESSED = 1 << 3;
        const ROTATING_PRIORITY = 1 << 4;
        const EXTENDED_WRITE = 1 << 5;
        const DREQ_LOW = 1 << 6;
        const DACK_HIGH = 1 << 7;
    }

    /// The mode register of a channel, without the channel's number.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Mode: u8 {
        /// Bits 2–3: what a transfer does.
        const TRANSFER = 3 << 2;
        const AUTO_INIT = 1 << 4;
        const DECREMENT = 1 << 5;
        /// Bits 6–7: demand, single, block or cascade.
        const KIND = 3 << 6;
    }
}

/// Values of [`Mode::TRANSFER`].
const VERIFY: u8 = 0 << 2;
const WRITE: u8 = 1 << 2;
const READ: u8 = 2 << 2;
/// Values of [`Mode::KIND`].
const BLOCK: u8 = 2 << 6;
const CASCADE: u8 = 3 << 6;

const ALL_CHANNELS: u8 = 0xf;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Channel {
    base_address: u16,
    base_count: u16,
    address: u16,
    count: u16,
    mode: Mode,
}

impl Channel {
    fn transfer(&self) -> u8 {
        (self.mode & Mode::TRANSFER).bits()
    }

    fn kind(&self) -> u8 {
        (self.mode & Mode::KIND).bits()
    }

    /// Transfers that can be done in one go: until terminal count, and without a wrap of the address.
    fn run(&self, most: usize) -> usize {
        let to_wrap = if self.mode.contains(Mode::DECREMENT) {
            1
        } else {
            0x1_0000 - usize::from(self.address)
        };
        most.min(usize::from(self.count) + 1).min(to_wrap)
    }

    /// Moves the address over `n` transfers.
    fn step(&mut self, n: usize) {
        self.address = if self.mode.contains(Mode::DECREMENT) {
            self.address.wrapping_sub(n as u16)
        } else {
            self.address.wrapping_add(n as u16)
        };
    }

    /// Counts `n` transfers, at most to terminal count. True if it was reached.
    fn count_down(&mut self, n: usize) -> bool {
        let terminal = n > usize::from(self.count);
        self.count = self.count.wrapping_sub(n as u16);
        terminal
    }
}

/// One 8237A.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Controller {
    channels: [Channel; 4],
    command: Command,
    /// Terminal counts since the status was read.
    terminal_counts: u8,
    /// The request register.
    requests: u8,
    mask: u8,
    /// The byte pointer: the next byte is the high one. One for all channels.
    flip_flop: bool,
    temporary: u8,
}

impl Controller {
    fn new() -> Self {
        let channel = Channel {
            base_address: 0,
            base_count: 0,
            address: 0,
            count: 0,
            mode: Mode::empty(),
        };
        Self {
            channels: [channel; 4],
            command: Command::empty(),
            terminal_counts: 0,
            requests: 0,
            mask: ALL_CHANNELS,
            flip_flop: false,
            temporary: 0,
        }
    }

    fn channel(&self, index: u8) -> &Channel {
        &self.channels[usize::from(index & 3)]
    }

    fn channel_mut(&mut self, index: u8) -> &mut Channel {
        &mut self.channels[usize::from(index & 3)]
    }

    fn master_clear(&mut self) {
        self.command = Command::empty();
        self.terminal_counts = 0;
        self.requests = 0;
        self.temporary = 0;
        self.flip_flop = false;
        self.mask = ALL_CHANNELS;
    }

    /// A channel reached terminal count.
    fn terminal_count(&mut self, index: u8) {
        let bit = 1 << (index & 3);
        self.terminal_counts |= bit;
        self.requests &= !bit;
        let channel = self.channel_mut(index);
        if channel.mode.contains(Mode::AUTO_INIT) {
            channel.address = channel.base_address;
            channel.count = channel.base_count;
        } else {
            self.mask |= bit;
        }
    }

    /// Whether a peripheral's request on this channel is granted.
    fn grants(&self, index: u8) -> bool {
        !self.command.contains(Command::DISABLE) && (self.mask >> (index & 3)) & 1 == 0
    }

    /// Replaces the byte of `word` that the flip-flop points at.
    fn put_byte(&mut self, word: u16, byte: u8) -> u16 {
        let mut bytes = word.to_le_bytes();
        bytes[usize::from(self.flip_flop)] = byte;
        self.flip_flop = !self.flip_flop;
        u16::from_le_bytes(bytes)
    }

    fn read(&mut self, register: u8) -> u8 {
        match register {
            0..=7 => {
                let channel = self.channel(register >> 1);
                let word = if register & 1 == 0 {
                    channel.address
                } else {
                    channel.count
                };
                let byte = word.to_le_bytes()[usize::from(self.flip_flop)];
                self.flip_flop = !self.flip_flop;
                byte
            }
            0x8 => core::mem::take(&mut self.terminal_counts) | self.requests << 4,
            0xd => self.temporary,
            // Not in the data sheet.
            0xf => !ALL_CHANNELS | self.mask,
            _ => HOLE_BYTE,
        }
    }

    fn write(&mut self, register: u8, value: u8) {
        let bit = 1 << (value & 3);
        let set = value & 4 != 0;
        match register {
            0..=7 => {
                let channel = *self.channel(register >> 1);
                if register & 1 == 0 {
                    let word = self.put_byte(channel.base_address, value);
                    let channel = self.channel_mut(register >> 1);
                    channel.base_address = word;
                    channel.address = word;
                } else {
                    let word = self.put_byte(channel.base_count, value);
                    let channel = self.channel_mut(register >> 1);
                    channel.base_count = word;
                    channel.count = word;
                }
            }
            0x8 => self.command = Command::from_bits_retain(value),
            0x9 if set => self.requests |= bit,
            0x9 => self.requests &= !bit,
            0xa if set => self.mask |= bit,
            0xa => self.mask &= !bit,
            0xb => self.channel_mut(value & 3).mode = Mode::from_bits_truncate(value),
            0xc => self.flip_flop = false,
            0xd => self.master_clear(),
            0xe => self.mask = 0,
            _ => self.mask = value & ALL_CHANNELS,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    bytes: Controller,
    words: Controller,
    pages: [u8; 16],
}

impl State {
    fn new() -> Self {
        let mut state = Self {
            bytes: Controller::new(),
            words: Controller::new(),
            pages: [0; 16],
        };
        state.words.channels[0].mode = Mode::from_bits_retain(CASCADE);
        state.words.mask &= !1;
        state
    }
}

/// Both DMA controllers and the page registers.
pub struct DmaPair {
    s: State,
}

impl Default for DmaPair {
    fn default() -> Self {
        Self::new()
    }
}

/// One way through memory for a burst: a physical address and a number of bytes of the buffer.
type Move<'a> = &'a mut dyn FnMut(u32, core::ops::Range<usize>);

impl DmaPair {
    /// The controllers after power-on.
    pub fn new() -> Self {
        Self { s: State::new() }
    }

    /// Moves bytes from memory to the device on `channel`: what
    /// [`DmaBus::dma_read`](crate::DmaBus::dma_read) of the board does.
    pub fn dma_read(&mut self, mem: &mut GuestMemory, channel: u8, buf: &mut [u8]) -> DmaOutcome {
        let len = buf.len();
        self.burst(channel, READ, len, &mut |addr, range| {
            if let Some(part) = buf.get_mut(range) {
                mem.phys_read(addr, part);
            }
        })
    }

    /// Moves bytes from the device on `channel` to memory: what
    /// [`DmaBus::dma_write`](crate::DmaBus::dma_write) of the board does.
    pub fn dma_write(&mut self, mem: &mut GuestMemory, channel: u8, data: &[u8]) -> DmaOutcome {
        self.burst(channel, WRITE, data.len(), &mut |addr, range| {
            if let Some(part) = data.get(range) {
                mem.phys_write(addr, part);
            }
        })
    }

    fn controller(&self, channel: u8) -> &Controller {
        if channel < 4 { &self.s.bytes } else { &self.s.words }
    }

    fn controller_mut(&mut self, channel: u8) -> &mut Controller {
        if channel < 4 {
            &mut self.s.bytes
        } else {
            &mut self.s.words
        }
    }

    /// The physical address that a channel points at.
    fn physical(&self, channel: u8) -> u32 {
        let page = self.s.pages[usize::from(PAGE_OF_CHANNEL[usize::from(channel & 7)])];
        let address = self.controller(channel).channel(channel).address;
        if channel < 4 {
            u32::from(page) << 16 | u32::from(address)
        } else {
            u32::from(page & !1) << 16 | u32::from(address) << 1
        }
    }

    /// Whether a peripheral on `channel` that wants this transfer gets the bus.
    fn grants(&self, channel: u8, transfer: u8) -> bool {
        let (controller, programmed) = (
            self.controller(channel),
            self.controller(channel).channel(channel),
        );
        let through_cascade =
            channel >= 4 || self.s.words.grants(0) && self.s.words.channel(0).kind() == CASCADE;
        channel < 8
            && controller.grants(channel)
            && through_cascade
            && programmed.kind() != CASCADE
            && (programmed.transfer() == transfer || programmed.transfer() == VERIFY)
    }

    fn burst(&mut self, channel: u8, transfer: u8, len: usize, each: Move<'_>) -> DmaOutcome {
        let mut outcome = DmaOutcome::default();
        if !self.grants(channel, transfer) {
            return outcome;
        }
        let verify = self.controller(channel).channel(channel).transfer() == VERIFY;
        let unit = if channel < 4 { 1 } else { 2 };
        while !outcome.terminal_count {
            let n = self
                .controller(channel)
                .channel(channel)
                .run((len - outcome.bytes) / unit);
            if n == 0 {
                break;
            }
            let end = outcome.bytes + n * unit;
            if !verify {
                each(self.physical(channel), outcome.bytes..end);
            }
            outcome.bytes = end;
            let programmed = self.controller_mut(channel).channel_mut(channel);
            programmed.step(n);
            if programmed.count_down(n) {
                self.controller_mut(channel).terminal_count(channel);
                outcome.terminal_count = true;
            }
        }
        outcome
    }

    // ---- software requests ----

    /// Serves the request register after it or the command was written. The processor is off the bus
    /// meanwhile, so for the program no time passes.
    fn serve_requests(&mut self, first: u8, ctx: &mut Ctx<'_>) {
        let controller = self.controller(first);
        if controller.command.contains(Command::DISABLE) {
            return;
        }
        let memory_to_memory = controller.command.contains(Command::MEMORY_TO_MEMORY);
        if memory_to_memory && controller.requests & 1 != 0 {
            self.memory_to_memory(first, ctx);
        }
        for index in 0..4 {
            let controller = self.controller(first);
            let taken = memory_to_memory && index < 2;
            // Data sheet: "software requests will be serviced only if the channel is in Block mode".
            if !taken && (controller.requests >> index) & 1 != 0 && controller.channel(index).kind() == BLOCK
            {
                self.block_without_device(first + index, ctx);
            }
        }
    }

    /// Channel 0 reads, channel 1 writes, and counts.
    fn memory_to_memory(&mut self, first: u8, ctx: &mut Ctx<'_>) {
        let unit = if first < 4 { 1 } else { 2 };
        loop {
            let mut data = [0; 2];
            ctx.dma.memory_read(self.physical(first), &mut data[..unit]);
            ctx.dma.memory_write(self.physical(first + 1), &data[..unit]);
            let controller = self.controller_mut(first);
            controller.temporary = data[0];
            if !controller.command.contains(Command::ADDRESS_HOLD) {
                controller.channel_mut(0).step(1);
            }
            // The source's own count runs along, and may only reload.
            if controller.channel_mut(0).count_down(1) && controller.channel(0).mode.contains(Mode::AUTO_INIT)
            {
                let source = controller.channel_mut(0);
                source.address = source.base_address;
                source.count = source.base_count;
            }
            controller.channel_mut(1).step(1);
            if controller.channel_mut(1).count_down(1) {
                controller.terminal_count(1);
                controller.requests &= !1;
                return;
            }
        }
    }

    /// A block that nobody at the other end takes part in: writes store what the bus floats to.
    fn block_without_device(&mut self, channel: u8, ctx: &mut Ctx<'_>) {
        let unit = if channel < 4 { 1 } else { 2 };
        loop {
            if self.controller(channel).channel(channel).transfer() == WRITE {
                ctx.dma
                    .memory_write(self.physical(channel), &[HOLE_BYTE; 2][..unit]);
            }
            let programmed = self.controller_mut(channel).channel_mut(channel);
            programmed.step(1);
            if programmed.count_down(1) {
                self.controller_mut(channel).terminal_count(channel);
                return;
            }
        }
    }
}

/// Splits a port into the first channel of its controller and its register.
fn decode(port: u16) -> (u8, u8) {
    if port < PORT_WORDS {
        (0, (port & 0xf) as u8)
    } else {
        // Address line 0 is not connected.
        (4, (port >> 1 & 0xf) as u8)
    }
}

impl Device for DmaPair {
    fn name(&self) -> &'static str {
        "dma"
    }

    fn ports(&self) -> &[PortRange] {
        &[
            PortRange { first: 0, count: 16 },
            PortRange {
                first: PORT_PAGES + 1,
                count: 15,
            },
            PortRange {
                first: PORT_WORDS,
                count: 32,
            },
        ]
    }

    fn reset(&mut self, _: ResetKind, _: &mut Ctx<'_>) {
        self.s = State::new();
    }

    fn port_read(&mut self, port: u16, width: IoWidth, _: &mut Ctx<'_>) -> u32 {
        if port & !0xf == PORT_PAGES {
            let page = self.s.pages.get(usize::from(port & 0xf));
            return page.map_or(width.open_bus(), |&page| page.into());
        }
        let (first, register) = decode(port);
        self.controller_mut(first).read(register).into()
    }

    fn port_write(&mut self, port: u16, value: u32, _: IoWidth, ctx: &mut Ctx<'_>) {
        let value = value as u8;
        log::trace!(target: "dev::dma", "out {port:#06x}, {value:#04x}");
        if port & !0xf == PORT_PAGES {
            if let Some(page) = self.s.pages.get_mut(usize::from(port & 0xf)) {
                *page = value;
            }
            return;
        }
        let (first, register) = decode(port);
        self.controller_mut(first).write(register, value);
        if register == 8 || register == 9 {
            self.serve_requests(first, ctx);
        }
    }
}

impl Snapshot for DmaPair {
    const TAG: [u8; 4] = *b"DMA ";
    const VERSION: u16 = 1;

    fn save(&self, w: &mut StateWriter) {
        w.put(&self.s);
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let mut s: State = r.get()?;
        for controller in [&mut s.bytes, &mut s.words] {
            controller.mask &= ALL_CHANNELS;
            controller.requests &= ALL_CHANNELS;
            controller.terminal_counts &= ALL_CHANNELS;
        }
        self.s = s;
        Ok(())
    }
}
