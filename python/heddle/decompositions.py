# SPDX-License-Identifier: Apache-2.0
"""Which operators a captured graph is broken down into: PyTorch's core ATen, except those that are worth more whole.

A product, an attention or a norm that has become ten small operators would have to be found again; these stay as written.
"""
from __future__ import annotations

from typing import Any

import torch

aten = torch.ops.aten

# What stays whole: packets, with all of their overloads. What is not in PyTorch's table stays without being named here (mm, bmm, addmm,
# convolution, _native_batch_norm_legit_no_training, _softmax, _log_softmax, gelu, embedding, index_put, pools of two dims with indices, ...).
WHOLE = [
    # products
    "linear", "matmul", "baddbmm", "scaled_dot_product_attention",
    # norms
    "layer_norm", "rms_norm", "group_norm",
    # activations
    "silu",
    # pools and changes of resolution
    "max_pool1d", "max_pool2d", "max_pool3d", "adaptive_max_pool1d",
    "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "_upsample_nearest_exact1d", "_upsample_nearest_exact2d",
    "_upsample_nearest_exact3d", "upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d", "upsample_bicubic2d",
    "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa",
    # writes to a part: otherwise a mask and a select over the whole
    "select_scatter", "slice_scatter",
]  # fmt: skip


def table() -> dict[Any, Any]:
    """The decompositions that a graph is run through."""
    decompositions = torch.export.default_decompositions()
    for name in WHOLE:
        packet = getattr(aten, name)
        for overload in packet.overloads():
            decompositions.pop(getattr(packet, overload), None)
    return decompositions
