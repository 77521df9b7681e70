//! `/glass`, where a page sees the frames of its own connection, and `/fault`, the broken servers:
//! one module for each subject. Some tests use this library's client, others a real browser.

#[path = "../kit/chromium.rs"]
mod chromium;
#[path = "../kit/programs.rs"]
mod programs;
mod support;

mod controls;
mod faults;
mod floods;
mod frames;
mod layout;
mod reports;
mod tokens;
