//! Which pages of a mapping were touched, as the system's page table has it.
//!
//! A page of private anonymous memory that is neither present nor swapped out was never written to since it was last
//! given back, and reads as zeros. The kernel tells both for a range of pages in one call
//! (`/proc/self/pagemap`), which takes some nanoseconds for each page.

use std::fs::File;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Pages of a range above which it is not looked through.
pub(super) const MOST_PAGES: usize = 1024;

/// Touched pages above which it is better to give all of them back.
const MOST_TOUCHED: usize = 256;

/// Bits of an entry: the page is present, or is swapped out or on its way elsewhere.
const TOUCHED: u64 = 1 << 63 | 1 << 62;

/// Room for what the kernel says of each page.
pub(super) type Room = [MaybeUninit<u64>; MOST_PAGES];

/// The touched pages among `len` bytes from `start`, as offsets; `None` where they cannot be found out cheaply or
/// are too many. `pages` is room for the answer.
pub(super) fn among(
    start: *mut u8,
    len: usize,
    pages: &mut Room,
) -> Option<impl Iterator<Item = Range<usize>> + '_> {
    let &PageMap { ref file, page_bytes } = page_map()?;
    let pages = pages.get_mut(..len.div_ceil(page_bytes))?;
    let pages: &mut [u64] = {
        pages.iter_mut().for_each(|entry| _ = entry.write(0));
        // SAFETY: each was just written.
        unsafe { std::slice::from_raw_parts_mut(pages.as_mut_ptr().cast(), pages.len()) }
    };
    // SAFETY: any bytes are numbers.
    let bytes = unsafe { pages.align_to_mut::<u8>().1 };
    file.read_exact_at(bytes, (start.addr() / page_bytes * size_of::<u64>()) as u64).ok()?;
    let touched = |entry: &&u64| **entry & TOUCHED != 0;
    if pages.iter().filter(touched).count() > MOST_TOUCHED {
        return None;
    }
    let pages = pages.iter().enumerate().filter(move |(_, entry)| touched(entry));
    Some(pages.map(move |(page, _)| page * page_bytes..(page + 1) * page_bytes))
}

/// Whether this process is a child of the one that opened the file, which then is about that one.
static IS_CHILD: AtomicBool = AtomicBool::new(false);

/// The page table of a process.
struct PageMap {
    file: File,
    page_bytes: usize,
}

/// The page table of this process.
fn page_map() -> Option<&'static PageMap> {
    static MAP: OnceLock<Option<PageMap>> = OnceLock::new();
    MAP.get_or_init(PageMap::open).as_ref().filter(|_| !IS_CHILD.load(Ordering::Relaxed))
}

impl PageMap {
    fn open() -> Option<Self> {
        extern "C" fn in_child() {
            IS_CHILD.store(true, Ordering::Relaxed);
        }
        // SAFETY: the function only stores a flag.
        if unsafe { libc::pthread_atfork(None, None, Some(in_child)) } != 0 {
            return None;
        }
        // SAFETY: asking for a value of the system has no preconditions.
        let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let page_bytes = usize::try_from(page_bytes).ok().filter(|bytes| bytes.is_power_of_two())?;
        Some(Self { file: File::open("/proc/self/pagemap").ok()?, page_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

    #[test]
    fn touched_pages_are_told_and_no_others() {
        let page = page_map().expect("a page table").page_bytes;
        // SAFETY: a new mapping of our own.
        let start = unsafe {
            let flags = ProtFlags::READ | ProtFlags::WRITE;
            mmap_anonymous(std::ptr::null_mut(), 300 * page, flags, MapFlags::PRIVATE).expect("memory")
        };
        let bytes = start.cast::<u8>();
        let of = |count: usize| {
            let mut pages = [MaybeUninit::uninit(); MOST_PAGES];
            let touched = among(bytes, count * page, &mut pages).map(|runs| runs.collect::<Vec<_>>());
            touched.map(|runs| runs.iter().map(|run| run.start / page).collect::<Vec<_>>())
        };
        assert_eq!(of(300), Some(vec![]));
        for touched in [5, 0, 299] {
            // SAFETY: a page of the mapping.
            unsafe { bytes.add(touched * page).write(1) };
        }
        assert_eq!((of(300), of(299), of(1)), (Some(vec![0, 5, 299]), Some(vec![0, 5]), Some(vec![0])));
        // SAFETY: all of the mapping.
        unsafe { bytes.write_bytes(1, 300 * page) };
        assert_eq!((of(300), of(256)), (None, Some((0..256).collect())));
        assert_eq!(of(MOST_PAGES + 1), None);
        // SAFETY: the mapping is ours.
        unsafe { munmap(start, 300 * page) }.expect("it is mapped");
    }
}
