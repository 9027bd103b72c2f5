//! All mistakes, by target.

use super::Mistake;

/// All of them.
pub const ALL: &[Mistake] = &[
    of(
        "oci_config",
        "escaped-quote-ends-a-string",
        "an escaped quote ends a string where a wrong value's path is looked for, so what follows gives the \
         path; in JSON it does not (RFC 8259, 7)",
    ),
    of(
        "oci_config",
        "host-ids-may-overlap",
        "lines of an id map may overlap outside as long as they do not inside; no range may overlap another \
         (`user_namespaces(7)`)",
    ),
    of(
        "oci_config",
        "access-times-not-cleared",
        "of two options on access times, such as noatime and strictatime, both are set; they are one field, \
         so the last holds (`mount_setattr(2)`)",
    ),
    of(
        "oci_config",
        "mounts-counted-without-the-root",
        "behind an overlay at `/` a mount's violation names the one before it; indices are the config's \
         (`Violation::path`)",
    ),
    of(
        "oci_config",
        "first-flag-repaired-alone",
        "of several scheduler flags by the spec's names only the first is read, and the config refused; all \
         are the spec's (runtime-spec, config.md, `scheduler`)",
    ),
    of(
        "plan",
        "no-new-privs-after-landlock",
        "with Landlock rules `no_new_privs` comes after them; without privilege a rule set needs it \
         (`landlock(7)`, and the table of the order)",
    ),
    of(
        "plan",
        "one-mount-made-read-only",
        "of several read-only file systems that something is still made in, only the first becomes read-only \
         in the end (`Op::ReadOnly`)",
    ),
    of(
        "plan",
        "outermost-group-forgotten",
        "of a group three deep the outermost above it is neither made nor undone; all that are missing are \
         (`cgroup::Op::Create`)",
    ),
    of(
        "plan",
        "joined-user-namespace-forgotten",
        "an overlay in a user namespace that is joined, not made, is planned on a host that has none there; \
         whatever a plan needs is required (`Plan::compile`, Errors)",
    ),
    of(
        "plan",
        "start-hooks-before-the-start",
        "a created container runs its startContainer hooks before it is started (runtime-spec, runtime.md, \
         \"Lifecycle\", and the table of the order)",
    ),
    of(
        "seccomp_profile",
        "smaller-upper-word-passes",
        "an ordered comparison with a value above 32 bits asks the lower word also where the upper one is \
         smaller; comparisons are over all 64 bits",
    ),
    of(
        "seccomp_profile",
        "default-not-among-the-unseen",
        "through socketcall and ipc a call with conditions gets the strictest of its entries' actions even \
         where the default is stricter; the default is one of those that it could get",
    ),
    of(
        "seccomp_profile",
        "masked-datum-not-masked",
        "a masked comparison with a datum that has bits outside its mask never holds; the datum is masked \
         too (`seccomp_rule_add(3)`)",
    ),
    of(
        "seccomp_profile",
        "same-argument-only-if-next",
        "two conditions on one argument are alternatives only where they follow each other; wherever they \
         stand, any one suffices (as runc and crun have it)",
    ),
    of(
        "seccomp_profile",
        "positive-taken-for-negative",
        "on i386 a value of 0xffffffff and a lower word below 2^31 counts as a negative one; only a \
         sign-extended one does",
    ),
    of(
        "syscall_profile",
        "negative-kept-wide",
        "on i386 a negative value is compared in 64 bits and never met; it stands for its lower half, since \
         the kernel shows a zero upper one",
    ),
    of(
        "syscall_profile",
        "x32-arguments-narrow",
        "a negative value in a rule on x32 is compared as on i386; x32's arguments arrive in 64 bits",
    ),
    of(
        "syscall_profile",
        "errno-0-not-set",
        "an errno of 0 is taken for none, so the call fails with EPERM; by 0 it is left out and succeeds \
         (`seccomp(2)`, `SECCOMP_RET_ERRNO`)",
    ),
    of(
        "syscall_profile",
        "ipc-version-not-masked",
        "a rule on semop or shmget is walked round through ipc(2) with a version in the selector's upper \
         half, which the kernel ignores (`ipc/syscall.c`)",
    ),
    of(
        "overlay_ops",
        "upper-left-escaped",
        "where the layers are too many for one page, `upperdir` and `workdir` keep their backslashes; they \
         are paths with escapes, as in short data (overlayfs.rst)",
    ),
    of(
        "overlay_ops",
        "escaped-colon-splits",
        "where the layers are too many for one page, `\\:` splits a layer's path; an escaped colon is a part \
         of it (overlayfs.rst, \"Multiple lower layers\")",
    ),
    of(
        "overlay_ops",
        "escaped-backslash-doubled",
        "where the layers are too many for one page, `\\\\` is read as two backslashes; it is one \
         (overlayfs.rst)",
    ),
    of(
        "overlay_ops",
        "overlay-ro-overruled",
        "`ro` of the overlay at `/` is dropped where `root.readonly` is false, not absent; its attributes \
         apply to the root mount (`overlay::read`)",
    ),
    of(
        "overlay_ops",
        "backslash-not-escaped",
        "a backslash in the cache's path is not escaped in `lowerdir=`, and swallowed by the kernel; what \
         overlay takes for its own is escaped (`Layers::lowerdir`)",
    ),
    of(
        "overlay_ops",
        "lower-of-two-alike-kept",
        "of a layer that comes twice the lower place is kept, so one in between hides it; the upper one \
         shows (`Layers::directories`)",
    ),
    of(
        "cgroup_ops",
        "quota-before-period",
        "on v1 the quota is written before the period, of which it is a part; the period comes first, or the \
         kernel holds the new quota against the old one (`settings::cpu`)",
    ),
    of(
        "cgroup_ops",
        "weight-rounded",
        "shares become a weight rounded to the nearest; it is rounded up, as runc since 1.3.2 and crun since \
         1.23 do",
    ),
    of(
        "cgroup_ops",
        "update-resets-the-period",
        "an update of the quota alone sets the period back to 100 ms; what is left out stays as it is \
         (`cgroup::update`)",
    ),
    of(
        "cgroup_ops",
        "refused-not-tried-again",
        "an update whose limits bound each other fails at the first refusal; what is refused is tried again \
         after the others (`cgroup::update`)",
    ),
    of(
        "cgroup_ops",
        "one-group-above-removed",
        "of several groups above that are isolab's by name and empty only the innermost is removed; all are \
         (`cgroup::remove`)",
    ),
    of(
        "image_layer",
        "opaque-hides-its-own-layer",
        "an opaque marker removes what its own layer has made before it; it hides lower layers alone, \
         wherever it stands (image-spec, layer.md, \"Opaque Whiteout\")",
    ),
    of(
        "image_layer",
        "link-not-of-this-layer",
        "a whiteout removes a hard link that its own layer has made; whiteouts are for lower layers alone \
         (image-spec, layer.md, \"Whiteouts\")",
    ),
    of(
        "image_layer",
        "record-ends-at-a-newline",
        "a PAX value is cut at a newline in it; its length counts (POSIX.1, pax)",
    ),
    of(
        "image_layer",
        "fraction-counts-forward",
        "a time before 1970 with a fraction is up to two seconds late; the fraction belongs to the negative \
         number (POSIX.1, pax, \"Extended Header File Times\")",
    ),
    of(
        "image_layer",
        "way-up-within-the-root",
        "a name with `..` in it is taken as long as it does not lead above the root; it is refused \
         (`components`)",
    ),
    of(
        "observe",
        "unescaped-twice",
        "a mount point whose name looks like an escape, as `\\134040` shows it, is unescaped twice; once is \
         right (`proc_pid_mountinfo(5)`)",
    ),
    of(
        "observe",
        "one-optional-field",
        "of a mount that is shared and a slave only the first is kept; there are zero or more optional \
         fields (`proc_pid_mountinfo(5)`)",
    ),
    of(
        "observe",
        "name-ends-at-the-first-parenthesis",
        "a program with a parenthesis in its name has no state or start time; the name ends at the last one \
         (`proc_pid_stat(5)`)",
    ),
    of(
        "observe",
        "group-path-ends-at-a-colon",
        "the path of a group with a colon in its name is cut there; it is all that follows the second colon \
         (`cgroups(7)`, /proc/PID/cgroup)",
    ),
    of(
        "observe",
        "sets-are-signed",
        "a capability set with bit 63 is read as empty; it is a number of 64 bits (`proc_pid_status(5)`)",
    ),
    of(
        "scenario",
        "bracket-in-a-key-bare",
        "a path with a bracket in a key is printed without quotes, and reads as another path; what is \
         printed reads as the same",
    ),
    of(
        "scenario",
        "last-match-taken",
        "`[key=text]` leads to the last of several objects; it picks the first (`path`)",
    ),
    of(
        "scenario",
        "before-of-a-case-unchecked",
        "a case's acts before the launch may be of no known kind; a scenario file is read strictly",
    ),
    of(
        "scenario",
        "one-case-with-expectations-is-enough",
        "without `[expect]` one case with expectations is enough; every launch must be able to break the \
         guarantee",
    ),
    of(
        "scenario",
        "numbers-compared-as-floats",
        "whole numbers beyond 2^53 that differ by little are the same; numbers are equal by value (`expect`)",
    ),
    of(
        "record",
        "first-member-alone",
        "of a packed file of several members only the first is read; they are one content (RFC 1952, 2.2)",
    ),
    of(
        "record",
        "next-format-read",
        "a record of the next format is read as if it were of this one; it is refused (`Record::read`)",
    ),
    of(
        "record",
        "rank-rounded-down",
        "a percentile is one rank too low where its rank is no whole number; it is the smallest sample that \
         at least this share does not exceed (nearest rank)",
    ),
    of(
        "record",
        "stops-at-the-first-excess",
        "the search for the level of many comparisons ends at the first chance above its step; the largest \
         step that is kept counts (Benjamini, Hochberg 1995)",
    ),
    of(
        "record",
        "pairs-shift-after-a-zero",
        "behind a baseline of zero, samples are compared with the baseline of the next round; only that pair \
         is left out (`Paired::ratio`)",
    ),
    of(
        "launch_config",
        "infinite-hard-limit-lowered",
        "an infinite hard limit becomes the soft one, wherever that is finite; both are set as asked \
         (runtime-spec, config.md, `rlimits`)",
    ),
    of(
        "launch_config",
        "groups-after-the-fourth-dropped",
        "of more than four additional groups the first four are set; all are (runtime-spec, config.md, \
         `additionalGids`)",
    ),
    of(
        "launch_config",
        "longest-host-name-cut",
        "a host name of 64 bytes loses its last one; the kernel takes 64 (`uts_namespaces(7)`, \
         `sethostname(2)`)",
    ),
    of(
        "launch_config",
        "groups-above-removed-from-outside",
        "of several groups above the container's own the innermost alone is removed, since the others are \
         not empty when they are tried; nothing that was made is left (`launch`)",
    ),
    of(
        "launch_config",
        "core-dump-in-the-signal",
        "a workload that dumps core has ended by a signal that there is none of; that it dumped is apart \
         from the number (`waitid(2)`, `CLD_DUMPED`)",
    ),
    of(
        "launch_diff",
        "recursive-clears-nothing",
        "recursive options that clear an attribute, such as `rrw` after `ro`, have no effect; they are for \
         the mount and all below it (runtime-spec, config.md, \"Linux mount options\")",
    ),
    of(
        "launch_diff",
        "only-the-last-propagation",
        "of several propagation options, such as `shared` and then `slave`, the last alone is applied; they \
         are applied in order (`mount(8)`)",
    ),
    of(
        "launch_diff",
        "group-of-a-device-forgotten",
        "a device of user 0 gets group 0, whatever `gid` says (runtime-spec, config-linux.md, \"Devices\")",
    ),
    of(
        "launch_diff",
        "upper-ambient-set-not-raised",
        "ambient capabilities from number 32 on are not raised; a set has 64 bits (`capabilities(7)`)",
    ),
    of(
        "launch_diff",
        "first-of-two-values-wins",
        "of two values for one option of a file system, as for the size of a tmpfs, the first is taken; the \
         last of contradicting ones wins (`mount(8)`)",
    ),
    of(
        "cli_id_state",
        "any-letter-in-an-id",
        "letters beyond ASCII are taken in an id; it is of A-Z a-z 0-9 _ + - . (`is_plain_id`)",
    ),
    of(
        "cli_id_state",
        "longest-id-refused",
        "an id of 128 bytes is refused; it may have 1 to 128 (`is_plain_id`)",
    ),
    of(
        "cli_id_state",
        "old-content-not-cut",
        "a config or an unfinished state that is longer than what replaces it keeps its end; it is replaced \
         as a whole (`state`)",
    ),
    of(
        "cli_id_state",
        "unfinished-state-left",
        "where a killed command left an unfinished state, deleting the container leaves its directory; the \
         name is free then (`Entry::remove`)",
    ),
    of(
        "cli_id_state",
        "stopped-name-claimed-again",
        "a container that has stopped and was not deleted can be created over; an id must be unique \
         (runtime-spec, runtime.md, \"Create\")",
    ),
];

const fn of(target: &'static str, name: &'static str, what: &'static str) -> Mistake {
    Mistake { target, name, what }
}
