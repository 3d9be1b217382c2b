//! Saving and restoring the processor: architectural state only, no cache.

use std::collections::BTreeMap;

use oldiron_mmu::{Segment, Snapshot, SnapshotError, StateReader, StateWriter};
use serde::{Deserialize, Serialize};

use crate::{
    Cpu,
    core::{Activity, Cr0, Cr4, Efer, Shadow, TableRegister, reg},
    flags::{Eflags, LazyFlags},
    fpu::Fpu,
    simd::{Mxcsr, Xmm},
};

/// Everything that the guest could notice.
#[derive(Serialize, Deserialize)]
struct State {
    model: String,
    gpr: [u32; 8],
    fpu: Fpu,
    xmm: [Xmm; 8],
    mxcsr: u32,
    eip: u32,
    eflags: u32,
    segments: [Segment; 6],
    ldtr: Segment,
    tr: Segment,
    gdtr: TableRegister,
    idtr: TableRegister,
    cpl: u8,
    cr0: u32,
    cr2: u32,
    cr3: u32,
    cr4: u32,
    page_pointers: [u64; 4],
    efer: u64,
    dr: [u32; 8],
    test_registers: [u32; 8],
    msrs: BTreeMap<u32, u64>,
    tsc_offset: u64,
    shadow: Shadow,
    activity: Activity,
    repeating: bool,
    pending_debug: u32,
    nmi_blocked: bool,
    retired: u64,
    deliveries: u64,
}

impl Snapshot for Cpu {
    const TAG: [u8; 4] = *b"CPU ";
    const VERSION: u16 = 4;

    fn save(&self, w: &mut StateWriter) {
        let core = self.core();
        let mut segments = [Segment::default(); 6];
        segments.copy_from_slice(&core.segments[..6]);
        w.put(&State {
            model: core.model.name.to_owned(),
            fpu: core.fpu.saved(),
            xmm: core.xmm,
            mxcsr: core.mxcsr.bits(),
            gpr: core::array::from_fn(|n| core.gpr32(n)),
            eip: core.eip,
            eflags: core.flags_image().bits(),
            segments,
            ldtr: core.ldtr,
            tr: core.tr,
            gdtr: core.gdtr,
            idtr: core.idtr,
            cpl: core.cpl,
            cr0: core.cr0.bits(),
            cr2: core.cr2,
            cr3: core.cr3,
            cr4: core.cr4.bits(),
            page_pointers: core.page_pointers,
            efer: core.efer.bits(),
            dr: core.dr,
            test_registers: core.test_registers,
            msrs: core.msrs.clone(),
            tsc_offset: core.tsc_offset,
            shadow: core.shadow,
            activity: core.activity,
            repeating: core.repeating,
            pending_debug: core.pending_debug,
            nmi_blocked: core.nmi_blocked,
            retired: core.retired,
            deliveries: core.deliveries,
        });
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let state: State = r.get()?;
        if state.model != self.model().name {
            return Err(r.mismatch("it was saved from another processor model"));
        }
        let mut core = self.core_mut();
        for (n, value) in state.gpr.into_iter().enumerate() {
            core.set_gpr32(n, value);
        }
        core.gpr[reg::ZERO] = 0;
        core.fpu = state.fpu.settled();
        core.xmm = state.xmm;
        core.mxcsr = Mxcsr::from_bits_truncate(state.mxcsr);
        core.eip = state.eip;
        let eflags = Eflags::from_bits_truncate(state.eflags);
        core.flags = LazyFlags::from_eflags(eflags);
        core.eflags = eflags & !Eflags::STATUS | Eflags::ONE;
        core.segments[..6].copy_from_slice(&state.segments);
        core.ldtr = state.ldtr;
        core.tr = state.tr;
        // The fast ends are derived: a file has no say in them.
        for segment in &mut core.segments {
            segment.base &= u32::MAX as u64;
            segment.update_ends();
        }
        core.gdtr = state.gdtr;
        core.idtr = state.idtr;
        core.cpl = state.cpl & 3;
        core.cr0 = Cr0::from_bits_truncate(state.cr0);
        core.cr2 = state.cr2;
        core.cr3 = state.cr3;
        core.cr4 = Cr4::from_bits_truncate(state.cr4);
        core.page_pointers = state.page_pointers;
        core.efer = Efer::from_bits_truncate(state.efer);
        core.dr = state.dr;
        core.test_registers = state.test_registers;
        core.msrs = state.msrs;
        core.tsc_offset = state.tsc_offset;
        core.shadow = state.shadow;
        core.activity = state.activity;
        core.repeating = state.repeating;
        core.pending_debug = state.pending_debug;
        core.nmi_blocked = state.nmi_blocked;
        core.retired = state.retired;
        core.deliveries = state.deliveries;
        Ok(())
    }
}
