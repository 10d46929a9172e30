//! Plants secrets and people where headers carry free text, and looks for them in everything that comes out: no value
//! of a secret or a person ever leaves a parser.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fs;
use std::path::Path;
use std::process::Command;

mod forge;

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

/// What must not be seen again of a name: letters alone.
const NAME: &str = "Canaryholm";

/// People where columns, tables and sheets have their names: records that nothing names, a column or a table a patient.
fn plant_names(folder: &Path) -> Vec<&'static str> {
    let given = ["Anna", "Bo", "Carl", "Dorte", "Erik", "Frida", "Gert", "Hanne", "Ida", "Jens", "Karen", "Lars"];
    let city = |at: usize| ["Aarhus", "Odense", "Ribe"][at % 3];
    let lines = |line: &dyn Fn(usize) -> String| (0..given.len()).map(line).collect::<Vec<String>>().join("\n") + "\n";
    let write = |name: &str, text: String| fs::write(folder.join(name), text).unwrap();
    write("headless.csv", lines(&|at| format!("{} {NAME},{},Dr", given[at], city(at))));
    write(
        "headless_parts.csv",
        lines(&|at| format!("{}{NAME};{};{}", "QWXZYVUTSRPO".split_at(at).1, given[at], city(at))),
    );
    write("headless_few.csv", lines(&|at| format!("{NAME}{at};x{NAME};{NAME}@x.org")));
    write("headless_ages.csv", lines(&|at| format!("{} {NAME},{},{}", given[at], 30 + at, ["M", "F"][at % 2])));
    write("headless.tsv", lines(&|at| format!("{NAME}, {}\t{}\tdiabetes", given[at], city(at))));
    write("one_line.csv", format!("{NAME},Anna,M\n"));
    write(
        "headless.txt",
        lines(&|at| format!("{};{NAME};{};Diabetes type {}", given[at], ["M", "F"][at % 2], 1 + at % 2)),
    );
    let people: Vec<String> = given.iter().map(|given| format!("{given} {NAME}")).collect();
    write(
        "a_column_each.csv",
        format!("day,{}\n{}", people.join(","), lines(&|at| format!("{at}{}", ",1.5".repeat(12)))),
    );
    let mails: Vec<String> = given.iter().map(|given| format!("{given}.{NAME}@x.org")).collect();
    write("a_mail_each.csv", format!("day,{}\n{}", mails.join(","), lines(&|at| format!("{at}{}", ",1.5".repeat(12)))));
    let record = |at: usize| {
        let of = |name: &String| (name.clone(), serde_json::json!({"age": 30 + at, "diagnosis": "E11.9"}));
        serde_json::Value::Object(people.iter().map(of).collect()).to_string()
    };
    write("by_patient.jsonl", lines(&record));
    write("by_patient.json", format!("[{}]", (0..9).map(record).collect::<Vec<_>>().join(",")));
    fs::write(folder.join("patients.db"), database(&format!("CREATE TABLE t(\"Bo {NAME}\" REAL, age INT)"))).unwrap();
    let row = |cells: &[String]| {
        let cell = |text: &String| format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>");
        format!("<row>{}</row>", cells.iter().map(cell).collect::<String>())
    };
    let headless: String = (0..9).map(|at| row(&[people[at].clone(), city(at).to_owned(), "Dr".to_owned()])).collect();
    let sheet = format!("<worksheet><sheetData>{headless}</sheetData></worksheet>");
    let book = format!("<workbook><sheets><sheet name=\"Anna {NAME}\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>");
    let files: [(&str, &[u8]); 4] = [
        ("[Content_Types].xml", b"<Types/>"),
        ("xl/workbook.xml", book.as_bytes()),
        (
            "xl/_rels/workbook.xml.rels",
            b"<Relationships><Relationship Id=\"r1\" Target=\"worksheets/sheet1.xml\"/></Relationships>",
        ),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ];
    fs::write(folder.join("patients.xlsx"), forge::zip::stored(&files)).unwrap();
    let rows: String = headless.replace("<row>", "<table:table-row>").replace("</row>", "</table:table-row>");
    let rows = rows
        .replace("<c t=\"inlineStr\"><is><t>", "<table:table-cell><text:p>")
        .replace("</t></is></c>", "</text:p></table:table-cell>");
    let content = format!(
        "<office:document-content><office:body><office:spreadsheet><table:table table:name=\"Bo {NAME}\">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"
    );
    let files: [(&str, &[u8]); 2] =
        [("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", content.as_bytes())];
    fs::write(folder.join("patients.ods"), forge::zip::stored(&files)).unwrap();
    vec![
        "headless.csv",
        "headless_parts.csv",
        "headless_few.csv",
        "headless_ages.csv",
        "headless.tsv",
        "one_line.csv",
        "a_column_each.csv",
        "a_mail_each.csv",
        "by_patient.jsonl",
        "by_patient.json",
        "patients.db",
        "patients.xlsx",
        "patients.ods",
    ]
}

/// A SQLite database of two pages: the schema, which has one table called after somebody, and that table without rows.
fn database(sql: &str) -> Vec<u8> {
    let name = format!("Anna {NAME}");
    let mut file = b"SQLite format 3\0\x02\0\x01\x01\0\x40\x20\x20\0\0\0\x01\0\0\0\x02".to_vec();
    file.resize(56, 0);
    file.extend([0, 0, 0, 1]);
    file.resize(92, 0);
    file.extend([0, 0, 0, 1, 0, 0, 0, 1]);
    let sort = |text: &str| u8::try_from(text.len() * 2 + 13).unwrap();
    let record = [
        &[6, 23, sort(&name), sort(&name), 1, sort(sql)][..],
        b"table",
        name.as_bytes(),
        name.as_bytes(),
        &[2],
        sql.as_bytes(),
    ]
    .concat();
    let cell = [&[u8::try_from(record.len()).unwrap(), 1][..], &record].concat();
    let at = u16::try_from(512 - cell.len()).unwrap();
    file.extend([13, 0, 0, 0, 1, 0, 0, 0]);
    file.extend(at.to_be_bytes());
    file.resize(usize::from(at), 0);
    file.extend(cell);
    file.extend([13, 0, 0, 0, 0, 0, 0, 0]);
    file.resize(1024, 0);
    file
}

#[test]
fn nobody_is_named_by_a_table_that_is_named_after_them() {
    let folder = tempfile::tempdir().unwrap();
    let files = plant_names(folder.path());
    for format in ["jsonl", "json", "table"] {
        let output = Command::new(env!("CARGO_BIN_EXE_blastmap"))
            .args(["scan", "-v", "--isolated", "--depth", "full", "--format", format])
            .arg(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success());
        for text in [&output.stdout, &output.stderr] {
            let text = String::from_utf8_lossy(text);
            let seen: Vec<&str> = text.lines().filter(|line| line.contains(NAME)).collect();
            assert!(seen.is_empty(), "{format}: {seen:#?}");
        }
        let text = String::from_utf8_lossy(&output.stdout);
        for name in files.iter().filter(|_| format == "jsonl") {
            let is_there = |line: &&str| line.contains("\"asset\"") && line.contains(&format!("\"{name}\""));
            assert!(text.lines().any(|line| is_there(&line)), "{name} was not read: {text}");
        }
    }
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
