//! What an accepted config must mean, told from its JSON and the manual pages.

mod limits;
mod linux;
mod mounts;
mod process;

use std::collections::BTreeMap;
use std::ffi::CString;

use isolab_core::config::Config;
use serde_json::Value;

use super::model::{list, properties, text, texts};

/// Where the config is read as from.
pub(super) const BUNDLE: &str = "/bundle";

/// Compares a config with what was written.
///
/// # Panics
/// When it means something else.
pub(super) fn check(config: &Config, spec: &Value) {
    assert_eq!((config.version.as_str(), config.bundle.to_str()), (text(&spec["ociVersion"]), Some(BUNDLE)));
    for (name, value) in [("hostname", &config.hostname), ("domainname", &config.domainname)] {
        assert_eq!(*value, given(&spec[name]), "{name}");
    }
    let annotations: BTreeMap<String, String> =
        properties(&spec["annotations"]).map(|(key, value)| (key.clone(), text(value).to_owned())).collect();
    assert_eq!(config.annotations, annotations);
    process::check(config, &spec["process"]);
    mounts::check(config, spec);
    linux::check(config, spec);
    limits::check(config, spec);
    hooks(config, &spec["hooks"]);
}

/// A string for the kernel.
fn word(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|_| panic!("a NUL in {text:?} was accepted"))
}

/// A string that is given when it is not empty.
fn given(value: &Value) -> Option<CString> {
    Some(text(value)).filter(|text| !text.is_empty()).map(word)
}

fn words(value: &Value) -> Vec<CString> {
    texts(value).into_iter().map(word).collect()
}

/// A path of the host, from the bundle on.
fn on_host(path: &str) -> CString {
    if path.starts_with('/') { word(path) } else { word(&format!("{BUNDLE}/{path}")) }
}

/// A number that is given, and fits.
fn number<T: TryFrom<i128>>(value: &Value) -> Option<T> {
    let whole = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))?;
    T::try_from(whole).ok()
}

fn hooks(config: &Config, hooks: &Value) {
    use isolab_core::hook::Point;
    for point in Point::ALL {
        let written: Vec<&Value> = list(&hooks[point.name()]).map(|(_, hook)| hook).collect();
        let meant = config.hooks.at(point);
        assert_eq!(meant.len(), written.len(), "{point}");
        for (hook, written) in meant.iter().zip(written) {
            let path = text(&written["path"]);
            let args = texts(&written["args"]);
            let args = if args.is_empty() { vec![path] } else { args };
            assert_eq!(
                (hook.path.to_str(), &hook.args),
                (Some(path), &args.into_iter().map(str::to_owned).collect())
            );
            assert_eq!(hook.env, texts(&written["env"]));
            assert_eq!(hook.timeout, number(&written["timeout"]));
        }
    }
}
