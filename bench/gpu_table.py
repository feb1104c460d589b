#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The table of bench/gpu.sh: what its logs say about speed, beside the card's own rates, PyTorch's and the project's bars.

    bench/gpu_table.py OUT

Reads OUT/rates.log (bench/torch_decode.py --rates), OUT/heddle-MODEL-WEIGHTS*.log (heddle bench --json) and OUT/torch-MODEL.log
(bench/torch_decode.py), and prints Markdown. A log that is missing or holds no result is named, as is a bar that cannot be
judged without it. Exit code 1 when a bar is missed or cannot be judged.
"""
import argparse
import json
import re
import statistics
import sys
from pathlib import Path

MODELS = {"r1-1.5b": "DeepSeek-R1-Distill-Qwen-1.5B's shape", "llama2-7b": "Llama-2-7B's shape"}
WEIGHTS = ["as-is", "q8", "q4"]
DECODE_SHARE = {("r1-1.5b", "as-is"): 0.78, ("llama2-7b", "as-is"): 0.88}  # of the copy rate, one sequence; q8 and q4: 0.75
QUANTISED_SHARE, TORCH_RATIO, PREFILL_SHARE, MANY_RATIO = 0.75, 2.0, 0.70, 40.0
PREFILL_PROMPT, MANY = 4096, 64


class Missing(Exception):
    """What a log does not tell; the text names it."""


def last_object(path):
    """The last JSON object that is a line of its own: logs hold notes too."""
    if not path.is_file():
        raise Missing(f"{path.name} is missing")
    for line in reversed(path.read_text(errors="replace").splitlines()):
        if line.startswith("{"):
            try:
                return json.loads(line)
            except ValueError:
                continue
    raise Missing(f"{path.name} holds no result")


def load(path, problems):
    try:
        return last_object(path)
    except Missing as missing:
        problems.append(str(missing))
        return None


def median(samples):
    return statistics.median(samples) if samples else None


def settings_of(out, model, weights, problems):
    """All settings that were measured of one model and type of weights, from one log or several."""
    pattern = re.compile(rf"heddle-{re.escape(model)}-{re.escape(weights)}(-\d+|-persistent)?\.log")
    logs = sorted(p for p in out.glob("heddle-*.log") if pattern.fullmatch(p.name))
    settings = []
    for path in logs or [out / f"heddle-{model}-{weights}.log"]:
        result = load(path, problems)
        for setting in result["settings"] if result else []:
            setting["prompt_flops_per_token"] = result["prompt_flops_per_token"]
            if "left_out" in setting:
                problems.append(f"{path.name}: {setting['sequences']} sequences, prompt {setting['prompt']}: {setting['left_out']}")
            else:
                settings.append(setting)
    return settings


def find(settings, **wanted):
    return next((s for s in settings if all(s[k] == v for k, v in wanted.items())), None)


def percent(value):
    return "?" if value is None else f"{100 * value:.0f} %"


def number(value, digits=1):
    return "?" if value is None else f"{value:,.{digits}f}"


def ratio(a, b):
    return a / b if a is not None and b else None


class Table:
    """Rows for people, and verdicts on the bars: (what, value or None, bar, text)."""

    def __init__(self, rates, torch):
        self.copy, self.product = rates.get("copy_bytes_per_second"), rates.get("product_flops_per_second")
        self.torch = torch
        self.decode, self.prefill, self.bars = [], [], []

    def bar(self, what, value, least, shown):
        self.bars.append((what, value, least, shown))

    def torch_rate(self, model, field, batch=1):
        entry = find(self.torch.get(model) or [], batch=batch)
        return entry.get(field) if entry else None

    def add_decode(self, model, weights, setting):
        rate, read = median(setting["decode_tokens_per_second"]), median(setting["decode_bytes_per_second"])
        if not rate:
            return
        own = median(setting["limit_bytes_per_second"])
        many = setting["sequences"] > 1
        theirs = self.torch_rate(model, "tokens_per_second", setting["sequences"])
        self.decode.append([model, weights, setting["executor"], setting["sequences"], setting["prompt"], number(rate), number(ratio(read, 1e9), 0),
                            percent(ratio(read, own)), percent(ratio(read, self.copy)),
                            "-" if theirs is None and many else number(ratio(rate, theirs), 2)])

    def add_prefill(self, model, weights, setting):
        rate = median(setting["prefill_tokens_per_second"])
        flops = ratio(rate, 1 / setting["prompt_flops_per_token"]) if rate else None
        theirs = self.torch_rate(model, "prefill_tokens_per_second") if setting["prompt"] == PREFILL_PROMPT else None
        self.prefill.append([model, weights, setting["sequences"], setting["prompt"], number(rate, 0),
                             number(ratio(flops, 1e12), 0), percent(ratio(flops, self.product)),
                             number(ratio(rate, theirs), 2) if theirs else "-"])

    def judge(self, model, weights, settings):
        one = [s for s in settings if s["sequences"] == 1]
        # The shortest prompt, by whichever executor is faster there.
        best = min(one, key=lambda s: (s["prompt"], -(median(s["decode_tokens_per_second"]) or 0))) if one else None
        decode = median(best["decode_tokens_per_second"]) if best else None
        read = median(best["decode_bytes_per_second"]) if best else None
        least = DECODE_SHARE.get((model, weights), QUANTISED_SHARE)
        self.bar(f"{model} {weights}: decode, share of the copy rate", ratio(read, self.copy), least, percent)
        if weights != "as-is":
            return
        theirs = self.torch_rate(model, "tokens_per_second")
        self.bar(f"{model} {weights}: decode, times PyTorch compiled", ratio(decode, theirs), TORCH_RATIO, number)
        many = find(settings, sequences=MANY, prompt=best["prompt"]) if best else None
        together = median(many["decode_tokens_per_second"]) if many else None
        self.bar(f"{model} {weights}: {MANY} sequences, times one", ratio(together, decode), MANY_RATIO, number)
        if model == "llama2-7b":
            long = find(settings, sequences=1, prompt=PREFILL_PROMPT)
            rate = median(long["prefill_tokens_per_second"]) if long else None
            flops = rate * long["prompt_flops_per_token"] if rate else None
            self.bar(f"{model} {weights}: prefill of {PREFILL_PROMPT}, share of the product rate", ratio(flops, self.product),
                     PREFILL_SHARE, percent)


def markdown(head, rows):
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in [head, ["---"] * len(head), *rows]]
    return "\n".join(lines)


def report(out):
    problems = []
    rates = load(out / "rates.log", problems) or {}
    torch = {model: (load(out / f"torch-{model}.log", problems) or {}).get("settings") for model in MODELS}
    table = Table(rates, torch)
    for model in MODELS:
        for weights in WEIGHTS:
            settings = settings_of(out, model, weights, problems)
            for setting in settings:
                table.add_decode(model, weights, setting)
                table.add_prefill(model, weights, setting)
            table.judge(model, weights, settings)
    print(f"{rates.get('device', 'A card that is not named')}: copies {number(ratio(table.copy, 1e9), 0)} GB/s (read and written), "
          f"large bf16 products {number(ratio(table.product, 1e12), 0)} TFLOP/s. PyTorch: compiled, static cache, bf16.\n")
    print(markdown(["model", "weights", "executor", "sequences", "prompt", "decode tokens/s", "GB/s read", "of Heddle's copy rate",
                    "of PyTorch's copy rate", "x PyTorch"], table.decode), end="\n\n")
    print(markdown(["model", "weights", "sequences", "prompt", "prefill tokens/s", "TFLOP/s", "of the product rate", "x PyTorch"],
                   table.prefill), end="\n\n")
    verdicts = [[what, shown(value), shown(least), "?" if value is None else "met" if value >= least else "MISSED"]
                for what, value, least, shown in table.bars]
    print(markdown(["bar", "measured", "at least", ""], verdicts))
    for problem in problems:
        print(f"\nMissing: {problem}")
    missed, unknown = (sum(v[3] == word for v in verdicts) for word in ("MISSED", "?"))
    print(f"\n{len(verdicts) - missed - unknown} bars met, {missed} missed, {unknown} not measured")
    return 1 if missed or unknown else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the folder that bench/gpu.sh wrote")
    folder = parser.parse_args().out
    if not folder.is_dir():
        parser.error(f"{folder} is no folder")
    return report(folder)


if __name__ == "__main__":
    sys.exit(main())
