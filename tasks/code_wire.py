# SPDX-License-Identifier: MIT
"""Plain data between the tests and the program under test, for both ends; put before each.

A message is four bytes of length and JSON. Only data crosses: the answers of a value's own class
to == or bool() stay on its side. Everything else crosses as a number that identifies it.
"""

import collections
import decimal
import fractions
import json
import os

CHANNEL = 3
MESSAGE_MAX = 1 << 24
DEPTH_MAX = 150
SMALL = 1 << 53


class Gone(BaseException):
    """The other end is gone. Not an Exception: tests that catch those must not go on."""


def receive_bytes(size):
    parts = []
    while size > 0:
        try:
            part = os.read(CHANNEL, min(size, 1 << 16))
        except OSError:  # it left something unread
            raise Gone from None
        if not part:
            raise Gone
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def receive():
    size = int.from_bytes(receive_bytes(4), "little")
    if size > MESSAGE_MAX:
        raise Gone
    return json.loads(receive_bytes(size))


def send(*message):
    data = json.dumps(message, ensure_ascii=True).encode()
    if len(data) > MESSAGE_MAX:
        raise ValueError("a value is too large")
    data = len(data).to_bytes(4, "little") + data
    try:
        while data:
            data = data[os.write(CHANNEL, data) :]
    except OSError:
        raise Gone from None


SEQUENCES = {"l": list, "t": tuple, "s": set, "z": frozenset, "q": collections.deque}
SCALARS = {  # tag: class, to JSON, from JSON
    "f": (float, float.hex, float.fromhex),
    "c": (complex, lambda x: [x.real.hex(), x.imag.hex()], lambda x: complex(*map(float.fromhex, x))),
    "y": (bytes, bytes.hex, bytes.fromhex),
    "Y": (bytearray, bytearray.hex, bytearray.fromhex),
    "r": (range, lambda x: [hex(x.start), hex(x.stop), hex(x.step)],
          lambda x: range(*(int(i, 16) for i in x))),
    "D": (decimal.Decimal, str, decimal.Decimal),
    "F": (fractions.Fraction, str, fractions.Fraction),
}  # fmt: skip


def encode(value, other, depth=0):
    """As JSON; `other` gives the tagged list for other values."""
    if depth > DEPTH_MAX:
        raise ValueError("a value is nested too deeply")
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value) if -SMALL < value < SMALL else ["i", hex(value)]
    if isinstance(value, dict):
        pairs = [[encode(k, other, depth + 1), encode(v, other, depth + 1)] for k, v in value.items()]
        return ["d", pairs]
    for tag, kind in SEQUENCES.items():
        if isinstance(value, kind):
            return [tag, [encode(v, other, depth + 1) for v in value]]
    for tag, (kind, write, _) in SCALARS.items():
        if isinstance(value, kind):
            return [tag, write(value)]
    return other(value)


def decode(value, other):
    """From JSON; `other` takes tag and number of other values."""
    if not isinstance(value, list):
        return value
    tag, inside = value
    if tag == "i":
        return int(inside, 16)
    if tag == "d":
        return {decode(k, other): decode(v, other) for k, v in inside}
    if tag in SEQUENCES:
        return SEQUENCES[tag](decode(v, other) for v in inside)
    if tag in SCALARS:
        return SCALARS[tag][2](inside)
    return other(tag, inside)
