//! temporary
#![allow(clippy::print_stdout, clippy::unwrap_used)]
use std::io::Write;
fn main() {
    let sigs = blastmap::signature::Signatures::embedded().unwrap_or_else(|e| panic!("{e}"));
    for p in sigs.check(&|_| None, &|id| blastmap::probe::of(id).is_some() || blastmap::unpack::of(id).is_some()) {
        eprintln!("{}: {}", p.id, p.what)
    }
    let plan = blastmap::scan::Plan {
        places: std::env::args_os().skip(1).map(|a| blastmap::scan::Place::Path(a.into())).collect(),
        ..Default::default()
    };
    let s = blastmap::scan::survey(&plan, &sigs, &Default::default(), &Default::default())
        .unwrap_or_else(|e| panic!("{e}"));
    let inv = blastmap::inventory(s);
    let mut out = std::io::BufWriter::new(std::io::stdout());
    blastmap::report::write_jsonl(&inv, &mut out).unwrap();
    out.flush().unwrap();
}
