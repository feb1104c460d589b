# SPDX-License-Identifier: Apache-2.0
"""The words of a program file: types, strings, numbers, names (docs/program_file.md)."""
from __future__ import annotations

import re
from collections.abc import Iterable

import torch

DTYPES = {
    torch.bool: "bool", torch.int8: "i8", torch.int16: "i16", torch.int32: "i32", torch.int64: "i64",
    torch.uint8: "u8", torch.uint16: "u16", torch.uint32: "u32", torch.uint64: "u64",
    torch.float16: "f16", torch.bfloat16: "bf16", torch.float32: "f32", torch.float64: "f64",
    torch.float8_e4m3fn: "f8_e4m3", torch.float8_e5m2: "f8_e5m2",
}  # fmt: skip
MAX_DIMS = 8

RESERVED = {"true", "false", "none", "inf", "nan", "min", "max", *DTYPES.values()}

ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def quote(text: str) -> str:
    return '"' + "".join(ESCAPES.get(c) or (f"\\u{ord(c):04x}" if ord(c) < 32 or ord(c) == 127 else c) for c in text) + '"'


def number(value: int | float) -> str:
    """An integer, or a float that reads back as the same one and cannot be taken for an integer."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return text if isinstance(value, int) or re.search(r"[.en]", text) else text + ".0"


def identifier(text: str, extra: str = "") -> str:
    """`text` with an underscore for each character that a name may not have; `extra` are further ones that it may."""
    return re.sub(rf"[^A-Za-z0-9_{re.escape(extra)}]", "_", text)


class Names:
    """Names that are not used twice; the second who asks for `add` gets add_1. `reserved` are never given out."""

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._taken = set(reserved)
        self._last: dict[str, int] = {}

    def unique(self, name: str) -> str:
        chosen, n = name, self._last.get(name, 0)
        while chosen in self._taken:
            n += 1
            chosen = f"{name}_{n}"
        self._last[name] = n
        self._taken.add(chosen)
        return chosen
