# SPDX-License-Identifier: Apache-2.0
"""`heddle run`: what goes to standard output, where the prompt comes from, and what the options change."""
import json
import os
import pty
import subprocess
import tempfile
import unittest
from pathlib import Path

from program import BRIEF, BUNDLED, MODEL, PROGRAM, STORIES, WITHOUT_MODEL, Case, environment, main, run

PROMPT = "Once upon a time"


@unittest.skipUnless(MODEL, WITHOUT_MODEL)
class Output(Case):
    def greedy(self, *more, stdin=b"", tokens=24):
        return run("run", "-m", MODEL, "-n", tokens, "--temp", 0, "--no-stats", *more, stdin=stdin)

    def test_prompt_and_continuation_and_nothing_else(self):
        result = self.greedy("-p", PROMPT)
        self.assertEqual(result.returncode, 0, result.stderr)
        text = result.stdout.decode()
        self.assertTrue(text.startswith(PROMPT))
        self.assertGreater(len(text), len(PROMPT) + 20)
        self.assertNotIn("\033", text)
        described = json.loads(self.greedy("-p", PROMPT, "--json").stdout)
        self.assertEqual(text, described["prompt"] + described["text"])
        self.assertEqual(len(described["tokens"]), 24)
        self.assertEqual(described["finish"], "length")

    def test_where_the_prompt_comes_from(self):
        expected = self.greedy("-p", PROMPT).stdout
        self.assertEqual(self.greedy(stdin=PROMPT.encode()).stdout, expected)
        self.assertEqual(self.greedy(stdin=PROMPT.encode() + b"\n").stdout, expected)
        self.assertEqual(self.greedy("-f", "-", stdin=PROMPT.encode()).stdout, expected)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "prompt.txt"
            path.write_text(PROMPT + "\n")
            self.assertEqual(self.greedy("-f", path).stdout, expected)

    def test_bytes_of_the_prompt_are_kept(self):
        prompt = "Zoë said: 'héllo' 日本 \U0001f98a\ttab".encode()
        self.assertTrue(self.greedy(stdin=prompt).stdout.startswith(prompt))
        broken = b"broken \xff\xc3 bytes"
        result = self.greedy(stdin=broken)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(result.stdout.startswith(broken))

    def test_the_same_text_whatever_executes_it(self):
        expected = self.greedy("-p", PROMPT).stdout
        for more in [["-t", 1], ["-t", 2], ["-t", 4], ["--executor", "serial"], ["--executor", "stream"], ["--batch", 1], ["--ctx", 64]]:
            with self.subTest(more=more):
                self.assertEqual(self.greedy("-p", PROMPT, *more).stdout, expected)

    def test_devices_and_executors_that_are_not_there(self):
        arguments = ["run", "-m", MODEL, "-p", PROMPT, "-n", 2]
        self.failed_with(run(*arguments, "--device", "abacus"), 3, "abacus")
        self.failed_with(run(*arguments, "--device", "cpu:7"), 3, "cpu:7")
        self.failed_with(run(*arguments, "--device", "cuda:63"), 3, "cuda:63")
        self.failed_with(run(*arguments, "--executor", "graph"), 3, "cpu has no graph executor")
        self.failed_with(run(*arguments, "--executor", "abacus"), 2, "abacus", "serial, threads, stream")

    def test_stop_strings_are_not_written(self):
        whole = self.greedy("-p", PROMPT).stdout.decode()
        continuation = whole[len(PROMPT):]
        stop = continuation[9:13]
        cut = self.greedy("-p", PROMPT, "--stop", stop).stdout.decode()
        self.assertEqual(cut, PROMPT + continuation[: continuation.index(stop)])

    def test_seeds(self):
        def sampled(*more):
            return run("run", "-m", MODEL, "-p", PROMPT, "-n", 32, "--temp", 1.5, *more)

        self.assertEqual(sampled("--seed", 3, "-q").stdout, sampled("--seed", 3, "-q").stdout)
        self.assertGreater(len({sampled("--seed", seed, "-q").stdout for seed in range(4)}), 1)
        fresh = sampled()
        seed = fresh.stderr.decode().split("seed ")[1].split()[0]
        self.assertEqual(sampled("--seed", seed).stdout, fresh.stdout)

    def test_logit_bias_forbids(self):
        first = json.loads(self.greedy("-p", PROMPT, "--json", tokens=1).stdout)["tokens"][0]
        other = json.loads(self.greedy("-p", PROMPT, "--json", "--logit-bias", f"{first}=-inf", tokens=1).stdout)["tokens"][0]
        self.assertNotEqual(first, other)
        forced = json.loads(self.greedy("-p", PROMPT, "--json", "--logit-bias", f"{other}=1000", tokens=4).stdout)["tokens"]
        self.assertEqual(forced, [other] * 4)
        self.failed_with(self.greedy("-p", PROMPT, "--logit-bias", "seven=1"), 2, "seven=1")
        self.assertNotEqual(self.greedy("-p", PROMPT, "--logit-bias", "99999999=1").returncode, 0)

    def test_log_probabilities(self):
        result = self.greedy("-p", PROMPT, "--logprobs", 3, tokens=5)
        lines = result.stderr.decode().splitlines()
        self.assertEqual(len(lines), 5)
        for line in lines:
            chosen, *alternatives = line.split(" | ")
            self.assertEqual(len(alternatives), 3)
            self.assertEqual(chosen.split()[:2], alternatives[0].split()[:2], "greedy chooses the best one")
            self.assertLessEqual(float(chosen.split()[1]), 0)
        self.assertEqual(result.stdout, self.greedy("-p", PROMPT, tokens=5).stdout)

    def test_the_closing_line(self):
        arguments = ["run", "-m", MODEL, "-p", PROMPT, "-n", 24, "--temp", 0]
        line = run(*arguments).stderr.decode()
        self.assertRegex(line, r"^prefill \d+ tokens, [\d.]+ tokens/s \| decode \d+ tokens, [\d.]+ tokens/s \| [\d.]+ GB/s, \d+ % of ")
        self.assertEqual(line.count("\n"), 1)
        for quiet in ["--quiet", "--no-stats"]:
            self.assertEqual(run(*arguments, quiet).stderr, b"")

    def test_limits(self):
        self.failed_with(self.greedy("-p", PROMPT, tokens=0), 2, "at least 1")
        self.failed_with(self.greedy("-p", "story " * 200, "--ctx", 16), 5)
        cut = json.loads(self.greedy("-p", PROMPT, "--ctx", 16, "--json", "--ignore-eos", tokens=-1).stdout)
        self.assertEqual(cut["finish"], "length")
        self.assertLess(len(cut["tokens"]), 16)

    def test_weight_types(self):
        for weights in ["f32", "bf16", "f16"]:
            result = self.greedy("-p", PROMPT, "--weights", weights)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertTrue(result.stdout.decode().startswith(PROMPT))
        self.failed_with(self.greedy("-p", PROMPT, "--weights", "q3"), 2, "q3", "q4", "bf16")
        self.failed_with(self.greedy("-p", PROMPT, "--kv-type", "q8_0"), 2, "q8_0", "bf16")

    def test_the_model_of_the_environment(self):
        named = run("run", "-p", PROMPT, "-n", 8, "--temp", 0, HEDDLE_MODEL=str(MODEL))
        self.assertEqual(named.stdout, self.greedy("-p", PROMPT, tokens=8).stdout)

    def test_on_a_terminal(self):
        """Colours and the final new line are for people: there when standard output is a terminal, and NO_COLOR is respected."""
        for no_colour in [None, "1"]:
            leader, follower = pty.openpty()
            arguments = [PROGRAM, "run", "-m", str(MODEL), "-p", PROMPT, "-n", "4", "--temp", "0", "-q"]
            env = environment(TERM="xterm", NO_COLOR=no_colour)
            process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=follower, stderr=subprocess.PIPE, env=env)
            os.close(follower)
            seen = b""
            try:
                while chunk := os.read(leader, 4096):
                    seen += chunk
            except OSError:  # the other side is closed
                pass
            self.assertEqual((process.wait(timeout=60), process.stderr.read()), (0, b""))
            process.stderr.close()
            os.close(leader)
            self.assertEqual(b"\033[" in seen, no_colour is None)
            self.assertTrue(seen.endswith(b"\n"))


@unittest.skipUnless((BUNDLED / "config.json").is_file(), "the bundled model is not there")
class Bundled(Case):
    def test_it_is_found_without_being_named(self):
        named = run("run", "-m", BUNDLED, "-p", PROMPT, "-n", 40, "--temp", 0)
        self.assertEqual(named.returncode, 0, named.stderr)
        self.assertEqual(run("run", "-p", PROMPT, "-n", 40, "--temp", 0).stdout, named.stdout)

    def test_quantised(self):
        for weights in ["q8", "q4"]:
            result = run("run", "-p", PROMPT, "-n", 40, "--temp", 0, "--weights", weights)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertGreater(len(result.stdout), len(PROMPT) + 40)


@unittest.skipUnless((STORIES / "greedy.jsonl").is_file(), "../shared/models/stories260k is not there")
class Stories(Case):
    """The greedy continuations that an independent engine wrote, to the last byte. Each of its positions gives one token."""

    def test_every_line(self):
        for line in (STORIES / "greedy.jsonl").read_text().splitlines():
            expected = json.loads(line)
            prompt = run("tokenize", "-m", STORIES, stdin=expected["prompt"].encode()).stdout.split()
            for threads in [2] if BRIEF else [1, 2, 4]:
                with self.subTest(prompt=expected["prompt"], threads=threads):
                    result = run("run", "-m", STORIES, "-p", expected["prompt"], "-n", expected["n_positions"] + 1 - len(prompt),
                                 "--temp", 0, "-t", threads, "--no-stats")
                    self.assertEqual(result.stdout.decode(), expected["text"])


if __name__ == "__main__":
    main()
