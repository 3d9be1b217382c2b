//! Which instructions of the x87, MMX and SSE CR0 and CR4 bar: SDM vol. 3A §2.5, table 2-2, §9.2, table 13-1.

use crate::{
    bench::{Bench, Outcome},
    model::plain,
    state::{control, gpr, vector},
    world::*,
};

/// #NM.
const NM: u8 = 7;
/// CR4.OSFXSR.
const OSFXSR: u32 = 1 << 9;
/// An operand on a line of its own.
const OPERAND: u32 = 0x1_e000;

/// What decides about an instruction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// EM and TS: #NM.
    X87,
    /// MP and TS: #NM.
    Wait,
    /// EM: #UD; TS: #NM.
    Mmx,
    /// EM, or OSFXSR clear: #UD; TS: #NM.
    Sse,
    /// TS: #NM, whatever OSFXSR. EM is #NM in the manuals of the Pentium III and #UD in later ones: not tried.
    Fxsave,
    /// An SSE instruction that touches no state of SSE: never barred.
    Free,
}

#[test]
fn em_ts_mp_and_osfxsr_in_every_ring() {
    let mut bench = Bench::new();
    let instructions: [(&str, Kind, &[u8]); 8] = [
        ("fnop", Kind::X87, &[0xd9, 0xd0]),
        ("wait", Kind::Wait, &[0x9b]),
        ("pxor mm0, mm0", Kind::Mmx, &[0x0f, 0xef, 0xc0]),
        ("xorps xmm0, xmm0", Kind::Sse, &[0x0f, 0x57, 0xc0]),
        ("pxor xmm0, xmm0", Kind::Sse, &[0x66, 0x0f, 0xef, 0xc0]),
        ("fxsave [edi]", Kind::Fxsave, &[0x0f, 0xae, 0x07]),
        ("sfence", Kind::Free, &[0x0f, 0xae, 0xf8]),
        ("prefetcht0 [edi]", Kind::Free, &[0x0f, 0x18, 0x0f]),
    ];
    for r in 0..4 {
        for bits in 0..8 {
            for fxsr in [0, OSFXSR] {
                for (name, kind, bytes) in instructions {
                    let mut world = World::ring(r);
                    world.s.gpr[7] = OPERAND;
                    let (em, ts, mp) = (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0);
                    for (set, bit) in [(em, control::EM), (ts, control::TS), (mp, control::MP)] {
                        world.s.cr0 |= if set { bit } else { 0 };
                    }
                    world.s.cr4 = fxsr;
                    if kind == Kind::Fxsave && em {
                        continue;
                    }
                    let exception = match kind {
                        Kind::X87 if em || ts => Some(NM),
                        Kind::Fxsave if ts => Some(NM),
                        Kind::Wait if mp && ts => Some(NM),
                        Kind::Mmx if em => Some(vector::UD),
                        Kind::Sse if em || fxsr == 0 => Some(vector::UD),
                        Kind::Mmx | Kind::Sse if ts => Some(NM),
                        _ => None,
                    };
                    let saves = |w: &mut World| {
                        if kind == Kind::Fxsave {
                            w.put16(OPERAND, 0x37f);
                            w.put32s(OPERAND + 24, &[0x1f80, 0xffff]);
                            // With OSFXSR clear, the XMM registers need not be saved; zeros either way.
                        }
                    };
                    let outcome: Outcome<'_> = match exception {
                        Some(number) => Err(plain(number)),
                        None => Ok(&saves),
                    };
                    bench.check_bytes(&world, bytes, outcome, || {
                        format!("{name}: EM {em} TS {ts} MP {mp} OSFXSR {fxsr:x} ring {r}")
                    });
                }
            }
        }
    }
    bench.finish(4 * 8 * 2 * 8 - 4 * 4 * 2);
}

/// SDM vol. 3A §6.15 "Interrupt 17": only at CPL 3, with AM and AC both set.
#[test]
fn alignment_is_checked_in_ring_3_alone() {
    const AM: u32 = 1 << 18;
    const AC: u32 = 1 << 18;
    let mut bench = Bench::new();
    // mov al / ax / eax, [edi] and mov [edi], ...
    let accesses: [(u32, bool, &[u8]); 6] = [
        (1, false, &[0x8a, 0x07]),
        (2, false, &[0x66, 0x8b, 0x07]),
        (4, false, &[0x8b, 0x07]),
        (1, true, &[0x88, 0x07]),
        (2, true, &[0x66, 0x89, 0x07]),
        (4, true, &[0x89, 0x07]),
    ];
    for r in 0..4 {
        for am in [0, AM] {
            for ac in [0, AC] {
                for offset in 0..4 {
                    for (size, write, bytes) in accesses {
                        let mut world = World::ring(r);
                        world.s.gpr[7] = OPERAND + offset;
                        world.s.cr0 |= am;
                        world.s.eflags |= ac;
                        let refused = r == 3 && am != 0 && ac != 0 && offset % size != 0;
                        let effect = |w: &mut World| {
                            let eax = w.s.gpr[gpr::EAX];
                            let mask = u32::MAX >> (32 - 8 * size);
                            if write {
                                w.put(OPERAND + offset, &eax.to_le_bytes()[..size as usize]);
                            } else {
                                w.s.gpr[gpr::EAX] = eax & !mask | w.get32(OPERAND + offset) & mask;
                            }
                        };
                        let outcome: Outcome<'_> = if refused {
                            Err(crate::model::Exception {
                                vector: 17,
                                error: Some(0),
                            })
                        } else {
                            Ok(&effect)
                        };
                        bench.check_bytes(&world, bytes, outcome, || {
                            format!("ring {r}, AM {am:x}, AC {ac:x}, +{offset}")
                        });
                    }
                }
            }
        }
    }
    bench.finish(4 * 2 * 2 * 4 * 6);
}
