//! Whatever a guest sends, the gateway goes on, and keeps a bounded amount of it.

use std::{io::Write, net::UdpSocket};

use oldiron_testsuites::rng::Rng;
use smoltcp::wire::{Icmpv4Packet, Ipv4Packet, TcpPacket, UdpPacket};

use super::*;

/// Ethernet and IPv4 headers.
const HEADERS: usize = 34;
const FRAMES: u32 = 1_000_000;

/// A resolver at one port of the host, for datagrams and connections, which says a word to everybody.
fn resolver() -> SocketAddr {
    let (tcp, port) = listener();
    let udp = UdpSocket::bind(("127.0.0.1", port)).unwrap();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = tcp.accept() {
            let _ = stream.write_all(b"word");
        }
    });
    thread::spawn(move || {
        let mut buffer = [0; 2000];
        while let Ok((length, from)) = udp.recv_from(&mut buffer) {
            let _ = udp.send_to(&buffer[..length], from);
        }
    });
    ([127, 0, 0, 1], port).into()
}

/// A gateway, and the frames of a guest that behaves: DHCP, ARP, DNS, TFTP, ping, and connections from their
/// first packet to the last.
fn good_frames(directory: &Path) -> (Nat, Vec<Vec<u8>>) {
    let mut nat = Nat::new(false, Some(resolver()));
    nat.serve(directory).unwrap();
    let mut pair = Pair::new(nat);
    let file = pair.udp(3000);
    pair.send(file, b"\0\x01a\0octet\0blksize\x001000\0", (GATEWAY, 69));
    pair.send(file, b"question", (DNS, 53));
    let connection = pair.connect((DNS, 53), 1025);
    pair.connect((GATEWAY, 80), 1026);
    pair.connect((DNS, 54), 1027);
    pair.sockets.add(dhcpv4::Socket::new());
    let mut frames = Vec::new();
    for n in 0..400 {
        pair.interface.poll(pair.now, &mut pair.card, &mut pair.sockets);
        let sent: Vec<Vec<u8>> = pair.card.sent.drain(..).collect();
        sent.iter().for_each(|frame| pair.nat.take(frame, pair.now));
        frames.extend(sent);
        let answers = pair.nat.poll(pair.now, 64);
        pair.card.received.extend(answers);
        pair.now += smoltcp::time::Duration::from_millis(10);
        match n {
            100 if pair.socket(connection).can_send() => {
                pair.socket(connection).send_slice(&[7; 500]).unwrap();
            }
            200 => pair.socket(connection).close(),
            _ => thread::sleep(Duration::from_millis(1)),
        }
    }
    let mut ping = vec![8, 0, 0, 0, 0, 7, 0, 1];
    ping.extend([0x55; 56]);
    let packets = ToGuest::default().ipv4(GUEST_MAC, GUEST, GATEWAY, IpProtocol::Icmp, &ping);
    frames.extend(packets);
    frames.iter_mut().for_each(|frame| mend(frame));
    (pair.nat, frames)
}

/// Makes the check sums of a packet right, if its lengths make sense: what has wrong ones does not get far.
fn mend(frame: &mut [u8]) {
    let Some(Ok(mut ip)) = frame.get_mut(14..).map(Ipv4Packet::new_checked) else {
        return;
    };
    let (from, to) = (IpAddress::Ipv4(ip.src_addr()), IpAddress::Ipv4(ip.dst_addr()));
    match ip.next_header() {
        IpProtocol::Tcp => {
            if let Ok(mut packet) = TcpPacket::new_checked(ip.payload_mut()) {
                packet.fill_checksum(&from, &to);
            }
        }
        IpProtocol::Udp => {
            if let Ok(mut packet) = UdpPacket::new_checked(ip.payload_mut()) {
                packet.fill_checksum(&from, &to);
            }
        }
        IpProtocol::Icmp => {
            if let Ok(mut packet) = Icmpv4Packet::new_checked(ip.payload_mut()) {
                packet.fill_checksum();
            }
        }
        _ => {}
    }
    ip.fill_checksum();
}

/// Changes a frame in one place: cuts it, lengthens it, or alters a byte, often one of a header.
fn damage(frame: &mut Vec<u8>, rng: &mut Rng) {
    let length = frame.len() as u32;
    match rng.below(8) {
        0 => frame.truncate(rng.below(length + 1) as usize),
        1 => frame.extend((0..rng.below(1500)).map(|_| rng.u32() as u8)),
        2 => {
            // A length that is right, behind whatever was changed before.
            let total = (frame.len().saturating_sub(14) as u16).to_be_bytes();
            if let Some(field) = frame.get_mut(16..18) {
                field.copy_from_slice(&total);
            }
        }
        kind => {
            let range = if kind < 6 { length.min(80) } else { length };
            let value = match rng.below(2) {
                0 => rng.pick(&[0, 1, 0x0f, 0x40, 0x45, 0x4f, 0x7f, 0x80, 0xf0, 0xff]),
                _ => rng.u32() as u8,
            };
            if let Some(byte) = frame.get_mut(rng.below(range.max(1)) as usize) {
                *byte = value;
            }
        }
    }
}

#[test]
fn a_million_random_and_damaged_frames_do_no_harm() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a"), vec![9; 3000]).unwrap();
    let (mut nat, frames) = good_frames(directory.path());
    assert!(frames.len() > 12, "{}", frames.len());
    let mut now = Instant::from_secs(10);
    let mut rng = Rng::new(99);
    let mut most = [0; 3];
    for n in 0..FRAMES {
        let mut frame = match rng.below(8) {
            0 => (0..rng.below(100)).map(|_| rng.u32() as u8).collect(),
            _ => frames[rng.below(frames.len() as u32) as usize].clone(),
        };
        (0..rng.below(5)).for_each(|_| damage(&mut frame, &mut rng));
        // Nothing leaves this host.
        if let Some(to) = frame.get_mut(HEADERS - 4..HEADERS - 1)
            && *to != [0xff; 3]
        {
            to.copy_from_slice(&GATEWAY.octets()[..3]);
        }
        if rng.below(4) > 0 {
            mend(&mut frame);
        }
        nat.take(&frame, now);
        assert!(nat.to_guest.len() <= MOST_WAITING);
        if n % 64 == 0 {
            now += smoltcp::time::Duration::from_millis(1);
            nat.poll(now, 64);
            let tftp = nat.tftp.as_ref().map_or(0, Tftp::count);
            let counts = [nat.tcp.count(), nat.udp.count(), tftp];
            most = std::array::from_fn(|at| most[at].max(counts[at]));
        }
    }
    // Connections, pairs of UDP ends, transfers: they were reached by many frames, and have an end.
    assert!((1..=256).contains(&most[0]), "{most:?}");
    assert!((1..=192).contains(&most[1]), "{most:?}");
    assert!((1..=16).contains(&most[2]), "{most:?}");
    // It goes on as a gateway should.
    nat.clear();
    let mut pair = Pair::new(nat);
    pair.now = now;
    assert!(pair.ping(GATEWAY));
}
