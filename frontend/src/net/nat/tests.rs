//! The gateway with a guest of smoltcp on the other side of the cable.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    thread,
    time::Duration,
};

use smoltcp::{
    iface::{Config, Interface, SocketHandle, SocketSet},
    phy::{self, ChecksumCapabilities, DeviceCapabilities, Medium},
    socket::{dhcpv4, icmp, tcp, udp},
    time::Instant,
    wire::{EthernetAddress, Icmpv4Packet, Icmpv4Repr, IpAddress, IpCidr, IpEndpoint},
};

use super::*;

const GUEST_MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Card {
    received: VecDeque<Vec<u8>>,
    sent: VecDeque<Vec<u8>>,
}

struct Received(Vec<u8>);
struct Sent<'a>(&'a mut VecDeque<Vec<u8>>);

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl phy::TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.push_back(frame);
        result
    }
}

impl phy::Device for Card {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sent<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sent<'_>)> {
        Some((Received(self.received.pop_front()?), Sent(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sent<'_>> {
        Some(Sent(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

/// A guest and its gateway.
struct Pair {
    nat: Nat,
    card: Card,
    interface: Interface,
    sockets: SocketSet<'static>,
    now: Instant,
}

impl Pair {
    fn new(nat: Nat) -> Self {
        let mut pair = Self::without_address(nat);
        pair.interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(GUEST.into(), 24)).unwrap();
        });
        pair.interface
            .routes_mut()
            .add_default_ipv4_route(GATEWAY)
            .unwrap();
        pair
    }

    fn without_address(nat: Nat) -> Self {
        let mut card = Card::default();
        let config = Config::new(EthernetAddress(GUEST_MAC).into());
        let interface = Interface::new(config, &mut card, Instant::ZERO);
        Self {
            nat,
            card,
            interface,
            sockets: SocketSet::new(Vec::new()),
            now: Instant::ZERO,
        }
    }

    fn step(&mut self) {
        self.interface.poll(self.now, &mut self.card, &mut self.sockets);
        let mut quiet = self.card.sent.is_empty();
        for frame in self.card.sent.drain(..) {
            self.nat.take(&frame, self.now);
        }
        let frames = self.nat.poll(self.now, 64);
        quiet &= frames.is_empty();
        self.card.received.extend(frames);
        if quiet {
            thread::sleep(Duration::from_millis(1));
        }
        self.now += smoltcp::time::Duration::from_millis(u64::from(quiet));
    }

    /// Steps until `done` says what it is waited for.
    fn until<T>(&mut self, mut done: impl FnMut(&mut Self) -> Option<T>) -> T {
        let started = std::time::Instant::now();
        loop {
            if let Some(result) = done(self) {
                return result;
            }
            assert!(started.elapsed() < PATIENCE, "nothing happens");
            self.step();
        }
    }

    fn tcp(&mut self) -> SocketHandle {
        let buffer = || tcp::SocketBuffer::new(vec![0; 32768]);
        self.sockets.add(tcp::Socket::new(buffer(), buffer()))
    }

    fn connect(&mut self, to: (Ipv4Addr, u16), port: u16) -> SocketHandle {
        let handle = self.tcp();
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(handle);
        socket.connect(self.interface.context(), to, port).unwrap();
        handle
    }

    fn socket(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    fn udp(&mut self, port: u16) -> SocketHandle {
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 16], vec![0; 65536]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(port).unwrap();
        self.sockets.add(socket)
    }

    fn send(&mut self, handle: SocketHandle, data: &[u8], to: (Ipv4Addr, u16)) {
        let socket = self.sockets.get_mut::<udp::Socket<'_>>(handle);
        socket
            .send_slice(data, IpEndpoint::from((IpAddress::Ipv4(to.0), to.1)))
            .unwrap();
    }

    fn receive(&mut self, handle: SocketHandle) -> (Vec<u8>, IpEndpoint) {
        self.until(|pair| {
            let socket = pair.sockets.get_mut::<udp::Socket<'_>>(handle);
            let (data, meta) = socket.recv().ok()?;
            Some((data.to_vec(), meta.endpoint))
        })
    }

    /// Whether the gateway answers a ping to `to` with an echo.
    fn ping(&mut self, to: Ipv4Addr) -> bool {
        let buffer = || icmp::PacketBuffer::new(vec![icmp::PacketMetadata::EMPTY; 4], vec![0; 4096]);
        let mut socket = icmp::Socket::new(buffer(), buffer());
        socket.bind(icmp::Endpoint::Ident(7)).unwrap();
        let request = Icmpv4Repr::EchoRequest {
            ident: 7,
            seq_no: 1,
            data: b"are you there?",
        };
        let mut bytes = vec![0; request.buffer_len()];
        let checksum = ChecksumCapabilities::default();
        request.emit(&mut Icmpv4Packet::new_unchecked(&mut bytes), &checksum);
        socket.send_slice(&bytes, to.into()).unwrap();
        let handle = self.sockets.add(socket);
        let answer = self.until(|pair| {
            let socket = pair.sockets.get_mut::<icmp::Socket<'_>>(handle);
            if pair.now > Instant::from_millis(300) {
                return Some(None);
            }
            socket.recv().ok().map(|(data, _)| Some(data.to_vec()))
        });
        self.sockets.remove(handle);
        let echoed = |answer: Vec<u8>| answer[0] == 0 && answer[8..] == *b"are you there?";
        answer.is_some_and(echoed)
    }
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn free_port() -> u16 {
    listener().1
}

/// Bytes that depend on where they are.
fn pattern(at: u64) -> u8 {
    (at ^ at >> 8 ^ at >> 16) as u8
}

#[test]
fn the_gateway_answers_pings_and_nobody_else_does() {
    assert!(Pair::new(Nat::new(false, None)).ping(GATEWAY));
    assert!(Pair::new(Nat::new(false, None)).ping(DNS));
    assert!(!Pair::new(Nat::new(false, None)).ping(Ipv4Addr::new(10, 0, 2, 77)));
    assert!(!Pair::new(Nat::new(false, None)).ping(Ipv4Addr::new(192, 0, 2, 1)));
}

#[test]
fn dhcp_gives_address_gateway_and_name_server() {
    let mut pair = Pair::without_address(Nat::new(false, None));
    let handle = pair.sockets.add(dhcpv4::Socket::new());
    let (address, router, dns) =
        pair.until(
            |pair| match pair.sockets.get_mut::<dhcpv4::Socket<'_>>(handle).poll() {
                Some(dhcpv4::Event::Configured(config)) => {
                    Some((config.address, config.router, config.dns_servers.to_vec()))
                }
                _ => None,
            },
        );
    assert_eq!((address.address(), address.prefix_len()), (GUEST, 24));
    assert_eq!((router, dns), (Some(GATEWAY), vec![DNS]));
}

#[test]
fn a_guest_fetches_64_mib_from_a_server_of_the_host() {
    const LENGTH: u64 = 64 << 20;
    let (server, port) = listener();
    thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let mut request = [0; 4];
        stream.read_exact(&mut request).unwrap();
        let mut block = vec![0; 1 << 16];
        for start in (0..LENGTH).step_by(1 << 16) {
            block
                .iter_mut()
                .zip(start..)
                .for_each(|(byte, at)| *byte = pattern(at));
            stream.write_all(&block).unwrap();
        }
    });
    let mut pair = Pair::new(Nat::new(true, None));
    let handle = pair.connect((GATEWAY, port), 1025);
    let mut at = 0;
    let mut asked = false;
    pair.until(|pair| {
        let socket = pair.socket(handle);
        if !asked && socket.can_send() {
            asked = socket.send_slice(b"GET ").unwrap() == 4;
        }
        while socket.can_recv() {
            socket
                .recv(|bytes| {
                    assert!(bytes.iter().zip(at..).all(|(&byte, at)| byte == pattern(at)));
                    at += bytes.len() as u64;
                    (bytes.len(), ())
                })
                .unwrap();
        }
        (asked && !socket.may_recv()).then_some(())
    });
    assert_eq!(at, LENGTH);
    pair.socket(handle).close();
    pair.until(|pair| (!pair.nat.tcp.awaits()).then_some(()));
}

#[test]
fn what_the_guest_sends_arrives_and_each_side_may_end_first() {
    const LENGTH: u64 = 1 << 20;
    let (server, port) = listener();
    let server = thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stream.write_all(b"thanks").unwrap();
        all
    });
    let mut pair = Pair::new(Nat::new(true, None));
    let handle = pair.connect((GATEWAY, port), 1025);
    let (mut at, mut said) = (0, Vec::new());
    pair.until(|pair| {
        let socket = pair.socket(handle);
        while at < LENGTH && socket.can_send() {
            let block: Vec<u8> = (at..LENGTH.min(at + 4096)).map(pattern).collect();
            at += socket.send_slice(&block).unwrap() as u64;
            if at == LENGTH {
                socket.close();
            }
        }
        while socket.can_recv() {
            socket
                .recv(|bytes| {
                    said.extend_from_slice(bytes);
                    (bytes.len(), ())
                })
                .unwrap();
        }
        matches!(socket.state(), tcp::State::TimeWait | tcp::State::Closed).then_some(())
    });
    assert_eq!(said, b"thanks");
    let all = server.join().unwrap();
    assert!(all.len() as u64 == LENGTH && all.iter().zip(0..).all(|(&byte, at)| byte == pattern(at)));
}

#[test]
fn refusals_reach_the_guest_and_the_host_is_closed_unless_it_is_opened() {
    let (_server, open) = listener();
    for (loopback, to) in [
        (true, (GATEWAY, free_port())),
        (false, (GATEWAY, open)),
        (true, (Ipv4Addr::LOCALHOST, open)),
        (true, (DNS, 53)),
    ] {
        let mut pair = Pair::new(Nat::new(loopback, None));
        if to.0 == Ipv4Addr::LOCALHOST {
            // No guest sends there by itself.
            assert!(pair.nat.policy.outside(SocketAddrV4::new(to.0, to.1)).is_none());
            continue;
        }
        let handle = pair.connect(to, 1025);
        pair.until(|pair| (pair.socket(handle).state() == tcp::State::Closed).then_some(()));
        assert!(!pair.nat.awaits());
    }
}

#[test]
fn connections_to_a_forwarded_port_reach_the_guest() {
    let port = free_port();
    let mut nat = Nat::new(false, None);
    nat.forward_tcp(([127, 0, 0, 1], port).into(), 22).unwrap();
    assert!(
        nat.forward_tcp(([127, 0, 0, 1], port).into(), 23).is_err(),
        "taken"
    );
    let mut pair = Pair::new(nat);
    let handle = pair.tcp();
    pair.socket(handle).listen(22).unwrap();
    let client = thread::spawn(move || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(b"hello guest").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let mut heard = Vec::new();
    pair.until(|pair| {
        let socket = pair.socket(handle);
        while socket.can_recv() {
            socket
                .recv(|bytes| {
                    heard.extend_from_slice(bytes);
                    (bytes.len(), ())
                })
                .unwrap();
        }
        (socket.state() == tcp::State::CloseWait).then_some(())
    });
    assert_eq!(heard, b"hello guest");
    let peer = pair.socket(handle).remote_endpoint().unwrap();
    assert_eq!(peer.addr, GATEWAY.into());
    pair.socket(handle).send_slice(b"hello host").unwrap();
    pair.socket(handle).close();
    pair.until(|pair| (pair.socket(handle).state() == tcp::State::Closed).then_some(()));
    assert_eq!(client.join().unwrap(), "hello host");
}

#[test]
fn a_connection_that_nobody_in_the_guest_takes_is_closed() {
    let port = free_port();
    let mut nat = Nat::new(false, None);
    nat.forward_tcp(([127, 0, 0, 1], port).into(), 22).unwrap();
    let mut pair = Pair::new(nat);
    let client = thread::spawn(move || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.read(&mut [0; 10]).unwrap_or(0)
    });
    pair.until(|_| client.is_finished().then_some(()));
    assert_eq!(client.join().unwrap(), 0);
}

#[test]
fn datagrams_go_out_and_come_back_however_long_they_are() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut buffer = [0; 2000];
        while let Ok((length, from)) = server.recv_from(&mut buffer) {
            server.send_to(&buffer[..length].repeat(3), from).unwrap();
        }
    });
    let mut pair = Pair::new(Nat::new(true, None));
    let handle = pair.udp(3000);
    pair.send(handle, b"abc", (GATEWAY, port));
    assert_eq!(
        pair.receive(handle),
        (b"abcabcabc".to_vec(), (IpAddress::from(GATEWAY), port).into())
    );
    assert!(!pair.nat.awaits());
    // The answer takes three frames, which smoltcp does not put together again: they are looked at here.
    pair.send(handle, &[5; 1400], (GATEWAY, port));
    let mut parts = 0;
    pair.until(|pair| {
        for frame in &pair.card.received {
            let more = frame[20] & 0x20 != 0;
            let offset = u16::from_be_bytes([frame[20] & 0x1f, frame[21]]);
            assert_eq!((offset, more), [(0, true), (185, true), (370, false)][parts]);
            parts += 1;
        }
        (parts == 3).then_some(())
    });
}

#[test]
fn a_name_server_that_takes_its_time_is_waited_for() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        let (length, from) = server.recv_from(&mut buffer).unwrap();
        thread::sleep(Duration::from_millis(300));
        server.send_to(&buffer[..length], from).unwrap();
    });
    let mut pair = Pair::new(Nat::new(false, Some(address)));
    let handle = pair.udp(3000);
    pair.send(handle, b"who is example.org?", (DNS, 53));
    (0..20).for_each(|_| pair.step());
    assert!(pair.nat.awaits());
    let (answer, from) = pair.receive(handle);
    assert_eq!(
        (answer.as_slice(), from),
        (&b"who is example.org?"[..], (IpAddress::from(DNS), 53).into())
    );
}

#[test]
fn only_who_was_asked_can_answer() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let mut pair = Pair::new(Nat::new(true, None));
    let handle = pair.udp(3000);
    pair.send(handle, b"x", (GATEWAY, address.port()));
    let mut buffer = [0; 10];
    server.set_nonblocking(true).unwrap();
    let (_, from) = pair.until(|_| server.recv_from(&mut buffer).ok());
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    other.send_to(b"bad", from).unwrap();
    server.send_to(b"good", from).unwrap();
    assert_eq!(pair.receive(handle).0, b"good");
    let target: SocketAddr = ([127, 0, 0, 1], from.port()).into();
    other.send_to(b"bad", target).unwrap();
    (0..20).for_each(|_| pair.step());
    assert!(pair.sockets.get_mut::<udp::Socket<'_>>(handle).recv().is_err());
}

#[test]
fn datagrams_to_a_forwarded_port_reach_the_guest_and_are_answered() {
    let port = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut nat = Nat::new(false, None);
    nat.forward_udp(([127, 0, 0, 1], port).into(), 7).unwrap();
    let mut pair = Pair::new(nat);
    assert!(pair.ping(GATEWAY), "the guest is known now");
    let handle = pair.udp(7);
    let clients = [0, 1].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
    for (n, client) in clients.iter().enumerate() {
        client.send_to(&[n as u8; 5], ("127.0.0.1", port)).unwrap();
    }
    for _ in 0..2 {
        let (data, from) = pair.receive(handle);
        assert_eq!(from.addr, GATEWAY.into());
        pair.send(handle, &data.repeat(2), (GATEWAY, from.port));
    }
    (0..20).for_each(|_| pair.step());
    for (n, client) in clients.iter().enumerate() {
        let mut buffer = [0; 20];
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = client.recv(&mut buffer).unwrap();
        assert_eq!(buffer[..length], [n as u8; 10]);
    }
}

#[test]
fn files_come_by_tftp() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("boot.img"), vec![9; 700]).unwrap();
    let mut nat = Nat::new(false, None);
    nat.serve(dir.path()).unwrap();
    let mut pair = Pair::new(nat);
    let handle = pair.udp(3000);
    pair.send(handle, b"\0\x01boot.img\0octet\0", (GATEWAY, 69));
    let (first, from) = pair.receive(handle);
    assert_eq!((first.len(), &first[..4]), (516, &[0, 3, 0, 1][..]));
    pair.send(handle, &[0, 4, 0, 1], (GATEWAY, from.port));
    assert_eq!(pair.receive(handle).0.len(), 4 + 188);
}

#[test]
fn dropped_connections_are_reset_when_the_guest_goes_on_with_them() {
    let (server, port) = listener();
    let mut pair = Pair::new(Nat::new(true, None));
    let handle = pair.connect((GATEWAY, port), 1025);
    pair.until(|pair| pair.socket(handle).may_send().then_some(()));
    pair.nat.clear();
    assert!(!pair.nat.awaits());
    pair.socket(handle).send_slice(b"still there?").unwrap();
    pair.until(|pair| (pair.socket(handle).state() == tcp::State::Closed).then_some(()));
    drop(server);
}

/// xorshift64*.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 8
    }
}

#[test]
fn a_million_random_frames_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a"), vec![9; 700]).unwrap();
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut nat = Nat::new(false, Some(server.local_addr().unwrap()));
    nat.serve(dir.path()).unwrap();
    // Frames of a guest that behaves, to be damaged.
    let mut pair = Pair::new(nat);
    let handle = pair.udp(3000);
    pair.send(handle, b"\0\x01a\0octet\0", (GATEWAY, 69));
    pair.send(handle, b"question", (DNS, 53));
    pair.connect((DNS, 53), 1025);
    pair.connect((GATEWAY, 80), 1026);
    let dhcp = pair.sockets.add(dhcpv4::Socket::new());
    let mut frames = Vec::new();
    for _ in 0..200 {
        pair.interface.poll(pair.now, &mut pair.card, &mut pair.sockets);
        for frame in pair.card.sent.drain(..) {
            pair.nat.take(&frame, pair.now);
            frames.push(frame);
        }
        let answers = pair.nat.poll(pair.now, 64);
        pair.card.received.extend(answers);
        pair.now += smoltcp::time::Duration::from_millis(50);
    }
    pair.sockets.remove(dhcp);
    let Pair { mut nat, mut now, .. } = pair;
    assert!(frames.len() > 5);
    let mut random = Random(99);
    for n in 0..1_000_000u64 {
        let mut frame = match random.next() % 4 {
            0 => (0..random.next() % 100).map(|_| random.next() as u8).collect(),
            _ => frames[random.next() as usize % frames.len()].clone(),
        };
        for _ in 0..random.next() % 4 {
            let length = frame.len().max(1) as u64;
            match random.next() % 3 {
                0 => frame.truncate(random.next() as usize % (frame.len() + 1)),
                1 => frame.extend((0..random.next() % 20).map(|_| random.next() as u8)),
                _ => {
                    if let Some(byte) = frame.get_mut((random.next() % length) as usize) {
                        *byte = random.next() as u8;
                    }
                }
            }
        }
        // IP checksums that are right let more of it through.
        if frame.len() >= 34 && random.next() & 1 == 0 {
            frame[24..26].fill(0);
            let sum: u32 = frame[14..34]
                .chunks(2)
                .map(|w| u32::from(w[0]) << 8 | u32::from(w[1]))
                .sum();
            let sum = (sum & 0xffff) + (sum >> 16);
            let check = !((sum & 0xffff) + (sum >> 16)) as u16;
            frame[24..26].copy_from_slice(&check.to_be_bytes());
        }
        nat.take(&frame, now);
        assert!(nat.to_guest.len() <= MOST_WAITING);
        if n % 64 == 0 {
            now += smoltcp::time::Duration::from_millis(1);
            nat.poll(now, 64);
        }
    }
}
