//! Change points beside the answers of published implementations of E-divisive, on series whose breaks are known.

mod series;

use std::path::Path;

use isolab_reports::stats::changes;
use series::{Chance, Series};

/// The seed that the answers belong to.
const SEED: u64 = 1;

/// By how many false ones a kind may be beyond E-divisive: small shifts that are found four runs away count as such, here and there.
const SLACK: usize = 8;

/// Of one kind's series: breaks, and what each method found of them, and found besides.
struct Row {
    kind: &'static str,
    breaks: usize,
    methods: [[usize; 2]; 3],
}

#[test]
fn more_is_found_than_by_e_divisive_and_less_that_is_none() {
    let all = series::all(SEED);
    let ours: Vec<Vec<usize>> = all.iter().map(|series| changes::points(&series.values)).collect();
    let e_divisive = answers(include_str!("series/e-divisive.txt"));
    let otava = answers(include_str!("series/otava.txt"));
    let table: Vec<Row> = all
        .chunks(series::EACH)
        .enumerate()
        .map(|(n, chunk)| row(chunk, n * series::EACH, [&ours, &e_divisive, &otava]))
        .collect();
    let sum = |method: usize, what: usize| table.iter().map(|row| row.methods[method][what]).sum::<usize>();
    println!("{:24} {:>6} {:>14} {:>14} {:>14}", "", "breaks", "isolab", "e-divisive", "otava");
    for row in &table {
        println!("{}", row.line());
    }
    let methods = [0, 1, 2].map(|method| [sum(method, 0), sum(method, 1)]);
    let total = Row { kind: "all", breaks: table.iter().map(|row| row.breaks).sum(), methods };
    println!("{}", total.line());
    for other in [1, 2] {
        assert!(total.methods[0][0] >= total.methods[other][0], "breaks found\n{}", total.line());
        assert!(total.methods[0][1] <= total.methods[other][1] / 2, "found that are none\n{}", total.line());
    }
    for row in table {
        let [[ours, ours_false], [theirs, theirs_false], _] = row.methods;
        assert!(ours * 100 >= theirs * 90, "breaks found\n{}", row.line());
        assert!(ours_false <= theirs_false + SLACK, "found that are none\n{}", row.line());
    }
}

#[test]
fn two_thousand_runs_take_less_than_a_second() {
    let Series { values, breaks, .. } = series::one(&series::LONG, &mut Chance::new(5));
    let start = std::time::Instant::now();
    let found = changes::points(&values);
    let took = start.elapsed().as_secs_f64();
    assert_eq!(series::judge(&breaks, &found), [breaks.len(), 0], "{breaks:?} {found:?}");
    // Without optimisation it takes about ten times as long.
    let most = if cfg!(debug_assertions) { 20.0 } else { 1.0 };
    assert!(took < most, "{took} s");
}

#[test]
fn answers_are_the_same_each_time() {
    let series = series::all(SEED + 1);
    for series in series.iter().step_by(50) {
        assert_eq!(changes::changes(&series.values), changes::changes(&series.values), "{}", series.kind);
    }
}

#[test]
#[ignore = "writes the series for series/reference.py"]
fn write() {
    let line = |series: Series| {
        let values: Vec<String> = series.values.iter().map(|value| format!("{value:?}")).collect();
        values.join(" ") + "\n"
    };
    let text: String = series::all(SEED).into_iter().map(line).collect();
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("series.txt"), text).unwrap();
}

/// One line a series, below a line that says who answered.
fn answers(text: &str) -> Vec<Vec<usize>> {
    let point = |word: &str| word.parse().expect("a number");
    text.lines().skip(1).map(|line| line.split_whitespace().map(point).collect()).collect()
}

fn row(chunk: &[Series], first: usize, methods: [&Vec<Vec<usize>>; 3]) -> Row {
    let judge = |answers: &Vec<Vec<usize>>| {
        chunk.iter().zip(&answers[first..]).fold([0, 0], |sum, (series, found)| {
            let [hits, wrong] = series::judge(&series.breaks, found);
            [sum[0] + hits, sum[1] + wrong]
        })
    };
    Row {
        kind: chunk[0].kind,
        breaks: chunk.iter().map(|series| series.breaks.len()).sum(),
        methods: methods.map(judge),
    }
}

impl Row {
    fn line(&self) -> String {
        let [ours, e_divisive, otava] = self.methods.map(|[hits, wrong]| format!("{hits} + {wrong}"));
        format!("{:24} {:6} {ours:>14} {e_divisive:>14} {otava:>14}", self.kind, self.breaks)
    }
}
