//! The ACPI tables as a guest finds them: from the root pointer on, with right sums, and such that `iasl`, the compiler of
//! ACPICA, takes them apart and puts them together again without an error. It also compiles the source of the DSDT.
//!
//! Where there is no `iasl` these tests are listed as ignored; with `CI=true` they fail.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{fs, path::Path, process::Command};

use libtest_mimic::{Arguments, Failed, Trial};
use oldiron_platform::{Machine, MachineBuilder};

/// Of every table but the FACS.
const HEADER_BYTES: usize = 36;
const RSDP_BYTES: usize = 20;
const DSDT_SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../bios/rom/acpi/dsdt.asl");

fn main() {
    let arguments = Arguments::from_args();
    let there = Command::new("iasl").arg("-v").output().is_ok();
    let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    let with_iasl = |name: &str, test: fn() -> Result<(), Failed>| {
        let name = match there {
            true => name.to_owned(),
            false => format!("{name} (absent: iasl, of the package acpica-tools)"),
        };
        Trial::test(name, test).with_ignored_flag(!there && !ci)
    };
    let trials = vec![
        Trial::test("the root pointer leads to tables with right sums", sums_are_right),
        Trial::test("a machine without PCI has no tables", without_pci),
        with_iasl("iasl takes every table apart and together again", round_trips),
        with_iasl("the DSDT is what iasl makes of its source", dsdt_is_its_source),
    ];
    libtest_mimic::run(&arguments, trials).exit();
}

/// A machine that has been through POST.
fn machine(isa: bool) -> Machine {
    let mut machine = MachineBuilder::new().memory_mib(16).isa(isa).build().unwrap();
    for slice in 1..100 {
        machine.run_until(slice * 1_000_000);
        if machine.text_screen().contains("F12: boot menu") {
            break;
        }
    }
    machine
}

fn bytes(machine: &Machine, at: u32, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    machine.read_memory(at, &mut bytes);
    bytes
}

fn dword(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, &byte| sum.wrapping_add(byte))
}

/// The root pointer: in the first KiB of the extended BIOS data area, or from E0000h on (ACPI 1.0b §5.2.4.1).
fn root_pointer(machine: &Machine) -> Option<Vec<u8>> {
    let segment = bytes(machine, 0x40e, 2);
    let ebda = u32::from(u16::from_le_bytes([segment[0], segment[1]])) << 4;
    let places = (ebda..ebda + 0x400).chain(0xe_0000..0x10_0000).step_by(16);
    places
        .map(|at| bytes(machine, at, RSDP_BYTES))
        .find(|bytes| bytes.starts_with(b"RSD PTR ") && sum(bytes) == 0)
}

/// A table, whole.
fn table(machine: &Machine, at: u32) -> Vec<u8> {
    let header = bytes(machine, at, 8);
    bytes(machine, at, dword(&header, 4) as usize)
}

fn signature(table: &[u8]) -> String {
    String::from_utf8_lossy(&table[..4]).into_owned()
}

/// All tables that the root pointer leads to.
fn tables(machine: &Machine) -> Result<Vec<Vec<u8>>, Failed> {
    let root = root_pointer(machine).ok_or("no root pointer")?;
    let rsdt = table(machine, dword(&root, 16));
    let entries = rsdt[HEADER_BYTES..].as_chunks().0;
    let mut tables: Vec<_> = entries
        .iter()
        .map(|&at| table(machine, u32::from_le_bytes(at)))
        .collect();
    let fadt = tables.iter().find(|table| signature(table) == "FACP");
    let fadt = fadt.ok_or("no FADT")?.clone();
    tables.extend([36, 40].map(|field| table(machine, dword(&fadt, field))));
    tables.push(rsdt);
    Ok(tables)
}

fn sums_are_right() -> Result<(), Failed> {
    let tables = tables(&machine(false))?;
    let mut signatures: Vec<_> = tables.iter().map(|table| signature(table)).collect();
    for table in tables.iter().filter(|table| signature(table) != "FACS") {
        if table.len() < HEADER_BYTES || sum(table) != 0 {
            return Err(format!("{}: {} bytes, sum {}", signature(table), table.len(), sum(table)).into());
        }
    }
    signatures.retain(|name| ["DSDT", "FACP", "FACS", "RSDT"].contains(&name.as_str()));
    signatures.sort();
    match signatures == ["DSDT", "FACP", "FACS", "RSDT"] {
        true => Ok(()),
        false => Err(format!("tables: {signatures:?}").into()),
    }
}

fn without_pci() -> Result<(), Failed> {
    match root_pointer(&machine(true)) {
        None => Ok(()),
        Some(_) => Err("there is a root pointer".into()),
    }
}

/// Runs `iasl` in a directory. What it says, if it found nothing wrong.
fn iasl(dir: &Path, arguments: &[&str]) -> Result<String, Failed> {
    let output = Command::new("iasl").args(arguments).current_dir(dir).output()?;
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let wrong = said.lines().any(|line| line.starts_with("Error"));
    match output.status.success() && !wrong {
        true => Ok(said),
        false => Err(format!("iasl {}: {}\n{said}", arguments.join(" "), output.status).into()),
    }
}

fn round_trips() -> Result<(), Failed> {
    for table in tables(&machine(false))? {
        let name = signature(&table).to_lowercase();
        let dir = tempfile::tempdir()?;
        let (binary, source) = (format!("{name}.dat"), format!("{name}.dsl"));
        fs::write(dir.path().join(&binary), &table)?;
        iasl(dir.path(), &["-d", &binary])?;
        let said = iasl(dir.path(), &["-p", "again", &source])?;
        if !said.contains(" 0 Errors") {
            return Err(format!("{name}:\n{said}").into());
        }
    }
    Ok(())
}

fn dsdt_is_its_source() -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let said = iasl(dir.path(), &["-p", "dsdt", DSDT_SOURCE])?;
    if !said.contains(" 0 Errors, 0 Warnings") {
        return Err(said.into());
    }
    let compiled = fs::read(dir.path().join("dsdt.aml"))?;
    let tables = tables(&machine(false))?;
    let dsdt = tables.iter().find(|table| signature(table) == "DSDT");
    let dsdt = dsdt.ok_or("no DSDT")?;
    // The header names the version of the compiler.
    match compiled[HEADER_BYTES..] == dsdt[HEADER_BYTES..] {
        true => Ok(()),
        false => Err("dsdt.aml is not what its source says; build it anew".into()),
    }
}
