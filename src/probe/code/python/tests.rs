use crate::blob::Memory;
use crate::model::Code;
use crate::probe::{Input, ProbeError};

fn read(name: &str, text: &str) -> Option<Code> {
    let blob = Memory::new(text.as_bytes());
    let mut input = Input::new(&blob, text.as_bytes());
    input.name = name.as_bytes();
    match super::probe(&input) {
        Ok(finding) => finding.fact.code().cloned(),
        Err(ProbeError::NotMine) => None,
        Err(other) => panic!("{name}: {other}"),
    }
}

fn kind(name: &str, text: &str) -> Option<String> {
    read(name, text).and_then(|code| code.kind)
}

#[test]
fn what_is_ours() {
    for (name, text, want) in [
        ("net.py", "import torch.nn as nn\nclass N(nn.Module):\n    pass\n", "model_definition"),
        (
            "m.py",
            "from .base import Base\nimport torch\nclass N(Base):\n    def __init__(self):\n        self.l = torch.nn.Linear(2, 2)\n    def forward(self, x):\n        pass\n",
            "model_definition",
        ),
        (
            "k.py",
            "from tensorflow import keras\nL = keras.layers\nm = keras.Sequential([keras.layers.Dense(2)])\n",
            "model_definition",
        ),
        ("f.py", "import flax.linen as nn\nclass M(nn.Module):\n  f: int\n", "model_definition"),
        ("t.py", "import torch\nloss.backward()\nopt.step()\n", "training_script"),
        ("h.py", "from transformers import Trainer\nt = Trainer(model=m)\nt.train()\n", "training_script"),
        ("j.py", "import jax, optax\ng = jax.grad(f)\nopt = optax.adam(1e-3)\n", "training_script"),
        ("s.py", "from sklearn.linear_model import Ridge\nm = Ridge()\nm.fit(X, y)\n", "training_script"),
        ("x.py", "import xgboost as xgb\nb = xgb.train(p, d)\n", "training_script"),
        ("d.py", "from torch.utils.data import Dataset\nclass D(Dataset):\n    pass\n", "data_pipeline"),
        (
            "p.py",
            "import scanpy as sc\na = sc.read_h5ad('x.h5ad')\nsc.pp.log1p(a)\na.write_h5ad('y.h5ad')\n",
            "data_pipeline",
        ),
        ("w.py", "import webdataset as wds\nw = wds.ShardWriter('x-%06d.tar')\n", "data_pipeline"),
        (
            "eval.py",
            "import torch\nfrom sklearn.metrics import roc_auc_score\nm = torch.load('m.pt')\nroc_auc_score(y, m(x))\n",
            "evaluation",
        ),
        (
            "app.py",
            "import torch\nfrom flask import Flask\napp = Flask('x')\nm = torch.load('/m/a.pt')\n@app.route('/p')\ndef p():\n  return m.predict(1)\n",
            "inference",
        ),
        ("serve.py", "import torch\nmodel = torch.load('/app/weights/classifier.pt')\n", "inference"),
        (
            "flow.py",
            "from metaflow import FlowSpec, step\nclass F(FlowSpec):\n    @step\n    def start(self): pass\n",
            "orchestration",
        ),
        (
            "dag.py",
            "from airflow import DAG\nwith DAG('x') as dag:\n    t = BashOperator(task_id='a')\n",
            "orchestration",
        ),
    ] {
        assert_eq!(kind(name, text).as_deref(), Some(want), "{name}: {text}");
    }
}

#[test]
fn what_only_uses_a_library() {
    for (name, text) in [
        (
            "setup.py",
            "from setuptools import setup\nfrom torch.utils.cpp_extension import BuildExtension\nsetup(name='x')\n",
        ),
        (
            "views.py",
            "import torch\nfrom django.http import HttpResponse\ndef index(r):\n    return HttpResponse(torch.__version__)\n",
        ),
        (
            "test_net.py",
            "import torch\nfrom acme import Net\ndef test_a():\n    l = Net()(1)\n    l.backward()\n    opt.step()\n",
        ),
        ("doc.py", "'''\nimport torch\nloss.backward(); opt.step()\n'''\n# class A(nn.Module)\nx = 'nn.Module'\n"),
        ("scrape.py", "import requests, pandas as pd\npd.read_csv('a.csv')\nrequests.get('x').json()\n"),
        ("form.py", "class F(Form):\n    def forward(self): self.step()\n"),
        ("undo.py", "class U:\n    def go(self):\n        self.history.backward()\n        self.wizard.step()\n"),
    ] {
        assert_eq!(kind(name, text), None, "{name}");
    }
}

#[test]
fn facts_of_a_source() {
    let code = read(
        "modeling_acme.py",
        "'''Doc'''\nimport os\nimport torch\nfrom transformers import PretrainedConfig, PreTrainedModel\n\n\
         class AcmeConfig(PretrainedConfig):\n    model_type = 'acme'\n\nclass AcmeModel(PreTrainedModel):\n    pass\n",
    )
    .unwrap();
    assert_eq!(code.classes, ["AcmeConfig", "AcmeModel"]);
    assert_eq!(code.imports, ["torch", "transformers"]);
    assert_eq!(code.model_type.as_deref(), Some("acme"));
    assert_eq!(code.framework.as_deref(), Some("torch"));
    assert_eq!(code.lines, Some(8));
}

#[test]
fn no_secret_and_no_binary() {
    let text =
        "import torch\nloss.backward()\nopt.step()\np = 's3://acme/x?token=ghp_Zk0GBwFYuWfEpJRlUaqqXedvNp3Y9cm37lPV'\n";
    assert!(!format!("{:?}", read("t.py", text)).contains("ghp_Zk0"));
    assert!(read("t.py", "import torch\0loss.backward()\nopt.step()").is_none());
    let generated = "# Generated by x. DO NOT EDIT!\nimport torch\nloss.backward()\nopt.step()\n";
    assert_eq!(read("t.py", generated).unwrap().not_own.as_deref(), Some("generated"));
}
