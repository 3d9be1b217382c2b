//! The processor under test: two of them, one with each dispatcher, put into the same world.

use oldiron_cpu::{
    Activity, Cpu, CpuModel, Cr0, Cr4, Dispatch, Efer, Eflags, Exit, LazyFlags, MODELS, TableRegister,
};
use oldiron_mmu::{
    Attention, Bus, GuestMemory, IoSpace, IoWidth, PhysAddr, SegAttr, Segment, Snapshot, StateWriter, Ticks,
};

use crate::{
    model::{Exception, Model},
    op::Op,
    state::{Reg, State, Table, control, gpr, sreg},
    world::{RAM, World},
};

/// Ticks that each case runs for: more than a trace, so that the chained dispatcher does chain.
const TICKS: Ticks = 70;
/// Multiplier of the fingerprint (FNV-1a).
const PRIME: u64 = 0x100_0000_01b3;

/// The third write to this port makes the board raise [`BOARD_INTERRUPT`].
pub const THIRD_WRITE_INTERRUPTS: u16 = 0x80;
pub const BOARD_INTERRUPT: u8 = 0x40;
/// The first write to this port makes it raise NMI.
pub const FIRST_WRITE_IS_NMI: u16 = 0x90;

/// What waits at the start of a case.
#[derive(Clone, Copy, Default)]
pub struct Events {
    pub interrupt: Option<u8>,
    pub nmi: bool,
}

/// Ports: remember what was written, read as ones.
#[derive(Default)]
pub struct Ports {
    pub written: Vec<(u16, u32, u32)>,
    intr: Option<u8>,
    nmi: bool,
}

impl IoSpace for Ports {
    fn port_read(&mut self, _: &mut GuestMemory, _: Ticks, _: u16, width: IoWidth) -> u32 {
        width.open_bus()
    }
    fn port_write(&mut self, _: &mut GuestMemory, _: Ticks, port: u16, value: u32, width: IoWidth) {
        self.written.push((port, value, width.bytes()));
        match (port, self.written.len()) {
            (THIRD_WRITE_INTERRUPTS, 3) => self.intr = Some(BOARD_INTERRUPT),
            (FIRST_WRITE_IS_NMI, 1) => self.nmi = true,
            _ => {}
        }
    }
    fn mmio_read(&mut self, _: &mut GuestMemory, _: Ticks, _: PhysAddr, width: IoWidth) -> u32 {
        width.open_bus()
    }
    fn mmio_write(&mut self, _: &mut GuestMemory, _: Ticks, _: PhysAddr, _: u32, _: IoWidth) {}
    fn attention(&self) -> Attention {
        let mut attention = Attention::empty();
        attention.set(Attention::INTR, self.intr.is_some());
        attention.set(Attention::NMI, self.nmi);
        attention
    }
    fn acknowledge_intr(&mut self, _: Ticks) -> u8 {
        self.intr.take().unwrap_or(0)
    }
    fn acknowledge_nmi(&mut self) {
        self.nmi = false;
    }
}

/// One processor with its memory.
struct Machine {
    cpu: Cpu,
    mem: GuestMemory,
    ports: Ports,
}

impl Machine {
    fn new(model: &'static CpuModel, dispatch: Dispatch) -> Self {
        let mut mem = GuestMemory::new(RAM as u64);
        mem.map_ram(0, RAM, 0);
        let mut cpu = Cpu::new(model);
        cpu.set_dispatch(dispatch);
        Self {
            cpu,
            mem,
            ports: Ports::default(),
        }
    }

    fn put(&mut self, world: &World) {
        self.mem.load_ram(&world.mem);
        self.ports = Ports::default();
        let s = &world.s;
        self.cpu.reset();
        let mut core = self.cpu.core_mut();
        for (n, value) in s.gpr.into_iter().enumerate() {
            core.set_gpr32(n, value);
        }
        core.eip = s.eip;
        let flags = Eflags::from_bits_truncate(s.eflags);
        core.flags = LazyFlags::from_eflags(flags);
        core.eflags = flags & !Eflags::STATUS | Eflags::ONE;
        for (segment, &reg) in core.segments.iter_mut().zip(&s.seg) {
            *segment = to_segment(reg);
        }
        (core.ldtr, core.tr) = (to_segment(s.ldtr), to_segment(s.tr));
        (core.gdtr, core.idtr) = (to_table(s.gdtr), to_table(s.idtr));
        core.cpl = s.cpl;
        core.cr0 = Cr0::from_bits_truncate(s.cr0);
        (core.cr2, core.cr3) = (s.cr2, s.cr3);
        core.cr4 = Cr4::from_bits_truncate(s.cr4);
        core.efer = Efer::from_bits_truncate(s.efer);
        core.dr = s.dr;
        // The pointers of PAE are loaded with CR3 (SDM vol. 3A §4.4.1).
        if s.cr0 & control::PG != 0 && s.cr4 & control::PAE != 0 {
            core.page_pointers = core::array::from_fn(|n| world.get64((s.cr3 & !31) + 8 * n as u32));
        }
    }

    /// Runs for so many ticks. Events wait at its start.
    fn run(&mut self, ticks: Ticks) {
        let (mut now, mut exit) = (0, Exit::Deadline);
        while now < ticks && exit == Exit::Deadline {
            let mut bus = Bus::new(&mut self.mem, &mut self.ports);
            let run = self.cpu.run(&mut bus, now, ticks);
            (now, exit) = (run.now, run.exit);
        }
    }

    fn state(&self) -> State {
        let core = self.cpu.core();
        State {
            gpr: core::array::from_fn(|n| core.gpr32(n)),
            eip: core.eip,
            eflags: core.flags_image().bits(),
            seg: core::array::from_fn(|n| from_segment(&core.segments[n])),
            ldtr: from_segment(&core.ldtr),
            tr: from_segment(&core.tr),
            gdtr: from_table(core.gdtr),
            idtr: from_table(core.idtr),
            cpl: core.cpl,
            cr0: core.cr0.bits(),
            cr2: core.cr2,
            cr3: core.cr3,
            cr4: core.cr4.bits(),
            efer: core.efer.bits(),
            dr: core.dr,
            shutdown: core.activity == Activity::Shutdown,
            halted: core.activity == Activity::Halted,
        }
    }

    fn saved(&self) -> Vec<u8> {
        let mut writer = StateWriter::new();
        self.cpu.save(&mut writer);
        writer.into_bytes()
    }
}

fn to_segment(reg: Reg) -> Segment {
    let mut segment = Segment {
        selector: reg.selector,
        attr: SegAttr::from_bits_truncate(reg.attr),
        base: reg.base as u64,
        limit: reg.limit,
        ..Segment::default()
    };
    if reg.is_usable() {
        segment.update_ends();
    }
    segment
}

fn from_segment(segment: &Segment) -> Reg {
    Reg {
        selector: segment.selector,
        attr: segment.attr.bits(),
        base: segment.base as u32,
        limit: segment.limit,
    }
}

fn to_table(table: Table) -> TableRegister {
    TableRegister {
        base: table.base,
        limit: table.limit,
    }
}

fn from_table(table: TableRegister) -> Table {
    Table {
        base: table.base,
        limit: table.limit,
    }
}

/// Both processors, and what the cases came to so far.
pub struct Bench {
    machines: [Machine; 2],
    cases: u64,
    failures: Vec<String>,
    fingerprint: u64,
}

/// What an instruction comes to: an effect, or an exception.
pub type Outcome<'a> = Result<&'a dyn Fn(&mut World), Exception>;

/// How many failures are told.
const TOLD: usize = 12;

impl Bench {
    pub fn new() -> Self {
        Self::with_model(CpuModel::newest())
    }

    pub fn named(model: &str) -> Self {
        Self::with_model(MODELS.iter().find(|m| m.name == model).unwrap())
    }

    pub fn with_model(model: &'static CpuModel) -> Self {
        Self {
            machines: [Dispatch::Chained, Dispatch::Loop].map(|dispatch| Machine::new(model, dispatch)),
            cases: 0,
            failures: Vec::new(),
            fingerprint: 0xcbf2_9ce4_8422_2325,
        }
    }

    /// Executes `op` in `world` with both dispatchers; the rules say what must come out.
    pub fn check(&mut self, world: &World, op: Op, case: impl FnOnce() -> String) {
        let mut world = world.clone();
        if let Some(selector) = op.selector() {
            world.s.gpr[gpr::EAX] = selector as u32;
        }
        if let Some(port) = op.port() {
            world.s.gpr[gpr::EDX] = port as u32;
        }
        let code = op.bytes(&world.s);
        let at = world.s.seg[sreg::CS].base.wrapping_add(world.s.eip);
        world.put(at, &code);
        world.spin(at + code.len() as u32);
        let wanted = Model::run(&world, &op);
        self.expect(&world, Some(op), &wanted, TICKS, || {
            format!("{}: {op:x?}", case())
        });
    }

    /// Executes the instruction `bytes` in `world`: it must raise an exception, or complete and do what `effect` does.
    pub fn check_bytes(
        &mut self,
        world: &World,
        bytes: &[u8],
        outcome: Outcome<'_>,
        case: impl FnOnce() -> String,
    ) {
        let mut world = world.clone();
        let at = world.s.seg[sreg::CS].base.wrapping_add(world.s.eip);
        world.put(at, bytes);
        world.spin(at + bytes.len() as u32);
        let wanted = match outcome {
            Ok(effect) => {
                let mut wanted = world.clone();
                wanted.s.eip += bytes.len() as u32;
                effect(&mut wanted);
                wanted
            }
            Err(exception) => Model::fault(&world, exception),
        };
        self.expect(&world, None, &wanted, TICKS, || {
            format!("{}: {bytes:02x?}", case())
        });
    }

    /// Runs `world` for `ticks` with both dispatchers; it must become `wanted`.
    pub fn expect(
        &mut self,
        world: &World,
        op: Option<Op>,
        wanted: &World,
        ticks: Ticks,
        case: impl FnOnce() -> String,
    ) {
        let interrupt = match op {
            Some(Op::External(number)) => Some(number),
            _ => None,
        };
        let events = Events {
            interrupt,
            nmi: false,
        };
        self.expect_events(world, events, wanted, ticks, case);
    }

    /// The same, with events that wait from the start.
    pub fn expect_events(
        &mut self,
        world: &World,
        events: Events,
        wanted: &World,
        ticks: Ticks,
        case: impl FnOnce() -> String,
    ) {
        self.cases += 1;
        for machine in &mut self.machines {
            machine.put(world);
            (machine.ports.intr, machine.ports.nmi) = (events.interrupt, events.nmi);
            machine.run(ticks);
        }
        let [chained, looped] = &self.machines;
        let (saved, ram) = (chained.saved(), chained.mem.ram());
        let mut text = String::new();
        if saved != looped.saved() || ram != looped.mem.ram() {
            text += &format!("\n  dispatchers disagree; loop: {:x?}", looped.state());
        }
        text += &differences(&chained.state(), ram, wanted);
        let mut hash = fold(self.fingerprint, &saved);
        for (old, new) in world.mem.chunks(64).zip(ram.chunks(64)) {
            if old != new {
                hash = fold(hash, new);
            }
        }
        self.fingerprint = hash;
        if !text.is_empty() {
            self.failures.push(format!("{}{text}", case()));
        }
    }

    /// The ports that were written in the last case.
    pub fn ports(&self) -> &[(u16, u32, u32)] {
        &self.machines[0].ports.written
    }

    /// Fails if any case did, or if there were not so many. Shows the hash of all final states, which must not
    /// depend on the build.
    #[track_caller]
    pub fn finish(self, cases: u64) {
        println!("{} cases, final states {:016x}", self.cases, self.fingerprint);
        let count = self.failures.len();
        let told = self.failures[..count.min(TOLD)].join("\n");
        assert!(count == 0, "{count} of {} cases failed\n{told}", self.cases);
        assert_eq!(self.cases, cases, "cases");
    }
}

/// FNV-1a, a byte at a time.
fn fold(hash: u64, bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(hash, |hash, &byte| (hash ^ byte as u64).wrapping_mul(PRIME))
}

/// Where a machine differs from a world, in words.
fn differences(state: &State, ram: &[u8], wanted: &World) -> String {
    let mut text = String::new();
    if *state != wanted.s {
        let (got, want) = (format!("{state:#x?}"), format!("{:#x?}", wanted.s));
        for (n, (got, want)) in got.lines().zip(want.lines()).enumerate() {
            if got != want {
                text += &format!("\n  line {n}: {} instead of {}", got.trim(), want.trim());
            }
        }
    }
    if ram != wanted.mem {
        let bytes = (0u32..).zip(ram.iter().zip(&wanted.mem));
        let different: Vec<_> = bytes.filter(|(_, (a, b))| a != b).take(24).collect();
        text += &format!("\n  memory (address, (got, wanted)) {different:x?}");
    }
    text
}
