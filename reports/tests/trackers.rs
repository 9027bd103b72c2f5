//! The forms that benchmark trackers read.

// A panic is how a test reports; the sample holds what other tests need.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

mod sample;

use std::collections::BTreeSet;

use isolab_reports::record::Record;
use isolab_reports::run::Run;
use isolab_reports::trackers::{bencher, github_benchmark, openmetrics};
use serde_json::Value;

/// The sample, with a name that every form must escape.
fn record() -> Record {
    let mut record = sample::record();
    record.costs[0].series[0].name = "a \"quoted\\\" name\nof two lines".into();
    record
}

#[test]
fn github_action_benchmark_has_an_entry_for_each_figure() {
    let record = record();
    let entries: Vec<Value> = serde_json::from_str(&github_benchmark::render(&record).unwrap()).unwrap();
    let run = Run::of(&record);
    assert_eq!(entries.len(), run.figures.len());
    for entry in &entries {
        let figure = run.figures[entry["name"].as_str().unwrap()];
        assert_eq!((entry["unit"].as_str(), entry["value"].as_f64()), (Some("ns"), Some(figure.median)));
        assert!(entry["range"].is_null() || entry["range"].as_str().unwrap().starts_with("± "));
        assert!(entry["extra"].as_str().unwrap().starts_with(&format!("samples {}\n", figure.samples)));
    }
    // A percentile has no spread of its own.
    let p99 = |entry: &&Value| entry["name"].as_str().unwrap().ends_with(" p99");
    assert!(entries.iter().filter(p99).all(|entry| entry.get("range").is_none()));
}

#[test]
fn bencher_has_the_latency_of_each_figure_within_its_bounds() {
    let record = record();
    let all: Value = serde_json::from_str(&bencher::render(&record).unwrap()).unwrap();
    let run = Run::of(&record);
    assert_eq!(all.as_object().unwrap().len(), run.figures.len());
    let mut bounded = 0;
    for (name, figure) in &run.figures {
        let metric = &all[name]["latency"];
        let number = |member: &str| metric[member].as_f64();
        assert_eq!(number("value"), Some(figure.median), "{name}");
        if let (Some(low), Some(high)) = (number("lower_value"), number("upper_value")) {
            assert!(low <= figure.median && figure.median <= high, "{name}");
            bounded += 1;
        }
    }
    assert!(bounded > 0);
}

/// What the text format asks for, of what is used here: <https://prometheus.io/docs/specs/om/open_metrics_spec>.
fn check_openmetrics(text: &str) -> Vec<String> {
    let body = text.strip_suffix("# EOF\n").expect("it ends with EOF and a line feed");
    let (mut family, mut kind, mut names, mut samples) =
        (String::new(), String::new(), BTreeSet::new(), BTreeSet::new());
    for line in body.lines() {
        if let Some(meta) = line.strip_prefix("# ") {
            let [word, name, rest] = meta.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            match word {
                "TYPE" => {
                    assert!(names.insert(name.to_owned()), "a family is there once: {line}");
                    (family, kind) = (name.to_owned(), rest.to_owned());
                    assert!(matches!(rest, "gauge" | "info"), "{line}");
                }
                "UNIT" => assert!(name == family && name.ends_with(&format!("_{rest}")), "{line}"),
                "HELP" => assert!(name == family && !rest.is_empty(), "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().unwrap().is_finite(), "{line}");
        let name = series.split('{').next().unwrap();
        let end = if kind == "info" { "_info" } else { "" };
        assert_eq!(name, format!("{family}{end}"), "{line}");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{line}");
        assert!(samples.insert(series.to_owned()), "a series is there once: {line}");
    }
    samples.into_iter().collect()
}

#[test]
fn openmetrics_is_valid_and_complete() {
    let record = record();
    let samples = check_openmetrics(&openmetrics::render(&record));
    let begin = |name: &str| samples.iter().filter(|sample| sample.starts_with(name)).count();
    let times = begin("isolab_cost_seconds{") + begin("isolab_interference_seconds{");
    assert_eq!(times, Run::of(&record).figures.len());
    assert!(begin("isolab_guarantee_holds{") > 3);
    let escaped = r#"series="a \"quoted\\\" name\nof two lines""#;
    assert!(samples.iter().any(|sample| sample.contains(escaped)), "{samples:#?}");
}
