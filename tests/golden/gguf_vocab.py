#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the vocabulary inside a GGUF file into a Hugging Face tokenizer.json.

usage: gguf_vocab.py VOCAB.gguf TOKENIZER.json

A GGUF file has the tokens and, for byte-level models, the merges; which expression cuts the text is only named. For
SentencePiece models the merges are made from the scores, in the order the transformers library's converter puts them.
"""
import json
import struct
import sys

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6

SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9

# Letters with case, as the model's own tokenizer.json lists them. Escapes where a normal form would change the character.
CASED = (
    "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝ\u1f5f-\u1f7dᾀ-ᾴᾶ-ᾼ\u1fbe"
    "ῂ-ῄῆ-ῌ\u1fd0-\u1fd3\u1fd6-\u1fdbῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝ\u2124\u2126\u2128\u212a-\u212dℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ"
    "𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃"
)


def read_metadata(path):
    """The key-value pairs in front of a GGUF file's tensors."""
    with open(path, "rb") as file:
        data = file.read()
    at = 0

    def take(fmt):
        nonlocal at
        (value,) = struct.unpack_from("<" + fmt, data, at)
        at += struct.calcsize("<" + fmt)
        return value

    def string():
        nonlocal at
        size = take("Q")
        at += size
        return data[at - size : at].decode("utf-8")

    def value(kind):
        if kind == STRING:
            return string()
        if kind == ARRAY:
            element, count = take("I"), take("Q")
            return [value(element) for _ in range(count)]
        return take(SCALARS[kind])

    if data[:4] != b"GGUF":
        sys.exit(f"{path}: is not a GGUF file")
    at = 4
    version, _tensors, pairs = take("I"), take("Q"), take("Q")
    if version < 2:
        sys.exit(f"{path}: GGUF version {version} is not supported")
    return {string(): value(take("I")) for _ in range(pairs)}


def added_tokens(tokens, types):
    """Control tokens are special; user-defined ones are matched in the text but shown."""
    return [
        {
            "id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": kind != USER_DEFINED,
        }
        for i, (token, kind) in enumerate(zip(tokens, types))
        if kind in (UNKNOWN, CONTROL, USER_DEFINED)
    ]  # fmt: skip


def split(regex):
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}


def byte_level(use_regex):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": use_regex}


def pre_tokenizer(name):
    if name == "gpt-2":
        return byte_level(True)
    if name == "deepseek-llm":
        steps = [
            split("[\r\n]"),
            split(f"\\s?[{CASED}]+"),
            split("\\s?[!-/:-~！-／：-～‘-‟　-。]+"),
            split("\\s+$"),
            split("[一-龥ࠀ-一가-퟿]+"),
            {"type": "Digits", "individual_digits": True},
            byte_level(False),
        ]
        return {"type": "Sequence", "pretokenizers": steps}
    sys.exit(f'the pre-tokenizer "{name}" is not known to this script')


def merges_from_scores(tokens, scores, types):
    """Every way to put a token together from two others, best score first, longer left parts first among equals."""
    ids = {token: i for i, token in enumerate(tokens)}
    merges = []
    for i, token in enumerate(tokens):
        if types[i] != NORMAL:
            continue
        ways = [(token[:n], token[n:]) for n in range(1, len(token)) if token[:n] in ids and token[n:] in ids]
        ways.sort(key=lambda way: (ids[way[0]], ids[way[1]]))
        merges += [(left, right, scores[i]) for left, right in ways]
    merges.sort(key=lambda merge: (merge[2], len(merge[0]), len(merge[1])), reverse=True)
    return [[left, right] for left, right, _ in merges]


def bos_template(metadata, tokens):
    if not metadata.get("tokenizer.ggml.add_bos_token"):
        return None
    bos = metadata["tokenizer.ggml.bos_token_id"]
    return {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": tokens[bos], "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {tokens[bos]: {"id": tokens[bos], "ids": [bos], "tokens": [tokens[bos]]}},
    }


def convert(metadata):
    tokens = metadata["tokenizer.ggml.tokens"]
    types = metadata["tokenizer.ggml.token_type"]
    added = added_tokens(tokens, types)
    out = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added}
    model = {"type": "BPE", "dropout": None, "continuing_subword_prefix": None, "end_of_word_suffix": None}
    if metadata["tokenizer.ggml.model"] == "gpt2":
        outside = {token["id"] for token in added}
        out["normalizer"] = None
        out["pre_tokenizer"] = pre_tokenizer(metadata["tokenizer.ggml.pre"])
        out["decoder"] = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
        model.update(unk_token=None, fuse_unk=False, byte_fallback=False, ignore_merges=False)
        model["vocab"] = {token: i for i, token in enumerate(tokens) if i not in outside}
        model["merges"] = metadata["tokenizer.ggml.merges"]
    else:
        out["normalizer"] = {
            "type": "Sequence",
            "normalizers": [
                {"type": "Prepend", "prepend": "▁"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
            ],
        }
        out["pre_tokenizer"] = None
        out["decoder"] = {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0},
            ],
        }
        model.update(unk_token=tokens[0], fuse_unk=True, byte_fallback=True, ignore_merges=False)
        model["vocab"] = {token: i for i, token in enumerate(tokens)}
        model["merges"] = merges_from_scores(tokens, metadata["tokenizer.ggml.scores"], types)
    out["post_processor"] = bos_template(metadata, tokens)
    out["model"] = model
    return out


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(convert(read_metadata(sys.argv[1])), file, ensure_ascii=False)


if __name__ == "__main__":
    main()
