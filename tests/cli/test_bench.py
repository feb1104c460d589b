# SPDX-License-Identifier: Apache-2.0
"""`heddle bench`: the fields of its settings, several sequences at once, tables of steps, traces, and traces that cannot be kept."""
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import program
from program import BRIEF, MODEL, WITHOUT_MODEL, Case, run

FIELDS = {"device", "executor", "threads", "sequences", "prompt", "prefill_tokens_per_second", "decode_tokens_per_second",
          "decode_bytes_per_second", "limit_bytes_per_second", "share"}


@unittest.skipIf(MODEL is None, WITHOUT_MODEL)
class Bench(Case):
    def bench(self, *options):
        result = run("bench", "-m", MODEL, "-q", "-r", 1, *options)
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        self.assertEqual(result.stderr, b"")
        return result.stdout.decode()

    def test_settings(self):
        found = json.loads(self.bench("-p", 5, "-n", 4, "-t", "1,2", "--sequences", "1,3", "--json"))
        self.assertGreater(found["prompt_flops_per_token"], 0)
        settings = found["settings"]
        self.assertEqual([(s["sequences"], s["prompt"], s["threads"]) for s in settings],
                         [(n, p, t) for n in (1, 3) for p in (5,) for t in (1, 2)])
        for s in settings:
            self.assertEqual(set(s), FIELDS)
            self.assertEqual((s["device"], s["executor"]), ("cpu", "threads"))
            for field in FIELDS - {"device", "executor", "threads", "sequences", "prompt"}:
                self.assertEqual(len(s[field]), 1)
                self.assertGreater(s[field][0], 0)
            share = s["decode_bytes_per_second"][0] / s["limit_bytes_per_second"][0]
            self.assertAlmostEqual(s["share"][0] / share, 1, places=4)

    def test_prefill_only(self):
        for s in json.loads(self.bench("-p", 7, "-n", 0, "--sequences", "1,2", "-t", 1, "--json"))["settings"]:
            self.assertGreater(s["prefill_tokens_per_second"][0], 0)
            self.assertEqual(s["decode_tokens_per_second"], [0])

    def test_more_sequences_than_a_step_has_room_for(self):
        out = json.loads(self.bench("-p", 6, "-n", 3, "--sequences", 5, "-t", 1, "--batch", 8, "--json"))
        self.assertGreater(out["settings"][0]["decode_tokens_per_second"][0], 0)

    @unittest.skipIf(BRIEF, "a sanitizer's build needs more addresses than this limit leaves")
    def test_settings_without_room_are_named(self):
        model_context = json.loads((Path(MODEL) / "config.json").read_text())["max_position_embeddings"]
        options = ["-p", model_context - 8, "-n", 2, "-t", 1, "--kv-type", "f32"]
        limited = "ulimit -v 2000000; exec \"$0\" \"$@\""  # kilobytes
        result = subprocess.run(["sh", "-c", limited, program.PROGRAM, *map(str, ["bench", "-m", MODEL, "-q", "-r", 1, *options,
                                 "--sequences", "1,4096", "--json"])], capture_output=True, timeout=120,
                                env=program.environment())
        self.assertEqual(result.returncode, 0, result.stderr.decode())
        measured, left = json.loads(result.stdout)["settings"]
        self.assertGreater(measured["prefill_tokens_per_second"][0], 0)
        self.assertEqual(left["prefill_tokens_per_second"], [])
        self.assertGreater(len(left["left_out"].split()), 4)

    def test_steps(self):
        text = self.bench("-p", 6, "-n", 5, "-t", 2, "--steps")
        for word in ["prefill, 1 sequence, prompt 6, 2 threads", "decode, 1 sequence", "linear_", "attention_", "GFLOP/s"]:
            self.assertIn(word, text)
        setting = json.loads(self.bench("-p", 6, "-n", 5, "-t", 1, "--steps", "--json"))["settings"][0]
        kinds = [k for k in setting["steps"] if k["phase"] == "decode" and k["kernel"]]
        spent = sum(k["seconds"] for k in kinds)
        self.assertGreater(spent, 0)
        self.assertLessEqual(spent, setting["traced_decode_seconds"])
        self.assertGreater(setting["limit_flops_per_second"], 1e8)
        products = [k for k in kinds if k["kernel"].startswith("linear")]
        self.assertEqual(sum(k["steps"] for k in products) % 5, 0)  # as many in each of the five
        self.assertGreater(sum(k["flops"] for k in products), 0.9 * 5 * json.loads(
            self.bench("-p", 6, "-n", 1, "-t", 1, "--json"))["prompt_flops_per_token"])

    def test_trace(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "trace.json")
            self.bench("-p", "4,6", "-n", 3, "-t", 2, "--trace", path)
            trace = json.loads(path.read_text())
            events = [e for e in trace["traceEvents"] if e["ph"] == "X"]
            names = {e["args"]["name"] for e in trace["traceEvents"] if e["name"] == "thread_name"}
            self.assertEqual(names, {"worker 0", "worker 1", "engine"})
            self.assertEqual([e["ts"] for e in events], sorted(e["ts"] for e in events))
            self.assertEqual({e["cat"] for e in events}, {"prefill", "decode"})
            self.assertTrue({"schedule", "fill", "run", "sample", "text"} <= {e["name"] for e in events})
            for event in events:
                self.assertGreaterEqual(event["dur"], 0)
                if "args" in event:
                    self.assertGreater(event["args"]["bytes"], 0)
            self.assertEqual(trace["otherData"]["lost"], 0)
            self.assertEqual(os.listdir(folder), ["trace.json"])

    def test_a_trace_that_cannot_be_written_takes_no_results(self):
        for path, word in [("/nowhere/t.json", "No such file"), ("/dev/full", "No space left")]:
            if path.startswith("/dev") and not os.path.exists(path):
                continue
            result = run("bench", "-m", MODEL, "-q", "-r", 1, "-p", 4, "-n", 2, "-t", 1, "--trace", path, "--json")
            self.assertEqual(result.returncode, 3, result.stderr.decode())
            self.one_sentence(result.stderr.decode())
            self.assertIn(word, result.stderr.decode())
            self.assertEqual(len(json.loads(result.stdout)["settings"]), 1)


if __name__ == "__main__":
    program.main()
