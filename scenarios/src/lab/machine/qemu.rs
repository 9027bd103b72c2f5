//! QEMU: where it is, its command line as data, and its process.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use isolab_core::sys::process;

use crate::lab::Error;
use crate::progress::say;

/// The emulator as it is installed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qemu {
    /// Its own version line.
    pub version: String,
}

/// What executes the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accelerator {
    /// The processor, under KVM.
    Kvm,
    /// QEMU's translator, as fast as it can. The guest's clock is the host's, which means nothing at this speed.
    Tcg,
    /// QEMU's translator with a clock of one nanosecond an instruction, on one CPU.
    Counted,
}

/// The files of one boot, and its memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Files<'f> {
    /// The kernel.
    pub(super) image: &'f Path,
    /// What it starts with.
    pub(super) initramfs: &'f Path,
    /// Raw image of an ext4 file system.
    pub(super) disk: Option<&'f Path>,
    /// Where the first serial port goes: the kernel's log.
    pub(super) console: &'f Path,
    /// Where the second serial port goes: the guest's messages.
    pub(super) wire: &'f Path,
    /// What QEMU says.
    pub(super) stderr: &'f Path,
    /// MiB of memory.
    pub(super) memory: u32,
}

/// Isolab carries its own program into the guest, so the guest is of the host's architecture; only this one was tried.
const PROGRAM: &str = "qemu-system-x86_64";

impl Qemu {
    /// Finds the emulator.
    ///
    /// # Errors
    /// When it is not there, or this is no x86_64.
    pub fn find() -> Result<Qemu, Error> {
        if std::env::consts::ARCH != "x86_64" {
            let arch = std::env::consts::ARCH;
            return Err(Error::Qemu(format!("guests of {arch} are not supported yet; use an x86_64 host")));
        }
        let missing = |problem: String| Error::Qemu(format!("{problem}; apt-get install qemu-system-x86"));
        let shown = Command::new(PROGRAM).arg("--version").stdin(Stdio::null()).output();
        let shown = shown.map_err(|error| missing(format!("start {PROGRAM}: {error}")))?;
        let text = String::from_utf8_lossy(&shown.stdout);
        match text.lines().next() {
            Some(version) if shown.status.success() => Ok(Qemu { version: version.to_owned() }),
            _ => Err(missing(format!("{PROGRAM} --version ended with {}", shown.status))),
        }
    }

    /// Starts a guest through `isolab`, which becomes QEMU once it has arranged for its end. To be called by a thread that
    /// stays until the guest has ended.
    pub(super) fn start(
        isolab: &Path,
        accelerator: Accelerator,
        files: &Files<'_>,
        cmdline: &str,
    ) -> std::io::Result<Child> {
        let stderr = File::create(files.stderr)?;
        let mut command = Command::new(isolab);
        command.args(["inside", "qemu"]).arg(std::process::id().to_string());
        command.args(arguments(accelerator, files, cmdline));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        // Ctrl-C on the terminal is for isolab, which ends its guests in good order.
        command.process_group(0).spawn()
    }
}

/// Becomes QEMU: `PARENT ARGUMENT…`. A guest must not outlive the isolab that started it, not even one that is killed.
pub fn become_qemu(arguments: &[String]) -> ExitCode {
    let Some((parent, arguments)) = arguments.split_first() else { return ExitCode::from(2) };
    let problem = match process::die_with_parent() {
        Err(errno) => format!("prctl PR_SET_PDEATHSIG: {errno}"),
        // It may have ended before the kernel was asked.
        Ok(()) if std::os::unix::process::parent_id().to_string() != *parent => return ExitCode::from(1),
        Ok(()) => format!("start {PROGRAM}: {}", Command::new(PROGRAM).args(arguments).exec()),
    };
    say(&format!("isolab: {problem}"));
    ExitCode::from(5)
}

/// QEMU's arguments. On the counted clock nothing may depend on the host: no random numbers of the processor, a clock of the
/// machine's own, seeded random devices.
fn arguments(accelerator: Accelerator, files: &Files<'_>, cmdline: &str) -> Vec<OsString> {
    let processor: &[&str] = match accelerator {
        Accelerator::Kvm => &["-accel", "kvm", "-cpu", "host", "-smp", "2"],
        // One thread for both CPUs: with one each, kernels that patch their own code die now and then under QEMU 7.2.
        Accelerator::Tcg => &["-accel", "tcg,thread=single", "-cpu", "max", "-smp", "2"],
        Accelerator::Counted => &[
            "-accel",
            "tcg",
            "-icount",
            "shift=0,sleep=off",
            "-cpu",
            "max,-rdrand,-rdseed",
            "-smp",
            "1",
            "-rtc",
            "base=2020-01-01T00:00:00,clock=vm",
            "-seed",
            "1",
        ],
    };
    let mut arguments: Vec<OsString> = processor.iter().map(OsString::from).collect();
    arguments.extend(["-m", &files.memory.to_string()].map(OsString::from));
    arguments
        .extend(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"].map(OsString::from));
    for (option, file) in [("-kernel", files.image), ("-initrd", files.initramfs)] {
        arguments.extend([option.into(), file.into()]);
    }
    arguments.extend(["-append".into(), cmdline.into()]);
    for port in [files.console, files.wire] {
        arguments.extend(["-serial".into(), with_file("file:", port, false)]);
    }
    if let Some(disk) = files.disk {
        arguments
            .extend(["-drive".into(), with_file("if=virtio,format=raw,cache=writeback,file=", disk, true)]);
    }
    arguments
}

/// An option's value that ends in a file's name; QEMU's option parser takes a doubled comma for a comma.
fn with_file(before: &str, file: &Path, in_options: bool) -> OsString {
    let name = file.to_string_lossy();
    let name = if in_options { name.replace(',', ",,") } else { name.into_owned() };
    format!("{before}{name}").into()
}

/// Where the emulator keeps what it needs of a boot, below one directory.
#[derive(Debug)]
pub(super) struct Paths {
    pub console: PathBuf,
    pub wire: PathBuf,
    pub stderr: PathBuf,
}

impl Paths {
    pub(super) fn below(directory: &Path) -> Paths {
        let [console, wire, stderr] = ["kernel.log", "wire", "qemu.stderr"].map(|name| directory.join(name));
        Paths { console, wire, stderr }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(accelerator: Accelerator, disk: Option<&Path>) -> String {
        let files = Files {
            image: Path::new("/k/bzImage"),
            initramfs: Path::new("/k/initramfs"),
            disk,
            console: Path::new("/t/kernel.log"),
            wire: Path::new("/t/wire"),
            stderr: Path::new("/t/stderr"),
            memory: 1024,
        };
        let arguments = arguments(accelerator, &files, "quiet panic=-1");
        arguments.iter().map(|argument| argument.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_counted_clock_depends_on_nothing_of_the_host() {
        let line = line(Accelerator::Counted, None);
        for part in
            ["-icount shift=0,sleep=off", "-smp 1", "-rdrand,-rdseed", "clock=vm", "-seed 1", "-m 1024"]
        {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert!(!line.contains("kvm") && !line.contains("-drive"));
    }

    #[test]
    fn file_names_keep_their_commas() {
        let line = line(Accelerator::Tcg, Some(Path::new("/t/a,b")));
        assert!(line.contains("cache=writeback,file=/t/a,,b"), "{line}");
    }
}
