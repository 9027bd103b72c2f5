# What the scripts of this folder share; not run by itself.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
fuzz=$root/fuzz
# Everything that they build and make, apart from corpora and kept inputs.
out=$root/target/fuzz

say() { printf '%s\n' "$*" >&2; }
fail() {
    say "${0##*/}: $*"
    exit 2
}

# The comment at the head of a script is its help.
help() {
    awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$0"
    exit 0
}

list() { (cd "$root" && cargo run --quiet -p isolab-fuzz --example list -- "$@"); }

# Lines `NAME pure|live` of the targets that are named; of all when none is, or `all`.
choose() {
    local all name kind
    all=$(list targets)
    if [ $# -eq 0 ] || [ "$*" = all ]; then
        printf '%s\n' "$all"
        return
    fi
    for name in "$@"; do
        kind=$(awk -v name="$name" '$1 == name' <<<"$all")
        [ -n "$kind" ] || fail "there is no target $name; there are: $(cut -f 1 <<<"$all" | paste -sd ' ')"
        printf '%s\n' "$kind"
    done
}

host() { rustc -vV | sed -n 's/^host: //p'; }

# build KIND SANITIZER FEATURES [TARGET…]: those targets, or every one, into a folder of its own.
build() {
    local kind=$1 sanitizer=$2 features=() targets=("${@:4}") target
    [ -z "$3" ] || features=(--features "$3")
    [ "${#targets[@]}" -gt 0 ] || targets=("")
    for target in "${targets[@]}"; do
        say "build $kind: ${target:-every target}, sanitizer $sanitizer"
        # Without link-time optimisation the programs are hardly slower, and there are many.
        (cd "$root" && CARGO_PROFILE_RELEASE_LTO=false cargo +nightly fuzz build -s "$sanitizer" "${features[@]}" \
            --target-dir "$out/$kind" ${target:+"$target"}) >&2
    done
}

# program KIND TARGET
program() { printf '%s/%s/%s/release/%s\n' "$out" "$1" "$(host)" "$2"; }

# dictionary TARGET: the argument for it, where there is one.
dictionary() { [ ! -e "$fuzz/dictionaries/$1.dict" ] || printf -- '-dict=%s\n' "$fuzz/dictionaries/$1.dict"; }

# copy TARGET FOLDER: the corpus and what was once found.
copy() {
    mkdir -p "$2"
    find "$fuzz/corpus/$1" "$fuzz/regressions/$1" -type f -exec cp -t "$2" {} + 2>/dev/null || true
}

# Root is what live targets need.
can_run() { [ "$1" = pure ] || [ "$(id -u)" -eq 0 ]; }
