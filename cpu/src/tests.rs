//! Whole-processor tests on a bare bus: both dispatchers must agree on everything.

use oldiron_mmu::{Attention, Bus, GuestMemory, IoSpace, IoWidth, PhysAddr, Ticks};

use crate::{Cpu, Dispatch, Exit, MODELS, Run};

/// Ports that remember the last byte written and an interrupt line under the test's control.
#[derive(Default)]
pub(crate) struct Ports {
    pub(crate) written: Vec<(u16, u32)>,
    pub(crate) intr: Option<u8>,
    pub(crate) ferr: bool,
    pub(crate) ignne: bool,
}

impl IoSpace for Ports {
    fn port_read(&mut self, _: &mut GuestMemory, _: Ticks, _: u16, width: IoWidth) -> u32 {
        width.open_bus()
    }
    fn port_write(&mut self, _: &mut GuestMemory, _: Ticks, port: u16, value: u32, _: IoWidth) {
        self.written.push((port, value));
    }
    fn mmio_read(&mut self, _: &mut GuestMemory, _: Ticks, _: PhysAddr, width: IoWidth) -> u32 {
        width.open_bus()
    }
    fn mmio_write(&mut self, _: &mut GuestMemory, _: Ticks, _: PhysAddr, _: u32, _: IoWidth) {}
    fn attention(&self) -> Attention {
        if self.intr.is_some() {
            Attention::INTR
        } else {
            Attention::empty()
        }
    }
    fn set_ferr(&mut self, _: &mut GuestMemory, _: Ticks, active: bool) {
        self.ferr = active;
    }
    fn ignne(&self) -> bool {
        self.ignne
    }
    fn acknowledge_intr(&mut self, _: Ticks) -> u8 {
        self.intr.take().unwrap_or(0)
    }
}

/// A machine with 2 MiB of RAM and `code` at 0:1000h, in real mode.
pub(crate) struct Bench {
    pub(crate) cpu: Cpu,
    pub(crate) mem: GuestMemory,
    pub(crate) ports: Ports,
    pub(crate) now: Ticks,
}

impl Bench {
    pub(crate) fn new(code: &[u8], dispatch: Dispatch) -> Self {
        let mut mem = GuestMemory::new(2 << 20);
        mem.map_ram(0, 2 << 20, 0);
        mem.phys_write(0x1000, code);
        let mut cpu = Cpu::new(MODELS.last().unwrap());
        cpu.set_dispatch(dispatch);
        let mut core = cpu.core_mut();
        core.segments[crate::seg::CS] = oldiron_mmu::Segment::real(0, 0);
        core.eip = 0x1000;
        core.set_gpr32(crate::reg::ESP, 0x8000);
        drop(core);
        Self {
            cpu,
            mem,
            ports: Ports::default(),
            now: 0,
        }
    }

    pub(crate) fn run(&mut self, until: Ticks) -> Run {
        let mut bus = Bus::new(&mut self.mem, &mut self.ports);
        let run = self.cpu.run(&mut bus, self.now, until);
        self.now = run.now;
        run
    }

    fn summary(&self) -> String {
        let core = self.cpu.core();
        format!(
            "{:x?} {:x} {:?} {}",
            &core.gpr[..8],
            core.eip,
            core.flags_image(),
            self.now
        )
    }
}

/// Runs `code` with both dispatchers, whole and in slices, and returns the machine at its HLT.
fn both(code: &[u8]) -> Bench {
    let mut seen: Option<String> = None;
    let mut last = None;
    for dispatch in [Dispatch::Loop, Dispatch::Chained] {
        for slice in [1, 3, 50, 1_000_000] {
            let mut bench = Bench::new(code, dispatch);
            let mut exit = Exit::Deadline;
            while exit == Exit::Deadline && bench.now < 1_000_000 {
                exit = bench.run(bench.now + slice).exit;
            }
            assert_eq!(exit, Exit::Halted, "{dispatch:?} {}", bench.summary());
            let summary = bench.summary();
            if let Some(seen) = &seen {
                assert_eq!(seen, &summary, "{dispatch:?} in slices of {slice}");
            }
            seen = Some(summary);
            last = Some(bench);
        }
    }
    last.unwrap()
}

#[test]
fn a_loop_counts_and_retires_exactly() {
    // mov cx, 1000; xor ax, ax; l: add ax, cx; dec cx; jnz l; hlt
    let bench = both(&[0xb9, 0xe8, 3, 0x31, 0xc0, 0x01, 0xc8, 0x49, 0x75, 0xfb, 0xf4]);
    assert_eq!(bench.cpu.core().gpr32(0), 500500 & 0xffff);
    assert_eq!(bench.now, 2 + 3 * 1000 + 1);
    assert_eq!(bench.cpu.instructions(), bench.now);
}

#[test]
fn forms_are_counted_with_either_dispatcher_and_in_slices() {
    // mov cx, 300; l: add ax, cx; loop l; mov cx, 20; rep stosb; ud2, whose handler is at 0:100Dh: hlt
    let code = [
        0xb9, 0x2c, 1, 0x01, 0xc8, 0xe2, 0xfc, 0xb1, 20, 0xf3, 0xaa, 0x0f, 0x0b, 0xf4,
    ];
    for (dispatch, slice) in [(Dispatch::Chained, 1_000_000), (Dispatch::Loop, 7)] {
        let mut bench = Bench::new(&code, dispatch);
        bench.mem.phys_write(6 * 4, &[0x0d, 0x10, 0, 0]);
        bench.cpu.set_coverage(true);
        while bench.run(bench.now + slice).exit == Exit::Deadline {}
        let executed = bench.cpu.coverage().unwrap().executed();
        let retired: u64 = executed.iter().map(|(_, count)| count.retired).sum();
        assert_eq!(retired, bench.cpu.instructions());
        let lines = executed
            .iter()
            .map(|(form, c)| format!("{form} {} {}", c.retired, c.faulted));
        assert_eq!(
            lines.collect::<Vec<_>>(),
            [
                "Add_rm16_r16 300 0",
                "Hlt 1 0",
                "Loop_rel8_16_CX 300 0",
                "Mov_r16_imm16 1 0",
                "Mov_r8_imm8 1 0",
                "Stosb_m8_AL 20 0",
                "Ud2 0 1",
            ]
        );
    }
}

#[test]
fn a_model_has_the_forms_of_its_features() {
    let newest = MODELS.last().unwrap().forms();
    let names: Vec<_> = newest.keys().map(ToString::to_string).collect();
    assert!(names.iter().any(|name| name == "Pcmpistri_xmm_xmmm128_imm8"));
    for (form, example) in &newest {
        assert!(!example.bytes.is_empty() && example.bytes.len() <= 15, "{form}");
    }
    let oldest = MODELS[0].forms();
    assert!(oldest.len() < newest.len());
    assert!(!oldest.keys().any(|form| form.to_string() == "Cpuid"));
}

#[test]
fn calls_stack_and_memory_agree() {
    // mov bx, 2000h; mov cx, 200; l: call f; loop l; hlt; f: push cx; inc word [bx]; mov ax, [bx]; pop dx; ret
    let bench = both(&[
        0xbb, 0, 0x20, 0xb9, 200, 0, 0xe8, 3, 0, 0xe2, 0xfb, 0xf4, 0x51, 0xff, 0x07, 0x8b, 0x07, 0x5a, 0xc3,
    ]);
    assert_eq!(bench.cpu.core().gpr32(0), 200);
    assert_eq!(bench.cpu.core().gpr32(4), 0x8000);
}

#[test]
fn a_program_that_patches_itself_sees_the_new_bytes_at_once() {
    // mov cx, 5; l: mov byte [cs:p+1], cl; p: mov al, 0; add dl, al; loop l; hlt
    let bench = both(&[
        0xb9, 5, 0, 0x2e, 0x88, 0x0e, 0x09, 0x10, 0xb0, 0, 0x00, 0xc2, 0xe2, 0xf5, 0xf4,
    ]);
    // EDX starts as the model identification.
    assert_eq!(bench.cpu.core().gpr32(2) - MODELS.last().unwrap().reset_edx, 15);
}

#[test]
fn rep_movs_moves_and_counts_a_tick_an_element() {
    // cld; mov si, 1000h; mov di, 3000h; mov cx, 300; rep movsb; hlt
    let bench = both(&[
        0xfc, 0xbe, 0, 0x10, 0xbf, 0, 0x30, 0xb9, 0x2c, 1, 0xf3, 0xa4, 0xf4,
    ]);
    assert_eq!(bench.now, 4 + 300 + 1);
    let mut copy = [0; 13];
    bench.mem.phys_read(0x3000, &mut copy);
    assert_eq!(copy[..4], [0xfc, 0xbe, 0, 0x10]);
}

#[test]
fn an_interrupt_is_taken_between_instructions() {
    // IVT entry 20h → 0:1100h: mov bl, 1; iret.  Main: sti; l: inc ax; jmp l
    let mut bench = Bench::new(&[0xfb, 0x40, 0xeb, 0xfd], Dispatch::Chained);
    bench.mem.phys_write(0x80, &[0, 0x11, 0, 0]);
    bench.mem.phys_write(0x1100, &[0xb3, 1, 0xf4]);
    bench.run(100);
    bench.ports.intr = Some(0x20);
    assert_eq!(bench.run(1000).exit, Exit::Halted);
    assert_eq!(bench.cpu.core().gpr32(3), 1);
    // Delivery, MOV and HLT took a tick each; the delivery retired nothing.
    assert_eq!(bench.now, 103);
    assert_eq!(bench.cpu.instructions(), 102);
}

#[test]
fn an_invalid_opcode_that_is_overwritten_is_decoded_anew() {
    for dispatch in [Dispatch::Loop, Dispatch::Chained] {
        // 0F FF is #UD, whose handler at 0:1100h halts.
        let mut bench = Bench::new(&[0x0f, 0xff], dispatch);
        bench.mem.phys_write(6 * 4, &[0, 0x11, 0, 0]);
        bench.mem.phys_write(0x1100, &[0xf4]);
        assert_eq!(bench.run(1000).exit, Exit::Halted);
        assert_eq!(bench.cpu.core().eip, 0x1101);
        // mov al, 5; hlt
        bench.mem.phys_write(0x1000, &[0xb0, 5, 0xf4]);
        let mut core = bench.cpu.core_mut();
        core.eip = 0x1000;
        core.activity = crate::Activity::Running;
        drop(core);
        assert_eq!(bench.run(2000).exit, Exit::Halted);
        assert_eq!(bench.cpu.core().gpr32(0) & 0xff, 5, "{dispatch:?}");
    }
}
