//! Running suites on several threads.

#![allow(
    clippy::disallowed_types,
    reason = "the threads run machines, they are not part of one"
)]

use std::sync::{
    Mutex, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use oldiron_cpu::CpuModel;

use crate::{
    harness::{Suite, SuiteReport, run_range},
    source::{Source, SuiteError},
};

/// Cases that a thread takes at once.
const PORTION: usize = 500;

/// One suite while it is run.
struct Work<'a> {
    source: &'a Source,
    suite: OnceLock<Result<Box<dyn Suite>, SuiteError>>,
    /// The first case that nobody has taken.
    next: AtomicUsize,
    report: Mutex<Option<SuiteReport>>,
}

impl Work<'_> {
    /// Opens the suite if nobody has, and runs portions of it until there are none. An error is left for
    /// [`Work::finish`].
    fn help(&self, model: &'static CpuModel, filter: &dyn Fn(&str) -> bool, coverage: bool) {
        let Ok(suite) = self.suite.get_or_init(|| self.source.open(model)) else {
            return;
        };
        let mut runner = None;
        let mut done = SuiteReport::empty(suite.name());
        loop {
            let first = self.next.fetch_add(PORTION, Ordering::Relaxed);
            if first >= suite.count() {
                break;
            }
            let runner = runner.get_or_insert_with(|| {
                let mut runner = suite.runner();
                if coverage {
                    runner.count_forms();
                }
                runner
            });
            let cases = first..suite.count().min(first + PORTION);
            done.add(run_range(suite.as_ref(), runner.as_mut(), cases, filter));
        }
        done.coverage = runner.and_then(|runner| runner.coverage().cloned());
        // A poisoned lock means that another thread has panicked, which ends the program.
        if let Ok(mut report) = self.report.lock() {
            match report.as_mut() {
                Some(report) => report.add(done),
                None => *report = Some(done),
            }
        }
    }

    fn finish(self) -> Result<SuiteReport, SuiteError> {
        if let Some(Err(error)) = self.suite.into_inner() {
            return Err(error);
        }
        let report = self.report.into_inner().ok().flatten();
        Ok(report.unwrap_or_else(|| SuiteReport::empty("")))
    }
}

/// Runs the cases of all suites that the filter accepts, on `threads` threads. The reports come in the order
/// of the suites, and do not depend on the number of threads. With `coverage` they say which forms were executed.
pub fn run_all(
    sources: &[Source],
    model: &'static CpuModel,
    threads: usize,
    filter: &(dyn Fn(&str) -> bool + Sync),
    coverage: bool,
) -> Result<Vec<SuiteReport>, SuiteError> {
    let work: Vec<_> = sources
        .iter()
        .map(|source| Work {
            source,
            suite: OnceLock::new(),
            next: AtomicUsize::new(0),
            report: Mutex::new(None),
        })
        .collect();
    let threads = threads.max(1);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let work = &work;
            scope.spawn(move || {
                // Each begins elsewhere, so that suites are unpacked at the same time.
                let first = thread * work.len() / threads;
                for part in work.iter().cycle().skip(first).take(work.len()) {
                    part.help(model, filter, coverage);
                }
            });
        }
    });
    work.into_iter().map(Work::finish).collect()
}
