//! One thing wrong in a document, where it is, and what must come of it.

use arbitrary::Arbitrary;
use serde_json::{Value, json};

use super::input::print;

/// What, and at which place of the document.
#[derive(Debug, Arbitrary)]
pub struct Damage {
    what: What,
    place: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
enum What {
    /// A key has a letter more.
    Misspelt,
    /// A key is there twice.
    Doubled,
    /// A value is null.
    Null,
    /// A value is of another type.
    OtherType,
    /// A number is 2^64, or more than any.
    TooLarge,
    Huge,
    /// A number is not whole.
    Fraction,
    /// There is a key that nobody knows.
    Unknown,
}

/// What must come of a document.
#[derive(Debug)]
pub enum Expected {
    /// It is read as this one.
    As(Value),
    /// It is refused at this place.
    RefusedAt(String),
    /// It is read as this one, or both are refused at this place.
    LikeWithout(Value, String),
}

/// A value of the document.
struct Place {
    /// As it is named to people.
    path: String,
    /// The path of what it is in.
    within: String,
    /// As `Value::pointer` takes it.
    pointer: String,
    /// Its key, if that is one of the spec's own and not a name that anybody may choose.
    key: Option<String>,
}

/// Objects whose keys are anybody's.
const FREE: [&str; 6] = [
    "annotations",
    "linux.sysctl",
    "linux.resources.unified",
    "linux.resources.rdma",
    "linux.netDevices",
    "linux.timeOffsets",
];

/// Stands for what a value cannot express until the text is there.
const MARK: &str = "\u{e000}";

impl Damage {
    /// The damaged text; none where the document has no such place.
    pub(super) fn written(&self, spec: &Value, pretty: bool) -> Option<(String, Expected)> {
        let mut places = Vec::new();
        collect(spec, "", "", &mut places);
        places.retain(|place| self.fits(spec, place));
        if places.is_empty() {
            return None;
        }
        let place = places.swap_remove(usize::from(self.place) % places.len());
        let mut damaged = spec.clone();
        let value = damaged.pointer_mut(&place.pointer)?;
        let refused = |text| Some((text, Expected::RefusedAt(place.path.clone())));
        let raw = match self.what {
            What::Misspelt => {
                let key = place.key.clone()?;
                let (above, _) = place.pointer.rsplit_once('/')?;
                let object = damaged.pointer_mut(above)?.as_object_mut()?;
                let value = object.remove(&key)?;
                let without = Value::Object(object.clone());
                object.insert(format!("{key}x"), value);
                let text = print(&damaged, pretty);
                *damaged.pointer_mut(above)? = without;
                return Some((text, Expected::LikeWithout(damaged, place.within)));
            }
            What::Null => {
                *value = Value::Null;
                let text = print(&damaged, pretty);
                let without = take_out(&damaged, &place)?;
                return Some((text, Expected::LikeWithout(without, place.path)));
            }
            What::Unknown => {
                value.as_object_mut()?.insert("org.unknown".into(), json!({"a": [1, {}]}));
                return Some((print(&damaged, pretty), Expected::As(spec.clone())));
            }
            What::OtherType => {
                *value = other(value);
                return refused(print(&damaged, pretty));
            }
            What::Doubled => format!("{value},\"{}\":{value}", place.key.as_deref()?),
            What::TooLarge => "18446744073709551616".into(),
            What::Huge => "1e400".into(),
            What::Fraction => "1.5".into(),
        };
        *value = json!(MARK);
        refused(print(&damaged, pretty).replace(&format!("\"{MARK}\""), &raw))
    }

    fn fits(&self, spec: &Value, place: &Place) -> bool {
        let Some(value) = spec.pointer(&place.pointer) else { return false };
        let known = place.key.is_some();
        match self.what {
            What::Misspelt | What::Doubled | What::Null => known,
            What::OtherType => true,
            What::TooLarge | What::Huge | What::Fraction => value.is_number(),
            What::Unknown => value.is_object() && !FREE.contains(&place.path.as_str()),
        }
    }
}

/// A value that no type of the spec takes in place of this one.
fn other(value: &Value) -> Value {
    match value {
        Value::String(_) | Value::Object(_) => json!(7),
        Value::Number(number) => json!(number.to_string()),
        Value::Bool(_) => json!("true"),
        _ => json!("x"),
    }
}

fn take_out(spec: &Value, place: &Place) -> Option<Value> {
    let mut without = spec.clone();
    let (above, _) = place.pointer.rsplit_once('/')?;
    without.pointer_mut(above)?.as_object_mut()?.remove(place.key.as_deref()?)?;
    Some(without)
}

fn collect(value: &Value, path: &str, pointer: &str, places: &mut Vec<Place>) {
    let name = |path: &str| if path.is_empty() { ".".to_owned() } else { path.to_owned() };
    match value {
        Value::Object(object) => {
            for (key, below) in object {
                let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let to = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                let key = (!FREE.contains(&path)).then(|| key.clone());
                places.push(Place { path: at.clone(), within: name(path), pointer: to.clone(), key });
                collect(below, &at, &to, places);
            }
        }
        Value::Array(list) => {
            for (index, below) in list.iter().enumerate() {
                let (at, to) = (format!("{path}[{index}]"), format!("{pointer}/{index}"));
                places.push(Place { path: at.clone(), within: name(path), pointer: to.clone(), key: None });
                collect(below, &at, &to, places);
            }
        }
        _ => {}
    }
}
