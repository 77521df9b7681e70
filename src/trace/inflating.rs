//! RFC 7692 §7.2.2, Decompression: what compressed messages say, for an observer.
//!
//! - One direction has one window, and each compressed message changes it. So an observer that has
//!   not seen all of them cannot read those that follow. It says so. That is not a violation.
//! - Without context takeover, each message can be read again.
//! - It keeps the first bytes of what comes out, however long that is.
//! - Framing never depends on this: frames are read on, whatever is wrong here.

use super::event::{InflatedPart, SHOWN};
use crate::compression::{DeflateRule, Inflater, TAIL, Window};
use crate::framing::{Utf8, Violation};

/// After this many bytes of one message, an observer no longer inflates it: a few bytes can stand
/// for many.
const MOST: u64 = 64 << 20;

/// The compressed messages of one direction.
#[derive(Debug)]
pub(super) struct Inflating {
    window: Window,
    inflater: Inflater,
    /// All messages since the beginning were seen.
    from_start: bool,
    /// The window is not known.
    lost: bool,
    /// What came out of the unfinished message, in bytes.
    length: u64,
    /// `None`: the message is not text.
    text: Option<Utf8>,
    /// What came out of the frame that arrives.
    part: InflatedPart,
}

/// A broken rule: the bytes around its place, and how many bytes of the message come before them.
pub(super) struct Broken {
    pub(super) violation: Violation,
    pub(super) bytes: Vec<u8>,
    pub(super) before: u64,
}

impl Inflating {
    /// `from_start`: the observer sees the direction from its first message on.
    pub(super) fn new(window: Window, from_start: bool) -> Inflating {
        Inflating {
            window,
            inflater: Inflater::new(window),
            from_start,
            lost: false,
            length: 0,
            text: None,
            part: InflatedPart::default(),
        }
    }

    /// A compressed message was not seen whole, or is wrong.
    pub(super) fn lose(&mut self) {
        self.lost = true;
    }

    /// A compressed message begins.
    pub(super) fn begin_message(&mut self, is_text: bool) {
        if !self.window.takeover() {
            self.inflater = Inflater::new(self.window);
            self.lost = false;
        }
        self.length = 0;
        self.text = is_text.then(Utf8::default);
    }

    /// A frame of it begins.
    pub(super) fn begin_part(&mut self) {
        self.part = InflatedPart::default();
    }

    /// What came out of the frame so far.
    pub(super) fn part(&self) -> InflatedPart {
        InflatedPart {
            lost: self.lost,
            ..self.part.clone()
        }
    }

    /// Takes bytes of the message, without a mask. `before`: this many came before. `is_end`: the
    /// message has no more.
    ///
    /// # Errors
    /// The rule that they break, unless the window is not known.
    pub(super) fn push(&mut self, bytes: &[u8], before: u64, is_end: bool) -> Result<(), Broken> {
        let result = self.push_all(bytes, before, is_end);
        self.lost |= result.is_err();
        match result {
            // The match may reach into messages that were not seen.
            Err(Broken {
                violation: Violation::Deflate(invalid),
                ..
            }) if !self.from_start
                && matches!(invalid.rule, DeflateRule::DistanceTooFar { .. }) =>
            {
                Ok(())
            }
            result => result,
        }
    }

    fn push_all(&mut self, bytes: &[u8], before: u64, is_end: bool) -> Result<(), Broken> {
        let broken = |violation| Broken {
            violation,
            bytes: bytes.to_vec(),
            before,
        };
        self.inflate(bytes, &broken)?;
        if is_end {
            self.inflate(&TAIL, &broken)?;
            if !self.lost {
                let ended = self.inflater.end_message();
                ended.map_err(|invalid| broken(invalid.into()))?;
            }
            if let (Some(text), false) = (&self.text, self.lost) {
                text.finish().map_err(|violation| Broken {
                    violation,
                    bytes: Vec::new(),
                    before: self.length,
                })?;
            }
        }
        Ok(())
    }

    fn inflate(
        &mut self,
        mut input: &[u8],
        broken: &impl Fn(Violation) -> Broken,
    ) -> Result<(), Broken> {
        while !self.lost {
            let piece = self.inflater.inflate(&mut input);
            let piece = piece.map_err(|invalid| broken(invalid.into()))?;
            if piece.is_empty() {
                break;
            }
            let before = self.length;
            self.length += piece.len() as u64;
            self.part.length += piece.len() as u64;
            self.lost |= self.length > MOST;
            let room = SHOWN.saturating_sub(self.part.start.len()).min(piece.len());
            self.part.start.extend_from_slice(&piece[..room]);
            if let Some(text) = &mut self.text {
                text.push(piece).map_err(|violation| Broken {
                    violation,
                    bytes: piece.to_vec(),
                    before,
                })?;
            }
        }
        Ok(())
    }
}
