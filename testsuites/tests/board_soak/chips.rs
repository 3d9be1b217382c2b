//! What drivers do, for each chip: its commands with their parameters, mostly right.

use oldiron_mmu::IoWidth;

use crate::soak::Soak;

/// A sequence for some chip.
pub fn sequence(s: &mut Soak) {
    match s.rng.below(18) {
        0 => interrupt_controller(s),
        1 => timer(s),
        2 => dma(s),
        3 => clock(s),
        4 => keyboard_controller(s),
        5 => serial_port(s),
        6..=8 => floppy(s),
        9..=10 => disk(s),
        11..=12 => packet(s),
        13..=14 => video(s),
        15 => configuration(s),
        16 => advanced_interrupts(s),
        _ => system(s),
    }
}

fn bytes(s: &mut Soak, port: u16, values: &[u8]) {
    for &value in values {
        s.outb(port, value);
    }
}

fn interrupt_controller(s: &mut Soak) {
    let base = s.rng.pick(&[0x20, 0xa0]);
    match s.rng.below(4) {
        0 => {
            let (icw1, icw4) = (0x10 | s.byte() & 0x0f, s.byte());
            s.outb(base, icw1);
            let vector = s.byte();
            bytes(s, base + 1, &[vector, 4, icw4]);
        }
        1 => {
            let ocw2 = s.byte() & 0xe7;
            s.outb(base, ocw2);
        }
        2 => {
            let ocw3 = 0x08 | s.byte() & 0x67;
            s.outb(base, ocw3);
            s.inb(base);
        }
        _ => {
            let mask = s.byte();
            s.outb(base + 1, mask);
            s.outb(base, 0x20);
        }
    }
    let elcr = s.byte();
    if s.rng.one_in(20) {
        s.outb(0x4d0 + (base >> 7), elcr);
    }
}

/// The local APIC and the I/O APIC. Interrupts are acknowledged by [`Soak`] itself.
fn advanced_interrupts(s: &mut Soak) {
    const LOCAL: u32 = 0xfee0_0000;
    const IO: u32 = 0xfec0_0000;
    const INITIAL_COUNT: u32 = 0x380;
    match s.rng.below(5) {
        0 => {
            let (register, value) = (s.rng.below(0x40) * 0x10, s.rng.u32());
            // Short periods cost much.
            let value = if register == INITIAL_COUNT {
                value | 0x1_0000
            } else {
                value
            };
            s.mmio_write(LOCAL + register, value);
        }
        1 => {
            let (address, width) = (s.rng.below(0x1000), s.width());
            let page = s.rng.pick(&[LOCAL, IO]);
            s.mmio_read(page + address, width);
        }
        2 => {
            let (index, value) = (s.rng.below(0x42), s.rng.u32());
            s.mmio_write(IO, index);
            s.mmio_write(IO + 0x10, value & 0xff01_ffff);
        }
        3 => {
            let (divide, count) = (s.byte(), 0x1_0000 + s.rng.below(0x10_0000));
            let periodic = s.rng.below(2) << 17;
            s.mmio_write(LOCAL + 0xf0, 0x1ff);
            s.mmio_write(LOCAL + 0x3e0, divide.into());
            s.mmio_write(LOCAL + 0x320, periodic | 0x40);
            s.mmio_write(LOCAL + INITIAL_COUNT, count);
            s.time();
        }
        _ => s.mmio_write(LOCAL + 0xb0, 0),
    }
}

fn timer(s: &mut Soak) {
    let counter = s.rng.below(3) as u8;
    let control = counter << 6 | s.byte() & 0x3f;
    s.outb(0x43, control);
    // Short periods cost much: they are rare.
    let high = if s.rng.one_in(50) { 0 } else { 1 + s.byte() / 2 };
    let low = s.byte();
    bytes(s, 0x40 + u16::from(counter), &[low, high]);
    match s.rng.below(4) {
        0 => {
            let read_back = 0xc0 | s.byte();
            s.outb(0x43, read_back);
            for _ in 0..4 {
                s.inb(0x40 + u16::from(counter));
            }
        }
        1 => {
            let port_b = s.byte();
            s.outb(0x61, port_b);
            s.inb(0x61);
        }
        2 => {
            s.outb(0x43, counter << 6);
            s.inb(0x40 + u16::from(counter));
        }
        _ => s.time(),
    }
}

/// Address, count and page of a channel; anywhere in 16 MiB, whatever memory there is.
fn program_dma(s: &mut Soak, channel: u8, mode: u8) {
    const PAGES: [u16; 8] = [0x87, 0x83, 0x81, 0x82, 0x8f, 0x8b, 0x89, 0x8a];
    let second = channel >= 4;
    let n = u16::from(channel & 3);
    let port = |register: u16| if second { 0xc0 + 2 * register } else { register };
    let (address, count, page) = (s.rng.u32() as u16, s.rng.u32() as u16, s.byte());
    let count = if s.rng.one_in(3) { count & 0x1ff } else { count };
    s.outb(port(0x0a), 4 | n as u8);
    s.outb(port(0x0c), 0);
    s.outb(port(0x0b), mode & 0xfc | n as u8);
    bytes(s, port(2 * n), &address.to_le_bytes());
    bytes(s, port(2 * n + 1), &count.to_le_bytes());
    s.outb(PAGES[usize::from(channel & 7)], page);
    s.outb(port(0x0a), n as u8);
}

fn dma(s: &mut Soak) {
    let (channel, mode) = (s.rng.below(8) as u8, s.byte());
    program_dma(s, channel, mode);
    let base = if channel >= 4 { 0xd0 } else { 0x08 };
    let step = if channel >= 4 { 2 } else { 1 };
    match s.rng.below(4) {
        0 => {
            // Memory to memory, started by software.
            let command = s.byte() | 1;
            s.outb(base, command);
            s.outb(base + step, 4);
            s.outb(base, 0);
        }
        1 => {
            let request = s.byte() & 7;
            s.outb(base + step, request);
        }
        2 => {
            for register in 0..8 {
                s.inb(base + step * register);
            }
        }
        _ => s.time(),
    }
    if s.rng.one_in(10) {
        s.outb(base + 5 * step, 0);
    }
}

fn clock(s: &mut Soak) {
    let register = if s.rng.one_in(2) {
        s.rng.below(0x10) as u8
    } else {
        s.byte()
    };
    s.outb(0x70, register);
    if s.rng.one_in(2) {
        let value = s.byte();
        s.outb(0x71, value);
    } else {
        s.inb(0x71);
    }
    if s.rng.one_in(4) {
        s.outb(0x70, 0x0c);
        s.inb(0x71);
    }
    if s.rng.one_in(8) {
        s.time();
    }
}

fn keyboard_controller(s: &mut Soak) {
    const COMMANDS: [u8; 24] = [
        0x20, 0x60, 0xa4, 0xa5, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xc0, 0xc1, 0xca, 0xd0, 0xd1,
        0xd2, 0xd3, 0xd4, 0xd4, 0xd4, 0xdd, 0xdf,
    ];
    const DEVICE_COMMANDS: [u8; 20] = [
        0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee, 0xf0, 0xf2, 0xf3, 0xf4, 0xf4, 0xf5, 0xf6, 0xf7,
        0xfa, 0xfe, 0xff,
    ];
    if s.rng.one_in(2) {
        let command = s.rng.pick(&COMMANDS);
        s.outb(0x64, command);
    }
    if s.rng.one_in(8) {
        let command = s.byte();
        s.outb(0x64, command);
    }
    let command = s.rng.pick(&DEVICE_COMMANDS);
    s.outb(0x60, command);
    if s.rng.one_in(2) {
        let parameter = s.rng.pick(&[0, 1, 2, 3, 7, 10, 80, 100, 200, 0x7f, 0xff]);
        s.outb(0x60, parameter);
    }
    for _ in 0..s.rng.below(6) {
        s.time();
        if s.inb(0x64) & 1 != 0 {
            s.inb(0x60);
        }
    }
}

fn serial_port(s: &mut Soak) {
    let base = s.rng.pick(&[0x3f8, 0x2f8]);
    match s.rng.below(4) {
        0 => {
            let (low, high, line) = (s.byte(), s.byte() & 1, s.byte());
            s.outb(base + 3, line | 0x80);
            bytes(s, base, &[low]);
            bytes(s, base + 1, &[high]);
            s.outb(base + 3, line & 0x7f);
        }
        1 => {
            let (fifo, modem, interrupts) = (s.byte(), s.byte(), s.byte());
            s.outb(base + 2, fifo);
            s.outb(base + 4, modem);
            s.outb(base + 1, interrupts);
        }
        2 => {
            for _ in 0..s.rng.below(20) {
                let byte = s.byte();
                s.outb(base, byte);
            }
            s.time();
        }
        _ => {
            for register in [5, 2, 0, 6] {
                s.inb(base + register);
            }
        }
    }
}

fn floppy(s: &mut Soak) {
    /// Commands (82077AA data sheet, "Command Set") and their bytes.
    const COMMANDS: [(u8, usize); 22] = [
        (0x06, 9),
        (0x06, 9),
        (0x05, 9),
        (0x05, 9),
        (0x0c, 9),
        (0x09, 9),
        (0x02, 9),
        (0x16, 9),
        (0x11, 9),
        (0x19, 9),
        (0x1d, 9),
        (0x0d, 6),
        (0x0a, 2),
        (0x07, 2),
        (0x08, 1),
        (0x03, 3),
        (0x04, 2),
        (0x0f, 3),
        (0x13, 4),
        (0x0e, 1),
        (0x12, 2),
        (0x8f, 3),
    ];
    let drive = s.rng.below(4) as u8;
    if s.rng.one_in(3) {
        let dor = s.rng.pick(&[0x1c, 0x2d, 0x1c, 0x0c, 0x14, 0x00, 0xff]);
        s.outb(0x3f2, dor);
        let rate = s.byte() & 3;
        s.outb(0x3f7, rate);
    }
    if s.rng.one_in(20) {
        let select = s.byte();
        s.outb(0x3f4, select);
    }
    if s.rng.one_in(2) {
        let mode = s.rng.pick(&[0x46, 0x4a, 0x42, 0x56, 0x06, 0x8a]);
        program_dma(s, 2, mode);
    }
    let (command, len) = s.rng.pick(&COMMANDS);
    let flags = s.rng.pick(&[0xe0, 0xc0, 0x40, 0x40, 0x00]);
    let simple = matches!(
        command,
        0x08 | 0x03 | 0x04 | 0x07 | 0x0e | 0x0f | 0x13 | 0x12 | 0x8f
    );
    let command = match s.rng.below(30) {
        0 => s.byte(),
        1 => s.rng.pick(&[0x10, 0x14, 0x94, 0x18]),
        _ if simple => command,
        _ => command | flags,
    };
    let cylinder = s.rng.pick(&[0, 0, 1, 39, 79, 80, 85, 255]);
    let (head, sector) = (s.rng.below(2) as u8, s.rng.below(20) as u8);
    let likely = [
        command,
        head << 2 | drive,
        cylinder,
        head,
        sector,
        s.rng.pick(&[2, 2, 2, 0, 3, 7]),
        s.rng.pick(&[9, 15, 18, 36, 0, 255]),
        0x1b,
        0xff,
    ];
    for value in likely.into_iter().take(len) {
        s.inb(0x3f4);
        let value = if s.rng.one_in(40) { s.byte() } else { value };
        s.outb(0x3f5, value);
    }
    for _ in 0..s.rng.below(30) {
        match s.inb(0x3f4) & 0xc0 {
            0xc0 => drop(s.inb(0x3f5)),
            0x80 => {
                let value = s.byte();
                s.outb(0x3f5, value);
            }
            _ => s.time(),
        }
    }
    if s.rng.one_in(4) {
        s.inb(0x3f7);
        s.outb(0x3f5, 0x08);
        s.inb(0x3f5);
        s.inb(0x3f5);
    }
}

/// Where sequences put the bus masters of the IDE channels.
const BUS_MASTERS: u16 = 0xc000;

/// Selects a configuration register.
fn select(s: &mut Soak, device: u32, function: u32, register: u32) {
    let address = 1 << 31 | device << 11 | function << 8 | register & 0xfc;
    s.write(0xcf8, address, IoWidth::Dword);
}

fn configuration(s: &mut Soak) {
    let (device, function) = s.rng.pick(&[(0, 0), (1, 0), (1, 1), (1, 3), (3, 0)]);
    let register = s.rng.below(256);
    select(s, device, function, register);
    let (port, width) = (0xcfc + s.rng.below(4) as u16, s.width());
    let value = if s.rng.one_in(2) {
        s.byte().into()
    } else {
        s.rng.u32()
    };
    s.write(port, value, width);
    s.read(port, width);
}

/// The IDE function as POST leaves it.
fn set_up_ide(s: &mut Soak) {
    for (register, value) in [(0x20, BUS_MASTERS.into()), (0x40, 0x8000_8000), (0x04, 5)] {
        select(s, 1, 1, register);
        s.write(0xcfc, value, IoWidth::Dword);
    }
}

/// A table of descriptors as no driver would write it, somewhere in memory: without an end, in its own way, in ROM or
/// beyond memory.
fn descriptors(s: &mut Soak) -> u32 {
    let table = s.rng.below(0x40_0000) & !3;
    let count = 1 + s.rng.below(6);
    for n in 0..count {
        let address = match s.rng.below(4) {
            0 => s.rng.u32(),
            1 => table.wrapping_add(s.rng.below(64)),
            _ => s.rng.below(0x40_0000),
        };
        let bytes = s.rng.pick(&[0, 1, 2, 511, 512, 0x1000, 0xfffe]);
        let flags = s.rng.u32() & 0xffff_0000;
        let descriptor = [address, flags | bytes].map(u32::to_le_bytes);
        s.memory(table + 8 * n, descriptor.as_flattened());
    }
    table
}

/// Starts, or stops, a bus master.
fn bus_master(s: &mut Soak, base: u16) {
    let master = if base == 0x1f0 {
        BUS_MASTERS
    } else {
        BUS_MASTERS + 8
    };
    if s.rng.one_in(2) {
        let table = match s.rng.below(8) {
            0 => s.rng.u32(),
            1 => s.rng.below(0x40_0000),
            _ => descriptors(s),
        };
        s.write(master + 4, table, IoWidth::Dword);
        s.outb(master + 2, 0x06);
        s.outb(master, 0);
    }
    let command = s.byte() & 0x08 | 0x01;
    s.outb(master, command);
    s.inb(master + 2);
}

fn disk(s: &mut Soak) {
    /// ATA-2 and ATA-6, "Command descriptions".
    const COMMANDS: [u8; 45] = [
        0xc8, 0xc8, 0xc9, 0xca, 0xcb, 0x24, 0x25, 0x27, 0x29, 0x34, 0x35, 0x39, 0x42, 0xea, 0xca, 0x20, 0x20,
        0x21, 0x30, 0x30, 0x31, 0xc4, 0xc4, 0xc5, 0xc5, 0xc6, 0x40, 0x41, 0x10, 0x70, 0x90, 0x91, 0xec, 0xef,
        0xe0, 0xe1, 0xe2, 0xe3, 0xe5, 0xe6, 0xe7, 0xf8, 0xa1, 0x00, 0xc8,
    ];
    let (base, control) = s.rng.pick(&[(0x1f0, 0x3f6), (0x1f0, 0x3f6), (0x170, 0x376)]);
    if s.rng.one_in(12) {
        set_up_ide(s);
    }
    if s.rng.one_in(30) {
        let value = s.byte();
        s.outb(control, value);
        s.time();
        s.outb(control, 0);
        s.time();
    }
    let count = if s.rng.one_in(4) {
        s.byte()
    } else {
        1 + s.rng.below(4) as u8
    };
    let cylinders = if s.rng.one_in(8) { 0x10000 } else { 16 };
    let cylinder = s.rng.below(cylinders) as u16;
    let (feature, sector) = (s.byte(), s.rng.below(65) as u8);
    let select = 0xa0 | (s.byte() & 0x5f);
    s.outb(base + 6, select);
    bytes(s, base + 1, &[feature]);
    s.outb(base + 2, count);
    s.outb(base + 3, sector);
    s.outb(base + 4, cylinder as u8);
    s.outb(base + 5, (cylinder >> 8) as u8);
    let command = if s.rng.one_in(30) {
        s.byte()
    } else {
        s.rng.pick(&COMMANDS)
    };
    s.outb(base + 7, command);
    if s.rng.one_in(3) {
        bus_master(s, base);
    }
    for _ in 0..1 + s.rng.below(4) {
        s.time();
        let status = s.inb(base + 7);
        if status & 0x88 != 0x08 {
            continue;
        }
        let (width, cycles) = s
            .rng
            .pick(&[(IoWidth::Word, 256), (IoWidth::Dword, 128), (IoWidth::Byte, 30)]);
        let cycles = if s.rng.one_in(8) { s.rng.below(300) } else { cycles };
        let writes = matches!(command, 0x30 | 0x31 | 0xc5) ^ s.rng.one_in(50);
        for _ in 0..cycles {
            if writes {
                let value = s.rng.u32();
                s.write(base, value, width);
            } else {
                s.read(base, width);
            }
        }
    }
    if s.rng.one_in(8) {
        for register in 1..8 {
            s.inb(base + register);
        }
        s.inb(control);
    }
}

/// A packet for the CD-ROM drive, and its data.
fn packet(s: &mut Soak) {
    /// SFF-8020i and MMC-3.
    const COMMANDS: [u8; 30] = [
        0x00, 0x03, 0x12, 0x15, 0x1a, 0x1b, 0x1e, 0x25, 0x28, 0x28, 0x2b, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47,
        0x4a, 0x4b, 0x4e, 0x51, 0x52, 0x55, 0x5a, 0xa5, 0xa8, 0xb9, 0xbb, 0xbd, 0xbe,
    ];
    const BASE: u16 = 0x170;
    s.outb(BASE + 6, 0xb0);
    let limit = s.rng.pick(&[0, 1, 511, 2048, 0x8000, 0xffff]) as u16;
    let features = match s.rng.below(20) {
        0 => s.byte(),
        1..=4 => 1,
        _ => 0,
    };
    s.outb(BASE + 1, features);
    bytes(s, BASE + 4, &[limit as u8]);
    bytes(s, BASE + 5, &[(limit >> 8) as u8]);
    s.outb(BASE + 7, 0xa0);
    s.time();
    let mut packet = [0; 12];
    for byte in &mut packet {
        *byte = if s.rng.one_in(3) { s.byte() } else { 0 };
    }
    packet[0] = if s.rng.one_in(30) {
        s.byte()
    } else {
        s.rng.pick(&COMMANDS)
    };
    // Addresses and lengths are mostly small.
    if !s.rng.one_in(8) {
        packet[2..5].fill(0);
        packet[6..8].fill(0);
    }
    for pair in packet.chunks(2) {
        s.write(BASE, u16::from_le_bytes([pair[0], pair[1]]).into(), IoWidth::Word);
    }
    if features & 1 != 0 {
        bus_master(s, BASE);
    }
    for _ in 0..1 + s.rng.below(4) {
        s.time();
        let status = s.inb(BASE + 7);
        if status & 0x88 != 0x08 {
            continue;
        }
        let to_device = s.inb(BASE + 2) & 2 == 0;
        let count = u16::from_le_bytes([s.inb(BASE + 4), s.inb(BASE + 5)]);
        for _ in 0..count.div_ceil(2).min(1500) {
            if to_device {
                let value = s.rng.u32();
                s.write(BASE, value, IoWidth::Word);
            } else {
                s.read(BASE, IoWidth::Word);
            }
        }
    }
}

fn video(s: &mut Soak) {
    let pair = |s: &mut Soak, port: u16, registers: u32| {
        let (index, value) = (s.rng.below(registers) as u8, s.byte());
        let value = u32::from(value) << 8 | u32::from(index);
        s.write(port, value, IoWidth::Word);
    };
    match s.rng.below(8) {
        0 => pair(s, 0x3c4, 9),
        1 => pair(s, 0x3ce, 10),
        2 => {
            let port = s.rng.pick(&[0x3d4, 0x3d4, 0x3b4]);
            pair(s, port, 0x1a);
            if s.rng.one_in(4) {
                s.outb(port, 0x11);
                s.outb(port + 1, 0x20);
            }
        }
        3 => {
            s.inb(0x3da);
            let (index, value) = (s.rng.below(0x40) as u8, s.byte());
            bytes(s, 0x3c0, &[index, value]);
            s.inb(0x3c1);
        }
        4 => {
            let (index, writes) = (s.byte(), s.rng.below(12));
            s.outb(dac_index(writes), index);
            for _ in 0..writes {
                let value = s.byte();
                if writes & 1 == 0 {
                    s.outb(0x3c9, value);
                } else {
                    s.inb(0x3c9);
                }
            }
        }
        5 => {
            let value = s.byte();
            s.outb(0x3c2, value);
            s.inb(0x3cc);
            s.inb(0x3c2);
        }
        _ => {
            for _ in 0..s.rng.below(100) {
                s.video();
            }
        }
    }
}

/// Reads of the DAC begin at one register, writes at the other.
fn dac_index(writes: u32) -> u16 {
    if writes & 1 == 0 { 0x3c8 } else { 0x3c7 }
}

fn system(s: &mut Soak) {
    match s.rng.below(6) {
        0 => {
            let value = s.byte();
            s.outb(0x92, value);
        }
        1 => {
            let value = s.byte();
            s.outb(0x61, value);
        }
        2 => {
            for byte in *b"Shutdown" {
                s.outb(0x8900, byte);
            }
        }
        3 => {
            for _ in 0..s.rng.below(200) {
                let value = s.byte();
                s.outb(0xe9, value);
                s.outb(0x80, value);
            }
        }
        4 => {
            let value = s.byte();
            s.outb(0xf4, value);
            s.outb(0x8901, value);
        }
        _ => {
            // The speaker as fast as it goes.
            for n in 0..s.rng.below(100) as u8 {
                s.outb(0x61, n & 3);
            }
        }
    }
}
