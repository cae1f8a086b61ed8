// SipHash-2-4 of short messages, whose lengths vary: 64-bit additions and rotations in one chain.
#include "kernel.h"

typedef struct {
    u64 a, b, c, d;
} Sip;

static inline void rounds(Sip *s, int count) {
    for (int i = 0; i < count; i++) {
        s->a += s->b;
        s->c += s->d;
        s->b = rotl64(s->b, 13) ^ s->a;
        s->d = rotl64(s->d, 16) ^ s->c;
        s->a = rotl64(s->a, 32);
        s->c += s->b;
        s->a += s->d;
        s->b = rotl64(s->b, 17) ^ s->c;
        s->d = rotl64(s->d, 21) ^ s->a;
        s->c = rotl64(s->c, 32);
    }
}

static u64 word_at(const u8 *bytes, u32 count) {
    u64 word = 0;
    for (u32 i = 0; i < count; i++) word |= (u64)bytes[i] << (8 * i);
    return word;
}

static u64 siphash(const u8 *bytes, u32 len, u64 key0, u64 key1) {
    Sip s = {key0 ^ 0x736f6d6570736575ull, key1 ^ 0x646f72616e646f6dull, key0 ^ 0x6c7967656e657261ull,
             key1 ^ 0x7465646279746573ull};
    u32 at = 0;
    for (; at + 8 <= len; at += 8) {
        u64 word = word_at(bytes + at, 8);
        s.d ^= word;
        rounds(&s, 2);
        s.a ^= word;
    }
    u64 last = word_at(bytes + at, len - at) | (u64)len << 56;
    s.d ^= last;
    rounds(&s, 2);
    s.a ^= last;
    s.c ^= 0xff;
    rounds(&s, 4);
    return s.a ^ s.b ^ s.c ^ s.d;
}

static u8 message[256];

// Hashes `n` messages.
i64 run(i32 n) {
    u64 state = 1, sum = 0;
    for (u32 i = 0; i < sizeof message; i++) message[i] = (u8)next_random(&state);
    for (i32 i = 0; i < n; i++) {
        u32 len = next_random(&state) % sizeof message;
        message[len] ^= (u8)i;
        sum = rotl64(sum, 1) ^ siphash(message, len, sum, (u64)i);
    }
    return (i64)sum;
}
