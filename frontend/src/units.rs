//! Numbers as the command line and scripts write them.

/// Parses a memory size: `M` and `G` are powers of two, a bare number is MiB. The result is in MiB.
pub fn memory_mib(text: &str) -> Result<u32, String> {
    let (digits, factor) = match text.as_bytes().last() {
        Some(b'M' | b'm') => (&text[..text.len() - 1], 1),
        Some(b'G' | b'g') => (&text[..text.len() - 1], 1024),
        _ => (text, 1),
    };
    let size = plain(digits).and_then(|n| n.checked_mul(factor));
    match size {
        Some(mib @ 1..=3072) => Ok(mib as u32),
        Some(_) => Err("memory must be 1M to 3G".to_owned()),
        None => Err("not a size; write for example 64M or 1G".to_owned()),
    }
}

/// Parses a count: `K`, `M` and `G` are powers of ten. Fractions such as `1.5G` are taken.
pub fn count(text: &str) -> Result<u64, String> {
    let (digits, factor) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 1_000),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 1_000_000),
        Some(b'G' | b'g') => (&text[..text.len() - 1], 1_000_000_000),
        _ => (text, 1),
    };
    let value = match digits.split_once('.') {
        Some((whole, part)) if factor > 1 && part.len() <= 9 => {
            let scale = 10_u64.pow(part.len() as u32);
            match (plain(whole), plain(part)) {
                (Some(whole), Some(part)) => whole.checked_mul(factor).and_then(|n| {
                    n.checked_add((u128::from(part) * u128::from(factor) / u128::from(scale)) as u64)
                }),
                _ => None,
            }
        }
        _ => plain(digits).and_then(|n| n.checked_mul(factor)),
    };
    value.ok_or_else(|| "not a count; write for example 500M or 2G".to_owned())
}

/// Parses a count above zero.
pub fn positive_count(text: &str) -> Result<u64, String> {
    match count(text)? {
        0 => Err("must be more than 0".to_owned()),
        n => Ok(n),
    }
}

/// Parses a length of time in seconds.
pub fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 1e9 => Ok(seconds),
        Ok(_) => Err("must be more than 0 seconds, and at most 1e9".to_owned()),
        Err(_) => Err("not a number of seconds".to_owned()),
    }
}

/// Parses a hexadecimal number of 32 bits, with or without `0x`.
pub fn hexadecimal(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let digits = digits.unwrap_or(text);
    // `from_str_radix` alone would take a sign.
    let valid = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if valid {
        u32::from_str_radix(digits, 16).ok()
    } else {
        None
    }
}

/// Parses an I/O port: hexadecimal, with or without `0x`.
pub fn port(text: &str) -> Result<u16, String> {
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(format!("'{text}' is not a port; write for example f4 or 0x3f8"));
    }
    u16::from_str_radix(digits, 16).map_err(|_| format!("'{text}' is not a port: ports end at ffff"))
}

fn plain(digits: &str) -> Option<u64> {
    // `parse` alone would take a sign.
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_sizes_are_powers_of_two_and_bare_numbers_are_mebibytes() {
        assert_eq!(memory_mib("1M"), Ok(1));
        assert_eq!(memory_mib("64"), Ok(64));
        assert_eq!(memory_mib("3G"), Ok(3072));
        assert_eq!(memory_mib("2g"), Ok(2048));
        for bad in [
            "",
            "M",
            "0",
            "4G",
            "1.5G",
            "-1",
            "+1",
            "64K",
            "99999999999999999999G",
        ] {
            assert!(memory_mib(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn counts_are_powers_of_ten() {
        assert_eq!(count("0"), Ok(0));
        assert_eq!(count("100M"), Ok(100_000_000));
        assert_eq!(count("1.5G"), Ok(1_500_000_000));
        assert_eq!(count("2k"), Ok(2000));
        for bad in ["", "G", "x", "1.5", "-1", "1..5G", "99999999999G"] {
            assert!(count(bad).is_err(), "{bad}");
        }
        assert!(positive_count("0").is_err());
    }

    #[test]
    fn ports_are_hexadecimal_everywhere() {
        assert_eq!(port("f4"), Ok(0xf4));
        assert_eq!(port("0x3F8"), Ok(0x3f8));
        assert_eq!(port("80"), Ok(0x80));
        for bad in ["", "0x", "g", "10000", "+1"] {
            assert!(port(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn seconds_are_positive_numbers() {
        assert_eq!(seconds("0.5"), Ok(0.5));
        for bad in ["0", "-1", "nan", "inf", "x"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
