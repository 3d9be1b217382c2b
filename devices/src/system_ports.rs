//! Ports of the system board that belong to no larger chip: 92h, 80h, EDh, and those by which a guest
//! talks to the program that runs it.
//!
//! - 80h: the POST code latch. The remaining diagnostic latches, 81h–8Fh, are the page register file
//!   of the DMA controllers.
//! - 92h, "system control port A" of the PS/2: bit 0 pulses the reset of the processor when it
//!   changes to 1, bit 1 is the fast A20 gate. The other bits are plain storage.
//! - EDh: the delay port of some BIOSes; a write takes bus time and does nothing.
//! - E9h (and 402h, where SeaBIOS looks for the same): the debug console, if it is switched on. A read
//!   gives E9h, so that the guest can tell.
//! - 8900h: the bytes of "Shutdown", written one after the other, turn the machine off.
//! - The debug exit port, where it is configured: a write of any width ends the run.

use oldiron_mmu::{IoWidth, Snapshot, SnapshotError, StateReader, StateWriter};
use serde::{Deserialize, Serialize};

use crate::{Ctx, Device, PortRange, ResetKind};

const PORT_POST: u16 = 0x80;
const PORT_A: u16 = 0x92;
const PORT_DEBUG_CONSOLE: u16 = 0xe9;
const PORT_DELAY: u16 = 0xed;
const PORT_DEBUG_CONSOLE_SEABIOS: u16 = 0x402;
const PORT_POWER: u16 = 0x8900;

/// Port 92h.
const PORT_A_RESET: u8 = 1 << 0;
const PORT_A_A20: u8 = 1 << 1;

/// What a read of the debug console gives.
const DEBUG_CONSOLE_ID: u8 = 0xe9;

const POWER_OFF: &[u8] = b"Shutdown";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    post_code: u8,
    port_a: u8,
    /// How many bytes of [`POWER_OFF`] were written in a row.
    power_off_matched: u8,
}

/// The loose ports of the system board.
pub struct SystemPorts {
    ports: Vec<PortRange>,
    debug_exit: Option<u16>,
    s: State,
}

impl SystemPorts {
    /// The ports, with the debug console and the debug exit port if wanted.
    pub fn new(debug_console: bool, debug_exit: Option<u16>) -> Self {
        let console = [PORT_DEBUG_CONSOLE, PORT_DEBUG_CONSOLE_SEABIOS];
        let ports = [PORT_POST, PORT_A, PORT_DELAY, PORT_POWER]
            .into_iter()
            .chain(console.into_iter().filter(|_| debug_console))
            // The user may well want the run to end at a port that is one of ours.
            .filter(|&port| Some(port) != debug_exit)
            .chain(debug_exit)
            .map(|first| PortRange { first, count: 1 })
            .collect();
        Self {
            ports,
            debug_exit,
            s: State::default(),
        }
    }

    /// Whether the fast gate lets address line 20 through.
    pub fn a20(&self) -> bool {
        self.s.port_a & PORT_A_A20 != 0
    }

    /// The last POST code.
    pub fn post_code(&self) -> u8 {
        self.s.post_code
    }

    fn write_port_a(&mut self, value: u8, ctx: &mut Ctx<'_>) {
        let changed = self.s.port_a ^ value;
        self.s.port_a = value;
        if changed & PORT_A_A20 != 0 {
            ctx.out.a20 = Some(self.a20());
        }
        if changed & value & PORT_A_RESET != 0 {
            log::debug!(target: "dev::system", "processor reset by port 92h");
            ctx.out.cpu_reset = true;
        }
    }

    fn write_power(&mut self, value: u8, ctx: &mut Ctx<'_>) {
        let matched = usize::from(self.s.power_off_matched);
        let next = if POWER_OFF.get(matched) == Some(&value) {
            matched + 1
        } else {
            // The word's first letter does not return inside it, so nothing else can be salvaged.
            usize::from(POWER_OFF.first() == Some(&value))
        };
        if next == POWER_OFF.len() {
            self.s.power_off_matched = 0;
            ctx.out.power_off = true;
        } else {
            self.s.power_off_matched = next as u8;
        }
    }
}

impl Device for SystemPorts {
    fn name(&self) -> &'static str {
        "system"
    }

    fn ports(&self) -> &[PortRange] {
        &self.ports
    }

    fn reset(&mut self, kind: ResetKind, ctx: &mut Ctx<'_>) {
        let post_code = self.s.post_code;
        self.s = State::default();
        if kind == ResetKind::Hard {
            self.s.post_code = post_code;
        }
        ctx.out.a20 = Some(self.a20());
    }

    fn port_read(&mut self, port: u16, width: IoWidth, _: &mut Ctx<'_>) -> u32 {
        if self.debug_exit == Some(port) {
            return width.open_bus();
        }
        match port {
            PORT_POST => self.s.post_code.into(),
            // The reset bit is a pulse generator, but reads back what was written, as the rest does.
            PORT_A => self.s.port_a.into(),
            PORT_DEBUG_CONSOLE | PORT_DEBUG_CONSOLE_SEABIOS => DEBUG_CONSOLE_ID.into(),
            _ => width.open_bus(),
        }
    }

    fn port_write(&mut self, port: u16, value: u32, _: IoWidth, ctx: &mut Ctx<'_>) {
        let byte = value as u8;
        if self.debug_exit == Some(port) {
            ctx.out.debug_exit = Some(byte);
            return;
        }
        match port {
            PORT_POST => self.s.post_code = byte,
            PORT_A => self.write_port_a(byte, ctx),
            PORT_DEBUG_CONSOLE | PORT_DEBUG_CONSOLE_SEABIOS => ctx.out.debug_console.push(byte),
            PORT_POWER => self.write_power(byte, ctx),
            _ => {}
        }
    }

    fn wide_ports(&self, port: u16) -> bool {
        self.debug_exit == Some(port)
    }
}

impl Snapshot for SystemPorts {
    const TAG: [u8; 4] = *b"SYSP";
    const VERSION: u16 = 1;

    fn save(&self, w: &mut StateWriter) {
        w.put(&self.s);
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let s: State = r.get()?;
        if usize::from(s.power_off_matched) >= POWER_OFF.len() {
            return Err(r.damaged());
        }
        self.s = s;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rig::{Rig, assert_damaged_states_do_no_harm, assert_round_trip};

    #[test]
    fn port_80h_is_a_latch_and_edh_is_nothing() {
        let mut rig = Rig::new(SystemPorts::new(false, None));
        rig.out(0x80, 0x5a);
        rig.out(0xed, 0x11);
        assert_eq!(rig.inb(0x80), 0x5a);
        assert_eq!(rig.inb(0xed), 0xff);
        assert_eq!(rig.chip.post_code(), 0x5a);
    }

    #[test]
    fn port_92h_gates_a20_and_reads_back() {
        let mut rig = Rig::new(SystemPorts::new(false, None));
        rig.out(0x92, 0x02);
        assert_eq!(rig.out.a20.take(), Some(true));
        assert_eq!(rig.inb(0x92), 0x02);
        rig.out(0x92, 0x02);
        assert_eq!(rig.out.a20.take(), None, "no change");
        rig.out(0x92, 0x00);
        assert_eq!(rig.out.a20.take(), Some(false));
        assert!(!rig.chip.a20());
    }

    #[test]
    fn port_92h_resets_the_processor_when_bit_0_becomes_1() {
        let mut rig = Rig::new(SystemPorts::new(false, None));
        rig.out(0x92, 0x02);
        assert!(!rig.out.cpu_reset);
        rig.out(0x92, 0x03);
        assert!(core::mem::take(&mut rig.out.cpu_reset));
        rig.out(0x92, 0x03);
        assert!(!rig.out.cpu_reset, "only the edge");
    }

    #[test]
    fn the_debug_console_answers_e9h_only_when_it_is_on() {
        let ports = |console| SystemPorts::new(console, None).ports().to_vec();
        assert!(ports(true).iter().any(|range| range.first == 0xe9));
        assert!(ports(false).iter().all(|range| range.first != 0xe9));
        let mut rig = Rig::new(SystemPorts::new(true, None));
        assert_eq!(rig.inb(0xe9), 0xe9);
        assert_eq!(rig.inb(0x402), 0xe9);
        rig.out(0xe9, b'h');
        rig.out(0x402, b'i');
        assert_eq!(rig.out.debug_console, b"hi");
    }

    #[test]
    fn the_word_shutdown_at_8900h_powers_off() {
        let mut rig = Rig::new(SystemPorts::new(false, None));
        for byte in b"ShutShutdow" {
            rig.out(0x8900, *byte);
        }
        assert!(!rig.out.power_off);
        rig.out(0x8900, b'n');
        assert!(rig.out.power_off);
        rig.out.power_off = false;
        for byte in b"hutdown Shut down" {
            rig.out(0x8900, *byte);
        }
        assert!(!rig.out.power_off);
    }

    #[test]
    fn a_write_of_any_width_to_the_debug_exit_port_ends_the_run_with_its_low_byte() {
        let mut rig = Rig::new(SystemPorts::new(false, Some(0xf4)));
        assert!(rig.chip.wide_ports(0xf4));
        rig.out_wide(0xf4, 0x1234_5678, IoWidth::Dword);
        assert_eq!(rig.out.debug_exit, Some(0x78));
        assert_eq!(rig.in_wide(0xf4, IoWidth::Word), 0xffff);
    }

    #[test]
    fn a_debug_exit_port_among_our_own_is_claimed_once() {
        let mut rig = Rig::new(SystemPorts::new(true, Some(0x80)));
        let claims = rig.chip.ports().iter().filter(|range| range.first == 0x80);
        assert_eq!(claims.count(), 1);
        rig.out(0x80, 3);
        assert_eq!(rig.out.debug_exit, Some(3));
    }

    #[test]
    fn a_reset_clears_port_92h() {
        let mut rig = Rig::new(SystemPorts::new(false, None));
        rig.out(0x92, 2);
        rig.out(0x80, 0x42);
        rig.with(|chip, ctx| chip.reset(ResetKind::Hard, ctx));
        assert_eq!(rig.out.a20, Some(false));
        assert_eq!(rig.inb(0x80), 0x42);
    }

    #[test]
    fn state_survives_the_round_trip() {
        let mut rig = Rig::new(SystemPorts::new(false, None));
        rig.out(0x80, 7);
        rig.out(0x92, 2);
        rig.out(0x8900, b'S');
        assert_damaged_states_do_no_harm(&rig.chip, || SystemPorts::new(false, None));
        assert_round_trip(&rig.chip, &mut SystemPorts::new(false, None));
    }
}
