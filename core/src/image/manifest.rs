//! Which images an archive has, and what each consists of: `manifest.json` of `docker save`, and `index.json` of an OCI
//! layout (image-spec, `image-layout.md`). An archive with both, as newer engines save it, is read as docker's.

use oci_spec::image::{Descriptor, Digest, ImageConfiguration, ImageIndex, ImageManifest, MediaType};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::digest::Hasher;
use super::error::Problem;
use super::limits::Limits;
use super::platform::Platform;
use super::store::Store;

/// Indexes within indexes.
const DEEPEST: usize = 4;

/// A layer's blob.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// The blob's name in the store.
    pub(super) name: String,
    /// What the blob hashes to, compressed as it is.
    pub(super) digest: Option<Digest>,
    pub(super) size: Option<u64>,
    /// What its tar archive hashes to.
    pub(super) diff_id: Digest,
}

/// An image, found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) names: Vec<String>,
    pub(super) digest: Option<Digest>,
    pub(super) config: ImageConfiguration,
    pub(super) layers: Vec<Layer>,
}

impl Found {
    pub(super) fn platform(&self) -> Platform {
        Platform {
            os: self.config.os().to_string(),
            architecture: self.config.architecture().to_string(),
            variant: self.config.variant().clone(),
        }
    }
}

/// A candidate before its config is read.
#[derive(Debug, Clone)]
enum Candidate {
    Docker(Saved),
    Oci(Box<Descriptor>),
}

/// One element of docker's `manifest.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

/// Every image with its names, those for several platforms once for each.
pub(super) fn all(store: &Store, limits: &Limits) -> Result<Vec<Found>, Problem> {
    let mut found = Vec::new();
    for (names, candidate) in candidates(store, limits)? {
        for candidate in flatten(store, limits, candidate, 0)? {
            found.push(read(store, limits, &names, &candidate)?);
        }
    }
    Ok(found)
}

/// The image of a name, for a platform. `None` takes the only name, and this host's platform where there are several.
pub(super) fn choose(
    store: &Store,
    limits: &Limits,
    name: Option<&str>,
    platform: Option<&Platform>,
) -> Result<Found, Problem> {
    let listed = candidates(store, limits)?;
    let matching = match name {
        Some(name) => by_name(listed, name)?,
        None => {
            let mut known: Vec<&Vec<String>> = listed.iter().map(|(names, _)| names).collect();
            known.dedup();
            if known.len() > 1 {
                return Err(Problem::Choice(format!(
                    "it has several images: name one of {}",
                    spell(&listed)
                )));
            }
            listed
        }
    };
    let mut builds = Vec::new();
    for (names, candidate) in matching {
        for candidate in flatten(store, limits, candidate, 0)? {
            builds.push((names.clone(), candidate));
        }
    }
    if let ([(names, only)], None) = (builds.as_slice(), platform) {
        return read(store, limits, names, only);
    }
    let host = Platform::host();
    let asked = platform.unwrap_or(&host);
    let mut others = Vec::new();
    for (names, candidate) in &builds {
        // The first that fits counts, as the image-spec says.
        match described(candidate) {
            Some(stated) if !stated.is(asked) => others.push(stated.to_string()),
            _ => {
                let found = read(store, limits, names, candidate)?;
                if found.platform().is(asked) {
                    return Ok(found);
                }
                others.push(found.platform().to_string());
            }
        }
    }
    let there = if others.is_empty() { "no image at all".into() } else { others.join(", ") };
    Err(Problem::Choice(format!("it has no image for {asked}, but {there}")))
}

/// What `index.json` or `manifest.json` lists, with the names of each.
fn candidates(store: &Store, limits: &Limits) -> Result<Vec<(Vec<String>, Candidate)>, Problem> {
    if store.has("manifest.json") {
        let saved: Vec<Saved> = parse("manifest.json", &store.bytes("manifest.json", limits)?)?;
        let named = |saved: Saved| (saved.repo_tags.clone().unwrap_or_default(), Candidate::Docker(saved));
        return Ok(saved.into_iter().map(named).collect());
    }
    if !store.has("index.json") {
        return Err(Problem::format(
            "neither an image archive nor an OCI layout: no manifest.json, no index.json",
        ));
    }
    let index = index("index.json", &store.bytes("index.json", limits)?)?;
    let named = |descriptor: &Descriptor| (names(descriptor), Candidate::Oci(Box::new(descriptor.clone())));
    Ok(index.manifests().iter().filter(|descriptor| is_image(descriptor)).map(named).collect())
}

/// Names that writers give an image in a layout.
fn names(descriptor: &Descriptor) -> Vec<String> {
    let annotations = descriptor.annotations().as_ref();
    let name = |key| annotations.and_then(|annotations| annotations.get(key)).cloned();
    let keys = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];
    let mut names: Vec<String> = keys.into_iter().filter_map(name).collect();
    names.dedup();
    names
}

/// Not the attestations that builders put beside images, for a platform `unknown`.
fn is_image(descriptor: &Descriptor) -> bool {
    let unknown =
        descriptor.platform().as_ref().is_some_and(|platform| platform.os().to_string() == "unknown");
    !unknown && (is_index(descriptor.media_type()) || is_manifest(descriptor.media_type()))
}

fn is_index(media_type: &MediaType) -> bool {
    let docker = "application/vnd.docker.distribution.manifest.list.v2+json";
    *media_type == MediaType::ImageIndex || media_type.as_ref() == docker
}

fn is_manifest(media_type: &MediaType) -> bool {
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    *media_type == MediaType::ImageManifest || media_type.as_ref() == docker
}

/// Keeps what a name means: exactly, with `:latest` added, or as the end of one name only.
fn by_name(
    listed: Vec<(Vec<String>, Candidate)>,
    name: &str,
) -> Result<Vec<(Vec<String>, Candidate)>, Problem> {
    let latest = format!("{name}:latest");
    let digest = |candidate: &Candidate| match candidate {
        Candidate::Oci(descriptor) => Some(descriptor.digest().to_string()),
        Candidate::Docker(_) => None,
    };
    let exact = |known: &str| known == name || known == latest;
    let end = |known: &str| {
        [name, &latest].iter().any(|name| known.strip_suffix(*name).is_some_and(|rest| rest.ends_with('/')))
    };
    let pick = |test: &dyn Fn(&str) -> bool| -> Vec<(Vec<String>, Candidate)> {
        let is = |(names, candidate): &&(Vec<String>, Candidate)| {
            names.iter().any(|known| test(known)) || digest(candidate).is_some_and(|digest| digest == name)
        };
        listed.iter().filter(is).cloned().collect()
    };
    let found = pick(&exact);
    let found = if found.is_empty() { pick(&end) } else { found };
    if found.is_empty() {
        let known = if listed.is_empty() { "nothing".into() } else { spell(&listed) };
        return Err(Problem::Choice(format!("it has no image {name}, but {known}")));
    }
    Ok(found)
}

fn spell(listed: &[(Vec<String>, Candidate)]) -> String {
    let name = |(names, candidate): &(Vec<String>, Candidate)| match (names.first(), candidate) {
        (Some(name), _) => name.clone(),
        (None, Candidate::Oci(descriptor)) => descriptor.digest().to_string(),
        (None, Candidate::Docker(_)) => "one without a name".into(),
    };
    listed.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// The manifests below an index, or the manifest itself.
fn flatten(
    store: &Store,
    limits: &Limits,
    candidate: Candidate,
    depth: usize,
) -> Result<Vec<Candidate>, Problem> {
    let Candidate::Oci(descriptor) = &candidate else { return Ok(vec![candidate]) };
    if !is_index(descriptor.media_type()) {
        return Ok(vec![candidate]);
    }
    if depth == DEEPEST {
        return Err(Problem::format(format!("more than {DEEPEST} indexes within one another")));
    }
    let index = index(descriptor.digest().as_ref(), &document(store, limits, descriptor)?)?;
    if index.manifests().len() as u64 > limits.entries {
        return Err(Problem::Limit { what: "manifests in an index", limit: limits.entries });
    }
    let mut below = Vec::new();
    for descriptor in index.manifests().iter().filter(|descriptor| is_image(descriptor)) {
        below.extend(flatten(store, limits, Candidate::Oci(Box::new(descriptor.clone())), depth + 1)?);
    }
    Ok(below)
}

/// The platform that an index states.
fn described(candidate: &Candidate) -> Option<Platform> {
    let Candidate::Oci(descriptor) = candidate else { return None };
    let platform = descriptor.platform().as_ref()?;
    Some(Platform {
        os: platform.os().to_string(),
        architecture: platform.architecture().to_string(),
        variant: platform.variant().clone(),
    })
}

fn read(store: &Store, limits: &Limits, names: &[String], candidate: &Candidate) -> Result<Found, Problem> {
    let found = match candidate {
        Candidate::Docker(saved) => read_docker(store, limits, names, saved),
        Candidate::Oci(descriptor) => read_oci(store, limits, names, descriptor),
    }?;
    if found.layers.len() > limits.layers {
        return Err(Problem::Limit { what: "layers", limit: limits.layers as u64 });
    }
    Ok(found)
}

fn read_docker(store: &Store, limits: &Limits, names: &[String], saved: &Saved) -> Result<Found, Problem> {
    let bytes = store.bytes(&saved.config, limits)?;
    // Writers name the config by its digest; some have named it otherwise, and then nothing promises its content.
    let digest = digest_of(&saved.config);
    if let Some(digest) = &digest {
        verify(&saved.config, &bytes, digest)?;
    }
    let config: ImageConfiguration = parse(&saved.config, &bytes)?;
    let layers = saved.layers.clone().unwrap_or_default();
    let layers = pair(&config, layers.len(), |index, diff_id| {
        let name = layers.get(index).cloned().unwrap_or_default();
        // `blobs/sha256/HEX` promises the blob's content; `HEX.tar` that of the archive in it, as the diff id does.
        let digest = name.starts_with("blobs/").then(|| digest_of(&name)).flatten();
        Ok(Layer { name, digest, size: None, diff_id })
    })?;
    Ok(Found { names: names.to_vec(), digest, config, layers })
}

/// The digest in `HEX.json`, `HEX` or `blobs/sha256/HEX`.
fn digest_of(name: &str) -> Option<Digest> {
    let last = name.rsplit('/').next()?;
    let hex = last.strip_suffix(".json").unwrap_or(last);
    Digest::try_from(format!("sha256:{hex}")).ok()
}

fn read_oci(
    store: &Store,
    limits: &Limits,
    names: &[String],
    descriptor: &Descriptor,
) -> Result<Found, Problem> {
    let what = descriptor.digest().to_string();
    let bytes = document(store, limits, descriptor)?;
    let value: Value = parse(&what, &bytes)?;
    if value.get("manifests").is_some() {
        return Err(Problem::refused(format!("{what} is a manifest and an index at once")));
    }
    let manifest: ImageManifest = parse(&what, &bytes)?;
    let kind = manifest.config().media_type();
    let docker = "application/vnd.docker.container.image.v1+json";
    if *kind != MediaType::ImageConfig && kind.as_ref() != docker {
        return Err(Problem::format(format!("{what} is no image: its config is {kind}")));
    }
    let config: ImageConfiguration = parse(&what, &document(store, limits, manifest.config())?)?;
    let layers = pair(&config, manifest.layers().len(), |index, diff_id| {
        let layer = manifest.layers().get(index).ok_or_else(|| Problem::format("a layer is missing"))?;
        check_layer_type(layer.media_type())?;
        let digest = layer.digest().clone();
        Ok(Layer { name: blob_name(&digest)?, digest: Some(digest), size: Some(layer.size()), diff_id })
    })?;
    Ok(Found { names: names.to_vec(), digest: Some(descriptor.digest().clone()), config, layers })
}

/// What is in a layer is told by its first bytes, since skopeo calls uncompressed ones gzipped too; that it is a layer at
/// all, by its type.
fn check_layer_type(media_type: &MediaType) -> Result<(), Problem> {
    let text: &str = media_type.as_ref();
    let stem = text.strip_suffix("+gzip").or(text.strip_suffix("+zstd")).unwrap_or(text);
    let stem = stem.strip_suffix(".gzip").or(stem.strip_suffix(".zstd")).unwrap_or(stem);
    let known = [
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
    ];
    if known.contains(&stem) {
        return Ok(());
    }
    Err(Problem::format(format!(
        "a layer of type {text} is not supported, only tar with gzip, zstd or neither"
    )))
}

/// Pairs layers with the config's diff ids.
fn pair(
    config: &ImageConfiguration,
    count: usize,
    mut layer: impl FnMut(usize, Digest) -> Result<Layer, Problem>,
) -> Result<Vec<Layer>, Problem> {
    let diff_ids = config.rootfs().diff_ids();
    if diff_ids.len() != count {
        let ids = diff_ids.len();
        return Err(Problem::format(format!(
            "its manifest has {count} layers, but its config {ids} diff ids"
        )));
    }
    let parsed = |text: &String| {
        Digest::try_from(text.as_str()).map_err(|error| Problem::format(format!("diff id {text:?}: {error}")))
    };
    diff_ids.iter().enumerate().map(|(index, text)| layer(index, parsed(text)?)).collect()
}

fn blob_name(digest: &Digest) -> Result<String, Problem> {
    // Refuses algorithms that are not known, whose names might be anything.
    Hasher::new(digest)?;
    Ok(format!("blobs/{}/{}", digest.algorithm(), digest.digest()))
}

/// A JSON document that a descriptor points to, verified.
fn document(store: &Store, limits: &Limits, descriptor: &Descriptor) -> Result<Vec<u8>, Problem> {
    let what = descriptor.digest().to_string();
    let bytes = store.bytes(&blob_name(descriptor.digest())?, limits)?;
    check_size(&what, descriptor.size(), bytes.len() as u64)?;
    verify(&what, &bytes, descriptor.digest())?;
    Ok(bytes)
}

pub(super) fn check_size(what: &str, expected: u64, got: u64) -> Result<(), Problem> {
    if expected == got {
        return Ok(());
    }
    let size = |bytes: u64| format!("{bytes} bytes");
    Err(Problem::Digest { what: what.into(), expected: size(expected), got: size(got) })
}

fn verify(what: &str, bytes: &[u8], digest: &Digest) -> Result<(), Problem> {
    let hasher = Hasher::new(digest)?;
    hasher.update(bytes);
    hasher.check(what)
}

fn index(what: &str, bytes: &[u8]) -> Result<ImageIndex, Problem> {
    let value: Value = parse(what, bytes)?;
    if value.get("layers").is_some() {
        return Err(Problem::refused(format!("{what} is a manifest and an index at once")));
    }
    parse(what, bytes)
}

fn parse<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut json)
        .map_err(|error| Problem::format(format!("{what}: {}: {}", error.path(), error.inner())))
}
