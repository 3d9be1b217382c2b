//! Power management of the chip set: the function of the 82371AB ("PIIX4", Intel 290562 §7), which the PCI machine has
//! beside its PIIX3, as far as ACPI 1.0b (§4.7) needs it: the PM1 event and control registers, the timer, and the way to
//! soft off.
//!
//! There is no system management mode: SCI_EN reads 1, and SMI commands are not decoded. DEVACTB says that its set-up
//! has been done, so that other BIOSes do not wait for it. Left out: SMBus, general-purpose events (their registers read
//! zero), throttling, and sleep states but S5.

use bitflags::bitflags;
use oldiron_mmu::{IoWidth, Snapshot, SnapshotError, StateReader, StateWriter};
use serde::{Deserialize, Serialize};

use super::{Command, ConfigSpace, Identity};
use crate::{Ctx, Device, IrqLine, PortRange, ResetKind, TimerId};

/// The base of the ports, and in PMREGMISC whether they are decoded.
const PMBA: u8 = 0x40;
const PMREGMISC: u8 = 0x80;
const PMIOSE: u8 = 1 << 0;
/// The byte of DEVACTB with APMC_EN.
const DEVACTB_3: u8 = 0x5b;
const APMC_EN: u8 = 1 << 1;
const PORTS: u16 = 64;

/// Registers, as offsets from the base.
const PMSTS: u16 = 0x00;
const PMEN: u16 = 0x02;
const PMCNTRL: u16 = 0x04;
const PMTMR: u16 = 0x08;

/// The clock of the timer, which has 24 bits and tells when the highest of them changes.
const TIMER_HZ: u64 = 3_579_545;
const TIMER_MASK: u32 = (1 << 24) - 1;
const TIMER_HALF_BITS: u32 = 23;

/// PMCNTRL: enter the state of SUS_TYP; that, and the value for soft off.
const SUS_EN: u16 = 1 << 13;
const SUS_TYP: u16 = 7 << 10;
const SOFT_OFF: u16 = 0;
const SCI_EN: u16 = 1 << 0;
const BRLD_EN_BM: u16 = 1 << 1;

bitflags! {
    /// PMSTS, and PMEN in the same places.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    struct Event: u16 {
        /// The highest bit of the timer changed.
        const TMROF = 1 << 0;
        /// The BIOS released the global lock.
        const GBL = 1 << 5;
        /// The power button.
        const PWRBTN = 1 << 8;
        /// The clock's alarm.
        const RTC = 1 << 10;
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    status: Event,
    enabled: Event,
    control: u16,
    /// How often the highest bit of the timer had changed when that was last looked at.
    halves: u64,
}

/// The power management function.
pub struct PowerManagement {
    irq: IrqLine,
    config: ConfigSpace,
    s: State,
}

impl PowerManagement {
    /// The function, with the wire of its system control interrupt.
    pub fn new(irq: IrqLine) -> Self {
        let config = ConfigSpace::new(Identity {
            vendor: 0x8086,
            device: 0x7113,
            revision: 3,
            class: 0x06_8000,
            multi_function: false,
        })
        .command(Command::empty(), Command::IO)
        .status(0x0280)
        .register(PMBA, &[1, 0, 0, 0], &[0xc0, 0xff, 0, 0])
        .register(DEVACTB_3, &[APMC_EN], &[0])
        .register(PMREGMISC, &[0], &[PMIOSE]);
        Self {
            irq,
            config,
            s: State::default(),
        }
    }

    /// Its configuration space.
    pub fn config_mut(&mut self) -> &mut ConfigSpace {
        &mut self.config
    }

    /// The ports that are decoded.
    pub fn window(&self) -> Option<PortRange> {
        let first = self.config.read_u16(PMBA) & !(PORTS - 1);
        let decoded = self.config.read(PMREGMISC) & PMIOSE != 0 && first != 0;
        decoded.then_some(PortRange { first, count: PORTS })
    }

    fn timer_count(ctx: &Ctx<'_>) -> u64 {
        ctx.rate.count_at(ctx.now, TIMER_HZ)
    }

    /// Notes the timer's overflow, drives the interrupt, and sees to it that the next overflow does so.
    fn update(&mut self, ctx: &mut Ctx<'_>) {
        let halves = Self::timer_count(ctx) >> TIMER_HALF_BITS;
        if halves != self.s.halves {
            self.s.halves = halves;
            self.s.status |= Event::TMROF;
        }
        ctx.irq.set(self.irq, self.s.status.intersects(self.s.enabled));
        if self.s.enabled.contains(Event::TMROF) {
            let next = (halves + 1) << TIMER_HALF_BITS;
            ctx.timers.arm(
                TimerId::PowerTimer,
                ctx.rate.tick_of(next, TIMER_HZ).max(ctx.now.saturating_add(1)),
            );
        } else {
            ctx.timers.cancel(TimerId::PowerTimer);
        }
    }

    fn write_control(&mut self, value: u16, ctx: &mut Ctx<'_>) {
        self.s.control = value & (SUS_TYP | BRLD_EN_BM);
        if value & SUS_EN == 0 {
            return;
        }
        if value & SUS_TYP == SOFT_OFF {
            log::debug!(target: "dev::power", "soft off");
            ctx.out.power_off = true;
        } else {
            log::debug!(target: "dev::power", "sleep state of PMCNTRL {value:#06x}, which is not there");
        }
    }
}

impl Device for PowerManagement {
    fn name(&self) -> &'static str {
        "power"
    }

    fn reset(&mut self, _: ResetKind, ctx: &mut Ctx<'_>) {
        self.config.reset();
        self.s = State {
            halves: Self::timer_count(ctx) >> TIMER_HALF_BITS,
            ..State::default()
        };
        self.update(ctx);
    }

    /// The timer is to be read whole, and a write to PMCNTRL done once.
    fn wide_ports(&self, _: u16) -> bool {
        true
    }

    fn port_read(&mut self, port: u16, width: IoWidth, ctx: &mut Ctx<'_>) -> u32 {
        self.update(ctx);
        let offset = port & (PORTS - 1);
        // Registers have 32 bits; a cycle sees those from its offset on.
        let register = match offset & !3 {
            PMSTS => u32::from(self.s.status.bits()) | u32::from(self.s.enabled.bits()) << 16,
            PMCNTRL => (self.s.control | SCI_EN).into(),
            PMTMR => Self::timer_count(ctx) as u32 & TIMER_MASK,
            _ => 0,
        };
        register >> (8 * u32::from(offset & 3)) & width.mask()
    }

    fn port_write(&mut self, port: u16, value: u32, width: IoWidth, ctx: &mut Ctx<'_>) {
        self.update(ctx);
        let first = port & (PORTS - 1);
        let bytes = value.to_le_bytes();
        let written = |register: u16, old: u16| {
            let mut new = old.to_le_bytes();
            for (at, &byte) in (first..).zip(&bytes[..width.bytes() as usize]) {
                if let Some(slot) = new.get_mut(usize::from(at.wrapping_sub(register))) {
                    *slot = byte;
                }
            }
            u16::from_le_bytes(new)
        };
        let touches = |register: u16| first < register + 2 && first + width.bytes() as u16 > register;
        // Ones clear.
        self.s.status.remove(Event::from_bits_truncate(written(PMSTS, 0)));
        self.s.enabled = Event::from_bits_truncate(written(PMEN, self.s.enabled.bits()));
        if touches(PMCNTRL) {
            self.write_control(written(PMCNTRL, self.s.control), ctx);
        }
        self.update(ctx);
    }

    fn timer(&mut self, _: TimerId, ctx: &mut Ctx<'_>) {
        self.update(ctx);
    }
}

impl Snapshot for PowerManagement {
    const TAG: [u8; 4] = *b"PM  ";
    const VERSION: u16 = 1;

    fn save(&self, w: &mut StateWriter) {
        w.put(&self.s);
        self.config.save(w);
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let s: State = r.get()?;
        self.s = State {
            control: s.control & (SUS_TYP | BRLD_EN_BM),
            ..s
        };
        self.config.load(r)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rig::{Rig, assert_round_trip};

    const BASE: u16 = 0xb000;
    const SCI: IrqLine = IrqLine::new(9);

    fn rig() -> Rig<PowerManagement> {
        let mut rig = Rig::new(PowerManagement::new(SCI));
        rig.with(|chip, ctx| chip.reset(ResetKind::Cold, ctx));
        rig
    }

    #[test]
    fn ports_are_decoded_where_the_configuration_says() {
        let mut chip = PowerManagement::new(SCI);
        chip.config.write(PMREGMISC, 1);
        assert_eq!(chip.window(), None);
        chip.config.write(PMBA, 0xff);
        chip.config.write(PMBA + 1, 0xb0);
        assert_eq!(chip.config.read_u16(PMBA), 0xb0c1);
        assert_eq!(chip.window().map(|range| range.first), Some(0xb0c0));
        chip.config.write(PMREGMISC, 0);
        assert_eq!(chip.window(), None);
    }

    #[test]
    fn the_timer_counts_24_bits_of_3579545_hz() {
        let mut rig = rig();
        let before = rig.in_wide(BASE + PMTMR, IoWidth::Dword);
        rig.now += rig.rate.micros(1_000_000) - 1;
        let after = rig.in_wide(BASE + PMTMR, IoWidth::Dword);
        assert!(after.wrapping_sub(before).abs_diff(3_579_545) <= 1);
        rig.now = rig.rate.tick_of(1 << 24, TIMER_HZ);
        assert_eq!(rig.in_wide(BASE + PMTMR, IoWidth::Dword), 0);
    }

    #[test]
    fn the_highest_bit_of_the_timer_interrupts_when_it_changes() {
        let mut rig = rig();
        rig.out_wide(BASE + PMEN, 1, IoWidth::Word);
        assert!(!rig.irq.is_high(SCI));
        assert!(rig.wait_irq(SCI));
        assert_eq!(rig.now, rig.rate.tick_of(1 << 23, TIMER_HZ));
        assert_eq!(rig.in_wide(BASE + PMSTS, IoWidth::Dword), 0x0001_0001);
        rig.out_wide(BASE + PMSTS, 1, IoWidth::Word);
        assert!(!rig.irq.is_high(SCI));
        assert_eq!(rig.in_wide(BASE + PMEN, IoWidth::Word), 1);
        assert!(rig.wait_irq(SCI), "and changes back");
        assert_eq!(rig.now, rig.rate.tick_of(1 << 24, TIMER_HZ));
        rig.out(BASE + PMEN, 0);
        assert!(!rig.irq.is_high(SCI));
        assert_eq!(rig.inb(BASE + PMSTS), 1, "which still tells");
    }

    #[test]
    fn the_control_register_is_in_acpi_mode_and_turns_the_machine_off() {
        let mut rig = rig();
        assert_eq!(rig.in_wide(BASE + PMCNTRL, IoWidth::Word), 1);
        rig.out_wide(BASE + PMCNTRL, (SUS_EN | 1 << 10).into(), IoWidth::Word);
        assert!(!rig.out.power_off, "a sleep state that is not there");
        assert_eq!(rig.in_wide(BASE + PMCNTRL, IoWidth::Word), 1 | 1 << 10);
        rig.out_wide(BASE + PMCNTRL, 0, IoWidth::Word);
        assert!(!rig.out.power_off);
        rig.out(BASE + PMCNTRL + 1, (SUS_EN >> 8) as u8);
        assert!(rig.out.power_off);
    }

    #[test]
    fn state_survives_the_round_trip() {
        let mut rig = rig();
        rig.out_wide(BASE + PMEN, 0x101, IoWidth::Word);
        rig.chip.config.write(PMBA + 1, 0xb0);
        assert_round_trip(&rig.chip, &mut PowerManagement::new(SCI));
    }

    #[test]
    fn a_damaged_state_does_no_harm() {
        let mut w = StateWriter::new();
        rig().chip.save(&mut w);
        let bytes = w.into_bytes();
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] = 0xff;
            let mut rig = rig();
            if rig.chip.load(&mut StateReader::new("PM", &bad)).is_ok() {
                rig.out_wide(BASE + PMEN, 1, IoWidth::Word);
                rig.in_wide(BASE + PMTMR, IoWidth::Dword);
                rig.step();
            }
        }
    }
}
