//! RFC 7692, permessage-deflate: whether this end wants it, and how.

use crate::compression::Window;

/// How to compress messages, if the peer agrees. [`Config::compression`](crate::Config::compression)
/// has it.
///
/// ```
/// use rfc6455::{Compression, Config, Window};
///
/// // Idle connections keep no window.
/// let compression = Compression {
///     sending: Window::LARGEST.without_takeover(),
///     receiving: Window::LARGEST.without_takeover(),
///     ..Default::default()
/// };
/// let config = Config { compression: Some(compression), ..Default::default() };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// How much work it may be, from 1 (fast) to 9 (small). Default 6.
    pub level: u8,
    /// A shorter message goes as it is, in bytes. So does a message that would not shrink. Default
    /// 64: shorter ones hardly shrink. 0 switches both rules off: every message goes compressed.
    pub threshold: usize,
    /// The window for what this end sends, at most. Default: the largest, with takeover. A smaller
    /// one makes messages longer and takes less memory.
    pub sending: Window,
    /// The window for what this end receives, at most. Default: the largest, with takeover.
    pub receiving: Window,
}

impl Default for Compression {
    fn default() -> Compression {
        Compression {
            level: 6,
            threshold: 64,
            sending: Window::LARGEST,
            receiving: Window::LARGEST,
        }
    }
}
