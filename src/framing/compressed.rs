//! RFC 7692: a decoder whose messages can be compressed.

use super::decoder::MessageDecoder;
use super::inflated::Inflated;
use crate::compression::Window;

impl MessageDecoder {
    /// From here on, messages can be compressed (RFC 7692), with this window.
    pub(crate) fn inflate(&mut self, window: Window) {
        self.inflated = Some(Box::new(Inflated::new(window, self.max_message)));
    }

    /// Whether more can be inflated of what has arrived. Then the next call of
    /// [`next_received`](Self::next_received) comes before the next read.
    #[inline]
    pub(crate) fn has_more(&self) -> bool {
        let inflated = self.inflated.as_ref();
        inflated.is_some_and(|inflated| inflated.has_more())
    }
}
