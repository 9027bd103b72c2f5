//! What a module says of itself: the section `.modinfo`, texts `key=value` that end in zeros.
//!
//! Packages come without modules.dep, which depmod writes at installation; it is made of the same texts.

use object::{File, Object, ObjectSection};

/// What a module needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Modules whose symbols it uses: it cannot be loaded without them.
    pub(super) depends: Vec<String>,
    /// Modules that are to be loaded before it where they are there (modprobe.d(5), `softdep`).
    pub(super) before: Vec<String>,
}

/// Reads a module's needs; the module is uncompressed.
pub(super) fn needs(module: &[u8]) -> Result<Needs, String> {
    let file = File::parse(module).map_err(|error| format!("is no module: {error}"))?;
    let section = file.section_by_name(".modinfo").ok_or("is no module: it has no .modinfo")?;
    let data = section.data().map_err(|error| format!("has a .modinfo that cannot be read: {error}"))?;
    Ok(parse(data))
}

fn parse(data: &[u8]) -> Needs {
    let mut needs = Needs::default();
    for text in data.split(|&byte| byte == 0) {
        let text = String::from_utf8_lossy(text);
        match text.split_once('=') {
            Some(("depends", names)) => {
                needs.depends.extend(names.split(',').filter(|name| !name.is_empty()).map(str::to_owned));
            }
            Some(("softdep", list)) => needs.before.extend(before(list)),
            _ => {}
        }
    }
    needs
}

/// The names after `pre:` in `pre: a b post: c`.
fn before(list: &str) -> Vec<String> {
    let words = list.split_whitespace().skip_while(|word| *word != "pre:").skip(1);
    words.take_while(|word| !word.ends_with(':')).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_read() {
        let data =
            b"license=GPL\0softdep=pre: crc32c post: late\0depends=mbcache,jbd2\0depends=\0\0name=ext4\0";
        let needs = parse(data);
        assert_eq!(needs.depends, ["mbcache", "jbd2"]);
        assert_eq!(needs.before, ["crc32c"]);
        assert_eq!(parse(b"softdep=post: late\0depends=\0"), Needs::default());
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(super::needs(b"#!/bin/sh\n").unwrap_err().contains("is no module"));
        let own = std::fs::read("/proc/self/exe").unwrap();
        assert!(super::needs(&own).unwrap_err().contains("no .modinfo"));
    }
}
