# SPDX-License-Identifier: MIT
# Actions of a command: each takes its own options and operands, and says which action takes others.
python3 - "$VKFI" <<'PYTHON' || fail "see above"
import re, subprocess, sys

def run(*words):
    return subprocess.run([sys.argv[1], *words], capture_output=True, text=True, timeout=60)

def operands_of(form):
    """Words of a form that are neither its action nor options and their values."""
    while "[" in form:
        form = re.sub(r"\[[^\[\]]*\](\.\.\.)?", "", form)
    return re.sub(r"--?[\w-]+ \S+", "", form).split()[1:]

bad = []
for command in ("model", "plan", "campaign", "task"):
    page = run(command, "--help").stdout
    text = re.sub(r"\s+", " ", page.split("SYNOPSIS\n")[1].split("\n\n")[0])
    forms = {f.split()[0]: f for f in text.split(f"vkfi {command} ")[1:]}
    table = page.split("OPTIONS\n")[1].split("\n\nDESCRIPTION")[0]
    options = re.findall(r"^\s+(?:-(\w), )?--([\w-]+)(?: (\S+))?", table, re.M)
    operands = {action: operands_of(form) for action, form in forms.items()}
    assert len(forms) > 1 and options, (command, forms, options)
    for letter, name, value in options:
        if name == "help":
            continue
        taken, told = set(), set()
        for action in forms:
            words = [f"x{i}" for i in range(len(operands[action]))]
            done = run(command, action, *words, "--" + name, *(["1"] if value else []))
            refused = rf"{command} {action}: found --{name}, expected it with (.*)"
            found = re.search(refused, done.stderr)
            if found:
                told.add(tuple(re.split(", | or ", found[1])))
                if done.returncode != 2 or done.stdout:
                    bad.append(f"{command} {action} --{name}: {done}")
            else:
                taken.add(action)
            short = letter and re.search(rf"-{letter}\b", forms[action])
            if found and (short or re.search(rf"--{name}\b", forms[action])):
                bad.append(f"{command} {action} --{name} is in its synopsis and refused")
        if not taken or len(told) > 1 or any(set(t) != taken for t in told):
            bad.append(f"{command} --{name}: taken by {taken}, told {told}")
    for action in forms:
        most = len(operands[action])
        many = any("..." in word for word in operands[action])
        for count in {0, max(most - 1, 0), most + (not many)} - {most}:
            done = run(command, action, *[f"x{i}" for i in range(count)])
            refused = rf"{command} {action}: found .* after it, expected "
            if done.returncode != 2 or not re.search(refused, done.stderr):
                bad.append(f"{command} {action} with {count} operands: {done}")
print("\n".join(bad))
sys.exit(bool(bad))
PYTHON
