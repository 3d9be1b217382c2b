//! What the guest plays, for people or for a file. It is computed from what the machine sent out, after
//! the fact: nothing here reaches the guest, and nothing waits for a sound card.

#[cfg(feature = "sound")]
mod live;
mod synth;
mod wav;

use oldiron_platform::{Machine, SpeakerEdge, Ticks};

use self::wav::WavFile;
use crate::{cli::SoundTo, outcome::Failure};

/// Where the sound goes.
pub enum Sound {
    /// Nowhere.
    None,
    /// To the sound card, if there is one.
    #[cfg(feature = "sound")]
    Live(Box<live::Live>),
    /// Into a file.
    Wav(Box<WavFile>),
}

impl Sound {
    /// Opens what `to` says, for a machine that has not run yet.
    pub fn open(to: &SoundTo, machine: &Machine) -> Result<Self, Failure> {
        let (rate, start) = (machine.rate(), machine.now());
        Ok(match to {
            SoundTo::None => Self::None,
            #[cfg(feature = "sound")]
            SoundTo::Auto => Self::Live(Box::new(live::Live::new(rate, start))),
            #[cfg(not(feature = "sound"))]
            SoundTo::Auto => Self::None,
            SoundTo::Wav(path) => Self::Wav(Box::new(WavFile::create(path, rate, start)?)),
        })
    }

    /// The speaker's `edges`, all there are before `known_to`.
    pub fn follow(&mut self, edges: &[SpeakerEdge], known_to: Ticks) -> Result<(), Failure> {
        match self {
            Self::None => Ok(()),
            #[cfg(feature = "sound")]
            Self::Live(live) => {
                live.follow(edges, known_to);
                Ok(())
            }
            Self::Wav(wav) => wav.follow(edges, known_to),
        }
    }

    /// Whether it can follow the machine to another time. A file has one time line.
    pub fn can_jump(&self) -> bool {
        !matches!(self, Self::Wav(_))
    }

    /// Follows `machine` to another time.
    pub fn jump(&mut self, machine: &Machine) {
        let live = !matches!(self, Self::None | Self::Wav(_));
        if live && let Ok(sound) = Self::open(&SoundTo::Auto, machine) {
            *self = sound;
        }
    }

    /// The run is over.
    pub fn finish(&mut self, machine: &Machine) -> Result<(), Failure> {
        match std::mem::replace(self, Self::None) {
            Self::Wav(wav) => wav.finish(&machine.speaker_rest(), machine.now()),
            _ => Ok(()),
        }
    }
}
