//! A board whose processor is pulled out of its socket: tests drive the bus in its place.

use oldiron_devices::{BlockImage, KeyCode, Outbox, ResetKind};
use oldiron_mmu::{Attention, IoSpace, IoWidth, PhysAddr, Ticks};

use crate::{Machine, chips::DeviceId, input::KeyEvent};

/// A machine that runs no instructions.
pub struct BoardRig {
    machine: Machine,
    now: Ticks,
}

impl BoardRig {
    /// Takes the processor out of a machine.
    pub fn new(machine: Machine) -> Self {
        let now = machine.now();
        Self { machine, now }
    }

    /// Virtual time.
    pub fn now(&self) -> Ticks {
        self.now
    }

    /// The machine, to look at it, to save it, or to restore a state that was saved here.
    pub fn with_machine<R>(&mut self, call: impl FnOnce(&mut Machine) -> R) -> R {
        self.machine.clock.restore(self.now);
        let result = call(&mut self.machine);
        self.now = self.machine.now();
        result
    }

    /// The ports that some chip decodes.
    pub fn claimed_ports(&self) -> Vec<u16> {
        let ports = &self.machine.board.ports;
        (0..=u16::MAX)
            .filter(|&port| ports.at(port).device != DeviceId::None)
            .collect()
    }

    /// A cycle that reads a port.
    pub fn read(&mut self, port: u16, width: IoWidth) -> u32 {
        let Machine { board, mem, .. } = &mut self.machine;
        board.port_read(mem, self.now, port, width)
    }

    /// A cycle that writes a port.
    pub fn write(&mut self, port: u16, value: u32, width: IoWidth) {
        let Machine { board, mem, .. } = &mut self.machine;
        board.port_write(mem, self.now, port, value, width);
    }

    /// A cycle that reads video memory, or an APIC.
    pub fn mmio_read(&mut self, addr: u32, width: IoWidth) -> u32 {
        let Machine { board, mem, .. } = &mut self.machine;
        board.mmio_read(mem, self.now, PhysAddr(addr.into()), width)
    }

    /// A cycle that writes video memory, or an APIC.
    pub fn mmio_write(&mut self, addr: u32, value: u32, width: IoWidth) {
        let Machine { board, mem, .. } = &mut self.machine;
        board.mmio_write(mem, self.now, PhysAddr(addr.into()), value, width);
    }

    /// Writes memory as a bus master does: physical addresses, without the A20 gate.
    pub fn memory_write(&mut self, addr: u32, bytes: &[u8]) {
        self.machine.mem.phys_write(addr, bytes);
    }

    /// An interrupt acknowledge cycle, if one is asked for.
    pub fn acknowledge(&mut self) -> Option<u8> {
        let board = &mut self.machine.board;
        if board.attention().contains(Attention::NMI) {
            board.acknowledge_nmi();
        }
        let asked = board.attention().contains(Attention::INTR);
        asked.then(|| board.acknowledge_intr(self.now))
    }

    /// Time goes on: every timer runs at its tick. `false` if a chip left one due at once, so that time
    /// would stand still.
    pub fn pass(&mut self, ticks: Ticks) -> bool {
        let until = self.now.saturating_add(ticks);
        let Machine { board, mem, .. } = &mut self.machine;
        board.begin_slice(until);
        while board.next_due() <= until {
            self.now = board.next_due().max(self.now);
            board.run_due_timers(mem, self.now);
            if board.next_due() <= self.now {
                return false;
            }
        }
        self.now = until;
        true
    }

    /// What chips sent out; a reset of the processor that was asked for is done.
    pub fn take_output(&mut self) -> Outbox {
        self.machine.board.take_reset();
        self.machine.board.take_output(self.now)
    }

    /// A key goes down or up.
    pub fn key(&mut self, code: KeyCode, down: bool) {
        let Machine { board, mem, .. } = &mut self.machine;
        let event = if down {
            KeyEvent::Down(code)
        } else {
            KeyEvent::Up(code)
        };
        board.key(mem, self.now, event);
    }

    /// The mouse moves.
    pub fn mouse(&mut self, dx: i16, dy: i16, wheel: i8, buttons: u8) {
        let Machine { board, mem, .. } = &mut self.machine;
        board.mouse(mem, self.now, dx, dy, wheel, buttons);
    }

    /// Bytes arrive at a serial port.
    pub fn serial_input(&mut self, port: u8, bytes: &[u8]) {
        let Machine { board, mem, .. } = &mut self.machine;
        board.serial_input(mem, self.now, port, bytes);
    }

    /// A floppy of a known size goes into a drive, or comes out.
    pub fn change_floppy(&mut self, drive: u8, image: Option<Box<dyn BlockImage>>) {
        self.machine.board.chips.floppy.insert(drive, image);
    }

    /// The reset button.
    pub fn reset(&mut self) {
        let Machine { board, mem, .. } = &mut self.machine;
        board.reset(mem, self.now, ResetKind::Hard);
    }
}
