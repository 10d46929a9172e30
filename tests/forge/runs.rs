//! What trackers write about a run, as little of it as makes one.

use std::path::{Path, PathBuf};

/// A tree of files to be.
pub struct Estate {
    root: PathBuf,
}

impl Estate {
    pub fn new(root: &Path) -> Estate {
        Estate { root: root.to_owned() }
    }

    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// MLflow's file store, 2.x: `directory` is the run's.
    pub fn mlflow(&self, directory: &str, id: &str, stage: &str, parent: Option<&str>) {
        let meta = format!(
            "artifact_uri: file:///srv/{directory}/artifacts\nend_time: 1717000100000\nentry_point_name: ''\n\
             experiment_id: '1'\nlifecycle_stage: {stage}\nrun_id: {id}\nrun_name: r-{id}\nrun_uuid: {id}\n\
             start_time: 1717000000000\nstatus: 3\nuser_id: alice\n"
        );
        self.write(&format!("{directory}/meta.yaml"), meta);
        self.write(&format!("{directory}/params/lr"), "0.1");
        self.write(&format!("{directory}/metrics/auc"), "1717000000000 0.5 0\n");
        if let Some(parent) = parent {
            self.write(&format!("{directory}/tags/mlflow.parentRunId"), parent);
        }
    }

    /// A directory of Weights & Biases; resumed runs have several.
    pub fn wandb(&self, directory: &str, id: &str) {
        // Record 17 is the run: 1 id, 3 project.
        let run = message(17, &[message(1, &[id.as_bytes().to_vec()]), message(3, &[b"pert".to_vec()])]);
        self.write(&format!("{directory}/run-{id}.wandb"), wandb_log(&run));
        let metadata = format!(
            "{{\"host\": \"gpu-node-07\", \"program\": \"train.py\", \"startedAt\": \"2026-02-01T0{}:00:00\"}}",
            id.len() % 10
        );
        self.write(&format!("{directory}/files/wandb-metadata.json"), metadata);
        self.write(&format!("{directory}/files/config.yaml"), "wandb_version: 1\nlr:\n  desc: null\n  value: 0.1\n");
    }

    /// One event file of TensorBoard with a scalar.
    pub fn events(&self, directory: &str, name: &str, steps: u64) {
        let mut bytes = frame(&[&[9], [0u8; 8].as_slice(), &message(3, &[b"brain.Event:2".to_vec()])].concat());
        for step in 1..=steps {
            // Event: 2 step, 5 summary {1 value {1 tag, 2 simple_value}}.
            let value = [message(1, &[b"loss".to_vec()]), [&[0x15][..], &0.5f32.to_le_bytes()].concat()].concat();
            let event = [vec![0x10, u8::try_from(step).unwrap()], message(5, &[message(1, &[value])])].concat();
            bytes.extend(frame(&event));
        }
        self.write(&format!("{directory}/{name}"), bytes);
    }

    /// A job of Hydra.
    pub fn hydra(&self, directory: &str, overrides: &str) {
        self.write(
            &format!("{directory}/.hydra/config.yaml"),
            "optim:\n  lr: 0.1\ndata:\n  path: /data/p/train.h5ad\n",
        );
        self.write(&format!("{directory}/.hydra/overrides.yaml"), overrides);
        let hydra = format!(
            "hydra:\n  run:\n    dir: outputs\n  job:\n    name: app\n  runtime:\n    version: 1.3.2\n    output_dir: /srv/{directory}\n"
        );
        self.write(&format!("{directory}/.hydra/hydra.yaml"), hydra);
        self.write(&format!("{directory}/app.log"), "[2026-02-01 10:00:00,000][__main__][INFO] - done\n");
    }

    /// A version of Lightning's logger.
    pub fn lightning(&self, directory: &str, lr: usize) {
        self.write(&format!("{directory}/hparams.yaml"), format!("hidden: 12\nlr: 0.{lr:02}\n"));
        self.write(&format!("{directory}/metrics.csv"), format!("epoch,step,train_loss\n0,1,0.{lr:02}\n1,2,0.1\n"));
    }

    /// What Slurm kept of a job.
    pub fn slurm(&self, path: &str, job: u32, more: &str) {
        let text = format!(
            "SLURM_JOB_ID={job}\nSLURM_JOB_NODELIST=gpu-node-[03-04]\nSLURM_JOB_USER=alice\nSLURM_JOB_NAME=pert\n\
             srun python train.py --data /data/p/train.h5ad --out /scratch/out/{job}\n\
             step 10 loss 0.91\nstep 20 loss 0.81\nstep 30 loss 0.{job}\n{more}"
        );
        self.write(path, text);
    }
}

/// A field of a message, of wire type 2.
fn message(number: u64, parts: &[Vec<u8>]) -> Vec<u8> {
    let body = parts.concat();
    let mut out = varint(number << 3 | 2);
    out.extend(varint(body.len() as u64));
    out.extend(body);
    out
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while number > 0x7f {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
    out
}

/// A log of one record that fits a block, after `wandb/sdk/internal/datastore.py`.
fn wandb_log(record: &[u8]) -> Vec<u8> {
    let mut out = b":W&B\xe1\xbe\x00".to_vec();
    let mut crc = flate2::Crc::new();
    crc.update(&[1]);
    crc.update(record);
    out.extend(crc.sum().to_le_bytes());
    out.extend((record.len() as u16).to_le_bytes());
    out.push(1);
    out.extend(record);
    out
}

/// A record of TFRecord: length, its masked checksum, data, its masked checksum.
fn frame(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked(&length).to_le_bytes(), data, &masked(data).to_le_bytes()].concat()
}

fn masked(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 })
    });
    (!crc).rotate_right(15).wrapping_add(0xa282_ead8)
}
