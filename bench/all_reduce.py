#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""All-reduces between two ranks of this machine: Heddle's plans beside MPI_Allreduce of Open MPI.

    bench/all_reduce.py [--build build/dev] [--rounds 9] [--realtime] [--tuned]

Runs heddle-bench-all-reduce (built with the tests) with each executor, and in two shots with the serial one, and
bench/all_reduce_mpi.c, one after the other, again and again, each on the same two cores, so that whatever the machine does in
between falls on all of them. Prints Markdown: medians over the rounds in microseconds an all-reduce, and the ratio to MPI: the
median of each round's. "MPI, fresh" writes its send buffer before each all-reduce, as Heddle's figures do. --realtime keeps
other programs off the cores while a sample is taken (root). --tuned: MPI with each of its own algorithms besides, the fastest a
size. Without mpirun and mpicc MPI's columns are left out, and it says so. Exit code 1 when an executor takes more than half of
MPI's default time between 8 KB and 1 MB.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BAR, FROM, TO = 0.5, 8 << 10, 1 << 20
OURS = ["serial", "threads", "tasks", "raw"]  # all in one shot
TUNED = {f"algorithm {n}": ["--mca", "coll_tuned_use_dynamic_rules", "1", "--mca", "coll_tuned_allreduce_algorithm", str(n)]
         for n in range(1, 7)}
TUNED["no single copy"] = ["--mca", "btl_vader_single_copy_mechanism", "none"]


def run(command, env):
    """One sample: nanoseconds by size."""
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, timeout=300, check=True)
    return {int(a): float(b) for a, b in (line.split() for line in done.stdout.splitlines())}


def commands(options, folder):
    program = Path(options.build) / "tests/tools/heddle-bench-all-reduce"
    found = {kind: [str(program), kind] for kind in OURS + ["two-shot", "copies"]}
    if not shutil.which("mpirun") or not shutil.which("mpicc"):
        print("mpirun or mpicc is missing: without MPI's side", file=sys.stderr)
        return found
    binary = str(Path(folder) / "all_reduce_mpi")
    subprocess.run(["mpicc", "-D_GNU_SOURCE", "-O2", "-o", binary, str(HERE / "all_reduce_mpi.c")], check=True)
    start = ["mpirun", "-n", "2", "--mca", "mpi_yield_when_idle", "0"] + (["--allow-run-as-root"] if os.geteuid() == 0 else [])
    found["MPI"] = start + [binary]
    found["MPI, fresh"] = start + [binary, "fresh"]
    if options.tuned:
        found.update({name: start + more + [binary] for name, more in TUNED.items()})
    return found


def table(rounds):
    """Prints the table; the sizes at which an executor misses the bar."""
    kinds, sizes, missed = list(rounds[0]), sorted(rounds[0]["serial"]), []
    columns = OURS + ["two-shot"] + [k for k in ("MPI", "MPI, fresh", "best MPI")
                                     if k in kinds or (k == "best MPI" and "algorithm 1" in kinds)]
    for r in rounds:
        if "MPI" in r:
            r["best MPI"] = {s: min(r[k][s] for k in r if k == "MPI" or k in TUNED) for s in sizes}
    ratios = "MPI" in columns
    print("| bytes | " + " | ".join(columns) + (" | serial / MPI | lowest, highest | serial / MPI, fresh |" if ratios else " |"))
    print("|---|" + "---|" * (len(columns) + 3 * ratios))
    for s in sizes:
        line = [f"{statistics.median(r[c][s] for r in rounds) / 1000:.2f}" for c in columns]
        if ratios:
            each = sorted(r["serial"][s] / r["MPI"][s] for r in rounds)
            ratio = statistics.median(each)
            line += [f"{ratio:.2f}", f"{each[0]:.2f}, {each[-1]:.2f}"]
            line.append(f"{statistics.median(r['serial'][s] / r['MPI, fresh'][s] for r in rounds):.2f}")
            if FROM <= s <= TO and ratio > BAR:
                missed.append(s)
        print(f"| {s} | " + " | ".join(line) + " |")
    least = statistics.median(r["copies"][sizes[0]] for r in rounds)
    print(f"\nA step that copies {sizes[0]} bytes, in a plan of such steps: {least:.0f} ns.")
    return missed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/dev")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--realtime", action="store_true")
    parser.add_argument("--tuned", action="store_true")
    options = parser.parse_args()
    env = dict(os.environ, **({"REALTIME": "1"} if options.realtime else {}))
    with tempfile.TemporaryDirectory() as folder:
        todo = commands(options, folder)
        rounds = [{kind: run(command, env) for kind, command in todo.items()} for _ in range(options.rounds)]
    missed = table(rounds)
    if missed:
        print(f"more than {BAR} of MPI's time at {', '.join(map(str, missed))} bytes")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
