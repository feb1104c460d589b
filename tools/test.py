#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every test and sums up: tools/test.py [STAGE...]

A stage is one build (a CMake preset) and the part of its CTest tests that is worth running there; a build that fails
counts as one failed test. The last line is "N passed, N failed" over all stages, and the exit status says the same.
"""
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Stage:
    preset: str
    purpose: str
    tests: str = ""  # regular expression of the CTest names that run; all when empty
    skip: str = ""  # and of those that do not
    env: dict = field(default_factory=dict)


# Each build runs what it is there for: long comparisons of results once, in the optimised one; the sanitizers what handles
# memory, bytes from outside and threads.
LONG = r"unit\.stories|unit\.engine_bits$|unit\.groups_devices$|check\.neon|check\.host|gpu_host\.speed"
STAGES = [
    Stage("release", "everything, optimised"),
    Stage(
        "asan",
        "memory errors and undefined behaviour",
        tests=r"^(unit|fuzz|check|cli|conformance|gpu_host)\.",
        skip=LONG,
        env={
            "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1",
            "UBSAN_OPTIONS": "print_stacktrace=1",
            "HEDDLE_BRIEF_TESTS": "1",
        },
    ),
    Stage(
        "tsan",
        "data races",
        tests=r"^unit\.(bandwidth|comm|comm_failures|engine|engine_devices|engine_parallel|executors|plan|pool|ranks|runtime|stages|collectives|status|tasks|tasks_ranks|tokenizer|weights_upload)$|^conformance\.",
        env={"TSAN_OPTIONS": "halt_on_error=1", "HEDDLE_TEST_DEVICE": "remote", "HEDDLE_BRIEF_TESTS": "1"},
    ),
    Stage("clang", "the other compiler, warnings as errors", tests=r"^(unit|check|gpu_host)\.", skip=LONG),
]


@dataclass
class Result:
    passed: int = 0
    failed: list = field(default_factory=list)
    skipped: list = field(default_factory=list)
    build_seconds: float = 0
    test_seconds: float = 0


def show(line):
    print(line, flush=True)


def run_logged(command, log, env=None):
    """Runs a command, its output into the file `log`; on failure shows the end of it."""
    with open(log, "ab") as out:
        code = subprocess.run(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, env=env).returncode
    if code != 0:
        lines = log.read_text(errors="replace").splitlines()
        errors = [line for line in lines if re.search(r"error|FAILED|undefined reference", line)]
        show("\n".join((errors or lines)[-25:]))
        show(f"  (all of it: {log.relative_to(ROOT)})")
    return code == 0


def build(stage, result, python):
    started = time.monotonic()
    folder = ROOT / "build" / stage.preset
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "build.log"
    log.write_bytes(b"")
    configure = ["cmake", "--preset", stage.preset, "-DHEDDLE_TESTS=ON", f"-DHEDDLE_PYTHON={python}"]
    good = run_logged(configure, log) and run_logged(["cmake", "--build", str(folder)], log)
    result.build_seconds = time.monotonic() - started
    if not good:
        result.failed.append("build")
    return good


def test(stage, result):
    started = time.monotonic()
    folder = ROOT / "build" / stage.preset
    report = folder / "ctest.xml"
    report.unlink(missing_ok=True)
    command = ["ctest", "--test-dir", str(folder), "-j", str(os.cpu_count() or 1), "--output-on-failure", "--no-tests=error", "--output-junit", str(report)]
    if stage.tests:
        command += ["-R", stage.tests]
    if stage.skip:
        command += ["-E", stage.skip]
    ctest = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **stage.env}, stdout=subprocess.PIPE, text=True, errors="replace")
    for line in ctest.stdout:
        if not re.match(r"\s+Start\s+\d+:|Internal ctest|Errors while running", line):
            show(line.rstrip("\n"))
    code = ctest.wait()
    result.test_seconds = time.monotonic() - started
    if report.exists():
        for case in ET.parse(report).getroot().iter("testcase"):
            status = case.get("status")
            if status == "run":
                result.passed += 1
            elif status == "fail" or case.find("failure") is not None:
                result.failed.append(case.get("name"))
            else:
                result.skipped.append(case.get("name"))
    if code != 0 and not result.failed:
        result.failed.append("ctest")


def find_python():
    """The environment that tools/setup.sh made; without it the comparisons with PyTorch are left out, and that is said."""
    found = subprocess.run(["tools/python_env.sh", "--if-there"], cwd=ROOT, capture_output=True, text=True)
    if found.returncode == 0:
        return found.stdout.strip()
    show("the tests' Python environment is not there (tools/python_env.sh makes it): no comparisons with PyTorch")
    return ""


def main(names):
    unknown = [name for name in names if name not in [stage.preset for stage in STAGES]]
    if unknown:
        print(f"tools/test.py: there is no stage {unknown[0]}; stages: {' '.join(s.preset for s in STAGES)}", file=sys.stderr)
        return 2
    stages = [stage for stage in STAGES if not names or stage.preset in names]
    for tool in ["cmake", "ctest", "ninja"]:
        if not shutil.which(tool):
            print(f"tools/test.py: {tool} is missing; tools/setup.sh test installs what is needed", file=sys.stderr)
            return 2
    python = find_python()
    results = {}
    for stage in stages:
        result = results[stage.preset] = Result()
        show(f"\n== {stage.preset}: {stage.purpose}")
        if build(stage, result, python):
            show(f"   built in {result.build_seconds:.0f} s")
            test(stage, result)

    show(f"\n{'stage':10} {'passed':>7} {'failed':>7} {'skipped':>8} {'build':>8} {'tests':>8}")
    for name, r in results.items():
        show(f"{name:10} {r.passed:7} {len(r.failed):7} {len(r.skipped):8} {r.build_seconds:6.0f} s {r.test_seconds:6.0f} s")
    for name, r in results.items():
        for skipped in r.skipped:
            show(f"skipped: {name}: {skipped}")
    for name, r in results.items():
        for failed in r.failed:
            show(f"failed: {name}: {failed}")
    passed = sum(r.passed for r in results.values())
    failed = sum(len(r.failed) for r in results.values())
    show(f"\n{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
