//! RFC 1951 §3.1.1, Packing into bytes: the first bit of a stream is the least significant bit of
//! its first byte.
//!
//! - [`BitReader`] takes bytes in, and gives bits out. A caller looks at bits first and takes them
//!   when all that it needs are here. So the bytes can be cut anywhere.
//! - [`BitWriter`] is the mirror image.

/// Bits that have arrived and are not taken yet.
#[derive(Clone, Debug, Default)]
pub(super) struct BitReader {
    /// The next bit is the lowest. Above `count` bits there can be bits of the next byte.
    bits: u64,
    count: u32,
    /// How many bytes the bits came from.
    bytes: u64,
}

impl BitReader {
    /// Takes bytes from the front of `input` until 56 bits or more are here, or the input ends.
    #[inline(always)]
    pub(super) fn refill(&mut self, input: &mut &[u8]) {
        if let Some(word) = input.first_chunk::<8>() {
            // The bytes that do not fit whole are looked at again at the next call: they give the
            // same bits at the same places.
            self.bits |= u64::from_le_bytes(*word) << self.count;
            let taken = (63 - self.count) / 8;
            *input = &input[taken as usize..];
            self.count += 8 * taken;
            self.bytes += u64::from(taken);
        } else {
            self.refill_at_the_end(input);
        }
    }

    fn refill_at_the_end(&mut self, input: &mut &[u8]) {
        self.bits &= (1 << self.count) - 1;
        while self.count < 56
            && let Some((&byte, rest)) = input.split_first()
        {
            self.bits |= u64::from(byte) << self.count;
            self.count += 8;
            self.bytes += 1;
            *input = rest;
        }
    }

    /// How many bits are here.
    #[inline(always)]
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The bits that are here; the next one is the lowest. What is above [`count`](Self::count)
    /// means nothing.
    #[inline(always)]
    pub(super) fn peek(&self) -> u64 {
        self.bits
    }

    /// Takes bits that are here.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) {
        debug_assert!(count <= self.count);
        self.bits >>= count;
        self.count -= count;
    }

    /// How many bits are left of the byte that is begun.
    pub(super) fn padding(&self) -> u32 {
        self.count % 8
    }

    /// Takes the next byte, if the bits that are here begin with a whole one.
    pub(super) fn take_byte(&mut self) -> Option<u8> {
        debug_assert_eq!(self.padding(), 0);
        (self.count >= 8).then(|| {
            let byte = self.bits as u8;
            self.take(8);
            byte
        })
    }

    /// The bits are used up, and the caller reads bytes of the input itself.
    pub(super) fn skipped(&mut self, bytes: usize) {
        debug_assert_eq!(self.count, 0);
        self.bits = 0;
        self.bytes += bytes as u64;
    }

    /// The place of the next bit, counted from the first bit that arrived.
    #[inline]
    pub(super) fn position(&self) -> u64 {
        8 * self.bytes - u64::from(self.count)
    }

    /// Counts places from here on.
    pub(super) fn restart(&mut self) {
        *self = BitReader::default();
    }
}

/// Bits that are written, behind whole bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct BitWriter {
    bits: u64,
    count: u32,
}

impl BitWriter {
    /// Writes the lowest `count` bits of `value`; at most 32, and the bits above them are 0.
    #[inline(always)]
    pub(super) fn put(&mut self, value: u32, count: u32, out: &mut Vec<u8>) {
        self.bits |= u64::from(value) << self.count;
        self.count += count;
        if self.count >= 32 {
            out.extend((self.bits as u32).to_le_bytes());
            self.bits >>= 32;
            self.count -= 32;
        }
    }

    /// Fills the last byte with zeros, and writes it.
    pub(super) fn pad(&mut self, out: &mut Vec<u8>) {
        let bytes = self.count.div_ceil(8) as usize;
        out.extend_from_slice(&self.bits.to_le_bytes()[..bytes]);
        *self = BitWriter::default();
    }

    /// How many bits of the last byte are written.
    pub(super) fn pending(&self) -> u32 {
        self.count % 8
    }
}
