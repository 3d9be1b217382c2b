//! Decoding: bytes to a trace.

use iced_x86::{Code, Decoder, DecoderError, Instruction};
use oldiron_mmu::{Access, Bus, MapKind};

use super::{Constant, LimitClass, NewTrace, Slot, TraceCache};
use crate::{
    core::{Core, TraceMode, seg},
    dispatch::{MAX_TRACE, Record, TraceRef},
    exec::FlagUse,
    fault::{Fault, FaultRule},
    insn::Insn,
    lower::{self, Context, Lowered},
};

/// The longest instruction (SDM vol. 2A §2.3.11).
const MAX_LENGTH: usize = 15;

impl TraceCache {
    /// Decodes the trace at linear `addr`, whose bytes lie at `backing`, and records it. `over` is a
    /// stale trace of the same key.
    pub(super) fn build(
        &mut self,
        core: &mut Core,
        bus: &mut Bus<'_>,
        backing: u32,
        addr: u32,
        class: LimitClass,
        over: Option<u32>,
    ) -> Result<TraceRef, Fault> {
        let (eip, mode) = (core.eip, core.trace_mode);
        let context = Context::new(core.model, mode, class);
        let bytes = bus.mem.page_slice(backing, 0x1000);
        let mut trace = core::mem::take(&mut self.lowered);
        trace.clear();
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
                let enough = bytes.len() - at >= MAX_LENGTH;
                // Behind others, let it start a trace of its own.
                if trace.is_empty() && (decoder.last_error() != DecoderError::NoMoreBytes || enough) {
                    trace.push(context.invalid(&bytes[at..], eip));
                }
                break;
            }
            let mut lowered = context.lower(&instruction, &bytes[at..]);
            if lowered.alone && !trace.is_empty() {
                break;
            }
            if lowered.constants {
                lowered.offsets = decoder.get_constant_offsets(&instruction);
            }
            let last = lowered.alone || (lowered.ends && lowered.inside.is_none());
            trace.push(lowered);
            if last {
                break;
            }
        }
        if trace.is_empty() {
            self.lowered = trace;
            return self.build_spanning(core, bus, backing, addr, class);
        }
        let slot = Slot {
            backing,
            eip,
            mode: mode.bits() as u16 | (class as u16) << 8,
            trace: 0,
        };
        let new = self.finish(&mut trace, &context, slot, over);
        self.lowered = trace;
        let start = new.start;
        self.insert(core, bus.mem, new, over);
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
        let mode = core.trace_mode.bits() as u16 | (class as u16) << 8;
        let slot = Slot {
            backing,
            eip: core.eip,
            mode,
            trace: 0,
        };
        let mut new = self.finish(core::slice::from_mut(&mut lowered), &context, slot, None);
        let start = new.start;
        let spans = lowered.insn.len as u32 > 0x1000 - (addr & 0xfff);
        if !spans || second.is_some() {
            new.second = second.filter(|_| spans);
            self.insert(core, bus.mem, new, None);
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
        let slot = Slot {
            eip: core.eip,
            ..super::EMPTY
        };
        let new = self.finish(core::slice::from_mut(&mut lowered), &context, slot, None);
        Ok(TraceRef::new(new.start, false))
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
                return Ok((context.lower(&instruction, &bytes[..len]), second));
            }
            if decoder.last_error() != DecoderError::NoMoreBytes {
                break;
            }
        }
        Ok((context.invalid(&bytes[..len], eip), second))
    }

    /// Numbers the instructions, chooses their handlers by which flags are read, closes the trace and
    /// puts it into the pool.
    fn finish(
        &mut self,
        trace: &mut [Lowered],
        context: &Context<'_>,
        slot: Slot,
        over: Option<u32>,
    ) -> NewTrace {
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
        // Conditional jumps that the trace goes on behind.
        let last = trace.len().saturating_sub(1);
        for lowered in &mut trace[..last] {
            if let Some((handler, step)) = lowered.inside {
                (lowered.insn.handler, lowered.step, lowered.ends) = (handler, step, false);
            }
        }
        for n in 0..last {
            if let (Some(handlers), Some(condition)) = (trace[n].fused, trace[n + 1].condition) {
                let handlers = if n + 1 == last {
                    &handlers.ending
                } else {
                    &handlers.inside
                };
                trace[n].insn.handler = handlers[condition as usize & 15];
            }
        }
        let first_constant = self.constants.len() as u32;
        self.records.clear();
        for (n, lowered) in trace.iter().enumerate() {
            let record = self.records.len() as u8;
            let insn = Insn {
                n: n as u8 + 1,
                ..lowered.insn
            };
            self.records.push(Record::Insn(insn, lowered.step, lowered.code));
            if lowered.inside.is_some() && n < last {
                self.records.push(Record::Links);
            }
            let begin = lowered.insn.eip.wrapping_sub(slot.eip);
            let mut constant = |offset: usize, len: usize, displacement: bool| {
                // Only whole doublewords are taken over as they are.
                if len == 4
                    && let Ok(at) = u8::try_from(begin as usize + offset)
                {
                    self.constants.push(Constant {
                        at,
                        len: 4,
                        record,
                        displacement,
                    });
                }
            };
            if lowered.constants {
                constant(
                    lowered.offsets.displacement_offset(),
                    lowered.offsets.displacement_size(),
                    true,
                );
                constant(
                    lowered.offsets.immediate_offset(),
                    lowered.offsets.immediate_size(),
                    false,
                );
            }
        }
        let (next_eip, n, ends) = trace.last().map_or((slot.eip, 0, false), |last| {
            (last.insn.next_eip(), trace.len() as u8, last.ends)
        });
        if !ends {
            let (insn, step) = context.end_of_trace(next_eip, n);
            self.records.push(Record::Insn(insn, step, Code::INVALID));
        }
        self.records.push(Record::Links);
        let place = over
            .and_then(|over| self.metas.get(over as usize))
            .map(|meta| (meta.start as usize, meta.records as usize));
        // `is_full` made sure that there is room.
        let start = self.pool.push(&self.records, place).unwrap_or(0);
        let records = place
            .filter(|place| place.0 == start)
            .map_or(self.records.len(), |place| place.1);
        NewTrace {
            slot,
            start,
            records: records as u16,
            last_eip: next_eip.wrapping_sub(1),
            constants: (first_constant, self.constants.len() as u32),
            second: None,
        }
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
        // All bytes that were looked at belong to it: what it is depends on each.
        lower::invalid(eip, bytes.len().min(MAX_LENGTH) as u8, too_long)
    }
}
