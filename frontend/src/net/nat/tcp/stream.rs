//! One connection: a socket of the host's and one of smoltcp's, and the bytes between them.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, SocketAddrV4, TcpStream},
};

use smoltcp::{
    iface::SocketHandle,
    socket::tcp::{self, State},
    time::Duration,
    wire::IpEndpoint,
};
use socket2::{Domain, Socket, Type};

/// Bytes of a connection that are on their way, in each direction.
const BUFFER: usize = 65535;
/// A guest that does not answer for so long is not there, or not any more. It may still be booting.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a silent guest is asked whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(25);

/// A connection whose bytes move.
pub struct Open {
    /// The socket that stands for the far end.
    pub handle: SocketHandle,
    /// The host has sent all that it will.
    pub host_ended: bool,
    /// The guest has, and the host was told.
    guest_ended: bool,
    /// The end was reached, and what smoltcp has to say about it is on its way.
    pub over: bool,
}

impl Open {
    /// A connection that has just begun.
    pub fn new(handle: SocketHandle) -> Self {
        Self {
            handle,
            host_ended: false,
            guest_ended: false,
            over: false,
        }
    }
}

/// Moves bytes both ways, and the ends of the streams behind them.
pub fn move_bytes(stream: &mut TcpStream, socket: &mut tcp::Socket<'_>, open: &mut Open) -> io::Result<()> {
    while socket.can_recv() {
        let written = socket.recv(|bytes| match stream.write(bytes) {
            Ok(written) => (written, Ok(written)),
            Err(error) => (0, Err(error)),
        });
        match written {
            Ok(Ok(1..)) => {}
            Ok(Err(error)) if !is_later(&error) => return Err(error),
            _ => break,
        }
    }
    let said_all = matches!(
        socket.state(),
        State::CloseWait | State::LastAck | State::Closing | State::TimeWait
    );
    if said_all && !socket.can_recv() && !open.guest_ended {
        open.guest_ended = true;
        // A host that is gone already does not mind.
        let _ = stream.shutdown(Shutdown::Write);
    }
    while socket.can_send() && !open.host_ended {
        let read = socket.send(|room| match stream.read(room) {
            Ok(read) => (read, Ok(read)),
            Err(error) => (0, Err(error)),
        });
        match read {
            Ok(Ok(0)) => {
                open.host_ended = true;
                socket.close();
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) if !is_later(&error) => return Err(error),
            _ => break,
        }
    }
    Ok(())
}

fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// An address as smoltcp has it.
pub fn endpoint(address: SocketAddrV4) -> IpEndpoint {
    IpEndpoint::new((*address.ip()).into(), address.port())
}

/// A socket for one connection.
pub fn new_socket() -> tcp::Socket<'static> {
    let buffer = || tcp::SocketBuffer::new(vec![0; BUFFER]);
    let mut socket = tcp::Socket::new(buffer(), buffer());
    // The cable has no delay that would be worth saving packets for.
    socket.set_nagle_enabled(false);
    socket.set_ack_delay(None);
    socket.set_timeout(Some(PATIENCE));
    socket.set_keep_alive(Some(KEEP_ALIVE));
    socket
}

/// Begins to connect to the far end.
pub fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&to.into()) {
        Ok(()) => {}
        // EINPROGRESS has a kind of its own in no stable version of Rust.
        #[cfg(unix)]
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        Err(error) => return Err(error),
    }
    Ok(socket.into())
}
