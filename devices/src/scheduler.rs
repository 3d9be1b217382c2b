//! Timers: one typed slot per thing that can be due, no heap and no closures.

use oldiron_mmu::Ticks;
use serde::{Deserialize, Serialize};

macro_rules! timer_ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Which chip armed a timer and what for. Timers due at the same tick run in this order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum TimerId { $($(#[$doc])* $name),* }

        impl TimerId {
            /// All timers, in order.
            pub const ALL: &[TimerId] = &[$(TimerId::$name),*];
            /// Number of timers.
            pub const COUNT: usize = Self::ALL.len();
        }
    };
}

timer_ids! {
    /// 8254 channel 0: next change of OUT0 that matters to IRQ 0.
    PitChannel0,
    /// 8254 channel 2: the speaker's edges so far are handed out.
    PitSpeaker,
    /// MC146818: next periodic interrupt.
    RtcPeriodic,
    /// MC146818: end of the update cycle, once a second.
    RtcUpdateEnd,
    /// 8042: the next byte moves into the output buffer.
    Ps2Output,
    /// Keyboard: typematic repeat or end of self-test.
    Keyboard,
    /// Mouse: end of self-test or next report.
    Mouse,
    /// 82077: command, seek or reset completes.
    Floppy,
    /// 82077: drive head or motor event.
    FloppyDrive,
    /// First UART: character transmitted.
    Uart0Tx,
    /// First UART: next character may be received, or receive time-out.
    Uart0Rx,
    /// Second UART: character transmitted.
    Uart1Tx,
    /// Second UART: next character may be received, or receive time-out.
    Uart1Rx,
    /// First ATA channel.
    Ide0,
    /// Second ATA channel.
    Ide1,
    /// VGA: vertical retrace starts; a frame is complete.
    VgaRetrace,
    /// ACPI: the highest bit of the power management timer changes.
    PowerTimer,
    /// Network card: a packet has been sent, the next one arrives, or an empty transfer is done.
    Network,
    /// Local APIC: the timer's count is at zero.
    ApicTimer,
}

/// When each timer is due. `Ticks::MAX` means not armed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheduler {
    due: Vec<Ticks>,
    next: Ticks,
}

impl Default for Scheduler {
    fn default() -> Self {
        Self {
            due: vec![Ticks::MAX; TimerId::COUNT],
            next: Ticks::MAX,
        }
    }
}

impl Scheduler {
    /// Arms `id` for the absolute time `at`, replacing what was armed.
    pub fn arm(&mut self, id: TimerId, at: Ticks) {
        if let Some(slot) = self.due.get_mut(id as usize) {
            *slot = at;
            self.next = self.due.iter().copied().min().unwrap_or(Ticks::MAX);
        }
    }

    /// Disarms `id`.
    pub fn cancel(&mut self, id: TimerId) {
        self.arm(id, Ticks::MAX);
    }

    /// When `id` is due, if it is armed.
    pub fn due(&self, id: TimerId) -> Option<Ticks> {
        self.due.get(id as usize).copied().filter(|&at| at != Ticks::MAX)
    }

    /// The earliest due time, or `Ticks::MAX`.
    pub fn next_due(&self) -> Ticks {
        self.next
    }

    /// Disarms and returns the first timer due at or before `now`, earliest first, ties by
    /// [`TimerId`], with its due time.
    pub fn take_due(&mut self, now: Ticks) -> Option<(TimerId, Ticks)> {
        if self.next > now {
            return None;
        }
        let id = *TimerId::ALL
            .iter()
            .find(|&&id| self.due.get(id as usize) == Some(&self.next))?;
        let at = self.next;
        self.cancel(id);
        Some((id, at))
    }

    /// Whether a loaded scheduler has the right number of slots.
    pub fn is_well_formed(&self) -> bool {
        self.due.len() == TimerId::COUNT && self.next == self.due.iter().copied().min().unwrap_or(Ticks::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_due_in_time_order_then_in_id_order() {
        let mut s = Scheduler::default();
        s.arm(TimerId::Floppy, 50);
        s.arm(TimerId::PitChannel0, 50);
        s.arm(TimerId::VgaRetrace, 40);
        assert_eq!(s.take_due(39), None);
        assert_eq!(s.take_due(60), Some((TimerId::VgaRetrace, 40)));
        assert_eq!(s.take_due(60), Some((TimerId::PitChannel0, 50)));
        assert_eq!(s.take_due(60), Some((TimerId::Floppy, 50)));
        assert_eq!(s.take_due(60), None);
        assert_eq!(s.next_due(), Ticks::MAX);
    }
}
