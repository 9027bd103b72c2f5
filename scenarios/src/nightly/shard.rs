//! A part of a profile for one of several machines.

use std::fmt;
use std::str::FromStr;

use super::profile::Stage;

/// Part `number` of `of`, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: usize,
    of: usize,
}

impl Shard {
    /// The stages of this part, in their order. The longest goes first to whoever has least to do, by what the profile allows
    /// each, so that every machine finds the same parts by itself.
    #[must_use]
    pub fn part(self, stages: &[Stage]) -> Vec<&Stage> {
        let mut longest: Vec<usize> = (0..stages.len()).collect();
        longest.sort_by_key(|at| std::cmp::Reverse(stages[*at].minutes));
        let mut loads = vec![0; self.of];
        let mut own = Vec::new();
        for at in longest {
            // The first of several with the least.
            let least = (0..self.of).min_by_key(|machine| loads[*machine]).unwrap_or(0);
            loads[least] += stages[at].minutes;
            if least + 1 == self.number {
                own.push(at);
            }
        }
        own.sort_unstable();
        own.into_iter().map(|at| &stages[at]).collect()
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let numbers =
            text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((number, of)) if number >= 1 && number <= of => Ok(Shard { number, of }),
            _ => Err(format!("{text} is no shard: it is written 2/4, the second of four")),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(minutes: &[u64]) -> Vec<Stage> {
        let stage = |(at, minutes): (usize, &u64)| Stage {
            name: format!("stage-{at}"),
            command: vec!["isolab".into()],
            minutes: *minutes,
        };
        minutes.iter().enumerate().map(stage).collect()
    }

    #[test]
    fn parts_are_all_of_it_once_and_alike() {
        let stages = stages(&[5, 30, 10, 10, 1, 20]);
        for of in 1..8 {
            let mut seen = Vec::new();
            for number in 1..=of {
                let part = Shard { number, of }.part(&stages);
                assert!(part.is_sorted_by_key(|stage| &stage.name));
                seen.extend(part.iter().map(|stage| stage.name.clone()));
            }
            seen.sort();
            assert_eq!(seen, ["stage-0", "stage-1", "stage-2", "stage-3", "stage-4", "stage-5"], "{of}");
        }
        let minutes =
            |number| Shard { number, of: 2 }.part(&stages).iter().map(|stage| stage.minutes).sum::<u64>();
        assert_eq!([minutes(1), minutes(2)], [40, 36]);
    }

    #[test]
    fn what_is_no_shard_is_refused() {
        assert_eq!("2/4".parse::<Shard>().unwrap().to_string(), "2/4");
        for wrong in ["", "1", "0/2", "3/2", "1/0", "a/b", "1/2/3", "-1/2"] {
            assert!(wrong.parse::<Shard>().unwrap_err().contains("2/4"), "{wrong}");
        }
    }
}
