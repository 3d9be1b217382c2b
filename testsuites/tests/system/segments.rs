//! Loading segment registers, LDTR and TR, and looking at selectors, in every ring: SDM vol. 3A §5.6, §5.7,
//! §5.10, vol. 2B "MOV", vol. 2A "LAR", "LLDT", "LSL", "LTR", vol. 2D "VERR".

use crate::{
    bench::Bench,
    op::{Look, Op},
    state::{Reg, sreg},
    world::*,
};

const LOOKS: [Look; 4] = [Look::Rights, Look::Limit, Look::Readable, Look::Writable];

#[test]
fn every_descriptor_into_every_segment_register_in_every_ring() {
    let mut bench = Bench::new();
    for access in 0..=255 {
        for r in 0..4 {
            for rpl in 0..4 {
                for register in [sreg::ES, sreg::SS, sreg::GS] {
                    let mut world = World::ring(r);
                    world.set_descriptor(SPARE, flat(access));
                    let op = Op::LoadSegment {
                        register,
                        selector: SPARE | rpl,
                    };
                    bench.check(&world, op, || format!("{access:02x} ring {r}"));
                }
            }
        }
    }
    bench.finish(256 * 4 * 4 * 3);
}

#[test]
fn every_descriptor_is_seen_by_those_who_may() {
    let mut bench = Bench::new();
    for access in 0..=255 {
        for r in 0..4 {
            for rpl in 0..4 {
                for what in LOOKS {
                    let mut world = World::ring(r);
                    world.set_descriptor(SPARE, segment(0x0123_4567, 0xa_bcde, access, 0xd));
                    let op = Op::Look {
                        what,
                        selector: SPARE | rpl,
                    };
                    bench.check(&world, op, || format!("{access:02x} ring {r}"));
                }
            }
        }
    }
    bench.finish(256 * 4 * 4 * 4);
}

#[test]
fn lldt_and_ltr_take_their_types_in_ring_0_alone() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for r in 0..4 {
        for access in 0..=255 {
            let mut world = World::ring(r);
            world.set_descriptor(SPARE, segment(TSS_B, 0x67, access, 0));
            for op in [Op::Lldt(SPARE | 2), Op::Ltr(SPARE | 1)] {
                cases += 1;
                bench.check(&world, op, || format!("{access:02x} ring {r}"));
            }
        }
    }
    bench.finish(cases);
}

#[test]
fn null_local_and_distant_selectors() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for selector in [
        0,
        1,
        2,
        3,
        4,
        IN_LDT,
        IN_LDT | 3,
        LDT_LIMIT as u16 + 5,
        BEYOND,
        0xfff8,
        0xffff,
    ] {
        for r in 0..4 {
            for has_ldt in [true, false] {
                let mut world = World::ring(r);
                world.put64(LDT, flat(0x93 | r << 5));
                if !has_ldt {
                    world.s.ldtr = Reg::unusable(0);
                }
                let mut ops = vec![Op::Lldt(selector), Op::Ltr(selector)];
                ops.extend(LOOKS.map(|what| Op::Look { what, selector }));
                let registers = [sreg::ES, sreg::SS, sreg::DS, sreg::FS, sreg::GS];
                ops.extend(registers.map(|register| Op::LoadSegment { register, selector }));
                for op in ops {
                    cases += 1;
                    bench.check(&world, op, || format!("ring {r}, LDT {has_ldt}"));
                }
            }
        }
    }
    bench.finish(cases);
}

#[test]
fn outside_protected_mode_selectors_are_paragraphs() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for world in [World::real(), World::v86(3, 0), World::v86(0, 1)] {
        for selector in [0, 0x1234, 0xffff] {
            let mut ops = vec![Op::Lldt(selector), Op::Ltr(selector)];
            ops.extend(LOOKS.map(|what| Op::Look { what, selector }));
            let registers = [sreg::ES, sreg::DS, sreg::FS, sreg::GS];
            ops.extend(registers.map(|register| Op::LoadSegment { register, selector }));
            for op in ops {
                cases += 1;
                bench.check(&world, op, || "not protected".into());
            }
        }
    }
    bench.finish(cases);
}
