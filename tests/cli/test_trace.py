# SPDX-License-Identifier: Apache-2.0
"""--trace and --trace-svg of `heddle run` and `heddle bench`: well-formed, every rank in them, no row over another one; and files
that cannot be written."""
import json
import os
import tempfile
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

import program
from program import MODEL, WITHOUT_MODEL, Case, run

SVG = "{http://www.w3.org/2000/svg}"
LEFT = 118  # where lanes begin


def lanes(picture):
    """Of each lane its y, and [(x, width, class, tooltip)] of the spans in it."""
    rects = [r for r in picture.iter(SVG + "rect") if "class" in r.attrib]
    found = {int(r.attrib["y"]): [] for r in rects if r.attrib["class"] == "l"}
    for r in rects:
        title = r.find(SVG + "title")
        if title is not None and r.attrib["height"] == "20":
            found[int(r.attrib["y"])].append((float(r.attrib["x"]), float(r.attrib["width"]), r.attrib["class"], title.text))
    return found


@unittest.skipIf(MODEL is None, WITHOUT_MODEL)
class Trace(Case):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.json, self.svg = Path(self.folder.name, "t.json"), Path(self.folder.name, "t.svg")

    def picture(self):
        root = xml.parse(self.svg).getroot()
        self.assertEqual(root.tag, SVG + "svg")
        found = lanes(root)
        width = int(root.attrib["width"])
        self.assertLess(max(found) + 20, int(root.attrib["height"]))
        tops = sorted(found)
        for above, below in zip(tops, tops[1:]):
            self.assertGreaterEqual(below, above + 20)
        for spans in found.values():
            at = LEFT
            for x, w, _, _ in sorted(spans):
                self.assertGreaterEqual(x + 0.001, at)
                at = x + w
            self.assertLessEqual(at, width - 16 + 1)
        return [t.text for t in root.iter(SVG + "text") if t.text], [found[y] for y in tops]

    def test_run_over_two_ranks(self):
        plain = run("run", "-m", MODEL, "-q", "-p", "Once upon", "-n", 6, "--temp", 0, "-t", 1)
        result = run("run", "-m", MODEL, "-q", "-p", "Once upon", "-n", 6, "--temp", 0, "-t", 1, "--tp", 2, "--trace", self.json,
                     "--trace-svg", self.svg)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(result.stdout, plain.stdout)
        self.assertEqual(sorted(os.listdir(self.folder.name)), ["t.json", "t.svg"])
        texts, found = self.picture()
        self.assertEqual(len([t for t in texts if t.startswith("rank 0: cpu")]), 1)
        self.assertEqual([t for t in texts if t.startswith("rank 1")], ["rank 1: cpu"])
        self.assertEqual([t for t in texts if t in ("engine", "worker 0")][:3], ["engine", "worker 0", "worker 0"])
        self.assertEqual(len(found), 3)
        for spans in found[1:]:
            self.assertTrue(any("linear_" in title for _, _, _, title in spans))
            self.assertTrue(any("GB/s" in title for _, _, _, title in spans))
        events = json.loads(self.json.read_text())["traceEvents"]
        processes = [e["args"]["name"] for e in events if e["name"] == "process_name"]
        self.assertEqual(processes[1:], ["rank 1: cpu"])
        of_rank_1 = {e["pid"] for e in events if e["name"] == "process_name" and e["args"]["name"] == "rank 1: cpu"}
        spans = [e for e in events if e["ph"] == "X"]
        for phase in "prefill", "decode":
            ranks = [e["pid"] in of_rank_1 for e in spans if e["cat"].startswith(phase) and "kernel" in e.get("args", {})]
            self.assertTrue(any(ranks) and not all(ranks))
        self.assertEqual({e["args"]["rank"] for e in spans if e["cat"].endswith("transfer") and e["pid"] in of_rank_1}, {0})

    def test_run_alone(self):
        result = run("run", "-m", MODEL, "-q", "-p", "Once", "-n", 3, "-t", 2, "--json", "--trace-svg", self.svg)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(json.loads(result.stdout)["finish"], "length")
        texts, found = self.picture()
        self.assertEqual(len(found), 3)
        self.assertFalse(any(t.startswith("rank") for t in texts))

    def test_bench(self):
        result = run("bench", "-m", MODEL, "-q", "-r", 1, "-p", "5,7", "-n", 3, "-t", 1, "--tp", 2, "--json", "--trace", self.json,
                     "--trace-svg", self.svg)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        for setting in json.loads(result.stdout)["settings"]:
            products = {r: sum(k["steps"] for k in setting["steps"] if k["rank"] == r and k["kernel"].startswith("linear"))
                        for r in (0, 1)}
            self.assertGreater(products[0], 0)
            self.assertEqual(products[0], products[1])
        _, found = self.picture()
        self.assertEqual(len(found), 3)
        names = [e["args"]["name"] for e in json.loads(self.json.read_text())["traceEvents"] if e["name"] == "process_name"]
        self.assertEqual(names[1:], ["rank 1: cpu"])  # of both settings

    def test_pictures_that_cannot_be_written_stop_a_run(self):
        """Before anything is loaded: the model is not there."""
        for option in "--trace", "--trace-svg":
            for path, word in [("/nowhere/t", "No such file"), (self.folder.name, "Is a directory")]:
                result = run("run", "-m", "/no/model", "-p", "x", option, path)
                self.failed_with(result, 3, path, word)
            self.failed_with(run("run", "-m", MODEL, "-p", "x", option, ""), 2, option)
        self.failed_with(run("run", "-m", MODEL, "-p", "x", "--trace", "same", "--trace-svg", "same"), 2, "two files")
        self.failed_with(run("run", "-m", "/no/model", "-p", "x", "--trace", self.json, "--trace-svg", self.svg), 3, "/no/model")
        self.assertEqual(os.listdir(self.folder.name), [])

    def test_a_full_disk_takes_no_result(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        for option in "--trace", "--trace-svg":
            result = run("run", "-m", MODEL, "-q", "-p", "Once", "-n", 2, "-t", 1, option, "/dev/full")
            self.assertEqual(result.returncode, 3)
            self.assertTrue(result.stdout.startswith(b"Once"))
            self.one_sentence(result.stderr.decode())
            self.assertIn("No space left", result.stderr.decode())
        result = run("bench", "-m", MODEL, "-q", "-r", 1, "-p", 4, "-n", 2, "-t", 1, "--trace-svg", "/dev/full", "--json")
        self.assertEqual(result.returncode, 3)
        self.assertEqual(len(json.loads(result.stdout)["settings"]), 1)


if __name__ == "__main__":
    program.main()
