//! Numbers from a source other than the compiler's (libseccomp 2.5.4's tables; `linux/unistd_32.h` for the calls that
//! i386 multiplexes), in the order x86_64, x32 without its bit, x86, aarch64, arm.

use super::super::arch::{Abi, Arch};
use super::super::table::Table;

/// An ABI lacks the call.
pub(super) const NONE: i32 = -1;

#[rustfmt::skip]
pub(super) const NAMES: [(&str, [i32; 5]); 68] = [
    ("read", [0, 0, 3, 63, 3]),
    ("write", [1, 1, 4, 64, 4]),
    ("open", [2, 2, 5, NONE, 5]),
    ("close", [3, 3, 6, 57, 6]),
    ("stat", [4, 4, 106, NONE, 106]),
    ("mmap", [9, 9, 90, 222, NONE]),
    ("ioctl", [16, 514, 54, 29, 54]),
    ("readv", [19, 515, 145, 65, 145]),
    ("socket", [41, 41, 359, 198, 281]),
    ("connect", [42, 42, 362, 203, 283]),
    ("accept", [43, 43, NONE, 202, 285]),
    ("accept4", [288, 288, 364, 242, 366]),
    ("bind", [49, 49, 361, 200, 282]),
    ("send", [NONE, NONE, NONE, NONE, 289]),
    ("recv", [NONE, NONE, NONE, NONE, 291]),
    ("sendmsg", [46, 518, 370, 211, 296]),
    ("socketpair", [53, 53, 360, 199, 288]),
    ("clone", [56, 56, 120, 220, 120]),
    ("fork", [57, 57, 2, NONE, 2]),
    ("execve", [59, 520, 11, 221, 11]),
    ("ptrace", [101, 521, 26, 117, 26]),
    ("personality", [135, 135, 136, 92, 136]),
    ("umask", [95, 95, 60, 166, 60]),
    ("getuid", [102, 102, 24, 174, 24]),
    ("arch_prctl", [158, 158, 384, NONE, NONE]),
    ("semget", [64, 64, 393, 190, 299]),
    ("semop", [65, 65, NONE, 193, 298]),
    ("semctl", [66, 66, 394, 191, 300]),
    ("semtimedop", [220, 220, NONE, 192, 312]),
    ("msgget", [68, 68, 399, 186, 303]),
    ("msgsnd", [69, 69, 400, 189, 301]),
    ("shmat", [30, 30, 397, 196, 305]),
    ("shmget", [29, 29, 395, 194, 307]),
    ("socketcall", [NONE, NONE, 102, NONE, NONE]),
    ("ipc", [NONE, NONE, 117, NONE, NONE]),
    ("set_thread_area", [205, NONE, 243, NONE, NONE]),
    ("uselib", [134, NONE, 86, NONE, 86]),
    ("kcmp", [312, 312, 349, 272, 378]),
    ("finit_module", [313, 313, 350, 273, 379]),
    ("getrandom", [318, 318, 355, 278, 384]),
    ("execveat", [322, 545, 358, 281, 387]),
    ("preadv2", [327, 546, 378, 286, 392]),
    ("pkey_free", [331, 331, 382, 290, 396]),
    ("statx", [332, 332, 383, 291, 397]),
    ("io_uring_setup", [425, 425, 425, 425, 425]),
    ("openat2", [437, 437, 437, 437, 437]),
    ("clone3", [435, 435, 435, 435, 435]),
    ("close_range", [436, 436, 436, 436, 436]),
    ("cachestat", [451, 451, 451, 451, 451]),
    ("map_shadow_stack", [453, NONE, 453, 453, 453]),
    ("futex_requeue", [456, 456, 456, 456, 456]),
    ("newfstatat", [262, 262, NONE, 79, NONE]),
    ("fstatat64", [NONE, NONE, 300, NONE, 327]),
    ("clock_gettime64", [NONE, NONE, 403, NONE, 403]),
    ("futex_time64", [NONE, NONE, 422, NONE, 422]),
    ("rseq", [334, 334, 386, 293, 398]),
    ("waitpid", [NONE, NONE, 7, NONE, NONE]),
    ("break", [NONE, NONE, 17, NONE, NONE]),
    ("cacheflush", [NONE, NONE, NONE, NONE, 0x0f0002]),
    ("set_tls", [NONE, NONE, NONE, NONE, 0x0f0005]),
    ("arm_fadvise64_64", [NONE, NONE, NONE, NONE, 270]),
    ("time", [201, 201, 13, NONE, NONE]),
    ("vfork", [58, 58, 190, NONE, 190]),
    ("unshare", [272, 272, 310, 97, 337]),
    ("mount", [165, 165, 21, 40, 21]),
    ("umount2", [166, 166, 52, 39, 52]),
    ("prlimit64", [302, 302, 340, 261, 369]),
    ("setns", [308, 308, 346, 268, 375]),
];

#[test]
fn tables_agree_with_libseccomps() {
    let abis = [Abi::X86_64, Abi::X32, Abi::X86, Abi::Aarch64, Abi::Arm];
    for (column, abi) in abis.into_iter().enumerate() {
        let table = Table::of(abi);
        for (name, numbers) in NAMES {
            let expected = u32::try_from(numbers[column]).ok();
            assert_eq!(table.number(name), expected, "{name} on {abi:?}");
        }
        // What is no call of Linux, and what the crate of tables leaves out or renames.
        assert_eq!(table.number("fstatat"), None, "{abi:?}");
        assert_eq!(table.number("file_setattr"), Some(469), "{abi:?}");
    }
    assert_eq!(super::super::number(Arch::X86_64, "getpid"), Some(39));
    assert_eq!(super::super::number(Arch::Aarch64, "getpid"), Some(172));
    assert_eq!(super::super::number(Arch::Aarch64, "fork"), None);
}
