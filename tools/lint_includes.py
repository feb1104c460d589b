#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the include directions: the tree is the stack.

A folder of src/ includes itself, folders before it in HEDDLE_LAYERS (src/CMakeLists.txt) and public headers. Public headers
include public headers only. The programs (src/cli, src/server), python/ and examples/ see public headers and their own.
"""
import re
import sys
from pathlib import Path

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')
PROGRAMS = ["cli", "server"]


def layers():
    text = (ROOT / "src/CMakeLists.txt").read_text()
    found = re.search(r"set\(HEDDLE_LAYERS ([^)]*)\)", text)
    if not found:
        sys.exit("src/CMakeLists.txt: HEDDLE_LAYERS is not there")
    return found.group(1).split()


def allowed(area, order):
    """The folders whose headers a file of `area` may include; 'heddle' stands for the public headers."""
    if area == "include":
        return ["heddle"]
    if area in PROGRAMS:
        return ["heddle", area]
    if area in order:
        return ["heddle"] + order[: order.index(area) + 1]
    return None


def check(path, area, order, problems):
    may = allowed(area, order)
    if may is None:
        problems.append(f"{path}: the folder src/{area} is not in HEDDLE_LAYERS (src/CMakeLists.txt)")
        return
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        name = match.group(1)
        where = f"{path.relative_to(ROOT)}:{number}"
        folder = name.split("/")[0] if "/" in name else None
        if folder == "check" and path.stem.endswith("_check"):
            continue  # a kernel's check lies beside it and belongs to the check program
        if folder in may or (folder is None and (path.parent / name).is_file()):
            continue
        if folder not in order + PROGRAMS + ["heddle"] and (path.parent / name).is_file():
            continue  # a header beside it, in a sub-folder
        problems.append(f'{where}: {area} must not include "{name}"; it may include {", ".join(may)}')


def main():
    order = layers()
    problems = []
    files = 0
    for path in sorted(p for p in (ROOT / "src").rglob("*") if p.suffix in (".c", ".h", ".cu", ".kernels", ".def")):
        relative = path.relative_to(ROOT / "src").parts
        if len(relative) > 1:
            check(path, relative[0], order, problems)
            files += 1
    for path in sorted((ROOT / "include").rglob("*.h")):
        check(path, "include", order, problems)
        files += 1
    for folder in ["examples", "python"]:
        for path in sorted(p for p in (ROOT / folder).rglob("*") if p.suffix in (".c", ".h")):
            check(path, "include", order, problems)
            files += 1
    print("\n".join(problems + [f"{files} files, {len(problems)} wrong includes"]))
    return 1 if problems or not files else 0


if __name__ == "__main__":
    sys.exit(main())
