//! A CD-ROM drive: the packet protocol, and what each command answers.

use super::*;

/// Blocks of the disc: each holds its number, four bytes at its start and a value everywhere else.
const BLOCKS: u32 = 700;

fn disc(blocks: u32) -> Box<dyn BlockImage> {
    let mut bytes = Vec::new();
    for block in 0..blocks {
        bytes.extend_from_slice(&block.to_le_bytes());
        bytes.resize(bytes.len() + 2044, block.wrapping_mul(7) as u8);
    }
    Box::new(MemoryImage::read_only(bytes))
}

fn channel(image: Option<Box<dyn BlockImage>>) -> IdeChannel {
    let mut channel = IdeChannel::primary(IRQ);
    channel.attach_cdrom(0, image);
    channel
}

/// A drive with a disc, whose reset has been told.
fn bench_cd() -> Bench {
    let mut rig = fresh(Some(disc(BLOCKS)));
    assert_eq!(sense_after(&mut rig, &[0]), (6, 0x29, 0));
    rig
}

fn fresh(image: Option<Box<dyn BlockImage>>) -> Bench {
    let mut rig = Rig::new(channel(image));
    rig.with(|chip, ctx| chip.reset(ResetKind::Cold, ctx));
    rig.wait_micros(100);
    rig
}

fn byte_count(rig: &mut Bench) -> u16 {
    u16::from_le_bytes([rig.inb(BASE + CYLINDER_LOW), rig.inb(BASE + CYLINDER_HIGH)])
}

/// Gives a packet, with a byte count, up to its first interrupt; the status then.
fn packet(rig: &mut Bench, cdb: &[u8], limit: u16) -> u8 {
    let [low, high] = limit.to_le_bytes();
    rig.out(BASE + ERROR_FEATURES, 0);
    rig.out(BASE + CYLINDER_LOW, low);
    rig.out(BASE + CYLINDER_HIGH, high);
    rig.out(COMMAND, 0xa0);
    assert_eq!(rig.inb(CONTROL), 0x80);
    rig.wait_micros(50);
    assert!(!rig.irq.is_high(IRQ), "no interrupt asks for the packet");
    assert_eq!(rig.inb(STATUS), 0x58);
    assert_eq!(rig.inb(BASE + SECTOR_COUNT) & 3, 1, "a command, to the device");
    let mut bytes = cdb.to_vec();
    bytes.resize(12, 0);
    write_words(rig, &bytes);
    assert_eq!(rig.inb(CONTROL), 0x80);
    assert!(rig.wait_irq(IRQ));
    rig.inb(STATUS)
}

/// All data of a command, and the sizes of its blocks.
fn data(rig: &mut Bench, cdb: &[u8], limit: u16) -> Result<(Vec<u8>, Vec<u16>), u8> {
    let mut status = packet(rig, cdb, limit);
    let (mut bytes, mut blocks) = (Vec::new(), Vec::new());
    while status == 0x58 {
        assert_eq!(rig.inb(BASE + SECTOR_COUNT) & 3, 2, "data, to the host");
        let count = byte_count(rig);
        blocks.push(count);
        bytes.extend(read_words(rig, usize::from(count).div_ceil(2)));
        bytes.truncate(bytes.len() - usize::from(count % 2));
        assert_eq!(rig.inb(CONTROL), 0x80);
        assert!(rig.wait_irq(IRQ));
        status = rig.inb(STATUS);
    }
    assert_eq!(rig.inb(BASE + SECTOR_COUNT) & 3, 3, "the status");
    match status {
        0x50 => Ok((bytes, blocks)),
        0x51 => Err(rig.inb(BASE + ERROR_FEATURES)),
        _ => panic!("status {status:02x}"),
    }
}

fn reply(rig: &mut Bench, cdb: &[u8]) -> Vec<u8> {
    data(rig, cdb, 0xffff).unwrap().0
}

fn request_sense(rig: &mut Bench) -> SenseData {
    let bytes = reply(rig, &[3, 0, 0, 0, 18]);
    assert_eq!((bytes.len(), bytes[0], bytes[7]), (18, 0x70, 10));
    (bytes[2], bytes[12], bytes[13])
}

/// A command that fails, its error register checked against the sense data.
fn sense_after(rig: &mut Bench, cdb: &[u8]) -> SenseData {
    let error = data(rig, cdb, 0xfffe).unwrap_err();
    let sense = request_sense(rig);
    assert_eq!(error >> 4, sense.0);
    assert_eq!(error & 4 != 0, sense.0 == 5);
    sense
}

/// Key, code and qualifier.
type SenseData = (u8, u8, u8);

const INVALID_COMMAND: SenseData = (5, 0x20, 0);
const OUT_OF_RANGE: SenseData = (5, 0x21, 0);
const INVALID_FIELD: SenseData = (5, 0x24, 0);
const CLOSED: SenseData = (2, 0x3a, 1);
const OPEN: SenseData = (2, 0x3a, 2);
const CHANGED: SenseData = (6, 0x28, 0);
const ILLEGAL_MODE: SenseData = (5, 0x64, 0);

const TEST_UNIT_READY: [u8; 1] = [0];
const EJECT: [u8; 5] = [0x1b, 0, 0, 0, 2];
const LOAD: [u8; 5] = [0x1b, 0, 0, 0, 3];

fn read_10(lba: u32, count: u16) -> Vec<u8> {
    [&[0x28, 0][..], &lba.to_be_bytes(), &[0], &count.to_be_bytes()].concat()
}

#[test]
fn the_signature_is_that_of_a_packet_device_after_every_reset_and_a_refused_identify() {
    let mut rig = fresh(None);
    let signature = [1, 1, 0x14, 0xeb, 0xa0];
    assert_eq!(rig.inb(STATUS), 0, "no DRDY");
    assert_eq!(read_registers(&mut rig), signature);
    for opcode in [0xec, 0x20] {
        registers(&mut rig, [5, 6, 7, 8, 0xa0]);
        assert_eq!(command(&mut rig, opcode), 0x51);
        assert_eq!(rig.inb(BASE + ERROR_FEATURES), 4);
        assert_eq!(read_registers(&mut rig), signature);
    }
    registers(&mut rig, [5, 6, 7, 8, 0xa0]);
    rig.out(CONTROL, 4);
    assert_eq!(rig.inb(CONTROL), 0x80);
    rig.out(CONTROL, 0);
    rig.wait_micros(100);
    assert_eq!((rig.inb(STATUS), rig.inb(BASE + ERROR_FEATURES)), (0, 1));
    assert_eq!(read_registers(&mut rig), signature);
    registers(&mut rig, [5, 6, 7, 8, 0xa0]);
    assert_eq!(command(&mut rig, 0x90), 0);
    assert_eq!(read_registers(&mut rig), signature);
}

#[test]
fn device_reset_is_heard_while_busy_and_does_not_interrupt() {
    let mut rig = bench_cd();
    registers(&mut rig, [0, 0, 0xff, 0xff, 0xa0]);
    rig.out(COMMAND, 0xa0);
    assert_eq!(rig.inb(CONTROL), 0x80);
    rig.out(COMMAND, 0x08);
    rig.wait_micros(100);
    assert!(!rig.irq.is_high(IRQ));
    assert_eq!(rig.inb(STATUS), 0);
    assert_eq!(read_registers(&mut rig), [1, 1, 0x14, 0xeb, 0xa0]);
    let mut ata = bench();
    assert_eq!(command(&mut ata, 0x08), 0x51, "disks have no such command");
}

#[test]
fn identify_packet_device_says_what_it_is() {
    let mut rig = fresh(None);
    assert_eq!(command(&mut rig, 0xa1), 0x58);
    let bytes = read_words(&mut rig, 256);
    assert_eq!(rig.inb(STATUS), 0x50);
    let word = |at: usize| u16::from_le_bytes([bytes[2 * at], bytes[2 * at + 1]]);
    assert_eq!(word(0), 0x85c0);
    assert_eq!(word(49) & 0x0100, 0, "no DMA");
    assert_eq!(&bytes[54..68], b"LOIDOR NDCR-MO");
    assert_eq!(bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)), 0);
    assert_eq!(command(&mut bench(), 0xa1), 0x51, "disks have no such command");
}

#[test]
fn other_commands_of_ata_are_aborted_and_a_sleeping_drive_hears_a_reset() {
    let mut rig = bench_cd();
    for opcode in [0x00, 0x30, 0xc8, 0x91] {
        assert_eq!(command(&mut rig, opcode), 0x51);
        assert_eq!(rig.inb(BASE + ERROR_FEATURES), 4);
    }
    assert_eq!(command(&mut rig, 0xe1), 0x50);
    assert_eq!(command(&mut rig, 0xe5), 0x50);
    assert_eq!(rig.inb(BASE + SECTOR_COUNT), 0x80);
    assert_eq!(command(&mut rig, 0xe6), 0x50);
    rig.out(COMMAND, 0xe5);
    rig.wait_micros(100);
    assert!(!rig.irq.is_high(IRQ));
    rig.out(COMMAND, 0x08);
    rig.wait_micros(100);
    assert_eq!(sense_after(&mut rig, &TEST_UNIT_READY), (6, 0x29, 0));
}

#[test]
fn a_reset_is_told_once_then_the_drive_is_ready() {
    let mut rig = fresh(Some(disc(BLOCKS)));
    assert_eq!(sense_after(&mut rig, &TEST_UNIT_READY), (6, 0x29, 0));
    assert_eq!(request_sense(&mut rig), (0, 0, 0));
    assert_eq!(packet(&mut rig, &TEST_UNIT_READY, 0), 0x50);

    let mut rig = fresh(Some(disc(BLOCKS)));
    assert_eq!(
        reply(&mut rig, &[0x12, 0, 0, 0, 36]).len(),
        36,
        "INQUIRY does not wait"
    );
    assert_eq!(
        request_sense(&mut rig),
        (6, 0x29, 0),
        "and REQUEST SENSE tells it"
    );
    assert_eq!(packet(&mut rig, &TEST_UNIT_READY, 0), 0x50);
}

#[test]
fn sense_data_stays_for_one_request_and_not_behind_another_command() {
    let mut rig = bench_cd();
    assert_eq!(sense_after(&mut rig, &[0xfe]), INVALID_COMMAND);
    assert_eq!(request_sense(&mut rig), (0, 0, 0));
    assert_eq!(packet(&mut rig, &[0xfe], 0), 0x51);
    assert_eq!(packet(&mut rig, &TEST_UNIT_READY, 0), 0x50);
    assert_eq!(request_sense(&mut rig), (0, 0, 0));
}

#[test]
fn blocks_have_at_most_the_byte_count_of_the_host() {
    let mut rig = bench_cd();
    let check = |rig: &mut Bench, limit: u16, sizes: &[u16]| {
        let (bytes, blocks) = data(rig, &read_10(5, 3), limit).unwrap();
        assert_eq!(blocks, sizes, "limit {limit}");
        assert_eq!(bytes.len(), 3 * 2048);
        for (n, block) in bytes.chunks(2048).enumerate() {
            assert_eq!(lba_in(block), 5 + n as u32);
            assert_eq!(block[2047], (35 + 7 * n) as u8);
        }
    };
    check(&mut rig, 0xffff, &[6144]);
    check(&mut rig, 0xfffe, &[6144]);
    check(&mut rig, 2048, &[2048; 3]);
    check(&mut rig, 5000, &[4096, 2048]);
    check(&mut rig, 1025, &[1024; 6]);
    check(&mut rig, 1500, &[1500, 548, 1500, 548, 1500, 548]);
    let inquiry = data(&mut rig, &[0x12, 0, 0, 0, 5], 0xffff).unwrap();
    assert_eq!((inquiry.0.len(), inquiry.1), (5, vec![5]), "odd at the end only");
}

#[test]
fn a_transfer_without_a_byte_count_or_by_dma_is_aborted() {
    let mut rig = bench_cd();
    assert_eq!(packet(&mut rig, &read_10(0, 1), 0), 0x51);
    assert_eq!(rig.inb(BASE + ERROR_FEATURES), 4);
    assert_eq!(
        packet(&mut rig, &TEST_UNIT_READY, 0),
        0x50,
        "nothing is to be moved"
    );
    rig.out(BASE + ERROR_FEATURES, 1);
    assert_eq!(command(&mut rig, 0xa0), 0x51);
    assert_eq!(rig.inb(BASE + ERROR_FEATURES), 4);
    rig.out(BASE + ERROR_FEATURES, 2);
    assert_eq!(command(&mut rig, 0xa0), 0x51);
    assert_eq!(rig.inb(BASE + ERROR_FEATURES), 0x54, "overlapped");
    assert_eq!(request_sense(&mut rig), INVALID_COMMAND);
}

#[test]
fn reads_reach_the_last_block_and_no_further() {
    let mut rig = bench_cd();
    assert_eq!(lba_in(&reply(&mut rig, &read_10(BLOCKS - 1, 1))), BLOCKS - 1);
    assert_eq!(data(&mut rig, &read_10(BLOCKS, 0), 2048).unwrap().0, []);
    for (lba, count) in [(BLOCKS, 1), (BLOCKS - 1, 2), (BLOCKS + 1, 0), (u32::MAX, 1)] {
        assert_eq!(sense_after(&mut rig, &read_10(lba, count)), OUT_OF_RANGE);
    }
    let mut relative = read_10(0, 1);
    relative[1] = 1;
    assert_eq!(sense_after(&mut rig, &relative), INVALID_FIELD);
    let read_12 = [0xa8, 0, 0, 0, 0, 9, 0, 0, 0, 2];
    assert_eq!(reply(&mut rig, &read_12).len(), 4096);
    let far = [0xa8, 0, 0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(sense_after(&mut rig, &far), OUT_OF_RANGE);
    let seek = |lba: u32| [&[0x2b, 0][..], &lba.to_be_bytes()].concat();
    assert_eq!(packet(&mut rig, &seek(BLOCKS - 1), 0), 0x50);
    assert_eq!(sense_after(&mut rig, &seek(BLOCKS)), OUT_OF_RANGE);
    let capacity = reply(&mut rig, &[0x25]);
    assert_eq!(
        capacity,
        [(BLOCKS - 1).to_be_bytes(), 2048u32.to_be_bytes()].concat()
    );
}

#[test]
fn read_cd_gives_the_parts_that_are_asked_for() {
    let mut rig = bench_cd();
    let read_cd = |kind: u8, parts: u8, sub: u8| [0xbe, kind << 2, 0, 0, 0, 16, 0, 0, 2, parts, sub];
    for (parts, sub, bytes) in [
        (0x10, 0, 2048),
        (0xf8, 0, 2352),
        (0xf8, 1, 2448),
        (0x20, 2, 20),
        (0xfa, 0, 2646),
    ] {
        let all = reply(&mut rig, &read_cd(0, parts, sub));
        assert_eq!(all.len(), 2 * bytes, "{parts:02x}");
    }
    let raw = reply(&mut rig, &read_cd(2, 0xf8, 0));
    assert_eq!(raw[12..16], [0, 2, 0x16, 1]);
    assert_eq!(lba_in(&raw[16..]), 16);
    assert_eq!(raw[2352 + 12..2352 + 16], [0, 2, 0x17, 1]);
    assert_eq!(reply(&mut rig, &read_cd(0, 0, 0)), [], "nothing is asked for");
    for kind in [1, 3, 4, 5] {
        assert_eq!(sense_after(&mut rig, &read_cd(kind, 0x10, 0)), ILLEGAL_MODE);
    }
    assert_eq!(sense_after(&mut rig, &read_cd(6, 0x10, 0)), INVALID_FIELD);
    assert_eq!(sense_after(&mut rig, &read_cd(0, 0x90, 0)), INVALID_FIELD);
    let q = &reply(&mut rig, &read_cd(0, 0, 2))[..16];
    assert_eq!(q[..10], [0x41, 1, 1, 0, 0, 0x16, 0, 0, 2, 0x16]);

    let msf = [0xb9, 0, 0, 0, 2, 16, 0, 2, 18, 0x10];
    assert_eq!(reply(&mut rig, &msf).len(), 4096);
    for bad in [[0, 2, 18, 0, 2, 16], [0, 1, 0, 0, 2, 16], [0, 60, 0, 0, 70, 16]] {
        let cdb = [&[0xb9, 0, 0][..], &bad, &[0x10]].concat();
        assert_eq!(sense_after(&mut rig, &cdb), INVALID_FIELD);
    }
}

#[test]
fn the_table_of_contents_has_one_track_in_all_formats() {
    let mut rig = bench_cd();
    let toc = |msf: u8, format: u8, first: u8, room: u8| [0x43, msf << 1, format, 0, 0, 0, first, 0, room];
    let [a, b, c, d] = BLOCKS.to_be_bytes();
    let track = [0, 0x14, 1, 0, 0, 0, 0, 0];
    let lead_out = [0, 0x14, 0xaa, 0, a, b, c, d];
    let all = [&[0, 18, 1, 1][..], &track, &lead_out].concat();
    assert_eq!(reply(&mut rig, &toc(0, 0, 0, 255)), all);
    assert_eq!(reply(&mut rig, &toc(0, 0, 1, 255)), all);
    assert_eq!(
        reply(&mut rig, &toc(0, 0, 0, 4)),
        all[..4],
        "cut, but with its length"
    );
    let only = [&[0, 10, 1, 1][..], &lead_out].concat();
    assert_eq!(reply(&mut rig, &toc(0, 0, 0xaa, 255)), only);
    // 700 frames behind 0:2:0.
    let msf = reply(&mut rig, &toc(1, 0, 0, 255));
    assert_eq!(
        (&msf[8..12], &msf[16..20]),
        (&[0, 0, 2, 0][..], &[0, 0, 11, 25][..])
    );
    assert_eq!(sense_after(&mut rig, &toc(0, 0, 2, 255)), INVALID_FIELD);
    let sessions = reply(&mut rig, &toc(0, 1, 0, 255));
    assert_eq!(sessions, [0, 10, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0]);
    let mut old = toc(0, 0, 0, 255).to_vec();
    old.push(0x40);
    assert_eq!(
        reply(&mut rig, &old),
        sessions,
        "the format in byte 9, as SFF-8020i has it"
    );
    let raw = reply(&mut rig, &toc(1, 2, 1, 255));
    assert_eq!((raw.len(), raw[1]), (4 + 4 * 11, 46));
    let points: Vec<_> = raw[4..]
        .chunks(11)
        .map(|entry| (entry[3], entry[8..11].to_vec()))
        .collect();
    let expected = [
        (0xa0, [1, 0, 0]),
        (0xa1, [1, 0, 0]),
        (0xa2, [0, 11, 25]),
        (1, [0, 2, 0]),
    ];
    assert_eq!(points, expected.map(|(point, msf)| (point, msf.to_vec())));
    assert_eq!(sense_after(&mut rig, &toc(0, 4, 0, 255)), INVALID_FIELD);
}

#[test]
fn positions_and_headers_are_those_of_a_data_disc() {
    let mut rig = bench_cd();
    reply(&mut rig, &read_10(74, 1));
    let sub = |msf: u8, q: u8, format: u8, track: u8| [0x42, msf << 1, q << 6, format, 0, 0, track, 0, 255];
    assert_eq!(reply(&mut rig, &sub(0, 0, 1, 0)), [0, 0x15, 0, 0]);
    let position = reply(&mut rig, &sub(0, 1, 1, 0));
    assert_eq!(
        position,
        [0, 0x15, 0, 12, 1, 0x14, 1, 1, 0, 0, 0, 75, 0, 0, 0, 75]
    );
    let position = reply(&mut rig, &sub(1, 1, 1, 0));
    assert_eq!(position[8..], [0, 0, 3, 0, 0, 0, 1, 0]);
    let number = reply(&mut rig, &sub(0, 1, 2, 0));
    assert_eq!((number.len(), number[4], number[8]), (24, 2, 0));
    assert_eq!(reply(&mut rig, &sub(0, 1, 3, 1))[4..8], [3, 0x14, 1, 0]);
    assert_eq!(sense_after(&mut rig, &sub(0, 1, 3, 2)), INVALID_FIELD);
    assert_eq!(sense_after(&mut rig, &sub(0, 1, 0, 0)), INVALID_FIELD);
    let header = |lba: u32| [&[0x44, 2][..], &lba.to_be_bytes(), &[0, 0, 8]].concat();
    assert_eq!(reply(&mut rig, &header(16)), [1, 0, 0, 0, 0, 0, 2, 16]);
    assert_eq!(sense_after(&mut rig, &header(BLOCKS)), OUT_OF_RANGE);
    let disc = reply(&mut rig, &[0x51, 0, 0, 0, 0, 0, 0, 0, 34]);
    assert_eq!((disc.len(), &disc[..7]), (34, &[0, 32, 0x0e, 1, 1, 1, 1][..]));
    let track = reply(&mut rig, &[0x52, 1, 0, 0, 0, 1, 0, 0, 36]);
    assert_eq!((track.len(), &track[..7]), (36, &[0, 34, 1, 1, 0, 4, 1][..]));
    assert_eq!(track[24..28], BLOCKS.to_be_bytes());
    assert_eq!(
        sense_after(&mut rig, &[0x52, 1, 0, 0, 0, 2, 0, 0, 36]),
        INVALID_FIELD
    );
}

#[test]
fn audio_commands_say_that_the_track_is_data() {
    let mut rig = bench_cd();
    for cdb in [
        &[0x45, 0, 0, 0, 0, 5, 0, 0, 1][..],
        &[0x47, 0, 0, 0, 2, 5, 0, 2, 9],
        &[0xa5, 0, 0, 0, 0, 5, 0, 0, 0, 1],
        &[0xba, 0, 0, 0, 0, 5],
    ] {
        assert_eq!(sense_after(&mut rig, cdb), ILLEGAL_MODE, "{cdb:02x?}");
    }
    assert_eq!(
        packet(&mut rig, &[0x45, 0, 0, 0, 0, 5, 0, 0, 0], 0),
        0x50,
        "no length"
    );
    let far = [0x45, 0, 0xff, 0, 0, 5, 0, 0, 1];
    assert_eq!(sense_after(&mut rig, &far), OUT_OF_RANGE);
    assert_eq!(
        sense_after(&mut rig, &[0x4b, 0, 0, 0, 0, 0, 0, 0, 1]),
        (5, 0x2c, 0)
    );
    assert_eq!(packet(&mut rig, &[0x4e], 0), 0x50);
}

#[test]
fn the_guest_opens_and_closes_the_door_unless_it_is_locked() {
    let mut rig = bench_cd();
    assert_eq!(packet(&mut rig, &[0x1e, 0, 0, 0, 1], 0), 0x50);
    assert_eq!(sense_after(&mut rig, &EJECT), (5, 0x53, 2));
    assert_eq!(packet(&mut rig, &[0x1e, 0, 0, 0, 0], 0), 0x50);
    assert_eq!(packet(&mut rig, &EJECT, 0), 0x50);
    assert_eq!(sense_after(&mut rig, &TEST_UNIT_READY), OPEN);
    assert_eq!(sense_after(&mut rig, &read_10(0, 1)), OPEN);
    let mechanism = reply(&mut rig, &[0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8]);
    assert_eq!((mechanism.len(), mechanism[1]), (8, 0x10));
    let event = [0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8];
    assert_eq!(reply(&mut rig, &event), [0, 6, 4, 0x10, 3, 1, 0, 0]);
    assert_eq!(packet(&mut rig, &LOAD, 0), 0x50);
    assert_eq!(reply(&mut rig, &event), [0, 6, 4, 0x10, 2, 2, 0, 0]);
    assert_eq!(reply(&mut rig, &event), [0, 6, 4, 0x10, 0, 2, 0, 0], "told once");
    assert_eq!(sense_after(&mut rig, &TEST_UNIT_READY), CHANGED);
    assert_eq!(packet(&mut rig, &TEST_UNIT_READY, 0), 0x50);
    assert_eq!(packet(&mut rig, &[0x1b, 0, 0, 0, 1], 0), 0x50, "start");
    assert_eq!(packet(&mut rig, &[0x1b, 0, 0, 0, 0], 0), 0x50, "stop");
}

#[test]
fn another_disc_is_told_once_and_an_empty_drive_is_not_ready() {
    let mut rig = bench_cd();
    let old = rig.chip.insert_cd(0, None);
    assert_eq!(old.unwrap().sectors(), u64::from(BLOCKS) * 4);
    for cdb in [
        &TEST_UNIT_READY[..],
        &read_10(0, 1),
        &[0x25],
        &[0x43],
        &[0x51],
        &[0x4b],
    ] {
        assert_eq!(sense_after(&mut rig, cdb), CLOSED, "{cdb:02x?}");
    }
    assert_eq!(reply(&mut rig, &[0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8])[4..6], [3, 0]);
    rig.chip.insert_cd(0, Some(disc(20)));
    assert_eq!(sense_after(&mut rig, &read_10(0, 1)), CHANGED);
    assert_eq!(reply(&mut rig, &[0x25])[..4], 19u32.to_be_bytes());
    assert_eq!(reply(&mut rig, &read_10(19, 1)).len(), 2048);
    assert!(rig.chip.is_cdrom(0) && !rig.chip.is_cdrom(1));
    assert!(
        bench().chip.insert_cd(0, None).is_none(),
        "a disk does not come out"
    );
}

#[test]
fn a_disc_that_is_exchanged_during_a_transfer_ends_it() {
    let mut rig = bench_cd();
    assert_eq!(packet(&mut rig, &read_10(0, 4), 2048), 0x58);
    rig.chip.insert_cd(0, Some(disc(20)));
    read_words(&mut rig, 1024);
    assert!(rig.wait_irq(IRQ));
    assert_eq!(rig.inb(STATUS), 0x51);
    assert_eq!(request_sense(&mut rig), CHANGED);
}

#[test]
fn a_sector_that_the_host_cannot_read_is_a_medium_error() {
    let image = crate::test_rig::BadSector {
        image: MemoryImage::new(vec![0; 2048 * 20]),
        bad: 43,
    };
    let mut rig = fresh(Some(Box::new(image)));
    sense_after(&mut rig, &TEST_UNIT_READY);
    assert_eq!(sense_after(&mut rig, &read_10(8, 4)), (3, 0x11, 0));
    assert_eq!(rig.out.disk_errors.len(), 1);
    assert_eq!(reply(&mut rig, &read_10(11, 2)).len(), 4096);
}

#[test]
fn mode_pages_are_read_and_changed() {
    let mut rig = bench_cd();
    let sense = |page: u8, room: u8| [0x5a, 0, page, 0, 0, 0, 0, 0, room];
    for (page, length) in [(0x01, 8), (0x0d, 8), (0x0e, 16), (0x2a, 20)] {
        let bytes = reply(&mut rig, &sense(page, 255));
        assert_eq!(
            (bytes.len(), bytes[1], bytes[2]),
            (8 + length, 6 + length as u8, 1)
        );
        assert_eq!((bytes[8], bytes[9]), (page, length as u8 - 2));
        let changeable = reply(&mut rig, &sense(0x40 | page, 255));
        assert_eq!(changeable[8..10], bytes[8..10]);
        assert_eq!(reply(&mut rig, &sense(0x80 | page, 255)), bytes);
        assert_eq!(sense_after(&mut rig, &sense(0xc0 | page, 255)), (5, 0x39, 0));
    }
    assert_eq!(reply(&mut rig, &sense(0x3f, 255)).len(), 8 + 8 + 8 + 16 + 20);
    assert_eq!(reply(&mut rig, &sense(0x3f, 10)).len(), 10);
    assert_eq!(sense_after(&mut rig, &sense(0x02, 255)), INVALID_FIELD);
    let short = reply(&mut rig, &[0x1a, 0, 0x01, 0, 255]);
    assert_eq!(short[..6], [11, 1, 0, 0, 1, 6]);

    let page = [0, 0, 0, 0, 0, 0, 0, 0, 1, 6, 1, 9, 0, 0, 0, 0];
    assert_eq!(select(&mut rig, 0x55, &page, 0xffff), 0x50);
    assert_eq!(reply(&mut rig, &sense(0x01, 255))[10..12], [1, 9]);
    assert_eq!(
        reply(&mut rig, &sense(0x81, 255))[10..12],
        [0, 5],
        "the default stays"
    );
    let six = [0, 0, 0, 0, 1, 6, 0, 3, 0, 0, 0, 0];
    assert_eq!(select(&mut rig, 0x15, &six, 4), 0x50, "in blocks of four bytes");
    assert_eq!(reply(&mut rig, &sense(0x01, 255))[10..12], [0, 3]);
}

/// MODE SELECT with these parameters; the status.
fn select(rig: &mut Bench, opcode: u8, bytes: &[u8], limit: u16) -> u8 {
    let length = bytes.len() as u8;
    let mut status = packet(rig, &[opcode, 0x10, 0, 0, length, 0, 0, 0, length], limit);
    let mut rest = bytes;
    while status == 0x58 {
        assert_eq!(rig.inb(BASE + SECTOR_COUNT) & 3, 0, "data, to the device");
        let (now, later) = rest.split_at(byte_count(rig).into());
        write_words(rig, now);
        rest = later;
        assert!(rig.wait_irq(IRQ));
        status = rig.inb(STATUS);
    }
    status
}

#[test]
fn parameters_that_cannot_be_are_refused_and_change_nothing() {
    let mut rig = bench_cd();
    let header = [0; 8];
    let cases: [(&[u8], _); 5] = [
        (&[0x2a, 2, 0, 0], (5, 0x26, 0)),
        (&[1, 6, 0x80, 9, 0, 0, 0, 0], (5, 0x26, 0)),
        (&[1, 4, 0, 9, 0, 0], (5, 0x26, 0)),
        (&[1, 6, 0, 9, 0, 0], (5, 0x1a, 0)),
        (&[1, 6, 0, 9, 0, 0, 0, 0, 0x0e, 1], (5, 0x1a, 0)),
    ];
    for (page, expected) in cases {
        assert_eq!(select(&mut rig, 0x55, &[&header, page].concat(), 0xffff), 0x51);
        assert_eq!(request_sense(&mut rig), expected, "{page:02x?}");
    }
    assert_eq!(select(&mut rig, 0x55, &[0, 0, 0, 0], 0xffff), 0x51);
    assert_eq!(request_sense(&mut rig), (5, 0x1a, 0));
    assert_eq!(reply(&mut rig, &[0x5a, 0, 1, 0, 0, 0, 0, 0, 16])[11], 5);
    assert_eq!(
        sense_after(&mut rig, &[0x55, 0, 0, 0, 0, 0, 0, 0, 8]),
        INVALID_FIELD
    );
}

#[test]
fn the_configuration_is_that_of_a_reader_with_a_cd_in_it() {
    let mut rig = bench_cd();
    let get = |kind: u8, first: u8| [0x46, kind, 0, first, 0, 0, 0, 4, 0];
    let all = reply(&mut rig, &get(0, 0));
    assert_eq!(all[..4], (all.len() as u32 - 4).to_be_bytes());
    assert_eq!(all[6..8], [0, 8], "CD-ROM");
    let one = reply(&mut rig, &get(2, 3));
    assert_eq!((one.len(), &one[8..12]), (16, &[0, 3, 3, 4][..]));
    assert_eq!(reply(&mut rig, &get(2, 0x77)).len(), 8);
    assert_eq!(sense_after(&mut rig, &get(3, 0)), INVALID_FIELD);
    rig.chip.insert_cd(0, None);
    assert_eq!(reply(&mut rig, &get(1, 0))[6..8], [0, 0]);
    assert_eq!(
        sense_after(&mut rig, &[0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8]),
        INVALID_FIELD
    );
    assert_eq!(
        reply(&mut rig, &[0x4a, 1, 0, 0, 1, 0, 0, 0, 8]),
        [0, 2, 0x80, 0x10]
    );
    assert_eq!(packet(&mut rig, &[0xbb, 0, 2, 0], 0), 0x50);
    assert_eq!(
        reply(&mut rig, &[0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 28])[22..24],
        [2, 0]
    );
    assert_eq!(sense_after(&mut rig, &[0x12, 1, 0, 0, 36]), INVALID_FIELD);
}

#[test]
fn a_run_of_cycles_moves_what_single_cycles_move() {
    let mut rig = bench_cd();
    assert_eq!(packet(&mut rig, &read_10(3, 2), 2048), 0x58);
    let mut bytes = [0; 4096];
    let n = rig.with(|chip, ctx| chip.port_read_run(BASE, IoWidth::Dword, &mut bytes, ctx));
    assert_eq!((n, lba_in(&bytes)), (2048, 3));
    assert!(rig.wait_irq(IRQ));
    assert_eq!(rig.inb(STATUS), 0x58);
    let now = rig.now;
    let quiet = rig.chip.quiet_read(BASE, IoWidth::Dword, now);
    assert_eq!(quiet, Some(4));
}

#[test]
fn a_drive_survives_the_round_trip_in_the_middle_of_a_transfer() {
    let mut rig = bench_cd();
    assert_eq!(packet(&mut rig, &read_10(7, 3), 2048), 0x58);
    read_words(&mut rig, 100);
    let bytes = saved(&rig.chip);
    let mut other = channel(Some(disc(BLOCKS)));
    load(&mut other, &bytes).unwrap();
    assert_eq!(saved(&other), bytes);
    rig.chip = other;
    read_words(&mut rig, 924);
    assert!(rig.wait_irq(IRQ));
    assert_eq!(lba_in(&read_words(&mut rig, 1024)), 8);

    assert!(load(&mut channel(None), &bytes).is_err());
    assert!(load(&mut channel(Some(disc(9))), &bytes).is_err());
    let mut disk = IdeChannel::primary(IRQ);
    disk.attach(0, super::disk(SECTORS), None).unwrap();
    assert!(load(&mut disk, &bytes).is_err());
    let empty = saved(&channel(None));
    assert!(load(&mut channel(None), &empty).is_ok());
}
