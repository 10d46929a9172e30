//! What lines of logs look like. All patterns are constants, and a test compiles each.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

/// What a line is a sign of, in the order of the patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Slurm,
    Pbs,
    Submitit,
    /// What only programs of accelerators and trainings print.
    Job,
    /// Steps or epochs are counted.
    Count,
    /// Something is measured.
    Measure,
    /// It is measured as trainings do.
    Core,
    /// A line of a server or of a network.
    Request,
    /// An end that is a failure.
    Failure,
    /// The head of a traceback: a failure, if nothing but it comes behind.
    Traceback,
    /// An end that is none.
    Success,
}

/// Each with its pattern.
const SIGNS: [(Sign, &str); 11] = [
    (
        Sign::Slurm,
        r"\bSLURM_[A-Z_]{4,}|\bslurmstepd: |^srun: |^(?:\++ )?srun -{1,2}[A-Za-z]|\bSubmitted batch job \d|(?i)^.{0,40}\bjob\b.{0,80}\bpartition\b|^\W*(?:slurm job ?(?:id)?|(?:job )?partition|job node ?list|node ?list)\s*[:=]\s*\S",
    ),
    (Sign::Pbs, r"\bPBS_[A-Z]{4,}|\bPBS: job killed|^=>> PBS|\bqsub\b|\bpbs_mom\b|^Resource_List\.|^(?i:PBS Job ID)"),
    (Sign::Submitit, r"^submitit (?:INFO|WARNING|ERROR|CRITICAL) \(\d{4}-"),
    (
        Sign::Job,
        r"\bNCCL (?:INFO|WARN)\b|\bCUDA(?: out of memory|_VISIBLE_DEVICES| error)|\btorch(?:run|\.distributed)\b|^wandb: |\bDriver Version: \d.*CUDA Version|\bworld[_ ]size\b|\btensorflow/|\bLOCAL_RANK\b|\brank ?0\b|^\++ (?:module load|conda activate|srun |torchrun |python )",
    ),
    (
        Sign::Count,
        r#"(?i)(?:\b|_)(?:epochs?|global[_ ]?step|steps?|iterations?|iters?|it|num_updates|updates?|batch)(?:\((?:train|val|test)\))?['"]?\s*[:=#|\[(]*\s*\d|^\s*\d+/\d+ "#,
    ),
    (
        Sign::Measure,
        r#"(?i)\b\w*(?:loss|acc|accuracy|ppl|perplexity|lr|learning[ _]rate|auc|bleu|f1|mae|mse|rmse|elbo|reward|grad_?norm|nll|bpc|bpb|top-?[15]|r2|dice|iou)\w*['"]?\)?\s*[:=|]?\s*[\[(]?-?(?:\d+\.\d|\.\d|\d+e|nan|inf)"#,
    ),
    (
        Sign::Core,
        r"(?i)(?:\b|_)(?:epoch|loss|acc|accuracy|lr|learning[ _]rate|ppl|perplexity|reward|auc|bleu|elbo|nll|dice|iou)(?:\b|_)",
    ),
    (Sign::Request, r#""(?:GET|POST|PUT|HEAD|DELETE|OPTIONS) [^"]* HTTP/\d|(?i)\bpackets?\b"#),
    (
        Sign::Failure,
        r"slurmstepd: error: .*(?:CANCELLED|[Oo]om|OOM|[Kk]ill|[Ee]xceeded)|srun: error: .*(?:[Ee]xited with exit code [1-9]|[Kk]illed|[Oo]ut [Oo]f [Mm]emory|[Ff]ault|[Tt]erminated|NODE|[Aa]borted)|CUDA out of memory|ChildFailedError|PBS: job killed|DUE TO (?:TIME LIMIT|PREEMPTION|NODE FAILURE)|oom[-_]kill|Submitted job triggered an exception|^Exited with exit code [1-9]|(?:Aborted|Segmentation fault|Bus error|Killed)(?: \(core dumped\))?\s*$",
    ),
    (Sign::Traceback, r"^(?:\[rank\d+\]:\s*)?Traceback \(most recent call last\)"),
    (
        Sign::Success,
        r"(?i)\b(?:training|job|run) (?:is )?(?:done|complete|completed|finished|ended)\b|Job completed successfully|^Successfully completed",
    ),
];

static SET: LazyLock<RegexSet> = LazyLock::new(|| set(&SIGNS.map(|(_, pattern)| pattern)));

/// The signs of a line.
pub(super) fn signs(line: &str) -> impl Iterator<Item = Sign> {
    SET.matches(line).into_iter().filter_map(|index| SIGNS.get(index).map(|(sign, _)| *sign))
}

#[allow(clippy::expect_used)]
fn set(patterns: &[&str]) -> RegexSet {
    RegexSet::new(patterns).expect("constant patterns")
}

#[allow(clippy::expect_used)]
fn rule(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern")
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $pattern:expr;)*) => {
        $( $(#[$doc])* pub(super) static $name: LazyLock<Regex> = LazyLock::new(|| rule($pattern)); )*
        #[cfg(test)]
        pub(super) fn each() -> Vec<&'static Regex> { vec![$(&$name),*] }
    };
}

rules! {
    /// `Job 481200 (name) on gpu-[07-08]`, `SLURM_JOB_ID=481200`, `job 50071 on host`.
    JOB = r"(?i)\b(?:(?:slurm_)?job(?:[_ -]?id)?(?:entifier)?|step|pbs_jobid|batch job)\s*(?:[:=#]|is)?\s*(\d{2,}(?:_\d+|\[\d*\])?)(?:\.[\w.-]+)?\b(?:\s*\(([\w.@+:-]+)\))?(?:\s+(?:is\s+)?(?:running\s+)?on\s+(?:nodes?\s+|hosts?\s+)?([A-Za-z][\w.-]*(?:\[[\d,-]+\][\w.-]*)?(?:,[A-Za-z][\w.-]*(?:\[[\d,-]+\])?)*))?";
    /// `SLURM_ARRAY_JOB_ID=773412`, `Array task ID: 4`.
    ARRAY = r#"(?i)(?:\b|_)array[_ ]?(job|task)(?:[_ ]?id)?['"]?\s*[:=#]?\s*['"]?(\d{1,10})\b"#;
    /// The number of a job, and of a task of it, at the end of a name.
    NUMBERED = r"(?:^|[^0-9A-Za-z]|(?i:job))(\d{3,10})(?:_(0|[1-9]\d{0,6}))?$";
    /// A word for a place or an account, and what stands behind it.
    WORD = r"(?i)(?:^|[\s,;|(\[])(username|user|partition|queue|account|hostname|host|node ?list|nodes|node|head[ _]?node|job[ _]?name|work(?:ing)?[ _]?dir(?:ectory)?|dir|cwd|master(?:[_ ]addr)?|started(?: at)?|start time)(\s*[:=]\s*|\s+)([^\s,;|)]*\[[\d,-]+\][^\s,;|)]*|[^\s,;|)]+)";
    /// A variable of the environment, as `env`, `export -p` and `set -x` print it.
    VARIABLE = r#"^(?:\++ )?(?:export |declare -x )?([A-Z][A-Z0-9_]{2,}) ?[=:] ?"?([^"]*?)"?\s*$"#;
    /// The same within a line: `SLURM_JOB_ID=1 SLURM_NNODES=2`.
    SCHEDULER_VARIABLE = r#"\b((?:SLURM|PBS|LSB|SLURMD)_[A-Z_]+) ?[=:] ?"?([^\s",;]+)"#;
    STEP = r#"(?i)(?:\b|_)(?:global[_ ]?step|steps?|iterations?|iters?|num_updates|updates?)['"]?\s*[:=#|\[(]*\s*(\d[\d,]*)"#;
    /// A bar of progress: done, of how many.
    BAR = r"(?:^|[|\s])(\d+)/(\d+) \[";
    WORLD = r"(?i)\bworld[_ ]?size\s*[:=]?\s*(\d{1,6})\b|\bMEMBER: \d+/(\d{1,6})\b|\bdistributed training (?:across|on) (\d{1,6})\b";
    SAVED = r"(?i)\b(?:sav(?:ed|ing|es?)|writ(?:e|ing|ten)|wrote|stor(?:ed|ing)|dump(?:ed|ing))\b[^/]*?\b(?:\w*checkpoint\w*|ckpt|snapshot)\b(.*)$";
    LOADED = r"(?i)\b(?:resum\w*|load(?:ed|ing)|restor\w+|initiali[sz]\w+)\b[^/]*?\b(?:\w*checkpoint\w*|ckpt|snapshot|weights|model)\b(.*)$";
    WANDB = r"(?:offline-)?run-\d{8}_\d{6}-([a-z0-9]{6,})\b|\bwandb run ([a-z0-9]{8})\b|/runs/([a-z0-9]{8})\b";
    WANDB_PLACE = r"wandb\.ai/([\w.-]+)/([\w.-]+)/runs/";
    MLFLOW = r"(?i)\bmlflow\b.*\b([0-9a-f]{32})\b|/runs/([0-9a-f]{32})\b";
    GPU = r"\b((?:NVIDIA|AMD) (?:A|H|B|L|V|P|T|GH|GB|RTX|GeForce|Tesla|Quadro|Instinct|TITAN)[\w-]*(?: [\w-]+){0,3}?)(?:\s{2,}|\s*[,|(]|\s+(?:On|Off)\b|$)";
    HEAD = r"(?:--?rdzv[_-]endpoint|--?master[_-]addr|--main_process_ip|MASTER_ADDR|--head|--dist-url)[= ]+(?:tcp://)?([A-Za-z][\w.-]*)";
    /// Escapes of terminals.
    ESCAPE = r"\x1b\[[0-9;?]*[A-Za-z]|.\x08";
    ISO = r"\b(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?(Z|\+00:00)";
}
