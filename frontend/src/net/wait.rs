//! Waiting for the host's sockets.

use std::{thread, time::Duration};

#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};

#[cfg(unix)]
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A socket, and what is waited for.
pub struct Interest<'a> {
    #[cfg(unix)]
    socket: BorrowedFd<'a>,
    #[cfg(unix)]
    events: PollFlags,
    #[cfg(not(unix))]
    socket: std::marker::PhantomData<&'a ()>,
}

#[cfg(unix)]
impl<'a> Interest<'a> {
    /// Whether it can be read from, or written to.
    pub fn new(socket: &'a impl AsFd, read: bool, write: bool) -> Self {
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, read);
        events.set(PollFlags::OUT, write);
        Self {
            socket: socket.as_fd(),
            events,
        }
    }

    /// Whether it can be read from.
    pub fn readable(socket: &'a impl AsFd) -> Self {
        Self::new(socket, true, false)
    }
}

#[cfg(not(unix))]
impl<'a> Interest<'a> {
    /// Whether it can be read from, or written to.
    pub fn new<T>(_: &'a T, _: bool, _: bool) -> Self {
        Self {
            socket: std::marker::PhantomData,
        }
    }

    /// Whether it can be read from.
    pub fn readable<T>(socket: &'a T) -> Self {
        Self::new(socket, true, false)
    }
}

/// Sleeps for `time`, or until something that is waited for has happened.
#[cfg(unix)]
pub fn wait(interests: &[Interest<'_>], time: Duration) {
    if interests.is_empty() {
        return thread::sleep(time);
    }
    let mut sockets: Vec<PollFd<'_>> = interests
        .iter()
        .map(|interest| PollFd::from_borrowed_fd(interest.socket, interest.events))
        .collect();
    let time = Timespec {
        tv_sec: time.as_secs() as i64,
        tv_nsec: time.subsec_nanos().into(),
    };
    // Interrupted or not: the caller looks at its sockets next.
    let _ = poll(&mut sockets, Some(&time));
}

/// Sleeps for `time`, or a little if something is waited for.
#[cfg(not(unix))]
pub fn wait(interests: &[Interest<'_>], time: Duration) {
    let most = if interests.is_empty() {
        time
    } else {
        Duration::from_millis(1)
    };
    thread::sleep(time.min(most));
}
