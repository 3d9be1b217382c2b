//! What the outside world does to the machine.

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
}
