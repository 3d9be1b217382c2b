//! Patterns that watch the screen and the first serial port.
//!
//! The screen is matched as a whole each time it is looked at. Serial output is matched as each byte
//! arrives: a lazy DFA is fed one byte at a time, so that a long log costs no more than a short one.

use oldiron_platform::{TickRate, Ticks};
use regex::{Regex, RegexBuilder, bytes};
use regex_automata::{
    Anchored,
    hybrid::{
        LazyStateID,
        dfa::{Cache, DFA},
    },
    util::{start, syntax},
};

/// How often the screen is looked at in a guest second.
const LOOKS_PER_SECOND: u64 = 70;

/// The first tick after `now` at which the screen is looked at.
pub fn next_look(rate: TickRate, now: Ticks) -> Ticks {
    let mut look = rate.count_at(now, LOOKS_PER_SECOND) + 1;
    // Below 70 ticks a second several looks fall on one tick.
    while rate.tick_of(look, LOOKS_PER_SECOND) <= now {
        look += 1;
    }
    rate.tick_of(look, LOOKS_PER_SECOND)
}

/// Whether `now` is a tick at which the screen is looked at.
pub fn is_look(rate: TickRate, now: Ticks) -> bool {
    now > 0 && next_look(rate, now - 1) == now
}

/// Compiles a pattern for the screen.
pub fn text_pattern(pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern).multi_line(true).build();
    built.map_err(|error| explain(&error.to_string()))
}

/// Checks a pattern for serial output.
pub fn serial_pattern(pattern: &str) -> Result<String, String> {
    SerialMatcher::new(pattern).map(|_| pattern.to_owned())
}

fn explain(error: &str) -> String {
    // The parser draws the pattern with carets over several lines; the last line says what is wrong.
    let last = error.lines().map(str::trim).rfind(|line| !line.is_empty());
    format!(
        "not a regular expression: {}",
        last.unwrap_or(error).trim_start_matches("error: ")
    )
}

/// Finds the first match of one pattern in a stream of bytes, at the byte that completes it.
pub struct SerialMatcher {
    regex: bytes::Regex,
    dfa: DFA,
    cache: Cache,
    state: State,
}

enum State {
    Running(LazyStateID),
    Matched,
    /// The automaton gave up (a Unicode word boundary beside a byte above 7Fh): search the whole
    /// stream at each byte instead.
    GaveUp,
}

impl SerialMatcher {
    /// A matcher at the start of its stream.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let regex = bytes::RegexBuilder::new(pattern).multi_line(true).build();
        let regex = regex.map_err(|error| explain(&error.to_string()))?;
        let dfa = DFA::builder()
            .syntax(syntax::Config::new().multi_line(true).utf8(false))
            .configure(
                DFA::config()
                    .unicode_word_boundary(true)
                    .skip_cache_capacity_check(true),
            )
            .thompson(regex_automata::nfa::thompson::Config::new().utf8(false))
            .build(pattern)
            .map_err(|error| explain(&error.to_string()))?;
        let mut cache = dfa.create_cache();
        let start = dfa.start_state(&mut cache, &start::Config::new().anchored(Anchored::No));
        let state = start.map_or(State::GaveUp, State::Running);
        let mut matcher = Self {
            regex,
            dfa,
            cache,
            state,
        };
        matcher.settle(&[]);
        Ok(matcher)
    }

    /// Takes the next byte; `stream` is everything so far, with that byte at its end. Whether the
    /// pattern matches somewhere in the stream.
    pub fn feed(&mut self, stream: &[u8]) -> bool {
        if let (State::Running(state), Some(&byte)) = (&self.state, stream.last()) {
            self.state = match self.dfa.next_state(&mut self.cache, *state, byte) {
                Ok(next) if next.is_quit() => State::GaveUp,
                // The automaton reports a match one byte late; `settle` has already asked at the end.
                Ok(next) if next.is_match() => State::Matched,
                Ok(next) => State::Running(next),
                Err(_) => State::GaveUp,
            };
        }
        self.settle(stream);
        self.matched()
    }

    /// Whether the stream so far matches.
    pub fn matched(&self) -> bool {
        matches!(self.state, State::Matched)
    }

    /// Where the first match in `stream` ends.
    pub fn end_of_match(&self, stream: &[u8]) -> Option<usize> {
        self.regex.find(stream).map(|found| found.end())
    }

    fn settle(&mut self, stream: &[u8]) {
        match self.state {
            State::Running(state) => match self.dfa.next_eoi_state(&mut self.cache, state) {
                Ok(end) if end.is_match() => self.state = State::Matched,
                Ok(end) if end.is_quit() => self.state = State::GaveUp,
                Ok(_) => {}
                Err(_) => self.state = State::GaveUp,
            },
            State::Matched => {}
            State::GaveUp => {
                if self.regex.is_match(stream) {
                    self.state = State::Matched;
                }
            }
        }
    }
}

/// What a look at the patterns of the command line found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A `--fail-…` pattern matched: option and pattern.
    Fail(&'static str, String),
    /// An `--until-…` pattern matched: option and pattern.
    Done(&'static str, String),
}

/// The patterns of `--until-…` and `--fail-…`.
#[derive(Default)]
pub struct Conditions {
    until_text: Vec<Regex>,
    fail_text: Vec<Regex>,
    until_serial: Vec<(String, SerialMatcher)>,
    fail_serial: Vec<(String, SerialMatcher)>,
}

impl Conditions {
    /// Compiles the patterns, which the command line has already checked.
    pub fn new(
        until_text: &[Regex],
        fail_text: &[Regex],
        until_serial: &[String],
        fail_serial: &[String],
    ) -> Result<Self, String> {
        let serial = |patterns: &[String]| {
            patterns
                .iter()
                .map(|pattern| Ok((pattern.clone(), SerialMatcher::new(pattern)?)))
                .collect::<Result<Vec<_>, String>>()
        };
        Ok(Self {
            until_text: until_text.to_vec(),
            fail_text: fail_text.to_vec(),
            until_serial: serial(until_serial)?,
            fail_serial: serial(fail_serial)?,
        })
    }

    /// Whether the run awaits something.
    pub fn awaits(&self) -> bool {
        !self.until_text.is_empty() || !self.until_serial.is_empty()
    }

    /// Whether the screen must be looked at.
    pub fn watches_text(&self) -> bool {
        !self.until_text.is_empty() || !self.fail_text.is_empty()
    }

    /// Whether serial output must be looked at.
    pub fn watches_serial(&self) -> bool {
        !self.until_serial.is_empty() || !self.fail_serial.is_empty()
    }

    /// Looks at the screen. Fail patterns win.
    pub fn look_at_text(&self, screen: &str) -> Option<Verdict> {
        let find = |patterns: &[Regex]| {
            let found = patterns.iter().find(|pattern| pattern.is_match(screen));
            found.map(|pattern| pattern.as_str().to_owned())
        };
        let fail = find(&self.fail_text).map(|pattern| Verdict::Fail("--fail-text", pattern));
        fail.or_else(|| find(&self.until_text).map(|pattern| Verdict::Done("--until-text", pattern)))
    }

    /// Looks at the last byte of everything that COM1 sent. Fail patterns win.
    pub fn look_at_serial(&mut self, stream: &[u8]) -> Option<Verdict> {
        let find = |patterns: &mut [(String, SerialMatcher)]| {
            // Every matcher sees every byte.
            let mut found = None;
            for (pattern, matcher) in patterns {
                if matcher.feed(stream) && found.is_none() {
                    found = Some(pattern.clone());
                }
            }
            found
        };
        let fail = find(&mut self.fail_serial).map(|pattern| Verdict::Fail("--fail-serial", pattern));
        let done = find(&mut self.until_serial).map(|pattern| Verdict::Done("--until-serial", pattern));
        fail.or(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many bytes of `stream` it takes until `pattern` matches.
    fn bytes_needed(pattern: &str, stream: &[u8]) -> Option<usize> {
        let mut matcher = SerialMatcher::new(pattern).unwrap();
        if matcher.matched() {
            return Some(0);
        }
        (1..=stream.len()).find(|&len| matcher.feed(&stream[..len]))
    }

    #[test]
    fn a_serial_match_is_seen_at_the_byte_that_completes_it() {
        assert_eq!(bytes_needed("login:", b"\r\nhost login: "), Some(13));
        assert_eq!(bytes_needed("a.c", b"xxabcd"), Some(5));
        assert_eq!(bytes_needed("^ok$", b"no\nok\n"), Some(5));
        assert_eq!(bytes_needed("x+y", b"xxxxx"), None);
        assert_eq!(bytes_needed("", b""), Some(0));
    }

    #[test]
    fn bytes_that_are_not_utf8_do_not_hide_a_match() {
        assert_eq!(bytes_needed("OK", b"\xff\xfe\x80OK"), Some(5));
        assert_eq!(bytes_needed(r"\bOK\b", b"\xff \xe4 OK "), Some(6));
        assert_eq!(bytes_needed(r"(?-u)\xff\x80", b"a\xff\x80"), Some(3));
    }

    #[test]
    fn the_automaton_agrees_with_a_search_at_every_byte() {
        let stream = b"Booting...\r\nlogin: root\r\nPassword:\r\n# uname -a\r\n# \x1b[0m";
        for pattern in [
            "# $",
            "^# ",
            "log|root",
            "[^\n]*:\\r$",
            "\\w+ -a",
            "(?i)PASS",
            "\\bname\\b",
            ".",
        ] {
            let regex = bytes::RegexBuilder::new(pattern)
                .multi_line(true)
                .build()
                .unwrap();
            let expected = (0..=stream.len()).find(|&len| regex.is_match(&stream[..len]));
            assert_eq!(bytes_needed(pattern, stream), expected, "{pattern}");
        }
    }

    #[test]
    fn fail_patterns_win_at_the_same_moment() {
        let re = |pattern| text_pattern(pattern).unwrap();
        let mut conditions =
            Conditions::new(&[re("A:")], &[re("error")], &["done".into()], &["one".into()]).unwrap();
        assert_eq!(
            conditions.look_at_text("error\nA:\\>"),
            Some(Verdict::Fail("--fail-text", "error".into()))
        );
        assert_eq!(
            conditions.look_at_text("A:\\>"),
            Some(Verdict::Done("--until-text", "A:".into()))
        );
        assert_eq!(conditions.look_at_text(""), None);
        let stream = b"done";
        let verdicts: Vec<_> = (1..=4)
            .filter_map(|len| conditions.look_at_serial(&stream[..len]))
            .collect();
        assert_eq!(verdicts, [Verdict::Fail("--fail-serial", "one".into())]);
    }

    #[test]
    fn patterns_are_multi_line_and_unanchored() {
        assert!(text_pattern("^A:.>$").unwrap().is_match("x\nA:\\>\ny"));
        let error = text_pattern("a(").unwrap_err();
        assert!(
            error.contains("unclosed group") && !error.contains('\n'),
            "{error}"
        );
        assert!(serial_pattern("*").is_err());
    }

    #[test]
    fn the_screen_is_looked_at_seventy_times_a_guest_second() {
        for per_second in [100_000_000, 1_000_003, 70, 7] {
            let rate = TickRate::new(per_second);
            let mut looks = 0;
            let mut now = 0;
            while now < per_second {
                now = next_look(rate, now);
                assert!(is_look(rate, now));
                looks += 1;
            }
            assert_eq!(looks, per_second.min(70));
        }
    }
}
