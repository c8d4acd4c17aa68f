//! Numbers as Java's library reads and writes them.

/// `Double.toString`: at least one digit after the point, scientific below 10⁻³ and from 10⁷ on.
/// The shortest digits that read back as the same number, as JDK 19 and later write them.
pub fn double_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let size = value.abs();
    if size == 0.0 {
        return format!("{sign}0.0");
    }
    if (1e-3..1e7).contains(&size) {
        return format!("{sign}{size:?}");
    }
    let scientific = format!("{size:e}");
    match scientific.split_once('e') {
        Some((digits, exponent)) if digits.contains('.') => format!("{sign}{digits}E{exponent}"),
        Some((digits, exponent)) => format!("{sign}{digits}.0E{exponent}"),
        None => scientific,
    }
}

/// A decimal number: sign, digits before and after the point, exponent.
struct Decimal<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Decimal<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (negative, text) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (digits, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let good = all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty());
        good.then_some(Self { negative, whole, fraction, exponent: i64::from(exponent) })
    }

    fn digits(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.whole.bytes().chain(self.fraction.bytes()).map(|digit| digit - b'0')
    }
}

/// `BigDecimal.longValue`: the fraction is cut off, and of a number that is too large the low 64 bits remain.
/// `None` for text that is no number.
pub fn wrapping_long(text: &str) -> Option<i64> {
    let number = Decimal::parse(text)?;
    let wanted = number.whole.len() as i64 + number.exponent;
    let taken = usize::try_from(wanted).unwrap_or(0);
    let mut value = number.digits().take(taken).fold(0i64, |value, digit| shift(value).wrapping_add(i64::from(digit)));
    let missing = taken.saturating_sub(number.whole.len() + number.fraction.len());
    // 10 to the power of 64 is a multiple of 2 to the power of 64.
    for _ in 0..missing.min(64) {
        value = shift(value);
    }
    Some(if number.negative { value.wrapping_neg() } else { value })
}

fn shift(value: i64) -> i64 {
    value.wrapping_mul(10)
}

/// `new BigDecimal(text).toString()`; `None` for text that is no number.
pub fn decimal_text(text: &str) -> Option<String> {
    let number = Decimal::parse(text)?;
    let digits: String = number.digits().map(|digit| char::from(b'0' + digit)).collect();
    let digits = match digits.trim_start_matches('0') {
        "" => "0",
        stripped => stripped,
    };
    let scale = number.fraction.len() as i64 - number.exponent;
    let adjusted = digits.len() as i64 - 1 - scale;
    let is_zero = digits == "0";
    let sign = if number.negative && !is_zero { "-" } else { "" };
    Some(if scale == 0 {
        format!("{sign}{digits}")
    } else if scale > 0 && adjusted >= -6 {
        let scale = usize::try_from(scale).ok()?;
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        format!("{sign}{whole}.{fraction}")
    } else {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let plus = if adjusted > 0 { "+" } else { "" };
        let exponent = if adjusted == 0 { String::new() } else { format!("E{plus}{adjusted}") };
        format!("{sign}{first}{point}{rest}{exponent}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_written_as_java_writes_them() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (100.0, "100.0"),
            (1.25, "1.25"),
            (1e-7, "1.0E-7"),
            (1e20, "1.0E20"),
            (0.001, "0.001"),
            (0.000999, "9.99E-4"),
            (9_999_999.5, "9999999.5"),
            (1e7, "1.0E7"),
            (-12_345_678.9, "-1.23456789E7"),
            (f64::MAX, "1.7976931348623157E308"),
        ];
        for (value, text) in cases {
            assert_eq!(double_text(value), text);
        }
    }

    #[test]
    fn longs_are_cut_and_wrapped_as_java_does() {
        let cases = [
            ("34", Some(34)),
            ("-34.9", Some(-34)),
            ("1e3", Some(1000)),
            ("1.5e1", Some(15)),
            ("123e-2", Some(1)),
            ("9223372036854775808", Some(i64::MIN)),
            ("18446744073709551617", Some(1)),
            ("1e400", Some(0)),
            ("1e2000000000", Some(0)),
            ("-", None),
            ("", None),
            ("1x", None),
        ];
        for (text, value) in cases {
            assert_eq!(wrapping_long(text), value, "{text}");
        }
    }

    #[test]
    fn decimals_are_written_as_java_writes_them() {
        let cases = [
            ("1.50", "1.50"),
            ("1e3", "1E+3"),
            ("1.25e10", "1.25E+10"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1E-7"),
            ("-0.5", "-0.5"),
            ("0.0", "0.0"),
            ("34.0", "34.0"),
        ];
        for (text, written) in cases {
            assert_eq!(decimal_text(text).as_deref(), Some(written), "{text}");
        }
    }
}
