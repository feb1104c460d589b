# SPDX-License-Identifier: Apache-2.0
"""A rank dies, freezes, lags or is interrupted at any moment of a run: the others end in time and say why, and nothing is left.

    test_faults.py [--mpi] [--hosts N]... [--rounds N | --seconds N] [--seed N] [--kind KIND] [--keep-going]

Each round draws a way (the program's own ranks, or with --mpi and --hosts those of mpirun on this machine and over N hosts),
ranks, executor, model, a rank, a moment and what happens to it, from seed + round: a failure prints the round's seed, and --seed
with it and --rounds 1 does it again (the moment is as exact as the machine's load allows)."""
import argparse
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter, namedtuple
from pathlib import Path

from fault_ways import Hosts, Local, Mpirun, Run, hit, wait_until
from program import BRIEF, BUNDLED, PROGRAM, STORIES, environment

PROMPT = "Once upon a time, there was a little girl"
EXECUTORS = ["serial", "threads", "tasks"]
MODELS = [(folder, tokens) for folder, tokens in [(STORIES, 100), (BUNDLED, 60)] if (folder / "config.json").is_file()]
Round = namedtuple("Round", "kind way arguments rank ranks moment")


# ---- the kinds: what is done, to one rank or to all, and whether the run must then reach its end ----

def pause(run, pids):
    for pid in pids:
        hit(pid, signal.SIGSTOP)
    time.sleep(run.way.deadline * 0.4)
    for pid in pids:
        hit(pid, signal.SIGCONT)


def slow(run, pids):
    end = time.monotonic() + run.way.life_limit
    while not run.over() and time.monotonic() < end:
        for pid in pids:
            hit(pid, signal.SIGSTOP)
        time.sleep(0.02)
        for pid in pids:
            hit(pid, signal.SIGCONT)
        time.sleep(0.02)


def starve(run, pids):
    """No more memory than now."""
    for pid in pids:
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
            resource.prlimit(pid, resource.RLIMIT_AS, (pages * resource.getpagesize(),) * 2)
        except (OSError, IndexError):
            pass


def send(number):
    return lambda run, pids: [hit(pid, number) for pid in pids]


def kill_launcher(run, pids):
    send(signal.SIGKILL)(run, run.launchers())


def cable(run, rank, state):
    run.on_switch("ip", "link", "set", f"to{rank + 1}", state)


def cut(run, pids):
    cable(run, run.victim, "down")


def cut_briefly(run, pids):
    cable(run, run.victim, "down")
    time.sleep(run.way.deadline * 0.2)
    cable(run, run.victim, "up")


def narrow(run, pids):
    """What goes to that host trickles."""
    run.on_switch("tc", "qdisc", "add", "dev", f"to{run.victim + 1}", "root", *"tbf rate 2mbit burst 4k latency 400ms".split())


Kind = namedtuple("Kind", "act all ends ways")
ANY, MPI, HOSTS = (Local, Mpirun, Hosts), (Mpirun, Hosts), (Hosts,)
KINDS = {
    "kill": Kind(send(signal.SIGKILL), False, False, ANY),
    "freeze": Kind(send(signal.SIGSTOP), False, False, ANY),
    "pause": Kind(pause, False, True, ANY),
    "pause-all": Kind(pause, True, True, ANY),
    "slow": Kind(slow, False, True, ANY),
    "starve": Kind(starve, False, False, ANY),
    "term": Kind(send(signal.SIGTERM), False, False, ANY),
    "term-all": Kind(send(signal.SIGTERM), True, False, ANY),
    "int": Kind(send(signal.SIGINT), False, False, ANY),
    "int-all": Kind(send(signal.SIGINT), True, False, ANY),
    "launcher": Kind(kill_launcher, False, False, MPI),
    "cut": Kind(cut, False, False, HOSTS),
    "cut-briefly": Kind(cut_briefly, False, True, HOSTS),
    "narrow": Kind(narrow, False, True, HOSTS),
}
if BRIEF:  # a sanitizer's build: its runtime gives up when there are no more addresses
    del KINDS["starve"]


# ---- one round ----

class Wrong(Exception):
    pass


def require(condition, sentence):
    if not condition:
        raise Wrong(sentence)


class Bed:
    """Right texts, and how long a run takes from its last rank's birth, by what is run."""

    def __init__(self):
        self.known = {}

    def of(self, it):
        key = (it.way.name, *it.arguments)
        if key not in self.known:
            lives = [self.live(it) for _ in range(it.way.tries)]
            alone = list(it.arguments)
            for option in ("--tp", "--pp"):
                if option in alone:
                    alone[alone.index(option) + 1] = "1"
            right = subprocess.run(alone, capture_output=True, stdin=subprocess.DEVNULL, env=environment(), timeout=120).stdout
            require(all(text == right for text, _ in lives), "undisturbed ranks write another text than one process")
            self.known[key] = (right, min(life for _, life in lives))
        return self.known[key]

    def live(self, it):
        with Run(it.way, it.arguments, it.ranks) as run:
            wait_until(lambda: run.over() or set(range(it.ranks)) <= set(run.alive().values()), 60)
            born = time.monotonic()
            wait_until(lambda: run.over() or all(rank is None for rank in run.alive().values()), 120)
            life = time.monotonic() - born
            require(wait_until(run.over, 20), "undisturbed it hangs")
            out, err = run.said()
            if run.process.returncode == 77:
                print(out.decode())
                sys.exit(77)
            require(run.process.returncode == 0, f"undisturbed it fails: {err}")
            return out, life

    def shorten(self, it):
        """It had ended before it was hit: the machine has got faster since."""
        key = (it.way.name, *it.arguments)
        right, life = self.known[key]
        self.known[key] = (right, 0.8 * life)


def fits(kind, way):
    return isinstance(way, KINDS[kind].ways)


def draw(seed, kinds, ways):
    r = random.Random(seed)
    way = r.choice([way for way in ways if any(fits(kind, way) for kind in kinds)])
    folder, tokens = r.choice(MODELS)
    shape, executor = r.choice(way.shapes), r.choice(EXECUTORS)
    ranks = 1
    for size in shape[1::2]:
        ranks *= int(size)
    arguments = [PROGRAM, "run", "-m", str(folder), "-p", PROMPT, "-n", str(int(tokens * way.length)), "--temp", "0",
                 "--ignore-eos", "--no-stats", "-t", str(r.choice(way.threads)), "--executor", executor, *shape]
    rank, moment = r.randrange(ranks), r.uniform(0, 1.1)
    kinds = [kind for kind in kinds if fits(kind, way)]
    return Round(r.choice(kinds), way, arguments, rank, ranks, moment)  # the kind last: it changes nothing else


def check_lines(text, it, numbers):
    """One line from a rank at most, each a sentence that names the rank at fault or tells what is known of all. Gives them, and all
    that names the rank: the launcher's words, too."""
    ours, launcher = it.way.sentences(text, numbers)
    speakers = Counter(line.partition(":")[0] for line in ours if not line.startswith("heddle: rank"))  # MPI's last words
    names = {it.way.speaker(rank) for rank in range(it.ranks)}
    require(set(speakers) <= names, f"a line that is not a rank's: {sorted(set(speakers) - names)}")
    require(max(speakers.values(), default=0) <= 1, "a rank said more than one line")
    names_it = lambda line: (line.startswith(f"{it.way.speaker(it.rank)}:") or f"rank {it.rank}" in line
                             or f"ranks {it.rank}" in line or it.way.NAMELESS in line)
    for line in ours:
        require(KINDS[it.kind].all or it.kind == "launcher" or names_it(line), f"rank {it.rank} is not named")
    return ours, [line for line in [*ours, *launcher] if names_it(line)]


def end_frozen(it, run, right, victims):
    """The frozen rank may be one that nobody can end but who froze it: the command itself, or one that had said good-bye to the
    others when all was done. All others must have ended, then it is killed."""
    others = lambda: [rank for rank in run.alive().values() if rank not in (it.rank, None)]
    require(wait_until(lambda: run.over() or not others(), it.way.longest), f"ranks {others()} go on without rank {it.rank}")
    if victims == [run.process.pid] or not wait_until(run.over, it.way.ends_frozen):
        require(victims == [run.process.pid] or run.said()[0] == right, "a frozen rank is left, and the text is not complete")
        hit(victims[0], signal.SIGKILL)


def judge(it, code, right, out, err, numbers):
    """Whether somebody named the rank, where one was at fault."""
    kind, local = KINDS[it.kind], isinstance(it.way, Local)
    require(right.startswith(out), f"wrong text: {out!r}, and right is {right!r}")
    require(code != 0 or out == right, "exit code 0, and the text is not complete")
    ours, named = check_lines(err, it, numbers)
    if kind.ends or (local and it.kind == "int" and it.rank != 0):
        require(code == 0, f"it must go on to its end, and exits with {code}")
    if code == 0:
        require(not ours, "it has ended well, and complains")
    elif local:
        judge_local(it, code, ours, err)
    elif it.kind not in ("launcher", "int-all", "term-all"):
        dead = it.kind in ("kill", "term", "int", "starve") and it.way.DIED in err
        require(named or dead, f"rank {it.rank} is not named")
        return bool(named)
    return True


def judge_local(it, code, lines, err):
    """Interruptions are no failures; and rank 0 says why it fails."""
    if it.kind in ("int", "int-all", "term-all") or (it.kind == "term" and it.rank == 0):
        number = signal.SIGINT if it.kind.startswith("int") else signal.SIGTERM
        require(code in (128 + number, -number), f"interrupted it exits with {code}")
        require(not lines, "an interruption is no failure to complain about")
    elif it.rank != 0:
        require(any(line.startswith("heddle run:") for line in lines), "rank 0 fails and does not say why")
        if it.kind in ("kill", "term"):
            number = signal.SIGKILL if it.kind == "kill" else signal.SIGTERM
            require(f"was ended by signal {int(number)} (" in err, "the signal is not named")


def strike(it, run, life):
    """Does it, at its moment of the victim's life; who it was done to."""
    wait_until(lambda: run.over() or run.those(it.rank), it.way.life_limit)
    time.sleep(it.moment * life)
    victims = [pid for pid, rank in run.alive().items() if rank is not None] if KINDS[it.kind].all else run.those(it.rank)[:1]
    if victims:
        KINDS[it.kind].act(run, victims)
    return victims


def play(it, bed):
    right, life = bed.of(it)
    with Run(it.way, it.arguments, it.ranks, it.way.deadline, it.rank) as run:
        victims = strike(it, run, life)
        began = time.monotonic()
        if it.kind == "freeze" and victims:
            end_frozen(it, run, right, victims)
        limit = it.way.life_limit if KINDS[it.kind].ends else it.way.longest
        require(wait_until(run.over, limit), f"it has not ended after {limit} s: {run.alive()}")
        took, code = time.monotonic() - began, run.process.returncode
        require(wait_until(lambda: not run.alive(), 2), f"ranks {list(run.alive().values())} are left over")
        out, err = run.said()
        try:
            named = judge(it, code, right, out, err, run.numbers)
            left = it.way.left(run)
            if it.kind == "launcher":  # killed, it leaves its files; but no processes
                left = [what for what in left if "ompi." not in what and "vader_segment" not in what]
            require(not left, f"something is left: {left}")
        except Wrong as wrong:
            raise Wrong(f"{wrong}\n  exit code {code} after {took:.2f} s, {len(out)} of {len(right)} bytes, {len(victims)} victims"
                        f"\n  {err}") from None
        return code, took, err, bool(victims), named


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mpi", action="store_true", help="ranks of mpirun on this machine")
    parser.add_argument("--hosts", type=int, choices=[2, 4], action="append", default=[], help="ranks of mpirun over so many hosts")
    parser.add_argument("--rounds", type=int, default=0, help="0: the kinds in turn, for --seconds")
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--keep-going", action="store_true")
    parser.add_argument("--verbose", action="store_true", help="print what the ranks said")
    options = parser.parse_args()
    if not MODELS:
        print("neither models/heddle-stories nor ../shared/models/stories260k is there")
        sys.exit(77)
    ways = [Mpirun()] * options.mpi + [Hosts(n) for n in options.hosts] or [Local()]
    possible = [kind for kind in KINDS if any(fits(kind, way) for way in ways)]
    if options.kind and options.kind not in possible:
        parser.error(f"{options.kind} is nothing that can be done to these ranks")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what is under way is taken away
    print(f"seed {options.seed}", flush=True)
    bed, failures, counts, slowest = Bed(), 0, Counter(), Counter()
    start, number = time.monotonic(), 0
    while number < options.rounds or (not options.rounds and time.monotonic() < start + options.seconds):
        seed = options.seed + number
        kinds = [options.kind] if options.kind else possible if options.rounds else [possible[seed % len(possible)]]
        it = draw(seed, kinds, ways)
        number += 1
        try:
            code, took, said, struck, named = play(it, bed)
            if not struck and it.moment < 1:
                bed.shorten(it)
            how = "not hit" if not struck else "completed" if code == 0 else "ended" if named else "ended without a name"
            counts[it.kind, how] += 1
            slowest[it.kind] = max(slowest[it.kind], took)
            if options.verbose:
                print(f"{seed}: {it.way.name}: {it.kind} rank {it.rank} of {it.ranks} at {it.moment:.2f}: {code}, {took:.2f} s")
                print(said, end="", flush=True)
        except (Wrong, subprocess.TimeoutExpired) as wrong:
            failures += 1
            print(f"FAILED --seed {seed} --rounds 1 --kind {it.kind} ({it.way.name}): rank {it.rank} at {it.moment:.2f} of"
                  f" `{' '.join(it.arguments[1:])}`:\n  {wrong}", flush=True)
            if not options.keep_going:
                break
    for kind in possible:
        told = ", ".join(f"{n} {how}" for (k, how), n in sorted(counts.items()) if k == kind)
        print(f"{kind:11} {told} (longest {slowest[kind]:.2f} s)")
    print(f"{number} rounds, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
