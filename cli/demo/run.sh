#!/usr/bin/env bash
# Compiles cli/demo/Demo.sol (from solc's output beside it) with every backend of the binary, runs it natively
# and in the interpreter, checks that all do the same, and prints what they did and how long it took. Argument:
# the evmc binary.
set -euo pipefail
evmc=$1
demo=$(dirname "$0")/Demo.json
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
artifact=$out/Demo.so
llvm=$out/Demo.llvm.so
alice=0x00000000000000000000000000000000000a11ce

say() { printf '\n$ evmc %s\n' "$*"; }

# A number at the top level of a result in JSON.
number() { sed -n 's/^  "'"$1"'": \([0-9]*\).*/\1/p' "$2"; }

# A result without what may differ between engines.
comparable() { sed '/^  "engine":/d; /^  "contract":/d; /^  "time_ns":/d' "$1"; }

# Runs one call in all engines and prints a line about it. Arguments: how often, signature, its arguments.
compare() {
    local repeat=$1 file
    shift
    "$evmc" run "$demo" --engine interpreter --json --repeat "$repeat" --sig "$@" >"$out/interpreter"
    for file in "${artifacts[@]}"; do
        "$evmc" run "$file" --code "$demo" --json --repeat "$repeat" --sig "$@" >"$file.json"
        if ! diff <(comparable "$file.json") <(comparable "$out/interpreter"); then
            echo "demo: the engines differ on $*" >&2
            exit 1
        fi
    done
    awk -v call="$*" -v gas="$(number gas_used "$out/interpreter")" \
        -v interpreter="$(number time_ns "$out/interpreter")" \
        -v cranelift="$(number time_ns "$artifact.json")" \
        -v llvm="$([ -f "$llvm.json" ] && number time_ns "$llvm.json")" \
        'BEGIN {
            printf "%-28.28s %13d %13.3f %13.3f %8.1f", call, gas, interpreter / 1e6, cranelift / 1e6, interpreter / cranelift
            if (llvm) printf " %13.3f %8.1f", llvm / 1e6, interpreter / llvm
            printf "\n"
        }'
}

say build "$demo" -o Demo.so
"$evmc" build "$demo" --contract Demo -o "$artifact"
artifacts=("$artifact")
if "$evmc" build "$demo" --contract Demo --backend llvm -o "$llvm" >"$out/llvm" 2>&1; then
    say build "$demo" --backend llvm -o Demo.llvm.so
    cat "$out/llvm"
    artifacts+=("$llvm")
else
    printf '\nThis evmc was built without LLVM; with it, this shows three engines.\n'
fi

say run Demo.so --code "$demo" --sig mint "$alice" 1000
"$evmc" run "$artifact" --code "$demo" --sig mint "$alice" 1000
say run "$demo" --engine interpreter --sig mint "$alice" 1000
"$evmc" run "$demo" --engine interpreter --sig mint "$alice" 1000

printf '\nSame output, gas, logs and state changes from all engines; median times:\n\n'
printf '%-28s %13s %13s %13s %8s' call gas 'interpreter ms' 'Cranelift ms' ratio
if [ "${#artifacts[@]}" -gt 1 ]; then printf ' %13s %8s' 'LLVM ms' ratio; fi
printf '\n'
compare 101 mint "$alice" 1000
compare 5 sumOfSquares 1000000
compare 5 countPrimes 100000
compare 101 modPow 3 "$(printf '9%.0s' {1..70})" 1000000007
compare 5 scramble 1 500000
