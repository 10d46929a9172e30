//! What was probably meant.

/// The candidate nearest to `word`, if any is near enough to be what was meant.
pub(super) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    near(word, candidates).into_iter().next()
}

/// Up to three candidates near `word`, the nearest first.
pub(super) fn near<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Vec<&'c str> {
    let word = word.to_lowercase();
    let reach = (word.chars().count() / 3).max(1);
    let mut near: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            let distance = distance(&word, &lower);
            // A part of a name is not near in letters, and still what was meant.
            let is_part = word.len() >= 3 && (lower.contains(&word) || word.contains(&lower));
            (distance <= reach).then_some((distance, candidate)).or(is_part.then_some((reach + 1, candidate)))
        })
        .collect();
    near.sort_unstable();
    near.dedup();
    near.truncate(3);
    near.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Letters to change, add, drop or swap with their neighbour to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let change = above[column] + usize::from(letter != other);
            let mut best = change.min(above[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && from[row - 1] == *other && to[column - 1] == *letter {
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits() {
        for (from, to, edits) in
            [("", "", 0), ("", "abc", 3), ("depth", "dept", 1), ("dpeth", "depth", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(from, to), edits, "{from} {to}");
        }
    }

    #[test]
    fn what_was_meant_is_near() {
        let known = ["safetensors", "gguf", "onnx", "slurm.conf", "torch-zip"];
        assert_eq!(nearest("safetensor", known), Some("safetensors"));
        assert_eq!(nearest("slurm", known), Some("slurm.conf"));
        assert_eq!(nearest("ONNX", known), Some("onnx"));
        assert_eq!(nearest("parquet", known), None);
        assert_eq!(nearest("x", known), None);
    }
}
