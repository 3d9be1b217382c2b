use clap::CommandFactory;
use oldiron_platform::DateTime;

use super::*;

fn rewritten(line: &str) -> String {
    let args = rewrite(
        ["oldiron"]
            .into_iter()
            .chain(line.split_whitespace())
            .map(OsString::from),
    );
    args[1..]
        .iter()
        .map(|arg| arg.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

fn run(line: &str) -> RunArgs {
    match parse(
        ["oldiron"]
            .into_iter()
            .chain(line.split_whitespace())
            .map(OsString::from),
    ) {
        Parsed::Command(Command::Run(args)) => *args,
        other => panic!("{line}: {other:?}"),
    }
}

fn usage(line: &str) -> String {
    match parse(
        ["oldiron"]
            .into_iter()
            .chain(line.split_whitespace())
            .map(OsString::from),
    ) {
        Parsed::Usage(message) => message,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn run_is_put_in_where_no_subcommand_is_given() {
    assert_eq!(rewritten(""), "run");
    assert_eq!(rewritten("a.img"), "run a.img");
    assert_eq!(rewritten("run a.img"), "run a.img");
    assert_eq!(rewritten("run run"), "run run");
    assert_eq!(rewritten("cpu list"), "cpu list");
    assert_eq!(rewritten("--version"), "--version");
}

#[test]
fn qemu_spellings_are_rewritten_but_never_values() {
    assert_eq!(
        rewritten("-fda a -hda b -m 16 -boot c -snapshot -no-reboot"),
        "run --fda a --hda b --mem 16 --boot c --volatile --on-reset exit"
    );
    assert_eq!(
        rewritten("-e -fda --until-text -m x"),
        "run -e -fda --until-text -m x"
    );
    assert_eq!(rewritten("--debug-exit -fda a"), "run --debug-exit --fda a");
    assert_eq!(rewritten("-fda -hda"), "run --fda -hda");
    assert_eq!(rewritten("-- -fda"), "run -- -fda");
    assert_eq!(rewritten("--fda=-m -mm"), "run --fda=-m -mm");
}

#[test]
fn defaults_are_those_of_the_manual() {
    let args = run("");
    assert_eq!(
        (args.mem, args.timing, args.on_reset),
        (None, None, OnReset::Continue)
    );
    assert_eq!(args.debug_exit, None);
    assert_eq!(run("--debug-exit").debug_exit, Some(0xf4));
    assert_eq!(run("--debug-exit=501 a.img").debug_exit, Some(0x501));
    assert_eq!(run("--debug-exit a.img").images, [PathBuf::from("a.img")]);
}

#[test]
fn values_are_understood() {
    assert_eq!(run("--speed 33.5").speed, Some(Speed::Mips(33.5)));
    assert_eq!(run("--ips 50M").ips, Some(Ips::Fixed(50_000_000)));
    assert_eq!(
        run("--rtc 1994-04-01T12:30:59").rtc,
        Some(Rtc::At(DateTime::new(1994, 4, 1, 12, 30, 59).unwrap()))
    );
    assert_eq!(
        run("--serial file:a:b --serial tcp:localhost:4444").serial,
        [
            Serial::File("a:b".into()),
            Serial::Tcp {
                address: "localhost:4444".into(),
                listen: false
            }
        ]
    );
    assert_eq!(run("--sound wav:a:b").sound, Some(SoundTo::Wav("a:b".into())));
    let log = &run("--port-log 80,0xe9=x=y").port_log[0];
    assert_eq!(
        (log.ports.as_slice(), log.path.as_path()),
        (&[0x80, 0xe9][..], "x=y".as_ref())
    );
    let chs = run("--chs hdb=306/4/17").chs[0];
    assert_eq!(
        (chs.disk, chs.chs.cylinders, chs.chs.heads, chs.chs.sectors),
        (1, 306, 4, 17)
    );
}

#[test]
fn mistakes_are_one_line_that_names_them() {
    for (line, word) in [
        ("--frobnicate", "--frobnicate"),
        ("--overlay x --volatile", "--overlay"),
        ("--overlay x --record y", "--overlay"),
        ("--cpu 8086", "pentium"),
        ("--cpu p6,+sse", "+sse"),
        ("--mem 4G", "1M to 3G"),
        ("--chs hda=0/4/17", "cylinders"),
        ("--chs hda=1/17/63", "heads"),
        ("--chs hda=1/16/64", "sectors"),
        ("--chs hde=1/1/1", "hda"),
        ("--boot x", "letters"),
        ("--boot aa", "letters"),
        ("--display vnc", "vnc"),
        ("--display none --headless", "--headless"),
        ("--serial com1", "stdio"),
        ("--serial tcp:nowhere", "tcp:HOST:PORT"),
        ("--until-text (", "regular expression"),
        ("--rtc 2000-02-30T00:00:00", "YYYY"),
        ("--rtc 2000-01-01", "YYYY"),
        ("--sound loud", "wav:FILE"),
        ("--sound wav:", "wav:FILE"),
        ("--log loud", "loud"),
        ("--port-log 80", "FILE"),
        ("--debug-exit=xyz", "xyz"),
        ("--speed fast", "realtime"),
        ("--nic usb", "pci"),
        ("--nic isa,mac=1", "six bytes"),
        ("--fda", "--fda"),
        ("-cdrom", "--cdrom"),
        ("cpu", "list"),
    ] {
        let message = usage(line);
        assert!(message.contains(word), "{line}: {message}");
        assert!(!message.contains('\n'), "{line}: {message}");
    }
}
