//! The judge room: a conformance suite for anybody's endpoint.
//!
//! - It offers: the [`Case`]s for servers and for clients ([`cases`]), the [`Target`] that they are run
//!   against, and [`judge`], which runs them side by side and gives an [`Outcome`] for each.
//! - It knows: bytes, TCP, and the clauses of RFC 6455 and RFC 7692.
//! - It leaves out: the endpoint. It never uses `connection/`, `client/` or `server/`, so that this
//!   library's own server is judged like every other. What a case expects is written as bytes.
//!
//! The way to read it: a case is a rule and some steps; the steps are played on a connection; what
//! was seen becomes a verdict.

mod bits;
mod case;
mod cases_closing;
mod cases_compression;
mod cases_control;
mod cases_fragments;
mod cases_frames;
mod cases_opening;
mod cases_request;
mod cases_text;
mod clients;
mod conversation;
mod hints;
mod levels;
mod play;
mod request;
mod run;
mod script;
mod seen;
mod table;

pub use case::{Case, Needs, Verdict, Weight};
pub use clients::{Client, Visitor};
pub use conversation::{Entry, What};
pub use levels::LEVELS;
pub use run::{Outcome, Probe, Settings, Target, judge, probe};
pub use table::{SECTIONS, Section, cases};
