// Arithmetic expressions written as text and read again by functions that call each other: bytes and recursion.
#include "kernel.h"

#define SIZE 16384

static u8 text[SIZE];
static u32 length;
static const u8 *at;

static void write_byte(u8 byte) { text[length++] = byte; }

static void write_number(u32 number) {
    if (number >= 10) write_number(number / 10);
    write_byte((u8)('0' + number % 10));
}

static void write_expression(u64 *state, u32 depth) {
    u32 random = next_random(state);
    if (depth == 0 || random % 8 == 0) {
        write_number(random >> 16);
        return;
    }
    int has_parentheses = random & 8, is_negative = (random >> 4) % 8 == 0;
    if (is_negative) write_byte('-');
    if (has_parentheses) write_byte('(');
    write_expression(state, depth - 1);
    write_byte((u8) "+-*/+*%-"[random >> 8 & 7]);
    if (random & 1 << 12) write_byte(' ');
    write_expression(state, depth - 1);
    if (has_parentheses) write_byte(')');
}

static i64 read_sum(void);

static void skip_spaces(void) {
    while (*at == ' ') at++;
}

static i64 read_primary(void) {
    skip_spaces();
    if (*at == '-') {
        at++;
        return (i64)(0 - (u64)read_primary());
    }
    if (*at == '(') {
        at++;
        i64 inner = read_sum();
        at++;
        return inner;
    }
    u64 number = 0;
    while (*at >= '0' && *at <= '9') number = number * 10 + (*at++ - '0');
    return (i64)number;
}

// Division by zero and by -1 gives zero.
static i64 combine(u8 operation, i64 a, i64 b) {
    switch (operation) {
    case '+': return (i64)((u64)a + (u64)b);
    case '-': return (i64)((u64)a - (u64)b);
    case '*': return (i64)((u64)a * (u64)b);
    case '/': return b == 0 || b == -1 ? 0 : a / b;
    default: return b == 0 || b == -1 ? 0 : a % b;
    }
}

static i64 read_product(void) {
    i64 value = read_primary();
    for (skip_spaces(); *at == '*' || *at == '/' || *at == '%'; skip_spaces()) {
        u8 operation = *at++;
        value = combine(operation, value, read_primary());
    }
    return value;
}

static i64 read_sum(void) {
    i64 value = read_product();
    for (skip_spaces(); *at == '+' || *at == '-'; skip_spaces()) {
        u8 operation = *at++;
        value = combine(operation, value, read_product());
    }
    return value;
}

// Writes and reads `n` expressions.
i64 run(i32 n) {
    u64 state = 9, sum = 0;
    for (i32 i = 0; i < n; i++) {
        length = 0;
        write_expression(&state, 10);
        write_byte(0);
        at = text;
        sum = mix(sum, (u64)read_sum());
        sum += (u64)(at - text) ^ length;
    }
    return (i64)sum;
}
