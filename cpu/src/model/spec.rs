//! Models with features added or taken away: `p2,+sse,-pse36`.

use core::fmt;

use super::{
    CpuModel, Features, Generation, MODELS,
    features::{EMULATED, FEATURES},
};

/// Why there is no such processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelError {
    /// No model is called this.
    UnknownModel(String),
    /// What follows the model does not begin with + or -.
    Sign(String),
    /// No feature is called this.
    UnknownFeature(String),
    /// The feature is both added and taken away.
    Both(&'static str),
    /// The model is older than CPUID.
    TooOld(&'static str, &'static str),
    /// One feature needs another, which is not there.
    Needs(&'static str, &'static str),
    /// This version has no code for it.
    NotEmulated(&'static str),
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownModel(name) => {
                let names: Vec<&str> = MODELS.iter().map(|model| model.name).collect();
                write!(
                    f,
                    "no model '{name}'; there are {} (oldiron cpu list)",
                    names.join(", ")
                )
            }
            Self::Sign(text) => write!(
                f,
                "'{text}': a feature is added as +{text} or taken away as -{text}"
            ),
            Self::UnknownFeature(name) => {
                write!(
                    f,
                    "no feature '{name}'; there are {}",
                    Features::all().names().join(", ")
                )
            }
            Self::Both(name) => write!(f, "+{name} and -{name} contradict each other"),
            Self::TooOld(model, name) => write!(
                f,
                "{name} on a {model}, which has no CPUID: no program would find it; take pentium or a newer model"
            ),
            Self::Needs(name, needed) => {
                write!(f, "{name} needs {needed}: add +{needed} or take away -{name}")
            }
            Self::NotEmulated(name) => write!(f, "+{name}: this version does not emulate it yet"),
        }
    }
}

impl core::error::Error for ModelError {}

impl CpuModel {
    /// The model that `--cpu` describes: a name, and features added or taken away. A changed model lives as long as
    /// the program.
    pub fn parse(spec: &str) -> Result<&'static Self, ModelError> {
        let mut parts = spec.split(',').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let Some(model) = MODELS.iter().find(|model| model.name.eq_ignore_ascii_case(name)) else {
            return Err(ModelError::UnknownModel(name.to_owned()));
        };
        let (mut added, mut removed) = (Features::empty(), Features::empty());
        for part in parts {
            let set = match part.as_bytes().first() {
                Some(b'+') => &mut added,
                Some(b'-') => &mut removed,
                _ => return Err(ModelError::Sign(part.to_owned())),
            };
            let name = &part[1..];
            let Some(feature) = Features::by_name(name) else {
                return Err(ModelError::UnknownFeature(name.to_owned()));
            };
            set.insert(feature.flag);
        }
        model.with(added, removed)
    }

    fn with(&'static self, added: Features, removed: Features) -> Result<&'static Self, ModelError> {
        let wanted = self.base.features.union(added).difference(removed);
        for feature in FEATURES {
            let there = wanted.contains(feature.flag);
            if added.contains(feature.flag) && removed.contains(feature.flag) {
                return Err(ModelError::Both(feature.name));
            }
            let has_cpuid = !matches!(self.base.generation, Generation::I386 | Generation::I486);
            if there && !has_cpuid && feature.flag != Features::FPU {
                return Err(ModelError::TooOld(self.name, feature.name));
            }
            if added.contains(feature.flag) && !EMULATED.contains(feature.flag) {
                return Err(ModelError::NotEmulated(feature.name));
            }
            let missing = feature.needs.difference(wanted);
            if there && let Some(needed) = missing.names().first() {
                return Err(ModelError::Needs(feature.name, needed));
            }
        }
        if wanted == self.base.features {
            return Ok(self);
        }
        let mut name = self.name.to_owned();
        for feature in FEATURES {
            let (now, then) = (wanted, self.base.features);
            match (now.contains(feature.flag), then.contains(feature.flag)) {
                (true, false) => name += &format!(",+{}", feature.name),
                (false, true) => name += &format!(",-{}", feature.name),
                _ => {}
            }
        }
        let model = Self::assemble(self.base, name.leak(), wanted);
        Ok(Box::leak(Box::new(model)))
    }
}
