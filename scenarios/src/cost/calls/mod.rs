//! System calls under seccomp: nanoseconds a call without a filter, under ours and under libseccomp's two, by the size of the
//! profile and by how its arguments are checked.
//!
//! A sample is the mean of a batch of calls on a fresh thread, which loads the filter, sees by trial that it does what the
//! profile says, and takes it with it. Every round runs every filter once. What the filters are loaded with is the same:
//! no flags, so that mitigations are the same too.
//!
//! What the bitmap answers is not seen but known: `seccomp_cache_prepare` marks the calls that a filter allows without
//! looking at arguments, since Linux 5.11.

mod call;
pub mod engine;
mod filters;
pub mod libseccomp;
mod profiles;

use std::time::Duration;

use isolab_core::host::Host;
use isolab_core::seccomp::Program;
use isolab_reports::record::{Cost, NotTested, Series};

use super::Options;
use crate::cancel::Cancel;
use crate::progress::Progress;
use crate::ready::{self, Error};
use crate::schedule::{Limits, Rounds};
use crate::scratch::Scratch;
use call::{Failed, REFUSED, Refusing};
use libseccomp::{Exporter, Order};

pub use call::Call;
pub use filters::{By, exported};
pub use profiles::{Profile, SIZES};

/// What the ids of the costs in the record begin with.
pub const ID: &str = "seccomp-calls";
/// Limits for a run of about twenty seconds.
pub const QUICK: Limits = Limits { rounds: 300, time: Duration::from_secs(20), seed: 1 };
/// Who makes filters, in the order of the series.
pub const SIDES: [By; 3] = [By::Core, By::Libseccomp(Order::Linear), By::Libseccomp(Order::Tree)];

/// What a thread runs under, and what it calls.
#[derive(Debug)]
pub struct Variant {
    /// The profile's name and who made the filter; `None` for no filter.
    under: Option<(String, By)>,
    filter: Option<Refusing>,
    calls: &'static [Call],
}

/// Nanoseconds for a call, round by round.
#[derive(Debug)]
pub struct Lane {
    /// What is called.
    pub call: Call,
    /// The profile's name and who made the filter; `None` for no filter.
    pub under: Option<(String, By)>,
    /// The samples.
    pub samples: Vec<f64>,
    /// What is known of the filter.
    pub enforced: String,
}

impl Lane {
    /// The name of its series.
    #[must_use]
    pub fn name(&self) -> String {
        self.under.as_ref().map_or_else(|| NO_FILTER.into(), |(profile, by)| name(profile, *by))
    }

    /// The series that it is compared against: what is allowed against no filter, what is refused against libseccomp's tree.
    #[must_use]
    pub fn against(&self) -> Option<String> {
        let (profile, by) = self.under.as_ref()?;
        match self.call {
            Call::Refused => (*by != TREE).then(|| name(profile, TREE)),
            Call::Always | Call::OneCheck | Call::FiveChecks => Some(NO_FILTER.into()),
        }
    }
}

const NO_FILTER: &str = "no filter";
const TREE: By = By::Libseccomp(Order::Tree);

fn name(profile: &str, by: By) -> String {
    format!("{profile}, {}", by.name())
}

/// Compiles all filters. What is missing here is said, and the rest measured.
///
/// # Errors
/// When the host cannot be read, or this process is under a filter already.
pub fn variants(host: &Host) -> Result<(Vec<Variant>, Vec<NotTested>), Error> {
    let own = ready::own_observation(host)?.status.seccomp;
    if own != 0 {
        let problem = format!("no filter is not to be had: this process is in seccomp mode {own}");
        return Err(Error::NotEnforced(problem));
    }
    let mut missing = Vec::new();
    let scratch = Scratch::new().map_err(Error::io("make a scratch directory"))?;
    let not_tested = |what: &str, error: std::io::Error, remedy: &str| NotTested {
        what: format!("{ID}: {what}"),
        reason: error.to_string(),
        remedy: remedy.into(),
    };
    let exporter = Exporter::new(scratch.path(), "calls")
        .map_err(|error| missing.push(not_tested("libseccomp's filters", error, libseccomp::REMEDY)))
        .ok();
    let lists: Result<Vec<Profile>, _> = SIZES.into_iter().map(profiles::allow_list).collect();
    let mut profiles = lists.map_err(Error::io("make the profiles"))?;
    match profiles::of_engine() {
        Ok(profile) => profiles.push(profile),
        Err(error) => missing.push(not_tested(engine::PROFILE, error, engine::REMEDY)),
    }
    let mut variants = vec![Variant { under: None, filter: None, calls: &Call::ALLOWED }];
    for profile in &profiles {
        let here = SIDES.into_iter().filter(|by| *by == By::Core || exporter.is_some());
        let made = here.map(|by| variant(profile, by, exporter.as_ref())).collect::<Result<Vec<_>, _>>()?;
        variants.extend(made);
    }
    Ok((variants, missing))
}

fn variant(profile: &Profile, by: By, exporter: Option<&Exporter>) -> Result<Variant, Error> {
    let operation = format!("compile the profile {}", name(&profile.name, by));
    let program = by.compile(&profile.profile, exporter).map_err(Error::io(operation.clone()))?;
    let [refusal, forbidden] = filters::refusals(&program)
        .ok_or_else(|| Error::NotEnforced(format!("{operation}: it does not refuse {REFUSED}")))?;
    let filter = Some(Refusing { program, refusal, forbidden });
    Ok(Variant { under: Some((profile.name.clone(), by)), filter, calls: profile.calls })
}

impl Variant {
    fn lane(&self, call: Call) -> Lane {
        let enforced = self.filter.as_ref().map_or_else(
            || "no filter: /proc/self/status says so".into(),
            |filter| {
                let Refusing { program, refusal, forbidden } = filter;
                format!(
                    "{} instructions; tried on every thread: getppid and personality(0xffffffff) were allowed, \
                     personality(1) was refused with {forbidden}, {REFUSED} with {refusal}",
                    length(program)
                )
            },
        );
        Lane { call, under: self.under.clone(), samples: Vec::new(), enforced }
    }

    /// One sample of each call.
    fn round(&self) -> Result<Vec<f64>, Error> {
        let lane =
            || self.under.as_ref().map_or_else(|| NO_FILTER.into(), |(profile, by)| name(profile, *by));
        let measured =
            call::measure(self.filter.as_ref(), self.calls).map_err(Error::io("run a thread under a filter"));
        measured?.map_err(|failed| {
            Error::NotEnforced(match failed {
                Failed::Load(errno) => format!("{}: seccomp(2) says {errno}", lane()),
                Failed::Trial => format!("{}: a call was not answered as the profile says", lane()),
                Failed::Batch(call, errno) => {
                    format!("{}: {} was answered with {errno}", lane(), call.name())
                }
            })
        })
    }
}

fn length(program: &Program) -> usize {
    program.instructions.len()
}

/// Measures.
///
/// # Errors
/// When a filter cannot be loaded or does not do as its profile says, or the run is to stop.
pub fn lanes(
    variants: &[Variant],
    limits: Limits,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Vec<Lane>, Error> {
    let mut lanes: Vec<Vec<Lane>> = variants
        .iter()
        .map(|variant| variant.calls.iter().map(|call| variant.lane(*call)).collect())
        .collect();
    progress.begin("system calls under seccomp", u64::from(limits.rounds));
    let mut rounds = Rounds::new(variants.len(), limits);
    while let Some(order) = rounds.next_round() {
        progress.step(&format!("{} filters", variants.len()));
        for at in order {
            cancel.check()?;
            for (lane, sample) in lanes[at].iter_mut().zip(variants[at].round()?) {
                lane.samples.push(sample);
            }
        }
    }
    progress.done();
    Ok(lanes.into_iter().flatten().collect())
}

/// Measures, for a record.
///
/// # Errors
/// When the run is to stop.
pub fn run(
    options: &Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(Vec<Cost>, Vec<NotTested>), Error> {
    let measured = variants(host)
        .and_then(|(variants, missing)| Ok((lanes(&variants, options.limits, progress, cancel)?, missing)));
    let (lanes, missing) = match measured {
        Ok(measured) => measured,
        Err(error) => return Ok((Vec::new(), vec![error.into_not_tested(ID)?])),
    };
    let costs = Call::ALL.into_iter().map(|call| cost(call, &lanes)).collect();
    Ok((costs, missing))
}

/// The series of one call.
fn cost(call: Call, lanes: &[Lane]) -> Cost {
    let of_call: Vec<&Lane> = lanes.iter().filter(|lane| lane.call == call).collect();
    let names: Vec<String> = of_call.iter().map(|lane| lane.name()).collect();
    let series = of_call.into_iter().map(|lane| {
        let against = lane.against().filter(|against| names.contains(against));
        let samples = lane.samples.iter().map(|nanos| nanos.round() as u64).collect();
        let series = Series::of(lane.name(), against.as_deref(), samples);
        Series { enforced: Some(lane.enforced.clone()), ..series }
    });
    let title = format!("Time for a system call under seccomp, the mean of {}: {}", call::BATCH, call.name());
    Cost { id: format!("{ID}-{}", call.id()), title, launcher: "core".into(), series: series.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(call: Call, under: Option<(&str, By)>, samples: &[f64]) -> Lane {
        let under = under.map(|(profile, by)| (profile.to_owned(), by));
        Lane { call, under, samples: samples.to_vec(), enforced: "e".into() }
    }

    #[test]
    fn what_is_allowed_is_compared_with_no_filter_and_what_is_refused_with_the_tree() {
        let linear = By::Libseccomp(Order::Linear);
        let lanes = [
            lane(Call::Always, None, &[50.4]),
            lane(Call::Always, Some(("50 names", By::Core)), &[60.6]),
            lane(Call::Refused, Some(("50 names", By::Core)), &[1.0]),
            lane(Call::Refused, Some(("50 names", linear)), &[2.0]),
            lane(Call::Refused, Some(("50 names", TREE)), &[3.0]),
        ];
        let series = |call| cost(call, &lanes).series;
        let always = series(Call::Always);
        assert_eq!(always.len(), 2);
        assert_eq!((&*always[1].name, always[1].against.as_deref()), ("50 names, core", Some("no filter")));
        assert_eq!((&always[0].samples[..], &always[1].samples[..]), (&[50][..], &[61][..]));
        let against: Vec<Option<String>> = series(Call::Refused).into_iter().map(|s| s.against).collect();
        let tree = Some("50 names, libseccomp tree".to_owned());
        assert_eq!(against, [tree.clone(), tree, None]);
    }

    #[test]
    fn without_libseccomp_nothing_is_compared_with_it() {
        let lanes = [lane(Call::Refused, Some(("10 names", By::Core)), &[1.0])];
        assert_eq!(cost(Call::Refused, &lanes).series[0].against, None);
    }

    #[test]
    fn every_filter_here_does_as_its_profile_says() {
        let (variants, missing) = match variants(&Host::probe()) {
            Ok(variants) => variants,
            Err(error) => return assert!(error.to_string().contains("in seccomp mode"), "{error}"),
        };
        let needs = [libseccomp::NEEDS[0], libseccomp::NEEDS[1], engine::PROFILE];
        if isolab_core::need::met(&needs) {
            assert!(missing.is_empty(), "{missing:?}");
            assert_eq!(variants.len(), 1 + (SIZES.len() + 1) * SIDES.len());
        }
        let limits = Limits { rounds: 1, time: Duration::from_secs(60), seed: 1 };
        let lanes = lanes(&variants, limits, &crate::progress::Quiet, &Cancel::new()).unwrap();
        assert!(lanes.len() > variants.len());
        assert!(lanes.iter().all(|lane| lane.samples.len() == 1 && lane.samples[0] > 1.0), "{lanes:?}");
    }
}
