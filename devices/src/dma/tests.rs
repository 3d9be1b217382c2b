use super::*;
use crate::{
    DmaBus, IrqLines, Outbox, Scheduler, Timing,
    test_rig::{Prng, assert_damaged_states_do_no_harm, assert_round_trip},
};
use oldiron_mmu::TickRate;

struct Bus<'a>(&'a mut GuestMemory);
impl DmaBus for Bus<'_> {
    fn dma_read(&mut self, _: u8, _: &mut [u8]) -> DmaOutcome {
        DmaOutcome::default()
    }
    fn dma_write(&mut self, _: u8, _: &[u8]) -> DmaOutcome {
        DmaOutcome::default()
    }
    fn memory_read(&mut self, addr: u32, buf: &mut [u8]) {
        self.0.phys_read(addr, buf);
    }
    fn memory_write(&mut self, addr: u32, data: &[u8]) {
        self.0.phys_write(addr, data);
    }

    fn clear_frame_buffer(&mut self) {}
}

struct Board {
    dma: DmaPair,
    mem: GuestMemory,
}

impl Board {
    fn new() -> Self {
        let mut mem = GuestMemory::new(2 << 20);
        mem.map_ram(0, 2 << 20, 0);
        Self {
            dma: DmaPair::new(),
            mem,
        }
    }

    fn with<R>(&mut self, f: impl FnOnce(&mut DmaPair, &mut Ctx<'_>) -> R) -> R {
        f(
            &mut self.dma,
            &mut Ctx {
                now: 0,
                rate: TickRate::new(1),
                timing: Timing::Fast,
                irq: &mut IrqLines::default(),
                timers: &mut Scheduler::default(),
                dma: &mut Bus(&mut self.mem),
                out: &mut Outbox::default(),
            },
        )
    }

    fn out(&mut self, port: u16, value: u8) {
        self.with(|dma, ctx| dma.port_write(port, value.into(), IoWidth::Byte, ctx));
    }

    fn inb(&mut self, port: u16) -> u8 {
        self.with(|dma, ctx| dma.port_read(port, IoWidth::Byte, ctx)) as u8
    }

    fn word(&mut self, port: u16) -> u16 {
        u16::from_le_bytes([self.inb(port), self.inb(port)])
    }

    /// Programs and unmasks a channel as a driver does. `count`: transfers.
    fn program(&mut self, channel: u8, mode: u8, address: u16, count: u32) {
        let (base, shift) = if channel < 4 { (0, 0) } else { (0xc0, 1) };
        let port = |register: u8| base + (u16::from(register) << shift);
        self.out(port(0xa), 4 | channel & 3);
        self.out(port(0xc), 0);
        self.out(port(0xb), mode | channel & 3);
        for byte in address.to_le_bytes() {
            self.out(port((channel & 3) * 2), byte);
        }
        for byte in ((count - 1) as u16).to_le_bytes() {
            self.out(port((channel & 3) * 2 + 1), byte);
        }
        self.out(port(0xa), channel & 3);
    }

    fn read(&mut self, channel: u8, len: usize) -> (Vec<u8>, bool) {
        let mut buf = vec![0; len];
        let outcome = self.dma.dma_read(&mut self.mem, channel, &mut buf);
        buf.truncate(outcome.bytes);
        (buf, outcome.terminal_count)
    }

    fn write(&mut self, channel: u8, data: &[u8]) -> (usize, bool) {
        let outcome = self.dma.dma_write(&mut self.mem, channel, data);
        (outcome.bytes, outcome.terminal_count)
    }

    fn bytes(&self, addr: u32, len: usize) -> Vec<u8> {
        let mut buf = vec![0; len];
        self.mem.phys_read(addr, &mut buf);
        buf
    }
}

const TO_MEMORY: u8 = 0x44;
const FROM_MEMORY: u8 = 0x48;

#[test]
fn a_device_writes_to_memory_until_terminal_count() {
    let mut b = Board::new();
    b.out(0x81, 0x12);
    b.program(2, TO_MEMORY, 0x3456, 4);
    assert_eq!(b.write(2, &[1, 2, 3]), (3, false));
    assert_eq!(b.write(2, &[4, 5, 6]), (1, true));
    assert_eq!(b.bytes(0x123456, 5), [1, 2, 3, 4, 0]);
    assert_eq!(b.write(2, &[9]), (0, false), "terminal count masks the channel");
    assert_eq!(b.inb(0x0f), 0xff);
}

#[test]
fn a_device_reads_from_memory() {
    let mut b = Board::new();
    b.mem.phys_write(0x50010, &[7, 8, 9]);
    b.out(0x83, 5);
    b.program(1, FROM_MEMORY, 0x10, 3);
    assert_eq!(b.read(1, 8), (vec![7, 8, 9], true));
}

#[test]
fn the_flip_flop_is_shared_by_a_controller_and_reads_toggle_it_too() {
    let mut b = Board::new();
    b.out(0x0c, 0);
    b.out(0x00, 0x34);
    b.out(0x03, 0x12);
    assert_eq!(b.word(0x00), 0x0034);
    assert_eq!(b.word(0x03), 0x1200);
    assert_eq!(b.inb(0x00), 0x34);
    assert_eq!(b.inb(0x00), 0x00);
    b.inb(0x00);
    b.out(0x0c, 0xff);
    assert_eq!(b.inb(0x00), 0x34, "cleared by 0Ch");
    b.out(0xc0, 0x11);
    b.out(0xd8, 0);
    b.out(0xc0, 0x22);
    assert_eq!(b.inb(0x00), 0x00, "the other controller has its own");
    b.out(0x0d, 0);
    assert_eq!(b.inb(0x00), 0x34, "cleared by master clear");
}

#[test]
fn all_page_registers_read_back_what_was_written() {
    let mut b = Board::new();
    for port in 0x81..=0x8f {
        b.out(port, port as u8 ^ 0x5a);
    }
    for port in 0x81..=0x8f {
        assert_eq!(b.inb(port), port as u8 ^ 0x5a);
    }
}

#[test]
fn sixteen_bit_channels_address_words_and_ignore_page_bit_0() {
    let mut b = Board::new();
    b.out(0x8b, 0x05);
    b.program(5, TO_MEMORY, 0x8001, 2);
    assert_eq!(b.write(5, &[1, 2, 3, 4, 5, 6]), (4, true));
    assert_eq!(b.bytes(0x50002, 5), [1, 2, 3, 4, 0]);
}

#[test]
fn addresses_wrap_at_64k_and_128k() {
    let mut b = Board::new();
    b.out(0x81, 0x03);
    b.program(2, TO_MEMORY, 0xfffe, 4);
    assert_eq!(b.write(2, &[1, 2, 3, 4]), (4, true));
    assert_eq!(
        (b.bytes(0x3fffe, 3), b.bytes(0x30000, 3)),
        (vec![1, 2, 0], vec![3, 4, 0])
    );
    b.out(0x8a, 0x04);
    b.program(7, TO_MEMORY, 0xffff, 2);
    assert_eq!(b.write(7, &[5, 6, 7, 8]), (4, true));
    assert_eq!(
        (b.bytes(0x5fffe, 2), b.bytes(0x40000, 2)),
        (vec![5, 6], vec![7, 8])
    );
}

#[test]
fn decrement_goes_downwards() {
    let mut b = Board::new();
    b.program(1, TO_MEMORY | 0x20, 0x1003, 3);
    assert_eq!(b.write(1, &[1, 2, 3]), (3, true));
    assert_eq!(b.bytes(0x1000, 4), [0, 3, 2, 1]);
}

#[test]
fn reading_the_status_clears_terminal_counts() {
    let mut b = Board::new();
    b.program(2, TO_MEMORY, 0, 1);
    b.write(2, &[1]);
    assert_eq!(b.inb(0x08), 0x04);
    assert_eq!(b.inb(0x08), 0x00);
    b.out(0x09, 0x07);
    assert_eq!(b.inb(0x08), 0x80, "a request shows");
    b.out(0x09, 0x03);
    assert_eq!(b.inb(0x08), 0x00);
}

#[test]
fn auto_init_reloads_and_goes_on() {
    let mut b = Board::new();
    b.program(1, TO_MEMORY | 0x10, 0x2000, 2);
    assert_eq!(b.write(1, &[1, 2, 3]), (2, true));
    assert_eq!(b.write(1, &[3]), (1, false));
    assert_eq!(b.bytes(0x2000, 3), [3, 2, 0]);
    assert_eq!((b.word(0x02), b.word(0x03)), (0x2001, 0));
}

#[test]
fn verify_moves_no_data_but_counts() {
    let mut b = Board::new();
    b.program(2, 0x40, 0x1000, 3);
    assert_eq!(b.write(2, &[1, 2, 3]), (3, true));
    assert_eq!(b.bytes(0x1000, 3), [0; 3]);
    assert_eq!((b.word(0x04), b.word(0x05)), (0x1003, 0xffff));
}

#[test]
fn masked_disabled_and_wrongly_programmed_channels_move_nothing() {
    let mut b = Board::new();
    b.program(2, TO_MEMORY, 0, 10);
    assert_eq!(b.read(2, 4), (vec![], false), "the wrong direction");
    b.out(0x08, 0x04);
    assert_eq!(b.write(2, &[1]), (0, false));
    b.out(0x08, 0);
    b.out(0xd4, 0x04);
    assert_eq!(b.write(2, &[1]), (0, false), "channel 4 is the way");
    b.out(0xd4, 0x00);
    b.out(0x0f, 0x04);
    assert_eq!(b.write(2, &[1]), (0, false));
    b.out(0x0e, 0);
    b.out(0x0b, 0xc2);
    assert_eq!(b.write(2, &[1]), (0, false), "cascade");
    assert_eq!(b.write(4, &[1]), (0, false));
    assert_eq!(b.write(200, &[1]), (0, false));
    b.out(0x0b, 0x46);
    assert_eq!(b.write(2, &[1]), (1, false));
}

#[test]
fn the_all_mask_register_can_be_read() {
    let mut b = Board::new();
    b.out(0x0f, 0x05);
    b.out(0xde, 0x0a);
    assert_eq!((b.inb(0x0f), b.inb(0xde)), (0xf5, 0xfa));
}

#[test]
fn master_clear_masks_all_and_keeps_the_channels() {
    let mut b = Board::new();
    b.program(2, TO_MEMORY, 0x1234, 5);
    b.out(0xd4, 0);
    b.out(0x0d, 0);
    assert_eq!(b.inb(0x0f), 0xff);
    assert_eq!((b.word(0x04), b.word(0x05)), (0x1234, 4));
    b.out(0xda, 0);
    assert_eq!(b.inb(0xde), 0xff);
}

#[test]
fn memory_to_memory_copies_and_leaves_the_last_byte_in_the_temporary_register() {
    let mut b = Board::new();
    b.mem.phys_write(0x1000, b"iron");
    b.program(0, 0x88, 0x1000, 4);
    b.program(1, 0x84, 0x2000, 4);
    b.out(0x08, 0x01);
    b.out(0x09, 0x04);
    assert_eq!(b.bytes(0x2000, 5), b"iron\0");
    assert_eq!(b.inb(0x0d), b'n');
    assert_eq!(b.inb(0x08), 0x02);
    b.program(1, 0x84, 0x3000, 4);
    b.program(0, 0x88, 0x1001, 4);
    b.out(0x08, 0x03);
    b.out(0x09, 0x04);
    assert_eq!(b.bytes(0x3000, 5), b"rrrr\0", "address hold fills");
}

#[test]
fn a_software_request_in_block_mode_runs_to_terminal_count() {
    let mut b = Board::new();
    b.program(3, 0x80, 0x100, 16);
    b.out(0x09, 0x07);
    assert_eq!(b.inb(0x08), 0x08);
    assert_eq!((b.word(0x06), b.word(0x07)), (0x110, 0xffff));
}

#[test]
fn dma_is_not_affected_by_the_a20_gate() {
    let mut b = Board::new();
    b.mem.set_a20(false);
    b.out(0x81, 0x10);
    b.program(2, TO_MEMORY, 0, 1);
    b.write(2, &[0x77]);
    assert_eq!((b.bytes(0x100000, 1), b.bytes(0, 1)), (vec![0x77], vec![0]));
}

#[test]
fn state_survives_the_round_trip() {
    let mut b = Board::new();
    b.program(2, TO_MEMORY | 0x10, 0x1234, 100);
    b.write(2, &[1, 2, 3]);
    b.out(0x8a, 9);
    b.out(0x00, 1);
    assert_damaged_states_do_no_harm(&b.dma, DmaPair::new);
    assert_round_trip(&b.dma, &mut DmaPair::new());
}

#[test]
fn random_accesses_never_panic() {
    let mut b = Board::new();
    let mut random = Prng(7);
    for _ in 0..20_000 {
        let r = random.next();
        let port = match random.below(3) {
            0 => r as u16 & 0xf,
            1 => 0x81 + (r % 15) as u16,
            _ => 0xc0 + (r as u16 & 0x1f),
        };
        match random.below(4) {
            0 | 1 => b.out(port, (r >> 20) as u8),
            2 => _ = b.inb(port),
            _ => {
                b.read((r >> 20) as u8 & 7, 100);
                b.write((r >> 24) as u8 & 7, &[1; 33]);
            }
        }
    }
}
