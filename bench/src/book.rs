//! The figures of a run: each measured several times, some held against a ceiling that was measured in the same minute.

use std::collections::BTreeMap;

use crate::driver::Load;
use crate::statistics::Repeats;

/// What is measured: one row of the report.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// By this it is asked for: `--only refresh`.
    pub id: &'static str,
    /// Under which heading it stands.
    pub section: &'static str,
    /// What it is, in words.
    pub what: &'static str,
    /// What the value counts.
    pub unit: Unit,
    /// What its ratio is to. Empty if it has none.
    pub against: &'static str,
    /// What is to be reached, by the ratio if there is one and by the value if not.
    pub goal: Option<Goal>,
}

/// What a value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Requests for each second of the server's CPU.
    PerCpuSecond,
    /// For each second that passed.
    PerSecond,
    /// Time.
    Microseconds,
    /// Time.
    Milliseconds,
    /// Memory or files, of 10⁶ bytes.
    Megabytes,
    /// Memory or files.
    Bytes,
    /// Of two other figures.
    Ratio,
}

/// What is to be reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

/// How a figure stands to its goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It reaches it.
    Reached,
    /// It does not.
    Missed,
    /// The repeats differ by too much to tell.
    TooNoisy,
    /// There is none.
    NoGoal,
}

/// One row, as it was measured.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What was measured.
    pub line: Line,
    /// One for each round.
    pub values: Vec<f64>,
    /// One for each round, if there is something that it is held against.
    pub ratios: Vec<f64>,
    /// What stands beside it: rates, latencies.
    pub beside: BTreeMap<&'static str, Vec<f64>>,
    /// Answers that were not as expected.
    pub wrong: u64,
    /// What must be known to read it.
    pub remarks: Vec<String>,
}

impl Figure {
    /// What was measured.
    pub fn value(&self) -> Repeats {
        Repeats::of(self.values.iter().copied())
    }

    /// The value as a part of its ceiling.
    pub fn ratio(&self) -> Repeats {
        Repeats::of(self.ratios.iter().copied())
    }

    /// The median of something that stands beside it.
    pub fn median_beside(&self, name: &str) -> Option<f64> {
        let median = Repeats::of(self.beside.get(name)?.iter().copied()).median();
        median.is_finite().then_some(median)
    }

    /// What the goal is about.
    pub fn judged(&self) -> Repeats {
        if self.ratios.is_empty() { self.value() } else { self.ratio() }
    }

    /// Whether the goal is reached.
    pub fn verdict(&self) -> Verdict {
        let judged = self.judged();
        let Some(goal) = self.line.goal else { return Verdict::NoGoal };
        let reaches = |value: f64| match goal {
            Goal::AtLeast(least) => value >= least,
            Goal::AtMost(most) => value <= most,
        };
        let (first, last) = (judged.sorted().first().copied(), judged.sorted().last().copied());
        match (first, last) {
            (Some(first), Some(last)) if reaches(first) && reaches(last) => Verdict::Reached,
            (Some(first), Some(last)) if !reaches(first) && !reaches(last) => Verdict::Missed,
            // Some repeats reach it and some do not: the middle decides, unless they lie too far apart.
            (Some(_), Some(_)) if judged.are_too_noisy() => Verdict::TooNoisy,
            (Some(_), Some(_)) if reaches(judged.median()) => Verdict::Reached,
            (Some(_), Some(_)) => Verdict::Missed,
            _ => Verdict::NoGoal,
        }
    }

    /// Puts something beside the value of this round.
    pub fn beside(&mut self, name: &'static str, value: f64) -> &mut Self {
        self.beside.entry(name).or_default().push(value);
        self
    }

    /// Says once what must be known.
    pub fn remark(&mut self, remark: impl Into<String>) -> &mut Self {
        let remark = remark.into();
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
        self
    }
}

/// What was looked at after the server had been killed.
#[derive(Clone, Debug)]
pub struct Check {
    /// What has to be so.
    pub what: &'static str,
    /// What the server kept its records in.
    pub store: &'static str,
    /// Of how many.
    pub looked_at: u64,
    /// Of how many it is.
    pub held: u64,
    /// What came of the first of which it is not.
    pub first_wrong: Option<String>,
}

impl Check {
    /// Whether it is so of all of them, and of any at all.
    pub fn holds(&self) -> bool {
        self.looked_at > 0 && self.held == self.looked_at
    }
}

/// All of them, in the order in which they were first measured.
#[derive(Clone, Debug, Default)]
pub struct Book {
    figures: Vec<Figure>,
    checks: Vec<Check>,
}

impl Book {
    /// The figures.
    pub fn figures(&self) -> &[Figure] {
        &self.figures
    }

    /// Puts them into the order of a list.
    pub fn sort_as(&mut self, list: &[Line]) {
        let place = |figure: &Figure| list.iter().position(|line| line.id == figure.line.id);
        self.figures.sort_by_key(|figure| place(figure).unwrap_or(usize::MAX));
    }

    /// What was looked at after a kill.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Notes what was looked at.
    pub fn check(&mut self, check: Check) {
        self.checks.push(check);
    }

    /// Whether every answer was as expected, and everything that was answered outlived a kill.
    pub fn is_sound(&self) -> bool {
        self.figures.iter().all(|figure| figure.wrong == 0) && self.checks.iter().all(Check::holds)
    }

    /// The figure of this line, if it was measured.
    pub fn find(&self, id: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.line.id == id)
    }

    /// One more round of a line.
    pub fn add(&mut self, line: Line, value: f64) -> &mut Figure {
        let figure = self.figure(line);
        figure.values.push(value);
        figure
    }

    /// One more round of a line whose value is held against something.
    pub fn add_judged(&mut self, line: Line, value: f64, ratio: f64) -> &mut Figure {
        let figure = self.add(line, value);
        figure.ratios.push(ratio);
        figure
    }

    /// One more round of a line that a load was put on: what a request cost, against `ceiling`, which is in microseconds of CPU.
    pub fn add_load(&mut self, line: Line, load: &Load, ceiling: Option<f64>) -> &mut Figure {
        let figure = self.figure(line);
        let per_cpu_second = load.per_cpu_second();
        figure.values.push(per_cpu_second);
        figure.ratios.extend(ceiling.map(|microseconds| per_cpu_second * microseconds / 1e6));
        figure.wrong += load.wrong;
        if let Some(first) = &load.first_wrong {
            figure.remark(format!("a wrong answer: {first}"));
        }
        figure.beside("per second", load.per_second());
        figure.beside("p50", load.percentile(0.5));
        figure.beside("p99", load.percentile(0.99))
    }

    fn figure(&mut self, line: Line) -> &mut Figure {
        let at = self.figures.iter().position(|figure| figure.line.id == line.id).unwrap_or_else(|| {
            let (values, ratios, remarks) = (Vec::new(), Vec::new(), Vec::new());
            self.figures.push(Figure { line, values, ratios, beside: BTreeMap::new(), wrong: 0, remarks });
            self.figures.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "found or pushed just now")]
        &mut self.figures[at]
    }
}
