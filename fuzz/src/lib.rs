//! Properties as plain functions: each takes an input and panics when the property does not hold.
//!
//! A target has a folder here, with its property, the inputs it draws (`input`) and the oracle that knows the right answer
//! (`model`), and a thin file in `fuzz_targets`: under `cargo fuzz` libFuzzer calls the property; without it the file's program
//! replays the inputs that it is given, and `cargo test` replays the corpus on stable.

pub mod cgroup_ops;
pub mod cli_id_state;
pub mod engine;
pub mod image_layer;
pub mod launch_config;
pub mod launch_diff;
pub mod live;
pub mod observe;
pub mod oci_config;
pub mod overlay_ops;
pub mod plan;
pub mod record;
pub mod replay;
pub mod scenario;
pub mod seccomp_profile;
mod seen;
pub mod syscall_profile;
pub mod target;
#[cfg(test)]
mod testing;
mod tmpfs;

pub use target::Target;

#[cfg(fuzzing)]
pub use libfuzzer_sys;

/// All targets.
pub const TARGETS: &[Target] = &[
    cgroup_ops::TARGET,
    cli_id_state::TARGET,
    image_layer::TARGET,
    image_layer::bytes::TARGET,
    launch_config::TARGET,
    launch_diff::TARGET,
    observe::TARGET,
    observe::bytes::TARGET,
    oci_config::TARGET,
    oci_config::bytes::TARGET,
    overlay_ops::TARGET,
    plan::TARGET,
    record::TARGET,
    record::bytes::TARGET,
    scenario::TARGET,
    scenario::bytes::TARGET,
    seccomp_profile::TARGET,
    seccomp_profile::bytes::TARGET,
    syscall_profile::TARGET,
];

/// The program of a target: libFuzzer's under `cargo fuzz`, else one that replays.
#[macro_export]
macro_rules! target {
    ($target:expr) => {
        #[cfg(fuzzing)]
        $crate::libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $crate::engine::run(&$target, bytes));

        #[cfg(not(fuzzing))]
        fn main() -> std::process::ExitCode {
            $crate::replay::main(&$target)
        }
    };
}
