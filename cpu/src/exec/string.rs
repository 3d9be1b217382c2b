//! String instructions: MOVS, STOS, LODS, CMPS, SCAS, INS, OUTS, with and without REP. SDM vol. 2B
//! "REP", and vol. 2 under these names.
//!
//! A repeated instruction runs as many elements as the slice has ticks for, one tick each, in runs
//! that lie within pages where memory is plain. It can stop after any element, for a fault, a
//! deadline or a device that wants attention, with the registers exact and EIP still on it.

use oldiron_mmu::{Bus, IoWidth, Width};

use crate::{
    core::{Core, Cr4, Mode, reg, seg},
    exec::{
        Flow,
        alu::{Alu, Cmp},
        io, op,
    },
    fault::Fault,
    flags::Eflags,
    insn::{Insn, InsnAttr},
};

const ESI: u8 = reg::ESI as u8;
const EDI: u8 = reg::EDI as u8;
const ECX: u8 = reg::ECX as u8;
const EAX: u8 = reg::EAX as u8;

/// L0–L3 and G0–G3 of DR7: any breakpoint is armed.
const DR7_ENABLES: u32 = 0xff;

/// The step of ESI and EDI for one element: its size, negative with DF.
#[inline(always)]
fn step<W: Width>(core: &Core) -> u32 {
    if core.eflags.contains(Eflags::DF) {
        (W::BYTES).wrapping_neg()
    } else {
        W::BYTES
    }
}

/// An index register of address width `A`, zero-extended.
#[inline(always)]
fn index<A: Width>(core: &Core, number: u8) -> u32 {
    core.reg::<A>(number).zext() as u32
}

#[inline(always)]
fn advance<A: Width>(core: &mut Core, number: u8, by: u32) {
    let moved = index::<A>(core, number).wrapping_add(by);
    core.set_reg(number, A::truncate(moved as u64));
}

op! { /// `movs`
Movs<W: Width, A: Width>, Memory, None, |x: X, i| {
    let value = x.load_at::<W>(i.seg as usize, index::<A>(x.core_ref(), ESI))?;
    x.store_at(seg::ES, index::<A>(x.core_ref(), EDI), value)?;
    let by = step::<W>(x.core_ref());
    advance::<A>(x.core(), ESI, by);
    advance::<A>(x.core(), EDI, by);
    Ok(Flow::Next)
}}

op! { /// `stos`
Stos<W: Width, A: Width>, Memory, None, |x: X, _i| {
    let value = x.reg::<W>(EAX);
    x.store_at(seg::ES, index::<A>(x.core_ref(), EDI), value)?;
    let by = step::<W>(x.core_ref());
    advance::<A>(x.core(), EDI, by);
    Ok(Flow::Next)
}}

op! { /// `lods`
Lods<W: Width, A: Width>, Load, None, |x: X, i| {
    let value = x.load_at::<W>(i.seg as usize, index::<A>(x.core_ref(), ESI))?;
    x.set_reg(EAX, value);
    let by = step::<W>(x.core_ref());
    advance::<A>(x.core(), ESI, by);
    Ok(Flow::Next)
}}

op! { /// `cmps`
Cmps<W: Width, A: Width>, Load, Sets, |x: X, i| {
    let a = x.load_at::<W>(i.seg as usize, index::<A>(x.core_ref(), ESI))?;
    let b = x.load_at::<W>(seg::ES, index::<A>(x.core_ref(), EDI))?;
    let by = step::<W>(x.core_ref());
    advance::<A>(x.core(), ESI, by);
    advance::<A>(x.core(), EDI, by);
    x.set_flags(Cmp::apply(a, b, false).1);
    Ok(Flow::Next)
}}

op! { /// `scas`
Scas<W: Width, A: Width>, Load, Sets, |x: X, _i| {
    let b = x.load_at::<W>(seg::ES, index::<A>(x.core_ref(), EDI))?;
    let by = step::<W>(x.core_ref());
    advance::<A>(x.core(), EDI, by);
    let a = x.reg::<W>(EAX);
    x.set_flags(Cmp::apply(a, b, false).1);
    Ok(Flow::Next)
}}

fn io_width<W: Width>() -> IoWidth {
    match W::BYTES {
        1 => IoWidth::Byte,
        2 => IoWidth::Word,
        _ => IoWidth::Dword,
    }
}

/// Checks the permission for the port in DX. Silicon does even if the count is 0 (vectors family `priv`).
fn check_port<W: Width>(core: &mut Core, bus: &mut Bus<'_>) -> Result<u16, Fault> {
    let port = core.reg::<u16>(reg::EDX as u8);
    io::check_io_permission(core, bus, port, io_width::<W>())?;
    Ok(port)
}

/// One `ins` element. The destination is checked before the port is read, and not read itself.
fn ins_element<W: Width, A: Width>(core: &mut Core, bus: &mut Bus<'_>) -> Result<(), Fault> {
    let port = check_port::<W>(core, bus)?;
    let addr = core.seg_check_write::<W>(bus, seg::ES, index::<A>(core, EDI))?;
    let value = io::port_in(core, bus, port, io_width::<W>());
    core.user_write(bus, addr, W::truncate(value as u64))?;
    advance::<A>(core, EDI, step::<W>(core));
    Ok(())
}

/// One `outs` element.
fn outs_element<W: Width, A: Width>(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let port = check_port::<W>(core, bus)?;
    let value = core.seg_read::<W>(bus, insn.seg as usize, index::<A>(core, ESI))?;
    io::port_out(core, bus, port, value.zext() as u32, io_width::<W>());
    advance::<A>(core, ESI, step::<W>(core));
    Ok(())
}

op! { /// `ins`
Ins<W: Width, A: Width>, Slow, None, |x: X, _i| {
    x.with_bus(ins_element::<W, A>)?;
    Ok(Flow::Next)
}}

op! { /// `outs`
Outs<W: Width, A: Width>, Slow, None, |x: X, i| {
    x.with_bus(|core, bus| outs_element::<W, A>(core, bus, i))?;
    Ok(Flow::Next)
}}

/// What a repeated instruction does with up to `max` elements: how many it did, and whether the
/// repetition is over before the count is. A fault counts only if no element was done.
type Run = Result<(u32, bool), Fault>;

/// Repeats `run` until the count is 0, the slice is used up, or it says that it is over.
fn repeat<A: Width>(
    core: &mut Core,
    bus: &mut Bus<'_>,
    mut run: impl FnMut(&mut Core, &mut Bus<'_>, u32) -> Run,
) -> Result<Flow, Fault> {
    let count = index::<A>(core, ECX);
    if count == 0 {
        return Ok(Flow::Next);
    }
    let ticks = core.slice_end.saturating_sub(core.now).clamp(1, u32::MAX as u64) as u32;
    let limit = count.min(ticks);
    let start = core.now;
    let mut done = 0;
    let flow = loop {
        let result = run(core, bus, limit - done);
        if let Ok((elements, _)) = result {
            done += elements;
            core.now = start + done as u64;
            core.set_reg(ECX, A::truncate((count - done) as u64));
        }
        match result {
            Err(fault) => {
                core.extra_ticks = done;
                return Err(fault);
            }
            Ok((_, true)) => break Flow::Next,
            Ok(_) if done == count => break Flow::Next,
            Ok(_) if done >= limit => break Flow::Again,
            // A store, or the DMA that an OUTS started, may have changed this very instruction.
            Ok(_) if core.pending_debug != 0 || bus.mem.code_was_hit() => break Flow::Again,
            Ok(_) if bus.io_used => {
                bus.io_used = false;
                if core.heeds(bus.io.attention()) {
                    bus.io_used = true;
                    break Flow::Again;
                }
            }
            Ok(_) => {}
        }
    };
    core.extra_ticks = done.saturating_sub(1);
    core.repeating = flow == Flow::Again;
    Ok(flow)
}

/// How many elements from `offset` on, at most `max`, lie within the segment's fast end and within
/// what an address of width `A` reaches without wrapping. 0 if the fast form does not apply.
fn run_length<W: Width, A: Width>(core: &Core, segment: usize, offset: u32, write: bool, max: u32) -> u32 {
    let s = &core.segments[segment & 7];
    let end = (if write { s.write_end } else { s.read_end }).min(A::MASK + 1);
    let room = end.saturating_sub(offset as u64) / W::BYTES as u64;
    (max as u64).min(room) as u32
}

/// Whether runs may be done in bulk now.
fn bulk_allowed(core: &Core) -> bool {
    !core.eflags.contains(Eflags::DF) && !core.watch_data
}

fn linear(core: &Core, segment: usize, offset: u32) -> u64 {
    (core.segments[segment & 7].base as u32).wrapping_add(offset) as u64
}

fn movs_run<W: Width, A: Width>(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn, max: u32) -> Run {
    let source = insn.seg as usize;
    if bulk_allowed(core) {
        let (from, to) = (index::<A>(core, ESI), index::<A>(core, EDI));
        let n = run_length::<W, A>(core, source, from, false, max);
        let n = run_length::<W, A>(core, seg::ES, to, true, n);
        let (from, to) = (linear(core, source, from), linear(core, seg::ES, to));
        // Overlaps shorter than an element do not behave like byte copies.
        if n > 0 && to.wrapping_sub(from).wrapping_sub(1) >= (W::BYTES - 1) as u64 {
            let room = 4096 - (from & 0xfff).max(to & 0xfff);
            let n = n.min(room as u32 / W::BYTES);
            let copied = core.tlb.copy_run(from, to, (n * W::BYTES) as usize) as u32 / W::BYTES;
            if copied > 0 {
                advance::<A>(core, ESI, copied * W::BYTES);
                advance::<A>(core, EDI, copied * W::BYTES);
                return Ok((copied, false));
            }
        }
    }
    let value = core.seg_read::<W>(bus, source, index::<A>(core, ESI))?;
    core.seg_write(bus, seg::ES, index::<A>(core, EDI), value)?;
    let by = step::<W>(core);
    advance::<A>(core, ESI, by);
    advance::<A>(core, EDI, by);
    Ok((1, false))
}

fn stos_run<W: Width, A: Width>(core: &mut Core, bus: &mut Bus<'_>, max: u32) -> Run {
    let value = core.reg::<W>(EAX);
    if bulk_allowed(core) {
        let to = index::<A>(core, EDI);
        let n = run_length::<W, A>(core, seg::ES, to, true, max);
        let to = linear(core, seg::ES, to);
        if let Some(bytes) = core.tlb.write_run(to, n as usize * W::BYTES as usize) {
            let whole = bytes.len() / W::BYTES as usize;
            let pattern = value.zext().to_le_bytes();
            for element in bytes.chunks_exact_mut(W::BYTES as usize) {
                element.copy_from_slice(&pattern[..W::BYTES as usize]);
            }
            if whole > 0 {
                advance::<A>(core, EDI, whole as u32 * W::BYTES);
                return Ok((whole as u32, false));
            }
        }
    }
    core.seg_write(bus, seg::ES, index::<A>(core, EDI), value)?;
    advance::<A>(core, EDI, step::<W>(core));
    Ok((1, false))
}

fn lods_run<W: Width, A: Width>(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Run {
    let value = core.seg_read::<W>(bus, insn.seg as usize, index::<A>(core, ESI))?;
    core.set_reg(EAX, value);
    advance::<A>(core, ESI, step::<W>(core));
    Ok((1, false))
}

/// Reads an element, from the TLB if possible.
#[inline(always)]
fn read_element<W: Width>(
    core: &mut Core,
    bus: &mut Bus<'_>,
    segment: usize,
    offset: u32,
) -> Result<W, Fault> {
    let end = core.segments[segment & 7].read_end;
    if offset as u64 + W::BYTES as u64 <= end
        && let Some(value) = core.tlb.read(linear(core, segment, offset))
    {
        return Ok(value);
    }
    core.seg_read(bus, segment, offset)
}

/// Compares up to `max` elements, until one ends the repetition.
fn compare_run<W: Width, A: Width>(
    core: &mut Core,
    bus: &mut Bus<'_>,
    insn: &Insn,
    max: u32,
    scan: bool,
) -> Run {
    let while_equal = insn.attr.contains(InsnAttr::REP);
    let by = step::<W>(core);
    let mut done = 0;
    while done < max {
        let a = if scan {
            core.reg::<W>(EAX)
        } else {
            match read_element(core, bus, insn.seg as usize, index::<A>(core, ESI)) {
                Ok(value) => value,
                Err(_) if done > 0 => break,
                Err(fault) => return Err(fault),
            }
        };
        let b: W = match read_element(core, bus, seg::ES, index::<A>(core, EDI)) {
            Ok(value) => value,
            Err(_) if done > 0 => break,
            Err(fault) => return Err(fault),
        };
        if !scan {
            advance::<A>(core, ESI, by);
        }
        advance::<A>(core, EDI, by);
        done += 1;
        let over = (a == b) != while_equal;
        if over || done == max || bus.io_used || core.pending_debug != 0 {
            core.flags = Cmp::apply(a, b, false).1;
            return Ok((done, over));
        }
        core.flags = Cmp::apply(a, b, false).1;
    }
    Ok((done, false))
}

op! { /// `rep movs`
RepMovs<W: Width, A: Width>, Slow, None, |x: X, i| {
    x.with_bus(|core, bus| repeat::<A>(core, bus, |core, bus, max| movs_run::<W, A>(core, bus, i, max)))
}}

op! { /// `rep stos`
RepStos<W: Width, A: Width>, Slow, None, |x: X, _i| {
    x.with_bus(|core, bus| repeat::<A>(core, bus, stos_run::<W, A>))
}}

op! { /// `rep lods`
RepLods<W: Width, A: Width>, Slow, None, |x: X, i| {
    x.with_bus(|core, bus| repeat::<A>(core, bus, |core, bus, _| lods_run::<W, A>(core, bus, i)))
}}

op! { /// `repe/repne cmps`
RepCmps<W: Width, A: Width>, Slow, Other, |x: X, i| {
    x.with_bus(|core, bus| {
        repeat::<A>(core, bus, |core, bus, max| compare_run::<W, A>(core, bus, i, max, false))
    })
}}

op! { /// `repe/repne scas`
RepScas<W: Width, A: Width>, Slow, Other, |x: X, i| {
    x.with_bus(|core, bus| {
        repeat::<A>(core, bus, |core, bus, max| compare_run::<W, A>(core, bus, i, max, true))
    })
}}

/// Most bytes that one run moves through a port: they take a stop between chip and memory.
const PORT_RUN: usize = 512;

/// Whether runs through ports may be done in bulk now: no breakpoint looks at each cycle, and the permission for
/// them lies in registers, not in memory that the run might change.
fn port_bulk_allowed(core: &Core) -> bool {
    let permitted = match core.mode() {
        Mode::Real => true,
        Mode::Protected => core.cpl <= core.eflags.iopl(),
        Mode::Virtual8086 => false,
    };
    let watched = core.cr4.contains(Cr4::DE) && core.dr[7] & DR7_ENABLES != 0;
    permitted && !watched && bulk_allowed(core)
}

/// Bytes of at most `elements`, and at most those of one run.
fn port_run_bytes<W: Width>(elements: u32) -> usize {
    (elements.min(PORT_RUN as u32 / W::BYTES) * W::BYTES) as usize
}

/// `bytes` without those of an element that is not whole.
fn whole_elements<W: Width>(bytes: usize) -> usize {
    bytes - bytes % W::BYTES as usize
}

fn ins_run<W: Width, A: Width>(core: &mut Core, bus: &mut Bus<'_>, max: u32) -> Run {
    if port_bulk_allowed(core) {
        let to = index::<A>(core, EDI);
        let n = run_length::<W, A>(core, seg::ES, to, true, max);
        let to = linear(core, seg::ES, to);
        let room = core.tlb.write_run(to, port_run_bytes::<W>(n));
        let room = room.map_or(0, |bytes| whole_elements::<W>(bytes.len()));
        let port = core.reg::<u16>(reg::EDX as u8);
        let mut data = [0; PORT_RUN];
        if room > 0 {
            bus.io_used = true;
            let got = bus
                .io
                .port_read_run(bus.mem, core.now, port, io_width::<W>(), &mut data[..room]);
            if got > 0
                && let Some(bytes) = core.tlb.write_run(to, got)
            {
                bytes.copy_from_slice(&data[..got]);
                advance::<A>(core, EDI, got as u32);
                return Ok((got as u32 / W::BYTES, false));
            }
        }
    }
    ins_element::<W, A>(core, bus)?;
    Ok((1, false))
}

fn outs_run<W: Width, A: Width>(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn, max: u32) -> Run {
    if port_bulk_allowed(core) {
        let from = index::<A>(core, ESI);
        let n = run_length::<W, A>(core, insn.seg as usize, from, false, max);
        let from = linear(core, insn.seg as usize, from);
        let mut data = [0; PORT_RUN];
        let source = core.tlb.read_run(from, port_run_bytes::<W>(n));
        let len = source.map_or(0, |bytes| {
            let len = whole_elements::<W>(bytes.len());
            data[..len].copy_from_slice(&bytes[..len]);
            len
        });
        let port = core.reg::<u16>(reg::EDX as u8);
        if len > 0 {
            bus.io_used = true;
            let put = bus
                .io
                .port_write_run(bus.mem, core.now, port, io_width::<W>(), &data[..len]);
            if put > 0 {
                advance::<A>(core, ESI, put as u32);
                return Ok((put as u32 / W::BYTES, false));
            }
        }
    }
    outs_element::<W, A>(core, bus, insn)?;
    Ok((1, false))
}

op! { /// `rep ins`
RepIns<W: Width, A: Width>, Slow, None, |x: X, _i| {
    x.with_bus(|core, bus| {
        check_port::<W>(core, bus)?;
        repeat::<A>(core, bus, ins_run::<W, A>)
    })
}}

op! { /// `rep outs`
RepOuts<W: Width, A: Width>, Slow, None, |x: X, i| {
    x.with_bus(|core, bus| {
        check_port::<W>(core, bus)?;
        repeat::<A>(core, bus, |core, bus, max| outs_run::<W, A>(core, bus, i, max))
    })
}}
