//! Plants secrets and people where headers carry free text, and looks for them in everything that comes out: no value
//! of a secret or a person ever leaves a parser.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;
use std::path::Path;
use std::process::Command;

/// What must not be seen again.
const CANARY: &str = "C4naryQ7x";

/// Texts that hide a canary, each in its own way.
fn texts() -> Vec<(&'static str, String)> {
    let token = format!("hf_{CANARY}{}", "aB3dE".repeat(6));
    vec![
        ("hub_token", CANARY.to_owned()),
        ("db_password", CANARY.to_owned()),
        ("wandb_key", CANARY.to_owned()),
        ("note", token.clone()),
        ("note2", format!("see {token}, please")),
        ("command", format!("train.py --password {CANARY} --lr 0.1")),
        ("environment", format!("DB_PASSWORD={CANARY}\nLANG=C")),
        ("nested", format!("{{\"db\": {{\"password\": \"{CANARY}\"}}}}")),
        ("url", format!("https://bot:{CANARY}@git.example/x.git")),
        ("url2", format!("https://{CANARY}@git.example/x.git")),
        ("signed", format!("https://s.example/x?X-Amz-Signature={CANARY}&a=1")),
        ("header", format!("Authorization: Bearer {CANARY}")),
        ("pem", format!("-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----")),
        ("contact", format!("{CANARY}@hospital.example")),
        ("patient", CANARY.to_owned()),
        ("home", format!("/home/{CANARY}/runs/7")),
    ]
}

fn safetensors() -> Vec<u8> {
    let metadata: serde_json::Map<_, _> =
        texts().into_iter().map(|(key, text)| (key.to_owned(), text.into())).collect();
    let header =
        serde_json::json!({"__metadata__": metadata, "w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}});
    let header = header.to_string().into_bytes();
    [&(header.len() as u64).to_le_bytes(), header.as_slice(), &[0; 4]].concat()
}

/// A GGUF file of keys and values alone, and one tensor.
fn gguf() -> Vec<u8> {
    let text = |text: &str| [(text.len() as u64).to_le_bytes().as_slice(), text.as_bytes()].concat();
    let mut file =
        [b"GGUF\x03\0\0\0".as_slice(), &1u64.to_le_bytes(), &(texts().len() as u64 + 1).to_le_bytes()].concat();
    let mut pair = |key: &str, value: &str| {
        file.extend([text(key), 8u32.to_le_bytes().to_vec(), text(value)].concat());
    };
    pair("general.architecture", "llama");
    for (key, value) in texts() {
        pair(&format!("general.{key}"), &value);
    }
    let tensor = [text("w"), [1u32.to_le_bytes().as_slice(), &4u64.to_le_bytes(), &[0; 12]].concat()].concat();
    file.extend(tensor);
    file.resize(file.len().next_multiple_of(32) + 16, 0);
    file
}

fn plant(folder: &Path) {
    fs::write(folder.join("model.safetensors"), safetensors()).unwrap();
    fs::write(folder.join("tiny.gguf"), gguf()).unwrap();
    let config = serde_json::json!({
        "model_type": "bert", "architectures": ["BertModel"], "transformers_version": "5.0",
        "_name_or_path": format!("/home/{CANARY}/bert"), "hub_token": CANARY,
        "auto_map": {"AutoModel": format!("https://bot:{CANARY}@h/x--modeling.X")},
    });
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let ssh =
        format!("Host login\n  HostName login.example\n  User alice\n  ProxyCommand sshpass -p {CANARY} ssh jump\n");
    fs::write(folder.join("ssh_config"), ssh).unwrap();
    // A broken header must not be quoted either.
    let broken = format!("{{\"__metadata__\": {{\"password\": {CANARY}}}");
    fs::write(folder.join("broken.safetensors"), [&(broken.len() as u64).to_le_bytes(), broken.as_bytes()].concat())
        .unwrap();
}

/// Tables about people, sound and broken: every value of theirs is a canary.
fn plant_tables(folder: &Path) {
    let row = |at: usize| {
        format!(
            "{CANARY}-{at};{CANARY}son;{CANARY}{at}@hospital.example;0101{at:02}-{CANARY};patient {CANARY} was seen by Dr {CANARY} on 2024-01-{at:02}, call {CANARY}"
        )
    };
    let header = "subject_id;last_name;email;cpr;comment";
    let rows: Vec<String> = (1..30).map(row).collect();
    let csv = format!("{header}\n{}\n", rows.join("\n"));
    fs::write(folder.join("people.csv"), &csv).unwrap();
    fs::write(folder.join("unnamed_export"), &csv).unwrap();
    // Another encoding, rows that are too long and too short, a quote left open.
    let wide: Vec<u8> = csv.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(folder.join("wide.csv"), [b"\xff\xfe".to_vec(), wide].concat()).unwrap();
    fs::write(folder.join("ragged.csv"), format!("{csv}{CANARY};{CANARY}\n{};{CANARY};\"{CANARY}", row(31))).unwrap();
    let record = |at: usize| {
        serde_json::json!({"subject_id": format!("{CANARY}-{at}"), "name": {"family": CANARY}, "birthDate": "1980-01-02",
            "notes": [format!("{CANARY} called"), CANARY], "resourceType": "Patient", "id": format!("{CANARY}{at}"),
            "identifier": [{"value": format!("{CANARY}{at}")}], "telecom": [{"value": CANARY}]})
        .to_string()
    };
    let records: Vec<String> = (0..30).map(record).collect();
    let plain: Vec<String> = records.iter().map(|record| record.replace("resourceType", "sort")).collect();
    fs::write(folder.join("people.jsonl"), plain.join("\n") + &format!("\n{{\"broken\": {CANARY}\n")).unwrap();
    fs::write(folder.join("people.json"), format!("[{},{{\"cut\": \"{CANARY}", plain.join(","))).unwrap();
    fs::write(folder.join("Patient.ndjson"), records.join("\n") + &format!("\n{{\"resourceType\": {CANARY}\n"))
        .unwrap();
    let vcf = format!(
        "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n##SAMPLE=<ID={CANARY}>\n\
         #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{CANARY}1\t{CANARY}2\n\
         chr1\t100\trs1\tA\tG\t.\tPASS\t.\tGT\t0/1\t1/1\n"
    );
    fs::write(folder.join("cohort.vcf"), vcf).unwrap();
}

#[test]
fn no_value_of_a_table_is_in_any_output() {
    let folder = tempfile::tempdir().unwrap();
    plant_tables(folder.path());
    for format in ["jsonl", "json", "table"] {
        let output = Command::new(env!("CARGO_BIN_EXE_blastmap"))
            .args(["scan", "-v", "--isolated", "--depth", "full", "--format", format])
            .arg(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success());
        for text in [&output.stdout, &output.stderr] {
            let text = String::from_utf8_lossy(text);
            let seen: Vec<&str> = text.lines().filter(|line| line.contains(CANARY)).collect();
            assert!(seen.is_empty(), "{format}: {seen:#?}");
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let files = [
            "people.csv",
            "unnamed_export",
            "wide.csv",
            "ragged.csv",
            "people.jsonl",
            "people.json",
            "Patient.ndjson",
            "cohort.vcf",
        ];
        for name in files.into_iter().filter(|_| format == "jsonl") {
            let line = text.lines().find(|line| line.contains("\"asset\"") && line.contains(name));
            assert!(line.is_some(), "{name} was not read");
        }
    }
}

#[test]
fn no_canary_is_in_any_output() {
    let folder = tempfile::tempdir().unwrap();
    plant(folder.path());
    let mut found = 0;
    for format in [["--format", "jsonl"], ["--format", "json"], ["--format", "table"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_blastmap"))
            .args(["scan", "-v", "--isolated", "--depth", "full"])
            .args(format)
            .arg(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success());
        for text in [&output.stdout, &output.stderr] {
            let text = String::from_utf8_lossy(text);
            let seen: Vec<&str> = text.lines().filter(|line| line.contains(CANARY)).collect();
            assert!(seen.is_empty(), "{format:?}: {seen:#?}");
            found += usize::from(text.contains("gguf") && text.contains("ssh-config"));
        }
    }
    assert!(found >= 2, "the files that hold the canaries were not read");
}
