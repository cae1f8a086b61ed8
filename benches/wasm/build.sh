#!/usr/bin/env bash
# Builds the kernels from `src/`.
#
#   build.sh                          every KERNEL.wasm beside this file
#   build.sh native KERNEL OUT [CPU]  one kernel as a shared object of this machine [CPU: x86-64]
#
# In C a kernel needs clang-22, and lld-22 for WebAssembly. In Rust it needs rustc, and for WebAssembly cargo and a
# compiler that has the source of `core`: Debian's rustc-web and rust-web-src, or what RUSTC_WASM names.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
src=$here/src
rustc_wasm=${RUSTC_WASM:-/usr/bin/rustc}

# The same for WebAssembly and for this machine: no contracted floats, square roots as instructions, no C library.
c_flags=(-std=c23 -O3 -ffp-contract=off -fno-math-errno -nostdlib)
rust_flags=(-C opt-level=3 -C panic=abort -C lto=fat -C codegen-units=1 -C strip=symbols)

need() {
    if ! command -v "$1" >/dev/null; then
        echo "$1 is not installed" >&2
        exit 3
    fi
}

# Options that a kernel asks for on WebAssembly, in its first line.
asked() { sed -n '1s|^// wasm: ||p' "$1"; }

c_to_wasm() {
    local kernel=$1
    # shellcheck disable=SC2046 # several options
    clang-22 --target=wasm32 "${c_flags[@]}" $(asked "$src/$kernel.c") -Wl,--no-entry -Wl,--export=run \
        -Wl,--strip-all "$src/$kernel.c" -o "$here/$kernel.wasm"
}

# One package with all kernels in Rust, so that `core` is compiled once.
rust_to_wasm() {
    local folder=$1 kernel
    shift
    {
        printf '[package]\nname = "kernels"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n'
        printf '[lib]\npath = "empty.rs"\n'
        printf '[profile.release]\nopt-level = 3\npanic = "abort"\nlto = "fat"\ncodegen-units = 1\nstrip = true\n'
        for kernel in "$@"; do
            printf '[[example]]\nname = "%s"\npath = "%s"\ncrate-type = ["cdylib"]\n' "$kernel" "$src/$kernel.rs"
        done
    } >"$folder/Cargo.toml"
    echo '#![no_std]' >"$folder/empty.rs"
    (cd "$folder" && RUSTC=$rustc_wasm RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$folder/target \
        RUSTFLAGS="-C linker=wasm-ld-22 -C target-feature=+bulk-memory" \
        cargo build --quiet --release --examples --target wasm32-unknown-unknown -Zbuild-std=core)
    for kernel in "$@"; do
        cp "$folder/target/wasm32-unknown-unknown/release/examples/$kernel.wasm" "$here/$kernel.wasm"
        chmod -x "$here/$kernel.wasm"
    done
}

all_to_wasm() {
    local file kernel folder rust=()
    need clang-22
    need wasm-ld-22
    for file in "$src"/*.c; do c_to_wasm "$(basename "$file" .c)"; done
    for file in "$src"/*.rs; do
        kernel=$(basename "$file" .rs)
        if [ "$kernel" != kernel ]; then rust+=("$kernel"); fi
    done
    folder=$(mktemp -d)
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf '$folder'" EXIT
    rust_to_wasm "$folder" "${rust[@]}"
}

to_native() {
    local kernel=$1 out=$2 cpu=${3:-x86-64}
    if [ -e "$src/$kernel.c" ]; then
        need clang-22
        clang-22 "${c_flags[@]}" -march="$cpu" -shared -fPIC -fvisibility=hidden "$src/$kernel.c" -o "$out"
    elif [ -e "$src/$kernel.rs" ]; then
        need rustc
        rustc --edition 2024 --crate-type cdylib "${rust_flags[@]}" -C target-cpu="$cpu" "$src/$kernel.rs" -o "$out"
    else
        echo "there is no source of $kernel" >&2
        exit 3
    fi
}

case "${1:-}" in
"") all_to_wasm ;;
native) to_native "${@:2}" ;;
*)
    sed -n '2,8s/^# \?//p' "$0" >&2
    exit 2
    ;;
esac
