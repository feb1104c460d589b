# SPDX-License-Identifier: Apache-2.0
"""Every family against transformers in the same precision, with random weights."""
import numpy as np
import pytest
import torch

import reference as ref

TOKENS = 64


@pytest.fixture(scope="module", params=list(ref.CASES))
def case(request, tmp_path_factory):
    """One model with its f32 reference: logits of the prompt, then greedy tokens with theirs."""
    name = request.param
    model, prompt = ref.make_model(name)
    folder = ref.save(model, tmp_path_factory.mktemp(name), shards=len(name) % 2 == 0)
    tokens, steps = ref.greedy(model, prompt, TOKENS)
    return dict(name=name, folder=folder, prompt=prompt, tokens=tokens, prompt_logits=ref.all_logits(model, prompt), steps=steps)


def test_float32_logits_and_greedy_tokens(case, tmp_path):
    n = len(case["prompt"])
    got, tokens = ref.heddle(case["folder"], case["prompt"], tmp_path, generate=TOKENS)
    error = max(ref.worst(got[:n], case["prompt_logits"]), ref.worst(got[n - 1 : -1], case["steps"]))
    print(f"{case['name']}: worst relative error {error:.2e}")
    assert error < ref.tolerance()
    np.testing.assert_array_equal(tokens, case["tokens"])
    assert len(set(tokens.tolist())) > 8, "greedy text that repeats a few tokens would prove little"


def test_chunks_threads_and_executors_give_the_same_bits(case, tmp_path):
    whole, tokens = ref.heddle(case["folder"], case["prompt"], tmp_path, generate=8)
    for settings in (dict(chunk=1), dict(chunk=7), dict(threads=0), dict(threads=1), dict(threads=4, chunk=5)):
        got, again = ref.heddle(case["folder"], case["prompt"], tmp_path, generate=8, **settings)
        assert ref.same(got, whole), settings
        np.testing.assert_array_equal(again, tokens)


@pytest.mark.parametrize("name", list(ref.CASES))
def test_bfloat16_tokens_where_the_reference_is_sure(name, tmp_path):
    """A token is decided when the reference's best two logits differ by more than its own rounding: the largest difference
    between its bf16 logits and those of the same weights computed in f32."""
    model, prompt = ref.make_model(name, torch.bfloat16, seed=7)
    folder = ref.save(model, tmp_path / "model")
    tokens, _ = ref.greedy(model, prompt, TOKENS)
    ids = np.concatenate([prompt, tokens])
    bf16 = ref.all_logits(model, ids)
    exact = ref.all_logits(model.float(), ids)
    ours, _ = ref.heddle(folder, ids, tmp_path)
    rounding = np.abs(bf16 - exact).max(axis=-1)
    best = np.sort(bf16, axis=-1)
    decided = best[:, -1] - best[:, -2] > 2 * rounding
    wrong = decided & (ours.argmax(-1) != bf16.argmax(-1))
    print(f"{name}: {decided.sum()} of {len(ids)} positions decided, {wrong.sum()} differ; "
          f"agreement over all {np.mean(ours.argmax(-1) == bf16.argmax(-1)):.3f}")
    assert decided.mean() > 0.5, "too few decided positions to prove anything"
    assert not wrong.any()
    # The same weights in f32 arithmetic and an f32 cache: nothing but the order of sums differs on the CPU. A GPU may round to bf16
    # what it multiplies, which the reference does everywhere.
    ours, _ = ref.heddle(folder, ids, tmp_path, kv="f32")
    assert ref.worst(ours, exact) < (ref.tolerance() if ref.ON_CPU else ref.worst(bf16, exact))


def test_the_references_notice_what_could_be_forgotten():
    """Leaving out what a case adds must change its logits far beyond the tolerance, or the case proves nothing."""
    for name, key in (("llama3", "rope_scaling"), ("llama-linear", "rope_scaling"), ("llama-dynamic-beyond", "rope_scaling"),
                      ("llama-yarn", "rope_scaling"), ("qwen2-yarn", "rope_scaling"), ("mistral-window", "sliding_window")):
        model, prompt = ref.make_model(name)
        want = ref.all_logits(model, prompt)
        family, changes, _ = ref.CASES[name]
        config_class, model_class = ref.FAMILIES[family]
        without = model_class(config_class(**{**ref.BASE, **changes, key: None}, attn_implementation="eager")).eval()
        without.load_state_dict(model.state_dict())
        assert ref.worst(ref.all_logits(without, prompt), want) > 1e-2, name
