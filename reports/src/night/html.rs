//! A night as one page that leads to the pages of its stages.

use askama::Template;

use super::{Night, Stage, markdown};
use crate::text::visible;
use crate::units;

/// Renders it as one HTML document.
///
/// # Errors
/// When a template fails to write, which formatting into memory does not do.
pub fn render(night: &Night) -> Result<String, askama::Error> {
    Page {
        version: &night.isolab,
        profile: visible(&night.profile),
        shard: night.shard.as_deref(),
        headline: night.headline(),
        place: format!("{}, {}", visible(&night.host), units::utc(night.started)),
        // The page's head names the one host that there mostly is.
        several: night.stages.iter().any(|stage| stage.host != night.host),
        stages: night.by_urgency().into_iter().map(Row::of).collect(),
    }
    .render()
}

#[derive(Template)]
#[template(path = "night.html")]
struct Page<'a> {
    version: &'a str,
    profile: String,
    shard: Option<&'a str>,
    headline: String,
    place: String,
    several: bool,
    stages: Vec<Row<'a>>,
}

/// A stage as it is shown.
struct Row<'a> {
    name: &'a str,
    sign: &'static str,
    words: String,
    took: String,
    host: String,
    command: String,
    page: Option<&'a str>,
    said: Vec<String>,
}

impl<'a> Row<'a> {
    fn of(stage: &'a Stage) -> Row<'a> {
        let ended = stage.ended.as_ref();
        Row {
            name: &stage.name,
            sign: ended.map_or("…", markdown::sign),
            words: ended.map_or_else(|| "still to run".to_owned(), |ended| visible(&ended.words())),
            took: format!("{:.1} min", stage.seconds / 60.0),
            host: visible(&stage.host),
            command: visible(&stage.command.join(" ")),
            page: stage.page.as_deref(),
            said: stage.said.iter().map(|said| visible(said)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::night;

    #[test]
    fn it_leads_to_the_pages_of_its_stages_and_names_are_no_markup() {
        let mut night = night(&[0, 1]);
        night.profile = "<b>".into();
        let page = super::render(&night).unwrap();
        assert!(page.contains("href=\"stage-1/report.html\"") && !page.contains("<b>"), "{page}");
        let place = |name: &str| page.find(&format!("{name}/report.html")).unwrap();
        assert!(place("stage-1") < place("stage-0"));
    }

    #[test]
    fn where_a_stage_ran_is_told_where_it_is_not_the_same_for_all() {
        let mut night = night(&[0, 0]);
        assert!(!super::render(&night).unwrap().contains(">Where<"));
        night.stages[1].host = "Linux 6.1.0, 8 CPUs".into();
        let page = super::render(&night).unwrap();
        assert!(page.contains(">Where<") && page.contains("8 CPUs"), "{page}");
    }
}
