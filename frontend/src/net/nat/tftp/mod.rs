//! `--tftp DIR`: a TFTP server (RFC 1350, options of RFC 2347 to 2349) from which the guest reads files.
//!
//! It only reads, and only what is below the directory: names are looked up with symbolic links followed, and
//! what leads out of it is not there.

mod packet;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    net::SocketAddrV4,
    path::{Component, Path, PathBuf},
};

use smoltcp::time::{Duration, Instant};

use self::packet::{
    ACK, DATA, ERROR, ILLEGAL, NOT_FOUND, OACK, READ_ONLY, RRQ, UNKNOWN, WRQ, error, netascii, strings,
};
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

    /// Transfers on their way.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.transfers.len()
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
