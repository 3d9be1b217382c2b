//! The log sink: `--log SPEC`, as in `warn,dev::ide=trace`, to standard error.

use log::{LevelFilter, Log, Metadata, Record};

use crate::term;

/// Which targets are logged down to which level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSpec {
    default: LevelFilter,
    /// Target prefix and level, longest prefix first.
    targets: Vec<(String, LevelFilter)>,
}

/// Warnings are for who asks: what a guest does oddly is no concern of who only wants to run it.
impl Default for LogSpec {
    fn default() -> Self {
        Self {
            default: LevelFilter::Error,
            targets: Vec::new(),
        }
    }
}

impl LogSpec {
    /// Parses a specification: levels and `target=level`, separated by commas.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut spec = Self::default();
        for item in text.split(',').map(str::trim) {
            let (target, level) = match item.split_once('=') {
                Some((target, level)) => (Some(target.trim()), level.trim()),
                None => (None, item),
            };
            let parsed: Option<LevelFilter> = level.parse().ok();
            match (target, parsed) {
                (Some(""), _) => return Err(format!("'{item}' names no target")),
                (Some(target), Some(level)) => spec.targets.push((target.to_owned(), level)),
                (None, Some(level)) => spec.default = level,
                (_, None) => {
                    return Err(format!(
                        "'{level}' is not a level; write off, error, warn, info, debug or trace, or target=level"
                    ));
                }
            }
        }
        spec.targets
            .sort_by_key(|(target, _)| std::cmp::Reverse(target.len()));
        Ok(spec)
    }

    fn level(&self, target: &str) -> LevelFilter {
        let hit = self.targets.iter().find(|(prefix, _)| {
            target
                .strip_prefix(prefix.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        });
        hit.map_or(self.default, |&(_, level)| level)
    }

    fn most_verbose(&self) -> LevelFilter {
        let targets = self.targets.iter().map(|&(_, level)| level);
        targets.chain([self.default]).max().unwrap_or(LevelFilter::Off)
    }
}

struct Sink(LogSpec);

impl Log for Sink {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.0.level(metadata.target())
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let (level, target) = (record.level(), record.target());
            term::say(&format!("{level:5} {target}: {}", record.args()));
        }
    }

    fn flush(&self) {}
}

/// Makes `spec` the program's log from now on.
pub fn install(spec: LogSpec) {
    let max = spec.most_verbose();
    if log::set_boxed_logger(Box::new(Sink(spec))).is_ok() {
        log::set_max_level(max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_target_wins_and_prefixes_end_at_a_path_separator() {
        let spec = LogSpec::parse("info,dev=debug,dev::ide=trace,cpu::int=off").unwrap();
        assert_eq!(spec.level("dev::ide"), LevelFilter::Trace);
        assert_eq!(spec.level("dev::pic"), LevelFilter::Debug);
        assert_eq!(spec.level("device"), LevelFilter::Info);
        assert_eq!(spec.level("cpu::int"), LevelFilter::Off);
        assert_eq!(spec.most_verbose(), LevelFilter::Trace);
    }

    #[test]
    fn a_wrong_level_is_named() {
        assert!(LogSpec::parse("dev::ide=loud").unwrap_err().contains("'loud'"));
        assert!(LogSpec::parse("").is_err());
        assert!(LogSpec::parse("=warn").is_err());
    }
}
