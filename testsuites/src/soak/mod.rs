//! Two processors, one with each dispatcher, execute the same random instructions in the same random
//! surroundings. They must agree on everything, in whatever slices they run, and never panic.

mod scene;
mod stream;

use std::panic::{AssertUnwindSafe, catch_unwind};

use oldiron_cpu::{Cpu, CpuModel, Dispatch, Exit, MODELS};
use oldiron_mmu::{
    Attention, Bus, GuestMemory, IoSpace, IoWidth, PhysAddr, Snapshot, StateReader, StateWriter, Ticks,
};

use crate::rng::{Rng, mix};
use scene::Scene;

/// Scenes in a case. Within a case, caches live on from scene to scene.
const SCENES: u32 = 24;
/// Comparisons in a scene, at most.
const STEPS: u32 = 48;

/// Instructions shown before a disagreement.
const TRAIL: usize = 60;

/// What a stretch of soaking came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Instructions that each processor retired.
    pub instructions: u64,
    /// Exceptions and interrupts that each took.
    pub deliveries: u64,
    /// Cases.
    pub cases: u64,
    /// Disagreements and panics, with the seed of the case.
    pub failures: Vec<String>,
}

/// Runs cases from `seed` on until `instructions` are retired or `max_failures` found.
pub fn soak(seed: u64, instructions: u64, max_failures: usize) -> Outcome {
    let mut outcome = Outcome::default();
    let mut case = seed;
    while outcome.instructions < instructions && outcome.failures.len() < max_failures {
        match catch_unwind(AssertUnwindSafe(|| run_case(case, None))) {
            Ok(Ok((retired, deliveries))) => {
                outcome.instructions += retired;
                outcome.deliveries += deliveries;
            }
            Ok(Err(disagreement)) => outcome
                .failures
                .push(format!("seed {case}: {}", minimise(case, disagreement))),
            Err(_) => outcome
                .failures
                .push(format!("seed {case}: panic (its message is above)")),
        }
        outcome.cases += 1;
        case += 1;
    }
    outcome
}

/// Where the processors came to differ.
struct Disagreement {
    at: Place,
    ticks: u64,
    text: String,
}

/// A comparison within a case.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    scene: u32,
    step: u32,
}

/// Finds the shortest run at the place of a disagreement that still shows it, and lists the
/// instructions before it.
fn minimise(seed: u64, found: Disagreement) -> String {
    let (mut good, mut bad) = (0, found.ticks);
    let mut text = found.text;
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        match catch_unwind(AssertUnwindSafe(|| run_case(seed, Some((found.at, middle))))) {
            Ok(Err(shorter)) if shorter.at == found.at => (bad, text) = (middle, shorter.text),
            _ => good = middle,
        }
    }
    text
}

/// Runs the case of `seed`. Returns instructions and deliveries, or what the processors disagree on.
/// With `cut`, the run to the comparison there is only so many ticks long, and the last.
fn run_case(seed: u64, cut: Option<(Place, u64)>) -> Result<(u64, u64), Disagreement> {
    let rng = &mut Rng::new(mix(seed));
    // The newest model most of the time: it has most instructions.
    let model = if rng.one_in(3) {
        &MODELS[rng.below(MODELS.len() as u32) as usize]
    } else {
        CpuModel::newest()
    };
    let bitness = rng.pick(&[16, 32]);
    let rom = stream::fill(rng, bitness, 30, 0x4000);
    let mut chained = Machine::new(model, Dispatch::Chained, &rom);
    let mut looped = Machine::new(model, Dispatch::Loop, &rom);
    for scene in 0..SCENES {
        let fresh = scene == 0 || rng.one_in(3);
        let scenery = Scene::new(rng, fresh);
        scenery.apply(&mut chained.cpu, &mut chained.mem);
        scenery.apply(&mut looped.cpu, &mut looped.mem);
        for step in 0..STEPS {
            let at = Place { scene, step };
            let start = chained.now;
            let mut ticks = if rng.one_in(6) {
                1 + rng.below(40)
            } else {
                60 + rng.below(600)
            } as u64;
            let slices = rng.u64();
            let whole = rng.one_in(2);
            let last = cut.filter(|(place, _)| *place == at);
            let mut trail = Vec::new();
            let until = if let Some((_, cut)) = last {
                ticks = cut;
                start + cut
            } else {
                start + ticks
            };
            let exit = chained.run(until, if whole { None } else { Some(Rng::new(!slices)) });
            let other = if last.is_some() {
                looped.single_step(until, &mut trail)
            } else {
                looped.run(until, Some(Rng::new(slices)))
            };
            if exit != other || !chained.agrees(&looped) {
                return Err(Disagreement {
                    at,
                    ticks,
                    text: format!(
                        "{} scene {scene} ({:?}) step {step}, ticks {start}..{until}: {exit:?} or {other:?}\n{}\n{}",
                        model.name,
                        scenery.stage,
                        trail.join("\n"),
                        chained.differences(&looped)
                    ),
                });
            }
            if last.is_some() {
                return Ok((0, 0));
            }
            if exit == Exit::Shutdown || (exit == Exit::Halted && !chained.cpu.interrupts_enabled()) {
                break;
            }
            let event = Event::random(rng, exit == Exit::Halted);
            event.apply(&mut chained);
            event.apply(&mut looped);
            if rng.one_in(200) {
                chained
                    .reload(&rom)
                    .map_err(|text| Disagreement { at, ticks: 0, text })?;
                // The new processor has no stale translations of page tables that were changed without
                // a flush; the other must forget its own.
                drop(looped.cpu.core_mut());
            }
        }
    }
    let core = chained.cpu.core();
    Ok((chained.cpu.instructions(), core.deliveries))
}

/// What happens to both machines between two comparisons.
enum Event {
    Nothing,
    Interrupt(u8),
    Nmi,
    A20(bool),
    Dma { at: u32, bytes: Vec<u8> },
}

impl Event {
    fn random(rng: &mut Rng, halted: bool) -> Self {
        match rng.below(24) {
            0..=3 => Self::Interrupt(rng.u32() as u8),
            _ if halted => Self::Interrupt(rng.u32() as u8),
            4 => Self::Nmi,
            5 => Self::A20(rng.one_in(2)),
            6..=8 => {
                let at = rng.below(scene::RAM - 64);
                let len = 1 + rng.below(60) as usize;
                Self::Dma {
                    at,
                    bytes: stream::fill(rng, 32, 50, len),
                }
            }
            _ => Self::Nothing,
        }
    }

    fn apply(&self, machine: &mut Machine) {
        match self {
            Self::Nothing => {}
            Self::Interrupt(vector) => machine.world.intr = Some(*vector),
            Self::Nmi => machine.world.nmi = true,
            Self::A20(open) => machine.mem.set_a20(*open),
            Self::Dma { at, bytes } => machine.mem.phys_write(*at, bytes),
        }
    }
}

/// Ports and MMIO: reads of ports depend on the time of the access, writes are remembered with theirs, some
/// raise interrupts or change memory.
#[derive(Default)]
struct World {
    seen: u64,
    accesses: u64,
    intr: Option<u8>,
    nmi: bool,
    /// Cycles of INS and OUTS may come in runs.
    runs: bool,
}

impl World {
    /// Whether a port takes runs, and of how many cycles at most.
    fn longest_run(&self, port: u16) -> usize {
        if self.runs && port & 7 != 3 {
            1 + (port >> 4 & 31) as usize
        } else {
            0
        }
    }

    /// An OUT cycle; whether it did anything to the rest of the machine.
    fn write_cycle(&mut self, mem: &mut GuestMemory, now: Ticks, port: u16, value: u32) -> bool {
        let noise = self.note(now, port as u64 | 1 << 20, value);
        match noise & 15 {
            0 | 1 => self.intr = Some((noise >> 8) as u8),
            2 => self.nmi = true,
            3 => mem.phys_write((noise >> 32) as u32 % (scene::RAM - 8), &value.to_le_bytes()),
            _ => return false,
        }
        true
    }

    fn note(&mut self, now: Ticks, what: u64, value: u32) -> u64 {
        self.accesses += 1;
        self.seen = mix(self.seen ^ now.rotate_left(40) ^ what << 32 ^ value as u64);
        self.seen
    }
}

impl IoSpace for World {
    fn port_read(&mut self, _: &mut GuestMemory, now: Ticks, port: u16, width: IoWidth) -> u32 {
        self.note(now, port as u64, 1) as u32 & width.mask()
    }

    fn port_read_quiet(&mut self, now: Ticks, port: u16, width: IoWidth) -> Option<u32> {
        // No read has an effect on the rest of the machine.
        (self.runs && port & 1 == 0).then(|| self.note(now, port as u64, 1) as u32 & width.mask())
    }

    fn port_write(&mut self, mem: &mut GuestMemory, now: Ticks, port: u16, value: u32, width: IoWidth) {
        self.write_cycle(mem, now, port, value & width.mask());
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
        let elements = buf.chunks_exact_mut(size).take(self.longest_run(port));
        let mut done = 0;
        for element in elements {
            let value = self.port_read(mem, now + done, port, width);
            element.copy_from_slice(&value.to_le_bytes()[..size]);
            done += 1;
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
        for element in data.chunks_exact(size).take(self.longest_run(port)) {
            let mut value = [0; 4];
            value[..size].copy_from_slice(element);
            let effect = self.write_cycle(mem, now + done, port, u32::from_le_bytes(value));
            done += 1;
            if effect {
                break;
            }
        }
        done as usize * size
    }

    fn mmio_read(&mut self, _: &mut GuestMemory, _: Ticks, addr: PhysAddr, width: IoWidth) -> u32 {
        // How often code in MMIO is fetched is nobody's promise: reads have no side effect.
        mix(addr.0) as u32 & width.mask()
    }

    fn mmio_write(&mut self, _: &mut GuestMemory, now: Ticks, addr: PhysAddr, value: u32, width: IoWidth) {
        self.note(now, addr.0 | 1 << 31, value & width.mask());
    }

    fn attention(&self) -> Attention {
        let mut attention = Attention::empty();
        attention.set(Attention::INTR, self.intr.is_some());
        attention.set(Attention::NMI, self.nmi);
        attention
    }

    fn acknowledge_intr(&mut self, now: Ticks) -> u8 {
        self.note(now, 1 << 21, 0);
        self.intr.take().unwrap_or(0)
    }

    fn acknowledge_nmi(&mut self) {
        self.nmi = false;
    }
}

struct Machine {
    cpu: Cpu,
    mem: GuestMemory,
    world: World,
    now: Ticks,
    dispatch: Dispatch,
}

impl Machine {
    fn new(model: &'static CpuModel, dispatch: Dispatch, rom: &[u8]) -> Self {
        let mut mem = GuestMemory::new(scene::RAM as u64);
        for start in [0, scene::ALIAS, scene::HIGH] {
            mem.map_ram(start, scene::RAM, 0);
        }
        mem.map_mmio(scene::MMIO, 0x10000);
        if let Some(id) = mem.add_rom(rom) {
            mem.map_rom(scene::ROM, rom.len() as u32, id, 0);
        }
        let mut cpu = Cpu::new(model);
        cpu.set_dispatch(dispatch);
        Self {
            cpu,
            mem,
            // Runs are one more thing that must not matter.
            world: World {
                runs: dispatch == Dispatch::Chained,
                ..World::default()
            },
            now: 0,
            dispatch,
        }
    }

    /// Runs until `until`, in slices as `slices` has them, or until something else ends it.
    fn run(&mut self, until: Ticks, mut slices: Option<Rng>) -> Exit {
        loop {
            let stop = match &mut slices {
                Some(rng) => until.min(self.now + 1 + rng.pick(&[0, 1, 5, 31, 32, 33, 34, 70, 300])),
                None => until,
            };
            let mut bus = Bus::new(&mut self.mem, &mut self.world);
            let run = self.cpu.run(&mut bus, self.now, stop);
            self.now = run.now;
            if run.exit != Exit::Deadline || run.now >= until {
                return run.exit;
            }
        }
    }

    fn state(&self) -> Vec<u8> {
        let mut writer = StateWriter::new();
        self.cpu.save(&mut writer);
        writer.into_bytes()
    }

    /// Goes on in a new processor with the saved state of the old one: no cache may matter.
    fn reload(&mut self, rom: &[u8]) -> Result<(), String> {
        let state = self.state();
        let mut new = Self::new(self.cpu.model(), self.dispatch, rom);
        new.mem.load_ram(self.mem.ram());
        new.mem.set_a20(self.mem.a20());
        new.cpu
            .load(&mut StateReader::new("CPU", &state))
            .map_err(|error| error.to_string())?;
        if new.state() != state {
            return Err("a saved state changed by being loaded".into());
        }
        (self.cpu, self.mem) = (new.cpu, new.mem);
        Ok(())
    }

    fn agrees(&self, other: &Self) -> bool {
        self.now == other.now
            && self.world.seen == other.world.seen
            && self.world.accesses == other.world.accesses
            && self.state() == other.state()
            && self.mem.ram() == other.mem.ram()
    }

    /// Runs until `until` one tick at a time; `trail` gets the last instructions.
    fn single_step(&mut self, until: Ticks, trail: &mut Vec<String>) -> Exit {
        loop {
            let mut bus = Bus::new(&mut self.mem, &mut self.world);
            let at = self.cpu.describe_position(&mut bus);
            if trail.len() >= TRAIL {
                trail.remove(0);
            }
            trail.push(format!("    {:6} {at}", self.now));
            let run = self.cpu.run(&mut bus, self.now, self.now + 1);
            self.now = run.now;
            if run.exit != Exit::Deadline || run.now >= until {
                return run.exit;
            }
        }
    }

    fn differences(&mut self, other: &Self) -> String {
        let (mine, theirs) = (self.describe(), other.describe());
        let mut text = String::new();
        for (a, b) in mine.iter().zip(&theirs) {
            if a != b {
                text += &format!("  chained {a}\n  loop    {b}\n");
            }
        }
        let bytes = self.mem.ram().iter().zip(other.mem.ram());
        let changed: Vec<_> = bytes.enumerate().filter(|(_, (a, b))| a != b).take(16).collect();
        if !changed.is_empty() {
            text += &format!("  memory (address, (chained, loop)) {changed:x?}\n");
        }
        let mut bus = Bus::new(&mut self.mem, &mut self.world);
        text += &format!("  chained is at {}", self.cpu.describe_position(&mut bus));
        text
    }

    fn describe(&self) -> Vec<String> {
        let core = self.cpu.core();
        let mut lines = vec![
            format!(
                "time {} accesses {} seen {:x}",
                self.now, self.world.accesses, self.world.seen
            ),
            format!("gpr {:x?}", &core.gpr[..8]),
            format!("eip {:x} eflags {:x}", core.eip, core.flags_image().bits()),
            format!(
                "cpl {} cr0 {:?} cr2 {:x} cr3 {:x} cr4 {:?}",
                core.cpl, core.cr0, core.cr2, core.cr3, core.cr4
            ),
            format!("dr {:x?} pending {:x}", core.dr, core.pending_debug),
            format!("gdtr {:x?} idtr {:x?}", core.gdtr, core.idtr),
            format!(
                "{:?} {:?} nmi blocked {}",
                core.shadow, core.activity, core.nmi_blocked
            ),
            format!("retired {} deliveries {}", core.retired, core.deliveries),
            format!("ldtr {:x?}", core.ldtr),
            format!("tr {:x?}", core.tr),
        ];
        lines.extend(core.segments[..6].iter().map(|segment| format!("{segment:x?}")));
        lines
    }
}
