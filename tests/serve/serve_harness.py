#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lm-evaluation-harness asks the server the items of `vkfi task run`, by its own tokens, requests and scorers: the same
log-probabilities, texts and scores, item by item; and under a standing fault those of a campaign.

Long suite: needs SERVE_PYTHON with lm-eval, the model SmolLM2-135M and public data in VKFI_DATA."""

import json
import os
import subprocess
import sys
from pathlib import Path

from serve_bench import VKFI, Server, check

MODEL = os.environ.get("REAL", "")
DATA = os.environ.get("VKFI_DATA", "")
CHOICES = ["arc_challenge", "hellaswag", "mmlu", "xnli", "m_mmlu"]
TEXTS = {"gsm8k": r"#### (\-?[0-9\.\,]+)", "math500": None}
ITEMS = int(os.environ.get("SERVE_ITEMS", "8"))
TOKENS = 4096

for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
    os.environ[name] = "1"


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def command(*words):
    done = subprocess.run([VKFI, *words], capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"vkfi {words}: {done.stderr}")
    return done.stdout


def records(task, n):
    """Of `vkfi task run`."""
    command("task", "run", task, "-m", MODEL, "-n", str(n), "--plain", "-o", f"{task}.jsonl")
    return [json.loads(line) for line in Path(f"{task}.jsonl").read_text(encoding="utf-8").splitlines()]


def config(task, rows):
    """A task of the harness over these items."""
    path = Path(f"{task}.items.jsonl").resolve()
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return {"task": f"own_{task}", "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(path)}},
            "test_split": "test", "doc_to_text": "prompt", "target_delimiter": "", "num_fewshot": 0}


def of_choices(task, items):
    rows = [{"prompt": r["prompt"], "choices": r["choices"], "gold": r["choices"].index(r["target"])} for r in items]
    return {**config(task, rows), "output_type": "multiple_choice", "doc_to_choice": "choices", "doc_to_target": "gold",
            "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}]}


def of_texts(task, items, stop, tokens):
    rows = [{"prompt": r["prompt"], "target": r["target"]} for r in items]
    made = {**config(task, rows), "output_type": "generate_until", "doc_to_target": "target",
            "generation_kwargs": {"until": stop, "max_gen_toks": tokens, "do_sample": False, "temperature": 0},
            "metric_list": [{"metric": "exact_match"}]}
    if TEXTS[task]:
        made["filter_list"] = [{"name": "strict", "filter": [{"function": "regex", "regex_pattern": TEXTS[task]},
                                                             {"function": "take_first"}]}]
    return made


def evaluate(server, tasks):
    """Samples of the harness by task, in the order of the items."""
    import lm_eval
    arguments = {"model": json.loads(server.send("GET", "/v1/models")[1])["data"][0]["id"], "num_concurrent": 4,
                 "base_url": f"http://127.0.0.1:{server.port}/v1/completions", "tokenizer_backend": "remote",
                 "max_length": TOKENS, "max_retries": 1}
    found = lm_eval.simple_evaluate(model="local-completions", model_args=arguments, tasks=tasks, log_samples=True,
                                    bootstrap_iters=0, verbosity="ERROR")
    return {name.removeprefix("own_"): sorted(samples, key=lambda s: s["doc_id"])
            for name, samples in found["samples"].items()}


def same_choices(task, own, found):
    for i, (record, sample) in enumerate(zip(own, found, strict=True)):
        logprobs = [float(response[0][0]) for response in sample["resps"]]
        greedy = [str(response[0][1]) == "True" for response in sample["resps"]]
        near = all(abs(a - b) < 1e-9 * (1 + abs(b)) for a, b in zip(logprobs, record["logprobs"], strict=True))
        check(near, f"{task} {i}: {logprobs}, expected {record['logprobs']}")
        check(greedy == record["is_greedy"], f"{task} {i}: greedy {greedy}, expected {record['is_greedy']}")
        for metric, value in record["metrics"].items():
            check(float(sample[metric]) == value, f"{task} {i}: {metric} {sample[metric]}, expected {value}")


def same_texts(task, own, found):
    for i, (record, sample) in enumerate(zip(own, found, strict=True)):
        text, expected = sample["resps"][0][0], record["responses"][0]
        check(text.strip() == expected.strip(), f"{task} {i}: {text!r}, expected {expected!r}")
        if TEXTS[task]:
            value = record["metrics"]["exact_match"]
            check(float(sample["exact_match"]) == value, f"{task} {i}: {sample['exact_match']}, expected {value}")


def definition(task):
    shown = json.loads(command("task", "show", task, "--json"))
    return shown.get("stop", []), shown["max_tokens"]


def clean():
    own = {task: records(task, ITEMS) for task in CHOICES}
    texts = {task: records(task, max(2, ITEMS // 4)) for task in TEXTS}
    tasks = [of_choices(task, items) for task, items in own.items()]
    tasks += [of_texts(task, items, *definition(task)) for task, items in texts.items()]
    with Server("--positions", str(TOKENS), model=MODEL) as server:
        found = evaluate(server, tasks)
    for task, items in own.items():
        same_choices(task, items, found[task])
    for task, items in texts.items():
        same_texts(task, items, found[task])
    print(f"{sum(map(len, own.values()))} items of choices, {sum(map(len, texts.values()))} texts: equal")
    return own["arc_challenge"]


def campaign(items):
    """Faults in stored weights, each before all items; of each, the score of every item."""
    listed = [{"task": "arc_challenge", "kind": "choices", "metric": "acc", "prompt": r["prompt"],
               "choices": [[c] for c in r["choices"]], "gold": r["choices"].index(r["target"])} for r in items]
    plan = {"model": MODEL, "items": {"list": listed}, "population": "bits",
            "where": {"place": "weight", "sites": ["blk.2.ffn_down.weight", "blk.0.attn_v.weight"], "field": "scale"},
            "what": {"kind": "flip", "bits": [13, 14]}, "design": "fault_major",
            "sampling": {"trials": 3 * len(items)}, "seed": 5}
    Path("plan.json").write_text(json.dumps(plan), encoding="utf-8")
    command("campaign", "run", "plan.json", "-o", "faults.db", "-d", "cpu")
    command("export", "faults.db", "--format", "jsonl", "-o", "faults.jsonl")
    faults = {}
    for line in Path("faults.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["kind"] == "flip" and row["place"] == "weight" and not row.get("role"):
            key = json.dumps({k: v for k, v in row["fault"].items() if k not in ("trial", "seed")}, sort_keys=True)
            score = row["score_golden"] if row["score_faulty"] is None else row["score_faulty"]
            faults.setdefault(key, {})[row["item"]] = score
    return {json.loads(key)["row"]: (json.loads(key), scores) for key, scores in faults.items()}


def standing(items):
    compared = 0
    for fault, scores in campaign(items).values():
        Path("fault.json").write_text(json.dumps(fault), encoding="utf-8")
        with Server("--positions", str(TOKENS), "--fault", "fault.json", model=MODEL) as server:
            found = evaluate(server, [of_choices("arc_challenge", items)])["arc_challenge"]
        for item, score in scores.items():
            check(float(found[item]["acc"]) == score, f"{fault} item {item}: {found[item]['acc']}, expected {score}")
            compared += 1
    check(compared >= len(items), f"{compared} scores under faults")
    print(f"{compared} scores under standing faults: equal")


def main():
    if not MODEL or not DATA:
        skip("no SmolLM2-135M, or no public data in VKFI_DATA")
    try:
        import lm_eval  # noqa: F401
    except ImportError:
        skip("no lm-eval in SERVE_PYTHON")
    standing(clean())


main()
