//! What the cases found, for other programs: JSON, the XML that CI systems read, and a page.

use super::report::{Judgement, count};
use crate::json::{Object, list};
use rfc6455::judge::Verdict;
use std::fmt::Write;
use std::time::Duration;

/// The version of the JSON. It grows when a member changes its meaning or goes.
const VERSION: u64 = 1;

pub fn json(url: &str, done: &[Judgement]) -> String {
    let cases = done.iter().map(|one| {
        Object::new()
            .text("id", &one.case.id)
            .text("clause", one.case.clause)
            .text("weight", &one.case.weight.to_string())
            .text("rule", &one.case.rule)
            .text("verdict", one.verdict.name())
            .text("seen", one.verdict.words())
            .number("level", one.case.level().into())
            .optional_text("hint", one.hint)
            .number("milliseconds", one.time.as_millis() as u64)
            .end()
    });
    let counts = ["pass", "fail", "weak", "skipped"]
        .into_iter()
        .fold(Object::new(), |object, name| {
            object.number(name, count(done, name) as u64)
        });
    let all = Object::new()
        .text("format", "rfc6455 judge")
        .number("version", VERSION)
        .text("url", url)
        .json("counts", &counts.end())
        .json("cases", &list(cases))
        .end();
    all + "\n"
}

/// The page without a run. It draws the runs that it holds, as JSON, side by side.
const PAGE: &str = include_str!("../../../../html/report.html");

/// The page with this run. `before` is the page with earlier runs, which it keeps. `None`: `before`
/// is not such a page.
pub fn html(before: Option<&str>, url: &str, done: &[Judgement]) -> Option<String> {
    const END: &str = "</body>";
    let page = before.unwrap_or(PAGE);
    let start = &PAGE[..PAGE.find(END)?];
    let (front, back) = page.rsplit_once(END)?;
    // In a script, only `</` could end the JSON.
    let run = json(url, done).replace("</", "<\\/");
    let run = format!(
        "<script type=\"application/json\" class=\"run\">{}</script>\n",
        run.trim_end()
    );
    page.starts_with(start)
        .then(|| format!("{front}{run}{END}{back}"))
}

pub fn junit(url: &str, done: &[Judgement], time: Duration) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        xml,
        "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" time=\"{:.3}\">",
        escaped(url),
        done.len(),
        count(done, "fail"),
        count(done, "skipped"),
        time.as_secs_f64()
    );
    for one in done {
        let case = &one.case;
        let _ = write!(
            xml,
            "  <testcase classname=\"{}\" name=\"{}: {}\" time=\"{:.3}\"",
            escaped(case.clause),
            escaped(&case.id),
            escaped(&case.rule),
            one.time.as_secs_f64()
        );
        let words = escaped(one.verdict.words());
        xml += &match &one.verdict {
            Verdict::Pass => "/>\n".to_owned(),
            Verdict::Fail(_) => format!("><failure message=\"{words}\"/></testcase>\n"),
            Verdict::Skipped(_) => format!("><skipped message=\"{words}\"/></testcase>\n"),
            Verdict::Weak(_) => format!("><system-out>weak: {words}</system-out></testcase>\n"),
        };
    }
    xml + "</testsuite>\n"
}

/// Text for XML 1.0, which has no control characters.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_keeps_earlier_runs_and_a_name_cannot_break_out_of_it() {
        let first = html(None, "ws://one/</script><b>", &[]).unwrap();
        let second = html(Some(&first), "ws://two/", &[]).unwrap();
        assert_eq!(second.matches("class=\"run\"").count(), 2);
        assert!(second.contains("ws://one/<\\/script>") && second.contains("ws://two/"));
        assert!(second.trim_end().ends_with("</html>"));
        assert_eq!(html(Some("my thesis</body>"), "ws://two/", &[]), None);
    }

    #[test]
    fn text_cannot_end_its_attribute() {
        assert_eq!(escaped("a\"<b>&\u{1}"), "a&quot;&lt;b&gt;&amp;\u{fffd}");
    }
}
