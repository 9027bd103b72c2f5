//! Progress for people: a bar on a terminal, a line a stage elsewhere.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use isolab_scenarios::progress::{Progress, say};

/// Progress on standard error.
pub(super) struct Bars {
    terminal: bool,
    stage: Mutex<Option<Stage>>,
}

struct Stage {
    what: String,
    begun: Instant,
    bar: ProgressBar,
}

impl Bars {
    pub(super) fn new() -> Bars {
        Bars { terminal: std::io::stderr().is_terminal(), stage: Mutex::new(None) }
    }

    fn with(&self, act: impl FnOnce(&mut Option<Stage>)) {
        // A panic while drawing does not make the next drawing wrong.
        act(&mut self.stage.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

fn bar(what: &str, total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    // The template is a constant; were it wrong, the plain style would do.
    if let Ok(style) = ProgressStyle::with_template("{prefix:<34} {bar:24} {pos:>4}/{len:<4} {wide_msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

impl Progress for Bars {
    fn begin(&self, what: &str, total: u64) {
        let bar = if self.terminal { bar(what, total) } else { ProgressBar::hidden() };
        if !self.terminal {
            say(&format!("{what} …"));
        }
        self.with(|stage| *stage = Some(Stage { what: what.to_owned(), begun: Instant::now(), bar }));
    }

    fn step(&self, detail: &str) {
        self.with(|stage| {
            if let Some(stage) = stage {
                stage.bar.inc(1);
                stage.bar.set_message(detail.to_owned());
            }
        });
    }

    fn note(&self, line: &str) {
        self.with(|stage| match stage {
            Some(Stage { bar, .. }) if self.terminal => bar.println(line),
            _ => say(line),
        });
    }

    fn done(&self) {
        self.with(|stage| {
            if let Some(Stage { what, begun, bar }) = stage.take() {
                bar.finish_and_clear();
                say(&format!("{what}: {:.1} s", begun.elapsed().as_secs_f64()));
            }
        });
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.with(|stage| {
            if let Some(stage) = stage {
                stage.bar.finish_and_clear();
            }
        });
    }
}
