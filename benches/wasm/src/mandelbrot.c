// How often points of the complex plane can be squared and added before they leave: short loops of floats.
#include "kernel.h"

#define LIMIT 200

static i32 steps(double re, double im) {
    double x = 0, y = 0;
    i32 count = 0;
    while (count < LIMIT && x * x + y * y <= 4) {
        double next = x * x - y * y + re;
        y = 2 * x * y + im;
        x = next;
        count++;
    }
    return count;
}

// A picture of `n` times `n` points.
i64 run(i32 n) {
    u64 sum = 0;
    for (i32 row = 0; row < n; row++) {
        double im = 2.4 * row / n - 1.2;
        for (i32 column = 0; column < n; column++) sum = sum * 31 + (u64)steps(3.0 * column / n - 2.1, im);
    }
    return (i64)sum;
}
