//! The local APIC (SDM vol. 3A chapter 10): registers, what it accepts, and what it asks of the processor's core.

use oldiron_mmu::PAGE_SIZE;
use serde::{Deserialize, Serialize};

use super::{
    Delivery, Message,
    local_timer::Timer,
    lvt::{Entry, Lvt},
    vectors::{Vectors, class},
};
use crate::{Ctx, TimerId};

/// Registers, as offsets in the page.
const ID: u32 = 0x020;
const VERSION: u32 = 0x030;
const TPR: u32 = 0x080;
const APR: u32 = 0x090;
const PPR: u32 = 0x0a0;
const EOI: u32 = 0x0b0;
const RRD: u32 = 0x0c0;
const LDR: u32 = 0x0d0;
const DFR: u32 = 0x0e0;
const SVR: u32 = 0x0f0;
const ISR: u32 = 0x100;
const TMR: u32 = 0x180;
const IRR: u32 = 0x200;
const IRR_END: u32 = 0x280;
const ESR: u32 = 0x280;
const ICR_LOW: u32 = 0x300;
const ICR_HIGH: u32 = 0x310;
const LVT_TIMER: u32 = 0x320;
const LVT_THERMAL: u32 = 0x330;
const LVT_PERFORMANCE: u32 = 0x340;
const LVT_LINT0: u32 = 0x350;
const LVT_LINT1: u32 = 0x360;
const LVT_ERROR: u32 = 0x370;
const INITIAL_COUNT: u32 = 0x380;
const CURRENT_COUNT: u32 = 0x390;
const DIVIDE: u32 = 0x3e0;

/// IA32_APIC_BASE: this is the bootstrap processor; the APIC is on.
const BASE_ENABLE: u64 = 1 << 11;
const BASE_AT_RESET: u64 = 0xfee0_0900;

/// Spurious vector register.
const SVR_ENABLE: u32 = 1 << 8;
const SVR_BITS: u32 = 0x3ff;

/// Bits of the error status register.
const SEND_ACCEPT_ERROR: u8 = 1 << 2;
const SEND_ILLEGAL_VECTOR: u8 = 1 << 5;
const RECEIVE_ILLEGAL_VECTOR: u8 = 1 << 6;
const ILLEGAL_REGISTER: u8 = 1 << 7;

/// Interrupt command register.
const ICR_BITS: u32 = 0x000c_cfff;
const ICR_LOGICAL: u32 = 1 << 11;
const ICR_ASSERT: u32 = 1 << 14;
const ICR_LEVEL: u32 = 1 << 15;

/// Version from which the APIC is on the system bus, not on a bus of its own: IDs have eight bits, all bits of the
/// spurious vector exist, and nobody arbitrates.
const SYSTEM_BUS: u32 = 0x14;
/// The Pentium's, which keeps no account of illegal registers.
const PENTIUM: u32 = 0x10;

/// Vectors below are the processor's own.
const FIRST_VECTOR: u8 = 16;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// IA32_APIC_BASE.
    base: u64,
    id: u8,
    tpr: u8,
    ldr: u8,
    /// The model, in the upper half.
    dfr: u8,
    svr: u32,
    isr: Vectors,
    tmr: Vectors,
    irr: Vectors,
    /// Errors since the error status register was last written, and what it showed then.
    errors: u8,
    esr: u8,
    icr_low: u32,
    icr_high: u32,
    lvt: Lvt,
    timer: Timer,
    /// Levels of LINT0 and LINT1.
    pins: [bool; 2],
    nmi: bool,
    init: bool,
}

impl State {
    fn new(pins: [bool; 2]) -> Self {
        Self {
            base: BASE_AT_RESET,
            id: 0,
            tpr: 0,
            ldr: 0,
            dfr: 0xf0,
            svr: 0xff,
            isr: Vectors::default(),
            tmr: Vectors::default(),
            irr: Vectors::default(),
            errors: 0,
            esr: 0,
            icr_low: 0,
            icr_high: 0,
            lvt: Lvt::new(),
            timer: Timer::default(),
            pins,
            nmi: false,
            init: false,
        }
    }

    /// Whether registers hold what they can.
    pub(super) fn is_sane(&self) -> bool {
        self.dfr & 0x0f == 0
            && self.svr & !SVR_BITS == 0
            && self.icr_low & !ICR_BITS == 0
            && self.icr_high & 0x00ff_ffff == 0
            && self.lvt.is_sane()
            && self.timer.is_sane()
    }
}

/// The local APIC.
pub(super) struct LocalApic {
    /// As the version register reads.
    version: u32,
    s: State,
    /// There is a vector for the core. Derived.
    requests: bool,
}

impl LocalApic {
    pub(super) fn new(version: u32) -> Self {
        Self {
            version,
            s: State::new([false; 2]),
            requests: false,
        }
    }

    pub(super) fn state(&self) -> &State {
        &self.s
    }

    pub(super) fn set_state(&mut self, state: State) {
        self.s = state;
        self.note_requests();
    }

    /// RESET or INIT. The pins keep their levels.
    pub(super) fn reset(&mut self, ctx: &mut Ctx<'_>) {
        self.set_state(State::new(self.s.pins));
        ctx.timers.cancel(TimerId::ApicTimer);
    }

    /// IA32_APIC_BASE. An APIC that is turned off forgets all.
    pub(super) fn set_base(&mut self, value: u64, ctx: &mut Ctx<'_>) {
        if value & BASE_ENABLE == 0 {
            self.reset(ctx);
        }
        self.s.base = value;
    }

    fn is_on(&self) -> bool {
        self.s.base & BASE_ENABLE != 0
    }

    fn is_enabled(&self) -> bool {
        self.s.svr & SVR_ENABLE != 0
    }

    /// The page of its registers.
    pub(super) fn page(&self) -> Option<u32> {
        let at = u32::try_from(self.s.base).ok()?;
        self.is_on().then_some(at & !(PAGE_SIZE - 1))
    }

    fn has_own_bus(&self) -> bool {
        self.version & 0xff < SYSTEM_BUS
    }

    // ---- registers ----

    /// A read. Reads of reserved registers are errors.
    pub(super) fn read(&mut self, register: u32, ctx: &Ctx<'_>) -> u32 {
        if !self.has_register(register) {
            self.illegal_register(register);
        }
        self.peek(register, ctx)
    }

    /// What a register reads as.
    pub(super) fn peek(&self, register: u32, ctx: &Ctx<'_>) -> u32 {
        let s = &self.s;
        let word = |first: u32| ((register - first) >> 4) as u8;
        match register {
            ID => u32::from(s.id) << 24,
            VERSION => self.version,
            TPR => s.tpr.into(),
            APR => self.arbitration_priority().into(),
            PPR => self.processor_priority().into(),
            LDR => u32::from(s.ldr) << 24,
            DFR => u32::from(s.dfr) << 24 | 0x0fff_ffff,
            SVR => s.svr,
            ISR..TMR => s.isr.word(word(ISR)),
            TMR..IRR => s.tmr.word(word(TMR)),
            IRR..IRR_END => s.irr.word(word(IRR)),
            ESR if self.version & 0xff == PENTIUM => s.errors.into(),
            ESR => s.esr.into(),
            ICR_LOW => s.icr_low,
            ICR_HIGH => s.icr_high,
            INITIAL_COUNT => s.timer.initial(),
            CURRENT_COUNT => s.timer.count(ctx.now, ctx.rate),
            DIVIDE => s.timer.divide_register().into(),
            _ => self.lvt_entry(register).map_or(0, |entry| s.lvt.get(entry)),
        }
    }

    /// The entry of the local vector table that a register is, on this version.
    fn lvt_entry(&self, register: u32) -> Option<Entry> {
        let last = self.version >> 16 & 0xff;
        match register {
            LVT_TIMER => Some(Entry::Timer),
            LVT_THERMAL if last >= 5 => Some(Entry::Thermal),
            LVT_PERFORMANCE if last >= 4 => Some(Entry::Performance),
            LVT_LINT0 => Some(Entry::Lint0),
            LVT_LINT1 => Some(Entry::Lint1),
            LVT_ERROR => Some(Entry::Error),
            _ => None,
        }
    }

    fn has_register(&self, register: u32) -> bool {
        match register {
            APR | RRD => self.has_own_bus(),
            ID
            | VERSION
            | TPR
            | PPR..=EOI
            | LDR..IRR_END
            | ESR
            | ICR_LOW
            | ICR_HIGH
            | INITIAL_COUNT
            | CURRENT_COUNT
            | DIVIDE => true,
            _ => self.lvt_entry(register).is_some(),
        }
    }

    fn illegal_register(&mut self, register: u32) {
        log::debug!(target: "dev::apic", "there is no register {register:#05x}");
        if self.version & 0xff != PENTIUM {
            self.error(ILLEGAL_REGISTER);
        }
    }

    /// A write. Returns the level-triggered vector whose handling it ended.
    pub(super) fn write(&mut self, register: u32, value: u32, ctx: &mut Ctx<'_>) -> Option<u8> {
        log::trace!(target: "dev::apic", "local APIC register {register:#05x} = {value:#010x}");
        let top = (value >> 24) as u8;
        match register {
            ID => self.s.id = if self.has_own_bus() { top & 0x0f } else { top },
            TPR => {
                self.s.tpr = value as u8;
                self.note_requests();
            }
            EOI => return self.end_of_interrupt(),
            LDR => self.s.ldr = top,
            DFR => self.s.dfr = top & 0xf0,
            SVR => self.write_svr(value, ctx),
            ESR => self.s.esr = core::mem::take(&mut self.s.errors),
            ICR_LOW => {
                self.s.icr_low = value & ICR_BITS;
                self.send();
            }
            ICR_HIGH => self.s.icr_high = value & 0xff00_0000,
            INITIAL_COUNT => {
                self.s.timer.load(value, ctx.now, ctx.rate);
                self.arm_timer(ctx);
            }
            DIVIDE => {
                self.s.timer.set_divide(value as u8, ctx.now, ctx.rate);
                self.arm_timer(ctx);
            }
            _ => match self.lvt_entry(register) {
                Some(entry) => self.write_lvt(entry, value, ctx),
                None if !self.has_register(register) => self.illegal_register(register),
                None => {}
            },
        }
        None
    }

    fn write_svr(&mut self, value: u32, ctx: &mut Ctx<'_>) {
        // On a bus of its own, the lowest four bits of the vector are ones.
        let ones = if self.has_own_bus() { 0x0f } else { 0 };
        let was_enabled = self.is_enabled();
        self.s.svr = value & SVR_BITS | ones;
        if was_enabled && !self.is_enabled() {
            self.s.lvt.mask_all();
            self.arm_timer(ctx);
        }
    }

    fn write_lvt(&mut self, entry: Entry, value: u32, ctx: &mut Ctx<'_>) {
        let enabled = self.is_enabled();
        self.s.lvt.write(entry, value, enabled);
        match entry {
            Entry::Timer => {
                let periodic = self.s.lvt.is_periodic();
                self.s.timer.set_periodic(periodic, ctx.now, ctx.rate);
                self.arm_timer(ctx);
            }
            Entry::Lint0 => self.offer_level(Entry::Lint0, self.s.pins[0]),
            _ => {}
        }
    }

    // ---- sources of its own ----

    /// The timer's interrupt is due only where somebody gets it.
    fn arm_timer(&self, ctx: &mut Ctx<'_>) {
        let expiry = self.s.timer.next_expiry(ctx.now, ctx.rate);
        match expiry.filter(|_| !self.s.lvt.is_masked(Entry::Timer)) {
            Some(at) => ctx.timers.arm(TimerId::ApicTimer, at),
            None => ctx.timers.cancel(TimerId::ApicTimer),
        }
    }

    pub(super) fn timer_expired(&mut self, ctx: &mut Ctx<'_>) {
        self.interrupt(Entry::Timer);
        self.arm_timer(ctx);
    }

    /// A source of the local vector table interrupts.
    fn interrupt(&mut self, entry: Entry) -> bool {
        let Some(delivery) = self.s.lvt.delivery(entry) else {
            return false;
        };
        let level_triggered = self.s.lvt.is_level_triggered(entry);
        self.take(self.s.lvt.vector(entry), delivery, level_triggered)
    }

    /// A level at a pin that is asserted interrupts, unless the last one is still being handled.
    fn offer_level(&mut self, entry: Entry, high: bool) {
        let lvt = &self.s.lvt;
        let level_triggered = lvt.is_level_triggered(entry) && !lvt.is_masked(entry);
        if level_triggered && lvt.asserts(entry, high) && !lvt.remote_irr(entry) && self.interrupt(entry) {
            self.s.lvt.set_remote_irr(entry, true);
        }
    }

    /// Whether LINT0 (INTR of the 8259s) or LINT1 (NMI) has another level than when this last looked.
    #[inline]
    pub(super) fn pins_differ(&self, intr: bool, nmi: bool) -> bool {
        self.s.pins != [intr, nmi]
    }

    /// The levels of LINT0 and LINT1.
    pub(super) fn set_pins(&mut self, intr: bool, nmi: bool) {
        let before = core::mem::replace(&mut self.s.pins, [intr, nmi]);
        if !self.is_on() {
            return;
        }
        for ((entry, high), was) in [Entry::Lint0, Entry::Lint1]
            .into_iter()
            .zip([intr, nmi])
            .zip(before)
        {
            let lvt = &self.s.lvt;
            let edge = high != was && lvt.asserts(entry, high);
            let passes_through = matches!(
                (entry, lvt.delivery(entry)),
                (_, Some(Delivery::ExtInt)) | (Entry::Lint1, Some(Delivery::Nmi))
            );
            if lvt.is_level_triggered(entry) {
                self.offer_level(entry, high);
            } else if edge && !passes_through {
                self.interrupt(entry);
            }
        }
    }

    /// Whether INTR of the 8259s is that of the core: the pin says nothing else, or the APIC is off.
    #[inline]
    pub(super) fn passes_intr(&self) -> bool {
        !self.is_on() || self.s.lvt.delivery(Entry::Lint0) == Some(Delivery::ExtInt)
    }

    /// NMI of the core.
    #[inline]
    pub(super) fn nmi(&self, line: bool) -> bool {
        let passes = !self.is_on() || self.s.lvt.delivery(Entry::Lint1) == Some(Delivery::Nmi);
        self.s.nmi || line && passes
    }

    pub(super) fn acknowledge_nmi(&mut self) {
        self.s.nmi = false;
    }

    /// An INIT message came.
    pub(super) fn take_init(&mut self) -> bool {
        core::mem::take(&mut self.s.init)
    }

    fn error(&mut self, error: u8) {
        let new = error & !self.s.errors != 0;
        self.s.errors |= error;
        // An error entry with an illegal vector is no error once more.
        if new && self.s.lvt.vector(Entry::Error) >= FIRST_VECTOR {
            self.interrupt(Entry::Error);
        }
    }

    // ---- messages ----

    /// Whether a message is for this APIC (§10.6.2).
    pub(super) fn listens(&self, message: Message) -> bool {
        if !self.is_on() {
            return false;
        }
        let (to, s) = (message.destination, &self.s);
        if !message.logical {
            let ids = if self.has_own_bus() { 0x0f } else { 0xff };
            return to & ids == ids || to & ids == s.id;
        }
        if s.dfr == 0xf0 {
            return to & s.ldr != 0;
        }
        let cluster = to & 0xf0;
        (cluster == 0xf0 || cluster == s.ldr & 0xf0) && to & s.ldr & 0x0f != 0
    }

    /// A message: false if this is not for us, or is refused.
    pub(super) fn accept(&mut self, message: Message) -> bool {
        self.listens(message) && self.take(message.vector, message.delivery, message.level_triggered)
    }

    /// Takes an interrupt in.
    fn take(&mut self, vector: u8, delivery: Delivery, level_triggered: bool) -> bool {
        match delivery {
            Delivery::Fixed | Delivery::LowestPriority => {
                if !self.is_enabled() {
                    return false;
                }
                if vector < FIRST_VECTOR {
                    self.error(RECEIVE_ILLEGAL_VECTOR);
                    return true;
                }
                self.s.irr.set(vector, true);
                self.s.tmr.set(vector, level_triggered);
                self.note_requests();
                true
            }
            Delivery::Nmi => {
                self.s.nmi = true;
                true
            }
            Delivery::Init => {
                self.s.init = true;
                true
            }
            // A processor that runs ignores the start-up message.
            Delivery::StartUp => true,
            Delivery::SystemManagement | Delivery::ExtInt | Delivery::Reserved => false,
        }
    }

    /// The interrupt command register was written (§10.6.1).
    fn send(&mut self) {
        let icr = self.s.icr_low;
        let delivery = Delivery::of(icr);
        if delivery == Delivery::Init && icr & (ICR_LEVEL | ICR_ASSERT) == ICR_LEVEL {
            // De-assert: only synchronizes arbitration.
            return;
        }
        let vector = icr as u8;
        let has_vector = matches!(delivery, Delivery::Fixed | Delivery::LowestPriority);
        if has_vector && vector < FIRST_VECTOR {
            self.error(SEND_ILLEGAL_VECTOR);
            return;
        }
        let message = Message {
            vector,
            delivery,
            destination: (self.s.icr_high >> 24) as u8,
            logical: icr & ICR_LOGICAL != 0,
            level_triggered: false,
        };
        let taken = match icr >> 18 & 3 {
            0 => self.accept(message),
            // To itself: vectors only.
            1 => has_vector && self.take(vector, delivery, false),
            2 => self.take(vector, delivery, false),
            _ => false,
        };
        if !taken && self.has_own_bus() {
            self.error(SEND_ACCEPT_ERROR);
        }
    }

    // ---- priorities ----

    fn processor_priority(&self) -> u8 {
        let in_service = self.s.isr.highest().map_or(0, class);
        if class(self.s.tpr) >= in_service {
            self.s.tpr
        } else {
            in_service
        }
    }

    fn arbitration_priority(&self) -> u8 {
        let requested = self.s.irr.highest().map_or(0, class);
        let in_service = self.s.isr.highest().map_or(0, class);
        let task = class(self.s.tpr);
        if task >= requested && task > in_service {
            self.s.tpr
        } else {
            task.max(requested).max(in_service)
        }
    }

    /// The vector that the core is asked to take.
    fn pending(&self) -> Option<u8> {
        let vector = self.s.irr.highest()?;
        (class(vector) > class(self.processor_priority())).then_some(vector)
    }

    fn note_requests(&mut self) {
        self.requests = self.pending().is_some();
    }

    /// Whether there is a vector for the core.
    #[inline]
    pub(super) fn requests(&self) -> bool {
        self.requests
    }

    /// The core takes the vector.
    pub(super) fn acknowledge(&mut self) -> Option<u8> {
        let vector = self.pending()?;
        self.s.irr.set(vector, false);
        self.s.isr.set(vector, true);
        self.note_requests();
        Some(vector)
    }

    /// What an acknowledge cycle gets if the request is gone.
    pub(super) fn spurious_vector(&self) -> u8 {
        self.s.svr as u8
    }

    fn end_of_interrupt(&mut self) -> Option<u8> {
        let vector = self.s.isr.highest()?;
        self.s.isr.set(vector, false);
        self.note_requests();
        if !self.s.tmr.contains(vector) {
            return None;
        }
        if self.s.lvt.is_level_triggered(Entry::Lint0) && self.s.lvt.vector(Entry::Lint0) == vector {
            self.s.lvt.set_remote_irr(Entry::Lint0, false);
            self.offer_level(Entry::Lint0, self.s.pins[0]);
        }
        Some(vector)
    }
}
