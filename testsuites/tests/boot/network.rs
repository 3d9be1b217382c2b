//! Guests with a network card: real programs, and servers and clients on the host.
#![allow(
    clippy::disallowed_types,
    reason = "the far ends of these guests are on the host, which has a clock"
)]

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream, UdpSocket},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::{Failed, Trial};

use crate::{
    Ended, Oldiron, Outcome, Test, expect, guests,
    initramfs::{DEBIAN, linux},
};

/// FreeDOS with a packet driver for the NE2000, which says on COM1 what it finds.
pub const FDOS_NET: &str = "fdos-net/fdos-net.img";
/// What the guest's network is, for guests that do not ask.
const ADDRESS: &str = "ip addr add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2";
/// No host is so slow.
const PATIENCE: Duration = Duration::from_secs(250);

/// The tests of this file with Linux guests.
pub fn trials() -> Vec<Trial> {
    let tests: [Test; 6] = [
        ("udhcpc gets address, router and name server", DEBIAN, dhcp),
        (
            "wget fetches 64 MiB from the host's loopback, also when that is recorded and replayed",
            DEBIAN,
            fetch,
        ),
        (
            "a connection to a forwarded port reaches nc in the guest, both ways and to both ends",
            DEBIAN,
            forwarded,
        ),
        ("two machines on a hub ping each other", DEBIAN, hub),
        (
            "a guest at full speed waits for a name server that takes 3 s and a web server that takes 2 s",
            DEBIAN,
            slow_servers,
        ),
        (
            "nothing of the host's loopback can be reached unasked",
            DEBIAN,
            closed,
        ),
    ];
    tests
        .into_iter()
        .map(|(name, file, test)| {
            let kernel = guests().join(file);
            if !kernel.exists() {
                let name = format!("{name} (absent: {})", kernel.display());
                return Trial::test(name, || Ok(())).with_ignored_flag(true);
            }
            Trial::test(name, move || test(&kernel)).with_ignored_flag(cfg!(debug_assertions))
        })
        .collect()
}

pub fn packet_driver(image: &Path) -> Outcome {
    let ended = Oldiron::new()
        .volatile(image)
        .args(&[
            "--cpu",
            "386",
            "--mem",
            "16",
            "--nic",
            "isa,mac=52:54:00:ab:cd:ef",
        ])
        .args(&["--until-serial", "NET-DONE"])
        .run();
    ended.succeeded()?;
    let found = ended
        .serial()
        .contains("My Ethernet address is 52:54:00:AB:CD:EF");
    expect(found, "the driver did not find the card's address", &ended)
}

/// Fails unless the guest has said all of `words`.
fn said(ended: &Ended, words: &[&str]) -> Outcome {
    let serial = ended.succeeded()?.serial();
    for &words in words {
        let what = format!("not there: {words}\n{serial}");
        expect(serial.contains(words), &what, ended)?;
    }
    Ok(())
}

fn dhcp(_: &Path) -> Outcome {
    let script = r#"
cat > /lease <<'X'
#!/bin/sh
echo "LEASE $1 $ip $subnet $router $dns $serverid"
[ $1 = bound ] && ip addr add $ip/24 dev $interface && ip route add default via $router
true
X
chmod +x /lease
udhcpc -i eth0 -s /lease -n -q
ping -c 3 -W 5 10.0.2.2
"#;
    let ended = linux(Oldiron::new().args(&["--net", "nat"]), script).run();
    said(
        &ended,
        &[
            "LEASE bound 10.0.2.15 255.255.255.0 10.0.2.2 10.0.2.3 10.0.2.2",
            "3 packets transmitted, 3 packets received, 0% packet loss",
        ],
    )
}

/// A listener on loopback, and its port.
fn listener() -> Result<(TcpListener, u16), Failed> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

/// A web server that answers once, `after` some time, with `body`. Gives back how long the body took.
fn serve(listener: TcpListener, after: Duration, body: Vec<u8>) -> thread::JoinHandle<Duration> {
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        thread::sleep(after);
        let began = Instant::now();
        write!(
            stream,
            "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .unwrap();
        stream.write_all(&body).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        // The guest ends its side when it has everything.
        let _ = stream.read(&mut [0]);
        began.elapsed()
    })
}

/// Bytes without a pattern of a page's or packet's length.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

/// The MD5 of bytes, as the host's own program finds it.
fn md5(bytes: &[u8]) -> Result<String, Failed> {
    let file = tempfile::NamedTempFile::new()?;
    file.as_file().write_all(bytes)?;
    let output = Command::new("md5sum").arg(file.path()).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.split_whitespace().next().unwrap_or_default().to_owned())
}

fn fetch(_: &Path) -> Outcome {
    const LENGTH: usize = 64 << 20;
    let body = noise(LENGTH);
    let sum = md5(&body)?;
    let (listener, port) = listener()?;
    let server = serve(listener, Duration::ZERO, body);
    let script = format!("{ADDRESS}\nwget -q -O /file http://10.0.2.2:{port}/file\nmd5sum /file");
    let oldiron = Oldiron::new().args(&["--mem", "256M", "--net", "nat", "--net-host-loopback"]);
    let recording = oldiron.path("fetch.rec").display().to_string();
    let ended = linux(oldiron.args(&["--speed", "max", "--record", &recording]), &script).run();
    said(&ended, &[&format!("{sum}  /file")])?;
    let took = server.join().map_err(|_| "the server failed")?.as_secs_f64();
    eprintln!("64 MiB in {took:.2} s: {:.1} MiB/s", (LENGTH >> 20) as f64 / took);
    let replayed = Oldiron::with(&["replay", &recording, "--headless", "--check", "--timeout", "300"]).run();
    let (stats, again) = (ended.stats(), replayed.succeeded()?.stats());
    for name in ["ticks", "instructions", "memory_hash", "state_hash"] {
        let what = format!("{name} is {} and {}", stats[name], again[name]);
        expect(
            !stats[name].is_null() && stats[name] == again[name],
            &what,
            &replayed,
        )?;
    }
    Ok(())
}

fn forwarded(_: &Path) -> Outcome {
    let port = listener()?.1;
    let script =
        format!("{ADDRESS}\necho from the guest | nc -l -p 2323 > /heard\necho heard: $(cat /heard)");
    let forward = format!("tcp:{port}:2323");
    let client = thread::spawn(move || {
        let began = Instant::now();
        let mut heard = String::new();
        // Until somebody listens.
        while heard.is_empty() && began.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(100));
            let _ = call(port, &mut heard);
        }
        heard
    });
    let ended = linux(Oldiron::new().args(&["--fwd", &forward]), &script).run();
    said(&ended, &["heard: from the host"])?;
    let heard = client.join().map_err(|_| "the client failed")?;
    expect(heard == "from the guest\n", &format!("heard {heard:?}"), &ended)
}

/// Says something to a port of this host, and listens to the end.
fn call(port: u16, heard: &mut String) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"from the host\n")?;
    stream.shutdown(Shutdown::Write)?;
    stream.read_to_string(heard).map(drop)
}

fn hub(_: &Path) -> Outcome {
    let name = format!("hub:test{}", std::process::id());
    let machine = |own: u8, other: u8| {
        let mac = format!("pci,mac=52:54:00:00:00:{own:02x}");
        let oldiron = Oldiron::new().args(&["--net", &name, "--nic", &mac]);
        // The other machine may still be booting, and must not leave before this one is done.
        let script = format!(
            "ip addr add 10.9.9.{own}/24 dev eth0
until ping -c 1 -W 1 10.9.9.{other} > /dev/null; do true; done
ping -c 3 -W 5 10.9.9.{other}
ip link | grep ether
nc -l -p 99 < /dev/null &
until nc -w 1 10.9.9.{other} 99 < /dev/null; do sleep 1; done
wait"
        );
        thread::spawn(move || {
            let ended = linux(oldiron, &script).run();
            let ping = "3 packets transmitted, 3 packets received, 0% packet loss";
            said(&ended, &[ping, &format!("52:54:00:00:00:{own:02x}")])
        })
    };
    let machines = [machine(1, 2), machine(2, 1)];
    for machine in machines {
        machine.join().map_err(|_| "a machine failed")??;
    }
    Ok(())
}

/// Answers one question for a name, `after` some time, with the gateway's address (RFC 1035 section 4).
fn name_server(after: Duration) -> Result<u16, Failed> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let port = socket.local_addr()?.port();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let socket = socket.try_clone().unwrap();
            let question = buffer[..length].to_vec();
            thread::spawn(move || {
                thread::sleep(after);
                let _ = socket.send_to(&answer(&question), from);
            });
        }
    });
    Ok(port)
}

/// The answer to a question of type A; to any other, that there is none.
fn answer(question: &[u8]) -> Vec<u8> {
    let is_a = question[question.len() - 4..] == [0, 1, 0, 1];
    let mut answer = question.to_vec();
    // QR, RD, RA; one question, one answer or none.
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    answer[4..12].copy_from_slice(&[0, 1, 0, u8::from(is_a), 0, 0, 0, 0]);
    if is_a {
        answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 2, 2]);
    }
    answer
}

fn slow_servers(_: &Path) -> Outcome {
    let (listener, port) = listener()?;
    let server = serve(listener, Duration::from_secs(2), b"worth waiting for\n".to_vec());
    let dns = format!("127.0.0.1:{}", name_server(Duration::from_secs(3))?);
    // They give up after 5 s and 10 s of the guest's time.
    let script = format!(
        "{ADDRESS}
nslookup -type=a slow.example 10.0.2.3
timeout 10 wget -q -O /file http://10.0.2.2:{port}/file
cat /file"
    );
    let oldiron = Oldiron::new().args(&["--speed", "max", "--net-host-loopback", "--net-dns", &dns]);
    let ended = linux(oldiron, &script).run();
    said(&ended, &["Address: 10.0.2.2", "worth waiting for"])?;
    server.join().map(drop).map_err(|_| "the server failed".into())
}

fn closed(_: &Path) -> Outcome {
    let (_listener, port) = listener()?;
    let script = format!("{ADDRESS}\ntimeout 10 wget -O /file http://10.0.2.2:{port}/file\necho CODE $?");
    let ended = linux(Oldiron::new().args(&["--net", "nat"]), &script).run();
    said(&ended, &["Connection refused", "CODE 1"])
}
