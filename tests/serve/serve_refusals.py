#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Wrong requests are refused with one clear line, whatever they hold; keys; the server goes on."""

import json
import random
import socket
import subprocess
from pathlib import Path

from serve_bench import VKFI, MODEL, Server, check

KEY = "a-key-of-some-length"
WRONG = [  # body, what the message must name
    ({"prompt": "x", "fault": 1}, "/fault"),
    ({"prompt": "x", "temprature": 1}, "temperature"),
    ({"prompt": "x", "temperature": -1}, "/temperature"),
    ({"prompt": "x", "temperature": "hot"}, "/temperature"),
    ({"prompt": "x", "top_p": 0}, "/top_p"),
    ({"prompt": "x", "top_p": 1.5}, "/top_p"),
    ({"prompt": "x", "n": 0}, "/n"),
    ({"prompt": ["x"] * 100, "n": 100}, "choices"),
    ({"prompt": "x", "max_tokens": -1}, "/max_tokens"),
    ({"prompt": "x", "max_tokens": 10**9}, "/max_tokens"),
    ({"prompt": "x", "max_tokens": 4000}, "found a prompt of"),
    ({"prompt": "x", "logprobs": 21}, "/logprobs"),
    ({"prompt": ["x"] * 128, "max_tokens": 190, "logprobs": 20}, "to be told"),
    ({"prompt": "x", "stop": [""]}, "/stop"),
    ({"prompt": "x", "stop": 7}, "/stop"),
    ({"prompt": "x", "stop": ["a"] * 17}, "/stop"),
    ({"prompt": "x", "stream": "yes"}, "/stream"),
    ({"prompt": "x", "stream_options": {"include_usage": True}}, "/stream_options"),
    ({"prompt": "x", "best_of": 2}, "/best_of"),
    ({"prompt": "x", "frequency_penalty": 0.5}, "/frequency_penalty"),
    ({"prompt": "x", "logit_bias": {"5": 1}}, "/logit_bias"),
    ({"prompt": "x", "suffix": "y"}, "/suffix"),
    ({"prompt": "x", "model": "another"}, "another"),
    ({"prompt": "x", "seed": 1.5}, "/seed"),
    ({"prompt": "x", "echo": True, "stream": True}, "/echo"),
    ({"prompt": []}, "/prompt"),
    ({"prompt": [1, "x"]}, "/prompt/1"),
    ({"prompt": [[1], "x"]}, "/prompt/1"),
    ({"prompt": [10**6]}, "/prompt/0"),
    ({"prompt": [-1]}, "/prompt/0"),
    ({"prompt": [1.5]}, "/prompt/0"),
    ({"prompt": {"a": 1}}, "/prompt"),
    ({"prompt": None}, "prompt"),
    ({}, "prompt"),
    ([], "a list"),
    ({"prompt": "x", "vkfi": {"fault": {"site": "output"}}}, "/vkfi"),
    ({"prompt": "x", "vkfi": {"plan": {}}}, "/vkfi"),
    ({"prompt": "x", "vkfi": {"protect": "/etc/passwd"}}, "/etc/passwd"),
    ({"prompt": "x", "vkfi": {"protect": {"protect": [{"kind": "range_guard", "calibration": "/etc/passwd"}]}}},
     "may not name a file"),
    ({"prompt": "x", "vkfi": {"protect": {"protect": [{"kind": "nothing"}]}}}, "nothing"),
    ({"prompt": "x", "vkfi": []}, "/vkfi"),
]
CHATS = [
    ({"messages": []}, "messages"),
    ({"messages": "x"}, "/messages"),
    ({}, "messages"),
    ({"messages": [{"role": "user"}]}, "content"),
    ({"messages": [{"role": "king", "content": "x"}]}, "/role"),
    ({"messages": [{"role": "user", "content": None}]}, "/content"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "/content/0"),
    ({"messages": [{"role": "assistant", "content": "x"}]}, "user"),
    ({"messages": [{"role": "user", "content": "x"}], "top_logprobs": 2}, "/top_logprobs"),
    ({"messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function"}]}, "/tools"),
    ({"messages": [{"role": "user", "content": "x"}], "response_format": {"type": "json_object"}}, "/response_format"),
]
RAW = [b"", b"{", b"[1, 2", b'{"prompt": "x"} y', b'{"prompt": "\xff\xfe"}', b'{"prompt": "\xc3"}', b"\x00{}",
       b'{"prompt": "a\x00b"}', b'{"prompt": "\\u0000"}', b'{"prompt": "\\ud800"}', b'{"prompt": "x", "prompt": "y"}',
       b"[" * 60000, b'{"prompt": 1e999}', b'{"prompt": "x", "temperature": NaN}', b"null", b'"text"', b"\xef\xbb\xbf{"]


def bodies(server):
    for body, named in WRONG:
        status, message = server.refused(body)
        check(status == 400 and named in message, f"{body}: {status} {message}, expected {named}")
    for body, named in CHATS:
        status, message = server.refused(body, "/v1/chat/completions")
        check(status == 400 and named in message, f"{body}: {status} {message}, expected {named}")
    for raw in RAW:
        status, message = server.refused(raw)
        check(status == 400, f"{raw[:40]}: {status} {message}")
    for path, body in (("/tokenize", {"prompt": [1]}), ("/detokenize", {"tokens": "x"}), ("/detokenize", {})):
        check(server.refused(body, path)[0] == 400, f"{path}: {body}")
    deep = {"prompt": "x", "vkfi": {"protect": {"protect": [{"kind": "nan_trap"}]}}}
    check(server.complete(**deep)["choices"][0]["vkfi"]["outcome"] == "clean", "a policy as an object")


def mutated(server):
    """Good bodies with random changes: 200 or one line, and nothing dies."""
    rng = random.Random(5)
    good = [json.dumps(b).encode() for b, _ in WRONG[:30] + CHATS]
    good += [b'{"prompt": "abc", "max_tokens": 1, "logprobs": 2, "echo": true, "stop": ["q"]}'] * 20
    pieces = [b"{", b"}", b"[", b"]", b'"', b",", b":", b"1e9", b"-", b"\\u12", b"\xf0", b"null", b"true", b"0x1"]
    worker = server.worker()
    for _ in range(300):
        body = bytearray(rng.choice(good))
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(body) + 1)
            body[at:at + rng.randint(0, 3)] = rng.choice(pieces)
        path = rng.choice(["/v1/completions", "/v1/chat/completions"])
        status, data = server.send("POST", path, bytes(body))
        check(status == 200 or status == 400 and json.loads(data)["error"]["message"],
              f"{bytes(body)}: {status} {data}")
    check(server.worker() == worker, "the worker lives")


def requests(server):
    """Addresses, methods, headers, lengths."""
    check(server.refused({}, "/v1/nothing")[0] == 404, "no such address")
    check(server.refused({}, "/")[0] == 404, "the root")
    check(server.refused(None, "/v1/models/another", method="GET")[0] == 404, "no such model")
    check(server.refused(None, "/v1/completions", method="GET")[0] == 405, "GET")
    check(server.refused({}, "/health")[0] == 405, "POST")
    check(server.refused(b'{"prompt": "x"}', headers={"Content-Type": "text/plain"})[0] == 400, "another type")
    check(server.refused(b'{"prompt": "' + b"x" * 70000 + b'"}')[0] == 413, "a large body")
    for host, code in (("evil.example", 403), ("localhost.evil.example:80", 403), ("127.0.0.1.evil.example", 403),
                       ("localhost", 200), ("LOCALHOST:1", 200), ("127.0.0.1:8080", 200), ("[::1]:8080", 200)):
        found = server.send("GET", "/v1/models", headers={"Host": host})
        check(found[0] == code, f"Host: {host}: {found}")
    status, message = server.refused({"prompt": "word " * 4000})
    check(status == 400 and "found a prompt of" in message, f"a long prompt: {message}")
    for raw in (b"GARBAGE\r\n\r\n", b"GET /health HTTP/9.9\r\n\r\n", b"POST /v1/completions HTTP/1.1\r\n\r\n",
                b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
                b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as raw_socket:
            raw_socket.sendall(raw)
            raw_socket.shutdown(socket.SHUT_WR)
            found = raw_socket.recv(4096)
        check(found == b"" or found.startswith(b"HTTP/1.") and found.split()[1][:1] in b"45", f"{raw}: {found}")
    check(server.complete("x", max_tokens=1)["choices"], "it goes on")


def keys():
    Path("keys").write_text(f"# of tests\n\n{KEY}\nanother-key-of-some-length\n", encoding="utf-8")
    with Server("--api-key-file", "keys") as server:
        body = {"prompt": "x", "max_tokens": 1}
        for header in ({}, {"Authorization": KEY}, {"Authorization": f"Bearer {KEY}x"}, {"Authorization": "Bearer "},
                       {"Authorization": f"Bearer {KEY[:-1]}"}, {"Authorization": f"Basic {KEY}"}):
            check(server.refused(body, headers=header)[0] == 401, f"{header}")
            check(server.refused(None, "/metrics", header, "GET")[0] == 401, "metrics need a key")
        check(server.send("GET", "/health")[0] == 200, "health needs none")
        for key in (KEY, "another-key-of-some-length"):
            check(server.send("POST", "/v1/completions", body, {"Authorization": f"Bearer {key}"})[0] == 200, "a key")


def starts():
    """What a server does not start with: exit code 2 and one line."""
    Path("short").write_text("short\n", encoding="utf-8")
    Path("none").write_text("# nothing\n", encoding="utf-8")
    for options in (["--listen", "0.0.0.0:0"], ["--listen", "[::]:0"], ["--listen", "10.1.2.3:80"],
                    ["--listen", "nowhere"], ["--listen", "127.0.0.1:99999"], ["--api-key-file", "short"],
                    ["--api-key-file", "none"], ["--api-key-file", "missing"], ["--protect", "missing.json"],
                    ["--positions", "99999999"], ["-d", "no such device"], ["--sessions", "0"]):
        done = subprocess.run([VKFI, "serve", "-m", MODEL, *options], capture_output=True, timeout=60, check=False)
        check(done.returncode == 2 and done.stdout == b"" and len(done.stderr.splitlines()) == 1,
              f"{options}: {done.returncode} {done.stderr}")


def main():
    with Server("--max-body", "65536", "--positions", "200", model=MODEL) as server:
        for test in (bodies, mutated, requests):
            test(server)
    keys()
    starts()


main()
