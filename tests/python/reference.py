# SPDX-License-Identifier: Apache-2.0
"""Reference models: small random checkpoints of every family by transformers, their logits, and Heddle's for the same ids.

Weights are drawn so that a model decides: matrices keep the variance of what passes through them, norms and biases differ from
one and zero, so that a forgotten gain, bias, rotation or mask changes the logits far beyond every tolerance.
"""
import os
import subprocess
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

BUILD = Path(os.environ.get("HEDDLE_BUILD_DIR", Path(__file__).resolve().parents[2] / "build" / "release"))
LOGITS = BUILD / "tests" / "tools" / "heddle-test-logits"

# The same comparisons on a card: HEDDLE_TEST_DEVICE=cuda pytest tests/python/test_models.py
DEVICE = os.environ.get("HEDDLE_TEST_DEVICE", "cpu")
EXECUTOR = os.environ.get("HEDDLE_TEST_EXECUTOR", "stream")
ON_CPU = DEVICE == "cpu"

torch.set_num_threads(2)

FAMILIES = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "mistral": (MistralConfig, MistralForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
}

BASE = dict(
    hidden_size=64, intermediate_size=160, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, vocab_size=320,
    max_position_embeddings=512, rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=False, bos_token_id=1, eos_token_id=2,
)

LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=64, beta_fast=32.0, beta_slow=1.0)

# name: (family, what differs from BASE, prompt length)
CASES = {
    "llama1": ("llama", dict(num_key_value_heads=4), 33),
    "llama2-gqa-tied": ("llama", dict(tie_word_embeddings=True), 21),
    "llama3": ("llama", dict(rope_theta=500000.0, rope_scaling=LLAMA3), 70),
    "llama-linear": ("llama", dict(rope_scaling=dict(rope_type="linear", factor=2.5)), 40),
    "llama-dynamic-within": ("llama", dict(max_position_embeddings=48, rope_scaling=dict(rope_type="dynamic", factor=2.0)), 20),
    "llama-dynamic-beyond": ("llama", dict(max_position_embeddings=48, rope_scaling=dict(rope_type="dynamic", factor=4.0)), 80),
    "llama-yarn": ("llama", dict(max_position_embeddings=256, rope_scaling=YARN), 90),
    "llama-biases": ("llama", dict(attention_bias=True, mlp_bias=True), 17),
    "llama-odd": ("llama", dict(hidden_size=54, intermediate_size=77, num_attention_heads=3, num_key_value_heads=1, head_dim=10,
                                vocab_size=97), 19),
    "mistral": ("mistral", dict(sliding_window=None), 30),
    "mistral-window": ("mistral", dict(sliding_window=24), 61),
    "qwen2": ("qwen2", dict(), 31),
    "qwen2.5-tied": ("qwen2", dict(tie_word_embeddings=True, rope_theta=1000000.0), 25),
    "qwen2-window": ("qwen2", dict(use_sliding_window=True, sliding_window=16, max_window_layers=1), 50),
    "qwen2-yarn": ("qwen2", dict(rope_theta=1000000.0, rope_scaling=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=128)), 45),
    "deepseek-r1-distill-qwen": ("qwen2", dict(hidden_size=96, num_attention_heads=6, num_key_value_heads=1, head_dim=16,
                                               use_sliding_window=False, sliding_window=4096, max_window_layers=21), 28),
    "deepseek-r1-distill-llama": ("llama", dict(rope_theta=500000.0, rope_scaling=LLAMA3, num_attention_heads=8, num_key_value_heads=2), 64),
    "qwen3": ("qwen3", dict(head_dim=32, tie_word_embeddings=True), 29),
    "qwen3-bias": ("qwen3", dict(head_dim=24, attention_bias=True), 23),
}


def make_model(name, dtype=torch.float32, seed=0):
    """The random model of a case and its prompt."""
    family, changes, n_prompt = CASES[name]
    config_class, model_class = FAMILIES[family]
    config = config_class(**{**BASE, **changes}, attn_implementation="eager")
    torch.manual_seed(seed)
    model = model_class(config).eval()
    with torch.no_grad():
        for key, p in model.named_parameters():
            if p.dim() == 2:
                std = 0.3 if "embed" in key else (3.0 if "lm_head" in key else 1.5) / p.shape[1] ** 0.5
                p.normal_(0, std)
            elif key.endswith("bias"):
                p.normal_(0, 0.3)
            else:
                p.normal_(1, 0.2)
    for p in model.parameters():  # not model.to(): that would round the rotary frequencies too, which loading does not
        p.data = p.data.to(dtype)
    rng = np.random.default_rng(seed + 1)
    prompt = rng.integers(3, config.vocab_size, n_prompt).astype(np.int32)
    return model, prompt


def save(model, folder, shards=False):
    """A folder as the hub would hold it; `shards` cuts it into several files."""
    model.save_pretrained(folder, max_shard_size="120KB" if shards else "5GB")
    return folder


def forget_length(model):
    """Dynamic rope scaling remembers the longest sequence it has seen; a new sequence starts without that memory."""
    rotary = model.model.rotary_emb
    rotary.max_seq_len_cached = rotary.original_max_seq_len
    rotary.inv_freq = rotary.original_inv_freq


@torch.no_grad()
def all_logits(model, ids):
    forget_length(model)
    return model(torch.tensor(np.asarray(ids)[None], dtype=torch.long)).logits[0].float().numpy()


@torch.no_grad()
def greedy(model, prompt, n):
    """n greedy tokens with a KV cache, and the logits that each was chosen from."""
    from transformers import DynamicCache

    forget_length(model)
    cache = DynamicCache(config=model.config) if _takes_config() else DynamicCache()
    ids = torch.tensor(prompt[None], dtype=torch.long)
    tokens, logits = [], []
    for _ in range(n):
        out = model(ids, past_key_values=cache, use_cache=True)
        row = out.logits[0, -1].float()
        logits.append(row.numpy())
        tokens.append(int(row.argmax()))
        ids = torch.tensor([[tokens[-1]]])
    return np.array(tokens, dtype=np.int32), np.stack(logits)


def _takes_config():
    import inspect

    from transformers import DynamicCache

    return "config" in inspect.signature(DynamicCache.__init__).parameters


def heddle(folder, ids, tmp, generate=0, **settings):
    """Logits [len(ids) + generate, vocab] and generated ids by the plan's own program."""
    ids_file, out_file = Path(tmp) / "ids.i32", Path(tmp) / "logits.f32"
    np.asarray(ids, dtype=np.int32).tofile(ids_file)
    if not ON_CPU:
        settings = dict(settings, device=DEVICE, executor=EXECUTOR)
    command = [LOGITS, folder, ids_file, out_file, f"generate={generate}"] + [f"{k}={v}" for k, v in settings.items()]
    run = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    tokens = np.array(run.stdout.split(), dtype=np.int32)
    return np.fromfile(out_file, dtype=np.float32).reshape(len(ids) + generate, -1), tokens


def tolerance(weights="f32"):
    """Of `worst`. The CPU computes in f32 whatever the weights are; a GPU may round activations to what its matrix units take."""
    return 1e-4 if ON_CPU or weights == "f32" else {"f16": 8e-3, "bf16": 6e-2, "q8": 6e-2, "q4": 6e-2}[weights]


def same(got, want, weights="f32"):
    """Two runs of one model that differ in how they were cut: the same bits on the CPU, the same numbers on a GPU."""
    if ON_CPU:
        return bool((got.view(np.uint32) == want.view(np.uint32)).all())
    return worst(got, want) < tolerance(weights)


def worst(got, want):
    """The largest error of any logit, relative to the largest logit of its row."""
    assert got.shape == want.shape
    assert np.isfinite(got).all()
    return float((np.abs(got - want).max(axis=-1) / np.abs(want).max(axis=-1)).max())
