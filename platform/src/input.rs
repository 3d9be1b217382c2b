//! What the outside world does to the machine.

use std::collections::VecDeque;

use oldiron_devices::KeyCode;
use serde::{Deserialize, Serialize};

/// Something that happens to the machine from outside. Nothing else from outside reaches a chip,
/// but for disk images and media changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostEvent {
    /// A key goes down or up.
    Key {
        /// Which key.
        code: KeyCode,
        /// Down or up. Repeats are the keyboard's own business.
        down: bool,
    },
    /// All keys that are down go up: the window lost the keyboard.
    ReleaseAllKeys,
    /// The mouse moves, or its buttons change.
    Mouse {
        /// To the right.
        dx: i16,
        /// Downwards.
        dy: i16,
        /// Towards the user.
        wheel: i8,
        /// Bit 0 left, bit 1 right, bit 2 middle.
        buttons: u8,
    },
    /// Bytes arrive at a serial port, as fast as the guest takes them.
    SerialRx {
        /// 0 = COM1, 1 = COM2.
        port: u8,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// The reset button.
    Reset,
    /// The power button.
    PowerButton,
    /// The NMI button of a service technician.
    NmiButton,
    /// A frame arrives at the network card.
    Frame {
        /// Addresses, type and data, without the check sequence.
        bytes: Vec<u8>,
    },
}

/// Most keys and serial bytes (of each port) that wait for the guest to take them.
const MOST_KEYS: usize = 4096;
const MOST_SERIAL_BYTES: usize = 65536;

/// Something for the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum KeyEvent {
    Down(KeyCode),
    Up(KeyCode),
    ReleaseAll,
}

/// What was posted and does not fit into a chip yet.
///
/// A keyboard holds sixteen bytes and a UART one FIFO; a pasted text is longer. It waits here, as part
/// of the machine's state, and goes on when the chip has room: at a tick that only the guest decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InputQueue {
    keys: VecDeque<KeyEvent>,
    serial: [VecDeque<u8>; 2],
}

impl InputQueue {
    pub(crate) fn push_key(&mut self, event: KeyEvent) {
        // A key that goes up must: it may take the last places.
        let most = if matches!(event, KeyEvent::Down(_)) {
            MOST_KEYS / 2
        } else {
            MOST_KEYS
        };
        if self.keys.len() < most {
            self.keys.push_back(event);
        } else {
            log::debug!(target: "platform::input", "{event:?} is lost: {most} keys wait");
        }
    }

    pub(crate) fn pop_key(&mut self) -> Option<KeyEvent> {
        self.keys.pop_front()
    }

    pub(crate) fn push_serial(&mut self, port: u8, bytes: &[u8]) {
        let room = self.serial_room(port);
        if let Some(queue) = self.serial.get_mut(usize::from(port)) {
            queue.extend(bytes.iter().take(room));
        }
        if bytes.len() > room {
            log::debug!(target: "platform::input", "{} bytes for COM{} are lost", bytes.len() - room, port + 1);
        }
    }

    pub(crate) fn serial_room(&self, port: u8) -> usize {
        self.serial
            .get(usize::from(port))
            .map_or(0, |queue| MOST_SERIAL_BYTES - queue.len())
    }

    pub(crate) fn pop_serial(&mut self, port: u8) -> Option<u8> {
        self.serial.get_mut(usize::from(port))?.pop_front()
    }

    /// Forgets everything: what was typed at a machine that was reset.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether a loaded queue is one that `push` can have made.
    pub(crate) fn is_well_formed(&self) -> bool {
        self.keys.len() <= MOST_KEYS && self.serial.iter().all(|queue| queue.len() <= MOST_SERIAL_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_bounded_and_keys_can_always_go_up() {
        let mut queue = InputQueue::default();
        for _ in 0..MOST_KEYS {
            queue.push_key(KeyEvent::Down(KeyCode::A));
        }
        queue.push_key(KeyEvent::Up(KeyCode::A));
        assert_eq!(queue.keys.len(), MOST_KEYS / 2 + 1);
        queue.push_serial(1, &[7; MOST_SERIAL_BYTES + 5]);
        queue.push_serial(7, &[7]);
        assert_eq!(
            (queue.serial_room(0), queue.serial_room(1)),
            (MOST_SERIAL_BYTES, 0)
        );
        assert_eq!(queue.pop_serial(1), Some(7));
        assert!(queue.is_well_formed());
    }
}
