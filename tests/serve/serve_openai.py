#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""curl and the package openai as clients: completions, chats, streams, errors, timeouts, cancelled streams. Long suite:
needs SERVE_PYTHON with openai, and curl."""

import asyncio
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from serve_bench import Server, check, run

KEY = "a-key-of-some-length"


def curl(server):
    own = run("-p", "hello", "-n", "8")
    url = f"http://127.0.0.1:{server.port}/v1/completions"
    body = json.dumps({"prompt": "hello", "temperature": 0, "max_tokens": 8})
    head = ["curl", "-s", "-m", "60", url, "-H", f"Authorization: Bearer {KEY}", "-d", body]
    done = subprocess.run([*head, "-H", "Content-Type: application/json"], capture_output=True, check=True)
    check(json.loads(done.stdout)["choices"][0]["text"] == own["text"], f"curl: {done.stdout}")
    done = subprocess.run(head, capture_output=True, check=True)
    check("Content-Type" in json.loads(done.stdout)["error"]["message"], f"curl as a form: {done.stdout}")


def calls(client, openai):
    own = run("-p", "hello", "-n", "8")
    answer = client.completions.create(model="m", prompt="hello", temperature=0, max_tokens=8, logprobs=2)
    check(answer.choices[0].text == own["text"], f"completion: {answer}")
    check(answer.choices[0].vkfi["hash"] == own["hash"], "the extension")
    check(len(answer.choices[0].logprobs.token_logprobs) == answer.usage.completion_tokens, "log-probabilities")
    chat = run("--chat", "hello", "-n", "8")
    messages = [{"role": "user", "content": "hello"}]
    answer = client.chat.completions.create(model="m", messages=messages, temperature=0, max_tokens=8, logprobs=True,
                                            top_logprobs=2)
    check(answer.choices[0].message.content == chat["text"], f"chat: {answer}")
    check(len(answer.choices[0].logprobs.content[0].top_logprobs) == 2, "log-probabilities of a chat")
    pieces = client.chat.completions.create(model="m", messages=messages, temperature=0, max_tokens=8, stream=True,
                                            stream_options={"include_usage": True})
    pieces = list(pieces)
    check("".join(p.choices[0].delta.content or "" for p in pieces if p.choices) == chat["text"], "a streamed chat")
    check(pieces[-1].usage.completion_tokens == len(chat["tokens"]), "usage of a stream")
    texts = client.completions.create(model="m", prompt="hello", temperature=0, max_tokens=8, stream=True)
    check("".join(p.choices[0].text for p in texts) == own["text"], "a streamed completion")
    check([m.id for m in client.models.list()] == ["m"], "models")
    for error, call in (
            (openai.BadRequestError, lambda: client.completions.create(model="m", prompt="x", temperature=-1)),
            (openai.BadRequestError, lambda: client.completions.create(model="other", prompt="x")),
            (openai.NotFoundError, lambda: client.models.retrieve("other")),
            (openai.NotFoundError, lambda: client.embeddings.create(model="m", input="x")),
            (openai.AuthenticationError, lambda: client.with_options(api_key="x" * 20).models.list())):
        try:
            call()
        except error as found:
            check(found.body["message"], f"a message: {found}")
        else:
            sys.exit(f"failed: no {error.__name__}")


def leaves(client, openai, server):
    """A client that gives up: its run ends, and others go on."""
    long = {"model": "m", "prompt": ["x"] * 100, "max_tokens": 200, "extra_body": {"ignore_eos": True}}
    try:
        client.with_options(timeout=0.5, max_retries=0).completions.create(**long)
        sys.exit("failed: no timeout")
    except openai.APITimeoutError:
        pass
    server.wait_for("vkfi_requests_running", 0)
    stream = client.completions.create(**long, stream=True)
    next(iter(stream))
    stream.close()
    server.wait_for("vkfi_requests_running", 0)
    start = time.monotonic()
    client.completions.create(model="m", prompt="x", max_tokens=2)
    check(time.monotonic() - start < 10, "others wait for nothing")


async def many(openai, server):
    """64 requests at once are those one by one."""
    client = openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key=KEY)
    async def one(i):
        answer = await client.completions.create(model="m", prompt=f"number {i}", max_tokens=4 + i % 9, seed=i)
        return answer.choices[0].text, answer.choices[0].vkfi
    together = await asyncio.gather(*(one(i) for i in range(64)))
    for i in range(0, 64, 7):
        check(await one(i) == together[i], f"request {i} beside others")


def main():
    try:
        import openai
    except ImportError:
        print("skipped: no package openai in SERVE_PYTHON")
        sys.exit(77)
    if not shutil.which("curl"):
        print("skipped: no curl")
        sys.exit(77)
    Path("keys").write_text(KEY, encoding="utf-8")
    with Server("--name", "m", "--api-key-file", "keys") as server:
        server.key = KEY
        client = openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key=KEY)
        curl(server)
        calls(client, openai)
        leaves(client, openai, server)
        asyncio.run(many(openai, server))


main()
