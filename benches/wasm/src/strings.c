// Bytes: text in UTF-8 written and decoded, words counted in any case, and patterns searched for.
#include "kernel.h"

#define SIZE 32768
#define WORDS 4096

static u8 text[SIZE + 4];
static u32 counts[WORDS];

static u32 encode(u8 *to, u32 point) {
    if (point < 0x80) {
        to[0] = (u8)point;
        return 1;
    }
    if (point < 0x800) {
        to[0] = (u8)(0xc0 | point >> 6);
        to[1] = (u8)(0x80 | (point & 63));
        return 2;
    }
    to[0] = (u8)(0xe0 | point >> 12);
    to[1] = (u8)(0x80 | (point >> 6 & 63));
    to[2] = (u8)(0x80 | (point & 63));
    return 3;
}

static u32 make_text(u64 *state) {
    u32 len = 0;
    while (len < SIZE) {
        u32 random = next_random(state), kind = random % 32;
        u32 point = kind < 5 ? ' ' : kind < 8 ? 'A' + random / 32 % 8 : kind < 30 ? 'a' + random / 32 % 8 : 0x3b1 + random / 32 % 8;
        if (kind == 31) point = 0x4e00 + random / 32 % 64;
        len += encode(text + len, point);
    }
    return len;
}

// The sum of all code points.
static u64 decode(u32 len) {
    u64 sum = 0;
    for (u32 i = 0; i < len;) {
        u32 first = text[i];
        if (first < 0x80) {
            sum = sum * 3 + first;
            i += 1;
        } else if (first < 0xe0) {
            sum = sum * 3 + ((first & 31) << 6 | (text[i + 1] & 63));
            i += 2;
        } else {
            sum = sum * 3 + ((first & 15) << 12 | (text[i + 1] & 63) << 6 | (text[i + 2] & 63));
            i += 3;
        }
    }
    return sum;
}

static u64 count_words(u32 len) {
    for (u32 i = 0; i < WORDS; i++) counts[i] = 0;
    u32 hash = 0;
    for (u32 i = 0; i < len; i++) {
        u8 byte = text[i];
        if (byte >= 'A' && byte <= 'Z') byte += 'a' - 'A';
        if (byte >= 'a' && byte <= 'z') {
            hash = (hash ^ byte) * 16777619;
        } else if (hash) {
            counts[hash % WORDS]++;
            hash = 0;
        }
    }
    u64 sum = 0;
    for (u32 i = 0; i < WORDS; i++) sum = sum * 5 + counts[i];
    return sum;
}

// How often a pattern stands in the text, by how far one may go ahead for each last byte.
static u32 search(u32 len, const u8 *pattern, u32 pattern_len) {
    u8 ahead[256];
    for (u32 i = 0; i < 256; i++) ahead[i] = (u8)pattern_len;
    for (u32 i = 0; i + 1 < pattern_len; i++) ahead[pattern[i]] = (u8)(pattern_len - 1 - i);
    u32 found = 0;
    for (u32 at = 0; at + pattern_len <= len; at += ahead[text[at + pattern_len - 1]]) {
        u32 i = 0;
        while (i < pattern_len && text[at + i] == pattern[i]) i++;
        found += i == pattern_len;
    }
    return found;
}

// `n` texts.
i64 run(i32 n) {
    u64 state = 10, sum = 0;
    for (i32 i = 0; i < n; i++) {
        u32 len = make_text(&state);
        sum = mix(sum, decode(len));
        sum = mix(sum, count_words(len));
        for (u32 pattern_len = 2; pattern_len < 10; pattern_len++)
            sum = mix(sum, search(len, text + next_random(&state) % (len - 16), pattern_len));
    }
    return (i64)sum;
}
