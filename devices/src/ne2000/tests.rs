use super::{
    crc::{frame_check, multicast_bit},
    *,
};
use crate::{
    NETWORK_ACTIVITY,
    test_rig::{Prng, Rig},
};

const BASE: u16 = 0x300;
const LINE: IrqLine = IrqLine::new(25);
const MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
const DATA_PORT: u16 = BASE + DATA;

const ISR: u16 = 7;
const START: u8 = 0x22;
const PAGE1: u8 = 0x62;
const PAGE2: u8 = 0xa2;

type Card = Rig<Ne2000>;

fn card() -> Card {
    let mut rig = Rig::new(Ne2000::isa(BASE, LINE, MAC));
    rig.with(|chip, ctx| chip.reset(ResetKind::Cold, ctx));
    rig
}

impl Card {
    fn set(&mut self, register: u16, value: u8) {
        self.out(BASE + register, value);
    }

    fn get(&mut self, register: u16) -> u8 {
        self.inb(BASE + register)
    }

    fn paged(&mut self, page: u8, register: u16) -> u8 {
        self.set(0, page);
        let value = self.get(register);
        self.set(0, START);
        value
    }

    fn arrive(&mut self, frame: &[u8]) {
        self.with(|chip, ctx| chip.receive(frame.to_vec(), ctx));
    }

    fn order(&mut self, order: u8, at: u16, count: u16) {
        for (register, value) in [(8, at), (10, count)] {
            self.set(register, value as u8);
            self.set(register + 1, (value >> 8) as u8);
        }
        self.set(0, order);
    }

    fn read_memory(&mut self, at: u16, count: u16) -> Vec<u8> {
        self.order(0x0a, at, count);
        let words =
            (0..count / 2).flat_map(|_| (self.in_wide(DATA_PORT, IoWidth::Word) as u16).to_le_bytes());
        words.collect()
    }

    fn write_memory(&mut self, at: u16, data: &[u8]) {
        self.order(0x12, at, data.len() as u16);
        for word in data.chunks(2) {
            let value = u16::from_le_bytes([word[0], word[1]]);
            self.out_wide(DATA_PORT, value.into(), IoWidth::Word);
        }
    }

    fn send(&mut self, frame: &[u8]) {
        self.write_memory(0x4000, frame);
        self.set(4, 0x40);
        self.set(5, frame.len() as u8);
        self.set(6, (frame.len() >> 8) as u8);
        self.set(0, START | 4);
    }
}

/// A card as drivers set it up: ring 46h to 80h, own and broadcast addresses, all interrupts.
fn started() -> Card {
    let mut rig = card();
    for (register, value) in [
        (0, 0x21),
        (0xe, 0x49),
        (0xa, 0),
        (0xb, 0),
        (0xc, 0x04),
        (0xd, 0),
        (1, 0x46),
        (2, 0x80),
        (3, 0x46),
        (7, 0xff),
        (0xf, 0x3f),
        (0, 0x61),
    ] {
        rig.set(register, value);
    }
    for (register, value) in (1..).zip(MAC) {
        rig.set(register, value);
    }
    rig.set(7, 0x47);
    rig.set(0, START);
    rig
}

fn frame(to: [u8; 6], len: usize) -> Vec<u8> {
    let mut frame = to.to_vec();
    frame.extend((6..len).map(|n| n as u8));
    frame
}

#[test]
fn the_prom_has_each_byte_of_the_address_twice_and_ends_in_w() {
    let mut rig = started();
    let prom = rig.read_memory(0, 32);
    assert_eq!(
        prom[..12],
        [0x52, 0x52, 0x54, 0x54, 0, 0, 0x12, 0x12, 0x34, 0x34, 0x56, 0x56]
    );
    assert_eq!(prom[28..], *b"WWWW");
    // Byte mode reads the same, byte by byte.
    rig.set(0xe, 0x48);
    rig.order(0x0a, 0, 4);
    let bytes = [0; 4].map(|_| rig.inb(DATA_PORT));
    assert_eq!(bytes, [0x52, 0x52, 0x54, 0x54]);
    assert_eq!(rig.get(ISR) & 0x40, 0x40);
}

#[test]
fn the_reset_port_stops_the_chip_and_rst_stays_until_it_is_started() {
    let mut rig = started();
    assert_eq!(rig.get(ISR) & 0x80, 0);
    rig.inb(BASE + 0x1f);
    assert_eq!((rig.get(0), rig.get(ISR)), (0x21, 0x80));
    rig.set(ISR, 0xff);
    assert_eq!(rig.get(ISR), 0x80, "writing does not clear it");
    assert_eq!(rig.paged(PAGE2 - 1, 0xf) & 0x7f, 0, "the mask is cleared");
    rig.set(0, START);
    assert_eq!(rig.get(ISR), 0);
}

#[test]
fn a_pci_card_decodes_where_its_base_address_says_and_has_realteks_registers() {
    let mut rig = Rig::new(Ne2000::pci(LINE, MAC));
    rig.with(|chip, ctx| chip.reset(ResetKind::Cold, ctx));
    assert!(rig.chip.ports().is_empty() && rig.chip.port_window().is_none());
    let space = rig.chip.config_space().unwrap();
    assert_eq!([space.read_u16(0), space.read_u16(2)], [0x10ec, 0x8029]);
    assert_eq!((space.read_u16(0x0a), space.pin()), (0x0200, 1));
    for (offset, value) in [(0x10, 0x20), (0x11, 0xc0), (4, 1)] {
        space.write(offset, value);
    }
    let window = rig.chip.port_window();
    assert_eq!(window.map(|range| (range.first, range.count)), Some((0xc020, 32)));
    let get = |rig: &mut Card, page: u8, register: u16| {
        rig.out(0xc020, page);
        rig.inb(0xc020 + register)
    };
    assert_eq!((get(&mut rig, 0x21, 0xa), get(&mut rig, 0x21, 0xb)), (0x50, 0x43));
    assert_eq!((get(&mut rig, 0xe1, 0xe), get(&mut rig, 0xe1, 0xf)), (0x29, 0x80));
    rig.out(0xc025, 0x20);
    assert_eq!(rig.inb(0xc025), 0, "locked");
    rig.out(0xc021, 0xc0);
    rig.out(0xc025, 0x20);
    assert_eq!((rig.inb(0xc025), rig.inb(0xc023)), (0x20, 0));
    let bytes = saved(&rig.chip);
    let mut other = Ne2000::pci(LINE, MAC);
    StateReader::new("test", &bytes).component(&mut other).unwrap();
    assert_eq!((saved(&other), other.port_window()), (bytes, window));
    rig.with(|chip, ctx| chip.reset(ResetKind::Hard, ctx));
    assert!(rig.chip.port_window().is_none());
}

#[test]
fn registers_read_back_where_the_data_sheet_says() {
    let mut rig = started();
    let page1: Vec<u8> = (1..8).map(|register| rig.paged(PAGE1, register)).collect();
    assert_eq!(page1, [0x52, 0x54, 0, 0x12, 0x34, 0x56, 0x47]);
    let page2 = [1, 2, 4, 0xc, 0xd, 0xe, 0xf].map(|register| rig.paged(PAGE2, register));
    assert_eq!(page2, [0x46, 0x80, 0, 0xc4, 0xe0, 0xc9, 0xbf]);
    assert_eq!((rig.get(3), rig.get(5), rig.get(0xa)), (0x46, 0, 0xff));
    rig.set(0, PAGE2);
    rig.set(1, 0x34);
    rig.set(2, 0x12);
    rig.set(3, 0x55);
    rig.set(6, 0x99);
    assert_eq!((rig.get(3), rig.get(6)), (0x55, 0x99));
    rig.set(0, START);
    assert_eq!((rig.get(1), rig.get(2)), (0x34, 0x12));
    // A command without start and stop leaves the mode alone, and RD = 0 the remote order.
    rig.set(0, 0x40);
    assert_eq!(rig.get(0), 0x62);
}

#[test]
fn memory_is_reached_in_words_runs_and_double_words() {
    let mut rig = started();
    let data: Vec<u8> = (0..64).collect();
    rig.write_memory(0x4000, &data);
    assert_eq!(rig.get(ISR), 0x40);
    assert!(!rig.irq.is_high(LINE), "RDC is masked by 3Fh");
    assert_eq!(rig.read_memory(0x4000, 64), data);
    assert_eq!((rig.get(8), rig.get(9)), (0x40, 0x40), "CRDA");

    rig.order(0x0a, 0x4000, 64);
    assert_eq!(rig.in_wide(DATA_PORT, IoWidth::Dword), 0x0302_0100);
    let mut run = [0; 100];
    let done = rig.with(|chip, ctx| chip.port_read_run(DATA_PORT, IoWidth::Word, &mut run, ctx));
    assert_eq!((done, &run[..60]), (60, &data[4..]));
    rig.order(0x12, 0x5000, 60);
    let done = rig.with(|chip, ctx| chip.port_write_run(DATA_PORT, IoWidth::Word, &run, ctx));
    assert_eq!(done, 60);
    assert_eq!(rig.read_memory(0x5000, 60), data[4..]);
    // Nothing answers outside, and nothing is moved past the count.
    assert_eq!(rig.read_memory(0x8000, 2), [0xff; 2]);
    assert_eq!(rig.in_wide(DATA_PORT, IoWidth::Word), 0xffff);
    rig.write_memory(0, &[1, 2]);
    assert_eq!(rig.read_memory(0, 2), [0x52; 2]);
}

#[test]
fn remote_dma_of_nothing_completes_soon_but_not_at_once() {
    let mut rig = started();
    rig.set(0xf, 0x40);
    rig.order(0x0a, 0, 0);
    assert_eq!(rig.get(ISR), 0);
    assert!(rig.wait_irq(LINE));
    assert_eq!(rig.get(ISR), 0x40);
    assert_eq!(rig.get(0) & 0x38, 0x20);
    rig.set(ISR, 0x40);
    assert!(!rig.irq.is_high(LINE));
}

#[test]
fn remote_dma_wraps_at_the_end_of_the_ring_and_can_be_aborted() {
    let mut rig = started();
    rig.write_memory(0x7ffc, &[1, 2, 3, 4, 5, 6]);
    assert_eq!(rig.read_memory(0x4600, 2), [5, 6]);
    rig.set(ISR, 0xff);
    rig.order(0x0a, 0x4600, 8);
    rig.set(0, START);
    assert_eq!(rig.in_wide(DATA_PORT, IoWidth::Word), 0xffff);
    assert_eq!(rig.get(ISR), 0);
}

#[test]
fn a_packet_is_sent_after_its_time_on_the_wire() {
    for (timing, micros) in [(Timing::Real, 67), (Timing::Fast, 6)] {
        let mut rig = started();
        rig.timing = timing;
        let packet = frame([0xff; 6], 60);
        rig.send(&packet);
        assert_eq!(rig.get(0), 0x26);
        rig.wait_micros(micros - 1);
        assert!(rig.out.frames.is_empty());
        rig.wait_micros(3);
        assert_eq!(rig.out.frames[0].bytes, packet);
        assert_eq!((rig.get(0), rig.get(4), rig.get(ISR) & 2), (0x22, 0x03, 2));
        assert!(rig.irq.is_high(LINE));
    }
}

#[test]
fn the_light_is_on_for_what_is_sent_and_for_what_is_taken_in() {
    let mut rig = started();
    rig.arrive(&frame([0x52, 0x54, 0, 9, 9, 9], 60));
    assert_eq!(rig.out.activity, 0, "a frame for another station");
    rig.arrive(&frame(MAC, 60));
    rig.wait_micros(100);
    assert_eq!(core::mem::take(&mut rig.out.activity), NETWORK_ACTIVITY);
    rig.send(&frame([0xff; 6], 60));
    rig.wait_micros(100);
    assert_eq!(rig.out.activity, NETWORK_ACTIVITY);
}

#[test]
fn a_packet_on_its_way_is_finished_before_the_chip_stops() {
    let mut rig = started();
    rig.send(&frame([0xff; 6], 60));
    rig.set(0, 0x21);
    assert_eq!(rig.get(ISR) & 0x80, 0);
    rig.wait_micros(100);
    assert_eq!(rig.out.frames.len(), 1);
    assert_eq!(rig.get(ISR) & 0x82, 0x82);
    rig.set(0, 0x25);
    rig.wait_micros(100);
    assert_eq!(rig.out.frames.len(), 1, "a stopped chip sends nothing");
}

#[test]
fn a_packet_that_is_too_long_never_reaches_the_network() {
    let mut rig = started();
    rig.set(5, 0xff);
    rig.set(6, 0xff);
    rig.set(0, START | 4);
    rig.wait_micros(100_000);
    assert!(rig.out.frames.is_empty());
    assert_eq!(rig.get(ISR) & 2, 2);
}

#[test]
fn a_received_packet_has_a_header_and_its_check_sequence() {
    let mut rig = started();
    let packet = frame(MAC, 300);
    rig.arrive(&packet);
    assert!(rig.irq.is_high(LINE));
    assert_eq!((rig.get(ISR), rig.get(0xc)), (1, 1));
    assert_eq!(rig.paged(PAGE1, 7), 0x49);
    let ring = rig.read_memory(0x4700, 308);
    assert_eq!(ring[..4], [0x01, 0x49, 0x30, 0x01]);
    assert_eq!(ring[4..304], packet);
    assert_eq!(ring[304..], frame_check(&packet));
}

#[test]
fn send_packet_reads_the_packet_at_the_boundary_and_frees_it() {
    let mut rig = started();
    rig.set(3, 0x47);
    let packet = frame(MAC, 60);
    rig.arrive(&packet);
    rig.set(0, 0x1a);
    let words: Vec<u8> = (0..32)
        .flat_map(|_| (rig.in_wide(DATA_PORT, IoWidth::Word) as u16).to_le_bytes())
        .collect();
    assert_eq!((&words[..4], &words[4..]), (&[1, 0x48, 64, 0][..], &packet[..]));
    assert_eq!((rig.get(ISR) & 0x40, rig.get(3)), (0x40, 0x48));
}

#[test]
fn filters_let_through_what_the_receive_configuration_says() {
    let group = [1, 0, 0x5e, 0, 0, 1];
    let other = [2, 0, 0, 0, 0, 9];
    // RCR, hash filter full, and what is accepted of: own, broadcast, group, other.
    for (rcr, hashed, expected) in [
        (0x00, false, [true, false, false, false]),
        (0x04, false, [true, true, false, false]),
        (0x08, false, [true, false, false, false]),
        (0x08, true, [true, true, true, false]),
        (0x10, false, [true, false, false, true]),
        (0x1c, true, [true; 4]),
    ] {
        let accepted = [MAC, [0xff; 6], group, other].map(|to| {
            let mut rig = started();
            rig.set(0xc, rcr);
            rig.set(0, PAGE1);
            (8..16).for_each(|register| rig.set(register, if hashed { 0xff } else { 0 }));
            rig.set(0, START);
            rig.arrive(&frame(to, 60));
            let accepted = rig.get(ISR) & 1 != 0;
            assert!(!accepted || (rig.get(0xc) & 0x20 != 0) == (to[0] & 1 != 0), "PHY");
            accepted
        });
        assert_eq!(accepted, expected, "RCR {rcr:#04x} {hashed}");
    }
}

#[test]
fn the_multicast_filter_uses_the_bit_that_drivers_compute() {
    // CRC-32 over the address, most significant bit first, top six bits: all hosts is bit 31 in every driver's table.
    let by_hand = |address: [u8; 6]| {
        let mut crc = !0u32;
        for byte in address {
            for bit in 0..8 {
                let carry = (crc >> 31) as u8 ^ (byte >> bit & 1);
                crc = crc << 1 ^ if carry & 1 != 0 { 0x04c1_1db7 } else { 0 };
            }
        }
        (crc >> 26) as u8
    };
    for address in [[1, 0, 0x5e, 0, 0, 1], [0x33, 0x33, 0, 0, 0, 1], [0xff; 6]] {
        assert_eq!(multicast_bit(&address), by_hand(address));
    }
    // The check value of CRC-32: "123456789" gives CBF43926h.
    assert_eq!(frame_check(b"123456789"), 0xcbf4_3926u32.to_le_bytes());
}

#[test]
fn runts_are_dropped_unless_they_are_wanted() {
    let mut rig = started();
    rig.arrive(&frame(MAC, 40));
    assert_eq!(rig.get(ISR), 0);
    rig.set(0xc, 0x06);
    rig.wait_micros(100);
    rig.arrive(&frame(MAC, 40));
    assert_eq!(rig.get(ISR), 1);
    for len in [0, 5, 1519, 70_000] {
        rig.wait_micros(2000);
        rig.arrive(&vec![0xff; len]);
        assert_eq!(rig.get(ISR), 1);
    }
}

#[test]
fn frames_come_one_after_the_other_and_wait_while_the_ring_is_full() {
    let mut rig = started();
    let packet = frame(MAC, 1514);
    for _ in 0..20 {
        rig.arrive(&packet);
    }
    assert_eq!(rig.paged(PAGE1, 7), 0x4d, "one at a time");
    rig.wait_micros(100_000);
    // 58 pages, six for each packet, and one page that stays free.
    let current = rig.paged(PAGE1, 7);
    assert_eq!(current, 0x7d);
    assert_eq!(rig.get(ISR) & 0x10, 0);
    for _ in 0..11 {
        let boundary = rig.get(3);
        let next = if boundary == 0x46 { 0x4d } else { boundary + 6 };
        let next = if next >= 0x80 { next - 58 } else { next };
        rig.set(3, next);
        rig.wait_micros(1000);
    }
    assert_eq!(rig.with(|chip, _| chip.receive_room()), 64);
}

#[test]
fn an_overflow_is_reported_counted_and_recovered_from_as_the_data_sheet_says() {
    let mut rig = started();
    let packet = frame(MAC, 1514);
    for _ in 0..9 + 64 {
        rig.arrive(&packet);
        rig.wait_micros(1300);
    }
    assert_eq!(rig.get(ISR) & 0x10, 0);
    rig.arrive(&packet);
    assert_eq!(rig.get(ISR) & 0x90, 0x90, "OVW, and RST with it");
    assert_eq!(rig.get(0xc) & 0x11, 0x10, "missed");
    assert_eq!(
        (rig.get(0xf), rig.get(0xf)),
        (1, 0),
        "counted, and cleared as it is read"
    );
    // Section 8.0: stop, wait, clear the count, loop back, start, remove packets, reset OVW, normal operation.
    rig.set(0, 0x21);
    rig.wait_micros(1600);
    rig.set(0xa, 0);
    rig.set(0xb, 0);
    rig.set(0xd, 0x02);
    rig.set(0, START);
    let current = rig.paged(PAGE1, 7);
    rig.set(3, current);
    rig.set(ISR, 0x10);
    rig.set(0xd, 0);
    assert_eq!(rig.get(ISR) & 0x90, 0);
    rig.set(ISR, 0xff);
    rig.arrive(&packet);
    rig.wait_micros(1300);
    assert_eq!(rig.get(ISR), 1);
}

#[test]
fn a_ring_that_holds_no_frame_overflows_and_one_that_is_none_does_no_harm() {
    for (start, stop, current) in [
        (0x46, 0x48, 0x46),
        (0x80, 0x46, 0xff),
        (0, 0, 0),
        (0x46, 0x80, 0x20),
    ] {
        let mut rig = started();
        rig.set(1, start);
        rig.set(2, stop);
        rig.set(3, current);
        rig.set(0, PAGE1);
        rig.set(7, current);
        rig.set(0, START);
        rig.arrive(&frame(MAC, 1514));
        rig.wait_micros(10_000);
        assert_eq!(rig.with(|chip, _| chip.receive_room()), 64);
    }
}

#[test]
fn monitor_mode_counts_what_would_have_been_received() {
    let mut rig = started();
    rig.set(0xc, 0x24);
    for n in 1..=200u64 {
        rig.arrive(&frame(MAC, 60));
        rig.wait_micros(100);
        assert_eq!(rig.get(ISR), if n >= 128 { 0x20 } else { 0 });
    }
    assert!(rig.irq.is_high(LINE));
    assert_eq!(
        (rig.get(0xc), rig.get(0xf), rig.paged(PAGE1, 7)),
        (0x50, 192, 0x47)
    );
}

#[test]
fn loopback_gives_the_results_of_the_data_sheets_table() {
    for (tcr, tsr, sent) in [(0x02, 0x53, 0), (0x04, 0x43, 0), (0x06, 0x03, 1)] {
        let mut rig = started();
        rig.set(0xe, 0x41);
        rig.set(0xd, tcr);
        // 8 n + 5 bytes with the CRC: the last byte of data is first in the FIFO.
        let packet = frame(MAC, 66);
        rig.send(&packet[..]);
        rig.set(ISR, 0x40);
        rig.wait_micros(200);
        assert_eq!((rig.get(4), rig.get(0xc), rig.get(ISR)), (tsr, 0x02, 0x02));
        assert_eq!(rig.out.frames.len(), sent);
        assert_eq!(rig.paged(PAGE1, 7), 0x47, "nothing reaches the ring");
        let fifo = [0; 8].map(|_| rig.get(6));
        let check = frame_check(&packet);
        // 70 bytes and the count: 73 bytes went round a FIFO of eight.
        assert_eq!(fifo[2..6], check);
        assert_eq!((fifo[1], fifo[6], fifo[7], fifo[0]), (packet[65], 70, 0, 0));
    }
}

#[test]
fn a_check_sequence_of_the_guests_own_is_checked_in_loopback() {
    let mut rig = started();
    rig.set(0xd, 0x03);
    let mut packet = frame(MAC, 60);
    packet.extend(frame_check(&packet));
    rig.send(&packet);
    rig.wait_micros(200);
    assert_eq!(rig.get(0xc), 0x01);
    packet[20] ^= 1;
    rig.send(&packet);
    rig.wait_micros(200);
    assert_eq!(rig.get(0xc), 0x02);
}

#[test]
fn the_mask_decides_about_the_interrupt() {
    let mut rig = started();
    rig.set(0xf, 0);
    rig.arrive(&frame(MAC, 60));
    assert!(!rig.irq.is_high(LINE));
    rig.set(0xf, 1);
    assert!(rig.irq.is_high(LINE));
    rig.set(ISR, 1);
    assert!(!rig.irq.is_high(LINE));
}

fn saved(chip: &Ne2000) -> Vec<u8> {
    let mut w = StateWriter::new();
    w.component(chip);
    w.into_bytes()
}

#[test]
fn a_state_survives_a_round_trip_and_cut_or_damaged_ones_do_no_harm() {
    let mut rig = started();
    rig.send(&frame(MAC, 100));
    (0..12).for_each(|_| rig.arrive(&frame(MAC, 1514)));
    let bytes = saved(&rig.chip);
    let fresh = || Ne2000::isa(BASE, LINE, MAC);
    let mut other = fresh();
    StateReader::new("test", &bytes).component(&mut other).unwrap();
    assert_eq!(saved(&other), bytes);
    let ends = (0..200).chain((200..bytes.len()).step_by(501));
    for end in ends {
        assert!(
            StateReader::new("test", &bytes[..end])
                .component(&mut other)
                .is_err()
        );
    }
    let mut random = Prng(3);
    let tail = bytes.len() - 200;
    for at in (0..120).chain((tail..bytes.len()).step_by(7)) {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            let mut chip = fresh();
            if StateReader::new("test", &damaged).component(&mut chip).is_ok() {
                at_random(Rig::new(chip), &mut random, 60);
            }
        }
    }
}

fn at_random(mut rig: Card, random: &mut Prng, steps: u32) {
    for _ in 0..steps {
        let port = BASE + random.below(32) as u16;
        let width = [IoWidth::Byte, IoWidth::Word, IoWidth::Dword][random.below(3) as usize];
        let width = if Ne2000::is_data_port(port) {
            width
        } else {
            IoWidth::Byte
        };
        let mut run = [0; 600];
        match random.below(8) {
            0..=2 => rig.out_wide(port, random.next() as u32, width),
            3 => _ = rig.in_wide(port, width),
            4 => _ = rig.with(|chip, ctx| chip.port_read_run(DATA_PORT, width, &mut run, ctx)),
            5 => _ = rig.with(|chip, ctx| chip.port_write_run(DATA_PORT, width, &run, ctx)),
            6 => {
                let len = random.below(1600) as usize;
                rig.arrive(&frame([0xff; 6], len.max(6)));
            }
            _ => {
                rig.now += random.below(100_000);
                rig.run_timers();
                rig.out.frames.clear();
            }
        }
    }
    assert!(rig.chip.s.wire.len() <= receive::MOST_ON_WIRE);
    assert!(rig.chip.s.is_sane());
}

#[test]
fn a_guest_that_does_anything_at_all_does_no_harm() {
    let mut random = Prng(77);
    for _ in 0..40 {
        let mut rig = started();
        rig.set(0xc, random.next() as u8);
        at_random(rig, &mut random, 5000);
    }
}
