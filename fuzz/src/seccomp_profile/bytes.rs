//! A seccomp profile from bytes: refused with reasons, or compiled to a program that the kernel takes.

use isolab_core::seccomp::{Arch, Call, Filter, action, verify};

use crate::target::{Target, text};

/// See above.
pub const TARGET: Target =
    Target { name: "seccomp_profile_bytes", holds: seccomp_profile_bytes, show: text, live: false };

/// The property.
///
/// # Panics
/// When it does not hold.
pub fn seccomp_profile_bytes(bytes: &[u8]) {
    let Ok(profile) = serde_json::from_slice(bytes) else { return };
    for arch in [Arch::X86_64, Arch::Aarch64] {
        let filter = match Filter::new(&profile, arch) {
            Ok(filter) => filter,
            Err(violations) => {
                assert!(!violations.is_empty(), "refused for no reason");
                assert!(violations.iter().all(|violation| violation.path.starts_with("linux.seccomp.")));
                continue;
            }
        };
        let Ok(program) = filter.compile() else { continue };
        assert_eq!(Ok(program.clone()), filter.compile(), "compiling is deterministic");
        assert_eq!(verify(&program.instructions), Ok(()));
        for nr in (0..500).chain([0x3fff_ffff, 0x4000_0000, 0x4000_0208, u32::MAX]) {
            let audit = arch.audit();
            for (audit, argument) in
                [(audit, 0), (audit, u64::MAX), (0x4000_0003, 1), (0x4000_0028, 1), (1, 1)]
            {
                let decision = program.decide(&Call { arch: audit, nr, ip: 0, args: [argument; 6] });
                assert!(decision.executed > 0, "a program that is taken runs to its end");
                let known = [action::KILL_PROCESS, action::KILL_THREAD, action::TRAP, action::ERRNO];
                let known =
                    known.into_iter().chain([action::USER_NOTIF, action::TRACE, action::LOG, action::ALLOW]);
                assert!(known.into_iter().any(|word| word == decision.action & action::ACTION_MASK));
            }
        }
    }
}
