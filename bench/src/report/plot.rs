//! A plot as SVG: each line as a part of its ceiling, with its goal. Readable on light and on dark.

use std::fmt::Write as _;

use crate::book::{Book, Figure, Goal, Verdict};

/// The plot; `None` if nothing was held against a ceiling.
pub fn svg(book: &Book) -> Option<String> {
    let is_shown = |figure: &&Figure| !figure.ratios.is_empty() && figure.line.section == "Endpoints";
    let bars: Vec<&Figure> = book.figures().iter().filter(is_shown).collect();
    if bars.is_empty() {
        return None;
    }
    let height = TOP + ROW * count(bars.len()) + BOTTOM;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Each endpoint as a part of its ceiling\">\n{STYLE}\n<title>Each endpoint as a part of its ceiling</title>\n"
    );
    axis(&mut svg, height);
    for (index, figure) in bars.iter().enumerate() {
        bar(&mut svg, figure, TOP + ROW * count(index));
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

/// Nought, a quarter, a half, three quarters, the ceiling.
fn axis(svg: &mut String, height: f64) {
    for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let x = across(part);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{}\"/>\n<text class=\"tick\" x=\"{x}\" y=\"{}\" \
             text-anchor=\"middle\">{part}</text>\n",
            TOP - 8.0,
            height - BOTTOM,
            height - BOTTOM + 16.0
        );
    }
    let _ = writeln!(
        svg,
        "<text class=\"tick\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">part of the ceiling; a stroke is the goal, a \
         whisker all repeats</text>",
        across(0.5),
        height - 6.0
    );
}

fn bar(svg: &mut String, figure: &Figure, y: f64) {
    let ratio = figure.ratio();
    let middle = y + ROW / 2.0;
    let class = match figure.verdict() {
        Verdict::Missed => "missed",
        Verdict::TooNoisy => "noisy",
        Verdict::Reached | Verdict::NoGoal => "reached",
    };
    let end = across(ratio.median());
    let _ = write!(
        svg,
        "<text class=\"name\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n<rect class=\"{class}\" x=\"{LEFT}\" y=\"{}\" \
         width=\"{:.1}\" height=\"{}\"/>\n<text class=\"value\" x=\"{:.1}\" y=\"{}\">{:.2}</text>\n",
        LEFT - 8.0,
        middle + 4.0,
        escaped(figure.line.id),
        y + 5.0,
        end - LEFT,
        ROW - 10.0,
        end.max(across(ratio.sorted().last().copied().unwrap_or(0.0))) + 6.0,
        middle + 4.0,
        ratio.median()
    );
    if let (Some(first), Some(last)) = (ratio.sorted().first(), ratio.sorted().last()) {
        let _ = writeln!(
            svg,
            "<line class=\"whisker\" x1=\"{:.1}\" y1=\"{middle}\" x2=\"{:.1}\" y2=\"{middle}\"/>",
            across(*first),
            across(*last)
        );
    }
    if let Some(Goal::AtLeast(goal) | Goal::AtMost(goal)) = figure.line.goal {
        let x = across(goal);
        let _ = writeln!(
            svg,
            "<line class=\"goal\" x1=\"{x:.1}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{}\"/>",
            y + 1.0,
            y + ROW - 1.0
        );
    }
}

/// Where a ratio stands. Beyond the edge it stands at the edge.
fn across(ratio: f64) -> f64 {
    let shown = if ratio.is_finite() { ratio.clamp(0.0, MOST) } else { 0.0 };
    (LEFT + shown / MOST * (WIDTH - LEFT - RIGHT)).round()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[expect(clippy::cast_precision_loss, reason = "a handful of rows")]
fn count(rows: usize) -> f64 {
    rows as f64
}

const WIDTH: f64 = 760.0;
const LEFT: f64 = 170.0;
const RIGHT: f64 = 50.0;
const TOP: f64 = 20.0;
const ROW: f64 = 26.0;
const BOTTOM: f64 = 44.0;
const MOST: f64 = 1.2;

/// Middling colours that stand out from white and from black; text follows the reader's scheme.
const STYLE: &str = "<style>
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.tick { fill: #6e7781; }
.grid { stroke: #8c959f; stroke-opacity: .35; }
.reached { fill: #2f81b7; }
.missed { fill: #c9622b; }
.noisy { fill: #8c959f; }
.goal { stroke: #24292f; stroke-width: 2; }
.whisker { stroke: #24292f; stroke-opacity: .6; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.tick { fill: #9198a1; }
.goal, .whisker { stroke: #e6edf3; }
}
</style>";
