// Quotients and remainders of 256-bit numbers of every length, by long division with digits of 32 bits.
#include "kernel.h"

#define DIGITS 8

typedef struct {
    u32 d[DIGITS];
} Number;

static int length(const Number *a) {
    int len = DIGITS;
    while (len > 0 && a->d[len - 1] == 0) len--;
    return len;
}

// Shifts up by fewer than 32 bits; `to` has one digit more.
static void shift_up(u32 *to, const u32 *from, int len, u32 by) {
    u64 carry = 0;
    for (int i = 0; i < len; i++) {
        carry |= (u64)from[i] << by;
        to[i] = (u32)carry;
        carry >>= 32;
    }
    to[len] = (u32)carry;
}

static void divide_by_digit(const Number *a, u32 digit, Number *quotient, Number *rest) {
    u64 left = 0;
    for (int i = DIGITS - 1; i >= 0; i--) {
        left = left << 32 | a->d[i];
        quotient->d[i] = (u32)(left / digit);
        left %= digit;
    }
    *rest = (Number){{(u32)left}};
}

// Subtracts `times` times the divisor from the digits at `u`; whether that was too much.
static int subtract_times(u32 *u, const u32 *v, int len, u64 times) {
    u64 carry = 0, borrow = 0;
    for (int i = 0; i <= len; i++) {
        carry += i < len ? times * v[i] : 0;
        u64 less = (u64)u[i] - (u32)carry - borrow;
        u[i] = (u32)less;
        borrow = less >> 63;
        carry >>= 32;
    }
    return borrow != 0;
}

static void add_back(u32 *u, const u32 *v, int len) {
    u64 carry = 0;
    for (int i = 0; i < len; i++) {
        carry += (u64)u[i] + v[i];
        u[i] = (u32)carry;
        carry >>= 32;
    }
    u[len] += (u32)carry;
}

// The next digit of the quotient is at most this, and at least this less one.
static u64 guess(const u32 *u, const u32 *v, int len) {
    u64 top = (u64)u[len] << 32 | u[len - 1];
    u64 digit = top / v[len - 1], left = top % v[len - 1];
    while (digit >> 32 || digit * v[len - 2] > (left << 32 | u[len - 2])) {
        digit--;
        left += v[len - 1];
        if (left >> 32) break;
    }
    return digit;
}

static NOINLINE void divide(const Number *a, const Number *b, Number *quotient, Number *rest) {
    int n = length(a), m = length(b);
    *quotient = (Number){{0}};
    if (n < m || m == 0) {
        *rest = *a;
        return;
    }
    if (m == 1) {
        divide_by_digit(a, b->d[0], quotient, rest);
        return;
    }
    u32 u[DIGITS + 1], v[DIGITS + 1];
    u32 by = (u32)__builtin_clz(b->d[m - 1]);
    shift_up(u, a->d, n, by);
    shift_up(v, b->d, m, by);
    for (int at = n - m; at >= 0; at--) {
        u64 digit = guess(u + at, v, m);
        if (subtract_times(u + at, v, m, digit)) {
            digit--;
            add_back(u + at, v, m);
        }
        quotient->d[at] = (u32)digit;
    }
    *rest = (Number){{0}};
    for (int i = 0; i < m; i++) rest->d[i] = (u32)(((u64)u[i + 1] << 32 | u[i]) >> by);
}

static Number random_number(u64 *state, u32 digits) {
    Number number = {{0}};
    for (u32 i = 0; i < digits; i++) number.d[i] = next_random(state);
    return number;
}

// Divides `n` times.
i64 run(i32 n) {
    u64 state = 3, sum = 0;
    for (i32 i = 0; i < n; i++) {
        u32 lengths = next_random(&state);
        Number a = random_number(&state, 1 + lengths % 8), b = random_number(&state, 1 + lengths / 8 % 8);
        Number quotient, rest;
        divide(&a, &b, &quotient, &rest);
        for (int d = 0; d < DIGITS; d++) sum = mix(sum, (u64)quotient.d[d] << 32 | rest.d[d]);
    }
    return (i64)sum;
}
