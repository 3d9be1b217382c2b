//! REP INS and REP OUTS: whether cycles come one by one or in runs must not show, in memory, registers, time
//! or at the port.

use oldiron_mmu::{Attention, Bus, GuestMemory, IoSpace, IoWidth, PhysAddr, Segment, Ticks};

use crate::{Core, Cpu, Dispatch, Exit, MODELS, reg, seg};

const PORT: u16 = 0x1f0;
const MMIO: u32 = 0xa0000;

/// A port that says what it is asked when, and may raise an interrupt at one of its cycles.
#[derive(Default)]
struct Disk {
    /// Most cycles of a run; 0: none.
    runs: usize,
    cycles: Vec<(Ticks, u32)>,
    mmio: Vec<(Ticks, u64, u32)>,
    /// The interrupt comes with this cycle.
    interrupt_at: usize,
    intr: bool,
}

impl Disk {
    fn read(&mut self, now: Ticks, width: IoWidth) -> u32 {
        let value = (self.cycles.len() as u32 + 1).wrapping_mul(0x0102_0408) & width.mask();
        self.cycle(now, value);
        value
    }

    fn cycle(&mut self, now: Ticks, value: u32) {
        self.cycles.push((now, value));
        self.intr |= self.cycles.len() == self.interrupt_at;
    }
}

impl IoSpace for Disk {
    fn port_read(&mut self, _: &mut GuestMemory, now: Ticks, port: u16, width: IoWidth) -> u32 {
        assert_eq!(port, PORT);
        self.read(now, width)
    }

    /// Every third cycle that does not interrupt.
    fn port_read_quiet(&mut self, now: Ticks, _: u16, width: IoWidth) -> Option<u32> {
        let next = self.cycles.len() + 1;
        let quiet = self.runs > 0 && next.is_multiple_of(3) && next != self.interrupt_at && !self.intr;
        quiet.then(|| self.read(now, width))
    }

    fn port_write(&mut self, _: &mut GuestMemory, now: Ticks, port: u16, value: u32, _: IoWidth) {
        assert_eq!(port, PORT);
        self.cycle(now, value);
    }

    fn port_read_run(
        &mut self,
        mem: &mut GuestMemory,
        now: Ticks,
        port: u16,
        width: IoWidth,
        buf: &mut [u8],
    ) -> usize {
        let size = width.bytes() as usize;
        let mut done = 0;
        for element in buf.chunks_exact_mut(size).take(self.runs) {
            let value = self.port_read(mem, now + done, port, width);
            element.copy_from_slice(&value.to_le_bytes()[..size]);
            done += 1;
            if self.intr {
                break;
            }
        }
        done as usize * size
    }

    fn port_write_run(
        &mut self,
        mem: &mut GuestMemory,
        now: Ticks,
        port: u16,
        width: IoWidth,
        data: &[u8],
    ) -> usize {
        let size = width.bytes() as usize;
        let mut done = 0;
        for element in data.chunks_exact(size).take(self.runs) {
            let mut value = [0; 4];
            value[..size].copy_from_slice(element);
            self.port_write(mem, now + done, port, u32::from_le_bytes(value), width);
            done += 1;
            if self.intr {
                break;
            }
        }
        done as usize * size
    }

    fn mmio_read(&mut self, _: &mut GuestMemory, now: Ticks, addr: PhysAddr, _: IoWidth) -> u32 {
        self.mmio.push((now, addr.0, u32::MAX));
        0x5a5a_5a5a
    }

    fn mmio_write(&mut self, _: &mut GuestMemory, now: Ticks, addr: PhysAddr, value: u32, _: IoWidth) {
        self.mmio.push((now, addr.0, value));
    }

    fn attention(&self) -> Attention {
        if self.intr {
            Attention::INTR
        } else {
            Attention::empty()
        }
    }

    fn acknowledge_intr(&mut self, _: Ticks) -> u8 {
        self.intr = false;
        0x20
    }
}

/// What is left when the program has halted.
struct Outcome {
    cpu: Cpu,
    mem: GuestMemory,
    disk: Disk,
}

impl Outcome {
    fn core(&self) -> &Core {
        self.cpu.core()
    }

    fn bytes(&self, at: u32, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.mem.phys_read(at, &mut bytes);
        bytes
    }
}

/// Runs `code` in real mode at 0:1000h, DX the port, with both dispatchers, with and without runs, in slices
/// of several lengths. All must agree. `prepare` is done before; handlers of exceptions halt.
#[track_caller]
fn check(code: &[u8], interrupt_at: usize, prepare: impl Fn(&mut Cpu, &mut GuestMemory)) -> Outcome {
    let mut seen: Option<(String, Outcome)> = None;
    for dispatch in [Dispatch::Loop, Dispatch::Chained] {
        for (runs, slice) in [
            (0, 1),
            (0, 100_000),
            (7, 100_000),
            (10_000, 100_000),
            (10_000, 45),
            (10_000, 1),
        ] {
            let outcome = run(code, dispatch, slice, runs, interrupt_at, &prepare);
            let core = outcome.core();
            let summary = format!(
                "{:x?} {:x} {:?} {} {:?} {:x?}",
                &core.gpr[..8],
                core.eip,
                core.flags_image(),
                core.now,
                outcome.disk.cycles,
                outcome.disk.mmio,
            );
            if let Some((text, first)) = &seen {
                assert_eq!(text, &summary, "{dispatch:?}, runs of {runs}, slices of {slice}");
                assert!(
                    first.mem.ram() == outcome.mem.ram(),
                    "{dispatch:?}, runs of {runs}"
                );
            } else {
                seen = Some((summary, outcome));
            }
        }
    }
    seen.unwrap().1
}

fn run(
    code: &[u8],
    dispatch: Dispatch,
    slice: Ticks,
    runs: usize,
    interrupt_at: usize,
    prepare: &impl Fn(&mut Cpu, &mut GuestMemory),
) -> Outcome {
    let mut mem = GuestMemory::new(1 << 20);
    mem.map_ram(0, 1 << 20, 0);
    mem.map_mmio(MMIO, 0x1000);
    mem.phys_write(0x1000, code);
    for vector in 0..64u32 {
        // hlt
        mem.phys_write(0x500 + vector, &[0xf4]);
        mem.phys_write(vector * 4, &(0x500 + vector).to_le_bytes());
    }
    let mut cpu = Cpu::new(MODELS.last().unwrap());
    cpu.set_dispatch(dispatch);
    let mut core = cpu.core_mut();
    core.segments[seg::CS] = Segment::real(0, 0);
    core.eip = 0x1000;
    core.set_gpr32(reg::ESP, 0x8000);
    core.set_gpr32(reg::EDX, PORT as u32);
    drop(core);
    prepare(&mut cpu, &mut mem);
    let mut disk = Disk {
        runs,
        interrupt_at,
        ..Disk::default()
    };
    let mut now = 0;
    let mut exit = Exit::Deadline;
    while exit == Exit::Deadline && now < 100_000 {
        let mut bus = Bus::new(&mut mem, &mut disk);
        let run = cpu.run(&mut bus, now, now + slice);
        (now, exit) = (run.now, run.exit);
    }
    assert_eq!(exit, Exit::Halted);
    Outcome { cpu, mem, disk }
}

/// `cld` or `std`; `mov si, at`; `mov di, at`; `mov cx, count`; the instruction; `hlt`.
fn program(down: bool, at: u16, count: u16, instruction: &[u8]) -> Vec<u8> {
    let ([a, b], [c, d]) = (at.to_le_bytes(), count.to_le_bytes());
    let mut code = vec![0xfc + down as u8, 0xbe, a, b, 0xbf, a, b, 0xb9, c, d];
    code.extend_from_slice(instruction);
    code.push(0xf4);
    code
}

const REP_INSB: [u8; 2] = [0xf3, 0x6c];
const REP_INSW: [u8; 2] = [0xf3, 0x6d];
const REP_INSD: [u8; 3] = [0x66, 0xf3, 0x6d];
const REP_OUTSB: [u8; 2] = [0xf3, 0x6e];
const REP_OUTSW: [u8; 2] = [0xf3, 0x6f];
const REP_OUTSD: [u8; 3] = [0x66, 0xf3, 0x6f];

fn nothing(_: &mut Cpu, _: &mut GuestMemory) {}

/// The words that the port yields from its first cycle on.
fn words(count: u32) -> Vec<u8> {
    (1..=count)
        .flat_map(|n| (n.wrapping_mul(0x0102_0408) as u16).to_le_bytes())
        .collect()
}

#[test]
fn a_sector_lands_in_memory_an_element_a_tick() {
    let end = check(&program(false, 0x3000, 256, &REP_INSW), 0, nothing);
    assert_eq!(end.bytes(0x3000, 512), words(256));
    assert_eq!(end.core().reg::<u16>(reg::EDI as u8), 0x3200);
    assert_eq!(end.core().reg::<u16>(reg::ECX as u8), 0);
    assert_eq!(end.core().now, 4 + 256 + 1);
    assert!(
        end.disk
            .cycles
            .iter()
            .zip(4..)
            .all(|(&(now, _), expected)| now == expected)
    );
}

#[test]
fn all_widths_and_both_directions_of_the_port_across_pages() {
    for (instruction, size) in [(&REP_INSB[..], 1), (&REP_INSW, 2), (&REP_INSD, 4)] {
        let end = check(&program(false, 0x2e01, 700, instruction), 0, nothing);
        assert_eq!(end.core().reg::<u16>(reg::EDI as u8), 0x2e01 + 700 * size);
        assert_eq!(end.disk.cycles.len(), 700);
    }
    for (instruction, size) in [(&REP_OUTSB[..], 1), (&REP_OUTSW, 2), (&REP_OUTSD, 4)] {
        let fill = |_: &mut Cpu, mem: &mut GuestMemory| {
            let bytes: Vec<u8> = (0..3000u32).map(|n| ((n * 7) >> 3) as u8).collect();
            mem.phys_write(0x2e01, &bytes);
        };
        let end = check(&program(false, 0x2e01, 700, instruction), 0, fill);
        assert_eq!(end.core().reg::<u16>(reg::ESI as u8), 0x2e01 + 700 * size);
        let first = end.bytes(0x2e01, size as usize);
        assert_eq!(end.disk.cycles[0].1.to_le_bytes()[..size as usize], first);
        assert_eq!(end.disk.cycles.len(), 700);
    }
}

#[test]
fn downwards_elements_are_stored_one_below_the_other() {
    let end = check(&program(true, 0x3100, 200, &REP_INSW), 0, nothing);
    assert_eq!(end.core().reg::<u16>(reg::EDI as u8), 0x3100 - 400);
    let up: Vec<u8> = words(200).chunks(2).rev().flatten().copied().collect();
    assert_eq!(end.bytes(0x3102 - 400, 400), up);
    let end = check(&program(true, 0x3100, 200, &REP_OUTSW), 0, nothing);
    assert_eq!(end.core().reg::<u16>(reg::ESI as u8), 0x3100 - 400);
}

#[test]
fn a_16_bit_index_wraps_within_its_segment() {
    let end = check(&program(false, 0xff00, 300, &REP_INSB), 0, nothing);
    assert_eq!(end.core().reg::<u16>(reg::EDI as u8), 44);
    // An odd word at the top is beyond the limit: #GP, vector 13.
    let end = check(&program(false, 0xff01, 300, &REP_INSW), 0, nothing);
    assert_eq!(end.core().eip, 0x500 + 13 + 1);
    assert_eq!(end.core().reg::<u16>(reg::EDI as u8), 0xffff);
    assert_eq!(end.core().reg::<u16>(reg::ECX as u8), 300 - 127);
    assert_eq!(
        end.disk.cycles.len(),
        127,
        "the port is not read for what has no place"
    );
}

#[test]
fn a_limit_in_the_middle_faults_at_its_element_with_the_registers_there() {
    let limited = |cpu: &mut Cpu, _: &mut GuestMemory| {
        for number in [seg::ES, seg::DS] {
            let segment = &mut cpu.core_mut().segments[number];
            *segment = Segment {
                limit: 0x30ff,
                write_end: 0x3100,
                read_end: 0x3100,
                ..Segment::real(0, 0)
            };
        }
    };
    for (instruction, index) in [(REP_INSW, reg::EDI), (REP_OUTSW, reg::ESI)] {
        let end = check(&program(false, 0x3000, 256, &instruction), 0, limited);
        assert_eq!(end.core().eip, 0x500 + 13 + 1);
        assert_eq!(end.core().reg::<u16>(index as u8), 0x3100);
        assert_eq!(end.core().reg::<u16>(reg::ECX as u8), 128);
        assert_eq!(end.disk.cycles.len(), 128);
        assert_eq!(end.bytes(0x7ffa, 2), [0x0a, 0x10], "it can be restarted");
    }
}

#[test]
fn an_interrupt_stops_it_between_elements() {
    // sti comes first.
    for instruction in [REP_INSW, REP_OUTSW] {
        let mut code = vec![0xfb];
        code.extend(program(false, 0x3000, 256, &instruction));
        let end = check(&code, 100, nothing);
        assert_eq!(end.core().eip, 0x500 + 0x20 + 1);
        assert_eq!(end.core().reg::<u16>(reg::ECX as u8), 156);
        assert_eq!(end.bytes(0x7ffa, 2), [0x0b, 0x10], "still on it");
    }
}

#[test]
fn into_a_device_each_element_is_one_write_and_nothing_is_read() {
    let screen = |cpu: &mut Cpu, _: &mut GuestMemory| {
        cpu.core_mut().segments[seg::ES] = Segment::real((MMIO >> 4) as u16, 0);
    };
    let end = check(&program(false, 0x10, 20, &REP_INSW), 0, screen);
    let expected: Vec<_> = (0..20)
        .map(|n| (4 + n, (MMIO as u64) + 0x10 + 2 * n, end.disk.cycles[n as usize].1))
        .collect();
    assert_eq!(end.disk.mmio, expected);
    let screen = |cpu: &mut Cpu, _: &mut GuestMemory| {
        cpu.core_mut().segments[seg::DS] = Segment::real((MMIO >> 4) as u16, 0);
    };
    let end = check(&program(false, 0x10, 20, &REP_OUTSW), 0, screen);
    assert!(end.disk.cycles.iter().all(|&(_, value)| value == 0x5a5a));
}

#[test]
fn code_that_loads_itself_runs_as_loaded() {
    // Over the HLT: 08 04, which is or [si], al. A NOP and another HLT follow.
    let mut code = program(false, 0x100c, 1, &REP_INSW);
    code.extend([0x90, 0x90, 0xf4]);
    let end = check(&code, 0, nothing);
    assert_eq!(end.core().eip, 0x1010);
    assert_eq!(end.bytes(0x100c, 2), [0x08, 0x04]);
    // Over the REP itself with the second of three elements: 10 08, which is adc [bx+si], cl.
    let end = check(&program(false, 0x1008, 3, &REP_INSW), 0, nothing);
    assert_eq!(end.core().reg::<u16>(reg::ECX as u8), 1);
    assert_eq!(end.bytes(0x1008, 4), [0x09, 0x04, 0x10, 0x08]);
}
