//! Delivery of exceptions and interrupts, double fault and shutdown.
//!
//! Follows SDM vol. 2A "INT n" (the pseudo-code of all forms), vol. 3A chapter 6 and §20.1.4, §20.2, §20.3
//! (real and virtual-8086 mode). Everything is checked before anything is written, so that a failed delivery
//! leaves the state of the interrupted program; only a task switch that fails half-way leaves the new task's.

use log::debug;
use oldiron_mmu::{Bus, Segment};

use crate::{
    core::{Activity, Core, Mode, Shadow, dr6, reg, seg},
    exec::{
        control::DR7_GD,
        descriptor::{Descriptor, Pushes, is_null, is_tss32, system_type},
        task::{Reason, fetch_available_tss, task_switch},
    },
    fault::{Fault, FaultRule, vector},
    flags::Eflags,
};

/// Where an event comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A fault, trap or abort of the processor.
    Exception,
    /// INT n, INT3 or INTO.
    Software,
    /// INT1.
    Icebp,
    /// The interrupt controller, or NMI.
    External,
}

/// What [`raise`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// A handler was entered.
    Entered,
    /// Triple fault: the processor is in shutdown.
    Shutdown,
}

/// Classes of events for the double-fault rule (SDM vol. 3A table 6-4).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Benign,
    Contributory,
    PageFault,
    DoubleFault,
}

fn class(number: u8, source: Source) -> Class {
    match number {
        _ if source != Source::Exception => Class::Benign,
        vector::DE | vector::TS | vector::NP | vector::SS | vector::GP => Class::Contributory,
        vector::PF => Class::PageFault,
        vector::DF => Class::DoubleFault,
        _ => Class::Benign,
    }
}

/// Faults in a row that delivery survives. Only a misaligned CPL 3 stack under #AC gets that far.
const MOST_ATTEMPTS: u32 = 8;

/// Delivers an event; what goes wrong meanwhile becomes an exception of its own, a double fault or
/// shutdown (SDM vol. 3A §6.15 "Interrupt 8").
pub(crate) fn raise(core: &mut Core, bus: &mut Bus<'_>, fault: Fault, source: Source) -> Delivered {
    core.deliveries = core.deliveries.wrapping_add(1);
    core.stats.interrupts = core.stats.interrupts.wrapping_add(1);
    let (mut current, mut source) = (fault, source);
    for _ in 0..MOST_ATTEMPTS {
        let Err(second) = deliver(core, bus, current, source) else {
            return Delivered::Entered;
        };
        debug!(
            target: "cpu::fault",
            "vector {:#04x} while delivering {:#04x}: {}",
            second.vector, current.vector, second.rule.text()
        );
        let next = match (
            class(current.vector, source),
            class(second.vector, Source::Exception),
        ) {
            (Class::DoubleFault, _) => break,
            (Class::Contributory, Class::Contributory)
            | (Class::PageFault, Class::Contributory | Class::PageFault) => {
                if second.vector == vector::PF {
                    core.cr2 = second.addr;
                }
                Fault::with_error(vector::DF, 0, FaultRule::DoubleFault)
            }
            _ => second,
        };
        (current, source) = (next, Source::Exception);
    }
    core.activity = Activity::Shutdown;
    core.log_registers("triple fault");
    Delivered::Shutdown
}

impl Core {
    /// Logs the registers, for `--log cpu::int=debug`.
    pub(crate) fn log_registers(&self, occasion: &str) {
        let selectors = core::array::from_fn::<u16, 6, _>(|n| self.segments[n].selector);
        debug!(
            target: "cpu::int",
            "{occasion}: eip {:08x} eflags {:08x} general {:08x?} es, cs, ss, ds, fs, gs {selectors:04x?} cr0 {:08x} cr2 {:08x} \
             cr3 {:08x} cr4 {:08x} gdtr {:08x}:{:04x} idtr {:08x}:{:04x} ldtr {:04x} tr {:04x}",
            self.eip, self.flags_image().bits(), &self.gpr[..8], self.cr0.bits(), self.cr2, self.cr3, self.cr4.bits(),
            self.gdtr.base, self.gdtr.limit, self.idtr.base, self.idtr.limit, self.ldtr.selector, self.tr.selector
        );
    }
}

/// Whether the pushed image has RF set, so that the instruction is not stopped again by its own breakpoint
/// (SDM vol. 3B §17.3.1.1): faults except instruction breakpoints.
fn sets_resume_flag(fault: Fault) -> bool {
    match fault.vector {
        vector::DB => fault.rule == FaultRule::DebugRegisterAccess,
        vector::NMI | vector::BP | vector::OF | vector::DF => false,
        _ => true,
    }
}

/// Whether an interrupt or a trap came between two elements of a repeated string instruction: the image has RF
/// set then, too (SDM vol. 3B §17.3.1.1), so that the rest is not stopped by the instruction's breakpoint.
fn is_between_elements(core: &Core, fault: Fault, source: Source) -> bool {
    core.repeating && (source == Source::External || fault.vector == vector::DB)
}

/// DR6 when #DB is delivered: the conditions since the last one, and DR7.GD is cleared.
fn note_debug_status(core: &mut Core, fault: Fault) {
    let cause = match fault.rule {
        FaultRule::SingleStep => dr6::BS,
        FaultRule::DebugRegisterAccess => dr6::BD,
        FaultRule::TaskSwitchTrap => dr6::BT,
        _ => 0,
    };
    // B0–B3 are renewed; the others stay until software clears them.
    core.dr[6] = core.dr[6] & !0xf | core.pending_debug | cause | dr6::ONES;
    core.dr[7] &= !DR7_GD;
    core.pending_debug = 0;
}

/// Error code bit: the event is external to the program.
const EXT: u32 = 1;
/// Error code bit: the selector part is an IDT vector.
const IDT: u32 = 2;

/// Delivers one event. On entry `eip` is what is pushed, except that software interrupts push `next_eip`; on success both
/// are the handler's entry. A failure is the fault that it caused, with EXT in its error code.
pub(crate) fn deliver(core: &mut Core, bus: &mut Bus<'_>, fault: Fault, source: Source) -> Result<(), Fault> {
    if source == Source::Exception {
        match fault.vector {
            vector::PF => core.cr2 = fault.addr,
            vector::DB => note_debug_status(core, fault),
            _ => {}
        }
    }
    debug!(
        target: "cpu::int",
        "{source:?} {:#04x} error {:?} at {:04x}:{:08x} cpl {} cr2 {:08x}: {}",
        fault.vector, fault.error, core.segments[seg::CS].selector, core.eip, core.cpl, core.cr2, fault.rule.text()
    );
    let return_eip = match source {
        Source::Software | Source::Icebp => core.next_eip,
        Source::Exception | Source::External => core.eip,
    };
    let result = if core.mode() == Mode::Real {
        enter_real_handler(core, bus, fault.vector, return_eip)
    } else {
        enter_protected_handler(core, bus, fault, source, return_eip)
    };
    match result {
        Ok(()) => {
            core.eip = core.next_eip;
            core.shadow = Shadow::None;
            core.activity = Activity::Running;
            core.suppress_trap = true;
            core.repeating = false;
            Ok(())
        }
        Err(failure) => Err(with_ext(failure, source)),
    }
}

/// Sets EXT in an error code that has it, unless the program asked for the interrupt itself.
fn with_ext(mut fault: Fault, source: Source) -> Fault {
    if source != Source::Software
        && matches!(fault.vector, vector::TS | vector::NP | vector::SS | vector::GP)
        && let Some(error) = &mut fault.error
    {
        *error |= EXT;
    }
    fault
}

/// Through the interrupt vector table (SDM vol. 3A §20.1.4).
fn enter_real_handler(core: &mut Core, bus: &mut Bus<'_>, number: u8, return_eip: u32) -> Result<(), Fault> {
    let offset = number as u32 * 4;
    if offset + 3 > core.idtr.limit as u32 {
        return Err(Fault::protection(
            (number as u32 * 8) | IDT,
            FaultRule::GateBeyondIdt,
        ));
    }
    let entry: u32 = core.sys_read(bus, core.idtr.base.wrapping_add(offset))?;
    let mut stack = Pushes::current(core, false);
    let image = core.flags_image();
    stack.push(core, bus, image.bits())?;
    stack.push(core, bus, core.segments[seg::CS].selector as u32)?;
    stack.push(core, bus, return_eip)?;
    stack.write(core, bus)?;
    core.set_gpr32(reg::ESP, stack.pointer());
    core.set_flags_image(Eflags::empty(), Eflags::IF | Eflags::TF | Eflags::AC | Eflags::RF);
    core.enter_real_code((entry >> 16) as u16);
    core.next_eip = entry & 0xffff;
    Ok(())
}

/// Through the IDT (SDM vol. 3A §6.12, §20.2.1).
fn enter_protected_handler(
    core: &mut Core,
    bus: &mut Bus<'_>,
    fault: Fault,
    source: Source,
    return_eip: u32,
) -> Result<(), Fault> {
    let offset = fault.vector as u32 * 8;
    let error = offset | IDT;
    if offset + 7 > core.idtr.limit as u32 {
        return Err(Fault::protection(error, FaultRule::GateBeyondIdt));
    }
    let addr = core.idtr.base.wrapping_add(offset);
    let gate = Descriptor {
        selector: 0,
        addr,
        raw: core.sys_read(bus, addr)?,
    };
    use system_type::*;
    let kind = match gate.system_type() {
        Some(kind @ (TASK_GATE | INTERRUPT_GATE16 | TRAP_GATE16 | INTERRUPT_GATE32 | TRAP_GATE32)) => kind,
        _ => return Err(Fault::protection(error, FaultRule::GateType)),
    };
    if source == Source::Software && gate.dpl() < core.cpl {
        return Err(Fault::protection(error, FaultRule::GatePrivilege));
    }
    if !gate.is_present() {
        return Err(Fault::with_error(vector::NP, error, FaultRule::GateNotPresent));
    }
    let mut image = core.flags_image();
    image.set(
        Eflags::RF,
        image.contains(Eflags::RF)
            || (source == Source::Exception && sets_resume_flag(fault))
            || is_between_elements(core, fault, source),
    );
    if kind == TASK_GATE {
        let tss = fetch_available_tss(core, bus, gate.gate_selector())?;
        task_switch(core, bus, &tss, Reason::Gate, return_eip, image)?;
        if let Some(code) = fault.error {
            let wide = is_tss32(core.tr.attr.kind());
            let mut stack = Pushes::current(core, wide);
            stack.push(core, bus, code)?;
            stack.write(core, bus)?;
            core.set_gpr32(reg::ESP, stack.pointer());
        }
        return Ok(());
    }
    let keeps_if = matches!(kind, TRAP_GATE16 | TRAP_GATE32);
    enter_gate(core, bus, &gate, fault.error, image, keeps_if, return_eip)
}

/// Through an interrupt or trap gate.
fn enter_gate(
    core: &mut Core,
    bus: &mut Bus<'_>,
    gate: &Descriptor,
    error: Option<u32>,
    image: Eflags,
    keeps_if: bool,
    return_eip: u32,
) -> Result<(), Fault> {
    let wide = gate.attr().kind() & 8 != 0;
    let selector = gate.gate_selector();
    if is_null(selector) {
        return Err(Fault::protection(0, FaultRule::NullSelector));
    }
    let code = core.fetch_descriptor(bus, selector, vector::GP)?;
    let attr = code.attr();
    if !attr.is_code() {
        return Err(code.fault(vector::GP, FaultRule::WrongDescriptorType));
    }
    if attr.dpl() > core.cpl {
        return Err(code.fault(vector::GP, FaultRule::DescriptorPrivilege));
    }
    if !code.is_present() {
        return Err(code.fault(vector::NP, FaultRule::SegmentNotPresent));
    }
    let level = if attr.is_conforming() {
        core.cpl
    } else {
        attr.dpl()
    };
    let from_virtual = core.is_virtual8086();
    if from_virtual && level != 0 {
        return Err(code.fault(vector::GP, FaultRule::DescriptorPrivilege));
    }
    let mut new_stack = None;
    let mut stack = if level < core.cpl {
        let (descriptor, esp) = core.inner_stack(bus, level)?;
        let mut segment = core.access_segment(bus, &descriptor)?;
        segment.selector = descriptor.selector;
        new_stack = Some(segment);
        let error = (descriptor.selector & !3) as u32;
        let mut stack = Pushes::onto(segment, esp, level, wide, error);
        if from_virtual {
            for register in [seg::GS, seg::FS, seg::DS, seg::ES] {
                stack.push(core, bus, core.segments[register].selector as u32)?;
            }
        }
        stack.push(core, bus, core.segments[seg::SS].selector as u32)?;
        stack.push(core, bus, core.gpr32(reg::ESP))?;
        stack
    } else {
        Pushes::current(core, wide)
    };
    stack.push(core, bus, image.bits())?;
    stack.push(core, bus, core.segments[seg::CS].selector as u32)?;
    stack.push(core, bus, return_eip)?;
    if let Some(code) = error {
        stack.push(core, bus, code)?;
    }
    let segment = core.access_segment(bus, &code)?;
    let entry = gate.gate_offset(wide);
    if entry > segment.limit {
        return Err(Fault::protection(0, FaultRule::TargetBeyondLimit));
    }
    stack.write(core, bus)?;
    core.set_gpr32(reg::ESP, stack.pointer());
    if let Some(segment) = new_stack {
        core.segments[seg::SS] = segment;
    }
    if from_virtual {
        for register in [seg::GS, seg::FS, seg::DS, seg::ES] {
            core.segments[register] = Segment::null(0);
        }
    }
    let mut cleared = Eflags::TF | Eflags::NT | Eflags::RF | Eflags::VM;
    if !keeps_if {
        cleared |= Eflags::IF;
    }
    core.set_flags_image(Eflags::empty(), cleared);
    core.enter_code(segment, level);
    core.next_eip = entry;
    Ok(())
}
