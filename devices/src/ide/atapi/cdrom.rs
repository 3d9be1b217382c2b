//! The drive: the disc in it, its door, and what hosts have not been told yet.

use serde::{Deserialize, Serialize};

use super::mode::Pages;
use super::read::Transfer;
use super::sense::Sense;
use super::{MAX_DMA_MODE, PACKET_BYTES, Power};
use crate::{BlockImage, Ctx, SECTOR_SIZE};

/// Bytes of user data in a sector.
pub(super) const BLOCK_BYTES: usize = 2048;

/// Sectors of an image in one of a disc.
const IMAGE_SECTORS: u64 = (BLOCK_BYTES / SECTOR_SIZE) as u64;

/// Sectors that addresses in minutes, seconds and frames reach, from 0:2:0 to 99:59:74: what a CD may hold.
pub(super) const MSF_BLOCKS: u32 = 449_850;

/// The highest speed, in KB/s: 24 times that of audio.
pub(super) const MAX_SPEED: u16 = 4234;

bitflags::bitflags! {
    /// Unit attentions that no host has heard of.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub(super) struct Attentions: u8 {
        /// The drive was reset.
        const RESET = 1;
        /// There is another disc.
        const MEDIUM = 2;
    }
}

/// What GET EVENT STATUS NOTIFICATION tells of the medium (MMC-3 table 203).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum MediaEvent {
    None = 0,
    NewMedia = 2,
    Removal = 3,
}

/// Everything about a drive but its interface and what is on the disc.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::ide) struct CdromState {
    /// The packet of the command, and its byte count; 0: no packet command is under way.
    pub(super) packet: [u8; PACKET_BYTES],
    pub(super) limit: u16,
    /// Of the last command that failed.
    pub(super) sense: Sense,
    pub(super) attentions: Attentions,
    pub(super) event: MediaEvent,
    /// A disc may lie in the open door.
    pub(super) door_open: bool,
    /// The door does not open for the guest.
    pub(super) locked: bool,
    pub(super) pages: Pages,
    /// The multiword DMA mode of SET FEATURES.
    pub(super) dma_mode: Option<u8>,
    /// KB/s.
    pub(super) speed: u16,
    pub(super) power: Power,
    pub(super) transfer: Transfer,
    /// The sector behind the last one read.
    pub(super) head_at: u32,
}

impl CdromState {
    fn new() -> Self {
        Self {
            packet: [0; PACKET_BYTES],
            limit: 0,
            sense: Sense::NONE,
            attentions: Attentions::RESET,
            event: MediaEvent::None,
            door_open: false,
            locked: false,
            pages: Pages::default(),
            dma_mode: None,
            speed: MAX_SPEED,
            power: Power::Active,
            transfer: Transfer::default(),
            head_at: 0,
        }
    }

    pub(in crate::ide) fn is_sane(&self) -> bool {
        Attentions::from_bits(self.attentions.bits()).is_some()
            && self.dma_mode.is_none_or(|mode| mode <= MAX_DMA_MODE)
    }
}

/// A drive and its disc.
pub(in crate::ide) struct Cdrom {
    image: Option<Box<dyn BlockImage>>,
    pub(in crate::ide) s: CdromState,
}

impl Cdrom {
    pub(in crate::ide) fn new(image: Option<Box<dyn BlockImage>>) -> Self {
        Self {
            image,
            s: CdromState::new(),
        }
    }

    pub(in crate::ide) fn image(&self) -> Option<&dyn BlockImage> {
        self.image.as_deref()
    }

    pub(in crate::ide) fn image_mut(&mut self) -> Option<&mut Box<dyn BlockImage>> {
        self.image.as_mut()
    }

    /// Sectors of the image, if there is one.
    pub(in crate::ide) fn sectors(&self) -> Option<u64> {
        self.image.as_ref().map(|image| image.sectors())
    }

    /// Puts another disc in and closes the door. With none the drive is empty.
    pub(in crate::ide) fn insert(
        &mut self,
        image: Option<Box<dyn BlockImage>>,
    ) -> Option<Box<dyn BlockImage>> {
        self.s.door_open = false;
        self.s.event = if image.is_some() {
            MediaEvent::NewMedia
        } else {
            MediaEvent::Removal
        };
        self.s.attentions.set(Attentions::MEDIUM, image.is_some());
        core::mem::replace(&mut self.image, image)
    }

    /// What any reset does (MMC-3 §4.4): the door can be opened, and parameters are those of the maker.
    pub(in crate::ide) fn reset(&mut self) {
        let (attentions, event, door_open) = (self.s.attentions, self.s.event, self.s.door_open);
        self.s = CdromState {
            attentions: attentions | Attentions::RESET,
            event,
            door_open,
            ..CdromState::new()
        };
    }

    pub(super) fn stop_transfer(&mut self) {
        self.s.transfer.left = 0;
    }

    /// Sectors of the disc that can be read; the sense data if there is none.
    pub(super) fn blocks(&self) -> Result<u32, Sense> {
        match &self.image {
            _ if self.s.door_open => Err(Sense::NO_MEDIUM_DOOR_OPEN),
            None => Err(Sense::NO_MEDIUM_DOOR_CLOSED),
            Some(image) => Ok((image.sectors() / IMAGE_SECTORS).min(u32::MAX.into()) as u32),
        }
    }

    /// Whether the disc is a CD by its size, or a DVD.
    pub(super) fn is_cd(&self) -> bool {
        self.blocks().is_ok_and(|blocks| blocks < MSF_BLOCKS)
    }

    /// The attention that is to be told next; it is told once.
    pub(super) fn take_attention(&mut self) -> Option<Sense> {
        let (flag, sense) = if self.s.attentions.contains(Attentions::RESET) {
            (Attentions::RESET, Sense::RESET)
        } else if self.s.attentions.contains(Attentions::MEDIUM) {
            (Attentions::MEDIUM, Sense::MEDIUM_CHANGED)
        } else {
            return None;
        };
        self.s.attentions.remove(flag);
        Some(sense)
    }

    /// Reads the user data of a sector.
    pub(super) fn read_block(
        &mut self,
        lba: u32,
        block: &mut [u8; BLOCK_BYTES],
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Sense> {
        self.blocks()?;
        let image = self.image.as_mut().ok_or(Sense::NO_MEDIUM_DOOR_CLOSED)?;
        image
            .read(u64::from(lba) * IMAGE_SECTORS, block)
            .map_err(|error| {
                log::warn!(target: "dev::ide", "{error}");
                ctx.out.disk_errors.push(error);
                Sense::UNRECOVERED_READ
            })
    }

    /// Opens or closes the door, as the guest asks.
    pub(super) fn move_door(&mut self, open: bool) -> Result<(), Sense> {
        if open == self.s.door_open {
            return Ok(());
        }
        if open && self.s.locked {
            return Err(Sense::REMOVAL_PREVENTED);
        }
        self.s.door_open = open;
        let loaded = !open && self.image.is_some();
        self.s.attentions.set(Attentions::MEDIUM, loaded);
        self.s.event = match (open, loaded) {
            (true, _) => MediaEvent::Removal,
            (false, true) => MediaEvent::NewMedia,
            (false, false) => MediaEvent::None,
        };
        Ok(())
    }
}
