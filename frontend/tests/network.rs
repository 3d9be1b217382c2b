//! A guest that asks a question over the network, with the host's world at the other end.

#![allow(clippy::unwrap_used, reason = "the set-up of a test may fail the test")]

use std::{
    fs,
    net::{SocketAddr, UdpSocket},
    path::PathBuf,
    process::Output,
    thread,
    time::Duration,
};

use assert_cmd::Command;
use tempfile::TempDir;

/// Asks 10.0.2.3 and halts until the answer is there: `bios/rom/network`.
const NETWORK: &[u8] = include_bytes!("../../bios/images/network.img");

struct Guest(TempDir);

impl Guest {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut floppy = NETWORK.to_vec();
        floppy.resize(1440 << 10, 0);
        fs::write(dir.path().join("a.img"), floppy).unwrap();
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn oldiron(&self, arguments: &[&str]) -> Output {
        let mut command = Command::cargo_bin("oldiron").unwrap();
        command.current_dir(self.0.path()).args(arguments);
        command.args(["--headless", "--timeout", "200"]).output().unwrap()
    }

    /// Boots with a card, to the end of the answer.
    fn asks(&self, arguments: &[&str]) -> String {
        let common = [
            "a.img",
            "--nic",
            "isa",
            "--until-serial",
            r"after \d s|TIMEOUT",
            "--serial",
            "file:com1",
        ];
        let output = self.oldiron(&[&common, arguments].concat());
        assert!(output.status.success(), "{output:?}");
        fs::read_to_string(self.path("com1")).unwrap()
    }
}

/// A server that answers each question after a while, and where it is.
fn server(delay: Duration) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            assert_eq!(buffer[..length], *b"what is the answer?");
            thread::sleep(delay);
            socket.send_to(b"the answer is 42\0", from).unwrap();
        }
    });
    address
}

#[test]
fn a_halted_guest_waits_for_a_slow_server_however_fast_it_could_run() {
    let dns = server(Duration::from_secs(3)).to_string();
    for speed in ["max", "realtime", "20"] {
        let guest = Guest::new();
        let said = guest.asks(&["--speed", speed, "--net-dns", &dns]);
        assert!(said.starts_with("the answer is 42 after "), "{speed}: {said}");
        let seconds: u32 = said["the answer is 42 after ".len()..][..1].parse().unwrap();
        assert!(seconds <= 4, "{speed}: {said}");
    }
}

#[test]
fn a_run_with_a_network_is_repeated_without_one() {
    let dns = server(Duration::from_millis(20)).to_string();
    let guest = Guest::new();
    let said = guest.asks(&[
        "--net-dns",
        &dns,
        "--record",
        "a.rec",
        "--stats",
        "1.json",
        "--pcap",
        "a.pcap",
    ]);
    assert!(said.starts_with("the answer is 42"), "{said}");
    // One frame went out and one came in.
    assert_eq!(
        fs::metadata(guest.path("a.pcap")).unwrap().len(),
        24 + 16 + 62 + 16 + 60
    );
    let hash = |name: &str| {
        let stats = fs::read_to_string(guest.path(name)).unwrap();
        stats
            .lines()
            .find(|line| line.contains("state_hash"))
            .map(str::to_owned)
    };
    for more in [&[][..], &["--chaos", "7"], &["--dispatch", "loop"]] {
        let replay = ["replay", "a.rec", "--check", "--stats", "2.json"];
        let output = guest.oldiron(&[&replay[..], more].concat());
        assert!(output.status.success(), "{output:?}");
        assert_eq!(hash("1.json"), hash("2.json"));
    }
}

#[test]
fn without_anybody_there_nothing_is_waited_for() {
    let guest = Guest::new();
    assert_eq!(guest.asks(&["--net", "none"]).trim_end(), "TIMEOUT");
}

#[test]
fn what_cannot_be_connected_is_said_in_one_line() {
    let guest = Guest::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let forward = format!("tcp:{}:22", taken.local_addr().unwrap().port());
    for (arguments, code, word) in [
        (&["--fwd", "tcp:22"][..], 2, "tcp:2222:22"),
        (&["--fwd", &forward], 74, "choose another port"),
        (&["--net", "hub:lan", "--tftp", "."], 2, "--tftp"),
        (&["--net", "none", "--fwd", "tcp:2222:22"], 2, "--fwd"),
        (&["--tftp", "a.img"], 66, "a.img"),
        (&["--tftp", "nowhere"], 66, "nowhere"),
        (&["--pcap", "nowhere/a.pcap"], 66, "--pcap"),
        (&["--nic", "isa,irq=4"], 2, "irq=10"),
        (&["--nic", "isa,io=3e0"], 2, "io=300"),
        (&["--nic", "pci", "--isa"], 2, "--nic isa"),
    ] {
        let output = guest.oldiron(&[&["a.img"], arguments].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(
            said.contains(word) && said.lines().count() == 1,
            "{arguments:?}: {said}"
        );
    }
}
