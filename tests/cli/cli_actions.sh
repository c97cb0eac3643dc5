# SPDX-License-Identifier: MIT
# Actions of a command: each takes its own options and operands, and says which action takes others.
python3 - "$VKFI" <<'PYTHON' || fail "see above"
import re, subprocess, sys

def run(*words):
    return subprocess.run([sys.argv[1], *words], capture_output=True, text=True, timeout=60)

bad = []
for command in ("model", "plan", "campaign", "task"):
    page = run(command, "--help").stdout
    forms = [line.split() for line in page.split("SYNOPSIS\n")[1].split("\n\n")[0].split("\n")]
    text = re.sub(r"\s+", " ", page.split("SYNOPSIS\n")[1].split("\n\n")[0])
    forms = {f.split()[0]: f for f in text.split(f"vkfi {command} ")[1:]}
    options = re.findall(r"^\s+(?:-(\w), )?--([\w-]+)(?: (\S+))?", page.split("OPTIONS\n")[1].split("\n\nDESCRIPTION")[0], re.M)
    operands = {a: [w for w in re.sub(r"\[.*", "", f).split()[1:] if not w.startswith("-")] for a, f in forms.items()}
    assert len(forms) > 1 and options, (command, forms, options)
    for letter, name, value in options:
        if name == "help":
            continue
        taken, told = set(), set()
        for action in forms:
            words = {"diff": ["a", "b"], "schema": [], "list": []}.get(action, ["a"])
            done = run(command, action, *words, "--" + name, *(["1"] if value else []))
            found = re.search(rf"{command} {action}: found --{name}, expected it with (.*)", done.stderr)
            if found:
                told.add(tuple(re.split(", | or ", found[1])))
                if done.returncode != 2 or done.stdout:
                    bad.append(f"{command} {action} --{name}: {done}")
            else:
                taken.add(action)
            if (re.search(rf"--{name}\b", forms[action]) or (letter and re.search(rf"-{letter}\b", forms[action]))) and found:
                bad.append(f"{command} {action} --{name} is in its synopsis and refused")
        if not taken or len(told) > 1 or any(set(t) != taken for t in told):
            bad.append(f"{command} --{name}: taken by {taken}, told {told}")
    for action in forms:
        most = {"diff": 2, "schema": 0, "list": 0, "check": 20}.get(action, 1)
        for count in (0, most - 1, most + 1):
            if count < 0 or count == most or (action == "check" and count > 0):
                continue
            done = run(command, action, *["x%d" % i for i in range(count)])
            if done.returncode != 2 or not re.search(rf"{command} {action}: found .* behind it, expected ", done.stderr):
                bad.append(f"{command} {action} with {count} operands: {done}")
print("\n".join(bad))
sys.exit(bool(bad))
PYTHON
