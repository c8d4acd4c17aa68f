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
