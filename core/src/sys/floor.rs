//! The floor: the cheapest sequence known that gives a process the same observed posture as a launch by plan, in one
//! clone, written by hand. It is what the launcher's speed is measured against, so it shares no code with it but the
//! bytes of the filter. It handles no error but by giving up, checks nothing, and is of no other use.
//!
//! Its system calls, in order; `n` is the number of v1 groups:
//!
//! | who | calls |
//! |---|---|
//! | parent | `mkdir` × (n + 1), `open write close` × n (limits), `open` (v2 group), `clone3`, `close`, `wait4`, `rmdir` × (n + 1) |
//! | child | `open write close` × n (join), `setsid`, `rt_sigaction` (SIGPIPE, which Rust ignores), `unshare` (cgroup), `unshare` (time), `socket ioctl` (loopback up), `mount` (private), `mount` (bind), `mount` (proc), `chdir`, `pivot_root`, `umount2`, `chdir`, `keyctl` (session keyring), `prctl` × 41 (bounding set), `setgroups`, `umask`, `prctl` (`no_new_privs`), `capset`, `close_range`, `seccomp`, `execve` |

use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};

use crate::seccomp::Instruction;

/// Everything prepared, so that [`Floor::run`] only makes calls.
#[derive(Debug)]
pub struct Floor {
    rootfs: CString,
    proc: CString,
    program: CString,
    /// Groups to make: the v2 one first.
    groups: Vec<CString>,
    /// File and value.
    limits: Vec<(CString, CString)>,
    /// `tasks` of the v1 groups: whoever moves one thread alone waits for no grace period.
    tasks: Vec<CString>,
    filter: Vec<Instruction>,
    /// Namespaces of the clone.
    namespaces: u64,
    /// Whether a time namespace is unshared.
    time: bool,
    last_capability: u32,
    /// Whether the program is stopped after its exec.
    hold: bool,
    stack: Vec<u8>,
}

/// What a floor is to set up.
#[derive(Debug, Clone)]
pub struct Posture {
    /// Root file system, with a `proc` directory.
    pub rootfs: PathBuf,
    /// Program inside, without arguments.
    pub program: String,
    /// Directory of the v2 group, which must not exist.
    pub group: PathBuf,
    /// Directories of the v1 groups, which must not exist.
    pub v1_groups: Vec<PathBuf>,
    /// Files and values of limits.
    pub limits: Vec<(PathBuf, String)>,
    /// The filter's instructions.
    pub filter: Vec<Instruction>,
    /// With a time namespace.
    pub time: bool,
    /// Highest capability number; all are dropped.
    pub last_capability: u32,
}

impl Floor {
    /// Prepares.
    #[must_use]
    pub fn new(posture: &Posture) -> Floor {
        let path = |path: &Path| CString::new(path.as_os_str().as_encoded_bytes()).unwrap_or_default();
        let namespaces = libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWNET | libc::CLONE_NEWIPC;
        let mut groups = vec![path(&posture.group)];
        groups.extend(posture.v1_groups.iter().map(|group| path(group)));
        Floor {
            rootfs: path(&posture.rootfs),
            proc: path(&posture.rootfs.join("proc")),
            program: CString::new(posture.program.as_str()).unwrap_or_default(),
            groups,
            limits: posture
                .limits
                .iter()
                .map(|(file, value)| (path(file), CString::new(value.as_str()).unwrap_or_default()))
                .collect(),
            tasks: posture.v1_groups.iter().map(|group| path(&group.join("tasks"))).collect(),
            filter: posture.filter.clone(),
            namespaces: (namespaces | libc::CLONE_NEWUTS) as u64,
            time: posture.time,
            last_capability: posture.last_capability,
            hold: false,
            stack: vec![0; 64 * 1024],
        }
    }

    /// Launches, waits for the end, removes the groups. Returns the wait status.
    ///
    /// # Errors
    /// The number of the first call that failed, as counted in the source; nothing is cleaned up then.
    pub fn run(&mut self) -> Result<i32, i32> {
        self.run_and(|_| ())
    }

    /// The same with the program stopped right after its exec, for `look` to observe it by its process id.
    ///
    /// # Errors
    /// As [`Floor::run`].
    pub fn observe(&mut self, look: impl FnOnce(i32)) -> Result<i32, i32> {
        self.hold = true;
        let status = self.run_and(|pid| {
            let mut status = 0;
            // SAFETY: the status is writable.
            unsafe { libc::waitpid(pid, &raw mut status, 0) };
            look(pid);
            // SAFETY: no pointers; lets the stopped child run on.
            unsafe { libc::ptrace(libc::PTRACE_DETACH, pid, 0, 0) };
        });
        self.hold = false;
        status
    }

    fn run_and(&mut self, look: impl FnOnce(i32)) -> Result<i32, i32> {
        for group in &self.groups {
            // SAFETY: a valid C string.
            check(unsafe { libc::mkdir(group.as_ptr(), 0o755) }, 1)?;
        }
        for (file, value) in &self.limits {
            put(file, value).map_err(|()| 2)?;
        }
        // SAFETY: a valid C string.
        let group = unsafe { libc::open(self.groups[0].as_ptr(), libc::O_PATH | libc::O_DIRECTORY) };
        check(group, 3)?;
        let pid = self.clone(group);
        // SAFETY: the descriptor opened above.
        check(unsafe { libc::close(group) }, 4)?;
        check(pid, 5)?;
        look(pid);
        let mut status = 0;
        // SAFETY: the status is writable.
        check(unsafe { libc::waitpid(pid, &raw mut status, 0) }, 6)?;
        for group in &self.groups {
            // SAFETY: a valid C string.
            check(unsafe { libc::rmdir(group.as_ptr()) }, 7)?;
        }
        Ok(status)
    }

    fn clone(&mut self, group: i32) -> i32 {
        const CLEAR_SIGHAND: u64 = 1 << 32;
        const INTO_CGROUP: u64 = 1 << 33;
        let shared = (libc::CLONE_VM | libc::CLONE_VFORK) as u64;
        // `struct clone_args`: flags, pidfd, child_tid, parent_tid, exit_signal, stack, size, tls, set_tid, its size, cgroup.
        let args: [u64; 11] = [
            self.namespaces | shared | CLEAR_SIGHAND | INTO_CGROUP,
            0,
            0,
            0,
            libc::SIGCHLD as u64,
            (self.stack.as_mut_ptr() as u64 + 15) & !15,
            (self.stack.len() as u64 - 16) & !15,
            0,
            0,
            0,
            group as u64,
        ];
        let pid: isize;
        // SAFETY: the child runs on a stack of its own, in borrowed memory, while this thread is suspended until its
        // exec or exit (CLONE_VFORK).
        #[cfg(target_arch = "x86_64")]
        unsafe {
            std::arch::asm!(
                "syscall", "test rax, rax", "jnz 2f", "xor ebp, ebp", "mov rdi, r12", "call r13", "ud2", "2:",
                inlateout("rax") libc::SYS_clone3 as isize => pid,
                in("rdi") args.as_ptr(), in("rsi") size_of_val(&args),
                in("r12") std::ptr::from_ref(self), in("r13") child as extern "C" fn(*const Floor) -> !,
                lateout("rcx") _, lateout("r11") _,
            );
        }
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        unsafe {
            std::arch::asm!(
                "svc #0", "cbnz x0, 2f", "mov x29, xzr", "mov x0, x20", "blr x21", "brk #1", "2:",
                inlateout("x0") args.as_ptr() as isize => pid,
                in("x1") size_of_val(&args), in("x8") libc::SYS_clone3,
                in("x20") std::ptr::from_ref(self), in("x21") child as extern "C" fn(*const Floor) -> !,
            );
        }
        pid as i32
    }

    /// The child's calls; the number of the one that failed.
    fn child(&self) -> i32 {
        match self.enter() {
            Ok(()) => 0,
            Err(number) => number,
        }
    }

    fn enter(&self) -> Result<(), i32> {
        for tasks in &self.tasks {
            put(tasks, c"0").map_err(|()| 10)?;
        }
        // SAFETY: no pointers.
        check(unsafe { libc::setsid() }, 11)?;
        let default = [0usize; 4];
        let size = size_of::<u64>();
        // SAFETY: a zeroed `struct sigaction` of the kernel's is SIG_DFL.
        long(unsafe { libc::syscall(libc::SYS_rt_sigaction, libc::SIGPIPE, default.as_ptr(), 0, size) }, 12)?;
        // SAFETY: no pointers.
        check(unsafe { libc::unshare(libc::CLONE_NEWCGROUP) }, 13)?;
        if self.time {
            // SAFETY: no pointers.
            check(unsafe { libc::unshare(libc::CLONE_NEWTIME) }, 14)?;
        }
        loopback()?;
        self.mounts()?;
        super::keyring::join_new_session().map_err(|_| 31)?;
        for capability in 0..=self.last_capability {
            // SAFETY: no pointers.
            check(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) }, 27)?;
        }
        if self.hold {
            // SAFETY: no pointers.
            long(unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) }, 29)?;
        }
        // SAFETY: no groups, so no pointer is read.
        long(unsafe { libc::syscall(libc::SYS_setgroups, 0, 0) }, 22)?;
        // SAFETY: no pointers; cannot fail.
        unsafe { libc::umask(0o022) };
        // SAFETY: no pointers.
        check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 23)?;
        let (header, data) = ([0x2008_0522_u32, 0], [0u32; 6]);
        // SAFETY: capset(2)'s version 3 of header and data: no capability in any set.
        long(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()) }, 28)?;
        // SAFETY: no pointers.
        long(unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) }, 24)?;
        let fprog = [self.filter.len(), self.filter.as_ptr() as usize];
        let mode = libc::SECCOMP_SET_MODE_FILTER;
        // SAFETY: on little-endian 64-bit machines the words have the layout of `struct sock_fprog`.
        long(unsafe { libc::syscall(libc::SYS_seccomp, mode, 0, std::ptr::from_ref(&fprog)) }, 25)?;
        let argv = [self.program.as_ptr(), std::ptr::null()];
        let env = [std::ptr::null()];
        // SAFETY: null-terminated arrays of valid C strings.
        check(unsafe { libc::execve(self.program.as_ptr(), argv.as_ptr(), env.as_ptr()) }, 26)
    }

    fn mounts(&self) -> Result<(), i32> {
        let root = self.rootfs.as_c_str();
        mount(None, c"/", None, libc::MS_REC | libc::MS_PRIVATE, 15)?;
        mount(Some(root), root, None, libc::MS_BIND | libc::MS_REC, 16)?;
        mount(Some(c"proc"), &self.proc, Some(c"proc"), 0, 17)?;
        // SAFETY: a valid C string.
        check(unsafe { libc::chdir(root.as_ptr()) }, 18)?;
        // SAFETY: valid C strings.
        long(unsafe { libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) }, 19)?;
        // SAFETY: a valid C string.
        check(unsafe { libc::umount2(c".".as_ptr(), libc::MNT_DETACH) }, 20)?;
        // SAFETY: a valid C string.
        check(unsafe { libc::chdir(c"/".as_ptr()) }, 21)
    }
}

fn mount(
    source: Option<&CStr>,
    target: &CStr,
    kind: Option<&CStr>,
    flags: u64,
    number: i32,
) -> Result<(), i32> {
    let text = |text: Option<&CStr>| text.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: valid C strings, and null where none is read.
    check(unsafe { libc::mount(text(source), target.as_ptr(), text(kind), flags, std::ptr::null()) }, number)
}

extern "C" fn child(floor: *const Floor) -> ! {
    // SAFETY: the parent is suspended in `clone`, which borrows the floor.
    let status = unsafe { &*floor }.child();
    // SAFETY: ends the process without touching the parent's memory.
    unsafe { libc::_exit(status) }
}

/// Brings up the loopback link. Its socket goes with the others before the exec.
fn loopback() -> Result<(), i32> {
    // SAFETY: no pointers.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    check(socket, 30)?;
    // `struct ifreq`: 16 bytes of name, then flags.
    let mut request = [0u8; 40];
    request[..2].copy_from_slice(b"lo");
    request[16] = libc::IFF_UP as u8;
    // SAFETY: the request is as long as the kernel's structure.
    check(unsafe { libc::ioctl(socket, libc::SIOCSIFFLAGS, request.as_ptr()) }, 31)
}

fn check(result: i32, number: i32) -> Result<(), i32> {
    if result < 0 { Err(number) } else { Ok(()) }
}

fn long(result: libc::c_long, number: i32) -> Result<(), i32> {
    if result < 0 { Err(number) } else { Ok(()) }
}

fn put(file: &CStr, value: &CStr) -> Result<(), ()> {
    // SAFETY: a valid C string.
    let fd = unsafe { libc::open(file.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
    let bytes = value.to_bytes();
    // SAFETY: the value is readable for its length.
    let written = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
    // SAFETY: the descriptor opened above, or -1.
    let closed = unsafe { libc::close(fd) };
    if written == bytes.len() as isize && closed == 0 { Ok(()) } else { Err(()) }
}
