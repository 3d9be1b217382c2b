//! The machine with its host ends: what a script can do to it, and states of it.

use std::path::{Path, PathBuf};

use oldiron_platform::{HostEvent, KeyCode, Machine, TickRate, Ticks};

use crate::{
    matcher,
    media_lists::{Drive, MediaLists},
    net::Network,
    outcome::Failure,
    screenshot,
    script_run::Stage,
    serial::{HostEnd, PortLogs},
    snapshot::{Header, Snapshot},
    sound::Sound,
    spec::{KnownFile, Medium, Spec},
    typing::KeyQueue,
};

/// The machine and everything that hangs on it.
pub struct Core {
    /// The machine.
    pub machine: Machine,
    pub(super) keys: KeyQueue,
    pub(super) serial: [HostEnd; 2],
    pub(super) debug_console: Option<HostEnd>,
    pub(super) port_logs: PortLogs,
    pub(super) sound: Sound,
    pub(super) network: Network,
    pub(super) media: MediaLists,
    /// What the machine is built from, and what is in its drives now.
    pub(super) spec: Spec,
    /// Instructions before the run: those of a restored state.
    instructions_before: u64,
    /// The state that was saved or restored last.
    last_state: Option<PathBuf>,
    /// What COM1 has sent, if anyone wants to know.
    pub(super) serial_log: Option<Vec<u8>>,
    /// The run is over: the screen is looked at once more.
    pub(super) at_end: bool,
}

impl Core {
    /// A machine with its host ends.
    pub fn new(
        machine: Machine,
        serial: [HostEnd; 2],
        debug_console: Option<HostEnd>,
        port_logs: PortLogs,
        sound: Sound,
        network: Network,
        media: MediaLists,
        spec: Spec,
    ) -> Self {
        let keys = KeyQueue::new(machine.rate());
        let instructions_before = machine.instructions();
        Self {
            machine,
            keys,
            serial,
            debug_console,
            port_logs,
            sound,
            network,
            media,
            spec,
            instructions_before,
            last_state: None,
            serial_log: None,
            at_end: false,
        }
    }

    /// Whether a triple fault is the guest's way back to real mode, as on a 286.
    pub(super) fn leaves_protected_mode(&self) -> bool {
        matches!(self.machine.shutdown_code(), 0x05 | 0x09 | 0x0a | 0x0c)
    }

    /// Puts a medium into a drive as a recording says: it has the removal of the one before by itself.
    pub(super) fn insert_recorded(&mut self, drive: Drive, path: Option<&Path>) -> Result<(), Failure> {
        let done = self.media.exchange(&mut self.machine, drive, path);
        self.note_medium(drive, path.filter(|_| done.is_ok()));
        done
    }

    /// Something was put into a drive, or taken out.
    fn note_medium(&mut self, drive: Drive, path: Option<&Path>) {
        let file = path.map(KnownFile::named);
        match drive {
            Drive::Floppy(drive) => {
                if let Some(Some(floppy)) = self.spec.floppies.get_mut(usize::from(drive)) {
                    floppy.medium = file.map(Medium::File);
                }
            }
            Drive::Cdrom => {
                if let Some(cdrom) = &mut self.spec.cdrom {
                    cdrom.medium = file;
                }
            }
        }
    }

    /// Goes on with the keys that were on their way when a state was saved.
    pub fn resume(&mut self, snapshot: &Snapshot) {
        self.keys = snapshot.header.keys.clone().at_rate(self.machine.rate());
        self.last_state = Some(snapshot.path.clone());
    }

    /// Saves the whole state to a file.
    pub(super) fn save_state(&mut self, path: &Path) -> Result<(), Failure> {
        let flushed = self.machine.flush_media();
        flushed.map_err(|error| Failure::host_io(error.to_string()))?;
        let screen = self.machine.text_screen();
        let last_line = screen.lines().rfind(|line| !line.trim().is_empty());
        let header = Header {
            machine: self.spec.looked_at()?,
            tick: self.machine.now(),
            instructions: self.machine.instructions(),
            saved: chrono::Local::now().format("%Y-%m-%d %H:%M:%S").to_string(),
            screen: last_line.unwrap_or("(no text)").trim().to_owned(),
            keys: self.keys.clone(),
        };
        let state = self.machine.save_state();
        let state = state.map_err(|error| Failure::host_io(error.to_string()))?;
        Snapshot::write(path, &header, &state)?;
        self.last_state = Some(path.to_owned());
        Ok(())
    }

    /// Goes back to the state that was saved last; if that cannot be, nothing changes.
    pub(super) fn load_state(&mut self) -> Result<PathBuf, Failure> {
        let Some(path) = self.last_state.clone() else {
            return Err(Failure::file("no state was saved in this run"));
        };
        let snapshot = Snapshot::read(&path)?;
        if snapshot.header.machine != self.spec.looked_at()? {
            return Err(Failure::file(format!(
                "{}: other images are in the drives now, or they have changed",
                path.display()
            )));
        }
        if !self.sound.can_jump() {
            return Err(Failure::usage("not while the sound goes into a file"));
        }
        let restored = self.machine.restore_state(&snapshot.state);
        restored.map_err(|error| Failure::file(format!("{}: {error}", path.display())))?;
        self.sound.jump(&self.machine);
        self.network.forget();
        self.resume(&snapshot);
        Ok(path)
    }

    pub(super) fn post_due_keys(&mut self) {
        let now = self.machine.now();
        while let Some((key, down)) = self.keys.pop(now) {
            self.machine.post(HostEvent::Key { code: key, down });
        }
    }

    /// Hands the guest the frames that have come. Says whether there were any.
    pub(super) fn post_frames(&mut self) -> Result<bool, Failure> {
        let room = self.machine.network_room();
        let frames = self.network.poll(self.machine.now(), room)?;
        let any = !frames.is_empty();
        for bytes in frames {
            self.machine.post(HostEvent::Frame { bytes });
        }
        Ok(any)
    }

    /// Writes everything that is held back.
    pub fn flush(&mut self) -> Result<(), Failure> {
        let mut result = self
            .machine
            .flush_media()
            .map_err(|error| Failure::host_io(error.to_string()));
        for end in self.serial.iter_mut().chain(&mut self.debug_console) {
            result = result.and(end.flush());
        }
        let sound = self.sound.finish(&self.machine);
        let network = self.network.flush();
        result.and(self.port_logs.flush()).and(sound).and(network)
    }
}

impl Stage for Core {
    fn now(&self) -> Ticks {
        self.machine.now()
    }

    fn rate(&self) -> TickRate {
        self.machine.rate()
    }

    fn count(&self) -> u64 {
        let stats = self.machine.stats();
        stats.instructions.saturating_sub(self.instructions_before) + stats.interrupts
    }

    fn is_look(&self) -> bool {
        self.at_end || matcher::is_look(self.rate(), self.now())
    }

    fn screen(&self) -> String {
        self.machine.text_screen()
    }

    fn serial(&self) -> &[u8] {
        self.serial_log.as_deref().unwrap_or_default()
    }

    fn keys_idle(&self) -> bool {
        self.keys.is_idle(self.machine.now())
    }

    fn type_text(&mut self, text: &str) {
        self.keys.type_text(text);
    }

    fn press(&mut self, keys: &[KeyCode]) {
        self.keys.press_chord(keys);
    }

    fn mouse(&mut self, dx: i16, dy: i16, buttons: u8) {
        self.machine.post(HostEvent::Mouse {
            dx,
            dy,
            wheel: 0,
            buttons,
        });
    }

    fn insert(&mut self, drive: Drive, path: Option<&Path>) -> Result<(), Failure> {
        let done = self.media.insert(&mut self.machine, drive, path);
        self.note_medium(drive, path.filter(|_| done.is_ok()));
        done
    }

    fn screenshot(&mut self, path: &Path) -> Result<(), Failure> {
        screenshot::write(path, self.machine.frame())
    }

    fn dump_text(&mut self, path: &Path) -> Result<(), Failure> {
        dump_text(path, &self.machine)
    }

    fn save(&mut self, path: &Path) -> Result<(), Failure> {
        self.save_state(path)
    }
}

/// Writes the text screen to a file.
pub fn dump_text(path: &Path, machine: &Machine) -> Result<(), Failure> {
    std::fs::write(path, machine.text_screen() + "\n").map_err(|error| {
        let error = crate::image::describe(&error);
        Failure::host_io(format!(
            "{}: cannot write the text screen: {error}",
            path.display()
        ))
    })
}
