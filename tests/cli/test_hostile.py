# SPDX-License-Identifier: Apache-2.0
"""Models that are broken or lie: each ends with a non-zero exit code and exactly one sentence, never with a crash."""
import json
import os
import shutil
import struct
import tempfile
import unittest
from pathlib import Path

from program import MODEL, WITHOUT_MODEL, Case, main, run


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@unittest.skipUnless(MODEL, WITHOUT_MODEL)
class Hostile(Case):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        for path in MODEL.iterdir():
            if path.is_file() and path.suffix in (".json", ".safetensors"):
                shutil.copyfile(path, self.folder / path.name)
                os.chmod(self.folder / path.name, 0o644)

    def refused(self, *words):
        result = run("run", "-m", self.folder, "-p", "Once", "-n", 4, "--temp", 0, timeout=60)
        text = result.stderr.decode()
        self.assertGreater(result.returncode, 0, text)  # below zero: a signal
        self.assertLess(result.returncode, 128, text)
        self.failed_with(result, result.returncode, *words)
        return result.returncode

    def config(self, **changes):
        path = self.folder / "config.json"
        config = json.loads((MODEL / "config.json").read_text())
        config.update(changes)
        path.write_text(json.dumps({k: v for k, v in config.items() if v is not ...}))

    def weights(self):
        return next(self.folder.glob("*.safetensors"))

    def test_as_copied_it_runs(self):
        result = run("run", "-m", self.folder, "-p", "Once", "-n", 4, "--temp", 0)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_configurations(self):
        for changes in [{"num_attention_heads": 0}, {"num_attention_heads": -4}, {"num_hidden_layers": -1}, {"hidden_size": 0},
                        {"hidden_size": 2**62}, {"num_hidden_layers": 2**31}, {"vocab_size": 0}, {"vocab_size": 2**40},
                        {"num_key_value_heads": 7}, {"intermediate_size": -5}, {"intermediate_size": 10**9},
                        {"head_dim": 0}, {"head_dim": 3}, {"rms_norm_eps": "small"}, {"hidden_size": "64"}, {"hidden_size": 64.5},
                        {"architectures": ["NoSuchForCausalLM"], "model_type": "no-such"}, {"architectures": 5, "model_type": []},
                        {"num_hidden_layers": 100000}, {"rope_scaling": {"rope_type": "no-such", "factor": 2.0}},
                        {"hidden_act": "no-such"}, {"rope_theta": 0}, {"hidden_size": ...}]:
            with self.subTest(changes=changes):
                self.config(**changes)
                self.refused()

    def test_configuration_files(self):
        path = self.folder / "config.json"
        for text in [b"", b"{", b"[]", b"null", b"[" * 100000, b'{"a":' * 50000, b"\xff\xfe{}", b'{"hidden_size": 1e999}', b"\0" * 64]:
            with self.subTest(text=text[:20]):
                path.write_bytes(text)
                self.assertEqual(self.refused("config.json"), 3)
        path.unlink()
        self.assertEqual(self.refused("config.json"), 3)

    def test_weights(self):
        path = self.weights()
        good = path.read_bytes()
        header_size = struct.unpack("<Q", good[:8])[0]
        header = json.loads(good[8:8 + header_size])
        data = good[8 + header_size:]
        names = [name for name in header if name != "__metadata__"]
        first = names[0]

        def changed(**fields):
            return {**header, first: {**header[first], **fields}}

        for what, content in {
            "empty": b"",
            "truncated header size": good[:5],
            "truncated header": good[:8 + header_size // 2],
            "truncated data": good[:-7],
            "header beyond the file": struct.pack("<Q", len(good)) + good[8:],
            "header of 2^63": struct.pack("<Q", 2**63) + good[8:],
            "header of -1": struct.pack("<Q", 2**64 - 1) + good[8:],
            "not JSON": safetensors(b"x" * 64, data),
            "deep JSON": safetensors(b'{"a":' * 20000, data),
            "bad UTF-8": safetensors(b'{"\xff\xfe": 1}', data),
            "offsets reversed": safetensors(changed(data_offsets=header[first]["data_offsets"][::-1]), data),
            "offsets negative": safetensors(changed(data_offsets=[-8, 8]), data),
            "offsets beyond": safetensors(changed(data_offsets=[0, 2**60]), data),
            "dimensions that overflow": safetensors(changed(shape=[2**32, 2**32]), data),
            "negative dimension": safetensors(changed(shape=[-1, 64]), data),
            "wrong shape": safetensors(changed(shape=[1] + header[first]["shape"]), data),
            "unknown type": safetensors(changed(dtype="F12"), data),
            "a missing tensor": safetensors({k: v for k, v in header.items() if k != names[-1]}, data),
            "nothing in it": safetensors({}),
            "not even a file of it": b"GIF89a" * 100,
        }.items():
            with self.subTest(what=what):
                path.write_bytes(content)
                self.assertEqual(self.refused(), 3)
        path.unlink()
        self.assertEqual(self.refused("safetensors"), 3)

    def test_tokenizers(self):
        path = self.folder / "tokenizer.json"
        good = json.loads(path.read_text())
        for what, content in {
            "empty": "",
            "deep": "[" * 100000,
            "no model": json.dumps({**good, "model": None}),
            "an unknown model": json.dumps({**good, "model": {**good["model"], "type": "NoSuch"}}),
            "an id out of range": json.dumps({**good, "model": {**good["model"], "vocab": {"a": -5}}}),
            "merges of nothing": json.dumps({**good, "model": {**good["model"], "merges": [["no", "such"]]}}),
            "an unknown normaliser": json.dumps({**good, "normalizer": {"type": "NoSuch"}}),
        }.items():
            with self.subTest(what=what):
                path.write_text(content)
                self.refused()
        path.write_bytes(b'{"model": {"type": "BPE", "vocab": {"\xff": 0}, "merges": []}}')
        self.refused()
        path.unlink()
        self.assertEqual(self.refused("tokenizer"), 3)

    def test_places_that_are_no_model(self):
        for path in ["/", "/dev/null", "/etc/passwd", self.folder / "config.json"]:
            with self.subTest(path=path):
                self.failed_with(run("run", "-m", path, "-p", "x"), 3)
        os.mkfifo(self.folder / "fifo")
        self.weights().unlink()
        os.rename(self.folder / "fifo", self.folder / "model.safetensors")
        self.refused()


if __name__ == "__main__":
    main()
