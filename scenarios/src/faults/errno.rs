//! Which errors are plausible of a system call: what its manual page lists for a host in trouble or a wrong argument.

/// Names of errors, by the call's.
#[must_use]
pub(super) fn plausible(call: &str) -> &'static [&'static str] {
    match call {
        // What a process is short of.
        // Not ENOENT, which tells something of the tree: a path to be masked that is not there needs no mask (config-linux.md,
        // "Masked Paths"), and a state that is not there is none.
        "openat2" => &["EMFILE", "ENFILE", "ENOMEM", "EACCES", "EROFS", "EINTR", "EIO", "ELOOP", "EAGAIN"],
        "openat" | "open" => {
            &["EMFILE", "ENFILE", "ENOMEM", "EACCES", "EROFS", "ENOSPC", "EINTR", "EIO", "ELOOP"]
        }
        "creat" | "memfd_create" | "eventfd2" | "epoll_create1" | "signalfd4" | "timerfd_create"
        | "inotify_init1" | "io_uring_setup" | "pidfd_getfd" => &["EMFILE", "ENFILE", "ENOMEM", "EPERM"],
        "pipe2" | "socket" | "socketpair" => &["EMFILE", "ENFILE", "ENOBUFS", "EACCES"],
        "dup" | "dup3" | "fcntl" => &["EMFILE", "EINTR"],
        "pidfd_open" => &["EMFILE", "ENFILE", "ENOMEM", "ESRCH", "ENOSYS"],
        // Not brk, for which the C library has no word at its start, and mmap instead later.
        "mmap" | "mprotect" | "mremap" => &["ENOMEM", "EAGAIN"],
        "clone" | "clone3" | "fork" | "vfork" => &["EAGAIN", "ENOMEM", "ENOSPC", "EPERM", "EBUSY"],
        "execve" | "execveat" => {
            &["ENOENT", "EACCES", "ENOEXEC", "ETXTBSY", "E2BIG", "ENOMEM", "ELOOP", "EIO"]
        }
        // Files.
        "read" | "pread64" | "readlinkat" | "readlink" | "getdents64" | "lseek" => {
            &["EIO", "EINTR", "EINVAL"]
        }
        "write" | "pwrite64" | "writev" => {
            &["ENOSPC", "EIO", "EINTR", "EINVAL", "EPERM", "EACCES", "EBUSY", "EAGAIN", "EDQUOT", "EPIPE"]
        }
        "fsync" | "fdatasync" | "syncfs" => &["EIO", "ENOSPC", "EDQUOT"],
        "mkdirat" | "mkdir" | "mknodat" | "mknod" | "symlinkat" | "symlink" | "linkat" | "link" => {
            &["ENOSPC", "EROFS", "EACCES", "EDQUOT", "EEXIST", "EPERM", "EIO", "ENOMEM", "EBUSY"]
        }
        // Not ENOTEMPTY, which says that somebody is in it.
        "unlinkat" | "unlink" | "rmdir" => &["EBUSY", "EROFS", "EACCES", "EIO", "EPERM"],
        "renameat" | "renameat2" | "rename" => &["ENOSPC", "EROFS", "EXDEV", "EIO", "EBUSY"],
        "newfstatat" | "fstat" | "statx" | "stat" | "lstat" | "fstatfs" | "statfs" => {
            &["EACCES", "ENOMEM", "EIO", "ELOOP"]
        }
        // EACCES and ENOENT are what it was asked for.
        "faccessat" | "faccessat2" | "access" => &["ENOMEM", "EIO", "ELOOP"],
        "ftruncate" | "truncate" | "fallocate" | "fchmod" | "fchmodat" | "fchown" | "fchownat"
        | "utimensat" | "flock" => &["EPERM", "EROFS", "EIO", "EINTR"],
        "chdir" | "fchdir" | "chroot" => &["EACCES", "ENOENT", "ENOTDIR", "EPERM", "ELOOP"],
        // Mounts and namespaces.
        "mount" | "umount2" | "move_mount" | "pivot_root" => {
            &["EPERM", "EINVAL", "EBUSY", "ENOMEM", "ENOSPC", "ENOENT", "ENODEV", "ENOTDIR"]
        }
        "fsopen" | "fsconfig" | "fsmount" | "open_tree" | "fspick" => {
            &["EPERM", "EINVAL", "ENODEV", "ENOMEM", "EMFILE", "EBUSY", "ENOSYS", "ENOSPC"]
        }
        "mount_setattr" => &["EPERM", "EINVAL", "EBUSY", "ENOSYS"],
        "unshare" | "setns" => &["EPERM", "EINVAL", "ENOSPC", "ENOMEM", "EUSERS"],
        // What a process is.
        "prctl" => &["EPERM", "EINVAL", "EACCES", "EFAULT"],
        "seccomp" | "bpf" | "landlock_create_ruleset" | "landlock_add_rule" | "landlock_restrict_self" => {
            &["EINVAL", "EACCES", "ENOMEM", "EFAULT", "ENOSYS", "EPERM", "ESRCH"]
        }
        "setuid" | "setgid" | "setresuid" | "setresgid" | "setgroups" | "capset" => {
            &["EPERM", "EINVAL", "EAGAIN", "ENOMEM"]
        }
        "capget" | "prlimit64" | "setrlimit" | "sched_setattr" | "sched_setscheduler"
        | "sched_setaffinity" | "ioprio_set" | "setpriority" | "personality" | "set_mempolicy" => {
            &["EPERM", "EINVAL", "ESRCH"]
        }
        "sethostname" | "setdomainname" | "setsid" | "ioctl" | "keyctl" | "add_key" => {
            &["EPERM", "EINVAL", "EACCES", "ENOSYS", "EDQUOT", "ENODEV"]
        }
        "close_range" => &["ENOSYS", "EMFILE", "ENOMEM"],
        // Others.
        "connect" | "bind" | "sendto" | "sendmsg" | "recvfrom" | "recvmsg" | "listen" | "accept4"
        | "setsockopt" => &["ECONNREFUSED", "EPIPE", "ENOBUFS", "EINTR", "EACCES", "ENOENT"],
        "waitid" | "wait4" => &["EINTR", "ECHILD"],
        "poll" | "ppoll" | "epoll_wait" | "epoll_pwait" | "epoll_ctl" | "select" | "pselect6" => {
            &["EINTR", "ENOMEM"]
        }
        "kill" | "tgkill" | "pidfd_send_signal" | "ptrace" => &["EPERM", "ESRCH", "EINVAL"],
        "rt_sigaction" | "rt_sigprocmask" | "sigaltstack" => &["EINVAL"],
        "nanosleep" | "clock_nanosleep" => &["EINTR"],
        _ => &[],
    }
}
