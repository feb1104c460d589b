# SPDX-License-Identifier: Apache-2.0
"""What torch.export cannot capture although it is nothing but tensors, said in another way while it captures.

transformers makes attention masks by torch.vmap over functions of four indices, in which torch.export fails. These functions compare and
gather element by element, so indices that broadcast give the same mask.
"""
from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from unittest import mock

import torch

MaskFunction = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def broadcast_indices(mask_function: MaskFunction, bh_indices: bool = True) -> MaskFunction:
    """In place of transformers' _vmap_for_bhqkv: a function of four vectors of indices (or, without bh_indices, of two)."""

    def mask(batch: torch.Tensor, head: torch.Tensor, q: torch.Tensor, kv: torch.Tensor) -> torch.Tensor:
        if not bh_indices:
            return mask_function(batch, head, q[:, None], kv).expand(q.shape[0], kv.shape[0])
        made = mask_function(batch[:, None, None, None], head[:, None, None], q[:, None], kv)
        return made.expand(batch.shape[0], head.shape[0], q.shape[0], kv.shape[0])

    return mask


@contextlib.contextmanager
def masks_without_vmap() -> Iterator[None]:
    """While this lasts, transformers, if it is there, makes its masks so. Not for several threads at once."""
    utils = sys.modules.get("transformers.masking_utils")
    with contextlib.ExitStack() as patches:
        if utils is not None and hasattr(utils, "_vmap_for_bhqkv"):
            patches.enter_context(mock.patch.object(utils, "_vmap_for_bhqkv", broadcast_indices))
        yield
