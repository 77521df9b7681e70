//! The trace room: an observer of a conversation, and its account as text.
//!
//! - It offers: [`Observer`] (bytes that pass in, [`Event`]s out), [`words`] (what a bit, a field
//!   or an opcode means, with its clause), [`Renderer`] and [`Transcript`] (events as text),
//!   [`Traced`] (a stream that an observer looks at), [`SkipFrames`] (a switch for a slow reader of
//!   events), and the trace on standard error.
//! - It knows: framing and opening. Of the connection it knows only streams and the four states.
//! - It leaves out: the endpoint. The observer never answers and never changes a byte. Only
//!   programs use this room.

mod account;
mod agreement;
mod columns;
mod console;
mod event;
mod frames;
mod http;
mod inflating;
mod observer;
mod render;
mod skip;
mod traced;
pub mod words;

pub use agreement::Agreement;
pub use columns::{columns, hex};
pub use console::{print_trace, print_trace_with, renderer_for, time_of_day};
pub use event::{
    Answer, Begun, Body, BrokenRule, Event, FrameHeader, FramePayload, InflatedPart, Part,
    PayloadMeaning, Protocol, SHOWN, Unfinished, Uninterpreted,
};
pub use observer::Observer;
pub use render::{Renderer, Transcript};
pub use skip::{SkipFrames, Skipped};
pub use traced::{MOMENT, Traced};
