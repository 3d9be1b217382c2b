//! Where vectors come from: files, directories, and the sample inside the program.

use std::{
    borrow::Cow,
    io::Read,
    path::{Path, PathBuf},
};

use oldiron_cpu::CpuModel;

use crate::{harness::Suite, hwx::HwxSuite, moo::MooSuite, programs::ProgramSuite};

/// A file larger than this when unpacked is not one of ours.
const MOST_UNPACKED: u64 = 1 << 30;

/// Families of the HWX vectors, in the order to run them.
pub const FAMILIES: [&str; 18] = [
    "int16", "int32", "real16", "limit", "seg", "paging", "priv", "align", "trap", "smc", "prog16", "prog32",
    "x87", "x87prog", "mmx", "sse", "sse2", "sse3_4",
];

/// Why a suite cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// It cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the host says.
        #[source]
        source: std::io::Error,
    },
    /// It is not what its name says.
    #[error("{path}: damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// It is of a version of its format that we do not know.
    #[error("{path}: {format} version {found} is unknown; this program reads version {known}")]
    Version {
        /// The file.
        path: PathBuf,
        /// The format.
        format: &'static str,
        /// Its version.
        found: String,
        /// Ours.
        known: &'static str,
    },
    /// No vectors were found.
    #[error("{path}: no *.hwx.zst or *.MOO.gz files here")]
    Nothing {
        /// The directory.
        path: PathBuf,
    },
}

/// What is wrong with the contents of a file.
#[derive(Debug)]
pub(crate) enum Wrong {
    Damaged(String),
    Version(&'static str, String, &'static str),
}

impl From<String> for Wrong {
    fn from(what: String) -> Self {
        Self::Damaged(what)
    }
}

impl Wrong {
    pub fn in_file(self, path: &Path) -> SuiteError {
        let path = path.to_path_buf();
        match self {
            Self::Damaged(what) => SuiteError::Damaged { path, what },
            Self::Version(format, found, known) => SuiteError::Version {
                path,
                format,
                found,
                known,
            },
        }
    }
}

/// One suite that can be opened.
#[derive(Clone, Debug)]
pub enum Source {
    /// An HWX file, a MOO file, or a directory of MOO files.
    Path(PathBuf),
    /// A family of the sample inside the program.
    Sample(&'static str, &'static [u8]),
    /// The programs of our own.
    Programs,
}

macro_rules! sample {
    ($($family:literal)*) => { &[$(($family, include_bytes!(concat!("../data/", $family, ".hwx.zst")))),*] };
}

/// The sample of the HWX vectors, see `testsuites/data/README.md`.
const SAMPLE: &[(&str, &[u8])] = sample!(
    "int16" "int32" "real16" "limit" "seg" "paging" "priv" "align" "trap" "smc" "prog16" "prog32"
    "x87" "x87prog" "mmx" "sse" "sse2" "sse3_4"
);

/// The sample inside the program, and the programs of our own.
pub fn sample() -> Vec<Source> {
    SAMPLE
        .iter()
        .map(|&(family, packed)| Source::Sample(family, packed))
        .chain([Source::Programs])
        .collect()
}

/// The suites at a path: a file, or a directory of HWX files, MOO files or both.
pub fn sources_at(path: &Path) -> Result<Vec<Source>, SuiteError> {
    let io = |source| SuiteError::Io {
        path: path.to_path_buf(),
        source,
    };
    if !std::fs::metadata(path).map_err(io)?.is_dir() {
        return Ok(vec![Source::Path(path.to_path_buf())]);
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)? {
        names.extend(entry.map_err(io)?.file_name().into_string().ok());
    }
    // The families that we know come in their order, others behind them.
    let order = |name: &str| {
        let family = name.split(".hwx").next().unwrap_or_default();
        FAMILIES.iter().position(|known| *known == family)
    };
    let mut files: Vec<_> = names.iter().filter(|name| is_hwx(name)).cloned().collect();
    files.sort_by_key(|name| (order(name).unwrap_or(FAMILIES.len()), name.clone()));
    let mut found: Vec<_> = files
        .into_iter()
        .map(|name| Source::Path(path.join(name)))
        .collect();
    if names.iter().any(|name| is_moo(name)) {
        found.push(Source::Path(path.to_path_buf()));
    }
    if found.is_empty() {
        return Err(SuiteError::Nothing {
            path: path.to_path_buf(),
        });
    }
    Ok(found)
}

pub(crate) fn is_moo(name: &str) -> bool {
    name.ends_with(".MOO.gz") || name.ends_with(".MOO")
}

fn is_hwx(name: &str) -> bool {
    name.ends_with(".hwx.zst") || name.ends_with(".hwx.gz") || name.ends_with(".hwx")
}

impl Source {
    /// Reads and checks it.
    pub fn open(&self, model: &'static CpuModel) -> Result<Box<dyn Suite>, SuiteError> {
        match self {
            Self::Path(path) if path.is_dir() || is_moo(&path.to_string_lossy()) => {
                Ok(Box::new(MooSuite::open(path, model)?))
            }
            Self::Path(path) => Ok(Box::new(HwxSuite::open(path, model)?)),
            Self::Programs => Ok(Box::new(ProgramSuite::new()?)),
            Self::Sample(family, packed) => {
                let path = PathBuf::from(format!("{family}.hwx.zst"));
                Ok(Box::new(HwxSuite::new(&path, &unpack(&path, packed)?, model)?))
            }
        }
    }

    /// Whether its name allows that it holds the case `id`: spares unpacking all of them.
    pub fn may_hold(&self, id: &str) -> bool {
        let family = id.split('/').next().unwrap_or_default();
        match self {
            Self::Sample(name, _) => *name == family,
            Self::Programs => family == "programs",
            Self::Path(path) => {
                let name = path
                    .file_name()
                    .map_or(Cow::default(), |name| name.to_string_lossy());
                let stem = name.split(".hwx").next().unwrap_or_default();
                !FAMILIES.contains(&stem) || stem == family
            }
        }
    }
}

/// Reads a file, unpacked if its name says that it is packed.
pub(crate) fn read_unpacked(path: &Path) -> Result<Vec<u8>, SuiteError> {
    let packed = std::fs::read(path).map_err(|source| SuiteError::Io {
        path: path.to_path_buf(),
        source,
    })?;
    unpack(path, &packed)
}

fn unpack(path: &Path, packed: &[u8]) -> Result<Vec<u8>, SuiteError> {
    let mut unpacked = Vec::new();
    let damaged = |what: String| Wrong::Damaged(what).in_file(path);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("zst") => {
            let reader = ruzstd::decoding::StreamingDecoder::new(packed)
                .map_err(|error| damaged(format!("not zstd data ({error})")))?;
            reader.take(MOST_UNPACKED).read_to_end(&mut unpacked)
        }
        Some("gz") => flate2::read::GzDecoder::new(packed)
            .take(MOST_UNPACKED)
            .read_to_end(&mut unpacked),
        _ => return Ok(packed.to_vec()),
    }
    .map_err(|error| {
        damaged(format!(
            "it cannot be unpacked, perhaps it ends too early ({error})"
        ))
    })?;
    Ok(unpacked)
}
