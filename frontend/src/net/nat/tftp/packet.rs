//! The packets of TFTP (RFC 1350 section 5), and text as it is sent (netascii, RFC 764).

/// Operations: requests to read and to write, data, acknowledgement, error, acknowledgement of options.
pub const RRQ: u16 = 1;
pub const WRQ: u16 = 2;
pub const DATA: u16 = 3;
pub const ACK: u16 = 4;
pub const ERROR: u16 = 5;
pub const OACK: u16 = 6;

/// Error codes and their texts.
pub const NOT_FOUND: (u16, &str) = (1, "file not found");
pub const READ_ONLY: (u16, &str) = (2, "this server only reads");
pub const ILLEGAL: (u16, &str) = (4, "illegal TFTP operation");
pub const UNKNOWN: (u16, &str) = (5, "unknown transfer");

/// An ERROR packet.
pub fn error((code, text): (u16, &str)) -> Vec<u8> {
    let mut packet = [ERROR.to_be_bytes(), code.to_be_bytes()].concat();
    packet.extend(text.bytes());
    packet.push(0);
    packet
}

/// The strings of a request, each with a zero behind it.
pub fn strings(request: &[u8]) -> impl Iterator<Item = String> {
    let text = request.strip_suffix(&[0]).unwrap_or_default();
    text.split(|&byte| byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
}

/// Lines end in CR LF, and a CR by itself has a zero behind it.
pub fn netascii(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'\n' if at == 0 || bytes[at - 1] != b'\r' => text.extend(b"\r\n"),
            b'\r' if bytes.get(at + 1) != Some(&b'\n') => text.extend(b"\r\0"),
            byte => text.push(byte),
        }
    }
    text
}
