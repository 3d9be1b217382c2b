//! The script language: one action a line, parsed before the machine starts.

use std::path::PathBuf;

use oldiron_platform::KeyCode;
use regex::{Regex, bytes};

use crate::{matcher, media_lists::Drive, typing, units};

/// A line of a script.
#[derive(Clone, Debug)]
pub struct Line {
    /// Where it stands, as in `boot.script:3`.
    pub origin: String,
    /// The line itself.
    pub text: String,
    /// What it does.
    pub action: Action,
}

/// How long a wait may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// Instructions and deliveries.
    pub instructions: Option<u64>,
    /// Guest seconds.
    pub seconds: Option<f64>,
}

impl Default for Limit {
    fn default() -> Self {
        Self {
            instructions: Some(2_000_000_000),
            seconds: Some(600.0),
        }
    }
}

/// What a line does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Waits until the screen matches.
    WaitText(Regex, Limit),
    /// Waits until what COM1 sends from now on matches.
    WaitSerial(String, Limit),
    /// Waits for a number of instructions.
    WaitInstructions(u64),
    /// Waits for guest seconds.
    WaitSeconds(f64),
    /// Types text.
    Type(String),
    /// Presses keys together.
    Key(Vec<KeyCode>),
    /// Moves the mouse.
    MouseMove(i16, i16),
    /// Presses or releases mouse buttons, or both: mask, down, up.
    MouseButton {
        /// Bit 0 left, 1 right, 2 middle.
        button: u8,
        /// Press it.
        down: bool,
        /// Then let go of it.
        up: bool,
    },
    /// Puts a medium into a drive.
    Insert(Drive, PathBuf),
    /// Takes the medium out of a drive.
    Eject(Drive),
    /// Writes a PNG.
    Screenshot(PathBuf),
    /// Writes the text screen.
    DumpText(PathBuf),
    /// Saves the whole state.
    Save(PathBuf),
    /// Ends the run with exit 10 unless the screen matches now.
    ExpectText(Regex),
    /// The same for everything that COM1 has sent.
    ExpectSerial(bytes::Regex),
    /// Ends the run.
    Quit(u8),
}

/// Parses a script. `file` names it.
pub fn parse(file: &str, source: &str) -> Result<Vec<Line>, String> {
    parse_lines(source, |number| format!("{file}:{number}"))
}

/// Parses the `index`th `-e`, from 0.
pub fn parse_option(index: usize, source: &str) -> Result<Vec<Line>, String> {
    parse_lines(source, |_| format!("-e line {}", index + 1))
}

fn parse_lines(source: &str, origin: impl Fn(usize) -> String) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    for (index, text) in source.lines().enumerate() {
        let origin = origin(index + 1);
        let words = lex(text).map_err(|error| format!("{origin}: {error}"))?;
        if words.is_empty() {
            continue;
        }
        let action = action(&words).map_err(|error| format!("{origin}: {error}"))?;
        lines.push(Line {
            origin,
            text: text.trim().to_owned(),
            action,
        });
    }
    Ok(lines)
}

/// Splits a line into words.
fn lex(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        match first {
            '#' => break,
            '"' => {
                let (word, after) = escaped(&rest[1..])?;
                words.push(word);
                rest = after;
            }
            '\'' => {
                let body = &rest[1..];
                let end = body.find('\'').ok_or("a ' is not closed")?;
                words.push(body[..end].to_owned());
                rest = &body[end + 1..];
            }
            _ => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                words.push(rest[..end].to_owned());
                rest = &rest[end..];
            }
        }
        if !rest.is_empty() && !rest.starts_with([' ', '\t', '\r']) {
            return Err("there must be a space after a closing quote".to_owned());
        }
        rest = rest.trim_start();
    }
    Ok(words)
}

/// Reads a `"…"` word whose opening quote has been taken.
fn escaped(text: &str) -> Result<(String, &str), String> {
    let mut word = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((word, &text[at + 1..])),
            '\\' => match chars.next().map(|(_, c)| c) {
                Some('n') => word.push('\n'),
                Some('t') => word.push('\t'),
                Some(c @ ('"' | '\\')) => word.push(c),
                Some(c) => word.extend(['\\', c]),
                None => break,
            },
            c => word.push(c),
        }
    }
    Err("a \" is not closed".to_owned())
}

fn action(words: &[String]) -> Result<Action, String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Ok(match words.as_slice() {
        ["wait", "text", pattern, rest @ ..] => {
            Action::WaitText(matcher::text_pattern(pattern)?, limit(rest)?)
        }
        ["wait", "serial", pattern, rest @ ..] => {
            Action::WaitSerial(matcher::serial_pattern(pattern)?, limit(rest)?)
        }
        ["wait", "insns", n] => Action::WaitInstructions(units::count(n)?),
        ["wait", time] if time.ends_with('s') => {
            Action::WaitSeconds(units::seconds(&time[..time.len() - 1])?)
        }
        ["wait", ..] => {
            return Err(
                "write: wait text RE [LIMIT], wait serial RE [LIMIT], wait insns N, or wait 3s".to_owned(),
            );
        }
        ["type", text] => match typing::untypable(text) {
            None => Action::Type((*text).to_owned()),
            Some(c) => return Err(format!("a US keyboard has no key for '{c}'")),
        },
        ["type", ..] => return Err("write: type \"text\" (quotes around text with spaces)".to_owned()),
        ["key", keys] => Action::Key(typing::chord(keys)?),
        ["mouse", "move", dx, dy] => Action::MouseMove(distance(dx)?, distance(dy)?),
        ["mouse", "click", button] => Action::MouseButton {
            button: mouse_button(button)?,
            down: true,
            up: true,
        },
        ["mouse", "down", button] => Action::MouseButton {
            button: mouse_button(button)?,
            down: true,
            up: false,
        },
        ["mouse", "up", button] => Action::MouseButton {
            button: mouse_button(button)?,
            down: false,
            up: true,
        },
        ["mouse", ..] => {
            return Err("write: mouse move DX DY, or mouse click|down|up left|middle|right".to_owned());
        }
        ["insert", drive, path] => Action::Insert(removable_drive(drive)?, PathBuf::from(path)),
        ["eject", drive] => Action::Eject(removable_drive(drive)?),
        ["screenshot", path] => Action::Screenshot(PathBuf::from(path)),
        ["dump", "text", path] => Action::DumpText(PathBuf::from(path)),
        ["save", path] => Action::Save(PathBuf::from(path)),
        ["expect", "text", pattern] => Action::ExpectText(matcher::text_pattern(pattern)?),
        ["expect", "serial", pattern] => {
            let built = bytes::RegexBuilder::new(pattern).multi_line(true).build();
            // The serial check gives the one-line explanation.
            matcher::serial_pattern(pattern)?;
            Action::ExpectSerial(built.map_err(|error| error.to_string())?)
        }
        ["quit"] => Action::Quit(0),
        ["quit", code] => Action::Quit(
            code.parse()
                .map_err(|_| format!("'{code}' is not an exit code (0 to 255)"))?,
        ),
        [
            verb @ ("key" | "insert" | "eject" | "screenshot" | "dump" | "save" | "expect" | "quit"),
            ..,
        ] => {
            return Err(format!("wrong number or kind of words after '{verb}'"));
        }
        [verb, ..] => {
            return Err(format!(
                "unknown action '{verb}'; there are wait, type, key, mouse, insert, eject, screenshot, dump, \
                 save, expect and quit"
            ));
        }
        [] => return Err("nothing to do".to_owned()),
    })
}

fn limit(words: &[&str]) -> Result<Limit, String> {
    match words {
        [] => Ok(Limit::default()),
        [time] if time.ends_with('s') => Ok(Limit {
            instructions: None,
            seconds: Some(units::seconds(&time[..time.len() - 1])?),
        }),
        [n] => Ok(Limit {
            instructions: Some(units::positive_count(n)?),
            seconds: None,
        }),
        _ => Err("too many words; quote a pattern that has spaces".to_owned()),
    }
}

fn distance(text: &str) -> Result<i16, String> {
    text.parse()
        .map_err(|_| format!("'{text}' is not a distance (-32768 to 32767)"))
}

fn mouse_button(name: &str) -> Result<u8, String> {
    match name {
        "left" => Ok(1),
        "right" => Ok(2),
        "middle" => Ok(4),
        _ => Err(format!(
            "'{name}' is not a mouse button; there are left, middle and right"
        )),
    }
}

fn removable_drive(name: &str) -> Result<Drive, String> {
    match name {
        "fda" => Ok(Drive::Floppy(0)),
        "fdb" => Ok(Drive::Floppy(1)),
        "cdrom" => Ok(Drive::Cdrom),
        _ => Err(format!(
            "'{name}' is not a drive with a medium to change; there are fda, fdb and cdrom"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Result<Action, String> {
        let mut lines = parse("s", line)?;
        assert_eq!(lines.len(), 1, "{line}");
        Ok(lines.remove(0).action)
    }

    #[test]
    fn quotes_escapes_and_comments() {
        assert_eq!(
            lex(r#"type "a\tb\n\"\\\d" # no"#).unwrap(),
            ["type", "a\tb\n\"\\\\d"]
        );
        assert_eq!(
            lex(r"wait text 'A:\\>' 5G").unwrap(),
            ["wait", "text", r"A:\\>", "5G"]
        );
        assert_eq!(lex("  # only a comment").unwrap(), Vec::<String>::new());
        assert_eq!(lex("expect text a#b").unwrap(), ["expect", "text", "a#b"]);
        assert_eq!(lex("type ''").unwrap(), ["type", ""]);
        assert!(lex("type \"a").is_err());
        assert!(lex("type 'a").is_err());
        assert!(lex("type 'a'b").is_err());
    }

    #[test]
    fn every_line_of_the_manual_parses() {
        let manual = r#"
            wait text 'A:\\>'
            wait serial "login:" 5G
            wait insns 10M
            wait 3s
            type "dir\n"
            key ctrl-alt-del
            mouse move 10 -4
            mouse click left
            insert fda other.img
            eject fda
            insert cdrom other.iso
            eject cdrom
            screenshot a.png
            dump text a.txt
            expect text "bytes free"
            expect serial RE
            quit 0
        "#;
        assert_eq!(parse("s", manual).unwrap().len(), 17);
    }

    #[test]
    fn limits_are_instructions_or_guest_seconds() {
        let limits = |line| match one(line).unwrap() {
            Action::WaitText(_, limit) | Action::WaitSerial(_, limit) => (limit.instructions, limit.seconds),
            _ => (None, None),
        };
        assert_eq!(limits("wait text x"), (Some(2_000_000_000), Some(600.0)));
        assert_eq!(limits("wait text x 5G"), (Some(5_000_000_000), None));
        assert_eq!(limits("wait serial x 30s"), (None, Some(30.0)));
    }

    #[test]
    fn a_wrong_line_is_named_with_its_number() {
        let error = parse("boot.script", "wait 1s\n\njump").unwrap_err();
        assert!(
            error.starts_with("boot.script:3: unknown action 'jump'"),
            "{error}"
        );
        for bad in [
            "wait",
            "wait text",
            "wait text a b c",
            "wait text (",
            "wait 0s",
            "wait xs",
            "type",
            "type a b",
            "key",
            "key nokey",
            "mouse",
            "mouse move 1",
            "mouse click x",
            "insert fdz a",
            "insert fda",
            "eject cd",
            "expect",
            "expect serial (",
            "quit 256",
            "quit -1",
            "save",
            "dump",
        ] {
            let error = parse("s", bad).unwrap_err();
            assert!(!error.contains('\n'), "{bad}: {error}");
        }
    }
}
