//! Descriptors and stacks: what segment loads, far transfers, interrupts and task switches share.
//!
//! Follows SDM vol. 3A §3.4.5 (segment descriptors), §3.5 (system descriptors), §5.2–§5.8
//! (protection checks) and §7.2 (TSS). A check never changes guest-visible state; what was checked is
//! written by the caller once nothing can fail any more.

use oldiron_mmu::{Access, Bus, SegAttr, Segment};

use crate::{
    core::{Core, seg},
    fault::{Fault, FaultRule, vector},
};

/// Types of system descriptors (SDM vol. 3A table 3-2).
pub(crate) mod system_type {
    pub const TSS16_AVAILABLE: u8 = 1;
    pub const LDT: u8 = 2;
    pub const TSS16_BUSY: u8 = 3;
    pub const CALL_GATE16: u8 = 4;
    pub const TASK_GATE: u8 = 5;
    pub const INTERRUPT_GATE16: u8 = 6;
    pub const TRAP_GATE16: u8 = 7;
    pub const TSS32_AVAILABLE: u8 = 9;
    pub const TSS32_BUSY: u8 = 11;
    pub const CALL_GATE32: u8 = 12;
    pub const INTERRUPT_GATE32: u8 = 14;
    pub const TRAP_GATE32: u8 = 15;
    /// Set in the type of a busy TSS.
    pub const BUSY: u8 = 2;
}

/// Selector bits: table indicator.
const TABLE_INDICATOR: u16 = 1 << 2;
/// Selector bits that an error code keeps: index and table indicator.
const ERROR_BITS: u16 = !3;
/// Where the byte of type, DPL and P lies in a descriptor.
const ACCESS_BYTE: u32 = 5;

/// Requested privilege level.
pub(crate) const fn rpl(selector: u16) -> u8 {
    selector as u8 & 3
}

/// Whether a selector is null (SDM vol. 3A §3.4.2).
pub(crate) const fn is_null(selector: u16) -> bool {
    selector & ERROR_BITS == 0
}

/// Whether a selector refers to the LDT.
pub(crate) const fn is_local(selector: u16) -> bool {
    selector & TABLE_INDICATOR != 0
}

/// A fault with a selector as its error code.
pub(crate) const fn selector_fault(vector: u8, selector: u16, rule: FaultRule) -> Fault {
    Fault::with_error(vector, (selector & ERROR_BITS) as u32, rule)
}

/// A descriptor as read from its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Descriptor {
    /// The selector that named it.
    pub selector: u16,
    /// Its linear address.
    pub addr: u32,
    /// Its eight bytes.
    pub raw: u64,
}

impl Descriptor {
    /// Type, DPL, P and the flags.
    pub(crate) fn attr(&self) -> SegAttr {
        SegAttr::from_bits_truncate((self.raw >> 40) as u16 & 0xf0ff)
    }

    /// Descriptor privilege level.
    pub(crate) fn dpl(&self) -> u8 {
        self.attr().dpl()
    }

    /// The type, if it is a system descriptor.
    pub(crate) fn system_type(&self) -> Option<u8> {
        (!self.attr().is_user_segment()).then_some(self.attr().kind())
    }

    /// Whether the present bit is set.
    pub(crate) fn is_present(&self) -> bool {
        self.attr().contains(SegAttr::PRESENT)
    }

    /// As a segment register holds it.
    pub(crate) fn segment(&self) -> Segment {
        Segment::from_descriptor(self.selector, self.raw)
    }

    /// A fault that names this descriptor.
    pub(crate) fn fault(&self, vector: u8, rule: FaultRule) -> Fault {
        selector_fault(vector, self.selector, rule)
    }

    // ---- gates ----

    /// The selector in a gate.
    pub(crate) fn gate_selector(&self) -> u16 {
        (self.raw >> 16) as u16
    }

    /// The entry point in a gate; the upper half counts only in 32-bit gates.
    pub(crate) fn gate_offset(&self, wide: bool) -> u32 {
        let low = self.raw as u32 & 0xffff;
        if wide {
            low | (self.raw >> 32) as u32 & 0xffff_0000
        } else {
            low
        }
    }

    /// How many parameters a call gate copies.
    pub(crate) fn gate_parameters(&self) -> u32 {
        (self.raw >> 32) as u32 & 31
    }
}

/// Whether a TSS type is one of the 32-bit ones.
pub(crate) const fn is_tss32(kind: u8) -> bool {
    kind & 8 != 0
}

impl Core {
    /// Reads the descriptor of a selector. Beyond the table: `vector`(selector).
    pub(crate) fn fetch_descriptor(
        &mut self,
        bus: &mut Bus<'_>,
        selector: u16,
        vector: u8,
    ) -> Result<Descriptor, Fault> {
        let beyond = selector_fault(vector, selector, FaultRule::SelectorBeyondTable);
        let (base, limit) = if is_local(selector) {
            if self.ldtr.is_null() {
                return Err(beyond);
            }
            (self.ldtr.base as u32, self.ldtr.limit)
        } else {
            (self.gdtr.base, self.gdtr.limit as u32)
        };
        let offset = (selector & 0xfff8) as u32;
        if offset + 7 > limit {
            return Err(beyond);
        }
        let addr = base.wrapping_add(offset);
        let raw = self.sys_read(bus, addr)?;
        Ok(Descriptor { selector, addr, raw })
    }

    /// Sets the accessed bit of a code or data segment in its table, if it is clear, and returns the
    /// segment register's new content.
    pub(crate) fn access_segment(
        &mut self,
        bus: &mut Bus<'_>,
        descriptor: &Descriptor,
    ) -> Result<Segment, Fault> {
        let mut segment = descriptor.segment();
        if !segment.attr.contains(SegAttr::ACCESSED) {
            segment.attr |= SegAttr::ACCESSED;
            let addr = descriptor.addr.wrapping_add(ACCESS_BYTE);
            self.sys_write::<u8>(bus, addr, segment.attr.bits() as u8)?;
        }
        Ok(segment)
    }

    /// Checks that the busy bit of a TSS descriptor can be changed.
    pub(crate) fn check_busy_write(&mut self, bus: &mut Bus<'_>, addr: u32) -> Result<(), Fault> {
        self.check_access(bus, addr.wrapping_add(ACCESS_BYTE), 1, Access::Write, false)
    }

    /// Sets or clears the busy bit of the TSS descriptor at `addr`.
    pub(crate) fn set_busy(&mut self, bus: &mut Bus<'_>, addr: u32, busy: bool) -> Result<(), Fault> {
        let addr = addr.wrapping_add(ACCESS_BYTE);
        let old: u8 = self.sys_read(bus, addr)?;
        let bit = system_type::BUSY;
        self.sys_write(bus, addr, if busy { old | bit } else { old & !bit })
    }

    // ---- code segments ----

    /// Checks the target of a far JMP or CALL without a gate (SDM vol. 3A §5.8.1): the privilege level stays.
    pub(crate) fn check_direct_code(&self, descriptor: &Descriptor) -> Result<(), Fault> {
        let attr = descriptor.attr();
        if !attr.is_code() {
            return Err(descriptor.fault(vector::GP, FaultRule::WrongDescriptorType));
        }
        let allowed = if attr.is_conforming() {
            attr.dpl() <= self.cpl
        } else {
            rpl(descriptor.selector) <= self.cpl && attr.dpl() == self.cpl
        };
        if !allowed {
            return Err(descriptor.fault(vector::GP, FaultRule::DescriptorPrivilege));
        }
        if !attr.contains(SegAttr::PRESENT) {
            return Err(descriptor.fault(vector::NP, FaultRule::SegmentNotPresent));
        }
        Ok(())
    }

    /// Checks the target of a far RET or IRET: its privilege level is the selector's RPL, at or outside
    /// the current one (SDM vol. 2B "RET").
    pub(crate) fn check_return_code(
        &mut self,
        bus: &mut Bus<'_>,
        selector: u16,
    ) -> Result<Descriptor, Fault> {
        if is_null(selector) {
            return Err(Fault::protection(0, FaultRule::NullSelector));
        }
        let descriptor = self.fetch_descriptor(bus, selector, vector::GP)?;
        let attr = descriptor.attr();
        if !attr.is_code() {
            return Err(descriptor.fault(vector::GP, FaultRule::WrongDescriptorType));
        }
        let level = rpl(selector);
        let allowed = if attr.is_conforming() {
            attr.dpl() <= level
        } else {
            attr.dpl() == level
        };
        if level < self.cpl || !allowed {
            return Err(descriptor.fault(vector::GP, FaultRule::DescriptorPrivilege));
        }
        if !attr.contains(SegAttr::PRESENT) {
            return Err(descriptor.fault(vector::NP, FaultRule::SegmentNotPresent));
        }
        Ok(descriptor)
    }

    /// Puts a checked code segment into CS at privilege level `cpl`.
    pub(crate) fn enter_code(&mut self, segment: Segment, cpl: u8) {
        self.segments[seg::CS] = segment;
        self.segments[seg::CS].selector = segment.selector & ERROR_BITS | cpl as u16;
        self.cpl = cpl;
        self.update_mode();
    }

    /// Loads CS as real mode and virtual-8086 mode do.
    pub(crate) fn enter_real_code(&mut self, selector: u16) {
        self.load_real_segment(seg::CS, selector);
        self.update_mode();
    }

    /// Loads a segment register as real mode (limits stay: "unreal mode") or virtual-8086 mode do.
    pub(crate) fn load_real_segment(&mut self, register: usize, selector: u16) {
        let virtual8086 = self.is_virtual8086();
        let segment = &mut self.segments[register & 7];
        if virtual8086 {
            *segment = Segment::real(selector, 3);
        } else if segment.is_null() || (register == seg::CS && self.model.resets_real_cs()) {
            *segment = Segment::real(selector, 0);
        } else {
            segment.load_real(selector);
            if register == seg::CS {
                // Whatever kind of code segment protected mode left behind, real mode writes through CS.
                let kept = segment.attr & (SegAttr::BIG | SegAttr::GRANULARITY);
                segment.attr = Segment::real(selector, 0).attr | kept;
                segment.update_ends();
            }
        }
    }

    /// Whether the processor is in virtual-8086 mode.
    pub(crate) fn is_virtual8086(&self) -> bool {
        self.mode() == crate::core::Mode::Virtual8086
    }

    // ---- stacks ----

    /// Checks the stack segment of privilege level `level` and returns its descriptor. Faults are
    /// `vector`(selector), and #SS(selector) if it is not present.
    pub(crate) fn check_stack_segment(
        &mut self,
        bus: &mut Bus<'_>,
        selector: u16,
        level: u8,
        vector: u8,
    ) -> Result<Descriptor, Fault> {
        if is_null(selector) {
            return Err(Fault::with_error(vector, 0, FaultRule::NullSelector));
        }
        let descriptor = self.fetch_descriptor(bus, selector, vector)?;
        let attr = descriptor.attr();
        if rpl(selector) != level {
            return Err(descriptor.fault(vector, FaultRule::DescriptorPrivilege));
        }
        if !attr.is_writable() {
            return Err(descriptor.fault(vector, FaultRule::StackNotWritable));
        }
        if attr.dpl() != level {
            return Err(descriptor.fault(vector, FaultRule::DescriptorPrivilege));
        }
        if !attr.contains(SegAttr::PRESENT) {
            return Err(descriptor.fault(vector::SS, FaultRule::SegmentNotPresent));
        }
        Ok(descriptor)
    }

    /// Reads SS and ESP of an inner privilege level from the current TSS and checks the segment (SDM
    /// vol. 3A §5.8.5).
    pub(crate) fn inner_stack(&mut self, bus: &mut Bus<'_>, level: u8) -> Result<(Descriptor, u32), Fault> {
        let wide = is_tss32(self.tr.attr.kind());
        let (offset, last) = if wide {
            (level as u32 * 8 + 4, level as u32 * 8 + 9)
        } else {
            (level as u32 * 4 + 2, level as u32 * 4 + 5)
        };
        if self.tr.is_null() || last > self.tr.limit {
            return Err(selector_fault(
                vector::TS,
                self.tr.selector,
                FaultRule::TssTooSmall,
            ));
        }
        let base = (self.tr.base as u32).wrapping_add(offset);
        let (esp, ss) = if wide {
            (
                self.sys_read::<u32>(bus, base)?,
                self.sys_read::<u16>(bus, base.wrapping_add(4))?,
            )
        } else {
            (
                self.sys_read::<u16>(bus, base)? as u32,
                self.sys_read::<u16>(bus, base.wrapping_add(2))?,
            )
        };
        let descriptor = self.check_stack_segment(bus, ss, level, vector::TS)?;
        Ok((descriptor, esp))
    }

    /// Offset in SS of the stack slot `offset` bytes above the stack pointer.
    pub(crate) fn stack_slot(&self, offset: u32) -> u32 {
        let sum = self.stack_pointer().wrapping_add(offset);
        if self.segments[seg::SS].is_big() {
            sum
        } else {
            sum & 0xffff
        }
    }

    /// Reads a 16- or 32-bit stack slot `offset` bytes above the stack pointer.
    pub(crate) fn stack_read(&mut self, bus: &mut Bus<'_>, offset: u32, wide: bool) -> Result<u32, Fault> {
        let slot = self.stack_slot(offset);
        if wide {
            self.seg_read::<u32>(bus, seg::SS, slot)
        } else {
            Ok(self.seg_read::<u16>(bus, seg::SS, slot)? as u32)
        }
    }

    /// Removes `bytes` from the stack.
    pub(crate) fn release_stack(&mut self, bytes: u32) {
        let slot = self.stack_slot(bytes);
        self.set_stack_pointer(slot);
    }
}

/// The most slots that one event pushes: a call gate with 31 parameters.
const MOST_PUSHES: usize = 36;

/// Values to be pushed: each push is checked at once, and all are written at the end.
pub(crate) struct Pushes {
    stack: Segment,
    pointer: u32,
    level: u8,
    wide: bool,
    error: u32,
    checked_page: Option<u32>,
    slots: [(u32, u32); MOST_PUSHES],
    count: usize,
}

impl Pushes {
    /// Onto the current stack.
    pub(crate) fn current(core: &Core, wide: bool) -> Self {
        Self::onto(
            core.segments[seg::SS],
            core.gpr32(crate::core::reg::ESP),
            core.cpl,
            wide,
            0,
        )
    }

    /// Onto the stack `stack:pointer`, which belongs to privilege level `level`. `error` is the error
    /// code of the #SS if there is no room.
    pub(crate) fn onto(stack: Segment, pointer: u32, level: u8, wide: bool, error: u32) -> Self {
        Self {
            stack,
            pointer,
            level,
            wide,
            error,
            checked_page: None,
            slots: [(0, 0); MOST_PUSHES],
            count: 0,
        }
    }

    /// Checks the next slot and notes what goes there.
    pub(crate) fn push(&mut self, core: &mut Core, bus: &mut Bus<'_>, value: u32) -> Result<(), Fault> {
        let size = if self.wide { 4 } else { 2 };
        let moved = self.pointer.wrapping_sub(size);
        let offset = if self.stack.is_big() {
            moved
        } else {
            moved & 0xffff
        };
        if self.stack.is_null() || !self.stack.attr.is_writable() || !self.stack.contains(offset, size) {
            return Err(Fault::with_error(vector::SS, self.error, FaultRule::StackSpace));
        }
        let addr = (self.stack.base as u32).wrapping_add(offset);
        if self.level == 3 && core.checks_alignment() && addr & (size - 1) != 0 {
            return Err(Fault::with_error(vector::AC, 0, FaultRule::Misaligned));
        }
        let page = addr >> 12;
        if self.checked_page != Some(page) || addr.wrapping_add(size - 1) >> 12 != page {
            core.check_access(bus, addr, size, Access::Write, self.level == 3)?;
            self.checked_page = Some(page);
        }
        if let Some(slot) = self.slots.get_mut(self.count) {
            *slot = (addr, value);
            self.count += 1;
        }
        self.pointer = if self.stack.is_big() {
            moved
        } else {
            self.pointer & !0xffff | offset
        };
        Ok(())
    }

    /// Writes all slots. The stack pointer is the caller's to set, see [`Pushes::pointer`].
    pub(crate) fn write(&self, core: &mut Core, bus: &mut Bus<'_>) -> Result<(), Fault> {
        for &(addr, value) in &self.slots[..self.count] {
            if self.wide {
                core.write_linear(bus, addr, value, self.level == 3)?;
                core.note_data_access(addr, 4, true);
            } else {
                core.write_linear(bus, addr, value as u16, self.level == 3)?;
                core.note_data_access(addr, 2, true);
            }
        }
        Ok(())
    }

    /// ESP after the pushes.
    pub(crate) fn pointer(&self) -> u32 {
        self.pointer
    }
}
