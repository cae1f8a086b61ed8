// How many changes make one string of another, and the longest they have in common: tables filled row by row.
#include "kernel.h"

#define LENGTH 1024

static u8 a[LENGTH], b[LENGTH];
static u16 row[LENGTH + 1];

static u32 min(u32 x, u32 y) { return x < y ? x : y; }

static u32 distance(void) {
    for (u32 j = 0; j <= LENGTH; j++) row[j] = (u16)j;
    for (u32 i = 0; i < LENGTH; i++) {
        u32 diagonal = row[0];
        row[0] = (u16)(i + 1);
        for (u32 j = 0; j < LENGTH; j++) {
            u32 changed = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = (u16)min(changed, min(diagonal, row[j]) + 1);
        }
    }
    return row[LENGTH];
}

static u32 longest_common(void) {
    u32 longest = 0;
    for (u32 j = 0; j <= LENGTH; j++) row[j] = 0;
    for (u32 i = 0; i < LENGTH; i++) {
        for (u32 j = LENGTH; j > 0; j--) {
            row[j] = a[i] == b[j - 1] ? (u16)(row[j - 1] + 1) : 0;
            if (row[j] > longest) longest = row[j];
        }
    }
    return longest;
}

// Compares `n` pairs of strings.
i64 run(i32 n) {
    u64 state = 11, sum = 0;
    for (i32 i = 0; i < n; i++) {
        for (u32 j = 0; j < LENGTH; j++) {
            u32 random = next_random(&state);
            a[j] = (u8)(random % 4);
            b[j] = random / 4 % 8 ? a[j] : (u8)(random / 32 % 4);
        }
        sum = mix(sum, distance() << 16 | longest_common());
    }
    return (i64)sum;
}
