//! What live targets draw is mostly accepted: a generator that dies is seen.

// A panic is how a test reports.
#![allow(clippy::unwrap_used)]

use isolab_core::need;
use isolab_fuzz::target::draw;
use isolab_fuzz::{cgroup_ops, image_layer, overlay_ops};

/// Bytes that look random and are the same in every run (xorshift64).
struct Random(u64);

impl Random {
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut step = || {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 32) as u8
        };
        (0..count).map(|_| step()).collect()
    }
}

#[test]
fn most_images_are_accepted() {
    if !need::met(&["root"]) {
        return;
    }
    let mut random = Random(1);
    let inputs: Vec<_> = (0..500).filter_map(|_| draw(&random.bytes(600))).collect();
    let accepted = inputs.iter().filter(|input| image_layer::holds(input)).count();
    assert!(accepted * 10 > inputs.len() * 6, "{accepted} of {} are accepted", inputs.len());
}

#[test]
fn most_overlays_are_mounted_and_many_operations_succeed() {
    if !need::met(&["root"]) {
        return;
    }
    let mut random = Random(2);
    let inputs: Vec<_> = (0..500).filter_map(|_| draw::<overlay_ops::Input>(&random.bytes(600))).collect();
    let mounted: Vec<(usize, usize)> = inputs.iter().filter_map(overlay_ops::holds).collect();
    assert!(mounted.len() * 10 > inputs.len() * 9, "{} of {} are mounted", mounted.len(), inputs.len());
    let (tried, succeeded) = mounted.iter().fold((0, 0), |sum, each| (sum.0 + each.0, sum.1 + each.1));
    assert!(succeeded * 10 > tried * 3, "{succeeded} of {tried} operations succeed");
}

#[test]
fn most_operations_on_groups_succeed() {
    if !need::met(&["root"]) {
        return;
    }
    let mut random = Random(3);
    let inputs: Vec<cgroup_ops::Input> = (0..40).filter_map(|_| draw(&random.bytes(300))).collect();
    let done: Vec<(usize, usize)> = inputs.iter().filter_map(cgroup_ops::holds).collect();
    let (tried, succeeded) = done.iter().fold((0, 0), |sum, each| (sum.0 + each.0, sum.1 + each.1));
    assert!(done.is_empty() || succeeded * 2 > tried, "{succeeded} of {tried} operations succeed");
}
