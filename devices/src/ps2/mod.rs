//! The 8042 keyboard controller with its keyboard and mouse.

mod keycode;

use oldiron_mmu::{Snapshot, SnapshotError, StateReader, StateWriter};

pub use self::keycode::KeyCode;
use crate::{Ctx, Device, IrqLine, PortRange, ResetKind};

/// The controller, the keyboard and the mouse.
pub struct Ps2Controller {
    keyboard_irq: IrqLine,
    mouse_irq: IrqLine,
}

impl Ps2Controller {
    /// A controller that drives the two interrupt wires.
    pub fn new(keyboard_irq: IrqLine, mouse_irq: IrqLine) -> Self {
        Self {
            keyboard_irq,
            mouse_irq,
        }
    }

    /// Whether gate A20 lets address line 20 through.
    pub fn a20(&self) -> bool {
        let _ = (self.keyboard_irq, self.mouse_irq);
        true
    }

    /// Whether the keyboard has nothing left to send, and so takes another key without delay.
    pub fn keyboard_ready(&self) -> bool {
        true
    }

    /// A key goes down or up.
    pub fn key(&mut self, code: KeyCode, down: bool, ctx: &mut Ctx<'_>) {
        let _ = (code, down, ctx);
    }

    /// All keys that are down go up.
    pub fn release_all_keys(&mut self, ctx: &mut Ctx<'_>) {
        let _ = ctx;
    }

    /// The mouse moves (`dx` right, `dy` down, `wheel` towards the user) or its buttons change
    /// (bit 0 left, 1 right, 2 middle).
    pub fn mouse(&mut self, dx: i16, dy: i16, wheel: i8, buttons: u8, ctx: &mut Ctx<'_>) {
        let _ = (dx, dy, wheel, buttons, ctx);
    }
}

impl Device for Ps2Controller {
    fn name(&self) -> &'static str {
        "ps2"
    }

    fn ports(&self) -> &[PortRange] {
        &[
            PortRange {
                first: 0x60,
                count: 1,
            },
            PortRange {
                first: 0x64,
                count: 1,
            },
        ]
    }

    fn reset(&mut self, kind: ResetKind, ctx: &mut Ctx<'_>) {
        let _ = (kind, ctx);
    }
}

impl Snapshot for Ps2Controller {
    const TAG: [u8; 4] = *b"PS2 ";
    const VERSION: u16 = 1;

    fn save(&self, _: &mut StateWriter) {}

    fn load(&mut self, _: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        Ok(())
    }
}
