//! The options of everything that ends with a verdict.

use isolab_reports::verdict::Rule;

#[derive(clap::Args)]
pub(super) struct RuleArguments {
    /// A change by less does not matter, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 1.0, value_parser = percent)]
    margin: f64,
    /// Probability of a wrong verdict, at most, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 1.0, value_parser = percent)]
    error: f64,
}

impl RuleArguments {
    /// What is relevant, and how often a verdict may be wrong.
    pub(super) fn rule(&self) -> Rule {
        Rule { margin: self.margin / 100.0, error: self.error / 100.0 }
    }
}

/// Above 0 and below 100.
pub(super) fn percent(text: &str) -> Result<f64, String> {
    let percent: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if percent > 0.0 && percent < 100.0 { Ok(percent) } else { Err("not above 0 and below 100".into()) }
}
