//! An image's part of an overlay file, as it is in memory.

use std::collections::BTreeMap;

use oldiron_platform::CLUSTER_SECTORS;

use super::format::{self, Descriptor, ImageRecord, MAP_CLUSTERS};

/// A place for a cluster: its map's offset in the file, and its index there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    map: u64,
    index: u64,
}

impl Slot {
    /// Where its descriptor is.
    pub fn descriptor(self) -> u64 {
        format::descriptor_offset(self.map, self.index)
    }

    /// Where its data is.
    pub fn data(self) -> u64 {
        format::data_offset(self.map, self.index)
    }
}

/// A cluster that was written to.
#[derive(Clone, Copy, Debug)]
pub struct Cluster {
    /// Its sectors that were written.
    pub mask: u8,
    /// Those that were not there at the last flush.
    pub unsure: u8,
    /// Where it is.
    pub slot: Slot,
}

/// An image's part of the file.
pub struct Part {
    /// What image it is.
    pub record: ImageRecord,
    /// The maps of older generations do not count.
    pub since: u64,
    /// By number.
    pub clusters: BTreeMap<u64, Cluster>,
    /// Its maps.
    pub maps: Vec<u64>,
    /// Slots to be used, the last first.
    pub free: Vec<Slot>,
    /// A drive uses it.
    pub claimed: bool,
}

impl Part {
    /// Nothing was written.
    pub fn new(record: ImageRecord) -> Self {
        Self {
            record,
            since: 0,
            clusters: BTreeMap::new(),
            maps: Vec::new(),
            free: Vec::new(),
            claimed: false,
        }
    }

    /// Takes a map over, of which all slots are free.
    pub fn add_map(&mut self, map: u64) {
        self.maps.push(map);
        self.free
            .extend((0..MAP_CLUSTERS).rev().map(|index| Slot { map, index }));
    }

    /// Takes over what the map `page` at `map` says. Returns the clusters of which sectors are not sure to be there;
    /// `None`: damaged.
    pub fn load_map(&mut self, map: u64, page: &[u8]) -> Option<Vec<Descriptor>> {
        let mut unsure = Vec::new();
        self.maps.push(map);
        for index in (0..MAP_CLUSTERS).rev() {
            let found = Descriptor::decode(page, map, index)?;
            let slot = Slot { map, index };
            if found.mask == 0 {
                self.free.push(slot);
                continue;
            }
            let last =
                (found.cluster * CLUSTER_SECTORS).checked_add(7 - u64::from(found.mask.leading_zeros()))?;
            let cluster = Cluster {
                mask: found.mask,
                unsure: found.unsure,
                slot,
            };
            let twice = self.clusters.insert(found.cluster, cluster).is_some();
            if twice || last >= self.record.sectors {
                return None;
            }
            if found.unsure != 0 {
                unsure.push(found);
            }
        }
        Some(unsure)
    }

    /// Sectors that were written.
    pub fn sectors_written(&self) -> u64 {
        self.clusters
            .values()
            .map(|cluster| u64::from(cluster.mask.count_ones()))
            .sum()
    }
}
