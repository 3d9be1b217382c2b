//! Names: short ones of 8 and 3 bytes, and long ones in UTF-16 beside them ("VFAT").

use super::volume::{FatError, error};

/// Most UTF-16 units of a long name.
const MOST_UNITS: usize = 255;
/// Units of one entry of a long name, and where they stand in it.
pub const UNITS_AT: [usize; 13] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
/// Attributes of an entry that holds part of a long name.
pub const LONG_NAME: u8 = 0x0f;
/// In the number of such an entry: the last part, which comes first.
pub const LAST_PART: u8 = 0x40;
/// Reserved byte of an entry: base and extension are shown in lower case.
const LOWER_BASE: u8 = 0x08;
const LOWER_EXTENSION: u8 = 0x10;

/// Whether DOS allows the byte in a short name.
fn is_short(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"!#$%&'()-@^_`{}~".contains(&byte)
}

/// `name` as the 11 bytes of a short name, if it is one as it stands.
fn exact(name: &str) -> Option<[u8; 11]> {
    let (base, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let fits = (1..=8).contains(&base.len())
        && extension.len() <= 3
        && !name.ends_with('.')
        && base.bytes().chain(extension.bytes()).all(is_short);
    fits.then(|| join(base, extension))
}

fn join(base: &str, extension: &str) -> [u8; 11] {
    let mut short = [b' '; 11];
    short
        .iter_mut()
        .zip(base.bytes().take(8))
        .for_each(|(to, from)| *to = from);
    short[8..]
        .iter_mut()
        .zip(extension.bytes().take(3))
        .for_each(|(to, from)| *to = from);
    short
}

/// The short name for `name` where `taken` are, and whether a long one is needed beside it.
pub fn short_for(name: &str, taken: &[[u8; 11]]) -> Result<([u8; 11], bool), FatError> {
    let upper = name.to_ascii_uppercase();
    if let Some(short) = exact(&upper).filter(|short| !taken.contains(short)) {
        return Ok((short, upper != name));
    }
    let clean = |part: &str| -> String {
        let allowed = |c: char| match u8::try_from(c) {
            Ok(byte) if is_short(byte) => Some(c),
            _ if c == ' ' || c == '.' => None,
            _ => Some('_'),
        };
        part.chars().filter_map(allowed).collect()
    };
    let (base, extension) = match upper.trim_start_matches('.').rsplit_once('.') {
        Some((base, extension)) => (clean(base), clean(extension)),
        None => (clean(&upper), String::new()),
    };
    for number in 1..100_000u32 {
        let tail = format!("~{number}");
        let kept = base.get(..base.len().min(8 - tail.len())).unwrap_or_default();
        let short = join(&format!("{kept}{tail}"), &extension);
        if !taken.contains(&short) {
            return Ok((short, true));
        }
    }
    error(format!("no short name is left for {name}"))
}

/// Checks that a file can be called `name`.
pub fn check(name: &str) -> Result<(), FatError> {
    let bad = name.chars().find(|&c| c < ' ' || "\"*/:<>?\\|".contains(c));
    if let Some(bad) = bad {
        return error(format!("{name:?}: {bad:?} cannot be in a name there"));
    }
    let units = name.encode_utf16().count();
    if units == 0 || units > MOST_UNITS || name.ends_with(['.', ' ']) {
        return error(format!(
            "{name:?}: a name has 1 to {MOST_UNITS} characters and does not end with a dot or a blank"
        ));
    }
    Ok(())
}

/// The sum of a short name that its long name repeats.
pub fn checksum(short: &[u8; 11]) -> u8 {
    short
        .iter()
        .fold(0, |sum: u8, &byte| sum.rotate_right(1).wrapping_add(byte))
}

/// The entries of a long name, in the order in which they stand before that of the short one.
pub fn long_entries(name: &str, short: &[u8; 11]) -> Vec<[u8; 32]> {
    let mut units: Vec<u16> = name.encode_utf16().collect();
    if !units.len().is_multiple_of(UNITS_AT.len()) {
        units.push(0);
        units.resize(units.len().next_multiple_of(UNITS_AT.len()), 0xffff);
    }
    let parts = units.chunks(UNITS_AT.len());
    let last = parts.len();
    let mut entries: Vec<[u8; 32]> = (1..)
        .zip(parts)
        .map(|(number, part)| {
            let mut entry = [0; 32];
            entry[0] = number as u8 | if number == last { LAST_PART } else { 0 };
            entry[11] = LONG_NAME;
            entry[13] = checksum(short);
            for (&at, unit) in UNITS_AT.iter().zip(part) {
                entry[at..at + 2].copy_from_slice(&unit.to_le_bytes());
            }
            entry
        })
        .collect();
    entries.reverse();
    entries
}

/// A short name for people. Bytes above 7Fh are read as code page 437.
pub fn show_short(entry: &[u8; 32]) -> String {
    let part = |bytes: &[u8], lower: bool| -> String {
        let text: String = bytes
            .iter()
            .map(|&byte| oldiron_platform::cp437_char(byte))
            .collect();
        let text = text.trim_end_matches(' ').to_owned();
        if lower { text.to_lowercase() } else { text }
    };
    let mut base = [b' '; 8];
    base.copy_from_slice(&entry[..8]);
    // E5h would mark a free entry.
    if base[0] == 0x05 {
        base[0] = 0xe5;
    }
    let base = part(&base, entry[12] & LOWER_BASE != 0);
    let extension = part(&entry[8..11], entry[12] & LOWER_EXTENSION != 0);
    if extension.is_empty() {
        base
    } else {
        format!("{base}.{extension}")
    }
}
