# SPDX-License-Identifier: Apache-2.0
"""A language model of transformers together with its key-value cache, so that the cache is part of what is exported."""
from __future__ import annotations

from typing import Any

import torch


class WithStaticCache(torch.nn.Module):
    """`model` over a cache of `length` positions for `batch` sequences, in the model's type: forward(input_ids, cache_position) writes the
    tokens' keys and values at the positions (i64[n]) and returns the logits. The cache begins empty, as zeros; its buffers are
    `cache.0.keys`, `cache.0.values`, ... when exported. The model is borrowed."""

    def __init__(self, model: Any, batch: int, length: int) -> None:
        super().__init__()
        from transformers.cache_utils import Cache, StaticLayer

        self.model = model
        config = model.config.get_text_config(decoder=True)
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        # Every layer keeps all positions: a sliding window is then a mask, and needs no count of tokens that a capture would fix.
        self._cache: Any = Cache(layers=[StaticLayer(max_cache_len=length) for _ in range(config.num_hidden_layers)])
        self._cache.early_initialization(batch, heads, size, model.dtype, model.device)
        self.cache = torch.nn.ModuleList(torch.nn.Module() for _ in self._cache.layers)
        for buffers, layer in zip(self.cache, self._cache.layers):
            buffers.register_buffer("keys", layer.keys, persistent=False)
            buffers.register_buffer("values", layer.values, persistent=False)
        self.eval()

    def forward(self, input_ids: torch.Tensor, cache_position: torch.Tensor) -> torch.Tensor:
        # Buffers are what a capture, or a move to another device, replaces.
        for buffers, layer in zip(self.cache, self._cache.layers):
            layer.keys, layer.values = buffers.get_buffer("keys"), buffers.get_buffer("values")
        return self.model(input_ids=input_ids, cache_position=cache_position, past_key_values=self._cache, use_cache=True).logits
