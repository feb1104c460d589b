# SPDX-License-Identifier: Apache-2.0
"""8-bit and 4-bit weights against transformers on the dequantised weights: the blocks are computed here, apart from Heddle's code,
by the definitions of GGUF's Q8_0 and Q4_0."""
import numpy as np
import pytest
import torch

import reference as ref


def blocks(w):
    return w.detach().float().numpy().reshape(-1, 32)


def q8(w):
    x = blocks(w)
    d = np.abs(x).max(axis=1, keepdims=True) / np.float32(127)
    inverse = np.divide(np.float32(1), d, out=np.zeros_like(d), where=d != 0)
    scaled = x * inverse
    q = np.trunc(scaled + np.copysign(np.float32(0.5), scaled))  # halves away from zero
    return torch.from_numpy((q * d.astype(np.float16).astype(np.float32)).reshape(w.shape))


def q4(w):
    x = blocks(w)
    largest = np.take_along_axis(x, np.abs(x).argmax(axis=1)[:, None], axis=1)
    d = largest / np.float32(-8)
    inverse = np.divide(np.float32(1), d, out=np.zeros_like(d), where=d != 0)
    q = np.minimum(15, np.trunc(x * inverse + np.float32(8.5)))
    return torch.from_numpy(((q - 8) * d.astype(np.float16).astype(np.float32)).reshape(w.shape))


CASES = ["llama1", "llama2-gqa-tied", "qwen2", "qwen3", "mistral-window"]


@pytest.mark.parametrize("weights,quantise", [("q8", q8), ("q4", q4)])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_quantised_weights(name, weights, quantise, dtype, tmp_path):
    model, prompt = ref.make_model(name, dtype, seed=3)
    folder = ref.save(model, tmp_path / "model")
    model = model.float()
    before = ref.all_logits(model, prompt)
    with torch.no_grad():
        for p in model.parameters():
            if p.dim() == 2:
                p.copy_(quantise(p))
    want = ref.all_logits(model, prompt)
    got, _ = ref.heddle(folder, prompt, tmp_path, weights=weights, kv="f32")
    print(f"{name} {weights}: error {ref.worst(got, want):.2e}; quantisation itself moved the logits by {ref.worst(before, want):.2e}")
    assert ref.worst(before, want) > 1e-3
    assert ref.worst(got, want) < ref.tolerance(weights)


@pytest.mark.parametrize("weights", ["f32", "f16", "bf16", "q8", "q4"])
def test_every_type_gives_the_same_bits_however_it_runs(weights, tmp_path):
    model, prompt = ref.make_model("llama3", seed=5)
    folder = ref.save(model, tmp_path / "model")
    whole, tokens = ref.heddle(folder, prompt, tmp_path, generate=8, weights=weights)
    for settings in (dict(chunk=1), dict(chunk=7), dict(threads=0), dict(threads=1), dict(threads=4)):
        got, again = ref.heddle(folder, prompt, tmp_path, generate=8, weights=weights, **settings)
        assert ref.same(got[:len(prompt)], whole[:len(prompt)], weights), settings
        if ref.ON_CPU:
            assert ref.same(got, whole) and again.tolist() == tokens.tolist()


@pytest.mark.parametrize("weights,rounding", [("bf16", torch.bfloat16), ("f16", torch.float16)])
def test_sixteen_bit_weights(weights, rounding, tmp_path):
    model, prompt = ref.make_model("qwen2", seed=4)
    folder = ref.save(model, tmp_path / "model")
    with torch.no_grad():
        for p in model.parameters():
            if p.dim() == 2:
                p.copy_(p.to(rounding).float())
    got, _ = ref.heddle(folder, prompt, tmp_path, weights=weights, kv="f32")
    assert ref.worst(got, ref.all_logits(model, prompt)) < ref.tolerance(weights)
