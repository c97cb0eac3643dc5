#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The fetcher of tasks against a server on this machine that breaks off, lies and stalls.

Over files made here; and over the public data, where VKFI_DATA names the folder of them."""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
from pathlib import Path

THIRD_PARTY = Path(__file__).resolve().parents[2] / "third_party"
FETCH = THIRD_PARTY / "fetch_task.py"
PUBLIC = os.environ.get("VKFI_DATA")
FILES = {"a.txt": bytes(range(256)) * 2000, "with blank.txt": b"one\ntwo\nthree\nfour\n" * 50}


def sums(data):
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves server.content; server.mood says how badly, for server.times requests."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        data = server.content.get(urllib.parse.unquote(self.path).lstrip("/"))
        mood = server.mood if server.times > 0 else ""
        server.times -= 1
        server.asked.append((self.path, self.headers.get("Range")))
        if data is None or mood in ("404", "503"):
            self.send_error(int(mood or 404))
            return
        begin = 0
        asked = self.headers.get("Range")
        if asked and mood != "no ranges":
            begin = int(asked.removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
            claimed = 0 if mood == "wrong range" else begin
            self.send_header("Content-Range", f"bytes {claimed}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        if mood == "lies":
            data = bytes(byte ^ 1 for byte in data)
        body = data[begin:] + (b"more" if mood == "too long" else b"")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            if mood in ("breaks off", "stalls"):
                self.wfile.write(body[:max(1, len(body) // 2)])
                self.wfile.flush()
                if mood == "stalls":
                    server.wake.wait(20)
                self.connection.close()
            else:
                self.wfile.write(body)
        except OSError:
            pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, content):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.mood, self.times, self.asked = content, "", 0, []
        self.wake = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass

    def behave(self, mood, times=1):
        self.mood, self.times, self.asked = mood, times, []


class FetchTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.cache = self.root / "cache" / "vkfi" / "tasks"
        self.server = Server({f"own/data/c0ffee/in it/{name}": data for name, data in FILES.items()})
        lines = b"".join(line + b"\n" for line in FILES["with blank.txt"].split(b"\n")[2:7])
        common = {"repository": "own/data", "commit": "c0ffee", "lfs": False}
        free = {"licence": "MIT", "non_commercial": False, "share_alike": False}
        self.manifest = {"raw": "http://127.0.0.1:9", "lfs": "http://127.0.0.1:9", "tasks": [
            {"name": "plain", **common, **free, "files": [
                {"path": f"in it/{name}", "file": name, **sums(data)} for name, data in FILES.items()]},
            {"name": "some_lines", **common, **free, "files": [
                {"path": "in it/with blank.txt", "file": "lines.txt", **sums(lines),
                 "of": {**sums(FILES["with blank.txt"]), "lines": [3, 7]}}]},
            {"name": "closed", **common, "licence": "CC BY-NC 4.0", "non_commercial": True,
             "share_alike": False, "files": [
                 {"path": "in it/a.txt", "file": "a.txt", **sums(FILES["a.txt"])}]}]}
        self.lines = lines

    def tearDown(self):
        self.server.wake.set()
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()

    def fetch(self, *words, manifest=True):
        path = self.root / "tasks.json"
        path.write_text(json.dumps(self.manifest), encoding="utf-8")
        env = {**os.environ, "XDG_CACHE_HOME": str(self.root / "cache"), "VKFI_TASK_TIMEOUT": "1",
               "VKFI_TASK_SOURCE": f"http://127.0.0.1:{self.server.server_address[1]}",
               "no_proxy": "127.0.0.1"}
        if manifest:
            env["VKFI_TASK_MANIFEST"] = str(path)
        done = subprocess.run([sys.executable, FETCH, *words], env=env, check=False, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=100)
        return done.returncode, done.stdout, done.stderr

    def is_whole(self):
        return all((self.cache / "plain" / name).read_bytes() == data for name, data in FILES.items())

    def nothing_placed(self):
        return not (self.cache / "plain").exists()

    def test_fetches_and_keeps(self):
        status, out, err = self.fetch("plain")
        self.assertEqual((status, out.strip()), (0, str(self.cache / "plain")), err)
        self.assertTrue(self.is_whole())
        self.assertEqual([path.name for path in (self.cache / "plain").iterdir() if
                          path.name not in FILES], [])
        self.server.behave("404", 99)
        self.assertEqual(self.fetch("plain")[0], 0)
        self.assertEqual(self.server.asked, [], "a right file was fetched again")

    def test_lines_of_a_file(self):
        self.assertEqual(self.fetch("some_lines")[0], 0)
        self.assertEqual((self.cache / "some_lines" / "lines.txt").read_bytes(), self.lines)

    def test_goes_on_after_breaks(self):
        for mood in ("breaks off", "stalls"):
            with self.subTest(mood):
                self.server.behave(mood, 2)
                status, _, err = self.fetch("plain")
                self.assertEqual(status, 0, err)
                self.assertTrue(self.is_whole())
                ranges = [asked for _, asked in self.server.asked if asked]
                self.assertEqual(len(ranges), 2, self.server.asked)
                subprocess.run(["rm", "-r", self.cache], check=True)

    def test_goes_on_in_another_call(self):
        self.server.behave("breaks off", 99)
        status, _, err = self.fetch("plain")
        self.assertEqual(status, 2)
        self.assertIn("after 5 attempts", err)
        self.assertTrue(self.nothing_placed())
        self.server.behave("")
        status, _, err = self.fetch("plain")
        self.assertEqual(status, 0, err)
        self.assertIsNotNone(self.server.asked[0][1], "nothing of the first call was used")
        self.assertTrue(self.is_whole())

    def test_servers_without_ranges(self):
        for mood in ("no ranges", "wrong range"):
            with self.subTest(mood):
                self.server.behave("breaks off", 1)
                threading.Thread(target=self.turn, args=(mood,), daemon=True).start()
                status, _, err = self.fetch("plain")
                self.assertEqual(status, 0, err)
                self.assertTrue(self.is_whole())
                subprocess.run(["rm", "-r", self.cache], check=True)

    def turn(self, mood):
        while not self.server.asked:
            time.sleep(0.001)
        self.server.mood, self.server.times = mood, 1

    def test_lies_are_refused(self):
        for mood, word in (("lies", "sha256"), ("too long", "more than")):
            with self.subTest(mood):
                self.server.behave(mood, 99)
                status, _, err = self.fetch("plain")
                self.assertEqual(status, 2)
                self.assertIn(word, err)
                self.assertEqual(len([line for line in err.splitlines() if "fetch_task" in line]), 1)
                self.assertTrue(self.nothing_placed())
        self.server.behave("")
        self.assertEqual(self.fetch("plain")[0], 0)
        self.assertTrue(self.is_whole())

    def test_errors_of_the_server(self):
        self.server.behave("503", 2)
        self.assertEqual(self.fetch("plain")[0], 0)
        subprocess.run(["rm", "-r", self.cache], check=True)
        self.server.behave("404", 99)
        status, _, err = self.fetch("plain")
        self.assertEqual((status, len(self.server.asked)), (2, 1), err)
        self.assertIn("404", err)

    def test_mends_a_folder(self):
        self.assertEqual(self.fetch("plain")[0], 0)
        (self.cache / "plain" / "a.txt").write_bytes(b"changed")
        self.server.behave("")
        self.assertEqual(self.fetch("plain")[0], 0)
        self.assertEqual(len(self.server.asked), 1)
        self.assertTrue(self.is_whole())

    def test_licences(self):
        status, _, err = self.fetch("closed")
        self.assertEqual(status, 2)
        self.assertIn("CC BY-NC 4.0", err)
        self.assertEqual(self.fetch("all")[0], 2)
        self.assertEqual(self.server.asked, [])
        self.assertEqual(self.fetch("--accept-licence", "all")[0], 0)
        self.assertTrue((self.cache / "closed" / "a.txt").exists() and self.is_whole())

    def test_names(self):
        status, _, err = self.fetch("other")
        self.assertEqual(status, 2)
        self.assertIn("expected all or one of plain", err)
        self.assertEqual(self.fetch()[0], 2)
        self.assertEqual(self.fetch("--what")[0], 2)

    @unittest.skipUnless(PUBLIC, "VKFI_DATA names no folder of public data")
    def test_public_data(self):
        """tasks.json has the sums of the data that are there; selections are those of tasks.json."""
        manifest = json.loads((THIRD_PARTY / "tasks.json").read_text(encoding="utf-8"))
        skipped = ["mbpp"]  # the data there are a selection already
        for task in manifest["tasks"]:
            for file in task["files"]:
                data = (Path(PUBLIC) / task["name"] / file["file"]).read_bytes()
                self.assertEqual(sums(data), {"size": file["size"], "sha256": file["sha256"]}, file)
                self.server.content[f"{task['repository']}/{task['commit']}/{file['path']}"] = data
        names = [task["name"] for task in manifest["tasks"] if task["name"] not in skipped]
        status, out, err = self.fetch("--accept-licence", *names, manifest=False)
        self.assertEqual(status, 0, err)
        self.assertEqual(len(out.splitlines()), 12)


if __name__ == "__main__":
    unittest.main()
