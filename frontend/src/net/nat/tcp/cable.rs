//! Frames between the guest's card and smoltcp.

use std::collections::VecDeque;

use smoltcp::{
    phy::{self, DeviceCapabilities, Medium},
    time::Instant,
};

/// Bytes of an Ethernet frame.
const MTU: usize = 1514;

/// The cable between the guest's card and smoltcp.
#[derive(Default)]
pub struct Cable {
    /// The frame that is given to smoltcp next.
    pub from_guest: Option<Vec<u8>>,
    /// What smoltcp has sent.
    pub to_guest: VecDeque<Vec<u8>>,
    /// Most frames that may wait for the guest.
    pub room: usize,
}

/// A frame from the guest.
pub struct Arriving(Vec<u8>);
/// Room for a frame to the guest.
pub struct Leaving<'a>(&'a mut VecDeque<Vec<u8>>);

impl phy::RxToken for Arriving {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl phy::TxToken for Leaving<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        frame.resize(len.max(60), 0);
        self.0.push_back(frame);
        result
    }
}

impl phy::Device for Cable {
    type RxToken<'a> = Arriving;
    type TxToken<'a> = Leaving<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Arriving, Leaving<'_>)> {
        let frame = self.from_guest.take()?;
        Some((Arriving(frame), Leaving(&mut self.to_guest)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Leaving<'_>> {
        (self.to_guest.len() < self.room).then_some(Leaving(&mut self.to_guest))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = MTU;
        capabilities
    }
}
