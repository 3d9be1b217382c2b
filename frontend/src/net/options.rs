//! The options of the network card and of what it is connected to.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::Args;
use oldiron_platform::{CardSlot, NetworkCard};

use crate::units;

/// The address of a card without `mac=`.
const DEFAULT_MAC: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];
/// Where a card on the ISA bus is without `io=` and `irq=`.
const DEFAULT_IO: u16 = 0x300;
const DEFAULT_IRQ: u8 = 9;
/// The port of DNS.
const DNS_PORT: u16 = 53;

/// Options of `oldiron run` about the network.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct NetArgs {
    /// What the network card is connected to: none, nat (the host's network, through a gateway of its own) or hub:NAME
    /// (other machines on this host) [default: nat with any of the options below, else none]
    #[arg(long, value_name = "none|nat|hub:NAME", value_parser = cable, help_heading = "Network")]
    pub net: Option<Cable>,
    /// A network card, an NE2000: on the PCI bus, or isa with what its jumpers say (isa,io=300,irq=9,mac=52:54:00:12:34:56)
    /// [default: pci, or isa with --isa]
    #[arg(long, value_name = "pci|isa[,io=PORT,irq=N,mac=ADDRESS]", value_parser = card, help_heading = "Network")]
    pub nic: Option<NetworkCard>,
    /// A port of this host, on loopback unless an address is given, that leads to a port of the guest: tcp:2222:22
    #[arg(long, value_name = "tcp|udp:[ADDRESS:]HOSTPORT:GUESTPORT", value_parser = forward, help_heading = "Network")]
    pub fwd: Vec<Forward>,
    /// Let the guest reach this host's own loopback, at 10.0.2.2
    #[arg(long, help_heading = "Network")]
    pub net_host_loopback: bool,
    /// The server to which the guest's questions for names go [default: the host's]
    #[arg(long, value_name = "ADDRESS[:PORT]", value_parser = server, help_heading = "Network")]
    pub net_dns: Option<SocketAddr>,
    /// Let the guest read the files of a directory by TFTP, at 10.0.2.2
    #[arg(long, value_name = "DIR", help_heading = "Network")]
    pub tftp: Option<PathBuf>,
    /// Write what the network card sends and receives, for Wireshark or tcpdump; times are the guest's
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    pub pcap: Option<PathBuf>,
}

/// What the card is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cable {
    /// Nothing.
    None,
    /// The host's network.
    Nat,
    /// Other machines, by the name of their hub.
    Hub(String),
}

/// TCP or UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// `--fwd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Which protocol.
    pub protocol: Protocol,
    /// Where the host listens.
    pub host: SocketAddr,
    /// The guest's port.
    pub guest: u16,
}

impl NetArgs {
    /// The card that the machine has; `isa`: it has no PCI bus.
    pub fn card(&self, isa: bool) -> Option<NetworkCard> {
        let unconnected = Self {
            net: Some(Cable::None),
            ..Self::default()
        };
        let wanted = *self != Self::default() && *self != unconnected;
        self.nic.or(wanted.then_some(NetworkCard {
            slot: if isa {
                CardSlot::Isa {
                    io: DEFAULT_IO,
                    irq: DEFAULT_IRQ,
                }
            } else {
                CardSlot::Pci
            },
            mac: DEFAULT_MAC,
        }))
    }

    /// What it is connected to.
    pub fn cable(&self) -> Cable {
        match (&self.net, self.card(false)) {
            (Some(cable), _) => cable.clone(),
            (None, Some(_)) => Cable::Nat,
            (None, None) => Cable::None,
        }
    }

    /// An option that only `--net nat` has a use for.
    pub fn of_nat(&self) -> Option<&'static str> {
        let given = [
            (!self.fwd.is_empty(), "--fwd"),
            (self.net_host_loopback, "--net-host-loopback"),
            (self.net_dns.is_some(), "--net-dns"),
            (self.tftp.is_some(), "--tftp"),
        ];
        given
            .into_iter()
            .find(|(given, _)| *given)
            .map(|(_, option)| option)
    }
}

/// The value of `--net`.
fn cable(text: &str) -> Result<Cable, String> {
    let plain = |name: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !name.is_empty() && name.len() <= 32 && name.chars().all(known)
    };
    match text.split_once(':') {
        None if text == "none" => Ok(Cable::None),
        None if text == "nat" => Ok(Cable::Nat),
        Some(("hub", name)) if plain(name) => Ok(Cable::Hub(name.to_owned())),
        Some(("hub", _)) => Err("the name of a hub is made of up to 32 letters, digits, - and _".to_owned()),
        _ => Err("write none, nat or hub:NAME".to_owned()),
    }
}

/// The value of `--fwd`.
fn forward(text: &str) -> Result<Forward, String> {
    let error = || "write tcp:HOSTPORT:GUESTPORT, as in tcp:2222:22; udp: likewise".to_owned();
    let port = |text: &str| {
        text.parse::<u16>()
            .ok()
            .filter(|&port| port != 0)
            .ok_or_else(error)
    };
    let (protocol, rest) = text.split_once(':').ok_or_else(error)?;
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => return Err(error()),
    };
    let (host, guest) = rest.rsplit_once(':').ok_or_else(error)?;
    let host = match host.parse::<SocketAddr>() {
        Ok(address) if address.port() != 0 => address,
        _ => (Ipv4Addr::LOCALHOST, port(host)?).into(),
    };
    Ok(Forward {
        protocol,
        host,
        guest: port(guest)?,
    })
}

/// The value of `--net-dns`.
fn server(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse::<IpAddr>().map(|address| (address, DNS_PORT).into());
    let address = address.or_else(|_| text.parse::<SocketAddr>());
    address.map_err(|_| "write the address of a DNS server, as in 192.0.2.53 or 127.0.0.1:5353".to_owned())
}

/// The value of `--nic`.
fn card(text: &str) -> Result<NetworkCard, String> {
    let mut parts = text.split(',');
    let isa = match parts.next() {
        Some("isa") => true,
        Some("pci") => false,
        _ => return Err("write pci, isa, or isa,io=300,irq=9,mac=52:54:00:12:34:56".to_owned()),
    };
    let (mut io, mut irq) = (DEFAULT_IO, DEFAULT_IRQ);
    let mut mac = DEFAULT_MAC;
    for part in parts {
        match part.split_once('=') {
            Some(("io" | "irq", _)) if !isa => {
                return Err(format!(
                    "{part}: the BIOS configures a card on the PCI bus; leave it out"
                ));
            }
            Some(("io", port)) => io = units::port(port)?,
            Some(("irq", line)) => {
                irq = line.parse().map_err(|_| {
                    format!("irq={line}: write the number of an interrupt line: 5, 7, 9, 10 or 11")
                })?;
            }
            Some(("mac", address)) => mac = mac_address(address)?,
            _ => return Err(format!("'{part}' is not one of io=, irq= and mac=")),
        }
    }
    let slot = if isa {
        CardSlot::Isa { io, irq }
    } else {
        CardSlot::Pci
    };
    Ok(NetworkCard { slot, mac })
}

fn mac_address(text: &str) -> Result<[u8; 6], String> {
    let byte = |part: &str| {
        let digits = part.len() == 2 && part.bytes().all(|digit| digit.is_ascii_hexdigit());
        digits.then(|| u8::from_str_radix(part, 16).ok()).flatten()
    };
    let bytes: Option<Vec<u8>> = text.split(':').map(byte).collect();
    let bytes = bytes.and_then(|bytes| <[u8; 6]>::try_from(bytes).ok());
    match bytes {
        Some([first, ..]) if first & 1 != 0 => Err(format!(
            "mac={text}: an odd first byte is the address of a group; write for example 52:54:00:12:34:56"
        )),
        Some(bytes) => Ok(bytes),
        None => Err(format!("mac={text}: write six bytes, as in 52:54:00:12:34:56")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_what_its_option_says() {
        assert_eq!(NetArgs::default().card(false), None);
        assert_eq!(
            card("isa").map(|card| card.to_string()).as_deref(),
            Ok("isa,io=300,irq=9,mac=52:54:00:12:34:56")
        );
        let text = "pci,mac=02:00:00:00:00:01";
        assert_eq!(card(text).map(|card| card.to_string()).as_deref(), Ok(text));
        let text = "isa,io=280,irq=10,mac=02:00:00:aB:cd:ef";
        assert_eq!(card(text).map(|card| card.to_string()), Ok(text.to_lowercase()));
        for (wrong, word) in [
            ("usb", "write pci"),
            ("pci,io=300", "io=300"),
            ("isa,port=1", "port=1"),
            ("isa,io=xyz", "xyz"),
            ("isa,irq=x", "irq=x"),
            ("isa,mac=1:2:3:4:5:6", "six bytes"),
            ("isa,mac=01:00:5e:00:00:01", "group"),
            ("isa,mac=52:54:00:12:34", "six bytes"),
        ] {
            let error = card(wrong).unwrap_err();
            assert!(error.contains(word), "{wrong}: {error}");
        }
    }

    #[test]
    fn the_cable_is_nat_as_soon_as_anything_needs_it() {
        let with = |change: fn(&mut NetArgs)| {
            let mut args = NetArgs::default();
            change(&mut args);
            (args.card(true).is_some(), args.cable())
        };
        assert_eq!(with(|_| {}), (false, Cable::None));
        assert_eq!(with(|args| args.net = Some(Cable::None)), (false, Cable::None));
        assert_eq!(with(|args| args.net = Some(Cable::Nat)), (true, Cable::Nat));
        assert_eq!(with(|args| args.nic = card("isa").ok()), (true, Cable::Nat));
        assert_eq!(with(|args| args.pcap = Some("x".into())), (true, Cable::Nat));
        let hub = with(|args| args.net = cable("hub:lan").ok());
        assert_eq!(hub, (true, Cable::Hub("lan".to_owned())));
        for wrong in ["hub", "hub:", "hub:../x", "hub:a/b", "bridge"] {
            assert!(cable(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn forwards_listen_on_loopback_unless_asked() {
        let host = |text| forward(text).map(|forward| forward.host.to_string());
        assert_eq!(host("tcp:2222:22").as_deref(), Ok("127.0.0.1:2222"));
        assert_eq!(host("udp:0.0.0.0:69:69").as_deref(), Ok("0.0.0.0:69"));
        assert_eq!(host("tcp:[::1]:80:8080").as_deref(), Ok("[::1]:80"));
        for wrong in [
            "",
            "tcp",
            "tcp:1",
            "tcp:0:1",
            "tcp:1:0",
            "tcp:x:1",
            "icmp:1:1",
            "tcp:1:70000",
            "tcp:1.2.3.4:0:1",
        ] {
            assert!(forward(wrong).unwrap_err().contains("tcp:2222:22"), "{wrong}");
        }
        assert_eq!(server("1.2.3.4").unwrap().to_string(), "1.2.3.4:53");
        assert_eq!(server("[::1]:5353").unwrap().to_string(), "[::1]:5353");
        assert!(server("example.org").is_err());
    }
}
