// The sieve of Eratosthenes, one bit for each odd number: stores that run through memory in even steps.
#include "kernel.h"

#define MAX (1 << 24)

static u32 composite[MAX / 64];

// Counts the primes below `n`, and takes each into the sum.
i64 run(i32 n) {
    u32 limit = n < 3 ? 3 : n > MAX ? MAX : (u32)n;
    for (u32 i = 0; i < MAX / 64; i++) composite[i] = 0;
    for (u32 i = 3; i * i < limit; i += 2) {
        if (composite[i / 64] >> (i / 2 % 32) & 1) continue;
        for (u32 j = i * i; j < limit; j += 2 * i) composite[j / 64] |= 1u << (j / 2 % 32);
    }
    u64 count = 1, sum = 2;
    for (u32 i = 3; i < limit; i += 2) {
        if (composite[i / 64] >> (i / 2 % 32) & 1) continue;
        count++;
        sum += i;
    }
    return (i64)(sum << 20 ^ count);
}
