//! A program that executes one x87 instruction 10,240 times, or does not: `cargo xtask x87-cost` has both counted.
//!
//! Each time its operands are others, normal numbers from 2^-8 to 2^8 of either sign.
#![allow(missing_docs, reason = "a program")]

use oldiron_benches::Bench;
use oldiron_cpu::Dispatch;

/// Numbers in extended format, ten bytes each, and in double.
const EXTENDED: u16 = 0x4000;
const DOUBLES: u16 = 0x6000;
const NUMBERS: u16 = 512;
const ROUNDS: u32 = 20;

/// What is executed each time, by name: once without and once with the instruction.
const PROGRAMS: [(&str, &[u8], &[u8]); 9] = [
    ("fadd st0, st1", &[], &[0xd8, 0xc1]),
    ("fsub st0, st1", &[], &[0xd8, 0xe1]),
    ("fmul st0, st1", &[], &[0xd8, 0xc9]),
    ("fdiv st0, st1", &[], &[0xd8, 0xf1]),
    // After fabs.
    ("fsqrt", &[0xd9, 0xe1], &[0xd9, 0xe1, 0xd9, 0xfa]),
    ("fadd m64", &[], &[0xdc, 0x07]),
    ("fmul m64", &[], &[0xdc, 0x0f]),
    ("fdiv m64", &[], &[0xdc, 0x37]),
    ("fxch st1", &[], &[0xd9, 0xc9]),
];

fn program(instructions: &[u8]) -> Vec<u8> {
    let mut code = vec![0xdb, 0xe3]; // fninit
    for (mov, value) in [(0xbe, EXTENDED), (0xbb, DOUBLES), (0xb9, NUMBERS)] {
        code.push(mov); // mov si; bx; cx
        code.extend(value.to_le_bytes());
    }
    let start = code.len();
    code.extend([0xdb, 0x6c, 0x0a, 0xdb, 0x2c]); // fld tbyte [si + 10]; fld tbyte [si]
    code.extend(instructions);
    code.extend([0xdd, 0xd8, 0xdd, 0xd8]); // fstp st0, twice
    code.extend([0x83, 0xc6, 0x0a, 0x83, 0xc3, 0x08, 0x49, 0x75]); // add si, 10; add bx, 8; dec cx; jnz
    code.push((start as u8).wrapping_sub(code.len() as u8 + 1));
    code.push(0xf4); // hlt
    code
}

/// xorshift64*.
fn next(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, with] = &arguments[..] else {
        for (name, ..) in PROGRAMS {
            println!("{name}");
        }
        return;
    };
    let Some((_, without, instructions)) = PROGRAMS.iter().find(|program| program.0 == name) else {
        eprintln!("no such instruction: {name}");
        std::process::exit(2);
    };
    let instructions = if with == "with" { instructions } else { without };
    let mut bench = Bench::new(&program(instructions), Dispatch::Chained);
    let mut state = 0x1234_5678_9abc_def1;
    for n in 0..=NUMBERS as u32 {
        let (bits, other) = (next(&mut state), next(&mut state));
        let (exponent, sign) = (other % 17, (other >> 32) as u16 & 0x8000);
        let address = EXTENDED as u32 + 10 * n;
        bench.write(address, &(bits | 1 << 63).to_le_bytes());
        bench.write(address + 8, &(sign | (0x3ff7 + exponent as u16)).to_le_bytes());
        let double = ((sign as u64) << 48) | ((0x3f7 + exponent) << 52) | (bits >> 12);
        bench.write(DOUBLES as u32 + 8 * n, &double.to_le_bytes());
    }
    for _ in 0..ROUNDS {
        bench.run();
    }
}
