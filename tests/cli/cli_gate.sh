# SPDX-License-Identifier: MIT
# vkfi gate: verdicts and exit codes, refusals, JUnit XML that others read.
verdict() { # EXIT-CODE ARGS: that exit code and nothing on standard error
    local expected=$1 code
    shift
    "$VKFI" gate "$@" >out 2>err
    code=$?
    [ $code = "$expected" ] || fail "exit code $code, expected $expected: gate $* ($(cat err))"
    [ ! -s err ] || fail "gate $*: $(cat err)"
}
"$FIXTURE" a.db per_stratum=200 && "$FIXTURE" growing.db missing=0.3 && "$FIXTURE" equal.db equal &&
    "$FIXTURE" ber.db ber=1e-9 per_stratum=40 && "$FIXTURE" worse.db per_stratum=200 disagree=20 && "$FIXTURE" scored.db scored &&
    "$FIXTURE" spent.db missing=0.3 'stop={"rule":"spending","looks":[0.5,1]}' &&
    "$FIXTURE" asked.db missing=0.3 'stop={"rule":"spending","looks":[0.5,1],"gate":{"max":0.4}}' ||
    fail "the fixtures"
verdict 0 a.db --max 0.2
grep -q '^verdict *passed$' out || fail "$(cat out)"
verdict 1 a.db --max 0.01
grep -q '^verdict *failed$' out || fail "$(cat out)"
verdict 1 a.db --max 0.08
grep -q '^to decide *only more prompts: about [0-9]* more, with [0-9]* trials on them (it would pass' out || fail "$(cat out)"
grep -q '^verdict *undecided$' out || fail "$(cat out)"
verdict 1 a.db --max 0.08 --json
json 'd["limit"]["more"] > 1000 and d["limit"]["more_prompts"] > 10'
verdict 0 a.db --max 0.2 --json
json 'd["verdict"] == "passed" and d["limit"]["upper"] <= 0.2 and d["limit"]["lower"] < d["limit"]["rate"] < d["limit"]["upper"] and d["limit"]["complete"]'
verdict 0 scored.db --max 0.2 --of critical --given golden_right --json
json 'd["of"] == "critical" and d["given"] == "golden_right" and d["limit"]["n"] < d["limit"]["trials"]'
verdict 0 ber.db --max 0.2 --given runs --json
json 'd["given"] == "runs" and d["limit"]["rate"] < 0.1'
verdict 0 equal.db --max 0.9 --stratum "layer=3 bit_field=sign"
verdict 0 spent.db --max 0.4 --json
json 'd["limit"]["rule"] == "spending" and d["limit"]["look"] == 1 and d["limit"]["tail"] < 0.05 and not d["limit"]["complete"]'
# The plan's question, and another one to the same looks.
verdict 0 asked.db --json
json 'd["limit"]["max"] == 0.4 and d["of"] == "sdc" and d["limit"]["look"] == 1'
verdict 0 asked.db
grep -q 'no more trials are needed$' out || fail "$(cat out)"
verdict 1 asked.db --max 0.01

verdict 0 a.db --baseline a.db --margin 0.01
grep -q '^verdict *passed: new has at most [0-9.]* points more sdc than old (one-sided at 95 %' out || fail "$(cat out)"
grep -q 'says nothing about how often silicon upsets' out || fail "no word on silicon"
verdict 1 worse.db --baseline a.db --margin 0.01 --json
json 'd["verdict"] == "failed" and d["baseline"]["difference"] > 0.01 and d["baseline"]["pairs"] == 3600'
verdict 0 a.db --baseline worse.db --margin 0.01
verdict 1 worse.db --max 0.9 --baseline a.db --margin 0.01 --junit gate.xml
python3 - <<'TEXT' || fail "gate.xml"
import xml.etree.ElementTree as e
suite = e.parse("gate.xml").getroot()
assert suite.tag == "testsuite" and suite.get("tests") == "2" and suite.get("failures") == "1"
cases = suite.findall("testcase")
assert [c.get("name") for c in cases] == ["limit", "baseline"]
assert cases[0].find("failure") is None and "points" in cases[1].find("failure").text
TEXT

# One vocabulary: every combination of limits, in text, JSON, JUnit and the exit code.
python3 - "$VKFI" <<'TEXT' || fail "verdicts of limits together"
import itertools
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as tree

def gate(*args):
    run = subprocess.run([sys.argv[1], "gate", "worse.db", *args], capture_output=True, text=True, check=False)
    assert run.stderr == "", run.stderr
    return run.returncode, run.stdout

found = json.loads(gate("--max", "0.1", "--baseline", "a.db", "--margin", "0.1", "--json")[1])
limit, rise = found["limit"], found["baseline"]
maxima = {None: [], "passed": ["--max", str(limit["upper"] + 1e-4)], "undecided": ["--max", str(limit["rate"])],
          "failed": ["--max", str(limit["lower"] - 1e-4)]}
margins = {None: [], "passed": str(rise["upper"] + 1e-4), "undecided": str(rise["difference"]), "failed": "0.0001"}
margins = {word: ["--baseline", "a.db", "--margin", m] if m else [] for word, m in margins.items()}
for words in itertools.product(maxima, margins):
    told = [word for word in words if word]
    if not told:
        continue
    args = maxima[words[0]] + margins[words[1]]
    together = "failed" if "failed" in told else "undecided" if "undecided" in told else "passed"
    code, text = gate(*args)
    assert code == (0 if together == "passed" else 1), (words, code)
    assert re.findall(r"^verdict +(\w+)", text, re.M) == told, (words, text)
    assert re.findall(r"^together +(\w+)", text, re.M) == ([together] if len(told) == 2 else []), (words, text)
    again, data = gate(*args, "--json", "--junit", "limits.xml")
    data = json.loads(data)
    assert again == code and data["verdict"] == together, (words, data)
    assert [data[k]["verdict"] for k in ("limit", "baseline") if k in data] == told, (words, data)
    cases = tree.parse("limits.xml").getroot()
    assert int(cases.get("failures")) == sum(word != "passed" for word in told), words
    message = [c.find("failure").get("message") if c.find("failure") is not None else "passed" for c in cases]
    assert message == told, (words, message)
    if words[1]:
        run = subprocess.run([sys.argv[1], "compare", "a.db", "worse.db", "--baseline", *margins[words[1]][2:], "--confidence",
                              "0.95", "--json"], capture_output=True, text=True, check=False)
        run = (run.returncode, json.loads(run.stdout)["comparisons"][0]["reliability"]["verdict"])
        assert run == (0 if words[1] == "passed" else 1, words[1]), (words, run)
TEXT

refused 2 gate
refused 2 gate a.db
grep -q 'no question in the plan' err || fail "$(cat err)"
refused 2 gate asked.db --confidence 0.9
refused 2 gate a.db --max 2
refused 2 gate a.db --margin 0.1
refused 2 gate a.db --baseline worse.db
refused 2 gate a.db --max 0.1 --of everything
refused 2 gate a.db --baseline worse.db --margin 0.1 --given runs
refused 2 gate a.db --max 0.1 --of critical
refused 2 gate a.db --max 0.1 --stratum "layer=33"
refused 2 gate equal.db --max 0.1
refused 2 gate growing.db --max 0.9
grep -q 'no stopping rule' err || fail "$(cat err)"
refused 2 gate a.db --baseline growing.db --margin 0.1
