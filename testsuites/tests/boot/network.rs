//! Guests with a network card.

use std::path::Path;

use super::{Oldiron, Outcome, expect};

/// FreeDOS with a packet driver for the NE2000, which says on COM1 what it finds.
pub const FDOS_NET: &str = "fdos-net/fdos-net.img";

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
