#!/usr/bin/env bash
# Compiles cli/demo/Demo.sol (from solc's output beside it), runs it natively and in the interpreter, checks
# that both do the same, and prints what they did and how long it took. Argument: the evmc binary.
set -euo pipefail
evmc=$1
demo=$(dirname "$0")/Demo.json
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
artifact=$out/Demo.so
alice=0x00000000000000000000000000000000000a11ce

say() { printf '\n$ evmc %s\n' "$*"; }

# A number at the top level of a result in JSON.
number() { sed -n 's/^  "'"$1"'": \([0-9]*\).*/\1/p' "$2"; }

# A result without what may differ between engines.
comparable() { sed '/^  "engine":/d; /^  "contract":/d; /^  "time_ns":/d' "$1"; }

# Runs one call on both engines and prints a line about it. Arguments: how often, signature, its arguments.
compare() {
    local repeat=$1
    shift
    "$evmc" run "$artifact" --code "$demo" --json --repeat "$repeat" --sig "$@" >"$out/native"
    "$evmc" run "$demo" --engine interpreter --json --repeat "$repeat" --sig "$@" >"$out/interpreter"
    if ! diff <(comparable "$out/native") <(comparable "$out/interpreter"); then
        echo "demo: the engines differ on $*" >&2
        exit 1
    fi
    awk -v call="$*" -v gas="$(number gas_used "$out/native")" \
        -v native="$(number time_ns "$out/native")" -v interpreter="$(number time_ns "$out/interpreter")" \
        'BEGIN { printf "%-28.28s %13d %13.3f %13.3f %8.1f\n", call, gas, interpreter / 1e6, native / 1e6, interpreter / native }'
}

say build "$demo" -o Demo.so
"$evmc" build "$demo" --contract Demo -o "$artifact"

say run Demo.so --code "$demo" --sig mint "$alice" 1000
"$evmc" run "$artifact" --code "$demo" --sig mint "$alice" 1000
say run "$demo" --engine interpreter --sig mint "$alice" 1000
"$evmc" run "$demo" --engine interpreter --sig mint "$alice" 1000

printf '\nSame output, gas, logs and state changes from both engines; median times:\n\n'
printf '%-28s %13s %13s %13s %8s\n' call gas 'interpreter ms' 'native ms' ratio
compare 101 mint "$alice" 1000
compare 5 sumOfSquares 1000000
compare 5 countPrimes 100000
compare 101 modPow 3 "$(printf '9%.0s' {1..70})" 1000000007
compare 5 scramble 1 500000
