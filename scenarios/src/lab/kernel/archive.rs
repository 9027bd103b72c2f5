//! Debian's archive: the suites that have kernels, and apt's sources for them.

/// A suite.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Suite {
    /// Its codename.
    pub(super) name: &'static str,
    /// Which is preferred where several have a version: the least.
    pub(super) rank: u8,
    /// Whether there is a `-security` beside it, in an archive of its own.
    pub(super) security: bool,
}

const STABLE: u8 = 0;
const BACKPORTS: u8 = 1;
const TESTING: u8 = 2;
const UNSTABLE: u8 = 3;

/// The suites that are asked, oldest first.
pub(super) const SUITES: [Suite; 7] = [
    Suite { name: "bullseye", rank: STABLE, security: true },
    Suite { name: "bookworm", rank: STABLE, security: true },
    Suite { name: "bookworm-backports", rank: BACKPORTS, security: false },
    Suite { name: "trixie", rank: STABLE, security: true },
    Suite { name: "trixie-backports", rank: BACKPORTS, security: false },
    Suite { name: "forky", rank: TESTING, security: false },
    Suite { name: "sid", rank: UNSTABLE, security: false },
];

/// Where Debian's kernels are signed by, from the package debian-archive-keyring.
pub(super) const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Where the archive is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mirrors {
    main: String,
    security: String,
}

impl Default for Mirrors {
    fn default() -> Mirrors {
        Mirrors {
            main: "http://deb.debian.org/debian".into(),
            security: "http://deb.debian.org/debian-security".into(),
        }
    }
}

impl Mirrors {
    /// The machine's own, from what `apt-get --print-uris update` prints: apt has read its sources in all their forms, and
    /// needs neither network nor privileges for it. What is not there, or no Debian, is the default.
    pub(super) fn of(printed: &str) -> Mirrors {
        let mut mirrors = Mirrors::default();
        let (mut main, mut security) = (false, false);
        for line in printed.lines() {
            // 'http://deb.debian.org/debian/dists/bookworm/InRelease' deb.debian.org_… 0
            let Some(uri) = line.strip_prefix('\'').and_then(|line| line.split('\'').next()) else {
                continue;
            };
            let Some((base, suite)) =
                uri.strip_suffix("/InRelease").and_then(|uri| uri.rsplit_once("/dists/"))
            else {
                continue;
            };
            match suite.strip_suffix("-security") {
                Some(suite) if is_stable(suite) && !security => {
                    (mirrors.security, security) = (base.into(), true);
                }
                None if SUITES.iter().any(|known| known.name == suite) && !main => {
                    (mirrors.main, main) = (base.into(), true);
                }
                _ => {}
            }
        }
        mirrors
    }

    /// Apt's sources for all suites, as sources.list(5) has them.
    pub(super) fn sources(&self) -> String {
        let main: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
        let security: Vec<String> = SUITES
            .iter()
            .filter(|suite| suite.security)
            .map(|suite| format!("{}-security", suite.name))
            .collect();
        [(&self.main, main.join(" ")), (&self.security, security.join(" "))]
            .map(|(uri, suites)| {
                format!(
                    "Types: deb\nURIs: {uri}\nSuites: {suites}\nComponents: main\nArchitectures: amd64\n\
                     Targets: Packages\nSigned-By: {KEYRING}\n"
                )
            })
            .join("\n")
    }
}

/// The rank of a suite or of its `-security`; `None` for others.
pub(super) fn rank(suite: &str) -> Option<u8> {
    let name = suite.strip_suffix("-security").unwrap_or(suite);
    SUITES.iter().find(|known| known.name == name).map(|known| known.rank)
}

fn is_stable(suite: &str) -> bool {
    SUITES.iter().any(|known| known.name == suite && known.security)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_own_mirror_is_used() {
        let printed = "\
'https://download.example.org/linux/dists/bookworm-tools/InRelease' download.example.org_x_InRelease 0 
'http://ftp.example.org/debian/dists/bookworm/InRelease' ftp.example.org_debian_dists_bookworm_InRelease 0 
'http://ftp.example.org/debian/dists/bookworm/main/binary-amd64/Packages.xz' ftp.example.org_x_Packages 0 
'http://sec.example.org/dists/bookworm-security/InRelease' sec.example.org_dists_bookworm-security_InRelease 0 
";
        let mirrors = Mirrors::of(printed);
        assert_eq!(mirrors.main, "http://ftp.example.org/debian");
        assert_eq!(mirrors.security, "http://sec.example.org");
        let sources = mirrors.sources();
        assert!(
            sources.contains("URIs: http://ftp.example.org/debian\nSuites: bullseye bookworm "),
            "{sources}"
        );
        assert!(
            sources.contains("Suites: bullseye-security bookworm-security trixie-security\n"),
            "{sources}"
        );
        let ubuntu = "'http://archive.ubuntu.com/ubuntu/dists/noble-security/InRelease' x 0 \n";
        assert_eq!(Mirrors::of(ubuntu), Mirrors::default());
    }

    #[test]
    fn stable_comes_before_backports_before_unstable() {
        assert!(rank("trixie-security") == rank("bullseye") && rank("trixie") < rank("trixie-backports"));
        assert!(rank("trixie-backports") < rank("forky") && rank("forky") < rank("sid"));
        assert_eq!(rank("noble"), None);
    }
}
