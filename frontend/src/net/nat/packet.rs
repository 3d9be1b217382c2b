//! Packets for the guest, and those from it taken apart.

use std::net::{Ipv4Addr, SocketAddrV4};

use smoltcp::{
    phy::ChecksumCapabilities,
    wire::{
        EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv4DstUnreachable, Icmpv4Packet, Icmpv4Repr,
        IpAddress, IpProtocol, Ipv4Packet, Ipv4Repr, UdpPacket,
    },
};

use super::addresses::GATEWAY_MAC;

/// Bytes of the shortest frame; shorter ones are padded.
const SHORTEST_FRAME: usize = 60;
/// Bytes of an IP packet that a frame holds.
const MTU: usize = 1500;
const ETHERNET_HEADER: usize = 14;
const IP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
/// Hops that packets may take.
const HOP_LIMIT: u8 = 64;
/// Most bytes of a UDP datagram.
pub const MOST_DATAGRAM: usize = 65507;

/// An IPv4 packet from the guest that is whole and intact.
pub struct FromGuest<'a> {
    /// Who sent it.
    pub mac: [u8; 6],
    /// Its addresses.
    pub from: Ipv4Addr,
    pub to: Ipv4Addr,
    /// What is in it.
    pub protocol: IpProtocol,
    /// Its header and as much of its contents as an ICMP error repeats.
    pub beginning: &'a [u8],
    /// Its contents.
    pub payload: &'a [u8],
}

impl<'a> FromGuest<'a> {
    /// Takes a frame apart. `None`: it has no such packet, or a fragment of one.
    pub fn parse(frame: &'a [u8]) -> Option<Self> {
        let ethernet = EthernetFrame::new_checked(frame).ok()?;
        let mac = ethernet.src_addr();
        if ethernet.ethertype() != EthernetProtocol::Ipv4 || !mac.is_unicast() {
            return None;
        }
        let bytes = frame.get(ETHERNET_HEADER..)?;
        let packet = Ipv4Packet::new_checked(bytes).ok()?;
        let fragment = packet.more_frags() || packet.frag_offset() != 0;
        if fragment
            || packet.version() != 4
            || usize::from(packet.header_len()) < IP_HEADER
            || !packet.verify_checksum()
        {
            return None;
        }
        let (header, total) = (usize::from(packet.header_len()), usize::from(packet.total_len()));
        Some(Self {
            mac: mac.0,
            from: packet.src_addr(),
            to: packet.dst_addr(),
            protocol: packet.next_header(),
            beginning: bytes.get(..total.min(header + UDP_HEADER))?,
            payload: bytes.get(header..total)?,
        })
    }

    /// The datagram in it: ports and data.
    pub fn udp(&self) -> Option<(SocketAddrV4, SocketAddrV4, &'a [u8])> {
        let packet = UdpPacket::new_checked(self.payload).ok()?;
        let (from, to) = (IpAddress::Ipv4(self.from), IpAddress::Ipv4(self.to));
        if !packet.verify_checksum(&from, &to) {
            return None;
        }
        let from = SocketAddrV4::new(self.from, packet.src_port());
        let to = SocketAddrV4::new(self.to, packet.dst_port());
        Some((from, to, packet.payload()))
    }
}

/// Makes packets for the guest.
#[derive(Default)]
pub struct ToGuest {
    /// Identification of the next packet, which tells fragments apart.
    ident: u16,
}

impl ToGuest {
    /// Frames with one IPv4 packet, in fragments if it is long.
    pub fn ipv4(
        &mut self,
        mac: [u8; 6],
        from: Ipv4Addr,
        to: Ipv4Addr,
        protocol: IpProtocol,
        payload: &[u8],
    ) -> Vec<Vec<u8>> {
        self.ident = self.ident.wrapping_add(1);
        // Offsets count eight bytes.
        let most = (MTU - IP_HEADER) & !7;
        let count = payload.len().div_ceil(most).max(1);
        let part = |n: usize| {
            let start = n * most;
            let data = payload
                .get(start..payload.len().min(start + most))
                .unwrap_or_default();
            let mut frame = vec![0; (ETHERNET_HEADER + IP_HEADER + data.len()).max(SHORTEST_FRAME)];
            let mut ethernet = EthernetFrame::new_unchecked(&mut frame);
            ethernet.set_dst_addr(EthernetAddress(mac));
            ethernet.set_src_addr(EthernetAddress(GATEWAY_MAC));
            ethernet.set_ethertype(EthernetProtocol::Ipv4);
            let mut packet = Ipv4Packet::new_unchecked(ethernet.payload_mut());
            packet.set_version(4);
            packet.set_header_len(IP_HEADER as u8);
            packet.set_total_len((IP_HEADER + data.len()) as u16);
            packet.set_ident(self.ident);
            packet.clear_flags();
            packet.set_more_frags(n + 1 < count);
            packet.set_frag_offset(start as u16);
            packet.set_hop_limit(HOP_LIMIT);
            packet.set_next_header(protocol);
            packet.set_src_addr(from);
            packet.set_dst_addr(to);
            packet.payload_mut().copy_from_slice(data);
            packet.fill_checksum();
            frame
        };
        (0..count).map(part).collect()
    }

    /// Frames with one UDP datagram of at most [`MOST_DATAGRAM`] bytes.
    pub fn udp(&mut self, mac: [u8; 6], from: SocketAddrV4, to: SocketAddrV4, data: &[u8]) -> Vec<Vec<u8>> {
        let data = data.get(..MOST_DATAGRAM).unwrap_or(data);
        let mut bytes = vec![0; UDP_HEADER + data.len()];
        let mut packet = UdpPacket::new_unchecked(&mut bytes);
        packet.set_src_port(from.port());
        packet.set_dst_port(to.port());
        packet.set_len((UDP_HEADER + data.len()) as u16);
        packet.payload_mut().copy_from_slice(data);
        packet.fill_checksum(&IpAddress::Ipv4(*from.ip()), &IpAddress::Ipv4(*to.ip()));
        self.ipv4(mac, *from.ip(), *to.ip(), IpProtocol::Udp, &bytes)
    }

    /// The answer to an ICMP echo request.
    pub fn echo_reply(&mut self, request: &FromGuest<'_>) -> Vec<Vec<u8>> {
        let checksum = ChecksumCapabilities::default();
        let packet = Icmpv4Packet::new_checked(request.payload);
        let Some(Icmpv4Repr::EchoRequest { ident, seq_no, data }) = packet
            .ok()
            .and_then(|packet| Icmpv4Repr::parse(&packet, &checksum).ok())
        else {
            return Vec::new();
        };
        self.icmp(
            request,
            request.to,
            &Icmpv4Repr::EchoReply { ident, seq_no, data },
        )
    }

    /// Says that a packet could not be delivered.
    pub fn unreachable(&mut self, packet: &FromGuest<'_>, reason: Icmpv4DstUnreachable) -> Vec<Vec<u8>> {
        let Some(data) = packet.beginning.get(IP_HEADER..) else {
            return Vec::new();
        };
        let header = Ipv4Repr {
            src_addr: packet.from,
            dst_addr: packet.to,
            next_header: packet.protocol,
            payload_len: packet.payload.len(),
            hop_limit: HOP_LIMIT,
        };
        let message = Icmpv4Repr::DstUnreachable { reason, header, data };
        self.icmp(packet, super::addresses::GATEWAY, &message)
    }

    fn icmp(&mut self, packet: &FromGuest<'_>, from: Ipv4Addr, message: &Icmpv4Repr<'_>) -> Vec<Vec<u8>> {
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(
            &mut Icmpv4Packet::new_unchecked(&mut bytes),
            &ChecksumCapabilities::default(),
        );
        self.ipv4(packet.mac, from, packet.from, IpProtocol::Icmp, &bytes)
    }
}
