//! What is on a CD, found by looking at its volume descriptors (ECMA-119 §8).
//!
//! An image is the disc's sectors of 2048 bytes. ISO 9660 is checked as far as its first descriptors go: fields
//! that are there twice agree, and the image is as long as they say.

/// Bytes of a sector.
pub const SECTOR: usize = 2048;

/// Descriptors begin here.
const FIRST: usize = 16 * SECTOR;

/// How raw sectors of 2352 bytes begin.
const SYNC: [u8; 12] = [0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0];

const TYPE_BOOT: u8 = 0;
const TYPE_PRIMARY: u8 = 1;

/// Whether the start of a file is that of an ISO 9660 image.
pub fn is_iso(head: &[u8]) -> bool {
    head.get(FIRST + 1..FIRST + 6) == Some(b"CD001")
}

/// Whether it is that of a disc with another file system: High Sierra, or UDF.
fn is_other_volume(head: &[u8]) -> bool {
    head.get(FIRST + 9..FIRST + 14) == Some(b"CDROM") || head.get(FIRST + 1..FIRST + 6) == Some(b"BEA01")
}

/// A field that is there twice, least and most significant byte first.
fn both(descriptor: &[u8], at: usize, bytes: usize) -> Option<u64> {
    let value =
        |bytes: &mut dyn Iterator<Item = &u8>| bytes.fold(0, |value, &byte| value << 8 | u64::from(byte));
    let little = value(&mut descriptor.get(at..at + bytes)?.iter().rev());
    let big = value(&mut descriptor.get(at + bytes..at + 2 * bytes)?.iter());
    (little == big).then_some(little)
}

/// Checks that the start of a file of `len` bytes is that of a CD. The error says what was found and what to
/// do.
pub fn check(head: &[u8], len: u64) -> Result<(), String> {
    if head.starts_with(&SYNC) {
        return Err(
            "raw sectors of 2352 bytes; convert it to an image of 2048-byte sectors (.iso)".to_owned(),
        );
    }
    if !is_iso(head) && !is_other_volume(head) {
        return Err("no CD: sector 16 holds no volume descriptor; give an ISO image".to_owned());
    }
    if is_iso(head) {
        check_volume(head, len)?;
    }
    if !len.is_multiple_of(SECTOR as u64) {
        return Err(format!(
            "{len} bytes is not a whole number of {SECTOR}-byte sectors: the image is cut short or has more at \
             its end; get another copy"
        ));
    }
    Ok(())
}

fn check_volume(head: &[u8], len: u64) -> Result<(), String> {
    let damaged = |what: &str| format!("an ISO 9660 image that is damaged: {what}; get another copy");
    let descriptors: Vec<&[u8]> = head
        .get(FIRST..)
        .unwrap_or_default()
        .chunks_exact(SECTOR)
        .filter(|sector| sector.get(1..6) == Some(b"CD001"))
        .collect();
    let of_type = |wanted: u8| descriptors.iter().find(|sector| sector.first() == Some(&wanted));
    let primary = of_type(TYPE_PRIMARY).ok_or_else(|| damaged("it has no primary volume descriptor"))?;
    let block = both(primary, 128, 2).filter(|size| matches!(size, 512 | 1024 | 2048));
    let block = block.ok_or_else(|| damaged("the size of its blocks"))?;
    let blocks = both(primary, 80, 4).filter(|&blocks| blocks > 0);
    let blocks = blocks.ok_or_else(|| damaged("the size of its volume"))?;
    let root = primary.get(156..190).filter(|root| root.first() == Some(&34));
    let root = root.and_then(|root| both(root, 2, 4));
    if root.is_none_or(|root| root >= blocks) {
        return Err(damaged("the place of its root directory"));
    }
    if len < blocks * block {
        return Err(format!(
            "an ISO 9660 image of {len} bytes, where its volume descriptor promises {}: it is cut short; get \
             another copy",
            blocks * block
        ));
    }
    let boot = of_type(TYPE_BOOT).and_then(|boot| boot.get(71..75)?.first_chunk());
    if let Some(catalog) = boot
        && u64::from(u32::from_le_bytes(*catalog)) >= len / SECTOR as u64
    {
        return Err(damaged("its boot catalog lies behind its end"));
    }
    Ok(())
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// An ISO image of `blocks` sectors that holds nothing.
    pub fn empty_iso(blocks: u32) -> Vec<u8> {
        let mut bytes = vec![0; blocks as usize * SECTOR];
        let volume = &mut bytes[FIRST..FIRST + SECTOR];
        volume[..7].copy_from_slice(b"\x01CD001\x01");
        volume[80..84].copy_from_slice(&blocks.to_le_bytes());
        volume[84..88].copy_from_slice(&blocks.to_be_bytes());
        volume[128..132].copy_from_slice(&[0, 8, 8, 0]);
        volume[156] = 34;
        volume[158..166].copy_from_slice(&[18, 0, 0, 0, 0, 0, 0, 18]);
        bytes[FIRST + SECTOR..][..7].copy_from_slice(b"\xffCD001\x01");
        bytes
    }

    fn check_with(at: usize, bytes: &[u8]) -> Result<(), String> {
        let mut image = empty_iso(20);
        image[at..at + bytes.len()].copy_from_slice(bytes);
        check(&image, image.len() as u64)
    }

    #[test]
    fn whole_volumes_are_cds() {
        let image = empty_iso(20);
        assert_eq!(check(&image, 20 * 2048), Ok(()));
        assert_eq!(check(&image, 90 * 2048), Ok(()), "more may follow");
        assert_eq!(check_with(FIRST, b"\0BEA01"), Ok(()), "UDF");
    }

    #[test]
    fn what_is_cut_or_damaged_is_told_with_what_to_do() {
        let image = empty_iso(20);
        let cut = check(&image, 19 * 2048).unwrap_err();
        assert!(cut.contains("38912") && cut.contains("40960"), "{cut}");
        assert!(
            check(&image, 20 * 2048 + 512)
                .unwrap_err()
                .contains("whole number")
        );
        for (at, bytes, word) in [
            (FIRST, &[7][..], "no primary"),
            (FIRST + 80, &[9], "size of its volume"),
            (FIRST + 80, &[0; 8], "size of its volume"),
            (FIRST + 129, &[9], "size of its blocks"),
            (FIRST + 156, &[33], "root directory"),
            (FIRST + 158, &[20, 0, 0, 0, 0, 0, 0, 20], "root directory"),
            (FIRST + 1, b"CD002", "no volume descriptor"),
            (0, &SYNC, "2352"),
        ] {
            let error = check_with(at, bytes).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
        let mut boot = [0; 75];
        boot[..7].copy_from_slice(b"\0CD001\x01");
        boot[71] = 20;
        let error = check_with(FIRST + SECTOR, &boot).unwrap_err();
        assert!(error.contains("boot catalog"), "{error}");
    }
}
