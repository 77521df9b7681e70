//! RFC 6455, sentence by sentence: a module a section, a test a rule, named as the rule.
//!
//! `/// Proves …` above a test names the sentences of `requirements.tsv` that it proves; `map.rs`
//! holds the two together.

#[path = "../kit/mod.rs"]
mod kit;

mod section_1_3;
mod section_5_2;
mod section_5_7;
