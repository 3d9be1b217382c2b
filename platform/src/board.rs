//! The board: chips, the wires between them, and the bus on which the processor sees them.
//!
//! After every call into a chip the board looks at what changed ([`Board::settle`]): interrupt
//! lines go to the controllers, gate A20 to memory, and what the processor or the run loop must
//! know becomes an [`Attention`] bit.

use oldiron_devices::{
    Apic, Ctx, Device, DmaBus, IrqLines, Outbox, ResetKind, Scheduler, TestDevice, TimerId, Timing,
    pci::PciChipset,
};
use oldiron_mmu::{
    Attention, GuestMemory, IoSpace, IoWidth, PAGE_SIZE, PhysAddr, Snapshot, SnapshotError, StateReader,
    StateWriter, TickRate, Ticks,
};
use serde::{Deserialize, Serialize};

use crate::{
    BuildError,
    chips::{Chips, DeviceId},
    dma_bus::BoardDma,
    idle::{self, IdleWatch},
    input::{InputQueue, KeyEvent},
    irq_router::IrqRouter,
    memory_map::MemoryMap,
    pci_config,
    ports::{Port, PortTable},
};

/// Where the BIOS says how far it has come.
const POST_PORT: u16 = 0x80;

/// What chips may touch.
struct Wires {
    rate: TickRate,
    timing: Timing,
    irq: IrqLines,
    timers: Scheduler,
    out: Outbox,
}

impl Wires {
    fn lend<'a>(&'a mut self, now: Ticks, dma: &'a mut dyn DmaBus) -> Ctx<'a> {
        let Self {
            rate,
            timing,
            irq,
            timers,
            out,
        } = self;
        Ctx {
            now,
            rate: *rate,
            timing: *timing,
            irq,
            timers,
            dma,
            out,
        }
    }
}

/// Everything on the bus that is not memory.
pub(crate) struct Board {
    // Wiring.
    pub(crate) ports: PortTable,
    pub(crate) chips: Chips,
    map: MemoryMap,
    // State.
    wires: Wires,
    router: IrqRouter,
    inputs: InputQueue,
    nmi_pressed: bool,
    powered_off: bool,
    /// The whole machine is to be reset, not the processor alone.
    system_reset: bool,
    // For the run loop.
    attention: Attention,
    slice_end: Ticks,
    pub(crate) idle: IdleWatch,
    /// The page of the local APIC, if there is one. Derived.
    local_apic: Option<u32>,
}

impl Board {
    pub(crate) fn new(
        rate: TickRate,
        timing: Timing,
        chips: Chips,
        map: MemoryMap,
        port_log: &[u16],
    ) -> Result<Self, BuildError> {
        let mut ports = PortTable::new();
        for id in DeviceId::ALL {
            if let Some(chip) = chips.get(id) {
                ports.claim(id, chip, |id| chips.get(id).map_or("", Device::name))?;
                if chips.decodes_windows(id) {
                    chip.ports()
                        .iter()
                        .for_each(|&range| ports.make_window(id, range));
                }
            }
        }
        port_log.iter().for_each(|&port| ports.log(port));
        Ok(Self {
            ports,
            chips,
            map,
            wires: Wires {
                rate,
                timing,
                irq: IrqLines::default(),
                timers: Scheduler::default(),
                out: Outbox::default(),
            },
            router: IrqRouter::default(),
            inputs: InputQueue::default(),
            nmi_pressed: false,
            powered_off: false,
            system_reset: false,
            attention: Attention::empty(),
            slice_end: 0,
            idle: IdleWatch::new(rate),
            local_apic: None,
        })
    }

    // ---- calls into chips ----

    /// Calls a chip with the wires it may touch, then settles what changed. `None` if it is not fitted.
    pub(crate) fn with_device<R>(
        &mut self,
        mem: &mut GuestMemory,
        now: Ticks,
        id: DeviceId,
        call: impl FnOnce(&mut dyn Device, &mut Ctx<'_>) -> R,
    ) -> Option<R> {
        let (chip, dma) = self.chips.apart(id)?;
        let mut bus = BoardDma::new(dma, mem);
        let result = call(chip, &mut self.wires.lend(now, &mut bus));
        self.feed(mem, now, id);
        self.settle(mem);
        Some(result)
    }

    /// Hands on what waits for a chip that may have room now.
    fn feed(&mut self, mem: &mut GuestMemory, now: Ticks, id: DeviceId) {
        let Self {
            chips, wires, inputs, ..
        } = self;
        let mut bus = BoardDma::new(Some(&mut chips.dma), mem);
        let mut ctx = wires.lend(now, &mut bus);
        match id {
            DeviceId::Ps2 => {
                while chips.ps2.keyboard_ready()
                    && let Some(event) = inputs.pop_key()
                {
                    match event {
                        KeyEvent::Down(code) => chips.ps2.key(code, true, &mut ctx),
                        KeyEvent::Up(code) => chips.ps2.key(code, false, &mut ctx),
                        KeyEvent::ReleaseAll => chips.ps2.release_all_keys(&mut ctx),
                    }
                }
            }
            DeviceId::Uart0 | DeviceId::Uart1 => {
                let port = u8::from(id == DeviceId::Uart1);
                let uart = &mut chips.uarts[usize::from(port)];
                while uart.receive_room() > 0
                    && let Some(byte) = inputs.pop_serial(port)
                {
                    uart.receive(&[byte], &mut ctx);
                }
            }
            _ => {}
        }
    }

    /// Carries what a chip did to its wires to where they end.
    fn settle(&mut self, mem: &mut GuestMemory) {
        if self.wires.irq.changed() {
            self.sample_lines();
        }
        if self.wires.out.a20.take().is_some() {
            self.settle_a20(mem);
        }
        let stop = self.wires.out.power_off
            || self.wires.out.debug_exit.is_some()
            || !self.wires.out.disk_errors.is_empty();
        self.system_reset |= core::mem::take(&mut self.wires.out.system_reset);
        if core::mem::take(&mut self.wires.out.cpu_reset) || self.system_reset {
            self.attention |= Attention::RESET;
        }
        self.settle_interrupts();
        self.attention.set(
            Attention::DEADLINE_MOVED,
            self.wires.timers.next_due() < self.slice_end,
        );
        self.attention.set(Attention::STOP, stop);
    }

    /// What the interrupt controllers ask of the processor.
    fn settle_interrupts(&mut self) {
        let mut intr = self.chips.pic.intr();
        let mut nmi = self.nmi_pressed && !self.chips.cmos.nmi_masked();
        if let Some(apic) = &mut self.chips.apic {
            apic.set_pins(intr, nmi);
            (intr, nmi) = (apic.intr(intr), apic.nmi(nmi));
            if apic.take_init() {
                self.attention |= Attention::RESET;
            }
        }
        self.attention.set(Attention::INTR, intr);
        self.attention.set(Attention::NMI, nmi);
    }

    /// Calls the APICs, if there are any, then settles what changed.
    fn with_apic<R>(
        &mut self,
        mem: &mut GuestMemory,
        now: Ticks,
        call: impl FnOnce(&mut Apic, &mut Ctx<'_>) -> R,
    ) -> Option<R> {
        let Self { chips, wires, .. } = self;
        let mut bus = BoardDma::new(Some(&mut chips.dma), mem);
        let result = call(chips.apic.as_mut()?, &mut wires.lend(now, &mut bus));
        self.settle(mem);
        Some(result)
    }

    /// Maps the local APIC where the processor says.
    fn place_apic(&mut self, mem: &mut GuestMemory) {
        self.local_apic = self.chips.apic.as_ref().and_then(Apic::local_page);
        if self.map.place_local_apic(mem, self.local_apic) {
            self.attention |= Attention::MAP_CHANGED;
        }
    }

    /// The processor is reset, and its local APIC with it.
    pub(crate) fn reset_processor(&mut self, mem: &mut GuestMemory, now: Ticks) {
        self.with_apic(mem, now, |apic, ctx| apic.reset_processor(ctx));
        self.place_apic(mem);
    }

    /// Address line 20 is let through if either the keyboard controller or port 92h says so.
    fn settle_a20(&mut self, mem: &mut GuestMemory) {
        let open = self.chips.a20();
        if open != mem.a20() {
            mem.set_a20(open);
            self.attention |= Attention::MAP_CHANGED;
        }
    }

    /// Makes true what configuration registers say: which ports are decoded, where RAM shadows ROM, and where the
    /// interrupt lines of PCI end.
    fn settle_configuration(&mut self, mem: &mut GuestMemory) {
        let Some(pci) = &self.chips.pci else {
            return;
        };
        let shadows = self.map.apply(mem, pci.pam());
        if self.map.place_vga(mem, pci.frame_buffer(), pci.vga_rom()) || shadows {
            self.attention |= Attention::MAP_CHANGED;
        }
        let rerouted = self.router.route(pci.pirq_routes());
        let chips = &self.chips;
        self.ports.set_windows(chips.port_windows(), |id, port| {
            chips.get(id).is_some_and(|chip| chip.wide_ports(port))
        });
        if rerouted {
            self.sample_lines();
        }
    }

    /// Shows the interrupt controllers the lines.
    fn sample_lines(&mut self) {
        let lines = self.router.sample(&mut self.wires.irq);
        self.chips.pic.sample(lines.levels, lines.rising);
        if let Some(apic) = &mut self.chips.apic {
            let (levels, rising) = lines.at_io_apic(self.router.pirqs());
            apic.sample(levels, rising);
        }
    }

    // ---- for the run loop ----

    /// Runs the timers that are due at `now`.
    pub(crate) fn run_due_timers(&mut self, mem: &mut GuestMemory, now: Ticks) {
        // A chip arms its timers for later than now. Should one not, time must go on all the same.
        const MOST: usize = 8 * TimerId::COUNT;
        for _ in 0..MOST {
            let Some((id, at)) = self.wires.timers.take_due(now) else {
                return;
            };
            log::trace!(target: "platform::timer", "{id:?} due at {at}");
            self.with_device(mem, now, timer_owner(id), |chip, ctx| chip.timer(id, ctx));
        }
    }

    /// When the next timer is due.
    pub(crate) fn next_due(&self) -> Ticks {
        self.wires.timers.next_due()
    }

    /// The processor is about to run until `end`.
    pub(crate) fn begin_slice(&mut self, end: Ticks) {
        self.slice_end = end;
        self.attention
            .remove(Attention::DEADLINE_MOVED | Attention::MAP_CHANGED);
    }

    /// What a chip asked to be reset since this was last called.
    pub(crate) fn take_reset(&mut self) -> Option<ResetRequest> {
        let asked = self.attention.contains(Attention::RESET);
        self.attention.remove(Attention::RESET);
        let system = core::mem::take(&mut self.system_reset);
        asked.then_some(if system {
            ResetRequest::System
        } else {
            ResetRequest::Processor
        })
    }

    /// The RESET line or, at power-on, the supply voltage: resets every chip.
    pub(crate) fn reset(&mut self, mem: &mut GuestMemory, now: Ticks, kind: ResetKind) {
        for id in DeviceId::ALL {
            self.with_device(mem, now, id, |chip, ctx| chip.reset(kind, ctx));
        }
        self.inputs.clear();
        self.nmi_pressed = false;
        self.powered_off = false;
        (self.wires.out.cpu_reset, self.wires.out.system_reset) = (false, false);
        self.system_reset = false;
        self.settle_configuration(mem);
        self.place_apic(mem);
        self.settle_a20(mem);
        self.settle(mem);
        self.attention.remove(Attention::RESET);
    }

    /// The NMI button.
    pub(crate) fn press_nmi(&mut self, mem: &mut GuestMemory) {
        self.nmi_pressed = true;
        self.settle(mem);
    }

    /// Something for the keyboard, after what waits for it.
    pub(crate) fn key(&mut self, mem: &mut GuestMemory, now: Ticks, event: KeyEvent) {
        self.inputs.push_key(event);
        self.feed(mem, now, DeviceId::Ps2);
        self.settle(mem);
    }

    /// The mouse moves or its buttons change.
    pub(crate) fn mouse(
        &mut self,
        mem: &mut GuestMemory,
        now: Ticks,
        dx: i16,
        dy: i16,
        wheel: i8,
        buttons: u8,
    ) {
        let mut bus = BoardDma::new(Some(&mut self.chips.dma), mem);
        self.chips
            .ps2
            .mouse(dx, dy, wheel, buttons, &mut self.wires.lend(now, &mut bus));
        self.settle(mem);
    }

    /// Bytes arrive at a serial port.
    pub(crate) fn serial_input(&mut self, mem: &mut GuestMemory, now: Ticks, port: u8, bytes: &[u8]) {
        self.inputs.push_serial(port, bytes);
        self.feed(
            mem,
            now,
            if port == 0 {
                DeviceId::Uart0
            } else {
                DeviceId::Uart1
            },
        );
        self.settle(mem);
    }

    /// A frame arrives at the network card.
    pub(crate) fn frame(&mut self, mem: &mut GuestMemory, now: Ticks, bytes: Vec<u8>) {
        let Self { chips, wires, .. } = self;
        if let Some(card) = &mut chips.network {
            let mut bus = BoardDma::new(Some(&mut chips.dma), mem);
            card.receive(bytes, &mut wires.lend(now, &mut bus));
        }
        self.settle(mem);
    }

    /// How many more bytes may wait for a serial port.
    pub(crate) fn serial_input_room(&self, port: u8) -> usize {
        self.inputs.serial_room(port)
    }

    /// What chips sent since this was last called. If the guest ends the run, this includes the
    /// characters that are still on their way out of the UARTs.
    pub(crate) fn take_output(&mut self, now: Ticks) -> Outbox {
        if self.wires.out.power_off || self.wires.out.debug_exit.is_some() {
            for uart in &mut self.chips.uarts {
                uart.finish_sending(now, &mut self.wires.out);
            }
        }
        self.attention.remove(Attention::STOP);
        core::mem::take(&mut self.wires.out)
    }

    pub(crate) fn powered_off(&self) -> bool {
        self.powered_off
    }

    pub(crate) fn power_off(&mut self) {
        self.powered_off = true;
    }

    /// After a state was loaded: what follows from it but is not saved.
    pub(crate) fn settle_loaded(&mut self, mem: &mut GuestMemory) {
        self.attention = Attention::empty();
        self.settle_configuration(mem);
        self.place_apic(mem);
        self.settle_a20(mem);
        self.settle(mem);
    }

    // ---- port cycles ----

    /// One cycle that a chip takes whole.
    fn read_cycle(
        &mut self,
        mem: &mut GuestMemory,
        now: Ticks,
        id: DeviceId,
        port: u16,
        width: IoWidth,
    ) -> u32 {
        if id.moves_data() {
            self.idle.work(now);
        }
        if id == DeviceId::Pci && PciChipset::is_config_data(port) {
            return pci_config::read(&mut self.chips, port, width);
        }
        let value = self.with_device(mem, now, id, |chip, ctx| chip.port_read(port, width, ctx));
        value.unwrap_or(width.open_bus()) & width.mask()
    }

    /// After a run of cycles that moved `bytes`, if there was a chip.
    fn note_run(&mut self, id: DeviceId, now: Ticks, width: IoWidth, bytes: Option<usize>) -> usize {
        let bytes = bytes.unwrap_or(0);
        if id.moves_data() {
            self.idle.works(now, bytes as u32 / width.bytes());
        }
        bytes
    }

    fn write_cycle(
        &mut self,
        mem: &mut GuestMemory,
        now: Ticks,
        id: DeviceId,
        port: u16,
        value: u32,
        width: IoWidth,
    ) {
        if id.moves_data() {
            self.idle.work(now);
        }
        if id == DeviceId::Pci && PciChipset::is_config_data(port) {
            pci_config::write(&mut self.chips, port, value, width);
            self.settle_configuration(mem);
            self.settle(mem);
            return;
        }
        self.with_device(mem, now, id, |chip, ctx| {
            chip.port_write(port, value & width.mask(), width, ctx)
        });
    }
}

/// What a chip wants to be reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResetRequest {
    /// The processor alone.
    Processor,
    /// Everything.
    System,
}

/// Which chip a timer belongs to.
fn timer_owner(id: TimerId) -> DeviceId {
    match id {
        TimerId::PitChannel0 | TimerId::PitSpeaker => DeviceId::Pit,
        TimerId::RtcPeriodic | TimerId::RtcUpdateEnd => DeviceId::Cmos,
        TimerId::Ps2Output | TimerId::Keyboard | TimerId::Mouse => DeviceId::Ps2,
        TimerId::Floppy | TimerId::FloppyDrive => DeviceId::Floppy,
        TimerId::Uart0Tx | TimerId::Uart0Rx => DeviceId::Uart0,
        TimerId::Uart1Tx | TimerId::Uart1Rx => DeviceId::Uart1,
        TimerId::Ide0 => DeviceId::Ide0,
        TimerId::Ide1 => DeviceId::Ide1,
        TimerId::VgaRetrace => DeviceId::Vga,
        TimerId::PowerTimer => DeviceId::Power,
        TimerId::Network => DeviceId::Network,
        TimerId::ApicTimer => DeviceId::Apic,
    }
}

/// Whether somebody wants a line for each cycle.
fn each_cycle_is_logged() -> bool {
    log::log_enabled!(target: "platform::io", log::Level::Trace)
}

/// The bytes of a cycle, lowest port first.
fn byte_ports(port: u16, width: IoWidth) -> impl Iterator<Item = (u32, u16)> {
    (0..width.bytes()).map(move |byte| (8 * byte, port.wrapping_add(byte as u16)))
}

impl IoSpace for Board {
    fn port_read(&mut self, mem: &mut GuestMemory, now: Ticks, port: u16, width: IoWidth) -> u32 {
        let first = self.ports.at(port);
        let value = if width == IoWidth::Byte || first.wide {
            self.read_cycle(mem, now, first.device, port, width)
        } else {
            // The bus converts a wide cycle for 8-bit chips into byte cycles, low address first.
            byte_ports(port, width).fold(0, |value, (shift, port)| {
                let id = self.ports.at(port).device;
                value | self.read_cycle(mem, now, id, port, IoWidth::Byte) << shift
            })
        };
        log::trace!(target: "platform::io", "in {port:#06x} {width:?}: {value:#x}");
        value
    }

    fn port_read_quiet(&mut self, now: Ticks, port: u16, width: IoWidth) -> Option<u32> {
        let Port { device, wide, .. } = self.ports.at(port);
        if width != IoWidth::Byte && !wide {
            return None;
        }
        let value = self.chips.ide_channel(device)?.quiet_read(port, width, now)?;
        self.idle.work(now);
        log::trace!(target: "platform::io", "in {port:#06x} {width:?}: {value:#x}");
        Some(value)
    }

    fn port_write(&mut self, mem: &mut GuestMemory, now: Ticks, port: u16, value: u32, width: IoWidth) {
        log::trace!(target: "platform::io", "out {port:#06x} {width:?}: {value:#x}");
        let first = self.ports.at(port);
        if width == IoWidth::Byte || first.wide {
            if first.logged {
                let bytes = (0..width.bytes()).map(|byte| (port, (value >> (8 * byte)) as u8));
                self.wires.out.port_log.extend(bytes);
            }
            match port {
                idle::HINT_PORT => self.idle.poll(now),
                POST_PORT => log::debug!(target: "bios", "POST code {:#04x}", value & 0xff),
                _ => {}
            }
            self.write_cycle(mem, now, first.device, port, value, width);
        } else {
            for (shift, port) in byte_ports(port, width) {
                self.port_write(mem, now, port, value >> shift & 0xff, IoWidth::Byte);
            }
        }
    }

    fn port_read_run(
        &mut self,
        mem: &mut GuestMemory,
        now: Ticks,
        port: u16,
        width: IoWidth,
        buf: &mut [u8],
    ) -> usize {
        let Port { device, wide, .. } = self.ports.at(port);
        if !wide || each_cycle_is_logged() {
            return 0;
        }
        let done = self.with_device(mem, now, device, |chip, ctx| {
            chip.port_read_run(port, width, buf, ctx)
        });
        self.note_run(device, now, width, done)
    }

    fn port_write_run(
        &mut self,
        mem: &mut GuestMemory,
        now: Ticks,
        port: u16,
        width: IoWidth,
        data: &[u8],
    ) -> usize {
        let Port { device, wide, logged } = self.ports.at(port);
        if !wide || logged || each_cycle_is_logged() {
            return 0;
        }
        let done = self.with_device(mem, now, device, |chip, ctx| {
            chip.port_write_run(port, width, data, ctx)
        });
        self.note_run(device, now, width, done)
    }

    fn mmio_read(&mut self, mem: &mut GuestMemory, now: Ticks, addr: PhysAddr, width: IoWidth) -> u32 {
        let page = addr.0 as u32 & !(PAGE_SIZE - 1);
        if Some(page) == self.local_apic {
            let read = self.with_apic(mem, now, |apic, ctx| apic.read_local(addr.0 as u32, width, ctx));
            return read.unwrap_or(width.open_bus());
        }
        if page == Apic::IO_BASE {
            let apic = self.chips.apic.as_ref();
            return apic.map_or(width.open_bus(), |apic| apic.read_io(addr.0 as u32, width));
        }
        if TestDevice::decodes(page) {
            let device = self.chips.test_device.as_ref();
            return device.map_or(width.open_bus(), |device| device.mmio_read(addr.0 as u32, width));
        }
        self.idle.work(now);
        match self.chips.vga.banked(addr.0 as u32) {
            None => self.chips.vga.mmio_read(addr.0 as u32, width),
            Some(at) => {
                let mut bytes = [0; 4];
                mem.frame_buffer_read(at, &mut bytes);
                u32::from_le_bytes(bytes) & width.mask()
            }
        }
    }

    fn mmio_write(&mut self, mem: &mut GuestMemory, now: Ticks, addr: PhysAddr, value: u32, width: IoWidth) {
        let page = addr.0 as u32 & !(PAGE_SIZE - 1);
        if Some(page) == self.local_apic {
            self.with_apic(mem, now, |apic, ctx| {
                apic.write_local(addr.0 as u32, value, width, ctx)
            });
            return;
        }
        if page == Apic::IO_BASE {
            self.with_apic(mem, now, |apic, _| apic.write_io(addr.0 as u32, value, width));
            return;
        }
        if TestDevice::decodes(page) {
            if let Some(device) = &mut self.chips.test_device {
                device.mmio_write(addr.0 as u32, value, width);
            }
            return;
        }
        self.idle.work(now);
        match self.chips.vga.banked(addr.0 as u32) {
            None => self.chips.vga.mmio_write(addr.0 as u32, value, width),
            Some(at) => {
                let bytes = value.to_le_bytes();
                mem.frame_buffer_write(at, bytes.get(..width.bytes() as usize).unwrap_or(&bytes));
            }
        }
    }

    #[inline]
    fn attention(&self) -> Attention {
        self.attention
    }

    fn set_ferr(&mut self, mem: &mut GuestMemory, now: Ticks, active: bool) {
        let Self { chips, wires, .. } = self;
        let mut bus = BoardDma::new(Some(&mut chips.dma), mem);
        chips
            .coprocessor
            .set_error(active, &mut wires.lend(now, &mut bus));
        self.settle(mem);
    }

    fn ignne(&self) -> bool {
        self.chips.coprocessor.ignores()
    }

    fn acknowledge_intr(&mut self, _now: Ticks) -> u8 {
        let Chips { pic, apic, .. } = &mut self.chips;
        let of_apic = apic.as_mut().and_then(|apic| apic.acknowledge(pic.intr()));
        let vector = of_apic.unwrap_or_else(|| pic.acknowledge());
        self.settle_interrupts();
        vector
    }

    fn set_apic_base(&mut self, mem: &mut GuestMemory, now: Ticks, base: u64) {
        self.with_apic(mem, now, |apic, ctx| apic.set_base(base, ctx));
        self.place_apic(mem);
    }

    fn acknowledge_nmi(&mut self) {
        self.nmi_pressed = false;
        if let Some(apic) = &mut self.chips.apic {
            apic.acknowledge_nmi();
        }
        self.settle_interrupts();
    }
}

/// The board's own part of a saved state; each chip has its own.
#[derive(Serialize, Deserialize)]
struct BoardState {
    irq: IrqLines,
    router: IrqRouter,
    timers: Scheduler,
    inputs: InputQueue,
    nmi_pressed: bool,
    powered_off: bool,
    /// A chip asked for a reset that has not been done yet: of the processor, of everything.
    cpu_reset: bool,
    system_reset: bool,
}

impl Snapshot for Board {
    const TAG: [u8; 4] = *b"BORD";
    const VERSION: u16 = 5;

    fn save(&self, w: &mut StateWriter) {
        w.put(&BoardState {
            irq: self.wires.irq,
            router: self.router.clone(),
            timers: self.wires.timers.clone(),
            inputs: self.inputs.clone(),
            nmi_pressed: self.nmi_pressed,
            powered_off: self.powered_off,
            cpu_reset: self.attention.contains(Attention::RESET) || self.wires.out.cpu_reset,
            system_reset: self.system_reset || self.wires.out.system_reset,
        });
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let state: BoardState = r.get()?;
        if !state.timers.is_well_formed() || !state.inputs.is_well_formed() {
            return Err(r.damaged());
        }
        self.wires.irq = state.irq;
        self.router = state.router;
        self.wires.timers = state.timers;
        self.inputs = state.inputs;
        self.nmi_pressed = state.nmi_pressed;
        self.powered_off = state.powered_off;
        self.system_reset = false;
        self.wires.out = Outbox {
            cpu_reset: state.cpu_reset,
            system_reset: state.system_reset,
            ..Outbox::default()
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests;
