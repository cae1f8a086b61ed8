//! Logarithmic axes: where a value lies, and where the marks are.

/// Maps values to pixels, logarithmically.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    low: f64,
    high: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// From `start` to `end` (pixels) lie the values from `low` to `high`, which are positive.
    pub fn new((low, high): (f64, f64), (start, end): (f64, f64)) -> Self {
        Self { low, high, start, end }
    }

    /// The place of a value, in pixels; values outside lie at the ends.
    pub fn at(&self, value: f64) -> f64 {
        let share = (value.clamp(self.low, self.high) / self.low).ln() / (self.high / self.low).ln();
        self.start + share * (self.end - self.start)
    }

    /// Round values within the range, each 1, 2 or 5 times a power of ten; only powers where there would be
    /// more than `most`.
    pub fn marks(&self, most: usize) -> Vec<f64> {
        let all = |steps: &[f64]| -> Vec<f64> {
            let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
            let values = decades.flat_map(|decade| steps.iter().map(move |step| step * 10_f64.powi(decade)));
            values.filter(|value| *value >= self.low * 0.999 && *value <= self.high * 1.001).collect()
        };
        let fine = all(&[1.0, 2.0, 5.0]);
        if fine.len() <= most { fine } else { all(&[1.0]) }
    }
}

/// The range of positive values with some room at both ends; `otherwise` where there are none.
pub fn range(values: impl IntoIterator<Item = f64>, room: f64, otherwise: (f64, f64)) -> (f64, f64) {
    let positive = values.into_iter().filter(|value| value.is_finite() && *value > 0.0);
    let found = positive.fold(None, |found: Option<(f64, f64)>, value| {
        let (low, high) = found.unwrap_or((value, value));
        Some((low.min(value), high.max(value)))
    });
    found.map_or(otherwise, |(low, high)| (low / room, high * room))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_factors_are_equal_distances() {
        let scale = Scale::new((1.0, 100.0), (0.0, 200.0));
        assert_eq!(
            [1.0, 10.0, 100.0, 1e6, 0.1].map(|value| scale.at(value).round()),
            [0.0, 100.0, 200.0, 200.0, 0.0]
        );
    }

    #[test]
    fn marks_are_round_and_not_too_many() {
        let scale = Scale::new((0.8, 30.0), (0.0, 1.0));
        assert_eq!(scale.marks(9), [1.0, 2.0, 5.0, 10.0, 20.0]);
        assert_eq!(scale.marks(3), [1.0, 10.0]);
    }

    #[test]
    fn a_range_leaves_out_what_has_no_logarithm() {
        assert_eq!(range([4.0, 0.0, f64::NAN, 2.0], 2.0, (1.0, 2.0)), (1.0, 8.0));
        assert_eq!(range([], 2.0, (1.0, 3.0)), (1.0, 3.0));
    }
}
