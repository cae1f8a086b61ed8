//! The arithmetic of samples.

use serde::{Deserialize, Serialize};

/// The value below which the share `quantile` (0 to 1) of `sorted` lies, linearly between neighbours;
/// NaN where there is nothing.
pub fn quantile(sorted: &[f64], quantile: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = last as f64 * quantile.clamp(0.0, 1.0);
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

/// Median and quartiles.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// A quarter lies below.
    pub low: f64,
    /// Half lies below.
    pub median: f64,
    /// Three quarters lie below.
    pub high: f64,
}

impl Spread {
    /// Of samples in any order.
    pub fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_unstable_by(f64::total_cmp);
        let [low, median, high] = [0.25, 0.5, 0.75].map(|share| quantile(&samples, share));
        Self { low, median, high }
    }

    /// Half of what the quartiles span, in percent of the median.
    pub fn percent(&self) -> f64 {
        (self.high - self.low) / self.median * 50.0
    }
}

/// The geometric mean of positive numbers; `None` where there is none, or one is not positive.
pub fn geometric_mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_u32);
    for value in values {
        if !(value.is_finite() && value > 0.0) {
            return None;
        }
        sum += value.ln();
        count += 1;
    }
    (count > 0).then(|| (sum / f64::from(count)).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.5), 2.0);
        assert_eq!(quantile(&[1.0, 2.0], 0.5), 1.5);
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.25), 2.0);
        assert_eq!(quantile(&[7.0], 1.0), 7.0);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn a_spread_does_not_depend_on_the_order() {
        let spread = Spread { low: 2.0, median: 3.0, high: 4.0 };
        assert_eq!(Spread::of(vec![5.0, 1.0, 4.0, 2.0, 3.0]), spread);
    }

    #[test]
    fn the_geometric_mean_of_a_factor_and_its_inverse_is_one() {
        let mean = |values: &[f64]| geometric_mean(values.iter().copied());
        assert!((mean(&[4.0, 0.25]).expect("positive") - 1.0).abs() < 1e-12);
        assert!((mean(&[2.0, 4.0, 8.0]).expect("positive") - 4.0).abs() < 1e-12);
        assert_eq!(mean(&[]), None);
        assert_eq!(mean(&[1.0, 0.0]), None);
        assert_eq!(mean(&[1.0, f64::NAN]), None);
    }
}
