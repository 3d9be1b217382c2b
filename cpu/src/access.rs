//! Guest memory as instructions reach it, the slow and complete way: segment checks, alignment,
//! translation, page crossing, MMIO, data breakpoints.
//!
//! The fast way is [`oldiron_mmu::Tlb`]; what it cannot do ends here.

use oldiron_mmu::{
    Access, Bus, IoWidth, MapKind, PageFault, PageFaultCode, PagingMode, PhysAddr, Target, Width, walk,
};

use crate::{
    core::{Core, dr6, seg},
    fault::{Fault, FaultRule, vector},
    simd::{Packed, Xmm},
};

impl From<PageFault> for Fault {
    fn from(fault: PageFault) -> Self {
        let rule = if fault.code.contains(PageFaultCode::RESERVED) {
            FaultRule::PageReservedBit
        } else if fault.code.contains(PageFaultCode::PRESENT) {
            FaultRule::PageProtection
        } else {
            FaultRule::PageNotPresent
        };
        Fault {
            vector: vector::PF,
            error: Some(fault.code.bits()),
            addr: fault.addr as u32,
            rule,
        }
    }
}

impl Core {
    // ---- segments ----

    /// Checks an access of `len` bytes through a segment register and returns its linear address.
    /// A violation is #SS(0) through SS and #GP(0) otherwise (SDM vol. 3A §5.3, §5.5).
    pub fn segment_address(&self, segment: usize, offset: u32, len: u32, write: bool) -> Result<u32, Fault> {
        let s = &self.segments[segment & 7];
        let rule = if s.is_null() {
            FaultRule::NullSegment
        } else if write && !s.attr.is_writable() {
            FaultRule::NotWritable
        } else if !write && !s.attr.is_readable() {
            FaultRule::NotReadable
        } else if !s.contains(offset, len) {
            FaultRule::LimitViolation
        } else {
            return Ok((s.base as u32).wrapping_add(offset));
        };
        let vector = if segment == seg::SS {
            vector::SS
        } else {
            vector::GP
        };
        Err(Fault::with_error(vector, 0, rule))
    }

    /// Reads through a segment register at the current privilege level.
    pub fn seg_read<W: Width>(&mut self, bus: &mut Bus<'_>, segment: usize, offset: u32) -> Result<W, Fault> {
        let addr = self.segment_address(segment, offset, W::BYTES, false)?;
        self.user_read(bus, addr)
    }

    /// Writes through a segment register at the current privilege level.
    pub fn seg_write<W: Width>(
        &mut self,
        bus: &mut Bus<'_>,
        segment: usize,
        offset: u32,
        value: W,
    ) -> Result<(), Fault> {
        let addr = self.segment_address(segment, offset, W::BYTES, true)?;
        self.user_write(bus, addr, value)
    }

    /// Checks that a write would succeed and reads the present value; [`Core::user_write`] at the
    /// returned linear address then cannot fail.
    pub fn seg_modify<W: Width>(
        &mut self,
        bus: &mut Bus<'_>,
        segment: usize,
        offset: u32,
    ) -> Result<(W, u32), Fault> {
        let addr = self.segment_address(segment, offset, W::BYTES, true)?;
        self.check_alignment(addr, W::BYTES)?;
        self.check_access(bus, addr, W::BYTES, Access::Write, self.cpl == 3)?;
        Ok((self.read_linear(bus, addr, self.cpl == 3)?, addr))
    }

    /// Checks that a write would succeed, without touching what is there; [`Core::user_write`] at the returned
    /// linear address then cannot fail.
    pub(crate) fn seg_check_write<W: Width>(
        &mut self,
        bus: &mut Bus<'_>,
        segment: usize,
        offset: u32,
    ) -> Result<u32, Fault> {
        let addr = self.segment_address(segment, offset, W::BYTES, true)?;
        self.check_alignment(addr, W::BYTES)?;
        self.check_access(bus, addr, W::BYTES, Access::Write, self.cpl == 3)?;
        Ok(addr)
    }

    // ---- sixteen bytes ----

    /// The linear address of an SSE operand of 16 bytes: #GP(0) if it must be aligned and is not.
    fn wide_address(&self, segment: usize, offset: u32, write: bool, aligned: bool) -> Result<u32, Fault> {
        let addr = self.segment_address(segment, offset, 16, write)?;
        if aligned && addr & 15 != 0 {
            return Err(Fault::protection(0, FaultRule::MisalignedVector));
        }
        Ok(addr)
    }

    /// Reads an SSE operand of 16 bytes.
    pub fn seg_read_wide(
        &mut self,
        bus: &mut Bus<'_>,
        segment: usize,
        offset: u32,
        aligned: bool,
    ) -> Result<Xmm, Fault> {
        let addr = self.wide_address(segment, offset, false, aligned)?;
        let user = self.cpl == 3;
        let low: u64 = self.read_linear(bus, addr, user)?;
        let high: u64 = self.read_linear(bus, addr.wrapping_add(8), user)?;
        self.note_data_access(addr, 16, false);
        Ok(Xmm::of_halves(low, high))
    }

    /// Writes an SSE operand of 16 bytes. On a fault nothing is written.
    pub fn seg_write_wide(
        &mut self,
        bus: &mut Bus<'_>,
        segment: usize,
        offset: u32,
        value: Xmm,
        aligned: bool,
    ) -> Result<(), Fault> {
        let addr = self.wide_address(segment, offset, true, aligned)?;
        let user = self.cpl == 3;
        self.check_access(bus, addr, 16, Access::Write, user)?;
        self.write_linear(bus, addr, value.low(), user)?;
        self.write_linear(bus, addr.wrapping_add(8), value.high(), user)?;
        self.note_data_access(addr, 16, true);
        Ok(())
    }

    // ---- linear addresses ----

    /// #AC if alignment is checked and `addr` is not a multiple of `len`.
    pub(crate) fn check_alignment(&self, addr: u32, len: u32) -> Result<(), Fault> {
        if self.checks_alignment() && addr & (len - 1) != 0 {
            return Err(Fault::with_error(vector::AC, 0, FaultRule::Misaligned));
        }
        Ok(())
    }

    /// Reads at the current privilege level, with alignment check.
    pub fn user_read<W: Width>(&mut self, bus: &mut Bus<'_>, addr: u32) -> Result<W, Fault> {
        self.check_alignment(addr, W::BYTES)?;
        let value = self.read_linear(bus, addr, self.cpl == 3)?;
        self.note_data_access(addr, W::BYTES, false);
        Ok(value)
    }

    /// Writes at the current privilege level, with alignment check.
    pub fn user_write<W: Width>(&mut self, bus: &mut Bus<'_>, addr: u32, value: W) -> Result<(), Fault> {
        self.check_alignment(addr, W::BYTES)?;
        self.write_linear(bus, addr, value, self.cpl == 3)?;
        self.note_data_access(addr, W::BYTES, true);
        Ok(())
    }

    /// Reads a system structure (descriptor table, TSS): supervisor rights, no alignment check.
    pub fn sys_read<W: Width>(&mut self, bus: &mut Bus<'_>, addr: u32) -> Result<W, Fault> {
        self.read_linear(bus, addr, false)
    }

    /// Writes a system structure.
    pub fn sys_write<W: Width>(&mut self, bus: &mut Bus<'_>, addr: u32, value: W) -> Result<(), Fault> {
        self.write_linear(bus, addr, value, false)
    }

    /// Reads a linear address with the given rights.
    pub fn read_linear<W: Width>(&mut self, bus: &mut Bus<'_>, addr: u32, user: bool) -> Result<W, Fault> {
        if let Some(value) = self.tlb.read_as(addr as u64, user) {
            return Ok(value);
        }
        if let Some(phys) = self.tlb.device_as(addr as u64, W::BYTES, false, user, bus.mem) {
            return Ok(read_device(bus, self.now, phys));
        }
        if addr & 0xfff <= 0x1000 - W::BYTES {
            let target = self.translate(bus, addr, Access::Read, user)?;
            return Ok(read_target(bus, self.now, target));
        }
        let first = 0x1000 - (addr & 0xfff);
        let low = self.translate(bus, addr, Access::Read, user)?;
        let high = self.translate(bus, addr.wrapping_add(first), Access::Read, user)?;
        let mut bytes = [0; 8];
        for n in 0..W::BYTES {
            let (target, at) = if n < first { (low, n) } else { (high, n - first) };
            bytes[n as usize & 7] = read_target(bus, self.now, offset_target(target, at));
        }
        Ok(W::from_le(&bytes))
    }

    /// Writes a linear address with the given rights. On a fault nothing is written.
    pub fn write_linear<W: Width>(
        &mut self,
        bus: &mut Bus<'_>,
        addr: u32,
        value: W,
        user: bool,
    ) -> Result<(), Fault> {
        if self.tlb.write_as(addr as u64, value, user, bus.mem) {
            return Ok(());
        }
        if let Some(phys) = self.tlb.device_as(addr as u64, W::BYTES, true, user, bus.mem) {
            write_device(bus, self.now, phys, value);
            return Ok(());
        }
        if addr & 0xfff <= 0x1000 - W::BYTES {
            let target = self.translate(bus, addr, Access::Write, user)?;
            write_target(bus, self.now, target, value);
            return Ok(());
        }
        let first = 0x1000 - (addr & 0xfff);
        let low = self.translate(bus, addr, Access::Write, user)?;
        let high = self.translate(bus, addr.wrapping_add(first), Access::Write, user)?;
        for n in 0..W::BYTES {
            let (target, at) = if n < first { (low, n) } else { (high, n - first) };
            write_target(
                bus,
                self.now,
                offset_target(target, at),
                (value.zext() >> (8 * n)) as u8,
            );
        }
        Ok(())
    }

    /// Checks that an access of `len` bytes, at most a page, would not fault.
    pub fn check_access(
        &mut self,
        bus: &mut Bus<'_>,
        addr: u32,
        len: u32,
        access: Access,
        user: bool,
    ) -> Result<(), Fault> {
        self.translate(bus, addr, access, user)?;
        let last = addr.wrapping_add(len.max(1) - 1);
        if (last ^ addr) >> 12 != 0 {
            self.translate(bus, last & !0xfff, access, user)?;
        }
        Ok(())
    }

    /// Translates one byte's address, from the TLB or by a walk.
    pub fn translate(
        &mut self,
        bus: &mut Bus<'_>,
        addr: u32,
        access: Access,
        user: bool,
    ) -> Result<Target, Fault> {
        if let Some(target) = self.tlb.lookup(addr as u64, access, user, bus.mem) {
            return Ok(target);
        }
        let paging = self.paging();
        let walked = walk(bus.mem, &paging, addr, access, user)?;
        while let Some(page) = bus.mem.take_new_table() {
            self.tlb.revoke_writes(page, bus.mem);
        }
        let write_protect = paging.mode.contains(PagingMode::WRITE_PROTECT);
        Ok(self
            .tlb
            .fill(addr as u64, &walked, access, user, write_protect, bus.mem))
    }

    /// The byte at a linear address, without any effect on the guest: for people. `None` where nothing
    /// is mapped, or a device.
    pub fn peek(&self, bus: &Bus<'_>, addr: u32) -> Option<u8> {
        let mem = &*bus.mem;
        let phys = self.paging().look(mem, addr)?;
        match mem.lookup(phys & mem.a20_mask()) {
            MapKind::Ram(backing) | MapKind::Rom(backing) => Some(mem.read(backing)),
            MapKind::Hole | MapKind::Mmio => None,
        }
    }

    // ---- data breakpoints ----

    /// Whether DR7 arms any breakpoint on execution.
    pub fn has_code_breakpoints(&self) -> bool {
        (0..4).any(|n| self.dr[7] >> (2 * n) & 3 != 0 && self.dr[7] >> (16 + 4 * n) & 3 == 0)
    }

    /// Compares a data access with DR0–DR3 and notes matches for the debug trap after the instruction.
    #[inline]
    pub fn note_data_access(&mut self, addr: u32, len: u32, write: bool) {
        if self.watch_data {
            self.match_breakpoints(addr, len, if write { &[1, 3] } else { &[3] });
        }
    }

    /// Notes breakpoints whose R/W field is in `kinds` and whose range overlaps.
    pub fn match_breakpoints(&mut self, addr: u32, len: u32, kinds: &[u32]) {
        let dr7 = self.dr[7];
        for n in 0..4 {
            if dr7 >> (2 * n) & 3 == 0 || !kinds.contains(&(dr7 >> (16 + 4 * n) & 3)) {
                continue;
            }
            let size = match dr7 >> (18 + 4 * n) & 3 {
                0 => 1,
                1 => 2,
                _ => 4,
            };
            let start = self.dr[n as usize & 3] & !(size - 1);
            if addr.wrapping_sub(start) < size || start.wrapping_sub(addr) < len {
                self.pending_debug |= dr6::B0 << n;
            }
        }
    }
}

fn offset_target(target: Target, by: u32) -> Target {
    let kind = match target.kind {
        MapKind::Ram(backing) => MapKind::Ram(backing + by),
        MapKind::Rom(backing) => MapKind::Rom(backing + by),
        other => other,
    };
    Target {
        phys: target.phys.wrapping_add(by),
        kind,
    }
}

/// Reads within one page.
pub fn read_target<W: Width>(bus: &mut Bus<'_>, now: u64, target: Target) -> W {
    match target.kind {
        MapKind::Ram(backing) | MapKind::Rom(backing) => bus.mem.read(backing),
        MapKind::Hole => W::truncate(u64::MAX),
        MapKind::Mmio => read_device(bus, now, target.phys),
    }
}

/// Writes within one page.
pub fn write_target<W: Width>(bus: &mut Bus<'_>, now: u64, target: Target, value: W) {
    match target.kind {
        MapKind::Ram(backing) => bus.mem.write(backing, value),
        MapKind::Rom(_) => bus.mem.write_beneath(target.phys, value),
        MapKind::Hole => {}
        MapKind::Mmio => write_device(bus, now, target.phys, value),
    }
}

/// Reads within one page that is a device's.
#[inline]
pub fn read_device<W: Width>(bus: &mut Bus<'_>, now: u64, phys: u32) -> W {
    bus.io_used = true;
    let mut read = |phys: u32, width| bus.io.mmio_read(bus.mem, now, PhysAddr(phys as u64), width) as u64;
    W::truncate(match W::BYTES {
        1 => read(phys, IoWidth::Byte),
        2 => read(phys, IoWidth::Word),
        4 => read(phys, IoWidth::Dword),
        _ => read(phys, IoWidth::Dword) | read(phys + 4, IoWidth::Dword) << 32,
    })
}

/// Writes within one page that is a device's.
#[inline]
pub fn write_device<W: Width>(bus: &mut Bus<'_>, now: u64, phys: u32, value: W) {
    bus.io_used = true;
    let value = value.zext();
    let mut write = |phys: u32, value: u64, width| {
        bus.io
            .mmio_write(bus.mem, now, PhysAddr(phys as u64), value as u32, width);
    };
    match W::BYTES {
        1 => write(phys, value, IoWidth::Byte),
        2 => write(phys, value, IoWidth::Word),
        4 => write(phys, value, IoWidth::Dword),
        _ => {
            write(phys, value, IoWidth::Dword);
            write(phys + 4, value >> 32, IoWidth::Dword);
        }
    }
}
