#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PyTorch at its best on the same checkpoint: a plain decoder with a static KV cache, compiled whole into CUDA graphs.

    bench/torch_decode.py MODEL [--device cuda] [--dtype bf16] [--prompt 128] [--tokens 128] [--prefill 4096] [--batch 1,64]
    bench/torch_decode.py --rates            the card's copy rate and its rate at large bf16 products

Prints one JSON object. Llama, Mistral, Qwen2 and Qwen3 folders. `--eager` leaves the compiler out; `--ids` prints the greedy ids, to
compare with another engine's. What is timed is one token of every sequence, from ids on the device to ids on the device.
"""
import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


class Decoder(torch.nn.Module):
    """The weights as parameters by their names in the checkpoint; caches as buffers [batch, kv heads, length, head]."""

    def __init__(self, folder, device, dtype, batch, length):
        super().__init__()
        config = json.loads((Path(folder) / "config.json").read_text())
        self.layers, self.heads = config["num_hidden_layers"], config["num_attention_heads"]
        self.kv_heads = config.get("num_key_value_heads") or self.heads
        self.width = config.get("head_dim") or config["hidden_size"] // self.heads
        self.eps, self.vocab = config["rms_norm_eps"], config["vocab_size"]
        if config.get("rope_scaling"):
            sys.exit("bench/torch_decode.py: models with scaled rotary positions are not for this comparison")
        weights = {}
        for file in sorted(Path(folder).glob("*.safetensors")):
            weights.update(load_file(file))
        if config.get("tie_word_embeddings"):
            weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
        self.w = {name: tensor.to(device, dtype) for name, tensor in weights.items()}
        shape = (batch, self.kv_heads, length, self.width)
        self.k = [torch.zeros(shape, device=device, dtype=dtype) for _ in range(self.layers)]
        self.v = [torch.zeros(shape, device=device, dtype=dtype) for _ in range(self.layers)]
        inverse = 1.0 / config.get("rope_theta", 10000.0) ** (torch.arange(0, self.width, 2, device=device).float() / self.width)
        angles = torch.outer(torch.arange(length, device=device).float(), inverse)
        self.cos, self.sin = (torch.cat((f(angles), f(angles)), -1).to(dtype) for f in (torch.cos, torch.sin))
        self.mask = torch.ones(length, length, device=device, dtype=torch.bool).tril()

    def matrix_bytes(self):
        read = {name: t for name, t in self.w.items() if name != "model.embed_tokens.weight"}
        return sum(t.numel() * t.element_size() for t in read.values())

    def norm(self, x, name):
        y = x.float()
        return (y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + self.eps)).to(x.dtype) * self.w[name]

    def rotate(self, x, positions):
        half = self.width // 2
        turned = torch.cat((-x[..., half:], x[..., :half]), -1)
        return x * self.cos[positions] + turned * self.sin[positions]

    def project(self, x, layer, which, heads, positions):
        name = f"model.layers.{layer}.self_attn.{which}"
        y = F.linear(x, self.w[f"{name}_proj.weight"], self.w.get(f"{name}_proj.bias"))
        y = y.view(x.shape[0], x.shape[1], heads, self.width).transpose(1, 2)
        if f"{name}_norm.weight" in self.w:
            y = self.norm(y, f"{name}_norm.weight")
        return y if which == "v" else self.rotate(y, positions)

    def forward(self, ids, positions):
        """ids [batch, n] at `positions` [n] -> the greedy next ids [batch, 1]."""
        x = F.embedding(ids, self.w["model.embed_tokens.weight"])
        mask = self.mask[None, None, positions]
        for i in range(self.layers):
            h = self.norm(x, f"model.layers.{i}.input_layernorm.weight")
            q = self.project(h, i, "q", self.heads, positions)
            self.k[i][:, :, positions] = self.project(h, i, "k", self.kv_heads, positions)
            self.v[i][:, :, positions] = self.project(h, i, "v", self.kv_heads, positions)
            y = F.scaled_dot_product_attention(q, self.k[i], self.v[i], attn_mask=mask, enable_gqa=self.heads != self.kv_heads)
            y = y.transpose(1, 2).reshape(ids.shape[0], ids.shape[1], -1)
            x = x + F.linear(y, self.w[f"model.layers.{i}.self_attn.o_proj.weight"])
            h = self.norm(x, f"model.layers.{i}.post_attention_layernorm.weight")
            mlp = f"model.layers.{i}.mlp."
            gated = F.silu(F.linear(h, self.w[mlp + "gate_proj.weight"])) * F.linear(h, self.w[mlp + "up_proj.weight"])
            x = x + F.linear(gated, self.w[mlp + "down_proj.weight"])
        last = self.norm(x[:, -1:], "model.norm.weight")
        return F.linear(last, self.w["lm_head.weight"]).argmax(-1).to(ids.dtype)


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def decode(model, step, ids, prompt, tokens, device):
    """Seconds a token (the median) and the greedy ids after a prompt."""
    now = model(ids, torch.arange(prompt, device=device))
    made, seconds = [now], []
    for i in range(tokens - 1):
        wait(device)
        start = time.perf_counter()
        now = step(now, torch.tensor([prompt + i], device=device)).clone()
        wait(device)
        seconds.append(time.perf_counter() - start)
        made.append(now)
    return statistics.median(seconds[len(seconds) // 3:]), torch.cat(made, 1)


def prefill(step, ids, device):
    positions = torch.arange(ids.shape[1], device=device)
    samples = []
    for _ in range(5):
        wait(device)
        start = time.perf_counter()
        step(ids, positions)
        wait(device)
        samples.append(time.perf_counter() - start)
    return statistics.median(samples[2:])


def rates():
    """Bytes read and written a second by a large copy; FLOP/s of a large bf16 product on random data."""
    def best(f, n=7):
        times = []
        for _ in range(n):
            a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            a.record(), f(), b.record()
            torch.cuda.synchronize()
            times.append(a.elapsed_time(b) * 1e-3)
        return statistics.median(times[2:])

    source = torch.empty(4 << 30, dtype=torch.uint8, device="cuda").random_()
    target = torch.empty_like(source)
    copy = 2 * source.numel() / best(lambda: target.copy_(source))
    del source, target
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    return {"device": torch.cuda.get_device_name(), "copy_bytes_per_second": copy,
            "product_flops_per_second": 2 * 8192**3 / best(lambda: a @ b)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtype", default="bf16", choices=DTYPES)
    parser.add_argument("--prompt", type=int, default=128)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--prefill", type=int, default=0)
    parser.add_argument("--batch", default="1")
    parser.add_argument("--eager", action="store_true")
    parser.add_argument("--ids", action="store_true")
    parser.add_argument("--rates", action="store_true")
    args = parser.parse_args()
    if args.rates:
        print(json.dumps(rates()))
        return
    if not args.model:
        parser.error("a model's folder is needed")
    result = {"torch": torch.__version__, "dtype": args.dtype, "compiled": not args.eager, "settings": []}
    with torch.inference_mode():
        for batch in [int(b) for b in args.batch.split(",")]:
            model = Decoder(args.model, args.device, DTYPES[args.dtype], batch, max(args.prompt + args.tokens, args.prefill))
            step = model if args.eager else torch.compile(model, mode="reduce-overhead", fullgraph=True)
            torch.manual_seed(1)
            ids = torch.randint(0, model.vocab, (batch, args.prompt), device=args.device)
            seconds, made = decode(model, step, ids, args.prompt, args.tokens, args.device)
            entry = {"batch": batch, "seconds_per_token": seconds, "tokens_per_second": batch / seconds,
                     "weight_bytes_per_second": model.matrix_bytes() / seconds}
            if args.prefill and batch == 1:
                whole = model if args.eager else torch.compile(model, fullgraph=True)
                long = torch.randint(0, model.vocab, (1, args.prefill), device=args.device)
                entry["prefill_tokens_per_second"] = args.prefill / prefill(whole, long, args.device)
            if args.ids:
                entry["prompt"], entry["ids"] = ids.tolist(), made.tolist()
            result["settings"].append(entry)
            del model, step
    print(json.dumps(result))


if __name__ == "__main__":
    main()
