//! `--ips auto`: how many instructions a second this host is good for.

use std::time::{Duration, Instant};

use oldiron_platform::{Machine, MachineBuilder, TickRate};

/// What `auto` chooses from.
const CHOICES: [u64; 3] = [50_000_000, 100_000_000, 200_000_000];
/// Real programs run at about this fraction of the speed of the loop below.
const LOOP_ADVANTAGE: u64 = 2;
const MEASURE_FOR: Duration = Duration::from_millis(40);
const SLICE: u64 = 500_000;
const FALLBACK: u64 = 100_000_000;

/// A loop of arithmetic, memory accesses, a call and branches, at the reset vector of a ROM.
const LOOP: &[u8] = &[
    0xb8, 0x00, 0x10, // mov ax, 1000h
    0x8e, 0xd8, // mov ds, ax
    0x8e, 0xd0, // mov ss, ax
    0xbc, 0x00, 0x80, // mov sp, 8000h
    // again:
    0x01, 0xd8, // add ax, bx
    0xa3, 0x00, 0x02, // mov [200h], ax
    0x33, 0x1e, 0x04, 0x02, // xor bx, [204h]
    0x43, // inc bx
    0xe8, 0x06, 0x00, // call next
    0x39, 0xd9, // cmp cx, bx
    0x75, 0xef, // jnz again
    0xeb, 0xed, // jmp again
    // next:
    0x49, // dec cx
    0x89, 0x0e, 0x04, 0x02, // mov [204h], cx
    0xc3, // ret
];

/// Measures, and chooses.
pub fn ticks_per_second() -> u64 {
    measured().map_or(FALLBACK, choose)
}

fn choose(measured: u64) -> u64 {
    let good_for = measured / LOOP_ADVANTAGE;
    let best = CHOICES.iter().rfind(|&&choice| choice <= good_for);
    best.copied().unwrap_or(CHOICES[0])
}

fn measured() -> Option<u64> {
    let mut machine = test_machine()?;
    // The first slice decodes; it does not count.
    machine.run_until(SLICE);
    let (start, before) = (Instant::now(), machine.instructions());
    while start.elapsed() < MEASURE_FOR {
        machine.run_until(machine.now() + SLICE);
    }
    let instructions = machine.instructions() - before;
    (instructions > 0).then(|| (instructions as f64 / start.elapsed().as_secs_f64()) as u64)
}

fn test_machine() -> Option<Machine> {
    let mut rom = vec![0xf4; 0x10000];
    rom[..LOOP.len()].copy_from_slice(LOOP);
    rom[0xfff0..0xfff5].copy_from_slice(&[0xea, 0x00, 0x00, 0x00, 0xf0]); // jmp F000:0000
    MachineBuilder::new()
        .memory_mib(1)
        .rate(TickRate::new(FALLBACK))
        .bios(rom)
        .build()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_is_rounded_down_to_what_old_programs_survive() {
        assert_eq!(choose(1_000_000), 50_000_000);
        assert_eq!(choose(250_000_000), 100_000_000);
        assert_eq!(choose(5_000_000_000), 200_000_000);
    }

    #[test]
    fn the_call_in_the_loop_reaches_its_target_and_the_branches_their_loop() {
        let again = 10;
        let call_end = again + 2 + 3 + 4 + 1 + 3;
        assert_eq!(LOOP[call_end + 6], 0x49);
        assert_eq!(
            call_end as i32 + 4 + i32::from(LOOP[call_end + 3] as i8),
            again as i32
        );
        assert_eq!(
            call_end as i32 + 6 + i32::from(LOOP[call_end + 5] as i8),
            again as i32
        );
    }
}
