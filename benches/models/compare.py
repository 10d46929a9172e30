#!/usr/bin/env python3
"""Compares blastmap with other scanners of models: CPU-seconds, and models told correctly (python 3.10+, no packages).

    cargo build --release
    benches/models/compare.py target/release/blastmap [--runs 3] [--venv DIR] [--write]

The others are installed from PyPI into a virtual environment (DIR, or a temporary one that is removed). Every tool reads
fixtures/corpus/models in one process, `--runs` times in turn; the figure is the median of user and system time of the
process and its children. `--write` puts the table into the README beside this file.

A model of the truth is told correctly where the tool reports, among all files of that model, exactly one model, and
reports it as the right type. What counts as a report, and which type is right, is below for each tool, in its favour
where there was a choice.
"""
import argparse, json, os, re, resource, statistics, subprocess, sys, tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CORPUS = ROOT / "fixtures/corpus"
PLACE = CORPUS / "models"
PEERS = ["modelscan", "picklescan", "modelaudit"]
# No tool may call home while it is measured.
QUIET = {"NO_ANALYTICS": "1", "PROMPTFOO_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}

# modelaudit names scanners, one a file. These say that a file is something else than a model, or nothing of it.
NO_MODEL = {"unknown", "manifest", "text", "jinja2_template", "compressed", "zip", "metadata"}
# The names that are right for a format of the truth: any that a reader would take for it.
RIGHT = {
    "torch-zip": {"pytorch_zip", "pytorch_binary"},
    "torch-zip-sharded": {"pytorch_zip", "pytorch_binary"},
    "torchscript": {"pytorch_zip", "torchscript"},
    "torch-export": {"pytorch_zip", "torch_export"},
    "torch-legacy": {"pytorch_binary", "pytorch_zip", "pickle"},
    "torch-dcp": {"pytorch_zip", "torch_dcp"},
    "safetensors": {"safetensors"},
    "safetensors-sharded": {"safetensors"},
    "peft-adapter": {"safetensors", "peft"},
    "hf-cache": {"safetensors"},
    "diffusers": {"safetensors", "diffusers"},
    "coreml": {"coreml"},
    "coreml-package": {"coreml"},
    "openvino-ir": {"openvino"},
    "onnx": {"onnx"},
    "gguf": {"gguf"},
    "catboost": {"catboost"},
    "catboost-json": {"catboost"},
    "lightgbm": {"lightgbm"},
    "xgboost-json": {"xgboost"},
    "xgboost-ubj": {"xgboost"},
    "pickle": {"pickle"},
    "joblib": {"joblib", "pickle"},
    "mlflow-model": {"mlflow", "pickle"},
    "flax-msgpack": {"flax_msgpack"},
    "orbax": {"jax_checkpoint", "orbax"},
    "keras": {"keras_zip"},
    "keras-h5": {"keras_h5"},
    "keras-weights-h5": {"keras_h5"},
    "tf-saved-model": {"tf_savedmodel"},
    "tf-checkpoint": {"tf_checkpoint"},
    "tflite": {"tflite"},
}


def blastmap(binary, out):
    """Arguments, where the output goes, and a reader of the reports: (files below the corpus, type)."""
    has_commands = subprocess.run([binary, "--version"], capture_output=True).returncode == 0
    command = [binary, "scan", str(PLACE), "-q", "-o", str(out)] if has_commands else [binary, str(PLACE)]

    def reports():
        for line in out.read_text().splitlines():
            asset = json.loads(line)
            if asset["type"] == "asset" and asset["kind"] == "model" and asset["presence"] == "present":
                # The second name of a blob, and members of an archive, are other names of files of the truth.
                yield {"models/" + file["locator"].split("!")[0] for file in asset["files"]}, asset["format"]

    return command, None if has_commands else out, reports, lambda format: {format}


def modelaudit(folder, out):
    command = [f"{folder}/modelaudit", "scan", "--format", "json", "--output", str(out), str(PLACE)]

    def reports():
        for asset in json.loads(out.read_text())["assets"]:
            if asset["type"] not in NO_MODEL:
                yield {str(Path(asset["path"]).relative_to(CORPUS))}, asset["type"]

    return command, None, reports, lambda format: RIGHT.get(format, set())


def modelscan(folder, out):
    """Says which files it took up, and of which type only where it finds something to complain of."""
    command = [f"{folder}/modelscan", "-p", str(PLACE), "-r", "json", "-o", str(out)]

    def reports():
        files = json.loads(out.read_text())["summary"]["scanned"]["scanned_files"]
        for file in sorted({"models/" + name.split(":")[0] for name in files}):
            yield {file}, None

    return command, None, reports, lambda _: set()


def picklescan(folder, out):
    """Says how many files it took up, and not which: it has no reports to hold against the truth."""
    return [f"{folder}/picklescan", "-p", str(PLACE)], out, lambda: iter(()), lambda _: set()


def cpu_seconds(command, stdout):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(stdout or os.devnull, "wb") as sink:
        # Findings are no failures: these tools exit with 1, and modelscan with 3 or 4, where there are any.
        done = subprocess.run(command, stdout=sink, stderr=subprocess.PIPE, env={**os.environ, **QUIET})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    for argument in command:
        if argument.endswith((".json", ".jsonl")) and not os.path.exists(argument):
            sys.exit(f"{command[0]} wrote nothing: {done.stderr.decode(errors='replace')[-500:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def judge(truth, reports, right):
    """How many models of the truth are told correctly, and how many are touched by a report at all."""
    reports = list(reports)
    correct = touched = 0
    for row in truth:
        files = set(row["files"])
        hits = [(paths, kind) for paths, kind in reports if paths & files]
        touched += bool(hits)
        correct += len(hits) == 1 and hits[0][1] in right(row["format"])
    return correct, touched


def version(folder, name):
    text = subprocess.run([f"{folder}/pip", "show", name], capture_output=True, text=True).stdout
    return re.search(r"^Version: (\S+)", text, re.M).group(1)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("blastmap")
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--venv")
    arguments.add_argument("--write", action="store_true")
    options = arguments.parse_args()
    rows = map(json.loads, (CORPUS / "truth.jsonl").read_text().splitlines())
    truth = [row for row in rows if row["family"] == "model" and row["primary"].startswith("models/")]

    with tempfile.TemporaryDirectory() as work:
        venv = Path(options.venv or f"{work}/venv")
        if not (venv / "bin/modelaudit").exists():
            subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
            subprocess.run([f"{venv}/bin/pip", "install", "-q", *PEERS], check=True)
        tools = {"blastmap": blastmap(os.path.abspath(options.blastmap), Path(work, "blastmap.jsonl"))}
        for name, tool in [("modelscan", modelscan), ("picklescan", picklescan), ("modelaudit", modelaudit)]:
            tools[f"{name} {version(venv / 'bin', name)}"] = tool(venv / "bin", Path(work, f"{name}.json"))
        spent = {name: [] for name in tools}
        for run in range(options.runs + 1):
            for name, (command, stdout, _, _) in tools.items():
                seconds = cpu_seconds(command, stdout)
                # The first round fills the caches of the system and of Python.
                if run:
                    spent[name].append(seconds)
        base = statistics.median(spent["blastmap"])
        lines = [
            f"| tool | CPU time, blastmap = 1 | correct of {len(truth)} models | read at all | types models |",
            "| --- | ---: | ---: | ---: | --- |",
        ]
        for name, (_, _, reports, right) in tools.items():
            ratio = statistics.median(spent[name]) / base
            ratio = f"{ratio:.0f}" if ratio >= 10 or name == "blastmap" else f"{ratio:.1f}"
            correct, touched = judge(truth, reports(), right)
            types = any(kind for _, kind in reports())
            touched = touched if any(True for _ in reports()) else "not told"
            lines.append(f"| {name} | {ratio} | {correct} | {touched} | {'yes' if types else 'no'} |")
    table = "\n".join(lines)
    print(table)
    if options.write:
        readme = HERE / "README.md"
        text = re.sub(r"(?s)(<!-- table -->\n).*?(\n<!-- /table -->)", lambda m: m[1] + table + m[2], readme.read_text())
        readme.write_text(text)


if __name__ == "__main__":
    main()
