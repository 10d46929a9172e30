//! What MLflow's file store keeps around its runs: the name of their experiment, the data sets they used, the models they
//! left. Each has a file of its own, which belongs to no run by itself.

use std::collections::BTreeMap;

use crate::model::{Locator, Run, Sighting};

/// How the use of a data set names it.
const REFERENCE: &str = "mlflow-dataset:";

/// Facts by the directory or the run they are about.
#[derive(Default)]
pub(super) struct Around<'s> {
    places: BTreeMap<Locator, &'s Run>,
    models: BTreeMap<&'s str, Vec<&'s Run>>,
}

impl<'s> Around<'s> {
    /// What the files of a survey say.
    pub(super) fn new(companions: &[&'s Sighting]) -> Around<'s> {
        let mut around = Around::default();
        for companion in companions.iter().filter(|companion| companion.format == "mlflow-files") {
            let Some(run) = companion.fact.run() else { continue };
            match &run.run_id {
                Some(id) => around.models.entry(id).or_default().push(run),
                None => drop(around.places.insert(companion.locator.parent(), run)),
            }
        }
        around
    }

    /// Adds what is said of the run at `home`.
    pub(super) fn fill(&self, run: &mut Run, home: &Locator) {
        let experiment = home.parent();
        if let Some(around) = self.places.get(&experiment) {
            run.experiment = run.experiment.take().or_else(|| around.experiment.clone());
        }
        let named = std::mem::take(&mut run.dataset_paths);
        for path in named {
            let Some(id) = path.strip_prefix(REFERENCE) else {
                run.dataset_paths.push(path);
                continue;
            };
            let place = experiment.child(b"datasets").child(id.as_bytes());
            let found = self.places.get(&place).into_iter().flat_map(|data| &data.dataset_paths);
            run.dataset_paths.extend(found.cloned());
        }
        run.dataset_path = run.dataset_path.take().or_else(|| run.dataset_paths.first().cloned());
        for model in run.run_id.as_deref().and_then(|id| self.models.get(id)).into_iter().flatten() {
            let mut facts = Run { checkpoint_path: model.checkpoint_path.clone(), ..Run::default() };
            facts.checkpoint_paths.clone_from(&model.checkpoint_paths);
            run.fill_from(&facts);
        }
    }
}
