//! The sum over a model's tensors that every weight format ends in.

use sha2::{Digest, Sha256};

use super::super::{ProbeError, kit};
use crate::model::{Weights, hex, publishable};

/// Counts tensors, elements and element types, and hashes the structure independent of order.
#[derive(Default)]
pub(crate) struct Tensors {
    count: u64,
    elements: u64,
    dtypes: std::collections::BTreeMap<String, u64>,
    structure: u128,
}

impl Tensors {
    /// Adds a tensor.
    ///
    /// # Errors
    /// [`ProbeError::Malformed`] where its elements, or the sum, do not fit 64 bits.
    pub(crate) fn add(&mut self, name: &str, dtype: &str, shape: &[u64]) -> Result<u64, ProbeError> {
        let elements = kit::elements(shape)?;
        self.elements = self
            .elements
            .checked_add(elements)
            .ok_or_else(|| ProbeError::Malformed("its tensors have more elements than 64 bits count".to_owned()))?;
        self.count = self.count.saturating_add(1);
        let of_type = self.dtypes.entry(dtype.to_owned()).or_default();
        *of_type = of_type.saturating_add(elements);
        self.structure = self.structure.wrapping_add(tensor_hash(name, dtype, shape));
        Ok(elements)
    }

    /// How many were added.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Writes the sums into the facts.
    pub(crate) fn fill(self, weights: &mut Weights) {
        weights.parameter_count = Some(self.elements);
        weights.tensor_count = Some(self.count);
        weights.dtypes = self
            .dtypes
            .into_iter()
            .filter(|(_, elements)| *elements > 0)
            .map(|(dtype, elements)| (publishable("", &dtype), elements))
            .collect();
        weights.structure = (self.count > 0).then(|| hex(&self.structure.to_be_bytes()));
    }
}

/// 128 bits of SHA-256 over name, type and shape, each length-prefixed by a separator no name can hold.
fn tensor_hash(name: &str, dtype: &str, shape: &[u64]) -> u128 {
    let mut hash = Sha256::new();
    hash.update(name.as_bytes());
    hash.update([0]);
    hash.update(dtype.as_bytes());
    for extent in shape {
        hash.update([0]);
        hash.update(extent.to_le_bytes());
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest.first_chunk().map_or(0, |half| u128::from_be_bytes(*half))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn structure(tensors: &[(&str, &str, &[u64])]) -> Weights {
        let mut sum = Tensors::default();
        for (name, dtype, shape) in tensors {
            sum.add(name, dtype, shape).unwrap();
        }
        let mut weights = Weights::default();
        sum.fill(&mut weights);
        weights
    }

    #[test]
    fn structure_is_of_the_set_not_of_the_order() {
        let (a, b): (&[u64], &[u64]) = (&[2, 3], &[4]);
        let forward = structure(&[("x", "float32", a), ("y", "float16", b)]);
        let backward = structure(&[("y", "float16", b), ("x", "float32", a)]);
        let other = structure(&[("x", "float32", b), ("y", "float16", a)]);
        assert_eq!(forward, backward);
        assert_ne!(forward.structure, other.structure);
        assert_eq!((forward.parameter_count, forward.tensor_count), (Some(10), Some(2)));
    }

    #[test]
    fn sums_do_not_overflow() {
        let mut sum = Tensors::default();
        sum.add("a", "int8", &[u64::MAX]).unwrap();
        assert!(sum.add("b", "int8", &[1]).is_err());
    }
}
