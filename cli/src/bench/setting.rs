//! Where and how a run was made: what a reader needs to judge its figures.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

/// Where and how a run was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// The program and its version.
    pub program: String,
    /// When, in UTC, as `YYYY-MM-DD hh:mm`.
    pub date: String,
    /// The processor's name.
    pub processor: String,
    /// Processors that the program may use.
    pub processors: usize,
    /// The operating system and its release.
    pub system: String,
    /// Optimisation level of the compiler.
    pub level: u8,
    /// Processor that code was compiled for.
    pub target: String,
    /// Whether each transaction started without hashes that those before it had computed.
    #[serde(default)]
    pub cold: bool,
    /// Time for a row, in seconds.
    pub seconds_per_row: f64,
}

impl Setting {
    /// This machine, now.
    pub fn here(level: u8, target: &str, seconds_per_row: f64) -> Self {
        Self {
            program: concat!("evmc ", env!("CARGO_PKG_VERSION")).to_owned(),
            date: date(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())),
            processor: processor().unwrap_or_else(|| "unknown processor".to_owned()),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            system: system(),
            level,
            target: target.to_owned(),
            cold: false,
            seconds_per_row,
        }
    }
}

/// The processor's name, as Linux knows it.
fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The operating system with its release.
fn system() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {} {}", std::env::consts::OS, release.trim(), std::env::consts::ARCH)
}

/// Seconds since 1970 as `YYYY-MM-DD hh:mm`, in UTC.
fn date(seconds: u64) -> String {
    let (days, minutes) = (seconds / 86_400, seconds % 86_400 / 60);
    let (year, month, day) = civil(days);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}", minutes / 60, minutes % 60)
}

/// Days since 1970-01-01 in the Gregorian calendar. Years are counted from March, so that the leap day
/// is the last of its year, in eras of 400 years.
fn civil(days: u64) -> (u64, u64, u64) {
    let since_era = days + 719_468;
    let (era, day_of_era) = (since_era / 146_097, since_era % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01 00:00");
        assert_eq!(date(951_782_400), "2000-02-29 00:00");
        assert_eq!(date(1_234_567_890), "2009-02-13 23:31");
        assert_eq!(date(4_107_542_399), "2100-02-28 23:59");
        assert_eq!(date(4_107_542_400), "2100-03-01 00:00");
    }
}
