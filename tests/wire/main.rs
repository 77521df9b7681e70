//! The trace of a connection, and the program `wire`, which shows it: one module for each command,
//! and one for each layer below the commands.

#[path = "../kit/chromium.rs"]
mod chromium;
#[path = "../kit/mod.rs"]
mod kit;
#[path = "../kit/programs.rs"]
mod programs;
mod support;

mod command_line;
mod conversations;
mod explain;
mod observer;
mod property;
mod render;
mod talk;
mod tap;
mod trace;
