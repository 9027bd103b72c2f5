//! An overlay's options: which can be had together, and what the kernel shows of them.

use std::fs;

use super::input::{Input, Options, Redirect};

/// Whether the kernel takes the options (`ovl_fs_params_verify`, `ovl_fill_super`).
pub(crate) fn can_be(input: &Input) -> bool {
    let Options { userxattr, redirect, metacopy, .. } = input.options;
    let moves = |redirect| match redirect {
        // Without an upper layer there is nothing that could be moved.
        Redirect::Follow => input.upper.is_none(),
        other => other == Redirect::On,
    };
    let layers = input.upper.is_some() || input.lower.len() > 1;
    let metacopy = metacopy == Some(true);
    let marks = !userxattr || (redirect.is_none_or(|redirect| redirect == Redirect::Nofollow) && !metacopy);
    let copies = !metacopy || redirect.is_none_or(moves);
    layers && marks && copies
}

/// Whether the kernel's default is to move directories by redirects.
pub(crate) fn redirects() -> bool {
    is_default("redirect_dir") || is_default("metacopy")
}

fn is_default(name: &str) -> bool {
    let value = fs::read_to_string(format!("/sys/module/overlay/parameters/{name}"));
    value.is_ok_and(|value| value.starts_with('Y'))
}

/// The options as a config has them.
pub(super) fn written(options: &Options) -> Vec<String> {
    let Options { userxattr, redirect, metacopy, index, xino, volatile, nodev, .. } = options;
    let switch =
        |name: &str, on: &Option<bool>| on.map(|on| format!("{name}={}", if on { "on" } else { "off" }));
    let redirect = redirect.map(|redirect| match redirect {
        Redirect::On => "redirect_dir=on",
        Redirect::Follow => "redirect_dir=follow",
        Redirect::Nofollow => "redirect_dir=nofollow",
    });
    let words = [
        userxattr.then_some("userxattr"),
        redirect,
        volatile.then_some("volatile"),
        nodev.then_some("nodev"),
    ];
    let values =
        [switch("metacopy", metacopy), switch("index", index), xino.map(|xino| format!("xino={xino}"))];
    words.into_iter().flatten().map(str::to_owned).chain(values.into_iter().flatten()).collect()
}

/// What the kernel must show of the mount and of the file system: what differs from its defaults (`ovl_show_options`).
/// It does not speak of `xino` where all layers are in one file system.
pub(super) fn shown(input: &Input) -> (Vec<&'static str>, Vec<&'static str>) {
    let Options { userxattr, redirect, metacopy, index, nodev, .. } = input.options;
    let mount = nodev.then_some("nodev").into_iter().collect();
    let mut all = Vec::new();
    all.extend(userxattr.then_some("userxattr"));
    // Without an upper layer the others mean nothing.
    if input.upper.is_some() {
        all.extend(
            (redirect == Some(Redirect::On) && !is_default("redirect_dir")).then_some("redirect_dir=on"),
        );
        all.extend((metacopy == Some(true) && !is_default("metacopy")).then_some("metacopy=on"));
        all.extend((index == Some(true) && !is_default("index")).then_some("index=on"));
    }
    (mount, all)
}
