//! The chips: typed fields, and the one place that knows which chip has which number.

use oldiron_devices::{Device, FloppyController, IdeChannel, Vga};
use oldiron_mmu::SnapshotError;

use crate::{
    irq_router::IsaLines,
    snapshot_file::{FileReader, FileWriter},
};

/// A chip of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum DeviceId {
    None,
    Pic,
    Pit,
    Dma,
    Cmos,
    Ps2,
    Uart0,
    Uart1,
    System,
    Floppy,
    Ide0,
    Ide1,
    Vga,
}

impl DeviceId {
    /// All chips, in the order in which they are reset and saved.
    pub(crate) const ALL: [Self; 12] = [
        Self::Pic,
        Self::Pit,
        Self::Dma,
        Self::Cmos,
        Self::Ps2,
        Self::Uart0,
        Self::Uart1,
        Self::System,
        Self::Floppy,
        Self::Ide0,
        Self::Ide1,
        Self::Vga,
    ];

    /// Whether an access means that the guest is at work rather than waiting.
    pub(crate) fn moves_data(self) -> bool {
        matches!(
            self,
            Self::Floppy | Self::Ide0 | Self::Ide1 | Self::Vga | Self::Uart0 | Self::Uart1
        )
    }
}

/// All chips.
pub(crate) struct Chips {
    pub(crate) floppy: FloppyController,
    pub(crate) ide: [IdeChannel; 2],
    pub(crate) vga: Vga,
}

impl Chips {
    /// A chip, apart from the DMA controllers that it may use. `None` if it is not fitted.
    pub(crate) fn apart(&mut self, id: DeviceId) -> Option<&mut dyn Device> {
        match id {
            DeviceId::Floppy => Some(&mut self.floppy),
            DeviceId::Ide0 => Some(&mut self.ide[0]),
            DeviceId::Ide1 => Some(&mut self.ide[1]),
            DeviceId::Vga => Some(&mut self.vga),
            _ => None,
        }
    }

    /// A chip. `None` if it is not fitted.
    pub(crate) fn get(&self, id: DeviceId) -> Option<&dyn Device> {
        match id {
            DeviceId::Floppy => Some(&self.floppy),
            DeviceId::Ide0 => Some(&self.ide[0]),
            DeviceId::Ide1 => Some(&self.ide[1]),
            DeviceId::Vga => Some(&self.vga),
            _ => None,
        }
    }

    pub(crate) fn sample_interrupts(&mut self, lines: IsaLines) {
        let _ = lines;
    }

    pub(crate) fn interrupt_requested(&self) -> bool {
        false
    }

    pub(crate) fn acknowledge_interrupt(&mut self) -> u8 {
        0
    }

    pub(crate) fn nmi_enabled(&self) -> bool {
        true
    }

    /// Address line 20 is let through if either the keyboard controller or port 92h says so.
    pub(crate) fn a20(&self) -> bool {
        false
    }

    pub(crate) fn save(&self, w: &mut FileWriter) {
        w.component(&self.floppy);
        self.ide.iter().for_each(|channel| w.component(channel));
        w.component(&self.vga);
    }

    pub(crate) fn load(&mut self, r: &mut FileReader<'_>) -> Result<(), SnapshotError> {
        r.component(&mut self.floppy)?;
        for channel in &mut self.ide {
            r.component(channel)?;
        }
        r.component(&mut self.vga)
    }
}
