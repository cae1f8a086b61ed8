//! Values that native code points to: they never move, and are freed with their store.

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// An owned value at a fixed address. Unlike a box it claims no sole access, so pointers to it stay valid while it
/// is used through this.
pub(crate) struct Pinned<T>(NonNull<T>);

impl<T> Pinned<T> {
    /// Puts a value where it stays.
    pub(crate) fn new(value: T) -> Self {
        Self(NonNull::from(Box::leak(Box::new(value))))
    }

    /// Where it is.
    pub(crate) const fn as_ptr(&self) -> *mut T {
        self.0.as_ptr()
    }
}

impl<T> Deref for Pinned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the value lives as long as `self`. What else writes to it is native code, which does not run
        // while its store is borrowed.
        unsafe { self.0.as_ref() }
    }
}

impl<T> DerefMut for Pinned<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above.
        unsafe { self.0.as_mut() }
    }
}

impl<T> Drop for Pinned<T> {
    fn drop(&mut self) {
        // SAFETY: made from a box, and nobody uses it any more.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}
