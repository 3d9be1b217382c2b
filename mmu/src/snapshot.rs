//! The state codec: how every component writes and reads back its state.
//!
//! Values are encoded with serde and postcard. A component's bytes travel in a chunk that carries
//! its tag and version; the container (names, lengths, checksums) is `platform::snapshot_file`.

use serde::{Serialize, de::DeserializeOwned};

/// Why a saved state was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SnapshotError {
    /// The bytes of a component do not decode.
    #[error("state of {component} is damaged")]
    Damaged {
        /// Tag of the component.
        component: String,
    },
    /// The component was saved by another version of its code.
    #[error("state of {component} has version {found}, this program reads {expected}")]
    Version {
        /// Tag of the component.
        component: String,
        /// Version in the saved state.
        found: u16,
        /// Version of this program.
        expected: u16,
    },
    /// The state does not fit the machine it is loaded into.
    #[error("state of {component} does not fit this machine: {reason}")]
    Mismatch {
        /// Tag of the component.
        component: String,
        /// What differs.
        reason: &'static str,
    },
}

/// Collects the state of components.
#[derive(Debug, Default)]
pub struct StateWriter {
    bytes: Vec<u8>,
}

impl StateWriter {
    /// An empty writer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one value.
    pub fn put<T: Serialize + ?Sized>(&mut self, value: &T) {
        // Serialising plain data into a growing Vec has no way to fail.
        if let Ok(bytes) = postcard::to_allocvec(value) {
            self.bytes.extend_from_slice(&bytes);
        }
    }

    /// Appends a component with its tag and version.
    pub fn component<S: Snapshot>(&mut self, component: &S) {
        let mut inner = Self::new();
        component.save(&mut inner);
        self.put(&(S::TAG, S::VERSION));
        self.put(inner.bytes.as_slice());
    }

    /// The collected bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Hands back what a [`StateWriter`] collected, in the same order.
#[derive(Debug)]
pub struct StateReader<'a> {
    component: String,
    bytes: &'a [u8],
}

impl<'a> StateReader<'a> {
    /// Reads `bytes` on behalf of `component` (used in error messages).
    pub fn new(component: &str, bytes: &'a [u8]) -> Self {
        Self {
            component: component.to_owned(),
            bytes,
        }
    }

    /// The next value.
    pub fn get<T: DeserializeOwned>(&mut self) -> Result<T, SnapshotError> {
        match postcard::take_from_bytes(self.bytes) {
            Ok((value, rest)) => {
                self.bytes = rest;
                Ok(value)
            }
            Err(_) => Err(self.damaged()),
        }
    }

    /// Reads a component back; its tag, version and length must be those it was saved with.
    pub fn component<S: Snapshot>(&mut self, component: &mut S) -> Result<(), SnapshotError> {
        let (tag, version): ([u8; 4], u16) = self.get()?;
        let name = String::from_utf8_lossy(&S::TAG).into_owned();
        if tag != S::TAG {
            return Err(SnapshotError::Damaged { component: name });
        }
        if version != S::VERSION {
            return Err(SnapshotError::Version {
                component: name,
                found: version,
                expected: S::VERSION,
            });
        }
        let bytes: Vec<u8> = self.get()?;
        let mut inner = StateReader::new(&name, &bytes);
        component.load(&mut inner)?;
        inner.finish()
    }

    /// A [`SnapshotError::Damaged`] naming this component.
    pub fn damaged(&self) -> SnapshotError {
        SnapshotError::Damaged {
            component: self.component.clone(),
        }
    }

    /// A [`SnapshotError::Mismatch`] naming this component.
    pub fn mismatch(&self, reason: &'static str) -> SnapshotError {
        SnapshotError::Mismatch {
            component: self.component.clone(),
            reason,
        }
    }

    /// Succeeds if nothing is left over.
    pub fn finish(self) -> Result<(), SnapshotError> {
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(self.damaged())
        }
    }
}

/// A component whose state can be saved and restored.
///
/// `load` must accept only what `save` can have written: values that the running component could
/// not reach by itself (an index out of range, say) are refused or masked, never trusted.
pub trait Snapshot {
    /// Four letters that name the component.
    const TAG: [u8; 4];
    /// Raised whenever the saved form changes.
    const VERSION: u16;
    /// Appends the state.
    fn save(&self, w: &mut StateWriter);
    /// Replaces the state. On an error the component may be left half-loaded: the caller discards it.
    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counter(u32);
    impl Snapshot for Counter {
        const TAG: [u8; 4] = *b"CNTR";
        const VERSION: u16 = 1;
        fn save(&self, w: &mut StateWriter) {
            w.put(&self.0);
        }
        fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
            self.0 = r.get()?;
            Ok(())
        }
    }

    #[test]
    fn a_component_survives_the_round_trip_and_a_cut_one_is_refused() {
        let mut w = StateWriter::new();
        w.component(&Counter(77));
        let bytes = w.into_bytes();
        let mut back = Counter(0);
        StateReader::new("test", &bytes).component(&mut back).unwrap();
        assert_eq!(back.0, 77);
        for n in 0..bytes.len() {
            assert!(
                StateReader::new("test", &bytes[..n])
                    .component(&mut back)
                    .is_err()
            );
        }
    }
}
