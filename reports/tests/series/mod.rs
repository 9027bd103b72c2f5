//! Series of figures with known change points, the same on every machine: whole numbers and square roots, no logarithms.

/// One synthetic series.
pub(crate) struct Series {
    /// Which of [`KINDS`].
    pub(crate) kind: &'static str,
    /// One number a run.
    pub(crate) values: Vec<f64>,
    /// The runs at which the level changes.
    pub(crate) breaks: Vec<usize>,
}

/// How far from a break it may be found, in runs.
pub(crate) const NEAR: usize = 3;

/// Series a kind.
pub(crate) const EACH: usize = 60;

/// What a kind's series are like.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Runs, from and to.
    runs: [usize; 2],
    /// Breaks, from and to.
    breaks: [usize; 2],
    /// Fewest and most runs between breaks; most 0 means as chance has it.
    apart: [usize; 2],
    /// Shifts, in standard deviations of the noise, from and to.
    shift: [f64; 2],
    noise: Noise,
    /// Drift over the whole series, in standard deviations.
    drift: f64,
    /// Whether all shifts go up.
    stairs: bool,
}

#[derive(Clone, Copy)]
enum Noise {
    Normal,
    /// Student's, with three degrees of freedom.
    Heavy,
    /// Exponential: as low as it gets, and now and then far above.
    Skewed,
    /// Normal; one or two runs in fifty are 8 to 30 standard deviations off.
    Spikes,
    /// Each run keeps 40 % of the one before.
    Kept,
}

const fn plain(name: &'static str, breaks: [usize; 2], shift: [f64; 2], noise: Noise) -> Kind {
    Kind { name, runs: [60, 200], breaks, apart: [15, 0], shift, noise, drift: 0.0, stairs: false }
}

/// Every kind.
pub(crate) const KINDS: [Kind; 17] = [
    plain("nothing", [0, 0], [0.0, 0.0], Noise::Normal),
    plain("nothing, heavy tails", [0, 0], [0.0, 0.0], Noise::Heavy),
    plain("nothing, skewed", [0, 0], [0.0, 0.0], Noise::Skewed),
    plain("nothing, spikes", [0, 0], [0.0, 0.0], Noise::Spikes),
    plain("nothing, autocorrelated", [0, 0], [0.0, 0.0], Noise::Kept),
    Kind { drift: 5.0, ..plain("drift alone", [0, 0], [0.0, 0.0], Noise::Normal) },
    plain("one small", [1, 1], [0.7, 1.5], Noise::Normal),
    plain("one middling", [1, 1], [1.5, 4.0], Noise::Normal),
    plain("one large", [1, 1], [4.0, 50.0], Noise::Normal),
    Kind { runs: [120, 300], ..plain("several", [3, 6], [1.0, 8.0], Noise::Normal) },
    Kind { runs: [120, 300], stairs: true, ..plain("stairs", [3, 5], [1.0, 4.0], Noise::Normal) },
    Kind { runs: [100, 200], apart: [5, 10], ..plain("short segments", [2, 5], [4.0, 10.0], Noise::Normal) },
    plain("heavy tails", [1, 4], [0.7, 5.0], Noise::Heavy),
    plain("skewed", [1, 4], [0.7, 5.0], Noise::Skewed),
    plain("spikes", [1, 4], [1.0, 8.0], Noise::Spikes),
    Kind { drift: 1.5, ..plain("drift", [1, 3], [2.0, 8.0], Noise::Normal) },
    plain("autocorrelated", [1, 3], [2.0, 8.0], Noise::Kept),
];

/// A few thousand runs, for the time that it takes.
pub(crate) const LONG: Kind = Kind { runs: [2000, 2000], ..plain("long", [4, 8], [1.0, 4.0], Noise::Normal) };

/// All series of a seed, in the order of [`KINDS`].
pub(crate) fn all(seed: u64) -> Vec<Series> {
    let mut chance = Chance::new(seed);
    KINDS.iter().flat_map(|kind| (0..EACH).map(move |_| kind)).map(|kind| one(kind, &mut chance)).collect()
}

/// One series of a kind.
pub(crate) fn one(kind: &Kind, chance: &mut Chance) -> Series {
    let runs = chance.between(kind.runs);
    let breaks = places(kind, runs, chance);
    let mut level = 0.0;
    let mut kept = 0.0;
    let mut values = Vec::with_capacity(runs);
    for run in 0..runs {
        if breaks.contains(&run) {
            let up = if kind.stairs || chance.below(2) == 0 { 1.0 } else { -1.0 };
            level += up * (kind.shift[0] + (kind.shift[1] - kind.shift[0]) * chance.uniform());
        }
        let noise = match kind.noise {
            Noise::Normal => chance.normal(),
            // Scaled to a standard deviation of about one.
            Noise::Heavy => chance.student() / 1.7,
            Noise::Skewed => f64::midpoint(chance.normal().powi(2), chance.normal().powi(2)),
            Noise::Spikes => chance.normal() + chance.spike(),
            Noise::Kept => {
                kept = 0.4 * kept + (1.0_f64 - 0.16).sqrt() * chance.normal();
                kept
            }
        };
        let drift = kind.drift * run as f64 / runs as f64;
        // The noise is 1 % of the level.
        values.push(100.0 + level + drift + noise);
    }
    Series { kind: kind.name, values, breaks }
}

/// Where the breaks are: at least so many runs apart, also from both ends.
fn places(kind: &Kind, runs: usize, chance: &mut Chance) -> Vec<usize> {
    let wanted = chance.between(kind.breaks);
    let [least, most] = kind.apart;
    if most > 0 {
        let first = 20 + chance.below(runs - 20 - (wanted + 1) * most);
        let apart = (1..wanted).scan(first, |at, _| {
            *at += chance.between([least, most]);
            Some(*at)
        });
        return std::iter::once(first).chain(apart.collect::<Vec<_>>()).collect();
    }
    // Of the runs that are left over when each segment has its least, each break takes some.
    let wanted = wanted.min(runs / least - 1);
    let spare = runs - (wanted + 1) * least;
    let mut taken: Vec<usize> = (0..wanted).map(|_| chance.below(spare + 1)).collect();
    taken.sort_unstable();
    taken.iter().enumerate().map(|(n, taken)| (n + 1) * least + taken).collect()
}

/// SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn between(&mut self, [low, high]: [usize; 2]) -> usize {
        low + self.below(high - low + 1)
    }

    /// Twelve uniform ones have a variance of one together, and are normal enough.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    fn student(&mut self) -> f64 {
        let squares: f64 = (0..3).map(|_| self.normal().powi(2)).sum();
        self.normal() / (squares / 3.0).sqrt()
    }

    fn spike(&mut self) -> f64 {
        if self.below(33) > 0 {
            return 0.0;
        }
        let size = 8.0 + 22.0 * self.uniform();
        if self.below(4) == 0 { -size } else { size }
    }
}

/// Of the breaks, how many were found; and how many were found that are none.
pub(crate) fn judge(breaks: &[usize], found: &[usize]) -> [usize; 2] {
    let mut left = found.to_vec();
    let mut hits = 0;
    for at in breaks {
        let nearest = (0..left.len()).min_by_key(|&n| left[n].abs_diff(*at));
        if let Some(n) = nearest.filter(|&n| left[n].abs_diff(*at) <= NEAR) {
            left.remove(n);
            hits += 1;
        }
    }
    [hits, left.len()]
}
