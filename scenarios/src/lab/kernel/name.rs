//! How a kernel is asked for.

use std::path::PathBuf;

use super::archive;

/// How a kernel is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    /// `6.1` or `6.12.107`: Debian's newest kernel whose version begins so.
    Version(String),
    /// `debian:bookworm`: the kernel that a suite installs.
    Suite(String),
    /// A package file.
    Deb(PathBuf),
    /// The running kernel.
    Host,
    /// An image file.
    Image(PathBuf),
}

impl Name {
    /// Reads a name. What has no other meaning is an image file, which need not exist: `./6.1` is a file, `6.1` is not.
    pub(super) fn parse(text: &str) -> Result<Name, String> {
        if text.is_empty() {
            return Err("it is empty".into());
        }
        if text == "host" {
            return Ok(Name::Host);
        }
        if let Some(suite) = text.strip_prefix("debian:") {
            return match archive::SUITES.iter().find(|known| known.name == suite) {
                Some(_) => Ok(Name::Suite(suite.to_owned())),
                None => {
                    let known: Vec<&str> = archive::SUITES.iter().map(|suite| suite.name).collect();
                    Err(format!("the suites are {}", known.join(", ")))
                }
            };
        }
        if text.ends_with(".deb") {
            return Ok(Name::Deb(text.into()));
        }
        if text
            .split('.')
            .all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        {
            return Ok(Name::Version(text.to_owned()));
        }
        Ok(Name::Image(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_told_apart() {
        let version = |text: &str| Name::Version(text.to_owned());
        for (text, name) in [
            ("6.1", version("6.1")),
            ("6.12.107", version("6.12.107")),
            ("7", version("7")),
            ("debian:bookworm", Name::Suite("bookworm".into())),
            ("debian:trixie-backports", Name::Suite("trixie-backports".into())),
            ("linux-image_1_amd64.deb", Name::Deb("linux-image_1_amd64.deb".into())),
            ("host", Name::Host),
            ("./6.1", Name::Image("./6.1".into())),
            ("arch/x86/boot/bzImage", Name::Image("arch/x86/boot/bzImage".into())),
            ("6.", Name::Image("6.".into())),
            ("v6.1", Name::Image("v6.1".into())),
        ] {
            assert_eq!(Name::parse(text), Ok(name));
        }
    }

    #[test]
    fn an_unknown_suite_is_refused_with_the_known_ones() {
        assert!(Name::parse("debian:bookwurm").unwrap_err().contains("bookworm, bookworm-backports"));
        assert!(Name::parse("").is_err());
    }
}
