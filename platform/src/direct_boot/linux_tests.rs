use super::*;

/// A kernel as a build makes it: a setup of `sectors`, and a payload of paragraphs that tell where they are.
fn image(version: u16, high: bool, sectors: usize, paragraphs: usize) -> Vec<u8> {
    let mut bytes = vec![0; (sectors + 1) * SECTOR];
    bytes[SETUP_SECTS] = sectors as u8;
    put(&mut bytes, SYSSIZE, &(paragraphs as u16).to_le_bytes());
    if version >= 0x204 {
        put(&mut bytes, SYSSIZE, &(paragraphs as u32).to_le_bytes());
    }
    put(&mut bytes, BOOT_FLAG, &0xaa55u16.to_le_bytes());
    put(&mut bytes, HEADER, MAGIC);
    put(&mut bytes, VERSION, &version.to_le_bytes());
    bytes[LOADFLAGS] = u8::from(high);
    let start: u32 = if high { 0x10_0000 } else { 0x1000 };
    put(&mut bytes, CODE32_START, &start.to_le_bytes());
    if version >= 0x203 {
        put(&mut bytes, INITRD_ADDR_MAX, &0x7fff_ffffu32.to_le_bytes());
    }
    if version >= 0x206 {
        put(&mut bytes, CMDLINE_SIZE, &2047u32.to_le_bytes());
    }
    if version >= 0x20a {
        put(&mut bytes, KERNEL_ALIGNMENT, &0x10_0000u32.to_le_bytes());
        bytes[RELOCATABLE_KERNEL] = 1;
        put(&mut bytes, PREF_ADDRESS, &0x40_0000u64.to_le_bytes());
        put(&mut bytes, INIT_SIZE, &0x20_0000u32.to_le_bytes());
    }
    bytes.extend((0..paragraphs).flat_map(|n| [n as u8; 16]));
    bytes
}

fn file(name: &str, bytes: Vec<u8>) -> BootFile {
    let name = name.to_owned();
    BootFile { name, bytes }
}

fn kernel(bytes: Vec<u8>, command_line: &str) -> Result<Kernel, DirectBootError> {
    Kernel::new(file("vmlinuz", bytes), Vec::new(), command_line)
}

/// What memory holds at `at`.
fn bytes<'a>(loaded: &'a Loaded<'_>, at: u64, len: usize) -> &'a [u8] {
    let piece = loaded.pieces.iter().rev().find(|piece| {
        let start = u64::from(piece.at);
        (start..start + piece.bytes.len() as u64).contains(&at)
    });
    let piece = piece.unwrap();
    &piece.bytes[(at - u64::from(piece.at)) as usize..][..len]
}

fn dword(loaded: &Loaded<'_>, at: u64) -> u32 {
    u32::from_le_bytes(*bytes(loaded, at, 4).first_chunk().unwrap())
}

fn word(loaded: &Loaded<'_>, at: u64) -> u16 {
    dword(loaded, at) as u16
}

fn entry(loaded: &Loaded<'_>) -> RealEntry {
    match loaded.entry {
        Entry::Real(entry) => entry,
        Entry::Protected { .. } => panic!("Linux starts in real mode"),
    }
}

#[test]
fn a_zimage_of_the_first_protocol_is_where_its_setup_expects_it() {
    let kernel = kernel(image(0x200, false, 4, 100), "root=/dev/hda1 vga=0x0f01").unwrap();
    let loaded = kernel.load(&MemoryMap::expected(4)).unwrap();
    let entry = entry(&loaded);
    assert_eq!(
        (entry.cs, entry.ip, entry.ds, entry.ss),
        (0x9020, 0, 0x9000, 0x9000)
    );
    assert_eq!((entry.sp, entry.interrupts), (0x9800, false));
    assert_eq!(bytes(&loaded, 0x1_0630, 16), [99; 16]);
    assert_eq!(word(&loaded, 0x9_0020), 0xa33f);
    let at = 0x9_0000 + u64::from(word(&loaded, 0x9_0022));
    assert_eq!(bytes(&loaded, at, 15), b"root=/dev/hda1 ");
    assert_eq!(word(&loaded, 0x9_0000 + SETUP_MOVE_SIZE as u64), 0x9800 + 26);
    assert_eq!(word(&loaded, 0x9_0000 + VID_MODE as u64), 0x0f01);
    assert_eq!(
        bytes(&loaded, 0x9_0000 + LOADFLAGS as u64, 1),
        [0],
        "a heap came with 2.01"
    );
}

#[test]
fn an_old_bzimage_keeps_its_setup_at_90000_and_learns_of_its_heap() {
    let kernel = kernel(image(0x201, true, 7, 0x1_2345), "").unwrap();
    let loaded = kernel.load(&MemoryMap::expected(8)).unwrap();
    assert_eq!(entry(&loaded).cs, 0x9020);
    assert_eq!(word(&loaded, 0x9_0000 + HEAP_END_PTR as u64), 0x9600);
    assert_eq!(
        bytes(&loaded, 0x9_0000 + LOADFLAGS as u64, 1),
        [LOADED_HIGH | CAN_USE_HEAP]
    );
    assert_eq!(bytes(&loaded, 0x10_0000 + 0x1_2344 * 16, 16), [0x44; 16]);
}

#[test]
fn a_new_bzimage_gets_a_pointer_to_its_command_line() {
    let text = "a".repeat(2047);
    let kernel = kernel(image(0x20f, true, 39, 50), &text).unwrap();
    let loaded = kernel.load(&MemoryMap::expected(16)).unwrap();
    let entry = entry(&loaded);
    assert_eq!((entry.cs, entry.ds, entry.sp), (0x1020, 0x1000, 0xe000));
    assert_eq!(bytes(&loaded, 0x1_0000 + TYPE_OF_LOADER as u64, 1), [0xff]);
    assert_eq!(word(&loaded, 0x1_0000 + HEAP_END_PTR as u64), 0xde00);
    let at = u64::from(dword(&loaded, 0x1_0000 + CMD_LINE_PTR as u64));
    assert_eq!(bytes(&loaded, at, 2047), text.as_bytes());
    assert_eq!(bytes(&loaded, at + 2047, 1), [0]);
    assert_eq!(dword(&loaded, 0x1_0000 + RAMDISK_SIZE as u64), 0);
}

#[test]
fn a_command_line_is_no_longer_than_the_kernel_takes() {
    let new = image(0x20f, true, 4, 50);
    let refused = kernel(new, &"a".repeat(2048)).err().unwrap().to_string();
    assert_eq!(
        refused,
        "--append: 2048 characters, and vmlinuz takes at most 2047; make it shorter"
    );
    assert!(kernel(image(0x203, true, 4, 50), &"a".repeat(255)).is_ok());
    assert!(kernel(image(0x203, true, 4, 50), &"a".repeat(256)).is_err());
}

/// Where the initial RAM disk is.
fn initrd_at(
    version: u16,
    memory_mib: u32,
    command_line: &str,
    bytes: usize,
) -> Result<u32, DirectBootError> {
    let initrd = vec![file("initrd", vec![7; bytes])];
    let kernel = Kernel::new(file("vmlinuz", image(version, true, 4, 50)), initrd, command_line).unwrap();
    let loaded = kernel.load(&MemoryMap::expected(memory_mib))?;
    let setup = u64::from(entry(&loaded).ds) << 4;
    assert_eq!(dword(&loaded, setup + RAMDISK_SIZE as u64), bytes as u32);
    let at = dword(&loaded, setup + RAMDISK_IMAGE as u64);
    let initrd = u64::from(at)..u64::from(at) + bytes as u64;
    assert!(!super::super::memory::overlap(&(0x40_0000..0x60_0000), &initrd));
    Ok(at)
}

#[test]
fn an_initial_ram_disk_is_as_high_as_kernel_and_user_let_it() {
    assert_eq!(initrd_at(0x20f, 64, "", 5000), Ok(0x3ff_e000));
    assert_eq!(initrd_at(0x20f, 3072, "", 0x1000), Ok(0x7fff_f000));
    assert_eq!(initrd_at(0x202, 1024, "", 0x1000), Ok(0x37ff_f000));
    assert_eq!(
        initrd_at(0x20f, 64, "mem=4M quiet mem=32M", 0x1000),
        Ok(0x1ff_f000)
    );
    // Below where the kernel unpacks itself.
    assert_eq!(initrd_at(0x20f, 8, "", 0x28_0000), Ok(0x18_0000));
    let refused = initrd_at(0x20f, 8, "", 0x38_0000).unwrap_err().to_string();
    assert_eq!(
        refused,
        "initrd: 3670016 bytes have no place below 0x80000000 in memory that ends at 0x800000; give more with --mem"
    );
}

#[test]
fn several_initial_ram_disks_are_one_after_the_other() {
    let initrds = vec![file("a", vec![1; 5]), file("b", vec![2; 4])];
    let kernel = Kernel::new(file("vmlinuz", image(0x20f, true, 4, 50)), initrds, "").unwrap();
    assert_eq!(kernel.initrd, [1, 1, 1, 1, 1, 0, 0, 0, 2, 2, 2, 2]);
}

#[test]
fn a_kernel_cut_at_any_byte_is_refused() {
    for (version, high) in [
        (0x200, false),
        (0x202, true),
        (0x203, true),
        (0x204, true),
        (0x20f, true),
    ] {
        // Old headers have the low 16 bits of the number of paragraphs.
        let whole = image(version, high, 4, if high { 0x1_1000 } else { 0x100 });
        assert!(kernel(whole.clone(), "").is_ok());
        let near_the_end = whole.len() - 40..=whole.len() - 16;
        for len in (BOOT_FLAG + 8..HEADER_END + 700).chain(near_the_end) {
            let refused = kernel(whole[..len].to_vec(), "").err();
            let cut_short = matches!(refused, Some(DirectBootError::CutShort { bytes, promised, .. })
                if bytes == len as u64 && promised > bytes);
            // A file of 64 KiB less is as good as whole to a header with 16 bits.
            assert!(cut_short, "{version:#x} {len}: {refused:?}");
        }
    }
}

#[test]
fn a_signature_behind_a_kernel_is_no_part_of_it() {
    for version in [0x200, 0x203, 0x20f] {
        let mut whole = image(version, true, 4, 0x1_1000);
        whole.resize(whole.len() + 1472, 0);
        assert!(kernel(whole, "").is_ok());
    }
}

#[test]
fn kernels_that_cannot_run_are_refused() {
    let mut long_mode = image(0x20f, true, 4, 50);
    put(&mut long_mode, XLOADFLAGS, &1u16.to_le_bytes());
    let refused = kernel(long_mode, "").err().unwrap().to_string();
    assert!(refused.starts_with("vmlinuz: a 64-bit Linux kernel"), "{refused}");

    let large = kernel(image(0x20f, true, 4, 50), "").unwrap();
    let refused = large.load(&MemoryMap::expected(4)).unwrap_err().to_string();
    assert_eq!(
        refused,
        "vmlinuz: the unpacked kernel goes from 0x400000 to 0x600000, and usable memory there ends at 0x400000; give more with --mem"
    );
    let mut big_setup = image(0x20f, true, 4, 50);
    big_setup[SETUP_SECTS] = 64;
    assert!(
        kernel(big_setup, "")
            .err()
            .unwrap()
            .to_string()
            .contains("64 sectors")
    );
    let mut low = image(0x20f, true, 4, 50);
    put(&mut low, CODE32_START, &0x7c00u32.to_le_bytes());
    assert!(kernel(low, "").err().unwrap().to_string().contains("0x7c00"));
}

#[test]
fn a_zimage_ends_below_its_setup() {
    for (paragraphs, fits) in [(0x8000, true), (0x8001, false)] {
        for version in [0x200, 0x204] {
            let kernel = kernel(image(version, false, 4, paragraphs), "");
            assert_eq!(kernel.is_ok(), fits, "{version:#x}");
            let refused = kernel.err().map(|error| error.to_string());
            assert!(refused.is_none_or(|words| words.contains("512 KiB are the most")));
        }
    }
}

#[test]
fn headers_with_any_value_are_refused_or_loaded_into_memory() {
    let mut random = 0x2545_f491_4f6c_dd1du64;
    let mut next = move |most: usize| {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (random >> 33) as usize % most
    };
    let mut loaded_ones = 0;
    for round in 0..4000 {
        let version = [0x200, 0x201, 0x202, 0x204, 0x20a, 0x20f][round % 6];
        let mut bytes = image(version, round % 7 != 0, 4, 50);
        for _ in 0..1 + next(4) {
            let at = SETUP_SECTS + next(INIT_SIZE + 4 - SETUP_SECTS);
            bytes[at] = [0, 1, 0x7f, 0x80, 0xff][next(5)];
        }
        if next(5) == 0 {
            bytes.truncate(next(bytes.len()));
        }
        let memory = MemoryMap::expected([1, 2, 16, 3072][next(4)]);
        let initrds = vec![file("initrd", vec![0; next(70_000)])];
        let Ok(kernel) = Kernel::new(file("vmlinuz", bytes), initrds, "vga=ask mem=1G") else {
            continue;
        };
        let Ok(loaded) = kernel.load(&memory) else {
            continue;
        };
        loaded_ones += 1;
        let ranges: Vec<_> = loaded
            .pieces
            .iter()
            .map(|piece| {
                let start = u64::from(piece.at);
                start..start + piece.bytes.len() as u64
            })
            .collect();
        for (n, range) in ranges.iter().enumerate() {
            assert!(memory.contains(range), "{range:x?}");
            let mut before = ranges[..n].iter();
            assert!(
                !before.any(|other| super::super::memory::overlap(other, range)),
                "{ranges:x?}"
            );
        }
    }
    assert!(loaded_ones > 500, "{loaded_ones}");
}
