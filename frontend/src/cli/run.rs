//! The options of `oldiron run` and `oldiron replay`.

use std::path::PathBuf;

use clap::Args;
use oldiron_platform::{CpuModel, NetworkCard, Timing};
use regex::Regex;

use super::values::*;
use crate::{log_sink::LogSpec, matcher, net::NetArgs, spec::Again, units};

/// Options of `oldiron run`.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// Disk images; what each is, is found by looking inside
    #[arg(value_name = "IMAGE")]
    pub images: Vec<PathBuf>,

    /// Processor model, as `oldiron cpu list` prints them, with features added or taken away: p6,+sep,-pge
    /// [default: the newest that is complete]
    #[arg(long, value_name = "MODEL[,+F,-F]", value_parser = cpu_model, help_heading = "Machine")]
    pub cpu: Option<&'static CpuModel>,
    /// Guest memory, 1M to 3G [default: 64M]
    #[arg(long, value_name = "SIZE", value_parser = units::memory_mib, help_heading = "Machine")]
    pub mem: Option<u32>,
    /// A machine without PCI
    #[arg(long, help_heading = "Machine")]
    pub isa: bool,
    /// Another system BIOS: 64, 128 or 256 KiB
    #[arg(long, value_name = "FILE", help_heading = "Machine")]
    pub bios: Option<PathBuf>,
    /// Another VGA BIOS: at most 64 KiB
    #[arg(long, value_name = "FILE", help_heading = "Machine")]
    pub vga_bios: Option<PathBuf>,
    /// Device latencies: short but never zero, or as the real parts [default: fast]
    #[arg(long, value_name = "fast|real", value_parser = timing, help_heading = "Machine")]
    pub timing: Option<Timing>,
    /// Start of the guest's clock: YYYY-MM-DDTHH:MM:SS or `host` [default: host with a window or terminal,
    /// 2000-01-01T00:00:00 headless]
    #[arg(long, value_name = "TIME", value_parser = rtc, help_heading = "Machine")]
    pub rtc: Option<Rtc>,
    /// Ticks per guest second, or `auto` [default: auto with a window or terminal, 100M headless]
    #[arg(long, value_name = "N", value_parser = ips, help_heading = "Machine")]
    pub ips: Option<Ips>,

    /// Floppy in drive A; repeat it for floppies to swap in later
    #[arg(long, value_name = "FILE", help_heading = "Media")]
    pub fda: Vec<PathBuf>,
    /// Floppy in drive B; repeat it for floppies to swap in later
    #[arg(long, value_name = "FILE", help_heading = "Media")]
    pub fdb: Vec<PathBuf>,
    /// First hard disk
    #[arg(long, value_name = "FILE", help_heading = "Media")]
    pub hda: Option<PathBuf>,
    /// Second hard disk
    #[arg(long, value_name = "FILE", help_heading = "Media")]
    pub hdb: Option<PathBuf>,
    /// Third hard disk
    #[arg(long, value_name = "FILE", help_heading = "Media")]
    pub hdc: Option<PathBuf>,
    /// Fourth hard disk
    #[arg(long, value_name = "FILE", help_heading = "Media")]
    pub hdd: Option<PathBuf>,
    /// CD in the CD-ROM drive, as the third hard disk would be, or in another free place; repeat it for CDs to
    /// swap in later
    #[arg(long, value_name = "FILE", help_heading = "Media")]
    pub cdrom: Vec<PathBuf>,
    /// Geometry of a hard disk
    #[arg(long, value_name = "hda=C/H/S", value_parser = geometry, help_heading = "Media")]
    pub chs: Vec<Geometry>,
    /// Boot this kernel, Linux (bzImage, zImage) or multiboot, instead of a disk
    #[arg(long, value_name = "FILE", help_heading = "Direct boot")]
    pub kernel: Option<PathBuf>,
    /// Its initial RAM disk, or a multiboot module; repeatable
    #[arg(long, value_name = "FILE", help_heading = "Direct boot")]
    pub initrd: Vec<PathBuf>,
    /// Its command line
    #[arg(
        long,
        value_name = "STR",
        allow_hyphen_values = true,
        help_heading = "Direct boot"
    )]
    pub append: Option<String>,
    /// Put a file at this (hexadecimal) address of memory before booting or, at C8000 to EFFFF, have it there as a
    /// ROM; repeatable
    #[arg(long, value_name = "FILE@ADDR", value_parser = load_at, help_heading = "Direct boot")]
    pub load: Vec<LoadAt>,
    /// Boot what --load put into memory: in real mode, at this (hexadecimal) address
    #[arg(long, value_name = "SEG:OFF", value_parser = entry, help_heading = "Direct boot")]
    pub entry: Option<(u16, u16)>,

    /// Boot order: a floppy, c hard disk, d CD [default: the kind of the first IMAGE, else acd]
    #[arg(long, value_name = "acd", value_parser = boot_order, help_heading = "Media")]
    pub boot: Option<String>,
    /// Keep the guest's writes in memory; no image is changed
    #[arg(long, help_heading = "Media")]
    pub volatile: bool,
    /// Keep the guest's writes in this file; no image is changed. The next run with it goes on from there
    #[arg(long, value_name = "FILE", conflicts_with_all = ["volatile", "record"], help_heading = "Media")]
    pub overlay: Option<PathBuf>,

    /// Where to show the screen [default: a window if there is a desktop, else this terminal, else none]
    #[arg(long, value_enum, value_name = "KIND", help_heading = "Display and speed")]
    pub display: Option<DisplayKind>,
    /// The same as --display none
    #[arg(long, conflicts_with = "display", help_heading = "Display and speed")]
    pub headless: bool,
    /// Host pacing: max, realtime or a number of MIPS [default: realtime with a window or terminal, else max]
    #[arg(long, value_name = "SPEED", value_parser = speed, help_heading = "Display and speed")]
    pub speed: Option<Speed>,

    /// Sound: auto (the sound card), none or wav:FILE [default: auto with a window, else none]
    #[arg(long, value_name = "WHERE", value_parser = sound, help_heading = "Display and speed")]
    pub sound: Option<SoundTo>,

    /// A serial port: none, stdio, file:F, tcp:HOST:PORT (and ,server to listen) or pty; first use COM1, second COM2
    #[arg(long, value_name = "WHERE", value_parser = serial, help_heading = "Ports")]
    pub serial: Vec<Serial>,
    /// Port E9h: stdio or file:F
    #[arg(long, value_name = "WHERE", value_parser = debug_console, help_heading = "Ports")]
    pub debugcon: Option<DebugConsole>,
    /// Log every byte written to these (hexadecimal) ports, one hex byte a line
    #[arg(long, value_name = "PORT[,PORT]=FILE", value_parser = port_log, help_heading = "Ports")]
    pub port_log: Vec<PortLog>,
    /// A write of v to this port ends the run with exit code (v<<1)|1
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "f4",
          value_parser = units::port, help_heading = "Ports")]
    pub debug_exit: Option<u16>,
    /// What QEMU gives to test programs: its firmware configuration device at ports 510h and 511h, which knows how many
    /// processors there are, and a latch at port E0h and memory at FF000000h to try the bus with
    #[arg(long, help_heading = "Ports")]
    pub fw_cfg: bool,

    /// Network options.
    #[command(flatten)]
    pub net: NetArgs,

    /// End with exit 0 when the text screen matches
    #[arg(long, allow_hyphen_values = true, value_name = "RE", value_parser = matcher::text_pattern, help_heading = "When to end")]
    pub until_text: Vec<Regex>,
    /// End with exit 0 when the output of COM1 matches
    #[arg(long, allow_hyphen_values = true, value_name = "RE", value_parser = matcher::serial_pattern, help_heading = "When to end")]
    pub until_serial: Vec<String>,
    /// End with exit 10 when the text screen matches
    #[arg(long, allow_hyphen_values = true, value_name = "RE", value_parser = matcher::text_pattern, help_heading = "When to end")]
    pub fail_text: Vec<Regex>,
    /// End with exit 10 when the output of COM1 matches
    #[arg(long, allow_hyphen_values = true, value_name = "RE", value_parser = matcher::serial_pattern, help_heading = "When to end")]
    pub fail_serial: Vec<String>,
    /// End with exit 12 after so many instructions and interrupts
    #[arg(long, value_name = "N", value_parser = units::positive_count, help_heading = "When to end")]
    pub max_insns: Option<u64>,
    /// End with exit 12 after so many guest seconds
    #[arg(long, value_name = "SECS", value_parser = units::seconds, help_heading = "When to end")]
    pub max_virtual: Option<f64>,
    /// End with exit 124 after so many host seconds
    #[arg(long, value_name = "SECS", value_parser = units::seconds, help_heading = "When to end")]
    pub timeout: Option<f64>,
    /// What a reset does
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        default_value = "continue",
        help_heading = "When to end"
    )]
    pub on_reset: OnReset,
    /// What a triple fault does [default: exit when headless, pause with a window or terminal]
    #[arg(long, value_enum, value_name = "WHAT", help_heading = "When to end")]
    pub on_triple_fault: Option<OnTripleFault>,

    /// Run the script lines in this file
    #[arg(long, value_name = "FILE", help_heading = "Scripts and results")]
    pub script: Option<PathBuf>,
    /// Run this script line, after those of --script
    #[arg(
        short = 'e',
        allow_hyphen_values = true,
        value_name = "LINE",
        help_heading = "Scripts and results"
    )]
    pub lines: Vec<String>,
    /// Write a picture of the screen at the end
    #[arg(long, value_name = "FILE.png", help_heading = "Scripts and results")]
    pub screenshot: Option<PathBuf>,
    /// Write the text screen at the end
    #[arg(long, value_name = "FILE", help_heading = "Scripts and results")]
    pub dump_text: Option<PathBuf>,
    /// Write counters and hashes at the end, as JSON
    #[arg(long, value_name = "FILE", help_heading = "Scripts and results")]
    pub stats: Option<PathBuf>,
    /// Write which forms of instructions were executed: a line for each, with the number of instructions (each
    /// element of a REP is one) and of faults
    #[arg(long, value_name = "FILE", help_heading = "Scripts and results")]
    pub coverage: Option<PathBuf>,
    /// Start from a saved state; the machine is the one that was saved
    #[arg(long, value_name = "FILE", help_heading = "Saving and recording")]
    pub restore: Option<PathBuf>,
    /// Save the whole state when guest time comes to this tick; no image is changed
    #[arg(long, value_name = "TICK=FILE", value_parser = save_at, help_heading = "Saving and recording")]
    pub save_at: Vec<SaveAt>,
    /// Write down everything that comes from outside, for `oldiron replay`; no image is changed
    #[arg(long, value_name = "FILE", help_heading = "Saving and recording")]
    pub record: Option<PathBuf>,
    /// How instructions are dispatched; for tests, results are the same
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        default_value = "chained",
        help_heading = "Scripts and results"
    )]
    pub dispatch: DispatchKind,
    /// Disturb caches, slices and dispatch at random and save and restore in between; for tests, results are the
    /// same
    #[arg(long, value_name = "SEED", help_heading = "Scripts and results")]
    pub chaos: Option<u64>,
    /// What to log to standard error, as in warn,dev::floppy=trace
    #[arg(long, value_name = "SPEC", value_parser = LogSpec::parse, help_heading = "Scripts and results")]
    pub log: Option<LogSpec>,
    /// Of a machine that is built again: what options cannot say.
    #[arg(skip)]
    pub again: Option<Again>,
}

impl RunArgs {
    /// Whether images must stay as they are, because something refers to what is in them now.
    pub fn keeps_images(&self) -> bool {
        self.record.is_some() || self.again.is_some() || !self.save_at.is_empty()
    }

    /// The network card.
    pub fn network_card(&self) -> Option<NetworkCard> {
        self.net.card(self.isa)
    }

    /// Whether something else than a disk is booted.
    pub fn boots_directly(&self) -> bool {
        self.kernel.is_some() || self.entry.is_some()
    }

    /// Whether port E9h is there.
    pub fn has_debug_console(&self) -> bool {
        self.debugcon.is_some() || self.again.as_ref().is_some_and(|again| again.debug_console)
    }
}

/// Options of `oldiron replay`.
#[derive(Args, Clone, Debug)]
pub struct ReplayArgs {
    /// The recording
    pub file: PathBuf,
    /// Compare the state with the recorded hashes on the way; exit 20 at the first difference
    #[arg(long)]
    pub check: bool,
    /// Stop at this tick
    #[arg(long, value_name = "TICK", value_parser = units::count)]
    pub to: Option<u64>,
    /// How and where the run is shown, and what it leaves behind.
    #[command(flatten)]
    pub run: RunArgs,
}
