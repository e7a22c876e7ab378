"""Fails when most calls got no further than the door: then nothing was tested. Reads the server's own count of outcomes."""

import os
import re
import sys
from collections import Counter

import requests

ENOUGH = 0.25

outcomes = Counter()
metrics = requests.get(f"{os.environ['OPENCOM_URL']}/metrics", timeout=30).text
for code, count in re.findall(r'^opencom_calls_total\{.*?code="(\w+)".*?\} (\d+)', metrics, re.MULTILINE):
    outcomes[code] += int(count)
total = sum(outcomes.values())
print(f"{total} calls:", ", ".join(f"{code} {count}" for code, count in outcomes.most_common()))
if outcomes["OK"] < ENOUGH * total or total == 0:
    sys.exit(f"fewer than {ENOUGH:.0%} of the calls succeeded: does tests/api/hooks.py still seed what they need?")
