//! A switch for who cannot take events as fast as frames pass.
//!
//! - It is shared by an observer and by the reader of its events. Only the reader turns it.
//! - While it is on, frames make no events. They are checked and counted, and that is cheap.
//! - A Close and a frame that breaks a rule are always told: they say how the connection ends.
//! - It holds three numbers, however much passes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A switch that tells an observer to skip frames. Clones are the same switch. It is off at first.
#[derive(Clone, Debug, Default)]
pub struct SkipFrames(Arc<Switch>);

#[derive(Debug, Default)]
struct Switch {
    on: AtomicBool,
    frames: AtomicU64,
    bytes: AtomicU64,
}

/// What was skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Frames.
    pub frames: u64,
    /// Bytes that are not frames, because no WebSocket was opened or a rule was broken.
    pub bytes: u64,
}

// Each number stands for itself, so no order between them is needed.
impl SkipFrames {
    /// From now on, frames are skipped.
    pub fn turn_on(&self) {
        self.0.on.store(true, Ordering::Relaxed);
    }

    /// From now on, frames are told again.
    pub fn turn_off(&self) {
        self.0.on.store(false, Ordering::Relaxed);
    }

    /// Whether frames are skipped now.
    #[must_use]
    #[inline]
    pub fn is_on(&self) -> bool {
        self.0.on.load(Ordering::Relaxed)
    }

    /// What was skipped since the last call.
    #[must_use]
    pub fn take(&self) -> Skipped {
        Skipped {
            frames: self.0.frames.swap(0, Ordering::Relaxed),
            bytes: self.0.bytes.swap(0, Ordering::Relaxed),
        }
    }

    /// Counts what is not told.
    #[inline]
    pub fn count(&self, skipped: Skipped) {
        let Skipped { frames, bytes } = skipped;
        if frames > 0 {
            self.0.frames.fetch_add(frames, Ordering::Relaxed);
        }
        if bytes > 0 {
            self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }
}

impl Skipped {
    /// One frame.
    pub const FRAME: Skipped = Skipped {
        frames: 1,
        bytes: 0,
    };

    /// This many bytes that are not frames.
    #[must_use]
    pub fn bytes(bytes: usize) -> Skipped {
        Skipped {
            frames: 0,
            bytes: bytes as u64,
        }
    }
}
