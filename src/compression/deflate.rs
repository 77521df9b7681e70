//! RFC 1951, from bytes to compressed bytes.
