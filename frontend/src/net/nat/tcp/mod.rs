//! TCP between the guest and the host's sockets.
//!
//! A connection of the guest ends here, in a smoltcp socket that has the far address as its own, and goes on
//! as a connection of the host. The guest's SYN waits until the host is connected, so that a refusal is
//! one for the guest, too. Time is the guest's: a guest that stands still is not given up.

mod cable;
mod stream;

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream},
};

use smoltcp::{
    iface::{Config, Interface, PollResult, SocketSet},
    socket::tcp::{self, State},
    time::Instant,
    wire::{EthernetAddress, IpCidr, TcpPacket},
};

use self::{
    cable::Cable,
    stream::{Open, connect, endpoint, move_bytes, new_socket},
};
use super::{
    addresses::{DNS, GATEWAY, GATEWAY_MAC, PREFIX, Policy},
    packet::FromGuest,
};
use crate::net::wait::Interest;

/// Connections at a time.
const MOST_CONNECTIONS: usize = 256;
/// Connections from outside come from ports of the gateway from here on.
const FIRST_PORT: u16 = 49152;

/// The guest's and the far end.
type Ends = (SocketAddrV4, SocketAddrV4);

/// A connection of the host's.
struct Connection {
    stream: TcpStream,
    stage: Stage,
}

enum Stage {
    /// The host is connecting; the guest's SYN waits.
    Connecting { syn: Vec<u8> },
    /// Bytes move.
    Open(Open),
}

/// A port of the host that leads to one of the guest.
struct Forward {
    listener: TcpListener,
    guest_port: u16,
}

/// All connections.
pub struct Tcp {
    interface: Interface,
    sockets: SocketSet<'static>,
    cable: Cable,
    connections: BTreeMap<Ends, Connection>,
    forwards: Vec<Forward>,
    next_port: u16,
}

impl Tcp {
    /// No connections yet.
    pub fn new() -> Self {
        let mut cable = Cable::default();
        let config = Config::new(EthernetAddress(GATEWAY_MAC).into());
        let mut interface = Interface::new(config, &mut cable, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            for address in [GATEWAY, DNS] {
                // There is room for eight.
                let _ = addresses.push(IpCidr::new(address.into(), PREFIX));
            }
        });
        // All addresses of the world are behind the gateway, which is here.
        interface.set_any_ip(true);
        let _ = interface.routes_mut().add_default_ipv4_route(GATEWAY);
        Self {
            interface,
            sockets: SocketSet::new(Vec::new()),
            cable,
            connections: BTreeMap::new(),
            forwards: Vec::new(),
            next_port: FIRST_PORT,
        }
    }

    /// Leads connections to `host` on to a port of the guest.
    pub fn forward(&mut self, host: SocketAddr, guest_port: u16) -> io::Result<()> {
        let listener = TcpListener::bind(host)?;
        listener.set_nonblocking(true)?;
        self.forwards.push(Forward { listener, guest_port });
        Ok(())
    }

    /// Gives a frame to smoltcp: TCP, or ARP about the gateway.
    pub fn feed(&mut self, frame: &[u8], now: Instant) {
        self.cable.from_guest = Some(frame.to_vec());
        self.interface.poll(now, &mut self.cable, &mut self.sockets);
    }

    /// A TCP packet from the guest.
    pub fn take(&mut self, frame: &[u8], packet: &FromGuest<'_>, policy: &Policy, now: Instant) {
        let Ok(header) = TcpPacket::new_checked(packet.payload) else {
            return;
        };
        let from = SocketAddrV4::new(packet.from, header.src_port());
        let to = SocketAddrV4::new(packet.to, header.dst_port());
        match self.connections.get(&(from, to)) {
            Some(Connection {
                stage: Stage::Connecting { .. },
                ..
            }) => return,
            None if header.syn() && !header.ack() && self.connections.len() < MOST_CONNECTIONS => {
                // Otherwise there is no socket for it, and smoltcp refuses.
                if let Some(stream) = policy.outside(to).and_then(|host| connect(host).ok()) {
                    let syn = frame.to_vec();
                    let stage = Stage::Connecting { syn };
                    self.connections.insert((from, to), Connection { stream, stage });
                    return;
                }
            }
            _ => {}
        }
        self.feed(frame, now);
    }

    /// Moves what can be moved. At most `room` frames for the guest wait then.
    pub fn poll(&mut self, now: Instant, guest: Ipv4Addr, room: usize) {
        self.cable.room = room;
        self.accept(guest);
        self.finish_connecting(now);
        loop {
            self.pump();
            let moved = self.interface.poll(now, &mut self.cable, &mut self.sockets);
            if moved == PollResult::None || self.cable.to_guest.len() >= room {
                break;
            }
        }
    }

    /// Frames for the guest.
    pub fn frames(&mut self) -> impl Iterator<Item = Vec<u8>> {
        self.cable.to_guest.drain(..)
    }

    /// Whether anything may still come from outside.
    pub fn awaits(&self) -> bool {
        !self.connections.is_empty() || !self.forwards.is_empty()
    }

    /// Connections there are.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.connections.len()
    }

    /// Drops all connections, as if the host had been restarted.
    pub fn clear(&mut self) {
        self.connections.clear();
        self.sockets = SocketSet::new(Vec::new());
        self.cable.to_guest.clear();
    }

    fn finish_connecting(&mut self, now: Instant) {
        let connecting = |connection: &Connection| matches!(connection.stage, Stage::Connecting { .. });
        let waiting: Vec<Ends> = self
            .connections
            .iter()
            .filter(|(_, connection)| connecting(connection))
            .map(|(&ends, _)| ends)
            .collect();
        for ends in waiting {
            let Some(connection) = self.connections.get_mut(&ends) else {
                continue;
            };
            let connected = match connection.stream.take_error() {
                Ok(None) => match connection.stream.peer_addr() {
                    Ok(_) => true,
                    Err(error) if error.kind() == ErrorKind::NotConnected => continue,
                    Err(_) => false,
                },
                _ => false,
            };
            let Stage::Connecting { syn } = &mut connection.stage else {
                continue;
            };
            let syn = std::mem::take(syn);
            if connected {
                let mut socket = new_socket();
                // Port 0 was refused before.
                let listening = socket.listen(endpoint(ends.1));
                debug_assert!(listening.is_ok());
                let handle = self.sockets.add(socket);
                connection.stage = Stage::Open(Open::new(handle));
            } else {
                log::debug!(target: "net", "{} refused", ends.1);
                self.connections.remove(&ends);
            }
            self.feed(&syn, now);
        }
    }

    /// Takes connections from outside.
    fn accept(&mut self, guest: Ipv4Addr) {
        for forward in &self.forwards {
            while self.connections.len() < MOST_CONNECTIONS {
                let Ok((stream, _)) = forward.listener.accept() else {
                    break;
                };
                if stream.set_nonblocking(true).is_err() {
                    continue;
                }
                let _ = stream.set_nodelay(true);
                let to = SocketAddrV4::new(guest, forward.guest_port);
                let from = loop {
                    let from = SocketAddrV4::new(GATEWAY, self.next_port);
                    self.next_port = self.next_port.checked_add(1).unwrap_or(FIRST_PORT);
                    if !self.connections.contains_key(&(to, from)) {
                        break from;
                    }
                };
                let mut socket = new_socket();
                let context = self.interface.context();
                if socket.connect(context, endpoint(to), endpoint(from)).is_ok() {
                    let stage = Stage::Open(Open::new(self.sockets.add(socket)));
                    self.connections.insert((to, from), Connection { stream, stage });
                }
            }
        }
    }

    /// Moves bytes between sockets, and ends what has ended.
    fn pump(&mut self) {
        let sockets = &mut self.sockets;
        self.connections.retain(|ends, connection| {
            let Stage::Open(open) = &mut connection.stage else {
                return true;
            };
            let socket = sockets.get_mut::<tcp::Socket<'_>>(open.handle);
            if open.over || socket.state() == State::Listen {
                log::debug!(target: "net", "{} to {} has ended", ends.0, ends.1);
                sockets.remove(open.handle);
                return false;
            }
            if move_bytes(&mut connection.stream, socket, open).is_err() {
                socket.abort();
            }
            open.over = matches!(socket.state(), State::Closed | State::TimeWait);
            true
        });
    }

    /// What must happen on the host for the next poll to have work.
    pub fn interests<'a>(&'a self, interests: &mut Vec<Interest<'a>>) {
        interests.extend(
            self.forwards
                .iter()
                .map(|forward| Interest::readable(&forward.listener)),
        );
        for connection in self.connections.values() {
            let (read, write) = match &connection.stage {
                Stage::Connecting { .. } => (false, true),
                Stage::Open(open) => {
                    let socket = self.sockets.get::<tcp::Socket<'_>>(open.handle);
                    (socket.can_send() && !open.host_ended, socket.can_recv())
                }
            };
            if read || write {
                interests.push(Interest::new(&connection.stream, read, write));
            }
        }
    }
}
