//! `cargo xtask rom`: the images in `bios/images` from the sources in `bios/rom`, by `nasm`.
//!
//! A ROM image comes with a symbol map, one `OFFSET name` a line in order of address, for the debugger.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What to do with the images built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Put them where the `bios` crate takes them from.
    Write,
    /// Compare them with what is there.
    Check,
}

/// One file in `bios/images`.
struct Image {
    name: &'static str,
    /// Below `bios/rom`; its directory is where its includes are.
    source: &'static str,
    bytes: usize,
    /// Option ROMs: the last byte makes all of them add up to 0.
    checksum: bool,
    symbols: bool,
}

const IMAGES: [Image; 11] = [
    Image {
        name: "bios",
        source: "bios.asm",
        bytes: 64 << 10,
        checksum: false,
        symbols: true,
    },
    Image {
        name: "vgabios",
        source: "vga/vgabios.asm",
        bytes: 32 << 10,
        checksum: true,
        symbols: true,
    },
    Image {
        name: "direct",
        source: "direct/direct.asm",
        bytes: 1 << 10,
        checksum: true,
        symbols: true,
    },
    Image {
        name: "demo",
        source: "demo/demo.asm",
        bytes: 64 << 10,
        checksum: false,
        symbols: false,
    },
    Image {
        name: "eltorito",
        source: "eltorito/eltorito.asm",
        bytes: 8 * 512,
        checksum: false,
        symbols: false,
    },
    Image {
        name: "network",
        source: "network/network.asm",
        bytes: 512,
        checksum: false,
        symbols: false,
    },
    Image {
        name: "pointer",
        source: "pointer/pointer.asm",
        bytes: 512,
        checksum: false,
        symbols: false,
    },
    Image {
        name: "replay",
        source: "replay/replay.asm",
        bytes: 18 * 512,
        checksum: false,
        symbols: false,
    },
    Image {
        name: "selftest",
        source: "selftest/selftest.asm",
        bytes: 20 * 512,
        checksum: false,
        symbols: false,
    },
    Image {
        name: "vbe",
        source: "vbe/vbe.asm",
        bytes: 36 * 512,
        checksum: false,
        symbols: false,
    },
    Image {
        name: "video",
        source: "video/video.asm",
        bytes: 36 * 512,
        checksum: false,
        symbols: false,
    },
];

/// Builds every image, and writes or compares it.
pub(crate) fn run(mode: Mode) -> std::result::Result<(), String> {
    let bios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bios");
    let scratch =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../target/xtask-rom-{}", std::process::id()));
    fs::create_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
    let mut failures = Vec::new();
    for image in &IMAGES {
        if let Err(error) = image.make(&bios, &scratch, mode) {
            failures.push(format!("{}: {error}", image.name));
        }
    }
    // Nothing depends on the scratch directory being gone.
    let _ = fs::remove_dir_all(&scratch);
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.join("\n"))
    }
}

impl Image {
    fn make(&self, bios: &Path, scratch: &Path, mode: Mode) -> Result<()> {
        let suffix = if self.symbols { "bin" } else { "img" };
        let image = bios.join(format!("images/{}.{suffix}", self.name));
        let (bytes, map) = self.assemble(bios, scratch)?;
        settle(&image, &bytes, mode)?;
        if self.symbols {
            settle(
                &bios.join(format!("images/{}.sym", self.name)),
                map.as_bytes(),
                mode,
            )?;
        }
        println!("{}: {} bytes", self.name, bytes.len());
        Ok(())
    }

    /// The image and its symbol map.
    fn assemble(&self, bios: &Path, scratch: &Path) -> Result<(Vec<u8>, String)> {
        let source = bios.join("rom").join(self.source);
        let directory = source.parent().ok_or("no directory")?;
        let output = scratch.join(self.name);
        let listing = scratch.join(format!("{}.map", self.name));
        // The bin format takes its map file from a directive, as a word: no path with spaces.
        let wrapper = scratch.join(format!("{}.asm", self.name));
        fs::write(
            &wrapper,
            format!(
                "[map symbols {}.map]\n%include \"{}\"\n",
                self.name,
                source.display()
            ),
        )?;
        let nasm = Command::new("nasm")
            .current_dir(scratch)
            .args(["-f", "bin", "-O2", "-I"])
            .arg(with_separator(directory))
            .arg("-o")
            .arg(&output)
            .arg(&wrapper)
            .output()
            .map_err(|error| format!("nasm cannot be run: {error}"))?;
        if !nasm.status.success() {
            return Err(String::from_utf8_lossy(&nasm.stderr).into_owned().into());
        }
        let mut bytes = fs::read(&output)?;
        if bytes.len() != self.bytes {
            return Err(format!("{} bytes, expected {}", bytes.len(), self.bytes).into());
        }
        if self.checksum {
            let (last, rest) = bytes.split_last_mut().ok_or("empty")?;
            *last = rest.iter().fold(0u8, |sum, &byte| sum.wrapping_sub(byte));
        }
        Ok((bytes, symbol_map(&fs::read_to_string(&listing)?)))
    }
}

/// Writes `content` to `path`, or fails if it is not what is there.
fn settle(path: &Path, content: &[u8], mode: Mode) -> Result<()> {
    let name = path.display();
    match mode {
        Mode::Write => fs::write(path, content).map_err(|error| format!("{name}: {error}"))?,
        Mode::Check => {
            let present = fs::read(path).map_err(|error| format!("{name}: {error}"))?;
            if present != content {
                return Err(format!("{name} is not what its source makes; run `cargo xtask rom`").into());
            }
        }
    }
    Ok(())
}

/// The addresses in NASM's map file: lines of real address, virtual address and name.
fn symbol_map(listing: &str) -> String {
    let mut symbols: Vec<(u32, &str)> = listing
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let real = u32::from_str_radix(words.next()?, 16).ok()?;
            let address = u32::from_str_radix(words.next()?, 16).ok()?;
            let name = words.next()?;
            let is_label = real == address && words.next().is_none() && !name.contains("..@");
            is_label.then_some((address, name))
        })
        .collect();
    symbols.sort_unstable();
    symbols
        .iter()
        .map(|(address, name)| format!("{address:04X} {name}\n"))
        .collect()
}

/// NASM joins include directories and names without a separator.
fn with_separator(directory: &Path) -> PathBuf {
    directory.join("")
}
