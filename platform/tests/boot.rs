//! The built-in BIOS boots the built-in demo disk, and does so the same way every time.

use oldiron_platform::{Dispatch, HostEvent, KeyCode, Machine, MachineBuilder, MemoryImage, StopReason};

const SECOND: u64 = 100_000_000;

/// The demo disk in a 1.44 MiB drive.
#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn machine(dispatch: Dispatch) -> Machine {
    let mut image = oldiron_bios::DEMO_DISK.to_vec();
    image.resize(1440 << 10, 0);
    let kind = oldiron_platform::FloppyKind::Hd35;
    let image = Box::new(MemoryImage::new(image));
    MachineBuilder::new()
        .memory_mib(8)
        .dispatch(dispatch)
        .floppy(0, kind, Some(image))
        .build()
        .unwrap()
}

#[test]
fn the_demo_disk_reaches_its_menu_and_waits_there_idly() {
    let mut machine = machine(Dispatch::Chained);
    assert_eq!(machine.run_until(SECOND), StopReason::Deadline);
    let text = machine.text_screen();
    assert!(text.contains("Press a key"), "{text}");
    assert!(machine.idle_hint());
    let frame = machine.frame();
    assert_eq!(frame.pixels.len(), (frame.width * frame.height) as usize);
    assert!(frame.pixels.iter().any(|&pixel| pixel != frame.pixels[0]));
}

#[test]
fn neither_dispatcher_nor_slices_nor_saving_on_the_way_change_what_happens() {
    const END: u64 = SECOND / 2;
    let mut whole = machine(Dispatch::Chained);
    whole.run_until(END);
    for dispatch in [Dispatch::Chained, Dispatch::Loop] {
        let mut pieces = machine(dispatch);
        let mut random = 12345u64;
        for n in 0.. {
            if pieces.now() >= END {
                break;
            }
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let longest = [50, 3000, 200_000, 3_000_000][(random >> 62) as usize];
            pieces.run_until((pieces.now() + 1 + (random >> 20) % longest).min(END));
            if n % 50 == 49 {
                let state = pieces.save_state().unwrap();
                pieces = machine(dispatch);
                assert_eq!(pieces.restore_state(&state), Ok(()));
            }
        }
        assert_eq!(pieces.instructions(), whole.instructions());
        assert_eq!(pieces.memory_hash(), whole.memory_hash());
        assert_eq!(pieces.screen_hash(), whole.screen_hash());
        assert_eq!(pieces.state_hash(), whole.state_hash());
    }
}

#[test]
fn the_demo_runs_through_and_turns_the_machine_off() {
    let mut machine = machine(Dispatch::Chained);
    machine.run_until(SECOND);
    machine.post(HostEvent::Key {
        code: KeyCode::A,
        down: true,
    });
    machine.post(HostEvent::Key {
        code: KeyCode::A,
        down: false,
    });
    assert_eq!(
        machine.run_until(120 * SECOND),
        StopReason::PowerOff,
        "{}",
        machine.text_screen()
    );
}
