# SPDX-License-Identifier: Apache-2.0
"""The tensors of a program: one name for each memory, and the safetensors file they are written to, one at a time."""
from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping
from typing import BinaryIO

import torch

from .text import DTYPES

SAFETENSORS_TYPES = {dtype: name.upper() for dtype, name in DTYPES.items()}


def identity(tensor: torch.Tensor) -> tuple[object, ...]:
    """Equal for tensors that are the same elements of the same memory."""
    return tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tuple(tensor.shape), tensor.stride(), tensor.dtype


def names_of(model: torch.nn.Module) -> dict[tuple[object, ...], str]:
    """What the model calls each of its tensors: the first name, in the order of its state_dict, of one that has several."""
    names: dict[tuple[object, ...], str] = {}
    for named in (model.named_parameters(remove_duplicate=False), model.named_buffers(remove_duplicate=False)):
        for name, tensor in named:
            if tensor.numel():
                names.setdefault(identity(tensor), name)
    return names


def memory(tensor: torch.Tensor) -> memoryview:
    """The bytes of a contiguous tensor in this machine's memory, borrowed."""
    n = tensor.numel() * tensor.element_size()
    return memoryview((ctypes.c_char * n).from_address(tensor.data_ptr())).cast("B") if n else memoryview(b"")


def dense(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().cpu().contiguous()


def is_zero(tensor: torch.Tensor) -> bool:
    """Whether all bits are 0."""
    return not dense(tensor).reshape(-1).view(torch.uint8).any()


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and memory(dense(a)) == memory(dense(b))


def write_safetensors(file: BinaryIO, tensors: Mapping[str, torch.Tensor]) -> None:
    """Larger element types first, so that all data is aligned, then by name."""
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in order:
        t = tensors[name]
        begin, end = end, end + t.numel() * t.element_size()
        header[name] = {"dtype": SAFETENSORS_TYPES[t.dtype], "shape": list(t.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for name in order:
        t = dense(tensors[name])
        file.write(memory(t))
