//! `oldiron replay`: runs the machine that a recording is of, with what came from outside then.

use crate::{
    cli::ReplayArgs,
    outcome::Failure,
    recording::{Recording, Replay},
    run,
};

/// Replays as `args` say. The result is the exit code.
pub fn run(args: &ReplayArgs) -> u8 {
    run::report(&args.run, || {
        check_combinations(args)?;
        let recording = Recording::read(&args.file)?;
        recording.reaches(args.to).map_err(|tick| {
            Failure::file(format!(
                "{}: the recording breaks off at tick {tick}: its run was killed, or the file is cut; \
                 --to {tick} repeats what there is",
                args.file.display()
            ))
        })?;
        let mut machine = args.run.clone();
        recording.beginning.machine.apply(&mut machine, &args.file)?;
        if let Some(state) = &recording.beginning.restored {
            machine.restore = Some(state.find_beside(&args.file)?);
        }
        let replay = Replay::new(&recording, args.check, args.to)?;
        run::start(&machine, Some(replay))
    })
}

fn check_combinations(args: &ReplayArgs) -> Result<(), Failure> {
    let run = &args.run;
    let acts = [
        (run.script.is_some(), "--script"),
        (!run.lines.is_empty(), "-e"),
        (run.record.is_some(), "--record"),
        (run.overlay.is_some(), "--overlay"),
        (run.restore.is_some(), "--restore"),
    ];
    match acts.iter().find(|(given, _)| *given) {
        Some((_, option)) => Err(Failure::usage(format!(
            "{option} is not for replay, which does what was recorded; leave it out"
        ))),
        None => Ok(()),
    }
}
