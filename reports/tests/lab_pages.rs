//! The lab's pages: self-contained, escaped, within their width, and honest about what they show.

mod page;
mod sample;
#[path = "sample/lab.rs"]
mod sample_lab;

use std::path::Path;

use isolab_reports::Style;
use isolab_reports::lab::record::{FORMAT, Outcome};
use isolab_reports::lab::{Lab, html, markdown, text};
use isolab_reports::record::RecordError;
use page::HOSTILE;

/// The sample with hostile text in every place where a guest or a file could put it.
fn hostile() -> Lab {
    const WORDS: [&str; 9] =
        ["check", "measure", "counted", "5.10", "enforced", "core", "spawn", "netns", "full"];
    let mut value = serde_json::to_value(sample_lab::lab(5)).expect("a lab is JSON");
    page::spoil(&mut value, &WORDS);
    serde_json::from_value(value).expect("still a lab")
}

fn empty() -> Lab {
    Lab { kernels: Vec::new(), ..sample_lab::lab(0) }
}

/// Samples of every awkward kind: none, zeros, and times on CPU that do not belong to them.
fn awkward() -> Lab {
    let mut lab = sample_lab::lab(6);
    for (i, boot) in lab.kernels.iter_mut().flat_map(|kernel| &mut kernel.boots).enumerate() {
        let Outcome::Done { record } = &mut boot.outcome else { continue };
        for (j, series) in record.costs.iter_mut().flat_map(|cost| &mut cost.series).enumerate() {
            match (i + j) % 4 {
                0 => series.samples.clear(),
                1 => series.samples.fill(0),
                2 => series.on_cpu.truncate(1),
                _ => series.on_cpu.fill(u64::MAX),
            }
        }
        record.interference.iter_mut().for_each(|cell| cell.samples.truncate(i % 3));
    }
    lab
}

fn plain(lab: &Lab, width: usize) -> String {
    text::render(lab, &Style::PLAIN, width, Some(Path::new("target/isolab/kernels.html")))
}

#[test]
fn the_page_asks_nobody_for_anything_and_its_links_lead_somewhere() {
    page::assert_self_contained(&html::render(&sample_lab::lab(8)).unwrap());
}

#[test]
fn tags_are_balanced_whatever_was_measured() {
    for lab in [sample_lab::lab(8), sample_lab::lab(1), empty(), awkward(), hostile()] {
        assert_eq!(page::unbalanced(&html::render(&lab).unwrap()), None);
    }
}

#[test]
fn hostile_text_adds_no_markup() {
    let (page, spoilt) = (html::render(&sample_lab::lab(5)).unwrap(), html::render(&hostile()).unwrap());
    assert!(spoilt.contains("&#60;script&#62;alert(1)"));
    assert_eq!(spoilt.matches("<script").count() + spoilt.matches("<img").count(), 0);
    assert_eq!(spoilt.matches('"').count(), page.matches('"').count());
    for sign in ['\u{1b}', '\u{7}', '\u{202e}'] {
        assert!(!spoilt.contains(sign), "{sign:?}");
    }
}

#[test]
fn hostile_text_reaches_no_terminal_and_no_pull_request() {
    let text = plain(&hostile(), 80);
    assert!(text.contains(r"\u{1b}[2J"));
    assert!(text.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')));
    let mut lab = sample_lab::lab(5);
    lab.kernels[0].name = "x` @someone **bold** | <b>".into();
    lab.kernels[4].name = format!("@everyone {HOSTILE}");
    let summary = markdown::render(&lab);
    for line in summary.lines().filter(|line| !line.starts_with("    ")) {
        assert_eq!(line.matches('`').count() % 2, 0, "{line}");
        // Within code spans nothing is markup and nobody is called.
        let outside: String = line.split('`').step_by(2).collect();
        for markup in ["@everyone", "@someone", "<script", "<img", "<b>"] {
            assert!(!outside.contains(markup), "{markup} in {outside}");
        }
    }
}

#[test]
fn nothing_shown_is_not_a_number() {
    for lab in [sample_lab::lab(8), sample_lab::lab(1), awkward(), empty()] {
        for page in [html::render(&lab).unwrap(), plain(&lab, 80), markdown::render(&lab)] {
            for word in page.split(|c: char| !c.is_alphanumeric()) {
                assert!(word != "NaN" && word != "inf", "{word}");
            }
        }
    }
}

#[test]
fn lines_fit_the_terminal() {
    for width in [72, 80, 100, 120] {
        for lab in [sample_lab::lab(8), empty(), awkward(), hostile()] {
            for line in plain(&lab, width).lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }
}

#[test]
fn what_is_lost_and_what_changed_comes_before_what_is_alike() {
    let lab = sample_lab::lab(8);
    let text = plain(&lab, 80);
    let pages = [
        (&text, "No change to be seen: spawn: 2, overlay-io: 2, timer latency: 4"),
        (&markdown::render(&lab), "`spawn/bare`"),
        (&html::render(&lab).unwrap(), "<code>spawn/bare</code>"),
    ];
    for (page, alike) in pages {
        let places = ["No: 1 lost", "Kernel panic", "broken", "spawn/netns", "spawn/full", alike];
        let places: Vec<usize> =
            places.iter().map(|part| page.find(part).unwrap_or_else(|| panic!("{part}"))).collect();
        assert!(places[0] < places[1] && places[2..].is_sorted(), "{places:?}");
    }
    assert!(!text.contains("spawn/bare"), "what did not change is counted, not listed");
}

#[test]
fn what_cannot_be_judged_is_shown_and_called_that() {
    for (boots, said) in [(1, "1 boot a side"), (4, "4 boots a side")] {
        let lab = sample_lab::lab(boots);
        for page in [plain(&lab, 100), markdown::render(&lab), html::render(&lab).unwrap()] {
            let places = ["of this is a finding", said, "spawn/netns", "5 are needed"];
            // Wherever lines were broken.
            let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(places.iter().all(|part| page.contains(part)), "{places:?}: {page}");
            assert!(!page.contains("o change to be seen"), "nothing is known to be alike");
        }
        let text = plain(&lab, 100);
        assert!(text.contains("? waiting;") && text.contains("net namespace +18.0"), "{text}");
        assert!(!text.contains("NaN") && !text.contains("[]"));
    }
}

#[test]
fn markdown_tables_have_as_many_cells_as_columns_and_folds_close() {
    for lab in [sample_lab::lab(8), awkward(), hostile()] {
        let summary = markdown::render(&lab);
        assert_eq!(summary.matches("<details>").count(), summary.matches("</details>").count());
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        let mut rows = summary.lines().peekable();
        while let Some(line) = rows.next() {
            if let Some(next) = rows.peek().filter(|next| line.starts_with('|') && next.starts_with('|')) {
                assert_eq!(cells(line), cells(next), "{line}\n{next}");
            }
        }
    }
}

#[test]
fn markdown_stays_below_what_github_takes() {
    let mut lab = sample_lab::lab(5);
    let Outcome::Done { record } = &mut lab.kernels[0].boots[0].outcome else { panic!("it ran") };
    let many = (0..6000).map(|i| {
        let mut guarantee = record.guarantees[0].clone();
        guarantee.id = format!("{i}-{}", "x".repeat(500));
        guarantee
    });
    record.guarantees = many.collect();
    let summary = markdown::render(&lab);
    assert!(summary.len() < 1 << 20, "{}", summary.len());
    assert!(summary.contains("would not fit") && summary.contains("spawn/netns"));
}

#[test]
fn what_is_written_is_read_and_a_record_is_no_lab() {
    let path = std::env::temp_dir().join(format!("isolab-lab-{}.json", std::process::id()));
    let lab = sample_lab::lab(2);
    lab.write(&path).unwrap();
    assert!(Lab::read(&path).unwrap() == lab, "every number survives, to the last bit");
    std::fs::write(&path, format!(r#"{{"lab_format": {}, "surprise": 1}}"#, FORMAT + 1)).unwrap();
    let newer = Lab::read(&path).unwrap_err();
    assert!(
        matches!(newer, RecordError::TooNew { found, newest, .. } if (found, newest) == (FORMAT + 1, FORMAT))
    );
    sample::record().write(&path).unwrap();
    let other = Lab::read(&path).unwrap_err().to_string();
    assert!(other.contains("missing field `lab_format`"), "{other}");
    std::fs::remove_file(&path).unwrap();
}
