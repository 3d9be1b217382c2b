//! The guests whose states are compared.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Failed, program::Oldiron};

/// A guest that works for a while and comes to an end of its own.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    /// What it is called in the names of tests.
    pub name: &'static str,
    /// Its image below the directory of test data; none: the built-in disk.
    image: Option<&'static str>,
    /// How it is started, and typed at.
    pub arguments: &'static [&'static str],
    /// What ends its run, by itself.
    pub end: &'static [&'static str],
}

/// The built-in disk, which runs all it has and powers off.
pub const DEMO: Guest = Guest {
    name: "demo",
    image: None,
    arguments: &[],
    end: &[],
};

/// FreeDOS in V86 mode under JEMM386, with programs that use DPMI and write to the floppy.
pub const JEMM386: Guest = Guest {
    name: "FreeDOS with JEMM386",
    image: Some("guests/fdos-tools/fdos-tools.img"),
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
};

/// Code that is written and patched all the time.
pub const G07: Guest = Guest {
    name: "g07",
    image: Some("bench/img/g07_smc.img"),
    arguments: &["--debug-exit", "--until-serial", "BENCH-DONE"],
    end: &["--until-serial", "BENCH-DONE"],
};

/// System calls, page faults and task switches.
pub const G08: Guest = Guest {
    name: "g08",
    image: Some("bench/img/g08_sys.img"),
    arguments: &["--debug-exit", "--until-serial", "BENCH-DONE"],
    end: &["--until-serial", "BENCH-DONE"],
};

/// Debian's kernel from a CD, which does sums, reads its disks and pings the gateway.
pub const DEBIAN: Guest = Guest {
    name: "Debian with a network",
    image: Some("guests/debian12-i386/deb12-isolinux.iso"),
    arguments: &["--nic", "pci", "--net", "nat"],
    end: &[],
};

impl Guest {
    fn image(&self) -> Option<PathBuf> {
        let guests = std::env::var_os("OLDIRON_GUESTS").map(PathBuf::from);
        let shared = match guests.as_deref().and_then(Path::parent) {
            Some(parent) => parent.to_owned(),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        };
        self.image.map(|image| shared.join(image))
    }

    /// Its image, if it is needed and not there.
    pub fn absent(&self) -> Option<PathBuf> {
        self.image().filter(|image| !image.exists())
    }

    /// A command line that runs it, with its image left as it is.
    pub fn oldiron(&self) -> Oldiron {
        let oldiron = self.with_image(Oldiron::new()).args(self.arguments);
        match self.image {
            Some(_) => oldiron.args(&["--volatile"]),
            None => oldiron,
        }
    }

    /// Adds its image to a command line.
    pub fn with_image(&self, oldiron: Oldiron) -> Oldiron {
        match self.image() {
            Some(image) => oldiron.image(&image),
            None => oldiron,
        }
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
