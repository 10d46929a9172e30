//! Facts of data.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::TableFacts;

/// Facts of a dataset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(default)]
pub struct Dataset {
    /// Its rows and what they say about people, over all of its tables.
    #[serde(flatten)]
    pub table: TableFacts,
    /// Tables inside of it, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, TableFacts>,
    /// Sheets of a workbook, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sheets: BTreeMap<String, TableFacts>,
    /// Names of stored queries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<String>,
    /// Pages of a database that are free, and often still hold what was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_pages: Option<u64>,
    /// Rows of each split.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub splits: BTreeMap<String, u64>,
    /// Partition columns that directories spell out, with their values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub partitions: BTreeMap<String, Vec<String>>,

    /// Extents of a single array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<u64>>,
    /// Elements by element type.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dtypes: BTreeMap<String, u64>,
    /// Elements of all arrays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element_count: Option<u64>,
    /// Extents of each named array.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub arrays: BTreeMap<String, Vec<u64>>,
    /// Extents of each array of a hierarchical file, by path.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub datasets: BTreeMap<String, Vec<u64>>,
    /// Attributes of its root.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attrs: BTreeMap<String, String>,
    /// Whether the first index varies fastest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fortran_order: Option<bool>,
    /// Whether loading it would run a pickle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains_pickle: Option<bool>,
    /// What sort of data it is: `tensor_data`, `chat_finetuning`, `data_dictionary`, `redcap_export`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Keys of its outermost dictionary.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,

    /// Observations of an annotated matrix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_obs: Option<u64>,
    /// Variables of an annotated matrix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_vars: Option<u64>,
    /// Stored elements of its sparse matrix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_nnz: Option<u64>,
    /// Further matrices of the same extent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<String>,
    /// Embeddings of its observations, with their extents.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub obsm: BTreeMap<String, Vec<u64>>,
    /// Targets of its perturbations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub perturbations: Vec<String>,
    /// The species it says it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organism: Option<String>,

    /// Files the rows are spread over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shards: Option<u64>,
    /// Shards the names or a manifest promise and that are not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent_shards: Option<u64>,
    /// Members of all shards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<u64>,
    /// Entries of a key-value store, its own included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
    /// Sections its rows are stored in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_groups: Option<u64>,
    /// Batches its rows are stored in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batches: Option<u64>,
    /// Columns of its nested schema that hold values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf_columns: Option<u64>,
    /// How its blocks are compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec: Option<String>,
    /// How the file as a whole is compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<String>,
    /// The program that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Name its schema gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_name: Option<String>,
    /// What it says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its licence, as it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Where it was downloaded or made from, as it says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_urls: Vec<String>,
    /// Tokens of a text corpus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_count: Option<u64>,
    /// The file beside it that says what its bytes mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub described_by: Option<String>,

    /// What separates its fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// Its character set, where that is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Whether it begins with a byte order mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bom: Option<bool>,
    /// Whether its first row names the columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// The resource of a health record exchange: `Patient`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// Modality of images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modality: Option<String>,
    /// Tags of an image's header that are about people, and what they hold.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sensitive_tags: BTreeMap<String, String>,
    /// Institution an image was made at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub institution: Option<String>,
    /// Whether its header says that the identity was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_removed: Option<bool>,
    /// Whether an image's header says that its pixels name the patient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burned_in_annotation: Option<bool>,
    /// What an image's header calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub descrip: Option<String>,
    /// Whether it holds genotypes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub genotype_data: Option<bool>,
    /// How many samples it names; the names are subject keys and stay where they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_count: Option<u64>,
    /// Reference sequences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,

    /// Version of the store's format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zarr_format: Option<u64>,
    /// The newest version of a versioned table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_version: Option<u64>,
    /// Versions that are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<u64>,
    /// Files of the newest version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_files: Option<u64>,
    /// Files that no longer belong to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tombstoned_files: Option<u64>,
    /// Rows that are stored in all, where deleted or replaced ones are among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_still_on_disk: Option<u64>,

    /// SHA-256 of what a pointer stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oid: Option<String>,
    /// MD5 of what a pointer stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    /// Bytes of what a pointer stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Files of what a pointer stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nfiles: Option<u64>,
    /// Where a pointer puts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Name of what a pointer stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points_to: Option<String>,
    /// Where a pointer says the bytes are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_url: Option<String>,
    /// Whether the bytes of a pointer were met in the same scan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_present: Option<bool>,
    /// What it says of the files of a dataset, where it is a log or an index of them. Never written.
    #[serde(skip)]
    pub parts: Option<Arc<Parts>>,
}

/// What a log or an index says of the files of a dataset: the thinking half holds it against the files that are there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// The version of the dataset that this is, or leads to.
    pub version: Option<u64>,
    /// Whether it states all files of its version, and not only what changed.
    pub whole: bool,
    /// Files that belong to it.
    pub added: Vec<Part>,
    /// Files that belong to it no longer, by path.
    pub removed: Vec<String>,
}

/// A file of a dataset, as a log or an index lists it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// Its path below the directory of the dataset; the last component where the writer gives more.
    pub path: String,
    /// Its rows, where that is stated.
    pub rows: Option<u64>,
    /// Rows of it that were deleted and are stored all the same.
    pub deleted: u64,
}

impl Dataset {
    /// Data of one table or several, each under its name; of several, the whole is what [`TableFacts::joined`] says.
    pub fn of_tables(tables: Vec<(String, TableFacts)>) -> Dataset {
        let mut tables = tables;
        if tables.len() == 1
            && let Some((_, table)) = tables.pop()
        {
            return Dataset { table, ..Dataset::default() };
        }
        let mut dataset =
            Dataset { table: TableFacts::joined(tables.iter().map(|(_, table)| table)), ..Dataset::default() };
        for (name, table) in tables {
            keep(&mut dataset.tables, name, table);
        }
        dataset
    }
}

/// Puts a value under a name, under a numbered one where the name is taken: names that were withheld are all alike, and
/// none of what they stand for may be lost.
pub fn keep<T>(into: &mut BTreeMap<String, T>, name: String, value: T) {
    let mut free = name.clone();
    for number in 2u64.. {
        if !into.contains_key(&free) {
            break;
        }
        free = format!("{name} ({number})");
    }
    into.insert(free, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_alike_are_numbered() {
        let mut into = BTreeMap::new();
        (0..3).for_each(|value| keep(&mut into, "[table]".to_owned(), value));
        assert_eq!(
            into.into_iter().collect::<Vec<_>>(),
            [("[table]".to_owned(), 0), ("[table] (2)".to_owned(), 1), ("[table] (3)".to_owned(), 2)]
        );
    }
}
