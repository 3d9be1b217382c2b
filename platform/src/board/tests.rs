//! The bus as the processor sees it, with all chips in place.

use oldiron_mmu::MapKind;

use super::*;
use crate::{Machine, MachineBuilder, irq_router::source};

const CMOS_INDEX: u16 = 0x70;
const NMI_OFF: u32 = 0x80;
const VGA_MISC: u16 = 0x3c2;
const VGA_SEQUENCER: u16 = 0x3c4;
const PORT_A: u16 = 0x92;

struct Rig {
    machine: Machine,
    now: Ticks,
}

impl Rig {
    fn new() -> Self {
        Self::with(MachineBuilder::new())
    }

    fn with(builder: MachineBuilder) -> Self {
        Self {
            machine: builder.memory_mib(2).bios(vec![0xf4; 0x10000]).build().unwrap(),
            now: 0,
        }
    }

    fn read(&mut self, port: u16, width: IoWidth) -> u32 {
        self.machine
            .board
            .port_read(&mut self.machine.mem, self.now, port, width)
    }

    fn write(&mut self, port: u16, value: u32, width: IoWidth) {
        self.machine
            .board
            .port_write(&mut self.machine.mem, self.now, port, value, width);
    }

    fn out(&mut self, port: u16, value: u32) {
        self.write(port, value, IoWidth::Byte);
    }

    fn attention(&self) -> Attention {
        self.machine.board.attention()
    }

    fn raise(&mut self, line: oldiron_devices::IrqLine, high: bool) {
        self.machine.board.wires.irq.set(line, high);
        self.machine.board.settle(&mut self.machine.mem);
    }

    /// Both controllers as the BIOS sets them up, everything unmasked.
    fn init_pics(&mut self) {
        for (base, vector, cascade) in [(0x20, 0x08, 0x04), (0xa0, 0x70, 0x02)] {
            for (port, value) in [
                (base, 0x11),
                (base + 1, vector),
                (base + 1, cascade),
                (base + 1, 1),
                (base + 1, 0),
            ] {
                self.out(port, value);
            }
        }
    }
}

#[test]
fn a_port_that_nobody_claims_reads_all_ones_at_every_width() {
    let mut rig = Rig::new();
    for port in [0x300, 0x22e, 0x278, 0xcf0, 0xfffc] {
        assert_eq!(rig.read(port, IoWidth::Byte), 0xff);
        assert_eq!(rig.read(port, IoWidth::Word), 0xffff);
        assert_eq!(rig.read(port, IoWidth::Dword), 0xffff_ffff);
        rig.write(port, 0, IoWidth::Dword);
    }
    // Also across the end of the port space.
    assert_eq!(rig.read(0xffff, IoWidth::Dword) & 0xff, 0xff);
}

#[test]
fn wide_cycles_of_8_bit_chips_become_byte_cycles_from_the_lowest_port_up() {
    let mut rig = Rig::new();
    rig.write(VGA_SEQUENCER, 0x0a02, IoWidth::Word);
    assert_eq!(rig.read(VGA_SEQUENCER, IoWidth::Word), 0x0a02);
    assert_eq!(rig.read(VGA_SEQUENCER + 1, IoWidth::Byte), 0x0a);
    // One byte claimed, one not.
    rig.out(0x80, 0x5a);
    assert_eq!(rig.read(0x7f, IoWidth::Word), 0x5aff);
}

#[test]
fn the_debug_ports_are_there_only_if_wanted() {
    let mut rig = Rig::new();
    rig.out(0xe9, b'x'.into());
    rig.out(0xf4, 3);
    assert_eq!(rig.read(0xe9, IoWidth::Byte), 0xff);
    assert!(!rig.attention().contains(Attention::STOP));
    assert!(rig.machine.outbox().debug_console.is_empty());

    let mut rig = Rig::with(MachineBuilder::new().debug_console(true).debug_exit(Some(0xf4)));
    assert_eq!(rig.read(0xe9, IoWidth::Byte), 0xe9);
    rig.out(0xe9, b'x'.into());
    rig.out(0xf4, 3);
    assert!(rig.attention().contains(Attention::STOP));
    let out = rig.machine.board.take_output(0);
    assert_eq!((out.debug_console, out.debug_exit), (b"x".to_vec(), Some(3)));
    assert!(!rig.attention().contains(Attention::STOP));
}

#[test]
fn a_debug_exit_port_that_a_chip_has_is_a_build_error() {
    let error = MachineBuilder::new()
        .bios(vec![0; 0x10000])
        .debug_exit(Some(0x3d4))
        .build()
        .err();
    assert!(
        matches!(error, Some(BuildError::PortConflict { port: 0x3d4, .. })),
        "{error:?}"
    );
}

#[test]
fn an_interrupt_of_each_source_arrives_with_its_vector() {
    for (line, vector) in [
        (source::PIT, 0x08),
        (source::KEYBOARD, 0x09),
        (source::COM2, 0x0b),
        (source::COM1, 0x0c),
        (source::FLOPPY, 0x0e),
        (source::RTC, 0x70),
        (source::VGA, 0x71),
        (source::MOUSE, 0x74),
        (source::IDE0, 0x76),
        (source::IDE1, 0x77),
    ] {
        let mut rig = Rig::new();
        rig.init_pics();
        rig.raise(line, false); // the timer's output is high after power-on
        assert!(!rig.attention().contains(Attention::INTR));
        rig.raise(line, true);
        assert!(rig.attention().contains(Attention::INTR));
        assert_eq!(rig.machine.board.acknowledge_intr(0), vector);
        assert!(!rig.attention().contains(Attention::INTR));
    }
}

#[test]
fn the_nmi_button_waits_while_port_70h_masks_it() {
    let mut rig = Rig::new();
    rig.out(CMOS_INDEX, NMI_OFF | 0x0f);
    rig.machine.board.press_nmi(&mut rig.machine.mem);
    assert!(!rig.attention().contains(Attention::NMI));
    rig.out(CMOS_INDEX, 0x0f);
    assert!(rig.attention().contains(Attention::NMI));
    rig.machine.board.acknowledge_nmi();
    assert!(!rig.attention().contains(Attention::NMI));
}

#[test]
fn port_92h_opens_gate_a20_and_asks_for_a_reset_of_the_processor() {
    let mut rig = Rig::new();
    rig.out(PORT_A, 2);
    assert!(rig.machine.mem.a20());
    rig.out(PORT_A, 1);
    assert!(rig.attention().contains(Attention::RESET));
    assert_eq!(rig.machine.board.take_reset(), Some(ResetRequest::Processor));
    assert!(!rig.attention().contains(Attention::RESET));
    assert_eq!(rig.machine.board.take_reset(), None);
}

#[test]
fn a_timer_armed_inside_the_slice_asks_for_its_end() {
    let mut rig = Rig::new();
    rig.machine.board.begin_slice(1000);
    for (at, moved) in [(1000, false), (999, true), (Ticks::MAX, false)] {
        // Nothing else is due this early.
        TimerId::ALL
            .iter()
            .for_each(|&id| rig.machine.board.wires.timers.cancel(id));
        rig.machine.board.wires.timers.arm(TimerId::Mouse, at);
        rig.machine.board.settle(&mut rig.machine.mem);
        assert_eq!(rig.attention().contains(Attention::DEADLINE_MOVED), moved);
    }
}

#[test]
fn the_vga_answers_in_its_window() {
    let mut rig = Rig::new();
    assert_eq!(rig.machine.mem.lookup(0xb_8000), MapKind::Mmio);
    rig.out(VGA_MISC, 0x63);
    rig.write(VGA_SEQUENCER, 0x0302, IoWidth::Word); // planes 0 and 1
    rig.write(VGA_SEQUENCER, 0x0204, IoWidth::Word); // odd/even
    rig.write(0x3ce, 0x1005, IoWidth::Word);
    rig.write(0x3ce, 0x0e06, IoWidth::Word); // B8000h, 32 KiB
    rig.write(0x3ce, 0xff08, IoWidth::Word); // all bits
    let Rig { machine, now } = &mut rig;
    machine
        .board
        .mmio_write(&mut machine.mem, *now, PhysAddr(0xb_8000), 0x0741, IoWidth::Word);
    assert_eq!(
        machine
            .board
            .mmio_read(&mut machine.mem, *now, PhysAddr(0xb_8000), IoWidth::Word),
        0x0741
    );
    assert_eq!(
        machine
            .board
            .mmio_read(&mut machine.mem, *now, PhysAddr(0xa_0000), IoWidth::Byte),
        0xff
    );
}

#[test]
fn what_is_written_to_the_hint_port_is_counted_and_nothing_else_happens() {
    let mut rig = Rig::new();
    let before = rig.machine.state_hash();
    rig.out(idle::HINT_PORT, 0);
    assert_eq!(rig.read(idle::HINT_PORT, IoWidth::Byte), 0xff);
    assert_eq!(rig.machine.state_hash(), before);
}

#[test]
fn a_hard_reset_keeps_memory_and_drops_what_was_typed() {
    let mut rig = Rig::new();
    rig.machine.mem.phys_write(0x500, b"kept");
    rig.machine.post(crate::HostEvent::SerialRx {
        port: 0,
        bytes: vec![1; 100],
    });
    rig.machine.post(crate::HostEvent::Reset);
    assert_eq!(rig.machine.serial_input_room(0), rig.machine.serial_input_room(1));
    let mut buf = [0; 4];
    rig.machine.read_memory(0x500, &mut buf);
    assert_eq!(&buf, b"kept");
    assert_eq!(rig.attention(), Attention::empty());
}

const CONFIG_ADDRESS: u16 = 0xcf8;
const CONFIG_DATA: u16 = 0xcfc;

/// Selects a register of a function of bus 0.
fn select(rig: &mut Rig, device: u32, function: u32, register: u32) {
    let address = 1 << 31 | device << 11 | function << 8 | register & 0xfc;
    rig.write(CONFIG_ADDRESS, address, IoWidth::Dword);
}

#[test]
fn configuration_cycles_have_all_widths_and_see_only_what_is_there() {
    let mut rig = Rig::new();
    select(&mut rig, 0, 0, 0);
    assert_eq!(rig.read(CONFIG_DATA, IoWidth::Dword), 0x1237_8086);
    assert_eq!(rig.read(CONFIG_DATA + 2, IoWidth::Word), 0x1237);
    assert_eq!(rig.read(CONFIG_DATA + 3, IoWidth::Byte), 0x12);
    assert_eq!(
        rig.read(CONFIG_DATA + 3, IoWidth::Word),
        0xff12,
        "past the end of the register"
    );
    for (device, function) in [(0, 1), (1, 2), (1, 7), (31, 0)] {
        select(&mut rig, device, function, 0);
        assert_eq!(rig.read(CONFIG_DATA, IoWidth::Dword), u32::MAX);
    }
    rig.write(CONFIG_ADDRESS, 1 << 31 | 1 << 16, IoWidth::Dword);
    assert_eq!(
        rig.read(CONFIG_DATA, IoWidth::Dword),
        u32::MAX,
        "there is no bus 1"
    );
    rig.write(CONFIG_ADDRESS, 0, IoWidth::Dword);
    assert_eq!(rig.read(CONFIG_DATA, IoWidth::Dword), u32::MAX, "not enabled");
    select(&mut rig, 1, 0, 0x60);
    rig.write(CONFIG_DATA + 1, 0x0b0a, IoWidth::Word);
    assert_eq!(rig.read(CONFIG_DATA, IoWidth::Dword), 0x800b_0a80);
}

#[test]
fn an_ide_channel_answers_when_the_configuration_says_so() {
    let disk = Box::new(oldiron_devices::MemoryImage::new(vec![0; 512 * 63 * 16 * 2]));
    let mut rig = Rig::with(MachineBuilder::new().disk(0, disk, None));
    assert_ne!(rig.read(0x1f7, IoWidth::Byte), 0xff, "open after a reset");
    select(&mut rig, 1, 1, 4);
    rig.write(CONFIG_DATA, 0, IoWidth::Word);
    assert_eq!(rig.read(0x1f7, IoWidth::Byte), 0xff);
    rig.write(CONFIG_DATA, 1, IoWidth::Word);
    assert_ne!(rig.read(0x1f7, IoWidth::Byte), 0xff);
    select(&mut rig, 1, 1, 0x40);
    let state = rig.machine.save_state().unwrap();
    rig.write(CONFIG_DATA, 0, IoWidth::Word);
    assert_eq!(rig.read(0x1f7, IoWidth::Byte), 0xff);
    rig.machine.restore_state(&state).unwrap();
    assert_ne!(
        rig.read(0x1f7, IoWidth::Byte),
        0xff,
        "a loaded state has its ports"
    );
}

#[test]
fn shadow_memory_is_mapped_by_a_configuration_cycle_and_after_a_state_is_loaded() {
    let mut rig = Rig::new();
    let rom = rig.machine.mem.lookup(0xf_0000);
    assert!(matches!(rom, MapKind::Rom(_)));
    select(&mut rig, 0, 0, 0x58);
    rig.write(CONFIG_DATA + 1, 0x30, IoWidth::Byte);
    assert!(rig.attention().contains(Attention::MAP_CHANGED));
    assert_eq!(rig.machine.mem.lookup(0xf_0000), MapKind::Ram(0xf_0000));
    let state = rig.machine.save_state().unwrap();
    rig.machine.post(crate::HostEvent::Reset);
    assert_eq!(rig.machine.mem.lookup(0xf_0000), rom);
    rig.machine.restore_state(&state).unwrap();
    assert_eq!(rig.machine.mem.lookup(0xf_0000), MapKind::Ram(0xf_0000));
}

#[test]
fn cf9h_asks_for_a_reset_of_the_machine_or_of_the_processor() {
    let mut rig = Rig::new();
    rig.write(0xcf9, 0x06, IoWidth::Byte);
    assert!(rig.attention().contains(Attention::RESET));
    assert_eq!(rig.machine.board.take_reset(), Some(ResetRequest::System));
    rig.write(0xcf9, 0x00, IoWidth::Byte);
    rig.write(0xcf9, 0x04, IoWidth::Byte);
    assert_eq!(rig.machine.board.take_reset(), Some(ResetRequest::Processor));
}

#[test]
fn a_machine_with_isa_alone_has_no_configuration_ports() {
    let mut rig = Rig::with(MachineBuilder::new().isa(true));
    rig.write(CONFIG_ADDRESS, 1 << 31, IoWidth::Dword);
    assert_eq!(rig.read(CONFIG_ADDRESS, IoWidth::Dword), u32::MAX);
    assert_eq!(rig.read(CONFIG_DATA, IoWidth::Dword), u32::MAX);
    let pci = Rig::new().machine.save_state().unwrap();
    let refused = rig.machine.restore_state(&pci).unwrap_err().to_string();
    assert!(
        refused.contains("PCI: saved with it, this machine has none"),
        "{refused}"
    );
}

#[test]
fn the_frame_buffer_is_seen_where_base_address_0_says_and_in_the_window_anywhere() {
    const COMMAND: u32 = 0x8000_1004;
    const BAR_0: u32 = 0x8000_1010;
    let configure = |rig: &mut Rig, register: u32, value: u32| {
        rig.write(0xcf8, register, IoWidth::Dword);
        rig.write(0xcfc, value, IoWidth::Dword);
    };
    let dispi = |rig: &mut Rig, index: u32, value: u32| {
        rig.write(0x1ce, index, IoWidth::Word);
        rig.write(0x1cf, value, IoWidth::Word);
    };
    let through_window = |rig: &mut Rig| {
        let Machine { board, mem, .. } = &mut rig.machine;
        board.mmio_read(mem, rig.now, PhysAddr(0xa_0004), IoWidth::Dword)
    };
    let seen = |rig: &Rig, address: u32| {
        let mut bytes = [0; 4];
        rig.machine.mem.phys_read(address, &mut bytes);
        u32::from_le_bytes(bytes)
    };
    const DOTS: [u8; 4] = [1, 2, 3, 4];
    const VALUE: u32 = 0x0403_0201;

    let mut rig = Rig::new();
    dispi(&mut rig, 4, 0x41);
    dispi(&mut rig, 5, 1);
    rig.machine.mem.phys_write(0xe001_0004, &DOTS);
    assert_eq!(through_window(&mut rig), VALUE);
    configure(&mut rig, BAR_0, 0xc100_0000);
    assert!(rig.attention().contains(Attention::MAP_CHANGED));
    assert_eq!([0xe001_0004, 0xc101_0004].map(|at| seen(&rig, at)), [!0, VALUE]);

    let saved = rig.machine.save_state().unwrap();
    configure(&mut rig, COMMAND, 0);
    assert_eq!((seen(&rig, 0xc101_0004), through_window(&mut rig)), (!0, VALUE));
    // Switched on again, the picture begins as zeros, although no address reaches it.
    dispi(&mut rig, 4, 0);
    dispi(&mut rig, 4, 0x41);
    dispi(&mut rig, 5, 1);
    assert_eq!(through_window(&mut rig), 0);

    let mut other = Rig::new();
    other.machine.restore_state(&saved).unwrap();
    assert_eq!([0xe001_0004, 0xc101_0004].map(|at| seen(&other, at)), [!0, VALUE]);
}

#[test]
fn on_the_isa_bus_the_frame_buffer_stays_where_it_is() {
    let mut rig = Rig::with(MachineBuilder::new().isa(true));
    rig.write(0xcf8, 0x8000_1010, IoWidth::Dword);
    rig.write(0xcfc, 0xc100_0000, IoWidth::Dword);
    let MapKind::Ram(_) = rig.machine.mem.lookup(0xe000_0000) else {
        panic!("no frame buffer");
    };
}

// ---- APICs ----

const LOCAL: u32 = 0xfee0_0000;
const IO_APIC: u32 = 0xfec0_0000;
const SVR: u32 = 0xf0;
const EOI: u32 = 0xb0;

impl Rig {
    fn mmio(&mut self, addr: u32, value: u32) {
        let (board, mem) = (&mut self.machine.board, &mut self.machine.mem);
        board.mmio_write(mem, self.now, PhysAddr(addr.into()), value, IoWidth::Dword);
    }

    fn mmio_at(&mut self, addr: u32) -> u32 {
        let (board, mem) = (&mut self.machine.board, &mut self.machine.mem);
        board.mmio_read(mem, self.now, PhysAddr(addr.into()), IoWidth::Dword)
    }

    /// An entry of the I/O APIC for this processor, whose local APIC is enabled; the 8259s are masked.
    fn redirect(&mut self, input: u8, entry: u32) {
        self.init_pics();
        self.out(0x21, 0xff);
        self.out(0xa1, 0xff);
        self.mmio(LOCAL + SVR, 0x1ff);
        self.mmio(IO_APIC, (0x10 + 2 * input).into());
        self.mmio(IO_APIC + 0x10, entry);
    }

    fn take(&mut self) -> Option<u8> {
        let asked = self.attention().contains(Attention::INTR);
        asked.then(|| self.machine.board.acknowledge_intr(self.now))
    }

    fn base(&mut self, base: u64) {
        let (board, mem) = (&mut self.machine.board, &mut self.machine.mem);
        board.set_apic_base(mem, self.now, base);
    }
}

#[test]
fn the_timer_interrupts_through_the_second_input_of_the_io_apic() {
    let mut rig = Rig::new();
    rig.redirect(2, 0x30);
    for (port, value) in [(0x43, 0x34), (0x40, 100), (0x40, 0)] {
        rig.out(port, value);
    }
    for _ in 0..3 {
        while rig.take().is_none() {
            rig.now = rig.machine.board.next_due();
            rig.machine.board.run_due_timers(&mut rig.machine.mem, rig.now);
            assert!(rig.now < 1_000_000);
        }
        assert_eq!(rig.mmio_at(LOCAL + 0x110), 1 << 16, "vector 30h is in service");
        rig.mmio(LOCAL + EOI, 0);
    }
}

#[test]
fn isa_lines_reach_the_inputs_of_their_number_and_pirqs_those_from_16_on() {
    let level = 1 << 15;
    let low = 1 << 13;
    for (input, entry, wire) in [
        (1, 0, source::KEYBOARD),
        (4, 0, source::COM1),
        (9, level, source::SCI),
        (14, 0, source::IDE0),
        // Device 3 has PIRQC#.
        (18, level | low, source::PCI_SLOTS[1]),
    ] {
        let mut rig = Rig::new();
        rig.redirect(input, entry | 0x40);
        assert_eq!(rig.take(), None);
        rig.raise(wire, true);
        assert_eq!(rig.take(), Some(0x40), "input {input}");
        rig.mmio(LOCAL + EOI, 0);
        assert_eq!(rig.take().is_some(), entry & level != 0);
        rig.raise(wire, false);
    }
}

#[test]
fn the_8259s_interrupt_while_nobody_has_set_up_the_apics() {
    let mut rig = Rig::new();
    rig.init_pics();
    rig.raise(source::KEYBOARD, true);
    assert_eq!(rig.take(), Some(0x09));
    assert_eq!(rig.take(), None);
}

#[test]
fn the_local_apic_is_seen_where_the_processor_says() {
    let mut rig = Rig::new();
    let version = 0x0005_0015;
    assert_eq!(rig.mmio_at(LOCAL + 0x30), version);
    // Over RAM, over video memory, over the BIOS below 1 MiB and at the top, over the frame buffer, and back.
    for page in [0x10_0000, 0xb_8000, 0xf_0000, 0xffff_f000, 0xe000_0000, IO_APIC] {
        let before = rig.machine.mem.lookup(page);
        rig.base(u64::from(page) | 0x900);
        assert_eq!(rig.machine.mem.lookup(page), MapKind::Mmio, "{page:#x}");
        assert_eq!(rig.mmio_at(page + 0x30), version, "{page:#x}");
        assert_eq!(rig.machine.mem.lookup(LOCAL), MapKind::Hole);
        assert!(rig.attention().contains(Attention::MAP_CHANGED));
        rig.base(u64::from(LOCAL) | 0x900);
        assert_eq!(rig.machine.mem.lookup(page), before, "{page:#x}");
    }
    rig.base(u64::from(LOCAL) | 0x100);
    assert_eq!(rig.machine.mem.lookup(LOCAL), MapKind::Hole, "off");
    rig.machine.reset_cpu();
    assert_eq!(rig.machine.mem.lookup(LOCAL), MapKind::Mmio);
}

#[test]
fn there_are_apics_where_there_is_pci_and_one_in_the_processor() {
    let parse = |model| crate::CpuModel::parse(model).unwrap();
    for (builder, there) in [
        (MachineBuilder::new(), true),
        (MachineBuilder::new().cpu(parse("pentium")), true),
        (MachineBuilder::new().cpu(parse("486")), false),
        (MachineBuilder::new().cpu(parse("core,-apic")), false),
        (MachineBuilder::new().isa(true), false),
    ] {
        let rig = Rig::with(builder);
        let seen = if there { MapKind::Mmio } else { MapKind::Hole };
        assert_eq!(rig.machine.mem.lookup(LOCAL), seen);
        assert_eq!(rig.machine.mem.lookup(IO_APIC), seen);
    }
}

#[test]
fn apics_and_the_place_of_the_local_one_survive_the_round_trip() {
    let mut rig = Rig::new();
    rig.redirect(1, 0x31);
    rig.base(0x20_0000 | 0x900);
    rig.raise(source::KEYBOARD, true);
    let state = rig.machine.save_state().unwrap();
    let mut copy = Rig::new();
    copy.machine.restore_state(&state).unwrap();
    assert_eq!(copy.mmio_at(0x20_0000 + 0x30), 0x0005_0015);
    assert_eq!(copy.take(), Some(0x31));
}

#[test]
fn the_firmware_configuration_device_is_there_if_wanted() {
    for (on, byte) in [(false, 0xff), (true, b'Q')] {
        let mut rig = Rig::with(MachineBuilder::new().fw_cfg(on));
        rig.write(0x510, 0, IoWidth::Word);
        assert_eq!(rig.read(0x511, IoWidth::Byte), u32::from(byte));
    }
}
