//! `--net nat`: a network of its own for the guest, whose gateway is this program.
//!
//! The network is 10.0.2.0/24: gateway 10.0.2.2, DNS 10.0.2.3, and by DHCP 10.0.2.15 for the guest. The
//! gateway answers ARP, DHCP, ICMP echo and TFTP itself; TCP and UDP go on as sockets of the host, which takes
//! no privileges. Time is the guest's, but for what waits for the host.
//!
//! Left out: IPv6, fragments from the guest, multicast, and ICMP to anybody but the gateway: the guest is told
//! that it is prohibited. Only the end that a UDP datagram went to can answer it.

mod addresses;
mod dhcp;
mod packet;
mod tcp;
#[cfg(test)]
mod tests;
mod tftp;
mod udp;

use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    path::Path,
};

use smoltcp::{
    time::Instant,
    wire::{ArpPacket, ArpRepr, EthernetFrame, EthernetProtocol, Icmpv4DstUnreachable, IpProtocol},
};

use self::{
    addresses::{DNS, GATEWAY, GUEST, Policy, is_local},
    packet::{FromGuest, ToGuest},
    tcp::Tcp,
    tftp::Tftp,
    udp::Udp,
};
use super::wait::Interest;

pub use self::addresses::first_resolver;

/// Frames that wait for the guest before further ones are lost.
const MOST_WAITING: usize = 256;
/// ICMP echo request.
const ECHO_REQUEST: u8 = 8;

/// The gateway and everything behind it.
pub struct Nat {
    policy: Policy,
    packets: ToGuest,
    /// The guest's card and address, as it has shown them.
    guest: Option<([u8; 6], Ipv4Addr)>,
    tcp: Tcp,
    udp: Udp,
    tftp: Option<Tftp>,
    to_guest: VecDeque<Vec<u8>>,
}

impl Nat {
    /// A gateway that lets through what `host_loopback` and `resolver` say.
    pub fn new(host_loopback: bool, resolver: Option<SocketAddr>) -> Self {
        Self {
            policy: Policy {
                host_loopback,
                resolver,
            },
            packets: ToGuest::default(),
            guest: None,
            tcp: Tcp::new(),
            udp: Udp::default(),
            tftp: None,
            to_guest: VecDeque::new(),
        }
    }

    /// Leads TCP connections to `host` on to a port of the guest.
    pub fn forward_tcp(&mut self, host: SocketAddr, guest_port: u16) -> io::Result<()> {
        self.tcp.forward(host, guest_port)
    }

    /// Leads UDP datagrams to `host` on to a port of the guest.
    pub fn forward_udp(&mut self, host: SocketAddr, guest_port: u16) -> io::Result<()> {
        self.udp.forward(host, guest_port)
    }

    /// Serves the files of a directory.
    pub fn serve(&mut self, directory: &Path) -> io::Result<()> {
        self.tftp = Some(Tftp::new(directory)?);
        Ok(())
    }

    /// A frame from the guest, at the guest's time `now`.
    pub fn take(&mut self, frame: &[u8], now: Instant) {
        let Ok(ethernet) = EthernetFrame::new_checked(frame) else {
            return;
        };
        match ethernet.ethertype() {
            EthernetProtocol::Arp if is_about_gateway(ethernet.payload()) => self.tcp.feed(frame, now),
            EthernetProtocol::Ipv4 => {
                if let Some(packet) = FromGuest::parse(frame) {
                    self.take_packet(frame, &packet, now);
                }
            }
            _ => {}
        }
        self.collect();
    }

    fn take_packet(&mut self, frame: &[u8], packet: &FromGuest<'_>, now: Instant) {
        if packet.protocol == IpProtocol::Udp
            && let Some((_, to, data)) = packet.udp()
            && to.port() == dhcp::SERVER_PORT
            && (*to.ip() == GATEWAY || to.ip().is_broadcast())
        {
            if let Some((to, answer)) = dhcp::answer(data) {
                let mac = if to.ip().is_broadcast() {
                    [0xff; 6]
                } else {
                    packet.mac
                };
                let from = SocketAddrV4::new(GATEWAY, dhcp::SERVER_PORT);
                self.send_udp(mac, from, to, &answer);
            }
            return;
        }
        let to = packet.to;
        let unicast = !to.is_broadcast() && !to.is_multicast() && to.octets()[3] != 255;
        let ours = [GATEWAY, DNS].contains(&packet.from);
        if !is_local(packet.from) || ours || !unicast {
            return;
        }
        self.guest = Some((packet.mac, packet.from));
        let refusal = match packet.protocol {
            IpProtocol::Tcp => {
                self.tcp.take(frame, packet, &self.policy, now);
                None
            }
            IpProtocol::Udp => self.take_datagram(packet, now),
            IpProtocol::Icmp if to == GATEWAY || to == DNS => {
                let reply = self.packets.echo_reply(packet);
                self.to_guest.extend(reply);
                None
            }
            IpProtocol::Icmp => {
                let asks = packet.payload.first() == Some(&ECHO_REQUEST);
                asks.then_some(Icmpv4DstUnreachable::HostProhibited)
            }
            _ => Some(Icmpv4DstUnreachable::ProtoUnreachable),
        };
        if let Some(reason) = refusal {
            let message = self.packets.unreachable(packet, reason);
            self.to_guest.extend(message);
        }
    }

    fn take_datagram(&mut self, packet: &FromGuest<'_>, now: Instant) -> Option<Icmpv4DstUnreachable> {
        let (from, to, data) = packet.udp()?;
        if *to.ip() == GATEWAY
            && let Some(tftp) = &mut self.tftp
            && tftp.owns(to.port())
        {
            let reply = tftp.take(from, to.port(), data, now)?;
            self.send_udp(packet.mac, reply.from, reply.to, &reply.data);
            return None;
        }
        let taken = self.udp.take(from, to, data, &self.policy);
        taken.err().map(|()| Icmpv4DstUnreachable::PortUnreachable)
    }

    fn send_udp(&mut self, mac: [u8; 6], from: SocketAddrV4, to: SocketAddrV4, data: &[u8]) {
        let frames = self.packets.udp(mac, from, to, data);
        self.to_guest.extend(frames);
    }

    fn collect(&mut self) {
        self.to_guest.extend(self.tcp.frames());
        self.to_guest.truncate(MOST_WAITING);
    }

    /// Looks at the host's sockets. At most `room` frames for the guest.
    pub fn poll(&mut self, now: Instant, room: usize) -> Vec<Vec<u8>> {
        let (mac, address) = self.guest.unwrap_or(([0xff; 6], GUEST));
        let free = |waiting: usize| room.saturating_sub(waiting);
        for datagram in self.udp.poll(address, free(self.to_guest.len())) {
            self.send_udp(mac, datagram.from, datagram.to, &datagram.data);
        }
        let again = self.tftp.as_mut().map(|tftp| tftp.poll(now)).unwrap_or_default();
        for reply in again {
            self.send_udp(mac, reply.from, reply.to, &reply.data);
        }
        self.tcp.poll(now, address, free(self.to_guest.len()));
        self.collect();
        let ready = self.to_guest.len().min(room);
        self.to_guest.drain(..ready).collect()
    }

    /// Whether the guest waits for something from outside, or something may come by itself.
    pub fn awaits(&self) -> bool {
        self.tcp.awaits() || self.udp.awaits()
    }

    /// Drops all connections: the guest is another one now.
    pub fn clear(&mut self) {
        self.tcp.clear();
        self.udp.clear();
        self.tftp.iter_mut().for_each(Tftp::clear);
        self.to_guest.clear();
        self.guest = None;
    }

    /// What must happen on the host for the next poll to have work.
    pub fn interests<'a>(&'a self, interests: &mut Vec<Interest<'a>>) {
        self.tcp.interests(interests);
        self.udp.interests(interests);
    }
}

/// Whether an ARP packet asks for, or answers, the gateway.
fn is_about_gateway(packet: &[u8]) -> bool {
    let packet = ArpPacket::new_checked(packet);
    let Some(ArpRepr::EthernetIpv4 {
        source_protocol_addr,
        target_protocol_addr,
        ..
    }) = packet.ok().and_then(|packet| ArpRepr::parse(&packet).ok())
    else {
        return false;
    };
    let ours = [GATEWAY, DNS];
    ours.contains(&target_protocol_addr)
        && is_local(source_protocol_addr)
        && !ours.contains(&source_protocol_addr)
}
