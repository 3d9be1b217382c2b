//! What is written to an image, kept beside it.
//!
//! An [`Overlay`] holds the sectors that were written, in clusters of eight, so that memory is bounded
//! by what was written. [`OverlayImage`] lays one over an image that is only read. As bytes, an overlay
//! is the same whenever its contents are:
//!
//! ```text
//! overlay := cluster*                        in ascending order
//! cluster := number (u64, little-endian)  mask (u8, bit n: sector 8 * number + n, never 0)
//!            512 bytes for each bit of the mask, lowest first
//! ```

use std::collections::BTreeMap;

use crate::{BlockImage, DiskError, SECTOR_SIZE};

/// Sectors of a cluster.
pub const CLUSTER_SECTORS: u64 = 8;

const CLUSTER_BYTES: usize = CLUSTER_SECTORS as usize * SECTOR_SIZE;
/// Number and mask.
const HEAD_BYTES: usize = 9;

#[derive(Clone, PartialEq, Eq)]
struct Cluster {
    /// Which of the sectors were written.
    mask: u8,
    bytes: Box<[u8; CLUSTER_BYTES]>,
}

/// Sectors that were written.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Overlay {
    clusters: BTreeMap<u64, Cluster>,
}

impl core::fmt::Debug for Overlay {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Overlay of {} sectors", self.len())
    }
}

/// The bytes are no overlay of this image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the overlay is damaged at byte {offset}")]
pub struct OverlayError {
    /// Where the cluster in question starts.
    pub offset: usize,
}

/// Where a sector is: its cluster, its bit in the mask, and its place in the bytes.
fn place(lba: u64) -> (u64, u8, usize) {
    let index = lba % CLUSTER_SECTORS;
    (lba / CLUSTER_SECTORS, 1 << index, index as usize * SECTOR_SIZE)
}

impl Overlay {
    /// Nothing was written.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sectors written.
    pub fn len(&self) -> u64 {
        self.clusters
            .values()
            .map(|cluster| u64::from(cluster.mask.count_ones()))
            .sum()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.clusters.is_empty()
    }

    /// Keeps whole sectors from `lba` on.
    pub fn write(&mut self, lba: u64, data: &[u8]) {
        for (lba, sector) in (lba..).zip(data.as_chunks::<SECTOR_SIZE>().0) {
            let (number, bit, at) = place(lba);
            let cluster = self.clusters.entry(number).or_insert_with(|| Cluster {
                mask: 0,
                bytes: Box::new([0; CLUSTER_BYTES]),
            });
            cluster.mask |= bit;
            cluster.bytes[at..at + SECTOR_SIZE].copy_from_slice(sector);
        }
    }

    /// Puts the sectors that were written over those that `buf`, from `lba` on, has from the image.
    pub fn cover(&self, lba: u64, buf: &mut [u8]) {
        let count = (buf.len() / SECTOR_SIZE) as u64;
        let first = lba / CLUSTER_SECTORS;
        let last = lba.saturating_add(count) / CLUSTER_SECTORS;
        if self.clusters.range(first..=last).next().is_none() {
            return;
        }
        for (lba, sector) in (lba..).zip(buf.as_chunks_mut::<SECTOR_SIZE>().0) {
            if let Some(written) = self.sector(lba) {
                *sector = *written;
            }
        }
    }

    /// A sector, if it was written.
    pub fn sector(&self, lba: u64) -> Option<&[u8; SECTOR_SIZE]> {
        let (number, bit, at) = place(lba);
        let cluster = self.clusters.get(&number)?;
        let written = cluster.mask & bit != 0;
        cluster.bytes.get(at..)?.first_chunk().filter(|_| written)
    }

    /// The sectors that were written, in ascending order.
    pub fn sectors(&self) -> impl Iterator<Item = (u64, &[u8; SECTOR_SIZE])> {
        self.clusters.iter().flat_map(|(number, cluster)| {
            let lbas = number * CLUSTER_SECTORS..;
            let written = move |index: &usize| cluster.mask & 1 << index != 0;
            lbas.zip(cluster.bytes.as_chunks::<SECTOR_SIZE>().0)
                .enumerate()
                .filter(move |(index, _)| written(index))
                .map(|(_, sector)| sector)
        })
    }

    /// All of it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let size = self.clusters.len() * HEAD_BYTES + self.len() as usize * SECTOR_SIZE;
        let mut bytes = Vec::with_capacity(size);
        for (number, cluster) in &self.clusters {
            bytes.extend_from_slice(&number.to_le_bytes());
            bytes.push(cluster.mask);
            for (index, sector) in cluster.bytes.as_chunks::<SECTOR_SIZE>().0.iter().enumerate() {
                if cluster.mask & 1 << index != 0 {
                    bytes.extend_from_slice(sector);
                }
            }
        }
        bytes
    }

    /// What [`to_bytes`](Self::to_bytes) made, for an image of `sectors` sectors.
    pub fn from_bytes(bytes: &[u8], sectors: u64) -> Result<Self, OverlayError> {
        let mut overlay = Self::new();
        let mut rest = bytes;
        let mut next = 0;
        while !rest.is_empty() {
            let error = OverlayError {
                offset: bytes.len() - rest.len(),
            };
            let number;
            (number, rest) = overlay.take_cluster(rest, sectors).ok_or(error)?;
            if number < next {
                return Err(error);
            }
            next = number + 1;
        }
        Ok(overlay)
    }

    /// Takes the cluster that `bytes` begin with, and returns its number and the bytes behind it.
    fn take_cluster<'a>(&mut self, bytes: &'a [u8], sectors: u64) -> Option<(u64, &'a [u8])> {
        let (number, rest) = bytes.split_first_chunk()?;
        let (&mask, rest) = rest.split_first()?;
        let number = u64::from_le_bytes(*number);
        let (data, rest) = rest.split_at_checked(mask.count_ones() as usize * SECTOR_SIZE)?;
        let end = number
            .checked_mul(CLUSTER_SECTORS)?
            .checked_add(8 - u64::from(mask.leading_zeros()))?;
        if mask == 0 || end > sectors {
            return None;
        }
        let indices = (0..CLUSTER_SECTORS).filter(|index| mask & 1 << index != 0);
        for (index, sector) in indices.zip(data.as_chunks::<SECTOR_SIZE>().0) {
            self.write(number * CLUSTER_SECTORS + index, sector);
        }
        Some((number, rest))
    }
}

/// An image that is only read, with an overlay that takes the writes.
pub struct OverlayImage {
    base: Box<dyn BlockImage>,
    overlay: Overlay,
}

impl OverlayImage {
    /// Lays an empty overlay over `base`.
    pub fn new(base: Box<dyn BlockImage>) -> Self {
        Self {
            base,
            overlay: Overlay::new(),
        }
    }
}

impl BlockImage for OverlayImage {
    fn sectors(&self) -> u64 {
        self.base.sectors()
    }

    fn name(&self) -> &str {
        self.base.name()
    }

    fn read(&mut self, lba: u64, buf: &mut [u8]) -> Result<(), DiskError> {
        self.base.read(lba, buf)?;
        self.overlay.cover(lba, buf);
        Ok(())
    }

    fn write(&mut self, lba: u64, data: &[u8]) -> Result<(), DiskError> {
        let count = (data.len() / SECTOR_SIZE) as u64;
        if lba.checked_add(count).is_none_or(|end| end > self.base.sectors()) {
            return Err(DiskError::OutOfRange { lba });
        }
        self.overlay.write(lba, data);
        Ok(())
    }

    fn read_base(&mut self, lba: u64, buf: &mut [u8]) -> Result<(), DiskError> {
        self.base.read(lba, buf)
    }

    fn save_overlay(&self) -> Result<Option<Vec<u8>>, DiskError> {
        Ok(Some(self.overlay.to_bytes()))
    }

    fn load_overlay(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.overlay = Overlay::from_bytes(bytes, self.base.sectors())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryImage;

    fn image(sectors: usize) -> OverlayImage {
        OverlayImage::new(Box::new(MemoryImage::read_only(vec![7; sectors * SECTOR_SIZE])))
    }

    fn written(writes: &[(u64, u8)]) -> Overlay {
        let mut overlay = Overlay::new();
        for &(lba, value) in writes {
            overlay.write(lba, &[value; SECTOR_SIZE]);
        }
        overlay
    }

    #[test]
    fn what_was_written_is_read_and_the_base_stays() {
        let mut disk = image(20);
        disk.write(6, &[1; 4 * SECTOR_SIZE]).unwrap();
        let mut buf = [0; 6 * SECTOR_SIZE];
        disk.read(5, &mut buf).unwrap();
        let firsts: Vec<u8> = buf.chunks(SECTOR_SIZE).map(|sector| sector[0]).collect();
        assert_eq!(firsts, [7, 1, 1, 1, 1, 7]);
        disk.read_base(5, &mut buf).unwrap();
        assert_eq!(buf, [7; 6 * SECTOR_SIZE]);
        assert!(!disk.is_read_only());
    }

    #[test]
    fn memory_is_bounded_by_what_was_written_wherever_that_is() {
        let overlay = written(&[(0, 1), (u64::from(u32::MAX), 2), (0, 3)]);
        assert_eq!((overlay.len(), overlay.clusters.len()), (2, 2));
        assert_eq!(overlay.to_bytes().len(), 2 * (HEAD_BYTES + SECTOR_SIZE));
    }

    #[test]
    fn an_overlay_survives_the_round_trip_through_bytes() {
        let overlay = written(&[(3, 1), (4, 2), (70, 3), (71, 4)]);
        let same = written(&[(71, 4), (3, 9), (70, 3), (3, 1), (4, 2)]);
        assert_eq!(overlay.to_bytes(), same.to_bytes());
        assert_eq!(Overlay::from_bytes(&overlay.to_bytes(), 72), Ok(overlay.clone()));
        let sectors: Vec<_> = overlay.sectors().map(|(lba, data)| (lba, data[0])).collect();
        assert_eq!(sectors, [(3, 1), (4, 2), (70, 3), (71, 4)]);

        let mut disk = image(72);
        disk.load_overlay(&overlay.to_bytes()).unwrap();
        assert_eq!(disk.save_overlay().unwrap(), Some(overlay.to_bytes()));
        let mut buf = [0; SECTOR_SIZE];
        disk.read(70, &mut buf).unwrap();
        assert_eq!(buf[0], 3);
    }

    #[test]
    fn damaged_bytes_are_refused_and_change_nothing() {
        let overlay = written(&[(3, 1), (70, 3)]);
        let bytes = overlay.to_bytes();
        let cluster = HEAD_BYTES + SECTOR_SIZE;
        for cut in (1..bytes.len()).filter(|cut| cut % cluster != 0) {
            assert!(Overlay::from_bytes(&bytes[..cut], 72).is_err(), "{cut}");
        }
        let swapped = [&bytes[cluster..], &bytes[..cluster]].concat();
        let twice = [&bytes[..cluster], &bytes[..cluster]].concat();
        let mut empty = bytes.clone();
        empty[8] = 0;
        let mut far = bytes.clone();
        far[..8].fill(0xff);
        for bad in [&swapped, &twice, &empty, &far] {
            assert!(Overlay::from_bytes(bad, 72).is_err());
        }
        assert!(Overlay::from_bytes(&bytes, 70).is_err(), "past the end");

        let mut disk = image(72);
        disk.write(0, &[5; SECTOR_SIZE]).unwrap();
        assert!(disk.load_overlay(&swapped).is_err());
        assert_eq!(disk.save_overlay().unwrap(), Some(written(&[(0, 5)]).to_bytes()));
    }

    #[test]
    fn sectors_past_the_end_are_refused() {
        let mut disk = image(4);
        let error = DiskError::OutOfRange { lba: 3 };
        assert_eq!(disk.write(3, &[0; 2 * SECTOR_SIZE]), Err(error.clone()));
        assert_eq!(disk.read(3, &mut [0; 2 * SECTOR_SIZE]), Err(error));
        assert!(disk.write(u64::MAX, &[0; SECTOR_SIZE]).is_err());
    }
}
