#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the fields of each trial that may not differ when it is run again, in order of trial.

usage: vkfi export DB --format csv | trial_rows.py
"""

import csv
import sys

FREE = {"path", "attempts", "device_id", "seconds", "suspect", "device"}
sys.stdin.reconfigure(encoding="utf-8", newline="")
for row in csv.DictReader(sys.stdin):
    print(*(f"{key}={value}" for key, value in row.items() if key not in FREE), sep=";")
