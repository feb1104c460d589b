# SPDX-License-Identifier: Apache-2.0
"""heddle simulate: tables, JSON, plots, and what it refuses."""
import json
import tempfile
import xml.dom.minidom
from pathlib import Path

from program import Case, main, run


class Simulate(Case):
    def rows(self, *arguments):
        result = run("simulate", "--json", *arguments)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return json.loads(result.stdout)["rows"]

    def test_more_ranks_than_there_can_be_plans(self):
        rows = self.rows("--shape", "qwen0.5b", "--tensor", "2", "--pipeline", "4,64", "--layers-a-stage", "1", "--tokens", "1,16")
        self.assertEqual([row["ranks"] for row in rows], [8, 128, 8, 128])
        self.assertEqual([row["layers"] for row in rows], [4, 64, 4, 64])
        for row in rows:
            self.assertGreater(row["seconds"], row["seconds_busiest"])
            self.assertTrue(0 <= row["waiting"] < 1 and 0 < row["kernels"] <= 1)
        self.assertLess(rows[0]["seconds"] * 10, rows[1]["seconds"])
        self.assertLess(rows[0]["seconds"], rows[2]["seconds"])

    def test_faster_machines_are_faster(self):
        slow, = self.rows("--shape", "qwen0.5b", "--memory", "100")
        fast, = self.rows("--shape", "qwen0.5b", "--memory", "1000")
        self.assertLess(fast["seconds"], slow["seconds"])
        near, = self.rows("--all-reduce", "--ranks", "16", "--bytes", "1048576", "--per-machine", "16")
        far, = self.rows("--all-reduce", "--ranks", "16", "--bytes", "1048576", "--per-machine", "2")
        self.assertLess(near["seconds"], far["seconds"])
        self.assertEqual(near["messages"], 16 * 7 + 16 * 1 + 16 * 8)  # two stages, and the ends of runs

    def test_tables_paths_and_plots(self):
        with tempfile.TemporaryDirectory() as folder:
            plot = Path(folder) / "plot.svg"
            result = run("simulate", "--shape", "qwen0.5b", "--tensor", "2", "--path", "--svg", plot)
            self.assertEqual((result.returncode, result.stderr), (0, b""))
            self.assertIn(b"critical path", result.stdout)
            self.assertIn(b"layers.#.mlp.linear", result.stdout)
            self.assertEqual(xml.dom.minidom.parse(str(plot)).documentElement.tagName, "svg")
            self.failed_with(run("simulate", "--shape", "qwen0.5b", "--svg", folder), 1, folder)

    def test_what_is_refused(self):
        self.failed_with(run("simulate", "--shape", "nobody"), 3, "llama70b")
        self.failed_with(run("simulate", "--tensor", "3"), 2, "1, 2, 4 or 8")
        self.failed_with(run("simulate", "--shape", "qwen0.5b", "--model", "x"), 2, "--model and --shape")
        self.failed_with(run("simulate", "--model", "/nowhere"), 3, "/nowhere")
        self.failed_with(run("simulate", "--all-reduce", "--ranks", "22"), 3, "factors")
        self.failed_with(run("simulate", "--shape", "qwen0.5b", "--pipeline", "100"), 3, "100 stages")


if __name__ == "__main__":
    main()
