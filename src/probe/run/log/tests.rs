//! Logs of every sort, and texts that look like them.

use super::*;
use crate::blob::Memory;

type Look = fn(&Input) -> Result<Finding, ProbeError>;

fn look(probe: Look, name: &str, text: &str) -> Option<Run> {
    let blob = Memory::new(text.as_bytes());
    let head = &text.as_bytes()[..text.len().min(4096)];
    match probe(&Input { name: name.as_bytes(), ..Input::new(&blob, head) }) {
        Ok(finding) => Some(finding.fact.run().unwrap().clone()),
        Err(ProbeError::NotMine) => None,
        Err(error) => panic!("{error}"),
    }
}

const EACH: [Look; 5] = [slurm, pbs, lsf, submitit, training];

#[test]
fn the_patterns_are_patterns() {
    assert!(patterns::each().iter().all(|rule| !rule.as_str().is_empty()));
    assert_eq!(patterns::signs("").count(), 0);
}

#[test]
fn a_job_of_slurm() {
    let text = "Job 481300 (pert-ft) on cn-[01-03], partition h100, user bo, started 2024-06-08T21:13:20Z\n\
        + srun torchrun --nnodes=3 --nproc_per_node=4 --rdzv_endpoint=cn-01:29500 ft.py --train-data /data/ft.parquet\n\
        export WANDB_API_KEY=canary0123456789abcdef0123456789abcdef01\n\
        [rank0]: world_size=12 backend=nccl\n\
        wandb: View run at https://wandb.ai/acme/pert/runs/ab12cd34\n\
        step 10 | loss 1.5\nstep 20 | loss 0.9\n\
        saving checkpoint to /scratch/bo/out/checkpoint-20.pt\n\
        slurmstepd: error: *** JOB 481300 ON cn-01 CANCELLED AT 2024-06-03T11:00:00 DUE TO TIME LIMIT ***\n";
    for name in ["slurm-481300.out", "a/slurm-481300_7.err", "ft_481300.log"] {
        let run = look(slurm, name, text).unwrap();
        assert_eq!(run.nodes, ["cn-01", "cn-02", "cn-03"]);
        assert_eq!(run.head_node.as_deref(), Some("cn-01"));
        assert_eq!((run.partition.as_deref(), run.user.as_deref()), (Some("h100"), Some("bo")));
        assert_eq!((run.world_size, run.last_step, run.failed), (Some(12), Some(20), Some(true)));
        assert_eq!(run.checkpoint_path.as_deref(), Some("/scratch/bo/out/checkpoint-20.pt"));
        assert_eq!(run.dataset_path.as_deref(), Some("/data/ft.parquet"));
        assert_eq!((run.wandb_run_id.as_deref(), run.entity.as_deref()), (Some("ab12cd34"), Some("acme")));
        assert_eq!(run.started.as_deref(), Some("2024-06-08T21:13:20Z"));
        assert_eq!(run.environment_leaks, ["WANDB_API_KEY"]);
        assert!(!format!("{run:?}").contains("canary"));
        let id = if name.contains("_7") { "481300_7" } else { "481300" };
        assert_eq!(run.run_id.as_deref(), Some(id));
        assert!(look(training, name, text).is_none());
    }
}

#[test]
fn variables_of_a_job() {
    let text = "SLURM_JOB_ID=77123\nSLURM_JOB_NODELIST=gpu07\nSLURM_JOB_PARTITION=gpu\nSLURM_JOB_NAME=embed\nUSER=carol\n\
        Loading dataset from s3://acme/cohort/train.parquet\nepoch 1 loss 0.5\nepoch 2 loss 0.4\n";
    let run = look(slurm, "embed.log", text).unwrap();
    assert_eq!((run.run_id.as_deref(), run.hostname.as_deref()), (Some("77123"), Some("gpu07")));
    assert_eq!((run.job_name.as_deref(), run.user.as_deref()), (Some("embed"), Some("carol")));
    assert_eq!(run.dataset_path.as_deref(), Some("s3://acme/cohort/train.parquet"));
    assert_eq!(run.failed, Some(false));
}

#[test]
fn a_task_of_an_array() {
    let steps = "SLURM_NNODES=1\nepoch 1 loss 0.5\nepoch 2 loss 0.4\n";
    let id = |name: &str, text: &str| look(slurm, name, &format!("{text}{steps}")).unwrap().run_id.unwrap();
    let both = "SLURM_ARRAY_JOB_ID=773412\nSLURM_ARRAY_TASK_ID=4\n";
    for name in ["out.log", "seed_1234.log", "slurm-773416.out", "slurm-773412_4.out", "x/job-773412_4.out"] {
        assert_eq!(id(name, both), "773412_4", "{name}");
        assert_eq!(id(name, &format!("SLURM_JOB_ID=773416\n{both}")), "773412_4", "{name}");
    }
    assert_eq!(id("a.log", "Array job ID: 773412, array task ID: 0\n"), "773412_0");
    assert!(look(slurm, "a.log", both).is_some_and(|run| run.run_id.as_deref() == Some("773412_4")));
    assert!(look(training, "a.log", &format!("{both}{steps}")).is_none());
    // By its name alone, and beside the number of the task.
    for (name, said, want) in [
        ("job-773412_4.out", "", "773412_4"),
        ("arr_9003_7.log", "", "9003_7"),
        ("bert-9003.log", "", "9003"),
        ("job-773412_4.out", "SLURM_JOB_ID=773412\n", "773412_4"),
        ("job-773412_4.out", "SLURM_JOB_ID=773416\n", "773412_4"),
        ("model_512_4.log", "SLURM_JOB_ID=773416\n", "773416"),
        ("bert_20240603_1.log", "SLURM_JOB_ID=773416\n", "773416"),
        ("bert_20240603.log", "", "bert_20240603"),
        ("train.log", "", "train"),
        ("v100.log", "", "v100"),
    ] {
        assert_eq!(id(name, said), want, "{name}: {said}");
    }
}

#[test]
fn without_a_key_the_name_of_the_file_is_one() {
    let text = "Epoch 1 step 100 loss 0.5\nEpoch 1 step 200 loss 0.4\nEpoch 1 step 300 loss 0.3\n";
    for (name, want) in [("d/nohup.out", "nohup"), ("d/fold.2.log", "fold.2"), (".log", ".log"), ("log", "log")] {
        assert_eq!(look(training, name, text).unwrap().run_id.as_deref(), Some(want), "{name}");
    }
    let text = format!("PBS_QUEUE=gpuq\n{text}");
    assert_eq!(look(pbs, "d/embed.log", &text).unwrap().run_id.as_deref(), Some("embed"));
}

#[test]
fn a_job_that_introduces_itself_line_by_line() {
    let text =
        "Job ID: 5501\nJob name: bert\nNode list: gpu[1-2]\nPartition: gpu-long\nstep=10, skipped=0, lr=[0.0001]\n";
    let run = look(slurm, "bert_5501.out", text).unwrap();
    assert_eq!((run.run_id.as_deref(), run.job_name.as_deref()), (Some("5501"), Some("bert")));
    assert_eq!(
        (&run.nodes[..], run.partition.as_deref()),
        (&["gpu1".to_owned(), "gpu2".to_owned()][..], Some("gpu-long"))
    );
    assert_eq!(run.last_step, Some(10));
}

#[test]
fn a_job_of_pbs() {
    let text =
        "PBS_JOBID=8812.pbs01\nPBS_O_WORKDIR=/scratch/dora/run\nPBS_QUEUE=gpuq\nstep 1 loss 0.5\nstep 2 loss 0.4\n";
    let run = look(pbs, "train.o8812", text).unwrap();
    assert_eq!((run.run_id.as_deref(), run.job_name.as_deref()), (Some("8812"), Some("train")));
    assert_eq!((run.partition.as_deref(), run.working_directory.as_deref()), (Some("gpuq"), Some("/scratch/dora/run")));
    assert!(look(slurm, "train.o8812", text).is_none() && look(training, "train.o8812", text).is_none());
    assert!(look(pbs, "module.o12", "linker notes\n").is_none());
}

#[test]
fn a_job_of_lsf() {
    let text = "Sender: LSF System <lsfadmin@node12>\nSubject: Job 99123: <tox-train> in cluster <acme> Exited\n\n\
        Job <tox-train> was submitted from host <login1> by user <erik> in cluster <acme> at Mon Jun  3 10:00:00 2024\n\
        Job was executed on host(s) <4*node12>, in queue <gpu>, as user <erik> in cluster <acme>\n\
        \u{20}                          <4*node13>\n</work/erik> was used as the working directory.\n\
        # LSBATCH: User input\npython train.py --data /data/tox.parquet\n------------\n\
        TERM_RUNLIMIT: job killed after reaching LSF run time limit.\nExited with exit code 140.\n\
        The output (if any) follows:\n\nstep 5 loss 0.25\n";
    let run = look(lsf, "tox.99123.out", text).unwrap();
    assert_eq!((run.run_id.as_deref(), run.job_name.as_deref()), (Some("99123"), Some("tox-train")));
    assert_eq!(run.nodes, ["node12", "node13"]);
    assert_eq!((run.user.as_deref(), run.partition.as_deref()), (Some("erik"), Some("gpu")));
    assert_eq!((run.failed, run.status.as_deref(), run.last_step), (Some(true), Some("TERM_RUNLIMIT"), Some(5)));
    assert_eq!(run.dataset_path.as_deref(), Some("/data/tox.parquet"));
}

#[test]
fn a_job_of_submitit() {
    let text = "submitit INFO (2026-11-22 05:46:18,008) - Starting with JobEnvironment(job_id=8512_3, hostname=vm7, local_rank=0(1))\n\
        submitit ERROR (2026-11-22 05:46:18,010) - Submitted job triggered an exception\n";
    let run = look(submitit, "8512_3_0_log.out", text).unwrap();
    assert_eq!((run.run_id.as_deref(), run.hostname.as_deref(), run.failed), (Some("8512_3"), Some("vm7"), Some(true)));
}

#[test]
fn trainings_without_a_scheduler() {
    for text in [
        "Epoch 1 step 100 loss 0.5\nEpoch 1 step 200 loss 0.4\nEpoch 1 step 300 loss 0.3\n",
        "2024-06-01 10:00:00,123 - INFO - iter: 100, lr: 1e-4, loss: 0.5\n2024-06-01 - INFO - iter: 200, lr: 1e-4, loss: 0.4\n\
            2024 - INFO - iter: 300, lr: 1e-4, loss: 0.3\n",
        "{'loss': 0.69, 'learning_rate': 4e-05, 'epoch': 0.5}\n{'loss': 0.68, 'learning_rate': 3e-05, 'epoch': 1.0}\n\
            {'loss': 0.67, 'learning_rate': 2e-05, 'epoch': 1.5}\n",
        "Epoch(train) [1][50/300] lr: 1.0e-02 loss: 0.5\nEpoch(train) [1][100/300] lr: 1.0e-02 loss: 0.4\n\
            Epoch(train) [1][150/300] lr: 1.0e-02 loss: 0.4\n",
        "Epoch 1/3\n10/10 ━━━━ 1s 5ms/step - accuracy: 0.51 - loss: 0.69\nEpoch 2/3\n10/10 ━━━━ 1s 5ms/step - accuracy: 0.6 - loss: 0.6\n\
            Epoch 3/3\n10/10 ━━━━ 0s - accuracy: 0.7 - loss: 0.5\n",
        "Epoch 0\nCurrent learning rate: 0.01\ntrain_loss -0.05\nEpoch 1\ntrain_loss -0.07\nEpoch 2\ntrain_loss -0.08\n",
    ] {
        assert!(look(training, "nohup.out", text).is_some(), "{text}");
    }
}

#[test]
fn texts_that_look_like_logs() {
    for (name, text) in [
        ("slurm.out", "Slurm soup: boil 2 nodes of celery. Partition the onions. srun to the shop first.\n"),
        ("slurm-juice.out", "step 1: press the fruit | loss of juice 3 percent\n"),
        ("slurm-4711.out", "step 1: press the fruit\nstep 2: drink it\n"),
        (
            "access.log",
            "10.0.0.1 - - \"GET /m?step=5&loss=0.31 HTTP/1.1\" 200\n10.0.0.1 - - \"GET /m?step=6&loss=0.32 HTTP/1.1\" 200\n\
            10.0.0.1 - - \"GET /m?step=7&loss=0.33 HTTP/1.1\" 200\n",
        ),
        (
            "build.log",
            "Step 1/8 : FROM python\nStep 2/8 : RUN pip install\nStep 3/8 : COPY . .\n[ 50%] Building\nwarning: loss of precision 3.0\n",
        ),
        ("slurmctld.log", "[2024-06-03T10:00:00] sched: Allocate JobId=481200 NodeList=gpu-07\nSLURM_JOB_ID=1\n"),
        ("notes.log", "Use srun and set SLURM_NTASKS in your script.\n"),
        ("install.log", "job 12 of 40 done\nTraceback (most recent call last):\n"),
        ("net.log", "update 4: packet loss 0.5%\nupdate 5: packet loss 0.7%\nupdate 6: packet loss 0.9%\n"),
        (
            "md.log",
            "Step 100 Energy -123.45 rmse 0.01\nStep 200 Energy -123.46 rmse 0.02\nStep 300 Energy -1.4 rmse 0.03\n",
        ),
        ("empty.out", "\n"),
    ] {
        for probe in EACH {
            assert!(look(probe, name, text).is_none(), "{name}");
        }
    }
}

#[test]
fn of_a_long_log_both_ends_are_read() {
    let mut text = "SLURM_JOB_ID=5012\nstep 1 loss 0.5\nstep 2 loss 0.4\n".to_owned();
    text.push_str(&"some output of the program\n".repeat(300_000));
    text.push_str("step 900 loss 0.1\n");
    let blob = Memory::new(text.as_bytes());
    let finding = slurm(&Input { name: b"x.out", ..Input::new(&blob, &text.as_bytes()[..4096]) }).unwrap();
    assert_eq!(finding.fact.run().unwrap().last_step, Some(900));
    assert!(matches!(finding.notes[..], [(Cause::OverBudget, _)]));
}

#[test]
fn hostile_texts() {
    let lines = [
        "[".repeat(100_000),
        "job ".repeat(50_000),
        "step=".repeat(60_000),
        "\u{1b}[".repeat(50_000),
        "+ python ".repeat(9_000),
    ];
    for probe in EACH {
        let _ = look(probe, "slurm-12.out", &lines.join("\n"));
    }
}
