//! UDP between the guest and the host's sockets: one for each pair of ends, so that only the end that the guest
//! has sent to can answer.
//!
//! In the terms of RFC 4787, mapping and filtering both depend on address and port. Other gateways in programs of this
//! kind have one socket for each of the guest's ports and let everybody answer (endpoint-independent mapping). That
//! would serve a TFTP server of the outside, which answers from a new port, and peers that meet by way of a third;
//! but whoever finds the port could then send to the guest, and a name server's answer would be anybody's to forge. The
//! guests meant here (DNS, NTP, DHCP, their own TFTP) have no use for it.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
    time::{Duration, Instant},
};

use super::{
    addresses::{GATEWAY, Policy},
    packet::MOST_DATAGRAM,
};
use crate::net::wait::Interest;

/// Pairs of ends at a time.
const MOST_FLOWS: usize = 128;
/// Peers of forwarded ports at a time.
const MOST_PEERS: usize = 64;
/// Nothing was sent for so long: forgotten.
const FORGET: Duration = Duration::from_secs(120);
/// How long a guest that stands still waits for an answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Peers of forwarded ports appear at ports of the gateway from here on.
const FIRST_PORT: u16 = 49152;

/// A guest's end, a far end, and the host's socket between them.
struct Flow {
    socket: UdpSocket,
    used: Instant,
    /// The guest has asked, and had no answer yet.
    asked: bool,
}

/// A port of the host that leads to one of the guest.
struct Forward {
    socket: UdpSocket,
    guest_port: u16,
}

/// Who sent to a forwarded port.
struct Peer {
    forward: usize,
    address: SocketAddr,
    used: Instant,
}

/// A datagram for the guest.
pub struct Datagram {
    pub from: SocketAddrV4,
    pub to: SocketAddrV4,
    pub data: Vec<u8>,
}

/// All flows.
#[derive(Default)]
pub struct Udp {
    flows: BTreeMap<(SocketAddrV4, SocketAddrV4), Flow>,
    forwards: Vec<Forward>,
    /// By the port of the gateway at which the guest sees them.
    peers: BTreeMap<u16, Peer>,
}

impl Udp {
    /// Leads datagrams to `host` on to a port of the guest.
    pub fn forward(&mut self, host: SocketAddr, guest_port: u16) -> io::Result<()> {
        let socket = UdpSocket::bind(host)?;
        socket.set_nonblocking(true)?;
        self.forwards.push(Forward { socket, guest_port });
        Ok(())
    }

    /// A datagram from the guest. `Err`: there is nothing at that port.
    pub fn take(
        &mut self,
        from: SocketAddrV4,
        to: SocketAddrV4,
        data: &[u8],
        policy: &Policy,
    ) -> Result<(), ()> {
        let now = Instant::now();
        if *to.ip() == GATEWAY
            && let Some(peer) = self.peers.get_mut(&to.port())
            && let Some(forward) = self.forwards.get(peer.forward)
        {
            peer.used = now;
            // As on any network, what cannot be sent is lost.
            let _ = forward.socket.send_to(data, peer.address);
            return Ok(());
        }
        let flow = match self.flows.entry((from, to)) {
            std::collections::btree_map::Entry::Occupied(flow) => flow.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let host = policy.outside(to).ok_or(())?;
                place.insert(Flow {
                    socket: connect(host).map_err(drop)?,
                    used: now,
                    asked: false,
                })
            }
        };
        flow.used = now;
        flow.asked = true;
        if flow.socket.send(data).is_err() {
            // The error may be that of the datagram before: nobody listens, or not yet.
            let _ = flow.socket.send(data);
        }
        self.forget();
        Ok(())
    }

    /// Forgets flows that are no longer used, or too many.
    fn forget(&mut self) {
        self.flows.retain(|_, flow| flow.used.elapsed() < FORGET);
        while self.flows.len() > MOST_FLOWS {
            let oldest = self.flows.iter().min_by_key(|(_, flow)| flow.used);
            let Some((&ends, _)) = oldest else { break };
            self.flows.remove(&ends);
        }
    }

    /// What has come from outside, at most `room` datagrams.
    pub fn poll(&mut self, guest: Ipv4Addr, room: usize) -> Vec<Datagram> {
        let mut come = Vec::new();
        let mut buffer = [0; MOST_DATAGRAM];
        for (&(to, from), flow) in &mut self.flows {
            while come.len() < room
                && let Ok(length) = flow.socket.recv(&mut buffer)
            {
                flow.asked = false;
                flow.used = Instant::now();
                let data = buffer.get(..length).unwrap_or_default().to_vec();
                come.push(Datagram { from, to, data });
            }
        }
        for index in 0..self.forwards.len() {
            while come.len() < room
                && let Some(forward) = self.forwards.get(index)
                && let Ok((length, address)) = forward.socket.recv_from(&mut buffer)
            {
                let to = SocketAddrV4::new(guest, forward.guest_port);
                let data = buffer.get(..length).unwrap_or_default().to_vec();
                let from = SocketAddrV4::new(GATEWAY, self.peer(index, address));
                come.push(Datagram { from, to, data });
            }
        }
        come
    }

    /// The port of the gateway that stands for a peer.
    fn peer(&mut self, forward: usize, address: SocketAddr) -> u16 {
        let known = self
            .peers
            .iter_mut()
            .find(|(_, peer)| peer.forward == forward && peer.address == address);
        if let Some((&port, peer)) = known {
            peer.used = Instant::now();
            return port;
        }
        let oldest = self.peers.iter().min_by_key(|(_, peer)| peer.used);
        let port = match oldest {
            Some((&port, _)) if self.peers.len() >= MOST_PEERS => port,
            _ => (FIRST_PORT..)
                .find(|port| !self.peers.contains_key(port))
                .unwrap_or(FIRST_PORT),
        };
        let used = Instant::now();
        self.peers.insert(
            port,
            Peer {
                forward,
                address,
                used,
            },
        );
        port
    }

    /// Whether the guest waits for something from outside.
    pub fn awaits(&self) -> bool {
        let waits = |flow: &Flow| flow.asked && flow.used.elapsed() < PATIENCE;
        !self.forwards.is_empty() || self.flows.values().any(waits)
    }

    /// Pairs of ends, and peers, that are known.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.flows.len() + self.peers.len()
    }

    /// Forgets all but the forwarded ports.
    pub fn clear(&mut self) {
        self.flows.clear();
        self.peers.clear();
    }

    /// What must happen on the host for the next poll to have work.
    pub fn interests<'a>(&'a self, interests: &mut Vec<Interest<'a>>) {
        interests.extend(self.flows.values().map(|flow| Interest::readable(&flow.socket)));
        interests.extend(
            self.forwards
                .iter()
                .map(|forward| Interest::readable(&forward.socket)),
        );
    }
}

fn connect(to: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.set_nonblocking(true)?;
    socket.connect(to)?;
    Ok(socket)
}
