//! An OCI layout with one image of given layers.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::encode::Blob;

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes it to a directory that has `blobs/sha256`.
pub(crate) fn write(dir: &Path, layers: &[Blob]) {
    let promised = |layer: &Blob| match layer.forged {
        true => sha256(&[&layer.plain[..], b"!"].concat()),
        false => sha256(&layer.plain),
    };
    let diff_ids: Vec<String> = layers.iter().map(|layer| format!("sha256:{}", promised(layer))).collect();
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let layers: Vec<Value> = layers
        .iter()
        .map(|layer| blob(dir, "application/vnd.oci.image.layer.v1.tar+gzip", &layer.packed))
        .collect();
    let config = blob(dir, "application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
    let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers});
    let manifest = blob(dir, "application/vnd.oci.image.manifest.v1+json", manifest.to_string().as_bytes());
    put(&dir.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#);
    let index = json!({"schemaVersion": 2, "manifests": [manifest]});
    put(&dir.join("index.json"), index.to_string().as_bytes());
}

fn blob(dir: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let digest = sha256(bytes);
    put(&dir.join("blobs/sha256").join(&digest), bytes);
    json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len()})
}

fn put(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap_or_else(|error| panic!("write {}: {error}", path.display()));
}
