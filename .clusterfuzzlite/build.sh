#!/bin/bash -eu
# Programs, seeds and dictionaries of the pure targets, as ClusterFuzzLite and OSS-Fuzz want them in $OUT: TARGET,
# TARGET_seed_corpus.zip, TARGET.dict. Live targets need root and a kernel of their own: fuzz/nightly runs those.
cd "${SRC:?}/isolab"

# `cargo fuzz` adds the sanitizer's flags to those that the builder has set.
cargo fuzz build -O --debug-assertions

# The list is a plain program.
host=$(rustc -vV | sed -n 's/^host: //p')
targets=$(env -u RUSTFLAGS -u CFLAGS -u CXXFLAGS cargo run --quiet --target-dir target/list -p isolab-fuzz --example list -- targets)
for target in $(awk '$2 == "pure" { print $1 }' <<<"$targets"); do
    cp "${CARGO_TARGET_DIR:-target}/$host/release/$target" "${OUT:?}/"
    seeds=("fuzz/corpus/$target")
    [ ! -d "fuzz/regressions/$target" ] || seeds+=("fuzz/regressions/$target")
    zip -q -j -r "$OUT/${target}_seed_corpus.zip" "${seeds[@]}"
    [ ! -e "fuzz/dictionaries/$target.dict" ] || cp "fuzz/dictionaries/$target.dict" "$OUT/"
done
