// The largest singular value of a matrix that is computed as it is used: divisions of floats.
#include "kernel.h"

#define MAX 1024

static double u[MAX], v[MAX], between[MAX];

static inline double element(u32 row, u32 column) {
    u32 diagonal = row + column;
    return 1.0 / (diagonal * (diagonal + 1) / 2 + row + 1);
}

static void apply(const double *from, double *to, u32 size) {
    for (u32 i = 0; i < size; i++) {
        double sum = 0;
        for (u32 j = 0; j < size; j++) sum += element(i, j) * from[j];
        to[i] = sum;
    }
}

static void apply_transposed(const double *from, double *to, u32 size) {
    for (u32 i = 0; i < size; i++) {
        double sum = 0;
        for (u32 j = 0; j < size; j++) sum += element(j, i) * from[j];
        to[i] = sum;
    }
}

// Of a matrix of `n` rows, by ten steps of the power method.
i64 run(i32 n) {
    u32 size = n < 1 ? 1 : n > MAX ? MAX : (u32)n;
    for (u32 i = 0; i < size; i++) u[i] = 1;
    for (int step = 0; step < 10; step++) {
        apply(u, between, size);
        apply_transposed(between, v, size);
        apply(v, between, size);
        apply_transposed(between, u, size);
    }
    double products = 0, squares = 0;
    for (u32 i = 0; i < size; i++) {
        products += u[i] * v[i];
        squares += v[i] * v[i];
    }
    return (i64)(__builtin_sqrt(products / squares) * 1e15);
}
