//! How far one file may take the scan. Every limit is a flag and a configuration key; a hit is a gap that names it.

/// Limits for everything that lies under one file of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Containers inside containers.
    pub depth: usize,
    /// Members of all containers.
    pub members: u64,
    /// Bytes out of decompressors.
    pub inflated: u64,
    /// Bytes out of a decompressor for each byte into it, once [`Limits::RATIO_SLACK`] came out.
    pub ratio: u64,
    /// Bytes kept in temporary files at a time.
    pub spool: u64,
    /// Seconds.
    pub seconds: u64,
    /// Bytes from which on a file is opened although its name says it is something ordinary.
    pub ordinary_size: u64,
}

impl Limits {
    /// Output that is never held against the ratio: a page of zeros packs 1,000 to 1 and harms nobody.
    pub const RATIO_SLACK: u64 = 16 << 20;
    /// The same for everything under one file together: a second or two of inflating, whatever it was.
    pub const RATIO_SLACK_IN_ALL: u64 = 1 << 30;
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            // A backup in a layer in an image in an archive, each compressed: eight.
            depth: 8,
            members: 2_000_000,
            inflated: 64 << 30,
            // Deflate ends at 1,032; tables of zeros and logs reach 100.
            ratio: 250,
            spool: 8 << 30,
            seconds: 600,
            ordinary_size: 64 << 20,
        }
    }
}
