//! The lines of a trace: how wide a text is, where a headline breaks, and when a payload needs a
//! headline of its own.

use rfc6455::Role;
use rfc6455::trace::{Agreement, Observer, Renderer, Transcript, columns};

#[test]
fn pictures_take_two_columns() {
    for text in ["⌚⭐✅🪐🫠🥰", "日本語日本語", "🙂🚀🧠🀄🆗㍿"] {
        assert_eq!(columns(text), 12, "{text}");
    }
    assert_eq!(columns("é→…“x”"), 6);
}

#[test]
fn a_headline_without_room_goes_on_in_the_next_line() {
    let mut observer = Observer::frames_only(Agreement::NotKnown);
    observer.feed(Role::Server, &[0x01, 0, 0x80, 0]);
    let mut transcript = Transcript::new(Renderer { colour: false });
    let text: String = std::iter::from_fn(|| observer.next_event())
        .map(|event| transcript.add("12:34:56.789", " 127.0.0.1:65000", &event))
        .collect();
    assert!(text.contains("message 1,"), "{text}");
    assert!(text.contains("\n   fragment 1\n"), "{text}");
    assert!(text.contains(" fragment 2\n"), "{text}");
    assert!(text.lines().all(|line| columns(line) <= 80), "{text}");
}

#[test]
fn a_payload_below_another_connections_frame_has_a_headline_of_its_own() {
    let mut transcript = Transcript::new(Renderer { colour: false });
    let mut text = String::new();
    let mut connections = [
        ("#1", Observer::frames_only(Agreement::NotKnown)),
        ("#2", Observer::frames_only(Agreement::NotKnown)),
    ];
    for piece in [&[0x81, 3, b'a'][..], b"bc"] {
        for (label, observer) in &mut connections {
            observer.feed(Role::Server, piece);
            while let Some(event) = observer.next_event() {
                text += &transcript.add("", label, &event);
            }
        }
    }
    let headlines = text.lines().filter(|line| line.starts_with('#'));
    let headlines: Vec<&str> = headlines
        .map(|line| line.split("  ").nth(1).unwrap())
        .collect();
    let header = "Text, 3 bytes, message 1";
    let payload = "the payload of the Text, 3 bytes";
    assert_eq!(headlines, [header, header, payload, payload], "{text}");
}
