# SPDX-License-Identifier: MIT
"""The program under test: runs it, then does what the tests ask. Nothing here is trusted."""

import operator
import random
import sys
import types

OPERATIONS = {
    "call": lambda f, a, k: f(*a, **k),
    "get": getattr,
    "set": setattr,
    "iter": iter,
    "next": next,
    "len": len,
    "item": operator.getitem,
    "bool": bool,
    "str": str,
    "repr": repr,
}


class Program:
    def __init__(self):
        self.module = types.ModuleType("program")
        self.objects = []  # kept, so that an object keeps its number
        self.numbers = {}

    def give(self, value):
        if id(value) not in self.numbers:
            self.numbers[id(value)] = len(self.objects)
            self.objects.append(value)
        return ["h", self.numbers[id(value)]]

    def take(self, tag, number):
        if tag == "k":
            return lambda *arguments: self.call_back(number, arguments)
        return self.objects[number]

    def call_back(self, number, arguments):
        send("callback", number, encode(list(arguments), self.give))
        return decode(receive()[0], self.take)

    def load(self, source):
        sys.modules["program"] = self.module
        exec(compile(source, "<program>", "exec"), self.module.__dict__)

    def name(self, name):
        if name not in self.module.__dict__:
            raise NameError(f"name '{name}' is not defined")
        return self.module.__dict__[name]

    def do(self, what, sent):
        if what in ("load", "name"):
            return encode(getattr(self, what)(sent), self.give), None
        arguments = decode(sent, self.take)
        result = encode(OPERATIONS[what](*arguments), self.give)
        after = encode(arguments, self.give)
        return result, after if after != sent else None


def main():
    program = Program()
    random.seed(0)
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    send("ready")
    while True:
        what, sent = receive()
        try:
            result, after = program.do(what, sent)
            send("ok", result, after)
        except Gone:
            raise
        except BaseException as error:
            send("raise", type(error).__name__, str(error)[:300])


main()
