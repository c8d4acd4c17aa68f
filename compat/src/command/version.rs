//! Versions as ordinals of Java's enum. Source: `common/MQVersion`.

/// What this broker says it is: V4_3_0.
pub const CURRENT: i32 = 273;
/// Its name.
pub const CURRENT_NAME: &str = "V4_3_0";
/// From here on a registration body is JSON with a filter server list.
pub const V3_0_11: i32 = 37;
/// From here on a consumer understands offset resets.
pub const V3_0_7_SNAPSHOT: i32 = 28;
/// From here on a consumer answers running-info requests.
pub const V3_1_8_SNAPSHOT: i32 = 62;
/// From here on a consumer says how often it wants to try.
pub const V3_4_9: i32 = 121;

/// Java's name of a version, as remarks and tools show it; a version that 4.3.0 does not know yet is `HIGHER_VERSION`.
pub fn name(ordinal: i32) -> String {
    let Ok(ordinal) = usize::try_from(ordinal) else { return OLDEST[0].to_owned() };
    if let Some(name) = OLDEST.get(ordinal) {
        return (*name).to_owned();
    }
    let mut left = ordinal - OLDEST.len();
    for (major, minor, patches) in releases() {
        // Each release is preceded by its snapshot.
        let len = 2 * patches.clone().count();
        if left < len {
            let patch = patches.start() + left / 2;
            return format!("V{major}_{minor}_{patch}{}", if left.is_multiple_of(2) { "_SNAPSHOT" } else { "" });
        }
        left -= len;
    }
    "HIGHER_VERSION".to_owned()
}

/// What came before 3.0.1, without a rule.
const OLDEST: [&str; 16] = [
    "V3_0_0_SNAPSHOT",
    "V3_0_0_ALPHA1",
    "V3_0_0_BETA1",
    "V3_0_0_BETA2",
    "V3_0_0_BETA3",
    "V3_0_0_BETA4",
    "V3_0_0_BETA5",
    "V3_0_0_BETA6_SNAPSHOT",
    "V3_0_0_BETA6",
    "V3_0_0_BETA7_SNAPSHOT",
    "V3_0_0_BETA7",
    "V3_0_0_BETA8_SNAPSHOT",
    "V3_0_0_BETA8",
    "V3_0_0_BETA9_SNAPSHOT",
    "V3_0_0_BETA9",
    "V3_0_0_FINAL",
];

/// Major and minor number, and the patches that Java's table has of them.
fn releases() -> impl Iterator<Item = (usize, usize, std::ops::RangeInclusive<usize>)> {
    (3..=5).flat_map(|major| (0..10).map(move |minor| (major, minor))).map(|(major, minor)| {
        let patches = match (major, minor) {
            (3, 0) => 1..=15,
            (3, 3..) => 1..=9,
            _ => 0..=9,
        };
        (major, minor, patches)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_java() {
        let cases = [
            (0, "V3_0_0_SNAPSHOT"),
            (15, "V3_0_0_FINAL"),
            (16, "V3_0_1_SNAPSHOT"),
            (V3_0_7_SNAPSHOT, "V3_0_7_SNAPSHOT"),
            (V3_1_8_SNAPSHOT, "V3_1_8_SNAPSHOT"),
            (V3_4_9, "V3_4_9"),
            (CURRENT, CURRENT_NAME),
            (611, "V5_9_9"),
            (612, "HIGHER_VERSION"),
            (i32::MAX, "HIGHER_VERSION"),
        ];
        for (ordinal, java) in cases {
            assert_eq!(name(ordinal), java, "{ordinal}");
        }
    }
}
