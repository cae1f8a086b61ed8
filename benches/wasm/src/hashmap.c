// A hash table with open addressing: entries put in, found, and taken out again.
#include "kernel.h"

#define SLOTS 131072
#define LIMIT (SLOTS / 4 * 3)

typedef struct {
    u64 key; // 0: nothing was ever here; 1: what was here is gone
    u64 value;
} Slot;

static Slot slots[SLOTS];
static u32 used;

static u32 place(u64 key) { return (u32)(key * 0x9e3779b97f4a7c15ull >> 47); }

static Slot *find(u64 key) {
    for (u32 i = place(key);; i = (i + 1) % SLOTS) {
        if (slots[i].key == key) return &slots[i];
        if (slots[i].key == 0) return 0;
    }
}

static void put(u64 key, u64 value) {
    Slot *found = find(key);
    if (found) {
        found->value += value;
        return;
    }
    u32 i = place(key);
    while (slots[i].key > 1) i = (i + 1) % SLOTS;
    used += slots[i].key == 0;
    slots[i] = (Slot){key, value};
}

static u64 take(u64 key) {
    Slot *found = find(key);
    if (!found) return 0;
    found->key = 1;
    return found->value;
}

static void clear(void) {
    for (u32 i = 0; i < SLOTS; i++) slots[i] = (Slot){0, 0};
    used = 0;
}

// `n` steps, each with a key put in, another looked for and a third taken out.
i64 run(i32 n) {
    u64 state = 7, sum = 0;
    clear();
    for (i32 i = 0; i < n; i++) {
        u32 keys = next_random(&state);
        put(2 + keys % 65521, (u64)i);
        Slot *found = find(2 + (keys >> 8) % 65521);
        if (found) sum = mix(sum, found->value);
        if (i % 3 == 0) sum += take(2 + (keys >> 15) % 65521);
        if (used > LIMIT) clear();
    }
    return (i64)mix(sum, used);
}
