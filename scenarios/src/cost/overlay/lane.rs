//! One variant, made ready: its layers, where it writes, and a round of it.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::image::Image;
use super::mounted::{self, Mounted};
use super::series::Samples;
use super::variant::{Ground, Overlay, Variant};
use super::{DATA, Upper, overlay_root, trees};
use crate::bed::Bed;
use crate::bundle::Bundle;
use crate::cancel::Cancel;
use crate::ready::{Error, LIMIT};
use crate::scratch::remove_tree;
use crate::workload::Request;
use crate::workload::files::{Every, Files, Operation};
use crate::workload::session::Session;

/// Who owns the files of layers that are idmapped.
const OTHER: u32 = 100_000;

/// The lower layers of an overlay, or a plain directory.
pub(super) struct Tree {
    bundle: Bundle,
    /// Topmost first. The lowest is the bundle's root filesystem, or a mount of it.
    layers: Vec<PathBuf>,
    /// The file system that it is on, where that is mounted for each round.
    image: Option<Image>,
    /// What its layers are mounted with.
    _mounted: Vec<Mounted>,
}

impl Tree {
    /// Makes `count` layers with their files in the bundle `id`, whose path is relative to the bed.
    pub(super) fn new(bed: &Bed, id: &str, count: usize) -> Result<Tree, Error> {
        let mut config = bed.config("overlay-axes");
        config["root"]["readonly"] = false.into();
        let bundle = bed.bundle(id, config)?;
        let mut layers: Vec<PathBuf> =
            (1..count).map(|nth| bundle.dir().join(format!("layer-{nth}"))).collect();
        layers.push(bundle.rootfs());
        let data: Vec<PathBuf> = layers.iter().map(|layer| layer.join(DATA)).collect();
        trees::populate(&data).map_err(Error::io("write the files"))?;
        Ok(Tree { bundle, layers, image: None, _mounted: Vec::new() })
    }

    /// The same with one layer on an image of its own, which is not mounted in the end. Two trees on two images lie there in
    /// the same way, so that the disk has the same to do for both.
    pub(super) fn on_image(bed: &Bed, name: &str) -> Result<Tree, Error> {
        let image = Image::new(bed.dir(), name).map_err(Error::io("make an image"))?;
        let mounted = image.mount().map_err(Error::io("mount the image"))?;
        let tree = Tree::new(bed, &format!("{name}/bundle"), 1)?;
        mounted.unmount().map_err(Error::io("unmount the image"))?;
        Ok(Tree { image: Some(image), ..tree })
    }

    /// The same with one layer whose files are another user's, and seen as root's.
    pub(super) fn idmapped(bed: &Bed, id: &str) -> Result<Tree, Error> {
        let tree = Tree::new(bed, id, 1)?;
        let (rootfs, at) = (tree.bundle.rootfs(), tree.bundle.dir().join("mapped"));
        // The program is one inode with that of the other bundles, and stays whose it is.
        std::os::unix::fs::chown(&rootfs, Some(OTHER), Some(OTHER))
            .and_then(|()| trees::give(&rootfs.join(DATA), OTHER))
            .and_then(|()| std::fs::create_dir(&at))
            .map_err(Error::io("give the files to another user"))?;
        let mounted = mounted::as_root(&rootfs, OTHER, &at).map_err(Error::io("make a layer idmapped"))?;
        Ok(Tree { layers: vec![at], _mounted: vec![mounted], ..tree })
    }
}

/// A variant with its samples.
pub(super) struct Lane {
    pub(super) samples: Samples,
    /// Why it cannot be had: it is not run again.
    pub(super) failed: bool,
    tree: Rc<Tree>,
    /// Upper and work directories of a round, made and removed in it.
    layer: PathBuf,
}

impl Lane {
    pub(super) fn new(variant: Variant, tree: Rc<Tree>, layer: PathBuf) -> Lane {
        let samples = Samples { variant, enforced: None, samples: vec![Vec::new(); Operation::ALL.len()] };
        Lane { samples, failed: false, tree, layer }
    }

    /// A round, on a fresh mount of the image where there is one.
    pub(super) fn round(&mut self, bed: &Bed, cancel: &Cancel) -> Result<(), Error> {
        let tree = Rc::clone(&self.tree);
        let Some(image) = &tree.image else { return self.mounted_round(bed, cancel) };
        let mounted = image.mount().map_err(Error::io("mount the image"))?;
        let done = self.mounted_round(bed, cancel);
        mounted.unmount().map_err(Error::io("unmount the image"))?;
        done
    }

    fn mounted_round(&mut self, bed: &Bed, cancel: &Cancel) -> Result<(), Error> {
        let bundle = &self.tree.bundle;
        let mut config = bundle.config().clone();
        if let Variant::Overlay(Overlay { options, .. }) = self.samples.variant {
            let upper = Upper::new(&self.layer).map_err(Error::io("make the overlay's directories"))?;
            overlay_root(&mut config, &self.tree.layers, &upper, options);
        }
        let warm = self.samples.variant.ground() != Ground::Cold;
        let run = self.run(bed, &config, warm, cancel);
        // The next round finds what this one found, also after an error.
        match self.samples.variant {
            Variant::Overlay(_) => remove_tree(&self.layer),
            Variant::Plain(_) => trees::restore(&bundle.rootfs().join(DATA)),
        }
        .map_err(Error::io("undo the round"))?;
        let (samples, enforced) = run?;
        self.samples.enforced = Some(enforced);
        for (all, new) in self.samples.samples.iter_mut().zip(samples) {
            all.extend(new);
        }
        Ok(())
    }

    fn run(
        &self,
        bed: &Bed,
        config: &serde_json::Value,
        warm: bool,
        cancel: &Cancel,
    ) -> Result<(Vec<Vec<u64>>, String), Error> {
        let what = format!("the file workload on {}", self.samples.variant.name());
        let place = (self.tree.bundle.dir(), "overlay-axes", &bed.host);
        let mut session = Session::launch(&what, config, &request(warm), place, cancel)?;
        session.go()?;
        let enforced = session.enforced().to_owned();
        let replies = session.finish(Operation::ALL.len(), LIMIT, cancel)?;
        Ok((replies.into_iter().map(|reply| reply.samples).collect(), enforced))
    }
}

fn request(warm: bool) -> Request {
    let root = Path::new("/").join(DATA);
    let work = Every { root, operations: Operation::ALL.to_vec(), warm };
    Request::Files(Files::Every(work))
}
