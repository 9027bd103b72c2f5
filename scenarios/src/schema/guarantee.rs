//! `kind = "guarantee"`: something that isolation promises, how to see it, and what breaks it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::{Error, Kind, at_offset, parse};
use crate::edit::Edit;
use crate::expect::Expect;
use crate::path::Path;
use crate::probe::Question;
use crate::template;

/// A guarantee as a scenario file declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct Guarantee {
    /// Unique name, such as `pidns-init-is-1`.
    pub id: String,
    /// One sentence: what isolation promises.
    pub promise: String,
    /// The kernel mechanism, such as `pid namespace`. A launcher that does not offer it is not judged.
    pub primitive: String,
    /// Where the promise comes from: a spec, a man page, a CVE.
    pub source: String,
    /// What the host must have, such as `root` or `cgroup memory`.
    pub needs: Vec<String>,
    /// What else the launcher must offer, beside the primitive.
    pub uses: Vec<String>,
    /// Whether it gets a launch of its own because its questions change what others would see.
    pub alone: bool,
    /// Files that are made before the launch.
    pub make: Vec<Make>,
    /// Edits on the base config.
    pub config: Vec<Edit>,
    /// Questions for the probe inside, by the name of the fact; asked in the order of their names. They may hold
    /// placeholders (see `template`), so they are values until these are filled in.
    pub ask: BTreeMap<String, Value>,
    /// What the facts must be.
    pub expect: Vec<(Path, Expect)>,
    /// What must turn it red.
    pub control: Vec<Control>,
}

/// A file or directory, made in the launch's own directory before it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Make {
    /// Relative to the launch's directory; directories on the way are made. Ends in a slash for a directory.
    pub path: String,
    /// Content of a file.
    #[serde(default)]
    pub text: String,
}

/// A positive control: the same launch with one protection missing or wrong, in which the guarantee must break.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// What is missing or wrong, in words.
    pub without: String,
    /// Edits on top of the guarantee's own, seen by the launcher but not by the expectations.
    #[serde(default)]
    pub config: Vec<Edit>,
    /// Questions asked instead of the guarantee's, for faults that no config can describe.
    #[serde(default)]
    pub ask: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    kind: Spanned<Kind>,
    id: Spanned<String>,
    promise: String,
    primitive: String,
    source: String,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    uses: Vec<String>,
    #[serde(default)]
    alone: bool,
    #[serde(default)]
    make: Vec<Make>,
    #[serde(default)]
    config: Vec<Edit>,
    #[serde(default)]
    ask: BTreeMap<String, Spanned<Value>>,
    expect: BTreeMap<Spanned<String>, Spanned<Expect>>,
    #[serde(default)]
    control: Vec<Spanned<Control>>,
}

impl Guarantee {
    /// Reads a guarantee; `file` is for errors.
    ///
    /// # Errors
    /// With file, line and key.
    pub fn parse(file: &str, text: &str) -> Result<Guarantee, Error> {
        let written: Written = parse(file, text)?;
        let fail = |offset: usize, problem: String| at_offset(file, text, Some(offset), problem);
        if *written.kind.get_ref() != Kind::Guarantee {
            return Err(fail(written.kind.span().start, "this is no guarantee".into()));
        }
        let id = written.id.get_ref();
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            let problem = "an id is made of letters, digits and dashes";
            return Err(fail(written.id.span().start, problem.into()));
        }
        for question in written.ask.values() {
            valid_question(question.get_ref()).map_err(|problem| fail(question.span().start, problem))?;
        }
        for control in &written.control {
            let at = control.span().start;
            if control.get_ref().config.is_empty() && control.get_ref().ask.is_empty() {
                return Err(fail(
                    at,
                    "a control changes something: [[control.config]] or [control.ask]".into(),
                ));
            }
            for question in control.get_ref().ask.values() {
                valid_question(question).map_err(|problem| fail(at, problem))?;
            }
        }
        let mut expect = Vec::new();
        for (path, expected) in written.expect {
            let fact =
                Path::parse(path.get_ref()).map_err(|error| fail(path.span().start, error.to_string()))?;
            if expected.get_ref().is_empty() {
                return Err(fail(expected.span().start, "nothing is expected of this fact".into()));
            }
            expect.push((fact, expected.into_inner()));
        }
        if expect.is_empty() {
            return Err(at_offset(file, text, None, "[expect] is empty: nothing would ever break".into()));
        }
        Ok(Guarantee {
            id: written.id.into_inner(),
            promise: written.promise,
            primitive: written.primitive,
            source: written.source,
            needs: written.needs,
            uses: written.uses,
            alone: written.alone,
            make: written.make,
            config: written.config,
            ask: written.ask.into_iter().map(|(name, question)| (name, question.into_inner())).collect(),
            expect,
            control: written.control.into_iter().map(Spanned::into_inner).collect(),
        })
    }
}

/// A question with placeholders has its shape checked when they are filled in; its name is checked now.
fn valid_question(question: &Value) -> Result<(), String> {
    if !template::has_placeholder(question) {
        return serde_json::from_value::<Question>(question.clone())
            .map(drop)
            .map_err(|error| error.to_string());
    }
    let name = question.as_object().and_then(|object| object.keys().next()).map_or("", String::as_str);
    if Question::NAMES.contains(&name) { Ok(()) } else { Err(format!("unknown question `{name}`")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "kind = 'guarantee'\nid = 'x'\npromise = 'p'\nprimitive = 'pid namespace'\nsource = 's'\n";

    fn error(rest: &str) -> String {
        Guarantee::parse("g.toml", &format!("{HEAD}{rest}")).unwrap_err().to_string()
    }

    #[test]
    fn reads_a_whole_guarantee() {
        let text = format!(
            "{HEAD}needs = ['root']\n[ask]\npid = {{ getpid = {{}} }}\nkill = {{ kill = {{ pid = '{{canary.pid}}', \
             signal = 0 }} }}\n[expect]\n'inside.pid' = {{ is = 1 }}\n[[control]]\nwithout = 'pid namespace'\n\
             [[control.config]]\nremove = 'linux.namespaces[type=pid]'\n"
        );
        let guarantee = Guarantee::parse("g.toml", &text).unwrap();
        assert_eq!(guarantee.needs, ["root"]);
        assert_eq!(guarantee.ask.len(), 2);
        assert_eq!(guarantee.control[0].config.len(), 1);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (rest, want) in [
            ("speed = 3\n[expect]\n'inside.x' = {is = 1}", "g.toml:6: `speed`: unknown field `speed`"),
            (
                "[ask]\npid = { getpidd = {} }\n[expect]\n'inside.x' = {is = 1}",
                "g.toml:7: `pid`: unknown variant `getpidd`",
            ),
            (
                "[ask]\nx = { kil = { pid = '{canary.pid}' } }\n[expect]\na = {is = 1}",
                "g.toml:7: `x`: unknown question `kil`",
            ),
            ("[expect]\n'inside.x' = {iz = 1}", "g.toml:7: `'inside.x'`: unknown field `iz`"),
            (
                "[expect]\n'inside[x' = {is = 1}",
                "g.toml:7: `'inside[x'`: path `inside[x`: a bracket is not closed",
            ),
            ("[expect]\n'inside.x' = {}", "g.toml:7: `'inside.x'`: nothing is expected"),
            ("[expect]", "g.toml:0: [expect] is empty"),
            ("[expect]\na = {is = 1}\n[[config]]\nset = 'x'", "an edit is `set` with `to`"),
            ("[expect]\na = {is = 1}\n[[control]]\nwithout = 'x'", "a control changes something"),
        ] {
            let error = error(rest);
            assert!(error.contains(want), "{error}\nshould say: {want}");
        }
    }
}
