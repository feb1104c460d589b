# SPDX-License-Identifier: Apache-2.0
"""bench/gpu_table.py on made-up logs: every figure worked out by hand, bars met and missed, logs that are missing or broken."""
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(os.environ["HEDDLE_SOURCE_DIR"], "bench/gpu_table.py")
COPY, PRODUCT = 4e12, 700e12
FLOPS = {"r1-1.5b": 2.6e9, "llama2-7b": 13e9}


def setting(sequences, prompt, prefill, decode, read):
    return {"device": "cuda:0", "executor": "graph", "threads": 1, "sequences": sequences, "prompt": prompt,
            "prefill_tokens_per_second": [prefill * f for f in (0.5, 1, 1.1)],
            "decode_tokens_per_second": [decode * f for f in (1.2, 1, 0.7)],
            "decode_bytes_per_second": [read * f for f in (1.2, 1, 0.7)],
            "limit_bytes_per_second": [COPY * 1.05] * 3, "share": [read / COPY / 1.05] * 3}


class GpuTable(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = Path(folder.name)
        self.write("rates", {"device": "A made-up card", "copy_bytes_per_second": COPY, "product_flops_per_second": PRODUCT})
        for model, flops in FLOPS.items():
            self.write(f"torch-{model}", {"settings": [{"batch": 1, "tokens_per_second": 100, "prefill_tokens_per_second": 20000}]})
            for weights, share in [("as-is", 0.9), ("q8", 0.8), ("q4", 0.76)]:
                settings = [setting(1, 128, 9000, 250, share * COPY)]
                if weights == "as-is":
                    settings += [setting(1, 4096, 0.75 * PRODUCT / flops, 240, 0.9 * COPY), setting(64, 128, 9000, 250 * 41, 2e12)]
                self.write(f"heddle-{model}-{weights}", {"prompt_flops_per_token": flops, "settings": settings})

    def write(self, name, value):
        self.out.joinpath(name + ".log").write_text("a note\n" + json.dumps(value) + "\nheddle: another { note\n")

    def test_the_faster_executor_counts(self):
        walked = setting(1, 128, 9000, 275, 3.8e12) | {"executor": "persistent"}
        self.write("heddle-llama2-7b-as-is-persistent", {"prompt_flops_per_token": FLOPS["llama2-7b"], "settings": [walked]})
        text = self.table(1)
        self.assertEqual(self.row(text, "llama2-7b", "as-is", "persistent", "1", "128")[0][5:], ["275.0", "3,800", "90 %", "95 %", "2.75"])
        self.assertEqual(self.row(text, "llama2-7b as-is: decode, share of the copy rate")[0][1:], ["95 %", "88 %", "met"])
        self.assertEqual(self.row(text, "llama2-7b as-is: 64 sequences, times one")[0][1:], ["37.3", "40.0", "MISSED"])

    def change(self, name, edit):
        value = json.loads(self.out.joinpath(name + ".log").read_text().splitlines()[1])
        edit(value)
        self.write(name, value)

    def table(self, code):
        result = subprocess.run([sys.executable, str(SCRIPT), str(self.out)], capture_output=True, text=True, timeout=60)
        self.assertEqual(result.stderr, "")
        self.assertEqual(result.returncode, code, result.stdout)
        return result.stdout

    def row(self, text, *cells):
        rows = [[c.strip() for c in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
        found = [r for r in rows if r[: len(cells)] == list(cells)]
        self.assertTrue(found, f"{cells} in\n{text}")
        return found

    def test_all_bars_met(self):
        text = self.table(0)
        self.assertIn("A made-up card: copies 4,000 GB/s", text)
        self.assertIn("products 700 TFLOP/s", text)
        decode = self.row(text, "llama2-7b", "as-is", "graph", "1", "128")
        self.assertEqual(decode[0][5:], ["250.0", "3,600", "86 %", "90 %", "2.50"])
        self.assertEqual(self.row(text, "llama2-7b", "as-is", "1", "128")[0][4:], ["9,000", "117", "17 %", "-"])
        long = self.row(text, "llama2-7b", "as-is", "1", "4096")
        self.assertEqual(long[0][4:], ["40,385", "525", "75 %", "2.02"])
        self.assertEqual(self.row(text, "r1-1.5b", "as-is", "graph", "64", "128")[0][5:], ["10,250.0", "2,000", "48 %", "50 %", "-"])
        self.assertEqual(self.row(text, "llama2-7b as-is: 64 sequences, times one")[0][1:], ["41.0", "40.0", "met"])
        self.assertIn("11 bars met, 0 missed, 0 not measured", text)

    def test_missed_bars(self):
        def slow(value):
            value["settings"][0]["decode_bytes_per_second"] = [0.87 * COPY] * 3

        self.change("heddle-llama2-7b-as-is", slow)
        text = self.table(1)
        self.assertEqual(self.row(text, "llama2-7b as-is: decode, share of the copy rate")[0][1:], ["87 %", "88 %", "MISSED"])
        self.change("heddle-r1-1.5b-as-is", slow)  # 78 % are enough there
        self.assertIn("10 bars met, 1 missed, 0 not measured", self.table(1))

    def test_missing_and_broken_logs_are_named(self):
        self.out.joinpath("torch-r1-1.5b.log").unlink()
        self.out.joinpath("heddle-llama2-7b-q8.log").write_text("out of memory\n")
        text = self.table(1)
        self.assertIn("Missing: torch-r1-1.5b.log is missing", text)
        self.assertIn("Missing: heddle-llama2-7b-q8.log holds no result", text)
        self.assertEqual(self.row(text, "llama2-7b q8: decode, share of the copy rate")[0][1:], ["?", "75 %", "?"])
        self.assertEqual(self.row(text, "r1-1.5b as-is: decode, times PyTorch compiled")[0][1:], ["?", "2.0", "?"])
        self.assertIn("9 bars met, 0 missed, 2 not measured", text)

    def test_nothing_at_all(self):
        for path in self.out.iterdir():
            path.unlink()
        text = self.table(1)
        self.assertIn("rates.log is missing", text)
        self.assertIn("0 bars met, 0 missed, 11 not measured", text)

    def test_several_logs_and_settings_left_out(self):
        def split(value):
            del value["settings"][2]
            value["settings"][1]["left_out"] = "a KV cache too large"

        self.change("heddle-llama2-7b-as-is", split)
        self.write("heddle-llama2-7b-as-is-64", {"prompt_flops_per_token": FLOPS["llama2-7b"],
                                                 "settings": [setting(64, 128, 9000, 250 * 39, 2e12)]})
        text = self.table(1)
        self.assertIn("Missing: heddle-llama2-7b-as-is.log: 1 sequences, prompt 4096: a KV cache too large", text)
        self.assertEqual(self.row(text, "llama2-7b as-is: 64 sequences, times one")[0][1:], ["39.0", "40.0", "MISSED"])
        self.assertIn("9 bars met, 1 missed, 1 not measured", text)

    def test_wrong_folder(self):
        result = subprocess.run([sys.executable, str(SCRIPT), str(self.out / "no")], capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 2)
        self.assertIn("is no folder", result.stderr)


if __name__ == "__main__":
    unittest.main()
