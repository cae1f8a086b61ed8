//! Shortest ways over a field of hills, by a heap of places: generic code, options and unforeseeable branches.

#![no_std]

#[path = "kernel.rs"]
mod kernel;

use kernel::{Random, mix};

const SIDE: usize = 96;
const PLACES: usize = SIDE * SIDE;

/// A binary heap of at most `N`, with the least on top.
struct Heap<T, const N: usize> {
    items: [T; N],
    len: usize,
}

impl<T: Copy + Ord, const N: usize> Heap<T, N> {
    fn new(filler: T) -> Self {
        Self { items: [filler; N], len: 0 }
    }

    fn push(&mut self, item: T) {
        let mut at = self.len;
        self.items[at] = item;
        self.len += 1;
        while at > 0 && self.items[at] < self.items[(at - 1) / 2] {
            self.items.swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }

    fn pop(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        self.items.swap(0, self.len);
        let (mut at, heap) = (0, &mut self.items[..self.len]);
        while let Some(child) = Self::lesser_child(heap, at).filter(|&child| heap[child] < heap[at]) {
            heap.swap(at, child);
            at = child;
        }
        Some(self.items[self.len])
    }

    fn lesser_child(heap: &[T], at: usize) -> Option<usize> {
        let (left, right) = (2 * at + 1, 2 * at + 2);
        let first = heap.get(left)?;
        Some(if heap.get(right).is_some_and(|second| second < first) { right } else { left })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Visit {
    distance: u32,
    place: u16,
}

/// The places beside one.
fn neighbours(place: usize) -> impl Iterator<Item = usize> {
    let (row, column) = (place / SIDE, place % SIDE);
    let up = (row > 0).then(|| place - SIDE);
    let down = (row + 1 < SIDE).then_some(place + SIDE);
    let left = (column > 0).then(|| place - 1);
    let right = (column + 1 < SIDE).then_some(place + 1);
    [up, down, left, right].into_iter().flatten()
}

/// How far each place is from `start`.
fn distances(heights: &[u8; PLACES], start: usize) -> [u32; PLACES] {
    let mut distances = [u32::MAX; PLACES];
    let mut open = Heap::<Visit, { 4 * PLACES }>::new(Visit { distance: 0, place: 0 });
    distances[start] = 0;
    open.push(Visit { distance: 0, place: start as u16 });
    while let Some(Visit { distance, place }) = open.pop() {
        let place = usize::from(place);
        if distance > distances[place] {
            continue;
        }
        for next in neighbours(place) {
            let further = distance + 1 + u32::from(heights[place].abs_diff(heights[next]));
            if further < distances[next] {
                distances[next] = further;
                open.push(Visit { distance: further, place: next as u16 });
            }
        }
    }
    distances
}

/// From `n` places.
#[unsafe(no_mangle)]
pub extern "C" fn run(n: i32) -> i64 {
    let mut random = Random(14);
    let heights = core::array::from_fn(|_| random.next() as u8);
    let mut sum = 0;
    for _ in 0..n {
        let distances = distances(&heights, random.next() as usize % PLACES);
        let total = distances.iter().map(|&distance| u64::from(distance)).sum();
        let furthest = distances.iter().copied().max().unwrap_or_default();
        sum = mix(mix(sum, total), u64::from(furthest));
    }
    sum as i64
}
