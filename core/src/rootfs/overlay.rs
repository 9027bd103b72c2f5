//! An overlay of layers as the root (`overlayfs.rst`).
//!
//! `mount(2)` takes the options in one page, `fsconfig(2)` strings of 255 bytes; neither holds the paths of hundreds of
//! layers. Where they do not fit, each layer is opened and the kernel is given the descriptors' numbers as paths, relative
//! to `/proc/self/fd`, which works on every kernel. The most layers are then the kernel's own 500; `mountinfo` shows the
//! numbers.

use std::ffi::CString;
use std::fmt;

use oci_spec::runtime::Mount as Spec;

use crate::config::Reader;
use crate::mount::Options;
use crate::planted::planted;

/// `OVL_MAX_STACK` of the kernel.
const MOST_LAYERS: usize = 500;
/// The kernel passes mount data in one page.
pub(crate) const LONGEST_DATA: usize = 4095;
/// A descriptor's number and a separator, as long as they get.
const LONGEST_NUMBER: usize = 6;

/// An overlay mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlay {
    /// `MS_NODEV` and the like.
    pub flags: u64,
    /// Its layers and options.
    pub data: Data,
}

/// What an overlay is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// `lowerdir=…,upperdir=…,workdir=…` and other options, as they are.
    Text(CString),
    /// More than fits.
    Directories {
        /// The lower layers, topmost first.
        lower: Vec<Layer>,
        /// `upperdir=` and `workdir=`, by name.
        upper: Vec<(CString, CString)>,
        /// The other options, each after a comma.
        rest: CString,
    },
}

/// A lower layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// A directory of the host.
    pub path: CString,
    /// Whether it gives data only, to files of the layers above (`::` before it).
    pub data_only: bool,
}

impl fmt::Display for Overlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.data {
            Data::Text(data) => f.write_str(&data.to_string_lossy()),
            Data::Directories { lower, upper, rest } => {
                let first = lower.first().map_or("".into(), |layer| layer.path.to_string_lossy());
                write!(f, "{} layers below {first}", lower.len())?;
                for (name, path) in upper {
                    write!(f, ",{}={}", name.to_string_lossy(), path.to_string_lossy())?;
                }
                f.write_str(&rest.to_string_lossy())
            }
        }
    }
}

/// Reads the entry at `/`. Its attributes apply to the root mount; the second value says whether it is read-only.
pub(super) fn read(reader: &mut Reader<'_>, index: usize, mount: &Spec) -> (Overlay, bool) {
    let at = format!("mounts[{index}].options");
    let listed = mount.options().as_deref().unwrap_or_default();
    let is_own = |option: &str| DIRECTORIES.iter().any(|name| is(option, name));
    let own: Vec<&String> = listed.iter().filter(|option| is_own(option)).collect();
    let rest = listed.iter().enumerate().filter(|(_, option)| !is_own(option));
    let options = Options::read(reader, &at, "overlay", rest);
    if options.bind.is_some() || options.remount || options.copy_up || options.idmap.is_some() {
        reader.refuse(at.as_str(), "bind, remount, idmap and tmpcopyup are nothing to an overlay");
    }
    if !options.recursive.is_empty() {
        reader.refuse(
            at.as_str(),
            "recursive attributes are nothing to an overlay: nothing is mounted below it yet",
        );
    }
    if !options.propagation.is_empty() {
        reader.refuse(at.as_str(), "propagation of the root is asked for by linux.rootfsPropagation");
    }
    if !own.iter().any(|option| is(option, "lowerdir")) {
        reader.refuse(at.as_str(), "has no lowerdir=");
    }
    let text = |(key, value): &(CString, Option<CString>)| match value {
        Some(value) => format!(",{}={}", key.to_string_lossy(), value.to_string_lossy()),
        None => format!(",{}", key.to_string_lossy()),
    };
    let rest: String = options.data.iter().map(text).collect();
    let whole = own.iter().map(|option| option.as_str()).collect::<Vec<_>>().join(",") + &rest;
    let data = match whole.len() {
        0..=LONGEST_DATA => Data::Text(reader.text(&at, whole)),
        _ => directories(reader, &at, &own, &rest),
    };
    let flags = options.flags() & !libc::MS_RDONLY;
    (Overlay { flags, data }, options.is_read_only())
}

const DIRECTORIES: [&str; 3] = ["lowerdir", "upperdir", "workdir"];

fn is(option: &str, name: &str) -> bool {
    option.strip_prefix(name).is_some_and(|rest| rest.starts_with('='))
}

fn directories(reader: &mut Reader<'_>, at: &str, own: &[&String], rest: &str) -> Data {
    let mut lower = Vec::new();
    let mut upper = Vec::new();
    for option in own {
        let Some((name, value)) = option.split_once('=') else { continue };
        if name == "lowerdir" {
            lower = layers(reader, at, value);
        } else {
            let path = if planted("upper-left-escaped") { value.to_owned() } else { unescape(value) };
            upper.push((reader.text(at, name), reader.text(at, path)));
        }
    }
    if lower.len() > MOST_LAYERS {
        reader.refuse(at, format!("has {} layers; the kernel stacks {MOST_LAYERS}", lower.len()));
    }
    let length = (lower.len() + upper.len() + 4) * LONGEST_NUMBER + 30 + rest.len();
    if length > LONGEST_DATA {
        reader.refuse(
            at,
            format!("has more than {LONGEST_DATA} bytes besides its layers, which the kernel takes"),
        );
    }
    Data::Directories { lower, upper, rest: reader.text(at, rest) }
}

/// Splits at colons that no backslash precedes; an empty part marks the next layer as data only.
fn layers(reader: &mut Reader<'_>, at: &str, list: &str) -> Vec<Layer> {
    let mut layers = Vec::new();
    let mut part = String::new();
    let mut data_only = false;
    let mut characters = list.chars();
    loop {
        match characters.next() {
            Some('\\') if !planted("escaped-colon-splits") => {
                part.extend(['\\'].into_iter().chain(characters.next()))
            }
            Some(other) if other != ':' => part.push(other),
            end => {
                if part.is_empty() {
                    data_only = true;
                } else {
                    let path = reader.text(at, unescape(&part));
                    layers.push(Layer { path, data_only: std::mem::take(&mut data_only) });
                    part.clear();
                }
                if end.is_none() {
                    return layers;
                }
            }
        }
    }
}

fn unescape(text: &str) -> String {
    let mut characters = text.chars();
    let mut plain = String::new();
    while let Some(character) = characters.next() {
        let meant = if character == '\\' { characters.next() } else { Some(character) };
        plain.extend(meant.filter(|meant| *meant == '\\' && planted("escaped-backslash-doubled")));
        plain.extend(meant);
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::oci;

    fn overlay(options: &[&str]) -> Result<crate::rootfs::Root, String> {
        let config = serde_json::json!({
            "ociVersion": "1.0.0",
            "process": {"user": {"uid": 0, "gid": 0}, "args": ["/x"], "cwd": "/"},
            "root": {"path": "rootfs"},
            "mounts": [{"destination": "/", "type": "overlay", "options": options}],
            "linux": {"namespaces": [{"type": "mount"}]},
        });
        let spec = oci::parse(config.to_string().as_bytes()).unwrap();
        crate::config::Config::new(&spec, Path::new("/bundle"), "c")
            .map(|config| config.root)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn options_that_fit_are_passed_as_they_are_and_attributes_apart() {
        let root = overlay(&[
            "lowerdir=/a:/b",
            "upperdir=/u",
            "workdir=/w",
            "nodev",
            "metacopy=on",
            "volatile",
            "ro",
        ]);
        let root = root.unwrap();
        let overlay = root.overlay.unwrap();
        let data = c"lowerdir=/a:/b,upperdir=/u,workdir=/w,metacopy=on,volatile".to_owned();
        assert_eq!(overlay, Overlay { flags: libc::MS_NODEV, data: Data::Text(data) });
        assert!(root.readonly);
    }

    #[test]
    fn layers_that_do_not_fit_are_split_and_unescaped() {
        let long = "x".repeat(200);
        let list: Vec<String> = (0..300).map(|nth| format!(r"/{long}/{nth}\:\\")).collect();
        let lower = format!("lowerdir={}::/data", list.join(":"));
        let overlay =
            overlay(&[&lower, r"upperdir=/u\:p", "workdir=/w", "index=off"]).unwrap().overlay.unwrap();
        let Data::Directories { lower, upper, rest } = overlay.data else { panic!("one text") };
        assert_eq!(lower.len(), 301);
        assert_eq!(lower[299].path.to_str().unwrap(), format!(r"/{long}/299:\"));
        assert!(!lower[299].data_only && lower[300].data_only);
        assert_eq!(upper[0].1.as_c_str(), c"/u:p");
        assert_eq!(rest.as_c_str(), c",index=off");
    }

    #[test]
    fn more_layers_than_the_kernel_stacks_are_refused() {
        let list = vec!["/layer/of/some/length"; 501].join(":");
        let refused = overlay(&[&format!("lowerdir={list}")]).unwrap_err();
        assert!(refused.contains("mounts[0].options: has 501 layers; the kernel stacks 500"), "{refused}");
    }
}
