#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tokenizer_golden.json: small tokenizers and what the reference library makes of awkward texts with them.

usage: tokenizer_golden.py OUT.json        (needs the `tokenizers` package; made with 0.22)

A few vocabularies are trained here; the other tokenizers are variants that replace parts of one of those (top-level keys,
and keys of "model").
Layout: [{"name", "base": name or null, "parts": keys of tokenizer.json, "cases": [[text, ids, ids with the
post-processor, decoded, decoded without special tokens], ...]}]; null for ids or text that equal the one before.
"""
import json
import sys

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

CORPUS = [
    "Once upon a time there was a little loom, and the heddle was the part of it that guided every thread.",
    "The weaver's daughter didn't know what she'd do; they're all here, we've seen it, I'll say I'm sure, he'd said 'twas so.",
    "DON'T SHOUT, WE'LL HEAR YOU. I'VE GOT 12 THREADS, 345 KNOTS AND 67890 COLOURS.",
    "def weave(warp, weft):\n    for thread in warp:\n        if thread == weft:\n            return thread\n    return None\n",
    "Der Weber saß am Webstuhl und webte für die Königin ein blaues Tuch. Über Nacht wurde es größer.",
    "La tisserande a déjà terminé son œuvre à l'été, où les élèves étaient là.",
    "Ткач сидел за станком и ткал полотно для царя. Нитка за ниткой, ряд за рядом.",
    "織り手は糸を織ります。今日は天気がいいですね。我想织布,我想在这里工作。",
    "직조공은 실을 짭니다. नमस्ते दुनिया। مرحبا بالعالم. שלום עולם",
    "🙂 😀 👍🏽 👨‍👩‍👧 🇩🇪 ✅ 🚀🚀",
    "x = 3.14159; y = x ** 2  # http://example.org/a?b=c&d=e\r\n\tz = [1, 2, 3]\r\n\r\n",
] * 3

TEXTS = [
    "", " ", "  ", "   ", "\t", "\n", "\r\n", "\n\n\n", " \n ", "a", " a", "a ", "  a  b   c    ", "\n    x\n\t\ty\r\n  \r\nz ",
    "Once upon a time", " Once upon a time ", "The heddle guides every thread.", "loomheddlethreadweaver",
    "don't DON'T Don'T we'll WE'LL they're THEY'RE I'VE i'm 'tis ' s '' 'S'T o'clock 'ſ 'lL",
    "1 12 123 1234 12345 123456 1234567 3.14 1,000,000 0x1F ²³ ½ Ⅷ ٣٤٥ १२३",
    "def f(x):\n    return x**2  # square\n\n\n    y=[1,2];z={'a':1}\n", "a.b,c;d:e!f?g/h\\i|j_k-l=m+n*o&p^q%r$s#t@u~v`w",
    "......!!!!!!??????-----=====~~~~~", "https://example.org/path?q=1&r=2#top", "  \u00a0\u3000\u2003x\u200b\u2028y\u0085z\u180e\u1680!",
    "é e\u0301 ü u\u0308 Å \u212b ﬁ ﬀ ß İ ı ǅ Σ σ ς ŉ ½ ㍿ ｱ Ａ１", "q\u0307\u0323 q\u0323\u0307 \u0344 \u0f73\u0f71 \u1e9b\u0323 a\u0301\u0300\u0323\u0316b",
    "각 \u1100\u1161\u11a8 가\u11a8 ᄀ", "織り手は糸を織ります。我想在apple工作1314151天～", "Ткач сидел, царя!", "مرحبا بالعالم ١٢٣ שלום עולם",
    "नमस्ते दुनिया। कान्तै กำลังทำงาน កាន់តែពិសេសអាច", "🙂👍🏽👨‍👩‍👧🇩🇪😶‍🌫️✅ a🚀b", "\u200d\ufe0f\u20e3 \U0001d400\U00020000\U0010ffff\U000e0041",
    "null\x00byte \x01\x7f\x1b[0m", "\ufeffBOM", "▁▁x ▁ Ġ Ċ <0x41> <0x0A>", "<s>", "</s>", "<s>Once</s>", "<s> Once </s> upon <s>", "a<s>b", "x <s>  <s> y",
    "<|end|>", "text <|end|> more", "text<|end|>more", "<|end|>\n\n<|end|>", "<|end", "<<|end|>>", "<|end|>er", "  <pad>  x<pad>y <pad>",
    "maskmask mask amask maska mask, (mask) _mask mask_ émask mask\u0301", "LOOM loom Loom ＬＯＯＭ l o o m", "tool toolbox <tool> <tool>box <tool>  x", "ab\u0301c ÀÉÎ \u00c0",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "the the the the the the the", "a-b-c --- d", "-a- -b-", "- -",
    "unknown ☃ and ☃☃ and x☃y ☃", "\u2581", "tab\tseparated\tvalues\t\t", "trailing newline\n", "mixed: Ünïcödé, 日本, 12日, x²+y²=z²",
]  # fmt: skip


def as_parts(tokenizer):
    return json.loads(tokenizer.to_str())


def load(parts):
    return Tokenizer.from_str(json.dumps(parts))


def added(id, content, special=True, normalized=False, lstrip=False, rstrip=False, single_word=False):
    return {
        "id": id, "content": content, "single_word": single_word, "lstrip": lstrip, "rstrip": rstrip,
        "normalized": normalized, "special": special,
    }  # fmt: skip


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def byte_level(use_regex=False, add_prefix_space=False):
    return {"type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": True, "use_regex": use_regex}


def sequence(key, *items):
    return {"type": "Sequence", key: list(items)}


def template(*pieces, ids):
    single = [{"Sequence" if p == "A" else "SpecialToken": {"id": p, "type_id": 0}} for p in pieces]
    pair = single + [{"Sequence": {"id": "B", "type_id": 1}}]
    table = {p: {"id": p, "ids": [ids[p]], "tokens": [p]} for p in pieces if p != "A"}
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": table}


def metaspace(**more):
    return {"type": "Metaspace", "replacement": "▁", **more}


REPLACE_SPACE = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
LLAMA2_NORMALIZER = sequence("normalizers", {"type": "Prepend", "prepend": "▁"}, REPLACE_SPACE)
LLAMA2_DECODER = sequence(
    "decoders",
    {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
    {"type": "ByteFallback"},
    {"type": "Fuse"},
    {"type": "Strip", "content": " ", "start": 1, "stop": 0},
)


def train_byte_level(regex, size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(__import__("tokenizers").Regex(regex), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return as_parts(tokenizer)


def train_metaspace(size):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, limit_alphabet=70, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    parts = as_parts(tokenizer)
    parts["normalizer"] = LLAMA2_NORMALIZER
    parts["pre_tokenizer"] = None
    parts["decoder"] = LLAMA2_DECODER
    parts["added_tokens"] = [added(i, special[i]) for i in range(3)]
    parts["post_processor"] = template("<s>", "A", ids={"<s>": 1})
    return parts


def variants():
    """(name, base or None, parts) for each tokenizer; the parts of a variant replace those of its base."""
    gpt2 = train_byte_level(GPT2, 520)
    gpt2["pre_tokenizer"] = byte_level(use_regex=True)
    gpt2["added_tokens"] = [added(520, "<s>"), added(521, "</s>"), added(522, "<|end|>"), added(523, "<pad>")]
    yield "gpt2", None, gpt2
    llama3 = train_byte_level(LLAMA3, 560)
    llama3["pre_tokenizer"] = sequence("pretokenizers", split(LLAMA3), byte_level())
    llama3["added_tokens"] = [added(560, "<s>"), added(561, "</s>"), added(562, "<|end|>"), added(563, "<pad>", special=False)]
    llama3["post_processor"] = sequence(
        "processors",
        {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
        template("<s>", "A", ids={"<s>": 560}),
    )
    llama3["model"]["ignore_merges"] = True
    yield "llama3", None, llama3
    llama2 = train_metaspace(520)
    yield "llama2", None, llama2

    yield "qwen2", "gpt2", {
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": sequence("pretokenizers", split(QWEN2), byte_level()),
        "added_tokens": [added(520, "<|end|>"), added(521, "<tool>", special=False), added(522, "Loom", special=False, normalized=True)],
    }
    yield "cl100k", "llama3", {"pre_tokenizer": sequence("pretokenizers", split(CL100K, "Removed", True), byte_level())}
    yield "o200k", "llama3", {"pre_tokenizer": sequence("pretokenizers", split(O200K), byte_level()), "post_processor": None}
    yield "deepseek", "gpt2", {
        "normalizer": sequence("normalizers"),
        "pre_tokenizer": sequence(
            "pretokenizers",
            split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split(r"\s+$"), split("[一-龥ࠀ-一가-퟿]+"),
            {"type": "Digits", "individual_digits": True}, byte_level(),
        ),
        "post_processor": template("<s>", "A", "</s>", ids={"<s>": 520, "</s>": 521}),
    }  # fmt: skip
    yield "gpt2-prefix-space", "gpt2", {
        "pre_tokenizer": byte_level(use_regex=True, add_prefix_space=True),
        "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 521], "cls": ["<s>", 520], "trim_offsets": True, "add_prefix_space": True},
    }  # fmt: skip
    yield "smollm", "gpt2", {
        "pre_tokenizer": sequence("pretokenizers", {"type": "Digits", "individual_digits": True}, byte_level(use_regex=True)),
    }
    yield "digits-together", "gpt2", {
        "pre_tokenizer": sequence("pretokenizers", {"type": "Digits", "individual_digits": False}, byte_level()),
        "decoder": None,
    }
    yield "phi3", "llama2", {
        "added_tokens": [
            added(0, "<unk>"), added(1, "<s>"), added(2, "</s>", special=False, rstrip=True), added(520, "<|end|>", rstrip=True),
            added(521, "<pad>", lstrip=True), added(522, "mask", special=False, single_word=True), added(523, "<tool>", lstrip=True, rstrip=True),
        ],
        "post_processor": None,
    }  # fmt: skip
    yield "mistral-v3", "llama2", {
        "normalizer": None,
        "pre_tokenizer": metaspace(prepend_scheme="first", split=False),
        "decoder": LLAMA2_DECODER,
    }
    yield "metaspace-always", "llama2", {
        "normalizer": None,
        "pre_tokenizer": metaspace(prepend_scheme="always", split=True),
        "decoder": metaspace(prepend_scheme="always", split=True),
        "post_processor": {"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1]},
    }
    yield "metaspace-legacy", "llama2", {
        "normalizer": None,
        "pre_tokenizer": metaspace(add_prefix_space=True),
        "decoder": sequence("decoders", {"type": "ByteFallback"}, metaspace(add_prefix_space=True)),
    }
    yield "metaspace-never", "llama2", {
        "normalizer": None,
        "pre_tokenizer": metaspace(prepend_scheme="never"),
        "decoder": sequence("decoders", {"type": "ByteFallback"}, metaspace(prepend_scheme="never"), {"type": "Fuse"}),
    }
    yield "unk-each", "llama2", {"model": dict(byte_fallback=False, fuse_unk=False)}
    yield "unk-fused", "llama2", {"model": dict(byte_fallback=False)}
    yield "unk-none", "llama2", {"model": dict(byte_fallback=False, unk_token=None)}
    few_bytes = {token: id for token, id in llama2["model"]["vocab"].items() if token not in ("<0x98>", "<0x80>")}
    yield "some-bytes", "llama2", {"model": dict(vocab=few_bytes)}
    yield "normalized-added", "llama2", {
        "normalizer": sequence("normalizers", {"type": "NFKC"}, {"type": "Lowercase"}, {"type": "Strip", "strip_left": True, "strip_right": True}, REPLACE_SPACE),
        "added_tokens": [
            added(0, "<unk>"), added(1, "<s>"), added(520, "LOOM", special=False, normalized=True),
            added(521, "mask", special=False, normalized=True, single_word=True), added(522, "tool", special=False, normalized=True, lstrip=True),
            added(523, "toolbox", special=False, normalized=True, rstrip=True),
        ],
    }  # fmt: skip
    yield "strip-accents", "llama2", {
        "normalizer": sequence("normalizers", {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Strip", "strip_left": True, "strip_right": False}),
        "pre_tokenizer": {"type": "Whitespace"},
    }  # fmt: skip
    yield "nfd", "llama2", {
        "normalizer": sequence("normalizers", {"type": "NFD"}, {"type": "Replace", "pattern": {"Regex": r"\s+|x*"}, "content": "▁"}),
        "pre_tokenizer": sequence("pretokenizers", {"type": "Punctuation", "behavior": "MergedWithPrevious"}, {"type": "WhitespaceSplit"}),
    }  # fmt: skip
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        for invert in (False, True):
            yield f"split-{behavior}-{'inverted' if invert else 'plain'}", "llama2", {
                "normalizer": None,
                "pre_tokenizer": split(r"[-aeio]|\s", behavior, invert),
                "post_processor": None,
            }
    yield "split-string", "llama2", {"normalizer": None, "pre_tokenizer": split("th", "MergedWithNext", kind="String")}
    yield "punctuation", "llama2", {"normalizer": None, "pre_tokenizer": {"type": "Punctuation", "behavior": "Isolated"}}
    yield "odd-regex", "llama2", {
        "normalizer": None,
        "pre_tokenizer": split(r"\h+|[[:punct:]]+|\p{Punct}|^T|\u0301|\w{2,3}+$|(?m:n.)|th(?i)E|W", "Isolated"),
    }  # fmt: skip
    vocab = {token: i for i, token in enumerate(["[u]", *"abcdehlmot", *("##" + c for c in "abcdehlmot")])}
    merges = [("l", "##o"), ("lo", "##o"), ("loo", "##m"), ("t", "##h"), ("th", "##e"), ("##a", "##a"), ("##aa", "##a")]
    for left, right in merges:
        vocab[left + right[2:]] = len(vocab)
    yield "affixes", "llama2", {
        "model": {
            "type": "BPE", "dropout": None, "unk_token": "[u]", "continuing_subword_prefix": "##", "end_of_word_suffix": None,
            "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": vocab, "merges": [" ".join(m) for m in merges],
        },
        "added_tokens": [], "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": None, "decoder": None,
    }  # fmt: skip
    vocab = {token: i for i, token in enumerate([*"abcdehlmot", *(c + "</w>" for c in "abcdehlmot"), "th", "the</w>", "lo", "loo", "loom</w>"])}
    merges = [("t", "h"), ("th", "e</w>"), ("l", "o"), ("lo", "o"), ("loo", "m</w>")]
    yield "suffix", "affixes", {
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": "</w>",
            "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": vocab, "merges": merges,
        },
    }  # fmt: skip


def cases(tokenizer, texts):
    out = []
    for text in texts:
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        special = tokenizer.encode(text, add_special_tokens=True).ids
        decoded = tokenizer.decode(special, skip_special_tokens=False)
        skipped = tokenizer.decode(special, skip_special_tokens=True)
        out.append([text, plain, None if special == plain else special, None if decoded == text else decoded,
                    None if skipped == decoded else skipped])  # fmt: skip
    return out


def all_tokenizers():
    """(name, base, parts, whole tokenizer.json) for each; one at a time, since bases come first."""
    whole = {}
    for name, base, parts in variants():
        whole[name] = {**whole[base], **parts} if base else parts
        if base and "model" in parts:
            whole[name]["model"] = {**whole[base]["model"], **parts["model"]}
        yield name, base, parts, whole[name]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = []
    for name, base, parts, whole in all_tokenizers():
        # Variants get every third text, each starting elsewhere, to keep the file small; all texts are covered many times.
        texts = TEXTS if base is None else TEXTS[len(out) % 3 :: 3]
        out.append({"name": name, "base": base, "parts": parts, "cases": cases(load(whole), texts)})
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(one, ensure_ascii=True, separators=(",", ":")) for one in out) + "\n]\n")


if __name__ == "__main__":
    main()
