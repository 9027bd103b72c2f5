//! Both pages: self-contained, escaped, plain when asked to be, and honest about what they show.

mod page;
mod sample;

use std::path::Path;

use isolab_core::host::Feature;
use isolab_reports::record::{Cell, Record};
use isolab_reports::{Style, html, terminal};
use page::HOSTILE;

/// The sample with [`HOSTILE`] at the end of every text in it, but those that are words of the format.
fn hostile() -> Record {
    const WORDS: [&str; 9] = [
        "primitive-ladder",
        "overlay-io",
        "spawn-floor",
        "enforced",
        "child",
        "parent",
        "errno",
        "weaker",
        "left",
    ];
    let mut value = serde_json::to_value(sample::record()).expect("a record is JSON");
    page::spoil(&mut value, &WORDS);
    let mut record: Record = serde_json::from_value(value).expect("still a record");
    record.host.features.insert(HOSTILE.into(), Feature::Available);
    record
}

/// Samples of every awkward kind: none, one, zeros, and rounds that point beyond the end.
fn awkward() -> Record {
    let mut record = sample::record();
    for (i, series) in record.costs.iter_mut().flat_map(|cost| &mut cost.series).enumerate() {
        series.samples.truncate(i % 3);
        if i % 2 == 1 {
            series.samples.fill(0);
        }
        for step in &mut series.steps {
            step.start.truncate(1);
            step.duration.fill(0);
        }
    }
    for (i, cell) in record.interference.iter_mut().enumerate() {
        cell.samples.truncate(i % 4);
        cell.aggressor_work.fill(0.0);
        if i % 3 == 0 {
            cell.samples.fill(0);
        }
    }
    record.noise.clock_read.clear();
    record.host.cpus.clear();
    record
}

fn empty() -> Record {
    Record {
        guarantees: Vec::new(),
        costs: Vec::new(),
        interference: Vec::new(),
        instrument: None,
        questions: Vec::new(),
        beside: Vec::new(),
        sweeps: Vec::new(),
        not_tested: Vec::new(),
        launchers: Vec::new(),
        ..sample::record()
    }
}

fn plain(record: &Record, width: usize) -> String {
    terminal::render(record, &Style::PLAIN, width, Some(Path::new("target/isolab/report.html")))
}

#[test]
fn the_page_asks_nobody_for_anything_and_its_links_lead_somewhere() {
    page::assert_self_contained(&html::render(&sample::record()).unwrap());
}

#[test]
fn every_guarantee_launcher_and_gap_is_on_the_page() {
    let record = sample::record();
    let page = html::render(&record).unwrap();
    for guarantee in &record.guarantees {
        assert!(page.contains(&format!("<code>{}</code>, evidence", guarantee.id)), "{}", guarantee.id);
    }
    for launcher in &record.launchers {
        assert!(page.contains(&launcher.name));
    }
    for gap in &record.not_tested {
        assert!(page.contains(&gap.remedy), "{}", gap.remedy);
    }
}

#[test]
fn tags_are_balanced_whatever_was_measured() {
    for record in [sample::record(), empty(), awkward(), hostile()] {
        assert_eq!(page::unbalanced(&html::render(&record).unwrap()), None);
    }
    assert!(page::unbalanced("<p><b>x</p></b>").is_some());
}

#[test]
fn hostile_text_adds_no_markup() {
    let (page, spoilt) = (html::render(&sample::record()).unwrap(), html::render(&hostile()).unwrap());
    assert!(spoilt.contains("&#60;script&#62;alert(1)") || spoilt.contains("&lt;script&gt;alert(1)"));
    assert_eq!(spoilt.matches('<').count(), page.matches('<').count());
    assert_eq!(spoilt.matches('"').count(), page.matches('"').count());
    for sign in ['\u{1b}', '\u{7}', '\u{202e}'] {
        assert!(!spoilt.contains(sign), "{sign:?}");
    }
}

#[test]
fn hostile_text_reaches_no_terminal() {
    let text = plain(&hostile(), 80);
    assert!(text.contains(r"\u{1b}[2J"));
    assert!(text.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')));
}

#[test]
fn nothing_shown_is_not_a_number() {
    for record in [sample::record(), awkward(), empty()] {
        for page in [html::render(&record).unwrap(), plain(&record, 80)] {
            for word in page.split(|c: char| !c.is_alphanumeric()) {
                assert!(word != "NaN" && word != "inf", "{word} in {}", record.command);
            }
        }
    }
}

#[test]
fn plain_text_is_the_coloured_text_without_its_colours() {
    let record = sample::record();
    let coloured =
        terminal::render(&record, &Style::COLOUR, 80, Some(Path::new("target/isolab/report.html")));
    let mut stripped = String::new();
    for (i, piece) in coloured.split("\u{1b}[").enumerate() {
        stripped.push_str(if i == 0 { piece } else { piece.split_once('m').unwrap().1 });
    }
    assert_ne!(coloured, stripped);
    assert_eq!(stripped, plain(&record, 80));
}

#[test]
fn lines_fit_the_terminal() {
    for width in [72, 80, 100, 120] {
        for record in [sample::record(), empty(), awkward(), hostile()] {
            for line in plain(&record, width).lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }
}

#[test]
fn broken_comes_first_and_the_rest_of_the_way_last() {
    let text = plain(&sample::record(), 80);
    let places =
        ["No: 2 broken", "✗ broken: masked-paths-empty, runc", "Guarantees (22", "Cost:", "Interference:"];
    let places = places.map(|part| text.find(part).unwrap_or_else(|| panic!("{part}")));
    assert!(places.is_sorted(), "{places:?}");
    let gaps = text.find("Could not be tested here").unwrap();
    assert!(places[4] < gaps && text[gaps..].contains("try: boot with systemd.unified_cgroup_hierarchy=1"));
    assert!(text.ends_with("Report: target/isolab/report.html\n"));
}

#[test]
fn a_sweep_says_how_far_it_went_and_what_it_found() {
    let text = plain(&sample::record(), 100);
    for part in
        ["each system call fails", "200 of 2000, seed 7, 80 a second", "mount#46=EINVAL:", "and 1 more"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let page = html::render(&sample::record()).unwrap();
    for part in ["left something behind", "a container that is not as asked", "<code>rmdir#1=EIO</code>"] {
        assert!(page.contains(part), "{part}");
    }
    let alone = Record { sweeps: sample::record().sweeps, ..empty() };
    assert!(plain(&alone, 100).contains("Does it survive faults? No: 2 findings"));
    assert!(html::render(&alone).unwrap().contains("<h1>2 findings after faults</h1>"));
}

#[test]
fn numbers_come_with_spread_and_count() {
    let text = plain(&sample::record(), 80);
    let net = text.lines().find(|line| line.contains("+ net namespace")).unwrap();
    let words: Vec<&str> = net.split_whitespace().collect();
    assert_eq!(words[..3], ["+", "net", "namespace"]);
    // median, unit, spread, count, increment, unit, interval
    assert!(
        words[5].starts_with('±')
            && words[6] == "40"
            && words[7].starts_with('+')
            && words[9].starts_with("(+")
    );
    let page = html::render(&sample::record()).unwrap();
    let cells = page.split("<td class=\"number\" title=").skip(1);
    let cells: Vec<&str> = cells.map(|cell| cell.split("</td>").next().unwrap()).collect();
    assert!(cells.len() > 30);
    assert!(cells.iter().all(|cell| cell.contains("<small>±") && cell.contains("n\u{a0}40")), "{cells:?}");
}

#[test]
fn pictures_have_words_for_those_who_do_not_see_them() {
    let page = html::render(&sample::record()).unwrap();
    let pictures: Vec<&str> = page.split("<svg").skip(1).map(|svg| svg.split('>').next().unwrap()).collect();
    assert!(pictures.len() > 4);
    for picture in pictures {
        let named = picture.contains("role=\"img\" aria-label=\"Percentile curves of ");
        assert!(named || picture.contains("aria-hidden=\"true\""), "{picture}");
    }
}

#[test]
fn rounds_out_of_range_are_survived() {
    let cell = Cell { rounds: vec![900_000, 3, 1], ..sample::record().interference[0].clone() };
    let record = Record { interference: vec![cell], ..sample::record() };
    assert!(html::render(&record).unwrap().contains("timer latency"));
}
