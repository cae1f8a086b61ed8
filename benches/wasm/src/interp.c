// A machine with a stack, interpreted: a switch in a loop, which becomes a table of branches.
#include "kernel.h"

enum {
    PUSH,  // the next word
    GET,   // the register that the next word names
    SET,   // the same, from the stack
    ADD,
    SUB,
    MUL,
    XOR,
    SHR,
    LESS,
    DUP,
    SWAP,
    JUMP,  // by the next word
    JUMP0, // the same, if the top is zero
    LOAD,
    STORE,
    HALT,
};

// Register 0 counts down; 1 has the state of a generator; 2 a sum; memory has counts of its values.
static const i32 PROGRAM[] = {
    GET, 0, JUMP0, 50,                                     // until the count is zero
    GET, 1, PUSH, 1664525, MUL, PUSH, 1013904223, ADD, DUP, SET, 1, // state = state * a + b
    PUSH, 24, SHR, DUP, LOAD, PUSH, 1, ADD,                // memory[state >> 24] + 1
    DUP, GET, 2, XOR, PUSH, 5, MUL, SET, 2,                // sum = (sum ^ it) * 5
    SWAP, STORE,                                           // memory[state >> 24] = it
    GET, 2, PUSH, 1000, LESS, JUMP0, 4, PUSH, 7, SET, 2,   // a small sum becomes 7
    GET, 0, PUSH, 1, SUB, SET, 0, JUMP, -54, HALT,
};

static u32 memory[256];

static u32 interpret(u32 count) {
    u32 stack[16], registers[4] = {count, 1, 2, 3};
    u32 *top = stack;
    for (const i32 *at = PROGRAM;;) {
        switch (*at++) {
        case PUSH: *++top = (u32)*at++; break;
        case GET: *++top = registers[*at++ & 3]; break;
        case SET: registers[*at++ & 3] = *top--; break;
        case ADD: top--; top[0] += top[1]; break;
        case SUB: top--; top[0] -= top[1]; break;
        case MUL: top--; top[0] *= top[1]; break;
        case XOR: top--; top[0] ^= top[1]; break;
        case SHR: top--; top[0] >>= top[1] & 31; break;
        case LESS: top--; top[0] = top[0] < top[1]; break;
        case DUP: top[1] = top[0]; top++; break;
        case SWAP: { u32 held = top[0]; top[0] = top[-1]; top[-1] = held; break; }
        case JUMP: at += *at + 1; break;
        case JUMP0: at += *top-- ? 1 : *at + 1; break;
        case LOAD: top[0] = memory[top[0] & 255]; break;
        case STORE: memory[top[0] & 255] = top[-1]; top -= 2; break;
        default: return registers[2];
        }
    }
}

// Goes `n` times around the program's loop.
i64 run(i32 n) {
    for (int i = 0; i < 256; i++) memory[i] = 0;
    u64 sum = interpret((u32)n);
    for (int i = 0; i < 256; i++) sum = mix(sum, memory[i]);
    return (i64)sum;
}
