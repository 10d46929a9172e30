//! Which of the classes that a pickle names make it a model, data, or neither.

use super::pickle::{Global, Id, Tree};

/// What an object is, by where its class comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A library of models.
    Model,
    /// A library of arrays and tables.
    Data,
    /// The standard library, or a program that keeps its own state in pickles.
    Neither,
    /// Somebody's own code.
    Own,
}

/// Top packages of libraries whose objects are models or parts of them.
const MODELS: &str = "\
    autogluon catboost category_encoders causalml cuml darts dask_ml deepchem detectron2 econml evalml fastai \
    fbprophet feature_engine flair flaml flax gensim gplearn h2o hdbscan hmmlearn implicit imblearn interpret \
    keras lifelines lightfm lightgbm lightning mapie mlxtend mord neuralprophet ngboost nltk onedal pgmpy pmdarima \
    prophet pycaret pygam pymc pyod pytorch_lightning pytorch_tabnet river sentence_transformers setfit skl2onnx \
    sklearn sklearn_pandas sklearnex skorch sksurv sktime spacy stable_baselines3 statsmodels surprise tensorflow \
    tpot transformers umap xgboost";

/// Top packages of libraries whose objects are data.
const DATA: &str = "\
    PIL anndata awkward cudf cupy datasets geopandas h5py networkx nibabel numpy pandas polars pyarrow rdkit scipy \
    shapely torch_geometric vaex xarray";

/// Top packages whose objects are neither: the standard library, and programs known to keep state in pickles.
const NEITHER: &str = "\
    _codecs _collections _io _thread abc alembic antlr4 argparse array ast astroid asyncio attr attrs babel base64 \
    binascii bs4 builtins __builtin__ cachecontrol calendar celery certifi chardet codecs collections concurrent \
    configparser contextlib copyreg copy_reg csv ctypes dataclasses dateutil datetime decimal difflib dis \
    distutils django docutils email enum errno fastapi flask fractions functools glob google googleapiclient grpc \
    hashlib heapq html http httpx importlib inspect io ipaddress itertools jedi jinja2 json lib2to3 logging lxml \
    markdown markupsafe math matplotlib msal multiprocessing mypy nt numbers oauth2client operator optparse \
    ordereddict os parso pathlib pip pkg_resources platform plotly ply posix pydantic pygments pytest pytz queue \
    random re requests scrapy selenium setuptools shelve socket sphinx sqlalchemy sqlite3 sre_constants ssl string \
    struct sympy sys tempfile threading time tornado twisted types typing urllib urllib3 uuid weakref xml zoneinfo";

/// Words in the path of an own class that say it is a program's state rather than something that was learned.
const STATE_WORDS: &str = "\
    account cache config context cookie credential entry environment event index inventory message options \
    preferences record request response session setting user";

/// Where a class comes from.
pub(super) fn origin(class: &Global) -> Origin {
    let top = class.module.split('.').next().unwrap_or_default();
    // Kept for old joblib and torch: their own helpers say nothing of what they help with.
    if matches!(top, "joblib" | "cloudpickle" | "dill" | "_dill") || class.module.contains("externals.joblib") {
        return Origin::Neither;
    }
    if is_data_of_a_model_library(class) {
        return Origin::Data;
    }
    if has(NEITHER, top) {
        Origin::Neither
    } else if has(DATA, top) {
        Origin::Data
    } else if has(MODELS, top) || class.module.starts_with("torch.nn") {
        Origin::Model
    } else if matches!(top, "torch" | "jax" | "jaxlib") {
        Origin::Data
    } else {
        Origin::Own
    }
}

fn has(list: &str, name: &str) -> bool {
    list.split(' ').any(|entry| entry == name)
}

/// Classes of model libraries that hold data, or how it was split.
fn is_data_of_a_model_library(class: &Global) -> bool {
    let is = |name: &str| class.name == name;
    class.module.starts_with("sklearn.utils") && is("Bunch")
        || class.module.starts_with("sklearn.datasets")
        || class.module == "lightgbm.basic" && is("Dataset")
        || class.module == "xgboost.core" && is("DMatrix")
        || class.module.starts_with("spacy.tokens")
        || class.module.starts_with("transformers.tokenization_utils") && is("BatchEncoding")
}

/// Whether the path of an own class reads like a program's state.
pub(super) fn reads_like_state(class: &Global) -> bool {
    let path = class.dotted().to_ascii_lowercase();
    STATE_WORDS.split(' ').any(|word| path.contains(word))
}

/// The class of an object, also where a helper would rebuild it or where the pickle defines the class itself.
pub(super) fn class_of(tree: &Tree, id: Id) -> Option<Global> {
    let object = tree.object(id)?;
    let Some(callable) = tree.class(id) else { return defined_class(tree, object.callable) };
    let helper = matches!(callable.name.as_str(), "_reconstructor" | "__newobj__" | "__newobj_ex__")
        && matches!(callable.module.as_str(), "copyreg" | "copy_reg");
    if helper {
        let class = *tree.args(id).first()?;
        return tree.global(class).cloned().or_else(|| defined_class(tree, class));
    }
    Some(callable.clone())
}

/// A class that cloudpickle or dill pickled whole, since it was defined in a notebook or script.
fn defined_class(tree: &Tree, id: Id) -> Option<Global> {
    let maker = tree.class(id)?;
    if !matches!(maker.name.as_str(), "_make_skeleton_class" | "_create_type" | "_rehydrate_skeleton_class") {
        return None;
    }
    let args = tree.args(id);
    let name = tree.text(*args.get(1)?)?;
    let mut fields = args.iter().filter_map(|&arg| tree.entries(arg)).flatten().take(256);
    let module = fields.find(|(key, _)| tree.text(*key) == Some("__module__")).and_then(|(_, value)| tree.text(*value));
    Some(Global { module: module.unwrap_or("__main__").to_owned(), name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_by_their_library() {
        let of = |module: &str, name: &str| origin(&Global { module: module.to_owned(), name: name.to_owned() });
        assert_eq!(of("sklearn.pipeline", "Pipeline"), Origin::Model);
        assert_eq!(of("sklearn.utils._bunch", "Bunch"), Origin::Data);
        assert_eq!(of("pandas.core.frame", "DataFrame"), Origin::Data);
        assert_eq!(of("collections", "OrderedDict"), Origin::Neither);
        assert_eq!(of("google.oauth2.credentials", "Credentials"), Origin::Neither);
        assert_eq!(of("acme.models", "Foo"), Origin::Own);
        assert_eq!(of("joblib.numpy_pickle", "NumpyArrayWrapper"), Origin::Neither);
    }

    #[test]
    fn lists_hold_each_name_once() {
        for list in [MODELS, DATA, NEITHER, STATE_WORDS] {
            let unique: std::collections::BTreeSet<_> = list.split(' ').collect();
            assert_eq!(unique.len(), list.split(' ').count());
        }
    }
}
