// wasm: -msimd128
// A picture blurred and its edges found, sixteen bytes at a time.
#include "kernel.h"

#define WIDTH 512
#define HEIGHT 256

typedef u8 Bytes __attribute__((vector_size(16)));
typedef u16 Words __attribute__((vector_size(32)));

static u8 picture[HEIGHT][WIDTH + 16], blurred[HEIGHT][WIDTH + 16];

static inline Words load(const u8 *at) {
    Bytes bytes;
    __builtin_memcpy(&bytes, at, sizeof bytes);
    return __builtin_convertvector(bytes, Words);
}

static inline void store(u8 *at, Words words) {
    Bytes bytes = __builtin_convertvector(words, Bytes);
    __builtin_memcpy(at, &bytes, sizeof bytes);
}

static inline Words three(const u8 *at) { return load(at - 1) + 2 * load(at) + load(at + 1); }

static void blur(void) {
    for (u32 y = 1; y + 1 < HEIGHT; y++)
        for (u32 x = 1; x + 16 < WIDTH; x += 16) {
            Words sum = three(&picture[y - 1][x]) + 2 * three(&picture[y][x]) + three(&picture[y + 1][x]);
            store(&blurred[y][x], (sum + 8) >> 4);
        }
}

// Half of what the picture differs from the blurred one goes back into it.
static void sharpen(u8 bias) {
    for (u32 y = 1; y + 1 < HEIGHT; y++)
        for (u32 x = 1; x + 16 < WIDTH; x += 16) {
            Words sharp = load(&picture[y][x]), soft = load(&blurred[y][x]);
            Words is_more = (Words)(sharp > soft);
            Words difference = (sharp - soft & is_more) | (soft - sharp & ~is_more);
            store(&picture[y][x], sharp + (difference >> 1) + bias & 255);
        }
}

// `n` times.
i64 run(i32 n) {
    u64 state = 12, sum = 0;
    for (u32 y = 0; y < HEIGHT; y++)
        for (u32 x = 0; x < WIDTH + 16; x++) picture[y][x] = (u8)next_random(&state);
    for (u32 y = 0; y < HEIGHT; y++)
        for (u32 x = 0; x < WIDTH + 16; x++) blurred[y][x] = 0;
    for (i32 i = 0; i < n; i++) {
        blur();
        sharpen((u8)i);
    }
    for (u32 y = 0; y < HEIGHT; y++)
        for (u32 x = 0; x < WIDTH; x += 5) sum = mix(sum, picture[y][x]);
    return (i64)sum;
}
