//! The command line: options, QEMU's spellings, and one line for every mistake.

mod run;
mod spelling;
mod values;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, error::ErrorKind};
use regex::Regex;

use self::spelling::{flatten, rewrite};
pub use self::{run::*, values::*};
use crate::img::create;

/// A PC in software: boots old operating systems from floppy, hard disk and CD images.
#[derive(Debug, Parser)]
#[command(name = "oldiron", version, subcommand_required = true, max_term_width = 110)]
#[command(
    after_help = "Without a subcommand, `run` is meant: `oldiron disk.img` boots an image, \
                        `oldiron` alone the built-in demo disk."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Boot a PC; with no image: the built-in demo disk
    Run(Box<RunArgs>),
    /// Repeat a run that --record wrote down
    Replay(Box<ReplayArgs>),
    /// Saved states
    Snapshot {
        /// What to do.
        #[command(subcommand)]
        command: SnapshotCommand,
    },
    /// Make, look into and convert disk images, and copy files in and out
    Img {
        /// What to do.
        #[command(subcommand)]
        command: ImgCommand,
    },
    /// Processor models
    Cpu {
        /// What to do.
        #[command(subcommand)]
        command: CpuCommand,
    },
    /// Tests of the emulator itself
    Selftest {
        /// What to test.
        #[command(subcommand)]
        command: SelftestCommand,
    },
}

/// `oldiron snapshot`.
#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// A line for each saved state in a directory, or for one file
    List {
        /// The directory or file.
        #[arg(default_value = ".")]
        path: PathBuf,
    },
    /// What is known about a saved state
    Info {
        /// The file.
        path: PathBuf,
    },
    /// Remove a saved state
    Delete {
        /// The file.
        path: PathBuf,
    },
}

/// `oldiron selftest`.
#[derive(Debug, Subcommand)]
pub enum SelftestCommand {
    /// Run the processor against vectors recorded from real silicon; exit 22 if any fails
    Cpu(SelftestArgs),
}

/// Options of `oldiron selftest cpu`.
#[derive(Args, Debug, Default)]
pub struct SelftestArgs {
    /// A vector file (*.hwx.zst, *.MOO.gz) or a directory of them; repeatable [default: the sample inside the program]
    #[arg(long, value_name = "PATH")]
    pub suite: Vec<PathBuf>,
    /// Only cases whose "ID INSTRUCTION" matches this regular expression, e.g. '^int32/.* shl$'
    #[arg(long, value_name = "RE")]
    pub filter: Option<Regex>,
    /// Print the cases instead of running them
    #[arg(long)]
    pub list: bool,
    /// Also print which forms of instructions this emulator has and no case executed
    #[arg(long, conflicts_with_all = ["list", "show"])]
    pub coverage: bool,
    /// Print one case and run it
    #[arg(long, value_name = "ID", conflicts_with_all = ["list", "filter"])]
    pub show: Option<String>,
    /// Write the results as JSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["list", "show"])]
    pub json: Option<PathBuf>,
    /// Write the results as JUnit XML
    #[arg(long, value_name = "FILE", conflicts_with_all = ["list", "show"])]
    pub junit: Option<PathBuf>,
}

/// `oldiron img`.
#[derive(Debug, Subcommand)]
pub enum ImgCommand {
    /// Make a new image of zeros, or with a file system
    Create(CreateArgs),
    /// Say what an image or overlay is, and what is in it
    Info {
        /// The image or overlay
        file: PathBuf,
    },
    /// Copy an image, or an image with its overlay, into a new raw image
    Convert(ConvertArgs),
    /// Write what an overlay holds into the images that it lies over, and remove it
    Commit {
        /// The overlay
        overlay: PathBuf,
    },
    /// List a directory in an image: IMAGE:/DIR, or IMAGE:2/DIR for the second partition
    Ls {
        /// The image, and the place in it
        place: String,
        /// Directories in it too
        #[arg(short, long)]
        recursive: bool,
    },
    /// Copy files into an image or out of one: oldiron img cp a.txt disk.img:/DIR/
    Cp(CpArgs),
}

/// Options of `oldiron img create`.
#[derive(Args, Clone, Debug)]
pub struct CreateArgs {
    /// The new image
    pub file: PathBuf,
    /// Its size: 1440K, 100M, 2G; a bare number is MiB
    #[arg(value_parser = create::size)]
    pub size: u64,
    /// With an empty FAT file system, on a hard disk in a partition
    #[arg(long)]
    pub fat: bool,
    /// With one partition, not formatted
    #[arg(long, conflicts_with = "fat")]
    pub partition: bool,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

/// Options of `oldiron img convert`.
#[derive(Args, Clone, Debug)]
pub struct ConvertArgs {
    /// An image or an overlay
    pub from: PathBuf,
    /// The new image
    pub to: PathBuf,
    /// Which image of the overlay, as in hda
    #[arg(long, value_name = "NAME")]
    pub image: Option<String>,
    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,
}

/// Options of `oldiron img cp`.
#[derive(Args, Clone, Debug)]
pub struct CpArgs {
    /// Files, or places in images
    #[arg(required = true)]
    pub from: Vec<String>,
    /// A place in an image, or a file or directory
    pub to: String,
    /// Directories with all that is in them
    #[arg(short, long)]
    pub recursive: bool,
}

/// `oldiron cpu`.
#[derive(Debug, Subcommand)]
pub enum CpuCommand {
    /// List the models that --cpu takes
    List,
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Parsed {
    /// Do this.
    Command(Command),
    /// Print this and leave with exit 0.
    Text(String),
    /// Print this line and leave with exit 2.
    Usage(String),
}

/// Parses a command line; the first argument is the program's name.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Parsed {
    match Cli::try_parse_from(rewrite(args)) {
        Ok(cli) => Parsed::Command(cli.command),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Parsed::Text(error.to_string())
        }
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Parsed::Usage(
            "a subcommand is missing, as list in oldiron cpu list or cpu in oldiron selftest cpu".to_owned(),
        ),
        Err(error) => Parsed::Usage(flatten(&error)),
    }
}

#[cfg(test)]
mod tests;
