#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a Hugging Face folder with random weights in a real model's shape.

    tools/make_checkpoint.py --shape deepseek-r1-distill-qwen-1.5b --shards 2 OUT
    tools/make_checkpoint.py --config config.json --set num_hidden_layers=2 --dtype f32 OUT

The folder has what a folder from the hub has: config.json, generation_config.json, safetensors (one file, or shards with
their index), tokenizer.json and tokenizer_config.json. It is made for timing, for memory and for comparing two programs on
the same weights; its text is noise. Matrices are N(0, 0.02), norms are about one, biases are small. Slices of one random
pool fill the matrices, so writing goes at the speed of the disk, and memory stays small. The same seed gives the same bytes.
The tokenizer is a byte-level BPE without merges: 256 byte tokens, the special tokens, and filler up to the vocabulary's size.
"""
import argparse
import json
import pathlib
import struct
import sys
import time

import numpy as np

LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "attention_bias": False,
    "attention_dropout": 0.0, "initializer_range": 0.02, "mlp_bias": False, "pretraining_tp": 1, "rms_norm_eps": 1e-05,
    "rope_scaling": None, "tie_word_embeddings": False, "use_cache": True,
}
LLAMA3 = LLAMA | {
    "bos_token_id": 128000, "eos_token_id": 128001, "rope_theta": 500000.0, "vocab_size": 128256, "torch_dtype": "bfloat16",
}
LLAMA31_ROPE = {
    "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192,
    "rope_type": "llama3",
}
QWEN2 = {
    "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_act": "silu", "attention_dropout": 0.0,
    "initializer_range": 0.02, "rms_norm_eps": 1e-06, "use_cache": True, "use_sliding_window": False, "vocab_size": 151936,
    "bos_token_id": 151643, "eos_token_id": 151643, "torch_dtype": "bfloat16",
}
QWEN3 = {
    "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_act": "silu", "attention_bias": False,
    "attention_dropout": 0.0, "head_dim": 128, "initializer_range": 0.02, "max_position_embeddings": 40960,
    "rms_norm_eps": 1e-06, "rope_scaling": None, "rope_theta": 1000000, "sliding_window": None, "use_cache": True,
    "use_sliding_window": False, "vocab_size": 151936, "bos_token_id": 151643, "eos_token_id": 151645, "torch_dtype": "bfloat16",
}


def sizes(hidden, intermediate, layers, heads, kv_heads):
    return {"hidden_size": hidden, "intermediate_size": intermediate, "num_hidden_layers": layers,
            "num_attention_heads": heads, "num_key_value_heads": kv_heads}


SHAPES = {
    "qwen2-0.5b": QWEN2 | sizes(896, 4864, 24, 14, 2) | {
        "max_position_embeddings": 131072, "max_window_layers": 24, "rope_theta": 1000000.0, "sliding_window": 131072,
        "tie_word_embeddings": True},
    "qwen2.5-1.5b": QWEN2 | sizes(1536, 8960, 28, 12, 2) | {
        "max_position_embeddings": 131072, "max_window_layers": 28, "rope_theta": 1000000.0, "sliding_window": 131072,
        "tie_word_embeddings": True},
    "deepseek-r1-distill-qwen-1.5b": QWEN2 | sizes(1536, 8960, 28, 12, 2) | {
        "max_position_embeddings": 131072, "max_window_layers": 21, "rope_theta": 10000, "sliding_window": 4096,
        "tie_word_embeddings": False, "use_mrope": False},
    "qwen2-7b": QWEN2 | sizes(3584, 18944, 28, 28, 4) | {
        "max_position_embeddings": 131072, "max_window_layers": 28, "rope_theta": 1000000.0, "sliding_window": 131072,
        "tie_word_embeddings": False, "vocab_size": 152064},
    "qwen3-0.6b": QWEN3 | sizes(1024, 3072, 28, 16, 8) | {"max_window_layers": 28, "tie_word_embeddings": True},
    "qwen3-4b": QWEN3 | sizes(2560, 9728, 36, 32, 8) | {"max_window_layers": 36, "tie_word_embeddings": True},
    "qwen3-8b": QWEN3 | sizes(4096, 12288, 36, 32, 8) | {"max_window_layers": 36, "tie_word_embeddings": False},
    "llama2-7b": LLAMA | sizes(4096, 11008, 32, 32, 32) | {
        "bos_token_id": 1, "eos_token_id": 2, "max_position_embeddings": 4096, "rope_theta": 10000.0, "torch_dtype": "float16",
        "vocab_size": 32000},
    "llama3-8b": LLAMA3 | sizes(4096, 14336, 32, 32, 8) | {"max_position_embeddings": 8192},
    "deepseek-r1-distill-llama-8b": LLAMA3 | sizes(4096, 14336, 32, 32, 8) | {
        "max_position_embeddings": 131072, "rope_scaling": LLAMA31_ROPE},
    "llama3.2-1b": LLAMA3 | sizes(2048, 8192, 16, 32, 8) | {
        "head_dim": 64, "max_position_embeddings": 131072, "rope_scaling": LLAMA31_ROPE | {"factor": 32.0},
        "tie_word_embeddings": True},
    "mistral-7b": sizes(4096, 14336, 32, 32, 8) | {
        "architectures": ["MistralForCausalLM"], "model_type": "mistral", "attention_dropout": 0.0, "bos_token_id": 1,
        "eos_token_id": 2, "hidden_act": "silu", "initializer_range": 0.02, "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "sliding_window": 4096, "tie_word_embeddings": False,
        "torch_dtype": "bfloat16", "use_cache": True, "vocab_size": 32000},
}

# name in config.json, name in safetensors, bytes
DTYPES = {"bf16": ("bfloat16", "BF16", 2), "f16": ("float16", "F16", 2), "f32": ("float32", "F32", 4)}


def fail(message):
    sys.exit(f"make_checkpoint.py: {message}")


def tensors_of(config):
    """Yields (name, shape, kind) as transformers names them; kind is "matrix", "norm" or "bias"."""
    family = config["model_type"]
    if family not in ("llama", "mistral", "qwen2", "qwen3"):
        fail(f"model_type {family} is not known; it must be llama, mistral, qwen2 or qwen3")
    hidden, inter = config["hidden_size"], config["intermediate_size"]
    heads = config["num_attention_heads"]
    kv_heads = config.get("num_key_value_heads") or heads
    head_dim = config.get("head_dim") or hidden // heads
    attention_bias = config.get("attention_bias", False) and family != "mistral"

    def linear(name, out_size, in_size, bias):
        yield f"{name}.weight", (out_size, in_size), "matrix"
        if bias:
            yield f"{name}.bias", (out_size,), "bias"

    yield "model.embed_tokens.weight", (config["vocab_size"], hidden), "matrix"
    for i in range(config["num_hidden_layers"]):
        layer = f"model.layers.{i}"
        yield f"{layer}.input_layernorm.weight", (hidden,), "norm"
        for name, count in (("q", heads), ("k", kv_heads), ("v", kv_heads)):
            yield from linear(f"{layer}.self_attn.{name}_proj", count * head_dim, hidden, attention_bias or family == "qwen2")
        yield from linear(f"{layer}.self_attn.o_proj", hidden, heads * head_dim, attention_bias)
        if family == "qwen3":
            yield f"{layer}.self_attn.q_norm.weight", (head_dim,), "norm"
            yield f"{layer}.self_attn.k_norm.weight", (head_dim,), "norm"
        yield f"{layer}.post_attention_layernorm.weight", (hidden,), "norm"
        mlp_bias = config.get("mlp_bias", False) and family == "llama"
        yield from linear(f"{layer}.mlp.gate_proj", inter, hidden, mlp_bias)
        yield from linear(f"{layer}.mlp.up_proj", inter, hidden, mlp_bias)
        yield from linear(f"{layer}.mlp.down_proj", hidden, inter, mlp_bias)
    yield "model.norm.weight", (hidden,), "norm"
    if not config.get("tie_word_embeddings", False):
        yield "lm_head.weight", (config["vocab_size"], hidden), "matrix"


def encode(values, dtype):
    """float32 values in the stored type; bfloat16 rounds to nearest, ties to even."""
    if dtype == "f32":
        return values.astype("<f4")
    if dtype == "f16":
        return values.astype("<f2")
    bits = np.ascontiguousarray(values, "<f4").view("<u4")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


class Source:
    """Random values in the stored type, as byte views of at most one pool."""

    def __init__(self, dtype, seed):
        self.dtype = dtype
        self.rng = np.random.default_rng(seed)
        self.pool = encode(self.rng.standard_normal(1 << 24, dtype=np.float32) * np.float32(0.02), dtype)

    def pieces(self, shape, kind):
        count = int(np.prod(shape, dtype=np.int64))
        if kind != "matrix":
            values = self.rng.standard_normal(count, dtype=np.float32)
            yield encode(1 + 0.05 * values if kind == "norm" else 0.01 * values, self.dtype).data.cast("B")
            return
        while count:
            start = int(self.rng.integers(0, len(self.pool) // 2))
            piece = self.pool[start:start + count]
            yield piece.data.cast("B")
            count -= len(piece)


def write_safetensors(path, tensors, dtype, source):
    _, name_of_type, size = DTYPES[dtype]
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape, _ in tensors:
        end = offset + int(np.prod(shape, dtype=np.int64)) * size
        header[name] = {"dtype": name_of_type, "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for _, shape, kind in tensors:
            for piece in source.pieces(shape, kind):
                f.write(piece)
    return offset


def split(tensors, count):
    """The tensors in `count` runs of about the same size, none of them empty."""
    if not 1 <= count <= len(tensors):
        fail(f"--shards must be from 1 to the number of tensors, {len(tensors)}")
    total = sum(float(np.prod(shape)) for _, shape, _ in tensors)
    runs, done = [[]], 0.0
    for i, tensor in enumerate(tensors):
        full = done >= total * len(runs) / count
        if runs[-1] and len(runs) < count and (full or len(tensors) - i == count - len(runs)):
            runs.append([])
        runs[-1].append(tensor)
        done += float(np.prod(tensor[1]))
    return runs


def write_weights(out, config, dtype, shards, seed):
    tensors = list(tensors_of(config))
    source = Source(dtype, seed)
    if shards == 1:
        return write_safetensors(out / "model.safetensors", tensors, dtype, source)
    weight_map, total = {}, 0
    runs = split(tensors, shards)
    for i, run in enumerate(runs, 1):
        name = f"model-{i:05d}-of-{len(runs):05d}.safetensors"
        total += write_safetensors(out / name, run, dtype, source)
        weight_map |= {tensor[0]: name for tensor in run}
        print(f"{name}: {len(run)} tensors", file=sys.stderr)
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    write_json(out / "model.safetensors.index.json", index)
    return total


def byte_tokens():
    """The printable characters that stand for the 256 bytes in byte-level BPE, by byte."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(b) if b in printable else chr(next(others)) for b in range(256)]


def special_tokens(config):
    """id -> content, for the ids that config.json names."""
    ends = config.get("eos_token_id")
    ends = ends if isinstance(ends, list) else [ends]
    special = {i: f"<|end_{n}|>" if n else "<|end|>" for n, i in enumerate(ends) if i is not None}
    begin = config.get("bos_token_id")
    if begin is not None and begin not in special:
        special[begin] = "<|begin|>"
    return special


def write_tokenizer(out, config):
    special, size = special_tokens(config), config["vocab_size"]
    if size < 256 + len(special) or any(not 0 <= i < size for i in special):
        fail(f"vocab_size {size} has no room for 256 bytes and the special tokens {special}")
    free = (i for i in range(size) if i not in special)
    vocab = {token: next(free) for token in byte_tokens()}
    vocab |= {f"<filler_{i}>": i for i in free}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    added = [{"id": i, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for i, content in sorted(special.items())]
    write_json(out / "tokenizer.json", {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None, "pre_tokenizer": level,
        "post_processor": level, "decoder": level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": vocab, "merges": []},
    }, indent=None)
    by_id = {str(token["id"]): {k: v for k, v in token.items() if k != "id"} for token in added}
    write_json(out / "tokenizer_config.json", {
        "added_tokens_decoder": by_id, "bos_token": special.get(config.get("bos_token_id")),
        "eos_token": next(iter(special.values()), None), "clean_up_tokenization_spaces": False,
        "model_max_length": config.get("max_position_embeddings", 2048), "tokenizer_class": "PreTrainedTokenizerFast",
    })


def write_json(path, value, indent=2):
    path.write_text(json.dumps(value, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path, metavar="OUT", help="the folder to write")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--shape", choices=SHAPES, help="a known model's shape")
    what.add_argument("--config", type=pathlib.Path, help="a config.json with the shape")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="overrides a key of the config (JSON value)")
    parser.add_argument("--dtype", choices=DTYPES, help="the weights' type; the config's by default")
    parser.add_argument("--shards", type=int, default=1, help="the number of safetensors files")
    parser.add_argument("--seed", type=int, default=1234)
    args = parser.parse_args()

    config = dict(SHAPES[args.shape]) if args.shape else json.loads(args.config.read_text(encoding="utf-8"))
    for item in args.set:
        key, _, value = item.partition("=")
        try:
            config[key] = json.loads(value)
        except json.JSONDecodeError:
            fail(f"--set {item}: the value is not JSON")
    missing = [k for k in ("model_type", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
                           "vocab_size") if k not in config]
    if missing:
        fail(f"the config lacks {', '.join(missing)}")
    dtype = args.dtype or {v[0]: k for k, v in DTYPES.items()}.get(config.get("torch_dtype"), "f32")
    config["torch_dtype"] = DTYPES[dtype][0]

    begin = time.monotonic()
    args.out.mkdir(parents=True, exist_ok=True)
    for stale in [*args.out.glob("*.safetensors"), *args.out.glob("*.safetensors.index.json")]:
        stale.unlink()
    write_json(args.out / "config.json", config)
    write_json(args.out / "generation_config.json", {
        k: v for k, v in (("_from_model_config", True), ("bos_token_id", config.get("bos_token_id")),
                          ("eos_token_id", config.get("eos_token_id"))) if v is not None})
    write_tokenizer(args.out, config)
    total = write_weights(args.out, config, dtype, args.shards, args.seed)
    seconds = time.monotonic() - begin
    print(f"{args.out}: {total / 1e9:.2f} GB of {dtype} in {args.shards} file(s), {seconds:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
