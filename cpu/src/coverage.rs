//! Coverage: which forms of instructions were executed, and how often.
//!
//! A form is what the decoder tells apart: mnemonic and kinds of operands, as `Add_rm32_imm8`. Counting costs
//! nothing where it is off: the loop dispatcher has a second instance that counts, and chained handlers are not
//! used while it is on.

use core::fmt;

use iced_x86::Code;

/// A form of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Form(pub(crate) Code);

impl Form {
    /// Its mnemonic, with capital letters.
    pub fn mnemonic(self) -> String {
        format!("{:?}", self.0.mnemonic())
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:?}", self.0))
    }
}

/// How often a form was executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Instructions that were retired; each element of a REP is one.
    pub retired: u64,
    /// Those that ended in a fault.
    pub faulted: u64,
}

/// Counts by form.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// By the decoder's number of the form.
    counts: Box<[Count]>,
}

impl Default for Coverage {
    fn default() -> Self {
        Self::new()
    }
}

impl Coverage {
    /// Of nothing so far.
    pub fn new() -> Self {
        Self {
            counts: vec![Count::default(); Code::values().len()].into(),
        }
    }

    /// How often a form was executed.
    pub fn count(&self, form: Form) -> Count {
        self.counts.get(form.0 as usize).copied().unwrap_or_default()
    }

    /// The forms that were executed, in the order of their names. Bytes that are no instruction count as a form
    /// of their own, `INVALID`.
    pub fn executed(&self) -> Vec<(Form, Count)> {
        let mut executed: Vec<_> = Code::values()
            .map(|code| (Form(code), self.count(Form(code))))
            .filter(|&(_, count)| count != Count::default())
            .collect();
        executed.sort_by_cached_key(|(form, _)| form.to_string());
        executed
    }

    /// Adds what another processor executed.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            mine.retired += theirs.retired;
            mine.faulted += theirs.faulted;
        }
    }

    fn entry(&mut self, code: Code) -> Option<&mut Count> {
        self.counts.get_mut(code as usize)
    }
}

/// Who is told of the instructions that the loop executes.
pub(crate) trait CountForms {
    /// An instruction, or `ticks` elements of one. What ends a trace takes none.
    fn completed(&mut self, code: Code, ticks: u64);
    /// An instruction that faulted after `ticks` elements.
    fn faulted(&mut self, code: Code, ticks: u64);
}

impl CountForms for Coverage {
    fn completed(&mut self, code: Code, ticks: u64) {
        if let Some(count) = self.entry(code) {
            count.retired += ticks;
        }
    }

    fn faulted(&mut self, code: Code, ticks: u64) {
        if let Some(count) = self.entry(code) {
            count.retired += ticks;
            count.faulted += 1;
        }
    }
}

/// Nobody.
pub(crate) struct Uncounted;

impl CountForms for Uncounted {
    #[inline(always)]
    fn completed(&mut self, _: Code, _: u64) {}

    #[inline(always)]
    fn faulted(&mut self, _: Code, _: u64) {}
}
