#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the bundled story model from nothing: has story_generator.py write the text, trains a byte-level BPE tokenizer
and a small Llama on it (PyTorch, CPU, bfloat16 autocast), and writes a Hugging Face folder. Everything follows from
--seed. A run keeps its state in --work and goes on from there when it was interrupted."""
import argparse
import ctypes
import json
import math
import multiprocessing
import os
import pathlib
import sys
import time

import numpy as np
import torch
import torch.distributed as dist
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import story_generator  # noqa: E402

BOS, EOS, PAD = "<|bos|>", "<|eos|>", "<|pad|>"
SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
HELD_OUT = 1 << 20        # seed offset of the stories that are only measured on
PROMPTS = ["Once upon a time", "One day, a little fox named", "The rain", "Mia"]


def write_stories(job):
    seed, troupe, first, count = job
    library = story_generator.Library()
    return [story_generator.story(library, seed, i, troupe) for i in range(first, first + count)]


def stories(args, seed, count, troupe):
    jobs = [(seed, troupe, i, min(1000, count - i)) for i in range(0, count, 1000)]
    with multiprocessing.get_context("fork").Pool(args.procs) as pool:
        return [s for part in pool.imap(write_stories, jobs) for s in part]


def train_tokenizer(texts, vocab, out):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=vocab, special_tokens=[BOS, EOS, PAD], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    tok.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single=BOS + " $A", pair="%s $A %s:1 $B:1" % (BOS, BOS), special_tokens=[(BOS, 0)])])
    fast = PreTrainedTokenizerFast(tokenizer_object=tok, bos_token=BOS, eos_token=EOS, pad_token=PAD,
                                   model_max_length=512, clean_up_tokenization_spaces=False)
    fast.save_pretrained(out)
    (out / "special_tokens_map.json").unlink(missing_ok=True)      # tokenizer_config.json says the same


def rows(texts, tok, length):
    """Rows of length+1 ids that each begin with a whole story; what does not fit in at the end is cut off."""
    out, row = [], []
    for e in tok.encode_batch(texts, add_special_tokens=False):
        row += [0] + e.ids + [1]
        if len(row) > length:
            out.append(row[:length + 1])
            row = []
    return np.asarray(out, dtype=np.int16)


def prepare(args):
    """Tokenizer, training rows and held-out rows. More steps only add rows, so a longer run begins like a shorter one."""
    data_file, held_file, meta_file = (args.work / n for n in ("rows.npy", "held.npy", "meta.json"))
    meta = {"seed": args.seed, "length": args.length, "vocab": args.vocab, "troupe": args.troupe}
    have = json.loads(meta_file.read_text()) if meta_file.exists() else {}
    if have.get("key") != meta:
        (args.work / "state.pt").unlink(missing_ok=True)
        train_tokenizer(stories(args, args.seed, 20000, False), args.vocab, args.out)
        have = {"key": meta, "rows": 0}
    wanted = args.steps * args.batch
    tok = Tokenizer.from_file(str(args.out / "tokenizer.json"))
    if have["rows"] < wanted:
        started, count = time.time(), int(wanted * (args.length / 250 + 0.6))
        data = rows(stories(args, args.seed, count, args.troupe), tok, args.length)
        assert len(data) >= wanted, "stories are shorter than thought: raise the count"
        np.save(data_file, data[:wanted])
        np.save(held_file, rows(stories(args, args.seed + HELD_OUT, 1000, args.troupe), tok, args.length)[:256])
        meta_file.write_text(json.dumps({"key": meta, "rows": wanted}))
        print("%d rows of %d tokens (%.0f s)" % (wanted, args.length, time.time() - started), flush=True)


def make_model(args):
    config = LlamaConfig(
        vocab_size=args.vocab, hidden_size=256, intermediate_size=768, num_hidden_layers=args.layers,
        num_attention_heads=8, num_key_value_heads=4, head_dim=32, max_position_embeddings=512, rope_theta=10000.0,
        rms_norm_eps=1e-5, tie_word_embeddings=True, bos_token_id=0, eos_token_id=1, pad_token_id=2,
        initializer_range=0.03, attention_bias=False, mlp_bias=False, use_cache=True)
    return LlamaForCausalLM(config)


def loss_of(model, batch):
    """Mean cross-entropy of the next token over a batch of rows."""
    x = torch.from_numpy(batch.astype(np.int64))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(input_ids=x[:, :-1], use_cache=False).logits
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), x[:, 1:].flatten())


def held_out_loss(model, data, batch):
    model.eval()
    with torch.no_grad():
        losses = [loss_of(model, data[i:i + batch]).item() for i in range(0, len(data) - batch + 1, batch)]
    model.train()
    return sum(losses) / len(losses)


def sample(model, tok, prompt, greedy, seed=0, tokens=480):
    model.eval()
    torch.manual_seed(seed)
    ids = torch.tensor([tok(prompt).input_ids])
    how = {"do_sample": False, "temperature": None, "top_p": None} if greedy else \
        {"do_sample": True, "temperature": 0.7, "top_p": 0.9}
    with torch.no_grad():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=min(tokens, 510 - ids.shape[1]),
                             pad_token_id=2, **how)[0].tolist()
    model.train()
    return tok.decode(out, skip_special_tokens=True) + ("" if out[-1] == 1 else " [no end]")


def export(model, out):
    """The folder as the Hub would hold it: bfloat16 weights, configurations, tokenizer (already there)."""
    copy = LlamaForCausalLM(model.config)
    copy.load_state_dict(model.state_dict())
    copy = copy.to(torch.bfloat16)
    copy.generation_config = GenerationConfig(bos_token_id=0, eos_token_id=1, pad_token_id=2, do_sample=True,
                                              temperature=0.7, top_p=0.9)
    copy.save_pretrained(out)
    assert AutoTokenizer.from_pretrained(out)("a").input_ids[0] == 0


class Muon(torch.optim.Optimizer):
    """Momentum whose matrix is made orthogonal before it is applied (five Newton-Schulz rounds, K. Jordan 2024). With as
    few tokens as a shared CPU gives in an hour it comes clearly further than AdamW. For the matrices inside the layers
    only; those of one shape go through the rounds as one batch, and each process does its share of them."""

    def __init__(self, params, lr=0.02, momentum=0.95):
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self):
        rank, procs = dist.get_rank(), dist.get_world_size()
        for group in self.param_groups:
            shapes, updates = {}, torch.zeros(sum(q.numel() for q in group["params"]))
            places = updates.split([q.numel() for q in group["params"]])
            for q, place in zip(group["params"], places):
                moving = self.state[q].setdefault("moving", torch.zeros_like(q))
                moving.lerp_(q.grad, 1 - group["momentum"])
                shapes.setdefault(q.shape, []).append((q.grad.lerp(moving, group["momentum"]), place))
            for (rows_, cols), pairs in shapes.items():
                mine = pairs[rank::procs]
                if not mine:
                    continue
                x = torch.stack([g for g, _ in mine]).bfloat16()
                x = x.mT if rows_ > cols else x
                x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
                for _ in range(5):
                    a = x @ x.mT
                    x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
                x = (x.mT if rows_ > cols else x).float() * max(1, rows_ / cols) ** 0.5
                for (_, place), update in zip(mine, x):
                    place.copy_(update.flatten())
            dist.all_reduce(updates)
            for q, place in zip(group["params"], places):
                q.add_(place.view_as(q), alpha=-group["lr"])


def schedule(args, step):
    """Factor of both learning rates: warm-up over 40 steps, flat, then down to 0 on a straight line over the last 35 %."""
    return min((step + 1) / 40, 1.0, (args.steps - step) / (0.35 * args.steps))


def train(rank, args):
    """One of --procs processes with one thread each: they share every batch and add up their gradients. With the two
    cores busy elsewhere too, this is faster than one process with two threads that wait for each other at every kernel."""
    torch.set_num_threads(1)
    # keep freed activations instead of giving them back to the kernel at every step (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD)
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(-3, 1 << 30)
        libc.mallopt(-1, (1 << 31) - 1)
    dist.init_process_group("gloo", init_method="file://%s" % (args.work / "rendezvous").resolve(), rank=rank,
                            world_size=args.procs)
    torch.manual_seed(args.seed)
    data, held = np.load(args.work / "rows.npy", mmap_mode="r"), np.load(args.work / "held.npy")
    tok = AutoTokenizer.from_pretrained(args.out)
    model = make_model(args)
    fast = torch.compile(model, dynamic=False) if args.compile else model
    params = list(model.parameters())

    def say(*words):
        if rank == 0:
            print(*words, flush=True)

    say("%.2f M parameters, %d steps" % (sum(q.numel() for q in params) / 1e6, args.steps))
    inner = [q for n, q in model.named_parameters() if q.dim() == 2 and "embed" not in n]
    outer = [q for n, q in model.named_parameters() if q.dim() != 2 or "embed" in n]
    opts = [Muon(inner, lr=args.lr_muon),
            torch.optim.AdamW(outer, lr=args.lr, betas=(0.9, 0.98), weight_decay=0.01, fused=True)]
    state_file, first = args.work / "state.pt", 0
    if state_file.exists():
        state = torch.load(state_file)
        model.load_state_dict(state["model"])
        for opt, saved in zip(opts, state["opts"]):
            opt.load_state_dict(saved)
        first = state["step"]
        say("continue at step %d" % first)
    dist.barrier()
    model.train()
    share, since, since_cpu, running = args.batch // args.procs, time.time(), time.process_time(), None
    for step in range(first, args.steps):
        factor = schedule(args, step)
        for opt, lr in zip(opts, (args.lr_muon, args.lr)):
            for group in opt.param_groups:
                group["lr"] = lr * factor
        begin = step * args.batch + rank * share
        loss = loss_of(fast, data[begin:begin + share])
        loss.backward()
        flat = torch.cat([q.grad.flatten() for q in params] + [loss.detach()[None]]) / args.procs
        dist.all_reduce(flat)
        at = 0
        for q in params:
            q.grad.copy_(flat[at:at + q.numel()].view_as(q))
            at += q.numel()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        for opt in opts:
            opt.step()
            opt.zero_grad(set_to_none=True)
        done, loss = step + 1, flat[-1].item()
        running = loss if running is None else 0.95 * running + 0.05 * loss
        if done % 25 == 0:
            tokens = 25 * args.batch * args.length
            say("step %d/%d loss %.4f factor %.3f %.0f tokens/s, %.0f tokens a core second" % (
                done, args.steps, running, factor, tokens / (time.time() - since),
                tokens / args.procs / (time.process_time() - since_cpu)))
            since, since_cpu = time.time(), time.process_time()
        if rank == 0 and (done % args.save_every == 0 or done == args.steps):
            torch.save({"model": model.state_dict(), "opts": [opt.state_dict() for opt in opts], "step": done},
                       args.work / "new.pt")
            os.replace(args.work / "new.pt", state_file)
        if rank == 0 and done % args.sample_every == 0:
            say("held-out loss %.4f\n%s\n" % (held_out_loss(model, held[:32], 8), sample(model, tok, PROMPTS[0], False)))
    dist.barrier()
    if rank == 0:
        export(model, args.out)
    dist.destroy_process_group()


def report(args):
    """Held-out loss and stories of the written folder, as anybody would load it."""
    model, tok = LlamaForCausalLM.from_pretrained(args.out, dtype=torch.float32), AutoTokenizer.from_pretrained(args.out)
    loss = held_out_loss(model, np.load(args.work / "held.npy"), 16)
    print("held-out loss %.4f, perplexity %.3f" % (loss, math.exp(loss)))
    for prompt in PROMPTS:
        for greedy in (True, False):
            print("--- %s (%s)\n%s" % (prompt, "greedy" if greedy else "temperature 0.7, top-p 0.9",
                                      sample(model, tok, prompt, greedy, args.seed)), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", type=pathlib.Path, required=True, help="folder of the model")
    p.add_argument("--work", type=pathlib.Path, default=pathlib.Path("build/train_stories"), help="state of the run")
    p.add_argument("--steps", type=int, default=1560)
    p.add_argument("--batch", type=int, default=8, help="rows in a step, over all processes")
    p.add_argument("--length", type=int, default=384, help="tokens in a row")
    p.add_argument("--layers", type=int, default=4)
    p.add_argument("--vocab", type=int, default=3072)
    p.add_argument("--new-heroes", dest="troupe", action="store_false", help="other heroes in every story (needs far more steps)")
    p.add_argument("--lr", type=float, default=4e-3, help="of AdamW, for embedding and norms")
    p.add_argument("--lr-muon", type=float, default=0.02, help="of Muon, for the matrices in the layers")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--procs", type=int, default=2, help="training processes, one thread each")
    p.add_argument("--no-compile", dest="compile", action="store_false", help="without torch.compile (needs no compiler)")
    p.add_argument("--save-every", type=int, default=100)
    p.add_argument("--sample-every", type=int, default=500)
    p.add_argument("--export-only", action="store_true", help="write the folder from the last saved state")
    args = p.parse_args()
    if args.batch % args.procs:
        p.error("--batch must be a multiple of --procs")
    args.work.mkdir(parents=True, exist_ok=True)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.work / "rendezvous").unlink(missing_ok=True)
    if args.export_only:
        model = make_model(args)
        model.load_state_dict(torch.load(args.work / "state.pt")["model"])
        export(model, args.out)
    else:
        prepare(args)
        torch.multiprocessing.spawn(train, (args,), nprocs=args.procs)
    report(args)


if __name__ == "__main__":
    main()
