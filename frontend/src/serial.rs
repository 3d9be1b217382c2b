//! The host's ends of serial ports, of the debug console and of port logs.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufWriter, IsTerminal, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    thread,
};

use crate::{
    cli::{DebugConsole, PortLog, Serial},
    complain, image,
    outcome::Failure,
};

/// Bytes read from the host at once, and blocks that may wait for the guest.
const BLOCK: usize = 256;
const BLOCKS_WAITING: usize = 64;

/// Ctrl-], which opens the menu where Ctrl-C goes to the guest.
pub const MENU_BYTE: u8 = 0x1d;

/// Where bytes from the guest go, and where bytes for it come from.
pub struct HostEnd {
    name: String,
    out: Option<Box<dyn Write + Send>>,
    input: Option<Receiver<Vec<u8>>>,
    /// Someone outside can send at any time: time must not race ahead of them.
    live: bool,
    terminal: bool,
    menu_open: bool,
}

/// What came in from the host.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// For the guest.
    pub bytes: Vec<u8>,
    /// Letters typed into the menu.
    pub menu: Vec<char>,
    /// The menu was opened.
    pub menu_opened: bool,
}

impl HostEnd {
    /// Opens what `--serial` names. A file is truncated.
    pub fn open(serial: &Serial) -> Result<Self, Failure> {
        Ok(match serial {
            Serial::None => Self::new("nowhere", None, None),
            Serial::Stdio => {
                let mut end = Self::new(
                    "standard output",
                    Some(Box::new(io::stdout())),
                    Some(read_from(io::stdin())),
                );
                end.terminal = io::stdin().is_terminal();
                end.live = end.terminal;
                end
            }
            Serial::File(path) => {
                let end = create(path)?;
                Self::new(&path.display().to_string(), Some(end), None)
            }
            Serial::Tcp { address, listen } => tcp(address, *listen)?,
            Serial::Pty => pty()?,
        })
    }

    /// Opens what `--debugcon` names.
    pub fn debug_console(console: &DebugConsole) -> Result<Self, Failure> {
        Ok(match console {
            DebugConsole::Stdio => Self::new("standard output", Some(Box::new(io::stdout())), None),
            DebugConsole::File(path) => Self::new(&path.display().to_string(), Some(create(path)?), None),
        })
    }

    fn new(name: &str, out: Option<Box<dyn Write + Send>>, input: Option<Receiver<Vec<u8>>>) -> Self {
        Self {
            name: name.to_owned(),
            out,
            input,
            live: false,
            terminal: false,
            menu_open: false,
        }
    }

    /// Whether someone outside can send at any time.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Whether it is a terminal, which must be in raw mode.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Takes what has arrived: at most one block, so that the guest can keep up.
    pub fn receive(&mut self) -> Input {
        let mut input = Input::default();
        let Some(receiver) = &self.input else {
            return input;
        };
        let block = match receiver.try_recv() {
            Ok(block) => block,
            Err(TryRecvError::Empty) => return input,
            // The end of a file or a connection is no input.
            Err(TryRecvError::Disconnected) => {
                self.input = None;
                return input;
            }
        };
        if !self.terminal {
            input.bytes = block;
            return input;
        }
        for byte in block {
            if self.menu_open {
                self.menu_open = false;
                match byte {
                    MENU_BYTE => input.bytes.push(byte),
                    _ => input.menu.push(byte.to_ascii_lowercase().into()),
                }
            } else if byte == MENU_BYTE {
                self.menu_open = true;
                input.menu_opened = true;
            } else {
                input.bytes.push(byte);
            }
        }
        input
    }

    /// Sends bytes; a file is flushed at each newline.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let Some(out) = &mut self.out else {
            return Ok(());
        };
        let mut sent = out.write_all(bytes);
        if self.live || bytes.contains(&b'\n') {
            sent = sent.and_then(|()| out.flush());
        }
        self.check(sent)
    }

    /// Sends what is held back.
    pub fn flush(&mut self) -> Result<(), Failure> {
        let flushed = self.out.as_mut().map_or(Ok(()), |out| out.flush());
        self.check(flushed)
    }

    fn check(&mut self, result: io::Result<()>) -> Result<(), Failure> {
        match result {
            Ok(()) => Ok(()),
            // Whoever was connected has gone: as with a pulled plug, the guest talks to nobody.
            Err(_) if self.live && !self.terminal => {
                log::warn!(target: "host::serial", "{}: the other end has gone", self.name);
                self.out = None;
                Ok(())
            }
            Err(error) => {
                self.out = None;
                Err(Failure::host_io(format!(
                    "{}: cannot write: {}",
                    self.name,
                    image::describe(&error)
                )))
            }
        }
    }
}

fn create(path: &Path) -> Result<Box<dyn Write + Send>, Failure> {
    match File::create(path) {
        Ok(file) => Ok(Box::new(BufWriter::new(file))),
        Err(error) => Err(Failure::file(format!(
            "{}: cannot be created: {}; check the directory and its permissions",
            path.display(),
            image::describe(&error)
        ))),
    }
}

/// Reads `source` in a thread of its own, until its end.
fn read_from(mut source: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = sync_channel(BLOCKS_WAITING);
    thread::spawn(move || pump(&mut source, &sender));
    receiver
}

fn pump(source: &mut impl Read, sender: &SyncSender<Vec<u8>>) {
    let mut buf = [0; BLOCK];
    loop {
        match source.read(&mut buf) {
            Ok(0) => break,
            Ok(n) => {
                if sender.send(buf[..n].to_vec()).is_err() {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
}

fn tcp(address: &str, listen: bool) -> Result<HostEnd, Failure> {
    let fail = |doing: &str, fix: &str, error: io::Error| {
        Failure::file(format!(
            "--serial tcp:{address}: cannot {doing}: {}; {fix}",
            image::describe(&error)
        ))
    };
    let stream = if listen {
        let fix = "choose another port";
        let listener = TcpListener::bind(address).map_err(|error| fail("listen", fix, error))?;
        complain(&format!("waiting for a connection to {address}"));
        listener.accept().map_err(|error| fail("accept", fix, error))?.0
    } else {
        let fix = "start the server first, or add ,server to be connected to";
        TcpStream::connect(address).map_err(|error| fail("connect", fix, error))?
    };
    // Latency matters more than full packets; a host that cannot do it only is slower.
    let _ = stream.set_nodelay(true);
    let reader = stream
        .try_clone()
        .map_err(|error| fail("use the connection", "try again", error))?;
    let mut end = HostEnd::new(
        &format!("tcp:{address}"),
        Some(Box::new(stream)),
        Some(read_from(reader)),
    );
    end.live = true;
    Ok(end)
}

#[cfg(unix)]
fn pty() -> Result<HostEnd, Failure> {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    let fail = |error: io::Error| {
        Failure::file(format!(
            "--serial pty: no pseudo-terminal could be opened ({}); is /dev/pts mounted? Or use tcp:HOST:PORT",
            image::describe(&error)
        ))
    };
    let open = || -> io::Result<(File, File, String)> {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&controller)?;
        unlockpt(&controller)?;
        let name = ptsname(&controller, Vec::new())?.to_string_lossy().into_owned();
        // Held open, so that the port does not hang up between two programs that use it.
        let terminal = File::options().read(true).write(true).open(&name)?;
        let mut mode = rustix::termios::tcgetattr(&terminal)?;
        mode.make_raw();
        rustix::termios::tcsetattr(&terminal, rustix::termios::OptionalActions::Now, &mode)?;
        Ok((File::from(controller), terminal, name))
    };
    let (controller, terminal, name) = open().map_err(fail)?;
    let reader = controller.try_clone().map_err(fail)?;
    complain(&format!("the serial port is {name}"));
    let out = PtyWriter {
        controller,
        _terminal: terminal,
    };
    let mut end = HostEnd::new(&name, Some(Box::new(out)), Some(read_from(reader)));
    end.live = true;
    Ok(end)
}

#[cfg(unix)]
struct PtyWriter {
    controller: File,
    _terminal: File,
}

#[cfg(unix)]
impl Write for PtyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        use rustix::event::{PollFd, PollFlags, poll};

        // Nobody need be listening: what does not fit is lost, as on a wire.
        let mut fds = [PollFd::new(&self.controller, PollFlags::OUT)];
        let now = rustix::event::Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        match poll(&mut fds, Some(&now)) {
            Ok(0) => Ok(bytes.len()),
            _ => self.controller.write(&bytes[..bytes.len().min(BLOCK)]),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(not(unix))]
fn pty() -> Result<HostEnd, Failure> {
    Err(Failure::usage(
        "--serial pty: this system has no pseudo-terminals; use tcp:HOST:PORT",
    ))
}

/// The files of `--port-log`.
pub struct PortLogs {
    ports: BTreeMap<u16, Vec<usize>>,
    files: Vec<HostEnd>,
}

impl PortLogs {
    /// Creates the files.
    pub fn open(logs: &[PortLog]) -> Result<Self, Failure> {
        let mut ports: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        let mut files = Vec::new();
        for (index, log) in logs.iter().enumerate() {
            files.push(HostEnd::new(
                &log.path.display().to_string(),
                Some(create(&log.path)?),
                None,
            ));
            for &port in &log.ports {
                ports.entry(port).or_default().push(index);
            }
        }
        Ok(Self { ports, files })
    }

    /// The ports that the machine must report.
    pub fn ports(&self) -> Vec<u16> {
        self.ports.keys().copied().collect()
    }

    /// Writes bytes that the guest wrote.
    pub fn write(&mut self, written: &[(u16, u8)]) -> Result<(), Failure> {
        for &(port, byte) in written {
            for &file in self.ports.get(&port).into_iter().flatten() {
                if let Some(file) = self.files.get_mut(file) {
                    file.send(format!("{byte:02x}\n").as_bytes())?;
                }
            }
        }
        Ok(())
    }

    /// Writes what is held back.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.files.iter_mut().try_for_each(HostEnd::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_file_is_truncated_and_complete_after_each_newline() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("com1");
        std::fs::write(&path, "old").unwrap();
        let mut end = HostEnd::open(&Serial::File(path.clone())).unwrap();
        end.send(b"one\ntwo").unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("one\n"));
        end.flush().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo");
    }

    #[test]
    fn a_tcp_port_carries_bytes_both_ways_and_survives_the_other_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut end = HostEnd::open(&Serial::Tcp {
            address,
            listen: false,
        })
        .unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        end.send(b"hello").unwrap();
        let mut buf = [0; 5];
        peer.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"hello");
        peer.write_all(b"x\x1dq").unwrap();
        let mut bytes = Vec::new();
        while bytes.len() < 3 {
            bytes.extend(end.receive().bytes);
        }
        assert_eq!(bytes, b"x\x1dq");
        drop(peer);
        for _ in 0..100 {
            end.send(b"into the void\n").unwrap();
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_pty_carries_bytes_unchanged_where_the_host_has_them() {
        let mut end = match HostEnd::open(&Serial::Pty) {
            Ok(end) => end,
            // A bare container may have no devpts.
            Err(failure) => {
                assert!(!Path::new("/dev/pts/ptmx").exists(), "{}", failure.message);
                assert!(failure.message.contains("/dev/pts"), "{}", failure.message);
                return;
            }
        };
        let mut peer = File::options().read(true).write(true).open(&end.name).unwrap();
        end.send(b"a\nb").unwrap();
        let mut buf = [0; 3];
        peer.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"a\nb");
        peer.write_all(b"\r\x03").unwrap();
        let mut bytes = Vec::new();
        while bytes.len() < 2 {
            bytes.extend(end.receive().bytes);
        }
        assert_eq!(bytes, b"\r\x03");
        for _ in 0..1000 {
            end.send(&[b'x'; 100]).unwrap();
        }
    }

    #[test]
    fn the_menu_byte_opens_the_menu_only_at_a_terminal() {
        let (sender, receiver) = sync_channel(4);
        let mut end = HostEnd::new("t", None, Some(receiver));
        end.terminal = true;
        sender.send(b"a\x03\x1dQ\x1d\x1db".to_vec()).unwrap();
        let input = end.receive();
        assert_eq!(
            (input.bytes.as_slice(), input.menu.as_slice()),
            (&b"a\x03\x1db"[..], &['q'][..])
        );
        assert!(input.menu_opened);
    }

    #[test]
    fn port_logs_hold_one_hex_byte_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        let logs = [
            PortLog {
                ports: vec![0x80, 0xe9],
                path: a.clone(),
            },
            PortLog {
                ports: vec![0x80],
                path: b.clone(),
            },
        ];
        let mut logs = PortLogs::open(&logs).unwrap();
        assert_eq!(logs.ports(), [0x80, 0xe9]);
        logs.write(&[(0x80, 1), (0xe9, 0xab), (0x60, 3)]).unwrap();
        logs.flush().unwrap();
        assert_eq!(std::fs::read_to_string(a).unwrap(), "01\nab\n");
        assert_eq!(std::fs::read_to_string(b).unwrap(), "01\n");
    }

    #[test]
    fn a_file_that_cannot_be_created_is_named() {
        let failure = HostEnd::open(&Serial::File("/nowhere/at/all".into()))
            .err()
            .unwrap();
        assert_eq!(failure.code, crate::outcome::code::FILE);
        assert!(failure.message.contains("/nowhere/at/all"));
    }
}
