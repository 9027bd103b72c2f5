//! The JSON Schema of scenario files: what an editor completes and checks, made of the types that read them.
//!
//! Draft 7, which editors for TOML know. What is no text in a question or an act may be a placeholder (see `template`), which is one.

use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::Guarantee;
use crate::check::act::Act;
use crate::cost::ladder::Ladder;
use crate::interference::declaration::Matrix;
use crate::probe::Question;

/// The schema of a scenario file, of whatever kind.
#[must_use]
pub fn json_schema() -> Value {
    let mut generator = SchemaSettings::draft07().into_generator();
    let kinds = [
        generator.subschema_for::<Guarantee>(),
        generator.subschema_for::<Ladder>(),
        generator.subschema_for::<Matrix>(),
    ];
    let fillable = [name::<Question>(&mut generator), name::<Act>(&mut generator)];
    let mut definitions = generator.take_definitions(true);
    for name in fillable {
        if let Some(definition) = definitions.get_mut(&name).and_then(|found| found.try_into().ok()) {
            with_placeholders(definition);
        }
    }
    // It is read before the rest, and kept by none of the types.
    if let Some(guarantee) = definitions.get_mut(Guarantee::schema_name().as_ref()) {
        guarantee["properties"]["kind"] = json!({"type": "string", "const": "guarantee"});
        if let Some(required) = guarantee["required"].as_array_mut() {
            required.insert(0, "kind".into());
        }
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "isolab scenario",
        "description": "A guarantee, a cost or a matrix of interference: `isolab run FILE`.",
        "oneOf": kinds,
        "definitions": definitions,
    })
}

fn name<T: JsonSchema>(generator: &mut SchemaGenerator) -> String {
    generator.subschema_for::<T>();
    T::schema_name().into_owned()
}

/// What is no text may also be a placeholder.
fn with_placeholders(schema: &mut Schema) {
    let plain = schema.get("type").and_then(Value::as_str);
    if let Some(plain @ ("integer" | "number" | "boolean" | "array")) = plain {
        let types = json!([plain, "string"]);
        schema.insert("type".into(), types);
        schema.insert("pattern".into(), r"^\{.+\}$".into());
    }
    transform_subschemas(&mut with_placeholders, schema);
}
