//! The 8042 keyboard controller of the AT and PS/2 at ports 60h and 64h, with its keyboard and mouse.
//!
//! Follows the IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device
//! Controller". What the processor writes is acted upon at once, though the input buffer looks full for
//! a moment; what it reads comes one byte at a time, each a while after the last one was taken. Commands
//! that come while the output buffer is full find their answers queued behind it.
//!
//! Not modelled: parity and time-out errors, the password, the keyboard lock (it is open), and the
//! commands that poll the input port into the status (C1h, C2h), which do nothing.

mod keyboard;
mod keycode;
mod mouse;
mod scancodes;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use bitflags::bitflags;
use oldiron_mmu::{IoWidth, Snapshot, SnapshotError, StateReader, StateWriter, Ticks};
use serde::{Deserialize, Serialize};

pub use self::keycode::KeyCode;
use self::{keyboard::Keyboard, mouse::Mouse};
use crate::{Ctx, Device, IrqLine, PortRange, ResetKind, TimerId, Timing};

const PORT_DATA: u16 = 0x60;
const PORT_COMMAND: u16 = 0x64;

/// From the moment a byte can move into the output buffer until it is there.
const OUTPUT_MICROS: u64 = 150;
/// The same for a byte that has to come over a cable in real time: 11 bits at 12 kHz.
const CABLE_MICROS_REAL: u64 = 900;
/// How long the input buffer looks full.
const INPUT_MICROS: u64 = 2;
/// Answers of the controller that wait at most.
const MAX_REPLIES: usize = 16;

bitflags! {
    /// The status register.
    struct Status: u8 {
        /// Output buffer full.
        const OBF = 1 << 0;
        /// Input buffer full.
        const IBF = 1 << 1;
        /// System flag.
        const SYS = 1 << 2;
        /// The last byte was written to port 64h.
        const COMMAND = 1 << 3;
        /// The keyboard is not locked.
        const UNLOCKED = 1 << 4;
        /// The byte in the output buffer is the mouse's.
        const AUX_OBF = 1 << 5;
    }

    /// The command byte: the first byte of the controller's memory.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct CommandByte: u8 {
        /// Keyboard interrupt.
        const INT = 1 << 0;
        /// Mouse interrupt.
        const INT_2 = 1 << 1;
        /// System flag.
        const SYS = 1 << 2;
        /// Keyboard disabled.
        const DISABLE = 1 << 4;
        /// Mouse disabled.
        const DISABLE_2 = 1 << 5;
        /// Translate scan code set 2 into set 1.
        const XLAT = 1 << 6;
    }

    /// The output port, P2 of the 8042.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct OutputPort: u8 {
        /// Low resets the processor.
        const NOT_RESET = 1 << 0;
        /// Gate A20.
        const A20 = 1 << 1;
        /// IRQ 1.
        const IRQ_1 = 1 << 4;
        /// IRQ 12.
        const IRQ_12 = 1 << 5;
        /// Keyboard clock and data, released.
        const LINES = 3 << 6;
    }
}

/// Input port P1: not locked, no manufacturing jumper, colour display.
const INPUT_PORT: u8 = 0xbf;

const SELF_TEST_PASSED: u8 = 0x55;
const LINE_TEST_PASSED: u8 = 0x00;
const NO_PASSWORD: u8 = 0xf1;
const MODE_PS2: u8 = 0x01;

/// What the next byte at port 60h is for, if not for the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Expect {
    /// 60h–7Fh: a byte of the controller's memory.
    Memory(u8),
    /// D1h.
    OutputPort,
    /// D2h: back as if from the keyboard.
    FromKeyboard,
    /// D3h: back as if from the mouse.
    FromMouse,
    /// D4h.
    ToMouse,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// Byte 0 is the command byte.
    memory: [u8; 32],
    output_port: OutputPort,
    expect: Option<Expect>,
    last_was_command: bool,
    input_full_until: Ticks,
    /// The output buffer keeps its byte when it was read.
    output: u8,
    output_full: bool,
    output_is_mouse: bool,
    /// Bytes of the controller itself, and whether they pass for the mouse's.
    replies: VecDeque<(u8, bool)>,
    /// The break prefix was swallowed by the translation.
    break_pending: bool,
    keyboard: Keyboard,
    mouse: Mouse,
}

impl State {
    fn new() -> Self {
        let mut memory = [0; 32];
        memory[0] = (CommandByte::XLAT | CommandByte::DISABLE | CommandByte::DISABLE_2).bits();
        Self {
            memory,
            // All pins float high, and with them gate A20.
            output_port: OutputPort::NOT_RESET | OutputPort::A20,
            expect: None,
            last_was_command: false,
            input_full_until: 0,
            output: 0,
            output_full: false,
            output_is_mouse: false,
            replies: VecDeque::new(),
            break_pending: false,
            keyboard: Keyboard::new(),
            mouse: Mouse::new(),
        }
    }
}

/// The controller, the keyboard and the mouse.
pub struct Ps2Controller {
    keyboard_irq: IrqLine,
    mouse_irq: IrqLine,
    s: State,
}

impl Ps2Controller {
    /// A controller that drives the two interrupt wires. It uses the timers [`TimerId::Ps2Output`],
    /// [`TimerId::Keyboard`] and [`TimerId::Mouse`].
    pub fn new(keyboard_irq: IrqLine, mouse_irq: IrqLine) -> Self {
        Self {
            keyboard_irq,
            mouse_irq,
            s: State::new(),
        }
    }

    // ---- for the platform ----

    /// Whether gate A20 lets address line 20 through.
    pub fn a20(&self) -> bool {
        self.s.output_port.contains(OutputPort::A20)
    }

    /// Whether the keyboard has nothing left to send, and so takes another key without delay.
    pub fn keyboard_ready(&self) -> bool {
        self.s.keyboard.is_drained()
    }

    /// A key goes down or up. A press that is repeated without a release is ignored, as is one that
    /// finds the keyboard's queue full, then with its release.
    pub fn key(&mut self, code: KeyCode, down: bool, ctx: &mut Ctx<'_>) {
        self.s.keyboard.key(code, down);
        self.plan_output(ctx);
    }

    /// All keys that are down go up.
    pub fn release_all_keys(&mut self, ctx: &mut Ctx<'_>) {
        self.s.keyboard.release_all();
        self.plan_output(ctx);
    }

    /// The mouse moves (`dx` right, `dy` down, `wheel` towards the user) or its buttons change
    /// (bit 0 left, 1 right, 2 middle).
    pub fn mouse(&mut self, dx: i16, dy: i16, wheel: i8, buttons: u8, ctx: &mut Ctx<'_>) {
        self.s.mouse.moved(dx, dy, wheel, buttons, ctx);
        self.plan_output(ctx);
    }

    /// Whether the guest has asked the mouse for reports.
    pub fn mouse_is_listened_to(&self) -> bool {
        self.s.mouse.is_listened_to()
    }

    // ---- the output buffer ----

    fn command_byte(&self) -> CommandByte {
        CommandByte::from_bits_retain(self.s.memory[0])
    }

    fn set_command_byte(&mut self, bit: CommandByte, on: bool) {
        let mut byte = self.command_byte();
        byte.set(bit, on);
        self.s.memory[0] = byte.bits();
    }

    fn keyboard_may_send(&self) -> bool {
        !self.command_byte().contains(CommandByte::DISABLE) && self.s.keyboard.has_output()
    }

    fn mouse_may_send(&self) -> bool {
        !self.command_byte().contains(CommandByte::DISABLE_2) && self.s.mouse.has_output()
    }

    fn drive_irqs(&self, ctx: &mut Ctx<'_>) {
        let (full, mouse, enabled) = (self.s.output_full, self.s.output_is_mouse, self.command_byte());
        let keyboard_irq = full && !mouse && enabled.contains(CommandByte::INT);
        ctx.irq.set(self.keyboard_irq, keyboard_irq);
        let mouse_irq = full && mouse && enabled.contains(CommandByte::INT_2);
        ctx.irq.set(self.mouse_irq, mouse_irq);
    }

    /// Arms the next byte's way into the output buffer, if it is empty and there is one.
    fn plan_output(&mut self, ctx: &mut Ctx<'_>) {
        if self.s.output_full || ctx.timers.due(TimerId::Ps2Output).is_some() {
            return;
        }
        let own = !self.s.replies.is_empty();
        if own || self.keyboard_may_send() || self.mouse_may_send() {
            let micros = match ctx.timing {
                Timing::Real if !own => CABLE_MICROS_REAL,
                _ => OUTPUT_MICROS,
            };
            let at = ctx.now.saturating_add(ctx.rate.micros(micros));
            ctx.timers.arm(TimerId::Ps2Output, at);
        }
    }

    /// The next byte of whoever has one, and whether it is the mouse's.
    fn next_output(&mut self, ctx: &mut Ctx<'_>) -> Option<(u8, bool)> {
        if let Some(reply) = self.s.replies.pop_front() {
            return Some(reply);
        }
        while self.keyboard_may_send() {
            let Some(byte) = self.s.keyboard.fetch(ctx) else {
                break;
            };
            if let Some(byte) = self.translate_if_wanted(byte) {
                return Some((byte, false));
            }
        }
        if self.mouse_may_send() {
            return self.s.mouse.fetch(ctx).map(|byte| (byte, true));
        }
        None
    }

    /// A byte of the keyboard as the processor gets it. The break prefix vanishes in translation.
    fn translate_if_wanted(&mut self, byte: u8) -> Option<u8> {
        if !self.command_byte().contains(CommandByte::XLAT) {
            return Some(byte);
        }
        if byte == scancodes::BREAK {
            self.s.break_pending = true;
            return None;
        }
        let high = if core::mem::take(&mut self.s.break_pending) {
            0x80
        } else {
            0
        };
        Some(scancodes::translate(byte) | high)
    }

    fn fill_output(&mut self, ctx: &mut Ctx<'_>) {
        if self.s.output_full {
            return;
        }
        if let Some((byte, mouse)) = self.next_output(ctx) {
            self.s.output = byte;
            self.s.output_full = true;
            self.s.output_is_mouse = mouse;
        }
        self.drive_irqs(ctx);
        self.plan_output(ctx);
    }

    fn reply(&mut self, byte: u8) {
        self.reply_as(byte, false);
    }

    fn reply_as(&mut self, byte: u8, mouse: bool) {
        if self.s.replies.len() < MAX_REPLIES {
            self.s.replies.push_back((byte, mouse));
        }
    }

    // ---- ports ----

    fn read_data(&mut self, ctx: &mut Ctx<'_>) -> u8 {
        if core::mem::take(&mut self.s.output_full) {
            self.drive_irqs(ctx);
            self.plan_output(ctx);
        }
        self.s.output
    }

    fn status(&self, now: Ticks) -> Status {
        let mut status = Status::UNLOCKED;
        status.set(Status::OBF, self.s.output_full);
        status.set(Status::AUX_OBF, self.s.output_full && self.s.output_is_mouse);
        status.set(Status::IBF, now < self.s.input_full_until);
        status.set(Status::SYS, self.command_byte().contains(CommandByte::SYS));
        status.set(Status::COMMAND, self.s.last_was_command);
        status
    }

    fn write_data(&mut self, byte: u8, ctx: &mut Ctx<'_>) {
        match self.s.expect.take() {
            Some(Expect::Memory(index)) => {
                self.s.memory[usize::from(index & 31)] = byte;
                self.drive_irqs(ctx);
            }
            Some(Expect::OutputPort) => self.write_output_port(byte, ctx),
            Some(Expect::FromKeyboard) => self.reply_as(byte, false),
            Some(Expect::FromMouse) => self.reply_as(byte, true),
            Some(Expect::ToMouse) => {
                self.set_command_byte(CommandByte::DISABLE_2, false);
                self.s.mouse.receive(byte, ctx);
            }
            None => {
                // Talking to the keyboard enables it.
                self.set_command_byte(CommandByte::DISABLE, false);
                self.s.keyboard.receive(byte, ctx);
            }
        }
    }

    fn set_a20(&mut self, open: bool, ctx: &mut Ctx<'_>) {
        if open != self.a20() {
            self.s.output_port.set(OutputPort::A20, open);
            ctx.out.a20 = Some(open);
        }
    }

    fn write_output_port(&mut self, byte: u8, ctx: &mut Ctx<'_>) {
        let port = OutputPort::from_bits_truncate(byte);
        self.set_a20(port.contains(OutputPort::A20), ctx);
        if !port.contains(OutputPort::NOT_RESET) {
            self.pulse_reset(ctx);
        }
    }

    fn pulse_reset(&self, ctx: &mut Ctx<'_>) {
        log::debug!(target: "dev::ps2", "processor reset");
        ctx.out.cpu_reset = true;
    }

    fn read_output_port(&self) -> u8 {
        let (full, mouse) = (self.s.output_full, self.s.output_is_mouse);
        let mut port = self.s.output_port | OutputPort::LINES;
        port.set(OutputPort::IRQ_1, full && !mouse);
        port.set(OutputPort::IRQ_12, full && mouse);
        port.bits()
    }

    /// The test inputs: the clock lines are high unless the controller holds them.
    fn test_inputs(&self) -> u8 {
        let byte = self.command_byte();
        let keyboard = u8::from(!byte.contains(CommandByte::DISABLE));
        let mouse = u8::from(!byte.contains(CommandByte::DISABLE_2));
        keyboard | mouse << 1
    }

    fn self_test(&mut self, ctx: &mut Ctx<'_>) {
        ctx.timers.cancel(TimerId::Ps2Output);
        self.s.output_full = false;
        self.s.replies.clear();
        self.s.break_pending = false;
        self.set_command_byte(CommandByte::SYS, true);
        self.drive_irqs(ctx);
        self.reply(SELF_TEST_PASSED);
    }

    fn write_command(&mut self, command: u8, ctx: &mut Ctx<'_>) {
        self.s.expect = None;
        match command {
            0x20..=0x3f => self.reply(self.s.memory[usize::from(command & 31)]),
            0x60..=0x7f => self.s.expect = Some(Expect::Memory(command & 31)),
            0xa4 => self.reply(NO_PASSWORD),
            0xa7 => self.set_command_byte(CommandByte::DISABLE_2, true),
            0xa8 => self.set_command_byte(CommandByte::DISABLE_2, false),
            0xa9 | 0xab => self.reply(LINE_TEST_PASSED),
            0xaa => self.self_test(ctx),
            0xad => self.set_command_byte(CommandByte::DISABLE, true),
            0xae => self.set_command_byte(CommandByte::DISABLE, false),
            0xc0 => self.reply(INPUT_PORT),
            0xca => self.reply(MODE_PS2),
            0xd0 => self.reply(self.read_output_port()),
            0xd1 => self.s.expect = Some(Expect::OutputPort),
            0xd2 => self.s.expect = Some(Expect::FromKeyboard),
            0xd3 => self.s.expect = Some(Expect::FromMouse),
            0xd4 => self.s.expect = Some(Expect::ToMouse),
            0xdd => self.set_a20(false, ctx),
            0xdf => self.set_a20(true, ctx),
            0xe0 => self.reply(self.test_inputs()),
            // Pulses the output bits whose command bit is 0; only the reset has an effect.
            0xf0..=0xff if command & OutputPort::NOT_RESET.bits() == 0 => self.pulse_reset(ctx),
            0xf0..=0xff => {}
            _ => log::debug!(target: "dev::ps2", "unknown command {command:#04x}"),
        }
    }
}

impl Device for Ps2Controller {
    fn name(&self) -> &'static str {
        "ps2"
    }

    fn ports(&self) -> &[PortRange] {
        &[
            PortRange {
                first: PORT_DATA,
                count: 1,
            },
            PortRange {
                first: PORT_COMMAND,
                count: 1,
            },
        ]
    }

    fn reset(&mut self, _: ResetKind, ctx: &mut Ctx<'_>) {
        self.s.keyboard.power_on(ctx);
        self.s.mouse.power_on(ctx);
        self.s = State {
            mouse: self.s.mouse.clone(),
            ..State::new()
        };
        ctx.timers.cancel(TimerId::Ps2Output);
        ctx.out.a20 = Some(self.a20());
        self.drive_irqs(ctx);
    }

    fn port_read(&mut self, port: u16, width: IoWidth, ctx: &mut Ctx<'_>) -> u32 {
        let value = match port {
            PORT_DATA => self.read_data(ctx),
            PORT_COMMAND => self.status(ctx.now).bits(),
            _ => return width.open_bus(),
        };
        log::trace!(target: "dev::ps2", "in {port:#04x} = {value:#04x}");
        value.into()
    }

    fn port_write(&mut self, port: u16, value: u32, _: IoWidth, ctx: &mut Ctx<'_>) {
        let value = value as u8;
        log::trace!(target: "dev::ps2", "out {port:#04x}, {value:#04x}");
        self.s.last_was_command = port == PORT_COMMAND;
        self.s.input_full_until = ctx.now.saturating_add(ctx.rate.micros(INPUT_MICROS));
        if self.s.last_was_command {
            self.write_command(value, ctx);
        } else {
            self.write_data(value, ctx);
        }
        self.plan_output(ctx);
    }

    fn timer(&mut self, id: TimerId, ctx: &mut Ctx<'_>) {
        match id {
            TimerId::Ps2Output => self.fill_output(ctx),
            TimerId::Keyboard => self.s.keyboard.timer(ctx),
            TimerId::Mouse => self.s.mouse.timer(ctx),
            _ => {}
        }
        self.plan_output(ctx);
    }
}

impl Snapshot for Ps2Controller {
    const TAG: [u8; 4] = *b"PS2 ";
    const VERSION: u16 = 1;

    fn save(&self, w: &mut StateWriter) {
        w.put(&self.s);
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let s: State = r.get()?;
        let sane = s.replies.len() <= MAX_REPLIES && s.keyboard.is_sane() && s.mouse.is_sane();
        if !sane {
            return Err(r.damaged());
        }
        self.s = s;
        Ok(())
    }
}
