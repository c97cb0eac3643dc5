#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A device is lost after some work, again and again: what runs gets 503 with the reason, the device is opened anew,
the next request has the same bits."""

from serve_bench import Server, check

BODY = {"max_tokens": 6, "ignore_eos": True, "temperature": 0}


def loses(play, reason, golden):
    """Requests until two workers have been lost; after each the next request is answered."""
    with Server("-d", "vk", environment=play) as server:
        lost = 0
        for _ in range(400):
            status, data = server.send("POST", "/v1/completions", {"prompt": "abc", **BODY})
            if status == 200:
                continue
            text = data.decode()
            check(status == 503 and reason in text and "try again" in text, f"{play}: {status} {text}")
            lost += 1
            answer = server.complete("abc", **BODY)["choices"][0]
            check(answer == golden, f"after it: {answer}, expected {golden}")
            if lost == 2:
                break
        check(lost == 2, f"{play}: lost {lost} times")
        check(server.metric("vkfi_worker_starts_total") == 3, "starts")


def main():
    with Server() as server:
        golden = server.complete("abc", **BODY)["choices"][0]
    with Server("-d", "vk") as server:
        check(server.complete("abc", **BODY)["choices"][0] == golden, "the driver works")
    loses({"VKFI_TEST_PLAY": "lost=100"}, "VK_ERROR_DEVICE_LOST", golden)


main()
