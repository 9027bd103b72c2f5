//! `User` of an image's config: names resolved in the image's own `/etc/passwd` and `/etc/group`.
//!
//! Both files are the image's, so hostile: they are opened inside the root, must be regular and small, and lines that
//! make no sense are passed over, as the C library does.

use std::ffi::CStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};

use super::error::Problem;
use crate::sys::{Errno, fs};

/// More than any `/etc/passwd` has.
const LARGEST: u64 = 1 << 20;

/// Whom a container runs as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Additional groups.
    pub(super) groups: Vec<u32>,
    pub(super) home: Option<String>,
}

/// One line of `passwd(5)`.
struct Account {
    name: String,
    uid: u32,
    gid: u32,
    home: String,
}

/// One line of `group(5)`.
struct Group {
    name: String,
    gid: u32,
    members: Vec<String>,
}

/// Resolves `USER`, `UID`, and either with `:GROUP` or `:GID`, in the files' text. Without a group the account's own
/// counts, with all groups that it is a member of.
pub(super) fn resolve(user: &str, passwd: &str, group: &str) -> Result<User, Problem> {
    let accounts = accounts(passwd);
    let groups = groups(group);
    let (name, group) = match user.split_once(':') {
        Some((name, group)) => (name, Some(group)),
        None => (user, None),
    };
    let name = if name.is_empty() { "0" } else { name };
    let number: Option<u32> = name.parse().ok();
    let account = accounts.iter().find(|account| account.name == name);
    let account = account.or_else(|| accounts.iter().find(|account| Some(account.uid) == number));
    let uid = match (account, number) {
        (Some(account), _) => account.uid,
        (None, Some(uid)) if uid != u32::MAX => uid,
        _ => return Err(Problem::format(format!("User: no user {name:?} in its /etc/passwd"))),
    };
    let mut resolved = User { uid, home: account.map(|account| account.home.clone()), ..User::default() };
    match group.filter(|group| !group.is_empty()) {
        Some(name) => {
            let found = groups.iter().find(|group| group.name == name).map(|group| group.gid);
            let number = name.parse().ok().filter(|gid| *gid != u32::MAX);
            resolved.gid = found
                .or(number)
                .ok_or_else(|| Problem::format(format!("User: no group {name:?} in its /etc/group")))?;
        }
        None => {
            if let Some(account) = account {
                resolved.gid = account.gid;
                let member = |group: &&Group| group.members.contains(&account.name);
                resolved.groups = groups.iter().filter(member).map(|group| group.gid).collect();
                resolved.groups.sort_unstable();
                resolved.groups.dedup();
            }
        }
    }
    Ok(resolved)
}

fn accounts(text: &str) -> Vec<Account> {
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, _, home, ..] = fields.as_slice() else { return None };
        Some(Account {
            name: (*name).to_owned(),
            uid: uid.parse().ok().filter(|uid| *uid != u32::MAX)?,
            gid: gid.parse().ok().filter(|gid| *gid != u32::MAX)?,
            home: (*home).to_owned(),
        })
    };
    text.lines().filter_map(line).collect()
}

fn groups(text: &str) -> Vec<Group> {
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, gid, members, ..] = fields.as_slice() else { return None };
        let members = members.split(',').map(|member| member.trim().to_owned()).collect();
        let gid = gid.parse().ok().filter(|gid| *gid != u32::MAX)?;
        Some(Group { name: (*name).to_owned(), gid, members })
    };
    text.lines().filter_map(line).collect()
}

/// The text of a file of a root; empty where it is not there.
pub(super) fn text(root: BorrowedFd<'_>, path: &CStr) -> Result<String, Problem> {
    let resolve = libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS;
    let operation = || format!("read {} in the image", path.to_string_lossy());
    // Not blocking, so that opening a FIFO returns at once.
    let file = match fs::openat2(root, path, libc::O_RDONLY | libc::O_NONBLOCK, resolve) {
        Ok(fd) => File::from(fd),
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(String::new()),
        Err(errno) => return Err(Problem::system(operation(), errno)),
    };
    let kind = fs::fstat(file.as_fd()).map_err(|errno| Problem::system(operation(), errno))?;
    if kind.mode & libc::S_IFMT != libc::S_IFREG {
        return Err(Problem::refused(format!("{} is no regular file", path.to_string_lossy())));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| Problem::io(operation(), error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Problem::Limit { what: "bytes in /etc/passwd or /etc/group", limit: LARGEST });
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\nbroken\nbin:x:x:2:::\nweb:x:33:34::/var/www:/x\n7:x:9:9::/:\n";
    const GROUP: &str = "root:x:0:\nweb:x:34:\nlog:x:50:web,other\ntape:x:26:root, web\n";

    fn user(user: &str) -> (u32, u32, Vec<u32>) {
        let user = resolve(user, PASSWD, GROUP).unwrap();
        (user.uid, user.gid, user.groups)
    }

    #[test]
    fn all_forms_of_a_user() {
        assert_eq!(user(""), (0, 0, vec![26]));
        assert_eq!(user("web"), (33, 34, vec![26, 50]));
        assert_eq!(user("33"), (33, 34, vec![26, 50]));
        assert_eq!(user("web:log"), (33, 50, vec![]));
        assert_eq!(user("web:7"), (33, 7, vec![]));
        assert_eq!(user("1000"), (1000, 0, vec![]));
        assert_eq!(user("1000:web"), (1000, 34, vec![]));
        // A name counts before a number.
        assert_eq!(user("7"), (9, 9, vec![]));
        for wrong in ["none", "web:none", "bin", "4294967295", "-1", "web:4294967295"] {
            assert!(resolve(wrong, PASSWD, GROUP).is_err(), "{wrong}");
        }
    }
}
