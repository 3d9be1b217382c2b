//! A wall-clock date and time, as the real-time clock starts with.

use serde::{Deserialize, Serialize};

/// A date and time of the proleptic Gregorian calendar, without a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DateTime {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

impl Default for DateTime {
    /// 2000-01-01T00:00:00.
    fn default() -> Self {
        Self {
            year: 2000,
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
        }
    }
}

/// Days of `month` (1 to 12) in `year`.
pub const fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

impl DateTime {
    /// A date and time, if there is such a one and its century fits the clock's BCD register.
    pub fn new(year: u16, month: u8, day: u8, hour: u8, minute: u8, second: u8) -> Option<Self> {
        let valid = (1900..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        valid.then_some(Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
        })
    }

    /// The year, 1900 to 9999.
    pub const fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    pub const fn day(self) -> u8 {
        self.day
    }

    /// The hour, 0 to 23.
    pub const fn hour(self) -> u8 {
        self.hour
    }

    /// The minute.
    pub const fn minute(self) -> u8 {
        self.minute
    }

    /// The second, 0 to 59.
    pub const fn second(self) -> u8 {
        self.second
    }

    /// The day of the week, 0 = Sunday.
    pub fn weekday(self) -> u8 {
        let years = u32::from(self.year) - 1;
        let before: u32 = (1..self.month)
            .map(|month| u32::from(days_in_month(self.year, month)))
            .sum();
        // 1 January of year 1 was a Monday.
        ((years + years / 4 - years / 100 + years / 400 + before + u32::from(self.day)) % 7) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_dates_are_refused_and_leap_days_are_not() {
        assert!(DateTime::new(2000, 2, 29, 0, 0, 0).is_some());
        for (y, m, d) in [
            (1900, 2, 29),
            (2001, 2, 29),
            (2001, 4, 31),
            (2001, 13, 1),
            (2001, 0, 1),
            (2001, 1, 0),
        ] {
            assert_eq!(DateTime::new(y, m, d, 0, 0, 0), None);
        }
        assert_eq!(DateTime::new(2001, 1, 1, 24, 0, 0), None);
    }

    #[test]
    fn the_weekday_is_counted_from_sunday() {
        for (y, m, d, weekday) in [
            (2000, 1, 1, 6),
            (1981, 8, 12, 3),
            (2026, 11, 21, 6),
            (1970, 1, 1, 4),
        ] {
            assert_eq!(DateTime::new(y, m, d, 0, 0, 0).unwrap().weekday(), weekday);
        }
    }
}
