//! The command line that all commands share: mistakes in it, and `--help`.

use crate::support::*;

#[test]
fn a_wrong_command_line_is_explained() {
    for args in [
        &[][..],
        &["look"],
        &["explain", "--form", "client", "81"],
        &["explain", "--from"],
        &["explain", "--from", "me", "81"],
        &["tap"],
        &["tap", "localhost:0"],
        &["tap", "localhost", "localhost:1"],
        &["tap", "localhost:0", "localhost:x"],
        &["talk"],
        &["talk", "http://localhost/"],
        &["talk", "--field", "none", "ws://localhost/"],
        &["talk", "--subprotocol", "a b", "ws://localhost/"],
    ] {
        let (code, out, errors) = wire(args, b"");
        assert_eq!(
            (code, &out[..], errors.lines().count()),
            (Some(2), "", 1),
            "{args:?} {errors}"
        );
    }
    for args in [
        &["--help"][..],
        &["explain", "--help"],
        &["tap", "--help"],
        &["talk", "--help"],
    ] {
        let (code, out, errors) = wire(args, b"");
        assert_eq!((code, &errors[..]), (Some(0), ""), "{args:?}");
        assert!(out.contains("Usage: wire"), "{out}");
    }
}
