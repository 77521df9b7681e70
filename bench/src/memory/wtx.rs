//! wtx. It lends the frame from its buffer, as a slice that may be changed, and writes it without
//! a buffer: each frame is one vectored write. Text is checked with SIMD (the feature
//! `simdutf8`); keys are from its ChaCha20 with a seed of the system (the feature `getrandom`),
//! since its default, xorshift, is predictable, which §5.3 and §10.3 forbid.

use super::stream::Memory;
use super::{Peer, timed_async};
use std::hint::black_box;
use std::time::Duration;
use wtx::collection::Vector;
use wtx::rng::{ChaCha20, CryptoSeedableRng};
use wtx::web_socket::{Frame, OpCode, WebSocket, WebSocketBuffer, WebSocketPayloadOrigin};

pub const PEER: Peer = Peer {
    name: "wtx 0.46",
    joins_fragments: true,
    send,
    echo,
    receive,
};

type Socket<'a, const IS_CLIENT: bool> =
    WebSocket<(), ChaCha20, Memory<'a>, WebSocketBuffer, IS_CLIENT>;

fn open<'a, const IS_CLIENT: bool>(
    input: &'a [u8],
    output: &'a mut Vec<u8>,
) -> Socket<'a, IS_CLIENT> {
    // Its user chooses the buffer. The smallest is the fastest through memory: with more room it reads
    // parts of the next frames, too, and its buffer grows with them.
    let buffer = WebSocketBuffer::new();
    let keys = ChaCha20::from_getrandom().unwrap();
    // `false`: frames are masked as the RFC asks.
    WebSocket::new((), false, keys, Memory { input, output }, buffer)
}

fn send(text: &str, count: usize, output: &mut Vec<u8>) -> Duration {
    let mut socket = open::<true>(&[], output);
    // It masks in place; lent a buffer of ours, it need not allocate one.
    let mut scratch = text.as_bytes().to_vec();
    timed_async(async {
        for _ in 0..count {
            scratch.copy_from_slice(text.as_bytes());
            let mut frame = Frame::new_fin(OpCode::Text, &mut scratch[..]);
            socket.write_frame(&mut frame).await.unwrap();
        }
    })
}

fn echo(input: &[u8], count: usize, output: &mut Vec<u8>) -> Duration {
    let mut socket = open::<false>(input, output);
    let (mut common, mut reader, mut writer) = socket.split_mut();
    // For the messages in fragments. Others are lent from its own buffer.
    let mut joined = Vector::new();
    timed_async(async {
        for _ in 0..count {
            joined.clear();
            let frame =
                reader.read_frame(&mut joined, &mut common, WebSocketPayloadOrigin::Adaptive);
            let mut frame = frame.await.unwrap();
            writer.write_frame(&mut common, &mut frame).await.unwrap();
        }
    })
}

fn receive(input: &[u8], count: usize) -> Duration {
    let mut output = Vec::new();
    let mut socket = open::<true>(input, &mut output);
    let mut joined = Vector::new();
    timed_async(async {
        for _ in 0..count {
            joined.clear();
            let frame = socket.read_frame(&mut joined, WebSocketPayloadOrigin::Adaptive);
            black_box(frame.await.unwrap().text_payload());
        }
    })
}
