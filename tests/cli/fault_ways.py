# SPDX-License-Identifier: Apache-2.0
"""The ways in which test_faults.py runs a command over ranks: started by itself, by mpirun on this machine, and by mpirun over
hosts that are network namespaces. A way knows how the command begins, which process is which rank, what may be done to it, what its
launcher says, and what must not be left."""
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from program import SOURCE, environment

HOSTS = SOURCE / "tests/mpi/hosts.sh"
MARK = "HEDDLE_TEST_ROUND"  # in the environment of all processes of a round, however they are started


def hit(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def read(pid, what):
    """A file of zero-terminated words of a process; none of them when it is gone."""
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes().split(b"\0")
    except OSError:
        return []


def dead(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return bool(condition())


class Local:
    """The command starts its ranks itself."""

    name, deadline, life_limit = "local", 1.5, 60
    shapes = [["--tp", "2"], ["--tp", "4"], ["--pp", "2"], ["--tp", "2", "--pp", "2"]]
    length = 1.0  # of a text, to what a run of a second or so writes on this way
    threads, tries = [1, 2], 2  # runs that tell how long one lives
    # What a wait may take: the meeting has twice the deadline (other ranks 2.5 times), then 5 s in which a frozen worker may end.
    longest = 2.5 * deadline + 5 + 6
    ends_frozen = 0  # seconds in which a launcher ends a frozen rank that was left behind
    NAMELESS = DIED = "\n"  # in a sentence that names nobody, as nobody can know; in a launcher's that tells of a nameless death

    def command(self, arguments, ranks):
        return arguments

    def rank_of(self, pid, environ):
        """A process that was forked and is not yet a worker counts as rank 0's."""
        words = read(pid, "cmdline")
        return int(words[words.index(b"--rank") + 1]) if b"--rank" in words else 0

    def left(self, run):
        """What is left of it on this machine: the program names nothing in /dev/shm."""
        return sorted(name for name in os.listdir("/dev/shm") if name.startswith(("heddle", "hd")) and name not in run.shm)

    def speaker(self, rank):
        return f"heddle worker {rank}" if rank else "heddle run"

    def sentences(self, text, numbers):
        """The lines that ranks said, and those in which a launcher names a rank. numbers: of the ranks by process."""
        return text.splitlines(), []


class Mpirun:
    """mpirun on this machine. It ends the others when a rank is gone, often before they can say anything: then it is its own
    sentence that names the rank, and that is what a user gets to read."""

    name, deadline, life_limit = "mpi", 2.5, 60
    shapes = Local.shapes
    length = 2.0
    threads, tries = [1], 1
    # A rank that ends waits for its messages to leave and, 3 deadlines, for the others' good-byes; then mpirun ends the frozen
    # ones, and what is left after 10 s is noted.
    longest = 4 * deadline + 15
    ends_frozen = 6
    NAMELESS = "in MPI_Init for the other ranks"  # MPI says who has come when all have
    DIED = "terminated normally, but 1 process returned"  # now and then mpirun ends the others and says no more than this
    SAYS = re.compile(r"mpirun noticed that process rank (\d+) with PID|Process name: \[\[\d+,\d+\],(\d+)\]"
                      r"|reported by process \[\d+,(\d+)\]")
    PROCESS = re.compile(r"^\[[^]:]+:0*(\d+)\]", re.MULTILINE)  # what Open MPI's library says, when memory runs out in MPI_Init

    def command(self, arguments, ranks):
        return ["mpirun", "-n", str(ranks), "--oversubscribe", "--bind-to", "none", *arguments]

    def environment(self, run):
        return {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "TMPDIR": run.folder}

    def rank_of(self, pid, environ):
        rank = next((word for word in environ if word.startswith(b"OMPI_COMM_WORLD_RANK=")), None)
        return int(rank.partition(b"=")[2]) if rank else None

    def left(self, run):
        """Files of Open MPI: its folder, and the shared memory of its ranks, which bears the number of the job."""
        found = [str(path) for path in Path(run.folder).iterdir() if path.name.startswith("ompi.")]
        return found + sorted(name for name in os.listdir("/dev/shm") if run.job is not None and f".{run.job:x}." in name)

    def speaker(self, rank):
        return f"heddle run (rank {rank})" if rank else "heddle run"

    def sentences(self, text, numbers):
        lines = text.splitlines()
        launcher = [f"mpirun: rank {next(n for n in found.groups() if n)}" for found in self.SAYS.finditer(text)]
        processes = [int(found.group(1)) for found in self.PROCESS.finditer(text)]
        launcher += [f"process of rank {numbers[pid]}" for pid in processes if pid in numbers]
        return [line for line in lines if line.startswith("heddle")], launcher


class Hosts(Mpirun):
    """mpirun over `n` hosts, one rank on each: rank r is on host r + 1."""

    life_limit = 90

    def __init__(self, n):
        self.n = n
        self.name = f"{n} hosts"
        self.shapes = [["--tp", "2"], ["--pp", "2"]] if n == 2 else [["--tp", "4"], ["--pp", "4"], ["--tp", "2", "--pp", "2"]]
        self.length = 0.6 if n == 2 else 0.25

    def command(self, arguments, ranks):
        return [str(HOSTS), str(self.n), *arguments]

    def environment(self, run):
        return {"TMPDIR": run.folder, "HEDDLE_HOSTS_LEFT": str(Path(run.folder) / "left")}

    def left(self, run):
        """What mpirun had left 10 s after its end (the daemon of a host that was cut off notices when TCP does), and what hosts.sh
        has after it took away that and itself."""
        file = Path(run.folder) / "left"
        found = file.read_text().splitlines() if file.is_file() else []
        names = subprocess.run(["ip", "netns"], capture_output=True, text=True).stdout.split()
        found += [f"namespace {name}" for name in names if name.startswith(run.prefix)]
        return found + sorted(name for name in os.listdir("/dev/shm") if run.prefix in name)


class Run:
    """A command under way."""

    def __init__(self, way, arguments, ranks, deadline=None, victim=None):
        self.way, self.victim, self.job, self.numbers = way, victim, None, {}
        self.mark = f"{MARK}={os.getpid()}.{time.monotonic_ns()}"
        self.shm = set(os.listdir("/dev/shm"))
        self.holder = tempfile.TemporaryDirectory(prefix="hd")
        self.folder = self.holder.name
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        changes = dict([self.mark.split("=")])
        if deadline:
            changes["HEDDLE_TIMEOUT_MS"] = str(int(deadline * 1000))
        if way.name != "local":
            changes.update(way.environment(self))
        self.began = time.monotonic()
        self.process = subprocess.Popen(way.command(arguments, ranks), stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err,
                                        start_new_session=True, env=environment(**changes))
        self.prefix = f"hd{self.process.pid}-"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.over() and isinstance(self.way, Hosts):  # it takes its hosts away
            hit(self.process.pid, signal.SIGTERM)
            wait_until(self.over, 10)
        for pid in self.alive():
            hit(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        for name in self.way.left(self):
            if name.startswith("vader_segment"):
                os.unlink(f"/dev/shm/{name}")
        self.out.close(), self.err.close()
        self.holder.cleanup()

    def over(self):
        return self.process.poll() is not None

    def alive(self):
        """Its processes: {pid: rank}, None for those that are no rank."""
        found, mark = {}, self.mark.encode()
        for entry in os.listdir("/proc"):
            environ = read(entry, "environ") if entry.isdigit() else []
            if mark in environ and not dead(entry):
                found[int(entry)] = self.way.rank_of(entry, environ)
                if found[int(entry)] is not None:
                    self.numbers[int(entry)] = found[int(entry)]
                job = next((word for word in environ if word.startswith(b"PMIX_NAMESPACE=")), None)
                self.job = int(job.partition(b"=")[2]) if job else self.job
        return found

    def those(self, rank):
        return [pid for pid, r in self.alive().items() if r == rank]

    def launchers(self):
        return [pid for pid in self.alive() if read(pid, "cmdline")[:1] in ([b"mpirun"], [b"/usr/bin/mpirun"])]

    def on_switch(self, *command):
        """At the host that the others' cables end at."""
        subprocess.run(["ip", "netns", "exec", f"{self.prefix}hub", *command], capture_output=True)

    def said(self):
        self.out.seek(0), self.err.seek(0)
        return self.out.read(), self.err.read().decode(errors="replace")
