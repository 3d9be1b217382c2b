//! The vectors inside a guest: a floppy of ours (`bios/rom/replay`) runs them as an operating system runs its tasks,
//! with PAE page tables, and what it saw is compared here, by the same rules.
//!
//! The vectors go in as a hard disk, in the form that the floppy's source describes; the results come out of port E9h.

use std::collections::BTreeMap;

use oldiron_cpu::{Dispatch, Eflags, reg, seg};
use oldiron_platform::{FloppyKind, Machine, MachineBuilder, MemoryImage, StopReason};

use super::{
    FIELD_EFLAGS, FIELD_EIP, FIELD_SEGMENTS, FpuState, How, HwxSuite, MODE_REAL16, NO_EXCEPTION, OPCODE_HLT,
    Observed, PAGE_PRESENT, PAGE_USER, PAGE_WRITABLE, PERM_NO_EXECUTE, SimdState, State, Tables, VECTOR_GP,
    Vector, base_image, compare,
};
use crate::harness::{Failure, Suite, SuiteReport};

/// The first track of the floppy.
const FLOPPY: &[u8] = include_bytes!("../../../bios/images/replay.img");
const FLOPPY_BYTES: usize = 1440 << 10;
const MEMORY_MIB: u32 = 64;
/// Vectors that one guest replays: their records fit into its memory.
const BATCH: usize = 10_000;
const SECTOR: usize = 512;
const PAGE: usize = 0x1000;
/// A disk smaller than this has no usual geometry.
const LEAST_DISK: usize = 1 << 20;
const DISK_MAGIC: &[u8; 4] = b"RPLY";
const GDT_AT: usize = 0x40;
const LDT_AT: usize = 0x1000;
const RECORDS_AT: usize = 0x2000;

/// Ticks that the guest may take to boot, and for each vector.
const BOOT_TICKS: u64 = 2_000_000_000;
const VECTOR_TICKS: u64 = 10_000_000;
const SLICE: u64 = 10_000_000;

/// Replays all cases that no rule skips, with one dispatcher. `Err` if the guest does not come to its end.
pub fn replay(suite: &HwxSuite, dispatch: Dispatch) -> Result<SuiteReport, String> {
    let mut report = SuiteReport::empty(suite.name());
    let mut cases = Vec::new();
    for case in 0..suite.count() {
        match suite.skip(case) {
            Some(rule) => {
                let tally = report.instructions.entry(suite.instruction(case).to_owned());
                *tally.or_default().skipped.entry(rule).or_default() += 1;
            }
            None => cases.push(case),
        }
    }
    let base = base_image();
    for batch in cases.chunks(BATCH) {
        let results = run_guest(disk(suite, batch), batch.len() as u64, dispatch)?;
        let mut results = results_in(&results).ok_or("the guest wrote no results")?;
        for &case in batch {
            let result = next_result(&mut results)
                .ok_or_else(|| format!("the guest's results end before {}", suite.id(case)))?;
            let tally = report
                .instructions
                .entry(suite.instruction(case).to_owned())
                .or_default();
            match check(suite, &suite.vectors[case], result, &base) {
                Ok(()) => tally.passed += 1,
                Err(detail) => {
                    tally.failed += 1;
                    report.failures.push(Failure {
                        case,
                        id: suite.id(case),
                        instruction: suite.instruction(case).to_owned(),
                        dispatch,
                        detail,
                    });
                }
            }
        }
    }
    Ok(report)
}

// ---- what goes in ----

/// The hard disk with the vectors.
fn disk(suite: &HwxSuite, cases: &[usize]) -> Vec<u8> {
    let mut disk = vec![0; RECORDS_AT];
    put_table(&mut disk[GDT_AT..GDT_AT + 64], &suite.gdt);
    put_table(&mut disk[LDT_AT..RECORDS_AT], &suite.ldt);
    for &case in cases {
        let record = record(&suite.vectors[case], suite);
        disk.extend((record.len() as u32 + 4).to_le_bytes());
        disk.extend(record);
    }
    disk.extend([0; 4]);
    disk.resize(disk.len().next_multiple_of(SECTOR), 0);
    disk[..4].copy_from_slice(DISK_MAGIC);
    let sectors = (disk.len() / SECTOR) as u32;
    disk[4..8].copy_from_slice(&sectors.to_le_bytes());
    disk[8..12].copy_from_slice(&(suite.ldt.len() as u32 * 8).to_le_bytes());
    disk.resize(disk.len().max(LEAST_DISK), 0);
    disk
}

fn put_table(place: &mut [u8], table: &[u64]) {
    for (place, raw) in place.chunks_exact_mut(8).zip(table) {
        place.copy_from_slice(&raw.to_le_bytes());
    }
}

fn how(vector: &Vector) -> How {
    if vector.mode == MODE_REAL16 {
        How::Virtual8086
    } else {
        How::Protected
    }
}

/// A vector without its length.
fn record(vector: &Vector, suite: &HwxSuite) -> Vec<u8> {
    let initial = &vector.initial;
    let selector = |register: usize| initial.selector(register) as u32;
    let others = [seg::GS, seg::FS, seg::ES, seg::DS].map(selector);
    let is_virtual = how(vector) == How::Virtual8086;
    let mut words = Vec::new();
    words.extend(if is_virtual { [0; 4] } else { others });
    words.extend(initial.fields[..8].iter().rev());
    let vm = if is_virtual { Eflags::VM.bits() } else { 0 };
    words.extend([
        initial.fields[FIELD_EIP],
        selector(seg::CS),
        initial.fields[FIELD_EFLAGS] | vm,
        initial.fields[reg::ESP],
        selector(seg::SS),
    ]);
    words.extend([seg::ES, seg::DS, seg::FS, seg::GS].map(selector));
    let mut record: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut image = [0; 512];
    initial.fpu.write_image(&mut image);
    initial.simd.write_image(&mut image);
    record.extend(image);
    record.extend((vector.pages.len() as u32).to_le_bytes());
    for &(addr, perm) in &vector.pages {
        let rights = perm as u32 & (PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER);
        record.extend(addr.to_le_bytes());
        record.extend((addr & !0xfff | rights).to_le_bytes());
        record.extend(
            ((perm & PERM_NO_EXECUTE != 0) as u32)
                .wrapping_shl(31)
                .to_le_bytes(),
        );
    }
    let code = (code_address(vector, suite), vector.code.as_slice());
    let runs = vector
        .before
        .iter()
        .map(|run| (run.addr, run.bytes.as_slice()))
        .chain([code]);
    let parts = runs.flat_map(|(addr, bytes)| (addr..).step_by(PAGE).zip(bytes.chunks(PAGE)));
    let parts: Vec<_> = parts.collect();
    record.extend((parts.len() as u32).to_le_bytes());
    for (addr, bytes) in parts {
        record.extend(addr.to_le_bytes());
        record.extend((bytes.len() as u32).to_le_bytes());
        record.extend(bytes);
        record.resize(record.len().next_multiple_of(4), 0);
    }
    record
}

fn code_address(vector: &Vector, suite: &HwxSuite) -> u32 {
    let cs = suite.segment(vector.initial.selector(seg::CS), how(vector));
    (cs.base as u32).wrapping_add(vector.initial.fields[FIELD_EIP])
}

// ---- the guest ----

fn machine(disk: Vec<u8>, dispatch: Dispatch) -> Result<Machine, String> {
    let mut floppy = FLOPPY.to_vec();
    floppy.resize(FLOPPY_BYTES, 0);
    MachineBuilder::new()
        .memory_mib(MEMORY_MIB)
        .dispatch(dispatch)
        .floppy(0, FloppyKind::Hd35, Some(Box::new(MemoryImage::new(floppy))))
        .disk(0, Box::new(MemoryImage::new(disk)), None)
        .boot_order("a")
        .debug_console(true)
        .build()
        .map_err(|error| error.to_string())
}

/// Runs the guest to its end and returns what it wrote to port E9h.
fn run_guest(disk: Vec<u8>, vectors: u64, dispatch: Dispatch) -> Result<Vec<u8>, String> {
    let mut machine = machine(disk, dispatch)?;
    let limit = BOOT_TICKS + vectors * VECTOR_TICKS;
    let (mut results, mut said) = (Vec::new(), String::new());
    while machine.now() < limit {
        let reason = machine.run_until(machine.now() + SLICE);
        let out = machine.outbox();
        results.append(&mut out.debug_console);
        said.extend(out.serial.drain(..).map(|sent| char::from(sent.byte)));
        if said.contains("REPLAY-DONE") {
            return Ok(results);
        }
        if reason != StopReason::Deadline {
            break;
        }
    }
    Err(format!(
        "the guest did not come to its end; it wrote {} bytes of results and said: {}\n{}",
        results.len(),
        said.trim(),
        machine.text_screen()
    ))
}

// ---- what comes out ----

/// What the guest writes in front of them; the BIOS writes to that port, too.
const RESULTS_MAGIC: &[u8] = b"\0REPLAY\0";

/// The results in what came out of the port.
fn results_in(written: &[u8]) -> Option<&[u8]> {
    let at = written
        .windows(RESULTS_MAGIC.len())
        .position(|bytes| bytes == RESULTS_MAGIC)?;
    written.get(at + RESULTS_MAGIC.len()..)
}

/// Takes the next result, without its length.
fn next_result<'a>(results: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = u32::from_le_bytes(*results.first_chunk()?) as usize;
    let (result, rest) = results.split_at_checked(len)?;
    *results = rest;
    result.get(4..)
}

/// The doublewords in front of the FXSAVE image: vector, how many were pushed, ten of these, four segment registers, eight
/// general ones, CR2.
const WORDS: usize = 2 + 10 + 4 + 8 + 1;

fn check(suite: &HwxSuite, vector: &Vector, result: &[u8], base: &[u8]) -> Result<(), String> {
    let short = || "the guest's result is too short".to_owned();
    let (words, rest) = result.split_at_checked(WORDS * 4).ok_or_else(short)?;
    let (image, changed) = rest.split_first_chunk::<512>().ok_or_else(short)?;
    let words: Vec<u32> = words_of(words).collect();
    let mut got = BTreeMap::new();
    let mut changes = words_of(changed.get(4..).ok_or_else(short)?);
    while let (Some(addr), Some(value)) = (changes.next(), changes.next()) {
        got.extend((addr..).zip(value.to_le_bytes()));
    }
    let mut observed = observe(vector, &words)?;
    observed.state.fpu = FpuState::read_image(image);
    observed.state.simd = SimdState::read_image(image);
    let memory = Memory { changed: got, base };
    let cs = suite.segment(observed.state.selector(seg::CS), how(vector));
    let at = (cs.base as u32).wrapping_add(observed.state.fields[FIELD_EIP]);
    let halted = observed.exception == VECTOR_GP && observed.error == Some(0);
    if halted && vector.code.first() != Some(&OPCODE_HLT) && memory.byte(at) == Some(OPCODE_HLT) {
        observed.exception = NO_EXCEPTION;
        observed.error = None;
    }
    compare(vector, &observed, Tables::Wide)?;
    compare_changes(vector, code_address(vector, suite), &memory)
}

fn words_of(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
}

/// The state that the handler found. x87 and SSE are left as they are at first.
fn observe(vector: &Vector, words: &[u32]) -> Result<Observed, String> {
    let &[exception, pushed, ..] = words else {
        return Err("the guest's result is too short".to_owned());
    };
    let is_virtual = how(vector) == How::Virtual8086;
    let plain = if is_virtual { 9 } else { 5 };
    if pushed != plain && pushed != plain + 1 {
        return Err(format!(
            "exception {exception:02x} with {pushed} doublewords on the handler's stack"
        ));
    }
    let has_error = pushed == plain + 1;
    let frame = &words[2 + has_error as usize..];
    let (segments, general) = (&words[12..16], &words[16..24]);
    let mut state = State::default();
    state.fields[..8].copy_from_slice(general);
    state.fields[..8].reverse();
    state.fields[FIELD_EIP] = frame[0];
    state.fields[FIELD_SEGMENTS + seg::CS] = frame[1] & 0xffff;
    state.fields[FIELD_EFLAGS] = frame[2] & !Eflags::VM.bits();
    state.fields[reg::ESP] = frame[3];
    state.fields[FIELD_SEGMENTS + seg::SS] = frame[4] & 0xffff;
    // The processor pushed ES DS FS GS of a task in virtual-8086 mode; the handler pushes GS FS ES DS.
    let (order, values) = if is_virtual {
        ([seg::ES, seg::DS, seg::FS, seg::GS], &frame[5..9])
    } else {
        ([seg::GS, seg::FS, seg::ES, seg::DS], segments)
    };
    for (register, value) in order.into_iter().zip(values) {
        state.fields[FIELD_SEGMENTS + register] = value & 0xffff;
    }
    state.cr2 = words[24];
    Ok(Observed {
        exception: exception as u8,
        error: has_error.then_some(words[2]),
        state,
    })
}

/// RAM after a vector.
struct Memory<'a> {
    /// What the guest says differs from the base image.
    changed: BTreeMap<u32, u8>,
    base: &'a [u8],
}

impl Memory<'_> {
    fn byte(&self, addr: u32) -> Option<u8> {
        self.changed.get(&addr).or(self.base.get(addr as usize)).copied()
    }
}

fn compare_changes(vector: &Vector, code_at: u32, memory: &Memory<'_>) -> Result<(), String> {
    let mut wanted = BTreeMap::new();
    let before = vector.before.iter().map(|run| (run.addr, &run.bytes));
    let after = vector.after.iter().map(|run| (run.addr, &run.bytes));
    for (addr, bytes) in before.chain([(code_at, &vector.code)]).chain(after) {
        wanted.extend((addr..).zip(bytes.iter().copied()));
    }
    let want = |addr: u32| wanted.get(&addr).or(memory.base.get(addr as usize)).copied();
    let is_ignored = |addr: u32| {
        let inside = |&(first, len): &(u32, u16)| addr.wrapping_sub(first) < len as u32;
        vector.ignored.iter().any(inside)
    };
    let mut wrong = Vec::new();
    let places: std::collections::BTreeSet<u32> =
        wanted.keys().chain(memory.changed.keys()).copied().collect();
    for addr in places {
        let (got, want) = (memory.byte(addr), want(addr));
        if got != want && !is_ignored(addr) && wrong.len() < 8 {
            wrong.push(format!(
                "[{addr:05x}] {:02x}, not {:02x}",
                got.unwrap_or(0),
                want.unwrap_or(0)
            ));
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("; "))
    }
}
