//! Hooks and annotations of any config.

use arbitrary::Result;
use serde_json::{Value, json};

use super::draw::Draw;

const POINTS: [&str; 6] =
    ["createRuntime", "createContainer", "startContainer", "poststart", "poststop", "prestart"];

pub(super) fn hooks(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let mut hooks = json!({});
    for point in draw.some_of(&POINTS)? {
        hooks[point] = json!(draw.list(3, hook)?);
    }
    Ok(hooks)
}

fn hook(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let mut hook = json!({"path": draw.pick(&["/bin/true", "/a b", "/usr/bin/../x"])?});
    draw.perhaps(&mut hook, "args", |draw| Ok(json!(draw.list(3, Draw::text)?)))?;
    draw.perhaps(&mut hook, "env", |draw| {
        Ok(json!(draw.list(3, |draw| Ok(format!("{}={}", draw.pick(&["A", "PATH"])?, draw.text()?)))?))
    })?;
    draw.perhaps(&mut hook, "timeout", |draw| Ok(json!(draw.edge(1, i64::from(u32::MAX))?)))?;
    if draw.is_odd()? {
        match draw.number(0, 4)? {
            0 => hook["path"] = json!(draw.pick(&["true", "", "/\0"])?),
            1 => hook["timeout"] = json!(draw.pick(&[0_i64, -1, 1 << 32])?),
            2 => hook["env"] = json!(["A=1", "NOVALUE", "=x"]),
            _ => hook["args"] = json!(["x", "nul\0"]),
        }
    }
    Ok(hook)
}

pub(super) fn annotations(draw: &mut Draw<'_, '_>) -> Result<Value> {
    let mut all = json!({});
    for name in draw.some_of(&["org.example", "ä", "a b", ""])? {
        all[name] = json!(draw.text()?);
    }
    for (key, values) in LANDLOCK {
        if draw.one_in(6)? {
            all[format!("org.isolab.landlock.{key}")] = json!(draw.pick(values)?);
        }
    }
    if draw.is_odd()? {
        for (key, value) in draw.some_of(&WRONG)? {
            all[format!("org.isolab.landlock.{key}")] = json!(value);
        }
    }
    Ok(all)
}

/// Landlock's rules, and what they may say.
const LANDLOCK: [(&str, &[&str]); 6] = [
    ("read-only", &["/usr", "/", "/etc:/usr/a b", ""]),
    ("execute", &["/", "/bin:/lib"]),
    ("read-write", &["/tmp", "/tmp : /run"]),
    ("tcp.bind", &["80", "0,65535", ""]),
    ("tcp.connect", &["443, 80", "1"]),
    ("scope", &["signal", "abstract-unix-socket,signal"]),
];

const WRONG: [(&str, &str); 6] = [
    ("read-only", "/usr:lib"),
    ("tcp.bind", "70000"),
    ("scope", "moon,signal"),
    ("readonly", "/"),
    ("tcp.connect", "x"),
    ("scope", ""),
];
