//! tokio-websockets. Text is checked (with SIMD) as it is received; keys are from `rand` (the
//! feature `rand`; the crate leaves the choice to its user); `feed` gathers `flush_threshold`
//! bytes, here 64 KiB. The text to send is shared, so that making a message copies nothing.

use super::stream::Memory;
use super::{Peer, timed_async};
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use std::hint::black_box;
use std::time::Duration;
use tokio_websockets::{ClientBuilder, Config, Limits, Message, ServerBuilder, WebSocketStream};

pub const PEER: Peer = Peer {
    name: "tokio-websockets 0.13",
    joins_fragments: true,
    send,
    echo,
    receive,
};

/// One frame a message, as all the others send it.
fn config() -> Config {
    let config = Config::default().frame_size(usize::MAX);
    config.flush_threshold(64 << 10)
}

fn client<'a>(input: &'a [u8], output: &'a mut Vec<u8>) -> WebSocketStream<Memory<'a>> {
    let client = ClientBuilder::new().config(config());
    client.take_over(Memory { input, output })
}

fn server<'a>(input: &'a [u8], output: &'a mut Vec<u8>) -> WebSocketStream<Memory<'a>> {
    let server = ServerBuilder::new().config(config());
    let server = server.limits(Limits::default());
    server.serve(Memory { input, output })
}

fn send(text: &str, count: usize, output: &mut Vec<u8>) -> Duration {
    let mut socket = client(&[], output);
    let text = Bytes::copy_from_slice(text.as_bytes());
    timed_async(async {
        for _ in 0..count {
            socket.feed(Message::text(text.clone())).await.unwrap();
        }
        socket.flush().await.unwrap();
    })
}

fn echo(input: &[u8], count: usize, output: &mut Vec<u8>) -> Duration {
    let mut socket = server(input, output);
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
    let mut socket = client(input, &mut output);
    timed_async(async {
        for _ in 0..count {
            let message = socket.next().await.unwrap().unwrap();
            black_box(message.as_text());
        }
    })
}
