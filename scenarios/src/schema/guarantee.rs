//! `kind = "guarantee"`: something that isolation promises, how to see it, and what breaks it.

use std::collections::BTreeMap;

use isolab_core::planted::planted;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::recipe::{Case, Control, Make, Rig, Second, Swap};
use super::{Error, Kind, at_offset, parse};
use crate::check::act::Act;
use crate::edit::Edit;
use crate::expect::Expect;
use crate::path::Path;
use crate::probe::Question;
use crate::template;

/// A guarantee as a scenario file declares it.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Guarantee {
    /// Unique name, such as `pidns-init-is-1`.
    pub id: String,
    /// One sentence: what isolation promises.
    pub promise: String,
    /// The kernel mechanism, such as `pid namespace`. A launcher that does not offer it is not judged.
    pub primitive: String,
    /// Where the promise comes from: a spec, a man page, a CVE.
    pub source: String,
    /// What helps against it when a launcher breaks it; without, a newer version of that.
    pub remedy: Option<String>,
    /// What the host must have, such as `root` or `cgroup memory`.
    #[schemars(default)]
    pub needs: Vec<String>,
    /// What else the launcher must offer, beside the primitive.
    #[schemars(default)]
    pub uses: Vec<String>,
    /// Whether it gets a launch of its own because its questions change what others would see.
    #[schemars(default)]
    pub alone: bool,
    /// Whether what is judged is a share of the machine's time: a result that is not as expected counts where most of three
    /// launches give it.
    #[schemars(default)]
    pub measured: bool,
    /// Whether an OCI command line is needed: `create`, `exec`, `pause` and others.
    #[schemars(default)]
    pub lifecycle: bool,
    /// Whether the launch must be refused; the facts of that are `launch`.
    #[schemars(default)]
    pub refused: bool,
    /// How often a container is launched and ends before the one that is asked.
    #[schemars(default)]
    pub launches: usize,
    /// What stands around the launch.
    #[schemars(default)]
    pub rig: Rig,
    /// What is exchanged while launches begin.
    #[schemars(default)]
    pub swap: Vec<Swap>,
    /// Files that are made before the launch.
    #[schemars(default)]
    pub make: Vec<Make>,
    /// Edits on the base config.
    #[schemars(default)]
    pub config: Vec<Edit>,
    /// Questions for the probe inside, by the name of the fact; asked in the order of their names. They may hold
    /// placeholders (see `template`), so they are values until these are filled in.
    #[schemars(default, with = "BTreeMap<String, Question>")]
    pub ask: BTreeMap<String, Value>,
    /// What is done on the host before the launch, by the name of the fact, in the order of their names.
    #[schemars(default, with = "BTreeMap<String, Act>")]
    pub before: BTreeMap<String, Value>,
    /// The same between `create` and `start`.
    #[schemars(default, with = "BTreeMap<String, Act>")]
    pub created: BTreeMap<String, Value>,
    /// The same while the container lives, once it has answered.
    #[schemars(default, with = "BTreeMap<String, Act>")]
    pub act: BTreeMap<String, Value>,
    /// Questions after these acts.
    #[schemars(default, with = "BTreeMap<String, Question>")]
    pub later: BTreeMap<String, Value>,
    /// What is done on the host once the container is gone.
    #[schemars(default, with = "BTreeMap<String, Act>")]
    pub after: BTreeMap<String, Value>,
    /// A container beside it.
    pub second: Option<Second>,
    /// Variants; without any there is one launch.
    #[schemars(default)]
    pub case: Vec<Case>,
    /// What the facts must be.
    #[schemars(default, with = "BTreeMap<String, Expect>")]
    pub expect: Vec<(Path, Expect)>,
    /// What must turn it red.
    #[schemars(default)]
    pub control: Vec<Control>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    kind: Spanned<Kind>,
    id: Spanned<String>,
    promise: String,
    primitive: String,
    source: String,
    remedy: Option<String>,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    uses: Vec<String>,
    #[serde(default)]
    alone: bool,
    #[serde(default)]
    measured: bool,
    #[serde(default)]
    lifecycle: bool,
    #[serde(default)]
    refused: bool,
    #[serde(default)]
    launches: usize,
    #[serde(default)]
    rig: Rig,
    #[serde(default)]
    swap: Vec<Swap>,
    #[serde(default)]
    make: Vec<Make>,
    #[serde(default)]
    config: Vec<Edit>,
    #[serde(default)]
    ask: BTreeMap<String, Spanned<Value>>,
    #[serde(default)]
    before: BTreeMap<String, Spanned<Value>>,
    #[serde(default)]
    created: BTreeMap<String, Spanned<Value>>,
    #[serde(default)]
    act: BTreeMap<String, Spanned<Value>>,
    #[serde(default)]
    later: BTreeMap<String, Spanned<Value>>,
    #[serde(default)]
    after: BTreeMap<String, Spanned<Value>>,
    second: Option<Spanned<Second>>,
    #[serde(default)]
    case: Vec<Spanned<Case>>,
    #[serde(default)]
    expect: BTreeMap<Spanned<String>, Spanned<Expect>>,
    #[serde(default)]
    control: Vec<Spanned<Control>>,
}

impl Guarantee {
    /// Whether it is one launch with questions, and nothing is done around it: such launches can be shared.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let acts = [&self.before, &self.created, &self.act, &self.later, &self.after];
        let plain =
            self.case.is_empty() && self.swap.is_empty() && self.second.is_none() && self.launches == 0;
        let around = self.lifecycle || self.refused || self.rig != Rig::default();
        !self.alone && !self.measured && plain && !around && acts.iter().all(|acts| acts.is_empty())
    }

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
        let questions = |asked: &BTreeMap<String, Spanned<Value>>| {
            asked.values().try_for_each(|question| {
                valid_question(question.get_ref()).map_err(|problem| fail(question.span().start, problem))
            })
        };
        let acts = |acts: &BTreeMap<String, Spanned<Value>>| {
            acts.values().try_for_each(|act| {
                valid_act(act.get_ref()).map_err(|problem| fail(act.span().start, problem))
            })
        };
        questions(&written.ask)?;
        questions(&written.later)?;
        [&written.before, &written.created, &written.act, &written.after].into_iter().try_for_each(acts)?;
        if let Some(second) = &written.second {
            let asked = second.get_ref().ask.values().try_for_each(valid_question);
            asked.map_err(|problem| fail(second.span().start, problem))?;
        }
        for case in &written.case {
            let (at, one) = (case.span().start, case.get_ref());
            let more = &[&one.before][usize::from(planted("before-of-a-case-unchecked"))..];
            valid(&one.ask, &one.act, more).map_err(|problem| fail(at, problem))?;
            if one.expect.values().any(Expect::is_empty) {
                return Err(fail(at, NOTHING.into()));
            }
        }
        for control in &written.control {
            let (at, one) = (control.span().start, control.get_ref());
            if one.is_empty() {
                let problem = "a control changes something: [[control.config]], [[control.plan]], [control.ask] or others";
                return Err(fail(at, problem.into()));
            }
            let acts = [&one.before, &one.after];
            valid(&one.ask, &one.act, &acts).map_err(|problem| fail(at, problem))?;
            for edit in &one.plan {
                edit.mutation().map_err(|problem| fail(at, problem.into()))?;
            }
        }
        let mut expect = Vec::new();
        for (path, expected) in written.expect {
            let fact =
                Path::parse(path.get_ref()).map_err(|error| fail(path.span().start, error.to_string()))?;
            if expected.get_ref().is_empty() {
                return Err(fail(expected.span().start, NOTHING.into()));
            }
            expect.push((fact, expected.into_inner()));
        }
        let expects = |case: &Spanned<Case>| !case.get_ref().expect.is_empty();
        let in_cases = match planted("one-case-with-expectations-is-enough") {
            true => written.case.iter().any(expects),
            false => written.case.iter().all(expects),
        };
        if expect.is_empty() && (written.case.is_empty() || !in_cases) {
            return Err(at_offset(file, text, None, "[expect] is empty: nothing would ever break".into()));
        }
        let plain = |values: BTreeMap<String, Spanned<Value>>| {
            values.into_iter().map(|(name, value)| (name, value.into_inner())).collect()
        };
        Ok(Guarantee {
            id: written.id.into_inner(),
            promise: written.promise,
            primitive: written.primitive,
            source: written.source,
            remedy: written.remedy,
            needs: written.needs,
            uses: written.uses,
            alone: written.alone,
            measured: written.measured,
            make: written.make,
            config: written.config,
            lifecycle: written.lifecycle,
            refused: written.refused,
            launches: written.launches,
            rig: written.rig,
            swap: written.swap,
            ask: plain(written.ask),
            before: plain(written.before),
            created: plain(written.created),
            act: plain(written.act),
            later: plain(written.later),
            after: plain(written.after),
            second: written.second.map(Spanned::into_inner),
            case: written.case.into_iter().map(Spanned::into_inner).collect(),
            expect,
            control: written.control.into_iter().map(Spanned::into_inner).collect(),
        })
    }
}

/// An expectation that agrees with everything.
const NOTHING: &str = "nothing is expected of this fact";

fn valid(
    ask: &BTreeMap<String, Value>,
    act: &BTreeMap<String, Value>,
    more: &[&BTreeMap<String, Value>],
) -> Result<(), String> {
    ask.values().try_for_each(valid_question)?;
    act.values().chain(more.iter().flat_map(|acts| acts.values())).try_for_each(valid_act)
}

/// A question with placeholders has its shape checked when they are filled in; its name is checked now.
fn valid_question(question: &Value) -> Result<(), String> {
    valid_shape::<Question>(question, "question", Question::NAMES)
}

fn valid_act(act: &Value) -> Result<(), String> {
    valid_shape::<Act>(act, "act", Act::NAMES)
}

fn valid_shape<T: serde::de::DeserializeOwned>(
    value: &Value,
    what: &str,
    names: &[&str],
) -> Result<(), String> {
    if !template::has_placeholder(value) {
        return serde_json::from_value::<T>(value.clone()).map(drop).map_err(|error| error.to_string());
    }
    let mut keys = value.as_object().into_iter().flat_map(|object| object.keys().map(String::as_str));
    match (keys.next().unwrap_or_default(), keys.next()) {
        (name, _) if !names.contains(&name) => Err(format!("unknown {what} `{name}`")),
        (name, Some(other)) => Err(format!("`{name}` and `{other}` are two {what}s")),
        _ => Ok(()),
    }
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
            (
                "[ask]\nx = { read = { path = '{dir}' }, stat = {} }\n[expect]\na = {is = 1}",
                "g.toml:7: `x`: `read` and `stat` are two questions",
            ),
            ("[expect]\na = {is = 1}\n[second]\nask = { x = { getpidd = {} } }", "unknown variant `getpidd`"),
            (
                "[expect]\na = {is = 1}\n[[case]]\nname = 'n'\nexpect = { 'a[' = {is = 1} }",
                "a bracket is not closed",
            ),
            ("[expect]\na = {is = 1}\n[[case]]\nname = 'n'\nexpect = { a = {} }", "nothing is expected"),
            ("[expect]\na = {is = 1}\n[[config]]\nset = 'x'", "an edit is `set` with `to`"),
            ("[expect]\na = {is = 1}\n[[control]]\nwithout = 'x'", "a control changes something"),
        ] {
            let error = error(rest);
            assert!(error.contains(want), "{error}\nshould say: {want}");
        }
    }
}
