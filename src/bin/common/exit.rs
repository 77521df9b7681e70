//! The exit codes of all programs.

/// The command line is wrong.
pub const WRONG_COMMAND_LINE: u8 = 2;

/// The table at the end of every help text. The README has the same words.
pub const TABLE: &str = "\
Exit codes:
  0    it worked; a conversation was closed in order (with 1000, 1001, no code, or 3000 to 4999),
       and all lines were sent
  1    it failed, or the conversation did; for `wire explain` and `wire judge`: a rule is
       broken
  2    the command line is wrong
  101  the program panicked, which is a bug
  130  Ctrl-C ended `wire talk`
If a signal ends a program, a shell adds 128 to its number: 143 is SIGTERM.
";
