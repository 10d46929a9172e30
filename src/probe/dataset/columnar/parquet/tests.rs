use super::*;
use crate::blob::Memory;

const SCREEN: &[u8] = include_bytes!("../../../../../fixtures/corpus/datasets/parquet/screen.parquet");
const NESTED: &[u8] = include_bytes!("../../../../../fixtures/corpus/datasets/parquet/nested.parquet");

fn run(bytes: &[u8]) -> Result<(Dataset, Vec<Cause>), ProbeError> {
    let blob = Memory::new(bytes);
    let finding = probe(&Input::new(&blob, &bytes[..bytes.len().min(4096)]))?;
    let Fact::Dataset(dataset) = finding.fact else { panic!("facts of another family") };
    Ok((*dataset, finding.notes.into_iter().map(|(cause, _)| cause).collect()))
}

#[test]
fn rows_and_columns_are_read() {
    let (dataset, notes) = run(SCREEN).unwrap();
    assert_eq!((dataset.table.row_count, dataset.row_groups, notes), (Some(24), Some(1), vec![]));
    assert_eq!(dataset.table.columns.len(), 7);
    // Every row was handed over.
    assert!(dataset.table.sketch.unwrap().rows.is_some());
    let (dataset, notes) = run(NESTED).unwrap();
    assert_eq!((dataset.table.column_count, dataset.leaf_columns, notes), (Some(2), Some(3), vec![]));
}

#[test]
fn names_alone_where_rows_are_not_wanted() {
    let blob = Memory::new(SCREEN);
    let finding = probe(&Input { rows: false, ..Input::new(&blob, SCREEN) }).unwrap();
    let dataset = finding.fact.dataset().unwrap();
    assert_eq!((dataset.table.row_count, dataset.table.columns.len()), (Some(24), 7));
    assert!(!dataset.table.row_count_estimated && finding.notes.is_empty());
}

#[test]
fn others_and_cut_files() {
    assert!(matches!(run(b"oak parquet, 12 m2"), Err(ProbeError::NotMine)));
    for size in (4..SCREEN.len()).step_by(7) {
        assert!(run(&SCREEN[..size]).is_err(), "{size}");
    }
    let locked = [b"PARE".as_slice(), &[0; 20], &20u32.to_le_bytes(), b"PARE"].concat();
    assert_eq!(run(&locked).unwrap().1, [Cause::Encrypted]);
    let long = [b"PAR1".as_slice(), &[0; 20], &u32::MAX.to_le_bytes(), b"PAR1"].concat();
    assert!(matches!(run(&long), Err(ProbeError::Malformed(_))));
}

#[test]
fn bent_files_are_no_panic() {
    for file in [SCREEN, NESTED] {
        for at in 0..file.len() {
            let mut bent = file.to_vec();
            bent[at] ^= 1 << (at % 8);
            let _ = run(&bent);
        }
    }
}
