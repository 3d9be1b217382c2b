//! `oldiron img`: makes, looks into and converts images, and copies files in and out of them.

mod beside;
mod commit;
mod convert;
pub mod create;
mod edit;
mod files;
mod info;
mod operand;
mod partition;
pub mod progress;

use crate::{cli::ImgCommand, outcome::Failure};

/// Carries out a command. The result is what it prints.
pub fn run(command: &ImgCommand) -> Result<String, Failure> {
    match command {
        ImgCommand::Create(args) => create::run(args),
        ImgCommand::Info { file } => info::run(file),
        ImgCommand::Convert(args) => convert::run(args),
        ImgCommand::Commit { overlay } => commit::run(overlay),
        ImgCommand::Ls { place, recursive } => files::list(place, *recursive),
        ImgCommand::Cp(args) => files::copy(args),
    }
}
