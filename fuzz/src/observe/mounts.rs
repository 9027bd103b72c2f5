//! The table of mounts as the kernel prints it (`fs/proc_namespace.c`).

use isolab_core::observe::MountInfo;

/// `mangle` and `seq_path`: the bytes of a set as three octal digits.
fn escaped(text: &str, set: &str) -> String {
    text.chars().map(|c| if set.contains(c) { format!("\\{:03o}", u32::from(c)) } else { c.into() }).collect()
}

/// A line.
pub(super) fn line(mount: &MountInfo) -> String {
    const PATH: &str = " \t\n\\";
    const MANGLED: &str = " \t\n\\#";
    const OPTION: &str = ", \t\n\\";
    let MountInfo { id, parent, device: (major, minor), .. } = mount;
    let options = mount.options.join(",");
    let propagation: String = mount.propagation.iter().map(|way| format!(" {way}")).collect();
    let own: Vec<String> = mount.super_options.iter().map(|option| escaped(option, OPTION)).collect();
    format!(
        "{id} {parent} {major}:{minor} {} {} {options}{propagation} - {} {} {}\n",
        escaped(&mount.root, PATH),
        escaped(&mount.target, PATH),
        escaped(&mount.fstype, MANGLED),
        escaped(&mount.source, MANGLED),
        own.join(",")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is printed here is what this kernel prints.
    #[test]
    fn this_hosts_table_is_printed_as_the_kernel_prints_it() {
        let text = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let mounts = isolab_core::observe::mountinfo(&text);
        assert_eq!(mounts.iter().map(line).collect::<String>(), text);
    }
}
