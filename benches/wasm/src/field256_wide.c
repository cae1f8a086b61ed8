// wasm: -mwide-arithmetic
// `field256.c` with products of 128 bits.
#define WIDE
#include "field256.c"
