//! Filters on the real kernel: every action, operator, flag and way into the kernel.

#![allow(clippy::unwrap_used, reason = "this is test code")]

#[path = "../../scenarios/src/cost/calls/engine.rs"]
#[allow(dead_code, unreachable_pub, reason = "the file is a public module of another crate")]
mod engine;

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use isolab_core::need;
use isolab_core::seccomp::{Arch, Call, Filter, Instruction, Program, action, number, verify};
use isolab_core::sys::seccomp::{self as unotify, Answer, Notification};
use isolab_core::sys::trial::{Argument, Entry, Trial, trial_under};
use isolab_core::sys::{Errno, credential};
use serde_json::{Value, json};

const SIGSYS: i32 = 31;

fn compiled(profile: Value) -> Program {
    let profile = serde_json::from_value(profile).unwrap();
    Filter::new(&profile, Arch::NATIVE).unwrap().compile().unwrap()
}

/// A profile that allows all but what the entries say.
fn except(entries: Value) -> Program {
    compiled(json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": entries }))
}

fn nr(name: &str) -> u64 {
    number(Arch::NATIVE, name).unwrap().into()
}

fn tried(filter: &Program, number: u64, args: &[u64]) -> Trial {
    let args: Vec<_> = args.iter().map(|arg| Argument::Number(*arg)).collect();
    trial_under(filter, Entry::Native, number, &args).unwrap()
}

fn failed(errno: i32) -> Trial {
    Trial::Failed(Errno::new(errno))
}

#[test]
fn every_action() {
    let own = i64::from(std::process::id());
    for (action, errno, expected) in [
        ("SCMP_ACT_ERRNO", Some(133), failed(133)),
        ("SCMP_ACT_ERRNO", Some(0), Trial::Returned(0)),
        ("SCMP_ACT_ERRNO", Some(4095), failed(4095)),
        ("SCMP_ACT_ERRNO", None, failed(1)),
        ("SCMP_ACT_KILL", None, Trial::Killed(SIGSYS)),
        ("SCMP_ACT_KILL_THREAD", None, Trial::Killed(SIGSYS)),
        ("SCMP_ACT_KILL_PROCESS", None, Trial::Killed(SIGSYS)),
        ("SCMP_ACT_TRAP", None, Trial::Killed(SIGSYS)),
        ("SCMP_ACT_TRACE", Some(5), failed(38)), // nobody traces
        ("SCMP_ACT_LOG", None, Trial::Returned(own)),
        ("SCMP_ACT_ALLOW", None, Trial::Returned(own)),
    ] {
        let mut entry = json!({ "names": ["getppid"], "action": action });
        if let Some(errno) = errno {
            entry["errnoRet"] = json!(errno);
        }
        let filter = except(json!([entry]));
        assert_eq!(tried(&filter, nr("getppid"), &[]), expected, "{action} {errno:?}");
        // And no other call.
        assert!(matches!(tried(&filter, nr("getpid"), &[]), Trial::Returned(_)), "{action} {errno:?}");
    }
}

/// The same by default.
#[test]
fn every_default_action() {
    let own = i64::from(std::process::id());
    for (action, expected) in [
        ("SCMP_ACT_ERRNO", failed(77)),
        ("SCMP_ACT_KILL_PROCESS", Trial::Killed(SIGSYS)),
        ("SCMP_ACT_KILL_THREAD", Trial::Killed(SIGSYS)),
        ("SCMP_ACT_TRAP", Trial::Killed(SIGSYS)),
        ("SCMP_ACT_TRACE", failed(38)),
        ("SCMP_ACT_LOG", Trial::Returned(own)),
    ] {
        let mut profile = json!({ "defaultAction": action, "syscalls": [
            { "names": ["getpid", "exit_group", "openat2"], "action": "SCMP_ACT_ALLOW" } ] });
        if action == "SCMP_ACT_ERRNO" {
            profile["defaultErrnoRet"] = json!(77);
        }
        let filter = compiled(profile);
        assert_eq!(tried(&filter, nr("getppid"), &[]), expected, "{action}");
        assert!(matches!(tried(&filter, nr("getpid"), &[]), Trial::Returned(_)), "{action}");
        // Newer than the profile; unknown to the kernel too, which says the same where the filter lets it pass.
        for newer in [600, 0x3fff_ffff, u64::from(u32::MAX)] {
            assert_eq!(tried(&filter, newer, &[]), failed(38), "{action} {newer:#x}");
        }
    }
}

#[test]
fn calls_through_other_abis() {
    if !need::met(&["i386"]) {
        return;
    }
    let own = Trial::Returned(i64::from(std::process::id()));
    let profile = |listed: Value| {
        compiled(json!({ "defaultAction": "SCMP_ACT_ALLOW", "architectures": listed, "syscalls": [
            { "names": ["getuid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 133 } ] }))
    };
    let i386 = |filter: &Program, number| trial_under(filter, Entry::I386, number, &[]).unwrap();
    let (getppid, getuid, getuid32) = (64, 24, 199);
    let native = profile(json!([]));
    assert_eq!(i386(&native, getppid), Trial::Killed(SIGSYS), "i386 is not governed");
    let both = profile(json!(["SCMP_ARCH_X86"]));
    assert_eq!(i386(&both, getppid), own);
    assert_eq!(i386(&both, getuid), failed(133), "i386's own number");
    assert!(matches!(i386(&both, getuid32), Trial::Returned(_)));
    let x32 = |number: u64| 0x4000_0000 | number;
    assert_eq!(tried(&native, x32(nr("getppid")), &[]), Trial::Killed(SIGSYS), "x32 is not governed");
    let x32s = profile(json!(["SCMP_ARCH_X32"]));
    assert_eq!(tried(&x32s, x32(nr("getuid")), &[]), failed(133));
    let passed = tried(&x32s, x32(nr("getppid")), &[]);
    assert!(passed == own || passed == failed(38), "what the kernel makes of x32: {passed:?}");
}

/// A denied argument is denied with all 64 bits considered: getpgid(2) itself looks at 32 of them.
#[test]
fn arguments_are_compared_in_all_their_bits() {
    let values = [0, 1, 0x7fff_ffff, 0xffff_ffff, 1 << 32, (1 << 32) + 1, 1 << 63, u64::MAX];
    type Holds = fn(u64, u64) -> bool;
    let operators: [(&str, Holds); 7] = [
        ("SCMP_CMP_NE", |a, b| a != b),
        ("SCMP_CMP_LT", |a, b| a < b),
        ("SCMP_CMP_LE", |a, b| a <= b),
        ("SCMP_CMP_EQ", |a, b| a == b),
        ("SCMP_CMP_GE", |a, b| a >= b),
        ("SCMP_CMP_GT", |a, b| a > b),
        ("SCMP_CMP_MASKED_EQ", |a, mask| a & mask == mask & 1),
    ];
    for (operator, holds) in operators {
        for value in values {
            let arg = json!({ "index": 0, "op": operator, "value": value, "valueTwo": 1 });
            let entry =
                json!({ "names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 133, "args": [arg] });
            let filter = except(json!([entry]));
            for argument in values {
                let found = tried(&filter, nr("getpgid"), &[argument]);
                let denied = found == failed(133);
                assert_eq!(denied, holds(argument, value), "{argument:#x} {operator} {value:#x}: {found:?}");
            }
        }
    }
    // What the issue is about: getpgid(0) would be run for it, and is not.
    let zero = json!({ "index": 0, "op": "SCMP_CMP_NE", "value": 0 });
    let entry = json!({ "names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 133, "args": [zero] });
    let filter = except(json!([entry]));
    assert!(matches!(tried(&filter, nr("getpgid"), &[0]), Trial::Returned(_)));
    assert_eq!(tried(&filter, nr("getpgid"), &[1 << 32]), failed(133));
}

/// The engine's profile on every number, as the kernel runs it: with each action turned into an errno of its own, so
/// that no call takes place.
#[test]
fn the_kernel_decides_as_the_interpreter_does() {
    if !need::met(&[engine::PROFILE]) {
        return;
    }
    let profile = engine::profile(&engine::CAPABILITIES).unwrap();
    let mut filter = Filter::new(&profile, Arch::NATIVE).unwrap().compile().unwrap();
    const RETURN: u16 = 6;
    for end in filter.instructions.iter_mut().filter(|instruction| instruction.code == RETURN) {
        end.k = match end.k {
            action::ALLOW => action::ERRNO | 1001,
            action::KILL_PROCESS => action::ERRNO | 1002,
            errno => errno,
        };
    }
    let mut seen = std::collections::BTreeSet::new();
    let numbers = (0..600).chain(0x4000_0000..0x4000_0240).chain([0x3fff_ffff, u32::MAX]);
    // Linux lets uretprobe and uprobe of x86_64 pass unasked since 6.14 and 6.18.
    let unasked = |nr: &u32| cfg!(target_arch = "x86_64") && (335..=336).contains(nr);
    for nr in numbers.filter(|nr| !unasked(nr)) {
        for argument in [0, 1 << 32, 0xffff_ffff, 40, 0x7e02_0000] {
            let call = Call { arch: Arch::NATIVE.audit(), nr, ip: 0, args: [argument; 6] };
            let errno = filter.decide(&call).action & 0xffff;
            let found = tried(&filter, nr.into(), &[argument; 6]);
            assert_eq!(found, failed(errno.cast_signed()), "{nr:#x} {argument:#x}");
            seen.insert(errno);
        }
    }
    assert!(seen.contains(&1001) && seen.contains(&38) && seen.len() >= 3, "{seen:?}");
}

#[test]
fn the_kernel_takes_what_the_check_takes() {
    let (load, jump, equal, end) = (0x20, 0x05, 0x15, 0x06);
    let allow = action::ALLOW;
    let at = |code, jt, jf, k| Instruction { code, jt, jf, k };
    let long = |length: usize| vec![at(end, 0, 0, allow); length];
    for (what, program) in [
        ("sound", vec![at(load, 0, 0, 60), at(equal, 0, 1, 3), at(end, 0, 0, allow), at(end, 0, 0, allow)]),
        ("longest", long(4096)),
        ("too long", long(4097)),
        ("empty", Vec::new()),
        ("not aligned", vec![at(load, 0, 0, 2), at(end, 0, 0, allow)]),
        ("past the arguments", vec![at(load, 0, 0, 64), at(end, 0, 0, allow)]),
        ("no return", vec![at(load, 0, 0, 0)]),
        ("test out of the program", vec![at(equal, 0, 1, 0), at(end, 0, 0, allow)]),
        ("jump out of the program", vec![at(jump, 0, 0, 1), at(end, 0, 0, allow)]),
        ("farthest jump", vec![at(jump, 0, 0, u32::MAX), at(end, 0, 0, allow)]),
        ("unknown operation", vec![at(0xffff, 0, 0, 0), at(end, 0, 0, allow)]),
        ("wrong where nobody comes", vec![at(end, 0, 0, allow), at(load, 0, 0, 1), at(end, 0, 0, allow)]),
    ] {
        let verified = verify(&program).is_ok();
        assert_eq!(verified, what == "sound" || what == "longest", "{what}");
        let filter = Program { instructions: program, flags: 0 };
        let loaded = trial_under(&filter, Entry::Native, nr("getpid"), &[]);
        assert_eq!(loaded.is_ok(), verified, "{what}: {loaded:?}");
        assert!(verified || loaded == Err(Errno::EINVAL), "{what}: {loaded:?}");
    }
}

#[test]
fn flags_are_taken() {
    for flags in [
        json!([]),
        json!(["SECCOMP_FILTER_FLAG_TSYNC"]),
        json!(["SECCOMP_FILTER_FLAG_LOG"]),
        json!(["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]),
        json!(["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]),
    ] {
        let filter = compiled(json!({ "defaultAction": "SCMP_ACT_ALLOW", "flags": flags, "syscalls": [
            { "names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 133 } ] }));
        assert_eq!(tried(&filter, nr("getppid"), &[]), failed(133), "{flags}");
    }
}

/// Which test a new process of this binary is to go on with.
const WORD: &str = "ISOLAB_TEST_CHILD";

fn is_own_process(test: &str) -> bool {
    std::env::var_os(WORD).is_some_and(|name| name == test)
}

/// This test again, alone, in a process where [`is_own_process`] holds.
fn own_process(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(WORD, test);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs `body` in a new process: what it is killed by, or its exit status.
fn in_own_process(test: &str, body: impl FnOnce()) -> ExitStatus {
    if is_own_process(test) {
        body();
        std::process::exit(0);
    }
    own_process(test).output().unwrap().status
}

fn load(filter: &Program) {
    credential::set_no_new_privs().unwrap();
    credential::seccomp_load(&filter.instructions, filter.flags).unwrap();
}

fn kill_in_a_thread(action: &str) {
    let filter = except(json!([{ "names": ["getppid"], "action": action }]));
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let before = threads();
    std::thread::spawn(move || {
        load(&filter);
        let parent = std::os::unix::process::parent_id();
        panic!("getppid returned {parent}");
    });
    let deadline = Instant::now() + Duration::from_secs(10);
    // First it comes, then it goes.
    while threads() > before {
        assert!(Instant::now() < deadline, "the thread lives");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn kill_thread_ends_the_thread_alone() {
    let status =
        in_own_process("kill_thread_ends_the_thread_alone", || kill_in_a_thread("SCMP_ACT_KILL_THREAD"));
    assert_eq!(status.code(), Some(0));
}

#[test]
fn kill_process_ends_all() {
    use std::os::unix::process::ExitStatusExt;
    let status = in_own_process("kill_process_ends_all", || {
        kill_in_a_thread("SCMP_ACT_KILL_PROCESS");
        std::thread::sleep(Duration::from_secs(5));
    });
    assert_eq!(status.signal(), Some(SIGSYS));
}

#[test]
fn tsync_reaches_all_threads() {
    let status = in_own_process("tsync_reaches_all_threads", || {
        let filter =
            compiled(json!({ "defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_TSYNC"],
            "syscalls": [{ "names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 133 }] }));
        let (before, status) = (std::os::unix::process::parent_id(), "/proc/self/status");
        std::thread::spawn(move || load(&filter)).join().unwrap();
        assert!(std::fs::read_to_string(status).unwrap().contains("Seccomp:\t2"));
        assert_ne!(std::os::unix::process::parent_id(), before);
        // And with a listener, which takes one more flag.
        let filter =
            compiled(json!({ "defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_TSYNC"],
            "listenerPath": "/agent", "syscalls": [{ "names": ["getpgid"], "action": "SCMP_ACT_NOTIFY" }] }));
        unotify::load_with_listener(&filter.instructions, filter.flags).unwrap();
    });
    assert_eq!(status.code(), Some(0));
}

fn notifying(flags: Value) -> Program {
    compiled(
        json!({ "defaultAction": "SCMP_ACT_ALLOW", "flags": flags, "listenerPath": "/agent", "syscalls": [
        { "names": ["getppid", "getpgid"], "action": "SCMP_ACT_NOTIFY" } ] }),
    )
}

/// Runs `calls` under `filter` on a thread of its own, and `agent` with the filter's listener here.
fn with_agent<T: Send>(
    filter: &Program,
    calls: impl FnOnce() -> T + Send,
    agent: impl FnOnce(OwnedFd),
) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        let caller = scope.spawn(move || {
            credential::set_no_new_privs().unwrap();
            let listener = unotify::load_with_listener(&filter.instructions, filter.flags);
            let loaded = listener.is_ok();
            sender.send(listener).unwrap();
            loaded.then(calls)
        });
        match receiver.recv().unwrap() {
            Ok(listener) => agent(listener),
            // SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is of Linux 5.19.
            Err(errno) => assert_eq!((errno, filter.flags & 32), (Errno::EINVAL, 32)),
        }
        caller.join().unwrap()
    })
}

#[test]
fn a_listener_decides() {
    for flags in
        [json!([]), json!(["SECCOMP_FILTER_FLAG_LOG"]), json!(["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"])]
    {
        let filter = notifying(flags);
        let own = std::os::unix::process::parent_id();
        let called = || [(); 2].map(|()| std::os::unix::process::parent_id());
        let answered = with_agent(&filter, called, |listener| {
            for answer in [Answer::Return(4321), Answer::Continue] {
                let Notification { id, pid, call } = unotify::receive(listener.as_fd()).unwrap();
                assert_eq!(u64::from(call.nr), nr("getppid"));
                assert_eq!(call.arch, Arch::NATIVE.audit());
                assert!(pid != 0 && pid != std::process::id(), "the thread's: {pid}");
                unotify::answer(listener.as_fd(), id, answer).unwrap();
            }
        });
        assert!(answered.is_none_or(|answered| answered == [4321, own]));
    }
}

/// An agent that is gone leaves no call waiting.
#[test]
fn a_closed_listener_is_enosys() {
    let failed =
        with_agent(&notifying(json!([])), || std::os::unix::process::parent_id().cast_signed(), drop);
    // The C library's getppid hands the error on as it is, or as -1.
    assert!(failed == Some(-38) || failed == Some(-1), "{failed:?}");
}

/// Another process's listener is copied from it by number, as a launch does it.
#[test]
fn a_descriptor_is_taken_from_another_process() {
    if !need::met(&["root"]) {
        return;
    }
    let test = "a_descriptor_is_taken_from_another_process";
    if is_own_process(test) {
        // It stays until its parent has done.
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        return;
    }
    let child = own_process(test).spawn().unwrap();
    let pidfd = isolab_core::sys::process::pidfd_open(child.id().cast_signed()).unwrap();
    // Its standard input: a copy of its output would keep that from ending.
    let copy = unotify::pidfd_getfd(pidfd.as_fd(), 0).unwrap();
    let _output = child.wait_with_output().unwrap();
    assert!(isolab_core::sys::fs::fstat(copy.as_fd()).is_ok());
    let gone = unotify::pidfd_getfd(pidfd.as_fd(), 0).unwrap_err();
    assert!(gone == Errno::ESRCH || gone == Errno::EBADF, "{gone:?}");
}
