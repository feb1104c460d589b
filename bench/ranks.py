#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ranks beside threads: bench/ranks.py -m FOLDER [--ranks 2] [--rounds 7] [-p 16] [-n 16] [HEDDLE FLAGS...]

The same model decoded by one process with N threads and by N tensor-parallel ranks of one thread each, in turn, again and again: on a
machine that others use, only what ran side by side can be compared. Prints each round, and the medians of the rounds' ratios.
"""
import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

HEDDLE = Path(__file__).resolve().parent.parent / "build/release/bin/heddle"


def sample(options, flags, rest):
    command = [options.heddle, "bench", "-m", options.model, "-p", str(options.prompt), "-n", str(options.tokens), "-r", "1", "-q", "--json"]
    done = subprocess.run([*command, *flags, *rest], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, done.args))}\n{done.stderr}")
    setting = json.loads(done.stdout)["settings"][0]
    return setting["prefill_tokens_per_second"][0], setting["decode_tokens_per_second"][0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-m", "--model", required=True)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("-p", "--prompt", type=int, default=16)
    parser.add_argument("-n", "--tokens", type=int, default=16)
    parser.add_argument("--heddle", default=str(HEDDLE))
    options, rest = parser.parse_known_args()
    n = str(options.ranks)
    ratios = []
    print(f"{'round':>5} {'threads':>20} {'ranks':>20}   prefill, decode: tokens/s")
    for i in range(options.rounds):
        threads = sample(options, ["-t", n], rest)
        ranks = sample(options, ["--tp", n, "-t", "1"], rest)
        ratios.append((ranks[0] / threads[0], ranks[1] / threads[1]))
        print(f"{i + 1:5} {threads[0]:10.2f} {threads[1]:9.2f} {ranks[0]:10.2f} {ranks[1]:9.2f}", flush=True)
    for k, name in enumerate(["prefill", "decode"]):
        values = sorted(r[k] for r in ratios)
        print(f"{name}: ranks / threads {statistics.median(values):.2f} ({values[0]:.2f} to {values[-1]:.2f})")


main()
