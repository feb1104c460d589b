# SPDX-License-Identifier: Apache-2.0
"""test_mpi.py traffic|faults|hosts|refusals: ranks.c under mpirun; model: the program itself, on this machine and over hosts."""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RANKS = os.environ["HEDDLE_RANKS"]
HEDDLE = os.environ["HEDDLE"]
HOSTS = str(Path(__file__).parent / "hosts.sh")
ENV = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
DEADLINE_MS = 2000


def local(n):
    return ["mpirun", "-n", str(n), "--oversubscribe", "--bind-to", "none"]


def over_hosts(n):
    return [HOSTS, str(n)]


def run(command, seconds=90):
    """Status and all that was written. Ends what it started when that takes too long."""
    process = subprocess.Popen(command, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    try:
        text, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.terminate()
        text, _ = process.communicate(timeout=20)
        sys.exit(f"FAILED: {' '.join(command)} hangs:\n{text}")
    return process.returncode, text


def check(condition, *what):
    if not condition:
        sys.exit("FAILED: " + "\n".join(map(str, what)))


def good_cases(start, n):
    code, text = run([*start(n), RANKS, "traffic"])
    if code == 77:
        print(text)
        sys.exit(77)
    check(code == 0 and text.count(": good") == n, f"traffic of {n} ranks: {code}", text)
    for case in ["absent", "abort"] + ["row", "circle"] * (n > 2):
        code, text = run([*start(n), RANKS, case, str(DEADLINE_MS)])
        check(code == 0, f"{case} with {n} ranks: {code}", text)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def fault(start, n, victim, sign):
    """Kills or freezes a rank at work: all are gone in time, mpirun says that it failed, and somebody names the rank."""
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen([*start(n), RANKS, "run", str(DEADLINE_MS)], env=ENV, stdout=out, stderr=subprocess.STDOUT)
        pids, end = {}, time.monotonic() + 30
        while len(pids) < n and time.monotonic() < end:
            time.sleep(0.1)
            out.seek(0)
            pids = {int(w[1]): int(w[2]) for w in map(str.split, out.read().splitlines()) if len(w) == 3 and w[0] == "pid"}
        if len(pids) < n:
            process.terminate()
            process.wait(20)
            out.seek(0)
            sys.exit("FAILED: the ranks do not start:\n" + out.read())
        time.sleep(random.uniform(0, 1))
        begin = time.monotonic()
        os.kill(pids[victim], sign)
        try:
            code = process.wait(4 * DEADLINE_MS / 1000 + 10)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait(20)
            code = None
        took = time.monotonic() - begin
        out.seek(0)
        text = out.read()
        left = [pid for pid in pids.values() if alive(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        check(code not in (0, None) and not left, f"{sign.name} of rank {victim} of {n}: {code} after {took:.1f} s; alive: {left}", text)
        check(f"rank {victim}" in text, f"{sign.name}: nobody names rank {victim}", text)
        print(f"{sign.name} of rank {victim} of {n}: {took:.1f} s")


def refusals():
    code, text = run([RANKS])
    check(code == 1 and "not started by mpirun" in text, code, text)
    code, text = run(["env", "HD_BACKEND_PATH=/no/such/folder", RANKS])
    check(code == 1, code, text)


def tokens_of(start, flags):
    code, text = run([*start, HEDDLE, "run", "-p", "Once upon a time", "-n", "24", "--temp", "0", "-q", "--json", *flags])
    if code == 77:
        print(text)
        sys.exit(77)
    check(code == 0, f"heddle run {flags}: {code}", text)
    return json.loads(text[text.index("{") : text.rindex("}") + 1])["tokens"]


def model():
    """The bundled model over ranks of this machine, and of two and four hosts: the tokens of one process."""
    alone = tokens_of([], [])
    check(len(alone) == 24, "tokens", alone)
    for start, flags in [
        (local(2), ["--tp", "2"]),
        (local(4), ["--tp", "2", "--pp", "2", "--executor", "tasks"]),
        (local(2), ["--tp", "2", "--two-shot", "4096"]),
        (local(4), ["--tp", "4", "--two-shot", "1"]),
        (over_hosts(2), ["--pp", "2"]),
        (over_hosts(4), ["--tp", "4"]),
    ]:
        check(tokens_of(start, flags) == alone, f"{start} {flags}: other tokens than one process")
    code, text = run([*local(2), HEDDLE, "run", "-p", "x", "--tp", "4"])
    check(code != 0 and "4 ranks, and 2 processes were started" in text, code, text)


def main(case):
    random.seed(os.environ.get("HEDDLE_SEED", str(time.time_ns())))
    if case == "refusals":
        refusals()
    elif case == "model":
        model()
    elif case == "faults":
        for n in [2, 4]:
            for sign in [signal.SIGKILL, signal.SIGSTOP]:
                fault(local, n, random.randrange(n), sign)
    else:
        start = local if case == "traffic" else over_hosts
        for n in [2, 4]:
            good_cases(start, n)
        if case == "hosts":
            for sign in [signal.SIGKILL, signal.SIGSTOP]:
                fault(over_hosts, 4, random.randrange(4), sign)


main(sys.argv[1])
