// A list in an order that no cache foresees, followed, turned over and counted: each load waits for the one before.
#include "kernel.h"

#define NODES 65536

typedef struct Node {
    struct Node *next;
    u32 value;
    u32 visits;
} Node;

static Node nodes[NODES];
static u32 order[NODES];

// One cycle through all nodes, in random order.
static void link(void) {
    u64 state = 6;
    for (u32 i = 0; i < NODES; i++) order[i] = i;
    for (u32 i = NODES - 1; i > 0; i--) {
        u32 j = next_random(&state) % i, held = order[i];
        order[i] = order[j];
        order[j] = held;
    }
    for (u32 i = 0; i < NODES; i++) nodes[order[i]] = (Node){&nodes[order[(i + 1) % NODES]], next_random(&state), 0};
}

// Turns the cycle over; the node from which it starts stays the first.
static void reverse(Node *first) {
    Node *before = first, *at = first->next;
    while (at != first) {
        Node *after = at->next;
        at->next = before;
        before = at;
        at = after;
    }
    first->next = before;
}

// Goes around `n` times.
i64 run(i32 n) {
    link();
    u64 sum = 0;
    Node *at = &nodes[0];
    for (i32 round = 0; round < n; round++) {
        for (u32 i = 0; i < NODES; i++) {
            sum = rotl64(sum, 1) ^ (at->value + at->visits++);
            at = at->next;
        }
        if (round % 4 == 3) reverse(at);
    }
    return (i64)sum;
}
