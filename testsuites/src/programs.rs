//! Programs of our own for what vectors recorded at CPL 3 cannot execute: `data/programs.txt`.
//!
//! Each is a few instructions that start in ring 0, in flat 32-bit protected mode without paging, and end at the HLT
//! behind them, or in the handler of an exception. What must hold then was written by hand from the manuals, which the
//! file names.

mod text;

use std::path::Path;

use iced_x86::{Decoder, DecoderOptions};
use oldiron_cpu::{Activity, Core, Coverage, Cr0, Cr4, Dispatch, Eflags};
use oldiron_mmu::{Attention, GuestMemory, IoSpace, IoWidth, PhysAddr, Segment, Ticks};

use self::text::{MemoryRun, Program, Register};
use crate::{
    harness::{Rig, Runner, SkipRule, Suite},
    source::{SuiteError, Wrong},
};

/// The programs inside the program.
const TEXT: &str = include_str!("../data/programs.txt");

/// Where the code lies.
const CODE: u32 = 0x1_0000;
const STACK: u32 = 0x8000;
/// Memory from 0 up to here is compared.
const COMPARED: u32 = 0x8_0000;
const MEMORY_BYTES: u32 = 0x20_0000;
const GDT: u32 = 0x10_0000;
const LDT: u32 = 0x10_1000;
const IDT: u32 = 0x10_2000;
const IDT_LIMIT: u16 = 0x7ff;
/// The task that runs, and one that LTR can load.
const TSS: u32 = 0x10_2800;
const OTHER_TSS: u32 = 0x10_2900;
/// Handlers of the 256 vectors, one HLT each.
const HANDLERS: u32 = 0x10_3000;
/// The stack of ring 0 for those who come from ring 3.
const RING0_STACK: u32 = 0x7000;
const OPCODE_HLT: u8 = 0xf4;
/// The x87 as FNINIT leaves it.
const CONTROL_WORD: u16 = 0x37f;

const SELECTOR_CODE: u16 = 1 << 3;
const SELECTOR_DATA: u16 = 2 << 3;
const SELECTOR_LDT: u16 = 6 << 3;
const SELECTOR_TSS: u16 = 7 << 3;
const CODE_RING0: u64 = 0x00cf_9b00_0000_ffff;
const DATA_RING0: u64 = 0x00cf_9300_0000_ffff;
const CODE_RING3: u64 = 0x00cf_fb00_0000_ffff;
const DATA_RING3: u64 = 0x00cf_f300_0000_ffff;

/// A system descriptor of 104 bytes.
const fn system(base: u32, access: u64) -> u64 {
    0x67 | (base as u64 & 0xff_ffff) << 16 | access << 40 | (base as u64 >> 24) << 56
}

const DESCRIPTORS: [u64; 10] = [
    0,
    CODE_RING0,
    DATA_RING0,
    CODE_RING3,
    DATA_RING3,
    system(OTHER_TSS, 0x89),
    system(LDT, 0x82),
    system(TSS, 0x8b),
    0,
    0,
];

/// The suite.
pub struct ProgramSuite {
    programs: Vec<Program>,
}

impl ProgramSuite {
    /// The programs that are compiled in.
    pub fn new() -> Result<Self, SuiteError> {
        let programs =
            text::parse(TEXT).map_err(|what| Wrong::Damaged(what).in_file(Path::new("programs.txt")))?;
        Ok(Self { programs })
    }
}

impl Suite for ProgramSuite {
    fn name(&self) -> &str {
        "programs"
    }

    fn count(&self) -> usize {
        self.programs.len()
    }

    fn id(&self, case: usize) -> String {
        format!("programs/{}", self.programs[case].name)
    }

    fn instruction(&self, case: usize) -> &str {
        &self.programs[case].name
    }

    fn skip(&self, _: usize) -> Option<SkipRule> {
        None
    }

    fn describe(&self, case: usize) -> String {
        let program = &self.programs[case];
        let mut text = format!("{} on {}\n", self.id(case), program.model.name);
        let mut decoder = Decoder::with_ip(32, &program.code, CODE as u64, DecoderOptions::NONE);
        while decoder.can_decode() {
            let at = decoder.position();
            let instruction = decoder.decode();
            let bytes = program.code[at..decoder.position()].iter();
            let bytes: String = bytes.map(|b| format!("{b:02x}")).collect();
            text += &format!(
                "  {:08x} {bytes:<24} {}\n",
                instruction.ip(),
                crate::hwx::nasm(&instruction)
            );
        }
        for (label, registers, runs) in [
            ("before", &program.before, &program.memory_before),
            ("after", &program.after, &program.memory_after),
        ] {
            for (register, value) in registers {
                text += &format!("  {label} {} {value:08x}\n", register.name());
            }
            for run in runs {
                text += &format!("  {label} {:05x}: {:02x?}\n", run.addr, run.bytes);
            }
        }
        text
    }

    fn runner(&self) -> Box<dyn Runner + '_> {
        Box::new(ProgramRunner {
            suite: self,
            coverage: None,
            got: String::new(),
        })
    }
}

/// A bus with one doubleword behind port E0h.
#[derive(Default)]
struct Latch(u32);

const LATCH: u16 = 0xe0;

impl IoSpace for Latch {
    fn port_read(&mut self, _: &mut GuestMemory, _: Ticks, port: u16, width: IoWidth) -> u32 {
        if port == LATCH {
            self.0 & width.open_bus()
        } else {
            width.open_bus()
        }
    }

    fn port_write(&mut self, _: &mut GuestMemory, _: Ticks, port: u16, value: u32, width: IoWidth) {
        if port == LATCH {
            self.0 = value & width.open_bus();
        }
    }

    fn mmio_read(&mut self, _: &mut GuestMemory, _: Ticks, _: PhysAddr, width: IoWidth) -> u32 {
        width.open_bus()
    }

    fn mmio_write(&mut self, _: &mut GuestMemory, _: Ticks, _: PhysAddr, _: u32, _: IoWidth) {}

    fn attention(&self) -> Attention {
        Attention::empty()
    }

    fn acknowledge_intr(&mut self, _: Ticks) -> u8 {
        0
    }
}

struct ProgramRunner<'a> {
    suite: &'a ProgramSuite,
    coverage: Option<Coverage>,
    got: String,
}

impl Runner for ProgramRunner<'_> {
    fn run(&mut self, case: usize, dispatch: Dispatch) -> Result<(), String> {
        let program = &self.suite.programs[case];
        let mut rig = Rig::new(program.model, MEMORY_BYTES, dispatch);
        let counts = self.coverage.is_some() && dispatch == Dispatch::Loop;
        if counts {
            rig.count_forms();
        }
        write_system(&mut rig);
        let mut memory = vec![0; COMPARED as usize];
        put(&mut memory, CODE, &program.code);
        put(&mut memory, CODE + program.code.len() as u32, &[OPCODE_HLT]);
        for run in &program.memory_before {
            put(&mut memory, run.addr, &run.bytes);
        }
        rig.mem.phys_write(0, &memory);
        set_state(&mut rig, program);
        let before = registers(rig.core());
        let ran = rig.run_on(&mut Latch::default());
        if let (true, Some(mine), Some(run)) = (counts, &mut self.coverage, rig.coverage()) {
            mine.add(run);
        }
        let after = registers(rig.core());
        let lines = after
            .iter()
            .map(|(register, value)| format!("  {:6} {value:08x}\n", register.name()));
        self.got = format!("state\n{}", lines.collect::<String>());
        ran?;
        for run in &program.memory_after {
            put(&mut memory, run.addr, &run.bytes);
        }
        let mut wrong = compare_registers(program, &before, &after);
        wrong.extend(compare_end(program, rig.core()));
        wrong.extend(compare_memory(program, &memory, &rig.mem));
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("; "))
        }
    }

    fn got(&self) -> String {
        self.got.clone()
    }

    fn count_forms(&mut self) {
        self.coverage = Some(Coverage::new());
    }

    fn coverage(&self) -> Option<&Coverage> {
        self.coverage.as_ref()
    }
}

fn put(memory: &mut [u8], addr: u32, bytes: &[u8]) {
    let at = addr as usize;
    if let Some(place) = memory.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

/// Descriptor tables, the task, and the handlers.
fn write_system(rig: &mut Rig) {
    for (n, raw) in (0..).zip(DESCRIPTORS) {
        rig.mem.phys_write(GDT + n * 8, &raw.to_le_bytes());
    }
    for n in 0..256 {
        let offset = (HANDLERS + n) as u64;
        let raw = offset & 0xffff | (SELECTOR_CODE as u64) << 16 | 0x8e << 40 | (offset >> 16) << 48;
        rig.mem.phys_write(IDT + n * 8, &raw.to_le_bytes());
    }
    rig.mem.phys_write(HANDLERS, &[OPCODE_HLT; 256]);
    rig.mem.phys_write(TSS + 4, &RING0_STACK.to_le_bytes());
    rig.mem.phys_write(TSS + 8, &(SELECTOR_DATA as u32).to_le_bytes());
}

fn set_state(rig: &mut Rig, program: &Program) {
    let mut core = rig.core_mut();
    core.reset();
    for n in 0..8 {
        core.set_gpr32(n, 0);
    }
    let segment = |selector: u16| Segment::from_descriptor(selector, DESCRIPTORS[selector as usize >> 3]);
    core.segments[..6].fill(segment(SELECTOR_DATA));
    core.segments[oldiron_cpu::seg::CS] = segment(SELECTOR_CODE);
    core.ldtr = segment(SELECTOR_LDT);
    core.tr = segment(SELECTOR_TSS);
    (core.gdtr.base, core.gdtr.limit) = (GDT, DESCRIPTORS.len() as u16 * 8 - 1);
    (core.idtr.base, core.idtr.limit) = (IDT, IDT_LIMIT);
    core.cr0 = Cr0::PE | Cr0::ET | Cr0::NE;
    core.cr4 = (Cr4::OSFXSR | Cr4::OSXMMEXCPT) & program.model.cr4;
    core.set_flags_image(Eflags::empty(), Eflags::all());
    core.fpu.set_state(CONTROL_WORD, 0, 0, Default::default());
    core.set_gpr32(oldiron_cpu::reg::ESP, STACK);
    core.eip = CODE;
    core.activity = Activity::Running;
    for (register, value) in &program.before {
        register.set(&mut core, *value);
    }
}

/// Everything that a program can change and a test can name.
fn registers(core: &Core) -> Vec<(Register, u32)> {
    Register::all()
        .map(|register| (register, register.get(core)))
        .collect()
}

fn compare_registers(
    program: &Program,
    before: &[(Register, u32)],
    after: &[(Register, u32)],
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (&(register, was), &(_, got)) in before.iter().zip(after) {
        let named = program.after.iter().find(|(named, _)| *named == register);
        // Flags are compared where they are named.
        if program.ignored.contains(&register) || (named.is_none() && register == Register::Flags) {
            continue;
        }
        let want = named.map_or(was, |(_, value)| *value);
        if got != want {
            wrong.push(format!("{} {got:08x}, not {want:08x}", register.name()));
        }
    }
    wrong
}

/// Where it ended: in the handler of the exception, or at the HLT behind the program.
fn compare_end(program: &Program, core: &Core) -> Option<String> {
    let at = core.eip.wrapping_sub(1);
    let want = match program.exception {
        Some(number) => HANDLERS + number as u32,
        None => CODE + program.code.len() as u32,
    };
    (at != want).then(|| format!("ended at {at:08x}, not at {want:08x}"))
}

fn compare_memory(program: &Program, want: &[u8], mem: &GuestMemory) -> Option<String> {
    let ignored = |at: u32| program.memory_ignored.iter().any(|range| range.contains(&at));
    let low = (0..).zip(&mem.ram()[..COMPARED as usize]).zip(want);
    let low = low.filter(|((at, got), want)| got != want && !ignored(*at));
    let mut wrong: Vec<_> = low.map(|((at, got), want)| (at, *got, *want)).collect();
    let beyond = |run: &&MemoryRun| run.addr >= COMPARED;
    for run in program.memory_after.iter().filter(beyond) {
        let mut got = vec![0; run.bytes.len()];
        mem.phys_read(run.addr, &mut got);
        let bytes = (run.addr..).zip(got).zip(&run.bytes);
        wrong.extend(
            bytes
                .filter(|((_, got), want)| got != *want)
                .map(|((at, got), want)| (at, got, *want)),
        );
    }
    let words = wrong
        .iter()
        .take(8)
        .map(|(at, got, want)| format!("[{at:05x}] {got:02x}, not {want:02x}"));
    (!wrong.is_empty()).then(|| words.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::run_range;

    #[test]
    fn every_program_ends_as_the_manuals_say() {
        let suite = ProgramSuite::new().unwrap();
        let mut runner = suite.runner();
        let report = run_range(&suite, runner.as_mut(), 0..suite.count(), &|_| true);
        let failures: Vec<_> = report
            .failures
            .iter()
            .map(|f| format!("{} {}", f.id, f.detail))
            .collect();
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }

    #[test]
    fn each_line_of_code_is_one_instruction() {
        for line in TEXT
            .lines()
            .filter(|line| line.starts_with("  ") && line.contains(';'))
        {
            let code = line.split(';').next().unwrap().replace(' ', "");
            let bytes: Vec<_> = (0..code.len() / 2)
                .map(|n| u8::from_str_radix(&code[n * 2..n * 2 + 2], 16).unwrap())
                .collect();
            let options = DecoderOptions::MOV_TR | DecoderOptions::FORCE_RESERVED_NOP;
            let instruction = Decoder::new(32, &bytes, options).decode();
            assert!(
                !instruction.is_invalid() && instruction.len() == bytes.len(),
                "{line}"
            );
        }
    }

    #[test]
    fn a_program_that_ends_otherwise_fails_and_says_where() {
        let text = "test wrong\n  40 ; inc eax\n  end eax=2 [2000]=01 exception=6";
        let suite = ProgramSuite {
            programs: text::parse(text).unwrap(),
        };
        let said = suite.runner().run(0, Dispatch::Loop).unwrap_err();
        assert_eq!(
            said,
            "eax 00000001, not 00000002; ended at 00010001, not at 00103006; [02000] 00, not 01"
        );
        for bad in [
            "40",
            "test x\n  4",
            "test x\n  set cs=8",
            "test x\n  end abc=1",
            "test x 8086",
        ] {
            assert!(text::parse(bad).unwrap_err().starts_with("line "), "{bad}");
        }
    }
}
