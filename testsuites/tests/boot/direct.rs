//! Kernels that are booted without a disk.

use std::{fs, path::Path};

use libtest_mimic::Trial;

use crate::{Outcome, Test, expect, guests, program::Oldiron};

const DEBIAN: &str = "debian12-i386/vmlinuz-686";
const LINUX_24: &str = "boote-linux24/boote-linux-2.4.20.img";
const MEMTEST: &str = "memtest86plus/memtest86+6.10-ia32.bin";

/// What sums of the processor's work both Linux guests print, whatever the processor is.
pub const SUMS: [&str; 5] = [
    "GUEST-SHA: f6351f5ead9a700e34275480b3856ea738122a7c57bdeb744a631251c069587a",
    "GUEST-MD5: bbc668107462f9504a95151fe9f9b8e5",
    "GUEST-AWK: 1.227361279635",
    "GUEST-GZ: 23893",
    "GUEST-BC: 8fa988aabf2229c2b0f2affa66556ce8",
];

/// The tests of this file. The last takes minutes: `cargo xtask long` runs it.
pub fn trials() -> Vec<Trial> {
    let tests: [Test; 5] = [
        ("Debian's kernel and initramfs do their sums", DEBIAN, debian),
        (
            "Debian's kernel refuses a Pentium, for want of cmov",
            DEBIAN,
            no_cmov,
        ),
        ("memtest86+ tests without errors", MEMTEST, memtest),
        (
            "Linux 2.4's kernel and RAM disk, cut from their floppy, give a shell",
            LINUX_24,
            linux_24,
        ),
        (
            "memtest86+ passes all its tests once without errors",
            MEMTEST,
            memtest_pass,
        ),
    ];
    let last = tests.len() - 1;
    tests
        .into_iter()
        .enumerate()
        .map(|(n, (name, file, test))| {
            let kernel = guests().join(file);
            if !kernel.exists() {
                let name = format!("{name} (absent: {})", kernel.display());
                return Trial::test(name, || Ok(())).with_ignored_flag(true);
            }
            let ignored = cfg!(debug_assertions) || n == last;
            Trial::test(name, move || test(&kernel)).with_ignored_flag(ignored)
        })
        .collect()
}

fn kernel(kernel: &Path) -> Oldiron {
    Oldiron::new().args(&["--kernel", &kernel.display().to_string()])
}

fn debian(vmlinuz: &Path) -> Outcome {
    let initrd = vmlinuz.with_file_name("initramfs.gz");
    let ended = kernel(vmlinuz)
        .args(&["--initrd", &initrd.display().to_string()])
        .args(&["--append", "console=ttyS0 net.ifnames=0 nomods"])
        .args(&["--until-serial", "GUEST-DONE-OK"])
        .run();
    ended.succeeded()?;
    let serial = ended.serial();
    for sum in SUMS {
        expect(
            serial.contains(sum),
            &format!("not there: {sum}\n{serial}"),
            &ended,
        )?;
    }
    Ok(())
}

fn no_cmov(vmlinuz: &Path) -> Outcome {
    let ended = kernel(vmlinuz)
        .args(&[
            "--cpu",
            "pentium",
            "--until-text",
            "features not present on the CPU:\\s+cmov",
        ])
        .run();
    ended.succeeded().map(drop)
}

fn memtest(binary: &Path) -> Outcome {
    // A line of results for each test that is begun: the third of them follows two complete ones.
    let ended = kernel(binary)
        .args(&[
            "--mem",
            "32M",
            "--until-text",
            "Test #2",
            "--fail-text",
            "Errors: +[1-9]",
        ])
        .run();
    let text = ended.succeeded()?.text();
    for words in ["Memtest86+ v6.10", "Testing", "Errors: 0"] {
        expect(text.contains(words), &format!("not there: {words}"), &ended)?;
    }
    Ok(())
}

/// All tests over 8 MiB: 26 thousand million instructions.
fn memtest_pass(binary: &Path) -> Outcome {
    let binary = binary.display().to_string();
    let ended = Oldiron::with(&["--headless", "--timeout", "1800"])
        .args(&["--kernel", &binary, "--mem", "8M"])
        .args(&["--until-text", "Pass: +[1-9]", "--fail-text", "Errors: +[1-9]"])
        .run();
    let text = ended.succeeded()?.text();
    expect(text.contains("Errors: 0"), "not there: Errors: 0", &ended)
}

/// A kernel of boot protocol 2.03 with its initial RAM disk, which begins where the kernel's header says.
fn linux_24(floppy: &Path) -> Outcome {
    let bytes = fs::read(floppy)?;
    let ram_size = u16::from_le_bytes([bytes[0x1f8], bytes[0x1f9]]);
    let (kernel, initrd) = bytes.split_at(usize::from(ram_size & 0x7ff) << 10);
    let oldiron = Oldiron::new();
    let files = [("vmlinuz", kernel), ("initrd.gz", initrd)].map(|(name, bytes)| {
        let path = oldiron.path(name);
        fs::write(&path, bytes).map(|()| path.display().to_string())
    });
    let [kernel, initrd] = files;
    let ended = oldiron
        .args(&["--kernel", &kernel?, "--initrd", &initrd?])
        .args(&["--append", "root=/dev/ram0 rw ramdisk_start=0 ramdisk_size=17067"])
        .script(&[
            "wait text 'Please press Enter to activate this console' 20G",
            r#"type "\n""#,
            r"wait text '\[bootE Linux\]'",
            r#"type "cat /proc/cmdline\n""#,
            "wait text '^root=/dev/ram0 rw'",
            "quit 0",
        ])
        .run();
    ended.succeeded().map(drop)
}
