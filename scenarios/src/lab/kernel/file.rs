//! Kernels that are files here: images, package files, the running kernel.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::cache::{self, Cache};
use super::{Error, Kernel, deb, image};
use crate::cancel::Cancel;

/// An image, with its modules below `modules`.
pub(super) fn image(name: &str, path: &Path, modules: Option<&Path>) -> Result<Kernel, Error> {
    if !path.is_file() {
        let forms = "is no file; kernels are versions such as 6.1, debian:SUITE, host, or files";
        return Err(Error::name(name, forms));
    }
    let path = std::path::absolute(path).map_err(Error::io("find", path))?;
    let release = image::release(&path)?;
    let modules = modules.map(|directory| below(directory, &release)).transpose()?;
    let config = config(&path, modules.as_deref(), &release);
    Ok(Kernel {
        name: name.to_owned(),
        source: format!("{} ({release})", path.display()),
        image: path,
        modules,
        config,
    })
}

/// The running kernel.
pub(super) fn host(name: &str) -> Result<Kernel, Error> {
    let path = Path::new("/proc/sys/kernel/osrelease");
    let release = fs::read_to_string(path).map_err(Error::io("read", path))?;
    let release = release.trim();
    let image = PathBuf::from(format!("/boot/vmlinuz-{release}"));
    if let Err(error) = File::open(&image) {
        let remedy = "name its image file, with --modules DIR";
        let problem = match error.kind() {
            std::io::ErrorKind::NotFound => format!("its image is not at {}; {remedy}", image.display()),
            std::io::ErrorKind::PermissionDenied => {
                format!("{} cannot be read; run as root, or chmod a+r it", image.display())
            }
            _ => format!("{}: {error}; {remedy}", image.display()),
        };
        return Err(Error::name(name, problem));
    }
    let modules = PathBuf::from(format!("/lib/modules/{release}"));
    let modules = modules.is_dir().then_some(modules);
    let config = config(&image, modules.as_deref(), release);
    let source = format!("the running kernel ({release})");
    Ok(Kernel { name: name.to_owned(), source, image, modules, config })
}

/// A package file, unpacked to the cache. A kernel that is built again may have the same version, so its file's size and time
/// of change are part of what it is kept under.
pub(super) fn deb(
    name: &str,
    path: &Path,
    modules: Option<&Path>,
    cache: &Cache,
    cancel: &Cancel,
) -> Result<Kernel, Error> {
    let path = std::path::absolute(path).map_err(Error::io("find", path))?;
    let file = fs::metadata(&path).map_err(Error::io("find", &path))?;
    let lock = cache.lock(cancel)?;
    let (package, version) = (deb::field(&path, "Package", cancel)?, deb::field(&path, "Version", cancel)?);
    let key = format!("{package}_{version}_{}_{}.{}", file.size(), file.mtime(), file.mtime_nsec());
    // The fields are the package's own words.
    let key = key.replace('/', "-");
    let folder = match cache.package(&key) {
        Some(folder) => folder,
        None => cache.install(&key, |folder| {
            deb::unpack(std::slice::from_ref(&path), folder, cancel)?;
            let source = folder.join("source");
            fs::write(&source, format!("{package} {version} ({})", path.display()))
                .map_err(Error::io("write", &source))
        })?,
    };
    drop(lock);
    let mut kernel = cache::kernel(name, &folder)?;
    if let (None, Some(directory)) = (&kernel.modules, modules) {
        let release = image::release(&kernel.image)?;
        let modules = below(directory, &release)?;
        kernel.config = kernel.config.or_else(|| config(&kernel.image, Some(&modules), &release));
        kernel.modules = Some(modules);
    }
    Ok(kernel)
}

/// A release's modules: below a root, below a directory of releases, or the directory itself.
fn below(directory: &Path, release: &str) -> Result<PathBuf, Error> {
    let found = ["lib/modules", "usr/lib/modules", ""]
        .map(|between| directory.join(between).join(release))
        .into_iter()
        .find(|path| path.is_dir())
        .or_else(|| directory.join("kernel").is_dir().then(|| directory.to_owned()))
        .or_else(|| directory.join("modules.builtin").is_file().then(|| directory.to_owned()));
    match found {
        Some(found) => std::path::absolute(&found).map_err(Error::io("find", &found)),
        None => {
            let problem = format!(
                "has no modules of {release}: neither lib/modules/{release} nor kernel; `make modules_install \
                 INSTALL_MOD_PATH=DIR` makes them"
            );
            Err(Error::file(directory, problem))
        }
    }
}

/// The configuration of an image: beside it as installations have it, among its modules as Debian 14 has it, or at the top of
/// the tree in which it was built as `arch/x86/boot/bzImage`.
fn config(image: &Path, modules: Option<&Path>, release: &str) -> Option<PathBuf> {
    let beside = image.with_file_name(format!("config-{release}"));
    let among = modules.map(|directory| directory.join("config"));
    let built = image.ends_with("arch/x86/boot/bzImage").then(|| image.ancestors().nth(4)).flatten();
    let built = built.map(|tree| tree.join(".config"));
    [Some(beside), among, built].into_iter().flatten().find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    /// A boot header, and nothing to boot.
    fn bzimage(release: &str) -> Vec<u8> {
        let mut image = vec![0; 0x300];
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x20e..0x210].copy_from_slice(&0x100_u16.to_le_bytes());
        image.extend(format!("{release} (me@here) #1 SMP\0").bytes());
        // The size that the header says, 0 being 4 sectors beside the first.
        image.resize(5 * 512, 0);
        image
    }

    #[test]
    fn an_image_gets_its_modules_and_its_configuration() {
        let scratch = Scratch::new().unwrap();
        let tree = scratch.path().join("linux");
        let path = tree.join("arch/x86/boot/bzImage");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bzimage("6.99.0+")).unwrap();
        fs::write(tree.join(".config"), "CONFIG_HZ=300\n").unwrap();
        let installed = scratch.path().join("mods/lib/modules/6.99.0+");
        fs::create_dir_all(installed.join("kernel")).unwrap();
        for directory in ["mods", "mods/lib/modules", "mods/lib/modules/6.99.0+"] {
            let kernel = image("mine", &path, Some(&scratch.path().join(directory))).unwrap();
            assert_eq!(kernel.modules.as_deref(), Some(installed.as_path()), "{directory}");
            assert_eq!(kernel.options(), [("CONFIG_HZ".to_owned(), "300".to_owned())].into());
            assert!(kernel.source.ends_with("bzImage (6.99.0+)"), "{}", kernel.source);
        }
        let error = image("mine", &path, Some(&tree)).unwrap_err().to_string();
        assert!(error.contains("has no modules of 6.99.0+"), "{error}");
        assert_eq!(image("mine", &path, None).unwrap().modules, None);
    }

    #[test]
    fn what_is_no_image_is_refused() {
        let error = image("6.x", Path::new("6.x"), None).unwrap_err().to_string();
        assert!(error.starts_with("kernel `6.x`: is no file"), "{error}");
        let error = image("exe", Path::new("/proc/self/exe"), None).unwrap_err().to_string();
        assert!(error.contains("is no bzImage"), "{error}");
    }
}
