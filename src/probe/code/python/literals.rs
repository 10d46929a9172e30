//! Texts in a source that are paths of data, models and outputs.

/// Endings of files that hold data, weights or configuration of a training.
const ENDINGS: &[&str] = &[
    "arrow",
    "bam",
    "bed",
    "bin",
    "ckpt",
    "csv",
    "db",
    "dcm",
    "edf",
    "fa",
    "fasta",
    "fastq",
    "feather",
    "gguf",
    "gz",
    "h5",
    "h5ad",
    "h5mu",
    "hdf5",
    "ipynb",
    "joblib",
    "json",
    "jsonl",
    "keras",
    "lmdb",
    "loom",
    "mat",
    "mtx",
    "nc",
    "ndjson",
    "nii",
    "npy",
    "npz",
    "onnx",
    "parquet",
    "pdparams",
    "pickle",
    "pkl",
    "pt",
    "pth",
    "rds",
    "safetensors",
    "sas7bdat",
    "sav",
    "sqlite",
    "tar",
    "tfrecord",
    "tsv",
    "vcf",
    "xlsx",
    "xpt",
    "yaml",
    "yml",
    "zarr",
    "zip",
    "zst",
];
/// Schemes of stores.
const SCHEMES: [&str; 9] = ["s3://", "gs://", "hdfs://", "az://", "abfs://", "abfss://", "dbfs:/", "file://", "oss://"];
/// Where Unix keeps what is no route of a web application.
const ROOTS: &[&str] = &[
    "beegfs",
    "ceph",
    "checkpoints",
    "cluster",
    "content",
    "data",
    "datasets",
    "dbfs",
    "efs",
    "export",
    "fsx",
    "gpfs",
    "gscratch",
    "home",
    "kaggle",
    "lustre",
    "mnt",
    "models",
    "nas",
    "nfs",
    "nvme",
    "opt",
    "output",
    "pfs",
    "project",
    "projects",
    "raid",
    "root",
    "scratch",
    "shared",
    "srv",
    "ssd",
    "storage",
    "tmp",
    "users",
    "usr",
    "var",
    "vol",
    "volumes",
    "work",
    "workspace",
];
const LONGEST: usize = 300;

/// Whether a text is the path of a file or directory that a training reads or writes.
pub(crate) fn is_path(text: &str) -> bool {
    if text.len() < 4
        || text.len() > LONGEST
        || text.contains(char::is_whitespace)
        || text.contains(['<', '>', '|', '\\', '^', '$', '(', '"', '\'', ',', ';'])
    {
        return false;
    }
    if SCHEMES.iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| rest.len() > 2)) {
        return true;
    }
    if text.contains("://") {
        return false;
    }
    let is_rooted = text.strip_prefix('/').or_else(|| text.strip_prefix("~/")).is_some_and(|rest| {
        let (first, rest) = rest.split_once('/').unwrap_or((rest, ""));
        (ROOTS.contains(&first.to_ascii_lowercase().as_str()) && !rest.is_empty()) || text.starts_with('~')
    });
    is_rooted || has_ending(text)
}

/// Whether a text ends like a file of data, and has a name in front of that.
fn has_ending(text: &str) -> bool {
    let base = text.rsplit('/').next().unwrap_or_default();
    let Some((stem, ending)) = base.rsplit_once('.') else { return false };
    let named = stem.chars().any(char::is_alphanumeric);
    named && ENDINGS.binary_search(&ending.to_ascii_lowercase().as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_what_only_looks_like_one() {
        assert!(ENDINGS.is_sorted());
        for path in ["/data/atlas/train.h5ad", "s3://acme/x", "ckpt/last.pt", "~/runs", "../x.parquet", "{out}/a.csv"] {
            assert!(is_path(path), "{path}");
        }
        for text in ["/api/v1/users", "https://example.org/a.csv", "a b.csv", "torch.nn", ".csv", "x", "*.[ch]sv"] {
            assert!(!is_path(text), "{text}");
        }
    }
}
