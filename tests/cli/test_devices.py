# SPDX-License-Identifier: Apache-2.0
"""heddle devices, and what is said where a back end is missing, broken or of another version."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from program import MODEL, Case, main, run

BACKENDS = os.environ.get("HEDDLE_TEST_BACKENDS")  # a folder a kind of bad library


class Devices(Case):
    def listed(self, *arguments, **env):
        result = run("devices", "--json", *arguments, **env)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return json.loads(result.stdout)

    def test_the_cpu_is_always_there(self):
        found = self.listed()
        cpu = found["devices"][0]
        self.assertEqual(cpu["name"], "cpu")
        self.assertGreater(cpu["units"], 0)
        self.assertGreater(cpu["memory_bytes"], 1 << 20)
        self.assertGreater(cpu["read_bytes_per_second"], 1e7)
        for device in found["devices"][1:]:
            for rate in ["copy_bytes_per_second", "from_host_bytes_per_second", "to_host_bytes_per_second"]:
                self.assertGreater(device[rate], 1e6, device)

    def test_every_kind_is_there_or_has_a_reason(self):
        found = self.listed("--quick")
        there = {device["name"].split(":")[0] for device in found["devices"]}
        self.assertEqual(there | set(found["absent"]), {"cpu", "cuda", "maca", "host"})
        self.assertEqual(there & set(found["absent"]), set())
        for reason in found["absent"].values():
            self.assertGreater(len(reason.split()), 4, reason)
        for device in found["devices"]:
            self.assertNotIn("copy_bytes_per_second", device)
            self.assertNotIn("read_bytes_per_second", device)

    def test_lines(self):
        result = run("devices", "--quick")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        lines = result.stdout.decode().splitlines()
        self.assertTrue(lines[0].startswith("cpu "), lines)
        for kind, reason in self.listed("--quick")["absent"].items():
            self.assertEqual(any(line.split() == [kind, "none:", *reason.split()] for line in lines), kind != "host")

    def test_wrong_command_lines(self):
        self.failed_with(run("devices", "cuda"), 2, "cuda")
        self.failed_with(run("devices", "--jsno"), 2, "did you mean --json?")


class BadBackEnds(Case):
    def reason(self, folder):
        """Why there is no CUDA device when `folder` comes first; the list must stand all the same."""
        result = run("devices", "--quick", "--json", HD_BACKEND_PATH=str(folder))
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        found = json.loads(result.stdout)
        self.assertEqual(found["devices"][0]["name"], "cpu")
        reason = found["absent"]["cuda"]
        if MODEL:  # and the same in a sentence where the device is asked for
            self.failed_with(run("run", "-m", MODEL, "-p", "x", "--device", "cuda", HD_BACKEND_PATH=str(folder)), 3, "cuda", reason)
        return reason

    def test_no_library_at_all(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "libheddle-cuda.so").write_text("this is no library, whatever its name says\n" * 99)
            self.assertIn("cannot be loaded", self.reason(folder))
            (Path(folder) / "libheddle-cuda.so").write_bytes(b"")
            self.assertIn("cannot be loaded", self.reason(folder))

    def absent(self, folder):
        return json.loads(run("devices", "--quick", "--json", HD_BACKEND_PATH=str(folder)).stdout)["absent"]

    def test_foreign_library(self):
        self.assertIn("no back end of heddle", self.reason(Path(BACKENDS) / "foreign"))

    def test_library_of_another_version(self):
        self.assertIn("of another version", self.reason(Path(BACKENDS) / "stale"))

    def test_odd_paths(self):
        usual = self.absent("")
        for path in [":", ":::/:", "/no/such/folder", "x" * 9000, "/" * 300 + ":" + "y" * 5000 + ":"]:
            self.assertEqual(self.absent(path), usual)

    def test_a_program_alone_says_how_to_build(self):
        """Moved away from its libraries, and from those of any installation."""
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "heddle"
            shutil.copy(os.environ["HEDDLE_PROGRAM"], program)
            # Its run path still names the build's folder; one that is not there is what an installed program sees.
            data = program.read_bytes()
            place = str(Path(os.environ["HEDDLE_PROGRAM"]).resolve().parent.parent / "lib").encode()
            program.write_bytes(data.replace(place, b"/" + b"-" * (len(place) - 1)))
            result = subprocess.run([program, "devices", "--quick", "--json"], capture_output=True, timeout=60)
            self.assertEqual(result.returncode, 0, result.stderr)
            absent = json.loads(result.stdout)["absent"]
            if "cuda" in absent and "this heddle was built without" not in absent["cuda"]:
                self.skipTest("an installed back end is on the system's path")
            for kind, word in [("cuda", "nvcc"), ("maca", "mxcc"), ("host", "HEDDLE_GPU_HOST")]:
                self.assertIn("this heddle was built without", absent[kind])
                self.assertIn(word, absent[kind])


if __name__ == "__main__":
    main()
