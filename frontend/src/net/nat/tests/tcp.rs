//! Connections, outwards and to forwarded ports.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
};

use smoltcp::socket::tcp;

use super::*;

/// Bytes that depend on where they are.
fn pattern(at: u64) -> u8 {
    (at ^ at >> 8 ^ at >> 16) as u8
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
