//! RFC 6455, sentence by sentence: a module a section, a test a rule, named as the rule; both
//! roles in each.
//!
//! `/// Proves …` above a test names the sentences of `requirements.tsv` that it proves; `map.rs`
//! holds the two together.

#[path = "../kit/mod.rs"]
mod kit;
mod map;

mod rfc7692;

mod section_1_3;
mod section_3;
mod section_4_1;
mod section_4_2_1;
mod section_4_2_2;
mod section_5_1;
mod section_5_2;
mod section_5_4;
mod section_5_5;
mod section_5_6;
mod section_5_7;
mod section_6;
mod section_7;
mod section_9_1;
