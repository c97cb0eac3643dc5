#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""libvkfi from Python, without a package. usage: example.py MODEL.gguf PROMPT"""
import ctypes
import json
import sys

vkfi = ctypes.CDLL("libvkfi.so.0")
vkfi.vkfi_message.restype = ctypes.c_char_p
VKFI_END = 64


class Token(ctypes.Structure):
    _fields_ = [("id", ctypes.c_int32), ("index", ctypes.c_uint32), ("position", ctypes.c_uint32),
                ("finite", ctypes.c_uint32), ("hash", ctypes.c_uint64), ("logprob", ctypes.c_double),
                ("logsumexp", ctypes.c_double), ("top", ctypes.c_void_p), ("n_top", ctypes.c_uint32),
                ("text", ctypes.c_char_p), ("text_size", ctypes.c_size_t)]


def call(name, *args):
    """Calls vkfi_NAME; a failure is an exception with the library's message."""
    status = getattr(vkfi, "vkfi_" + name)(*args)
    if status not in (0, VKFI_END):
        raise RuntimeError(vkfi.vkfi_message().decode())
    return status


model, device, session = (ctypes.c_void_p() for _ in range(3))
prompt, token, report = sys.argv[2].encode(), Token(), ctypes.c_char_p()
call("model_open", ctypes.byref(model), sys.argv[1].encode())
call("device_open", ctypes.byref(device), model, json.dumps({"device": "cpu"}).encode(), None, None)
call("session_open", ctypes.byref(session), device, json.dumps({"tokens": 8, "logprobs": True}).encode())
call("session_feed_text", session, prompt, ctypes.c_size_t(len(prompt)), 0)
call("session_protect", session, b"nan_trap")
while call("session_step", session, ctypes.byref(token)) != VKFI_END:
    print(f"{token.id:6} {token.logprob:8.4f}  {token.hash:016x}")
call("session_report", session, ctypes.byref(report))
print(json.loads(report.value)["text"], json.loads(report.value)["protect"])
vkfi.vkfi_session_close(session), vkfi.vkfi_device_close(device), vkfi.vkfi_model_close(model)
