//! What is said besides a command's output: on standard error, and in the file that an engine names.
//!
//! The file's lines are those of runc. Podman reads the whole file as one JSON object to find out why a command failed,
//! so what is no error goes there only with `--debug`.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::time::SystemTime;

use crate::arguments::{Global, LogFormat};
use crate::failure::Failure;
use crate::time;

/// Where it goes.
pub(crate) struct Log {
    file: Option<File>,
    format: LogFormat,
    debug: bool,
}

impl Log {
    pub(crate) fn open(global: &Global) -> Result<Log, Failure> {
        let open = |path: &std::path::PathBuf| {
            let opened = File::options().append(true).create(true).mode(0o644).open(path);
            opened.map_err(|error| Failure::new(format!("--log {}: {error}", path.display())))
        };
        let file = global.log.as_ref().map(open).transpose()?;
        Ok(Log { file, format: global.log_format, debug: global.debug })
    }

    pub(crate) fn error(&self, message: &str) {
        say(message);
        self.write("error", message);
    }

    pub(crate) fn warn(&self, message: &str) {
        say(message);
        if self.debug {
            self.write("warning", message);
        }
    }

    pub(crate) fn debug(&self, message: &str) {
        if self.debug {
            say(message);
            self.write("debug", message);
        }
    }

    fn write(&self, level: &str, message: &str) {
        let Some(mut file) = self.file.as_ref() else { return };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let time = time::seconds(now.as_secs());
        let quoted = serde_json::Value::from(message).to_string();
        let line = match self.format {
            LogFormat::Json => format!("{{\"level\":\"{level}\",\"msg\":{quoted},\"time\":\"{time}\"}}\n"),
            LogFormat::Text => format!("time=\"{time}\" level={level} msg={quoted}\n"),
        };
        // At once, so that lines of several commands do not mix. A full disk is no reason to fail as well.
        drop(file.write_all(line.as_bytes()));
    }
}

/// Says something on standard error.
pub(crate) fn say(message: &str) {
    let line = format!("isolab-runtime: {message}\n");
    let write = || std::io::stderr().write_all(line.as_bytes());
    // Where standard error is closed there is nobody to tell; `eprintln!` would panic and lose the exit status.
    drop(write().or_else(|_| write()));
}
