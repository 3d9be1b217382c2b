//! General-purpose events and hot plugging as QEMU's PC has them beside its PIIX4, at ports of their own.
//!
//! Follows QEMU's `acpi_pci_hotplug` and `acpi_cpu_hotplug` specifications, whose ports the ACPI tables of SeaBIOS name.
//! An operating system that found all ones there would take every slot for plugged and unplugged at once. There is
//! one processor, and no slot can be plugged, so that no event ever happens: the enables of events are stored, and
//! everything else reads what never changes.

use oldiron_mmu::{IoWidth, Snapshot, SnapshotError, StateReader, StateWriter};
use serde::{Deserialize, Serialize};

use crate::{Ctx, Device, PortRange, ResetKind};

/// Slots plugged, slots to be unplugged, ejection, slots that can be unplugged: a bit for each, 32 bits each.
const PCI_SLOTS: PortRange = PortRange {
    first: 0xae00,
    count: 16,
};
/// A bit for each processor that is there, by its APIC ID.
const PROCESSORS: PortRange = PortRange {
    first: 0xaf00,
    count: 32,
};
const FIRST_PROCESSOR: u8 = 1 << 0;
/// Status and enables of 16 events each.
const EVENTS: PortRange = PortRange {
    first: 0xafe0,
    count: 4,
};
const ENABLES: u16 = EVENTS.first + 2;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    enabled: [u8; 2],
}

/// The registers.
#[derive(Default)]
pub struct HotPlug {
    s: State,
}

impl Device for HotPlug {
    fn name(&self) -> &'static str {
        "hot plug"
    }

    fn ports(&self) -> &[PortRange] {
        &[PCI_SLOTS, PROCESSORS, EVENTS]
    }

    fn reset(&mut self, _: ResetKind, _: &mut Ctx<'_>) {
        self.s = State::default();
    }

    fn port_read(&mut self, port: u16, _: IoWidth, _: &mut Ctx<'_>) -> u32 {
        let value = match port {
            _ if port == PROCESSORS.first => FIRST_PROCESSOR,
            ENABLES.. => self.s.enabled[usize::from(port & 1)],
            _ => 0,
        };
        value.into()
    }

    fn port_write(&mut self, port: u16, value: u32, _: IoWidth, _: &mut Ctx<'_>) {
        if port >= ENABLES {
            self.s.enabled[usize::from(port & 1)] = value as u8;
        }
    }
}

impl Snapshot for HotPlug {
    const TAG: [u8; 4] = *b"HOTP";
    const VERSION: u16 = 1;

    fn save(&self, w: &mut StateWriter) {
        w.put(&self.s);
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        self.s = r.get()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rig::{Rig, assert_round_trip};

    #[test]
    fn one_processor_is_there_and_nothing_was_plugged_or_can_be() {
        let mut rig = Rig::new(HotPlug::default());
        for port in rig.chip.ports().to_vec() {
            for port in port.first..port.first + port.count {
                rig.out(port, 0xff);
                let expected = match port {
                    0xaf00 => 1,
                    0xafe2 | 0xafe3 => 0xff,
                    _ => 0,
                };
                assert_eq!(rig.inb(port), expected, "{port:#x}");
            }
        }
        rig.with(|chip, ctx| chip.reset(ResetKind::Hard, ctx));
        assert_eq!([rig.inb(0xafe2), rig.inb(0xafe3)], [0, 0]);
    }

    #[test]
    fn state_survives_the_round_trip() {
        let mut rig = Rig::new(HotPlug::default());
        rig.out(0xafe3, 0x5a);
        assert_round_trip(&rig.chip, &mut HotPlug::default());
    }
}
