//! `--tftp DIR`: a TFTP server (RFC 1350, options of RFC 2347 to 2349) from which the guest reads files.
//!
//! It only reads, and only what is below the directory: names are looked up with symbolic links followed, and
//! what leads out of it is not there.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    net::SocketAddrV4,
    path::{Component, Path, PathBuf},
};

use smoltcp::time::{Duration, Instant};

use super::addresses::GATEWAY;

/// The server's port.
pub const PORT: u16 = 69;
/// Transfers get ports from here on.
const FIRST_PORT: u16 = 1024;
/// Transfers at a time.
const MOST_TRANSFERS: usize = 16;
/// Without the option: bytes of a block.
const BLOCK: usize = 512;
/// A block fits into a frame.
const MOST_BLOCK: usize = 1428;
/// How long an answer is waited for, and how often.
const TIMEOUT: Duration = Duration::from_secs(1);
const MOST_TRIES: u32 = 8;
/// Longest file that is converted as a whole.
const MOST_TEXT: u64 = 16 << 20;

const RRQ: u16 = 1;
const WRQ: u16 = 2;
const DATA: u16 = 3;
const ACK: u16 = 4;
const ERROR: u16 = 5;
const OACK: u16 = 6;

/// Error codes and their texts.
const NOT_FOUND: (u16, &str) = (1, "file not found");
const READ_ONLY: (u16, &str) = (2, "this server only reads");
const ILLEGAL: (u16, &str) = (4, "illegal TFTP operation");
const UNKNOWN: (u16, &str) = (5, "unknown transfer");

/// What is sent.
enum Source {
    File(File),
    /// Netascii: converted.
    Text(Vec<u8>),
}

/// A file on its way.
struct Transfer {
    client: SocketAddrV4,
    source: Source,
    length: u64,
    block_size: usize,
    /// Blocks that were acknowledged.
    done: u64,
    /// What was sent last, and when and how often.
    last: Vec<u8>,
    sent: Instant,
    tries: u32,
}

/// A datagram for the guest.
pub struct Reply {
    /// From which port.
    pub from: SocketAddrV4,
    pub to: SocketAddrV4,
    pub data: Vec<u8>,
}

/// The server.
pub struct Tftp {
    directory: PathBuf,
    transfers: BTreeMap<u16, Transfer>,
    next_port: u16,
}

impl Tftp {
    /// A server for what is below `directory`, which must be there.
    pub fn new(directory: &Path) -> std::io::Result<Self> {
        let directory = directory.canonicalize()?;
        if !directory.is_dir() {
            return Err(std::io::ErrorKind::NotADirectory.into());
        }
        Ok(Self {
            directory,
            transfers: BTreeMap::new(),
            next_port: FIRST_PORT,
        })
    }

    /// Whether datagrams to this port of the gateway are for it.
    pub fn owns(&self, port: u16) -> bool {
        port == PORT || self.transfers.contains_key(&port)
    }

    /// A datagram from the guest.
    pub fn take(&mut self, client: SocketAddrV4, port: u16, data: &[u8], now: Instant) -> Option<Reply> {
        let (code, rest) = data.split_first_chunk()?;
        let answer = match u16::from_be_bytes(*code) {
            RRQ if port == PORT => return Some(self.begin(client, rest, now)),
            WRQ if port == PORT => error(READ_ONLY),
            ACK if port != PORT => {
                let block = u16::from_be_bytes(*rest.first_chunk()?);
                return self.acknowledged(client, port, block, now);
            }
            ERROR => {
                self.transfers
                    .retain(|&at, transfer| at != port || transfer.client != client);
                return None;
            }
            _ => error(ILLEGAL),
        };
        Some(reply(port, client, answer))
    }

    fn begin(&mut self, client: SocketAddrV4, request: &[u8], now: Instant) -> Reply {
        // A request that is sent again begins anew.
        self.transfers.retain(|_, transfer| transfer.client != client);
        let mut transfer = match self.open(client, request, now) {
            Ok(transfer) => transfer,
            Err(failure) => return reply(PORT, client, error(failure)),
        };
        let options = options(request, &mut transfer);
        transfer.last = if options.is_empty() {
            transfer.block(1)
        } else {
            [&OACK.to_be_bytes()[..], &options].concat()
        };
        while self.transfers.len() >= MOST_TRANSFERS {
            let oldest = self.transfers.iter().min_by_key(|(_, transfer)| transfer.sent);
            let Some((&port, _)) = oldest else { break };
            self.transfers.remove(&port);
        }
        while self.transfers.contains_key(&self.next_port) || self.next_port < FIRST_PORT {
            self.next_port = self.next_port.wrapping_add(1).max(FIRST_PORT);
        }
        let port = self.next_port;
        self.next_port = self.next_port.wrapping_add(1);
        let first = reply(port, client, transfer.last.clone());
        self.transfers.insert(port, transfer);
        first
    }

    fn open(
        &self,
        client: SocketAddrV4,
        request: &[u8],
        now: Instant,
    ) -> Result<Transfer, (u16, &'static str)> {
        let mut words = strings(request);
        let (Some(name), Some(mode)) = (words.next(), words.next()) else {
            return Err(ILLEGAL);
        };
        let path = self.find(&name).ok_or(NOT_FOUND)?;
        let mut file = File::open(path).map_err(|_| NOT_FOUND)?;
        let mut length = file.metadata().map_err(|_| NOT_FOUND)?.len();
        let source = match mode.to_ascii_lowercase().as_str() {
            "octet" => Source::File(file),
            "netascii" if length > MOST_TEXT => return Err((0, "too long for netascii; use octet")),
            "netascii" => {
                let mut bytes = Vec::new();
                let read = (&mut file).take(MOST_TEXT).read_to_end(&mut bytes);
                read.map_err(|_| NOT_FOUND)?;
                let text = netascii(&bytes);
                length = text.len() as u64;
                Source::Text(text)
            }
            _ => return Err(ILLEGAL),
        };
        Ok(Transfer {
            client,
            source,
            length,
            block_size: BLOCK,
            done: 0,
            last: Vec::new(),
            sent: now,
            tries: 0,
        })
    }

    /// The file of that name below the directory.
    fn find(&self, name: &str) -> Option<PathBuf> {
        let name = name.replace('\\', "/");
        let relative = Path::new(name.trim_start_matches('/'));
        let plain = relative
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !plain {
            return None;
        }
        let path = self.directory.join(relative).canonicalize().ok()?;
        (path.starts_with(&self.directory) && path.is_file()).then_some(path)
    }

    fn acknowledged(&mut self, client: SocketAddrV4, port: u16, block: u16, now: Instant) -> Option<Reply> {
        let known = self
            .transfers
            .get_mut(&port)
            .filter(|transfer| transfer.client == client);
        let Some(transfer) = known else {
            return Some(reply(port, client, error(UNKNOWN)));
        };
        let options = transfer.last.starts_with(&OACK.to_be_bytes());
        let current = if options { transfer.done } else { transfer.done + 1 };
        if block != current as u16 {
            // An answer that was sent twice is not answered twice.
            return None;
        }
        transfer.done = current;
        if !options && (transfer.done * transfer.block_size as u64) > transfer.length {
            self.transfers.remove(&port);
            return None;
        }
        transfer.last = transfer.block(transfer.done + 1);
        (transfer.sent, transfer.tries) = (now, 0);
        Some(reply(port, client, transfer.last.clone()))
    }

    /// Sends again what was not answered in time.
    pub fn poll(&mut self, now: Instant) -> Vec<Reply> {
        let late = |transfer: &Transfer| now >= transfer.sent + TIMEOUT;
        self.transfers
            .retain(|_, transfer| !late(transfer) || transfer.tries < MOST_TRIES);
        let late = self.transfers.iter_mut().filter(|(_, transfer)| late(transfer));
        late.map(|(&port, transfer)| {
            transfer.sent = now;
            transfer.tries += 1;
            reply(port, transfer.client, transfer.last.clone())
        })
        .collect()
    }

    /// Forgets all transfers.
    pub fn clear(&mut self) {
        self.transfers.clear();
    }
}

impl Transfer {
    /// The DATA packet of a block, counted from 1. A file that cannot be read, or has become shorter, ends.
    fn block(&mut self, number: u64) -> Vec<u8> {
        let start = (number - 1) * self.block_size as u64;
        let wanted = self.length.saturating_sub(start).min(self.block_size as u64) as usize;
        let mut data = vec![0; wanted];
        let read = match &mut self.source {
            Source::File(file) => file
                .seek(SeekFrom::Start(start))
                .and_then(|_| file.read_exact(&mut data))
                .is_ok(),
            Source::Text(text) => {
                let part = text.get(start as usize..start as usize + wanted);
                part.map(|part| data.copy_from_slice(part)).is_some()
            }
        };
        if !read {
            return error((0, "the file cannot be read"));
        }
        let mut packet = [DATA.to_be_bytes(), (number as u16).to_be_bytes()].concat();
        packet.append(&mut data);
        packet
    }
}

fn reply(port: u16, to: SocketAddrV4, data: Vec<u8>) -> Reply {
    Reply {
        from: SocketAddrV4::new(GATEWAY, port),
        to,
        data,
    }
}

fn error((code, text): (u16, &str)) -> Vec<u8> {
    let mut packet = [ERROR.to_be_bytes(), code.to_be_bytes()].concat();
    packet.extend(text.bytes());
    packet.push(0);
    packet
}

/// The strings of a request, each with a zero behind it.
fn strings(request: &[u8]) -> impl Iterator<Item = String> {
    let text = request.strip_suffix(&[0]).unwrap_or_default();
    text.split(|&byte| byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
}

/// Takes the options of a request that are known, and gives back their acknowledgement.
fn options(request: &[u8], transfer: &mut Transfer) -> Vec<u8> {
    let mut words = strings(request).skip(2);
    let mut accepted = Vec::new();
    while let (Some(option), Some(value)) = (words.next(), words.next()) {
        let value = match option.to_ascii_lowercase().as_str() {
            "blksize" => match value.parse::<usize>() {
                Ok(size @ 8..) => {
                    transfer.block_size = size.min(MOST_BLOCK);
                    transfer.block_size as u64
                }
                _ => continue,
            },
            "tsize" => transfer.length,
            _ => continue,
        };
        for word in [option, value.to_string()] {
            accepted.extend(word.bytes());
            accepted.push(0);
        }
    }
    accepted
}

/// Lines end in CR LF, and a CR by itself has a zero behind it.
fn netascii(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'\n' if at == 0 || bytes[at - 1] != b'\r' => text.extend(b"\r\n"),
            b'\r' if bytes.get(at + 1) != Some(&b'\n') => text.extend(b"\r\0"),
            byte => text.push(byte),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: SocketAddrV4 = SocketAddrV4::new(super::super::addresses::GUEST, 2000);

    fn request(code: u8, words: &[&str]) -> Vec<u8> {
        let words = words.iter().flat_map(|word| word.bytes().chain([0]));
        [0, code].into_iter().chain(words).collect()
    }

    fn ack(block: u16) -> Vec<u8> {
        [[0, 4], block.to_be_bytes()].concat()
    }

    fn server(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Tftp) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("pub")).unwrap();
        for (name, bytes) in files {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        let tftp = Tftp::new(&dir.path().join("pub")).unwrap();
        (dir, tftp)
    }

    /// Reads a whole file as a client does.
    fn read(tftp: &mut Tftp, words: &[&str]) -> Result<Vec<u8>, Vec<u8>> {
        let now = Instant::from_secs(1);
        let mut reply = tftp.take(CLIENT, PORT, &request(1, words), now).unwrap();
        let (mut file, mut size, mut expected) = (Vec::new(), BLOCK, 1u16);
        loop {
            let port = reply.from.port();
            let block = match reply.data[1] {
                3 => {
                    assert_eq!(reply.data[2..4], expected.to_be_bytes());
                    file.extend(&reply.data[4..]);
                    if reply.data.len() - 4 < size {
                        assert!(tftp.take(CLIENT, port, &ack(expected), now).is_none());
                        assert!(!tftp.owns(port));
                        return Ok(file);
                    }
                    expected = expected.wrapping_add(1);
                    expected.wrapping_sub(1)
                }
                6 => {
                    size = words[3].parse::<usize>().unwrap().min(MOST_BLOCK);
                    0
                }
                _ => return Err(reply.data[2..].to_vec()),
            };
            reply = tftp.take(CLIENT, port, &ack(block), now).unwrap();
        }
    }

    #[test]
    fn files_are_read_in_blocks_of_any_size() {
        let long: Vec<u8> = (0..1_000_000u32).flat_map(|n| n.to_le_bytes()).collect();
        let (_dir, mut tftp) = server(&[("pub/a", &[7; 1024]), ("pub/b", b""), ("pub/long", &long)]);
        assert_eq!(read(&mut tftp, &["a", "octet"]), Ok(vec![7; 1024]));
        assert_eq!(read(&mut tftp, &["/b", "OCTET"]), Ok(vec![]));
        assert_eq!(
            read(&mut tftp, &["long", "octet", "blksize", "1428"]).as_ref(),
            Ok(&long)
        );
        // The block number goes round past 65535.
        assert_eq!(
            read(&mut tftp, &["long", "octet", "blksize", "32"]).as_ref(),
            Ok(&long)
        );
    }

    #[test]
    fn text_is_converted_for_netascii() {
        let (_dir, mut tftp) = server(&[("pub/t", b"a\nb\r\nc\rd")]);
        assert_eq!(
            read(&mut tftp, &["t", "netascii"]),
            Ok(b"a\r\nb\r\nc\r\0d".to_vec())
        );
    }

    #[test]
    fn nothing_outside_the_directory_is_there() {
        let (dir, mut tftp) = server(&[("secret", b"x"), ("pub/file", b"y")]);
        #[cfg(unix)]
        std::os::unix::fs::symlink(dir.path().join("secret"), dir.path().join("pub/link")).unwrap();
        let absolute = dir.path().join("secret").display().to_string();
        for name in [
            "../secret",
            "..\\secret",
            "pub/../../secret",
            "link",
            ".",
            "",
            &absolute,
            "none",
        ] {
            let error = read(&mut tftp, &[name, "octet"]).unwrap_err();
            assert_eq!(error[..2], [0, 1], "{name}");
        }
        let write = tftp.take(CLIENT, PORT, &request(2, &["file", "octet"]), Instant::ZERO);
        assert_eq!(write.unwrap().data[..4], [0, 5, 0, 2]);
        assert_eq!(read(&mut tftp, &["file", "mail"]).unwrap_err()[..2], [0, 4]);
    }

    #[test]
    fn what_is_not_answered_is_sent_again_and_then_given_up() {
        let (_dir, mut tftp) = server(&[("pub/a", &[7; 1024])]);
        let first = tftp
            .take(CLIENT, PORT, &request(1, &["a", "octet"]), Instant::ZERO)
            .unwrap();
        assert!(tftp.poll(Instant::from_millis(900)).is_empty());
        for second in 1..=8 {
            let again = tftp.poll(Instant::from_secs(second));
            assert_eq!(again[0].data, first.data);
        }
        assert!(tftp.poll(Instant::from_secs(20)).is_empty());
        assert!(!tftp.owns(first.from.port()));
    }

    #[test]
    fn many_transfers_and_nonsense_are_bounded() {
        let (_dir, mut tftp) = server(&[("pub/a", &[7; 1024])]);
        for n in 0..200u16 {
            let client = SocketAddrV4::new(*CLIENT.ip(), n);
            tftp.take(client, PORT, &request(1, &["a", "octet"]), Instant::ZERO);
            for junk in [&[][..], &[0], &[0, 4], &[0, 1], &[0, 1, 0], &[9; 50], &[0, 5]] {
                tftp.take(client, PORT, junk, Instant::ZERO);
                tftp.take(client, FIRST_PORT + n, junk, Instant::ZERO);
            }
        }
        assert!(tftp.transfers.len() <= MOST_TRANSFERS);
    }
}
