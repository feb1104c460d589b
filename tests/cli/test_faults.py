# SPDX-License-Identifier: Apache-2.0
"""A rank dies, freezes, lags or is interrupted at any moment of a run: the others end in time and say why, and nothing is left.

    test_faults.py [--rounds N] [--seed N] [--kind KIND] [--keep-going]

Each round draws ranks, executor, model, a rank, a moment and what happens to it, from seed + round: a failure prints the round's
seed, and --seed with it and --rounds 1 does it again (the moment is as exact as the machine's load allows)."""
import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, namedtuple
from pathlib import Path

from program import BRIEF, BUNDLED, PROGRAM, STORIES, environment

DEADLINE = 1.5  # of a wait, in seconds
PROMPT = "Once upon a time, there was a little girl"
SHAPES = [["--tp", "2"], ["--tp", "4"], ["--pp", "2"], ["--tp", "2", "--pp", "2"]]
EXECUTORS = ["serial", "threads", "tasks"]
MODELS = [(folder, tokens) for folder, tokens in [(STORIES, 100), (BUNDLED, 60)] if (folder / "config.json").is_file()]
# What a wait may take: the meeting has twice the deadline (other ranks 2.5 times), then 5 s in which a frozen worker may end.
LONGEST = 2.5 * DEADLINE + 5 + 6
Round = namedtuple("Round", "kind arguments model rank ranks moment")


# ---- the kinds: what is done, to one rank or to all, and whether the run must then reach its end ----

def pause(pids, over):
    for pid in pids:
        hit(pid, signal.SIGSTOP)
    time.sleep(DEADLINE * 0.4)
    for pid in pids:
        hit(pid, signal.SIGCONT)


def slow(pids, over):
    while not over():
        for pid in pids:
            hit(pid, signal.SIGSTOP)
        time.sleep(0.02)
        for pid in pids:
            hit(pid, signal.SIGCONT)
        time.sleep(0.02)


def starve(pids, over):
    """No more memory than now."""
    for pid in pids:
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
            resource.prlimit(pid, resource.RLIMIT_AS, (pages * resource.getpagesize(),) * 2)
        except (OSError, IndexError):
            pass


def send(number):
    return lambda pids, over: [hit(pid, number) for pid in pids]


Kind = namedtuple("Kind", "act all ends")
KINDS = {
    "kill": Kind(send(signal.SIGKILL), False, False),
    "freeze": Kind(send(signal.SIGSTOP), False, False),
    "pause": Kind(pause, False, True),
    "pause-all": Kind(pause, True, True),
    "slow": Kind(slow, False, True),
    "starve": Kind(starve, False, False),
    "term": Kind(send(signal.SIGTERM), False, False),
    "term-all": Kind(send(signal.SIGTERM), True, False),
    "int": Kind(send(signal.SIGINT), False, False),
    "int-all": Kind(send(signal.SIGINT), True, False),
}
if BRIEF:  # a sanitizer's build: its runtime gives up when there are no more addresses
    del KINDS["starve"]


# ---- processes ----

def hit(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def stat(pid):
    """(state, parent, session) of a process, None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1]), int(fields[3])


def named_memory():
    """What could be ours in /dev/shm: others use it, too."""
    return {name for name in os.listdir("/dev/shm") if name.startswith(("heddle", "hd"))}


def rank_of(pid):
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    return int(words[words.index(b"--rank") + 1]) if b"--rank" in words else 0


def alive(session):
    """The processes of a run: {pid: rank}. A process that was forked and is not yet a worker counts as rank 0's."""
    found = {}
    for entry in os.listdir("/proc"):
        known = stat(entry) if entry.isdigit() else None
        if known and known[2] == session and known[0] not in "ZX":
            found[int(entry)] = rank_of(int(entry))
    return found


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return bool(condition())


# ---- one round ----

class Wrong(Exception):
    pass


def require(condition, sentence):
    if not condition:
        raise Wrong(sentence)


class Bed:
    """Right texts and how long a run takes, by what is run."""

    def __init__(self):
        self.known = {}

    def of(self, arguments, folder):
        key = tuple(arguments)
        if key not in self.known:
            lives = []
            for _ in range(2):
                start = time.monotonic()
                done = subprocess.run(arguments, capture_output=True, stdin=subprocess.DEVNULL, env=environment(), timeout=120)
                lives.append(time.monotonic() - start)
                require(done.returncode == 0, f"undisturbed it fails: {done.stderr.decode()}")
            alone = [a for a in arguments]
            for option in ("--tp", "--pp"):
                if option in alone:
                    alone[alone.index(option) + 1] = "1"
            right = subprocess.run(alone, capture_output=True, stdin=subprocess.DEVNULL, env=environment(), timeout=120).stdout
            require(done.stdout == right, "undisturbed ranks write another text than one process")
            self.known[key] = (right, min(lives))
        return self.known[key]

    def shorten(self, arguments):
        """It had ended before it was hit: the machine has got faster since."""
        right, life = self.known[tuple(arguments)]
        self.known[tuple(arguments)] = (right, 0.8 * life)


def draw(seed, kinds):
    r = random.Random(seed)
    folder, tokens = r.choice(MODELS)
    shape, executor = r.choice(SHAPES), r.choice(EXECUTORS)
    ranks = 1
    for size in shape[1::2]:
        ranks *= int(size)
    arguments = [PROGRAM, "run", "-m", str(folder), "-p", PROMPT, "-n", str(tokens), "--temp", "0", "--ignore-eos", "--no-stats",
                 "-t", str(r.choice([1, 2])), "--executor", executor, *shape]
    rank, moment = r.randrange(ranks), r.uniform(0, 1.1)
    return Round(r.choice(kinds), arguments, folder, rank, ranks, moment)  # the kind last: it changes nothing else


def speakers_name(rank):
    return f"heddle worker {rank}" if rank else "heddle run"


def check_lines(text, it):
    """One line from a rank at most, each a sentence that names the rank at fault or tells what is known of all."""
    lines = text.splitlines()
    speakers = [line.partition(":")[0] for line in lines]
    require(all(s == "heddle run" or s.startswith("heddle worker ") for s in speakers), "a line that is not of Heddle")
    require(max(Counter(speakers).values(), default=0) <= 1, "a rank said more than one line")
    for line in lines:
        named = line.startswith(f"{speakers_name(it.rank)}:") or f"rank {it.rank}" in line or f"ranks {it.rank}" in line
        require(KINDS[it.kind].all or named, f"rank {it.rank} is not named")
    return lines


def end_frozen(process, it):
    """Rank 0 is frozen and cannot end: all others must have, then it is killed."""
    others = lambda: [rank for rank in alive(process.pid).values() if rank]
    require(wait_until(lambda: not others(), LONGEST), f"ranks {others()} go on without rank 0")
    hit(process.pid, signal.SIGKILL)


def judge(it, process, began, right, out, err):
    kind, code = KINDS[it.kind], process.returncode
    require(right.startswith(out), f"wrong text: {out!r}, and right is {right!r}")
    require(code != 0 or out == right, "exit code 0, and the text is not complete")
    lines = check_lines(err, it)
    if kind.ends or (it.kind == "int" and it.rank != 0):
        require(code == 0, f"it must go on to its end, and exits with {code}")
    if code == 0:
        require(not lines, "it has ended well, and complains")
    elif it.kind in ("int", "int-all", "term-all") or (it.kind == "term" and it.rank == 0):
        number = signal.SIGINT if it.kind.startswith("int") else signal.SIGTERM
        require(code in (128 + number, -number), f"interrupted it exits with {code}")
        require(not lines, "an interruption is no failure to complain about")
    elif it.rank != 0:
        require(any(line.startswith("heddle run:") for line in lines), "rank 0 fails and does not say why")
        if it.kind in ("kill", "term"):
            number = signal.SIGKILL if it.kind == "kill" else signal.SIGTERM
            require(f"was ended by signal {int(number)} (" in err, "the signal is not named")


def play(it, bed):
    right, life = bed.of(it.arguments, it.model)
    shm = named_memory()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(it.arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True,
                                   env=environment(HEDDLE_TIMEOUT_MS=str(int(DEADLINE * 1000))))
        try:
            time.sleep(it.moment * life)
            found = alive(process.pid)
            victims = list(found) if KINDS[it.kind].all else [pid for pid, rank in found.items() if rank == it.rank][:1]
            began = time.monotonic()
            over = lambda: process.poll() is not None or time.monotonic() > began + 60
            KINDS[it.kind].act(victims, over)
            if it.kind == "freeze" and victims == [process.pid]:
                end_frozen(process, it)
            limit = 60 if KINDS[it.kind].ends else LONGEST
            require(wait_until(over, limit) and process.poll() is not None, f"rank 0 has not ended after {limit} s")
            took = time.monotonic() - began
            require(wait_until(lambda: not alive(process.pid), 2), f"ranks {list(alive(process.pid).values())} are left over")
            out.seek(0), err.seek(0)
            said = out.read(), err.read().decode()
            try:
                judge(it, process, began, right, *said)
                require(named_memory() <= shm, "something is left in /dev/shm")
            except Wrong as wrong:
                raise Wrong(f"{wrong}\n  exit code {process.returncode}, {len(said[0])} of {len(right)} bytes, "
                            f"{len(victims)} victims\n  {said[1]}") from None
            return process.returncode, took, said[1], bool(victims)
        finally:
            for pid in alive(process.pid):
                hit(pid, signal.SIGKILL)
            process.kill()
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=0, help="0: for 40 seconds, each kind at least once")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--keep-going", action="store_true")
    parser.add_argument("--verbose", action="store_true", help="print what the ranks said")
    options = parser.parse_args()
    if not MODELS:
        print("neither models/heddle-stories nor ../shared/models/stories260k is there")
        sys.exit(77)
    print(f"seed {options.seed}", flush=True)
    bed, failures, counts, slowest = Bed(), 0, Counter(), Counter()
    start, number = time.monotonic(), 0
    while number < options.rounds or (not options.rounds and time.monotonic() < start + 40):
        seed = options.seed + number
        kinds = [options.kind] if options.kind else list(KINDS) if options.rounds else [list(KINDS)[number % len(KINDS)]]
        it = draw(seed, kinds)
        number += 1
        try:
            code, took, said, struck = play(it, bed)
            if not struck and it.moment < 1:
                bed.shorten(it.arguments)
            counts[it.kind, "not hit" if not struck else "completed" if code == 0 else "ended"] += 1
            slowest[it.kind] = max(slowest[it.kind], took)
            if options.verbose:
                print(f"{seed}: {it.kind} rank {it.rank} of {it.ranks} at {it.moment:.2f}: {code} after {took:.2f} s")
                print(said, end="", flush=True)
        except (Wrong, subprocess.TimeoutExpired) as wrong:
            failures += 1
            print(f"FAILED --seed {seed} --rounds 1 --kind {it.kind}: rank {it.rank} at {it.moment:.2f} of"
                  f" `{' '.join(it.arguments[1:])}`:\n  {wrong}", flush=True)
            if not options.keep_going:
                break
    for kind in KINDS:
        told = ", ".join(f"{n} {how}" for (k, how), n in sorted(counts.items()) if k == kind)
        print(f"{kind:10} {told} (longest {slowest[kind]:.2f} s)")
    print(f"{number} rounds, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
