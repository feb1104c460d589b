#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that GPU code stays in the words that all vendors share (src/kernels/gpu/vendor.h).

A vendor's own names, PTX and the raw words of a warp may stand in the headers that define the shared words, and between
#if and #endif of a condition that asks for that vendor (HDI_GPU_CUDA, HDI_GPU_MACA, HDI_GPU_HOST) or for what only it has
(GPU_PTX, GPU_HAS_MMA, GPU_HAS_WGMMA). Anywhere else they would compile on the machine at hand and nowhere else.
"""
import re
import sys
from pathlib import Path

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
# The headers that make the shared words out of a vendor's.
WORDS = ["vendor_cuda.h", "vendor_maca.h", "vendor_host.h", "vendor_host_api.h", "device_host.h", "device_nvcc.h", "device_plain.h", "mma_host.h"]
WORDS += ["wgmma_ptx.h", "wgmma_host.h", "facts.h", "words.h", "blas.cu"]
GUARD = re.compile(r"\b(HDI_GPU_CUDA|HDI_GPU_MACA|HDI_GPU_HOST|GPU_PTX|GPU_HAS_MMA|GPU_HAS_WGMMA)\b")
FOREIGN = [
    (re.compile(r"\b(cuda[A-Z_]\w*|cu[A-Z]\w*|cublas\w*|cudnn\w*|nvcuda|CUDA_\w+|CUBLAS\w*|CU_\w+|__nv_\w+|__CUDA\w*)\b"), "NVIDIA's name"),
    (re.compile(r"\b(mc[A-Z]\w*|maca[A-Z_]\w*|MACA_\w+|__MACA\w*|__maca_\w+)\b"), "MetaX's name"),
    (re.compile(r"\bhost[A-Z]\w*"), "the host vendor's name"),
    (re.compile(r"\b(__shfl\w*|__ballot\w*|__any_sync|__all_sync|__syncwarp|__threadfence_system|__nanosleep|__activemask|warpSize|__dp4a|__cvta\w*|__ldg|__ldcs)\b"), "a word that not all vendors have"),
    (re.compile(r"\basm\b"), "PTX"),
]


def without_comments(text):
    """The text with comments and string literals blanked, line for line."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))

    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.DOTALL)


def asks_for_vendor(condition):
    return bool(GUARD.search(condition)) and not re.match(r"\s*!", condition)


def problems_of(path):
    found = []
    stack = []  # of [this branch is a vendor's, the condition names one]
    for number, line in enumerate(without_comments(path.read_text(errors="replace")).splitlines(), 1):
        directive = re.match(r"\s*#\s*(if|ifdef|ifndef|elif|else|endif)\b(.*)", line)
        if directive:
            word, condition = directive.groups()
            if word in ("if", "ifdef"):
                stack.append([asks_for_vendor(condition), bool(GUARD.search(condition))])
            elif word == "ifndef":
                stack.append([False, bool(GUARD.search(condition))])
            elif word == "elif" and stack:
                stack[-1][0] = asks_for_vendor(condition)
            elif word == "else" and stack:
                stack[-1][0] = stack[-1][1] and not stack[-1][0]  # what is left when the other vendors are taken away
            elif word == "endif" and stack:
                stack.pop()
            continue
        if any(branch[0] for branch in stack):
            continue
        for pattern, what in FOREIGN:
            match = pattern.search(line)
            if match:
                found.append(f"{path.relative_to(ROOT)}:{number}: {match.group(0)} is {what}; see src/kernels/gpu/vendor.h")
    return found


def main():
    sources = set((ROOT / "src").rglob("*.cu")) | set((ROOT / "src/device/gpu").glob("*"))
    sources |= set((ROOT / "src/kernels/gpu").glob("*.h"))
    sources |= {p for p in (ROOT / "src/kernels").rglob("*.h") if "kernels/gpu/" in p.read_text(errors="replace")}  # they include its words
    sources = sorted(p for p in sources if p.is_file() and p.name not in WORDS and "gpu/host" not in str(p))
    problems = [text for path in sources for text in problems_of(path)]
    print("\n".join(problems + [f"{len(sources)} files, {len(problems)} problems"]))
    return 1 if problems or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
