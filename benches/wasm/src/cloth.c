// A cloth of points that hang on springs and fall on a ball: floats with square roots, divisions and branches.
#include "kernel.h"

#define SIDE 48

typedef struct {
    double x, y, z;
} Vector;

static Vector now[SIDE * SIDE], before[SIDE * SIDE];

static Vector less(Vector a, Vector b) { return (Vector){a.x - b.x, a.y - b.y, a.z - b.z}; }
static Vector along(Vector a, Vector b, double t) { return (Vector){a.x + b.x * t, a.y + b.y * t, a.z + b.z * t}; }
static double square(Vector a) { return a.x * a.x + a.y * a.y + a.z * a.z; }

static void hang(void) {
    for (int i = 0; i < SIDE * SIDE; i++) {
        now[i] = (Vector){i % SIDE - SIDE / 2 + 0.25, 10, i / SIDE - SIDE / 2 + 0.125};
        before[i] = now[i];
    }
}

// Verlet's step: what a point moved before, it moves again, a little slower, and falls.
static void move(void) {
    for (int i = 0; i < SIDE * SIDE; i++) {
        Vector next = along(now[i], less(now[i], before[i]), 0.99);
        next.y -= 0.01;
        before[i] = now[i];
        now[i] = next;
    }
}

// Pulls two points together, or apart, until they are `rest` away from each other.
static void spring(int i, int j, double rest) {
    Vector between = less(now[j], now[i]);
    double distance = __builtin_sqrt(square(between));
    double share = (distance - rest) / (distance + 1e-9) * 0.5;
    now[i] = along(now[i], between, share);
    now[j] = along(now[j], between, -share);
}

static void pull(void) {
    for (int row = 0; row < SIDE; row++) {
        for (int column = 0; column < SIDE; column++) {
            int i = row * SIDE + column;
            if (column + 1 < SIDE) spring(i, i + 1, 1);
            if (row + 1 < SIDE) spring(i, i + SIDE, 1);
            if (row + 1 < SIDE && column + 1 < SIDE) spring(i, i + SIDE + 1, 1.4142135623730951);
        }
    }
}

// Moves what is inside of the ball to its surface.
static void collide(double radius) {
    for (int i = 0; i < SIDE * SIDE; i++) {
        double distance = square(now[i]);
        if (distance < radius * radius) now[i] = along((Vector){0, 0, 0}, now[i], radius / __builtin_sqrt(distance));
    }
}

// `n` steps of time.
i64 run(i32 n) {
    hang();
    for (i32 i = 0; i < n; i++) {
        move();
        pull();
        pull();
        collide(8);
    }
    u64 sum = 0;
    for (int i = 0; i < SIDE * SIDE; i++) {
        sum = mix(sum, (u64)(i64)(now[i].x * 1e6));
        sum = mix(sum, (u64)(i64)(now[i].y * 1e6));
    }
    return (i64)sum;
}
