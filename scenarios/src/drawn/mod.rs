//! A drawn container: a config made by the bytes of a fuzzer, or of a seeded generator.
//!
//! [`Config`] is anything that the spec can say, mostly valid: one in four may have something wrong, or not consistent with
//! the rest. [`Launchable`] is a part of that which root can launch for real, and which is harmless for the host.

mod draw;
mod launchable;
mod life;
mod linux;
mod mounts;
mod namespaces;
mod process;
mod resources;
mod seccomp;

use arbitrary::{Arbitrary, Unstructured};
use serde_json::{Value, json};

use draw::Draw;
pub use launchable::{FOLDERS, Launchable, TARGETS};
use namespaces::{Namespaces, PARAMETERS};

/// A config of the runtime-spec.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// As it is written.
    pub spec: Value,
}

impl<'b> Arbitrary<'b> for Config {
    fn arbitrary(bytes: &mut Unstructured<'b>) -> arbitrary::Result<Config> {
        let mut draw = Draw::new(bytes);
        draw.allow_odd(4)?;
        Ok(Config { spec: any(&mut draw)? })
    }
}

fn any(draw: &mut Draw<'_, '_>) -> arbitrary::Result<Value> {
    let mut linux = json!({});
    let bare = draw.one_in(32)?;
    let namespaces = if bare { Namespaces::of(Vec::new()) } else { namespaces::any(draw, &mut linux)? };
    let mut spec = json!({
        "ociVersion": draw.pick(&["1.2.0", "1.0.2", "1.0.2-dev", "1.1.0", "1.3.0", "1.99.0+x"])?,
        "process": process::any(draw, &namespaces)?,
        "root": {"path": draw.pick(&["rootfs", "/srv/a b", "../up", "."])?},
    });
    if draw.is_odd()? {
        spec["ociVersion"] = json!(draw.pick(&["", "2.0.0", "one", "1.0"])?);
    }
    draw.perhaps(&mut spec, "annotations", life::annotations)?;
    if draw.one_in(4)? {
        spec["hooks"] = life::hooks(draw)?;
    }
    let relative = spec["ociVersion"].as_str().is_some_and(|version| !version.starts_with("1.0."));
    if namespaces.has("mount") != draw.is_odd()? {
        draw.perhaps(&mut spec["root"], "readonly", |draw| Ok(json!(draw.coin()?)))?;
        draw.perhaps(&mut spec, "mounts", |draw| mounts::any(draw, &namespaces, relative))?;
        linux::with_mounts(draw, &mut linux)?;
    }
    names(draw, &namespaces, &mut spec)?;
    if bare {
        return Ok(spec);
    }
    if namespaces.makes("time") != draw.is_odd()? {
        namespaces::time_offsets(draw, i64::MAX, &mut linux)?;
    }
    if draw.coin()? {
        namespaces::parameters(draw, &namespaces, &PARAMETERS, &mut linux)?;
    }
    if draw.one_in(8)? && namespaces.has("network") != draw.is_odd()? {
        namespaces::links(draw, &mut linux)?;
    }
    linux::any(draw, &mut linux)?;
    draw.perhaps(&mut linux, "seccomp", seccomp::any)?;
    draw.perhaps(&mut linux, "resources", resources::any)?;
    spec["linux"] = linux;
    if draw.is_odd()? {
        spec["vm"] = json!({"kernel": {"path": "/vmlinuz"}});
    }
    Ok(spec)
}

/// The names of a uts namespace.
fn names(draw: &mut Draw<'_, '_>, namespaces: &Namespaces, spec: &mut Value) -> arbitrary::Result<()> {
    let long = "x".repeat(65);
    for name in ["hostname", "domainname"] {
        if namespaces.has("uts") != draw.is_odd()? {
            draw.perhaps(spec, name, |draw| {
                let odd = draw.is_odd()?;
                Ok(json!(draw.pick(&if odd {
                    [long.as_str(), "nul\0", "", "x"]
                } else {
                    ["drawn", "", "ä b", &long[1..]]
                })?))
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use isolab_core::host::Host;
    use isolab_core::oci;
    use isolab_core::plan::Plan;

    use super::*;

    const COUNT: u64 = 1000;

    /// What is drawn from so many inputs of a seeded generator.
    fn drawn<T: for<'b> Arbitrary<'b>>() -> Vec<T> {
        let input = |seed: u64| -> Vec<u8> {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let next = |_| {
                // xorshift64
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 32) as u8
            };
            (0..2048).map(next).collect()
        };
        (1..=COUNT).map(|seed| T::arbitrary(&mut Unstructured::new(&input(seed))).unwrap()).collect()
    }

    fn read(spec: &Value) -> Result<isolab_core::config::Config, String> {
        let spec = oci::parse(spec.to_string().as_bytes()).map_err(|error| error.to_string())?;
        isolab_core::config::Config::new(&spec, Path::new("/bundle"), "drawn")
            .map_err(|error| error.to_string())
    }

    #[test]
    fn most_configs_are_accepted() {
        let right = drawn::<Config>().iter().filter(|config| read(&config.spec).is_ok()).count();
        assert!(right * 10 > COUNT as usize * 6, "{right} of {COUNT}");
    }

    #[test]
    fn what_is_to_be_launched_is_accepted_and_planned_without_gaps() {
        for Launchable { spec } in drawn::<Launchable>() {
            let config = read(&spec).unwrap_or_else(|error| panic!("{error}\n{spec}"));
            let plan =
                Plan::compile(&config, &Host::example()).unwrap_or_else(|error| panic!("{error}\n{spec}"));
            assert_eq!(plan.gaps, Vec::<String>::new(), "{spec}");
        }
    }

    #[test]
    fn a_config_of_no_bytes_is_plain() {
        let config = Config::arbitrary(&mut Unstructured::new(&[])).unwrap();
        read(&config.spec).unwrap();
        let launchable = Launchable::arbitrary(&mut Unstructured::new(&[])).unwrap();
        read(&launchable.spec).unwrap();
    }
}
