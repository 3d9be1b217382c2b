//! The gateway with a guest of smoltcp on the other side of the cable.

mod hostile;
mod tcp;
mod udp;

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, TcpListener},
    thread,
    time::Duration,
};

use smoltcp::{
    iface::{Config, Interface, SocketHandle, SocketSet},
    phy::{self, ChecksumCapabilities, DeviceCapabilities, Medium},
    socket::{dhcpv4, icmp, tcp as tcp_socket, udp as udp_socket},
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
        let buffer = || tcp_socket::SocketBuffer::new(vec![0; 32768]);
        self.sockets.add(tcp_socket::Socket::new(buffer(), buffer()))
    }

    fn connect(&mut self, to: (Ipv4Addr, u16), port: u16) -> SocketHandle {
        let handle = self.tcp();
        let socket = self.sockets.get_mut::<tcp_socket::Socket<'_>>(handle);
        socket.connect(self.interface.context(), to, port).unwrap();
        handle
    }

    fn socket(&mut self, handle: SocketHandle) -> &mut tcp_socket::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    fn udp(&mut self, port: u16) -> SocketHandle {
        let buffer =
            || udp_socket::PacketBuffer::new(vec![udp_socket::PacketMetadata::EMPTY; 16], vec![0; 65536]);
        let mut socket = udp_socket::Socket::new(buffer(), buffer());
        socket.bind(port).unwrap();
        self.sockets.add(socket)
    }

    fn send(&mut self, handle: SocketHandle, data: &[u8], to: (Ipv4Addr, u16)) {
        let socket = self.sockets.get_mut::<udp_socket::Socket<'_>>(handle);
        socket
            .send_slice(data, IpEndpoint::from((IpAddress::Ipv4(to.0), to.1)))
            .unwrap();
    }

    fn receive(&mut self, handle: SocketHandle) -> (Vec<u8>, IpEndpoint) {
        self.until(|pair| {
            let socket = pair.sockets.get_mut::<udp_socket::Socket<'_>>(handle);
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
        let deadline = self.now + smoltcp::time::Duration::from_millis(300);
        let answer = self.until(|pair| {
            let socket = pair.sockets.get_mut::<icmp::Socket<'_>>(handle);
            if pair.now > deadline {
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
