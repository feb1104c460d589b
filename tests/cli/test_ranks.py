# SPDX-License-Identifier: Apache-2.0
"""--tp, --pp and `heddle worker`: the same text over any ranks, and one sentence for whatever cannot be."""
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from program import BRIEF, MODEL, PROGRAM, STORIES, WITHOUT_MODEL, Case, environment, main, run

PROMPT = "Once upon a time"
PLAIN = ["-p", PROMPT, "--temp", "0", "--ignore-eos", "--no-stats"]


def workers():
    """Processes `heddle worker` of this program that are there."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
            state = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[0]
            parent = Path(f"/proc/{entry}/environ").read_bytes()
        except OSError:
            continue
        if words[1:2] == [b"worker"] and state not in "ZX" and f"HEDDLE_TEST_OF={os.getpid()}".encode() in parent.split(b"\0"):
            found.append(int(entry))
    return found


class Ranks(Case):
    def setUp(self):
        os.environ["HEDDLE_TEST_OF"] = str(os.getpid())

    def tearDown(self):
        end = time.monotonic() + 5
        while workers() and time.monotonic() < end:
            time.sleep(0.01)
        self.assertEqual(workers(), [], "workers are left over")

    def text(self, *more, model=MODEL, tokens=20):
        result = run("run", "-m", model, "-n", tokens, *PLAIN, *more)
        self.assertEqual((result.returncode, result.stderr), (0, b""), more)
        return result.stdout

    def refused(self, code, words, *more, model=MODEL, **env):
        self.failed_with(run("run", "-m", model, "-n", 4, *PLAIN, *more, timeout=30, **env), code, *words)


@unittest.skipUnless(MODEL, WITHOUT_MODEL)
class Together(Ranks):
    def test_the_same_text_however_it_is_shared(self):
        right = self.text()
        shapes = [["--tp", 2], ["--tp", 4], ["--pp", 2], ["--tp", 2, "--pp", 2], ["--tp", 1, "--pp", 1]]
        for shape in shapes[:2] if BRIEF else shapes:
            for executor in ["serial", "threads", "tasks"]:
                with self.subTest(shape=shape, executor=executor):
                    self.assertEqual(self.text(*shape, "--executor", executor), right)

    def test_types_of_weights(self):
        for weights in ["f32", "bf16", "q8", "q4"]:
            with self.subTest(weights=weights):
                alone = run("run", "-m", MODEL, "-n", 12, *PLAIN, "--weights", weights, "-q").stdout
                shared = run("run", "-m", MODEL, "-n", 12, *PLAIN, "--weights", weights, "-q", "--tp", 2)
                self.assertEqual((shared.returncode, shared.stdout), (0, alone), shared.stderr)

    def test_bench(self):
        result = run("bench", "-m", MODEL, "--tp", 2, "-p", 8, "-n", 4, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(json.loads(result.stdout))

    def test_a_rank_that_dies_with_several_steps_under_way(self):
        """Prompts of many chunks, then decodes of six sequences: stages are always at different steps."""
        for round, stages in enumerate([2, 2, 2, 4, 4, 4]):
            with self.subTest(round=round, stages=stages):
                words = [PROGRAM, "bench", "-m", str(MODEL), "-p", "300", "-n", "150", "--sequences", "6", "-t", "1", "-r", "50", "-q",
                         "--pp", str(stages)]
                process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                           env=environment(HEDDLE_TIMEOUT_MS="2000"))
                end = time.monotonic() + 30
                while len(workers()) < stages - 1 and time.monotonic() < end:
                    time.sleep(0.01)
                time.sleep(0.6 + 0.15 * round)
                victims = {self.rank_of(pid): pid for pid in workers()}
                rank = round % (stages - 1) + 1
                os.kill(victims[rank], signal.SIGKILL)
                began = time.monotonic()
                out, err = process.communicate(timeout=30)
                self.assertNotEqual(process.returncode, 0)
                self.assertLess(time.monotonic() - began, 12)
                self.assertIn(f"rank {rank}".encode(), err)
                self.assertIn(b"was ended by signal 9", err)

    @staticmethod
    def rank_of(pid):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return int(words[words.index(b"--rank") + 1])

    def test_help(self):
        self.assertIn(b"worker", run("help").stdout)
        for arguments in (["worker", "--help"], ["help", "worker"]):
            text = run(*arguments)
            self.assertEqual((text.returncode, text.stderr), (0, b""))
            for option in [b"--name", b"--rank", b"--ranks", b"--tp", b"--pp", b"--model"]:
                self.assertIn(option, text.stdout)

    def test_a_reader_that_goes_away(self):
        with subprocess.Popen([PROGRAM, "run", "-m", MODEL, "-n", "200", *PLAIN, "--tp", "2"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as process:
            process.stdout.read(10)
            process.stdout.close()
            self.assertEqual((process.wait(timeout=60), process.stderr.read()), (0, b""))

    def test_closed_standard_input(self):
        result = subprocess.run(f'"{PROGRAM}" run -m "{MODEL}" -n 4 -p Once --temp 0 --no-stats --tp 2 <&-', shell=True,
                                capture_output=True, timeout=60, env=environment())
        self.assertEqual((result.returncode, result.stderr), (0, b""))


@unittest.skipUnless(MODEL, WITHOUT_MODEL)
class Refused(Ranks):
    """One sentence, from rank 0, however many ranks there are."""

    def test_numbers_of_ranks(self):
        self.refused(3, ["3 tensor-parallel ranks", "1, 2, 4 or 8"], "--tp", 3)
        self.refused(2, ["--tp", "16"], "--tp", 16)
        self.refused(2, ["--tp", "-1"], "--tp", -1)
        self.refused(2, ["--tp", "two"], "--tp", "two")
        self.refused(2, ["--pp", "65"], "--pp", 65)
        self.refused(2, ["256 ranks", "64"], "--tp", 8, "--pp", 32)
        self.refused(3, ["6 pipeline stages"], "--pp", 6)

    def test_other_mistakes(self):
        self.refused(3, ["/nowhere", "no such folder"], "--tp", 2, model="/nowhere")
        self.refused(2, ["--weights", "q7"], "--tp", 2, "--weights", "q7")
        self.refused(3, ["abacus"], "--tp", 2, "--device", "abacus")
        self.refused(2, ["abacus"], "--tp", 2, "--executor", "abacus")
        for wrong in ["soon", "3", "-5", "1e4", "99999999999"]:
            self.refused(1, ["HEDDLE_TIMEOUT_MS", wrong, "10 to"], "--tp", 2, HEDDLE_TIMEOUT_MS=wrong)

    def test_a_context_that_is_too_small(self):
        self.assertEqual(run("run", "-m", MODEL, "-p", "story " * 200, "-n", 4, "--ctx", 16, "--tp", 2).returncode, 5)

    def test_processes_that_mpirun_started(self):
        self.refused(2, ["4 ranks", "2 processes"], "--tp", 4, OMPI_COMM_WORLD_SIZE="2")


@unittest.skipUnless((STORIES / "config.json").is_file(), "../shared/models/stories260k is not there")
class Workers(Ranks):
    """Workers that somebody starts by hand. Ranks that do not fit together are tested where both sides can be made: by
    unit.comm_processes (names, numbers, versions) and unit.model_agree (models)."""

    def with_model(self, folder, **changes):
        config = json.loads((STORIES / "config.json").read_text())
        config.update(changes)
        for path in STORIES.iterdir():
            if path.name != "config.json":
                (Path(folder) / path.name).symlink_to(path)
        (Path(folder) / "config.json").write_text(json.dumps(config))
        return folder

    def test_fewer_heads_than_ranks(self):
        with tempfile.TemporaryDirectory() as folder:
            self.with_model(folder, num_attention_heads=4, num_key_value_heads=2, head_dim=16)
            self.assertEqual(self.text("--tp", 4, model=folder), self.text(model=folder))
            self.refused(3, ["q_proj", "8 tensor-parallel ranks", "fewer ranks"], "--tp", 8, model=folder)

    def worker(self, name, *more, model=STORIES, rank=1, ranks=2, tp=2, **env):
        words = [PROGRAM, "worker", "--name", name, "--rank", rank, "--ranks", ranks, "--tp", tp, "-m", model, *more]
        return subprocess.Popen([str(w) for w in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=environment(**env))

    def ended(self, process, code, *words):
        out, err = process.communicate(timeout=30)
        self.failed_with(subprocess.CompletedProcess([], process.returncode, out, err), code, *words)

    def test_nobody_to_follow(self):
        self.ended(self.worker(f"alone{os.getpid()}", HEDDLE_TIMEOUT_MS="200"), 1, "rank 0 of 2 did not come within 0.4 s")

    def test_arguments(self):
        self.failed_with(run("worker"), 2, "--name", "--rank")
        self.ended(self.worker("a b"), 1, "a b", "no name")
        self.ended(self.worker("name", rank=5), 1, "rank 5 of a domain of 2")
        self.ended(self.worker("name", rank=0), 2, "--rank")
        self.ended(self.worker("name", ranks=100), 2, "--ranks")


if __name__ == "__main__":
    main()
