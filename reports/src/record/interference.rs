//! What a matrix of victims and aggressors gave.

use serde::{Deserialize, Serialize};

/// One cell of an interference matrix.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Id of the matrix; empty in older records, which have only one.
    #[serde(default)]
    pub matrix: String,
    /// The measured workload, such as `timer latency`.
    pub victim: String,
    /// What the victim's samples are, such as `delay past the intended wake-up`.
    pub measures: String,
    /// The disturbing workload; `None` for the victim alone.
    pub aggressor: Option<String>,
    /// Share of its time that the disturbing workload works, above 0 and up to 1; `None` for all of it.
    #[serde(default)]
    pub intensity: Option<f64>,
    /// What a unit of the disturbing workload's work is.
    #[serde(default)]
    pub unit: String,
    /// The protection; `None` for unprotected (or alone).
    pub protection: Option<String>,
    /// Nanoseconds between two requests of the victim; 0 when unknown.
    #[serde(default)]
    pub period: u64,
    /// Latencies from the intended start, in the order in which they were taken. Rounds follow each other.
    pub samples: Vec<u64>,
    /// Index into `samples` where each round begins.
    pub rounds: Vec<usize>,
    /// Work units per second of the aggressor, one per round: the protection's price.
    pub aggressor_work: Vec<f64>,
    /// What the kernel counted, one per round.
    #[serde(default)]
    pub usage: Vec<Usage>,
    /// Asked against got for the victim's and the aggressor's containers.
    pub enforced: String,
}

/// What the kernel counted in one round of a cell. Times are nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Seconds of measuring.
    pub seconds: f64,
    /// Requests served.
    pub served: u64,
    /// Requests that were due and not served in time.
    pub unserved: u64,
    /// CPU time of the victim.
    pub cpu: u64,
    /// Switches of the victim's threads because they waited.
    pub voluntary: u64,
    /// Switches of the victim's threads because others were to run.
    pub involuntary: u64,
    /// Moves of the victim's threads to another CPU; `None` where the kernel does not show it.
    pub migrations: Option<u64>,
    /// Time for which a quota kept the victim's group from running; `None` where it has none.
    pub throttled: Option<u64>,
    /// CPU time of the aggressor per second of its own time.
    pub aggressor_cpu: u64,
}

/// What the measuring of interference costs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Instrument {
    /// Nanoseconds that the schedule and the taking of a sample need for a request that does nothing; means of many.
    pub request: Vec<u64>,
    /// Delays of timer wake-ups on the idle host, without a container: the floor.
    pub outside: Vec<u64>,
    /// The same in an otherwise idle container, taken in turns with those.
    pub inside: Vec<u64>,
    /// CPU time of isolab itself while victims were measured, as a share of one CPU.
    pub watching: f64,
}

/// A question from practice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Id of the matrix whose cells answer it.
    pub matrix: String,
    /// The question.
    pub asks: String,
    /// The slowdown from which on it matters.
    pub matters: f64,
    /// The answer when a cell is slowed down as much.
    pub yes: String,
    /// The answer when none is.
    pub no: String,
}
