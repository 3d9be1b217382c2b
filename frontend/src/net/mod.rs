//! What the guest's network card is connected to.

mod options;
mod pcap;

use oldiron_platform::{SentFrame, TickRate};

use self::pcap::Pcap;
use crate::outcome::Failure;

pub use self::options::NetArgs;

/// The far end of the guest's network cable.
pub struct Network {
    pcap: Option<Pcap>,
}

impl Network {
    /// Opens what `args` ask for.
    pub fn open(args: &NetArgs, rate: TickRate) -> Result<Self, Failure> {
        let pcap = args.pcap.as_deref().map(|path| Pcap::create(path, rate));
        Ok(Self {
            pcap: pcap.transpose()?,
        })
    }

    /// The card sent these frames.
    pub fn take(&mut self, frames: &[SentFrame]) -> Result<(), Failure> {
        for SentFrame { at, bytes } in frames {
            if let Some(pcap) = &mut self.pcap {
                pcap.add(*at, bytes)?;
            }
        }
        Ok(())
    }

    /// Writes everything that is held back.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.pcap.as_mut().map_or(Ok(()), Pcap::flush)
    }
}
