//! `oldiron run`: opens everything, runs, and leaves results behind.

use std::{
    io::{IsTerminal, stdin, stdout},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use oldiron_platform::{DateTime, TickRate};

use crate::{
    calibrate,
    chaos::Chaos,
    cli::{DisplayKind, Ips, OnTripleFault, Rtc, RunArgs, Serial, SoundTo, Speed},
    complain, coverage, direct_boot,
    display::Display,
    headless::Headless,
    log_sink,
    matcher::Conditions,
    net::Network,
    outcome::{Failure, Outcome, code},
    recording::{Beginning, Recorder, Replay},
    script::{self, Line},
    script_run::Runner,
    serial::{HostEnd, PortLogs},
    session::{self, Core, Instruments, Limits, Session},
    setup::{Parts, host_time},
    snapshot::{Snapshot, command::is_snapshot},
    sound::Sound,
    spec::KnownFile,
    stats, term,
};

/// Guest speed without a user: the same everywhere, so that runs repeat.
const HEADLESS_IPS: u64 = 100_000_000;

/// Chooses 'run all, then power off' in the menu of the demo disk.
const DEMO_SCRIPT: &str = "wait text '(?i)power off'\ntype a";

/// Runs a machine as `args` say. The result is the exit code.
pub fn run(args: &RunArgs) -> u8 {
    report(args, || {
        let mut args = args.clone();
        // A saved state among the images is what the run starts from.
        if let Some(at) = args.images.iter().position(|path| is_snapshot(path)) {
            let state = args.images.remove(at);
            if args.restore.is_some() {
                let state = state.display();
                return Err(Failure::usage(format!(
                    "{state}: a second saved state; one run starts from one"
                )));
            }
            args.restore = Some(state);
        }
        direct_boot::take_positional(&mut args)?;
        start(&args, None)
    })
}

/// Does `run` and says how it ended. The result is the exit code.
pub fn report(args: &RunArgs, run: impl FnOnce() -> Result<Outcome, Failure>) -> u8 {
    log_sink::install(args.log.clone().unwrap_or_default());
    let ended = run();
    term::restore();
    match ended {
        Ok(outcome) => {
            complain(&outcome.message);
            outcome.code
        }
        Err(failure) => {
            complain(&failure.to_string());
            failure.code
        }
    }
}

/// Opens everything and runs: from the outside, or what `replay` has.
pub fn start(args: &RunArgs, replay: Option<Replay>) -> Result<Outcome, Failure> {
    check_combinations(args)?;
    let mut args = args.clone();
    let snapshot = args.restore.as_deref().map(Snapshot::read).transpose()?;
    if let Some(snapshot) = &snapshot
        && args.again.is_none()
    {
        snapshot.header.machine.apply(&mut args, &snapshot.path)?;
    }
    let args = &args;
    let parts = Parts::open(args)?;
    for warning in &parts.media.warnings {
        complain(&format!("warning: {warning}"));
    }
    let interrupted = catch_signals()?;
    let conditions = Conditions::new(
        &args.until_text,
        &args.fail_text,
        &args.until_serial,
        &args.fail_serial,
    )
    .map_err(Failure::usage)?;

    let mut display = open_display(args)?;
    let live = display.is_live();
    let rate = tick_rate(args, live);
    let rtc = match args.rtc {
        Some(Rtc::At(date_time)) => date_time,
        Some(Rtc::Host) => host_time(),
        None if live => host_time(),
        None => DateTime::default(),
    };
    let lines = match replay {
        Some(_) => Vec::new(),
        None => script_lines(&parts, live)?,
    };
    let spec = parts.spec(args, rate, rtc);

    let mut serial = args
        .serial
        .iter()
        .map(HostEnd::open)
        .collect::<Result<Vec<_>, _>>()?;
    while serial.len() < 2 {
        serial.push(HostEnd::open(&Serial::None)?);
    }
    let Ok(serial) = <[HostEnd; 2]>::try_from(serial) else {
        return Err(Failure::usage(
            "--serial is given three times; there are COM1 and COM2",
        ));
    };
    let debug_console = args.debugcon.as_ref().map(HostEnd::debug_console).transpose()?;
    let port_logs = PortLogs::open(&args.port_log)?;
    if serial.iter().any(HostEnd::is_terminal) {
        term::raw_mode()?;
    }

    let beginning = match &args.record {
        Some(_) => Some(Beginning {
            machine: spec.looked_at()?,
            restored: args.restore.as_deref().map(KnownFile::look).transpose()?,
        }),
        None => None,
    };
    let (mut machine, floppies) = parts.build(args, rate, rtc, port_logs.ports())?;
    if let Some(Snapshot { path, state, .. }) = &snapshot {
        let restored = machine.restore_state(state);
        restored.map_err(|error| Failure::file(format!("{}: {error}", path.display())))?;
    }
    if let Some(path) = &args.coverage {
        coverage::create(path)?;
        machine.count_forms();
    }
    let sound = Sound::open(&sound_to(args, display.as_ref()), &machine)?;
    let network = Network::open(&args.net, rate, replay.is_some())?;
    let mut core = Core::new(
        machine,
        serial,
        debug_console,
        port_logs,
        sound,
        network,
        floppies,
        spec,
    );
    if let Some(snapshot) = &snapshot {
        core.resume(snapshot);
    }
    let limits = Limits {
        count: args.max_insns,
        guest_seconds: args.max_virtual,
        timeout: args.timeout.map(Duration::from_secs_f64),
        on_reset: args.on_reset,
        on_triple_fault: args.on_triple_fault.unwrap_or(if live {
            OnTripleFault::Pause
        } else {
            OnTripleFault::Exit
        }),
    };
    let speed = args
        .speed
        .unwrap_or(if live { Speed::Realtime } else { Speed::Max });
    let runner = Runner::new(lines);
    let recorder = match (&args.record, &beginning) {
        (Some(path), Some(beginning)) => Some(Recorder::create(path, beginning, &core.machine)?),
        _ => None,
    };
    let instruments = Instruments {
        recorder,
        replay,
        save_at: args.save_at.clone(),
        chaos: args.chaos.map(|seed| Chaos::new(seed, core.machine.now())),
    };
    let session = Session::new(
        core,
        conditions,
        runner,
        limits,
        instruments,
        speed,
        display.as_mut(),
        &interrupted,
    );
    let (outcome, core, host_time) = session.run();
    drop(display);
    Ok(finish(args, outcome, core, host_time))
}

fn check_combinations(args: &RunArgs) -> Result<(), Failure> {
    let stdio = args
        .serial
        .iter()
        .filter(|serial| **serial == Serial::Stdio)
        .count();
    if args.serial.len() > 2 {
        return Err(Failure::usage(
            "--serial is given more than twice; there are COM1 and COM2",
        ));
    }
    if stdio > 1 {
        return Err(Failure::usage(
            "--serial stdio is given twice; give the other port a file, tcp or pty",
        ));
    }
    if stdio > 0 && args.display == Some(DisplayKind::Term) {
        return Err(Failure::usage(
            "--serial stdio and --display term both want the terminal; use --serial pty or --headless",
        ));
    }
    Ok(())
}

fn catch_signals() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&flag);
    let installed = ctrlc::set_handler(move || {
        // The second time the run does not answer: leave at once.
        if seen.swap(true, Ordering::Relaxed) {
            term::restore();
            std::process::exit(code::SIGNAL.into());
        }
    });
    match installed {
        Ok(()) => Ok(flag),
        Err(error) => Err(Failure::host_io(format!("cannot catch signals: {error}"))),
    }
}

/// The display that is asked for; without a wish the best there is.
fn open_display(args: &RunArgs) -> Result<Box<dyn Display>, Failure> {
    let wish = if args.headless {
        Some(DisplayKind::None)
    } else {
        args.display
    };
    match wish {
        Some(DisplayKind::None) => Ok(Box::new(Headless)),
        Some(DisplayKind::Term) => open_term(),
        Some(DisplayKind::Window) => open_window(),
        Some(DisplayKind::Minifb) => open_minifb(),
        None => {
            let terminal = stdin().is_terminal() && stdout().is_terminal();
            let term_free = !args.serial.contains(&Serial::Stdio);
            match open_window() {
                Ok(window) => Ok(window),
                Err(_) if terminal && term_free => open_term(),
                Err(_) => Ok(Box::new(Headless)),
            }
        }
    }
}

fn open_term() -> Result<Box<dyn Display>, Failure> {
    Ok(Box::new(term::Term::open()?))
}

#[cfg(feature = "window")]
fn open_window() -> Result<Box<dyn Display>, Failure> {
    Ok(Box::new(crate::window::PcWindow::open()?))
}

#[cfg(feature = "window")]
fn open_minifb() -> Result<Box<dyn Display>, Failure> {
    Ok(Box::new(crate::window::PcWindow::open_minifb()?))
}

#[cfg(not(feature = "window"))]
fn open_window() -> Result<Box<dyn Display>, Failure> {
    Err(Failure::usage(
        "--display window: this oldiron was built without a window; use --display term",
    ))
}

#[cfg(not(feature = "window"))]
fn open_minifb() -> Result<Box<dyn Display>, Failure> {
    open_window()
}

/// What is asked for; without a wish people at a window hear the guest.
fn sound_to(args: &RunArgs, display: &dyn Display) -> SoundTo {
    match &args.sound {
        Some(sound) => sound.clone(),
        None if display.has_sound() => SoundTo::Auto,
        None => SoundTo::None,
    }
}

fn tick_rate(args: &RunArgs, live: bool) -> TickRate {
    let ips = args
        .ips
        .unwrap_or(if live { Ips::Auto } else { Ips::Fixed(HEADLESS_IPS) });
    TickRate::new(match ips {
        Ips::Fixed(n) => n,
        Ips::Auto => {
            let n = calibrate::ticks_per_second();
            complain(&format!(
                "{} million ticks a guest second (--ips {}M)",
                n / 1_000_000,
                n / 1_000_000
            ));
            n
        }
    })
}

fn script_lines(parts: &Parts, live: bool) -> Result<Vec<Line>, Failure> {
    let lines = parts.script.clone();
    if parts.media.demo && !live && lines.is_empty() {
        return script::parse("demo", DEMO_SCRIPT).map_err(Failure::usage);
    }
    Ok(lines)
}

/// Writes everything that is due at the end. A failure there is the outcome, unless the run failed
/// already.
fn finish(args: &RunArgs, outcome: Outcome, mut core: Core, host_time: Duration) -> Outcome {
    let mut failed = core.flush().err();
    let mut write = |path: &Option<PathBuf>, write: &mut dyn FnMut(&Path) -> Result<(), Failure>| {
        if let Some(path) = path
            && let Err(failure) = write(path)
        {
            failed.get_or_insert(failure);
        }
    };
    write(&args.screenshot, &mut |path: &Path| {
        crate::screenshot::write(path, core.machine.frame())
    });
    write(&args.dump_text, &mut |path: &Path| {
        session::dump_text(path, &core.machine)
    });
    write(&args.stats, &mut |path: &Path| {
        stats::write(path, &outcome, &mut core.machine, host_time)
    });
    write(&args.coverage, &mut |path: &Path| {
        coverage::write(path, core.machine.coverage())
    });
    match failed {
        Some(failure) if outcome.code == code::OK => failure.into(),
        Some(failure) => Outcome {
            message: format!("{}; {failure}", outcome.message),
            ..outcome
        },
        None => outcome,
    }
}
