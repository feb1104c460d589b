# SPDX-License-Identifier: Apache-2.0
"""Runs the program under test, and finds a model to run it on: the bundled one, else the one in ../shared."""
import os
import subprocess
import sys
import unittest
from pathlib import Path

PROGRAM = os.environ["HEDDLE_PROGRAM"]
SOURCE = Path(os.environ["HEDDLE_SOURCE_DIR"])
SHARED = SOURCE.parent / "shared"
BUNDLED = SOURCE / "models/heddle-stories"
STORIES = SHARED / "models/stories260k"
MODEL = next((folder for folder in [BUNDLED, STORIES] if (folder / "config.json").is_file()), None)
BRIEF = bool(os.environ.get("HEDDLE_BRIEF_TESTS"))  # a slow build: fewer repetitions of the same
WITHOUT_MODEL = "neither models/heddle-stories nor ../shared/models/stories260k is there"


def environment(**changes):
    """The environment of a plain script: no model chosen, no colours asked for."""
    env = {k: v for k, v in os.environ.items() if k not in ("HEDDLE_MODEL", "NO_COLOR")}
    env.update(changes)
    return {k: v for k, v in env.items() if v is not None}


def run(*arguments, stdin=b"", timeout=120, **env):
    """Runs `heddle ARGUMENTS`; the result has returncode, stdout and stderr (bytes)."""
    return subprocess.run([PROGRAM, *map(str, arguments)], input=stdin, capture_output=True, timeout=timeout, env=environment(**env))


class Case(unittest.TestCase):
    def failed_with(self, result, code, *words):
        """A failure: this exit code, nothing on standard output, one sentence on standard error that has these words."""
        text = result.stderr.decode()
        self.assertEqual(result.returncode, code, text)
        self.assertEqual(result.stdout, b"")
        self.one_sentence(text)
        for word in words:
            self.assertIn(str(word), text)

    def one_sentence(self, text):
        self.assertTrue(text.startswith("heddle"), text)
        self.assertTrue(text.endswith("\n"), text)
        self.assertEqual(text.count("\n"), 1, text)
        self.assertGreater(len(text.split()), 4, text)


def main():
    """unittest.main, but with 77 (CTest: skipped) when every test was skipped."""
    result = unittest.main(exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.testsRun == len(result.skipped) else 0)
