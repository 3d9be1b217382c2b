//! Datagrams, outwards and to forwarded ports, and what is made of them: names and files.

use std::net::UdpSocket;

use smoltcp::socket::udp;

use super::*;

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
