//! The DHCP server (RFC 2131): it gives everyone who asks the one address of the guest.

use std::net::{Ipv4Addr, SocketAddrV4};

use smoltcp::wire::{DhcpMessageType, DhcpPacket, DhcpRepr};

use super::addresses::{DNS, GATEWAY, GUEST};

/// The server's port, and the client's.
pub const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
/// Seconds.
const LEASE: u32 = 86400;

/// Answers a message: where to, and what.
pub fn answer(message: &[u8]) -> Option<(SocketAddrV4, Vec<u8>)> {
    let packet = DhcpPacket::new_checked(message).ok()?;
    let request = DhcpRepr::parse(&packet).ok()?;
    let for_us = request.server_identifier.is_none_or(|server| server == GATEWAY);
    let wanted = request
        .requested_ip
        .or((!request.client_ip.is_unspecified()).then_some(request.client_ip));
    let (kind, address) = match request.message_type {
        DhcpMessageType::Discover => (DhcpMessageType::Offer, GUEST),
        DhcpMessageType::Request if for_us && wanted.is_none_or(|wanted| wanted == GUEST) => {
            (DhcpMessageType::Ack, GUEST)
        }
        DhcpMessageType::Request if for_us => (DhcpMessageType::Nak, Ipv4Addr::UNSPECIFIED),
        DhcpMessageType::Inform => (DhcpMessageType::Ack, Ipv4Addr::UNSPECIFIED),
        _ => return None,
    };
    let refused = kind == DhcpMessageType::Nak;
    let lease = (!address.is_unspecified()).then_some(LEASE);
    let mut reply = DhcpRepr {
        message_type: kind,
        transaction_id: request.transaction_id,
        secs: 0,
        client_hardware_address: request.client_hardware_address,
        client_ip: if refused {
            Ipv4Addr::UNSPECIFIED
        } else {
            request.client_ip
        },
        your_ip: address,
        server_ip: GATEWAY,
        router: (!refused).then_some(GATEWAY),
        subnet_mask: (!refused).then_some(Ipv4Addr::new(255, 255, 255, 0)),
        relay_agent_ip: Ipv4Addr::UNSPECIFIED,
        broadcast: request.broadcast,
        requested_ip: None,
        client_identifier: None,
        server_identifier: Some(GATEWAY),
        parameter_request_list: None,
        dns_servers: (!refused).then(Default::default),
        max_size: None,
        lease_duration: lease,
        renew_duration: None,
        rebind_duration: None,
        additional_options: &[],
    };
    if let Some(servers) = &mut reply.dns_servers {
        // There is room for more than one.
        let _ = servers.push(DNS);
    }
    let mut bytes = vec![0; reply.buffer_len()];
    reply.emit(&mut DhcpPacket::new_unchecked(&mut bytes)).ok()?;
    // A client without an address hears broadcasts only.
    let renews = !request.client_ip.is_unspecified() && !refused;
    let to = if renews {
        request.client_ip
    } else {
        Ipv4Addr::BROADCAST
    };
    Some((SocketAddrV4::new(to, CLIENT_PORT), bytes))
}
