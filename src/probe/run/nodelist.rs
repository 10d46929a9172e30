//! Host lists as Slurm writes them: `gpu-node-[07-08,11]`, `cn01,cn02`.
//!
//! Follows `src/common/hostlist.c` of Slurm for what it prints; the numbers keep their leading zeros.

/// Most hosts that one list names; the largest machines have about ten thousand.
const MAX_HOSTS: usize = 4096;
/// Most pairs of brackets in one name.
const MAX_BRACKETS: usize = 4;

/// The hosts of a list, in its order; none where it is no list of hosts.
pub(super) fn expand(list: &str) -> Vec<String> {
    let mut hosts = Vec::new();
    for item in split(list) {
        if !brackets(item, String::new(), MAX_BRACKETS, &mut hosts) {
            return Vec::new();
        }
    }
    hosts
}

/// The items between the commas outside of brackets.
fn split(list: &str) -> Vec<&str> {
    let mut depth = 0i32;
    let split = list.split(|c: char| {
        match c {
            '[' => depth = depth.saturating_add(1),
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    split.filter(|item| !item.is_empty()).collect()
}

/// Puts what `rest` names behind `before` among the hosts; says whether it is a name.
fn brackets(rest: &str, before: String, left: usize, hosts: &mut Vec<String>) -> bool {
    let Some((start, tail)) = rest.split_once('[') else {
        let host = before + rest;
        let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        if is_name && !host.is_empty() && host.len() <= 255 && hosts.len() < MAX_HOSTS {
            hosts.push(host);
            return true;
        }
        return false;
    };
    let (Some((ranges, end)), Some(left)) = (tail.split_once(']'), left.checked_sub(1)) else { return false };
    ranges.split(',').all(|range| {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let (Ok(first), Ok(last)) = (from.parse::<u32>(), to.parse::<u32>()) else { return false };
        let is_small = last.checked_sub(first).is_some_and(|span| (span as usize) < MAX_HOSTS);
        let width = from.len();
        is_small && (first..=last).all(|number| brackets(end, format!("{before}{start}{number:0width$}"), left, hosts))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_written_out() {
        assert_eq!(expand("gpu-node-[07-08]"), ["gpu-node-07", "gpu-node-08"]);
        assert_eq!(
            expand("a[9-11],b1,c[1,3]-ib[0-1]"),
            ["a9", "a10", "a11", "b1", "c1-ib0", "c1-ib1", "c3-ib0", "c3-ib1"]
        );
        assert_eq!(expand("cn01"), ["cn01"]);
        for broken in ["", "a[1-", "a[x-y]", "a[5-1]", "a b", "[0-4294967295]", "a[0-4000]b[0-4000]"] {
            assert!(expand(broken).is_empty(), "{broken}");
        }
    }
}
