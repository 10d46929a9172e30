//! Holds a scan of `fixtures/corpus` against its truth: one row an asset that is really there, or a look-alike that is not.
//!
//! The same scoring as the corpus's own `evaluate.py`; `.ci/run` compares the two, number by number. Shares are floors:
//! they only rise. `CORPUS_MISSES=1 cargo test --test corpus -- --nocapture` lists every miss.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value};

/// Facts that are scored, by family of the truth.
const SCORED: &[(&str, &str)] = &[
    (
        "model",
        "parameter_count tensor_count dtypes architecture model_type has_optimizer global_step epoch base_model shards \
         feature_names n_features root_class framework_version objective num_trees producer opset vocab_size auto_map \
         custom_code repo_id revision components author steps labels kind container wandb_run_id hidden_size num_layers",
    ),
    (
        "dataset",
        "row_count columns column_count sensitive_columns distinct_subjects n_obs n_vars shape shards samples entries \
         tables partitions size oid md5 nfiles genotype_data zarr_format modality table_version active_files \
         rows_still_on_disk contains_pickle sheets content_present arrays",
    ),
    (
        "clinical",
        "row_count columns column_classes distinct_subjects subject_column domain health_data k_anonymity resource_type \
         sensitive_paths distinct_emails",
    ),
    (
        "run",
        "run_id run_count hostname user project name entity group git_commit git_remote program dataset_path \
         checkpoint_path nodes partition job_name world_size failed command status experiment last_step steps_logged \
         global_step tags params overrides studies offline head_node wandb_run_id checkpoint_paths train_batch_size",
    ),
    (
        "code",
        "kind classes imports functions authors co_authors branches tags head commit_count_all_refs remotes model_type \
         run_name",
    ),
    (
        "infra",
        "hosts nodes node_count gpu_count gpus gpu_types users identity_files proxy_jumps cluster controllers \
         partitions db_host db_user entries hashed fingerprints_known comments job_name partition account mail_user \
         nodelist container dataset_path checkpoint_path array base_image bootstrap copies clusters contexts namespace \
         resource_count resource_types buckets private_ips targets network_mounts hostnames patterns includes \
         forward_agent restricted_entries forced_commands cert_authorities switches groups host_count ports \
         permit_root_login images services user",
    ),
    (
        "secret",
        "key_type bits encrypted container fingerprint comment users hosts machines remotes profiles registries \
         variables user_email",
    ),
    ("image", "layer_count env author entrypoint user repo_tags tags whiteouts deleted_but_present"),
    ("identity", "entries human_users login_users groups users emails base_dn owners"),
];

const ARCHIVES: [&str; 7] = ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst", "7z"];
const EXTRA_KINDS: [&str; 4] = ["model", "dataset", "run", "image"];

#[test]
fn the_corpus_is_found_as_its_truth_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/corpus");
    let truth = lines(&std::fs::read_to_string(root.join("truth.jsonl")).unwrap());
    let mut score = Score::default();
    let inventory = Inventory::scan(&root);
    score.all(&truth, &inventory);

    if std::env::var_os("CORPUS_MISSES").is_some() {
        score.misses.iter().for_each(|miss| println!("{miss}"));
    }
    for (name, (ok, total)) in &score.counts {
        println!("{name:18} {ok:5} of {total:5}");
    }
    if let Some(path) = std::env::var_os("CORPUS_SCORES") {
        let counts: BTreeMap<_, _> = score.counts.iter().map(|(name, (ok, total))| (name, [*ok, *total])).collect();
        std::fs::write(path, serde_json::to_string(&counts).unwrap()).unwrap();
    }
    // One list of floors, for this test and for the evaluator.
    let floors = std::fs::read_to_string(root.with_file_name("floors")).unwrap();
    for (name, floor) in floors.split_whitespace().map(|floor| floor.split_once('=').unwrap()) {
        let floor: f64 = floor.parse().unwrap();
        let (ok, total) = score.counts.get(name).copied().unwrap_or_default();
        let share = ok as f64 / (total as f64).max(1.0);
        assert!(share >= floor, "{name}: {ok} of {total}, the floor is {floor}");
    }
}

/// The lines of an inventory, by what they are looked up by.
struct Inventory {
    assets: Vec<Value>,
    paths: Vec<BTreeSet<String>>,
    by_file: BTreeMap<String, Vec<usize>>,
    edges: BTreeSet<(String, String)>,
    secrets: BTreeSet<(String, Option<u64>)>,
}

impl Inventory {
    fn scan(root: &Path) -> Inventory {
        let signatures = blastmap::signature::Signatures::embedded().unwrap();
        let plan =
            blastmap::scan::Plan { places: vec![blastmap::scan::Place::Path(root.to_owned())], ..Default::default() };
        let survey = blastmap::scan::survey(&plan, &signatures, &Default::default(), &Default::default()).unwrap();
        let mut text = Vec::new();
        blastmap::report::write_jsonl(&blastmap::inventory(survey), &mut text).unwrap();
        Inventory::read(&String::from_utf8(text).unwrap())
    }

    fn read(text: &str) -> Inventory {
        let mut inventory = Inventory {
            assets: Vec::new(),
            paths: Vec::new(),
            by_file: BTreeMap::new(),
            edges: BTreeSet::new(),
            secrets: BTreeSet::new(),
        };
        for line in lines(text) {
            match line["type"].as_str() {
                Some("asset") => inventory.take(line),
                Some("relation") => {
                    let end = |key: &str| line[key].as_str().unwrap().to_owned();
                    inventory.edges.insert((end("from"), end("to")));
                    inventory.edges.insert((end("to"), end("from")));
                }
                _ => {}
            }
        }
        inventory
    }

    fn take(&mut self, asset: Value) {
        let index = self.assets.len();
        let mut paths = BTreeSet::new();
        for file in asset["files"].as_array().unwrap() {
            let path = file["locator"].as_str().unwrap().to_owned();
            if asset["kind"] == "secret" {
                self.secrets.insert((path.clone(), file["line"].as_u64()));
            }
            if paths.insert(path.clone()) {
                self.by_file.entry(path).or_default().push(index);
            }
        }
        self.paths.push(paths);
        self.assets.push(asset);
    }

    fn at(&self, path: &str) -> &[usize] {
        self.by_file.get(path).map_or(&[], Vec::as_slice)
    }

    fn matching(&self, kind: &str, path: &str) -> BTreeSet<usize> {
        self.at(path).iter().copied().filter(|&index| self.assets[index]["kind"] == kind).collect()
    }

    fn id(&self, index: usize) -> String {
        self.assets[index]["id"].as_str().unwrap().to_owned()
    }
}

#[derive(Default)]
struct Score {
    counts: BTreeMap<String, (u64, u64)>,
    misses: Vec<String>,
    /// Assets that a row of the truth knows.
    used: BTreeSet<usize>,
    /// Assets that hold a row's primary file, by the row's id.
    matched: BTreeMap<String, BTreeSet<usize>>,
}

impl Score {
    fn count(&mut self, name: &str, ok: bool, what: impl FnOnce() -> String) {
        let counts = self.counts.entry(name.to_owned()).or_default();
        counts.1 += 1;
        counts.0 += u64::from(ok);
        if !ok {
            self.misses.push(format!("{name}: {}", what()));
        }
    }

    fn all(&mut self, truth: &[Value], inventory: &Inventory) {
        let mut primaries: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for row in truth.iter().filter(|row| row["family"] != "none" && !is_summary(row)) {
            primaries.entry(kind_of(text(row, "family"))).or_default().insert(text(row, "primary"));
        }
        for row in truth {
            match text(row, "family") {
                "none" => self.look_alike(row, inventory),
                _ if is_summary(row) => self.summary(row, inventory),
                _ => self.asset(row, inventory, &primaries),
            }
        }
        self.relations(truth, inventory);
        self.extra(truth, inventory);
    }

    fn look_alike(&mut self, row: &Value, inventory: &Inventory) {
        let facts = &row["facts"];
        let wrong: Vec<&str> =
            ["looks_like", "must_not_report"].iter().filter_map(|key| facts[*key].as_str()).collect();
        let hits: Vec<&Value> = files(row)
            .flat_map(|path| inventory.at(path))
            .map(|&index| &inventory.assets[index])
            .filter(|asset| {
                let kind = asset["kind"].as_str().unwrap();
                wrong.contains(&kind) && asset["presence"] != "unverified"
                    || wrong.contains(&"clinical") && kind == "dataset" && is_about_people(asset)
            })
            .collect();
        self.count("negatives", hits.is_empty(), || format!("{} reported as {hits:?}", row["primary"]));
    }

    fn summary(&mut self, row: &Value, inventory: &Inventory) {
        let paths: Vec<&str> = files(row).collect();
        let places = if paths.len() == 1 {
            vec![text(row, "primary").to_owned(), format!("{}!", text(row, "primary"))]
        } else {
            vec![format!("{}/", common_path(&paths))]
        };
        let inside: Vec<usize> = (0..inventory.assets.len())
            .filter(|&index| inventory.assets[index]["kind"] == "run")
            .filter(|&index| {
                inventory.paths[index].iter().any(|path| places.iter().any(|place| path.starts_with(place)))
            })
            .collect();
        self.used.extend(&inside);
        let want = row["facts"]["run_count"].as_u64().unwrap();
        let told = inside.iter().any(|&index| {
            ["run_count", "trials"].iter().any(|key| inventory.assets[index]["facts"][*key].as_u64() == Some(want))
        });
        self.count("run.counts", inside.len() as u64 == want || told, || {
            format!("{}: {} runs in {places:?}, {want} are there", row["id"], inside.len())
        });
    }

    fn asset(&mut self, row: &Value, inventory: &Inventory, primaries: &BTreeMap<&str, BTreeSet<&str>>) {
        let (family, primary) = (text(row, "family"), text(row, "primary"));
        let (kind, facts, id) = (kind_of(family), &row["facts"], text(row, "id"));
        self.nested(row, inventory);
        if is_archive(row) {
            return;
        }
        let in_file: Vec<&Value> = facts["secrets"].as_array().into_iter().flatten().collect();
        let candidates: BTreeSet<usize> = if family == "secret" && !in_file.is_empty() {
            inventory.at(primary).iter().copied().collect()
        } else {
            inventory.matching(kind, primary)
        };
        let secret_at = |entry: &Value| inventory.secrets.contains(&(primary.to_owned(), entry["line"].as_u64()));
        let found = !candidates.is_empty() || in_file.iter().any(|entry| secret_at(entry));
        self.count(&format!("{family}.found"), found, || format!("{id} ({}) {primary}", row["format"]));
        for entry in in_file {
            self.count("secrets", secret_at(entry), || format!("{primary}:{} {}", entry["line"], entry["secret_type"]));
        }
        let keys = SCORED.iter().find(|(name, _)| *name == family).map_or("", |(_, keys)| keys);
        let keys: Vec<&str> = keys.split_whitespace().filter(|key| !facts[*key].is_null() || has(facts, key)).collect();
        let wanted_files: BTreeSet<&str> = files(row).collect();
        // The last of the equally good ones is as good; the first is what the reference takes.
        let mut best: Option<(usize, (bool, usize))> = None;
        for index in inventory.at(primary).iter().copied().filter(|index| candidates.contains(index)) {
            let shared = inventory.paths[index].iter().filter(|path| wanted_files.contains(path.as_str())).count();
            let rank = (inventory.assets[index]["format"] == row["format"], shared);
            if best.is_none_or(|(_, known)| rank > known) {
                best = Some((index, rank));
            }
        }
        let Some((best, _)) = best else {
            for key in keys {
                self.count(&format!("{family}.facts"), false, || format!("{id}: {key} (not found)"));
            }
            self.count(&format!("{family}.whole"), false, || format!("{id}: not found"));
            self.count(&format!("{family}.format"), false, || format!("{id}: not found"));
            return;
        };
        self.matched.insert(id.to_owned(), candidates.clone());
        self.used.extend(&candidates);
        let touching: BTreeSet<usize> = wanted_files.iter().flat_map(|path| inventory.matching(kind, path)).collect();
        self.used.extend(&touching);
        if family != "secret" {
            let merged = inventory.paths[best].iter().any(|path| {
                path != primary && primaries[kind].contains(path.as_str()) && !wanted_files.contains(path.as_str())
            });
            let split = touching.iter().any(|&index| inventory.id(index) != inventory.id(best));
            self.count(&format!("{family}.whole"), !merged && !split, || {
                format!("{id}: merged {merged}, split into {}", touching.len())
            });
            let format = &inventory.assets[best]["format"];
            self.count(&format!("{family}.format"), *format == row["format"], || {
                format!("{id}: {} is {format}", row["format"])
            });
        }
        let reported = &inventory.assets[best]["facts"];
        for key in keys {
            let want = &facts[key];
            let got = if key == "k_anonymity" { risk_of(reported, want) } else { reported.get(key) };
            let ok = got.map_or(want.is_null(), |got| same(want, got));
            self.count(&format!("{family}.facts"), ok, || format!("{id}: {key} is {want}, reported {got:?}"));
        }
    }

    fn nested(&mut self, row: &Value, inventory: &Inventory) {
        let (primary, facts) = (text(row, "primary"), &row["facts"]);
        let holder = if row["format"] == "oci-layout" {
            format!("{}/", primary.rsplit_once('/').map_or("", |(directory, _)| directory))
        } else {
            format!("{primary}!")
        };
        for entry in ["contained_assets", "history_assets"].iter().flat_map(|key| facts[*key].as_array()).flatten() {
            let (kind, path) = (kind_of(text(entry, "family")), text(entry, "path"));
            let hit = (0..inventory.assets.len())
                .filter(|&index| inventory.assets[index]["kind"] == kind)
                .flat_map(|index| &inventory.paths[index])
                .any(|found| found.starts_with(&holder) && found.contains('!') && found.ends_with(path));
            self.count("nested", hit, || format!("{}: {kind} {path}", row["id"]));
        }
    }

    fn relations(&mut self, truth: &[Value], inventory: &Inventory) {
        let ids: BTreeSet<&str> = truth.iter().map(|row| text(row, "id")).collect();
        for row in truth.iter().filter(|row| !is_archive(row)) {
            for relation in row["relations"].as_array().into_iter().flatten() {
                let target = text(relation, "target");
                if !ids.contains(target) {
                    continue;
                }
                let ends = |id: &str| self.matched.get(id).into_iter().flatten().map(|&index| inventory.id(index));
                let froms: Vec<String> = ends(text(row, "id")).collect();
                let tos: Vec<String> = ends(target).collect();
                let joined = froms.iter().any(|from| {
                    tos.iter().any(|to| from == to || inventory.edges.contains(&(from.clone(), to.clone())))
                });
                self.count("relations", joined, || format!("{} {} {target}", row["id"], relation["type"]));
            }
        }
    }

    fn extra(&mut self, truth: &[Value], inventory: &Inventory) {
        let negative: BTreeSet<&str> = truth.iter().filter(|row| row["family"] == "none").flat_map(files).collect();
        let used: BTreeSet<String> = self.used.iter().map(|&index| inventory.id(index)).collect();
        let extra: Vec<String> = (0..inventory.assets.len())
            .filter(|&index| EXTRA_KINDS.iter().any(|kind| inventory.assets[index]["kind"] == *kind))
            .filter(|&index| !used.contains(&inventory.id(index)))
            .filter(|&index| !inventory.paths[index].iter().any(|path| path.contains('!')))
            .filter(|&index| !inventory.paths[index].iter().any(|path| negative.contains(path.as_str())))
            .map(|index| format!("extra: {} {:?}", inventory.assets[index]["format"], inventory.paths[index].first()))
            .collect();
        self.counts.insert("extra".to_owned(), (extra.len() as u64, 0));
        self.misses.extend(extra);
    }
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().filter(|line| !line.trim().is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn files(row: &Value) -> impl Iterator<Item = &str> {
    row["files"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn has(facts: &Value, key: &str) -> bool {
    facts.as_object().is_some_and(|facts: &Map<String, Value>| facts.contains_key(key))
}

fn kind_of(family: &str) -> &str {
    if family == "clinical" { "dataset" } else { family }
}

fn is_summary(row: &Value) -> bool {
    row["facts"]["kind"] == "tracker_summary"
}

fn is_archive(row: &Value) -> bool {
    let format = text(row, "format");
    format.ends_with("-with-assets") || ARCHIVES.contains(&format)
}

fn is_about_people(asset: &Value) -> bool {
    let facts = &asset["facts"];
    let counted = facts["distinct_subjects"].as_u64().is_some_and(|people| people > 0);
    let of_people = !matches!(facts["subject_kind"].as_str(), Some("animal" | "synthetic"));
    counted && of_people || facts["health_data"] == true
}

fn risk_of<'v>(reported: &'v Value, want: &Value) -> Option<&'v Value> {
    let set = |value: &Value| -> BTreeSet<String> {
        value["quasi_identifiers"].as_array().into_iter().flatten().map(Value::to_string).collect()
    };
    reported["risk"].as_array()?.iter().find(|risk| set(risk) == set(want))
}

fn common_path(paths: &[&str]) -> String {
    let mut parts: Vec<&str> = paths.first().map(|path| path.split('/').collect()).unwrap_or_default();
    for path in paths {
        let shared = parts.iter().zip(path.split('/')).take_while(|(a, b)| **a == *b).count();
        parts.truncate(shared);
    }
    parts.join("/")
}

/// Equal up to list order, number type and a relative error of one in a million.
fn same(want: &Value, got: &Value) -> bool {
    match (want, got) {
        (Value::Number(want), Value::Number(got)) => {
            let (want, got) = (want.as_f64().unwrap(), got.as_f64().unwrap());
            (want - got).abs() <= 1e-6 * want.abs().max(1.0)
        }
        (Value::Array(want), Value::Array(got)) => {
            let sorted = |list: &[Value]| {
                let mut list = list.to_vec();
                list.sort_by_key(Value::to_string);
                list
            };
            want.len() == got.len() && sorted(want).iter().zip(&sorted(got)).all(|(want, got)| same(want, got))
        }
        (Value::Object(want), Value::Object(got)) => {
            want.iter().all(|(key, want)| got.get(key).is_some_and(|got| same(want, got)))
        }
        (want, got) => want == got,
    }
}
