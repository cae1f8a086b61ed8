// In how many ways queens stand on a board without a threat: recursion with three words of state.
#include "kernel.h"

static u32 ways(u32 all, u32 columns, u32 left, u32 right) {
    if (columns == all) return 1;
    u32 count = 0;
    for (u32 open = all & ~(columns | left | right); open; open &= open - 1) {
        u32 queen = open & -open;
        count += ways(all, columns | queen, (left | queen) << 1, (right | queen) >> 1);
    }
    return count;
}

// On boards of up to `n` rows.
i64 run(i32 n) {
    u64 sum = 0;
    for (i32 size = 1; size <= n && size < 20; size++) sum = mix(sum, ways((1u << size) - 1, 0, 0, 0));
    return (i64)sum;
}
