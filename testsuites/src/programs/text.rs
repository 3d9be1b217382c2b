//! The notation of `data/programs.txt`.
//!
//! ```text
//! # a comment
//! test NAME [MODEL]
//!   set REGISTER=VALUE [ADDRESS]=BYTES …
//!   CODE BYTES            ; what they are
//!   end [exception=N] REGISTER=VALUE [ADDRESS]=BYTES ignore=REGISTER ignore=[ADDRESS]+LENGTH …
//! ```
//! All numbers are hexadecimal. `set` may be left out.

use std::ops::Range;

use oldiron_cpu::{Core, CpuModel, Cr0, Cr4, Eflags};

/// A register that tests can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    General(u8),
    Segment(u8),
    Flags,
    Cr0,
    Cr2,
    Cr3,
    Cr4,
    Debug(u8),
    GdtBase,
    GdtLimit,
    IdtBase,
    IdtLimit,
    Ldtr,
    Tr,
}

const NAMES: [(&str, Register); 31] = [
    ("eax", Register::General(0)),
    ("ecx", Register::General(1)),
    ("edx", Register::General(2)),
    ("ebx", Register::General(3)),
    ("esp", Register::General(4)),
    ("ebp", Register::General(5)),
    ("esi", Register::General(6)),
    ("edi", Register::General(7)),
    ("es", Register::Segment(0)),
    ("cs", Register::Segment(1)),
    ("ss", Register::Segment(2)),
    ("ds", Register::Segment(3)),
    ("fs", Register::Segment(4)),
    ("gs", Register::Segment(5)),
    ("flags", Register::Flags),
    ("cr0", Register::Cr0),
    ("cr2", Register::Cr2),
    ("cr3", Register::Cr3),
    ("cr4", Register::Cr4),
    ("dr0", Register::Debug(0)),
    ("dr1", Register::Debug(1)),
    ("dr2", Register::Debug(2)),
    ("dr3", Register::Debug(3)),
    ("dr6", Register::Debug(6)),
    ("dr7", Register::Debug(7)),
    ("gdtb", Register::GdtBase),
    ("gdtl", Register::GdtLimit),
    ("idtb", Register::IdtBase),
    ("idtl", Register::IdtLimit),
    ("ldtr", Register::Ldtr),
    ("tr", Register::Tr),
];

impl Register {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|&(_, register)| register)
    }

    fn named(name: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found
            .map(|&(_, register)| register)
            .ok_or(format!("no register is called {name}"))
    }

    /// What the notation calls it.
    pub fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(_, register)| *register == self)
            .map_or("", |(name, _)| name)
    }

    /// Its value; of segment registers the selector.
    pub fn get(self, core: &Core) -> u32 {
        match self {
            Self::General(n) => core.gpr32(n as usize),
            Self::Segment(n) => core.segments[n as usize & 7].selector as u32,
            Self::Flags => core.flags_image().bits(),
            Self::Cr0 => core.cr0.bits(),
            Self::Cr2 => core.cr2,
            Self::Cr3 => core.cr3,
            Self::Cr4 => core.cr4.bits(),
            Self::Debug(n) => core.dr[n as usize & 7],
            Self::GdtBase => core.gdtr.base,
            Self::GdtLimit => core.gdtr.limit as u32,
            Self::IdtBase => core.idtr.base,
            Self::IdtLimit => core.idtr.limit as u32,
            Self::Ldtr => core.ldtr.selector as u32,
            Self::Tr => core.tr.selector as u32,
        }
    }

    /// Sets those that can be set without a descriptor; [`parse`] refuses the others.
    pub fn set(self, core: &mut Core, value: u32) {
        match self {
            Self::General(n) => core.set_gpr32(n as usize, value),
            Self::Flags => core.set_flags_image(Eflags::from_bits_retain(value), Eflags::all()),
            Self::Cr0 => core.cr0 = Cr0::from_bits_retain(value),
            Self::Cr2 => core.cr2 = value,
            Self::Cr3 => core.cr3 = value,
            Self::Cr4 => core.cr4 = Cr4::from_bits_retain(value),
            Self::Debug(n) => core.dr[n as usize & 7] = value,
            _ => {}
        }
    }

    fn can_be_set(self) -> bool {
        !matches!(
            self,
            Self::Segment(_)
                | Self::GdtBase
                | Self::GdtLimit
                | Self::IdtBase
                | Self::IdtLimit
                | Self::Ldtr
                | Self::Tr
        )
    }
}

/// Bytes at an address.
#[derive(Debug)]
pub struct MemoryRun {
    /// Where.
    pub addr: u32,
    /// What.
    pub bytes: Vec<u8>,
}

/// A test.
#[derive(Debug)]
pub struct Program {
    /// What it is called.
    pub name: String,
    /// What it runs on.
    pub model: &'static CpuModel,
    /// Its instructions; HLT follows.
    pub code: Vec<u8>,
    /// Registers before, where they are not as always.
    pub before: Vec<(Register, u32)>,
    /// Memory before, where it is not zero.
    pub memory_before: Vec<MemoryRun>,
    /// The exception that it ends in.
    pub exception: Option<u8>,
    /// Registers that have changed.
    pub after: Vec<(Register, u32)>,
    /// Memory that has changed.
    pub memory_after: Vec<MemoryRun>,
    /// Registers that may have any value.
    pub ignored: Vec<Register>,
    /// Memory that may have any value.
    pub memory_ignored: Vec<Range<u32>>,
}

/// Reads the tests. `Err` says what is wrong in which line.
pub fn parse(text: &str) -> Result<Vec<Program>, String> {
    let mut programs: Vec<Program> = Vec::new();
    for (n, line) in (1..).zip(text.lines()) {
        let line = line.split([';', '#']).next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        match (line.strip_prefix("test "), programs.last_mut()) {
            (Some(title), _) => begin(title).map(|program| programs.push(program)),
            (None, Some(program)) => program.add(line),
            (None, None) => Err("no test has begun".to_owned()),
        }
        .map_err(|what| format!("line {n}: {what}"))?;
    }
    Ok(programs)
}

fn begin(title: &str) -> Result<Program, String> {
    let (name, model) = title.split_once(' ').unwrap_or((title, CpuModel::newest().name));
    Ok(Program {
        name: name.to_owned(),
        model: CpuModel::parse(model).map_err(|error| error.to_string())?,
        code: Vec::new(),
        before: Vec::new(),
        memory_before: Vec::new(),
        exception: None,
        after: Vec::new(),
        memory_after: Vec::new(),
        ignored: Vec::new(),
        memory_ignored: Vec::new(),
    })
}

impl Program {
    fn add(&mut self, line: &str) -> Result<(), String> {
        if let Some(settings) = line.strip_prefix("set ") {
            return settings
                .split_whitespace()
                .try_for_each(|setting| self.set(setting));
        }
        if let Some(results) = line.strip_prefix("end") {
            return results
                .split_whitespace()
                .try_for_each(|result| self.expect(result));
        }
        self.code.extend(bytes(&line.replace(' ', ""))?);
        Ok(())
    }

    fn set(&mut self, setting: &str) -> Result<(), String> {
        let (place, value) = halves(setting, '=')?;
        if let Some(addr) = address(place)? {
            self.memory_before.push(MemoryRun {
                addr,
                bytes: bytes(value)?,
            });
            return Ok(());
        }
        let register = Register::named(place)?;
        if !register.can_be_set() {
            return Err(format!("{place} cannot be set"));
        }
        self.before.push((register, number(value)?));
        Ok(())
    }

    fn expect(&mut self, result: &str) -> Result<(), String> {
        let (place, value) = halves(result, '=')?;
        if place == "exception" {
            self.exception = Some(number(value)? as u8);
        } else if place == "ignore" && value.starts_with('[') {
            let (place, len) = halves(value, '+')?;
            let addr = address(place)?.unwrap_or_default();
            self.memory_ignored.push(addr..addr.saturating_add(number(len)?));
        } else if place == "ignore" {
            self.ignored.push(Register::named(value)?);
        } else if let Some(addr) = address(place)? {
            self.memory_after.push(MemoryRun {
                addr,
                bytes: bytes(value)?,
            });
        } else {
            self.after.push((Register::named(place)?, number(value)?));
        }
        Ok(())
    }
}

fn halves(text: &str, at: char) -> Result<(&str, &str), String> {
    text.split_once(at).ok_or(format!("{text}: no {at} in it"))
}

fn number(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text, 16).map_err(|_| format!("{text} is no hexadecimal number"))
}

/// The address in brackets, if it is one.
fn address(place: &str) -> Result<Option<u32>, String> {
    let inside = place.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inside.map(number).transpose()
}

fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let odd = || format!("{text} are no hexadecimal bytes");
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return Err(odd());
    }
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| odd()))
        .collect()
}
