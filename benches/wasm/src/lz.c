// Compression with references to what was before, found by a table of hashes, and back: bytes, and copies that overlap.
#include "kernel.h"

#define SIZE 65536
#define BITS 13
#define MIN_MATCH 4
#define MAX_MATCH 255

static u8 text[SIZE], packed[2 * SIZE], unpacked[SIZE];
static u32 last_seen[1 << BITS];

static u32 word_at(const u8 *at) { return at[0] | at[1] << 8 | at[2] << 16 | (u32)at[3] << 24; }

// Syllables, some of them far more often than others.
static void make_text(u64 seed) {
    static const char SYLLABLES[16][5] = {"the ", "to", "in", "an", "er", "ou", " a", "o ",
                                          "at",   "re", "on", "en", "st", "nd", "es", ". "};
    for (u32 at = 0; at < SIZE;) {
        u32 random = next_random(&seed), which = random & (random >> 8) & 15;
        for (u32 i = 0; i < 4 && SYLLABLES[which][i] && at < SIZE; i++) text[at++] = (u8)SYLLABLES[which][i];
    }
}

static u32 match_length(u32 old, u32 at) {
    u32 len = 0;
    while (len < MAX_MATCH && at + len < SIZE && text[old + len] == text[at + len]) len++;
    return len;
}

// A reference is its length, then the distance in two bytes; other bytes stand behind a length of zero.
static u32 compress(void) {
    u32 out = 0;
    for (u32 i = 0; i < 1 << BITS; i++) last_seen[i] = 0;
    for (u32 at = 0; at < SIZE;) {
        u32 len = 0, old = 0;
        if (at + MIN_MATCH <= SIZE) {
            u32 *seen = &last_seen[word_at(text + at) * 2654435761u >> (32 - BITS)];
            old = *seen;
            *seen = at;
            if (old < at && at - old < SIZE) len = match_length(old, at);
        }
        if (len >= MIN_MATCH) {
            packed[out++] = (u8)len;
            packed[out++] = (u8)(at - old);
            packed[out++] = (u8)((at - old) >> 8);
            at += len;
        } else {
            packed[out++] = 0;
            packed[out++] = text[at++];
        }
    }
    return out;
}

static u32 decompress(u32 packed_len) {
    u32 out = 0;
    for (u32 in = 0; in < packed_len;) {
        u32 len = packed[in++];
        if (len == 0) {
            unpacked[out++] = packed[in++];
            continue;
        }
        u32 distance = packed[in] | (u32)packed[in + 1] << 8;
        in += 2;
        for (u32 i = 0; i < len; i++, out++) unpacked[out] = unpacked[out - distance];
    }
    return out;
}

// Packs and unpacks `n` texts.
i64 run(i32 n) {
    u64 sum = 0;
    for (i32 i = 0; i < n; i++) {
        make_text((u64)i + 8);
        u32 len = compress();
        sum = mix(sum, len);
        sum = mix(sum, decompress(len));
        u32 differ = 0;
        for (u32 at = 0; at < SIZE; at++) differ += text[at] != unpacked[at];
        sum = mix(sum, differ);
    }
    return (i64)sum;
}
