// What every kernel in C shares: integer types, its one export, a source of numbers and a checksum.
//
// A kernel imports nothing, keeps no state from one call of `run` to the next, and computes the same number on every
// machine: no type whose size differs, no multiplication and addition contracted, floats turned to integers at the end.

#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char i8;
typedef int i32;
typedef long long i64;

#define EXPORT __attribute__((visibility("default")))
#define NOINLINE __attribute__((noinline))

EXPORT i64 run(i32 n);

// The next pseudo-random number: a linear congruential step, its high half folded over its low one.
static inline u32 next_random(u64 *state) {
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return (u32)(*state >> 32) ^ (u32)(*state >> 11);
}

// Takes `value` into a checksum; the order counts.
static inline u64 mix(u64 sum, u64 value) {
    sum = (sum ^ value) * 0x9e3779b97f4a7c15ull;
    return sum ^ sum >> 29;
}

static inline u32 rotl32(u32 x, u32 by) { return x << by | x >> (32 - by); }
static inline u64 rotl64(u64 x, u32 by) { return x << by | x >> (64 - by); }
static inline u64 rotr64(u64 x, u32 by) { return x >> by | x << (64 - by); }
