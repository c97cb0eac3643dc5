#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Faults and protections of requests are those of `vkfi run`; clean requests beside them stay golden; damage that
stays is never an answer."""

import json
import subprocess
import threading
from pathlib import Path

from serve_bench import MODEL, VKFI, Server, check, run

PROMPT = "the quick brown fox"
BODY = {"max_tokens": 12, "ignore_eos": True}
FAULTS = [
    {"site": "blk.0.ffn_down", "kind": "flip", "bit": 30, "row": 7, "step": 2},
    {"site": "blk.0.attn_q", "point": "partial", "kind": "flip", "bit": 29, "row": 3, "k": 5, "position": 4},
    {"site": "blk.0.ffn_norm", "kind": "scale", "value": 3, "granularity": "tensor"},
    {"site": "blk.0.kv_v", "kind": "flip", "bit": 30, "k": 2, "key": 3, "position": 6},
    {"site": "blk.0.attn_v.weight", "bits": [6], "row": 5, "k": 16, "position": 0},
    {"site": "control.token", "kind": "flip", "bit": 1, "step": 3},
    [[{"site": "blk.0.ffn_down", "kind": "flip", "bit": 30, "row": 7, "step": 2},
      {"site": "output", "kind": "flip", "bit": 30, "row": 9, "step": 4}]],
]
STAYS = {"site": "blk.0.ffn_down", "kind": "set", "value": "0x7f800000", "row": 7, "step": 0, "duration": "permanent"}
PLAN = {"population": "ops", "where": {"sites": "blk.*"}, "what": {"kind": "flip"}, "sampling": {"trials": 50},
        "seed": 9}


def write(name, value):
    Path(name).write_text(json.dumps(value), encoding="utf-8")
    return name


def record(fault, *options):
    """Of `vkfi run --fault`."""
    return run("-p", PROMPT, "-n", "12", "--ignore-eos", "--fault", write("fault.json", fault), *options)["faults"][0]


def same_run(choice, own, what):
    check(choice["text"] == own["faulty_text"], f"{what}: {choice['text']!r}, expected {own['faulty_text']!r}")
    proofs = choice["vkfi"]["record"]
    found = (sum(p["activations"] for p in proofs), proofs[0]["before"], proofs[0]["after"])
    expected = (own["activations"], int(own["before"], 16), int(own["after"], 16))
    check(found == expected, f"{what}: {found}, expected {expected}")


def requested(server, clean):
    """Each fault beside clean requests, which stay golden."""
    found = {}

    def strike(i):
        found[i] = server.complete(PROMPT, **BODY, vkfi={"fault": FAULTS[i]})["choices"][0]

    def stay(i):
        found[f"clean {i}"] = server.complete(PROMPT, **BODY)["choices"][0]

    threads = [threading.Thread(target=f, args=(i,)) for i in range(len(FAULTS)) for f in (strike, stay)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, fault in enumerate(FAULTS):
        same_run(found[i], record(fault), f"fault {i}")
        check(found[f"clean {i}"] == clean, f"a request beside faults: {found[f'clean {i}']}, expected {clean}")
    check(server.metric("vkfi_faults_fired_total") >= len(FAULTS), "activations are counted")
    check(server.complete(PROMPT, **BODY, vkfi={"fault": []})["choices"][0] == clean, "an empty list is none")


def drawn(server):
    """A plan's trial is that of `vkfi plan expand` with this prompt as the only one."""
    ids = run("-p", PROMPT, "-n", "1")["ids"]
    whole = {**PLAN, "model": MODEL, "decoding": {"n": 12}, "prompts": {"ids": [ids]}}
    for trial in (0, 7, 49):
        done = subprocess.run([VKFI, "plan", "expand", write("plan.json", whole), "--trial", str(trial), "--json"],
                              capture_output=True, check=True)
        expected = json.loads(done.stdout)[0]["faults"]
        choice = server.complete(PROMPT, **BODY, vkfi={"plan": PLAN, "trial": trial})["choices"][0]
        check(choice["vkfi"]["fault"] == [expected] and choice["vkfi"]["trial"] == trial,
              f"trial {trial}: {choice['vkfi']}, expected {expected}")
        same_run(choice, record([expected]), f"trial {trial}")
    random = server.complete(PROMPT, **BODY, n=8, vkfi={"plan": PLAN, "trial": "random"})["choices"]
    check(len({c["vkfi"]["trial"] for c in random}) > 2, "random trials differ")
    for body in ({"plan": PLAN}, {"plan": PLAN, "trial": 50000}, {"trial": 1}, {"plan": {**PLAN, "arms": []}, "trial": 1},
                 {"plan": {**PLAN, "prompts": {"file": "/etc/passwd"}}, "trial": 1}, {"plan": {}, "trial": 1},
                 {"plan": PLAN, "trial": 1, "fault": FAULTS[0]}, {"fault": {"site": "nothing"}}, {"fault": 7},
                 {"fault": {"site": "blk.0.attn_q", "position": 5000}}, {"fault": [FAULTS[0], FAULTS[1]]}):
        status, message = server.refused({"prompt": PROMPT, "vkfi": body})
        check(status == 400, f"{body}: {status} {message}")


def protected(server, clean):
    """A fault that passes is corrected; one that stays is a 500, in streams too."""
    transient = {**STAYS, "duration": "transient"}
    choice = server.complete(PROMPT, **BODY, vkfi={"fault": transient, "protect": "robust"})["choices"][0]
    check((choice["text"], choice["vkfi"]["outcome"]) == (clean["text"], "corrected"), f"corrected: {choice}")
    check(choice["vkfi"]["events"] and choice["vkfi"]["alarms"] >= 1, "events")
    check(server.metric("vkfi_corrections_total") >= 1 and server.metric("vkfi_alarms_total") >= 1, "metrics")
    for stream in (False, True):
        body = {"prompt": PROMPT, **BODY, "temperature": 0, "stream": stream,
                "vkfi": {"fault": STAYS, "protect": "robust"}}
        status, message = server.refused(body)
        check(status == 500 and "could not be corrected" in message, f"what stays: {status} {message}")
    check(server.metric("vkfi_uncorrected_total") == 2, "metrics")
    check(server.complete(PROMPT, **BODY)["choices"][0] == clean, "after it")


def standing(clean):
    """Faults of every request; a request may say otherwise only where that is allowed."""
    for fault in (FAULTS[4], FAULTS[0]):
        with Server("--fault", write("standing.json", fault)) as server:
            own = record(fault)
            for choice in server.complete([PROMPT] * 3, **BODY)["choices"]:
                same_run(choice, own, f"standing {fault}")
            check(server.refused({"prompt": PROMPT, "vkfi": {"fault": []}})[0] == 400, "not allowed")
    with Server("--plan", write("plan.json", PLAN), "--trial", "3", "--allow-faults") as server:
        choice = server.complete(PROMPT, **BODY)["choices"][0]
        check(choice["vkfi"]["trial"] == 3 and choice["vkfi"]["record"], "a standing plan")
        check(server.complete(PROMPT, **BODY, vkfi={"fault": []})["choices"][0] == clean, "allowed")
    with Server("--protect", "robust", "--fault", write("standing.json", STAYS)) as server:
        check(server.refused({"prompt": PROMPT})[0] == 500, "a standing fault that stays")
        check(server.refused({"prompt": PROMPT, "vkfi": {"protect": "nan_trap"}})[0] == 400, "the server's policy stays")


def starts():
    for options in (["--fault", "missing.json"], ["--fault", write("bad.json", {"site": "nothing"})],
                    ["--plan", write("plan.json", PLAN)], ["--trial", "3"], ["--plan", "missing.json", "--trial", "1"],
                    ["--plan", write("plan.json", PLAN), "--trial", "x"],
                    ["--plan", write("plan.json", PLAN), "--trial", "999999"],
                    ["--plan", write("plan.json", PLAN), "--trial", "1", "--fault", write("f.json", FAULTS[0])]):
        done = subprocess.run([VKFI, "serve", "-m", MODEL, "--listen", "0", *options], capture_output=True, timeout=60,
                              check=False)
        check(done.returncode == 2 and len(done.stderr.splitlines()) == 1, f"{options}: {done.returncode} {done.stderr}")


def main():
    with Server("--allow-faults", "--sessions", "8") as server:
        clean = server.complete(PROMPT, **BODY)["choices"][0]
        requested(server, clean)
        drawn(server)
        protected(server, clean)
    standing(clean)
    starts()


main()
