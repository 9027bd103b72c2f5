//! What apt offers, and which of it is meant.
//!
//! Debian builds a kernel in several flavours. `cloud-amd64` is the one for virtual machines: small, quick to boot, its
//! drivers those of virtual machines; `amd64` is taken where there is no other.

use std::cmp::{Ordering, Reverse};

use super::{archive, version};

const FLAVOURS: [&str; 2] = ["cloud-amd64", "amd64"];

/// A version of a kernel package in a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    /// `linux-image-6.1.0-56-cloud-amd64`
    pub(super) package: String,
    /// `6.1.192-2`
    pub(super) version: String,
    /// `bookworm-security`
    pub(super) suite: String,
}

impl Offer {
    /// `6.1.0-56-cloud-amd64`, as `uname -r` says it.
    pub(super) fn release(&self) -> &str {
        self.package.trim_start_matches("linux-image-")
    }

    /// Which is preferred of two: better suites first, then newer versions.
    fn order(&self, other: &Offer) -> Ordering {
        let rank = |offer: &Offer| archive::rank(&offer.suite).unwrap_or(u8::MAX);
        rank(self).cmp(&rank(other)).then_with(|| version::compare(&other.version, &self.version))
    }
}

/// Everything that apt offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// Kernels, by flavour as in [`FLAVOURS`].
    kernels: [Vec<Offer>; 2],
    /// What a suite installs for a flavour: packages without contents, of the version of the kernel that they stand for.
    defaults: [Vec<Offer>; 2],
}

/// Whether `apt-cache madison` is to be asked for a package.
pub(super) fn is_wanted(package: &str) -> bool {
    kind(package).is_some()
}

/// A package's place in [`FLAVOURS`], and whether it is a kernel or what a suite installs.
fn kind(package: &str) -> Option<(usize, bool)> {
    let name = package.strip_prefix("linux-image-")?;
    if let Some(flavour) = FLAVOURS.iter().position(|flavour| *flavour == name) {
        return Some((flavour, false));
    }
    let (flavour, release) = FLAVOURS
        .iter()
        .enumerate()
        .find_map(|(at, flavour)| Some((at, name.strip_suffix(flavour)?.strip_suffix('-')?)))?;
    // `6.1` stands for another package; `rt` is another flavour.
    let numbers = release.split(['-', '+']).next()?;
    let is_release = numbers.split('.').count() == 3
        && numbers
            .split('.')
            .all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    (is_release && !release.ends_with("-rt")).then_some((flavour, true))
}

impl Listing {
    /// Reads what `apt-cache madison` prints: `package | version | URI suite/component architecture Packages`.
    pub(super) fn parse(printed: &str) -> Listing {
        let mut listing = Listing::default();
        for line in printed.lines() {
            let mut fields = line.split('|').map(str::trim);
            let (Some(package), Some(version), Some(source)) = (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            let suite = source.split_whitespace().nth(1).and_then(|place| place.split('/').next());
            let (Some((flavour, is_kernel)), Some(suite)) = (kind(package), suite) else { continue };
            let offer = Offer { package: package.into(), version: version.into(), suite: suite.into() };
            let list = if is_kernel { &mut listing.kernels } else { &mut listing.defaults };
            list[flavour].push(offer);
        }
        listing
    }

    /// The kernel that a version's beginning means.
    pub(super) fn version(&self, prefix: &str) -> Option<&Offer> {
        self.kernels.iter().find_map(|kernels| {
            kernels.iter().filter(|offer| version::begins(&offer.version, prefix)).min_by(|a, b| a.order(b))
        })
    }

    /// The kernel that a suite installs, with its security updates.
    pub(super) fn suite(&self, suite: &str) -> Option<&Offer> {
        let of_suite = |offer: &&Offer| {
            offer.suite.strip_prefix(suite).is_some_and(|rest| matches!(rest, "" | "-security"))
        };
        self.kernels.iter().zip(&self.defaults).find_map(|(kernels, defaults)| {
            let default = defaults.iter().filter(of_suite).min_by(|a, b| a.order(b))?;
            kernels.iter().filter(of_suite).find(|offer| offer.version == default.version)
        })
    }

    /// The kernels' own versions from that of `from` to that of `to`, ascending, each once.
    pub(super) fn between(&self, from: &Offer, to: &Offer) -> Vec<String> {
        let (from, to) = (version::upstream(&from.version), version::upstream(&to.version));
        let mut versions = self.upstream();
        versions.retain(|at| version::compare(at, from).is_ge() && version::compare(at, to).is_le());
        versions.into_iter().map(str::to_owned).collect()
    }

    /// The newest kernel of each series, such as `6.1.192`, ascending.
    pub(super) fn newest(&self) -> Vec<&str> {
        let series = |version: &str| version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
        let mut versions = self.upstream();
        versions.reverse();
        versions.dedup_by_key(|version| Reverse(series(version)));
        versions.reverse();
        versions
    }

    /// The kernels' own versions, ascending, each once.
    fn upstream(&self) -> Vec<&str> {
        let mut versions: Vec<&str> =
            self.kernels.iter().flatten().map(|offer| version::upstream(&offer.version)).collect();
        versions.sort_by(|a, b| version::compare(a, b));
        versions.dedup();
        versions
    }
}

/// The packages that a kernel is made of, from what `apt-cache show` prints of its image: since Debian 14 the image has no
/// contents but depends on others for the same release (`linux-binary-R`, `linux-modules-R`, `linux-base-R`).
pub(super) fn parts(shown: &str, offer: &Offer) -> Vec<String> {
    let mut parts = vec![offer.package.clone()];
    if let Some(depends) = shown.lines().find_map(|line| line.strip_prefix("Depends: ")) {
        let names = depends.split([',', '|']).filter_map(|part| part.split_whitespace().next());
        let suffix = format!("-{}", offer.release());
        parts.extend(names.filter(|name| name.ends_with(&suffix)).map(str::to_owned));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As apt-cache printed it, shortened.
    const MADISON: &str = "\
linux-image-5.10.0-46-cloud-amd64 | 5.10.262-1 | http://deb.debian.org/debian-security bullseye-security/main amd64 Packages
linux-image-6.1.0-0.deb11.52-cloud-amd64 | 6.1.180-1~deb11u1 | http://deb.debian.org/debian-security bullseye-security/main amd64 Packages
linux-image-6.1.0-50-cloud-amd64 |  6.1.176-1 | http://deb.debian.org/debian bookworm/main amd64 Packages
linux-image-6.1.0-56-cloud-amd64 |  6.1.192-2 | http://deb.debian.org/debian-security bookworm-security/main amd64 Packages
linux-image-6.1.0-56-amd64 |  6.1.192-2 | http://deb.debian.org/debian-security bookworm-security/main amd64 Packages
linux-image-6.12.95+deb12-cloud-amd64 | 6.12.95-1~bpo12+1 | http://deb.debian.org/debian bookworm-backports/main amd64 Packages
linux-image-6.12.107+deb13-cloud-amd64 | 6.12.107-1 | http://deb.debian.org/debian trixie/main amd64 Packages
linux-image-6.12.117+deb12-cloud-amd64 | 6.12.117-1~deb12u1 | http://deb.debian.org/debian-security bookworm-security/main amd64 Packages
linux-image-6.12.117+deb13-cloud-amd64 | 6.12.117-1 | http://deb.debian.org/debian-security trixie-security/main amd64 Packages
linux-image-6.12.119+deb12-cloud-amd64 | 6.12.119-1~bpo12+1 | http://deb.debian.org/debian bookworm-backports/main amd64 Packages
linux-image-7.2.12+deb13-cloud-amd64 | 7.2.12-1~bpo13+1 | http://deb.debian.org/debian trixie-backports/main amd64 Packages
linux-image-7.2.13+deb14-cloud-amd64 | 7.2.13-1 | http://deb.debian.org/debian sid/main amd64 Packages
linux-image-7.2.13+deb14-rt-amd64 | 7.2.13-1 | http://deb.debian.org/debian sid/main amd64 Packages
linux-image-7.4.1+deb14-amd64 | 7.4.1-1 | http://deb.debian.org/debian sid/main amd64 Packages
linux-image-6.1-cloud-amd64 | 6.1.180-1~deb11u1 | http://deb.debian.org/debian-security bullseye-security/main amd64 Packages
linux-image-cloud-amd64 |   7.2.13-1 | http://deb.debian.org/debian sid/main amd64 Packages
linux-image-cloud-amd64 | 6.12.117-1 | http://deb.debian.org/debian-security trixie-security/main amd64 Packages
linux-image-cloud-amd64 | 6.12.107-1 | http://deb.debian.org/debian trixie/main amd64 Packages
linux-image-cloud-amd64 | 5.10.262-1 | http://deb.debian.org/debian-security bullseye-security/main amd64 Packages
";

    #[test]
    fn a_version_means_the_newest_of_the_best_suite() {
        let listing = Listing::parse(MADISON);
        for (prefix, release) in [
            ("5.10", Some("5.10.0-46-cloud-amd64")),
            ("6.1", Some("6.1.0-56-cloud-amd64")),
            ("6.1.176", Some("6.1.0-50-cloud-amd64")),
            ("6.12", Some("6.12.117+deb13-cloud-amd64")),
            ("6.12.95", Some("6.12.95+deb12-cloud-amd64")),
            ("7.2", Some("7.2.12+deb13-cloud-amd64")),
            ("7.2.13", Some("7.2.13+deb14-cloud-amd64")),
            ("7.4", Some("7.4.1+deb14-amd64")),
            ("6.13", None),
            ("6.12.1", None),
        ] {
            assert_eq!(listing.version(prefix).map(Offer::release), release, "{prefix}");
        }
    }

    #[test]
    fn a_suite_means_what_it_installs() {
        let listing = Listing::parse(MADISON);
        let release = |suite| listing.suite(suite).map(Offer::release);
        // Its security archive has a newer kernel too, which is not its default.
        assert_eq!(release("bullseye"), Some("5.10.0-46-cloud-amd64"));
        assert_eq!(release("trixie"), Some("6.12.117+deb13-cloud-amd64"));
        assert_eq!(release("sid"), Some("7.2.13+deb14-cloud-amd64"));
        assert_eq!(release("trixie-backports"), None);
    }

    #[test]
    fn kernels_between_two_are_listed_once_ascending() {
        let listing = Listing::parse(MADISON);
        let (from, to) = (listing.version("6.1.176").unwrap(), listing.version("6.12").unwrap());
        let between = ["6.1.176", "6.1.180", "6.1.192", "6.12.95", "6.12.107", "6.12.117"];
        assert_eq!(listing.between(from, to), between);
        assert!(listing.between(to, from).is_empty());
        assert_eq!(listing.newest(), ["5.10.262", "6.1.192", "6.12.119", "7.2.13", "7.4.1"]);
    }

    #[test]
    fn a_split_kernel_has_parts() {
        let offer =
            |package: &str| Offer { package: package.into(), version: "1".into(), suite: "sid".into() };
        let shown = "Package: linux-image-7.2.13+deb14-cloud-amd64\nDepends: dracut | linux-initramfs-tool, \
            linux-base-7.2.13+deb14-cloud-amd64 (= 7.2.13-1), linux-binary-7.2.13+deb14-cloud-amd64 (= 7.2.13-1), \
            linux-modules-7.2.13+deb14-cloud-amd64 (= 7.2.13-1)\nBreaks: x\n";
        let split = ["image", "base", "binary", "modules"]
            .map(|part| format!("linux-{part}-7.2.13+deb14-cloud-amd64"));
        assert_eq!(parts(shown, &offer("linux-image-7.2.13+deb14-cloud-amd64")), split);
        let whole = "Depends: kmod, linux-base (>= 4.3~), initramfs-tools | linux-initramfs-tool\n";
        let image = "linux-image-6.1.0-56-cloud-amd64";
        assert_eq!(parts(whole, &offer(image)), [image]);
    }
}
