// Fourier transform of 4096 complex numbers and back, in place: floats in memory at growing distances.
#include "kernel.h"

#define LOG 12
#define SIZE (1 << LOG)

typedef struct {
    double re, im;
} Complex;

static Complex signal[SIZE], roots[SIZE / 2];

static Complex times(Complex a, Complex b) {
    return (Complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

// The roots of unity: each of order 2^k is the one of half the order, with its angle halved.
static void make_roots(void) {
    Complex by_bit[LOG];
    double cosine = -1;
    for (int bit = LOG - 2; bit >= 0; bit--) {
        double half = __builtin_sqrt((1 + cosine) / 2);
        by_bit[bit] = (Complex){half, -__builtin_sqrt(1 - half * half)};
        cosine = half;
    }
    for (u32 i = 0; i < SIZE / 2; i++) {
        Complex root = {1, 0};
        for (int bit = 0; bit < LOG - 1; bit++)
            if (i >> bit & 1) root = times(root, by_bit[bit]);
        roots[i] = root;
    }
}

// Swaps what lies at places whose bits are each other's, backwards.
static void reverse_bits(void) {
    for (u32 i = 0, j = 0; i < SIZE; i++) {
        if (i < j) {
            Complex held = signal[i];
            signal[i] = signal[j];
            signal[j] = held;
        }
        u32 bit = SIZE / 2;
        while (j & bit) {
            j ^= bit;
            bit /= 2;
        }
        j |= bit;
    }
}

static void transform(void) {
    reverse_bits();
    for (u32 half = 1; half < SIZE; half *= 2) {
        u32 stride = SIZE / 2 / half;
        for (u32 start = 0; start < SIZE; start += 2 * half) {
            for (u32 i = 0; i < half; i++) {
                Complex *a = &signal[start + i], *b = &signal[start + half + i];
                Complex turned = times(*b, roots[i * stride]);
                *b = (Complex){a->re - turned.re, a->im - turned.im};
                *a = (Complex){a->re + turned.re, a->im + turned.im};
            }
        }
    }
}

// The inverse transform is the transform of the conjugates.
static void conjugate(double factor) {
    for (u32 i = 0; i < SIZE; i++) signal[i] = (Complex){signal[i].re * factor, -signal[i].im * factor};
}

// Transforms `n` times to and fro.
i64 run(i32 n) {
    u64 state = 4, sum = 0;
    make_roots();
    for (u32 i = 0; i < SIZE; i++) signal[i] = (Complex){next_random(&state) % 1000, next_random(&state) % 1000};
    for (i32 i = 0; i < n; i++) {
        transform();
        sum = mix(sum, (u64)(i64)(signal[1 + i % 64].re * 1000));
        conjugate(1.0 / SIZE);
        transform();
        conjugate(1);
    }
    for (u32 i = 0; i < SIZE; i++) sum = mix(sum, (u64)(i64)(signal[i].re * 1e6 + 0.5));
    return (i64)sum;
}
