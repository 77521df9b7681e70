//! Printing: lines to the console and, in a full run, to a file; columns; medians.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where the lines go.
pub struct Report {
    file: Option<File>,
}

impl Report {
    /// To the console only.
    pub fn to_console() -> Report {
        Report { file: None }
    }

    /// To the console and to a file in `results/`.
    pub fn to_console_and(name: &str) -> Report {
        let file = File::create(results().join(name)).expect("results/ can be written");
        Report { file: Some(file) }
    }

    pub fn line(&mut self, line: impl AsRef<str>) {
        let line = line.as_ref().trim_end();
        println!("{line}");
        if let Some(file) = &mut self.file {
            writeln!(file, "{line}").expect("results/ can be written");
        }
    }

    /// A heading with a line under it.
    pub fn heading(&mut self, heading: &str) {
        self.line("");
        self.line(heading);
        self.line("-".repeat(heading.chars().count()));
    }

    /// Rows of cells: the first column to the left, the others to the right.
    pub fn table(&mut self, rows: &[Vec<String>]) {
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        for row in rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let width = width(column);
                match column {
                    0 => line.push_str(&format!("{cell:<width$}")),
                    _ => line.push_str(&format!("  {cell:>width$}")),
                }
            }
            self.line(line);
        }
    }
}

/// The folder for what is kept of a run.
pub fn results() -> PathBuf {
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    std::fs::create_dir_all(&results).expect("results/ can be made");
    results
}

/// The middle value. A round in which the machine did something else does not change it.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => (values[count / 2 - 1] + values[count / 2]) / 2.0,
    }
}

/// Ours beside another.
pub fn ratio(ours: f64, other: f64) -> String {
    format!("{:.2}", ours / other)
}

/// A row of a table.
pub fn row<C: ToString>(first: impl ToString, others: impl IntoIterator<Item = C>) -> Vec<String> {
    let others = others.into_iter().map(|cell| cell.to_string());
    std::iter::once(first.to_string()).chain(others).collect()
}

/// A number in about three digits, or more when it is large; small whole numbers as they are.
pub fn number(value: f64) -> String {
    if value.is_nan() {
        return "-".to_owned();
    }
    if value.fract() == 0.0 && value.abs() < 100.0 {
        return format!("{value}");
    }
    match value.abs() {
        0.0..1.0 => format!("{value:.3}"),
        1.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => thousands(&format!("{value:.0}")),
    }
}

fn thousands(digits: &str) -> String {
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}
