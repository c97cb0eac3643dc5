# SPDX-License-Identifier: MIT
"""Runs a command on a pseudo-terminal and prints its screen.

usage: terminal.py COLUMNS KEYS COMMAND...

KEYS: how often Ctrl-C is typed, 0.4 s apart, once a line is there that says that a trial is done. On standard output, as JSON: code (minus the signal that ended it), seconds from the first
Ctrl-C to the end, screen (its lines at the end), seen (each screen that stood there), wrapped (a line
was longer than the terminal).
"""

import json
import os
import pty
import re
import select
import struct
import sys
import time
from fcntl import ioctl
from termios import TIOCSWINSZ

columns, keys, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
TRIALS = re.compile(r"^[1-9]\d*/\d+ trials, ")


class Screen:
    """What a terminal shows: carriage return, line feed, up, erase."""

    def __init__(self):
        self.lines, self.row, self.column, self.wrapped = [""], 0, 0, False
        self.rest = ""

    def put(self, char):
        line = self.lines[self.row].ljust(self.column)
        self.lines[self.row] = line[: self.column] + char + line[self.column + 1 :]
        self.column += 1
        self.wrapped = self.wrapped or self.column > columns

    def escape(self, number, kind):
        if kind == "A":
            self.row = max(self.row - int(number or 1), 0)
        elif kind == "K":
            self.lines[self.row] = self.lines[self.row][: self.column]
        elif kind == "J":
            self.lines[self.row] = self.lines[self.row][: self.column]
            del self.lines[self.row + 1 :]
        else:
            raise ValueError(f"unknown escape {number}{kind}")

    def feed(self, text):
        text = self.rest + text
        self.rest = ""
        while text:
            found = re.match(r"\x1b\[(\d*)([A-Za-z])", text)
            if found:
                self.escape(*found.groups())
                text = text[found.end() :]
                continue
            if text[0] == "\x1b" and len(text) < 8:
                self.rest = text
                return
            if text[0] == "\r":
                self.column = 0
            elif text[0] == "\n":
                self.row += 1
                if self.row == len(self.lines):
                    self.lines.append("")
            else:
                self.put(text[0])
            text = text[1:]


pid, master = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
ioctl(master, TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
screen, seen, typed, first, last = Screen(), [], 0, None, 0.0
deadline = time.monotonic() + 120
while time.monotonic() < deadline:
    if select.select([master], [], [], 0.05)[0]:
        try:
            data = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        screen.feed(data.decode())
        if not seen or seen[-1] != screen.lines:
            seen.append(list(screen.lines))
    now = time.monotonic()
    shown = any(TRIALS.match(line) for line in screen.lines)
    if typed < keys and shown and now - last > 0.4:
        os.write(master, b"\x03")
        first = first or now
        last, typed = now, typed + 1
else:
    os.kill(pid, 9)
how = os.waitpid(pid, 0)[1]
json.dump({"code": os.waitstatus_to_exitcode(how), "screen": screen.lines, "seen": seen,
           "seconds": time.monotonic() - first if first else None, "wrapped": screen.wrapped},
          sys.stdout)
