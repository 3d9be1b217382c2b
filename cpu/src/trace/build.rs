//! Decoding: bytes to a trace.

use iced_x86::{Decoder, DecoderError, Instruction};
use oldiron_mmu::{Access, Bus, MapKind};

use super::{LimitClass, Slot, TraceCache};
use crate::{
    core::{Core, TraceMode, seg},
    dispatch::{MAX_TRACE, Step, TraceRef},
    exec::FlagUse,
    fault::{Fault, FaultRule},
    insn::Insn,
    lower::{self, Context, Lowered},
};

/// The longest instruction (SDM vol. 2A §2.3.11).
const MAX_LENGTH: usize = 15;

impl TraceCache {
    /// Decodes the trace at linear `addr`, whose bytes lie at `backing`, and records it.
    pub(super) fn build(
        &mut self,
        core: &mut Core,
        bus: &mut Bus<'_>,
        backing: u32,
        addr: u32,
        class: LimitClass,
    ) -> Result<TraceRef, Fault> {
        let (eip, mode) = (core.eip, core.trace_mode);
        let context = Context::new(core.model, mode, class);
        let bytes = bus.mem.page_slice(backing, 0x1000);
        let mut trace = Vec::with_capacity(MAX_TRACE);
        // Bytes that the limit of CS lets us fetch.
        let limit = core.segments[seg::CS].limit;
        let fetchable = (limit - eip) as usize;
        let bytes = &bytes[..bytes.len().min(fetchable.saturating_add(1))];
        let mut decoder = context.decoder(bytes, eip);
        let mut instruction = Instruction::default();
        while trace.len() < MAX_TRACE - 1 && decoder.can_decode() {
            let at = decoder.position();
            decoder.decode_out(&mut instruction);
            if instruction.is_invalid() {
                if !trace.is_empty() {
                    // Let it start a trace of its own.
                    break;
                }
                let enough = bytes.len() - at >= MAX_LENGTH;
                if decoder.last_error() == DecoderError::NoMoreBytes && !enough {
                    return self.build_spanning(core, bus, backing, addr, class);
                }
                trace.push(context.invalid(&bytes[at..], eip));
                break;
            }
            let lowered = context.lower(&instruction);
            let (alone, ends) = (lowered.alone, lowered.ends);
            if alone && !trace.is_empty() {
                break;
            }
            trace.push(lowered);
            if alone || ends {
                break;
            }
        }
        if trace.is_empty() {
            // No byte of it may be fetched; `find` has already checked the first one.
            return self.build_spanning(core, bus, backing, addr, class);
        }
        let (start, last_eip) = self.finish(&mut trace, &context);
        let slot = Slot {
            backing,
            eip,
            mode: mode.bits() as u16 | (class as u16) << 8,
            trace: 0,
        };
        self.insert(core, bus.mem, slot, start, last_eip, None);
        Ok(TraceRef::new(start, true))
    }

    /// Decodes one instruction that does not end in the page it starts in.
    fn build_spanning(
        &mut self,
        core: &mut Core,
        bus: &mut Bus<'_>,
        backing: u32,
        addr: u32,
        class: LimitClass,
    ) -> Result<TraceRef, Fault> {
        let (mut lowered, second) = self.decode_one(core, bus, addr, class)?;
        let context = Context::new(core.model, core.trace_mode, class);
        let (start, last_eip) = self.finish(core::slice::from_mut(&mut lowered), &context);
        let mode = core.trace_mode.bits() as u16 | (class as u16) << 8;
        let slot = Slot {
            backing,
            eip: core.eip,
            mode,
            trace: 0,
        };
        if lowered.insn.len as u32 <= 0x1000 - (addr & 0xfff) {
            self.insert(core, bus.mem, slot, start, last_eip, None);
        } else if second.is_some() {
            self.insert(core, bus.mem, slot, start, last_eip, second);
        }
        Ok(TraceRef::new(start, false))
    }

    /// Decodes one instruction outside RAM and ROM, and keeps it for this once.
    pub(super) fn build_elsewhere(
        &mut self,
        core: &mut Core,
        bus: &mut Bus<'_>,
        addr: u32,
        class: LimitClass,
    ) -> Result<TraceRef, Fault> {
        let (mut lowered, _) = self.decode_one(core, bus, addr, class)?;
        let context = Context::new(core.model, core.trace_mode, class);
        let (start, _) = self.finish(core::slice::from_mut(&mut lowered), &context);
        Ok(TraceRef::new(start, false))
    }

    /// Fetches and decodes byte by byte as hardware does: a fault of a byte counts only if the
    /// instruction needs it. Also returns the backing offset of the second page, if one was used.
    fn decode_one(
        &mut self,
        core: &mut Core,
        bus: &mut Bus<'_>,
        addr: u32,
        class: LimitClass,
    ) -> Result<(Lowered, Option<u32>), Fault> {
        let (eip, user) = (core.eip, core.cpl == 3);
        let context = Context::new(core.model, core.trace_mode, class);
        let limit = core.segments[seg::CS].limit;
        let mut bytes = [0; MAX_LENGTH];
        let mut len = 0;
        let mut second = None;
        let mut instruction = Instruction::default();
        while len < MAX_LENGTH {
            let at = addr.wrapping_add(len as u32);
            if eip.checked_add(len as u32).is_none_or(|offset| offset > limit) && limit != u32::MAX {
                return Err(Fault::protection(0, FaultRule::FetchBeyondLimit));
            }
            let target = core.translate(bus, at, Access::Execute, user)?;
            if len > 0
                && at & 0xfff == 0
                && let MapKind::Ram(backing) | MapKind::Rom(backing) = target.kind
            {
                second = Some(backing);
            }
            // The rest of this page, as far as the limit goes, at once if it is memory.
            let room = (MAX_LENGTH - len).min(0x1000 - (at & 0xfff) as usize);
            let room =
                room.min((limit.wrapping_sub(eip.wrapping_add(len as u32)) as usize).saturating_add(1));
            match target.kind {
                MapKind::Ram(backing) | MapKind::Rom(backing) => {
                    bytes[len..len + room].copy_from_slice(bus.mem.page_slice(backing, room));
                    len += room;
                }
                _ => {
                    bytes[len] = crate::access::read_target(bus, core.now, target);
                    len += 1;
                }
            }
            let mut decoder = context.decoder(&bytes[..len], eip);
            decoder.decode_out(&mut instruction);
            if !instruction.is_invalid() {
                return Ok((context.lower(&instruction), second));
            }
            if decoder.last_error() != DecoderError::NoMoreBytes {
                break;
            }
        }
        Ok((context.invalid(&bytes[..len], eip), second))
    }

    /// Numbers the instructions, chooses their handlers by which flags are read, closes the trace and
    /// puts it into the pool. Returns its first record and the EIP of its last byte.
    fn finish(&mut self, trace: &mut [Lowered], context: &Context<'_>) -> (usize, u32) {
        // Backwards: flags are read behind the trace, and by anything that may fault or stop.
        let mut live = true;
        for lowered in trace.iter_mut().rev() {
            lowered.insn.handler = lowered.handlers[live as usize];
            match lowered.flag_use {
                FlagUse::Sets => live = lowered.may_stop,
                FlagUse::None | FlagUse::Merges => live |= lowered.may_stop,
                FlagUse::ReadsAndSets | FlagUse::Other => live = true,
            }
        }
        let mut records: Vec<(Insn, Step)> = Vec::with_capacity(trace.len() + 1);
        for (n, lowered) in trace.iter().enumerate() {
            let insn = Insn {
                n: n as u8 + 1,
                ..lowered.insn
            };
            records.push((insn, lowered.step));
        }
        let Some((last, _)) = records.last().copied() else {
            return (0, 0);
        };
        let next_eip = last.next_eip();
        let ends = trace.last().is_some_and(|lowered| lowered.ends);
        let eip = [next_eip, last.imm];
        if !ends {
            let (insn, step) = context.end_of_trace(next_eip, last.n);
            records.push((insn, step));
        }
        // `is_full` made sure that there is room.
        let start = self.pool.push(&records, eip).unwrap_or(0);
        (start, next_eip.wrapping_sub(1))
    }
}

impl Context<'_> {
    /// A decoder for code of this mode.
    fn decoder<'b>(&self, bytes: &'b [u8], eip: u32) -> Decoder<'b> {
        let bitness = if self.mode.contains(TraceMode::CODE32) {
            32
        } else {
            16
        };
        Decoder::with_ip(bitness, bytes, eip as u64, self.model.decoder_options())
    }

    /// The instruction that stands for bytes that are none: #UD, or #GP if it is only too long.
    fn invalid(&self, bytes: &[u8], eip: u32) -> Lowered {
        // An instruction of 16 bytes and more has repeated prefixes. Without these it decodes.
        let prefix = |byte: &u8| matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3);
        let prefixes = bytes.iter().take_while(|byte| prefix(byte)).count();
        let mut short: Vec<u8> = Vec::with_capacity(bytes.len());
        for byte in &bytes[..prefixes] {
            if !short.contains(byte) {
                short.push(*byte);
            }
        }
        let dropped = prefixes - short.len();
        short.extend_from_slice(&bytes[prefixes..]);
        // What lies behind the 15th byte does not matter: it is beyond the limit whatever it is.
        short.resize(short.len() + MAX_LENGTH, 0);
        let mut instruction = Instruction::default();
        self.decoder(&short, eip).decode_out(&mut instruction);
        let too_long =
            prefixes >= MAX_LENGTH || (!instruction.is_invalid() && dropped + instruction.len() > MAX_LENGTH);
        lower::invalid(eip, too_long)
    }
}
