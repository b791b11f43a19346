//! What repeated measurements say, and when they say nothing. Pure.

/// Repeats that lie further apart than this say nothing: `too noisy`.
pub const TOO_NOISY: f64 = 0.15;

/// The same thing, measured several times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Repeats(Vec<f64>);

impl Repeats {
    /// Takes what was measured, in any order. What is not finite was no measurement, and is left out.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// From the smallest to the largest.
    pub fn sorted(&self) -> &[f64] {
        &self.0
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The middle one, or the mean of the two in the middle; `NaN` if there is none.
    pub fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        let above = self.0.get(middle).copied().unwrap_or(f64::NAN);
        if self.0.len().is_multiple_of(2) {
            let below = middle.checked_sub(1).and_then(|index| self.0.get(index)).copied().unwrap_or(f64::NAN);
            f64::midpoint(below, above)
        } else {
            above
        }
    }

    /// How far the smallest and the largest lie apart, as a part of the median. One repeat has no spread that is known.
    pub fn spread(&self) -> Option<f64> {
        match (self.0.first(), self.0.last()) {
            (Some(first), Some(last)) if self.0.len() > 1 && self.median() > 0.0 => {
                Some((last - first) / self.median())
            }
            _ => None,
        }
    }

    /// Whether they differ by more than [`TOO_NOISY`].
    pub fn are_too_noisy(&self) -> bool {
        self.spread().is_some_and(|spread| spread > TOO_NOISY)
    }
}

/// The value below which this part (0 to 1) of a sorted list lies, by the nearest rank; 0 of none.
pub fn percentile(sorted: &[u32], part: f64) -> u32 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a rank")]
    let rank = (part.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1).min(last)).copied().unwrap_or(0)
}
