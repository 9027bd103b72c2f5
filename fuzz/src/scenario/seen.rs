//! What was read of a file, in the shape in which it was drawn.

use isolab_core::plan::Mutation;
use isolab_scenarios::cost::ladder::{Each, Ladder};
use isolab_scenarios::edit::Edit;
use isolab_scenarios::interference::declaration::{Matrix, Measured, Protection};
use isolab_scenarios::schema::recipe::Output;
use isolab_scenarios::schema::{Case, Control, Guarantee, Make, PlanEdit, Rig, Swap};
use serde_json::{Value, json};

/// What is expected of a fact; its type has no name outside.
macro_rules! expected {
    ($expect:expr) => {{
        let text = |path: &Option<_>| path.as_ref().map(ToString::to_string);
        let expect = $expect;
        json!({
            "is": expect.is, "not": expect.not, "one_of": expect.one_of, "contains": expect.contains,
            "lacks": expect.lacks, "set": expect.set, "within": expect.within, "at_most": expect.at_most,
            "at_least": expect.at_least, "exists": expect.exists, "same_as": text(&expect.same_as),
            "differs_from": text(&expect.differs_from), "same_set_as": text(&expect.same_set_as),
        })
    }};
}

/// A guarantee.
#[must_use]
pub fn guarantee(guarantee: &Guarantee) -> Value {
    let expect: Value =
        guarantee.expect.iter().map(|(path, expect)| (path.to_string(), expected!(expect))).collect();
    let second = guarantee.second.as_ref().map(
        |second| json!({"config": edits(&second.config), "ask": second.ask, "together": second.together}),
    );
    json!({
        "kind": "guarantee", "id": guarantee.id, "promise": guarantee.promise, "primitive": guarantee.primitive,
        "source": guarantee.source, "remedy": guarantee.remedy, "needs": guarantee.needs, "uses": guarantee.uses,
        "alone": guarantee.alone, "measured": guarantee.measured, "lifecycle": guarantee.lifecycle, "refused": guarantee.refused,
        "launches": guarantee.launches, "rig": rig(&guarantee.rig),
        "swap": guarantee.swap.iter().map(|Swap { one, other }| json!({"one": one, "other": other})).collect::<Vec<_>>(),
        "make": makes(&guarantee.make), "config": edits(&guarantee.config), "ask": guarantee.ask,
        "before": guarantee.before, "created": guarantee.created, "act": guarantee.act, "later": guarantee.later,
        "after": guarantee.after, "second": second, "case": guarantee.case.iter().map(case).collect::<Vec<_>>(),
        "expect": expect, "control": guarantee.control.iter().map(control).collect::<Vec<_>>(),
    })
}

/// A ladder.
#[must_use]
pub fn ladder(ladder: &Ladder) -> Value {
    let rungs = ladder.rung.iter().map(|rung| {
        json!({"name": rung.name, "edits": edits(&rung.edits), "full": rung.full,
            "rootless": rung.rootless.map(|_| "first")})
    });
    json!({
        "kind": "cost", "id": ladder.id, "title": ladder.title, "bare": ladder.bare,
        "each": match ladder.each { Each::Added => "added", Each::Alone => "alone" },
        "rung": rungs.collect::<Vec<_>>(),
    })
}

/// A matrix.
#[must_use]
pub fn matrix(matrix: &Matrix) -> Value {
    let question = matrix.question.as_ref().map(|question| {
        json!({"asks": question.asks, "matters": question.matters, "yes": question.yes, "no": question.no})
    });
    let victims = matrix.victim.iter().map(|victim| {
        let work = match &victim.work {
            Measured::Launch => json!("launch"),
            Measured::Inside(work) => json!(work),
        };
        json!({"name": victim.name, "measures": victim.measures, "period": victim.period, "work": work,
            "edits": edits(&victim.edits)})
    });
    let aggressors = matrix.aggressor.iter().map(|aggressor| {
        json!({"name": aggressor.name, "takes": aggressor.takes, "threads": aggressor.threads,
            "unit": aggressor.unit, "work": aggressor.work, "edits": edits(&aggressor.edits)})
    });
    json!({
        "kind": "interference", "id": matrix.id, "title": matrix.title, "question": question,
        "rounds": matrix.rounds, "seconds": matrix.seconds, "settle": matrix.settle, "intensity": matrix.intensity,
        "victim": victims.collect::<Vec<_>>(), "aggressor": aggressors.collect::<Vec<_>>(),
        "protection": matrix.protection.iter().map(protection).collect::<Vec<_>>(),
    })
}

fn protection(protection: &Protection) -> Value {
    json!({
        "name": protection.name, "controllers": protection.controllers, "v2": protection.v2, "cpus": protection.cpus,
        "against": protection.against.iter().map(toml::Spanned::get_ref).collect::<Vec<_>>(), "alone": protection.alone, "victim": edits(&protection.victim),
        "aggressor": edits(&protection.aggressor),
    })
}

fn case(case: &Case) -> Value {
    let expect: Value =
        case.expect.iter().map(|(path, expect)| (path.to_string(), expected!(expect))).collect();
    json!({
        "name": case.name, "make": makes(&case.make), "config": edits(&case.config), "ask": case.ask, "act": case.act,
        "before": case.before, "expect": expect,
    })
}

fn control(control: &Control) -> Value {
    json!({
        "without": control.without, "subtle": control.subtle, "breaks": control.breaks,
        "config": edits(&control.config), "plan": control.plan.iter().map(plan).collect::<Vec<_>>(),
        "make": makes(&control.make), "ask": control.ask, "act": control.act, "before": control.before,
        "after": control.after, "second": edits(&control.second), "rig": control.rig.as_ref().map(rig),
    })
}

fn plan(edit: &PlanEdit) -> Value {
    match edit.mutation() {
        Ok(Mutation::Drop(step)) => json!({"drop": step}),
        Ok(Mutation::After(step, other)) => json!({"move": step, "after": other}),
        Ok(Mutation::Before(step, other)) => json!({"move": step, "before": other}),
        Err(problem) => panic!("an edit of a plan was read that is none: {problem}"),
    }
}

fn rig(rig: &Rig) -> Value {
    let stdout = match rig.stdout {
        Output::Pipe => "pipe",
        Output::File => "file",
        Output::Socket => "socket",
    };
    json!({"terminal": rig.terminal, "caller_terminal": rig.caller_terminal, "stdout": stdout, "agent": rig.agent})
}

fn makes(makes: &[Make]) -> Value {
    let one = |make: &Make| {
        json!({
            "path": make.path, "text": make.text, "link": make.link, "program": make.program, "device": make.device,
            "tmpfs": make.tmpfs, "shared": make.shared, "mode": make.mode, "owner": make.owner,
            "attributes": make.attributes, "count": make.count,
        })
    };
    makes.iter().map(one).collect()
}

fn edits(edits: &[Edit]) -> Value {
    let one = |edit: &Edit| match edit {
        Edit::Set { set, to } => json!({"set": set.to_string(), "to": to}),
        Edit::Append { append, value } => json!({"append": append.to_string(), "value": value}),
        Edit::Remove { remove } => json!({"remove": remove.to_string()}),
    };
    edits.iter().map(one).collect()
}
