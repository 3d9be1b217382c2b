//! What the suites of processor vectors share: running every case with both dispatchers, and the counts
//! of results.

use std::{collections::BTreeMap, fmt, ops::Range};

use oldiron_cpu::{Core, CoreGuard, Coverage, Cpu, CpuModel, Dispatch, Exit};
use oldiron_mmu::{Bus, EmptyIo, GuestMemory, IoSpace, Ticks};

/// Both dispatchers: results must not depend on the choice.
pub const DISPATCHERS: [Dispatch; 2] = [Dispatch::Chained, Dispatch::Loop];
/// How many failures of an instruction a report keeps in words, at least.
const KEPT_FAILURES: u64 = 20;

/// Why a case was not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SkipRule {
    /// It needs instructions of the x87, MMX or SSE that the model lacks.
    NotInModel,
    /// The manual leaves the destination undefined (flag UNDEF_RESULT).
    UndefinedResult,
    /// The recorded value is the choice of another vendor (flag AMD).
    OtherVendor,
    /// It needs no-execute pages.
    NeedsNoExecute,
    /// A 386 or later differs from the 286 here by design.
    Differs286,
    /// The suite's authors revoked it.
    Revoked,
}

impl fmt::Display for SkipRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotInModel => "needs x87, MMX or SSE that the model lacks",
            Self::UndefinedResult => "result undefined by the manual",
            Self::OtherVendor => "another vendor's choice",
            Self::NeedsNoExecute => "needs no-execute pages",
            Self::Differs286 => "386 and later differ from the 286",
            Self::Revoked => "revoked by its authors",
        })
    }
}

/// What a case came to with one dispatcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As recorded.
    Passed,
    /// Not as recorded, and where.
    Failed(String),
    /// Not compared.
    Skipped(SkipRule),
}

/// Counts of cases. A case that fails with either dispatcher has failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// As recorded, with both dispatchers.
    pub passed: u64,
    /// Not as recorded.
    pub failed: u64,
    /// Not compared, by rule.
    pub skipped: BTreeMap<SkipRule, u64>,
}

impl Tally {
    /// All cases.
    pub fn vectors(&self) -> u64 {
        self.passed + self.failed + self.skipped_total()
    }

    /// Cases not compared.
    pub fn skipped_total(&self) -> u64 {
        self.skipped.values().sum()
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: &Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        for (&rule, &count) in &other.skipped {
            *self.skipped.entry(rule).or_default() += count;
        }
    }
}

/// A failure in words.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Which case of the suite.
    pub case: usize,
    /// What `--show` takes.
    pub id: String,
    /// The instruction's name in the suite.
    pub instruction: String,
    /// With which dispatcher.
    pub dispatch: Dispatch,
    /// What differed.
    pub detail: String,
}

/// Results of one suite.
#[derive(Clone, Debug)]
pub struct SuiteReport {
    /// The suite's name.
    pub name: String,
    /// By instruction.
    pub instructions: BTreeMap<String, Tally>,
    /// The first failures of each instruction, in order.
    pub failures: Vec<Failure>,
    /// The forms that were executed, if they were counted.
    pub coverage: Option<Coverage>,
}

impl SuiteReport {
    /// Of a suite of which nothing was run.
    pub(crate) fn empty(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            instructions: BTreeMap::new(),
            failures: Vec::new(),
            coverage: None,
        }
    }

    /// Adds the results of other cases of the same suite.
    pub(crate) fn add(&mut self, other: Self) {
        for (instruction, tally) in other.instructions {
            self.instructions.entry(instruction).or_default().add(&tally);
        }
        self.failures.extend(other.failures);
        match (&mut self.coverage, other.coverage) {
            (Some(mine), Some(theirs)) => mine.add(&theirs),
            (mine, theirs) => *mine = mine.take().or(theirs),
        }
        self.failures.sort_by_key(|failure| failure.case);
    }

    /// Everything together.
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        for tally in self.instructions.values() {
            total.add(tally);
        }
        total
    }
}

/// A suite of vectors: one HWX file, or one directory of MOO files.
pub trait Suite: Send + Sync {
    /// The suite's name: the family, or `286`.
    fn name(&self) -> &str;
    /// Number of cases.
    fn count(&self) -> usize;
    /// What `--show` takes for a case.
    fn id(&self, case: usize) -> String;
    /// The name of a case's instruction.
    fn instruction(&self, case: usize) -> &str;
    /// Whether a case is skipped, before it is run.
    fn skip(&self, case: usize) -> Option<SkipRule>;
    /// A case in words: its code, the state before, and what is expected.
    fn describe(&self, case: usize) -> String;
    /// Machines on which cases run. Each thread has its own.
    fn runner(&self) -> Box<dyn Runner + '_>;
}

/// Machines that run the cases of one suite.
pub trait Runner {
    /// Runs a case. `Err` says what differed.
    fn run(&mut self, case: usize, dispatch: Dispatch) -> Result<(), String>;
    /// The state that the last run ended in, in words.
    fn got(&self) -> String;
    /// From now on counts the forms of instructions that are executed.
    fn count_forms(&mut self);
    /// The forms that were executed, if they are counted.
    fn coverage(&self) -> Option<&Coverage>;
}

/// Runs all cases of a suite whose `id instruction` the filter accepts.
pub fn run_suite(suite: &dyn Suite, filter: &dyn Fn(&str) -> bool) -> SuiteReport {
    run_range(suite, suite.runner().as_mut(), 0..suite.count(), filter)
}

/// The same for some of its cases.
pub(crate) fn run_range(
    suite: &dyn Suite,
    runner: &mut dyn Runner,
    cases: Range<usize>,
    filter: &dyn Fn(&str) -> bool,
) -> SuiteReport {
    let mut report = SuiteReport::empty(suite.name());
    for case in cases {
        let (id, instruction) = (suite.id(case), suite.instruction(case));
        if !filter(&format!("{id} {instruction}")) {
            continue;
        }
        let tally = report.instructions.entry(instruction.to_owned()).or_default();
        match run_case(suite, runner, case) {
            Ok(Outcome::Skipped(rule)) => *tally.skipped.entry(rule).or_default() += 1,
            Ok(_) => tally.passed += 1,
            Err((dispatch, detail)) => {
                tally.failed += 1;
                if tally.failed <= KEPT_FAILURES {
                    report.failures.push(Failure {
                        case,
                        id,
                        instruction: instruction.to_owned(),
                        dispatch,
                        detail,
                    });
                }
            }
        }
    }
    report
}

/// Runs one case with both dispatchers.
pub fn run_case(
    suite: &dyn Suite,
    runner: &mut dyn Runner,
    case: usize,
) -> Result<Outcome, (Dispatch, String)> {
    if let Some(rule) = suite.skip(case) {
        return Ok(Outcome::Skipped(rule));
    }
    for dispatch in DISPATCHERS {
        runner.run(case, dispatch).map_err(|detail| (dispatch, detail))?;
    }
    Ok(Outcome::Passed)
}

/// A reader of little-endian records that knows when they end too early.
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub fn position(&self) -> usize {
        self.at
    }

    pub fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub fn take(&mut self, len: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(len).filter(|&end| end <= self.bytes.len());
        let Some(end) = end else {
            return Err(format!(
                "it ends within a record, at offset {:#x}",
                self.bytes.len()
            ));
        };
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// An unsigned integer of `len` bytes, at most 16.
    pub fn uint(&mut self, len: usize) -> Result<u128, String> {
        let mut le = [0; 16];
        le[..len].copy_from_slice(self.take(len)?);
        Ok(u128::from_le_bytes(le))
    }

    pub fn u8(&mut self) -> Result<u8, String> {
        Ok(self.uint(1)? as u8)
    }

    pub fn u16(&mut self) -> Result<u16, String> {
        Ok(self.uint(2)? as u16)
    }

    pub fn u32(&mut self) -> Result<u32, String> {
        Ok(self.uint(4)? as u32)
    }

    pub fn u64(&mut self) -> Result<u64, String> {
        Ok(self.uint(8)? as u64)
    }

    /// A string with a length byte.
    pub fn name(&mut self) -> Result<String, String> {
        let len = self.u8()? as usize;
        Ok(String::from_utf8_lossy(self.take(len)?).into_owned())
    }
}

/// Steps after which a case is taken to run for ever.
const MOST_STEPS: u64 = 10_000;

/// A processor with memory and an empty bus, on which vectors run.
pub(crate) struct Rig {
    cpu: Cpu,
    now: Ticks,
    /// Its memory.
    pub mem: GuestMemory,
}

impl Rig {
    /// With `ram_bytes` of RAM at physical 0.
    pub fn new(model: &'static CpuModel, ram_bytes: u32, dispatch: Dispatch) -> Self {
        let mut mem = GuestMemory::new(ram_bytes as u64);
        mem.map_ram(0, ram_bytes, 0);
        let mut cpu = Cpu::new(model);
        cpu.set_dispatch(dispatch);
        Self { cpu, now: 0, mem }
    }

    /// One for each dispatcher.
    pub fn pair(model: &'static CpuModel, ram_bytes: u32) -> [Self; 2] {
        DISPATCHERS.map(|dispatch| Self::new(model, ram_bytes, dispatch))
    }

    /// From now on counts the forms of instructions that are executed.
    pub fn count_forms(&mut self) {
        self.cpu.set_coverage(true);
    }

    /// The forms that were executed, if they are counted.
    pub fn coverage(&self) -> Option<&Coverage> {
        self.cpu.coverage()
    }

    /// The processor's state, to change it.
    pub fn core_mut(&mut self) -> CoreGuard<'_> {
        self.cpu.core_mut()
    }

    /// The processor's state.
    pub fn core(&self) -> &Core {
        self.cpu.core()
    }

    /// Runs until HLT. `Err` if it does not come.
    pub fn run(&mut self) -> Result<(), String> {
        self.run_on(&mut EmptyIo)
    }

    /// The same with something on the bus.
    pub fn run_on(&mut self, io: &mut dyn IoSpace) -> Result<(), String> {
        let limit = self.now + MOST_STEPS;
        let mut bus = Bus::new(&mut self.mem, io);
        while self.now < limit {
            let run = self.cpu.run(&mut bus, self.now, limit);
            self.now = run.now;
            match run.exit {
                Exit::Halted => return Ok(()),
                Exit::Shutdown => return Err("triple fault".to_owned()),
                Exit::Deadline | Exit::Attention => {}
            }
        }
        Err(format!("still running after {MOST_STEPS} steps"))
    }
}

/// Where the rig of a dispatcher is in a pair.
pub(crate) fn rig_index(dispatch: Dispatch) -> usize {
    usize::from(dispatch == Dispatch::Loop)
}
