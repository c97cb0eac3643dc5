#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""However the other end goes, tasks/code_wire.py says Gone, which tests that catch Exception do not take.

usage: code_wire_gone.py tasks/code_wire.py
"""

import socket
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    WIRE = file.read()


def gone(what, leave):
    """A new wire whose other end does `leave` and closes."""
    own, other = socket.socketpair()
    wire = {}
    exec(WIRE.replace("CHANNEL = 3", f"CHANNEL = {own.fileno()}"), wire)
    if what.startswith("with unread"):
        own.send(b"unread")
    leave(other)
    other.close()
    for call in (wire["receive"], lambda: wire["send"]("more")):
        try:
            call()
        except wire["Gone"]:
            continue
        except Exception as error:
            sys.exit(f"FAILED: {what}: found {error!r}, expected Gone")
        sys.exit(f"FAILED: {what}: expected Gone")
    own.close()


gone("at rest", lambda other: None)
gone("with unread data", lambda other: None)
gone("in a length", lambda other: other.send(b"\1\0"))
gone("in a message", lambda other: other.send(b"\100\0\0\0[1, 2"))
gone("with unread data, in a message", lambda other: other.send(b"\100\0\0\0[1, 2"))
gone("after too long a length", lambda other: other.send(b"\377\377\377\377"))
print("code_wire: every way to go is Gone")
