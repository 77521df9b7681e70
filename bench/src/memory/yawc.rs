//! yawc, tuned as its README describes: a read buffer of 128 KiB, and `feed` that gathers 64 KiB.
//! Text comes as bytes that were checked (`with_utf8`, with SIMD: the feature `simd`); keys are
//! from `rand`'s `ThreadRng`. The text to send is shared, so that making a message copies
//! nothing.

use super::stream::Memory;
use super::{Peer, timed_async};
use bytes::Bytes;
use futures::SinkExt;
use std::hint::black_box;
use std::time::Duration;
use yawc::{Frame, Options, Role, WebSocket};

pub const PEER: Peer = Peer {
    name: "yawc 0.5",
    joins_fragments: true,
    send,
    echo,
    receive,
};

fn open<'a>(role: Role, input: &'a [u8], output: &'a mut Vec<u8>) -> WebSocket<Memory<'a>> {
    let options = Options::default()
        .with_utf8()
        .without_compression()
        .with_limits(64 << 20, 128 << 20)
        .with_read_buffer_capacity(128 << 10)
        .with_backpressure_boundary(64 << 10);
    WebSocket::from_stream(Memory { input, output }, role, options).unwrap()
}

fn send(text: &str, count: usize, output: &mut Vec<u8>) -> Duration {
    let mut socket = open(Role::Client, &[], output);
    let text = Bytes::copy_from_slice(text.as_bytes());
    timed_async(async {
        for _ in 0..count {
            socket.feed(Frame::text(text.clone())).await.unwrap();
        }
        socket.flush().await.unwrap();
    })
}

fn echo(input: &[u8], count: usize, output: &mut Vec<u8>) -> Duration {
    let mut socket = open(Role::Server, input, output);
    timed_async(async {
        for _ in 0..count {
            let frame = socket.next_frame().await.unwrap();
            socket.feed(frame).await.unwrap();
        }
        socket.flush().await.unwrap();
    })
}

fn receive(input: &[u8], count: usize) -> Duration {
    let mut output = Vec::new();
    let mut socket = open(Role::Client, input, &mut output);
    timed_async(async {
        for _ in 0..count {
            black_box(socket.next_frame().await.unwrap());
        }
    })
}
