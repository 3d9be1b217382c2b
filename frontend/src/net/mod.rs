//! What the guest's network card is connected to.

#[cfg(unix)]
mod hub;
mod nat;
mod options;
mod pcap;
mod wait;

use std::{net::SocketAddr, time::Duration};

use oldiron_platform::{SentFrame, TickRate, Ticks};
use smoltcp::time::Instant;

use self::{
    nat::Nat,
    options::{Cable, Protocol},
    pcap::Pcap,
};
use crate::{image, outcome::Failure};

pub use self::options::NetArgs;

/// The far end of the guest's network cable.
pub struct Network {
    cable: Connected,
    pcap: Option<Pcap>,
    rate: TickRate,
}

/// What is there.
enum Connected {
    Nothing,
    Nat(Box<Nat>),
    #[cfg(unix)]
    Hub(hub::Hub),
}

impl Network {
    /// Opens what `args` ask for; a `replay` needs no network.
    pub fn open(args: &NetArgs, rate: TickRate, replay: bool) -> Result<Self, Failure> {
        let cable = args.cable();
        if cable != Cable::Nat
            && let Some(option) = args.of_nat()
        {
            return Err(Failure::usage(format!("{option} is for --net nat only")));
        }
        let cable = match cable {
            _ if replay => Connected::Nothing,
            Cable::None => Connected::Nothing,
            Cable::Nat => Connected::Nat(Box::new(open_nat(args)?)),
            #[cfg(unix)]
            Cable::Hub(name) => Connected::Hub(hub::Hub::join(&name)?),
            #[cfg(not(unix))]
            Cable::Hub(_) => {
                return Err(Failure::usage("--net hub:NAME needs Unix sockets; use --net nat"));
            }
        };
        let pcap = args.pcap.as_deref().map(|path| Pcap::create(path, rate));
        Ok(Self {
            cable,
            pcap: pcap.transpose()?,
            rate,
        })
    }

    /// Whether there is anybody who could answer.
    pub fn is_connected(&self) -> bool {
        !matches!(self.cable, Connected::Nothing)
    }

    /// The card sent these frames.
    pub fn take(&mut self, frames: &[SentFrame]) -> Result<(), Failure> {
        for SentFrame { at, bytes } in frames {
            if let Some(pcap) = &mut self.pcap {
                pcap.add(*at, bytes)?;
            }
            let now = self.time(*at);
            match &mut self.cable {
                Connected::Nothing => {}
                Connected::Nat(nat) => nat.take(bytes, now),
                #[cfg(unix)]
                Connected::Hub(hub) => hub.take(bytes),
            }
        }
        Ok(())
    }

    /// Frames that have come for the guest by now, at most `room`.
    pub fn poll(&mut self, at: Ticks, room: usize) -> Result<Vec<Vec<u8>>, Failure> {
        let now = self.time(at);
        let frames = match &mut self.cable {
            Connected::Nothing => Vec::new(),
            Connected::Nat(nat) => nat.poll(now, room),
            #[cfg(unix)]
            Connected::Hub(hub) => hub.poll(room),
        };
        self.note(at, &frames)?;
        Ok(frames)
    }

    /// Frames came, at the guest's time `at`: from here, or from a recording.
    pub fn note(&mut self, at: Ticks, frames: &[Vec<u8>]) -> Result<(), Failure> {
        match &mut self.pcap {
            Some(pcap) => frames.iter().try_for_each(|frame| pcap.add(at, frame)),
            None => Ok(()),
        }
    }

    /// Whether something may come from the host's world at any time: a halted guest must not run ahead of it.
    pub fn awaits(&self) -> bool {
        match &self.cable {
            Connected::Nothing => false,
            Connected::Nat(nat) => nat.awaits(),
            #[cfg(unix)]
            Connected::Hub(_) => true,
        }
    }

    /// Sleeps for `time`, or until something has come.
    pub fn wait(&self, time: Duration) {
        let mut interests = Vec::new();
        match &self.cable {
            Connected::Nothing => {}
            Connected::Nat(nat) => nat.interests(&mut interests),
            #[cfg(unix)]
            Connected::Hub(hub) => hub.interests(&mut interests),
        }
        wait::wait(&interests, time);
    }

    /// The guest is another one now: connections of the one before end.
    pub fn forget(&mut self) {
        if let Connected::Nat(nat) = &mut self.cable {
            nat.clear();
        }
    }

    /// Writes everything that is held back.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.pcap.as_mut().map_or(Ok(()), Pcap::flush)
    }

    fn time(&self, at: Ticks) -> Instant {
        Instant::from_micros(self.rate.count_at(at, 1_000_000) as i64)
    }
}

fn open_nat(args: &NetArgs) -> Result<Nat, Failure> {
    let resolver = args.net_dns.or_else(host_resolver);
    let mut nat = Nat::new(args.net_host_loopback, resolver);
    for forward in &args.fwd {
        let opened = match forward.protocol {
            Protocol::Tcp => nat.forward_tcp(forward.host, forward.guest),
            Protocol::Udp => nat.forward_udp(forward.host, forward.guest),
        };
        opened.map_err(|error| {
            let error = image::describe(&error);
            let host = forward.host;
            Failure::host_io(format!(
                "--fwd: cannot listen on {host} ({error}); choose another port"
            ))
        })?;
    }
    if let Some(directory) = &args.tftp {
        nat.serve(directory).map_err(|error| {
            let error = image::describe(&error);
            Failure::file(format!(
                "{}: {error}; give --tftp a directory",
                directory.display()
            ))
        })?;
    }
    Ok(nat)
}

/// The server that the host asks for names.
fn host_resolver() -> Option<SocketAddr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").ok()?;
    nat::first_resolver(&text)
}
