//! The command line: options, QEMU's spellings, and one line for every mistake.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, error::ErrorKind};
use oldiron_platform::{Chs, CpuModel, DateTime, NetworkCard, Timing};
use regex::Regex;

use crate::{img::create, log_sink::LogSpec, matcher, net::NetArgs, spec::Again, units};

/// A PC in software: boots old operating systems from floppy, hard disk and CD images.
#[derive(Debug, Parser)]
#[command(name = "oldiron", version, subcommand_required = true, max_term_width = 110)]
#[command(
    after_help = "Without a subcommand, `run` is meant: `oldiron disk.img` boots an image, \
                        `oldiron` alone the built-in demo disk."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Boot a PC; with no image: the built-in demo disk
    Run(Box<RunArgs>),
    /// Repeat a run that --record wrote down
    Replay(Box<ReplayArgs>),
    /// Saved states
    Snapshot {
        /// What to do.
        #[command(subcommand)]
        command: SnapshotCommand,
    },
    /// Make, look into and convert disk images, and copy files in and out
    Img {
        /// What to do.
        #[command(subcommand)]
        command: ImgCommand,
    },
    /// Processor models
    Cpu {
        /// What to do.
        #[command(subcommand)]
        command: CpuCommand,
    },
    /// Tests of the emulator itself
    Selftest {
        /// What to test.
        #[command(subcommand)]
        command: SelftestCommand,
    },
}

/// `oldiron snapshot`.
#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// A line for each saved state in a directory, or for one file
    List {
        /// The directory or file.
        #[arg(default_value = ".")]
        path: PathBuf,
    },
    /// What is known about a saved state
    Info {
        /// The file.
        path: PathBuf,
    },
    /// Remove a saved state
    Delete {
        /// The file.
        path: PathBuf,
    },
}

/// `oldiron selftest`.
#[derive(Debug, Subcommand)]
pub enum SelftestCommand {
    /// Run the processor against vectors recorded from real silicon; exit 22 if any fails
    Cpu(SelftestArgs),
}

/// Options of `oldiron selftest cpu`.
#[derive(Args, Debug, Default)]
pub struct SelftestArgs {
    /// A vector file (*.hwx.zst, *.MOO.gz) or a directory of them; repeatable [default: the sample inside the program]
    #[arg(long, value_name = "PATH")]
    pub suite: Vec<PathBuf>,
    /// Only cases whose "ID INSTRUCTION" matches this regular expression, e.g. '^int32/.* shl$'
    #[arg(long, value_name = "RE")]
    pub filter: Option<Regex>,
    /// Print the cases instead of running them
    #[arg(long)]
    pub list: bool,
    /// Also print which forms of instructions this emulator has and no case executed
    #[arg(long, conflicts_with_all = ["list", "show"])]
    pub coverage: bool,
    /// Print one case and run it
    #[arg(long, value_name = "ID", conflicts_with_all = ["list", "filter"])]
    pub show: Option<String>,
    /// Write the results as JSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["list", "show"])]
    pub json: Option<PathBuf>,
    /// Write the results as JUnit XML
    #[arg(long, value_name = "FILE", conflicts_with_all = ["list", "show"])]
    pub junit: Option<PathBuf>,
}

/// `oldiron img`.
#[derive(Debug, Subcommand)]
pub enum ImgCommand {
    /// Make a new image of zeros, or with a file system
    Create(CreateArgs),
    /// Say what an image or overlay is, and what is in it
    Info {
        /// The image or overlay
        file: PathBuf,
    },
    /// Copy an image, or an image with its overlay, into a new raw image
    Convert(ConvertArgs),
    /// Write what an overlay holds into the images that it lies over, and remove it
    Commit {
        /// The overlay
        overlay: PathBuf,
    },
    /// List a directory in an image: IMAGE:/DIR, or IMAGE:2/DIR for the second partition
    Ls {
        /// The image, and the place in it
        place: String,
        /// Directories in it too
        #[arg(short, long)]
        recursive: bool,
    },
    /// Copy files into an image or out of one: oldiron img cp a.txt disk.img:/DIR/
    Cp(CpArgs),
}

/// Options of `oldiron img create`.
#[derive(Args, Clone, Debug)]
pub struct CreateArgs {
    /// The new image
    pub file: PathBuf,
    /// Its size: 1440K, 100M, 2G; a bare number is MiB
    #[arg(value_parser = create::size)]
    pub size: u64,
    /// With an empty FAT file system, on a hard disk in a partition
    #[arg(long)]
    pub fat: bool,
    /// With one partition, not formatted
    #[arg(long, conflicts_with = "fat")]
    pub partition: bool,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

/// Options of `oldiron img convert`.
#[derive(Args, Clone, Debug)]
pub struct ConvertArgs {
    /// An image or an overlay
    pub from: PathBuf,
    /// The new image
    pub to: PathBuf,
    /// Which image of the overlay, as in hda
    #[arg(long, value_name = "NAME")]
    pub image: Option<String>,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

/// Options of `oldiron img cp`.
#[derive(Args, Clone, Debug)]
pub struct CpArgs {
    /// Files, or places in images
    #[arg(required = true)]
    pub from: Vec<String>,
    /// A place in an image, or a file or directory
    pub to: String,
    /// Directories with all that is in them
    #[arg(short, long)]
    pub recursive: bool,
}

/// `oldiron cpu`.
#[derive(Debug, Subcommand)]
pub enum CpuCommand {
    /// List the models that --cpu takes
    List,
}

/// Where a window opens, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DisplayKind {
    /// A window on the desktop
    Window,
    /// The text screen in this terminal
    Term,
    /// Nothing
    None,
}

/// Host pacing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// As fast as the host can.
    Max,
    /// One guest second in one host second.
    Realtime,
    /// So many million ticks in one host second.
    Mips(f64),
}

/// Ticks per guest second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ips {
    /// Measured at start.
    Auto,
    /// Fixed.
    Fixed(u64),
}

/// Start of the guest's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rtc {
    /// The host's local time.
    Host,
    /// Fixed.
    At(DateTime),
}

/// Where a serial port leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serial {
    /// Nowhere.
    None,
    /// Standard input and output.
    Stdio,
    /// Into a file.
    File(PathBuf),
    /// To a TCP server, or to whoever connects.
    Tcp {
        /// `HOST:PORT`.
        address: String,
        /// Wait for a connection instead of making one.
        listen: bool,
    },
    /// To a pseudo-terminal.
    Pty,
}

/// Where port E9h leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DebugConsole {
    /// Standard output.
    Stdio,
    /// Into a file.
    File(PathBuf),
}

/// `--port-log`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortLog {
    /// The ports.
    pub ports: Vec<u16>,
    /// The file.
    pub path: PathBuf,
}

/// Where sound goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SoundTo {
    /// To the sound card, if there is one.
    Auto,
    /// Nowhere.
    None,
    /// Into a file.
    Wav(PathBuf),
}

/// `--save-at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaveAt {
    /// When.
    pub tick: u64,
    /// Where to.
    pub path: PathBuf,
}

/// `--load`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadAt {
    /// What.
    pub path: PathBuf,
    /// Physical address.
    pub at: u32,
}

/// What a reset does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnReset {
    /// The guest starts again
    Continue,
    /// The run ends
    Exit,
}

/// What a triple fault does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnTripleFault {
    /// The processor is reset, as in a PC
    Reset,
    /// The run ends with exit 14
    Exit,
    /// The machine stops with a notice
    Pause,
}

/// How instructions are dispatched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DispatchKind {
    /// Each handler calls the next
    Chained,
    /// A loop calls one handler after the other
    Loop,
}

/// A geometry given by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Disk 0 to 3.
    pub disk: usize,
    /// Its geometry.
    pub chs: Chs,
}

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

/// What the command line asks for.
#[derive(Debug)]
pub enum Parsed {
    /// Do this.
    Command(Command),
    /// Print this and leave with exit 0.
    Text(String),
    /// Print this line and leave with exit 2.
    Usage(String),
}

/// Parses a command line; the first argument is the program's name.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Parsed {
    match Cli::try_parse_from(rewrite(args)) {
        Ok(cli) => Parsed::Command(cli.command),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Parsed::Text(error.to_string())
        }
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Parsed::Usage(
            "a subcommand is missing, as list in oldiron cpu list or cpu in oldiron selftest cpu".to_owned(),
        ),
        Err(error) => Parsed::Usage(flatten(&error)),
    }
}

/// An error of clap's on one line.
fn flatten(error: &clap::Error) -> String {
    let text = error.to_string();
    let said: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:"))
        .filter(|line| !line.is_empty() && !line.starts_with("For more information"))
        .map(|line| line.trim_start_matches("error: "))
        .collect();
    format!("{}; see oldiron run --help", said.join("; "))
}

/// QEMU's spellings, and ours. The flag says whether a value follows.
const QEMU: &[(&str, &str, bool)] = &[
    ("-fda", "--fda", true),
    ("-fdb", "--fdb", true),
    ("-hda", "--hda", true),
    ("-hdb", "--hdb", true),
    ("-hdc", "--hdc", true),
    ("-hdd", "--hdd", true),
    ("-cdrom", "--cdrom", true),
    ("-kernel", "--kernel", true),
    ("-initrd", "--initrd", true),
    ("-append", "--append", true),
    ("-bios", "--bios", true),
    ("-boot", "--boot", true),
    ("-m", "--mem", true),
    ("-snapshot", "--volatile", false),
    ("-s", "--gdb", false),
    ("-S", "--wait", false),
];

/// Puts in the subcommand `run` where none is given, and rewrites QEMU's spellings: whole arguments
/// only, never the value of an option.
fn rewrite(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args = args.into_iter();
    let mut out: Vec<OsString> = vec![args.next().unwrap_or_else(|| "oldiron".into())];
    let args: Vec<OsString> = args.collect();
    let cli = Cli::command();
    let first = args.first().and_then(|arg| arg.to_str()).unwrap_or_default();
    let is_subcommand = first == "help" || cli.find_subcommand(first).is_some();
    if is_subcommand && first != "run" || matches!(first, "--help" | "-h" | "--version" | "-V") {
        out.extend(args);
        return out;
    }
    out.push("run".into());
    let mut args = args.into_iter().skip(usize::from(is_subcommand));
    while let Some(arg) = args.next() {
        let text = arg.to_str().unwrap_or_default();
        if text == "--" {
            out.push(arg);
            out.extend(args);
            break;
        }
        let takes_value = match QEMU.iter().find(|(theirs, ..)| *theirs == text) {
            Some(&(_, ours, takes_value)) => {
                out.push(ours.into());
                takes_value
            }
            None if text == "-no-reboot" => {
                out.extend(["--on-reset".into(), "exit".into()]);
                false
            }
            None => {
                let takes_value = option_takes_value(&cli, text);
                out.push(arg);
                takes_value
            }
        };
        if takes_value {
            out.extend(args.next());
        }
    }
    out
}

/// Whether `text` is an option of `run` whose value is the next argument.
fn option_takes_value(cli: &clap::Command, text: &str) -> bool {
    let Some(run) = cli.find_subcommand("run") else {
        return false;
    };
    run.get_arguments().any(|arg| {
        let long = arg
            .get_long()
            .is_some_and(|long| text.strip_prefix("--") == Some(long));
        let short = arg
            .get_short()
            .is_some_and(|short| text.strip_prefix('-') == Some(short.encode_utf8(&mut [0; 4])));
        (long || short) && arg.get_action().takes_values() && !arg.is_require_equals_set()
    })
}

fn cpu_model(text: &str) -> Result<&'static CpuModel, String> {
    CpuModel::parse(text).map_err(|error| error.to_string())
}

fn timing(text: &str) -> Result<Timing, String> {
    match text {
        "fast" => Ok(Timing::Fast),
        "real" => Ok(Timing::Real),
        _ => Err("write fast or real".to_owned()),
    }
}

fn speed(text: &str) -> Result<Speed, String> {
    match text {
        "max" => Ok(Speed::Max),
        "realtime" => Ok(Speed::Realtime),
        _ => match text.parse::<f64>() {
            Ok(mips) if (0.001..=1e6).contains(&mips) => Ok(Speed::Mips(mips)),
            _ => Err("write max, realtime or a number of MIPS".to_owned()),
        },
    }
}

fn ips(text: &str) -> Result<Ips, String> {
    if text == "auto" {
        return Ok(Ips::Auto);
    }
    match units::count(text) {
        Ok(n @ 10_000..=100_000_000_000) => Ok(Ips::Fixed(n)),
        Ok(_) => Err("must be 10K to 100G ticks a second, or auto".to_owned()),
        Err(_) => Err("not a count; write for example 100M, or auto".to_owned()),
    }
}

/// The value of `--rtc`.
pub fn rtc(text: &str) -> Result<Rtc, String> {
    if text == "host" {
        return Ok(Rtc::Host);
    }
    let error = || "write YYYY-MM-DDTHH:MM:SS (a date from 1900 on), or host".to_owned();
    let shape = text.len() == 19
        && text.bytes().enumerate().all(|(at, b)| match at {
            4 | 7 => b == b'-',
            10 => b == b'T',
            13 | 16 => b == b':',
            _ => b.is_ascii_digit(),
        });
    if !shape {
        return Err(error());
    }
    let field = |from: usize, to: usize| text[from..to].parse::<u16>().map_err(|_| error());
    let small = |from: usize| field(from, from + 2).map(|n| n as u8);
    DateTime::new(
        field(0, 4)?,
        small(5)?,
        small(8)?,
        small(11)?,
        small(14)?,
        small(17)?,
    )
    .map(Rtc::At)
    .ok_or_else(error)
}

fn serial(text: &str) -> Result<Serial, String> {
    match text.split_once(':') {
        None => match text {
            "none" => return Ok(Serial::None),
            "stdio" => return Ok(Serial::Stdio),
            "pty" => return Ok(Serial::Pty),
            _ => {}
        },
        Some(("file", path)) if !path.is_empty() => return Ok(Serial::File(path.into())),
        Some(("tcp", rest)) => {
            let (address, listen) = match rest.strip_suffix(",server") {
                Some(address) => (address, true),
                None => (rest, false),
            };
            let port = address
                .rsplit_once(':')
                .filter(|(host, _)| !host.is_empty() || listen);
            if port.is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0)) {
                return Ok(Serial::Tcp {
                    address: address.to_owned(),
                    listen,
                });
            }
        }
        Some(_) => {}
    }
    Err(
        "write none, stdio, file:F, tcp:HOST:PORT (tcp:HOST:PORT,server to be connected to) or pty"
            .to_owned(),
    )
}

fn sound(text: &str) -> Result<SoundTo, String> {
    match text.split_once(':') {
        None if text == "auto" => Ok(SoundTo::Auto),
        None if text == "none" => Ok(SoundTo::None),
        Some(("wav", path)) if !path.is_empty() => Ok(SoundTo::Wav(path.into())),
        _ => Err("write auto, none or wav:FILE".to_owned()),
    }
}

fn debug_console(text: &str) -> Result<DebugConsole, String> {
    match text.split_once(':') {
        None if text == "stdio" => Ok(DebugConsole::Stdio),
        Some(("file", path)) if !path.is_empty() => Ok(DebugConsole::File(path.into())),
        _ => Err("write stdio or file:F".to_owned()),
    }
}

fn port_log(text: &str) -> Result<PortLog, String> {
    match text.split_once('=') {
        Some((ports, path)) if !path.is_empty() => {
            let ports = ports.split(',').map(units::port).collect::<Result<_, _>>()?;
            Ok(PortLog {
                ports,
                path: path.into(),
            })
        }
        _ => Err("write PORT[,PORT]=FILE, for example 80=post.log".to_owned()),
    }
}

fn save_at(text: &str) -> Result<SaveAt, String> {
    match text.split_once('=') {
        Some((tick, path)) if !path.is_empty() => Ok(SaveAt {
            tick: units::count(tick)?,
            path: path.into(),
        }),
        _ => Err("write TICK=FILE, for example 2.5G=ready.snap".to_owned()),
    }
}

fn load_at(text: &str) -> Result<LoadAt, String> {
    let error = || format!("'{text}' is not FILE@ADDR; write for example rom.bin@d0000 or boot.bin@0x7c00");
    let (path, at) = text.rsplit_once('@').ok_or_else(error)?;
    let at = units::hexadecimal(at).ok_or_else(error)?;
    if path.is_empty() {
        return Err(error());
    }
    Ok(LoadAt {
        path: path.into(),
        at,
    })
}

fn entry(text: &str) -> Result<(u16, u16), String> {
    let halves = text.split_once(':');
    let halves = halves.and_then(|(segment, offset)| {
        let half = |text| u16::try_from(units::hexadecimal(text)?).ok();
        Some((half(segment)?, half(offset)?))
    });
    halves.ok_or_else(|| format!("'{text}' is not SEG:OFF; write for example 0:7c00 or f000:fff0"))
}

/// The value of `--boot`.
pub fn boot_order(text: &str) -> Result<String, String> {
    let known = text.chars().all(|c| matches!(c, 'a' | 'c' | 'd'));
    let twice = text.char_indices().any(|(at, c)| text[at + 1..].contains(c));
    if text.is_empty() || !known || twice {
        return Err("write one to three different letters of a (floppy), c (hard disk), d (CD)".to_owned());
    }
    Ok(text.to_owned())
}

fn geometry(text: &str) -> Result<Geometry, String> {
    let error = || "write for example hda=306/4/17: cylinders 1-16383, heads 1-16, sectors 1-63".to_owned();
    let (disk, numbers) = text.split_once('=').ok_or_else(error)?;
    let disk = match disk {
        "hda" => 0,
        "hdb" => 1,
        "hdc" => 2,
        "hdd" => 3,
        _ => return Err(error()),
    };
    let numbers: Option<Vec<u16>> = numbers
        .split('/')
        .map(|n| n.parse().ok().filter(|_| n.bytes().all(|b| b.is_ascii_digit())))
        .collect();
    match numbers.as_deref() {
        Some(&[cylinders @ 1..=16383, heads @ 1..=16, sectors @ 1..=63]) => Ok(Geometry {
            disk,
            chs: Chs {
                cylinders,
                heads: heads as u8,
                sectors: sectors as u8,
            },
        }),
        _ => Err(error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(line: &str) -> String {
        let args = rewrite(
            ["oldiron"]
                .into_iter()
                .chain(line.split_whitespace())
                .map(OsString::from),
        );
        args[1..]
            .iter()
            .map(|arg| arg.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn run(line: &str) -> RunArgs {
        match parse(
            ["oldiron"]
                .into_iter()
                .chain(line.split_whitespace())
                .map(OsString::from),
        ) {
            Parsed::Command(Command::Run(args)) => *args,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn usage(line: &str) -> String {
        match parse(
            ["oldiron"]
                .into_iter()
                .chain(line.split_whitespace())
                .map(OsString::from),
        ) {
            Parsed::Usage(message) => message,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn run_is_put_in_where_no_subcommand_is_given() {
        assert_eq!(rewritten(""), "run");
        assert_eq!(rewritten("a.img"), "run a.img");
        assert_eq!(rewritten("run a.img"), "run a.img");
        assert_eq!(rewritten("run run"), "run run");
        assert_eq!(rewritten("cpu list"), "cpu list");
        assert_eq!(rewritten("--version"), "--version");
    }

    #[test]
    fn qemu_spellings_are_rewritten_but_never_values() {
        assert_eq!(
            rewritten("-fda a -hda b -m 16 -boot c -snapshot -no-reboot"),
            "run --fda a --hda b --mem 16 --boot c --volatile --on-reset exit"
        );
        assert_eq!(
            rewritten("-e -fda --until-text -m x"),
            "run -e -fda --until-text -m x"
        );
        assert_eq!(rewritten("--debug-exit -fda a"), "run --debug-exit --fda a");
        assert_eq!(rewritten("-fda -hda"), "run --fda -hda");
        assert_eq!(rewritten("-- -fda"), "run -- -fda");
        assert_eq!(rewritten("--fda=-m -mm"), "run --fda=-m -mm");
    }

    #[test]
    fn defaults_are_those_of_the_manual() {
        let args = run("");
        assert_eq!(
            (args.mem, args.timing, args.on_reset),
            (None, None, OnReset::Continue)
        );
        assert_eq!(args.debug_exit, None);
        assert_eq!(run("--debug-exit").debug_exit, Some(0xf4));
        assert_eq!(run("--debug-exit=501 a.img").debug_exit, Some(0x501));
        assert_eq!(run("--debug-exit a.img").images, [PathBuf::from("a.img")]);
    }

    #[test]
    fn values_are_understood() {
        assert_eq!(run("--speed 33.5").speed, Some(Speed::Mips(33.5)));
        assert_eq!(run("--ips 50M").ips, Some(Ips::Fixed(50_000_000)));
        assert_eq!(
            run("--rtc 1994-04-01T12:30:59").rtc,
            Some(Rtc::At(DateTime::new(1994, 4, 1, 12, 30, 59).unwrap()))
        );
        assert_eq!(
            run("--serial file:a:b --serial tcp:localhost:4444").serial,
            [
                Serial::File("a:b".into()),
                Serial::Tcp {
                    address: "localhost:4444".into(),
                    listen: false
                }
            ]
        );
        assert_eq!(run("--sound wav:a:b").sound, Some(SoundTo::Wav("a:b".into())));
        let log = &run("--port-log 80,0xe9=x=y").port_log[0];
        assert_eq!(
            (log.ports.as_slice(), log.path.as_path()),
            (&[0x80, 0xe9][..], "x=y".as_ref())
        );
        let chs = run("--chs hdb=306/4/17").chs[0];
        assert_eq!(
            (chs.disk, chs.chs.cylinders, chs.chs.heads, chs.chs.sectors),
            (1, 306, 4, 17)
        );
    }

    #[test]
    fn mistakes_are_one_line_that_names_them() {
        for (line, word) in [
            ("--frobnicate", "--frobnicate"),
            ("--overlay x --volatile", "--overlay"),
            ("--overlay x --record y", "--overlay"),
            ("--cpu 8086", "pentium"),
            ("--cpu p6,+sse", "+sse"),
            ("--mem 4G", "1M to 3G"),
            ("--chs hda=0/4/17", "cylinders"),
            ("--chs hda=1/17/63", "heads"),
            ("--chs hda=1/16/64", "sectors"),
            ("--chs hde=1/1/1", "hda"),
            ("--boot x", "letters"),
            ("--boot aa", "letters"),
            ("--display vnc", "vnc"),
            ("--display none --headless", "--headless"),
            ("--serial com1", "stdio"),
            ("--serial tcp:nowhere", "tcp:HOST:PORT"),
            ("--until-text (", "regular expression"),
            ("--rtc 2000-02-30T00:00:00", "YYYY"),
            ("--rtc 2000-01-01", "YYYY"),
            ("--sound loud", "wav:FILE"),
            ("--sound wav:", "wav:FILE"),
            ("--log loud", "loud"),
            ("--port-log 80", "FILE"),
            ("--debug-exit=xyz", "xyz"),
            ("--speed fast", "realtime"),
            ("--nic usb", "pci"),
            ("--nic isa,mac=1", "six bytes"),
            ("--fda", "--fda"),
            ("-cdrom", "--cdrom"),
            ("cpu", "list"),
        ] {
            let message = usage(line);
            assert!(message.contains(word), "{line}: {message}");
            assert!(!message.contains('\n'), "{line}: {message}");
        }
    }
}
