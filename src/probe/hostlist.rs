//! Slurm's lists of hosts: `gpu-[01-12,15],login1` → the hosts.
//!
//! After `hostlist(3)` of Slurm: ranges keep their leading zeros, several brackets multiply, commas outside of brackets
//! separate. A list is written by whoever wrote the file: what it expands to is bounded.

/// Most hosts of one list.
const MAX_HOSTS: usize = 65_536;

/// The hosts of a list; nothing where it is none or names more than are counted.
pub(crate) fn expand(list: &str) -> Option<Vec<String>> {
    let mut hosts = Vec::new();
    for one in split(list)? {
        let mut names = vec![String::new()];
        let mut rest = one;
        while let Some((before, inside)) = rest.split_once('[') {
            let (ranges, after) = inside.split_once(']')?;
            let ends = range_ends(ranges)?;
            if names.len().checked_mul(ends.len())? > MAX_HOSTS {
                return None;
            }
            names = names.iter().flat_map(|name| ends.iter().map(move |end| format!("{name}{before}{end}"))).collect();
            rest = after;
        }
        if rest.contains(']') {
            return None;
        }
        hosts.extend(names.into_iter().map(|name| name + rest));
        if hosts.len() > MAX_HOSTS {
            return None;
        }
    }
    Some(hosts)
}

/// Parts between commas that are in no bracket.
fn split(list: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let (mut start, mut is_inside) = (0, false);
    for (at, byte) in list.bytes().enumerate() {
        match byte {
            b'[' if is_inside => return None,
            b'[' => is_inside = true,
            b']' => is_inside = false,
            b',' if !is_inside => {
                parts.push(list.get(start..at)?);
                start = at.checked_add(1)?;
            }
            _ => {}
        }
    }
    parts.push(list.get(start..)?);
    (!is_inside).then(|| parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect())
}

/// The numbers of `01-12,15`, as they are written.
fn range_ends(ranges: &str) -> Option<Vec<String>> {
    let mut ends = Vec::new();
    for range in ranges.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (from, to): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        let count = to.checked_sub(from)?;
        if usize::try_from(count).ok()?.checked_add(ends.len())? >= MAX_HOSTS {
            return None;
        }
        let width = first.trim().len();
        ends.extend((from..=to).map(|number| format!("{number:0width$}")));
    }
    Some(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_expand_as_slurm_does() {
        let of = |list: &str| expand(list).map(|hosts| hosts.join(" "));
        assert_eq!(of("gpu-node-[07-08]").as_deref(), Some("gpu-node-07 gpu-node-08"));
        assert_eq!(of("a[1,3-4]b,login1").as_deref(), Some("a1b a3b a4b login1"));
        assert_eq!(of("r[1-2]n[01-02]").as_deref(), Some("r1n01 r1n02 r2n01 r2n02"));
        assert_eq!(of("n[098-101]").as_deref(), Some("n098 n099 n100 n101"));
        assert_eq!(of("").as_deref(), Some(""));
    }

    #[test]
    fn what_is_no_list_or_too_long_is_none() {
        for list in
            ["a[1-", "a]", "a[[1]]", "a[2-1]", "a[x]", "a[0-99999999]", "a[0-999][0-999]", "a[1-18446744073709551615]"]
        {
            assert_eq!(expand(list), None, "{list}");
        }
    }
}
