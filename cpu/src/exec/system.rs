//! System instructions as forms: each runs on the slow path with EIP committed.

use crate::{
    exec::{Flow, control, far, flag_control, io, monitor, op, segment, software_int, sysenter, table},
    fault::{Fault, FaultRule},
};

macro_rules! system_ops {
    ($($flow:ident { $($name:ident = $run:path),* $(,)? })*) => { $($(
        op! { #[doc = concat!("`", stringify!($run), "`")]
        $name, Slow, Other, |x: X, i| {
            x.system($run, i)?;
            Ok(Flow::$flow)
        }}
    )*)* };
}

system_ops! {
    // Execution goes on with the next record unless something needs attention.
    Next {
        MovFromSreg = segment::mov_from_sreg,
        MovToSreg = segment::mov_to_sreg,
        PushSreg = segment::push_sreg,
        PopSreg = segment::pop_sreg,
        LoadFarPointer = segment::load_far_pointer,
        Lar = segment::lar,
        Lsl = segment::lsl,
        Verr = segment::verr,
        Verw = segment::verw,
        Arpl = segment::arpl,
        Sgdt = table::sgdt,
        Sidt = table::sidt,
        Lgdt = table::lgdt,
        Lidt = table::lidt,
        Sldt = table::sldt,
        Str = table::str_,
        Smsw = table::smsw,
        Lldt = table::lldt,
        Ltr = table::ltr,
        MovFromCr = control::mov_from_cr,
        MovFromDr = control::mov_from_dr,
        MovFromTr = control::mov_from_tr,
        MovToTr = control::mov_to_tr,
        Clts = control::clts,
        Invd = control::invd,
        Wbinvd = control::wbinvd,
        Cpuid = control::cpuid,
        Rdtsc = control::rdtsc,
        Rdmsr = control::rdmsr,
        Rdpmc = control::rdpmc,
        Monitor = monitor::monitor,
        EscAbsent = control::esc_absent,
        Bound = software_int::bound,
        Cli = flag_control::cli,
        Pushf = flag_control::pushf,
        Lahf = flag_control::lahf,
        Sahf = flag_control::sahf,
        InImm = io::in_,
        OutImm = io::out_,
        OutDx = io::out_dx,
    }
    // The trace ends here: mode, privilege, translation or interrupt state may have changed.
    Stop {
        MovToSs = segment::mov_to_sreg,
        PopSs = segment::pop_sreg,
        LoadSs = segment::load_far_pointer,
        JmpFarPtr = far::jmp_far_ptr,
        JmpFarMem = far::jmp_far_mem,
        CallFarPtr = far::call_far_ptr,
        CallFarMem = far::call_far_mem,
        RetFar = far::ret_far,
        Iret = far::iret,
        Int = software_int::int_n,
        Int3 = software_int::int3,
        Icebp = software_int::icebp,
        Into = software_int::into,
        Lmsw = table::lmsw,
        MovToCr = control::mov_to_cr,
        MovToDr = control::mov_to_dr,
        Invlpg = control::invlpg,
        Wrmsr = control::wrmsr,
        Hlt = control::hlt,
        Mwait = monitor::mwait,
        Sysenter = sysenter::sysenter,
        Sysexit = sysenter::sysexit,
        Ud = control::ud,
        Sti = flag_control::sti,
        Popf = flag_control::popf,
    }
}

op! { /// What stands for an instruction of more than 15 bytes
TooLong, Slow, Other, |x: X, _i| {
    Err(x.fault(Fault::protection(0, FaultRule::InstructionTooLong)))
}}
