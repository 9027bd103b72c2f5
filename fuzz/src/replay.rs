//! Inputs from files, without libFuzzer.

use std::path::Path;
use std::process::ExitCode;

use crate::Target;

/// Runs a target over the files named on the command line, and over those in the folders among them; with `--show` in front, prints
/// what they stand for instead.
///
/// # Panics
/// When a file cannot be read, or the property does not hold for it; the file is named.
#[must_use]
pub fn main(target: &Target) -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let show = arguments.first().is_some_and(|first| first == "--show");
    if show {
        arguments.remove(0);
    }
    if arguments.is_empty() {
        eprintln!("usage: {} [--show] FILE|FOLDER…", target.name);
        return ExitCode::from(2);
    }
    for argument in arguments {
        if show {
            each(Path::new(&argument), &mut |path, bytes| {
                println!("{}:\n{}", path.display(), (target.show)(bytes));
            });
        } else {
            println!("{argument}: {} inputs hold", replay(target, Path::new(&argument)));
        }
    }
    ExitCode::SUCCESS
}

/// Runs a target over a file, or over the files in a folder; returns how many there were.
///
/// # Panics
/// As [`main`].
pub fn replay(target: &Target, path: &Path) -> usize {
    let mut count = 0;
    each(path, &mut |path, bytes| {
        if std::panic::catch_unwind(|| (target.holds)(bytes)).is_err() {
            panic!("{} does not hold for {}:\n{}", target.name, path.display(), (target.show)(bytes));
        }
        count += 1;
    });
    count
}

fn each(path: &Path, visit: &mut dyn FnMut(&Path, &[u8])) {
    let failed = |error| -> ! { panic!("read {}: {error}", path.display()) };
    if path.is_dir() {
        let mut entries: Vec<_> =
            std::fs::read_dir(path).and_then(Iterator::collect).unwrap_or_else(|error| failed(error));
        entries.sort_by_key(std::fs::DirEntry::path);
        return entries.iter().for_each(|entry| each(&entry.path(), visit));
    }
    visit(path, &std::fs::read(path).unwrap_or_else(|error| failed(error)));
}
