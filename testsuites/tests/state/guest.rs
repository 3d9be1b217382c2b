//! The guests whose states are compared.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Failed, program::Oldiron};

/// A guest that works for a while and comes to an end of its own.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    /// What it is called in the names of tests.
    pub name: &'static str,
    /// Options and their files below the directory of test data; an image needs no option. None: the built-in disk.
    files: &'static [(&'static str, &'static str)],
    /// How it is started, and typed at.
    pub arguments: &'static [&'static str],
    /// What ends its run, by itself.
    pub end: &'static [&'static str],
    /// How long it runs at least, in ticks.
    pub length: u32,
}

/// The built-in disk, which runs all it has and powers off.
pub const DEMO: Guest = Guest {
    name: "demo",
    files: &[],
    arguments: &[],
    end: &[],
    length: 180_000_000,
};

/// FreeDOS in V86 mode under JEMM386, with programs that use DPMI and write to the floppy.
pub const JEMM386: Guest = Guest {
    name: "FreeDOS with JEMM386",
    files: &[("", "guests/fdos-tools/fdos-tools.img")],
    arguments: &[
        "--cpu",
        "486",
        "--mem",
        "32M",
        "-e",
        "wait text 'Select from Menu'",
        "-e",
        r#"type "2\n""#,
        "--until-serial",
        "TEST-DONE-OK",
    ],
    end: &["--until-serial", "TEST-DONE-OK"],
    length: 180_000_000,
};

/// Code that is written and patched all the time.
pub const G07: Guest = Guest {
    name: "g07",
    files: &[("", "bench/img/g07_smc.img")],
    arguments: &["--debug-exit", "--until-serial", "BENCH-DONE"],
    end: &["--until-serial", "BENCH-DONE"],
    length: 180_000_000,
};

/// System calls, page faults and task switches.
pub const G08: Guest = Guest {
    name: "g08",
    files: &[("", "bench/img/g08_sys.img")],
    arguments: &["--debug-exit", "--until-serial", "BENCH-DONE"],
    end: &["--until-serial", "BENCH-DONE"],
    length: 180_000_000,
};

/// Linux from its kernel's first instruction to its sums, without modules.
pub const NOMODS: Guest = Guest {
    name: "Debian by --kernel",
    files: &[
        ("--kernel", "guests/debian12-i386/vmlinuz-686"),
        ("--initrd", "guests/debian12-i386/initramfs.gz"),
    ],
    arguments: &[
        "--append",
        "console=ttyS0 net.ifnames=0 nomods",
        "--until-serial",
        "GUEST-DONE-OK",
    ],
    end: &["--until-serial", "GUEST-DONE-OK"],
    length: 1_000_000_000,
};

/// Linux with its drivers: packets and bus masters of the CD-ROM drive and a disk, a network card, power-off.
pub const DEBIAN_DISKS: Guest = Guest {
    name: "Debian from a CD",
    files: &[
        ("", "guests/debian12-i386/deb12-isolinux.iso"),
        ("--hda", "bench/img/disk.img"),
    ],
    arguments: &["--boot", "d", "--nic", "pci", "--net", "none"],
    end: &[],
    length: 1_000_000_000,
};

/// A desktop on the VESA BIOS's linear frame buffer, at work for as long as it is looked at.
pub const KOLIBRI: Guest = Guest {
    name: "KolibriOS",
    files: &[("", "guests/kolibri/kolibri.img")],
    arguments: &[
        "--cpu", "pentium", "--mem", "128M", "-e", "wait 40s", "-e", "quit 0",
    ],
    end: &[],
    length: 4_000_000_000,
};

/// Debian's kernel from a CD, which does sums, reads its disks and pings the gateway.
pub const DEBIAN: Guest = Guest {
    name: "Debian with a network",
    files: &[("", "guests/debian12-i386/deb12-isolinux.iso")],
    arguments: &["--nic", "pci", "--net", "nat"],
    end: &[],
    length: 1_000_000_000,
};

impl Guest {
    fn files(&self) -> impl Iterator<Item = (&'static str, PathBuf)> {
        let guests = std::env::var_os("OLDIRON_GUESTS").map(PathBuf::from);
        let shared = match guests.as_deref().and_then(Path::parent) {
            Some(parent) => parent.to_owned(),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        };
        self.files
            .iter()
            .map(move |&(option, file)| (option, shared.join(file)))
    }

    /// A file that it needs and that is not there.
    pub fn absent(&self) -> Option<PathBuf> {
        self.files().map(|(_, file)| file).find(|file| !file.exists())
    }

    /// A command line that runs it, with its images left as they are.
    pub fn oldiron(&self) -> Oldiron {
        let oldiron = Oldiron::with(&["--headless", "--timeout", "1200"]);
        let oldiron = self.with_files(oldiron).args(self.arguments);
        match self.files {
            [] => oldiron,
            _ => oldiron.args(&["--volatile"]),
        }
    }

    /// Adds its files to a command line.
    pub fn with_files(&self, oldiron: Oldiron) -> Oldiron {
        self.files()
            .fold(oldiron, |oldiron, (option, file)| match option {
                "" => oldiron.image(&file),
                option => oldiron.args(&[option, &file.display().to_string()]),
            })
    }

    /// Runs it with more arguments, to its end, and returns the statistics.
    pub fn stats(&self, arguments: &[&str]) -> Result<Value, Failed> {
        let ended = self.oldiron().args(arguments).run();
        Ok(ended.succeeded()?.stats())
    }
}

/// Fails unless two runs ended at the same tick in the same state.
pub fn same(plain: &Value, other: &Value, what: &str) -> Result<(), Failed> {
    for name in [
        "ticks",
        "instructions",
        "screen_hash",
        "memory_hash",
        "state_hash",
    ] {
        if plain[name].is_null() || plain[name] != other[name] {
            let (plain, other) = (&plain[name], &other[name]);
            return Err(format!("{what}: {name} is {other} instead of {plain}").into());
        }
    }
    Ok(())
}
