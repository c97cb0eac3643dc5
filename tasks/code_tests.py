# SPDX-License-Identifier: MIT
"""The tests of a program that runs elsewhere: calls it with data, judges the returned data.

Reads {"program", "context", "test", "entry_point"} from standard input and writes one line, verdict
and reason: "passed"; "failed"; "lost": the program is gone; "broken": the task is at fault.
"""

import ast
import builtins
import importlib
import random
import sys

WHY_MAX = 300
remotes = {}
functions = []
calls = 0
gone = False


class Remote:
    """A value of the program that is not plain data. Equal only to itself."""

    def __init__(self, number):
        object.__setattr__(self, "_number", number)

    def __call__(self, *arguments, **named):
        return ask("call", self, list(arguments), named)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return ask("get", self, name)

    def __setattr__(self, name, value):
        ask("set", self, name, value)

    def __iter__(self):
        return ask("iter", self)

    def __next__(self):
        return ask("next", self)

    def __len__(self):
        return ask("len", self)

    def __getitem__(self, key):
        return ask("item", self, key)

    def __bool__(self):
        return ask("bool", self)

    def __str__(self):
        return ask("str", self)

    def __repr__(self):
        return ask("repr", self)


def give(value):
    if isinstance(value, Remote):
        return ["h", object.__getattribute__(value, "_number")]
    if not callable(value):
        raise TypeError(f"the tests pass a {type(value).__name__}, which is no plain data")
    functions.append(value)
    return ["k", len(functions) - 1]


def take(tag, number):
    if tag != "h" or not isinstance(number, int):
        raise ValueError("the program answers with no value")
    return remotes.setdefault(number, Remote(number))


def converse(what, sent):
    """One request and its answer, with the callbacks between."""
    global calls, gone
    try:
        send(what, sent)
        reply = receive()
        while reply[0] == "callback":
            function = functions[reply[1]]
            send(encode(function(*decode(reply[2], take)), give))
            reply = receive()
    except (Gone, RecursionError):
        gone = True
        raise Gone from None
    calls += what not in ("load", "name")
    if reply[0] == "ok":
        return reply
    kind = getattr(builtins, str(reply[1]), None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        kind = RuntimeError
    try:
        error = kind(str(reply[2]))
    except TypeError:  # UnicodeError and its like want more than a text
        error = RuntimeError(str(reply[2]))
    raise error


def change(old, new):
    """Copies the program's changes into an argument of the tests."""
    if isinstance(old, list):
        old[:] = new
    elif isinstance(old, (dict, set)):
        old.clear()
        old.update(new)


def ask(what, *arguments):
    reply = converse(what, encode(list(arguments), give))
    if reply[2] is not None:
        after = decode(reply[2], take)
        if what == "call":
            for old, new in zip(arguments[1], after[1]):
                change(old, new)
    return decode(reply[1], take)


def names_wanted(tree, known):
    """Names that the tests use but do not define; and the modules among them."""
    used, made, called, bases = set(), set(), set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else made).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            made.add(node.name)
        elif isinstance(node, ast.arg):
            made.add(node.arg)
        elif isinstance(node, ast.alias):
            made.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called.add(node.func.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            bases.add(node.value.id)
    used -= made | known
    return used, (used & bases & sys.stdlib_module_names) - called


def prepare(job):
    """The namespace of the tests, their code, and the names they take from the program. All of it
    is the task's, nothing the program's."""
    space = {"__name__": "tests"}
    if job.get("context"):
        exec(compile(job["context"], "<context>", "exec"), space)
    tree = ast.parse(job["test"], "<test>")
    used, modules = names_wanted(tree, set(space))
    for name in modules:
        space[name] = importlib.import_module(name)
    entry = job.get("entry_point")
    own = {name for name in used - modules if not hasattr(builtins, name)}
    own |= {entry} if entry else set()
    # A program may not replace parts of the tests, but its function may be called `sum`.
    return space, compile(tree, "<test>", "exec"), sorted(own or used)


def find(space, names):
    for name in names:
        try:
            space[name] = decode(converse("name", name)[1], take)
        except NameError:
            space.pop(name, None)  # the tests fail where they use it


def reason(error, test):
    """Kind, message, and the line of the tests that raised it."""
    text, line, trace = type(error).__name__, None, error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == "<test>":
            line = trace.tb_lineno
        trace = trace.tb_next
    message = str(error)
    text += f": {message}" if message else ""
    return text + (f" at: {test.splitlines()[line - 1].strip()}" if line else "")


def judge(job):
    try:
        space, code, names = prepare(job)
    except BaseException as error:
        return "broken", f"the task's own code: {type(error).__name__}: {error}"
    try:
        if receive() != ["ready"]:
            return "broken", "the program's side does not start"
    except Gone:
        return "broken", "the program's side does not start"
    random.seed(0)
    try:
        converse("load", job["program"])
        find(space, names)
        exec(code, space)
        if job.get("entry_point"):
            space["check"](space[job["entry_point"]])
    except Gone:
        return "lost", "the program ended before the tests did"
    except BaseException as error:
        return "failed", reason(error, job["test"])
    if gone:
        return "lost", "the program ended before the tests did"
    if calls == 0:
        return "failed", "the tests called nothing of the program"
    return "passed", ""


def main():
    job = json.load(sys.stdin)
    output = os.dup(1)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 1)
    verdict, why = judge(job)
    why = "".join(c if c.isprintable() else "?" for c in why[:WHY_MAX])
    os.write(output, f"{verdict} {why}".encode())
    os._exit(0)


main()
