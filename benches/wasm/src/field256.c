// Arithmetic modulo 2^256 - 2^32 - 977: products of 256 bits, folded twice, and inverses by exponentiation.
//
// A product of two 64-bit words is made of four of 32 bits, as WebAssembly has no wider one. `field256_wide.c` is the
// same with the proposal that has it.
#include "kernel.h"

// The words of a * b + c + d, which always fit.
#ifdef WIDE
static inline u64 mul_add(u64 a, u64 b, u64 c, u64 d, u64 *high) {
    unsigned __int128 t = (unsigned __int128)a * b + c + d;
    *high = (u64)(t >> 64);
    return (u64)t;
}
#else
static inline u64 mul_add(u64 a, u64 b, u64 c, u64 d, u64 *high) {
    u64 a0 = (u32)a, a1 = a >> 32, b0 = (u32)b, b1 = b >> 32;
    u64 low = a0 * b0, middle = a1 * b0 + (low >> 32), other = a0 * b1 + (u32)middle;
    u64 top = a1 * b1 + (middle >> 32) + (other >> 32);
    low = other << 32 | (u32)low;
    low += c;
    top += low < c;
    low += d;
    top += low < d;
    *high = top;
    return low;
}
#endif

typedef struct {
    u64 w[4];
} Field;

// 2^256 modulo the prime.
#define FOLD 0x1000003d1ull

// Adds `extra` times 2^256.
static inline u64 fold(u64 *w, u64 extra) {
    u64 carry;
    w[0] = mul_add(extra, FOLD, w[0], 0, &carry);
    for (int i = 1; i < 4; i++) {
        w[i] += carry;
        carry = w[i] < carry;
    }
    return carry;
}

// Subtracts the prime if it is not more.
static inline void normalise(u64 *w) {
    if ((w[1] & w[2] & w[3]) == ~0ull && w[0] >= 0 - FOLD) {
        w[0] += FOLD;
        w[1] = w[2] = w[3] = 0;
    }
}

static NOINLINE void mul(Field *to, const Field *a, const Field *b) {
    u64 wide[8] = {0};
    for (int i = 0; i < 4; i++) {
        u64 carry = 0;
        for (int j = 0; j < 4; j++) wide[i + j] = mul_add(a->w[i], b->w[j], wide[i + j], carry, &carry);
        wide[i + 4] = carry;
    }
    u64 carry = 0;
    for (int i = 0; i < 4; i++) wide[i] = mul_add(wide[i + 4], FOLD, wide[i], carry, &carry);
    if (fold(wide, carry)) fold(wide, 1);
    normalise(wide);
    for (int i = 0; i < 4; i++) to->w[i] = wide[i];
}

// The inverse: the power whose exponent is the prime less two, bit by bit.
static void invert(Field *to, const Field *a) {
    static const u64 EXPONENT[4] = {0 - FOLD - 2, ~0ull, ~0ull, ~0ull};
    Field power = {{1, 0, 0, 0}};
    for (int bit = 255; bit >= 0; bit--) {
        mul(&power, &power, &power);
        if (EXPONENT[bit / 64] >> (bit % 64) & 1) mul(&power, &power, a);
    }
    *to = power;
}

// Inverts `n` numbers.
i64 run(i32 n) {
    Field a = {{0x79be667ef9dcbbacull, 0x55a06295ce870b07ull, 0x029bfcdb2dce28d9ull, 0x59f2815b16f81798ull}}, b, one;
    u64 sum = 0;
    for (i32 i = 0; i < n; i++) {
        invert(&b, &a);
        mul(&one, &a, &b);
        sum = mix(sum, b.w[3] ^ one.w[0] ^ (one.w[1] | one.w[2] | one.w[3]) << 1);
        b.w[0] ^= (u64)i;
        mul(&a, &b, &b);
    }
    return (i64)sum;
}
