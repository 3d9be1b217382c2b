//! String instructions.

use iced_x86::{Instruction, Mnemonic};
use oldiron_mmu::Width;

use super::{Context, Lowered};
use crate::{
    core::seg,
    exec::{Op, ea, string::*},
    insn::{Insn, InsnAttr},
};

pub(super) fn lower(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    // MOVSD and CMPSD are names of SSE instructions too.
    if !i.is_string_instruction() {
        return None;
    }
    let w = match i.mnemonic() {
        Mnemonic::Movsb | Mnemonic::Stosb | Mnemonic::Lodsb | Mnemonic::Cmpsb | Mnemonic::Scasb => 1,
        Mnemonic::Insb | Mnemonic::Outsb => 1,
        Mnemonic::Movsw | Mnemonic::Stosw | Mnemonic::Lodsw | Mnemonic::Cmpsw | Mnemonic::Scasw => 2,
        Mnemonic::Insw | Mnemonic::Outsw => 2,
        Mnemonic::Movsd | Mnemonic::Stosd | Mnemonic::Lodsd | Mnemonic::Cmpsd | Mnemonic::Scasd => 4,
        Mnemonic::Insd | Mnemonic::Outsd => 4,
        _ => return None,
    };
    match (w, insn.attr.contains(InsnAttr::ADDRESS32)) {
        (1, false) => sized::<u8, u16>(c, i, insn),
        (2, false) => sized::<u16, u16>(c, i, insn),
        (_, false) => sized::<u32, u16>(c, i, insn),
        (1, true) => sized::<u8, u32>(c, i, insn),
        (2, true) => sized::<u16, u32>(c, i, insn),
        (_, true) => sized::<u32, u32>(c, i, insn),
    }
}

fn sized<W: Width, A: Width>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    let repeated = insn.attr.intersects(InsnAttr::REP | InsnAttr::REPNE);
    Some(match (i.mnemonic(), repeated) {
        (Mnemonic::Movsb | Mnemonic::Movsw | Mnemonic::Movsd, false) => {
            once::<Movs<W, A>>(c, insn, true, true)
        }
        (Mnemonic::Movsb | Mnemonic::Movsw | Mnemonic::Movsd, true) => alone::<RepMovs<W, A>>(c, insn),
        (Mnemonic::Stosb | Mnemonic::Stosw | Mnemonic::Stosd, false) => {
            once::<Stos<W, A>>(c, insn, false, true)
        }
        (Mnemonic::Stosb | Mnemonic::Stosw | Mnemonic::Stosd, true) => alone::<RepStos<W, A>>(c, insn),
        (Mnemonic::Lodsb | Mnemonic::Lodsw | Mnemonic::Lodsd, false) => {
            once::<Lods<W, A>>(c, insn, true, false)
        }
        (Mnemonic::Lodsb | Mnemonic::Lodsw | Mnemonic::Lodsd, true) => alone::<RepLods<W, A>>(c, insn),
        (Mnemonic::Cmpsb | Mnemonic::Cmpsw | Mnemonic::Cmpsd, false) => {
            once::<Cmps<W, A>>(c, insn, true, true)
        }
        (Mnemonic::Cmpsb | Mnemonic::Cmpsw | Mnemonic::Cmpsd, true) => alone::<RepCmps<W, A>>(c, insn),
        (Mnemonic::Scasb | Mnemonic::Scasw | Mnemonic::Scasd, false) => {
            once::<Scas<W, A>>(c, insn, false, true)
        }
        (Mnemonic::Scasb | Mnemonic::Scasw | Mnemonic::Scasd, true) => alone::<RepScas<W, A>>(c, insn),
        (Mnemonic::Insb | Mnemonic::Insw | Mnemonic::Insd, false) => once::<Ins<W, A>>(c, insn, false, true),
        (Mnemonic::Insb | Mnemonic::Insw | Mnemonic::Insd, true) => alone::<RepIns<W, A>>(c, insn),
        (Mnemonic::Outsb | Mnemonic::Outsw | Mnemonic::Outsd, false) => {
            once::<Outs<W, A>>(c, insn, true, false)
        }
        (Mnemonic::Outsb | Mnemonic::Outsw | Mnemonic::Outsd, true) => alone::<RepOuts<W, A>>(c, insn),
        _ => return None,
    })
}

/// Not repeated: flat only if every segment it uses is.
fn once<O: Op>(c: &Context<'_>, insn: Insn, source: bool, target: bool) -> Lowered {
    let flat = (!source || c.is_flat(insn.seg)) && (!target || c.is_flat(seg::ES as u8));
    c.with_address::<O>(insn, if flat { ea::FLAT_BASE } else { ea::SEGMENT32 })
}

fn alone<O: Op>(c: &Context<'_>, insn: Insn) -> Lowered {
    Lowered {
        alone: true,
        ..c.with_address::<O>(insn, ea::SEGMENT32)
    }
}
