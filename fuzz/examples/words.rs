//! `words FOLDER`: writes a dictionary for each target that reads text, of the names that core, reports and scenarios know, and of
//! the keys and short texts in the target's corpus. What fuzzers cannot find is a word that is compared as a whole.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use isolab_core::host::FEATURES;
use isolab_core::namespace::Kind;
use isolab_core::{capability, process};
use isolab_fuzz::record::fields;
use isolab_fuzz::scenario::keys::{self, Choice, Key, What};
use isolab_fuzz::scenario::names::rows;
use serde_json::Value;

type Words = BTreeSet<String>;

fn main() -> io::Result<()> {
    let Some(folder) = std::env::args().nth(1) else {
        return Err(io::Error::other("usage: words FOLDER"));
    };
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (target, own) in [
        ("scenario_bytes", scenario()),
        ("record_bytes", record()),
        ("oci_config_bytes", config()),
        ("seccomp_profile_bytes", profile()),
    ] {
        let mut words = own;
        texts(&corpus.join(target), &mut words)?;
        write(&Path::new(&folder).join(format!("{target}.dict")), &words)?;
    }
    Ok(())
}

/// libFuzzer's form: a word in quotes a line, with everything escaped that could be misread (llvm.org/docs/LibFuzzer.html).
fn write(path: &Path, words: &Words) -> io::Result<()> {
    let mut text = "# Made by `fuzz/seeds`.\n".to_owned();
    for word in words.iter().filter(|word| (2..=60).contains(&word.len())) {
        text.push('"');
        for byte in word.bytes() {
            match byte {
                b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
                0x20..=0x7e => text.push(char::from(byte)),
                _ => text.push_str(&format!("\\x{byte:02x}")),
            }
        }
        text.push_str("\"\n");
    }
    std::fs::write(path, text)
}

/// Keys and short texts of the JSON files in a folder.
fn texts(folder: &Path, words: &mut Words) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        if let Ok(value) = serde_json::from_slice(&std::fs::read(entry?.path())?) {
            gather(&value, words);
        }
    }
    Ok(())
}

fn gather(value: &Value, words: &mut Words) {
    match value {
        Value::String(text) if text.len() <= 24 => {
            words.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, words)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            words.insert(name.clone());
            gather(value, words);
        }),
        _ => {}
    }
}

fn scenario() -> Words {
    let mut words = Words::new();
    [keys::GUARANTEE, keys::LADDER, keys::MATRIX, keys::EXPECT]
        .into_iter()
        .for_each(|keys| add_keys(keys, &mut words));
    for choice in [Choice::Question, Choice::Act, Choice::Victim, Choice::Aggressor] {
        for (name, what) in rows(choice) {
            words.insert((*name).to_owned());
            add_what(what, &mut words);
        }
    }
    for edit in ["set", "to", "append", "value", "remove", "drop", "move", "after", "before", "launch"] {
        words.insert(edit.to_owned());
    }
    for sign in
        ["[[", "]]", "'''", "\"\"\"", " = ", "= {", "{dir}", "[type=pid]", "[\"", "$__toml_private_datetime"]
    {
        words.insert(sign.to_owned());
    }
    words
}

fn add_keys(keys: &[Key], words: &mut Words) {
    for key in keys {
        words.insert(key.name.to_owned());
        add_what(&key.what, words);
    }
}

fn add_what(what: &What, words: &mut Words) {
    match what {
        What::Table(keys) | What::Tables(keys) => add_keys(keys, words),
        What::Word(known) | What::Words(known) => words.extend(known.iter().map(|word| (*word).to_owned())),
        _ => {}
    }
}

fn record() -> Words {
    let mut words = Words::new();
    add_fields(fields::RECORD, &mut words);
    words.extend(["1e999", "null", "-0.0"].map(str::to_owned));
    words
}

fn add_fields(all: &[fields::Field], words: &mut Words) {
    for field in all {
        words.insert(field.name.to_owned());
        match field.what {
            fields::What::Table(inner) | fields::What::Tables(inner) => add_fields(inner, words),
            fields::What::Word(known) => words.extend(known.iter().map(|word| (*word).to_owned())),
            fields::What::Tagged(kinds) | fields::What::Named(_, kinds) => {
                for (word, inner) in kinds {
                    words.insert((*word).to_owned());
                    add_fields(inner, words);
                }
            }
            _ => {}
        }
    }
}

fn config() -> Words {
    let mut words: Words = capability::NAMES.iter().map(|name| format!("CAP_{name}")).collect();
    words.extend(process::RLIMITS.iter().map(|(name, _)| (*name).to_owned()));
    words.extend(Kind::ALL.iter().flat_map(|kind| [kind.link(), kind.primitive()]).map(str::to_owned));
    words.extend(FEATURES.map(str::to_owned));
    words
}

fn profile() -> Words {
    let actions = ["KILL", "KILL_PROCESS", "KILL_THREAD", "TRAP", "ERRNO", "TRACE", "ALLOW", "LOG", "NOTIFY"];
    let arches = ["X86", "X86_64", "X32", "ARM", "AARCH64", "MIPS64N32", "PPC64LE", "S390X", "RISCV64"];
    let operators = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];
    let flags = ["TSYNC", "LOG", "SPEC_ALLOW", "WAIT_KILLABLE_RECV"];
    let prefixed = |prefix: &'static str| move |name: &str| format!("{prefix}{name}");
    let mut words: Words = actions.iter().copied().map(prefixed("SCMP_ACT_")).collect();
    words.extend(arches.iter().copied().map(prefixed("SCMP_ARCH_")));
    words.extend(operators.iter().copied().map(prefixed("SCMP_CMP_")));
    words.extend(flags.iter().copied().map(prefixed("SECCOMP_FILTER_FLAG_")));
    words
}
