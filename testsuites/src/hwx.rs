//! The HWX vectors: programs of a few instructions, executed by real silicon at CPL 3.
//!
//! Follows FORMAT.md beside the vector files. Exceptions are really delivered: through an IDT to handlers at
//! CPL 0, each of which is one HLT, and the interrupted state is read from the frame. Vectors of mode
//! `real16` run twice, in virtual-8086 mode and, where the stack has room for the frame, in real mode.

mod fpu;
pub mod replay;
mod simd;

use std::path::Path;

use iced_x86::{CpuidFeature, Decoder, DecoderOptions};
use oldiron_cpu::{
    Activity, Coverage, CpuModel, Cr0, Cr4, Dispatch, Efer, Eflags, Features, Shadow, reg, seg,
};
use oldiron_mmu::Segment;

use self::{fpu::FpuState, simd::SimdState};
use crate::{
    harness::{Cursor, Rig, Runner, SkipRule, Suite, rig_index},
    source::{SuiteError, Wrong, read_unpacked},
};

const MAGIC: &[u8] = b"HWX86V";
const VERSION: &str = "01";

const FLAG_UNDEF_RESULT: u8 = 1;
const FLAG_AMD: u8 = 2;
const FLAG_PROGRAM: u8 = 8;
const FLAG_APPROX: u8 = 16;
/// Tolerance of RCPxx and RSQRTxx.
const TOLERANCE_RECIPROCAL: u8 = 254;
/// Tolerance of vectors whose values are not compared.
const TOLERANCE_ANY: u8 = 255;
/// What our own transcendental functions may add to a vector's tolerance, in units of the last place.
const OWN_TOLERANCE: u8 = 1;

const MODE_REAL16: u8 = 2;
/// Exception vector that means: the program reached its HLT.
const NO_EXCEPTION: u8 = 0xff;
const NO_ERROR_CODE: u32 = 0xffff_ffff;
const OPCODE_HLT: u8 = 0xf4;
const VECTOR_GP: u8 = 13;
const VECTOR_PF: u8 = 14;
/// Error code bit of #PF that there is with execute-disable alone.
const PF_INSTRUCTION: u32 = 1 << 4;

// ---- memory (FORMAT.md "Memory") ----

const RAM_END: u32 = 0x80000;
/// Bytes F4 fill 10000h–1FFFFh.
const HLT_AREA: core::ops::Range<u32> = 0x10000..0x20000;

/// The initial contents of RAM.
fn base_image() -> Vec<u8> {
    let mut image = Vec::with_capacity(RAM_END as usize);
    for addr in (0..RAM_END).step_by(4) {
        if HLT_AREA.contains(&addr) {
            image.extend([OPCODE_HLT; 4]);
            continue;
        }
        let mut hash = (addr >> 2).wrapping_mul(0x9e37_79b1);
        hash ^= hash >> 15;
        hash = hash.wrapping_mul(0x85eb_ca6b);
        hash ^= hash >> 13;
        image.extend(hash.to_le_bytes());
    }
    image
}

// ---- the runner's own structures, above the vectors' RAM ----

/// Physical address of the system structures. Linear too, unless paging is on.
const SYSTEM: u32 = 0x10_0000;
/// Their linear address with paging on: far from anything that a vector names.
const SYSTEM_PAGED: u32 = 0xf6d0_0000;
const SYSTEM_BYTES: u32 = 0x8000;
const GDT: u32 = 0x0000;
const LDT: u32 = 0x1000;
const IDT: u32 = 0x2000;
const TSS: u32 = 0x2800;
/// Handlers of the 256 vectors, one HLT each.
const HANDLERS: u32 = 0x3000;
const KERNEL_STACK: u32 = 0x6000;
const REAL_IVT: u32 = 0x7000;
const PAGE_DIRECTORY: u32 = SYSTEM + SYSTEM_BYTES;
const LOW_TABLE: u32 = PAGE_DIRECTORY + 0x1000;
const SYSTEM_TABLE: u32 = PAGE_DIRECTORY + 0x2000;
const LOW_DIRECTORY: u32 = PAGE_DIRECTORY + 0x3000;
const SYSTEM_DIRECTORY: u32 = PAGE_DIRECTORY + 0x4000;
/// Handlers of real mode, which cannot reach above 1 MiB + 64 KiB.
const REAL_HANDLERS: u32 = 0x90000;
const MEMORY_BYTES: u32 = 0x20_0000;

const GDT_LIMIT: u16 = 0x7f;
const SELECTOR_TSS: u16 = 8 << 3;
const SELECTOR_LDT: u16 = 9 << 3;
const SELECTOR_KERNEL_CODE: u16 = 10 << 3;
const SELECTOR_KERNEL_STACK: u16 = 11 << 3;
const KERNEL_CODE: u64 = 0x00cf_9b00_0000_ffff;
const KERNEL_DATA: u64 = 0x00cf_9300_0000_ffff;
const TSS_LIMIT: u32 = 0x67;
const ACCESS_BUSY_TSS: u64 = 0x8b;
const ACCESS_LDT: u64 = 0x82;
const ACCESS_INTERRUPT_GATE: u64 = 0x8e;
const DPL3: u64 = 0x60;

const PAGE_PRESENT: u32 = 1;
const PAGE_WRITABLE: u32 = 2;
const PAGE_USER: u32 = 4;
const PERM_NO_EXECUTE: u8 = 8;

fn system_descriptor(base: u32, limit: u32, access: u64) -> u64 {
    let base = base as u64;
    limit as u64 & 0xffff
        | (base & 0xff_ffff) << 16
        | access << 40
        | (limit as u64 >> 16 & 15) << 48
        | (base >> 24) << 56
}

fn gate(selector: u16, offset: u32, access: u64) -> u64 {
    offset as u64 & 0xffff | (selector as u64) << 16 | access << 40 | (offset as u64 >> 16) << 48
}

// ---- the file ----

/// CPU state fields by their bit in a presence mask, with their sizes.
const FIELD_SIZES: [usize; 37] = [
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2, 1, 4, 10, 10, 10, 10, 10, 10, 10, 10, 16, 16, 16,
    16, 16, 16, 16, 16, 4,
];
const FIELD_EIP: usize = 8;
const FIELD_EFLAGS: usize = 9;
const FIELD_SEGMENTS: usize = 10;
const FIELD_CR2: usize = 36;
/// The fields up to here are integer state.
const INTEGER_FIELDS: usize = 16;
const FIELD_NAMES: [&str; INTEGER_FIELDS] = [
    "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip", "eflags", "es", "cs", "ss", "ds", "fs",
    "gs",
];

/// A CPU state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct State {
    fields: [u32; INTEGER_FIELDS],
    cr2: u32,
    fpu: FpuState,
    simd: SimdState,
}

impl State {
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<(), String> {
        let mask = cursor.u64()?;
        if mask >> FIELD_SIZES.len() != 0 {
            return Err(format!("unknown state fields {mask:#x}"));
        }
        for (field, &size) in FIELD_SIZES.iter().enumerate() {
            if mask >> field & 1 == 0 {
                continue;
            }
            let value = cursor.uint(size)?;
            match field {
                0..INTEGER_FIELDS => self.fields[field] = value as u32,
                FIELD_CR2 => self.cr2 = value as u32,
                _ => {
                    self.fpu.set_field(field, value);
                    self.simd.set_field(field, value);
                }
            }
        }
        Ok(())
    }

    fn selector(&self, register: usize) -> u16 {
        self.fields[FIELD_SEGMENTS + register] as u16
    }
}

struct MemoryRun {
    addr: u32,
    bytes: Vec<u8>,
}

struct Vector {
    mode: u8,
    flags: u8,
    name: u16,
    exception: u8,
    error: Option<u32>,
    eflags_mask: u32,
    status_mask: u16,
    tolerance: u8,
    code: Vec<u8>,
    initial: State,
    expected: State,
    before: Vec<MemoryRun>,
    after: Vec<MemoryRun>,
    ignored: Vec<(u32, u16)>,
    pages: Vec<(u32, u8)>,
}

/// A family of vectors.
pub struct HwxSuite {
    family: String,
    names: Vec<String>,
    ldt: Vec<u64>,
    gdt: Vec<u64>,
    vectors: Vec<Vector>,
    model: &'static CpuModel,
}

/// Machines for the vectors of a family.
struct HwxRunner<'a> {
    suite: &'a HwxSuite,
    image: Vec<u8>,
    rigs: [Rig; 2],
    /// What the last run came to.
    observed: Option<Observed>,
}

impl HwxSuite {
    /// Reads the file at `path`, unpacked if its name says that it is packed.
    pub fn open(path: &Path, model: &'static CpuModel) -> Result<Self, SuiteError> {
        Self::new(path, &read_unpacked(path)?, model)
    }

    /// Reads the unpacked contents of the file at `path`.
    pub fn new(path: &Path, data: &[u8], model: &'static CpuModel) -> Result<Self, SuiteError> {
        let mut suite = Self {
            family: String::new(),
            names: Vec::new(),
            ldt: Vec::new(),
            gdt: Vec::new(),
            vectors: Vec::new(),
            model,
        };
        suite.parse(data).map_err(|wrong| wrong.in_file(path))?;
        Ok(suite)
    }

    fn parse(&mut self, data: &[u8]) -> Result<(), Wrong> {
        let mut cursor = Cursor::new(data);
        if cursor.take(MAGIC.len())? != MAGIC {
            return Err("it does not begin as a vector file".to_owned().into());
        }
        let version = cursor.take(VERSION.len())?;
        if version != VERSION.as_bytes() {
            let found = String::from_utf8_lossy(version).into_owned();
            return Err(Wrong::Version("HWX", found, VERSION));
        }
        let header_len = cursor.u32()? as usize;
        let _seed = cursor.u64()?;
        let count = cursor.u32()?;
        self.family = cursor.name()?;
        let _cpu = cursor.name()?;
        for _ in 0..cursor.u16()? {
            self.names.push(cursor.name()?);
        }
        let mut defaults = [[0; 6]; 3];
        for selector in defaults.iter_mut().flatten() {
            *selector = cursor.u16()?;
        }
        for table in [&mut self.gdt, &mut self.ldt] {
            for _ in 0..cursor.u16()? {
                table.push(cursor.u64()?);
            }
        }
        if cursor.position() != header_len {
            return Err("the header has another length than it says".to_owned().into());
        }
        while !cursor.is_empty() {
            let len = cursor.u16()? as usize;
            let mut record = Cursor::new(cursor.take(len)?);
            let vector = Vector::read(&mut record, &defaults)
                .map_err(|what| format!("record {}: {what}", self.vectors.len()))?;
            if !record.is_empty() || usize::from(vector.name) >= self.names.len() {
                return Err(format!("record {} is malformed", self.vectors.len()).into());
            }
            self.vectors.push(vector);
        }
        if self.vectors.len() != count as usize {
            return Err(format!("{} records instead of {count}", self.vectors.len()).into());
        }
        Ok(())
    }

    fn is_paged(&self) -> bool {
        self.family == "paging"
    }
}

/// Handlers: one HLT for each vector, for protected and for real mode, and the real-mode table.
fn write_handlers(rig: &mut Rig) {
    rig.mem.phys_write(SYSTEM + HANDLERS, &[OPCODE_HLT; 256]);
    rig.mem.phys_write(REAL_HANDLERS, &[OPCODE_HLT; 256]);
    for number in 0..256 {
        let entry = (REAL_HANDLERS >> 4) << 16 | number;
        rig.mem
            .phys_write(SYSTEM + REAL_IVT + number * 4, &entry.to_le_bytes());
    }
}

impl Vector {
    fn read(cursor: &mut Cursor<'_>, defaults: &[[u16; 6]; 3]) -> Result<Self, String> {
        let mode = cursor.u8()?;
        let flags = cursor.u8()?;
        let name = cursor.u16()?;
        let tolerance = cursor.u8()?;
        let exception = cursor.u8()?;
        let error = if exception == NO_EXCEPTION {
            NO_ERROR_CODE
        } else {
            cursor.u32()?
        };
        let eflags_mask = cursor.u32()?;
        let status_mask = cursor.u16()?;
        let code_len = cursor.u8()?;
        let code = cursor.take(code_len as usize)?.to_vec();
        let selectors = defaults
            .get(mode as usize)
            .ok_or(format!("unknown mode {mode}"))?;
        let mut initial = State::default();
        initial.fields[FIELD_EFLAGS] = 0x202;
        for (field, &selector) in initial.fields[FIELD_SEGMENTS..].iter_mut().zip(selectors) {
            *field = selector as u32;
        }
        initial.read(cursor)?;
        let mut expected = initial;
        expected.read(cursor)?;
        let before = read_runs(cursor)?;
        let after = read_runs(cursor)?;
        let mut ignored = Vec::new();
        for _ in 0..cursor.u8()? {
            ignored.push((cursor.u32()?, cursor.u16()?));
        }
        let mut pages = Vec::new();
        for _ in 0..cursor.u8()? {
            pages.push((cursor.u32()?, cursor.u8()?));
        }
        Ok(Self {
            mode,
            flags,
            name,
            exception,
            error: (error != NO_ERROR_CODE).then_some(error),
            eflags_mask,
            status_mask,
            tolerance,
            code,
            initial,
            expected,
            before,
            after,
            ignored,
            pages,
        })
    }

    fn bitness(&self) -> u32 {
        if self.mode == 0 { 32 } else { 16 }
    }

    fn needs_no_execute(&self) -> bool {
        self.pages.iter().any(|&(_, perm)| perm & PERM_NO_EXECUTE != 0)
    }

    /// How many units of the last place floating-point values may differ by; none if they are not compared.
    fn value_tolerance(&self) -> Option<u8> {
        if self.flags & FLAG_APPROX == 0 {
            Some(0)
        } else if self.tolerance == TOLERANCE_ANY {
            None
        } else {
            Some(self.tolerance + OWN_TOLERANCE)
        }
    }

    /// Whether its code holds instructions of the x87, MMX or SSE that the model lacks.
    fn exceeds(&self, model: &CpuModel) -> bool {
        use CpuidFeature::*;
        let mut decoder = Decoder::new(self.bitness(), &self.code, DecoderOptions::NONE);
        let one = self.flags & FLAG_PROGRAM == 0;
        while decoder.can_decode() {
            let code = decoder.decode().code();
            let features = code.cpuid_features();
            let floats_or_packs = features.iter().any(|name| {
                matches!(
                    name,
                    FPU | FPU287
                        | FPU387
                        | MMX
                        | FXSR
                        | SSE
                        | SSE2
                        | SSE3
                        | SSSE3
                        | SSE4_1
                        | SSE4_2
                        | POPCNT
                        | CLFSH
                )
            });
            if floats_or_packs && !model.supports(code) {
                return true;
            }
            if one {
                break;
            }
        }
        false
    }
}

fn read_runs(cursor: &mut Cursor<'_>) -> Result<Vec<MemoryRun>, String> {
    let mut runs = Vec::new();
    for _ in 0..cursor.u8()? {
        let addr = cursor.u32()?;
        let len = cursor.u16()?;
        if addr as u64 + len as u64 > RAM_END as u64 {
            return Err(format!("memory run at {addr:#x} outside RAM"));
        }
        let bytes = cursor.take(len as usize)?.to_vec();
        runs.push(MemoryRun { addr, bytes });
    }
    Ok(runs)
}

/// How its linear addresses are translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tables {
    /// Not at all.
    Unpaged,
    /// By tables of 32-bit entries.
    Narrow,
    /// With PAE and execute-disable.
    Wide,
}

/// How a vector is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Protected,
    Virtual8086,
    Real,
}

/// What a run came to.
#[derive(Debug)]
struct Observed {
    exception: u8,
    error: Option<u32>,
    state: State,
}

impl Suite for HwxSuite {
    fn name(&self) -> &str {
        &self.family
    }

    fn count(&self) -> usize {
        self.vectors.len()
    }

    fn id(&self, case: usize) -> String {
        format!("{}/{case}", self.family)
    }

    fn instruction(&self, case: usize) -> &str {
        &self.names[self.vectors[case].name as usize]
    }

    fn skip(&self, case: usize) -> Option<SkipRule> {
        let vector = &self.vectors[case];
        if vector.flags & FLAG_UNDEF_RESULT != 0 {
            Some(SkipRule::UndefinedResult)
        } else if vector.flags & FLAG_AMD != 0 {
            Some(SkipRule::OtherVendor)
        } else if vector.needs_no_execute() && !self.model.has(Features::NX) {
            Some(SkipRule::NeedsNoExecute)
        } else if vector.exceeds(self.model) {
            Some(SkipRule::NotInModel)
        } else {
            None
        }
    }

    fn runner(&self) -> Box<dyn Runner + '_> {
        let mut runner = HwxRunner {
            suite: self,
            image: base_image(),
            rigs: Rig::pair(self.model, MEMORY_BYTES),
            observed: None,
        };
        for rig in &mut runner.rigs {
            rig.mem.phys_write(0, &runner.image);
            write_handlers(rig);
        }
        runner.write_system(SYSTEM);
        Box::new(runner)
    }

    fn describe(&self, case: usize) -> String {
        let vector = &self.vectors[case];
        let mut text = format!(
            "{} {} mode {} flags {:#x} exception {:02x} error {:x?} eflags mask {:08x}\n",
            self.id(case),
            self.instruction(case),
            ["pm32", "pm16", "real16"][vector.mode as usize % 3],
            vector.flags,
            vector.exception,
            vector.error,
            vector.eflags_mask
        );
        let eip = vector.initial.fields[FIELD_EIP];
        let mut decoder = Decoder::with_ip(vector.bitness(), &vector.code, eip as u64, DecoderOptions::NONE);
        while decoder.can_decode() {
            let at = decoder.position();
            let instruction = decoder.decode();
            let bytes: String = vector.code[at..decoder.position()]
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            text += &format!("  {:08x} {bytes:<24} {}\n", instruction.ip(), nasm(&instruction));
        }
        for (n, name) in FIELD_NAMES.iter().enumerate() {
            let (before, after) = (vector.initial.fields[n], vector.expected.fields[n]);
            text += &format!("  {name:6} {before:08x}");
            if before != after {
                text += &format!(" -> {after:08x}");
            }
            if n >= FIELD_SEGMENTS && vector.mode != MODE_REAL16 {
                text += &format!("  {:016x}", self.raw_descriptor(before as u16));
            }
            text += "\n";
        }
        if vector.initial.simd != SimdState::default() || vector.expected.simd != SimdState::default() {
            text += &vector.initial.simd.describe(&vector.expected.simd);
        }
        if vector.initial.fpu != FpuState::default() || vector.expected.fpu != FpuState::default() {
            text += &vector.initial.fpu.describe(&vector.expected.fpu);
        }
        for (label, runs) in [("before", &vector.before), ("after", &vector.after)] {
            for run in runs {
                text += &format!("  {label} {:05x}: {:02x?}\n", run.addr, run.bytes);
            }
        }
        if !vector.pages.is_empty() {
            text += &format!("  pages {:x?}, cr2 {:08x}\n", vector.pages, vector.expected.cr2);
        }
        text
    }
}

pub(crate) fn nasm(instruction: &iced_x86::Instruction) -> String {
    use iced_x86::Formatter;
    let mut text = String::new();
    iced_x86::NasmFormatter::new().format(instruction, &mut text);
    text
}

impl HwxSuite {
    fn raw_descriptor(&self, selector: u16) -> u64 {
        let table = if selector & 4 != 0 { &self.ldt } else { &self.gdt };
        table.get(selector as usize >> 3).copied().unwrap_or(0)
    }

    /// A segment register with this selector, and its linear base.
    fn segment(&self, selector: u16, how: How) -> Segment {
        match how {
            How::Protected if selector & !3 == 0 => Segment::null(selector),
            How::Protected => Segment::from_descriptor(selector, self.raw_descriptor(selector)),
            How::Virtual8086 => Segment::real(selector, 3),
            How::Real => Segment::real(selector, 0),
        }
    }
}

impl Runner for HwxRunner<'_> {
    fn run(&mut self, case: usize, dispatch: Dispatch) -> Result<(), String> {
        if self.suite.is_paged() {
            return self.run_paged(case, dispatch);
        }
        if self.suite.vectors[case].mode != MODE_REAL16 {
            return self.run_as(case, dispatch, How::Protected, Tables::Unpaged);
        }
        self.run_as(case, dispatch, How::Virtual8086, Tables::Unpaged)
            .map_err(|detail| format!("virtual-8086 mode: {detail}"))?;
        let frame = self.suite.vectors[case].expected.fields[reg::ESP] & 0xffff;
        if self.suite.vectors[case].exception != NO_EXCEPTION && frame < 6 {
            return Ok(());
        }
        self.run_as(case, dispatch, How::Real, Tables::Unpaged)
            .map_err(|detail| format!("real mode: {detail}"))
    }

    fn count_forms(&mut self) {
        // The other dispatcher executes the same.
        self.rigs[rig_index(Dispatch::Loop)].count_forms();
    }

    fn coverage(&self) -> Option<&Coverage> {
        self.rigs[rig_index(Dispatch::Loop)].coverage()
    }

    fn got(&self) -> String {
        let Some(observed) = &self.observed else {
            return "no exception and no HLT\n".to_owned();
        };
        let mut text = format!(
            "exception {:02x} error {:x?} cr2 {:08x}\n",
            observed.exception, observed.error, observed.state.cr2
        );
        for (name, value) in FIELD_NAMES.iter().zip(observed.state.fields) {
            text += &format!("  {name:6} {value:08x}\n");
        }
        text
    }
}

impl HwxRunner<'_> {
    /// Writes GDT, LDT, IDT and TSS for system structures at linear address `system`.
    fn write_system(&mut self, system: u32) {
        let mut gdt = self.suite.gdt.clone();
        gdt.resize(8, 0);
        gdt.push(system_descriptor(system + TSS, TSS_LIMIT, ACCESS_BUSY_TSS));
        gdt.push(system_descriptor(
            system + LDT,
            self.suite.ldt.len() as u32 * 8 - 1,
            ACCESS_LDT,
        ));
        gdt.push(KERNEL_CODE);
        gdt.push(KERNEL_DATA);
        let idt = (0..256u32).map(|number| {
            let access = ACCESS_INTERRUPT_GATE | if matches!(number, 3 | 4) { DPL3 } else { 0 };
            gate(SELECTOR_KERNEL_CODE, system + HANDLERS + number, access)
        });
        let mut tss = [0; TSS_LIMIT as usize + 1];
        tss[4..8].copy_from_slice(&(system + KERNEL_STACK).to_le_bytes());
        tss[8..10].copy_from_slice(&SELECTOR_KERNEL_STACK.to_le_bytes());
        // The I/O bitmap begins beyond the limit: there is none.
        tss[0x66..0x68].copy_from_slice(&(TSS_LIMIT as u16 + 1).to_le_bytes());
        let bytes = |table: Vec<u64>| table.into_iter().flat_map(u64::to_le_bytes).collect::<Vec<u8>>();
        let (gdt, ldt, idt) = (bytes(gdt), bytes(self.suite.ldt.clone()), bytes(idt.collect()));
        for rig in &mut self.rigs {
            rig.mem.phys_write(SYSTEM + GDT, &gdt);
            rig.mem.phys_write(SYSTEM + LDT, &ldt);
            rig.mem.phys_write(SYSTEM + IDT, &idt);
            rig.mem.phys_write(SYSTEM + TSS, &tss);
        }
    }

    /// Under both formats of page tables, as far as vector and model allow.
    fn run_paged(&mut self, case: usize, dispatch: Dispatch) -> Result<(), String> {
        if !self.suite.vectors[case].needs_no_execute() {
            self.run_as(case, dispatch, How::Protected, Tables::Narrow)?;
        }
        if self.suite.model.has(Features::NX) {
            self.run_as(case, dispatch, How::Protected, Tables::Wide)
                .map_err(|detail| format!("with PAE: {detail}"))?;
        }
        Ok(())
    }

    fn run_as(&mut self, case: usize, dispatch: Dispatch, how: How, tables: Tables) -> Result<(), String> {
        let suite = self.suite;
        let vector = &suite.vectors[case];
        let cs = self.suite.segment(vector.initial.selector(seg::CS), how);
        let code_at = (cs.base as u32).wrapping_add(vector.initial.fields[FIELD_EIP]);
        let system = if self.suite.is_paged() {
            SYSTEM_PAGED
        } else {
            SYSTEM
        };
        if self.suite.is_paged() {
            self.write_system(system);
            let pages = self.suite.vectors[case].pages.clone();
            write_page_tables(&mut self.rigs[rig_index(dispatch)], &pages, tables);
        }
        self.set_state(case, dispatch, how, system, tables);
        let vector = &self.suite.vectors[case];
        let rig = &mut self.rigs[rig_index(dispatch)];
        for run in &vector.before {
            rig.mem.phys_write(run.addr, &run.bytes);
        }
        rig.mem.phys_write(code_at, &vector.code);

        self.observed = None;
        let ran = rig.run();
        let result = ran
            .and_then(|()| observe(rig, how, system, &vector.code))
            .and_then(|observed| {
                let same = compare(vector, &observed, tables);
                self.observed = Some(observed);
                same
            });

        // Memory as it must be now, in the place of the base image for a moment.
        let mut undo = Vec::new();
        let runs = vector.before.iter().map(|run| (run.addr, run.bytes.as_slice()));
        let code = core::iter::once((code_at, vector.code.as_slice()));
        let after = vector.after.iter().map(|run| (run.addr, run.bytes.as_slice()));
        for (addr, bytes) in runs.chain(code).chain(after) {
            let range = addr as usize..addr as usize + bytes.len();
            if let Some(place) = self.image.get_mut(range) {
                undo.push((addr, place.to_vec()));
                place.copy_from_slice(bytes);
            }
        }
        let mut ignored = vector.ignored.clone();
        if how == How::Real && vector.exception != NO_EXCEPTION {
            let frame = (vector.expected.fields[reg::ESP] & 0xffff) - 6;
            let base = (vector.expected.selector(seg::SS) as u32) << 4;
            ignored.push((base + frame, 6));
        }
        let memory = compare_memory(&rig.mem.ram()[..RAM_END as usize], &self.image, &ignored);
        let (touched, clean) = (
            undo.iter()
                .map(|(addr, bytes)| (*addr, bytes.len()))
                .collect::<Vec<_>>(),
            memory.is_ok(),
        );
        for (addr, bytes) in undo.into_iter().rev() {
            self.image[addr as usize..addr as usize + bytes.len()].copy_from_slice(&bytes);
        }
        if clean && result.is_ok() && ignored.is_empty() {
            for (addr, len) in touched {
                rig.mem
                    .phys_write(addr, &self.image[addr as usize..addr as usize + len]);
            }
        } else {
            rig.mem.phys_write(0, &self.image);
        }
        result?;
        memory
    }

    /// Puts the initial state into the processor.
    fn set_state(&mut self, case: usize, dispatch: Dispatch, how: How, system: u32, tables: Tables) {
        let initial = self.suite.vectors[case].initial;
        let segments: Vec<_> = (0..6)
            .map(|n| self.suite.segment(initial.selector(n), how))
            .collect();
        let wide = tables == Tables::Wide;
        let pointers = oldiron_mmu::read_pointers(&self.rigs[rig_index(dispatch)].mem, PAGE_DIRECTORY);
        let ldt_limit = self.suite.ldt.len() as u32 * 8 - 1;
        let mut core = self.rigs[rig_index(dispatch)].core_mut();
        core.reset();
        initial.fpu.load(&mut core.fpu);
        for (n, &value) in initial.fields[..8].iter().enumerate() {
            core.set_gpr32(n, value);
        }
        core.segments[..6].copy_from_slice(&segments);
        core.cr0 = Cr0::ET | Cr0::NE | Cr0::MP | Cr0::AM | Cr0::WP;
        core.cr0.set(Cr0::PE, how != How::Real);
        core.cr0.set(Cr0::PG, tables != Tables::Unpaged);
        core.cr3 = PAGE_DIRECTORY;
        initial.simd.load(&mut core);
        core.cr4.set(Cr4::PAE, wide);
        core.efer = if wide { Efer::NXE } else { Efer::empty() };
        core.page_pointers = pointers.filter(|_| wide).unwrap_or_default();
        core.cpl = if how == How::Real { 0 } else { 3 };
        core.gdtr.base = system + GDT;
        core.gdtr.limit = GDT_LIMIT;
        (core.idtr.base, core.idtr.limit) = match how {
            How::Real => (system + REAL_IVT, 0x3ff),
            _ => (system + IDT, 0x7ff),
        };
        core.ldtr = Segment::from_descriptor(
            SELECTOR_LDT,
            system_descriptor(system + LDT, ldt_limit, ACCESS_LDT),
        );
        core.tr = Segment::from_descriptor(
            SELECTOR_TSS,
            system_descriptor(system + TSS, TSS_LIMIT, ACCESS_BUSY_TSS),
        );
        let mut flags = Eflags::from_bits_retain(initial.fields[FIELD_EFLAGS]);
        flags.set(Eflags::VM, how == How::Virtual8086);
        core.set_flags_image(flags, Eflags::all());
        core.eip = initial.fields[FIELD_EIP];
        core.next_eip = core.eip;
        core.activity = Activity::Running;
        core.shadow = Shadow::None;
        core.pending_debug = 0;
    }
}

/// Page tables of the paging family: identity, with the vector's rights for some pages. The first of them is the page
/// directory, or with PAE the four pointers.
fn write_page_tables(rig: &mut Rig, pages: &[(u32, u8)], tables: Tables) {
    let all = (PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER) as u64;
    let system_rights = (PAGE_PRESENT | PAGE_WRITABLE) as u64;
    let wide = tables == Tables::Wide;
    let entries = if wide { 512 } else { 1024 };
    let mut low: Vec<u64> = (0..entries)
        .map(|n| {
            if n < RAM_END as u64 >> 12 {
                n << 12 | all
            } else {
                0
            }
        })
        .collect();
    for &(addr, perm) in pages {
        if let Some(entry) = low.get_mut((addr >> 12) as usize) {
            let disabled = wide && perm & PERM_NO_EXECUTE != 0;
            *entry = (addr & !0xfff) as u64 | perm as u64 & all | (disabled as u64) << 63;
        }
    }
    let mut high = vec![0; entries as usize];
    let first = (SYSTEM_PAGED >> 12) as usize & (entries as usize - 1);
    for (n, entry) in (0..SYSTEM_BYTES as u64 >> 12).zip(&mut high[first..]) {
        *entry = (SYSTEM as u64 + n * 0x1000) | system_rights;
    }
    let mut put = |at: u32, entries: &[u64]| {
        let bytes: Vec<u8> = if wide {
            entries.iter().flat_map(|entry| entry.to_le_bytes()).collect()
        } else {
            entries
                .iter()
                .flat_map(|&entry| (entry as u32).to_le_bytes())
                .collect()
        };
        rig.mem.phys_write(at, &bytes);
    };
    put(LOW_TABLE, &low);
    put(SYSTEM_TABLE, &high);
    let (low, high) = (LOW_TABLE as u64 | all, SYSTEM_TABLE as u64 | system_rights);
    let mut directory = vec![0; entries as usize];
    if wide {
        directory[0] = low;
        put(LOW_DIRECTORY, &directory);
        directory[0] = 0;
        directory[(SYSTEM_PAGED >> 21) as usize & 511] = high;
        put(SYSTEM_DIRECTORY, &directory);
        let present = PAGE_PRESENT as u64;
        let mut pointers = [LOW_DIRECTORY as u64 | present, 0, 0, 0];
        pointers[(SYSTEM_PAGED >> 30) as usize] = SYSTEM_DIRECTORY as u64 | present;
        put(PAGE_DIRECTORY, &pointers);
    } else {
        directory[0] = low;
        directory[(SYSTEM_PAGED >> 22) as usize] = high;
        put(PAGE_DIRECTORY, &directory);
    }
}

/// Reads what happened from the halted processor and the frame that delivery left.
fn observe(rig: &mut Rig, how: How, system: u32, code: &[u8]) -> Result<Observed, String> {
    let core = rig.core();
    let mut state = State::default();
    for n in 0..8 {
        state.fields[n] = core.gpr32(n);
    }
    for n in 0..6 {
        state.fields[FIELD_SEGMENTS + n] = core.segments[n].selector as u32;
    }
    state.cr2 = core.cr2;
    state.fpu = FpuState::observe(&core.fpu);
    state.simd = SimdState::observe(core);
    state.fields[FIELD_EFLAGS] = core.flags_image().bits();
    // HLT is done: EIP is behind it.
    state.fields[FIELD_EIP] = core.eip.wrapping_sub(1);
    if how == How::Real {
        return observe_real(rig, state);
    }
    let handler = state.fields[FIELD_EIP].wrapping_sub(system + HANDLERS);
    if core.cpl != 0 || handler > 0xff {
        return Err(format!(
            "halted at {:08x}, which is no handler",
            state.fields[FIELD_EIP]
        ));
    }
    let esp = state.fields[reg::ESP];
    let pushed = (system + KERNEL_STACK).wrapping_sub(esp) / 4;
    let plain = if how == How::Virtual8086 { 9 } else { 5 };
    let has_error = pushed == plain + 1;
    if !has_error && pushed != plain {
        return Err(format!("{pushed} doublewords on the handler's stack"));
    }
    let physical = esp.wrapping_sub(system).wrapping_add(SYSTEM);
    let mut bytes = [0; 40];
    rig.mem.phys_read(physical, &mut bytes);
    let mut words = bytes
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    let mut next = || words.next().unwrap_or_default();
    let error = has_error.then(&mut next);
    state.fields[FIELD_EIP] = next();
    state.fields[FIELD_SEGMENTS + seg::CS] = next() & 0xffff;
    state.fields[FIELD_EFLAGS] = next() & !Eflags::VM.bits();
    state.fields[reg::ESP] = next();
    state.fields[FIELD_SEGMENTS + seg::SS] = next() & 0xffff;
    if how == How::Virtual8086 {
        for register in [seg::ES, seg::DS, seg::FS, seg::GS] {
            state.fields[FIELD_SEGMENTS + register] = next() & 0xffff;
        }
    }
    let mut exception = handler as u8;
    let halted = exception == VECTOR_GP && error == Some(0) && code.first() != Some(&OPCODE_HLT);
    if halted && byte_at(rig, how, &state) == Some(OPCODE_HLT) {
        exception = NO_EXCEPTION;
    }
    let error = if exception == NO_EXCEPTION { None } else { error };
    Ok(Observed {
        exception,
        error,
        state,
    })
}

/// The byte at CS:EIP of the interrupted program, in RAM.
fn byte_at(rig: &mut Rig, how: How, state: &State) -> Option<u8> {
    let selector = state.selector(seg::CS);
    let base = if how == How::Virtual8086 {
        (selector as u32) << 4
    } else {
        let core = rig.core();
        let table = if selector & 4 != 0 {
            core.ldtr.base as u32
        } else {
            core.gdtr.base
        };
        let offset = table.wrapping_add((selector & 0xfff8) as u32) & (SYSTEM_BYTES - 1);
        let mut raw = [0; 8];
        rig.mem.phys_read(SYSTEM + offset, &mut raw);
        Segment::from_descriptor(selector, u64::from_le_bytes(raw)).base as u32
    };
    let at = base.wrapping_add(state.fields[FIELD_EIP]);
    rig.mem.ram().get(at as usize).copied().filter(|_| at < RAM_END)
}

fn observe_real(rig: &mut Rig, mut state: State) -> Result<Observed, String> {
    let mut exception = NO_EXCEPTION;
    if state.fields[FIELD_SEGMENTS + seg::CS] == REAL_HANDLERS >> 4 {
        exception = state.fields[FIELD_EIP] as u8;
        let sp = state.fields[reg::ESP];
        let base = state.fields[FIELD_SEGMENTS + seg::SS] << 4;
        let mut frame = [0; 6];
        rig.mem.phys_read(base + (sp & 0xffff), &mut frame);
        let word = |n: usize| u16::from_le_bytes([frame[n], frame[n + 1]]) as u32;
        state.fields[FIELD_EIP] = word(0);
        state.fields[FIELD_SEGMENTS + seg::CS] = word(2);
        let upper = state.fields[FIELD_EFLAGS] & 0xffff_0000;
        state.fields[FIELD_EFLAGS] = upper | word(4);
        state.fields[reg::ESP] = sp & 0xffff_0000 | sp.wrapping_add(6) & 0xffff;
    }
    Ok(Observed {
        exception,
        error: None,
        state,
    })
}

fn compare(vector: &Vector, observed: &Observed, tables: Tables) -> Result<(), String> {
    let mut differences = Vec::new();
    if observed.exception != vector.exception {
        differences.push(format!(
            "exception {:02x}, not {:02x}, at {:08x}",
            observed.exception, vector.exception, observed.state.fields[FIELD_EIP]
        ));
    }
    if let (Some(want), Some(got)) = (vector.error, observed.error)
        && observed.exception == vector.exception
    {
        let mask = if vector.exception == VECTOR_PF && tables != Tables::Wide {
            !PF_INSTRUCTION
        } else {
            u32::MAX
        };
        if want & mask != got & mask {
            differences.push(format!("error code {got:x}, not {want:x}"));
        }
    }
    if vector.exception == VECTOR_PF && observed.state.cr2 != vector.expected.cr2 {
        differences.push(format!(
            "cr2 {:08x}, not {:08x}",
            observed.state.cr2, vector.expected.cr2
        ));
    }
    for (n, name) in FIELD_NAMES.iter().enumerate() {
        let mask = match n {
            FIELD_EFLAGS => vector.eflags_mask & !Eflags::RF.bits(),
            _ => u32::MAX,
        };
        let (got, want) = (observed.state.fields[n], vector.expected.fields[n]);
        if got & mask != want & mask {
            differences.push(format!("{name} {got:08x}, not {want:08x}"));
        }
    }
    let is_reciprocal = vector.flags & FLAG_APPROX != 0 && vector.tolerance == TOLERANCE_RECIPROCAL;
    differences.extend(
        vector
            .expected
            .simd
            .differences(&observed.state.simd, is_reciprocal),
    );
    let observed_fpu = &observed.state.fpu;
    differences.extend(vector.expected.fpu.differences(
        observed_fpu,
        vector.status_mask,
        vector.value_tolerance(),
    ));
    if differences.is_empty() {
        Ok(())
    } else {
        Err(differences.join("; "))
    }
}

fn compare_memory(got: &[u8], want: &[u8], ignored: &[(u32, u16)]) -> Result<(), String> {
    if got == want {
        return Ok(());
    }
    let is_ignored = |at: usize| {
        ignored
            .iter()
            .any(|&(addr, len)| (addr as usize..addr as usize + len as usize).contains(&at))
    };
    let differs = |&at: &usize| got[at] != want[at] && !is_ignored(at);
    let places: Vec<_> = (0..want.len()).filter(differs).take(8).collect();
    if places.is_empty() {
        return Ok(());
    }
    let words = places
        .iter()
        .map(|&at| format!("[{at:05x}] {:02x}, not {:02x}", got[at], want[at]));
    Err(words.collect::<Vec<_>>().join("; "))
}
