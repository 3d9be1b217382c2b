//! What the program takes of the host's memory: what the guest touches of its own, and 128 MiB at most.

use std::{fs, path::Path, process::Stdio, thread, time::Duration};

use libtest_mimic::Trial;

use crate::{Outcome, Test, expect, guests, program::Oldiron};

const DEBIAN: &str = "debian12-i386/vmlinuz-686";
/// Debian's kernel and the initramfs touch less than this, with 1 GiB.
const TOUCHED_MIB: u64 = 60;
const MOST_MIB: u64 = TOUCHED_MIB + 128;

/// The test of this file.
pub fn trials() -> Vec<Trial> {
    let (name, file, test): Test = (
        "a guest with 1 GiB takes what it touches of the host's memory",
        DEBIAN,
        lazy,
    );
    let kernel = guests().join(file);
    if !kernel.exists() {
        let name = format!("{name} (absent: {})", kernel.display());
        return vec![Trial::test(name, || Ok(())).with_ignored_flag(true)];
    }
    let ignored = cfg!(debug_assertions) || !cfg!(target_os = "linux");
    vec![Trial::test(name, move || test(&kernel)).with_ignored_flag(ignored)]
}

/// The most memory that a process had so far; `None` when it has ended.
fn peak_mib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib >> 10)
}

fn lazy(vmlinuz: &Path) -> Outcome {
    let initrd = vmlinuz.with_file_name("initramfs.gz");
    let oldiron = Oldiron::new()
        .args(&["--mem", "1G", "--kernel", &vmlinuz.display().to_string()])
        .args(&["--initrd", &initrd.display().to_string()])
        .args(&["--append", "console=ttyS0 net.ifnames=0 nomods"])
        .args(&["--until-serial", "GUEST-SHA"]);
    let mut command = oldiron.command();
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let pid = child.id();
    // Its peak never falls: the last look before the end is enough.
    let watch = thread::spawn(move || {
        let mut most = 0;
        while let Some(now) = peak_mib(pid) {
            most = now;
            thread::sleep(Duration::from_millis(10));
        }
        most
    });
    let output = child.wait_with_output()?;
    let most = watch.join().map_err(|_| "the watch failed")?;
    let ended = oldiron.ended(output);
    ended.succeeded()?;
    let what = format!("{most} MiB of the host's memory; {MOST_MIB} MiB are the most");
    expect((1..=MOST_MIB).contains(&most), &what, &ended)
}
