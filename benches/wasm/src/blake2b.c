// BLAKE2b-512 of one long message, block by block: 64-bit rotations, and loads at places from a table.
#include "kernel.h"

static const u64 IV[8] = {0x6a09e667f3bcc908ull, 0xbb67ae8584caa73bull, 0x3c6ef372fe94f82bull, 0xa54ff53a5f1d36f1ull,
                          0x510e527fade682d1ull, 0x9b05688c2b3e6c1full, 0x1f83d9abfb41bd6bull, 0x5be0cd19137e2179ull};

static const u8 ORDER[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

// Where the four words of each of the eight steps of a round lie: the columns, then the diagonals.
#define STEPS(step)                                                                                                    \
    step(0, 0, 4, 8, 12) step(1, 1, 5, 9, 13) step(2, 2, 6, 10, 14) step(3, 3, 7, 11, 15) step(4, 0, 5, 10, 15)        \
        step(5, 1, 6, 11, 12) step(6, 2, 7, 8, 13) step(7, 3, 4, 9, 14)

static inline void step(u64 *v, int a, int b, int c, int d, u64 x, u64 y) {
    v[a] += v[b] + x;
    v[d] = rotr64(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = rotr64(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = rotr64(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = rotr64(v[b] ^ v[c], 63);
}

static void compress(u64 *hash, const u64 *block, u64 bytes, int is_last) {
    u64 v[16];
    for (int i = 0; i < 8; i++) {
        v[i] = hash[i];
        v[i + 8] = IV[i];
    }
    v[12] ^= bytes;
    if (is_last) v[14] = ~v[14];
    for (int round = 0; round < 12; round++) {
        const u8 *order = ORDER[round % 10];
#define ONE(i, a, b, c, d) step(v, a, b, c, d, block[order[2 * i]], block[order[2 * i + 1]]);
        STEPS(ONE)
    }
    for (int i = 0; i < 8; i++) hash[i] ^= v[i] ^ v[i + 8];
}

// Hashes `n` blocks of 128 bytes.
i64 run(i32 n) {
    u64 hash[8], block[16], state = 2;
    for (int i = 0; i < 8; i++) hash[i] = IV[i];
    hash[0] ^= 0x01010000 ^ 64;
    for (int i = 0; i < 16; i++) block[i] = (u64)next_random(&state) << 32 | next_random(&state);
    for (i32 i = 0; i < n; i++) {
        block[i & 15] += (u64)i;
        compress(hash, block, 128 * ((u64)i + 1), i == n - 1);
    }
    u64 sum = 0;
    for (int i = 0; i < 8; i++) sum = mix(sum, hash[i]);
    return (i64)sum;
}
