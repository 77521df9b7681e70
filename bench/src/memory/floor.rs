//! No protocol at all: the frames that the others make, copied one by one. What is left above this
//! is what a library could still save.

use super::{Peer, timed};
use crate::wire::{WHOLE_TEXT, masked_frame};
use std::hint::black_box;
use std::time::Duration;

pub const PEER: Peer = Peer {
    name: "floor: memcpy",
    joins_fragments: false,
    send,
    echo,
    receive,
};

fn send(text: &str, count: usize, output: &mut Vec<u8>) -> Duration {
    let frame = masked_frame(WHOLE_TEXT, text.as_bytes());
    timed(|| {
        for _ in 0..count {
            output.extend_from_slice(black_box(&frame));
        }
    })
}

/// The answer is as long as the frame that came, less the key.
fn echo(input: &[u8], count: usize, output: &mut Vec<u8>) -> Duration {
    let size = input.len() / count;
    timed(|| {
        for frame in input.chunks_exact(size) {
            output.extend_from_slice(black_box(&frame[4..]));
        }
    })
}

fn receive(input: &[u8], count: usize) -> Duration {
    let size = input.len() / count;
    let mut message = Vec::with_capacity(size);
    timed(|| {
        for frame in input.chunks_exact(size) {
            message.clear();
            message.extend_from_slice(black_box(frame));
            black_box(&mut message);
        }
    })
}
