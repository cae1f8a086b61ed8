// Sorting records by what a pointer to a function says: indirect calls, and branches that nothing predicts.
#include "kernel.h"

#define MAX 65536

typedef struct {
    u32 key, weight;
    u64 id;
} Record;

typedef int (*Compare)(const Record *, const Record *);

static int by_key(const Record *a, const Record *b) { return a->key < b->key ? -1 : a->key > b->key; }
static int by_weight(const Record *a, const Record *b) { return a->weight < b->weight ? -1 : a->weight > b->weight; }
static int by_id(const Record *a, const Record *b) { return a->id < b->id ? -1 : a->id > b->id; }
static int by_bits(const Record *a, const Record *b) {
    int difference = __builtin_popcount(a->key) - __builtin_popcount(b->key);
    return difference ? difference : by_id(a, b);
}

static const Compare COMPARE[4] = {by_key, by_weight, by_id, by_bits};

static Record records[MAX], spare[MAX];

static void insert_sort(Record *at, u32 count, Compare compare) {
    for (u32 i = 1; i < count; i++) {
        Record held = at[i];
        u32 j = i;
        for (; j > 0 && compare(&at[j - 1], &held) > 0; j--) at[j] = at[j - 1];
        at[j] = held;
    }
}

// Merge sort, which keeps the order of equal records.
static void sort(Record *at, u32 count, Compare compare) {
    if (count <= 8) {
        insert_sort(at, count, compare);
        return;
    }
    u32 half = count / 2;
    sort(at, half, compare);
    sort(at + half, count - half, compare);
    for (u32 i = 0; i < half; i++) spare[i] = at[i];
    u32 left = 0, right = half;
    for (u32 i = 0; left < half; i++) {
        int is_left = right == count || compare(&spare[left], &at[right]) <= 0;
        at[i] = is_left ? spare[left++] : at[right++];
    }
}

// Sorts `n` records by each order.
i64 run(i32 n) {
    u32 count = n < 1 ? 1 : n > MAX ? MAX : (u32)n;
    u64 state = 5, sum = 0;
    for (u32 i = 0; i < count; i++) records[i] = (Record){next_random(&state), next_random(&state) % 1024, i};
    for (int order = 0; order < 4; order++) {
        sort(records, count, COMPARE[(order + n) & 3]);
        for (u32 i = 0; i < count; i += 7) sum = mix(sum, records[i].id);
    }
    return (i64)sum;
}
