//! What the probe tells from inside, read from outside: for a workload that is no probe. The privilege to enter the container's
//! uts namespace is needed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;

use isolab_core::sys::namespace;
use serde_json::{Map, Value, json};

/// `linux/sched.h`
const CLONE_NEWUTS: u64 = 0x0400_0000;

pub(super) fn of(pid: i32) -> io::Result<BTreeMap<String, Value>> {
    let base = PathBuf::from(format!("/proc/{pid}"));
    let (hostname, domainname) = names(&base.join("ns/uts"))?;
    Ok([
        ("environ", environ(&base.join("environ"))?),
        ("devices", devices(&base.join("root/dev"))?),
        ("hostname", json!(format!("{hostname} {domainname}"))),
        ("interfaces", interfaces(&base.join("net/dev"))?),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into())
}

fn environ(file: &Path) -> io::Result<Value> {
    let bytes = fs::read(file)?;
    let text = String::from_utf8_lossy(&bytes);
    let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
    Ok(Value::Object(pairs.map(|(name, value)| (name.to_owned(), json!(value))).collect::<Map<_, _>>()))
}

/// Nodes with their numbers and permissions, links with their targets.
fn devices(directory: &Path) -> io::Result<Value> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let (name, meta) = (entry.file_name().to_string_lossy().into_owned(), entry.metadata()?);
        let (mode, device) = (meta.mode(), meta.rdev());
        all.push(match mode & 0o170_000 {
            0o020_000 => format!("{name}({}:{},{:o})", device >> 8, device & 0xff, mode & 0o7777),
            0o120_000 => format!("{name}->{}", fs::read_link(entry.path())?.display()),
            _ => name,
        });
    }
    all.sort();
    Ok(json!(all))
}

fn interfaces(file: &Path) -> io::Result<Value> {
    let text = fs::read_to_string(file)?;
    let mut names: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once(':')?.0.trim())).collect();
    names.sort_unstable();
    Ok(json!(names))
}

/// Host and domain name: those of a thread that has entered the namespace.
fn names(file: &Path) -> io::Result<(String, String)> {
    let file = File::open(file)?;
    let read = || {
        namespace::setns(file.as_fd(), CLONE_NEWUTS)
            .map_err(|errno| io::Error::from_raw_os_error(errno.into_raw()))?;
        let name = |name: &str| {
            fs::read_to_string(format!("/proc/sys/kernel/{name}")).map(|text| text.trim_end().to_owned())
        };
        Ok((name("hostname")?, name("domainname")?))
    };
    thread::scope(|scope| scope.spawn(read).join())
        .unwrap_or_else(|_| Err(io::Error::other("the thread that reads the names has ended")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_what_it_has() {
        if !isolab_core::need::met(&["root"]) {
            return;
        }
        let found = of(std::process::id().cast_signed()).unwrap();
        assert!(found["devices"].as_array().unwrap().iter().any(|one| one == "null(1:3,666)"));
        let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        assert!(found["hostname"].as_str().unwrap().starts_with(name.trim_end()));
        assert!(found["environ"]["PATH"].is_string() && found["interfaces"].is_array());
    }
}
