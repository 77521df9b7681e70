//! sockudo-ws. Text comes as bytes that were checked (with SIMD); keys are from `rand`'s
//! `ThreadRng` (the feature `rand_rng`; its default, `fastrand`, is predictable, which §5.3 and
//! §10.3 forbid); `feed` gathers 64 KiB. Its timers are off, since they need a runtime.

use super::stream::Memory;
use super::{Peer, timed_async};
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use sockudo_ws::{Config, Message, Role, WebSocketStream};
use std::hint::black_box;
use std::time::Duration;

pub const PEER: Peer = Peer {
    name: "sockudo-ws 3.1",
    joins_fragments: true,
    send,
    echo,
    receive,
};

fn open<'a>(role: Role, input: &'a [u8], output: &'a mut Vec<u8>) -> WebSocketStream<Memory<'a>> {
    let config = Config {
        auto_ping: false,
        idle_timeout: 0,
        ..Config::default()
    };
    WebSocketStream::from_raw(Memory { input, output }, role, config)
}

fn send(text: &str, count: usize, output: &mut Vec<u8>) -> Duration {
    let mut socket = open(Role::Client, &[], output);
    let text = Bytes::copy_from_slice(text.as_bytes());
    timed_async(async {
        for _ in 0..count {
            socket.feed(Message::Text(text.clone())).await.unwrap();
        }
        socket.flush().await.unwrap();
    })
}

fn echo(input: &[u8], count: usize, output: &mut Vec<u8>) -> Duration {
    let mut socket = open(Role::Server, input, output);
    timed_async(async {
        for _ in 0..count {
            let message = socket.next().await.unwrap().unwrap();
            socket.feed(message).await.unwrap();
        }
        socket.flush().await.unwrap();
    })
}

fn receive(input: &[u8], count: usize) -> Duration {
    let mut output = Vec::new();
    let mut socket = open(Role::Client, input, &mut output);
    timed_async(async {
        for _ in 0..count {
            black_box(socket.next().await.unwrap().unwrap());
        }
    })
}
