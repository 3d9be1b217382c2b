//! Pictures that a floppy of ours shows one after the other, as hashes.

use oldiron_platform::{Frame, HostEvent, KeyCode, Machine};

use crate::floppy;

/// FNV-1a over size and pixels.
fn hash(frame: &Frame) -> u64 {
    let words = [frame.width, frame.height, frame.double_rows.into()];
    words
        .iter()
        .chain(&frame.pixels)
        .flat_map(|word| word.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
}

fn press_a_key(machine: &mut Machine) {
    for down in [true, false] {
        machine.post(HostEvent::Key {
            code: KeyCode::Space,
            down,
        });
    }
}

/// Waits until each picture is complete (the floppy says "shown" and its name on COM1), and has the floppy go on to
/// the next.
pub fn hashes<'a, const N: usize>(machine: &mut Machine, names: [&'a str; N]) -> [(&'a str, u64); N] {
    names.map(|name| {
        floppy::run(machine, &format!("shown {name}\r\n"));
        let now = hash(machine.frame());
        // The next frame shows on the monitor what the registers say.
        machine.run_until(machine.now() + 4_000_000);
        assert_eq!(hash(machine.displayed_frame()), now, "{name}");
        press_a_key(machine);
        (name, now)
    })
}
