//! The server with a client that reads as RFC 1350 says, and one that does not.

use super::*;

const CLIENT: SocketAddrV4 = SocketAddrV4::new(super::super::addresses::GUEST, 2000);

fn request(code: u8, words: &[&str]) -> Vec<u8> {
    let words = words.iter().flat_map(|word| word.bytes().chain([0]));
    [0, code].into_iter().chain(words).collect()
}

fn ack(block: u16) -> Vec<u8> {
    [[0, 4], block.to_be_bytes()].concat()
}

fn server(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Tftp) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("pub")).unwrap();
    for (name, bytes) in files {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    let tftp = Tftp::new(&dir.path().join("pub")).unwrap();
    (dir, tftp)
}

/// Reads a whole file as a client does.
fn read(tftp: &mut Tftp, words: &[&str]) -> Result<Vec<u8>, Vec<u8>> {
    let now = Instant::from_secs(1);
    let mut reply = tftp.take(CLIENT, PORT, &request(1, words), now).unwrap();
    let (mut file, mut size, mut expected) = (Vec::new(), BLOCK, 1u16);
    loop {
        let port = reply.from.port();
        let block = match reply.data[1] {
            3 => {
                assert_eq!(reply.data[2..4], expected.to_be_bytes());
                file.extend(&reply.data[4..]);
                if reply.data.len() - 4 < size {
                    assert!(tftp.take(CLIENT, port, &ack(expected), now).is_none());
                    assert!(!tftp.owns(port));
                    return Ok(file);
                }
                expected = expected.wrapping_add(1);
                expected.wrapping_sub(1)
            }
            6 => {
                size = words[3].parse::<usize>().unwrap().min(MOST_BLOCK);
                0
            }
            _ => return Err(reply.data[2..].to_vec()),
        };
        reply = tftp.take(CLIENT, port, &ack(block), now).unwrap();
    }
}

#[test]
fn files_are_read_in_blocks_of_any_size() {
    let long: Vec<u8> = (0..1_000_000u32).flat_map(|n| n.to_le_bytes()).collect();
    let (_dir, mut tftp) = server(&[("pub/a", &[7; 1024]), ("pub/b", b""), ("pub/long", &long)]);
    assert_eq!(read(&mut tftp, &["a", "octet"]), Ok(vec![7; 1024]));
    assert_eq!(read(&mut tftp, &["/b", "OCTET"]), Ok(vec![]));
    assert_eq!(
        read(&mut tftp, &["long", "octet", "blksize", "1428"]).as_ref(),
        Ok(&long)
    );
    // The block number goes round past 65535.
    assert_eq!(
        read(&mut tftp, &["long", "octet", "blksize", "32"]).as_ref(),
        Ok(&long)
    );
}

#[test]
fn text_is_converted_for_netascii() {
    let (_dir, mut tftp) = server(&[("pub/t", b"a\nb\r\nc\rd")]);
    assert_eq!(
        read(&mut tftp, &["t", "netascii"]),
        Ok(b"a\r\nb\r\nc\r\0d".to_vec())
    );
}

#[test]
fn nothing_outside_the_directory_is_there() {
    let (dir, mut tftp) = server(&[("secret", b"x"), ("pub/file", b"y")]);
    #[cfg(unix)]
    std::os::unix::fs::symlink(dir.path().join("secret"), dir.path().join("pub/link")).unwrap();
    let absolute = dir.path().join("secret").display().to_string();
    for name in [
        "../secret",
        "..\\secret",
        "pub/../../secret",
        "link",
        ".",
        "",
        &absolute,
        "none",
    ] {
        let error = read(&mut tftp, &[name, "octet"]).unwrap_err();
        assert_eq!(error[..2], [0, 1], "{name}");
    }
    let write = tftp.take(CLIENT, PORT, &request(2, &["file", "octet"]), Instant::ZERO);
    assert_eq!(write.unwrap().data[..4], [0, 5, 0, 2]);
    assert_eq!(read(&mut tftp, &["file", "mail"]).unwrap_err()[..2], [0, 4]);
}

#[test]
fn what_is_not_answered_is_sent_again_and_then_given_up() {
    let (_dir, mut tftp) = server(&[("pub/a", &[7; 1024])]);
    let first = tftp
        .take(CLIENT, PORT, &request(1, &["a", "octet"]), Instant::ZERO)
        .unwrap();
    assert!(tftp.poll(Instant::from_millis(900)).is_empty());
    for second in 1..=8 {
        let again = tftp.poll(Instant::from_secs(second));
        assert_eq!(again[0].data, first.data);
    }
    assert!(tftp.poll(Instant::from_secs(20)).is_empty());
    assert!(!tftp.owns(first.from.port()));
}

#[test]
fn many_transfers_and_nonsense_are_bounded() {
    let (_dir, mut tftp) = server(&[("pub/a", &[7; 1024])]);
    for n in 0..200u16 {
        let client = SocketAddrV4::new(*CLIENT.ip(), n);
        tftp.take(client, PORT, &request(1, &["a", "octet"]), Instant::ZERO);
        for junk in [&[][..], &[0], &[0, 4], &[0, 1], &[0, 1, 0], &[9; 50], &[0, 5]] {
            tftp.take(client, PORT, junk, Instant::ZERO);
            tftp.take(client, FIRST_PORT + n, junk, Instant::ZERO);
        }
    }
    assert!(tftp.transfers.len() <= MOST_TRANSFERS);
}
