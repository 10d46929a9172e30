//! R and Julia scripts that train, prepare or measure.
//!
//! Both write comments after `#` and texts in quotes; a few names of packages and functions say what a script is for. Nothing
//! more of the languages is read.

use std::collections::BTreeSet;

use super::python::literals::is_path;
use super::words::{Language, Words};
use super::{MAX_KEPT, keep};
use crate::model::{Code, Fact};
use crate::probe::{Finding, Input, ProbeError, kit};

/// Longest script that is read.
const MAX_SCRIPT: u64 = 2 << 20;

/// Packages whose use says that something learns, with the word for it.
const LEARNING: &[&str] = &[
    "caret",
    "keras",
    "keras3",
    "tensorflow",
    "torch",
    "luz",
    "tidymodels",
    "parsnip",
    "recipes",
    "mlr3",
    "mlr",
    "xgboost",
    "lightgbm",
    "catboost",
    "randomForest",
    "ranger",
    "glmnet",
    "e1071",
    "h2o",
    "brms",
    "rstan",
    "cmdstanr",
    "rstanarm",
    "mgcv",
    "lme4",
    "survival",
    "gbm",
    "nnet",
    "rpart",
    "kernlab",
    "Seurat",
    "SingleCellExperiment",
    "scran",
    "monocle3",
    "DESeq2",
    "edgeR",
    "limma",
    "MOFA2",
    "harmony",
    "Signac",
    "Flux",
    "Lux",
    "MLJ",
    "Turing",
    "Knet",
    "MLUtils",
    "Zygote",
    "DecisionTree",
    "GLM",
    "ScikitLearn",
    "Optimisers",
    "MLDatasets",
    "XGBoost",
    "LightGBM",
];
/// Functions that fit a model.
const FITTING: &[&str] = &[
    "train",
    "fit",
    "xgb.train",
    "xgboost",
    "lgb.train",
    "randomForest",
    "ranger",
    "glmnet",
    "cv.glmnet",
    "svm",
    "brm",
    "stan",
    "sampling",
    "h2o.deeplearning",
    "h2o.randomForest",
    "h2o.gbm",
    "h2o.automl",
    "gbm",
    "rpart",
    "coxph",
    "glmer",
    "lmer",
    "tune_grid",
    "fit_resamples",
    "last_fit",
    "workflow",
    "DESeq",
    "FindClusters",
    "optim_adam",
    "nn_module",
];
/// The same in Julia.
const FITTING_IN_JULIA: &[&str] = &["train!", "gradient", "withgradient", "sample", "fit!", "machine"];
/// Functions that define a network.
const DEFINING: &[&str] = &[
    "nn_module",
    "keras_model_sequential",
    "keras_model",
    "layer_dense",
    "Chain",
    "new_model_class",
    "@layer",
    "@functor",
];
/// Functions that prepare data for a training.
const PREPARING: &[&str] = &[
    "NormalizeData",
    "SCTransform",
    "ScaleData",
    "FindVariableFeatures",
    "CreateSeuratObject",
    "createDataPartition",
    "initial_split",
    "recipe",
    "Read10X",
    "Read10X_h5",
    "RunPCA",
    "IntegrateData",
    "DataLoader",
    "dataset",
    "partition",
];
const MEASURING: &[&str] = &["confusionMatrix", "roc", "auc", "rmse", "accuracy", "conf_mat", "roc_auc"];
/// Functions that read data, with the format they read.
const READING: &[(&str, &str)] = &[
    ("Read10X", "mtx"),
    ("Read10X_h5", "h5"),
    ("fread", "csv"),
    ("h5read", "hdf5"),
    ("load", "rda"),
    ("readH5AD", "h5ad"),
    ("readRDS", "rds"),
    ("read.csv", "csv"),
    ("read.dta", "dta"),
    ("read.table", "csv"),
    ("read_csv", "csv"),
    ("read_dta", "dta"),
    ("read_excel", "xlsx"),
    ("read_feather", "feather"),
    ("read_h5ad", "h5ad"),
    ("read_parquet", "parquet"),
    ("read_sas", "sas7bdat"),
    ("read_sav", "sav"),
    ("read_tsv", "tsv"),
    ("read_xpt", "xpt"),
    ("vroom", "csv"),
    ("CSV.read", "csv"),
    ("CSV.File", "csv"),
    ("jldopen", "jld2"),
    ("h5open", "hdf5"),
    ("npzread", "npz"),
    ("LoadH5Seurat", "h5seurat"),
    ("readVcf", "vcf"),
];
/// Functions that write, with what they write.
const WRITING: &[(&str, &str)] = &[
    ("saveRDS", "rds"),
    ("save_model_hdf5", "checkpoint"),
    ("save_model", "checkpoint"),
    ("torch_save", "checkpoint"),
    ("luz_save", "checkpoint"),
    ("xgb.save", "checkpoint"),
    ("lgb.save", "checkpoint"),
    ("write_parquet", "parquet"),
    ("write.csv", "csv"),
    ("write_csv", "csv"),
    ("fwrite", "csv"),
    ("save", "rda"),
    ("SaveH5Seurat", "h5seurat"),
    ("jldsave", "checkpoint"),
    ("JLSO.save", "checkpoint"),
    ("h5write", "hdf5"),
    ("@save", "checkpoint"),
    ("CSV.write", "csv"),
    ("SaveSeuratRds", "rds"),
];

/// An R script.
pub(crate) fn script(input: &Input) -> Result<Finding, ProbeError> {
    read(input, Language::R)
}

/// A Julia script.
pub(crate) fn julia(input: &Input) -> Result<Finding, ProbeError> {
    read(input, Language::Julia)
}

/// The facts of R code without a kind.
pub(super) fn facts(text: &[u8]) -> Code {
    outline(text, Language::R).0
}

fn read(input: &Input, language: Language) -> Result<Finding, ProbeError> {
    let text = kit::whole(input.blob, MAX_SCRIPT)?;
    if text.contains(&0) {
        return Err(ProbeError::NotMine);
    }
    let (mut code, calls) = outline(&text, language);
    let does = |list: &[&str]| calls.iter().any(|call| list.contains(&call.as_str()));
    let learns = code.imports.iter().any(|name| LEARNING.contains(&name.as_str()));
    let stem = input.context().name.to_ascii_lowercase();
    let named = |words: &[&str]| words.iter().any(|word| stem.contains(word));
    let kind = match () {
        () if !learns => return Err(ProbeError::NotMine),
        () if does(DEFINING) && !named(&["train"]) && !does(&["fit", "train!", "withgradient", "gradient"]) => {
            "model_definition"
        }
        () if does(MEASURING) && named(&["eval", "valid", "metric", "bench"]) => "evaluation",
        () if does(FITTING) || (language == Language::Julia && does(FITTING_IN_JULIA)) => "training_script",
        () if does(DEFINING) => "model_definition",
        () if does(PREPARING) || (!code.reads_formats.is_empty() && !code.writes.is_empty()) => "data_pipeline",
        () if does(&["predict"]) => "inference",
        () => return Err(ProbeError::NotMine),
    };
    code.kind = Some(kind.to_owned());
    Ok(Finding::new(Fact::Code(Box::new(code))))
}

/// What is said of a script, and every function that is called.
fn outline(text: &[u8], language: Language) -> (Code, BTreeSet<String>) {
    let mut code = Code::default();
    let mut calls = BTreeSet::new();
    let mut words = Words::new(text, language);
    let mut before: [String; 2] = Default::default();
    let mut is_import = false;
    while let Some(word) = words.next() {
        if word.is_text {
            if is_path(&word.text) {
                keep(&mut code.paths, "path", &word.text);
            }
            // `library("torch")`
            if is_import && language == Language::R {
                keep(&mut code.imports, "", &word.text);
            }
            is_import = false;
            continue;
        }
        let name = word.text;
        match (language, name.as_str()) {
            (Language::R, "library" | "require" | "requireNamespace") if word.is_call => is_import = true,
            (Language::R, "function") => {
                let [name, _] = &before;
                if word.follows_assignment {
                    keep(&mut code.functions, "", name);
                }
            }
            (Language::Julia, "using" | "import") => is_import = true,
            (Language::Julia, _) if is_import && word.line_goes_on => keep(&mut code.imports, "", &name),
            (Language::Julia, _) if before.first().is_some_and(|word| word == "function") => {
                keep(&mut code.functions, "", &name);
                is_import = false;
            }
            (Language::R, _) if is_import => {
                keep(&mut code.imports, "", &name);
                is_import = false;
            }
            _ => is_import = false,
        }
        // `torch::nn_module`
        if let Some((package, function)) = name.split_once("::") {
            keep(&mut code.imports, "", package);
            calls.insert(function.trim_start_matches(':').to_owned());
        } else if word.is_call && calls.len() < 10 * MAX_KEPT {
            let (_, last) = name.rsplit_once('.').unwrap_or(("", &name));
            calls.insert(last.to_owned());
            calls.insert(name.clone());
        }
        before = [name, std::mem::take(&mut before[0])];
    }
    for (function, format) in READING {
        if calls.contains(*function) {
            keep(&mut code.reads_formats, "", format);
        }
    }
    for (function, what) in WRITING {
        if calls.contains(*function) {
            keep(&mut code.writes, "", what);
        }
    }
    code.framework = code.imports.iter().find(|name| LEARNING.contains(&name.as_str())).cloned();
    code.lines = Some(words.lines());
    (code, calls)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Memory;

    fn read_as(language: Language, name: &str, text: &str) -> Option<Code> {
        let blob = Memory::new(text.as_bytes());
        let mut input = Input::new(&blob, text.as_bytes());
        input.name = name.as_bytes();
        read(&input, language).ok()?.fact.code().cloned()
    }

    #[test]
    fn scripts_of_r() {
        let code = read_as(
            Language::R,
            "fit.R",
            "library(glmnet) # library(nothing)\nlibrary(\"data.table\")\nd <- fread('/data/trial/labs.csv')\nrun <- function(x) cv.glmnet(x$a, x$b)\nsaveRDS(run(d), file = \"out/fit.rds\")\n",
        )
        .unwrap();
        assert_eq!(code.kind.as_deref(), Some("training_script"));
        assert_eq!(code.imports, ["glmnet", "data.table"]);
        assert_eq!(code.functions, ["run"]);
        assert_eq!(code.paths, ["/data/trial/labs.csv", "out/fit.rds"]);
        assert_eq!((code.reads_formats, code.writes), (vec!["csv".to_owned()], vec!["rds".to_owned()]));
        let prepared = read_as(Language::R, "qc.R", "library(Seurat)\nx <- Seurat::NormalizeData(Read10X('raw'))\n");
        assert_eq!(prepared.unwrap().kind.as_deref(), Some("data_pipeline"));
        assert!(read_as(Language::R, "app.R", "library(shiny)\nfit <- function(x) x\nfit(1)\n").is_none());
        assert!(read_as(Language::R, "x.R", "# library(glmnet)\nprint('library(glmnet); glmnet(x)')\n").is_none());
    }

    #[test]
    fn scripts_of_julia() {
        let code = read_as(
            Language::Julia,
            "train.jl",
            "using Flux, CUDA\nusing JLD2: jldsave\n#= using Nothing =#\nfunction loop(m)\n  Flux.train!(loss, m, data, opt)\nend\njldsave(\"/scratch/x/m.jld2\"; m)\n",
        )
        .unwrap();
        assert_eq!(code.kind.as_deref(), Some("training_script"));
        assert!(code.imports.starts_with(&["Flux".to_owned(), "CUDA".to_owned()]), "{:?}", code.imports);
        assert_eq!(code.functions, ["loop"]);
        assert_eq!(code.writes, ["checkpoint"]);
        assert!(read_as(Language::Julia, "web.jl", "using HTTP\nHTTP.serve(f)\n").is_none());
    }
}
