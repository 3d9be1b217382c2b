//! The chips: typed fields, and the one place that knows which chip has which number.

use oldiron_devices::{
    Apic, Cmos, CoprocessorError, Device, DmaPair, FloppyController, FwCfg, IdeChannel, Ne2000, PicPair, Pit,
    PortRange, Ps2Controller, SystemPorts, TestDevice, Uart, Vga,
    pci::{ConfigSpace, HotPlug, PciChipset, PowerManagement, slot},
};
use oldiron_mmu::SnapshotError;

use crate::{
    direct_boot::BootPort,
    network::PCI_FUNCTION,
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
    Coprocessor,
    Network,
    Pci,
    Power,
    HotPlug,
    DirectBoot,
    Apic,
    FwCfg,
    TestDevice,
}

impl DeviceId {
    /// All chips, in the order in which they are reset and saved.
    pub(crate) const ALL: [Self; 21] = [
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
        Self::Coprocessor,
        Self::Network,
        Self::Pci,
        Self::Power,
        Self::HotPlug,
        Self::DirectBoot,
        Self::Apic,
        Self::FwCfg,
        Self::TestDevice,
    ];

    /// The ATA channels.
    pub(crate) const IDE_CHANNELS: [Self; 2] = [Self::Ide0, Self::Ide1];

    /// Whether an access means that the guest is at work rather than waiting.
    pub(crate) fn moves_data(self) -> bool {
        matches!(
            self,
            Self::Floppy | Self::Ide0 | Self::Ide1 | Self::Vga | Self::Uart0 | Self::Uart1 | Self::Network
        )
    }
}

/// All chips.
pub(crate) struct Chips {
    pub(crate) pic: PicPair,
    pub(crate) pit: Pit,
    pub(crate) dma: DmaPair,
    pub(crate) cmos: Cmos,
    pub(crate) ps2: Ps2Controller,
    pub(crate) uarts: [Uart; 2],
    pub(crate) system: SystemPorts,
    pub(crate) floppy: FloppyController,
    pub(crate) ide: [IdeChannel; 2],
    pub(crate) vga: Vga,
    pub(crate) coprocessor: CoprocessorError,
    pub(crate) network: Option<Ne2000>,
    /// Not on a machine that has ISA alone.
    pub(crate) pci: Option<PciChipset>,
    pub(crate) power: Option<PowerManagement>,
    pub(crate) hot_plug: Option<HotPlug>,
    /// Where something is booted directly.
    pub(crate) direct_boot: Option<BootPort>,
    /// Where there is PCI, and the processor has a local APIC.
    pub(crate) apic: Option<Apic>,
    /// `--fw-cfg`: what QEMU gives to test programs.
    pub(crate) fw_cfg: Option<FwCfg>,
    pub(crate) test_device: Option<TestDevice>,
}

impl Chips {
    /// A chip, and apart from it the DMA controllers that it may use. `None` if it is not fitted.
    pub(crate) fn apart(&mut self, id: DeviceId) -> Option<(&mut dyn Device, Option<&mut DmaPair>)> {
        if id == DeviceId::Dma {
            return Some((&mut self.dma, None));
        }
        let dma = Some(&mut self.dma);
        let [first_uart, second_uart] = &mut self.uarts;
        let [first_channel, second_channel] = &mut self.ide;
        Some(match id {
            DeviceId::None | DeviceId::Dma => return None,
            DeviceId::Pic => (&mut self.pic, dma),
            DeviceId::Pit => (&mut self.pit, dma),
            DeviceId::Cmos => (&mut self.cmos, dma),
            DeviceId::Ps2 => (&mut self.ps2, dma),
            DeviceId::Uart0 => (first_uart, dma),
            DeviceId::Uart1 => (second_uart, dma),
            DeviceId::System => (&mut self.system, dma),
            DeviceId::Floppy => (&mut self.floppy, dma),
            DeviceId::Ide0 => (first_channel, dma),
            DeviceId::Ide1 => (second_channel, dma),
            DeviceId::Vga => (&mut self.vga, dma),
            DeviceId::Coprocessor => (&mut self.coprocessor, dma),
            DeviceId::Network => (self.network.as_mut()?, dma),
            DeviceId::Pci => (self.pci.as_mut()?, dma),
            DeviceId::Power => (self.power.as_mut()?, dma),
            DeviceId::HotPlug => (self.hot_plug.as_mut()?, dma),
            DeviceId::DirectBoot => (self.direct_boot.as_mut()?, dma),
            DeviceId::Apic => (self.apic.as_mut()?, dma),
            DeviceId::FwCfg => (self.fw_cfg.as_mut()?, dma),
            DeviceId::TestDevice => (self.test_device.as_mut()?, dma),
        })
    }

    /// A chip that is an ATA channel.
    #[inline]
    pub(crate) fn ide_channel(&mut self, id: DeviceId) -> Option<&mut IdeChannel> {
        match id {
            DeviceId::Ide0 => Some(&mut self.ide[0]),
            DeviceId::Ide1 => Some(&mut self.ide[1]),
            _ => None,
        }
    }

    /// A chip. `None` if it is not fitted.
    pub(crate) fn get(&self, id: DeviceId) -> Option<&dyn Device> {
        Some(match id {
            DeviceId::None => return None,
            DeviceId::Pic => &self.pic,
            DeviceId::Pit => &self.pit,
            DeviceId::Dma => &self.dma,
            DeviceId::Cmos => &self.cmos,
            DeviceId::Ps2 => &self.ps2,
            DeviceId::Uart0 => &self.uarts[0],
            DeviceId::Uart1 => &self.uarts[1],
            DeviceId::System => &self.system,
            DeviceId::Floppy => &self.floppy,
            DeviceId::Ide0 => &self.ide[0],
            DeviceId::Ide1 => &self.ide[1],
            DeviceId::Vga => &self.vga,
            DeviceId::Coprocessor => &self.coprocessor,
            DeviceId::Network => self.network.as_ref()?,
            DeviceId::Pci => self.pci.as_ref()?,
            DeviceId::Power => self.power.as_ref()?,
            DeviceId::HotPlug => self.hot_plug.as_ref()?,
            DeviceId::DirectBoot => self.direct_boot.as_ref()?,
            DeviceId::Apic => self.apic.as_ref()?,
            DeviceId::FwCfg => self.fw_cfg.as_ref()?,
            DeviceId::TestDevice => self.test_device.as_ref()?,
        })
    }

    /// The configuration space of a function of the PCI bus.
    pub(crate) fn config_space(&mut self, device: u8, function: u8) -> Option<&mut ConfigSpace> {
        match (device, function) {
            slot::POWER => Some(self.power.as_mut()?.config_mut()),
            PCI_FUNCTION => self.network.as_mut()?.config_space(),
            _ => self.pci.as_mut()?.config_space(device, function),
        }
    }

    /// The ports that chips decode now because configuration registers say so; of all others, what they decode is
    /// fixed ([`Device::ports`]).
    pub(crate) fn port_windows(&self) -> Vec<(DeviceId, PortRange)> {
        let Some(pci) = &self.pci else {
            return Vec::new();
        };
        let mut windows = Vec::new();
        for (number, id) in (0u8..).zip(DeviceId::IDE_CHANNELS) {
            if let Some(channel) = self.ide.get(usize::from(number))
                && pci.ide_decodes(number)
            {
                windows.extend(channel.ports().iter().map(|&range| (id, range)));
            }
            windows.extend(pci.bus_master_window(number).map(|range| (id, range)));
        }
        let power = self.power.as_ref().and_then(PowerManagement::window);
        windows.extend(power.map(|range| (DeviceId::Power, range)));
        let card = self.network.as_ref().and_then(Ne2000::port_window);
        windows.extend(card.map(|range| (DeviceId::Network, range)));
        windows
    }

    /// Whether configuration registers say what a chip decodes.
    pub(crate) fn decodes_windows(&self, id: DeviceId) -> bool {
        self.pci.is_some() && DeviceId::IDE_CHANNELS.contains(&id)
    }

    /// Address line 20 is let through if either the keyboard controller or port 92h says so.
    pub(crate) fn a20(&self) -> bool {
        self.ps2.a20() || self.system.a20()
    }

    pub(crate) fn save(&self, w: &mut FileWriter) {
        w.component(&self.pic);
        w.component(&self.pit);
        w.component(&self.dma);
        w.component(&self.cmos);
        w.component(&self.ps2);
        self.uarts.iter().for_each(|uart| w.component(uart));
        w.component(&self.system);
        w.component(&self.floppy);
        self.ide.iter().for_each(|channel| w.component(channel));
        w.component(&self.vga);
        w.component(&self.coprocessor);
        self.network.iter().for_each(|card| w.component(card));
        self.pci.iter().for_each(|pci| w.component(pci));
        self.power.iter().for_each(|power| w.component(power));
        self.hot_plug.iter().for_each(|ports| w.component(ports));
        self.direct_boot.iter().for_each(|port| w.component(port));
        self.apic.iter().for_each(|apic| w.component(apic));
        self.fw_cfg.iter().for_each(|items| w.component(items));
        self.test_device.iter().for_each(|device| w.component(device));
    }

    pub(crate) fn load(&mut self, r: &mut FileReader<'_>) -> Result<(), SnapshotError> {
        r.component(&mut self.pic)?;
        r.component(&mut self.pit)?;
        r.component(&mut self.dma)?;
        r.component(&mut self.cmos)?;
        r.component(&mut self.ps2)?;
        for uart in &mut self.uarts {
            r.component(uart)?;
        }
        r.component(&mut self.system)?;
        r.component(&mut self.floppy)?;
        for channel in &mut self.ide {
            r.component(channel)?;
        }
        r.component(&mut self.vga)?;
        r.component(&mut self.coprocessor)?;
        self.network.iter_mut().try_for_each(|card| r.component(card))?;
        self.pci.iter_mut().try_for_each(|pci| r.component(pci))?;
        self.power.iter_mut().try_for_each(|power| r.component(power))?;
        self.hot_plug
            .iter_mut()
            .try_for_each(|ports| r.component(ports))?;
        self.direct_boot
            .iter_mut()
            .try_for_each(|port| r.component(port))?;
        self.apic.iter_mut().try_for_each(|apic| r.component(apic))?;
        self.fw_cfg.iter_mut().try_for_each(|items| r.component(items))?;
        self.test_device
            .iter_mut()
            .try_for_each(|device| r.component(device))
    }
}
