#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The devices that `vkfi selftest --bundle` was run on: one file each in tests/results/devices, a table in README.md.

usage: devices.py check|write [ROOT]    the table is that of the files, or is written anew
       devices.py add BUNDLE [ROOT]     takes selftest.json out of a bundle, then writes the table

Exit status: 0 done, 1 the table or a file is not as expected, 2 wrong usage or bundle. Each finding is one line.
"""
import json
import re
import sys
import zipfile
from pathlib import Path

FORMAT = 1
FOLDER = "tests/results/devices"
BEGIN = "<!-- tests/results/devices.py writes this table -->"
END = "<!-- end of the table -->"
HEAD = ["device", "driver", "verdict", "probe", "rows of logits, faults", "prompt, decode", "read", "date"]
KEYS = ["format", "verdict", "line", "tool", "contract", "shaders", "date", "system", "machine", "device", "probe",
        "numerics", "exactness", "speed"]
DEVICE_KEYS = {"name", "kind", "driver", "driver_info", "driver_version", "vulkan", "vendor_id", "device_id", "memory",
               "host_visible", "limits", "float_controls"}
# What may tell a machine or its owner: paths, addresses, UUIDs and other long numbers.
PERSONAL = [(re.compile(p), what) for p, what in (
    (r"(^|[^\w.])(/|~/|[A-Za-z]:\\)\w", "a path"), (r"\S@\S+\.\S", "an address"),
    (r"\b[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}\b", "a UUID"),
    (r"\b[0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]\b", "a PCI address"),
    (r"\b([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\b", "a hardware address"))]


class Bad(Exception):
    """One line: what was found, and where."""


def texts(value, where=""):
    """Every text of a JSON value, keys too, with its place."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield where, key
            yield from texts(member, where + "/" + key)
    elif isinstance(value, list):
        for i, element in enumerate(value):
            yield from texts(element, "%s/%d" % (where, i))
    elif isinstance(value, str):
        yield where, value


def check_personal(found, name):
    for where, text in texts(found):
        for pattern, what in PERSONAL:
            if pattern.search(text):
                raise Bad("%s: %s: found %s in '%s', expected none" % (name, where, what, text))


def check_findings(found, name):
    """That it is what the program packs, and holds no more than it says."""
    if not isinstance(found, dict) or list(found) != KEYS:
        raise Bad("%s: found other members than those of a bundle: %s" % (name, ", ".join(KEYS)))
    if found["format"] != FORMAT:
        raise Bad("%s: found format %s, expected %d" % (name, found["format"], FORMAT))
    if found["verdict"] not in ("passed", "refused", "differs", "failed"):
        raise Bad("%s: found verdict '%s'" % (name, found["verdict"]))
    more = set(found["device"] or {}) - DEVICE_KEYS
    if more or not found["device"]:
        raise Bad("%s: /device: found %s" % (name, ", ".join(sorted(more)) or "none"))
    same = all(run.get("hash") == run.get("device_hash") and run.get("faults_differ") == 0 for run in found["exactness"])
    if found["verdict"] == "passed" and not same:
        raise Bad("%s: found verdict 'passed', but a run that differs" % name)
    check_personal(found, name)


def canonical(found):
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def check_bits(found):
    """Equal runs have equal bits on every machine's CPU."""
    hashes = {}
    for name, findings in found.items():
        for run in findings["exactness"]:
            key = (run.get("model"), run.get("act"), run.get("kv"), findings["contract"])
            if "hash" in run and run["hash"] != hashes.setdefault(key, run["hash"]):
                raise Bad("%s: the CPU's bits of %s differ from those of another file" % (name, ", ".join(key)))


def load(root):
    """All files by name, checked."""
    found = {}
    for path in sorted((root / FOLDER).glob("*.json")):
        text = path.read_text(encoding="utf-8")
        findings = json.loads(text)
        check_findings(findings, path.name)
        if text != canonical(findings) or path.name != file_name(findings):
            raise Bad("%s: expected %s as `devices.py add` writes it" % (path.name, file_name(findings)))
        found[path.name] = findings
    check_bits(found)
    return found


def file_name(found):
    device = found["device"]
    words = "%s %s" % (device["name"], device.get("driver_info") or device.get("driver") or "")
    return re.sub(r"[^a-z0-9.]+", "-", words.lower()).strip("-") + ".json"


def rate(bytes_per_second):
    return "%.1f GB/s" % (bytes_per_second / 1e9)


def row(found):
    device, speed, runs = found["device"], found["speed"] or {}, found["exactness"]
    probe = found["probe"]
    differ = sum(c["cases_differ"] for c in probe["classes"]) if probe else 0
    rows = sum(run.get("steps", 0) for run in runs)
    faults = sum(run.get("faults", 0) for run in runs)
    wrong = sum(run.get("faults_differ", 0) for run in runs)
    fast = "prompt_tokens_per_second" in speed
    driver = "%s %s" % (device.get("driver", ""), device.get("driver_info", ""))
    return ["%s (%s)" % (device["name"], device["kind"]), driver.strip(), found["verdict"],
            "none" if not probe else "%d cases differ" % differ if differ else "no case differs",
            "%d, %d" % (rows, faults) + ("; %d differ" % wrong if wrong else ""),
            "%.1f, %.1f tok/s" % (speed["prompt_tokens_per_second"], speed["decode_tokens_per_second"]) if fast else "",
            rate(speed["read_bytes_per_second"]) if fast else "", found["date"]]


def table(found):
    lines = [HEAD, ["---"] * len(HEAD), *(row(f) for f in found.values())]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines)


def with_table(text, found):
    """The README with the table of these files."""
    begin, end = text.find(BEGIN), text.find(END)
    if begin < 0 or end < begin:
        raise Bad("README.md: found no lines '%s' and '%s'" % (BEGIN, END))
    return "%s%s\n%s\n%s" % (text[:begin], BEGIN, table(found), text[end:])


def read_bundle(path):
    try:
        with zipfile.ZipFile(path) as bundle:
            found = json.loads(bundle.read("selftest.json").decode("utf-8"))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise Bad("%s: found no bundle of `vkfi selftest`: %s" % (path, error)) from error
    check_findings(found, path)
    return found


def write(root):
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(with_table(text, load(root)), encoding="utf-8")


def main(words):
    action = words[0] if words else ""
    rest = words[2:] if action == "add" else words[1:]
    if action not in ("check", "write", "add") or (action == "add" and len(words) < 2) or len(rest) > 1:
        print(__doc__[__doc__.index("usage:"):].split("\n\n")[0], file=sys.stderr)
        return 2
    root = Path(rest[0]) if rest else Path(__file__).resolve().parents[2]
    try:
        if action == "add":
            found = read_bundle(words[1])
            check_bits({**load(root), file_name(found): found})
            (root / FOLDER / file_name(found)).write_text(canonical(found), encoding="utf-8")
        if action != "check":
            write(root)
            return 0
        text = (root / "README.md").read_text(encoding="utf-8")
        if text != with_table(text, load(root)):
            raise Bad("README.md: the table is not that of %s: python3 tests/results/devices.py write" % FOLDER)
    except Bad as bad:
        print(bad, file=sys.stderr)
        return 2 if action == "add" else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
