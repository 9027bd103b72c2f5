//! A drawn process, as the kernel knows it.

use std::collections::BTreeMap;

use arbitrary::{Arbitrary, Result, Unstructured};
use isolab_core::capability::Sets;
use isolab_core::observe::{CgroupLine, IdMapLine, MountInfo, Stat, Status};

/// What the kernel prints of a process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) status: Status,
    pub(super) stat: Stat,
    pub(super) groups: Vec<CgroupLine>,
    pub(super) map: Vec<IdMapLine>,
    /// `u64::MAX` is unlimited.
    pub(super) limits: [[u64; 2]; 16],
    pub(super) offsets: BTreeMap<String, (i64, u32)>,
    pub(super) mounts: Vec<MountInfo>,
    /// A line that no kernel prints, which stands behind the others.
    pub(super) rubbish: &'static str,
}

const STATES: [char; 8] = ['S', 'R', 'D', 'Z', 'T', 't', 'X', 'I'];
const CONTROLLERS: [&[&str]; 6] =
    [&[], &["cpu"], &["cpu", "cpuacct"], &["name=systemd"], &["name=a b"], &["memory"]];
const RUBBISH: [&str; 10] = ["", "", "", " ", ":", "-", "garbage - ", "1 2 - x", "0 x 1", "Max"];

impl<'b> Arbitrary<'b> for Process {
    fn arbitrary(bytes: &mut Unstructured<'b>) -> Result<Process> {
        let name = text(bytes, 4)?;
        Ok(Process {
            rubbish: pick(bytes, &RUBBISH)?,
            mounts: list(bytes, 4, mount)?,
            stat: Stat {
                name: name.clone(),
                state: pick(bytes, &STATES)?,
                flags: edge(bytes)?.into(),
                start: wide(bytes)?,
            },
            status: status(bytes, name)?,
            groups: list(bytes, 5, group)?,
            map: list(bytes, 5, |bytes| {
                Ok(IdMapLine { inside: edge(bytes)?, outside: edge(bytes)?, length: edge(bytes)? })
            })?,
            limits: limits(bytes)?,
            offsets: offsets(bytes)?,
        })
    }
}

fn status(bytes: &mut Unstructured<'_>, name: String) -> Result<Status> {
    let [inheritable, permitted, effective, bounding, ambient] = <[u64; 5]>::arbitrary(bytes)?;
    Ok(Status {
        name,
        nspid: list(bytes, 4, |bytes| Ok(edge(bytes)?.cast_signed()))?,
        uids: four(bytes)?,
        gids: four(bytes)?,
        groups: list(bytes, 8, edge)?,
        caps: Sets { inheritable, permitted, effective, bounding, ambient },
        no_new_privs: bool::arbitrary(bytes)?,
        seccomp: pick(bytes, &[0, 1, 2])?,
        seccomp_filters: Option::arbitrary(bytes)?,
        threads: edge(bytes)?,
        umask: bytes.int_in_range(0..=0o777)?,
    })
}

impl Process {
    /// A file's text, and a line that is none of it.
    pub(super) fn with_rubbish(&self, text: String) -> String {
        if self.rubbish.is_empty() { text } else { format!("{text}{}\n", self.rubbish) }
    }
}

fn pick<T: Copy>(bytes: &mut Unstructured<'_>, from: &[T]) -> Result<T> {
    bytes.choose(from).copied()
}

fn list<T>(
    bytes: &mut Unstructured<'_>,
    most: usize,
    mut one: impl FnMut(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let length = bytes.int_in_range(0..=most)?;
    (0..length).map(|_| one(bytes)).collect()
}

fn edge(bytes: &mut Unstructured<'_>) -> Result<u32> {
    let any = u32::arbitrary(bytes)?;
    pick(bytes, &[0, 1, 1000, 65_535, i32::MAX.cast_unsigned(), 1 << 31, u32::MAX - 1, u32::MAX, any])
}

fn wide(bytes: &mut Unstructured<'_>) -> Result<u64> {
    let any = u64::arbitrary(bytes)?;
    pick(bytes, &[0, 1, 1024, 1 << 32, i64::MAX.cast_unsigned(), u64::MAX - 1, u64::MAX, any])
}

fn four(bytes: &mut Unstructured<'_>) -> Result<[u32; 4]> {
    Ok([edge(bytes)?, edge(bytes)?, edge(bytes)?, edge(bytes)?])
}

/// Text that may have anything in it which the kernel lets through.
fn text(bytes: &mut Unstructured<'_>, most: usize) -> Result<String> {
    const PARTS: [&str; 24] = [
        "a", "b c", " ", "\\", "\n", "\t", ")", "(", " - ", ":", ",", "=", "#", "\r", "040", "\\040", "ä",
        "名", "[1]", "..", "\u{b}", "\u{1}", "\u{85}", "0::/",
    ];
    let mut all = String::new();
    for part in list(bytes, most, |bytes| pick(bytes, &PARTS))? {
        if all.len() + part.len() <= 15 || most > 4 {
            all.push_str(part);
        }
    }
    Ok(all)
}

fn path(bytes: &mut Unstructured<'_>) -> Result<String> {
    Ok(format!("/{}", text(bytes, 6)?))
}

fn group(bytes: &mut Unstructured<'_>) -> Result<CgroupLine> {
    // Names of groups have no newline.
    let path = path(bytes)?.replace('\n', "");
    let controllers = pick(bytes, &CONTROLLERS)?.iter().map(|name| (*name).to_owned()).collect();
    Ok(CgroupLine { hierarchy: edge(bytes)?, controllers, path })
}

fn limits(bytes: &mut Unstructured<'_>) -> Result<[[u64; 2]; 16]> {
    let mut all = [[0; 2]; 16];
    for value in all.iter_mut().flatten() {
        *value = wide(bytes)?;
    }
    Ok(all)
}

fn offsets(bytes: &mut Unstructured<'_>) -> Result<BTreeMap<String, (i64, u32)>> {
    let mut all = BTreeMap::new();
    for clock in ["monotonic", "boottime"] {
        if bool::arbitrary(bytes)? {
            let nanoseconds = bytes.int_in_range(0..=999_999_999)?;
            all.insert(clock.to_owned(), (wide(bytes)?.cast_signed(), nanoseconds));
        }
    }
    Ok(all)
}

fn mount(bytes: &mut Unstructured<'_>) -> Result<MountInfo> {
    const KINDS: [&str; 6] = ["tmpfs", "ext4", "fuse.a b", "cgroup2", "proc", "fuse.#\\"];
    const OPTIONS: [&str; 9] =
        ["rw", "ro", "nosuid", "nodev", "noexec", "noatime", "relatime", "nosymfollow", "idmapped"];
    let mut options = vec![pick(bytes, &OPTIONS[..2])?];
    options.extend(list(bytes, 4, |bytes| pick(bytes, &OPTIONS[2..]))?);
    let propagation = list(bytes, 3, |bytes| {
        let kind = pick(bytes, &["shared:", "master:", "propagate_from:", "unbindable"])?;
        Ok(if kind.ends_with(':') { format!("{kind}{}", edge(bytes)?) } else { kind.to_owned() })
    })?;
    let root = if bool::arbitrary(bytes)? { path(bytes)? } else { "net:[4026531840]".to_owned() };
    Ok(MountInfo {
        id: edge(bytes)?,
        parent: edge(bytes)?,
        device: (edge(bytes)? >> 20, edge(bytes)? & 0xf_ffff),
        root,
        target: path(bytes)?,
        options: options.into_iter().map(str::to_owned).collect(),
        propagation,
        fstype: pick(bytes, &KINDS)?.to_owned(),
        source: text(bytes, 6)?,
        super_options: vec!["rw".to_owned(), option(bytes)?, option(bytes)?],
    })
}

fn option(bytes: &mut Unstructured<'_>) -> Result<String> {
    let key = pick(bytes, &["size", "lowerdir", "errors", "fd", "uid"])?;
    Ok(format!("{key}={}", text(bytes, 6)?))
}
