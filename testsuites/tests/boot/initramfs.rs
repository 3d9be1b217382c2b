//! Debian's kernel and initramfs with a program of the test's own: an archive that Linux unpacks over the first,
//! in the "newc" format of its documentation ("initramfs buffer format").

use std::{fs, path::Path};

use crate::{guests, program::Oldiron};

/// The kernel below the guests' directory; its initramfs is beside it.
pub const DEBIAN: &str = "debian12-i386/vmlinuz-686";

/// What the script of every guest begins with: all of busybox, and the card's driver.
const BEGINNING: &str = "#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
busybox --install -s /bin
insmod /lib/m/00-8390.ko; insmod /lib/m/ne2k-pci.ko
ip link set lo up; ip link set eth0 up
";

/// Boots Debian's kernel with `script` as the only program; the guest is turned off behind it.
pub fn linux(oldiron: Oldiron, script: &str) -> Oldiron {
    let archive = oldiron.path("script.cpio");
    let script = format!("{BEGINNING}{script}\npoweroff -f\n");
    fs::write(
        &archive,
        newc(&[("script", script.as_bytes()), ("TRAILER!!!", b"")]),
    )
    .unwrap();
    let kernel = guests().join(DEBIAN);
    let text = |path: &Path| path.display().to_string();
    // The self-tests of the kernel's cryptography would take longer than all the rest.
    let command_line = "console=ttyS0 quiet net.ifnames=0 cryptomgr.notests rdinit=/script";
    oldiron.args(&["--kernel", &text(&kernel)]).args(&[
        "--initrd",
        &text(&kernel.with_file_name("initramfs.gz")),
        "--initrd",
        &text(&archive),
        "--append",
        command_line,
    ])
}

/// An archive of programs.
fn newc(files: &[(&str, &[u8])]) -> Vec<u8> {
    const EXECUTABLE: u32 = 0o100_755;
    let mut archive = Vec::new();
    for (number, (name, data)) in files.iter().enumerate() {
        // Number, mode, owner, group, links, time, size, four device numbers, length of the name, check sum.
        let (size, length) = (data.len() as u32, name.len() as u32 + 1);
        let fields = [
            number as u32 + 1,
            EXECUTABLE,
            0,
            0,
            1,
            0,
            size,
            0,
            0,
            0,
            0,
            length,
            0,
        ];
        archive.extend_from_slice(b"070701");
        for field in fields {
            archive.extend_from_slice(format!("{field:08X}").as_bytes());
        }
        archive.extend_from_slice(name.as_bytes());
        archive.push(0);
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.extend_from_slice(data);
        archive.resize(archive.len().next_multiple_of(4), 0);
    }
    archive
}
