//! A night as Markdown, for a job summary.

use super::{Ended, Night, Stage};
use crate::figures::answers::Tone;
use crate::markup::{code, words};
use crate::units;

/// Renders it: what is worst first.
#[must_use]
pub fn render(night: &Night) -> String {
    let shard = night.shard.as_ref().map_or_else(String::new, |shard| format!(", shard {}", words(shard)));
    let mut text = format!(
        "## isolab nightly, {}{shard}: {}\n\n{}, {}\n\n| stage | | took | found |\n| --- | --- | --- | --- |\n",
        words(&night.profile),
        night.headline(),
        words(&night.host),
        units::utc(night.started)
    );
    night.by_urgency().into_iter().for_each(|stage| text.push_str(&row(stage)));
    text
}

fn row(stage: &Stage) -> String {
    let (sign, how) = match &stage.ended {
        None => ("…", "still to run".to_owned()),
        Some(ended) => (sign(ended), words(&ended.words())),
    };
    let said: Vec<String> = stage.said.iter().map(|said| words(said)).collect();
    let took = format!("{:.1} min", stage.seconds / 60.0);
    format!("| {} | {sign} {how} | {took} | {} |\n", code(&stage.name), said.join("<br>"))
}

pub(super) fn sign(ended: &Ended) -> &'static str {
    match ended.tone() {
        Tone::Good | Tone::Plain => "✓",
        Tone::Wary => "–",
        Tone::Bad => "✗",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{night, stage};
    use super::*;

    #[test]
    fn each_stage_is_a_row_and_the_worst_is_first() {
        let mut night = night(&[0, 1]);
        night.stages.push(stage("a|b", None));
        let text = render(&night);
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| `")).collect();
        assert_eq!(rows.len(), 3);
        assert!(rows[0].starts_with("| `a\\|b` | … still to run"), "{rows:?}");
        assert!(rows[1].contains("✗ broken or slower | 1.0 min | Does it hold?"), "{rows:?}");
    }
}
