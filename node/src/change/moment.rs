//! Moments of Ethereum's clock as people read them.

use std::fmt;

/// Seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

/// A length of time in its two largest units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lasting(pub u64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(seconds) = *self;
        let (year, month, day) = date(seconds / DAY_S);
        let of_day = seconds % DAY_S;
        let (hour, minute, second) = (of_day / HOUR_S, of_day % HOUR_S / MINUTE_S, of_day % MINUTE_S);
        write!(
            f,
            "{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC"
        )
    }
}

impl fmt::Display for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(seconds) = *self;
        let parts = [
            (seconds / DAY_S, "d"),
            (seconds % DAY_S / HOUR_S, "h"),
            (seconds % HOUR_S / MINUTE_S, "min"),
            (seconds % MINUTE_S, "s"),
        ];
        let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
        let shown = parts.iter().skip(first).take(2).filter(|(count, _)| *count > 0);
        let words: Vec<String> = shown.map(|(count, unit)| format!("{count} {unit}")).collect();
        f.write_str(if words.is_empty() { "0 s" } else { "" })?;
        f.write_str(&words.join(" "))
    }
}

/// Year, month and day of a day since 1970, after the Gregorian calendar.
fn date(day: u64) -> (u64, u64, u64) {
    // Years that begin in March put the leap day at their end; eras of 400 such years are all alike.
    let day = day.saturating_add(719_468);
    let (era, of_era) = (day / 146_097, day % 146_097);
    let leaps = of_era / 1_460 + of_era / 146_096;
    let year = (of_era.saturating_add(of_era / 36_524)).saturating_sub(leaps) / 365;
    let of_year = of_era.saturating_sub(365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

const MINUTE_S: u64 = 60;
const HOUR_S: u64 = 3_600;
const DAY_S: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::{Lasting, Moment};

    #[test]
    fn moments_are_dates_also_around_leap_days() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_709_164_800, "2024-02-29 00:00:00 UTC"),
            (1_735_689_599, "2024-12-31 23:59:59 UTC"),
            (1_795_766_400, "2026-11-27 08:00:00 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(Moment(seconds).to_string(), expected);
        }
    }

    #[test]
    fn lengths_of_time_are_told_in_two_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (1_201, "20 min 1 s"),
            (90_000, "1 d 1 h"),
            (86_401, "1 d"),
        ] {
            assert_eq!(Lasting(seconds).to_string(), expected);
        }
    }
}
