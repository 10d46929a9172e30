//! table placeholder
/// Style
pub struct Style;
/// x
pub fn write() {}
