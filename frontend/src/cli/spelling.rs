//! QEMU's spellings of options, and mistakes as one line.

use std::ffi::OsString;

use clap::CommandFactory;

use super::Cli;

/// An error of clap's on one line.
pub(super) fn flatten(error: &clap::Error) -> String {
    let text = error.to_string();
    let said: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:"))
        .filter(|line| !line.is_empty() && !line.starts_with("For more information"))
        .map(|line| line.trim_start_matches("error: "))
        .collect();
    format!("{}; see oldiron run --help", said.join("; "))
}

/// QEMU's spellings, and ours. The flag says whether a value follows.
const QEMU: &[(&str, &str, bool)] = &[
    ("-fda", "--fda", true),
    ("-fdb", "--fdb", true),
    ("-hda", "--hda", true),
    ("-hdb", "--hdb", true),
    ("-hdc", "--hdc", true),
    ("-hdd", "--hdd", true),
    ("-cdrom", "--cdrom", true),
    ("-kernel", "--kernel", true),
    ("-initrd", "--initrd", true),
    ("-append", "--append", true),
    ("-bios", "--bios", true),
    ("-boot", "--boot", true),
    ("-m", "--mem", true),
    ("-snapshot", "--volatile", false),
    ("-s", "--gdb", false),
    ("-S", "--wait", false),
];

/// Puts in the subcommand `run` where none is given, and rewrites QEMU's spellings: whole arguments
/// only, never the value of an option.
pub(super) fn rewrite(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args = args.into_iter();
    let mut out: Vec<OsString> = vec![args.next().unwrap_or_else(|| "oldiron".into())];
    let args: Vec<OsString> = args.collect();
    let cli = Cli::command();
    let first = args.first().and_then(|arg| arg.to_str()).unwrap_or_default();
    let is_subcommand = first == "help" || cli.find_subcommand(first).is_some();
    if is_subcommand && first != "run" || matches!(first, "--help" | "-h" | "--version" | "-V") {
        out.extend(args);
        return out;
    }
    out.push("run".into());
    let mut args = args.into_iter().skip(usize::from(is_subcommand));
    while let Some(arg) = args.next() {
        let text = arg.to_str().unwrap_or_default();
        if text == "--" {
            out.push(arg);
            out.extend(args);
            break;
        }
        let takes_value = match QEMU.iter().find(|(theirs, ..)| *theirs == text) {
            Some(&(_, ours, takes_value)) => {
                out.push(ours.into());
                takes_value
            }
            None if text == "-no-reboot" => {
                out.extend(["--on-reset".into(), "exit".into()]);
                false
            }
            None => {
                let takes_value = option_takes_value(&cli, text);
                out.push(arg);
                takes_value
            }
        };
        if takes_value {
            out.extend(args.next());
        }
    }
    out
}

/// Whether `text` is an option of `run` whose value is the next argument.
fn option_takes_value(cli: &clap::Command, text: &str) -> bool {
    let Some(run) = cli.find_subcommand("run") else {
        return false;
    };
    run.get_arguments().any(|arg| {
        let long = arg
            .get_long()
            .is_some_and(|long| text.strip_prefix("--") == Some(long));
        let short = arg
            .get_short()
            .is_some_and(|short| text.strip_prefix('-') == Some(short.encode_utf8(&mut [0; 4])));
        (long || short) && arg.get_action().takes_values() && !arg.is_require_equals_set()
    })
}
