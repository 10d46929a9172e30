//! How many runs an estate holds, and that looking leaves no trace.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod forge;

use std::collections::BTreeMap;
use std::path::Path;

use blastmap::model::{Inventory, Project, RelationKind};
use forge::runs::Estate;

fn id(number: u32, digits: usize) -> String {
    // Any bijection that looks like a key.
    format!("{:0digits$x}", u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))[..digits]
        .to_owned()
}

/// 113 runs over six trackers, with everything that makes counting hard.
fn estate(root: &Path) {
    let estate = Estate::new(root);
    // 20 of MLflow: three inside of another, one deleted, one of a deleted experiment.
    for run in 0..20 {
        let key = id(1000 + run, 32);
        let (place, stage) = match run {
            18 => ("proj/mlruns/1", "deleted"),
            19 => ("proj/mlruns/.trash/2", "deleted"),
            _ => ("proj/mlruns/1", "active"),
        };
        let parent = id(1000, 32);
        estate.mlflow(&format!("{place}/{key}"), &key, stage, (1..4).contains(&run).then_some(parent.as_str()));
    }
    estate.write(
        "proj/mlruns/1/meta.yaml",
        "artifact_location: file:///srv/mlruns/1\nexperiment_id: '1'\nlifecycle_stage: active\nname: pert\n",
    );
    // 25 of Weights & Biases: four resumed, three copied to a backup.
    for run in 0..25 {
        let key = id(2000 + run, 8);
        let kind = if run < 5 { "offline-run" } else { "run" };
        estate.wandb(&format!("proj/wandb/{kind}-20260201_10{run:02}00-{key}"), &key);
        if run < 4 {
            estate.wandb(&format!("proj/wandb/{kind}-20260202_10{run:02}00-{key}"), &key);
        }
        if run > 21 {
            estate.wandb(&format!("backup/wandb/{kind}-20260201_10{run:02}00-{key}"), &key);
        }
    }
    // 22 of TensorBoard: three restarted, four with their hyper-parameters in a directory, one copied.
    for run in 0..22 {
        let place = format!("proj/runs/exp_{run:02}");
        let name = format!("events.out.tfevents.17700000{run:02}.gpu-node-07.{}.0", 5000 + run);
        estate.events(&place, &name, 5);
        if run < 3 {
            estate.events(&place, &format!("events.out.tfevents.17700900{run:02}.gpu-node-07.{}.0", 6000 + run), 3);
        }
        if run == 21 {
            estate.events("backup/runs/exp_21", &name, 5);
        }
    }
    // 15 of Hydra, two of which log to TensorBoard as well.
    for run in 0..10 {
        estate.hydra(&format!("proj/multirun/2026-02-01/10-00-00/{run}"), &format!("- optim.lr=0.{run}\n"));
    }
    for run in 0..5 {
        let place = format!("proj/outputs/2026-02-0{}/11-30-00", run + 1);
        estate.hydra(&place, "[]\n");
        if run < 2 {
            estate.events(&format!("{place}/tb"), &format!("events.out.tfevents.177100000{run}.gpu-node-07.70.0"), 2);
        }
    }
    // 20 jobs of Slurm, five with an error stream; ten more jobs say which run of Weights & Biases they are.
    for job in 0..20 {
        estate.slurm(&format!("cluster/logs/slurm-{}.out", 600_000 + job), 600_000 + job, "");
        if job < 5 {
            estate.write(
                &format!("cluster/logs/slurm-{}.err", 600_000 + job),
                "slurmstepd: error: *** JOB CANCELLED ***\n",
            );
        }
    }
    for job in 0..10 {
        let key = id(2005 + job, 8);
        let more =
            format!("wandb: Run data is saved locally in /srv/proj/wandb/run-20260201_10{:02}00-{key}\n", 5 + job);
        estate.slurm(&format!("cluster/logs/slurm-{}.out", 700_000 + job), 700_000 + job, &more);
    }
    // 11 of Lightning.
    for version in 0..11 {
        estate.lightning(&format!("proj/lightning_logs/version_{version}"), version);
    }
}

fn scanned(root: &Path) -> Inventory {
    forge::place::inventory(&forge::place::plan(root))
}

fn sum(inventory: &Inventory, of: impl Fn(&Project) -> u64) -> u64 {
    inventory.projects.iter().map(of).sum()
}

#[test]
fn a_hundred_and_thirteen_runs_are_counted() {
    let place = tempfile::tempdir().unwrap();
    estate(place.path());
    let inventory = scanned(place.path());
    let mut trackers: BTreeMap<&str, u64> = BTreeMap::new();
    for (format, runs) in inventory.projects.iter().flat_map(|project| &project.tracker_runs) {
        *trackers.entry(format).or_default() += runs;
    }
    let logged = [
        ("hydra", 15),
        ("lightning-logs", 11),
        ("mlflow-files", 20),
        ("slurm-log", 30),
        ("tfevents", 22 + 1 + 2),
        ("wandb", 20 + 3),
        ("wandb-offline", 5 + 4),
    ];
    assert_eq!(trackers, BTreeMap::from(logged));
    assert_eq!(sum(&inventory, |project| project.distinct.len() as u64), 113);
    assert_eq!(sum(&inventory, |project| project.deleted), 2);
    // Every joint says why.
    let joints = inventory.relations.iter().filter(|edge| edge.kind == RelationKind::SameRun);
    assert!(joints.clone().count() >= 20 && joints.into_iter().all(|edge| edge.evidence.len() == 2));
}

#[test]
fn fewer_runs_are_fewer() {
    let place = tempfile::tempdir().unwrap();
    estate(place.path());
    std::fs::remove_dir_all(place.path().join("proj/lightning_logs/version_3")).unwrap();
    std::fs::remove_dir_all(place.path().join(format!("proj/mlruns/1/{}", id(1005, 32)))).unwrap();
    // What remains of a run that was logged twice is still that run.
    std::fs::remove_file(place.path().join("cluster/logs/slurm-700000.out")).unwrap();
    assert_eq!(sum(&scanned(place.path()), |project| project.distinct.len() as u64), 111);
}
