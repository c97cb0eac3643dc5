# SPDX-License-Identifier: MIT
"""A server under test, and a plain client of it; for the tests of this folder."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

VKFI = os.environ["VKFI"]
TINY = Path(os.environ["VKFI_TINY"])
MODEL = str(TINY / "tiny-llama-q8_0.gguf")
JSON = {"Content-Type": "application/json"}


def check(holds, what):
    if not holds:
        sys.exit(f"failed: {what}")


class Server:
    """`vkfi serve` on any free port, until the end of the block."""

    def __init__(self, *options, model=MODEL, environment=None):
        self.command = [VKFI, "serve", "-m", str(model), "--listen", "127.0.0.1:0", *options]
        self.environment = {**os.environ, **(environment or {})}

    def __enter__(self):
        self.errors = open("server.err", "a+", encoding="utf-8")
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=self.errors, text=True,
                                        env=self.environment)
        line = self.process.stdout.readline()
        check(line.startswith("listening on http://"), f"no server: {line} {self.said()}")
        self.port = int(line.rsplit(":", 1)[1])
        return self

    def __exit__(self, *failure):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.process.stdout.close()
        self.errors.close()
        check(failure[0] is not None or code == self.expected_code, f"the server ended with {code}: {self.said()}")

    expected_code = 0
    key = None  # that it asks for

    def said(self):
        return Path("server.err").read_text(encoding="utf-8")

    def worker(self):
        """Id of the process that holds the device."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return next(map(int, children.split()), None)

    def send(self, method, path, body=None, headers=None):
        """Status and bytes of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        own = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        connection.request(method, path, body, {**(JSON if body is not None else {}), **own, **(headers or {})})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data

    def ask(self, path, **body):
        """The object that answers a request."""
        status, data = self.send("POST", path, body)
        check(status == 200, f"{path} {str(body)[:200]}: {status} {data[:400]}")
        return json.loads(data)

    def complete(self, prompt, **body):
        return self.ask("/v1/completions", prompt=prompt, **{"temperature": 0, **body})

    def chat(self, *contents, **body):
        roles = ["user", "assistant"]
        messages = [{"role": roles[i % 2], "content": text} for i, text in enumerate(contents)]
        return self.ask("/v1/chat/completions", messages=messages, **{"temperature": 0, **body})

    def stream(self, path, **body):
        """The events of a stream, which must end as a stream does."""
        status, data = self.send("POST", path, {**body, "stream": True})
        check(status == 200, f"stream {body}: {status} {data}")
        events = [event.removeprefix("data: ") for event in data.decode().split("\n\n")]
        check(events[-2:] == ["[DONE]", ""], f"the end of a stream: {events[-2:]}")
        return [json.loads(event) for event in events[:-2]]

    def refused(self, body, path="/v1/completions", headers=None, method="POST"):
        """Status and message of a refusal, which has OpenAI's shape."""
        status, data = self.send(method, path, body, headers)
        check(400 <= status < 600, f"not refused: {str(body)[:200]}: {status} {data[:300]}")
        error = json.loads(data)["error"]
        check(set(error) == {"message", "type", "param", "code"} and error["message"] and "\n" not in error["message"],
              f"the shape of an error: {error}")
        return status, error["message"]

    def metric(self, name):
        status, data = self.send("GET", "/metrics")
        check(status == 200, f"/metrics: {status}")
        for line in data.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        sys.exit(f"failed: no metric {name}")

    def wait_for(self, name, value):
        """Until a metric has a value."""
        end = time.monotonic() + 30
        while self.metric(name) != value:
            check(time.monotonic() < end, f"{name} is {self.metric(name)}, expected {value}")
            time.sleep(0.05)


def run(*options, model=MODEL):
    """The object of `vkfi run --json`."""
    done = subprocess.run([VKFI, "run", "-m", str(model), "--json", *options], capture_output=True, check=False)
    check(done.returncode == 0, f"vkfi run {options}: {done.stderr}")
    return json.loads(done.stdout)
