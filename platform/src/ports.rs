//! Which chip decodes which I/O port.

use oldiron_devices::{Device, PortRange};

use crate::{BuildError, chips::DeviceId};

/// One I/O port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Port {
    pub(crate) device: DeviceId,
    /// 16- and 32-bit cycles go to the chip whole.
    pub(crate) wide: bool,
    /// Every byte written is copied to the outbox.
    pub(crate) logged: bool,
}

/// All 65,536 ports.
#[derive(Debug)]
pub(crate) struct PortTable {
    ports: Vec<Port>,
    /// The ports that configuration registers gave to chips.
    windows: Vec<(DeviceId, PortRange)>,
}

const UNCLAIMED: Port = Port {
    device: DeviceId::None,
    wide: false,
    logged: false,
};

impl PortTable {
    /// A table in which no chip has claimed a port yet.
    pub(crate) fn new() -> Self {
        Self {
            ports: vec![UNCLAIMED; 1 << 16],
            windows: Vec::new(),
        }
    }

    /// Claims the ports of `device`. `name_of` tells who had a port before.
    pub(crate) fn claim(
        &mut self,
        id: DeviceId,
        device: &dyn Device,
        name_of: impl Fn(DeviceId) -> &'static str,
    ) -> Result<(), BuildError> {
        for range in device.ports() {
            let slots = self.ports.iter_mut().enumerate();
            for (port, slot) in slots.skip(range.first.into()).take(range.count.into()) {
                if slot.device != DeviceId::None {
                    let (port, first, second) = (port as u16, name_of(slot.device), device.name());
                    return Err(BuildError::PortConflict { port, first, second });
                }
                slot.device = id;
                slot.wide = device.wide_ports(port as u16);
            }
        }
        Ok(())
    }

    /// Makes ports that `id` claimed a window, which [`PortTable::set_windows`] closes.
    pub(crate) fn make_window(&mut self, id: DeviceId, range: PortRange) {
        self.windows.push((id, range));
    }

    /// Gives these ports to these chips, and takes away what this gave before. Ports that another chip decodes stay
    /// with it. `wide`: whether a chip takes wide cycles at a port.
    pub(crate) fn set_windows(
        &mut self,
        windows: Vec<(DeviceId, PortRange)>,
        wide: impl Fn(DeviceId, u16) -> bool,
    ) {
        if windows == self.windows {
            return;
        }
        for (id, range) in core::mem::take(&mut self.windows) {
            for slot in self.range_mut(range).filter(|slot| slot.device == id) {
                (slot.device, slot.wide) = (DeviceId::None, false);
            }
        }
        for &(id, range) in &windows {
            for (port, slot) in (range.first..=u16::MAX).zip(self.range_mut(range)) {
                if slot.device == DeviceId::None {
                    (slot.device, slot.wide) = (id, wide(id, port));
                }
            }
        }
        self.windows = windows;
    }

    fn range_mut(&mut self, range: PortRange) -> impl Iterator<Item = &mut Port> {
        let slots = self.ports.iter_mut();
        slots.skip(range.first.into()).take(range.count.into())
    }

    /// Asks for a copy of every byte written to `port`.
    pub(crate) fn log(&mut self, port: u16) {
        if let Some(slot) = self.ports.get_mut(usize::from(port)) {
            slot.logged = true;
        }
    }

    #[inline]
    pub(crate) fn at(&self, port: u16) -> Port {
        self.ports.get(usize::from(port)).copied().unwrap_or(UNCLAIMED)
    }
}

#[cfg(test)]
mod tests {
    use oldiron_devices::{Ctx, ResetKind};

    use super::*;

    struct Chip(&'static str, Vec<PortRange>);
    impl Device for Chip {
        fn name(&self) -> &'static str {
            self.0
        }
        fn ports(&self) -> &[PortRange] {
            &self.1
        }
        fn reset(&mut self, _: ResetKind, _: &mut Ctx<'_>) {}
        fn wide_ports(&self, port: u16) -> bool {
            port == 0x1f0
        }
    }

    #[test]
    fn a_window_may_end_with_the_last_port() {
        let mut table = PortTable::new();
        let last = PortRange {
            first: 0xfff8,
            count: 8,
        };
        table.set_windows(vec![(DeviceId::Ide0, last)], |_, port| port == 0xffff);
        assert_eq!(table.at(0xfff8).device, DeviceId::Ide0);
        assert!(table.at(0xffff).wide);
        table.set_windows(Vec::new(), |_, _| false);
        assert_eq!(table.at(0xffff).device, DeviceId::None);
    }

    #[test]
    fn a_port_that_two_chips_want_is_a_build_error() {
        let first = Chip(
            "first",
            vec![
                PortRange {
                    first: 0x1f0,
                    count: 8,
                },
                PortRange {
                    first: 0xffff,
                    count: 1,
                },
            ],
        );
        let second = Chip(
            "second",
            vec![PortRange {
                first: 0x1f7,
                count: 1,
            }],
        );
        let mut table = PortTable::new();
        let name = |id| if id == DeviceId::Ide0 { "first" } else { "?" };
        table.claim(DeviceId::Ide0, &first, name).unwrap();
        assert_eq!(
            table.claim(DeviceId::Ide1, &second, name),
            Err(BuildError::PortConflict {
                port: 0x1f7,
                first: "first",
                second: "second"
            })
        );
        assert_eq!(table.at(0x1f0).device, DeviceId::Ide0);
        assert!(table.at(0x1f0).wide);
        assert!(!table.at(0x1f1).wide);
        assert_eq!(table.at(0xffff).device, DeviceId::Ide0);
        assert_eq!(table.at(0x1ef).device, DeviceId::None);
    }
}
