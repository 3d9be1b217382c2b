//! Receiving: DP8390D section 5.0 "Packet Reception", the address filters and the tally counters.

use super::{
    Ne2000, SHORTEST_FRAME,
    crc::{frame_check, multicast_bit},
    registers::{Command, Interrupts, ReceiveConfiguration, ReceiveStatus},
};
use crate::{Ctx, NETWORK_ACTIVITY};

/// Frames that the network holds back for a card whose ring is full. Past it they are lost, as OVW says.
const MOST_WAITING: usize = 64;
/// Frames that can be on their way to the card at all.
pub(super) const MOST_ON_WIRE: usize = 2 * MOST_WAITING;
/// Tally counters stop here.
const TALLY_END: u8 = 192;
/// The tally counter of missed packets.
const MISSED: usize = 2;

impl Ne2000 {
    /// A frame arrives from the network: addresses, type and data, without its check sequence. It goes into
    /// the ring at once, or after the frames that came before it.
    ///
    /// A network with back pressure: while the ring is full, frames wait; overflows are rare.
    pub fn receive(&mut self, frame: Vec<u8>, ctx: &mut Ctx<'_>) {
        if frame.len() > super::MOST_FRAME || self.s.wire.len() >= MOST_ON_WIRE {
            log::debug!(target: "dev::ne2000", "a frame of {} bytes is lost", frame.len());
            return;
        }
        self.s.wire.push_back(frame);
        self.take_waiting(ctx);
        self.update(ctx);
    }

    /// How many more frames may come before any of them is lost.
    pub fn receive_room(&self) -> usize {
        MOST_WAITING.saturating_sub(self.s.wire.len())
    }

    fn listens(&self) -> bool {
        self.s.command.contains(Command::STA) && self.s.tcr.loopback() == 0
    }

    /// Takes from the network what there is time and room for.
    pub(super) fn take_waiting(&mut self, ctx: &mut Ctx<'_>) {
        while let Some(frame) = self.s.wire.front() {
            if self.listens() {
                let full = self.must_wait(frame.len()) && self.s.wire.len() <= MOST_WAITING;
                if full || ctx.now < self.s.wire_free {
                    return;
                }
                self.s.wire_free = ctx.now + super::wire_time(frame.len(), ctx);
            }
            if let Some(frame) = self.s.wire.pop_front()
                && self.listens()
                && self.examine(&frame)
            {
                ctx.out.activity |= NETWORK_ACTIVITY;
            }
        }
    }

    /// When the next frame is due that only waits for its time.
    pub(super) fn next_frame(&self) -> Option<u64> {
        let frame = self.s.wire.front()?;
        (self.listens() && !self.must_wait(frame.len())).then_some(self.s.wire_free)
    }

    /// Pages that a frame takes: with the four bytes of its header and its check sequence.
    fn pages(length: usize) -> usize {
        (length + 8).div_ceil(256)
    }

    fn ring_pages(&self) -> usize {
        usize::from(self.s.page_stop).saturating_sub(self.s.page_start.into())
    }

    /// Whether there is room in the ring. A ring whose last page is taken would look empty: it stays free.
    fn fits(&self, pages: usize) -> bool {
        let (current, boundary) = (usize::from(self.s.current), usize::from(self.s.boundary));
        let free = if current < boundary {
            boundary - current
        } else {
            self.ring_pages().saturating_sub(current - boundary)
        };
        pages < free
    }

    /// Whether the ring has no room now, but would have if the guest emptied it.
    fn must_wait(&self, length: usize) -> bool {
        let pages = Self::pages(length);
        self.s.current != self.s.boundary
            && !self.fits(pages)
            && pages < self.ring_pages()
            && !self.s.rcr.contains(ReceiveConfiguration::MON)
    }

    /// Whether the filters let a destination through, and whether it is that of a group.
    fn accepts(&self, destination: &[u8; 6]) -> Option<ReceiveStatus> {
        let s = &self.s;
        let on = |bit| s.rcr.contains(bit);
        if destination[0] & 1 == 0 {
            let mine = *destination == s.station || on(ReceiveConfiguration::PRO);
            return mine.then_some(ReceiveStatus::empty());
        }
        let bit = multicast_bit(destination);
        let hashed = s.multicast[usize::from(bit / 8)] >> (bit % 8) & 1 != 0;
        let broadcast = *destination == [0xff; 6] && on(ReceiveConfiguration::AB);
        (broadcast || hashed && on(ReceiveConfiguration::AM)).then_some(ReceiveStatus::PHY)
    }

    /// Filters a frame and puts it into the ring. Whether it is there.
    fn examine(&mut self, frame: &[u8]) -> bool {
        let Some(kind) = frame.first_chunk().and_then(|to| self.accepts(to)) else {
            return false;
        };
        if frame.len() < SHORTEST_FRAME && !self.s.rcr.contains(ReceiveConfiguration::AR) {
            return false;
        }
        if self.s.rcr.contains(ReceiveConfiguration::MON) {
            self.s.rsr = kind | ReceiveStatus::MPA | ReceiveStatus::DIS;
            self.tally(MISSED);
            return false;
        }
        let pages = Self::pages(frame.len());
        if !self.fits(pages) {
            log::debug!(target: "dev::ne2000", "the receive ring is full");
            self.s.rsr = kind | ReceiveStatus::MPA;
            self.s.isr |= Interrupts::OVW;
            self.s.overflowed = true;
            self.tally(MISSED);
            return false;
        }
        let status = kind | ReceiveStatus::PRX;
        let start = self.s.current;
        let next = (0..pages).fold(start, |page, _| self.page_after(page));
        let [low, high] = ((frame.len() + 4) as u16).to_le_bytes();
        let header = [status.bits(), next, low, high];
        let mut at = u16::from(start) << 8;
        for &byte in header.iter().chain(frame).chain(&frame_check(frame)) {
            self.set_memory(at, byte);
            at = self.after(at);
        }
        self.s.local_address = at;
        self.s.current = next;
        self.s.rsr = status;
        self.s.isr |= Interrupts::PRX;
        true
    }

    fn page_after(&self, page: u8) -> u8 {
        match page.wrapping_add(1) {
            page if page == self.s.page_stop => self.s.page_start,
            page => page,
        }
    }

    fn tally(&mut self, which: usize) {
        let count = &mut self.s.tallies[which];
        *count = count.saturating_add(1).min(TALLY_END);
        if *count >= 0x80 {
            self.s.isr |= Interrupts::CNT;
        }
    }
}
