//! OCI layouts and tar layers written by hand: what no honest tool writes too.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A tar archive under construction.
pub(crate) struct Tape(pub(crate) tar::Builder<Vec<u8>>);

/// A header with sane fields.
pub(crate) fn header(kind: tar::EntryType, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_600_000_000);
    header.set_size(0);
    header
}

impl Tape {
    pub(crate) fn new() -> Tape {
        Tape(tar::Builder::new(Vec::new()))
    }

    /// Puts a name into a header as it is: the crate's own functions refuse `..` and slashes.
    pub(crate) fn raw(mut self, mut header: tar::Header, name: &[u8], link: &[u8], data: &[u8]) -> Tape {
        assert!(name.len() <= 100 && link.len() <= 100);
        let fields = header.as_old_mut();
        fields.name[..name.len()].copy_from_slice(name);
        fields.linkname[..link.len()].copy_from_slice(link);
        header.set_size(data.len() as u64);
        header.set_cksum();
        self.0.append(&header, data).unwrap();
        self
    }

    pub(crate) fn file(self, name: &str, data: &[u8]) -> Tape {
        self.raw(header(tar::EntryType::Regular, 0o644), name.as_bytes(), b"", data)
    }

    pub(crate) fn dir(self, name: &str) -> Tape {
        self.raw(header(tar::EntryType::Directory, 0o755), name.as_bytes(), b"", b"")
    }

    pub(crate) fn symlink(self, name: &str, to: &str) -> Tape {
        self.raw(header(tar::EntryType::Symlink, 0o777), name.as_bytes(), to.as_bytes(), b"")
    }

    pub(crate) fn hard_link(self, name: &str, to: &str) -> Tape {
        self.raw(header(tar::EntryType::Link, 0o644), name.as_bytes(), to.as_bytes(), b"")
    }

    /// PAX records for the next entry.
    pub(crate) fn pax(mut self, records: &[(&str, &[u8])]) -> Tape {
        self.0.append_pax_extensions(records.iter().copied()).unwrap();
        self
    }

    pub(crate) fn done(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A layout with one image of these tar layers, gzipped, tagged `one`.
pub(crate) fn write(dir: &Path, layers: &[Vec<u8>]) {
    let packed: Vec<(Vec<u8>, String)> =
        layers.iter().map(|layer| (gzip(layer), format!("sha256:{}", sha256(layer)))).collect();
    write_packed(dir, &packed, json!({}));
}

/// The same of blobs as they are, with the diff ids that they claim.
pub(crate) fn write_packed(dir: &Path, layers: &[(Vec<u8>, String)], config: Value) {
    fs::create_dir_all(dir.join("blobs/sha256")).unwrap();
    let diff_ids: Vec<&String> = layers.iter().map(|(_, diff_id)| diff_id).collect();
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": config,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
    let layers: Vec<Value> = layers.iter().map(|(bytes, _)| blob(dir, gzip, bytes)).collect();
    let config = blob(dir, "application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
    let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers});
    let manifest = blob(dir, "application/vnd.oci.image.manifest.v1+json", manifest.to_string().as_bytes());
    write_index(dir, &[named(manifest, "one")]);
}

pub(crate) fn named(mut descriptor: Value, name: &str) -> Value {
    descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": name});
    descriptor
}

pub(crate) fn write_index(dir: &Path, manifests: &[Value]) {
    fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let index = json!({"schemaVersion": 2, "manifests": manifests});
    fs::write(dir.join("index.json"), index.to_string()).unwrap();
}

/// Writes a blob; returns its descriptor.
pub(crate) fn blob(dir: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let digest = sha256(bytes);
    fs::write(dir.join("blobs/sha256").join(&digest), bytes).unwrap();
    json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len()})
}
