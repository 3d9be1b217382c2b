//! Whole-chip tests, named after the behaviours that guests rely on.

mod durable;
mod soak;

use super::*;
use crate::MemoryImage;
use crate::test_rig::{BadSector, Rig, numbered_bytes};

const IRQ: IrqLine = IrqLine::new(6);
const K1440: u64 = 2880;

const READ: u8 = 0x46;
const WRITE: u8 = 0x45;
const READ_ID: u8 = 0x4a;

type Bench = Rig<FloppyController>;

fn image(sectors: u64) -> Option<Box<dyn BlockImage>> {
    Some(Box::new(MemoryImage::new(numbered_bytes(sectors))))
}

/// A controller out of reset, motors on, drive 0 a 1.44 MiB drive with a diskette, drive 1 empty.
fn bench() -> Bench {
    bench_with(FloppyKind::Hd35, image(K1440))
}

fn bench_with(kind: FloppyKind, image: Option<Box<dyn BlockImage>>) -> Bench {
    let mut rig = Rig::new(FloppyController::new(IRQ, [Some(kind), Some(FloppyKind::Hd35)]));
    rig.with(|chip, ctx| chip.reset(ResetKind::Cold, ctx));
    rig.chip.insert(0, image);
    rig.out(PORT_DOR, 0x3c);
    assert!(rig.wait_irq(IRQ));
    for _ in 0..4 {
        command(&mut rig, &[0x08]);
        results(&mut rig);
    }
    rig.out(PORT_DIR_CCR, 0);
    // Step rate 3 ms, DMA.
    command(&mut rig, &[0x03, 0xdf, 0x02]);
    rig
}

fn command(rig: &mut Bench, bytes: &[u8]) {
    for &byte in bytes {
        assert_eq!(
            rig.inb(PORT_MSR_DSR) & 0xc0,
            0x80,
            "ready for {byte:#04x} of {bytes:02x?}"
        );
        rig.out(PORT_FIFO, byte);
    }
}

fn results(rig: &mut Bench) -> Vec<u8> {
    let mut bytes = Vec::new();
    while rig.inb(PORT_MSR_DSR) & 0xd0 == 0xd0 {
        bytes.push(rig.inb(PORT_FIFO));
    }
    bytes
}

/// Issues a command that ends with a result phase and an interrupt.
fn run(rig: &mut Bench, bytes: &[u8]) -> Vec<u8> {
    command(rig, bytes);
    assert!(!rig.irq.is_high(IRQ), "nothing completes inside the OUT");
    assert!(rig.wait_irq(IRQ));
    assert_eq!(rig.inb(PORT_MSR_DSR) & 0xf0, 0xd0);
    let bytes = results(rig);
    assert!(!rig.irq.is_high(IRQ));
    bytes
}

fn dma(rig: &mut Bench, bytes: usize) {
    rig.dma.pos = 0;
    rig.dma.left = Some(bytes);
}

fn seek(rig: &mut Bench, cylinder: u8) -> Vec<u8> {
    command(rig, &[0x0f, 0, cylinder]);
    assert!(rig.wait_irq(IRQ));
    command(rig, &[0x08]);
    results(rig)
}

fn lba_at(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().unwrap())
}

#[test]
fn reset_raises_one_interrupt_and_wants_four_senses_and_a_fifth_is_invalid() {
    let mut rig = Rig::new(FloppyController::new(IRQ, [Some(FloppyKind::Hd35), None]));
    rig.with(|chip, ctx| chip.reset(ResetKind::Cold, ctx));
    assert_eq!(rig.inb(PORT_MSR_DSR), 0, "held in reset");
    rig.out(PORT_DOR, 0x0c);
    assert!(!rig.irq.is_high(IRQ), "only after a delay");
    assert_eq!(rig.inb(PORT_MSR_DSR), 0);
    assert!(rig.wait_irq(IRQ));
    assert_eq!(rig.inb(PORT_MSR_DSR), 0x80);
    for drive in 0..4 {
        command(&mut rig, &[0x08]);
        assert_eq!(results(&mut rig), [0xc0 | drive, 0]);
        assert!(!rig.irq.is_high(IRQ));
    }
    command(&mut rig, &[0x08]);
    assert_eq!(results(&mut rig), [0x80]);
    // The same by DSR, which clears itself.
    rig.out(PORT_MSR_DSR, 0x80);
    assert!(rig.wait_irq(IRQ));
    command(&mut rig, &[0x08]);
    assert_eq!(results(&mut rig), [0xc0, 0]);
}

#[test]
fn sense_interrupt_with_none_pending_is_invalid_with_one_result_byte() {
    let mut rig = bench();
    command(&mut rig, &[0x08]);
    assert_eq!(results(&mut rig), [0x80]);
}

#[test]
fn a_driver_that_senses_a_reset_once_then_recalibrates_gets_the_seek_end() {
    let mut rig = bench();
    rig.out(PORT_DOR, 0x38);
    rig.out(PORT_DOR, 0x3c);
    assert!(rig.wait_irq(IRQ));
    command(&mut rig, &[0x08]);
    assert_eq!(results(&mut rig), [0xc0, 0]);
    command(&mut rig, &[0x07, 0]);
    assert!(rig.wait_irq(IRQ));
    command(&mut rig, &[0x08]);
    assert_eq!(results(&mut rig), [0x20, 0]);
}

#[test]
fn main_status_follows_the_phases_and_shows_seeking_drives() {
    let mut rig = bench();
    assert_eq!(rig.inb(PORT_MSR_DSR), 0x80);
    rig.out(PORT_FIFO, 0x0f);
    assert_eq!(rig.inb(PORT_MSR_DSR), 0x90);
    rig.out(PORT_FIFO, 0);
    rig.out(PORT_FIFO, 40);
    assert_eq!(rig.inb(PORT_MSR_DSR), 0x81, "not busy, but drive 0 seeks");
    command(&mut rig, &[0x0f, 1, 3]);
    assert_eq!(rig.inb(PORT_MSR_DSR), 0x83);
    assert!(rig.wait_irq(IRQ));
    rig.step();
    assert_eq!(rig.inb(PORT_MSR_DSR), 0x80);
    command(&mut rig, &[0x08]);
    assert_eq!(rig.inb(PORT_MSR_DSR), 0xd0);
    assert_eq!(results(&mut rig), [0x20, 40]);
    assert!(rig.irq.is_high(IRQ), "the second seek has its own interrupt");
    command(&mut rig, &[0x08]);
    assert_eq!(results(&mut rig), [0x21, 3]);
    assert!(!rig.irq.is_high(IRQ));
    dma(&mut rig, 512);
    command(&mut rig, &[READ, 0, 40, 0, 1, 2, 18, 0x1b, 0xff]);
    assert_eq!(rig.inb(PORT_MSR_DSR), 0x10, "execution by DMA: no RQM");
    rig.wait_irq(IRQ);
    assert_eq!(rig.inb(PORT_MSR_DSR), 0xd0);
}

#[test]
fn dor_bit_3_gates_interrupt_and_dma() {
    let mut rig = bench();
    rig.out(PORT_DOR, 0x34);
    dma(&mut rig, 512);
    command(&mut rig, &[READ, 0, 0, 0, 1, 2, 18, 0x1b, 0xff]);
    rig.wait_micros(1000);
    assert!(!rig.irq.is_high(IRQ));
    rig.out(PORT_DOR, 0x3c);
    assert!(rig.irq.is_high(IRQ), "the condition was there all the time");
    assert_eq!(results(&mut rig)[..2], [0x40, 0x10], "no DMA: overrun");
}

#[test]
fn a_read_by_dma_ends_at_terminal_count_with_the_next_sectors_address() {
    let mut rig = bench();
    dma(&mut rig, 3 * 512);
    let result = run(&mut rig, &[READ, 0, 0, 0, 2, 2, 18, 0x1b, 0xff]);
    assert_eq!(result, [0, 0, 0, 0, 0, 5, 2]);
    for i in 0..3 {
        assert_eq!(lba_at(&rig.dma.memory[i * 512..]), 1 + i as u32);
    }
    assert_eq!(rig.out.activity, 1);
}

#[test]
fn the_result_address_follows_table_5_6_at_the_end_of_a_track() {
    let mut rig = bench();
    // One head: terminal count with the EOT sector.
    dma(&mut rig, 512);
    assert_eq!(
        run(&mut rig, &[READ, 0, 0, 0, 18, 2, 18, 0x1b, 0xff]),
        [0, 0, 0, 1, 0, 1, 2]
    );
    // Multi-track, head 0.
    dma(&mut rig, 512);
    assert_eq!(
        run(&mut rig, &[READ | 0x80, 0, 0, 0, 18, 2, 18, 0x1b, 0xff])[3..],
        [0, 1, 1, 2]
    );
    // Multi-track, head 1.
    dma(&mut rig, 512);
    assert_eq!(
        run(&mut rig, &[READ | 0x80, 4, 0, 1, 18, 2, 18, 0x1b, 0xff]),
        [4, 0, 0, 1, 0, 1, 2]
    );
}

#[test]
fn a_multi_track_read_goes_on_at_head_1() {
    let mut rig = bench();
    dma(&mut rig, 36 * 512);
    let result = run(&mut rig, &[READ | 0x80, 0, 0, 0, 1, 2, 18, 0x1b, 0xff]);
    assert_eq!(result, [4, 0, 0, 1, 0, 1, 2]);
    for i in 0..36 {
        assert_eq!(lba_at(&rig.dma.memory[i * 512..]), i as u32);
    }
}

#[test]
fn without_terminal_count_a_transfer_ends_abnormally_at_eot_with_en() {
    let mut rig = bench();
    dma(&mut rig, 1 << 20);
    let result = run(&mut rig, &[READ, 0, 0, 0, 17, 2, 18, 0x1b, 0xff]);
    assert_eq!(result, [0x40, 0x80, 0, 1, 0, 1, 2]);
    assert_eq!(rig.dma.pos, 1024);
}

#[test]
fn a_masked_dma_channel_is_an_overrun() {
    let mut rig = bench();
    assert_eq!(
        run(&mut rig, &[READ, 0, 0, 0, 1, 2, 18, 0x1b, 0xff])[..2],
        [0x40, 0x10]
    );
    assert_eq!(
        run(&mut rig, &[WRITE, 0, 0, 0, 1, 2, 18, 0x1b, 0xff])[..2],
        [0x40, 0x10]
    );
}

#[test]
fn a_sector_past_the_track_is_not_found() {
    // Boot sectors probe the sectors per track this way.
    let mut rig = bench();
    dma(&mut rig, 512);
    let result = run(&mut rig, &[READ, 0, 0, 0, 19, 2, 36, 0x1b, 0xff]);
    assert_eq!(result[..3], [0x40, 0x04, 0]);
    assert_eq!(rig.dma.pos, 0);
}

#[test]
fn the_head_on_another_cylinder_is_a_wrong_cylinder() {
    let mut rig = bench();
    seek(&mut rig, 5);
    dma(&mut rig, 512);
    assert_eq!(
        run(&mut rig, &[READ, 0, 4, 0, 1, 2, 18, 0x1b, 0xff])[..3],
        [0x40, 0x04, 0x10]
    );
}

#[test]
fn implied_seek_moves_the_head_when_configured() {
    let mut rig = bench();
    command(&mut rig, &[0x13, 0, 0x57, 0]);
    dma(&mut rig, 512);
    assert_eq!(
        run(&mut rig, &[READ, 0, 20, 0, 1, 2, 18, 0x1b, 0xff]),
        [0, 0, 0, 20, 0, 2, 2]
    );
    assert_eq!(lba_at(&rig.dma.memory), 20 * 36);
    command(&mut rig, &[0x08]);
    assert_eq!(
        results(&mut rig),
        [0x80],
        "an implied seek leaves nothing to sense"
    );
}

#[test]
fn what_is_written_is_read_back_and_a_cut_sector_is_filled_with_zeros() {
    let mut rig = bench();
    seek(&mut rig, 3);
    rig.dma.memory = (0..700).map(|i| i as u8).collect();
    dma(&mut rig, 700);
    assert_eq!(
        run(&mut rig, &[WRITE, 4, 3, 1, 7, 2, 18, 0x1b, 0xff]),
        [4, 0, 0, 3, 1, 9, 2]
    );
    dma(&mut rig, 1024);
    run(&mut rig, &[READ, 4, 3, 1, 7, 2, 18, 0x1b, 0xff]);
    assert!((0..700).all(|i| rig.dma.memory[i] == i as u8));
    assert!(rig.dma.memory[700..1024].iter().all(|&byte| byte == 0));
}

#[test]
fn a_protected_diskette_is_not_writable() {
    let read_only = MemoryImage::read_only(numbered_bytes(K1440));
    let mut rig = bench_with(FloppyKind::Hd35, Some(Box::new(read_only)));
    dma(&mut rig, 512);
    assert_eq!(
        run(&mut rig, &[WRITE, 0, 0, 0, 1, 2, 18, 0x1b, 0xff])[..3],
        [0x40, 0x02, 0]
    );
    assert_eq!(run(&mut rig, &[0x4d, 0, 2, 18, 0x50, 0xf6])[..3], [0x40, 0x02, 0]);
    assert_eq!(rig.dma.pos, 0);
    command(&mut rig, &[0x04, 0]);
    assert_eq!(results(&mut rig), [0x78]);
    assert!(rig.out.disk_errors.is_empty());
}

#[test]
fn read_id_returns_the_ids_as_they_pass_under_the_head() {
    for timing in [Timing::Fast, Timing::Real] {
        let mut rig = bench();
        rig.timing = timing;
        seek(&mut rig, 2);
        let first = run(&mut rig, &[READ_ID, 4])[5];
        for i in 1..40 {
            let r = (first - 1 + i) % 18 + 1;
            assert_eq!(run(&mut rig, &[READ_ID, 4]), [4, 0, 0, 2, 1, r, 2], "{timing:?}");
        }
    }
}

#[test]
fn a_wrong_data_rate_or_fm_is_a_missing_address_mark() {
    let mut rig = bench();
    for rate in 1..4 {
        rig.out(PORT_DIR_CCR, rate);
        assert_eq!(run(&mut rig, &[READ_ID, 0])[..3], [0x40, 0x01, 0]);
        dma(&mut rig, 512);
        assert_eq!(
            run(&mut rig, &[READ, 0, 0, 0, 1, 2, 18, 0x1b, 0xff])[..3],
            [0x40, 0x01, 0]
        );
    }
    rig.out(PORT_MSR_DSR, 0);
    assert_eq!(run(&mut rig, &[READ_ID, 0])[..3], [0, 0, 0]);
    assert_eq!(run(&mut rig, &[READ_ID & !0x40, 0])[..3], [0x40, 0x01, 0]);
}

#[test]
fn any_rate_reads_and_seeks_are_implied_until_a_rate_is_chosen() {
    let mut rig = bench();
    let read_id_after_reset = |rig: &mut Bench| {
        rig.out(PORT_DOR, 0x38);
        rig.out(PORT_DOR, 0x3c);
        assert!(rig.wait_irq(IRQ));
        command(rig, &[0x08]);
        results(rig);
        run(rig, &[READ_ID, 0])[..2].to_vec()
    };
    let read_cylinder_9 = |rig: &mut Bench| {
        dma(rig, 512);
        run(rig, &[READ, 0, 9, 0, 1, 2, 18, 0x1b, 0xff])[..3].to_vec()
    };
    rig.out(PORT_DIR_CCR, 2);
    assert_eq!(read_id_after_reset(&mut rig), [0x40, 0x01], "it was chosen");
    rig.with(|chip, ctx| chip.reset(ResetKind::Hard, ctx));
    assert_eq!(read_id_after_reset(&mut rig), [0, 0]);
    assert_eq!(read_cylinder_9(&mut rig), [0, 0, 0]);
    assert_eq!(lba_at(&rig.dma.memory), 9 * 36);
    rig.out(PORT_DIR_CCR, 2);
    assert_eq!(read_id_after_reset(&mut rig), [0x40, 0x01]);
    rig.out(PORT_DIR_CCR, 0);
    command(&mut rig, &[0x07, 0]);
    assert!(rig.wait_irq(IRQ));
    command(&mut rig, &[0x08]);
    results(&mut rig);
    assert_eq!(read_cylinder_9(&mut rig)[..2], [0x40, 0x04], "the heads stay");
}

#[test]
fn every_format_reads_at_its_rate_in_its_drive_to_the_last_sector() {
    for format in FloppyFormat::ALL {
        let kind = drive_type_for(*format);
        let mut rig = bench_with(kind, image(format.total_sectors().into()));
        rig.out(PORT_DIR_CCR, format.rate as u8);
        let (cylinder, head, r) = (format.cylinders - 1, format.heads - 1, format.sectors);
        seek(&mut rig, cylinder);
        dma(&mut rig, 512);
        let read = [READ, head << 2, cylinder, head, r, 2, r, 0x1b, 0xff];
        assert_eq!(run(&mut rig, &read)[..3], [head << 2, 0, 0]);
        assert_eq!(lba_at(&rig.dma.memory), format.total_sectors() - 1);
    }
}

#[test]
fn a_360k_diskette_in_a_1200k_drive_is_read_at_300_kbps_with_double_steps() {
    let mut rig = bench_with(FloppyKind::Hd525, image(720));
    rig.out(PORT_DIR_CCR, 1);
    seek(&mut rig, 20);
    assert_eq!(run(&mut rig, &[READ_ID, 0])[..4], [0, 0, 0, 10]);
    rig.out(PORT_DIR_CCR, 2);
    assert_eq!(run(&mut rig, &[READ_ID, 0])[..2], [0x40, 0x01]);
}

#[test]
fn with_the_motor_off_or_no_diskette_a_read_hangs_until_they_come() {
    let mut rig = bench();
    rig.out(PORT_DOR, 0x0c);
    dma(&mut rig, 512);
    command(&mut rig, &[READ, 0, 0, 0, 1, 2, 18, 0x1b, 0xff]);
    rig.wait_micros(1_000_000);
    assert_eq!(rig.inb(PORT_MSR_DSR), 0x10);
    assert!(!rig.irq.is_high(IRQ));
    rig.out(PORT_DOR, 0x1c);
    assert!(rig.wait_irq(IRQ));
    assert_eq!(results(&mut rig)[0], 0);

    rig.chip.insert(0, None);
    dma(&mut rig, 512);
    command(&mut rig, &[READ, 0, 0, 0, 1, 2, 18, 0x1b, 0xff]);
    rig.wait_micros(1_000_000);
    assert!(!rig.irq.is_high(IRQ));
    rig.out(PORT_DOR, 0x18);
    rig.out(PORT_DOR, 0x1c);
    assert!(rig.wait_irq(IRQ));
    command(&mut rig, &[0x08]);
    assert_eq!(results(&mut rig), [0xc0, 0], "a reset ends the wait");
}

#[test]
fn disk_change_shows_with_motor_and_select_and_is_cleared_by_a_seek_with_media() {
    let mut rig = bench();
    assert_eq!(rig.inb(PORT_DIR_CCR) & 0x80, 0x80, "set at power-up");
    assert_eq!(rig.inb(PORT_DIR_CCR) & 0x80, 0x80, "not cleared by reading");
    rig.out(PORT_DOR, 0x0c);
    assert_eq!(rig.inb(PORT_DIR_CCR) & 0x80, 0, "motor off");
    rig.out(PORT_DOR, 0x3c);
    dma(&mut rig, 512);
    run(&mut rig, &[READ, 0, 0, 0, 1, 2, 18, 0x1b, 0xff]);
    assert_eq!(rig.inb(PORT_DIR_CCR) & 0x80, 0x80, "not cleared by a transfer");
    seek(&mut rig, 1);
    assert_eq!(rig.inb(PORT_DIR_CCR) & 0x80, 0);
    assert!(rig.chip.insert(0, None).is_some());
    assert_eq!(rig.inb(PORT_DIR_CCR) & 0x80, 0x80);
    seek(&mut rig, 0);
    assert_eq!(
        rig.inb(PORT_DIR_CCR) & 0x80,
        0x80,
        "no diskette: a step does not clear it"
    );
    rig.chip.insert(0, image(1440));
    assert_eq!(rig.inb(PORT_DIR_CCR) & 0x80, 0x80);
    seek(&mut rig, 1);
    assert_eq!(rig.inb(PORT_DIR_CCR) & 0x80, 0);
    assert_eq!(
        rig.inb(PORT_DIR_CCR) & 0x7f,
        0x7f,
        "bits 0 to 6 belong to the hard disk"
    );
    rig.out(PORT_DOR, 0x3d);
    assert_eq!(rig.inb(PORT_DIR_CCR) & 0x80, 0x80, "drive 1 is empty");
}

#[test]
fn recalibrate_of_a_missing_drive_fails_with_equipment_check() {
    let mut rig = bench();
    command(&mut rig, &[0x07, 2]);
    assert!(rig.wait_irq(IRQ));
    command(&mut rig, &[0x08]);
    assert_eq!(results(&mut rig), [0x72, 0]);
}

#[test]
fn recalibrate_steps_at_most_79_times() {
    let mut rig = bench();
    seek(&mut rig, 82);
    for st0 in [0x70, 0x20] {
        command(&mut rig, &[0x07, 0]);
        assert!(rig.wait_irq(IRQ));
        command(&mut rig, &[0x08]);
        assert_eq!(results(&mut rig), [st0, 0]);
    }
    command(&mut rig, &[0x04, 0]);
    assert_eq!(results(&mut rig), [0x38], "over track 0");
}

#[test]
fn relative_seek_moves_by_steps_and_fails_at_track_0() {
    let mut rig = bench();
    for (opcode, steps, expected) in [
        (0xcf, 10, [0x20, 10]),
        (0x8f, 4, [0x20, 6]),
        (0x8f, 8, [0x70, 254]),
    ] {
        command(&mut rig, &[opcode, 0, steps]);
        assert!(rig.wait_irq(IRQ));
        command(&mut rig, &[0x08]);
        assert_eq!(results(&mut rig), expected);
    }
}

#[test]
fn a_seek_takes_the_step_rate_in_real_time() {
    let mut rig = bench();
    rig.timing = Timing::Real;
    let start = rig.now;
    seek(&mut rig, 10);
    let millis = (rig.now - start) / rig.rate.micros(1000);
    assert_eq!(millis, 30, "SRT = Dh at 500 kbit/s: 3 ms a step");
}

#[test]
fn a_track_is_read_in_one_turn_in_real_time() {
    let mut rig = bench();
    rig.timing = Timing::Real;
    dma(&mut rig, 18 * 512);
    let start = rig.now;
    run(&mut rig, &[READ, 0, 0, 0, 1, 2, 18, 0x1b, 0xff]);
    let millis = (rig.now - start) / rig.rate.micros(1000);
    assert!((190..=400).contains(&millis), "{millis} ms");
}

#[test]
fn version_configure_dumpreg_lock_and_perpendicular() {
    let mut rig = bench();
    command(&mut rig, &[0x10]);
    assert_eq!(results(&mut rig), [0x90]);
    command(&mut rig, &[0x13, 0, 0x57, 0x11]);
    command(&mut rig, &[0x12, 0x86]);
    seek(&mut rig, 7);
    command(&mut rig, &[0x0e]);
    assert_eq!(results(&mut rig), [7, 0, 0, 0, 0xdf, 0x02, 0, 0x06, 0x57, 0x11]);
    command(&mut rig, &[0x94]);
    assert_eq!(results(&mut rig), [0x10]);
    rig.out(PORT_DOR, 0x38);
    rig.out(PORT_DOR, 0x3c);
    assert!(rig.wait_irq(IRQ));
    command(&mut rig, &[0x0e]);
    assert_eq!(
        results(&mut rig),
        [7, 0, 0, 0, 0xdf, 0x02, 0, 0x84, 0x07, 0x11],
        "LOCK keeps FIFO, threshold and precompensation over a software reset"
    );
    command(&mut rig, &[0x14]);
    assert_eq!(results(&mut rig), [0]);
    rig.out(PORT_MSR_DSR, 0x80);
    assert!(rig.wait_irq(IRQ));
    command(&mut rig, &[0x0e]);
    assert_eq!(results(&mut rig)[7..], [0x04, 0x20, 0]);
}

#[test]
fn invalid_commands_answer_80h() {
    let mut rig = bench();
    for opcode in [0x00, 0x18, 0x0b, 0x1f, 0x33, 0xff, 0x28] {
        command(&mut rig, &[opcode]);
        assert_eq!(results(&mut rig), [0x80], "{opcode:#04x}");
    }
}

#[test]
fn format_track_takes_four_bytes_a_sector_by_dma_and_fills_them() {
    let mut rig = bench();
    seek(&mut rig, 9);
    // Interleaved.
    rig.dma.memory = (0..18u8).flat_map(|i| [9, 1, i * 5 % 18 + 1, 2]).collect();
    rig.dma.memory.resize(18 * 512, 0);
    dma(&mut rig, 72);
    assert_eq!(run(&mut rig, &[0x4d, 4, 2, 18, 0x6c, 0xf6])[..3], [4, 0, 0]);
    assert_eq!(rig.dma.pos, 72);
    dma(&mut rig, 18 * 512);
    run(&mut rig, &[READ, 4, 9, 1, 1, 2, 18, 0x1b, 0xff]);
    assert!(rig.dma.memory.iter().all(|&byte| byte == 0xf6));
    dma(&mut rig, 512);
    run(&mut rig, &[READ, 0, 9, 0, 18, 2, 18, 0x1b, 0xff]);
    assert_eq!(
        lba_at(&rig.dma.memory),
        9 * 36 + 17,
        "the other side is untouched"
    );
}

#[test]
fn format_track_with_a_layout_the_image_cannot_hold_is_a_drive_fault() {
    let mut rig = bench();
    dma(&mut rig, 4096);
    for bytes in [
        [0x4d, 0, 2, 21, 0x54, 0xf6],
        [0x4d, 0, 3, 9, 0x54, 0xf6],
        [0x0d, 0, 2, 18, 0x54, 0xf6],
    ] {
        assert_eq!(run(&mut rig, &bytes)[..2], [0x50, 0]);
    }
    assert_eq!(rig.dma.pos, 0);
}

#[test]
fn verify_counts_sectors_or_goes_to_eot_without_dma() {
    let mut rig = bench();
    assert_eq!(
        run(&mut rig, &[0x56, 0, 0, 0, 1, 2, 18, 0x1b, 0xff]),
        [0, 0, 0, 1, 0, 1, 2]
    );
    assert_eq!(
        run(&mut rig, &[0x56, 0x80, 0, 0, 1, 2, 18, 0x1b, 5]),
        [0, 0, 0, 0, 0, 6, 2]
    );
    assert_eq!(
        run(&mut rig, &[0xd6, 0x80, 0, 0, 10, 2, 18, 0x1b, 27]),
        [4, 0, 0, 1, 0, 1, 2]
    );
    assert_eq!(
        run(&mut rig, &[0x56, 0x80, 0, 0, 10, 2, 18, 0x1b, 10])[..2],
        [0x40, 0x80]
    );
    assert_eq!(
        run(&mut rig, &[0x56, 0, 0, 0, 10, 2, 19, 0x1b, 0xff])[..2],
        [0x40, 0x04]
    );
}

#[test]
fn read_track_starts_at_the_index_hole_and_flags_other_ids() {
    let mut rig = bench();
    dma(&mut rig, 1 << 20);
    let result = run(&mut rig, &[0x42, 0, 0, 0, 1, 2, 9, 0x1b, 0xff]);
    assert_eq!(result[..3], [0, 0, 0]);
    assert_eq!(rig.dma.pos, 9 * 512);
    assert_eq!(lba_at(&rig.dma.memory), 0);
    dma(&mut rig, 1 << 20);
    let result = run(&mut rig, &[0x42, 0, 0, 0, 4, 2, 18, 0x1b, 0xff]);
    assert_eq!(result[..3], [0x40, 0x04, 0]);
    assert_eq!(rig.dma.pos, 18 * 512);
}

#[test]
fn ordinary_data_under_read_deleted_sets_the_control_mark() {
    let mut rig = bench();
    dma(&mut rig, 2048);
    assert_eq!(
        run(&mut rig, &[0x4c, 0, 0, 0, 3, 2, 18, 0x1b, 0xff]),
        [0, 0, 0x40, 0, 0, 4, 2]
    );
    assert_eq!(rig.dma.pos, 512, "it ends after that sector");
    dma(&mut rig, 2048);
    let result = run(&mut rig, &[0x6c, 0, 0, 0, 3, 2, 18, 0x1b, 0xff]);
    assert_eq!(result[..3], [0x40, 0x80, 0x40]);
    assert_eq!(rig.dma.pos, 0, "with SK every sector is skipped");
    dma(&mut rig, 512);
    assert_eq!(
        run(&mut rig, &[0x49, 0, 0, 0, 3, 2, 18, 0x1b, 0xff])[..3],
        [0, 0, 0]
    );
}

#[test]
fn scans_stop_at_the_first_sector_that_satisfies_them() {
    let mut rig = bench();
    let fill = |value: u8| vec![value; 512];
    // Sector R of track 0 holds (R-1)*7, but for its first four bytes; FFh from the host matches all.
    let pattern = |value: u8| {
        let mut bytes = fill(value);
        bytes[..4].fill(0xff);
        bytes
    };
    rig.dma.memory = (0..18).flat_map(|_| pattern(5 * 7)).collect();
    dma(&mut rig, 18 * 512);
    assert_eq!(
        run(&mut rig, &[0x51, 0, 0, 0, 1, 2, 18, 0x1b, 1]),
        [0, 0, 0x08, 0, 0, 7, 2]
    );
    rig.dma.memory = (0..18).flat_map(|_| pattern(4 * 7 + 1)).collect();
    dma(&mut rig, 18 * 512);
    assert_eq!(
        run(&mut rig, &[0x5d, 0, 0, 0, 1, 2, 18, 0x1b, 1])[..6],
        [0, 0, 0, 0, 0, 7]
    );
    dma(&mut rig, 18 * 512);
    assert_eq!(
        run(&mut rig, &[0x59, 0, 0, 0, 1, 2, 18, 0x1b, 1])[..6],
        [0, 0, 0, 0, 0, 2]
    );
    dma(&mut rig, 18 * 512);
    let result = run(&mut rig, &[0x51, 0, 0, 0, 1, 2, 18, 0x1b, 1]);
    assert_eq!(result[..3], [0, 0, 0x04], "never equal: scan not satisfied");
    rig.dma.memory = (0..18).flat_map(|_| pattern(4 * 7)).collect();
    dma(&mut rig, 18 * 512);
    assert_eq!(
        run(&mut rig, &[0x51, 0, 0, 0, 1, 2, 18, 0x1b, 2])[..6],
        [0, 0, 0x08, 0, 0, 7]
    );
}

/// Moves `data` through the FIFO as the host would, waiting for RQM; returns bytes read.
fn pio(rig: &mut Bench, data: Option<&[u8]>) -> (Vec<u8>, usize) {
    let (mut got, mut given) = (Vec::new(), 0);
    for _ in 0..100_000 {
        let msr = rig.inb(PORT_MSR_DSR);
        if msr & 0xa0 == 0xa0 {
            assert!(rig.irq.is_high(IRQ), "each burst asks for service");
            if msr & 0x40 != 0 {
                got.push(rig.inb(PORT_FIFO));
            } else {
                rig.out(PORT_FIFO, data.unwrap()[given]);
                given += 1;
            }
        } else if msr & 0xf0 == 0xd0 {
            break;
        } else {
            rig.step();
        }
    }
    (got, given)
}

#[test]
fn non_dma_transfers_move_every_byte_through_the_fifo() {
    for config in [0x20, 0x0f] {
        let mut rig = bench();
        command(&mut rig, &[0x13, 0, config, 0]);
        command(&mut rig, &[0x03, 0xdf, 0x03]);
        command(&mut rig, &[READ, 0, 0, 0, 17, 2, 18, 0x1b, 0xff]);
        let (got, _) = pio(&mut rig, None);
        assert_eq!(got[..], numbered_bytes(18)[16 * 512..18 * 512]);
        assert_eq!(
            results(&mut rig)[..2],
            [0x40, 0x80],
            "no terminal count: EN at EOT"
        );

        let data: Vec<u8> = (0..512).map(|i| (i * 3) as u8).collect();
        command(&mut rig, &[WRITE, 0, 0, 0, 18, 2, 18, 0x1b, 0xff]);
        assert_eq!(pio(&mut rig, Some(&data)).1, 512);
        assert_eq!(results(&mut rig)[..2], [0x40, 0x80]);
        command(&mut rig, &[READ, 0, 0, 0, 18, 2, 18, 0x1b, 0xff]);
        assert_eq!(pio(&mut rig, None).0, data);
        results(&mut rig);

        command(&mut rig, &[0x51, 0, 0, 0, 18, 2, 18, 0x1b, 1]);
        assert_eq!(pio(&mut rig, Some(&data)).1, 512);
        assert_eq!(results(&mut rig)[..3], [0, 0, 0x08]);

        let ids: Vec<u8> = (1..=18).flat_map(|r| [0, 0, r, 2]).collect();
        command(&mut rig, &[0x4d, 0, 2, 18, 0x6c, 0xe5]);
        assert_eq!(pio(&mut rig, Some(&ids)).1, 72);
        assert_eq!(results(&mut rig)[..3], [0, 0, 0]);
    }
}

#[test]
fn image_errors_become_status_and_are_reported() {
    let bad = BadSector {
        image: MemoryImage::new(numbered_bytes(K1440)),
        bad: 1,
    };
    let mut rig = bench_with(FloppyKind::Hd35, Some(Box::new(bad)));
    dma(&mut rig, 2048);
    let result = run(&mut rig, &[READ, 0, 0, 0, 1, 2, 18, 0x1b, 0xff]);
    assert_eq!(result, [0x40, 0x20, 0x20, 0, 0, 2, 2]);
    assert_eq!(rig.dma.pos, 512);
    assert_eq!(rig.out.disk_errors.len(), 1);
    dma(&mut rig, 2048);
    let result = run(&mut rig, &[WRITE, 0, 0, 0, 2, 2, 18, 0x1b, 0xff]);
    assert_eq!(result[..3], [0x50, 0, 0]);
    assert_eq!(rig.out.disk_errors.len(), 2);
}

#[test]
fn a_software_reset_stops_a_transfer() {
    let mut rig = bench();
    dma(&mut rig, 18 * 512);
    command(&mut rig, &[READ, 0, 0, 0, 1, 2, 18, 0x1b, 0xff]);
    rig.step();
    rig.out(PORT_MSR_DSR, 0x80);
    assert!(rig.wait_irq(IRQ));
    assert_eq!(rig.dma.pos, 512);
    command(&mut rig, &[0x08]);
    assert_eq!(results(&mut rig), [0xc0, 0]);
}

fn saved(chip: &FloppyController) -> Vec<u8> {
    let mut w = StateWriter::new();
    w.component(chip);
    w.into_bytes()
}

fn load(chip: &mut FloppyController, bytes: &[u8]) -> Result<(), SnapshotError> {
    StateReader::new("test", bytes).component(chip)
}

#[test]
fn state_survives_the_round_trip_in_the_middle_of_a_transfer() {
    let mut rig = bench();
    seek(&mut rig, 2);
    dma(&mut rig, 4 * 512);
    command(&mut rig, &[READ, 0, 2, 0, 1, 2, 18, 0x1b, 0xff]);
    rig.step();
    let bytes = saved(&rig.chip);
    let mut other = FloppyController::new(IRQ, [Some(FloppyKind::Hd35), Some(FloppyKind::Hd35)]);
    load(&mut other, &bytes).unwrap();
    assert_eq!(saved(&other), bytes);
    let image = rig.chip.insert(0, None);
    other.drives[0].image = None;
    other.insert(0, image);
    rig.chip = other;
    assert!(rig.wait_irq(IRQ));
    assert_eq!(results(&mut rig), [0, 0, 0, 2, 0, 5, 2]);

    let mut wrong = FloppyController::new(IRQ, [Some(FloppyKind::Dd35), Some(FloppyKind::Hd35)]);
    assert!(load(&mut wrong, &bytes).is_err());
}
