#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The end: signals finish what runs; a worker that dies costs its requests a 503, and another serves the next."""

import json
import os
import signal
import threading
import time

from serve_bench import Server, check

LONG = {"prompt": "x", "max_tokens": 240, "ignore_eos": True, "temperature": 0, "n": 128}


class Asking(threading.Thread):
    """A request beside the test."""

    def __init__(self, server, body):
        super().__init__()
        self.server, self.body, self.status, self.data = server, body, None, b""
        self.start()

    def run(self):
        self.status, self.data = self.server.send("POST", "/v1/completions", self.body)


def gentle(number):
    """What runs is finished, new requests are refused."""
    with Server() as server:
        one = Asking(server, LONG)
        two = Asking(server, {**LONG, "stream": True})
        server.wait_for("vkfi_requests_running", 2)
        server.process.send_signal(number)
        refused = None
        while refused is None and (one.is_alive() or two.is_alive()):
            try:
                status, _ = server.send("POST", "/v1/completions", LONG)
                check(status == 503, f"a request after the signal: {status}")
            except ConnectionError:
                refused = True
        one.join()
        two.join()
        check(one.status == 200 and len(json.loads(one.data)["choices"]) == LONG["n"], f"what ran: {one.status} {one.data}")
        check(two.status == 200 and two.data.endswith(b"data: [DONE]\n\n"), "a stream that ran")


def abrupt():
    """A second signal does not wait."""
    with Server("--sessions", "1") as server:
        asking = Asking(server, LONG)
        server.wait_for("vkfi_requests_running", 1)
        start = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(20)
        check(time.monotonic() - start < 5, "the second signal waits")
        asking.join()
        check(asking.status == 503, f"what ran: {asking.status}")


def killed():
    """kill -9 of the worker, several times: 503 with a reason, then answers with the same bits."""
    with Server() as server:
        golden = server.complete("abc", max_tokens=8)["choices"][0]
        for turn in range(3):
            asking = [Asking(server, {**LONG, "stream": turn == 1}) for _ in range(3)]
            server.wait_for("vkfi_requests_running", 3)
            if turn == 1:
                time.sleep(0.1)
            os.kill(server.worker(), signal.SIGKILL)
            for one in asking:
                one.join()
                text = one.data.decode()
                check(one.status == 503 or one.status == 200 and '"code":503' in text and "[DONE]" not in text,
                      f"what ran: {one.status} {text[:300]}")
                check("signal 9" in text and "try again" in text, f"the reason: {text[-300:]}")
            again = server.complete("abc", max_tokens=8)["choices"][0]
            check(again == golden, f"after it: {again}")
        check(server.metric("vkfi_worker_starts_total") == 4, "starts")
        check(server.said().count("was ended by signal 9") == 3, f"a line each: {server.said()}")


def idle():
    """A worker that dies while nobody asks is replaced too; one that cannot be started is told."""
    with Server() as server:
        first = server.worker()
        os.kill(first, signal.SIGKILL)
        end = time.monotonic() + 20
        while server.send("GET", "/health")[0] != 200 or server.worker() in (None, first):
            check(time.monotonic() < end, "no other worker")
            time.sleep(0.05)
        check(server.complete("abc", max_tokens=1)["choices"], "the next request")


def main():
    gentle(signal.SIGTERM)
    gentle(signal.SIGINT)
    abrupt()
    killed()
    idle()


main()
