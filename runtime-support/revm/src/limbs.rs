//! Numbers of four 64-bit limbs, least significant first: the few operations whose speed matters.
//!
//! Carries run through whole rows of products, which is what compilers turn into chains of
//! add-with-carry. Everything else about 256-bit numbers is `ruint`'s.

/// A number below 2^256.
pub(crate) type Limbs = [u64; 4];

/// `a · b`, low half first.
#[inline(always)]
fn product(a: u64, b: u64) -> (u64, u64) {
    a.carrying_mul(b, 0)
}

/// `a + b + carry` and whether that is 2^256 or more.
#[inline(always)]
pub(crate) fn add(a: Limbs, b: Limbs, carry: bool) -> (Limbs, bool) {
    let (l0, carry) = a[0].carrying_add(b[0], carry);
    let (l1, carry) = a[1].carrying_add(b[1], carry);
    let (l2, carry) = a[2].carrying_add(b[2], carry);
    let (l3, carry) = a[3].carrying_add(b[3], carry);
    ([l0, l1, l2, l3], carry)
}

/// `a − b` modulo 2^256 and whether `a < b`.
#[inline(always)]
pub(crate) fn sub(a: Limbs, b: Limbs) -> (Limbs, bool) {
    let (l0, borrow) = a[0].borrowing_sub(b[0], false);
    let (l1, borrow) = a[1].borrowing_sub(b[1], borrow);
    let (l2, borrow) = a[2].borrowing_sub(b[2], borrow);
    let (l3, borrow) = a[3].borrowing_sub(b[3], borrow);
    ([l0, l1, l2, l3], borrow)
}

/// Whether `a < b`.
#[inline(always)]
pub(crate) fn less(a: Limbs, b: Limbs) -> bool {
    sub(a, b).1
}

/// `a · 2^shift` modulo 2^256, for shifts below 64.
#[inline(always)]
pub(crate) fn shl(a: Limbs, shift: u32) -> Limbs {
    // Two steps, because 64 bits cannot be shifted by 64.
    let carried = |limb: u64| (limb >> 1) >> (63 - shift);
    [
        a[0] << shift,
        a[1] << shift | carried(a[0]),
        a[2] << shift | carried(a[1]),
        a[3] << shift | carried(a[2]),
    ]
}

/// `a / 2^shift` rounded down, for shifts below 64.
#[inline(always)]
pub(crate) fn shr(a: Limbs, shift: u32) -> Limbs {
    let carried = |limb: u64| (limb << 1) << (63 - shift);
    [
        a[0] >> shift | carried(a[1]),
        a[1] >> shift | carried(a[2]),
        a[2] >> shift | carried(a[3]),
        a[3] >> shift,
    ]
}

/// `a · b`, high half and low half.
#[inline(always)]
pub(crate) fn mul_wide(a: Limbs, b: Limbs) -> (Limbs, Limbs) {
    let [p0, s1, s2, s3, s4] = row(a[0], b);
    let (p1, [s2, s3, s4, s5]) = add_row([s1, s2, s3, s4], row(a[1], b));
    let (p2, [s3, s4, s5, s6]) = add_row([s2, s3, s4, s5], row(a[2], b));
    let (p3, high) = add_row([s3, s4, s5, s6], row(a[3], b));
    (high, [p0, p1, p2, p3])
}

/// `a · b`, a single limb times four.
#[inline(always)]
fn row(a: u64, b: Limbs) -> [u64; 5] {
    let ((l0, h0), (l1, h1)) = (product(a, b[0]), product(a, b[1]));
    let ((l2, h2), (l3, h3)) = (product(a, b[2]), product(a, b[3]));
    let (p1, carry) = l1.overflowing_add(h0);
    let (p2, carry) = l2.carrying_add(h1, carry);
    let (p3, carry) = l3.carrying_add(h2, carry);
    // A limb times four limbs is below 2^320.
    [l0, p1, p2, p3, h3.wrapping_add(carry.into())]
}

/// `sum + row`, split into its lowest limb and the rest; the sum of both is below 2^320 where they
/// are the partial sums of a product.
#[inline(always)]
fn add_row(sum: Limbs, row: [u64; 5]) -> (u64, Limbs) {
    let ([p, s1, s2, s3], carry) = add(sum, [row[0], row[1], row[2], row[3]], false);
    (p, [s1, s2, s3, row[4].wrapping_add(carry.into())])
}

/// `a · b` modulo 2^256.
#[inline(always)]
pub(crate) fn mul_low(a: Limbs, b: Limbs) -> Limbs {
    let [p0, s1, s2, s3] = row_low(a[0], b);
    let ((l0, h0), (l1, h1)) = (product(a[1], b[0]), product(a[1], b[1]));
    let (r1, carry) = l1.overflowing_add(h0);
    let r2 = a[1].wrapping_mul(b[2]).wrapping_add(h1).wrapping_add(carry.into());
    let (p1, carry) = s1.overflowing_add(l0);
    let (s2, carry) = s2.carrying_add(r1, carry);
    let s3 = s3.wrapping_add(r2).wrapping_add(carry.into());
    let (l0, h0) = product(a[2], b[0]);
    let (p2, carry) = s2.overflowing_add(l0);
    let r1 = a[2].wrapping_mul(b[1]).wrapping_add(h0);
    let s3 = s3.wrapping_add(r1).wrapping_add(carry.into());
    [p0, p1, p2, s3.wrapping_add(a[3].wrapping_mul(b[0]))]
}

/// `a · b` modulo 2^256, a single limb times four.
#[inline(always)]
pub(crate) fn row_low(a: u64, b: Limbs) -> Limbs {
    let ((l0, h0), (l1, h1), (l2, h2)) = (product(a, b[0]), product(a, b[1]), product(a, b[2]));
    let (p1, carry) = l1.overflowing_add(h0);
    let (p2, carry) = l2.carrying_add(h1, carry);
    [l0, p1, p2, a.wrapping_mul(b[3]).wrapping_add(h2).wrapping_add(carry.into())]
}
