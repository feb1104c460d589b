#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks every source file's head and length.

The first lines name the licence; a file over 600 lines says in its head why it is one ("over 600 lines because ...").
"""
import re
import sys
from pathlib import Path

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
FOLDERS = ["src", "include", "tests", "tools", "cmake", "python", "bench", "examples", ".ci"]
SOURCES = {".c", ".h", ".cu", ".cuh", ".def", ".py", ".sh", ".cmake"}
BAD = ROOT / "tests/lint/bad"  # breaks the rules on purpose
LIMIT = 600
HEAD = 20
REASON = re.compile(r"600 lines\W+(because|since|for|as|so that)\b", re.IGNORECASE)


def problems_of(path):
    lines = path.read_text(errors="replace").splitlines()
    found = []
    if not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:3]):
        found.append("the first lines do not name the licence (SPDX-License-Identifier: Apache-2.0)")
    if len(lines) > LIMIT and not REASON.search(" ".join(lines[:HEAD])):
        found.append(f"{len(lines)} lines: split it, or say in its head why it is over {LIMIT} lines because ...")
    return [f"{path.relative_to(ROOT)}: {text}" for text in found]


def main():
    files = [p for folder in FOLDERS for p in sorted((ROOT / folder).rglob("*")) if p.is_file()]
    files = [p for p in files if p.suffix in SOURCES or p.name == "CMakeLists.txt" or p == ROOT / ".ci/run"]
    files = [p for p in files if BAD not in p.parents]
    problems = [text for path in files for text in problems_of(path)]
    print("\n".join(problems + [f"{len(files)} files, {len(problems)} problems"]))
    return 1 if problems or not files else 0


if __name__ == "__main__":
    sys.exit(main())
