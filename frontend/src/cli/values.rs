//! What options take: their types and how they are spelt.

use std::path::PathBuf;

use clap::ValueEnum;
use oldiron_platform::{Chs, CpuModel, DateTime, Timing};

use crate::units;

/// Where a window opens, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DisplayKind {
    /// A window on the desktop
    Window,
    /// The same, by another library: for X servers whose keys are not where Linux has them
    Minifb,
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

pub(super) fn cpu_model(text: &str) -> Result<&'static CpuModel, String> {
    CpuModel::parse(text).map_err(|error| error.to_string())
}

pub(super) fn timing(text: &str) -> Result<Timing, String> {
    match text {
        "fast" => Ok(Timing::Fast),
        "real" => Ok(Timing::Real),
        _ => Err("write fast or real".to_owned()),
    }
}

pub(super) fn speed(text: &str) -> Result<Speed, String> {
    match text {
        "max" => Ok(Speed::Max),
        "realtime" => Ok(Speed::Realtime),
        _ => match text.parse::<f64>() {
            Ok(mips) if (0.001..=1e6).contains(&mips) => Ok(Speed::Mips(mips)),
            _ => Err("write max, realtime or a number of MIPS".to_owned()),
        },
    }
}

pub(super) fn ips(text: &str) -> Result<Ips, String> {
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

pub(super) fn serial(text: &str) -> Result<Serial, String> {
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

pub(super) fn sound(text: &str) -> Result<SoundTo, String> {
    match text.split_once(':') {
        None if text == "auto" => Ok(SoundTo::Auto),
        None if text == "none" => Ok(SoundTo::None),
        Some(("wav", path)) if !path.is_empty() => Ok(SoundTo::Wav(path.into())),
        _ => Err("write auto, none or wav:FILE".to_owned()),
    }
}

pub(super) fn debug_console(text: &str) -> Result<DebugConsole, String> {
    match text.split_once(':') {
        None if text == "stdio" => Ok(DebugConsole::Stdio),
        Some(("file", path)) if !path.is_empty() => Ok(DebugConsole::File(path.into())),
        _ => Err("write stdio or file:F".to_owned()),
    }
}

pub(super) fn port_log(text: &str) -> Result<PortLog, String> {
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

pub(super) fn save_at(text: &str) -> Result<SaveAt, String> {
    match text.split_once('=') {
        Some((tick, path)) if !path.is_empty() => Ok(SaveAt {
            tick: units::count(tick)?,
            path: path.into(),
        }),
        _ => Err("write TICK=FILE, for example 2.5G=ready.snap".to_owned()),
    }
}

pub(super) fn load_at(text: &str) -> Result<LoadAt, String> {
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

pub(super) fn entry(text: &str) -> Result<(u16, u16), String> {
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

pub(super) fn geometry(text: &str) -> Result<Geometry, String> {
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
