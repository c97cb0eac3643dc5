#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Many clients at once, requests of mixed lengths: no error, the same bits as alone, memory flat; prints the throughput
beside one client's. SERVE_CLIENTS and SERVE_SECONDS say how many and how long."""

import http.client
import json
import os
import random
import threading
import time
from pathlib import Path

from serve_bench import JSON, Server, check

CLIENTS = int(os.environ.get("SERVE_CLIENTS", "16"))
SECONDS = float(os.environ.get("SERVE_SECONDS", "3"))
KINDS = 24  # different requests, each of which always has the same answer


def request(kind):
    rng = random.Random(kind)
    body = {"prompt": " ".join(rng.choice(["one", "two", "three", "x"]) for _ in range(rng.randint(1, 30))),
            "max_tokens": rng.choice([1, 4, 16, 60]), "seed": kind, "temperature": rng.choice([0, 1]),
            "ignore_eos": True, "n": rng.choice([1, 1, 3]), "stream": kind % 3 == 0}
    if kind % 4 == 1:
        body["logprobs"] = 3
    return body


def content(data, stream):
    """What must be equal: of each choice its hash."""
    if not stream:
        return [c["vkfi"]["hash"] for c in json.loads(data)["choices"]]
    events = [json.loads(e.removeprefix("data: ")) for e in data.decode().split("\n\n")[:-2]]
    ends = {e["choices"][0]["index"]: e["choices"][0]["vkfi"]["hash"] for e in events if "vkfi" in e["choices"][0]}
    return [ends[i] for i in sorted(ends)]


class Client(threading.Thread):
    def __init__(self, server, number, end, expected):
        super().__init__()
        self.server, self.number, self.end, self.expected = server, number, end, expected
        self.tokens, self.errors = 0, []

    def run(self):
        rng = random.Random(1000 + self.number)
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=300)
        while time.monotonic() < self.end:
            kind = rng.randrange(KINDS)
            body = request(kind)
            try:
                connection.request("POST", "/v1/completions", json.dumps(body), JSON)
                answer = connection.getresponse()
                data = answer.read()
                if answer.status != 200 or content(data, body["stream"]) != self.expected[kind]:
                    self.errors.append(f"{body}: {answer.status} {data[:300]}")
            except OSError as error:
                self.errors.append(f"{body}: {error}")
                connection.close()
            self.tokens += body["max_tokens"] * body["n"]
        connection.close()


def load(server, clients, seconds, expected):
    """Tokens a second."""
    start = time.monotonic()
    threads = [Client(server, i, start + seconds, expected) for i in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
        check(not thread.errors, thread.errors[:1])
    return sum(thread.tokens for thread in threads) / (time.monotonic() - start)


def memory(server):
    sizes = [Path(f"/proc/{pid}/status").read_text(encoding="ascii").split("VmRSS:")[1].split()[0]
             for pid in (server.process.pid, server.worker())]
    return 1024 * sum(map(int, sizes))


def main():
    with Server("--max-requests", "128", "--sessions", "32") as server:
        expected = {}
        for kind in range(KINDS):
            body = request(kind)
            status, data = server.send("POST", "/v1/completions", body)
            check(status == 200, f"{body}: {status} {data}")
            expected[kind] = content(data, body["stream"])
        one = load(server, 1, SECONDS / 4, expected)
        load(server, CLIENTS, SECONDS / 2, expected)  # the heap reaches its size for so many at once
        before = memory(server)
        all_of_them = load(server, CLIENTS, SECONDS / 2, expected)
        grown = memory(server) - before
        print(f"1 client: {one:.0f} tok/s; {CLIENTS} clients for {SECONDS:g} s: {all_of_them:.0f} tok/s; memory "
              f"{before >> 20} MiB and {grown >> 10} KiB more at the end")
        check(grown < before // 10 + (4 << 20), f"memory grew from {before} by {grown}")
        check(server.metric("vkfi_worker_starts_total") == 1, "the worker lived")


main()
