//! What the window's first library can, and minifb cannot: keys by their place, and the whole screen.

use std::{fs, path::Path, process::Stdio};

use super::{
    Outcome,
    desktop::{Desktop, Running, finish, installed, wait_for},
    expect,
    picture::Picture,
    program::{Ended, Oldiron},
    video::{area_of, picture_in},
};

/// A boot sector that writes each byte of the keyboard (scan code set 1) to the screen in hexadecimal:
/// ```text
///         cli
/// next:   in al, 64h
///         test al, 1
///         jz next
///         in al, 60h
///         push ax
///         shr al, 4
///         call digit
///         pop ax
///         call digit
///         mov ax, 0e20h
///         int 10h
///         jmp next
/// digit:  and al, 0fh
///         add al, 90h
///         daa
///         adc al, 40h
///         daa
///         mov ah, 0eh
///         mov bx, 7
///         int 10h
///         ret
/// ```
const SCAN_CODES: [u8; 43] = [
    0xfa, 0xe4, 0x64, 0xa8, 0x01, 0x74, 0xfa, 0xe4, 0x60, 0x50, 0xc0, 0xe8, 0x04, 0xe8, 0x0b, 0x00, 0x58,
    0xe8, 0x07, 0x00, 0xb8, 0x20, 0x0e, 0xcd, 0x10, 0xeb, 0xe6, 0x24, 0x0f, 0x04, 0x90, 0x27, 0x14, 0x40,
    0x27, 0xb4, 0x0e, 0xbb, 0x07, 0x00, 0xcd, 0x10, 0xc3,
];

/// Layouts, what their keys are called there, and the scan codes of the key in the same place of a PC.
const KEYS: [(&str, &[(&str, &str)]); 3] = [
    (
        "de",
        &[
            ("y", "2C AC"),
            ("z", "15 95"),
            ("udiaeresis", "1A 9A"),
            ("ssharp", "0C 8C"),
            ("numbersign", "2B AB"),
            // The 102nd key, and AltGr by its number.
            ("less", "56 D6"),
            ("108", "E0 38 E0 B8"),
        ],
    ),
    (
        "fr",
        &[
            ("a", "10 90"),
            ("q", "1E 9E"),
            ("m", "27 A7"),
            ("w", "2C AC"),
            ("eacute", "03 83"),
            ("comma", "32 B2"),
        ],
    ),
    (
        "us",
        &[
            // Control, Alt and Super on the right go by their numbers: xdotool would press those on the left, too.
            ("KP_Home", "47 C7"),
            ("KP_Enter", "E0 1C E0 9C"),
            ("KP_Divide", "E0 35 E0 B5"),
            ("KP_Add", "4E CE"),
            ("Home", "E0 47 E0 C7"),
            ("Control_L", "1D 9D"),
            ("105", "E0 1D E0 9D"),
            ("108", "E0 38 E0 B8"),
            ("Super_L", "E0 5B E0 DB"),
            ("134", "E0 5C E0 DC"),
            ("Menu", "E0 5D E0 DD"),
            ("Pause", "E1 1D 45 E1 9D C5"),
            ("Print", "E0 2A E0 37 E0 B7 E0 AA"),
            ("Scroll_Lock", "46 C6"),
            ("F12", "58 D8"),
        ],
    ),
];

/// Whatever the host's layout, the guest gets the key in the same place.
pub fn keys_by_their_place(_: &Path) -> Outcome {
    if !["Xvfb", "xdotool", "setxkbmap"]
        .iter()
        .all(|program| installed(program))
    {
        return Ok(());
    }
    let desktop = Desktop::start()?;
    let oldiron = Oldiron::with(&["--display", "window", "--timeout", "120", "--ips", "50M"]);
    let image = oldiron.path("codes.img");
    let mut floppy = SCAN_CODES.to_vec();
    floppy.resize(510, 0);
    floppy.extend([0x55, 0xaa]);
    floppy.resize(1440 << 10, 0);
    fs::write(&image, floppy).unwrap();
    let ready = oldiron.path("ready.png");
    let codes = KEYS
        .iter()
        .flat_map(|(_, keys)| keys.iter().map(|(_, codes)| *codes));
    let expected = codes.collect::<String>().replace(' ', "");
    // Lines end anywhere.
    let digits: Vec<_> = expected.chars().map(String::from).collect();
    let wait = format!("wait text '{}' 90s", digits.join(r"\s*"));
    let screenshot = format!("screenshot '{}'", ready.display());
    let oldiron = oldiron
        .volatile(&image)
        .script(&["wait 3s", &screenshot, &wait, "quit 0"]);
    let mut child = desktop.run(&oldiron);
    wait_for(|| ready.exists() || !matches!(child.0.try_wait(), Ok(None)));
    desktop.focus()?;
    for (layout, keys) in KEYS {
        let set = desktop.command("setxkbmap").arg(layout).status();
        expect_ready(set.is_ok_and(|status| status.success()), "setxkbmap failed")?;
        for (key, _) in keys {
            desktop.xdotool(&["key", key]);
        }
    }
    let ended = finish(child, oldiron);
    expect(
        ended.text().replace([' ', '\n'], "").contains(&expected),
        &format!("the keyboard did not say {expected}"),
        &ended,
    )?;
    ended.succeeded().map(drop)
}

fn expect_ready(is: bool, otherwise: &str) -> Outcome {
    match is {
        true => Ok(()),
        false => Err(otherwise.into()),
    }
}

/// Across the text screen.
const DOTS: usize = 720;
/// Of 255: rows of text are high in contrast, and not where the fields that are compared begin.
const TEXT_TOLERANCE: u32 = 16;

/// The menu's W takes the whole screen, where the picture is larger, and gives it back.
pub fn whole_screen(image: &Path) -> Outcome {
    if !["Xvfb", "xdotool", "openbox"]
        .iter()
        .all(|program| installed(program))
    {
        return Ok(());
    }
    let desktop = Desktop::start()?;
    let manager = desktop
        .command("openbox")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _manager = Running(manager.unwrap());
    let manages = || desktop.xdotool(&["get_desktop"]).status.success();
    expect_ready(wait_for(manages), "openbox does not start")?;
    let oldiron = Oldiron::with(&["--display", "window", "--timeout", "120", "--ips", "50M"]);
    let shot = oldiron.path("shot.png");
    let screenshot = format!("screenshot '{}'", shot.display());
    let oldiron = oldiron.volatile(image).script(&[
        r"wait text '^A:\\>$'",
        "wait 0.5s",
        &screenshot,
        r"wait text '^A:\\>rem and back'",
        "quit 0",
    ]);
    let mut child = desktop.run(&oldiron);
    wait_for(|| shot.exists() || !matches!(child.0.try_wait(), Ok(None)));
    let window = desktop.focus()?;
    let area = || area_of(&desktop, &window);
    let small = area()?;
    let menu = || {
        desktop.xdotool(&["key", "F11"]);
        desktop.xdotool(&["key", "w"]);
    };
    menu();
    let grew = wait_for(|| area().is_ok_and(|area| (area.width, area.height) == (1280, 1024)));
    let mut difference = 0;
    let alike = wait_for(|| {
        let Ok(whole) = area() else { return false };
        let there = picture_in(whole, DOTS);
        difference = Picture::read(&shot).map_or(u32::MAX, |shot| {
            shot.difference(shot.whole(), &desktop.screen(), there)
        });
        difference <= TEXT_TOLERANCE
    });
    menu();
    let shrank =
        wait_for(|| area().is_ok_and(|area| (area.width, area.height) == (small.width, small.height)));
    desktop.xdotool(&["type", "rem and back"]);
    let ended = finish(child, oldiron);
    let check = |holds, what: &str| expect(holds, what, &ended);
    check(grew, "F11 W did not take the whole screen")?;
    let differs = format!("the whole screen differs from the picture by {difference}");
    check(alike, &differs)?;
    check(shrank, "F11 W did not give the screen back")?;
    Ended::succeeded(&ended).map(drop)
}
