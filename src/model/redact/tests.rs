use super::*;

#[test]
fn what_a_thief_needs_is_withheld() {
    let token = format!("hf_{}", "aB3dE".repeat(7));
    let long = format!("see {token}, please");
    let key = format!("x -----BEGIN OPENSSH PRIVATE KEY-----\nXSECRET\n{} y", "-----END OPENSSH PRIVATE KEY-----");
    for (key, value) in [
        ("hub_token", "XSECRET"),
        ("tok", "XSECRET"),
        ("api_tok", "XSECRET"),
        ("db_password", "XSECRET"),
        ("pwd", "XSECRET"),
        ("MYSQL_PWD", "XSECRET"),
        ("PGPASS", "XSECRET"),
        ("wandb_key", "XSECRET"),
        ("encryption_key", "XSECRET"),
        ("apiKey", "XSECRET"),
        ("openai.api_key", "XSECRET"),
        ("aws_access_key_id", "XSECRET"),
        ("session_id", "XSECRET"),
        ("cookie", "XSECRET"),
        ("pin", "XSECRET"),
        ("passcode", "XSECRET"),
        ("access", "XSECRET"),
        ("auth", "XSECRET"),
        ("signature", "XSECRET"),
        ("sas", "XSECRET"),
        ("credentials.host", "XSECRET"),
        ("note", token.as_str()),
        ("note", long.as_str()),
        ("note", key.as_str()),
        ("note", "Zk9XqP2mVb7LrT4yWc8NdH3sJf6GaE5u"),
        ("note", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("cmd", "train.py --password XSECRET --hf_token=XSECRET"),
        ("cmd", "['train.py', '--password', 'XSECRET']"),
        ("env", "DB_PASSWORD=XSECRET\nAWS_SECRET=XSECRET"),
        ("conn", "Server=db;Password=XSECRET;"),
        ("conn", "Server=db; User Id=sa;Password=XSECRET XSECRET;Port=1"),
        ("args", "Namespace(token='XSECRET', lr=1)"),
        ("note", "the password is XSECRET"),
        ("note", "password: XSECRET"),
        ("note", "password: XSECRET XSECRET"),
        ("cfg", r#"{"db":{"password":"XSECRET"}}"#),
        ("cfg", r#"x {"db":{"password":"XSECRET"}}"#),
        ("cfg", r#"x {\"password\": \"XSECRET\"}"#),
        ("cfg", r#"[{"name": "DB_PASSWORD", "value": "XSECRET"}]"#),
        ("cfg", r#"["--password", "XSECRET"]"#),
        ("cfg", "{'password': 'XSEC\\'RET XSECRET'}"),
        ("url", "https://user:XSECRET@git.example/x"),
        ("url", "https://user:XS/XSECRET@git.example/x"),
        ("url", "https://XSECRET@git.example/x"),
        ("url", "https://b.example/x?sig=XSECRET&se=2026"),
        ("url", "https://b.example/x?X-Amz-Signature=XSECRET"),
        ("url", "https://b.example/x?page=2&code=XSECRET#access_token=XSECRET"),
        ("url", "https://hooks.slack.com/services/T0/B0/XSECRET"),
        ("url", "discord.com/api/webhooks/1/XSECRET"),
        ("header", "Authorization: Bearer XSECRET"),
        ("header", "Bearer XSECRET"),
        ("header", "Authorization: Basic XSECRET"),
        ("header", "Basic XSECRET"),
    ] {
        let out = publishable(key, value);
        assert!(out.contains(WITHHELD), "{key}: {out}");
        assert!(!out.contains("XSECRET") && !out.contains(&token), "{key}: {out}");
    }
}

#[test]
fn what_an_investigator_needs_is_kept() {
    for (key, value) in [
        ("data", "/data/cohort_a/train"),
        ("git_sha", "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"),
        ("tokenizer", "acme/bert-tiny"),
        ("repo", "git@github.com:acme/pert.git"),
        ("repo", "ssh://git@github.com/acme/pert.git"),
        ("repo", "https://huggingface.co/acme/bert-tiny?page=2"),
        ("file", "s3://acme-bucket/runs/2026-01-02/checkpoint_epoch_12_global_step_3450.pt"),
        ("note", "trained on cohort_a"),
        ("note", "Basic training of a model, lr=0.1, epochs: 3"),
        ("note", "the token is used once"),
        ("include_num_input_tokens_seen", "no"),
        ("token_pattern", r"(?u)\b\w\w+\b"),
        ("tokenizer_class", "BertTokenizerFast"),
        ("tokenizer.ggml.model", "llama"),
        ("bos_token_id", "1"),
        ("max_new_tokens", "20"),
        ("bos_token", "<s>"),
        ("eos_token", "</s>"),
        ("pad_token", "[PAD]"),
        ("unk_token", "unk"),
        ("model_key", "state_dict"),
        ("key_size", "64"),
        ("num_key_value_heads", "8"),
        ("key_padding_mask", "x"),
        ("use_auth_token", "True"),
        ("pin_memory", "x"),
        ("architecture", "T5ForConditionalGeneration"),
        ("architecture", "Wav2Vec2ForSequenceClassification"),
        ("architecture", "UNet2DConditionModel"),
        ("architecture", "Qwen2VLForConditionalGeneration"),
        ("architecture", "Acme2CellPerturbationTransformer"),
        ("class", "acme.models.pert2.Acme2CellPerturbationTransformer"),
        ("args", "/srv/project/a/Acme2CellPerturbationTransformer.py"),
        ("author", "acme ml"),
        ("author", "Stability AI"),
        ("author", "Acme Research"),
        ("package", "torch@2.1.0"),
    ] {
        assert_eq!(publishable(key, value), value, "{key}");
    }
}

#[test]
fn people_are_masked_and_what_is_around_them_stays() {
    for (key, value, expected) in [
        ("author", "alice@acme.example", "…@acme.example"),
        ("author", "Jane Doe", WITHHELD),
        ("user", "jane", WITHHELD),
        ("created_by", "Jane", WITHHELD),
        ("args.user_name", "jane", WITHHELD),
        ("email", "Jane Doe <jane@x.org>", "…@x.org"),
        ("note", "Jane Doe <jane@x.org>", "…@x.org"),
        ("note", "by Jane Doe <jane@x.org>, 2026", "by …@x.org, 2026"),
        ("note", "ask jane@x.org (Jane Doe)", "ask …@x.org"),
        ("note", "MRN 12345, left", "MRN [withheld], left"),
        ("note", "patient: Jane Doe", "patient: [withheld]"),
        ("path", "/home/jane/x", "/home/…/x"),
        ("path", "/Users/jane/x y", "/Users/…/x y"),
        ("path", r"C:\Users\jane\x", r"C:\Users\…\x"),
        ("path", r"C:\\Users\\jane\\x", r"C:\\Users\\…\\x"),
        ("url", "https://x@host.example/a?page=1&key=v", "https://[withheld]@host.example/a?page=1&key=[withheld]"),
        ("cmd", "run --token X --lr 1", "run --token [withheld] --lr 1"),
        ("cmd", "run --push --token X", "run --push --token [withheld]"),
        ("conn", "Server=a;Password=X;Port=1", "Server=a;Password=[withheld];Port=1"),
        ("args", "Namespace(token='X', lr=1)", "Namespace(token='[withheld]', lr=1)"),
    ] {
        assert_eq!(publishable(key, value), expected, "{key}: {value}");
    }
}

#[test]
fn numbers_under_secret_keys_are_withheld_and_switches_stay() {
    let value = serde_json::json!({
        "password": 1234, "pin": [1, 2], "use_auth_token": true, "token": null, "max_tokens": 5, "mrn": 77,
        "pad_token_id": 0, "num_key_value_heads": 8, "argv": ["--token", "X", "--lr", 1], "lr": 0.1
    });
    let expected = serde_json::json!({
        "password": WITHHELD, "pin": [WITHHELD, WITHHELD], "use_auth_token": true, "token": null, "max_tokens": 5,
        "mrn": WITHHELD, "pad_token_id": 0, "num_key_value_heads": 8, "argv": ["--token", WITHHELD, "--lr", 1],
        "lr": 0.1
    });
    assert_eq!(redact_map("hyper_parameters", value), expected);
}

#[test]
fn long_and_strange_texts_are_cut_on_a_character() {
    let cut = publishable("template", &"é ".repeat(1000));
    assert!(cut.len() < MAX_TEXT + 8 && cut.ends_with('…'));
    for piece in [
        "é",
        "token=",
        "password='",
        "\\\"",
        "://@",
        "a@b.",
        "--p ",
        "{[",
        "𝔘;",
        "/home/",
        "author:",
        "Aa ",
        "=:;&?#",
        "\u{0}",
    ] {
        let text = format!("{}password=XSECRET", piece.repeat(30_000));
        assert!(!publishable("", &text).contains("XSECRET"));
        publishable("author", &text);
        publishable(&text, "x");
    }
}

#[test]
fn what_somebody_typed_goes_out_without_names() {
    for (text, want) in [
        ("Anna Schmidt", "[withheld]"),
        ("measured by Anna Schmidt in Ulm", "measured by [withheld] in Ulm"),
        ("Schmidt, Anna: second visit", "[withheld]: second visit"),
        ("scans/Schmidt_Anna.nii", "scans/[withheld]"),
        ("Schmidt^Anna", "[withheld]"),
        ("University Hospital of Ulm", "University Hospital of Ulm"),
        ("FSL5.0", "FSL5.0"),
        ("CF-1.8", "CF-1.8"),
        ("anndata", "anndata"),
        ("TE=30;Time=101010", "TE=30;Time=101010"),
        ("data/train.csv", "data/train.csv"),
    ] {
        assert_eq!(typed("comment", text), want, "{text}");
    }
    assert!(typed("api_key", "abc").contains("withheld"));
}
