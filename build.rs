//! Embeds `signatures/` into the binary: one table row a file, in order of path; `personal/` in a table of its own.
//!
//! A generated table rather than a directory-embedding macro, since those do not see a file that was added.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=signatures");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("signatures");
    let mut files = Vec::new();
    list(&root, &mut files)?;
    files.sort();
    // Classes of personal data are the tables' business, everything else recognises files.
    let (personal, signatures): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| file.starts_with(root.join("personal")));
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("signatures.rs"), table(&root, &signatures))?;
    fs::write(out.join("personal.rs"), table(&root, &personal))
}

fn table(root: &Path, files: &[PathBuf]) -> String {
    let mut table = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(file).to_string_lossy().replace('\\', "/");
        // `{:?}` writes a Rust string literal.
        let _ = writeln!(table, "    ({name:?}, include_str!({:?})),", file.to_string_lossy());
    }
    table.push(']');
    table
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    Ok(())
}
