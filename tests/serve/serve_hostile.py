#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Slow and broken clients cost a bounded amount: half requests, endless headers, nobody who reads or waits."""

import json
import socket
import threading
import time
from pathlib import Path

from serve_bench import Server, check

LONG = {"prompt": "x", "max_tokens": 180, "ignore_eos": True, "temperature": 0}


def memory(server):
    """Bytes of the process that speaks HTTP."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return 1024 * int(status.split("VmRSS:")[1].split()[0])


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)


def head(body, length=None):
    return (f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body) if length is None else length}\r\n\r\n").encode() + body


def closed(client):
    """Whether the server ends the connection, within its time."""
    try:
        while client.recv(65536):
            pass
    except (ConnectionResetError, BrokenPipeError):
        pass
    except TimeoutError:
        return False
    return True


def headers(server):
    """A million headers: the server stops reading at its limit, and says so or closes."""
    before = memory(server)
    with connect(server) as client:
        sent = 0
        try:
            client.sendall(b"GET /health HTTP/1.1\r\n")
            for _ in range(1000):
                client.sendall(b"X-Nothing: 0\r\n" * 1000)
                sent += 1000
        except (ConnectionResetError, BrokenPipeError):
            pass
        check(sent < 1000000, "a million headers were read")
    check(memory(server) - before < 8 << 20, f"memory grew from {before} to {memory(server)}")


def halves(server):
    """Half a head, half a body, a body byte by byte: closed in time."""
    whole = head(json.dumps(LONG).encode())
    clients = []
    for part in (b"", b"POST /v1/comp", whole[:60], whole[:-3], head(b"", 1 << 19)):
        client = connect(server)
        client.sendall(part)
        clients.append(client)
    trickling = connect(server)
    trickling.sendall(whole[:-40])
    start = time.monotonic()
    try:
        for byte in b" " * 40:
            trickling.sendall(bytes([byte]))
            time.sleep(0.25)
            check(time.monotonic() - start < 8, "a body byte by byte is never cut")
    except (ConnectionResetError, BrokenPipeError):
        pass
    for client in clients:
        check(closed(client), "half a request is held for ever")
    for client in (*clients, trickling):
        client.close()


def deaf(server):
    """A client that does not read its stream, and one that leaves: their runs end."""
    body = json.dumps({**LONG, "stream": True, "logprobs": 20, "n": 16}).encode()
    client = connect(server)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sendall(head(body))
    server.wait_for("vkfi_requests_running", 1)
    server.wait_for("vkfi_requests_running", 0)
    client.close()
    cancelled = server.metric("vkfi_cancelled_total")
    for stream in (True, False):
        leaving = connect(server)
        leaving.sendall(head(json.dumps({**LONG, "n": 64, "stream": stream}).encode()))
        server.wait_for("vkfi_requests_running", 1)
        leaving.close()
        server.wait_for("vkfi_requests_running", 0)
    check(server.metric("vkfi_cancelled_total") >= cancelled + 2, "runs whose client has left")


def crowds(server):
    """More requests and connections than are taken: refused, and room again afterwards."""
    clients = [connect(server) for _ in range(3)]
    for client in clients:
        client.sendall(head(json.dumps({**LONG, "n": 16}).encode()))
    server.wait_for("vkfi_requests_running", 3)
    status, message = server.refused({"prompt": "x"})
    check(status == 429 and "later" in message, f"{status} {message}")
    for client in clients:
        client.close()
    server.wait_for("vkfi_requests_running", 0)
    many = [connect(server) for _ in range(40)]
    time.sleep(0.3)
    for client in many:
        client.close()
    check(server.complete("x", max_tokens=1)["choices"], "room again")


def late(server):
    """An answer that takes too long: 504, and an event in a stream; the run ends."""
    body = {**LONG, "n": 128}
    status, message = server.refused(body)
    check(status == 504 and "after" in message, f"{status} {message}")
    status, data = server.send("POST", "/v1/completions", {**body, "stream": True})
    check(status == 200 and '"code":504' in data.decode() and "[DONE]" not in data.decode(), "a stream that is late")
    server.wait_for("vkfi_requests_running", 0)
    start = time.monotonic()
    server.complete("x", max_tokens=1)
    check(time.monotonic() - start < 5, "late runs still take the device")


def main():
    with Server("--receive-timeout", "2", "--max-requests", "3", "--max-connections", "20", "--answer-timeout", "30",
                "--sessions", "2") as server:
        side = threading.Thread(target=halves, args=(server,))
        side.start()
        for test in (headers, deaf, crowds):
            test(server)
        side.join()
        check(memory(server) < 200 << 20, f"memory: {memory(server)}")
    with Server("--answer-timeout", "1", "--sessions", "1") as server:
        late(server)


main()
