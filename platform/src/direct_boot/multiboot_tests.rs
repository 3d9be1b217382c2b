use super::*;

/// A kernel in an ELF file: 16 bytes of code behind the header, at 1 MiB, and 0x1000 bytes of zeros.
pub(in super::super) fn elf_kernel(flags: u32, code: &[u8]) -> Vec<u8> {
    const CODE: u32 = 84 + 12;
    let mut bytes = Vec::new();
    bytes.extend(b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0");
    bytes.extend([2, 0, 3, 0, 1, 0, 0, 0]); // executable for the 386, version
    for field in [0x10_0000 + CODE, 52, 0, 0] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend([52, 0, 32, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    let len = CODE + code.len() as u32;
    for field in [1, 0, 0x10_0000, 0x10_0000, len, len + 0x1000, 7, 0x1000] {
        bytes.extend(field.to_le_bytes());
    }
    for field in [MAGIC, flags, 0u32.wrapping_sub(MAGIC).wrapping_sub(flags)] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend(code);
    bytes
}

/// A flat kernel that says with `ADDRESSES` where it goes: header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr.
fn flat_kernel(addresses: [u32; 5]) -> Vec<u8> {
    let mut bytes = vec![0x90; 0x100];
    let flags = ADDRESSES;
    let header = [MAGIC, flags, 0u32.wrapping_sub(MAGIC).wrapping_sub(flags)];
    bytes.extend(header.into_iter().chain(addresses).flat_map(u32::to_le_bytes));
    bytes.extend([0xf4; 0x100]);
    bytes
}

fn file(name: &str, bytes: Vec<u8>) -> BootFile {
    let name = name.to_owned();
    BootFile { name, bytes }
}

fn kernel(bytes: Vec<u8>) -> Result<Kernel, DirectBootError> {
    Kernel::new(file("kernel", bytes), Vec::new(), "")
}

fn refused(bytes: Vec<u8>) -> String {
    let loaded =
        kernel(bytes).and_then(|kernel| kernel.load(&MemoryMap::expected(4)).map(|loaded| loaded.entry));
    loaded.unwrap_err().to_string()
}

#[test]
fn an_elf_kernel_gets_memory_command_line_and_modules() {
    let modules = vec![file("one", vec![1; 0x1001]), file("two", vec![2; 3])];
    let kernel = Kernel::new(file("kernel.elf", elf_kernel(3, &[0xf4; 16])), modules, "-v x").unwrap();
    let map = MemoryMap::expected(16);
    let loaded = kernel.load(&map).unwrap();
    let Entry::Protected { eip, ebx } = loaded.entry else {
        panic!("{loaded:?}")
    };
    assert_eq!(eip, 0x10_0060);
    let mut memory = vec![0xcc; 16 << 20];
    for piece in &loaded.pieces {
        let (bytes, zeros) = memory[piece.at as usize..].split_at_mut(piece.bytes.len());
        bytes.copy_from_slice(&piece.bytes);
        zeros[..piece.zeros as usize].fill(0);
    }
    let dword = |at: u32| u32::from_le_bytes(*memory[at as usize..].first_chunk().unwrap());
    let text = |at: u32| {
        let text = memory[at as usize..].split(|&byte| byte == 0).next().unwrap();
        String::from_utf8_lossy(text).into_owned()
    };
    assert_eq!(memory[0x10_0060..0x10_0072], [&[0xf4; 16][..], &[0, 0]].concat());
    assert_eq!(memory[0x10_1070], 0xcc, "behind the zeros");
    assert_eq!(dword(ebx), 0b10_0100_1101);
    assert_eq!((dword(ebx + 4), dword(ebx + 8)), (639, 15 << 10));
    assert_eq!(text(dword(ebx + 16)), "kernel.elf -v x");
    assert_eq!(text(dword(ebx + 64)), "oldiron");
    assert_eq!(dword(ebx + 20), 2);
    let list = dword(ebx + 24);
    let module = |n: u32| [0, 4, 8].map(|field| dword(list + 16 * n + field));
    let [start, end, name] = module(0);
    assert_eq!(
        (start, end - start, text(name).as_str()),
        (0x10_2000, 0x1001, "one")
    );
    let [start, end, name] = module(1);
    assert_eq!((start, end - start, text(name).as_str()), (0x10_4000, 3, "two"));
    assert_eq!(memory[0x10_4000..0x10_4004], [2, 2, 2, 0xcc]);
    assert_eq!(dword(ebx + 44), 3 * 24);
    let map = dword(ebx + 48);
    assert_eq!(
        [0, 4, 12, 20].map(|field| dword(map + 48 + field)),
        [20, 0x10_0000, 15 << 20, 1]
    );
}

#[test]
fn a_kernel_that_wants_video_learns_of_the_text_screen() {
    let kernel = kernel(elf_kernel(7, &[0xf4])).unwrap();
    let info = kernel.info(0x1_0000, &MemoryMap::expected(2), &[]);
    assert_eq!(read_u32(&info, 0).unwrap() & INFO_FRAMEBUFFER, INFO_FRAMEBUFFER);
    assert_eq!(read_u32(&info, 88), Some(0xb_8000));
    assert_eq!(
        [96, 100, 104].map(|at| read_u32(&info, at)),
        [Some(160), Some(80), Some(25)]
    );
    assert_eq!(info[108..110], [16, 2]);
}

#[test]
fn an_entry_linked_for_other_addresses_is_found_where_it_is_loaded() {
    let mut bytes = elf_kernel(0, &[0xf4; 4]);
    put(&mut bytes, 52 + 8, &0xc010_0000u32.to_le_bytes());
    put(&mut bytes, 24, &0xc010_0061u32.to_le_bytes());
    assert_eq!(kernel(bytes).unwrap().entry, 0x10_0061);
}

#[test]
fn a_kernel_without_elf_says_where_it_goes() {
    let kernel = kernel(flat_kernel([
        0x20_0100, 0x20_0000, 0x20_0200, 0x20_1000, 0x20_0120,
    ]))
    .unwrap();
    let segment = &kernel.segments[0];
    assert_eq!(
        (segment.at, segment.offset, segment.bytes, segment.zeros),
        (0x20_0000, 0, 0x200, 0xe00)
    );
    assert_eq!(kernel.entry, 0x20_0120);
    // To the end of the file, without zeros.
    let kernel = self::kernel(flat_kernel([0x20_0100, 0x20_0080, 0, 0, 0x20_0120])).unwrap();
    let segment = &kernel.segments[0];
    assert_eq!(
        (segment.at, segment.offset, segment.bytes, segment.zeros),
        (0x20_0080, 0x80, 0x1a0, 0)
    );
}

#[test]
fn what_is_impossible_is_refused_by_name() {
    for (bytes, words) in [
        (elf_kernel(1 << 3, &[0xf4]), "feature 3"),
        (elf_kernel(1 << 15, &[0xf4]), "feature 15"),
        (
            flat_kernel([0x20_0000, 0x20_0100, 0, 0, 0]),
            "load_addr is behind header_addr",
        ),
        (
            flat_kernel([0x20_0200, 0x20_0000, 0, 0, 0]),
            "in front of the file",
        ),
        (
            flat_kernel([0x20_0100, 0x20_0000, 0x1f_0000, 0, 0]),
            "load_end_addr",
        ),
        (
            flat_kernel([0x20_0100, 0x20_0000, 0x20_0200, 0x20_0100, 0]),
            "bss_end_addr",
        ),
        (flat_kernel([0x20_0100, 0x20_0000, 0x20_1000, 0, 0]), "cut short"),
        (
            flat_kernel([0x20_0100, 0x20_0000, 0, 0, 0x30_0000]),
            "its entry, 0x300000",
        ),
        (
            flat_kernel([0x20_0100, 0x20_0000, 0, 0x100_0000, 0x20_0120]),
            "--mem",
        ),
        (
            flat_kernel([0xffff_ff00, 0xffff_fe00, 0, 0, 0xffff_ff00]),
            "no PC has memory there",
        ),
        (
            flat_kernel([0xffff_ff00, 0xffff_ff00, 0, 0, 0xffff_ff00]),
            "no PC has memory there",
        ),
        (
            flat_kernel([0xa_0100, 0xa_0000, 0, 0, 0xa_0120]),
            "ends at 0xa0000",
        ),
    ] {
        let refused = refused(bytes);
        assert!(
            refused.starts_with("kernel: ") && refused.contains(words),
            "{words}: {refused}"
        );
    }
    let mut long_mode = elf_kernel(0, &[0xf4]);
    long_mode[4] = 2;
    assert!(refused(long_mode).contains("no long mode"));
    let mut arm = elf_kernel(0, &[0xf4]);
    arm[18] = 40;
    assert!(refused(arm).contains("not for the 386"));
    let modules = vec![file("big", vec![0; 3 << 20])];
    let kernel = Kernel::new(file("kernel", elf_kernel(0, &[0xf4])), modules, "").unwrap();
    let refused = kernel.load(&MemoryMap::expected(4)).unwrap_err().to_string();
    assert!(
        refused.starts_with("big: 3145728 bytes have no place"),
        "{refused}"
    );
}

#[test]
fn a_kernel_cut_at_any_byte_is_refused() {
    let whole = elf_kernel(0, &[0xf4; 16]);
    for len in 0..whole.len() {
        assert!(kernel(whole[..len].to_vec()).is_err(), "{len}");
    }
    let whole = flat_kernel([0x20_0100, 0x20_0000, 0x20_0220, 0, 0x20_0120]);
    for len in 0..whole.len() {
        assert!(kernel(whole[..len].to_vec()).is_err(), "{len}");
    }
}

#[test]
fn headers_with_any_value_are_refused_or_loaded_into_memory() {
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = move |most: usize| {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (random >> 33) as usize % most
    };
    let map = MemoryMap::expected(4);
    let mut loaded_ones = 0;
    for round in 0..4000 {
        let elf = round % 2 == 0;
        let mut bytes = match elf {
            true => elf_kernel(3, &[0xf4; 16]),
            false => flat_kernel([0x20_0100, 0x20_0000, 0x20_0200, 0x20_1000, 0x20_0120]),
        };
        for _ in 0..1 + next(3) {
            let at = if elf { 4 + next(80) } else { 0x10c + next(20) };
            bytes[at] = [0, 1, 0x10, 0x7f, 0x80, 0xff][next(6)];
        }
        let modules = vec![file("module", vec![0; next(5000)])];
        let Ok(kernel) = Kernel::new(file("kernel", bytes), modules, "x") else {
            continue;
        };
        let Ok(loaded) = kernel.load(&map) else { continue };
        loaded_ones += 1;
        for piece in &loaded.pieces {
            let start = u64::from(piece.at);
            let range = start..start + piece.bytes.len() as u64 + u64::from(piece.zeros);
            assert!(map.contains(&range), "{range:x?}");
        }
    }
    assert!(loaded_ones > 300, "{loaded_ones}");
}
