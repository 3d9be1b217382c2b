//! `--net hub:NAME`: joins the machines that this user runs on this host.
//!
//! Each machine has a datagram socket in a directory of the hub's name, and sends each frame to all other
//! sockets there. There is no hub process: whoever finds a socket that nobody listens to removes it.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::{fs::DirBuilderExt, fs::MetadataExt, net::UnixDatagram},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::wait::Interest;
use crate::{image, outcome::Failure};

/// Longest frame, and a byte more, to notice longer ones.
const MOST_FRAME: usize = 1518;
/// How often the directory is looked at for new machines.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// Most machines on a hub.
const MOST_MACHINES: usize = 64;

/// One machine's place on a hub.
pub struct Hub {
    socket: UnixDatagram,
    path: PathBuf,
    directory: PathBuf,
    others: Vec<PathBuf>,
    looked: Option<Instant>,
}

impl Hub {
    /// Joins the hub `name`, which is made if this is the first machine on it.
    pub fn join(name: &str) -> Result<Self, Failure> {
        Self::join_in(&runtime_directory(), name)
    }

    fn join_in(runtime: &Path, name: &str) -> Result<Self, Failure> {
        let directory = runtime.join(name);
        let failed = |error: &io::Error| {
            let error = image::describe(error);
            Failure::host_io(format!("--net hub:{name}: {}: {error}", directory.display()))
        };
        private_directory(runtime).map_err(|error| failed(&error))?;
        private_directory(&directory).map_err(|error| failed(&error))?;
        let free = |n: &u32| !directory.join(socket_name(*n)).exists();
        let number = (0..).find(free).unwrap_or_default();
        let path = directory.join(socket_name(number));
        let socket = UnixDatagram::bind(&path).map_err(|error| failed(&error))?;
        socket.set_nonblocking(true).map_err(|error| failed(&error))?;
        Ok(Self {
            socket,
            path,
            directory,
            others: Vec::new(),
            looked: None,
        })
    }

    /// The machine sent a frame.
    pub fn take(&mut self, frame: &[u8]) {
        self.look();
        let socket = &self.socket;
        self.others.retain(|other| match socket.send_to(frame, other) {
            // One that does not read loses frames, as on any network.
            Ok(_) => true,
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionRefused) => {
                let _ = fs::remove_file(other);
                false
            }
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        });
    }

    /// Finds out who else is there.
    fn look(&mut self) {
        if self.looked.is_some_and(|at| at.elapsed() < LOOK_INTERVAL) {
            return;
        }
        self.looked = Some(Instant::now());
        let entries = fs::read_dir(&self.directory).into_iter().flatten();
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        self.others = paths
            .filter(|path| *path != self.path)
            .take(MOST_MACHINES)
            .collect();
    }

    /// Frames from other machines, at most `room`.
    pub fn poll(&mut self, room: usize) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        let mut buffer = [0; MOST_FRAME + 1];
        while frames.len() < room
            && let Ok(length) = self.socket.recv(&mut buffer)
        {
            if let Some(frame) = buffer.get(..length).filter(|frame| frame.len() <= MOST_FRAME) {
                frames.push(frame.to_vec());
            }
        }
        frames
    }

    /// What must happen on the host for the next poll to have work.
    pub fn interests<'a>(&'a self, interests: &mut Vec<Interest<'a>>) {
        interests.push(Interest::readable(&self.socket));
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // One that stays behind is removed by the next machine.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_dir(&self.directory);
    }
}

/// Process and number tell sockets apart.
fn socket_name(number: u32) -> String {
    format!("{}-{number}", std::process::id())
}

/// Where this user's hubs are.
fn runtime_directory() -> PathBuf {
    let given = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    match given.filter(|path| path.is_absolute() && path.is_dir()) {
        Some(path) => path.join("oldiron"),
        None => std::env::temp_dir().join(format!("oldiron-{}", rustix::process::getuid().as_raw())),
    }
}

/// Makes a directory that only this user may look into; one that is there must be such.
fn private_directory(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        result => return result,
    }
    let found = fs::symlink_metadata(path)?;
    let mine = found.uid() == rustix::process::getuid().as_raw();
    if found.is_dir() && mine && found.mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        "belongs to or is open to others; remove it",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause() {
        std::thread::sleep(LOOK_INTERVAL);
    }

    #[test]
    fn frames_reach_all_other_machines_on_the_hub_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let runtime = dir.path().join("oldiron");
        let join = |name| Hub::join_in(&runtime, name).unwrap();
        let (mut a, mut b, mut c, mut other) = (join("lan"), join("lan"), join("lan"), join("wan"));
        pause();
        a.take(&[1; 60]);
        b.take(&[2; 1518]);
        a.take(&[3; 4000]);
        assert_eq!(a.poll(10), [vec![2; 1518]]);
        assert_eq!(b.poll(10), [vec![1; 60]]);
        assert_eq!(c.poll(1), [vec![1; 60]]);
        assert_eq!(c.poll(10), [vec![2; 1518]]);
        assert!(other.poll(10).is_empty());
        drop(a);
        b.take(&[4; 60]);
        assert_eq!(c.poll(10), [vec![4; 60]]);
    }

    #[test]
    fn what_a_killed_machine_left_behind_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let runtime = dir.path().join("oldiron");
        let mut hub = Hub::join_in(&runtime, "lan").unwrap();
        let dead = runtime.join("lan/1-0");
        drop(UnixDatagram::bind(&dead).unwrap());
        hub.take(&[1; 60]);
        assert!(!dead.exists());
        drop(hub);
        assert!(!runtime.join("lan").exists());
    }

    #[test]
    fn a_directory_that_others_can_look_into_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let runtime = dir.path().join("oldiron");
        fs::create_dir(&runtime).unwrap();
        fs::set_permissions(&runtime, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Hub::join_in(&runtime, "lan").is_err());
    }
}
