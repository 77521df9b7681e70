//! Curves on two logarithmic axes, and bars, as SVG, and their numbers as a table separated by
//! tabs.

use crate::table::results;
use plotters::coord::Shift;
use plotters::prelude::*;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// One line of a plot.
pub struct Curve {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// A plot and what it says.
pub struct Plot<'a> {
    /// The files are named `FILE.svg` and `FILE.tsv`.
    pub file: &'a str,
    pub title: &'a str,
    pub x: &'a str,
    pub y: &'a str,
    pub curves: &'a [Curve],
}

const WIDTH: u32 = 800;
const LEGEND: u32 = 200;

/// The same in every plot.
fn color(name: &str) -> RGBColor {
    match name.split(' ').next() {
        Some("rfc6455") => RGBColor(200, 30, 30),
        Some("sockudo-ws") => RGBColor(0, 130, 60),
        Some("fastwebsockets") => RGBColor(210, 120, 0),
        Some("web-socket") => RGBColor(120, 70, 20),
        Some("tokio-websockets") => RGBColor(0, 90, 200),
        Some("tungstenite") => RGBColor(130, 40, 160),
        Some("wtx") => RGBColor(230, 90, 160),
        Some("yawc") if name.ends_with("batches") => RGBColor(0, 0, 0),
        Some("yawc") => RGBColor(110, 130, 0),
        Some("soketto") => RGBColor(0, 150, 170),
        _ => RGBColor(120, 120, 120),
    }
}

impl Plot<'_> {
    pub fn save(&self) {
        fs::write(results().join(format!("{}.tsv", self.file)), self.numbers())
            .expect("results/ can be written");
        self.draw().expect("results/ can be written");
    }

    /// A column for each curve, a row for each x.
    fn numbers(&self) -> String {
        let mut text = format!("{} \\ {}", self.x, self.y);
        for curve in self.curves {
            let _ = write!(text, "\t{}", curve.name);
        }
        let xs = self.curves.first().map(|curve| curve.points.iter());
        for (row, (x, _)) in xs.into_iter().flatten().enumerate() {
            let _ = write!(text, "\n{x}");
            for curve in self.curves {
                let _ = write!(text, "\t{:.4}", curve.points[row].1);
            }
        }
        text + "\n"
    }

    fn draw(&self) -> Result<(), Box<dyn Error>> {
        let path = results().join(format!("{}.svg", self.file));
        let (left, right) = canvas(&path, 600)?;
        let mut chart = ChartBuilder::on(&left)
            .caption(self.title, ("sans-serif", 20))
            .margin(16)
            .x_label_area_size(48)
            .y_label_area_size(80)
            .build_cartesian_2d(
                self.range(|(x, _)| x, 1.0).log_scale(),
                self.range(|(_, y)| y, 1.5).log_scale(),
            )?;
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .label_style(("sans-serif", 14))
            .axis_desc_style(("sans-serif", 16))
            .x_label_formatter(&label)
            .y_label_formatter(&label)
            .light_line_style(BLACK.mix(0.06))
            .draw()?;
        for (index, curve) in self.curves.iter().enumerate() {
            let color = color(&curve.name);
            // Ours, the first, stands out.
            let style = color.stroke_width(if index == 0 { 4 } else { 2 });
            let points = || curve.points.iter().copied().filter(|(_, y)| !y.is_nan());
            chart.draw_series(LineSeries::new(points(), style))?;
            chart.draw_series(points().map(|point| Circle::new(point, 3, color.filled())))?;
            let y = legend(&right, index, &curve.name)?;
            right.draw(&PathElement::new([(0, y), (24, y)], style))?;
        }
        left.present()?;
        Ok(())
    }

    /// From the least to the greatest, with some room around.
    fn range(&self, of: impl Fn((f64, f64)) -> f64, room: f64) -> std::ops::Range<f64> {
        let points = self.curves.iter().flat_map(|curve| &curve.points);
        let values = points.map(|point| of(*point)).filter(|v| v.is_finite());
        let (least, most) = values.fold((f64::INFINITY, 0.0_f64), |(least, most), value| {
            (least.min(value), most.max(value))
        });
        least / room..most * room
    }
}

/// Groups of bars, a bar of each colour in each group.
pub struct Bars<'a> {
    /// The file is `docs/FILE.svg`, since a page of `docs/` shows it.
    pub file: &'a str,
    pub title: &'a str,
    pub y: &'a str,
    pub groups: &'a [String],
    /// A name, and the height in each group.
    pub colors: &'a [(String, Vec<f64>)],
}

impl Bars<'_> {
    pub fn save(&self) {
        self.draw().expect("docs/ can be written");
    }

    fn draw(&self) -> Result<(), Box<dyn Error>> {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let path = docs.join(format!("{}.svg", self.file));
        let (left, right) = canvas(&path, 400)?;
        let heights = self.colors.iter().flat_map(|(_, heights)| heights);
        let highest = heights.fold(1.0_f64, |highest, height| highest.max(*height));
        let groups = self.groups.len() as f64;
        let mut chart = ChartBuilder::on(&left)
            .caption(self.title, ("sans-serif", 20))
            .margin(16)
            .x_label_area_size(48)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..groups, 0.0..highest * 1.05)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .disable_x_axis()
            .y_desc(self.y)
            .label_style(("sans-serif", 14))
            .axis_desc_style(("sans-serif", 16))
            .light_line_style(BLACK.mix(0.06))
            .draw()?;
        // A fifth of a group's width is the gap to the next.
        let width = 0.8 / self.colors.len() as f64;
        for (index, (name, heights)) in self.colors.iter().enumerate() {
            let color = color(name).filled();
            let bars = heights.iter().enumerate().map(|(group, height)| {
                let from = group as f64 + 0.1 + width * index as f64;
                Rectangle::new([(from, 0.0), (from + width, *height)], color)
            });
            chart.draw_series(bars)?;
            let y = legend(&right, index, name)?;
            right.draw(&Rectangle::new([(0, y - 8), (24, y + 8)], color))?;
        }
        for (group, name) in self.groups.iter().enumerate() {
            let (x, y) = chart.backend_coord(&(group as f64 + 0.1, 0.0));
            let font = ("sans-serif", 14).into_font();
            left.draw(&Text::new(name.as_str(), (x, y + 10), font))?;
        }
        left.present()?;
        Ok(())
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Room for a chart, and beside it, where it covers nothing, for its legend.
fn canvas(path: &Path, height: u32) -> Result<(Area<'_>, Area<'_>), Box<dyn Error>> {
    let whole = SVGBackend::new(path, (WIDTH + LEGEND, height)).into_drawing_area();
    // White, so that it can be read on a dark page, too.
    whole.fill(&WHITE)?;
    Ok(whole.split_horizontally(WIDTH))
}

/// Writes a name into the legend. Returns the height at which its sign belongs.
fn legend(right: &Area<'_>, index: usize, name: &str) -> Result<i32, Box<dyn Error>> {
    let y = 64 + 24 * index as i32;
    let font = ("sans-serif", 14).into_font();
    right.draw(&Text::new(name, (32, y - 6), font))?;
    Ok(y)
}

fn label(value: &f64) -> String {
    match *value {
        v if v >= 1e9 => format!("{} G", v / 1e9),
        v if v >= 1e6 => format!("{} M", v / 1e6),
        v if v >= 1e4 => format!("{} k", v / 1e3),
        v => format!("{v}"),
    }
}
