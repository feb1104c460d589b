# SPDX-License-Identifier: Apache-2.0
"""Heddle for Python: PyTorch models become program files (docs/program_file.md), which the library compiles.

PyTorch is imported when it is needed, not before.
"""
from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import ExportError

if TYPE_CHECKING:
    import torch

__version__ = "0.1.0"
__all__ = ["ExportError", "export"]


def export(
    model: torch.nn.Module,
    args: tuple[Any, ...] | None = None,
    path: str | os.PathLike[str] = "model.hdg",
    *,
    kwargs: Mapping[str, Any] | None = None,
    dynamic_shapes: Any = None,
    methods: Mapping[str, tuple[Any, ...]] | None = None,
) -> None:
    """Writes `model` as a program file at `path`, its parameters and buffers beside it, the ending replaced by `.safetensors`.

    args, kwargs    Example arguments of `model.forward`. Their tensors become the method's inputs, in this order; the sizes that
                    `dynamic_shapes` does not name, and all that is not a tensor, are fixed at these values.
    dynamic_shapes  As `torch.export.export` takes it. Each `torch.export.Dim` needs a `max`; its name is the symbol's, and one name
                    is one symbol in all methods. A dim that may be 0 by its `Dim` begins at 1.
    methods         In place of `args`: {"prefill": (args, kwargs, dynamic_shapes), ...}, the last two optional. Each is a capture of
                    `model.forward`; they share parameters, and the buffers that any of them changes.

    The model is captured as it is: in `eval()` mode, with the weights it has. Both files appear when they are complete. The same
    model gives the same bytes. Raises ExportError with every reason at once, each with the operator and its line; nothing is
    written then.
    """
    from .exporter import capture_and_write

    capture_and_write(model, args, path, kwargs, dynamic_shapes, methods)
