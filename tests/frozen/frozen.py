#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What must not change: plans, drawn faults, boxes, records, JSON, one report and one export, as hashes.

usage: frozen.py check GROUP...      compares with frozen.txt (groups: plans faults smollm2 boxes
                                     records json report export)
       frozen.py --update NAME...    renews only the hashes of these names; * and ? match any
       frozen.py --print NAME...     prints the hashed text, for a diff of two builds
       frozen.py breaks              each group notices one changed fault, record, plan or cell

VKFI is the program, FROZEN_TOOL the tool beside it, VKFI_TINY the folder of the tiny models; by default
those of the folder build. Exit status: 0 nothing changed, 1 something did (a line each), 77 a group's
needs are missing.

A line of frozen.txt: name, SHA-256 (16 digits), and one short hash for each block of 50 lines.
"""

import csv
import fnmatch
import hashlib
import io
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
FROZEN = HERE / "frozen.txt"
BLOCK = 50
DRAWS = 500
BUILD = SOURCE / "build"
VKFI = os.environ.get("VKFI", BUILD / "vkfi")
TOOL = os.environ.get("FROZEN_TOOL", BUILD / "tests/frozen_tool")
TINY = Path(os.environ.get("VKFI_TINY", BUILD / "tests/tiny"))
IDS = ",".join(str((i * 37 + 11) % 251) for i in range(36))  # as frozen_tool.c has them
PLAN_MODELS = {"llama": "tiny-llama-q4_1", "qwen2": "tiny-qwen2", "gemma3": "tiny-gemma3"}
RECORD_MODELS = {
    "llama": ("tiny-llama-q4_k", "f32", "f32"),
    "qwen2": ("tiny-qwen2", "bf16", "f16"),
    "gemma3": ("tiny-gemma3", "f16", "bf16"),
}


class Missing(Exception):
    """A group's needs are missing on this machine."""


class Refused(SystemExit):
    """A command said that it found bad input."""


def run(command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, **options)
    if done.returncode != 0:
        error = done.stderr.decode(errors="replace")
        kind = Refused if done.returncode == 2 else SystemExit
        raise kind(f"exit code {done.returncode}: {' '.join(map(str, command))}\n{error}")
    return done.stdout


def lines_of(text):
    """At line feeds alone: prompts and answers may hold other line ends of Python."""
    return text.removesuffix("\n").split("\n")


def tool(*words, lines=None):
    given = "".join(line + "\n" for line in lines).encode() if lines is not None else b""
    out = run([TOOL, *words], input=given)
    return lines_of(out.decode("utf-8", "surrogateescape"))


def model_of(name):
    return TINY / f"{name}.gguf"


def ready_plans():
    """Those on prompts: the tool opens no tasks, and cli_first_answers holds what a plan of tasks prints."""
    paths = sorted((SOURCE / "inject/plans").glob("*.json"))
    return [path for path in paths if "items" not in json.loads(path.read_text(encoding="utf-8"))]


def good_plans():
    return sorted((SOURCE / "tests/inject/plans/good").glob("*.json"))


def plans():
    """The canonical form; its SHA-256 must be the identity that the program gives."""
    paths = [*ready_plans(), *good_plans()]
    things = {}
    for path, line in zip(paths, tool("plans", *paths), strict=True):
        identity, canon = line.split(" ", 1)
        if hashlib.sha256(f"{canon}\n".encode("utf-8", "surrogateescape")).hexdigest() != identity:
            raise SystemExit(f"{path}: the identity is not the SHA-256 of the canonical form")
        things[f"plans/{path.parent.name}/{path.stem}"] = [canon]
    return things


def is_of_experts(path):
    return path.stem == "moe_router"


def faults():
    things = {}
    for path in ready_plans():
        for arch, name in ({"moe": "tiny-mixtral"} if is_of_experts(path) else PLAN_MODELS).items():
            things[f"faults/{path.stem}/{arch}"] = tool("draws", model_of(name), path, DRAWS)
    for path in good_plans():
        things |= good_faults(path)
    return things


def drawn_or_refused(model, path):
    """A plan may name layers, fields or strata that the model does not have."""
    try:
        return tool("draws", model, path, DRAWS)
    except Refused:
        return ["refused"]


def good_faults(path):
    """On a model of one layer with quantised weights, and on one of many layers."""
    return {f"faults/good.{path.stem}/{arch}": drawn_or_refused(model_of(PLAN_MODELS[arch]), path)
            for arch in ["llama", "gemma3"]}


def smollm2():
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "vkfi/models"
    model = Path(os.environ.get("VKFI_MODELS", cache)) / "SmolLM2-135M-Instruct.Q4_1.gguf"
    if not model.exists():
        raise Missing("no SmolLM2-135M in $VKFI_MODELS or the cache")
    things = {f"smollm2/{path.stem}": tool("draws", model, path, DRAWS)
              for path in ready_plans() if not is_of_experts(path)}
    for path in good_plans():
        things[f"smollm2/good.{path.stem}"] = drawn_or_refused(model, path)
    return things


def box_lines():
    """Faults as a user writes them, over points, granularities, readers, stages and coordinates."""
    sites = ["token_embd", "blk.0.attn_norm", "blk.0.attn_q", "blk.0.attn_q_rope", "blk.0.attn_scores",
             "blk.0.attn_softmax", "blk.0.attn_heads", "blk.0.ffn_down", "blk.0.ffn_act",
             "blk.0.ffn_residual", "output", "blk.0.attn_k.weight", "blk.0.kv_k", "rope", "control.slot"]
    points = ["operand", "weight", "partial", "accumulator", "out", "mem"]
    grains = ["element", "vector", "feature", "tensor", "lane", "tile"]
    coordinates = [{}, {"row": 5}, {"k": 3}, {"row": 5, "k": 3}, {"row": 1, "key": 2}, {"key": 1, "k": 3}]
    readers = {"weight": ["column", "chunk", "stage"], "operand": ["all", "row", "tile"]}
    for site in sites:
        for point in points:
            for grain in grains:
                for i, stage in enumerate(["prefill", "first", "decode", "any"]):
                    for place in coordinates:
                        fault = {"site": site, "point": point, "granularity": grain, "stage": stage, "bit": 1}
                        fault |= place
                        if point in readers:
                            fault["readers"] = readers[point][(i + len(place)) % 3]
                        yield json.dumps(fault)


def boxes():
    """Refused faults give lines too."""
    asked = list(box_lines())
    things = {}
    for arch, name in PLAN_MODELS.items():
        for line, box in zip(asked, tool("boxes", model_of(name), lines=asked), strict=True):
            site = json.loads(line)["site"].removeprefix("blk.0.")
            things.setdefault(f"boxes/{arch}/{site}", []).append(f"{line}{box}")
    return things


def frozen_faults(arch):
    with lzma.open(HERE / f"faults_{arch}.jsonl.xz", "rt", encoding="utf-8") as file:
        return file.read().split("\n")[:-1]


def by_site(arch, asked):
    """Records by site, whatever the layer: a change of an op shows only in its sites."""
    name, *types = RECORD_MODELS[arch]
    things = {}
    for line, record in zip(asked, tool("records", model_of(name), *types, lines=asked), strict=True):
        site = re.sub(r"^blk\.\d+\.", "", json.loads(line)["site"])
        things.setdefault(f"records/{arch}/{site}", []).append(record.strip())
    return things


def records():
    things = {}
    for arch in RECORD_MODELS:
        things |= by_site(arch, frozen_faults(arch))
    return things


def as_printed(value):
    """JSON with each number as the program wrote it, members in its order."""
    return json.dumps(value, ensure_ascii=True)


def records_json():
    """Golden and records as `vkfi run --json` prints them, without the machine's names."""
    things = {}
    machine = {"model", "device", "driver", "contract", "seconds", "underflow"}
    for arch, (name, act, kv) in RECORD_MODELS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "faults.json"
            path.write_text("[" + ",\n".join(frozen_faults(arch)) + "]", encoding="utf-8")
            out = run([VKFI, "run", "-m", model_of(name), "--ids", IDS, "-n", 6, "--ignore-eos",
                       "--act", act, "--kv", kv, "-d", "cpu", "--threads", 1, "--fault", path, "--json"])
        found = json.loads(out.decode("utf-8", "surrogateescape"), parse_float=str, parse_int=str)
        if missing := machine - set(found["golden"]):
            raise SystemExit(f"run --json: no member {', '.join(sorted(missing))} in golden")
        golden = {key: value for key, value in found["golden"].items() if key not in machine}
        things[f"json/{arch}/golden"] = [as_printed(golden)]
        things[f"json/{arch}/faults"] = [as_printed(record) for record in found["faults"]]
    return things


def steady(text):
    """Ten digits of each number: the last ones are the C library's, whose exp and log differ."""
    rounded = re.sub(r"-?\d+\.\d+(?:e[-+]?\d+)?", lambda m: f"{float(m[0]):.10g}", text)
    return re.sub(r"\bvkfi \d+\.\d+\.\d+", "vkfi VERSION", rounded)


def without_columns(text, names):
    """CSV with * in the columns of machine and time, which must all exist."""
    rows = list(csv.reader(io.StringIO(text)))
    hidden = {rows[0].index(name) for name in names}
    return ["\x1f".join("*" if i in hidden and r > 0 else cell for i, cell in enumerate(row))
            for r, row in enumerate(rows)]


def campaign(folder, plan=HERE / "campaign.json"):
    """The database of the campaign; its model is named relative to the folder of the tiny models."""
    database = folder / "frozen.db"
    run([VKFI, "campaign", "run", plan, "-o", database, "-d", "cpu", "--threads", 1], cwd=TINY)
    return database


def report():
    if not shutil.which("gnuplot"):
        raise Missing("no gnuplot, which draws the pictures of a report")
    things = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run([VKFI, "report", campaign(folder), "-o", folder / "r.html", "--data", folder / "data",
             "-m", model_of("tiny-llama-q4_1")])
        totals = json.loads(run([VKFI, "report", folder / "frozen.db", "-o", folder / "r.html", "--json"]))
        for path in sorted((folder / "data").iterdir()):
            if path.suffix == ".svg" or path.name == "devices_used.tex":
                continue  # gnuplot's own, and names of the machine
            lines = path.read_text(encoding="utf-8", errors="surrogateescape")
            if path.name == "devices_used.csv":
                machine = ["device", "version", "cpu_flags", "threads"]
                things[f"report/{path.name}"] = without_columns(lines, machine)
            else:
                things[f"report/{path.name}"] = lines_of(steady(lines))
    totals.pop("file")
    things["report/json"] = [f"{key} {steady(json.dumps(value))}" for key, value in totals.items()]
    return things


def export():
    with tempfile.TemporaryDirectory() as name:
        database = campaign(Path(name))
        text = run([VKFI, "export", database]).decode("utf-8", "surrogateescape")
        lines = run([VKFI, "export", database, "--format", "jsonl"])
    objects = []
    for line in lines_of(lines.decode("utf-8", "surrogateescape")):
        row = json.loads(line, parse_float=str, parse_int=str)
        row["seconds"], row["device"] = ("*" for _ in (row["seconds"], row["device"]))
        objects.append(as_printed(row))
    return {"export/csv": without_columns(text, ["seconds", "device"]), "export/jsonl": objects}


GROUPS = {"plans": plans, "faults": faults, "smollm2": smollm2, "boxes": boxes, "records": records,
          "json": records_json, "report": report, "export": export}


def digest(lines, digits):
    data = "\n".join(lines).encode("utf-8", "surrogateescape")
    return hashlib.sha256(data).hexdigest()[:digits]


def hashes(lines):
    blocks = [digest(lines[i:i + BLOCK], 6) for i in range(0, len(lines), BLOCK)]
    return [digest(lines, 16), *(blocks if len(blocks) > 1 else [])]


def read_frozen():
    lines = FROZEN.read_text(encoding="utf-8").splitlines() if FROZEN.exists() else []
    return {name: rest for name, *rest in (line.split() for line in lines)}


def write_frozen(frozen):
    text = "".join(" ".join([name, *frozen[name]]) + "\n" for name in sorted(frozen))
    FROZEN.write_text(text, encoding="utf-8")


def where(lines, old, new):
    """The first block that differs: the rest of a changed list is not read."""
    for i, (before, now) in enumerate(zip(old[1:], new[1:])):
        if before != now:
            first = i * BLOCK
            return f"first in lines {first} to {min(first + BLOCK, len(lines)) - 1}, which begin with: {lines[first][:160]}"
    if len(old) != len(new):
        return f"{len(lines)} lines, another number of blocks than before"
    return f"of {len(lines)} lines, the first: {lines[0][:160] if lines else ''}"


def differences(frozen, things):
    """(name, text) of each difference; names of other groups do not count."""
    prefixes = {name.split("/")[0] for name in things}
    for name in sorted(set(things) | {n for n in frozen if n.split("/")[0] in prefixes}):
        if name not in things:
            yield name, "is gone"
        elif name not in frozen:
            yield name, "is new: not frozen yet"
        elif frozen[name] != hashes(things[name]):
            yield name, "moved, " + where(things[name], frozen[name], hashes(things[name]))


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def make(groups):
    things = {}
    for group in groups:
        things |= GROUPS[group]()
    return things


def groups_of(patterns):
    wanted = {pattern.split("/")[0] for pattern in patterns}
    return [group for group in GROUPS if any(fnmatch.fnmatchcase(group, word) for word in wanted)]


def update(patterns):
    frozen, things = read_frozen(), make(groups_of(patterns))
    changed = [name for name, _ in differences(frozen, things) if matches(name, patterns)]
    for name in changed:
        if name in things:
            frozen[name] = hashes(things[name])
        else:
            del frozen[name]
        print(f"renewed: {name}" if name in things else f"removed: {name}")
    write_frozen(frozen)
    return 0


def check(groups):
    things = make(groups)
    found = list(differences(read_frozen(), things))
    for name, text in found[:40]:
        print(f"{name} {text}")
    if found:
        print(f"{len(found)} of {len(things)} things moved; if that was meant: tests/README.md, Frozen")
    return 1 if found else 0


def expect(what, found, wanted):
    names = [name for name, _ in found]
    if not names or not all(fnmatch.fnmatchcase(name, wanted) for name in names):
        raise SystemExit(f"{what}: found differences in {names}, expected some, in {wanted} alone")
    print(f"{what}: noticed in {len(names)}, {found[0][1][:100]}")


def breaks():
    """Each change is made where it would arise: in a plan's text, a fault's, the program's output."""
    frozen = read_frozen()
    only = {name: value for name, value in frozen.items() if name.startswith("records/llama/")}
    asked = frozen_faults("llama")
    last = max(i for i, line in enumerate(asked) if '"kind":"flip"' in line and '"blk.0.attn_q"' in line)
    asked[last] = json.dumps(json.loads(asked[last]) | {"mask": "0x5"})
    expect("another mask of one fault", list(differences(only, by_site("llama", asked))), "records/llama/attn_q")

    with tempfile.TemporaryDirectory() as folder:
        plan = Path(folder) / "bit_list.json"
        text = (SOURCE / "tests/inject/plans/good/bit_list.json").read_text(encoding="utf-8")
        changed = json.loads(text)
        plan.write_text(json.dumps(changed | {"seed": 20260101}), encoding="utf-8")
        drawn = good_faults(plan)
        canon = {"plans/good/bit_list": [tool("plans", plan)[0].split(" ", 1)[1]]}
    expect("another seed, faults", list(differences({k: frozen[k] for k in drawn}, drawn)), "faults/good.bit_list/*")
    expect("another seed, plan", list(differences({k: frozen[k] for k in canon}, canon)), "plans/good/bit_list")

    things = export()
    things["export/csv"][70] = things["export/csv"][70].replace("\x1f", "\x1f1", 1)
    moved = list(differences(frozen, things))
    expect("one cell of the export", moved, "export/csv")
    if "lines 50 to 99" not in moved[0][1]:
        raise SystemExit(f"the changed line 70 is not where it says: {moved[0][1]}")
    del things["export/jsonl"]
    gone = [name for name, text in differences(frozen, things) if text == "is gone"]
    if gone != ["export/jsonl"]:
        raise SystemExit(f"a thing that is gone was not noticed: {gone}")
    return 0


def main(arguments):
    try:
        if arguments[:1] == ["check"] and arguments[1:]:
            return check(arguments[1:])
        if arguments[:1] == ["--update"] and arguments[1:]:
            return update(arguments[1:])
        if arguments == ["breaks"]:
            return breaks()
        if arguments[:1] == ["--print"] and arguments[1:]:
            for name, lines in make(groups_of(arguments[1:])).items():
                if matches(name, arguments[1:]):
                    sys.stdout.buffer.writelines(
                        f"{name} {i} {line}\n".encode("utf-8", "surrogateescape") for i, line in enumerate(lines))
            return 0
    except Missing as missing:
        print(f"skipped: {missing}")
        return 77
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
