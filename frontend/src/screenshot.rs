//! Pictures of the screen as PNG files.

use std::{fs::File, io::BufWriter, path::Path};

use oldiron_platform::Frame;

use crate::outcome::Failure;

/// Writes `frame` to `path`. A graphics mode whose scan lines are shown twice is written that way.
pub fn write(path: &Path, frame: &Frame) -> Result<(), Failure> {
    encode(path, frame).map_err(|error| {
        Failure::host_io(format!(
            "{}: cannot write the screenshot: {error}",
            path.display()
        ))
    })
}

fn encode(path: &Path, frame: &Frame) -> Result<(), png::EncodingError> {
    let rows = if frame.double_rows {
        frame.height * 2
    } else {
        frame.height
    };
    // A PNG has at least one pixel; a machine that has not drawn yet has none.
    let (width, height) = (frame.width.max(1), rows.max(1));
    let mut bytes = Vec::with_capacity(width as usize * height as usize * 3);
    let stride = (frame.width as usize).max(1);
    for row in frame.pixels.chunks(stride) {
        for _ in 0..if frame.double_rows { 2 } else { 1 } {
            for &pixel in row {
                let [_, r, g, b] = pixel.to_be_bytes();
                bytes.extend([r, g, b]);
            }
        }
    }
    bytes.resize(width as usize * height as usize * 3, 0);
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&bytes)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_doubled_rows_survive_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        let frame = Frame {
            width: 2,
            height: 1,
            pixels: vec![0x00ff8000, 0x00000001],
            double_rows: true,
        };
        write(&path, &frame).unwrap();
        let decoder = png::Decoder::new(std::io::BufReader::new(File::open(&path).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!((info.width, info.height), (2, 2));
        assert_eq!(bytes, [255, 128, 0, 0, 0, 1, 255, 128, 0, 0, 0, 1]);
    }

    #[test]
    fn a_screen_that_was_never_drawn_is_one_black_dot() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        write(&path, &Frame::default()).unwrap();
        assert!(path.metadata().unwrap().len() > 0);
    }

    #[test]
    fn an_unwritable_file_is_a_host_io_failure_that_names_it() {
        let failure = write(Path::new("/nowhere/at/all.png"), &Frame::default()).unwrap_err();
        assert_eq!(failure.code, crate::outcome::code::HOST_IO);
        assert!(failure.message.contains("/nowhere/at/all.png"));
    }
}
