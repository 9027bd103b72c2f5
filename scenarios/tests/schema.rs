//! The JSON Schema of scenario files: it is what the files are read by, and it is in the repository.

#![allow(clippy::unwrap_used)] // a panic is a failed test

use std::fs;
use std::path::{Path, PathBuf};

use isolab_scenarios::schema::json::json_schema;
use jsonschema::Validator;
use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn validator() -> Validator {
    jsonschema::draft7::new(&json_schema()).unwrap()
}

fn read(file: &Path) -> Value {
    toml::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

fn catalogue() -> Vec<PathBuf> {
    let folders =
        ["guarantees", "costs", "interference"].map(|name| Path::new(ROOT).join("catalog").join(name));
    let files =
        folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    files.filter(|file| file.extension().is_some_and(|end| end == "toml")).collect()
}

#[test]
fn each_file_of_the_catalogue_is_valid() {
    let (validator, files) = (validator(), catalogue());
    assert!(files.len() > 140, "{}", files.len());
    for file in files {
        assert!(validator.is_valid(&read(&file)), "{} is not what the schema says", file.display());
    }
}

/// A key that no reader knows, at each place where one can be.
#[test]
fn a_misspelt_key_is_found_wherever_it_is() {
    let validator = validator();
    for file in
        ["guarantees/cpu-weight-ratio", "guarantees/exec-user-matrix", "costs/ladder", "interference/full"]
    {
        let file = Path::new(ROOT).join(format!("catalog/{file}.toml"));
        let whole = read(&file);
        assert!(validator.is_valid(&whole), "{}", file.display());
        let mut places = Vec::new();
        tables(&whole, "", &mut places);
        assert!(places.len() > 5, "{}", file.display());
        for place in places {
            let mut wrong = whole.clone();
            wrong.pointer_mut(&place).unwrap()["misspelt"] = Value::from(1);
            assert!(!validator.is_valid(&wrong), "{}: {place}", file.display());
        }
    }
}

/// Pointers to the tables whose keys are given; values of a config, and names that the author chooses, are not.
fn tables(value: &Value, at: &str, places: &mut Vec<String>) {
    const FREE: [&str; 3] = ["to", "value", "bare"];
    const NAMED: [&str; 7] = ["ask", "later", "before", "created", "act", "after", "expect"];
    let last = at.rsplit('/').next().unwrap_or_default();
    match value {
        _ if FREE.contains(&last) => {}
        Value::Object(keys) => {
            if !NAMED.contains(&last) {
                places.push(at.to_owned());
            }
            for (key, value) in keys {
                tables(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), places);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| tables(item, &format!("{at}/{index}"), places));
        }
        _ => {}
    }
}

#[test]
fn the_repository_has_the_one_of_this_version() {
    let file = Path::new(ROOT).join("../docs/scenario.schema.json");
    let kept: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert!(kept == json_schema(), "write it again: isolab schema > docs/scenario.schema.json");
}
