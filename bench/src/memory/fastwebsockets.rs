//! fastwebsockets. Text comes as bytes that were checked (with SIMD); keys are from `rand`'s
//! `ThreadRng`. It has no write buffer: each frame is one write, which into memory is a copy.

use super::stream::Memory;
use super::{Peer, timed_async};
use fastwebsockets::{Frame, Payload, Role, WebSocket};
use std::hint::black_box;
use std::time::Duration;

pub const PEER: Peer = Peer {
    name: "fastwebsockets 0.10",
    // Its `FragmentCollector` does, which costs more a message.
    joins_fragments: false,
    send,
    echo,
    receive,
};

fn open<'a>(role: Role, input: &'a [u8], output: &'a mut Vec<u8>) -> WebSocket<Memory<'a>> {
    WebSocket::after_handshake(Memory { input, output }, role)
}

fn send(text: &str, count: usize, output: &mut Vec<u8>) -> Duration {
    let mut socket = open(Role::Client, &[], output);
    // It masks in place; lent a buffer of ours, it need not allocate one.
    let mut scratch = text.as_bytes().to_vec();
    timed_async(async {
        for _ in 0..count {
            scratch.copy_from_slice(text.as_bytes());
            let payload = Payload::BorrowedMut(&mut scratch);
            socket.write_frame(Frame::text(payload)).await.unwrap();
        }
        socket.flush().await.unwrap();
    })
}

fn echo(input: &[u8], count: usize, output: &mut Vec<u8>) -> Duration {
    let mut socket = open(Role::Server, input, output);
    timed_async(async {
        for _ in 0..count {
            let frame = socket.read_frame().await.unwrap();
            let answer = Frame::new(true, frame.opcode, None, frame.payload);
            socket.write_frame(answer).await.unwrap();
        }
        socket.flush().await.unwrap();
    })
}

fn receive(input: &[u8], count: usize) -> Duration {
    let mut output = Vec::new();
    let mut socket = open(Role::Client, input, &mut output);
    timed_async(async {
        for _ in 0..count {
            black_box(socket.read_frame().await.unwrap().payload);
        }
    })
}
