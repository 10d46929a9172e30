//! What a loss would cost, with its reasons. Levels after FIPS 199; no number is invented.

use crate::model::{Asset, Fact, Impact, Kind, Level, Origin, Presence};

/// The impact of losing an asset as far as its own facts tell.
pub(super) fn of(asset: &Asset) -> Impact {
    if asset.presence == Presence::Unverified {
        return Impact { level: Level::Low, because: vec!["its structure does not hold".to_owned()], tier: None };
    }
    let (level, because) = match (asset.kind, &asset.fact) {
        (Kind::Model, Fact::Weights(weights)) => model(asset, weights),
        (Kind::Model, _) => (Level::Moderate, vec!["a model".to_owned()]),
        (Kind::Infra, _) => (Level::Moderate, vec!["names machines, accounts or ways between them".to_owned()]),
        (Kind::Dataset, _) => (Level::Moderate, vec!["data whose content is not known to be harmless".to_owned()]),
        (Kind::Code, _) => (Level::Moderate, vec!["source of a model or its training".to_owned()]),
        (Kind::Run | Kind::Image, _) => (Level::Moderate, vec!["says how and where something was made".to_owned()]),
    };
    Impact { level, because, tier: None }
}

fn model(asset: &Asset, weights: &crate::model::Weights) -> (Level, Vec<String>) {
    if asset.origin == Some(Origin::PublicCopy) {
        return (Level::Low, vec!["a copy of a model that is public".to_owned()]);
    }
    if weights.kind.as_deref() == Some("tokenizer") {
        return (Level::Low, vec!["a tokenizer without weights".to_owned()]);
    }
    if weights.shards_present == Some(0) {
        return (Level::Low, vec!["an index of weights that are not here".to_owned()]);
    }
    let mut because = Vec::new();
    if weights.kind.as_deref() == Some("optimizer_state") {
        because.push("optimizer state: with the weights, training can be resumed".to_owned());
    }
    if weights.has_optimizer == Some(true) {
        because.push("holds optimizer state: training can be resumed from it".to_owned());
    }
    if !weights.custom_code.is_empty() || !weights.auto_map.is_empty() {
        because.push("has an architecture of its own".to_owned());
    }
    if weights.kind.as_deref() == Some("adapter") {
        because.push("an adapter: what was learnt here, in a small file".to_owned());
    }
    if !because.is_empty() {
        return (Level::High, because);
    }
    (Level::Moderate, vec!["weights that run as they are".to_owned()])
}
