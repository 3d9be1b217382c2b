//! PUSH, POP, PUSHA, POPA, ENTER, LEAVE. SDM vol. 2, the instructions of these names.

use oldiron_mmu::Width;

use crate::{
    core::reg,
    exec::{Flow, op},
};

const ESP: u8 = reg::ESP as u8;
const EBP: u8 = reg::EBP as u8;
const EAX: u8 = reg::EAX as u8;
const ECX: u8 = reg::ECX as u8;
const EDX: u8 = reg::EDX as u8;
const EBX: u8 = reg::EBX as u8;
const ESI: u8 = reg::ESI as u8;
const EDI: u8 = reg::EDI as u8;

op! { /// `push r`. PUSH SP stores the old value
PushR<W: Width>, Stack, None, |x: X, i| {
    let value = x.reg::<W>(i.src);
    x.push(value)?;
    Ok(Flow::Next)
}}

op! { /// `push imm`
PushI<W: Width>, Stack, None, |x: X, i| {
    x.push(W::truncate(i.imm as u64))?;
    Ok(Flow::Next)
}}

op! { /// `push m`
PushM<W: Width>, MemoryStack, None, |x: X, i| {
    let value = x.load::<W>(i, x.address(i))?;
    x.push(value)?;
    Ok(Flow::Next)
}}

op! { /// `pop r`. POP SP leaves the value from the old top of stack
PopR<W: Width>, Stack, None, |x: X, i| {
    let value = x.stack_load::<W>(x.stack_offset(0))?;
    let offset = x.stack_offset(W::BYTES as i32);
    x.set_stack_pointer(offset);
    x.set_reg(i.dst, value);
    Ok(Flow::Next)
}}

op! { /// `pop m`: an ESP in the address is the one after the pop
PopM<W: Width>, MemoryStack, None, |x: X, i| {
    let value = x.stack_load::<W>(x.stack_offset(0))?;
    let (old, offset) = (x.core_ref().gpr[reg::ESP], x.stack_offset(W::BYTES as i32));
    x.set_stack_pointer(offset);
    let address = x.address(i);
    let stored = x.store(i, address, value);
    if stored.is_err() {
        x.core().gpr[reg::ESP] = old;
    }
    stored?;
    Ok(Flow::Next)
}}

op! { /// `pusha`. A fault in the middle leaves the values already written, as silicon does
Pusha<W: Width>, Stack, None, |x: X, _i| {
    let bytes = W::BYTES as i32;
    for number in 0..8u8 {
        let value = x.reg::<W>(number);
        x.stack_store(x.stack_offset(-bytes * (number as i32 + 1)), value)?;
    }
    let offset = x.stack_offset(-8 * bytes);
    x.set_stack_pointer(offset);
    Ok(Flow::Next)
}}

op! { /// `popa`: the stored stack pointer is skipped
Popa<W: Width>, Stack, None, |x: X, _i| {
    let bytes = W::BYTES as i32;
    let mut load = |n: i32| x.stack_load::<W>(x.stack_offset(bytes * n));
    // Not in an array: a chained handler with a frame of its own does not end in a jump. ESP is read and dropped.
    let (edi, esi, ebp, _) = (load(0)?, load(1)?, load(2)?, load(3)?);
    let (ebx, edx, ecx, eax) = (load(4)?, load(5)?, load(6)?, load(7)?);
    let offset = x.stack_offset(8 * bytes);
    x.set_reg(EDI, edi);
    x.set_reg(ESI, esi);
    x.set_reg(EBP, ebp);
    x.set_reg(EBX, ebx);
    x.set_reg(EDX, edx);
    x.set_reg(ECX, ecx);
    x.set_reg(EAX, eax);
    x.set_stack_pointer(offset);
    Ok(Flow::Next)
}}

op! { /// `enter size, level`: size is `imm`, level `imm2`. Frame pointers may be read from what was just
    /// written, so that it cannot be begun in the fast form and begun again in the slow one
Enter<W: Width>, Slow, None, |x: X, i| {
    let (level, bytes) = (i.imm2 as i32 & 31, W::BYTES as i32);
    let frame_pointer = x.reg::<W>(EBP);
    let frame = x.stack_offset(-bytes);
    // What becomes EBP: all of ESP, of which a 16-bit stack moved only SP.
    let full = x.reg::<u32>(ESP) & !x.stack_wrap(u32::MAX) | frame;
    x.stack_store(frame, frame_pointer)?;
    for n in 1..level {
        let outer = x.stack_wrap(x.stack_register(reg::EBP).wrapping_sub((n * bytes) as u32));
        let value = x.stack_load::<W>(outer)?;
        x.stack_store(x.stack_offset(-bytes * (n + 1)), value)?;
    }
    let mut depth = bytes;
    if level > 0 {
        x.stack_store(x.stack_offset(-bytes * (level + 1)), W::truncate(full as u64))?;
        depth += level * bytes;
    }
    let offset = x.stack_offset(-depth - (i.imm as u16 as i32));
    // The new top must be writable (SDM "ENTER"), though nothing is written.
    x.check_stack::<W>(offset)?;
    x.set_stack_pointer(offset);
    x.set_reg(EBP, W::truncate(full as u64));
    Ok(Flow::Next)
}}

op! { /// `leave`
Leave<W: Width>, Stack, None, |x: X, _i| {
    let top = x.stack_register(reg::EBP);
    let value = x.stack_load::<W>(top)?;
    let offset = x.stack_wrap(top.wrapping_add(W::BYTES));
    x.set_stack_pointer(offset);
    x.set_reg(EBP, value);
    Ok(Flow::Next)
}}
