//! Names of keys under which secrets and people are found.

/// What the value of a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Opens a door.
    Secret,
    /// Names or numbers a person.
    Person,
    /// Names a person or an organisation.
    Author,
    Plain,
}

/// Secrets wherever they stand in a name, written together or apart.
const SECRET_PARTS: [&str; 23] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "passwort",
    "secret",
    "apikey",
    "credential",
    "privatekey",
    "accesskey",
    "secretkey",
    "authkey",
    "authtoken",
    "accesstoken",
    "authorization",
    "mysqlpwd",
    "pgpass",
    "sessionid",
    "sessid",
    "setcookie",
    "connectionstring",
    "accountkey",
    "encryptionkey",
];

/// Words that are secrets wherever they stand in a name.
const SECRET_WORDS: [&str; 8] = ["pwd", "cookie", "cookies", "sas", "jwt", "otp", "totp", "sid"];

/// Words that are secrets at the end of a name.
const SECRET_ENDS: [&str; 7] = ["pin", "pass", "pw", "auth", "access", "signature", "sig"];

/// Words beside which "pass", "access" or "signature" is something else.
const PLAIN_BESIDE_ENDS: [&str; 14] = [
    "forward", "backward", "first", "second", "single", "num", "n", "model", "method", "function", "class", "random",
    "data", "def",
];

/// Words beside which a token is one of a vocabulary.
#[rustfmt::skip]
const VOCABULARY: [&str; 104] = [
    "tokenizer", "id", "ids", "idx", "index", "indices", "type", "types", "max", "min", "num", "n", "new", "count",
    "per", "bos", "eos", "pad", "unk", "mask", "masked", "cls", "sep", "image", "img", "audio", "video", "vision",
    "special", "added", "additional", "pattern", "class", "embedding", "embeddings", "embed", "emb", "dim", "size",
    "len", "length", "seen", "input", "output", "decoder", "encoder", "forced", "begin", "end", "start", "stop",
    "prefix", "suffix", "middle", "drop", "dropout", "budget", "ratio", "weight", "weights", "loss", "accuracy",
    "prob", "merge", "merging", "pooling", "mixer", "mixing", "shift", "shuffle", "vocab", "vocabulary", "text",
    "word", "words", "sub", "batch", "patch", "register", "memory", "blank", "space", "fim", "eot", "eom", "eog",
    "total", "limit", "trained", "step", "second", "sec", "position", "layer", "router", "expert", "capacity",
    "dispatcher", "permute", "classification", "classifier", "level", "language", "timestamp",
];

/// Words before "key" that make it the name of a thing.
#[rustfmt::skip]
const PLAIN_KEYS: [&str; 83] = [
    "model", "state", "dict", "weight", "weights", "param", "params", "checkpoint", "ckpt", "module", "image", "img",
    "text", "input", "inputs", "output", "outputs", "label", "labels", "target", "data", "dataset", "batch", "feature",
    "features", "query", "value", "primary", "foreign", "public", "sort", "group", "groupby", "partition", "index",
    "id", "metric", "metrics", "monitor", "loss", "num", "n", "attention", "attn", "cross", "self", "column", "col",
    "field", "row", "join", "subject", "patient", "sample", "time", "obs", "var", "layer", "head", "lookup", "map",
    "name", "prompt", "question", "answer", "caption", "audio", "video", "prng", "rng", "random", "missing",
    "unexpected", "per", "batch_key", "categorical", "covariate", "size", "mask", "hidden", "latent", "embedding",
    "condition",
];

/// Words before "keys", of which most are names of fields.
const SECRET_KEYS: [&str; 9] = ["api", "access", "private", "secret", "ssh", "auth", "encryption", "signing", "hmac"];

/// Names of people, and what identifies them.
#[rustfmt::skip]
const PEOPLE: [&str; 48] = [
    "owner", "user", "username", "user_name", "user_id", "login", "created_by", "modified_by", "updated_by",
    "uploaded_by", "submitted_by", "trained_by", "annotated_by", "annotator", "creator", "contact", "maintainer",
    "person", "person_name", "phone", "phone_number", "telephone", "mobile", "email", "e_mail", "mail", "patient",
    "patient_id", "patient_name", "patientid", "patientname", "subject", "subject_id", "subject_name", "participant",
    "participant_id", "mrn", "ssn", "dob", "date_of_birth", "birth_date", "first_name", "last_name", "full_name",
    "surname", "given_name", "family_name", "emails",
];

/// Ends of longer names that are those of people.
const PEOPLE_ENDS: [&str; 6] = ["email", "phone", "username", "mrn", "user", "patient"];

/// Names of people that a number stands for.
const NUMBERED: [&str; 10] = [
    "phone",
    "phone_number",
    "telephone",
    "mobile",
    "mrn",
    "ssn",
    "patient",
    "patient_id",
    "subject_id",
    "participant_id",
];

/// What the value under `key` is. Of a path of keys, each segment counts: below `credentials` everything is withheld.
pub(super) fn kind(key: &str) -> Kind {
    let vocabulary = key.to_ascii_lowercase().contains("tokenizer");
    let mut last = Kind::Plain;
    for segment in key.split(['.', '/', ':']).filter(|segment| !segment.is_empty()) {
        let words = words(segment);
        if is_secret(&words, vocabulary) {
            return Kind::Secret;
        }
        last = person(&words);
    }
    last
}

/// Whether a number under `key` is withheld.
pub(super) fn withholds_numbers(key: &str) -> bool {
    let end = key.rsplit(['.', '/']).next().unwrap_or(key);
    let words = words(end);
    match kind(key) {
        // A count of them.
        Kind::Secret => words.last().is_none_or(|word| word != "tokens"),
        Kind::Person => NUMBERED.contains(&words.join("_").as_str()),
        Kind::Author | Kind::Plain => false,
    }
}

/// The words of a name, in lower case: split at what is no letter or digit and where a capital begins.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        let begins = c.is_uppercase()
            && (before.is_lowercase() || before.is_uppercase() && chars.peek().is_some_and(|next| next.is_lowercase()));
        if begins || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

fn is_secret(words: &[String], vocabulary: bool) -> bool {
    let [before @ .., last] = words else { return false };
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let together = words.concat();
    if SECRET_PARTS.iter().any(|part| together.contains(part)) && !vocabulary || has(&SECRET_WORDS) {
        return true;
    }
    if vocabulary && SECRET_PARTS[..6].iter().any(|part| together.contains(part)) {
        return true;
    }
    let token = together.contains("token") && !together.contains("tokeniz") || has(&["tok"]);
    if !vocabulary && !has(&VOCABULARY) && token {
        return true;
    }
    // `hub_token_id` is harmless as `bos_token_id` is; `auth`, first or last, rarely is.
    if words.len() > 1
        && words[0] == "auth"
        && !["type", "method", "mode", "scheme", "provider"].contains(&last.as_str())
    {
        return true;
    }
    let previous = before.last().map_or("", String::as_str);
    match last.as_str() {
        "key" => !previous.is_empty() && !PLAIN_KEYS.contains(&previous) && !has(&["metrics", "state", "column"]),
        "keys" => SECRET_KEYS.contains(&previous),
        "id" => previous == "session" || has(&["access"]) && has(&["key"]),
        end => SECRET_ENDS.contains(&end) && !PLAIN_BESIDE_ENDS.contains(&previous),
    }
}

fn person(words: &[String]) -> Kind {
    let name = words.join("_");
    let Some(last) = words.last() else { return Kind::Plain };
    if last == "author" || last == "authors" {
        return Kind::Author;
    }
    let counted =
        words.first().is_some_and(|word| ["n", "num", "per", "max", "min", "is", "by"].contains(&word.as_str()));
    if PEOPLE.contains(&name.as_str()) || PEOPLE_ENDS.contains(&last.as_str()) && !counted {
        return Kind::Person;
    }
    Kind::Plain
}
