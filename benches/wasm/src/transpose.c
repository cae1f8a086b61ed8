// A matrix of 2 MiB turned over, plainly and then by tiles: loads and stores far from each other.
#include "kernel.h"

#define ROWS 512
#define COLUMNS 1024
#define TILE 16

static u32 from[ROWS][COLUMNS], to[COLUMNS][ROWS];

static void plain(void) {
    for (u32 row = 0; row < ROWS; row++)
        for (u32 column = 0; column < COLUMNS; column++) to[column][row] = from[row][column];
}

static void tile(u32 row, u32 column) {
    for (u32 i = 0; i < TILE; i++)
        for (u32 j = 0; j < TILE; j++) from[row + i][column + j] += to[column + j][row + i];
}

static void tiled(void) {
    for (u32 row = 0; row < ROWS; row += TILE)
        for (u32 column = 0; column < COLUMNS; column += TILE) tile(row, column);
}

// Turns it over `n` times and back.
i64 run(i32 n) {
    u64 sum = 0;
    for (u32 row = 0; row < ROWS; row++)
        for (u32 column = 0; column < COLUMNS; column++) from[row][column] = (row + 1) * (column ^ row);
    for (i32 i = 0; i < n; i++) {
        plain();
        tiled();
        sum = mix(sum, from[i % ROWS][(i * 7 + 1) % COLUMNS]);
    }
    for (u32 column = 0; column < COLUMNS; column++) sum = mix(sum, to[column][column % ROWS]);
    return (i64)sum;
}
