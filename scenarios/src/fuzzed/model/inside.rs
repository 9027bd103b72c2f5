//! What only the inside sees, asked of the puppet: names, devices, what can be written and read, kernel parameters.

use std::fs;
use std::io;

use serde_json::Value;

use super::{Findings, items, lists, words};
use crate::fuzzed::puppet::{Answer, DATA, Puppet};

/// Numbers of system calls on x86_64.
const READ: u64 = 0;
const CLOSE: u64 = 3;
const UNAME: u64 = 63;
const GETCWD: u64 = 79;
const GETDENTS64: u64 = 217;
const CLOCK_GETTIME: u64 = 228;
const IOPRIO_GET: u64 = 252;
const OPENAT: u64 = 257;
const MKDIRAT: u64 = 258;
const NEWFSTATAT: u64 = 262;
const UNLINKAT: u64 = 263;

const AT_FDCWD: u64 = -100i64 as u64;
const AT_REMOVEDIR: u64 = 0x200;
const AT_SYMLINK_NOFOLLOW: u64 = 0x100;
const O_NONBLOCK: u64 = 0o4000;
/// errno(3)
const EISDIR: i64 = -21;
const EROFS: i64 = -30;

/// Where answers go: behind the longest path.
const SPACE: u64 = DATA + 512;
/// `sysname`, `nodename`, `release`, `version`, `machine`, `domainname` (uname(2)).
const NAME: usize = 65;

/// The default devices (config-linux.md) with their numbers (devices.txt), as `makedev` puts them together.
const DEVICES: [(&str, u64); 6] = [
    ("/dev/null", 0x103),
    ("/dev/zero", 0x105),
    ("/dev/full", 0x107),
    ("/dev/random", 0x108),
    ("/dev/urandom", 0x109),
    ("/dev/tty", 0x500),
];

/// Waits until the workload answers: from then on `/proc` shows it and not its launcher.
///
/// # Errors
/// When it does not.
pub fn greet(puppet: &mut Puppet) -> io::Result<()> {
    puppet.result(GETCWD, &[SPACE, 512], &[]).map(drop)
}

/// Asks everything. What the workload does not have, a difference to the config, is a line.
///
/// # Errors
/// When it does not answer.
pub fn ask(puppet: &mut Puppet, spec: &Value) -> io::Result<Vec<String>> {
    let mut findings = Findings::default();
    let asked = &mut Asked { puppet, findings: &mut findings };
    asked.names(spec)?;
    asked.root(spec)?;
    asked.readonly(spec)?;
    for path in words(&spec["linux"]["maskedPaths"]) {
        asked.masked(path)?;
    }
    asked.devices()?;
    asked.parameters(spec)?;
    asked.clock(spec)?;
    let priority = &spec["process"]["ioPriority"];
    if let Some(level) = priority["priority"].as_i64() {
        // ioprio_set(2): the class is above 13 bits of data.
        let class = if priority["class"] == "IOPRIO_CLASS_IDLE" { 3 } else { 2 };
        let got = asked.puppet.result(IOPRIO_GET, &[1, 0], &[])?;
        asked.findings.equal("io priority", class << 13 | level, got);
    }
    Ok(findings.lines())
}

struct Asked<'a> {
    puppet: &'a mut Puppet,
    findings: &'a mut Findings,
}

impl Asked<'_> {
    /// A call with a path, and what it has put into the space.
    fn path(&mut self, number: u64, path: &str, rest: &[u64], take: usize) -> io::Result<Answer> {
        let text = [path.as_bytes(), b"\0"].concat();
        let args: Vec<u64> = [AT_FDCWD, DATA].iter().chain(rest).copied().collect();
        let space = usize::try_from(SPACE - DATA).unwrap_or(0);
        let mut answer = self.puppet.call(number, &args, &text, if take > 0 { space + take } else { 0 })?;
        answer.data = answer.data.split_off(space.min(answer.data.len()));
        Ok(answer)
    }

    fn names(&mut self, spec: &Value) -> io::Result<()> {
        let space = usize::try_from(SPACE - DATA).unwrap_or(0);
        let data = self.puppet.call(UNAME, &[SPACE], &[], space + 6 * NAME)?.data;
        let name = |nth: usize| {
            let bytes = data.get(space + nth * NAME..).unwrap_or_default();
            String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
        };
        for (field, nth) in [("hostname", 1), ("domainname", 5)] {
            if let Some(asked) = spec[field].as_str() {
                self.findings.equal(field, asked, name(nth).as_str());
            }
        }
        Ok(())
    }

    /// Above the root is the root.
    fn root(&mut self, spec: &Value) -> io::Result<()> {
        let of = |answer: Answer| (answer.result, answer.data.get(..16).map(<[u8]>::to_vec));
        let root = of(self.path(NEWFSTATAT, "/", &[SPACE, 0], 144)?);
        let above = of(self.path(NEWFSTATAT, "/../..", &[SPACE, 0], 144)?);
        self.findings.equal("what is above the root", root, above);
        let cwd = self.puppet.call(GETCWD, &[DATA, 512], &[], 512)?.data;
        let cwd =
            String::from_utf8_lossy(cwd.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned();
        self.findings.equal("getcwd", spec["process"]["cwd"].as_str(), Some(cwd.as_str()));
        Ok(())
    }

    /// A directory can be made only where that is meant; who may not write there is told so after who cannot (EROFS comes first).
    fn readonly(&mut self, spec: &Value) -> io::Result<()> {
        let mut places = vec![("", spec["root"]["readonly"] == true)];
        for mount in items(&spec["mounts"]) {
            let target = mount["destination"].as_str().unwrap_or_default();
            let readonly = words(&mount["options"]).contains(&"ro");
            if readonly || mount["type"] == "tmpfs" || mount["type"] == "bind" {
                places.push((target, readonly));
            }
        }
        let listed = words(&spec["linux"]["readonlyPaths"]);
        for (target, readonly) in places.into_iter().chain(listed.iter().map(|path| (*path, true))) {
            let path = format!("{target}/made");
            let result = self.path(MKDIRAT, &path, &[0o700], 0)?.result;
            // A path that is listed may not exist, or have been covered.
            let agrees = if readonly {
                result == EROFS || result == -2
            } else {
                result != EROFS || listed.contains(&target)
            };
            let asked = if readonly { "EROFS" } else { "no EROFS" };
            self.findings.check(&format!("make {path}"), asked, result, agrees);
            if result == 0 {
                self.path(UNLINKAT, &path, &[AT_REMOVEDIR], 0)?;
            }
        }
        Ok(())
    }

    /// A file reads as empty, a directory has nothing in it (config-linux.md, "Masked Paths").
    fn masked(&mut self, path: &str) -> io::Result<()> {
        let opened = self.path(OPENAT, path, &[O_NONBLOCK], 0)?.result;
        let Ok(descriptor) = u64::try_from(opened) else { return Ok(()) };
        let mut read = self.puppet.result(READ, &[descriptor, SPACE, 1], &[])?;
        if read == EISDIR {
            // `.` and `..` take 24 bytes each (getdents(2)).
            read = (self.puppet.result(GETDENTS64, &[descriptor, SPACE, 2048], &[])? - 48).max(0);
        }
        self.puppet.result(CLOSE, &[descriptor], &[])?;
        self.findings.equal(&format!("bytes in masked {path}"), 0, read);
        Ok(())
    }

    fn devices(&mut self) -> io::Result<()> {
        for (path, number) in DEVICES {
            // `st_mode` is at 24, `st_rdev` at 40.
            let data = self.path(NEWFSTATAT, path, &[SPACE, AT_SYMLINK_NOFOLLOW], 144)?.data;
            let word =
                |at: usize| data.get(at..at + 8)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
            let kind = word(24).map(|mode| mode & 0o170_000);
            self.findings.equal(path, (Some(0o020_000), Some(number)), (kind, word(40)));
        }
        Ok(())
    }

    fn parameters(&mut self, spec: &Value) -> io::Result<()> {
        for (name, value) in spec["linux"]["sysctl"].as_object().into_iter().flatten() {
            let path = if name.contains('/') { name.clone() } else { name.replace('.', "/") };
            let opened = self.path(OPENAT, &format!("/proc/sys/{path}"), &[0], 0)?.result;
            let Ok(descriptor) = u64::try_from(opened) else {
                // Not everybody may read all of them.
                self.findings.check(name, "readable, or EACCES", opened, opened == -13);
                continue;
            };
            let read = self.puppet.call(READ, &[descriptor, DATA, 256], &[], 256)?;
            self.puppet.result(CLOSE, &[descriptor], &[])?;
            let length = usize::try_from(read.result).unwrap_or(0).min(read.data.len());
            let got = String::from_utf8_lossy(&read.data[..length]).into_owned();
            let asked: Vec<&str> = value.as_str().unwrap_or_default().split_whitespace().collect();
            self.findings.equal(name, asked, got.split_whitespace().collect());
        }
        Ok(())
    }

    /// The time since the boot, moved by what is asked for (time_namespaces(7)).
    fn clock(&mut self, spec: &Value) -> io::Result<()> {
        const CLOCK_BOOTTIME: u64 = 7;
        if !lists(spec, "time") {
            return Ok(());
        }
        let data = self.puppet.call(CLOCK_GETTIME, &[CLOCK_BOOTTIME, DATA], &[], 16)?.data;
        let got = data.first_chunk().map_or(i64::MIN, |bytes| i64::from_le_bytes(*bytes));
        let offset = spec["linux"]["timeOffsets"]["boottime"]["secs"].as_i64().unwrap_or(0);
        let asked = uptime()? as i64 + offset;
        self.findings.check(
            "boottime",
            &format!("about {asked}"),
            got,
            (asked - 12..=asked + 12).contains(&got),
        );
        Ok(())
    }
}

/// Seconds since the boot (proc_uptime(5)).
///
/// # Errors
/// When it cannot be read.
pub fn uptime() -> io::Result<f64> {
    let text = fs::read_to_string("/proc/uptime")?;
    Ok(text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0.0))
}
