//! Who is who on the virtual network, and which addresses of the host's world a guest may reach.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

/// The gateway. TFTP is served there, and connections through `--fwd` come from it.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
/// Forwards questions to the host's resolver.
pub const DNS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 3);
/// What DHCP gives to the guest.
pub const GUEST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
/// Bits of the network part.
pub const PREFIX: u8 = 24;
/// The card of the gateway and of all behind it.
pub const GATEWAY_MAC: [u8; 6] = [0x52, 0x55, 0x0a, 0x00, 0x02, 0x02];

/// The port of DNS.
const DNS_PORT: u16 = 53;

/// Whether an address belongs to the virtual network.
pub fn is_local(address: Ipv4Addr) -> bool {
    address.octets()[..3] == GATEWAY.octets()[..3]
}

/// Which destinations are let through, and where they are on the host.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The gateway stands for the host itself: 127.0.0.1.
    pub host_loopback: bool,
    /// The host's resolver, if it has one.
    pub resolver: Option<SocketAddr>,
}

impl Policy {
    /// Where on the host's side a guest's packet to `to` goes. `None`: nowhere.
    pub fn outside(&self, to: SocketAddrV4) -> Option<SocketAddr> {
        let address = *to.ip();
        if address == DNS {
            return self.resolver.filter(|_| to.port() == DNS_PORT);
        }
        if address == GATEWAY {
            let host = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), to.port());
            return self.host_loopback.then_some(host);
        }
        // 0.0.0.0/8 is the host itself for some systems.
        let nowhere = is_local(address)
            || address.is_loopback()
            || address.octets()[0] == 0
            || address.octets()[0] >= 224;
        (!nowhere && to.port() != 0).then_some(SocketAddr::V4(to))
    }
}

/// The first server in a file like `/etc/resolv.conf`.
pub fn first_resolver(text: &str) -> Option<SocketAddr> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let server = words
            .next()
            .filter(|&word| word == "nameserver")
            .and(words.next())?;
        let address: IpAddr = server.parse().ok()?;
        Some(SocketAddr::new(address, DNS_PORT))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_outside_or_allowed_can_be_reached() {
        let closed = Policy {
            host_loopback: false,
            resolver: None,
        };
        let open = Policy {
            host_loopback: true,
            resolver: first_resolver("# dns\nsearch home\nnameserver nonsense\nnameserver 192.0.2.53\n"),
        };
        let cases = [
            (
                "93.184.216.34:80",
                Some("93.184.216.34:80"),
                Some("93.184.216.34:80"),
            ),
            ("10.0.2.2:8000", None, Some("127.0.0.1:8000")),
            ("10.0.2.3:53", None, Some("192.0.2.53:53")),
            ("10.0.2.3:80", None, None),
            ("10.0.2.77:80", None, None),
            ("127.0.0.1:80", None, None),
            ("0.0.0.0:80", None, None),
            ("0.1.2.3:80", None, None),
            ("224.0.0.1:80", None, None),
            ("255.255.255.255:80", None, None),
            ("1.1.1.1:0", None, None),
        ];
        for (to, without, with) in cases {
            let to = to.parse().unwrap();
            assert_eq!(closed.outside(to), without.map(|at| at.parse().unwrap()), "{to}");
            assert_eq!(open.outside(to), with.map(|at| at.parse().unwrap()), "{to}");
        }
    }
}
