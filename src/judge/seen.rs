//! RFC 6455 §5.2: frames as they came, without a judgement. A frame that breaks a rule is read like
//! any other, so that only the case of that rule notices it.

use crate::framing::{Header, mask};

/// A frame that the endpoint sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// The header as it came.
    pub(super) header: Vec<u8>,
    /// The length that the header says.
    pub(super) length: u64,
    /// The payload, unmasked.
    pub(super) payload: Vec<u8>,
}

impl Seen {
    /// The frame at the front of these bytes, and how many bytes it takes. `None`: more are needed.
    pub(super) fn read(bytes: &[u8]) -> Option<(Seen, usize)> {
        let &[_, second, ..] = bytes else {
            return None;
        };
        let header = bytes.get(..Header::size(second))?;
        let extended = &header[2..2 + Header::extended_length_size(second)];
        let length = match extended {
            [] => u64::from(second & 0x7F),
            _ => extended
                .iter()
                .fold(0, |all, &byte| all << 8 | u64::from(byte)),
        };
        let end = header.len().checked_add(usize::try_from(length).ok()?)?;
        let mut payload = bytes.get(header.len()..end)?.to_vec();
        if let (true, Some(key)) = (Header::is_masked(second), header.last_chunk::<4>()) {
            mask(*key, 0, &mut payload);
        }
        let seen = Seen {
            header: header.to_vec(),
            length,
            payload,
        };
        Some((seen, end))
    }

    pub(super) fn fin(&self) -> bool {
        self.header[0] & 0x80 != 0
    }

    /// RSV1 is 4, RSV2 is 2, RSV3 is 1.
    pub(super) fn rsv(&self) -> u8 {
        self.header[0] >> 4 & 7
    }

    pub(super) fn opcode(&self) -> u8 {
        self.header[0] & 0x0F
    }

    pub(super) fn is_masked(&self) -> bool {
        Header::is_masked(self.header[1])
    }

    /// §5.2: "the minimal number of bytes MUST be used to encode the length".
    pub(super) fn is_minimal(&self) -> bool {
        let bytes = match self.length {
            0..=125 => 0,
            126..=0xFFFF => 2,
            _ => 8,
        };
        Header::extended_length_size(self.header[1]) == bytes
    }
}
