//! A night on a terminal.

use std::path::Path;

use super::{Ended, Night, Stage};
use crate::figures::answers::Tone;
use crate::terminal::{Page, Paint, Style};
use crate::text::visible;
use crate::units;

/// Renders it: what is worst first.
#[must_use]
pub fn render(night: &Night, style: &Style, width: usize, html: Option<&Path>) -> String {
    let mut page = Page::new(style, width);
    let shard = night.shard.as_ref().map_or_else(String::new, |shard| format!(", shard {shard}"));
    let title = format!("isolab nightly, {}{shard}: {}", visible(&night.profile), night.headline());
    page.paragraph(0, Paint::Strong, &title);
    page.paragraph(0, Paint::Quiet, &format!("{}, {}", visible(&night.host), units::utc(night.started)));
    page.blank();
    let widest = night.stages.iter().map(|stage| stage.name.chars().count()).max().unwrap_or(0);
    for stage in night.by_urgency() {
        self::stage(&mut page, stage, widest);
    }
    page.finish(html)
}

fn stage(page: &mut Page, stage: &Stage, widest: usize) {
    let name = format!("{:<widest$}", visible(&stage.name));
    let (paint, words) = match &stage.ended {
        None => (Paint::Wary, "still to run".to_owned()),
        Some(ended) => (paint(ended), visible(&ended.words())),
    };
    page.labelled(0, &name, paint, &format!("{words}, {:.1} min", stage.seconds / 60.0));
    for said in &stage.said {
        page.labelled(0, &" ".repeat(widest), Paint::Plain, &visible(said));
    }
}

fn paint(ended: &Ended) -> Paint {
    match ended.tone() {
        Tone::Good | Tone::Plain => Paint::Good,
        Tone::Wary => Paint::Wary,
        Tone::Bad => Paint::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::night;
    use super::*;

    #[test]
    fn it_says_how_each_stage_ended() {
        let mut night = night(&[0, 1]);
        night.stages[0].ended = Some(Ended::TooLong { minutes: 5 });
        let text = render(&night, &Style::PLAIN, 100, None);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "isolab nightly, quick: 2 of 2 stages want a look");
        assert!(
            lines[3].starts_with("stage-0") && lines[3].contains("ended after its 5 min, 1.0 min"),
            "{text}"
        );
        assert!(lines[5].starts_with("stage-1") && lines[5].contains("broken or slower"), "{text}");
    }
}
