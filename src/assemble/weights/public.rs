//! Copies of models that are public, so that a cache full of them does not hide the one that is not.
//!
//! A cache alone proves nothing, since private repositories are cached too: the publisher must be one that is known to
//! publish, and nothing may speak of a training here. A wrong "public" hides a loss, a wrong "unknown" costs a look.

use crate::model::{Evidence, Origin, Weights};

/// Organisations of model hubs whose repositories are public.
const PUBLISHERS: [&str; 46] = [
    "01-ai",
    "ai21labs",
    "allenai",
    "apple",
    "baai",
    "bigcode",
    "bigscience",
    "black-forest-labs",
    "codellama",
    "cohereforai",
    "compvis",
    "databricks",
    "deepmind",
    "deepseek-ai",
    "distilbert",
    "eleutherai",
    "facebook",
    "facebookai",
    "google",
    "google-bert",
    "google-t5",
    "huggingface",
    "huggingfacetb",
    "ibm-granite",
    "intfloat",
    "laion",
    "lmsys",
    "meta-llama",
    "microsoft",
    "mistralai",
    "mosaicml",
    "nomic-ai",
    "nvidia",
    "openai",
    "openai-community",
    "openchat",
    "qwen",
    "runwayml",
    "salesforce",
    "sentence-transformers",
    "stabilityai",
    "thebloke",
    "tiiuae",
    "timm",
    "unsloth",
    "xai-org",
];

/// Repositories of before organisations: `bert-base-uncased`.
fn is_canonical(repo_id: &str) -> bool {
    const STEMS: [&str; 8] = ["bert-", "gpt2", "roberta-", "distilbert-", "t5-", "albert-", "xlnet-", "xlm-"];
    !repo_id.contains('/') && STEMS.iter().any(|stem| repo_id.starts_with(stem))
}

/// Whether a model is a copy of a public one; the reason goes to the evidence.
pub(super) fn origin(weights: &Weights, known: Origin, evidence: &mut Vec<Evidence>) -> Origin {
    let Some(repo_id) = weights.repo_id.as_deref().filter(|_| known == Origin::Unknown) else { return known };
    let publisher = repo_id.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let is_public = (repo_id.contains('/') && PUBLISHERS.contains(&publisher.as_str())) || is_canonical(repo_id);
    if !is_public {
        return known;
    }
    let why = format!("public copy: it lies in a hub cache as {repo_id}, and nothing speaks of a training here");
    evidence.push(Evidence { signature: "origin".to_owned(), why });
    Origin::PublicCopy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_known_publisher_makes_a_public_copy() {
        let of = |repo_id: &str, known| {
            let weights = Weights { repo_id: Some(repo_id.to_owned()), ..Weights::default() };
            origin(&weights, known, &mut Vec::new())
        };
        assert_eq!(of("google-bert/bert-base-uncased", Origin::Unknown), Origin::PublicCopy);
        assert_eq!(of("gpt2", Origin::Unknown), Origin::PublicCopy);
        assert_eq!(of("acme/bert-tiny", Origin::Unknown), Origin::Unknown);
        assert_eq!(of("gpt2/private", Origin::Unknown), Origin::Unknown);
        assert_eq!(of("google/x", Origin::Proprietary), Origin::Proprietary);
    }
}
