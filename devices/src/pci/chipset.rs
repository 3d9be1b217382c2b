//! The 82441FX host bridge and the PIIX3: configuration mechanism 1 at CF8h and CFCh (PCI 2.1 §3.7.4.1), the reset
//! control register at CF9h, and the configuration spaces of functions that are no more than that.
//!
//! Left out, and read as after a reset: the DRAM hole and the turbo reset control of the 82441FX, SMRAM (there is no
//! system management mode), the PIIX3's USB function, its distributed DMA and its system management timers. Registers
//! that only tune the memory and the bus are stored.

use oldiron_mmu::{IoWidth, Snapshot, SnapshotError, StateReader, StateWriter};
use serde::{Deserialize, Serialize};

use super::{Command, ConfigSpace, Identity, slot};
use crate::{Ctx, Device, PortRange, ResetKind, Vga};

const CONFIG_ADDRESS: u16 = 0xcf8;
const RESET_CONTROL: u16 = 0xcf9;
const CONFIG_DATA: u16 = 0xcfc;

/// CONFADD: enable, bus, device, function and register.
const CONFIG_ADDRESS_BITS: u32 = 0x80ff_fffc;
const CONFIG_ENABLE: u32 = 1 << 31;

/// Reset control register: the next reset is one of the whole machine; the change to 1 that resets.
const RC_SYSTEM_RESET: u8 = 1 << 1;
const RC_RESET_CPU: u8 = 1 << 2;

const INTEL: u16 = 0x8086;
/// 82441FX: programmable attribute maps.
const PAM0: u8 = 0x59;
/// PIIX3: PIRQ route controls, A to D.
const PIRQRCA: u8 = 0x60;
const PIRQ_OFF: u8 = 1 << 7;
/// Interrupts that PCI lines may be routed to.
const PIRQ_CHOICES: u16 = 0xdef8;
/// PIIX3 IDE: timing registers of the channels, 16 bits each; bit 15 lets the channel decode its ports.
const IDETIM: u8 = 0x40;
const IDE_DECODE: u16 = 1 << 15;
/// PIIX3 IDE: the base address of the bus masters, eight ports for each channel.
const BUS_MASTER_BAR: usize = 4;
const BUS_MASTER_PORTS: u16 = 8;
/// VGA: the base address of the frame buffer.
const FRAME_BUFFER_BAR: usize = 0;
/// The window of the VGA BIOS.
const VGA_ROM_BYTES: u32 = 0x1_0000;

/// What CONFADD selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigAddress {
    /// Bus number.
    pub bus: u8,
    /// Device number.
    pub device: u8,
    /// Function number.
    pub function: u8,
    /// Register, a multiple of 4.
    pub register: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    address: u32,
    reset_control: u8,
}

/// The chip set of the PCI machine.
pub struct PciChipset {
    s: State,
    host: ConfigSpace,
    isa: ConfigSpace,
    ide: ConfigSpace,
    vga: ConfigSpace,
}

impl Default for PciChipset {
    fn default() -> Self {
        Self::new()
    }
}

/// The 82441FX (290549 §3.2).
fn host_bridge() -> ConfigSpace {
    ConfigSpace::new(Identity {
        vendor: INTEL,
        device: 0x1237,
        revision: 2,
        class: 0x06_0000,
        multi_function: false,
    })
    .command(
        Command::MEMORY | Command::BUS_MASTER,
        Command::BUS_MASTER | Command::SERR,
    )
    .status(0x0280)
    // Master latency timer.
    .register(0x0d, &[0], &[0xf8])
    // PMCCFG, DETURBO, DBC, AXC, DRAMR, DRAMC, DRAMT.
    .register(
        0x50,
        &[0, 0, 0, 0x83, 0, 0, 0, 0x01, 0x10],
        &[0xfb, 0x01, 0xff, 0x8f, 0x02, 0x7f, 0xff, 0x3f, 0x7f],
    )
    // PAM0 has nothing in its lower half.
    .register(PAM0, &[0; 7], &[0x30, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33])
    // DRB: boundaries of the memory rows.
    .register(0x60, &[1; 8], &[0xff; 8])
    // MTT, CLT; SMRAM, which is locked.
    .register(0x70, &[0x20, 0x10, 0x12], &[0xf8, 0x3f, 0])
    // ERRCMD.
    .register(0x90, &[0], &[0xdb])
}

/// PIIX3, function 0 (290550 §2.2).
fn isa_bridge() -> ConfigSpace {
    ConfigSpace::new(Identity {
        vendor: INTEL,
        device: 0x7000,
        revision: 0,
        class: 0x06_0100,
        multi_function: true,
    })
    .command(Command::IO | Command::MEMORY | Command::BUS_MASTER, Command::SERR)
    .status(0x0200)
    // IORT; XBCS.
    .register(0x4c, &[0x4d, 0, 0x03, 0], &[0xff, 0, 0xff, 0x01])
    .register(PIRQRCA, &[PIRQ_OFF; 4], &[0x8f; 4])
    // TOM, MSTAT.
    .register(0x69, &[0x02, 0, 0], &[0xfe, 0x04, 0x80])
    // MBIRQ0, MBDMA, PCSC.
    .register(0x70, &[PIRQ_OFF], &[0xef])
    .register(0x76, &[0x0c, 0x0c, 0x02, 0], &[0x8f, 0x8f, 0xfd, 0xff])
    // APIC base relocation, DLC.
    .register(0x80, &[0, 0, 0], &[0x7f, 0, 0x0f])
}

/// PIIX3, function 1 (290550 §2.3). The part's channels are closed after a reset and its BIOS opens them; here they are
/// open, for BIOSes that know of no PCI.
fn ide_controller() -> ConfigSpace {
    ConfigSpace::new(Identity {
        vendor: INTEL,
        device: 0x7010,
        revision: 0,
        class: 0x01_0180,
        multi_function: false,
    })
    .command(Command::IO, Command::IO | Command::BUS_MASTER)
    .status(0x0280)
    .register(0x0d, &[0], &[0xf0])
    // The bus masters of both channels.
    .io_bar(BUS_MASTER_BAR, 16)
    // IDETIM of both channels, SIDETIM.
    .register(IDETIM, &[0, 0x80, 0, 0x80, 0], &[0xff, 0xf3, 0xff, 0xf3, 0xff])
}

/// The VGA as other BIOSes look for it: by its class, its frame buffer and its BIOS at base addresses. The identity is
/// that of the VGA of Bochs, which their VGA BIOSes are for. Its old ports and memory are decoded in any case, and for
/// BIOSes that know of no PCI its frame buffer is where it is on the ISA bus after a reset.
fn vga() -> ConfigSpace {
    ConfigSpace::new(Identity {
        vendor: 0x1234,
        device: 0x1111,
        revision: 0,
        class: 0x03_0000,
        multi_function: false,
    })
    .command(
        Command::IO | Command::MEMORY,
        Command::IO | Command::MEMORY | Command::BUS_MASTER,
    )
    .memory_bar(FRAME_BUFFER_BAR, Vga::FRAME_BUFFER_BYTES, Vga::FRAME_BUFFER)
    .rom_bar(VGA_ROM_BYTES)
}

impl PciChipset {
    /// The chips after power-on.
    pub fn new() -> Self {
        Self {
            s: State::default(),
            host: host_bridge(),
            isa: isa_bridge(),
            ide: ide_controller(),
            vga: vga(),
        }
    }

    /// What the next configuration cycle goes to; `None`: it is an ordinary cycle to a port that nobody decodes.
    pub fn selected(&self) -> Option<ConfigAddress> {
        let [register, function, bus, _] = self.s.address.to_le_bytes();
        (self.s.address & CONFIG_ENABLE != 0).then_some(ConfigAddress {
            bus,
            device: function >> 3,
            function: function & 7,
            register,
        })
    }

    /// Whether a port is one of configuration data. Cycles to it are the board's, which knows all functions.
    pub fn is_config_data(port: u16) -> bool {
        (CONFIG_DATA..CONFIG_DATA + 4).contains(&port)
    }

    /// The configuration space of a function of these chips.
    pub fn config_space(&mut self, device: u8, function: u8) -> Option<&mut ConfigSpace> {
        match (device, function) {
            slot::HOST_BRIDGE => Some(&mut self.host),
            slot::ISA_BRIDGE => Some(&mut self.isa),
            slot::IDE => Some(&mut self.ide),
            slot::VGA => Some(&mut self.vga),
            _ => None,
        }
    }

    /// The programmable attribute maps: in bits 4 and 5 of the first, those of F0000h–FFFFFh, and then, from the
    /// second on, two halves of a byte for 16 KiB each from C0000h. Of each, the lower bit lets RAM be read, the
    /// higher lets it be written.
    pub fn pam(&self) -> [u8; 7] {
        let mut offset = PAM0;
        [(); 7].map(|()| {
            let value = self.host.read(offset);
            offset += 1;
            value
        })
    }

    /// The ISA interrupts that PIRQA# to PIRQD# end on.
    pub fn pirq_routes(&self) -> [Option<u8>; 4] {
        [0, 1, 2, 3].map(|line| {
            let control = self.isa.read(PIRQRCA + line);
            let irq = control & 0x0f;
            (control & PIRQ_OFF == 0 && PIRQ_CHOICES >> irq & 1 != 0).then_some(irq)
        })
    }

    /// Whether an IDE channel, 0 or 1, decodes its ports.
    pub fn ide_decodes(&self, channel: u8) -> bool {
        let timing = self.ide.read_u16(IDETIM + 2 * (channel & 1));
        self.ide.command_bits().contains(Command::IO) && timing & IDE_DECODE != 0
    }

    /// The ports at which the bus master of an IDE channel, 0 or 1, is decoded.
    pub fn bus_master_window(&self, channel: u8) -> Option<PortRange> {
        let window = self.ide.io_window(BUS_MASTER_BAR)?;
        Some(PortRange {
            first: window.first + u16::from(channel & 1) * BUS_MASTER_PORTS,
            count: BUS_MASTER_PORTS,
        })
    }

    /// Where the VGA BIOS is seen, besides C0000h.
    pub fn vga_rom(&self) -> Option<u32> {
        self.vga.rom_address()
    }

    /// Where the frame buffer is seen.
    pub fn frame_buffer(&self) -> Option<u32> {
        self.vga.memory_address(FRAME_BUFFER_BAR)
    }

    fn write_reset_control(&mut self, value: u8, ctx: &mut Ctx<'_>) {
        let rises = value & !self.s.reset_control & RC_RESET_CPU != 0;
        self.s.reset_control = value & (RC_SYSTEM_RESET | RC_RESET_CPU);
        if rises {
            log::debug!(target: "dev::pci", "reset by port CF9h: {value:#04x}");
            if value & RC_SYSTEM_RESET != 0 {
                ctx.out.system_reset = true;
            } else {
                ctx.out.cpu_reset = true;
            }
        }
    }
}

impl Device for PciChipset {
    fn name(&self) -> &'static str {
        "pci"
    }

    fn ports(&self) -> &[PortRange] {
        const PORTS: [PortRange; 1] = [PortRange {
            first: CONFIG_ADDRESS,
            count: 8,
        }];
        &PORTS
    }

    fn wide_ports(&self, port: u16) -> bool {
        port == CONFIG_ADDRESS || Self::is_config_data(port)
    }

    fn reset(&mut self, _: ResetKind, _: &mut Ctx<'_>) {
        self.s = State::default();
        for space in [&mut self.host, &mut self.isa, &mut self.ide, &mut self.vga] {
            space.reset();
        }
    }

    fn port_read(&mut self, port: u16, width: IoWidth, _: &mut Ctx<'_>) -> u32 {
        match (port, width) {
            (CONFIG_ADDRESS, IoWidth::Dword) => self.s.address,
            (RESET_CONTROL, _) => self.s.reset_control.into(),
            _ => width.open_bus(),
        }
    }

    fn port_write(&mut self, port: u16, value: u32, width: IoWidth, ctx: &mut Ctx<'_>) {
        match (port, width) {
            (CONFIG_ADDRESS, IoWidth::Dword) => self.s.address = value & CONFIG_ADDRESS_BITS,
            // Narrower cycles pass by CONFADD, and one of 16 bits reaches the register in its upper half.
            (CONFIG_ADDRESS, IoWidth::Word) => self.write_reset_control((value >> 8) as u8, ctx),
            (RESET_CONTROL, _) => self.write_reset_control(value as u8, ctx),
            _ => {}
        }
    }
}

impl Snapshot for PciChipset {
    const TAG: [u8; 4] = *b"PCI ";
    const VERSION: u16 = 3;

    fn save(&self, w: &mut StateWriter) {
        w.put(&self.s);
        [&self.host, &self.isa, &self.ide, &self.vga]
            .iter()
            .for_each(|space| space.save(w));
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let s: State = r.get()?;
        self.s = State {
            address: s.address & CONFIG_ADDRESS_BITS,
            reset_control: s.reset_control & (RC_SYSTEM_RESET | RC_RESET_CPU),
        };
        [&mut self.host, &mut self.isa, &mut self.ide, &mut self.vga]
            .into_iter()
            .try_for_each(|space| space.load(r))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rig::{Rig, assert_damaged_states_do_no_harm, assert_round_trip};

    fn rig() -> Rig<PciChipset> {
        Rig::new(PciChipset::new())
    }

    #[test]
    fn the_address_register_takes_whole_cycles_only() {
        let mut rig = rig();
        rig.out_wide(CONFIG_ADDRESS, 0xffff_ffff, IoWidth::Dword);
        assert_eq!(rig.in_wide(CONFIG_ADDRESS, IoWidth::Dword), 0x80ff_fffc);
        rig.out(CONFIG_ADDRESS, 0);
        rig.out_wide(CONFIG_ADDRESS, 0, IoWidth::Word);
        assert_eq!(rig.in_wide(CONFIG_ADDRESS, IoWidth::Dword), 0x80ff_fffc);
        assert_eq!(rig.in_wide(CONFIG_ADDRESS, IoWidth::Word), 0xffff);
        rig.out_wide(CONFIG_ADDRESS, 0x8003_0b44, IoWidth::Dword);
        let selected = ConfigAddress {
            bus: 3,
            device: 1,
            function: 3,
            register: 0x44,
        };
        assert_eq!(rig.chip.selected(), Some(selected));
        rig.out_wide(CONFIG_ADDRESS, 0x0000_0800, IoWidth::Dword);
        assert_eq!(rig.chip.selected(), None);
    }

    #[test]
    fn cf9h_resets_when_its_bit_2_rises() {
        let mut rig = rig();
        rig.out(RESET_CONTROL, 0x02);
        assert!(!rig.out.system_reset);
        rig.out(RESET_CONTROL, 0x06);
        assert!(rig.out.system_reset && !rig.out.cpu_reset);
        assert_eq!(rig.inb(RESET_CONTROL), 0x06);
        rig.out.system_reset = false;
        rig.out(RESET_CONTROL, 0x06);
        assert!(!rig.out.system_reset, "only the edge");
        rig.out(RESET_CONTROL, 0x00);
        rig.out(RESET_CONTROL, 0x04);
        assert!(rig.out.cpu_reset && !rig.out.system_reset);
    }

    #[test]
    fn pirq_lines_end_only_on_interrupts_that_a_card_may_have() {
        let mut chip = PciChipset::new();
        assert_eq!(chip.pirq_routes(), [None; 4]);
        let isa = chip.config_space(1, 0).unwrap();
        for (offset, value) in (PIRQRCA..).zip([0x0b, 0x8b, 0x00, 0x0d]) {
            isa.write(offset, value);
        }
        assert_eq!(chip.pirq_routes(), [Some(11), None, None, None]);
        let allowed = (0..16u8).filter(|&irq| {
            chip.isa.write(PIRQRCA + 3, irq);
            chip.pirq_routes()[3] == Some(irq)
        });
        assert_eq!(
            allowed.collect::<Vec<_>>(),
            [3, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15]
        );
    }

    #[test]
    fn attribute_maps_have_two_bits_for_each_segment() {
        let mut chip = PciChipset::new();
        let host = chip.config_space(0, 0).unwrap();
        for offset in 0x50..0x70 {
            host.write(offset, 0xff);
        }
        assert_eq!(chip.pam(), [0x30, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33]);
    }

    #[test]
    fn ide_channels_decode_when_the_function_and_the_channel_are_enabled() {
        let mut chip = PciChipset::new();
        assert!(chip.ide_decodes(0) && chip.ide_decodes(1));
        chip.ide.write(0x41, 0);
        assert!(chip.ide_decodes(1) && !chip.ide_decodes(0));
        chip.ide.write(0x04, 0);
        assert!(!chip.ide_decodes(1));
    }

    #[test]
    fn the_bus_masters_have_eight_ports_each_at_a_base_address() {
        let mut chip = PciChipset::new();
        chip.ide.write(0x04, 0);
        for (offset, value) in (0x20..).zip([0x4f, 0xc0]) {
            chip.ide.write(offset, value);
        }
        assert_eq!(chip.bus_master_window(0), None);
        chip.ide.write(0x04, 0x05);
        let first = |channel| chip.bus_master_window(channel).unwrap().first;
        assert_eq!([0, 1].map(first), [0xc040, 0xc048]);
    }

    #[test]
    fn the_frame_buffer_is_16_mib_that_can_be_moved() {
        let mut chip = PciChipset::new();
        assert_eq!(chip.frame_buffer(), Some(Vga::FRAME_BUFFER));
        chip.vga.write(0x13, 0xc7);
        assert_eq!(chip.frame_buffer(), Some(0xc700_0000));
        chip.vga.write(0x12, 0xff);
        assert_eq!(chip.frame_buffer(), Some(0xc700_0000));
        chip.vga.write(0x04, 0x01);
        assert_eq!(chip.frame_buffer(), None);
    }

    #[test]
    fn interrupt_pins_of_neighbours_end_on_different_lines() {
        use crate::pci::pirq_of;
        assert_eq!([1, 2, 3, 4, 5].map(|device| pirq_of(device, 1)), [0, 1, 2, 3, 0]);
        assert_eq!([1, 2, 3, 4].map(|pin| pirq_of(3, pin)), [2, 3, 0, 1]);
    }

    #[test]
    fn state_survives_the_round_trip() {
        let mut rig = rig();
        rig.out_wide(CONFIG_ADDRESS, 0x8000_0058, IoWidth::Dword);
        rig.chip.host.write(0x5a, 0x31);
        rig.chip.isa.write(0x61, 10);
        assert_damaged_states_do_no_harm(&rig.chip, PciChipset::new);
        assert_round_trip(&rig.chip, &mut PciChipset::new());
        rig.with(|chip, ctx| chip.reset(ResetKind::Hard, ctx));
        assert_eq!((rig.chip.pam(), rig.chip.selected()), ([0; 7], None));
    }
}
