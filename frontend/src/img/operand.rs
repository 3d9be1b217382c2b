//! Places in images: `IMAGE:/PATH`, and `IMAGE:2/PATH` for the second partition.

use std::path::{Path, PathBuf};

/// A place in an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The image.
    pub image: PathBuf,
    /// The partition; none: the first with a FAT file system, or the whole image.
    pub partition: Option<usize>,
    /// Names on the way.
    pub path: Vec<String>,
    /// The text ended with a slash: a directory is meant.
    pub is_dir: bool,
}

impl Place {
    /// Reads `text`; none if it is a path of the host. A file that is there under the whole text is one.
    pub fn parse(text: &str) -> Option<Self> {
        if Path::new(text).exists() {
            return None;
        }
        text.match_indices(':').find_map(|(at, _)| {
            let (image, rest) = (&text[..at], &text[at + 1..]);
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (partition, path) = rest.split_at(digits);
            // Without a slash it is one only if there is such an image.
            let sure = path.starts_with('/') || path.is_empty() && Path::new(image).is_file();
            let partition = match partition {
                "" => None,
                number => Some(number.parse().ok()?),
            };
            (sure && image.len() > 1).then(|| Self {
                image: image.into(),
                partition,
                path: names(path),
                is_dir: path.is_empty() || path.ends_with('/'),
            })
        })
    }

    /// The root directory of an image.
    pub fn root(image: &str) -> Self {
        Self {
            image: image.into(),
            partition: None,
            path: Vec::new(),
            is_dir: true,
        }
    }

    /// What it is called in messages.
    pub fn show(&self) -> String {
        let partition = self.partition.map_or(String::new(), |number| number.to_string());
        format!("{}:{partition}/{}", self.image.display(), self.path.join("/"))
    }
}

fn names(path: &str) -> Vec<String> {
    let names = path.split(['/', '\\']);
    names
        .filter(|name| !name.is_empty() && *name != ".")
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_images_are_told_from_paths_of_the_host() {
        let place = |text| Place::parse(text).map(|place| place.show());
        assert_eq!(place("c.img:/DIR/A.TXT").as_deref(), Some("c.img:/DIR/A.TXT"));
        assert_eq!(place("c.img:/").as_deref(), Some("c.img:/"));
        assert_eq!(place("a:b.img:5/x/./y").as_deref(), Some("a:b.img:5/x/y"));
        assert_eq!(place("c.img:99999999999999999999/x"), None);
        for host in ["c.img", "dir/file", "C:/file", "c.img:", "a:b"] {
            assert_eq!(place(host), None, "{host}");
        }
        assert!(Place::parse("c.img:/DIR/").unwrap().is_dir);
    }
}
