//! The 80286 real-mode vectors of SingleStepTests, in MOO files.
//!
//! A case sets all registers and some memory, runs to the HLT that follows its instruction (or that its exception's
//! handler begins with) and compares all registers and the memory that is listed.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use iced_x86::{Decoder, DecoderOptions, Mnemonic, OpKind, Register};
use oldiron_cpu::{Coverage, CpuModel, Dispatch, Eflags, reg, seg};
use oldiron_mmu::Segment;

use crate::{
    harness::{Cursor, Rig, Runner, SkipRule, Suite, rig_index},
    source::{SuiteError, Wrong, is_moo, read_unpacked},
};

/// Registers by their bit in a presence mask.
const REGISTERS: [&str; 14] = [
    "ax", "bx", "cx", "dx", "cs", "ss", "ds", "es", "sp", "bp", "si", "di", "ip", "flags",
];
const SS: usize = 5;
const SP: usize = 8;
const IP: usize = 12;
const FLAGS: usize = 13;
/// General registers of the file's order by number.
const GENERAL: [(usize, usize); 8] = [
    (0, reg::EAX),
    (1, reg::EBX),
    (2, reg::ECX),
    (3, reg::EDX),
    (8, reg::ESP),
    (9, reg::EBP),
    (10, reg::ESI),
    (11, reg::EDI),
];
const SEGMENTS: [(usize, usize); 4] = [(4, seg::CS), (5, seg::SS), (6, seg::DS), (7, seg::ES)];
/// FLAGS bits that a 286 has in real mode: IOPL and NT are stuck at zero there.
const FLAGS_286: u16 = 0x0fff;
const MEMORY_BYTES: u32 = 0x20_0000;

/// The major version of the format, in the low byte; the minor one is above it. Chunks that we do not know are
/// passed over.
const MAJOR_VERSION: u32 = 1;

/// The longest instruction of a 286; one more byte is #GP.
const MOST_BYTES_286: usize = 10;

const VECTOR_GP: u8 = 13;

type Registers = [Option<u16>; REGISTERS.len()];
type Values = [u16; REGISTERS.len()];
type Memory = Vec<(u32, u8)>;

struct Case {
    file: u16,
    index: u32,
    name: String,
    code: Vec<u8>,
    hash: String,
    before: Registers,
    memory_before: Memory,
    after: Registers,
    memory_after: Memory,
    /// Vector, and address of the FLAGS image that it pushes, rounded down to even.
    exception: Option<(u8, u32)>,
}

struct File {
    stem: String,
    flags_mask: u16,
}

/// A directory of MOO files, or one of them.
pub struct MooSuite {
    files: Vec<File>,
    cases: Vec<Case>,
    revoked: BTreeSet<String>,
    model: &'static CpuModel,
}

/// Machines for the cases.
struct MooRunner<'a> {
    suite: &'a MooSuite,
    rigs: [Rig; 2],
    /// The registers after the last run.
    observed: Values,
}

impl MooSuite {
    /// Reads the files with their masks and the list of revoked tests.
    pub fn open(path: &Path, model: &'static CpuModel) -> Result<Self, SuiteError> {
        let io = |source| SuiteError::Io {
            path: path.to_path_buf(),
            source,
        };
        let (directory, mut names) = if path.is_dir() {
            let mut names = Vec::new();
            for entry in std::fs::read_dir(path).map_err(io)? {
                names.extend(entry.map_err(io)?.file_name().into_string().ok());
            }
            (path, names)
        } else {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            (path.parent().unwrap_or(path), name.into_iter().collect())
        };
        names.retain(|name| is_moo(name));
        names.sort();
        let masks = read_masks(&directory.join("metadata.json"))?;
        let mut suite = Self {
            files: Vec::new(),
            cases: Vec::new(),
            revoked: read_revoked(&directory.join("revocation_list.txt")),
            model,
        };
        for name in names {
            let file = directory.join(&name);
            let stem = name.split(".MOO").next().unwrap_or_default().to_owned();
            let number = suite.files.len() as u16;
            let data = read_unpacked(&file)?;
            let cases = parse(&data, number).map_err(|wrong| wrong.in_file(&file))?;
            suite.cases.extend(cases);
            let flags_mask = masks.get(&stem).copied().unwrap_or(u16::MAX);
            suite.files.push(File { stem, flags_mask });
        }
        Ok(suite)
    }
}

/// The `flags-mask` of each opcode, by the stem of its file (`00`, `80.1`).
fn read_masks(path: &Path) -> Result<BTreeMap<String, u16>, SuiteError> {
    let text = read_unpacked(path)?;
    let json: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| Wrong::Damaged(error.to_string()).in_file(path))?;
    let mut masks = BTreeMap::new();
    let mask = |value: &serde_json::Value| value["flags-mask"].as_u64().map(|mask| mask as u16);
    for (opcode, entry) in json["opcodes"].as_object().into_iter().flatten() {
        masks.extend(mask(entry).map(|mask| (opcode.clone(), mask)));
        for (extension, entry) in entry["reg"].as_object().into_iter().flatten() {
            masks.extend(mask(entry).map(|mask| (format!("{opcode}.{extension}"), mask)));
        }
    }
    Ok(masks)
}

/// Hashes of revoked tests; none if there is no list.
fn read_revoked(path: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_lowercase)
        .collect()
}

/// The next chunk: tag and content.
fn chunk<'a>(cursor: &mut Cursor<'a>) -> Result<(&'a [u8], Cursor<'a>), String> {
    let tag = cursor.take(4)?;
    let len = cursor.u32()? as usize;
    Ok((tag, Cursor::new(cursor.take(len)?)))
}

fn parse(data: &[u8], file: u16) -> Result<Vec<Case>, Wrong> {
    let mut cursor = Cursor::new(data);
    let (tag, mut header) = chunk(&mut cursor)?;
    if tag != b"MOO " {
        return Err("it does not begin as a MOO file".to_owned().into());
    }
    let version = header.u32()?;
    if version & 0xff != MAJOR_VERSION {
        let found = format!("{}.{}", version & 0xff, version >> 8 & 0xff);
        return Err(Wrong::Version("MOO", found, "1"));
    }
    let declared = header.u32()?;
    let mut cases = Vec::new();
    while !cursor.is_empty() {
        let (tag, content) = chunk(&mut cursor)?;
        if tag == b"TEST" {
            cases.push(parse_case(content, file)?);
        }
    }
    if cases.len() != declared as usize {
        return Err(format!("{} tests instead of {declared}", cases.len()).into());
    }
    Ok(cases)
}

fn parse_case(mut cursor: Cursor<'_>, file: u16) -> Result<Case, String> {
    let mut case = Case {
        file,
        index: cursor.u32()?,
        name: String::new(),
        code: Vec::new(),
        hash: String::new(),
        before: Registers::default(),
        memory_before: Memory::new(),
        after: Registers::default(),
        memory_after: Memory::new(),
        exception: None,
    };
    while !cursor.is_empty() {
        let (tag, mut content) = chunk(&mut cursor)?;
        match tag {
            b"NAME" => case.name = String::from_utf8_lossy(counted(&mut content)?).into_owned(),
            b"BYTS" => case.code = counted(&mut content)?.to_vec(),
            b"INIT" => (case.before, case.memory_before) = parse_state(content)?,
            b"FINA" => (case.after, case.memory_after) = parse_state(content)?,
            b"EXCP" => case.exception = Some((content.u8()?, content.u32()?)),
            b"HASH" => {
                while !content.is_empty() {
                    case.hash += &format!("{:02x}", content.u8()?);
                }
            }
            _ => {}
        }
    }
    Ok(case)
}

/// Bytes with a length in front.
fn counted<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], String> {
    let len = cursor.u32()? as usize;
    cursor.take(len)
}

fn parse_state(mut cursor: Cursor<'_>) -> Result<(Registers, Memory), String> {
    let mut registers = Registers::default();
    let mut memory = Memory::new();
    while !cursor.is_empty() {
        let (tag, mut content) = chunk(&mut cursor)?;
        match tag {
            b"REGS" => {
                let mask = content.u16()?;
                for (n, register) in registers.iter_mut().enumerate() {
                    if mask >> n & 1 != 0 {
                        *register = Some(content.u16()?);
                    }
                }
            }
            b"RAM " => {
                for _ in 0..content.u32()? {
                    memory.push((content.u32()?, content.u8()?));
                }
            }
            _ => {}
        }
    }
    Ok((registers, memory))
}

impl Suite for MooSuite {
    fn name(&self) -> &str {
        "286"
    }

    fn count(&self) -> usize {
        self.cases.len()
    }

    fn id(&self, case: usize) -> String {
        let case = &self.cases[case];
        format!("286/{}/{}", self.files[case.file as usize].stem, case.index)
    }

    fn instruction(&self, case: usize) -> &str {
        &self.files[self.cases[case].file as usize].stem
    }

    fn skip(&self, case: usize) -> Option<SkipRule> {
        if self.revoked.contains(&self.cases[case].hash) {
            Some(SkipRule::Revoked)
        } else if difference(&self.cases[case]).is_some() {
            Some(SkipRule::Differs286)
        } else {
            None
        }
    }

    fn runner(&self) -> Box<dyn Runner + '_> {
        Box::new(MooRunner {
            suite: self,
            rigs: Rig::pair(self.model, MEMORY_BYTES),
            observed: Values::default(),
        })
    }

    fn describe(&self, case: usize) -> String {
        let id = self.id(case);
        let case = &self.cases[case];
        let mut text = format!(
            "{id} {} {:02x?} exception {:x?}\n",
            case.name, case.code, case.exception
        );
        if let Some(reason) = difference(case) {
            text += &format!("  skipped: on a 386 and later {reason}\n");
        }
        for (n, name) in REGISTERS.iter().enumerate() {
            text += &format!("  {name:6} {:04x}", case.before[n].unwrap_or_default());
            if let Some(after) = case.after[n] {
                text += &format!(" -> {after:04x}");
            }
            text += "\n";
        }
        for (label, memory) in [("before", &case.memory_before), ("after", &case.memory_after)] {
            for (addr, byte) in memory {
                text += &format!("  {label} {addr:06x}: {byte:02x}\n");
            }
        }
        text
    }
}

impl Runner for MooRunner<'_> {
    fn run(&mut self, case: usize, dispatch: Dispatch) -> Result<(), String> {
        let case = &self.suite.cases[case];
        let rig = &mut self.rigs[rig_index(dispatch)];
        for &(addr, byte) in &case.memory_before {
            rig.mem.phys_write(addr, &[byte]);
        }
        set_state(rig, &case.before);
        let ran = rig.run();
        let flags_mask = self.suite.files[case.file as usize].flags_mask & FLAGS_286;
        self.observed = observe(rig);
        let result = ran.and_then(|()| compare(rig, case, &self.observed, flags_mask));
        // What the case may have written is unknown if it failed.
        if result.is_err() {
            rig.mem.load_ram(&vec![0; MEMORY_BYTES as usize]);
        }
        for &(addr, _) in case.memory_before.iter().chain(&case.memory_after) {
            rig.mem.phys_write(addr, &[0]);
        }
        result
    }

    fn count_forms(&mut self) {
        // The other dispatcher executes the same.
        self.rigs[rig_index(Dispatch::Loop)].count_forms();
    }

    fn coverage(&self) -> Option<&Coverage> {
        self.rigs[rig_index(Dispatch::Loop)].coverage()
    }

    fn got(&self) -> String {
        let lines = REGISTERS.iter().zip(self.observed);
        lines
            .map(|(name, value)| format!("  {name:6} {value:04x}\n"))
            .collect()
    }
}

/// What a 386 or later does otherwise than a 286 with this instruction, by design.
fn difference(case: &Case) -> Option<&'static str> {
    let code = case.code.as_slice();
    let prefix = |byte: &u8| matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0xf0 | 0xf2 | 0xf3);
    let prefixes = code.iter().take_while(|byte| prefix(byte)).count();
    let (opcode, modrm) = (
        code.get(prefixes).copied()?,
        code.get(prefixes + 1).copied().unwrap_or_default(),
    );
    // The last byte is the HLT that ends the case.
    let mut decoder = Decoder::new(16, &code[prefixes..], DecoderOptions::NONE);
    let decoded = decoder.decode();
    if matches!(opcode, 0x8c | 0x8e) && matches!(modrm >> 3 & 7, 4 | 5) {
        return Some("FS and GS exist");
    }
    if matches!(opcode, 0x0f | 0x64..=0x67) {
        return Some("0F opcodes, FS, GS and size prefixes exist");
    }
    if prefixes + decoded.len() > MOST_BYTES_286 {
        return Some("an instruction may have 15 bytes rather than 10");
    }
    if code[..prefixes].contains(&0xf0) && !decoded.is_invalid() {
        let mut decoder = Decoder::new(16, code, DecoderOptions::NONE);
        if decoder.decode().is_invalid() {
            return Some("LOCK is #UD on all but a few read-modify-write forms");
        }
    }
    if (0xd8..=0xdf).contains(&opcode) {
        return Some("ESC without a coprocessor does not touch its operand");
    }
    if case.exception.is_some_and(|(vector, _)| vector == VECTOR_GP) {
        let memory = (0..decoded.op_count()).any(|n| decoded.op_kind(n) == OpKind::Memory);
        if decoded.is_string_instruction() {
            return Some("a string instruction that faults leaves SI, DI and CX at the failing element");
        }
        if decoded.is_stack_instruction() && decoded.mnemonic() == Mnemonic::Pop && memory {
            return Some("POP leaves SP if its store faults");
        }
        if decoded.is_stack_instruction() || (memory && decoded.memory_segment() == Register::SS) {
            return Some("a violation of SS's limit is #SS rather than #GP");
        }
    }
    None
}

/// Puts the initial state into the processor, in real mode.
fn set_state(rig: &mut Rig, registers: &Registers) {
    let value = |n: usize| registers[n].unwrap_or_default();
    let mut core = rig.core_mut();
    core.reset();
    for (n, register) in GENERAL {
        core.set_gpr32(register, value(n) as u32);
    }
    for (n, register) in SEGMENTS {
        core.segments[register] = Segment::real(value(n), 0);
    }
    let flags = Eflags::from_bits_retain((value(FLAGS) & FLAGS_286) as u32);
    core.set_flags_image(flags, Eflags::all());
    core.eip = value(IP) as u32;
    core.next_eip = core.eip;
}

/// The registers as the file has them.
fn observe(rig: &Rig) -> Values {
    let core = rig.core();
    let mut got = Values::default();
    for (n, register) in GENERAL {
        got[n] = core.gpr32(register) as u16;
    }
    for (n, register) in SEGMENTS {
        got[n] = core.segments[register].selector;
    }
    got[IP] = core.eip as u16;
    got[FLAGS] = core.flags_image().bits() as u16;
    got
}

fn compare(rig: &Rig, case: &Case, got: &Values, flags_mask: u16) -> Result<(), String> {
    let mut differences = Vec::new();
    for (n, name) in REGISTERS.iter().enumerate() {
        let want = case.after[n].or(case.before[n]).unwrap_or_default();
        let mask = if n == FLAGS { flags_mask } else { u16::MAX };
        if got[n] & mask != want & mask {
            differences.push(format!("{name} {:04x}, not {want:04x}", got[n]));
        }
    }
    let after = |n: usize| case.after[n].or(case.before[n]).unwrap_or_default() as u32;
    let image = case
        .exception
        .map(|_| (after(SS) << 4) + ((after(SP) + 4) & 0xffff));
    for &(addr, want) in &case.memory_after {
        let mut byte = [0];
        rig.mem.phys_read(addr, &mut byte);
        let mask = match image {
            Some(image) if addr == image => flags_mask as u8,
            Some(image) if addr == image + 1 => (flags_mask >> 8) as u8,
            _ => u8::MAX,
        };
        if byte[0] & mask != want & mask {
            differences.push(format!("[{addr:06x}] {:02x}, not {want:02x}", byte[0]));
        }
    }
    if differences.is_empty() {
        Ok(())
    } else {
        Err(differences.join("; "))
    }
}
