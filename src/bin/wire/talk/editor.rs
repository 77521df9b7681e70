//! The line that is typed, with a cursor and a history: keys in, lines out.
//!
//! It reads nothing and writes nothing. Each key costs as much as the characters that it moves.

use super::keys::Key;
use rfc6455::Printable;
use rfc6455::trace::columns;

/// What a key asks for, besides a change of the line.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// Enter: this line is complete.
    Line(String),
    /// Ctrl-D on an empty line.
    EndOfInput,
    Interrupt,
    Suspend,
    ClearScreen,
}

/// The line and the history.
#[derive(Debug, Default)]
pub struct Editor {
    /// What is before the cursor.
    before: Vec<char>,
    /// What is behind the cursor, the last character first.
    after: Vec<char>,
    history: Vec<String>,
    /// Which line of the history is shown. At the end of the history, it is the new line.
    at: usize,
    /// The new line, while a line of the history is shown.
    new: String,
}

/// At most this many lines are kept.
const LONGEST_HISTORY: usize = 1000;

impl Editor {
    /// Does what a key asks for.
    pub fn apply(&mut self, key: Key) -> Option<Asked> {
        match key {
            Key::Character(character) => self.before.push(character),
            Key::Enter => return Some(Asked::Line(self.finish())),
            Key::Left => _ = self.move_left(),
            Key::Right => _ = self.move_right(),
            Key::WordLeft => self.go_word_left(),
            Key::WordRight => self.go_word_right(),
            Key::Home => while self.move_left() {},
            Key::End => while self.move_right() {},
            Key::Up => self.show_line(self.at.checked_sub(1)),
            Key::Down => self.show_line(self.at.checked_add(1)),
            Key::Backspace => _ = self.before.pop(),
            Key::Delete => self.delete(),
            Key::EraseWord => {
                let end = self.after.len();
                self.go_word_left();
                self.after.truncate(end);
            }
            Key::EraseToStart => self.before.clear(),
            Key::EraseToEnd => self.after.clear(),
            Key::ClearScreen => return Some(Asked::ClearScreen),
            Key::EndOfInput if self.is_empty() => return Some(Asked::EndOfInput),
            Key::EndOfInput => self.delete(),
            Key::Interrupt => return Some(Asked::Interrupt),
            Key::Suspend => return Some(Asked::Suspend),
        }
        None
    }

    fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }

    fn text(&self) -> String {
        self.before.iter().chain(self.after.iter().rev()).collect()
    }

    /// Moves the cursor over a character and the marks on it. `false`: there is none.
    fn move_left(&mut self) -> bool {
        while let Some(character) = self.before.pop() {
            self.after.push(character);
            if !is_mark(character) {
                return true;
            }
        }
        false
    }

    fn move_right(&mut self) -> bool {
        let Some(character) = self.after.pop() else {
            return false;
        };
        self.before.push(character);
        while let Some(mark) = self.after.pop_if(|next| is_mark(*next)) {
            self.before.push(mark);
        }
        true
    }

    fn go_word_left(&mut self) {
        let is_space = |c: Option<&char>| c.is_some_and(|c| c.is_whitespace());
        while is_space(self.before.last()) && self.move_left() {}
        while !is_space(self.before.last()) && self.move_left() {}
    }

    fn go_word_right(&mut self) {
        let is_space = |c: Option<&char>| c.is_some_and(|c| c.is_whitespace());
        while is_space(self.after.last()) && self.move_right() {}
        while !is_space(self.after.last()) && self.move_right() {}
    }

    /// Deletes the character at the cursor, and the marks on it.
    fn delete(&mut self) {
        let end = self.before.len();
        self.move_right();
        self.before.truncate(end);
    }

    /// Takes the line. It becomes the last one of the history, unless it is empty or there already.
    fn finish(&mut self) -> String {
        let line = self.text();
        self.before.clear();
        self.after.clear();
        if !line.is_empty() && self.history.last() != Some(&line) {
            self.history.push(line.clone());
        }
        if self.history.len() > LONGEST_HISTORY {
            self.history.remove(0);
        }
        self.at = self.history.len();
        line
    }

    /// Shows a line of the history, or the new line at its end.
    fn show_line(&mut self, at: Option<usize>) {
        let Some(at) = at.filter(|&at| at <= self.history.len()) else {
            return;
        };
        if self.at == self.history.len() {
            self.new = self.text();
        }
        let line = self.history.get(at).unwrap_or(&self.new);
        self.before = line.chars().collect();
        self.after.clear();
        self.at = at;
    }

    /// What is drawn in this many columns: the part of the line before the cursor, and the part
    /// behind it. The cursor is always in it.
    pub fn view(&self, room: usize) -> (String, String) {
        // The last column is for the cursor.
        let room = room.saturating_sub(1);
        let behind = drawn(self.after.iter().rev(), room / 4).1;
        let (shown, used) = {
            let (mut shown, used) = drawn(self.before.iter().rev(), room - behind);
            shown.reverse();
            (shown, used)
        };
        let (after, _) = drawn(self.after.iter().rev(), room - used);
        (shown.concat(), after.concat())
    }
}

/// Draws as many characters as fit into these columns. Returns them, and how many columns they take.
fn drawn<'a>(characters: impl Iterator<Item = &'a char>, room: usize) -> (Vec<String>, usize) {
    let (mut all, mut used) = (Vec::new(), 0);
    for &character in characters {
        let (text, width) = draw(character);
        if used + width > room {
            break;
        }
        used += width;
        all.push(text);
    }
    (all, used)
}

/// A line as it is drawn when it is complete.
pub fn drawn_line(line: &str) -> String {
    line.chars().map(|character| draw(character).0).collect()
}

/// How a character is drawn, and how many columns it takes. One without a picture is drawn as its
/// escape, in inverse colours.
fn draw(character: char) -> (String, usize) {
    let plain = character.to_string();
    let safe = match character {
        '\\' => plain.clone(),
        '\t' => r"\t".to_owned(),
        _ => Printable(&plain).to_string(),
    };
    let width = columns(&safe);
    match safe == plain {
        true => (plain, width),
        false => (format!("\x1b[7m{safe}\x1b[27m"), width),
    }
}

/// Whether a character is drawn onto the one before it.
fn is_mark(character: char) -> bool {
    draw(character).1 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types: a character, or one of these names in `<>`.
    fn typed(editor: &mut Editor, keys: &str) -> Vec<Asked> {
        let mut asked = Vec::new();
        let mut rest = keys;
        while let Some(first) = rest.chars().next() {
            let name = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
            let (key, behind) = match name {
                Some((name, behind)) => (named(name), behind),
                None => (Key::Character(first), &rest[first.len_utf8()..]),
            };
            asked.extend(editor.apply(key));
            rest = behind;
        }
        asked
    }

    fn named(name: &str) -> Key {
        match name {
            "enter" => Key::Enter,
            "left" => Key::Left,
            "right" => Key::Right,
            "wleft" => Key::WordLeft,
            "wright" => Key::WordRight,
            "home" => Key::Home,
            "end" => Key::End,
            "up" => Key::Up,
            "down" => Key::Down,
            "back" => Key::Backspace,
            "del" => Key::Delete,
            "word" => Key::EraseWord,
            "start" => Key::EraseToStart,
            "kill" => Key::EraseToEnd,
            "eof" => Key::EndOfInput,
            _ => panic!("{name}"),
        }
    }

    #[test]
    fn keys_change_the_line_at_the_cursor() {
        for (keys, line) in [
            ("abc", "abc|"),
            ("abc<left><left>x", "ax|bc"),
            ("abc<home>x<end>y", "xabcy|"),
            ("abc<home><left><left>x", "x|abc"),
            ("abc<right><right>x", "abcx|"),
            ("abc<back><back>", "a|"),
            ("<back>a", "a|"),
            ("abc<home><del>", "|bc"),
            ("abc<del>", "abc|"),
            ("abc<home><eof>", "|bc"),
            ("one two  <word>", "one |"),
            ("one two<left><word>", "one |o"),
            ("one two<wleft><wleft>x", "x|one two"),
            ("one two<home><wright>x", "onex| two"),
            ("one two<wleft><start>", "|two"),
            ("one two<wleft><kill>", "one |"),
            // Two bytes, three bytes, two columns, a mark on a letter.
            ("\u{e9}\u{4f60}\u{1f600}<left><back>", "\u{e9}|\u{1f600}"),
            ("ae\u{301}b<left><left>", "a|e\u{301}b"),
            ("ae\u{301}b<home><right><right>", "ae\u{301}|b"),
            ("ae\u{301}b<home><right><del>", "a|b"),
            ("e\u{301}<back>", "e|"),
        ] {
            let mut editor = Editor::default();
            assert_eq!(typed(&mut editor, keys), [], "{keys}");
            let before: String = editor.before.iter().collect();
            let after: String = editor.after.iter().rev().collect();
            assert_eq!(format!("{before}|{after}"), line, "{keys}");
        }
    }

    #[test]
    fn the_history_keeps_lines_and_the_new_line() {
        let mut editor = Editor::default();
        // Nothing to go to.
        assert_eq!(typed(&mut editor, "<up><down>"), []);
        assert_eq!(editor.text(), "");
        typed(&mut editor, "one<enter>two<enter>two<enter><enter>new");
        for (keys, line) in [
            ("<up>", "two"),
            ("<up>", "one"),
            ("<up>", "one"),
            ("<down>", "two"),
            ("<down>", "new"),
            ("<down>", "new"),
            ("<up><up>!", "one!"),
        ] {
            assert_eq!(typed(&mut editor, keys), []);
            assert_eq!(editor.text(), line, "{keys}");
        }
        // A line of the history that was changed is a new line. The old one stays.
        let asked = typed(&mut editor, "<enter><up><up><up><enter>");
        let lines = ["one!", "one"].map(|line| Asked::Line(line.to_owned()));
        assert_eq!(asked, lines);
    }

    #[test]
    fn ctrl_d_ends_the_input_only_on_an_empty_line() {
        let mut editor = Editor::default();
        assert_eq!(typed(&mut editor, "a<eof><home><eof>"), []);
        assert_eq!(typed(&mut editor, "<eof>"), [Asked::EndOfInput]);
    }

    #[test]
    fn the_view_holds_the_cursor_and_fits() {
        let text = "a\u{4f60}\u{e9}\t\u{202e}e\u{301}\\\u{1f600}".repeat(20);
        let mut editor = Editor::default();
        typed(&mut editor, &text);
        let visible = |text: &str| columns(&text.replace("\x1b[7m", "").replace("\x1b[27m", ""));
        loop {
            for room in [1, 2, 7, 20, 78] {
                let (before, after) = editor.view(room);
                assert!(visible(&before) + visible(&after) < room.max(2), "{room}");
                if room >= 20 && !editor.before.is_empty() {
                    assert_ne!(before, "");
                }
            }
            if !editor.move_left() {
                break;
            }
        }
        let (before, after) = editor.view(10);
        assert_eq!((&before[..], &after[..6]), ("", "a\u{4f60}\u{e9}"));
    }

    #[test]
    fn what_has_no_picture_is_drawn_in_inverse_and_a_backslash_as_it_is() {
        let mut editor = Editor::default();
        typed(&mut editor, "\\n\n\x1b");
        let drawn = "\\n\x1b[7m\\n\x1b[27m\x1b[7m\\u{1b}\x1b[27m";
        assert_eq!(editor.view(80), (drawn.to_owned(), String::new()));
        assert_eq!(drawn_line(&editor.text()), drawn);
    }
}
