//! The options of the network card and of what it is connected to.

use std::path::PathBuf;

use clap::Args;
use oldiron_platform::{CardSlot, NetworkCard};

use crate::units;

/// The address of a card without `mac=`.
const DEFAULT_MAC: [u8; 6] = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];
/// Where a card on the ISA bus is without `io=` and `irq=`.
const DEFAULT_SLOT: CardSlot = CardSlot::Isa { io: 0x300, irq: 9 };

/// Options of `oldiron run` about the network.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct NetArgs {
    /// A network card, an NE2000: isa, and what its jumpers say (the default is isa,io=300,irq=9,mac=52:54:00:12:34:56)
    #[arg(long, value_name = "isa[,io=PORT,irq=N,mac=ADDRESS]", value_parser = card, help_heading = "Network")]
    pub nic: Option<NetworkCard>,
    /// Write what the network card sends and receives, for Wireshark or tcpdump; times are the guest's
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    pub pcap: Option<PathBuf>,
}

impl NetArgs {
    /// The card that the machine has.
    pub fn card(&self) -> Option<NetworkCard> {
        let wanted = *self != Self::default();
        self.nic.or(wanted.then_some(NetworkCard {
            slot: DEFAULT_SLOT,
            mac: DEFAULT_MAC,
        }))
    }
}

/// The value of `--nic`.
fn card(text: &str) -> Result<NetworkCard, String> {
    let mut parts = text.split(',');
    if parts.next() != Some("isa") {
        return Err("write isa, or isa,io=300,irq=9,mac=52:54:00:12:34:56".to_owned());
    }
    let CardSlot::Isa { mut io, mut irq } = DEFAULT_SLOT;
    let mut mac = DEFAULT_MAC;
    for part in parts {
        match part.split_once('=') {
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
    let slot = CardSlot::Isa { io, irq };
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
        assert_eq!(NetArgs::default().card(), None);
        assert_eq!(
            card("isa").map(|card| card.to_string()).as_deref(),
            Ok("isa,io=300,irq=9,mac=52:54:00:12:34:56")
        );
        let text = "isa,io=280,irq=10,mac=02:00:00:aB:cd:ef";
        assert_eq!(card(text).map(|card| card.to_string()), Ok(text.to_lowercase()));
        for (wrong, word) in [
            ("usb", "write isa"),
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
}
