//! The tree of an HDF5 file by path, with what probes ask of it.

use std::collections::BTreeMap;

use crate::archive::hdf5::{Attribute, Dataset, File, Hdf5Error, Object};
use crate::model::{keep, publishable, typed};
use crate::probe::ProbeError;

/// Most attributes that are reported.
const MAX_ATTRS: usize = 200;

impl From<Hdf5Error> for ProbeError {
    fn from(error: Hdf5Error) -> ProbeError {
        match error {
            Hdf5Error::NotHdf5 => ProbeError::NotMine,
            Hdf5Error::Read(error) => error.into(),
            Hdf5Error::Unsupported(_) | Hdf5Error::TooLarge(_) => ProbeError::Unsupported(error.to_string()),
            Hdf5Error::Malformed(_) => ProbeError::Malformed(error.to_string()),
        }
    }
}

/// An open file and everything in it, by path: no slash in front, the outermost group under an empty one.
pub(super) struct Tree<'b> {
    pub(super) file: File<'b>,
    pub(super) objects: BTreeMap<String, Object>,
    /// Paths in the order they were met.
    pub(super) order: Vec<String>,
    /// Why there is no more, where the walk was stopped.
    pub(super) stopped: Option<ProbeError>,
}

impl<'b> Tree<'b> {
    /// Reads the tree.
    pub(super) fn read(mut file: File<'b>) -> Tree<'b> {
        let (found, stopped) = file.tree();
        let order = found.iter().map(|(path, _)| path.clone()).collect();
        Tree { file, objects: found.into_iter().collect(), order, stopped: stopped.map(ProbeError::from) }
    }

    /// The data set at a path.
    pub(super) fn dataset(&self, path: &str) -> Option<&Dataset> {
        match self.objects.get(path)? {
            Object::Dataset(dataset) => Some(dataset),
            _ => None,
        }
    }

    /// Whether a group stands there.
    pub(super) fn is_group(&self, path: &str) -> bool {
        matches!(self.objects.get(path), Some(Object::Group { .. }))
    }

    /// Names right below a group, in order.
    pub(super) fn names(&self, group: &str) -> Vec<String> {
        let below = |path: &&String| match group {
            "" => !path.is_empty() && !path.contains('/'),
            _ => {
                path.strip_prefix(group).and_then(|rest| rest.strip_prefix('/')).is_some_and(|name| !name.contains('/'))
            }
        };
        let name = |path: &String| path.rsplit('/').next().unwrap_or_default().to_owned();
        self.order.iter().filter(below).map(name).collect()
    }

    /// What is said of the object at a path.
    pub(super) fn attributes(&self, path: &str) -> &[Attribute] {
        match self.objects.get(path) {
            Some(Object::Group { attributes }) => attributes,
            Some(Object::Dataset(dataset)) => &dataset.attributes,
            _ => &[],
        }
    }

    pub(super) fn attribute(&self, path: &str, name: &str) -> Option<Attribute> {
        self.attributes(path).iter().find(|attribute| attribute.name == name).cloned()
    }

    /// The texts of an attribute; none where it is absent or does not hold.
    pub(super) fn texts(&mut self, path: &str, name: &str) -> Vec<String> {
        let Some(attribute) = self.attribute(path, name) else { return Vec::new() };
        self.file.texts(&attribute).unwrap_or_default()
    }

    /// The first text of an attribute.
    pub(super) fn text(&mut self, path: &str, name: &str) -> Option<String> {
        self.texts(path, name).into_iter().next()
    }

    /// The whole numbers of an attribute.
    pub(super) fn extents(&mut self, path: &str, name: &str) -> Vec<u64> {
        let Some(attribute) = self.attribute(path, name) else { return Vec::new() };
        let numbers = self.file.integers(&attribute);
        numbers.into_iter().filter_map(|number| u64::try_from(number).ok()).collect()
    }

    /// The texts among the attributes of the outermost group, as they may be published.
    pub(super) fn attrs(&mut self) -> BTreeMap<String, String> {
        let attributes = self.attributes("").to_vec();
        let mut attrs = BTreeMap::new();
        for attribute in attributes.iter().take(MAX_ATTRS).filter(|attribute| attribute.shape.is_empty()) {
            if let Some(text) = self.file.texts(attribute).unwrap_or_default().first() {
                keep(&mut attrs, publishable("attribute", &attribute.name), typed(&attribute.name, text));
            }
        }
        attrs
    }

    /// The texts of a data set, at most `allowed` of them; none where it holds something else or more.
    pub(super) fn all_texts(&mut self, path: &str, allowed: u64) -> Option<Vec<String>> {
        use crate::archive::hdf5::Scalar;
        const MAX_BYTES: usize = 8 << 20;
        let dataset = self.dataset(path)?.clone();
        let mut series = self.file.series(&dataset).ok()?;
        if series.rows > allowed || series.width != 1 {
            return None;
        }
        let (mut texts, mut bytes) = (Vec::new(), 0usize);
        for row in 0..series.rows {
            let text = match self.file.value(&mut series, row, 0, None).ok()? {
                Scalar::Text(text) => text.into_owned(),
                Scalar::Integer(number) => number.to_string(),
                Scalar::Number(number) => number.to_string(),
                Scalar::Boolean(flag) => flag.to_string(),
                Scalar::Other => return None,
            };
            bytes = bytes.saturating_add(text.len()).saturating_add(24);
            if bytes > MAX_BYTES {
                return None;
            }
            texts.push(text);
        }
        Some(texts)
    }
}
