//! The instructions of the x87 as the processor sees them: what bars them, their memory operands, pointers, and
//! how a waiting exception is reported. What they compute is in [`crate::fpu`].
//!
//! Follows SDM vol. 1 §8.6 and §8.7 (exceptions in software, FERR# and IGNNE#), vol. 2 for each instruction, and
//! vol. 3A §2.5 for CR0.EM, MP, TS and NE. With NE clear a waiting instruction drives FERR# and starts again until
//! an interrupt comes or IGNNE# lets it pass; FERR# falls when no exception waits any longer.

use oldiron_mmu::{Access, Bus, Width};

use crate::{
    core::{Core, Cr0, Mode, seg},
    exec::{Flow, op},
    fault::{Fault, FaultRule, vector},
    flags::{Eflags, LazyFlags},
    fpu::{Effect, IMAGE_MAX, ImageForm, MoveFlags, Operand, PointerForm, Stored, trap},
    insn::Insn,
};

op! { /// Any x87 instruction, the complete way
Esc, Slow, Other, |x: X, i| {
    x.system(esc, i)?;
    Ok(after(x.core_ref()))
}}

op! { /// WAIT
Wait, Slow, Other, |x: X, i| {
    x.system(wait, i)?;
    Ok(after(x.core_ref()))
}}

/// An instruction that froze is started again.
pub(crate) fn after(core: &Core) -> Flow {
    if core.fpu.frozen { Flow::Again } else { Flow::Next }
}

pub(super) fn not_available() -> Fault {
    Fault::plain(vector::NM, FaultRule::CoprocessorNotAvailable)
}

/// WAIT — SDM vol. 2D "WAIT".
fn wait(core: &mut Core, bus: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    core.fpu.frozen = false;
    if core.cr0.contains(Cr0::MP | Cr0::TS) {
        return Err(not_available());
    }
    report_waiting(core, bus)
}

/// ESC, D8h to DFh.
pub(crate) fn esc(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    core.fpu.frozen = false;
    core.fpu.trap &= !trap::MMX;
    if core.fpu.trap & (trap::EM | trap::TS) != 0 {
        return Err(not_available());
    }
    let opcode = insn.imm2;
    let (escape, reg) = (opcode >> 8 & 7, opcode >> 3 & 7);
    let waits = if insn.is_memory() {
        !matches!((escape, reg), (1 | 5, 6 | 7))
    } else {
        !matches!((escape, reg), (3 | 7, 4))
    };
    if waits {
        report_waiting(core, bus)?;
        if core.fpu.frozen {
            return Ok(());
        }
    }
    if insn.is_memory() {
        memory_form(core, bus, insn)?;
    } else {
        register_form(core, insn)?;
    }
    release_ferr(core, bus);
    Ok(())
}

/// Reports a waiting exception: #MF, or FERR#.
pub(crate) fn report_waiting(core: &mut Core, bus: &mut Bus<'_>) -> Result<(), Fault> {
    if !core.fpu.is_pending() {
        return Ok(());
    }
    if core.cr0.contains(Cr0::NE) {
        return Err(Fault::plain(vector::MF, FaultRule::FpuException));
    }
    if bus.io.ignne() {
        return Ok(());
    }
    if !core.fpu.ferr {
        core.fpu.ferr = true;
        bus.io.set_ferr(bus.mem, core.now, true);
        bus.io_used = true;
    }
    core.fpu.frozen = true;
    Ok(())
}

/// Lets FERR# go when no exception waits.
fn release_ferr(core: &mut Core, bus: &mut Bus<'_>) {
    if core.fpu.ferr && !core.fpu.is_pending() {
        core.fpu.ferr = false;
        bus.io.set_ferr(bus.mem, core.now, false);
        bus.io_used = true;
    }
}

fn register_form(core: &mut Core, insn: &Insn) -> Result<(), Fault> {
    let opcode = insn.imm2;
    let flags = core.flags.eflags();
    let conditions = MoveFlags {
        carry: flags.contains(Eflags::CF),
        zero: flags.contains(Eflags::ZF),
        parity: flags.contains(Eflags::PF),
    };
    let last = core.fpu.last;
    match core.fpu.register_form(opcode, conditions) {
        None => return Err(Fault::undefined(FaultRule::UndefinedOpcode)),
        Some(Effect::None) => {}
        Some(Effect::Ax(status)) => core.set_reg(0, status),
        Some(Effect::Flags(codes)) => core.flags = comparison_flags(codes),
    }
    // Control instructions leave the pointers alone; FNINIT has cleared them.
    if !matches!((opcode >> 8 & 7, opcode >> 3 & 7), (3 | 7, 4)) {
        core.fpu.last = last;
        note_instruction(core, insn);
    }
    Ok(())
}

/// What FCOMI makes of condition codes: C3, C2 and C0 become ZF, PF and CF; the others are cleared.
#[inline(always)]
pub(crate) fn comparison_flags(codes: u16) -> LazyFlags {
    let mut flags = Eflags::empty();
    flags.set(Eflags::CF, codes & 1 << 8 != 0);
    flags.set(Eflags::PF, codes & 1 << 10 != 0);
    flags.set(Eflags::ZF, codes & 1 << 14 != 0);
    LazyFlags::from_eflags(flags)
}

/// Remembers where the last instruction was.
#[inline(always)]
pub(crate) fn note_instruction(core: &mut Core, insn: &Insn) {
    let (eip, attributes, opcode) = (insn.eip, insn.attr.bits(), insn.imm2);
    let cs = core.segments[seg::CS].selector;
    let last = &mut core.fpu.last;
    last.eip = eip;
    last.attributes = attributes;
    last.opcode = opcode;
    last.cs = cs;
}

/// Remembers where it and its operand were.
#[inline(always)]
pub(crate) fn note_operand(core: &mut Core, insn: &Insn, offset: u32) {
    note_instruction(core, insn);
    note_pointer(core, insn, offset);
}

/// Remembers where its operand was.
#[inline(always)]
pub(crate) fn note_pointer(core: &mut Core, insn: &Insn, offset: u32) {
    core.fpu.last.operand = offset;
    core.fpu.last.segment = core.segments[insn.seg as usize & 7].selector;
}

/// What a memory operand of more than 8 bytes consists of. Each piece has an offset of its own, which wraps as the
/// address size says; a piece lies within the segment or faults.
#[derive(Clone, Copy)]
enum Layout {
    /// 80 bits: the significand, then sign and exponent.
    Ten,
    Environment(ImageForm),
    State(ImageForm),
}

impl Layout {
    /// Offset and length of each piece.
    fn pieces(self) -> impl Iterator<Item = (u32, u32)> {
        let (field, fields, registers) = match self {
            Self::Ten => (2, 0, 1),
            Self::Environment(form) => (form.alignment(), 7, 0),
            Self::State(form) => (form.alignment(), 7, 8),
        };
        let environment = (0..fields).map(move |n| (n * field, field));
        let stack = (0..2 * registers).map(move |n| {
            let at = fields * field + n / 2 * 10;
            if n & 1 == 0 { (at, 8) } else { (at + 8, 2) }
        });
        environment.chain(stack)
    }

    fn alignment(self) -> u32 {
        match self {
            Self::Ten => 8,
            Self::Environment(form) | Self::State(form) => form.alignment(),
        }
    }

    /// Checks that all of it can be accessed.
    fn check(self, core: &mut Core, bus: &mut Bus<'_>, insn: &Insn, write: bool) -> Result<(), Fault> {
        let access = if write { Access::Write } else { Access::Read };
        for (at, len) in self.pieces() {
            let addr = piece_address(core, insn, at, len, write)?;
            if at == 0 {
                core.check_alignment(addr, self.alignment())?;
            }
            core.check_access(bus, addr, len, access, core.cpl == 3)?;
        }
        Ok(())
    }

    /// Reads it, or faults before anything else happens.
    fn read(self, core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<[u8; IMAGE_MAX], Fault> {
        self.check(core, bus, insn, false)?;
        let mut image = [0; IMAGE_MAX];
        for (at, len) in self.pieces() {
            let addr = piece_address(core, insn, at, len, false)?;
            core.note_data_access(addr, len, false);
            let user = core.cpl == 3;
            let value: u64 = match len {
                2 => core.read_linear::<u16>(bus, addr, user)?.into(),
                4 => core.read_linear::<u32>(bus, addr, user)?.into(),
                _ => core.read_linear(bus, addr, user)?,
            };
            let (at, len) = (at as usize, len as usize);
            image[at..at + len].copy_from_slice(&value.to_le_bytes()[..len]);
        }
        Ok(image)
    }

    /// Writes it where [`Layout::check`] was content.
    fn write(self, core: &mut Core, bus: &mut Bus<'_>, insn: &Insn, image: &[u8]) -> Result<(), Fault> {
        for (at, len) in self.pieces() {
            let addr = piece_address(core, insn, at, len, true)?;
            core.note_data_access(addr, len, true);
            let mut bytes = [0; 8];
            for (to, from) in bytes.iter_mut().zip(&image[at as usize..(at + len) as usize]) {
                *to = *from;
            }
            let (value, user) = (u64::from_le_bytes(bytes), core.cpl == 3);
            match len {
                2 => core.write_linear(bus, addr, value as u16, user)?,
                4 => core.write_linear(bus, addr, value as u32, user)?,
                _ => core.write_linear(bus, addr, value, user)?,
            }
        }
        Ok(())
    }
}

/// Linear address of a piece of the memory operand.
fn piece_address(core: &Core, insn: &Insn, at: u32, len: u32, write: bool) -> Result<u32, Fault> {
    let offset = core.effective_address(insn).wrapping_add(at) & insn.address_mask();
    core.segment_address(insn.seg as usize, offset, len, write)
}

fn memory_form(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let opcode = insn.imm2;
    match (opcode >> 8 & 7, opcode >> 3 & 7) {
        (1, 4) => load_environment(core, bus, insn),
        (1, 5) => {
            let offset = core.effective_address(insn);
            let control = core.seg_read(bus, insn.seg as usize, offset)?;
            core.fpu.set_control(control);
            Ok(())
        }
        (1, 6) => store_environment(core, bus, insn),
        (1, 7) => {
            let offset = core.effective_address(insn);
            core.seg_write(bus, insn.seg as usize, offset, core.fpu.control_word())
        }
        (5, 4) => restore(core, bus, insn),
        (5, 6) => save(core, bus, insn),
        (5, 7) => {
            let offset = core.effective_address(insn);
            core.seg_write(bus, insn.seg as usize, offset, core.fpu.status_word())
        }
        (1, 1) | (3, 4 | 6) | (5, 5) => Err(Fault::undefined(FaultRule::UndefinedOpcode)),
        (1, 2 | 3) | (3, 1..=3) => store::<u32>(core, bus, insn),
        (5, 1..=3) | (7, 7) => store::<u64>(core, bus, insn),
        (7, 1..=3) => store::<u16>(core, bus, insn),
        (3, 7) | (7, 6) => store_ten(core, bus, insn),
        _ => load(core, bus, insn),
    }
}

/// Instructions that read 2 to 10 bytes.
fn load(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let opcode = insn.imm2;
    let (segment, offset) = (insn.seg as usize, core.effective_address(insn));
    let operand = match (opcode >> 8 & 7, opcode >> 3 & 7) {
        (0 | 1, _) => Operand::Single(core.seg_read(bus, segment, offset)?),
        (2, _) | (3, 0) => Operand::Integer(core.seg_read::<u32>(bus, segment, offset)? as i32 as i64),
        (3, _) => Operand::Extended(read_ten(core, bus, insn)?),
        (4 | 5, _) => Operand::Double(core.seg_read(bus, segment, offset)?),
        (6, _) | (7, 0) => Operand::Integer(core.seg_read::<u16>(bus, segment, offset)? as i16 as i64),
        (_, 4) => Operand::Decimal(read_ten(core, bus, insn)?),
        _ => Operand::Integer(core.seg_read::<u64>(bus, segment, offset)? as i64),
    };
    note_operand(core, insn, offset);
    core.fpu.load(opcode, operand);
    Ok(())
}

fn read_ten(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<[u8; 10], Fault> {
    let image = Layout::Ten.read(core, bus, insn)?;
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&image[..10]);
    Ok(bytes)
}

/// Instructions that write 2, 4 or 8 bytes.
fn store<W: Width>(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let offset = core.effective_address(insn);
    let addr = core.segment_address(insn.seg as usize, offset, W::BYTES, true)?;
    core.check_alignment(addr, W::BYTES)?;
    core.check_access(bus, addr, W::BYTES, Access::Write, core.cpl == 3)?;
    note_operand(core, insn, offset);
    match core.fpu.store(insn.imm2) {
        Some(Stored::Word(value)) => core.user_write(bus, addr, W::truncate(value)),
        _ => Ok(()),
    }
}

/// Instructions that write 10 bytes.
fn store_ten(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    Layout::Ten.check(core, bus, insn, true)?;
    note_operand(core, insn, core.effective_address(insn));
    match core.fpu.store(insn.imm2) {
        Some(Stored::Ten(bytes)) => Layout::Ten.write(core, bus, insn, &bytes),
        _ => Ok(()),
    }
}

// ---- environment and state ----

fn image_form(core: &Core, insn: &Insn) -> ImageForm {
    ImageForm {
        wide: insn.operand32(),
        pointers: if core.mode() == Mode::Protected {
            PointerForm::Protected
        } else {
            PointerForm::Real
        },
    }
}

/// FLDENV — SDM vol. 2A "FLDENV".
fn load_environment(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let form = image_form(core, insn);
    let image = Layout::Environment(form).read(core, bus, insn)?;
    core.fpu.read_environment(&image, form);
    Ok(())
}

/// FNSTENV — SDM vol. 2A "FSTENV/FNSTENV". Masks all exceptions afterwards.
fn store_environment(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let form = image_form(core, insn);
    let layout = Layout::Environment(form);
    layout.check(core, bus, insn, true)?;
    let image = core.fpu.write_image(form);
    layout.write(core, bus, insn, &image)?;
    core.fpu.mask_all();
    Ok(())
}

/// FRSTOR — SDM vol. 2A "FRSTOR".
fn restore(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let form = image_form(core, insn);
    let image = Layout::State(form).read(core, bus, insn)?;
    core.fpu.read_image(&image, form);
    Ok(())
}

/// FNSAVE — SDM vol. 2A "FSAVE/FNSAVE". Initialises the FPU afterwards.
fn save(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let form = image_form(core, insn);
    let layout = Layout::State(form);
    layout.check(core, bus, insn, true)?;
    let image = core.fpu.write_image(form);
    layout.write(core, bus, insn, &image)?;
    core.fpu.initialise();
    Ok(())
}
