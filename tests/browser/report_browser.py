#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Opens reports in headless Chromium: no script errors, all pictures present, nothing overflows.

usage: report_browser.py VKFI FIXTURE

Reports of several synthetic campaigns are laid out at widths of 1280 and 400 pixels, light and dark.
Exit status: 0 all holds, 1 something does not (one line each), 77 no Chromium or gnuplot.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

WIDTHS = (1280, 400)
# name: (fields of the fixture, pictures)
CAMPAIGNS = {
    "plain": (["per_stratum=60"], 11),
    "scored": (["scored", "per_stratum=60", "layers=12", "items=20"], 12),
    "one": (["layers=1", "items=1"], 9),
    "none": (["scale=0"], 3),
    "ninety": (["layers=30", "per_stratum=40"], 11),
    "deep": (["layers=60", "per_stratum=4"], 11),
    "heads": (["heads", "layers=20"], 11),
    "named": (["named", "layers=18"], 10),
    "other": (["per_stratum=60", "disagree=9", "other_device", "crossed", "items=4"], 12),
    "equal": (["equal"], 4),
    "sweep": (["sweep", "per_stratum=40"], 4),
    "few": (["sweep", "per_stratum=4"], 4),
    "ber": (["ber=1e-9"], 4),
    "anew": (["layers=12"], 12),
}
# fields of the second campaign, which estimates strata of "anew" anew
FRESH = ["layers=12", "seed=8"]

# Runs in the page, in a frame of the width to test; findings go to the outer frame.
PROBE = """
<script>
window.addEventListener('load', () => {
  const found = [], width = document.documentElement.clientWidth;
  const say = (what, e) => {
    const text = what + ': ' + (e.id || e.textContent || e.tagName).slice(0, 60);
    if (!found.includes(text)) found.push(text);
  };
  if (document.documentElement.scrollWidth > width)
    found.push('the page is ' + document.documentElement.scrollWidth + ' wide, the window ' + width);
  for (const e of document.body.querySelectorAll('*')) {
    if (e.closest('svg') || e.closest('.scroll') || e.closest('pre')) continue;
    if (e.getBoundingClientRect().right > width + 0.5) say('beyond the right edge', e);
  }
  for (const e of document.querySelectorAll('.scroll, pre')) {
    if (e.getBoundingClientRect().right > width + 0.5) say('a box beyond the right edge', e);
  }
  const figures = document.querySelectorAll('figure');
  for (const figure of figures) {
    const svg = figure.querySelector('svg'), box = svg.getBoundingClientRect();
    if (box.width < Math.min(width, 560) * 0.7 || box.height < 80) say('a small picture', figure);
    let drawn = 0;
    for (const e of svg.querySelectorAll('path, use, polygon, text')) {
      const b = e.getBoundingClientRect();
      drawn += b.width > 0 || b.height > 0;
      if (e.tagName === 'text' && (b.left < box.left - 1 || b.right > box.right + 1 ||
          b.top < box.top - 1 || b.bottom > box.bottom + 1)) say('a label cut off in ' + figure.id, e);
    }
    if (drawn < 10) say('an empty picture', figure);
    const texts = [...svg.querySelectorAll('text')].filter(e => e.textContent.trim());
    const boxes = texts.map(e => e.getBoundingClientRect()), scale = box.width / 560;
    for (let i = 0; i < boxes.length; i++) for (let k = 0; k < i; k++) {
      const a = boxes[i], b = boxes[k];
      const x = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (x > 2 * scale && y > 6 * scale)
        say('labels on each other in ' + figure.id + ': ' + texts[k].textContent, texts[i]);
    }
  }
  const style = getComputedStyle(document.body);
  parent.postMessage({found, figures: figures.length, width, page: style.backgroundColor,
                      text: style.color}, '*');
});
</script>
"""

FRAME = """<!DOCTYPE html><html><body><script>
let left = %d; const all = [];
window.addEventListener('message', m => {
  all.push(m.data);
  if (--left === 0) { const p = document.createElement('pre'); p.id = 'result';
    p.textContent = JSON.stringify(all); document.body.append(p); }
});
</script>%s</body></html>"""


def find_chromium():
    return shutil.which("chromium") or shutil.which("chromium-browser")


def chromium(binary, folder, page, dark):
    """(the document as text, console messages) of a page after its scripts."""
    command = [binary, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
               f"--user-data-dir={folder}/profile", "--enable-logging=stderr", "--log-level=0",
               "--virtual-time-budget=20000", "--window-size=1400,900", "--dump-dom",
               f"file://{page}"]
    if dark:
        command.insert(1, "--blink-settings=preferredColorScheme=0")
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=300)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def brightness(colour):
    return sum(int(part) for part in re.findall(r"\d+", colour)[:3])


def check_page(name, results, figures, dark):
    findings = []
    for result in results:
        where = f"{name}, {result['width']} px, {'dark' if dark else 'light'}"
        findings += [f"{where}: {text}" for text in result["found"]]
        if result["figures"] != figures:
            findings.append(f"{where}: found {result['figures']} pictures, expected {figures}")
        if (brightness(result["page"]) < brightness(result["text"])) != dark:
            findings.append(f"{where}: text {result['text']} on {result['page']}")
    if [r["width"] for r in sorted(results, key=lambda r: -r["width"])] != list(WIDTHS):
        findings.append(f"{name}: found widths {[r['width'] for r in results]}")
    return findings


def make_fresh(tools, folder, database):
    """A campaign that confirms the worst strata of `database`, by `vkfi plan confirm`."""
    plan = subprocess.run([tools[0], "plan", "confirm", database, "--seed", "8"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    fresh = folder / "fresh.db"
    subprocess.run([tools[1], fresh, *FRESH, "confirm=" + json.dumps(json.loads(plan)["confirm"])],
                   check=True)
    return fresh


def check_campaign(binary, tools, folder, name):
    fields, figures = CAMPAIGNS[name]
    database, report = folder / f"{name}.db", folder / f"{name}.html"
    subprocess.run([tools[1], database, *fields], check=True)
    more = ["--with", database] if name == "other" else []
    if name == "anew":
        more = ["--confirm", make_fresh(tools, folder, database)]
    subprocess.run([tools[0], "report", database, "-o", report, *more], check=True,
                   stdout=subprocess.DEVNULL)
    text = report.read_text(encoding="utf-8")
    (folder / f"{name}.probe.html").write_text(text.replace("</body>", PROBE + "</body>"),
                                               encoding="utf-8")
    frames = "".join(f'<iframe src="{name}.probe.html" style="border:0;width:{width}px;height:900px">'
                     "</iframe>" for width in WIDTHS)
    page = folder / f"{name}.frame.html"
    page.write_text(FRAME % (len(WIDTHS), frames), encoding="utf-8")
    findings = []
    for dark in (False, True):
        dom, console = chromium(binary, folder, page, dark)
        findings += [f"{name}: {line}" for line in console]
        result = re.search(r'<pre id="result">(.*?)</pre>', dom, re.DOTALL)
        if not result:
            findings.append(f"{name}: Chromium gave no result")
            continue
        findings += check_page(name, json.loads(result.group(1)), figures, dark)
    return findings


def main():
    binary = find_chromium()
    if not binary or not shutil.which("gnuplot"):
        print("skipped: no Chromium or no gnuplot on this machine")
        return 77
    findings = []
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        for name in CAMPAIGNS:
            findings += check_campaign(binary, sys.argv[1:3], Path(folder), name)
    print("\n".join(findings) or f"{len(CAMPAIGNS)} reports hold at {WIDTHS} px, light and dark")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
