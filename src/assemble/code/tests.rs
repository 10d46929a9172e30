use super::*;
use crate::model::{Confidence, Family, Level, Presence};

fn file(path: &str, format: &str, kind: &str, change: impl FnOnce(&mut Code)) -> Sighting {
    let mut code = Code { kind: Some(kind.to_owned()), lines: Some(10), ..Code::default() };
    change(&mut code);
    Sighting {
        locator: Locator::path(0, path.as_bytes()),
        family: Family::Code,
        format: format.to_owned(),
        role: Role::Primary,
        presence: Presence::Present,
        confidence: Confidence::Certain,
        size: 1,
        link: None,
        identities: Vec::new(),
        access: None,
        fact: Fact::Code(Box::new(code)),
        evidence: Vec::new(),
    }
}

fn python(path: &str, kind: &str, imports: &[&str], levels_up: usize) -> Sighting {
    file(path, "python", kind, |code| {
        code.imports = imports.iter().map(|name| (*name).to_owned()).collect();
        code.levels_up = levels_up;
    })
}

/// The files of each asset, the one that stands for it first.
fn assets(sightings: &[Sighting]) -> Vec<String> {
    let mut assets: Vec<String> = groups(sightings.iter())
        .iter()
        .map(|group| {
            let files = std::iter::once(group.primary).chain(group.others.iter().copied());
            files.map(|file| file.locator.to_string()).collect::<Vec<_>>().join(" ")
        })
        .collect();
    assets.sort();
    assets
}

#[test]
fn a_package_is_one_asset_a_kind() {
    let found = assets(&[
        python("r/train.py", "training_script", &["acme", "torch"], 0),
        python("r/prepare.py", "data_pipeline", &["numpy"], 0),
        python("r/acme/net.py", "model_definition", &["torch"], 0),
        python("r/acme/layers/attention.py", "model_definition", &["torch"], 2),
        python("r/acme/data/read.py", "data_pipeline", &["acme"], 0),
        python("r/tools/a.py", "training_script", &["torch"], 0),
        python("r/tools/b.py", "training_script", &["torch"], 0),
    ]);
    assert_eq!(
        found,
        [
            "r/acme/data/read.py",
            "r/acme/layers/attention.py r/acme/net.py",
            "r/prepare.py",
            "r/tools/a.py",
            "r/tools/b.py",
            "r/train.py",
        ]
    );
}

#[test]
fn a_repository_is_no_package_for_its_name() {
    let found = assets(&[
        python("acme/train.py", "training_script", &["acme"], 0),
        python("acme/prepare.py", "data_pipeline", &["acme"], 0),
        python("acme/scripts/more.py", "data_pipeline", &["acme"], 0),
        python("acme/src/acme/data.py", "data_pipeline", &["acme"], 0),
        python("acme/src/acme/io/read.py", "data_pipeline", &["acme"], 0),
    ]);
    assert_eq!(
        found,
        ["acme/prepare.py", "acme/scripts/more.py", "acme/src/acme/data.py acme/src/acme/io/read.py", "acme/train.py"]
    );
}

#[test]
fn directories_of_libraries_are_no_packages() {
    let found = assets(&[
        python("torch/a/net.py", "model_definition", &["torch"], 0),
        python("torch/b/net.py", "model_definition", &["torch"], 0),
    ]);
    assert_eq!(found.len(), 2);
}

#[test]
fn what_stands_by_itself() {
    let named = |path: &str| file(path, "yaml", "training_config", |code| code.run_name = Some(path.to_owned()));
    let hydra = |path: &str| file(path, "yaml", "training_config", |code| code.framework = Some("hydra".to_owned()));
    let found = assets(&[
        named("c/a.yaml"),
        named("c/b.yaml"),
        file("c/d.yaml", "yaml", "training_config", |_| {}),
        file("c/e.yaml", "yaml", "training_config", |_| {}),
        hydra("conf/config.yaml"),
        hydra("conf/optimizer/adam.yaml"),
        file("n/1.ipynb", "notebook", "notebook", |_| {}),
        file("n/2.ipynb", "notebook", "notebook", |_| {}),
    ]);
    assert_eq!(
        found,
        [
            "c/a.yaml",
            "c/b.yaml",
            "c/d.yaml c/e.yaml",
            "conf/config.yaml conf/optimizer/adam.yaml",
            "n/1.ipynb",
            "n/2.ipynb"
        ]
    );
}

#[test]
fn what_is_not_ones_own_is_folded_and_low() {
    let sightings = [
        python("p/third_party/fair/a.py", "model_definition", &[], 0),
        python("p/third_party/fair/b/t.py", "training_script", &[], 0),
        python("p/net.py", "model_definition", &[], 0),
    ];
    let groups = groups(sightings.iter());
    let told: Vec<_> = groups
        .iter()
        .map(|group| {
            (group.draft.name.as_str(), group.draft.impact.level, group.draft.fact.code().unwrap().not_own.as_deref())
        })
        .collect();
    assert_eq!(told, [("net.py", Level::High, None), ("fair", Level::Low, Some("vendored"))]);
}

#[test]
fn many_scripts_of_one_directory_are_one_asset() {
    let paths: Vec<String> = (0..9).map(|number| format!("jobs/train_{number}.py")).collect();
    let scripts = |count: usize| {
        paths.iter().take(count).map(|path| python(path, "training_script", &["torch"], 0)).collect::<Vec<_>>()
    };
    assert_eq!((assets(&scripts(6)).len(), assets(&scripts(7)).len()), (6, 1));
}

#[test]
fn facts_of_several_files_are_put_together() {
    let sightings = [
        file("a/x.py", "python", "model_definition", |code| {
            code.levels_up = 1;
            code.classes = vec!["X".to_owned()];
            code.imports = vec!["torch".to_owned()];
        }),
        file("a/y.py", "python", "model_definition", |code| {
            code.classes = vec!["Y".to_owned()];
            code.imports = vec!["torch".to_owned(), "numpy".to_owned()];
            code.lines = Some(50);
            code.model_type = Some("acme".to_owned());
        }),
    ];
    let groups = groups(sightings.iter());
    let code = groups[0].draft.fact.code().unwrap();
    assert_eq!(groups[0].primary.locator.to_string(), "a/y.py");
    assert_eq!((code.classes.join(" "), code.imports.join(" ")), ("Y X".to_owned(), "torch numpy".to_owned()));
    assert_eq!((code.lines, code.model_type.as_deref()), (Some(60), Some("acme")));
}
