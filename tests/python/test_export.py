# SPDX-License-Identifier: Apache-2.0
"""Exported programs against eager PyTorch: an independent reader runs the files at several values of their sizes."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn
from torch.export import Dim
from torch.utils import _pytree as pytree

import heddle
import program_models as models
from program_reader import Bad, Program

torch.set_num_threads(1)
BUILD = Path(os.environ.get("HEDDLE_BUILD_DIR", Path(__file__).resolve().parents[2] / "build" / "release"))


def read_and_printed_by_the_library(path):
    """The same program once more, as the library understands it."""
    again = path.with_name("again.hdg")
    printed = subprocess.run([BUILD / "bin" / "heddle", "inspect", "-m", path, "--graph"], check=True, capture_output=True, text=True).stdout
    again.write_text(printed, encoding="utf-8")
    shutil.copyfile(path.with_suffix(".safetensors"), again.with_suffix(".safetensors"))
    return Program(again)


def exported(tmp_path, *args, **kwargs):
    heddle.export(*args, **kwargs, path=tmp_path / "model.hdg")
    return Program(tmp_path / "model.hdg")


def worst(want, got):
    """The largest difference of two results, relative to the largest element; infinite ones have to be the same."""
    assert want.dtype == got.dtype and want.shape == got.shape
    if torch.equal(want, got):
        return 0
    want, got = want.double(), got.double()
    finite = want.isfinite()
    assert torch.equal(want[~finite], got[~finite])
    return ((want - got)[finite].abs().max() / want[finite].abs().max()).item()


def compare(program, model, args, kwargs, tolerance):
    with torch.no_grad():
        want = pytree.tree_leaves(model(*args, **kwargs))
    inputs = [a for a in pytree.tree_leaves((args, kwargs)) if isinstance(a, torch.Tensor)]
    got = list(program.run("forward", *inputs).values())
    assert len(want) == len(got)
    assert max(map(worst, want, got)) <= tolerance


@pytest.mark.parametrize("name", list(models.CASES))
def test_results_are_those_of_eager_pytorch(name, tmp_path):
    case, model = models.CASES[name], models.make(name)
    args, kwargs = case.inputs(**case.sizes[0])
    program = exported(tmp_path, model, args, kwargs=kwargs, dynamic_shapes=case.dynamic)
    assert set(program.symbols) == set(case.sizes[0]), "the Dims' names are the symbols'"
    for sizes in case.sizes:
        compare(program, model, *case.inputs(**sizes), case.tolerance)
    again = read_and_printed_by_the_library(tmp_path / "model.hdg")
    assert [call.op for call in again.methods["forward"].calls] == [call.op for call in program.methods["forward"].calls]
    compare(again, model, *case.inputs(**case.sizes[-1]), case.tolerance)
    assert all(call.scope or call.source for call in program.methods["forward"].calls)


def test_operators_that_say_most_stay_whole(tmp_path):
    class All(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.conv = nn.Linear(8, 8), nn.Conv1d(8, 8, 3)
            self.ln, self.rms, self.gn, self.bn = nn.LayerNorm(8), nn.RMSNorm(8), nn.GroupNorm(2, 8), nn.BatchNorm1d(8)
            self.embedding = nn.Embedding(5, 8)

        def forward(self, x, i):
            y = self.rms(self.ln(self.linear(self.embedding(i)))) @ x
            y = F.scaled_dot_product_attention(y, y, y, is_causal=True)
            y = torch.baddbmm(y, y, y) + torch.bmm(y, y)
            y = self.bn(self.gn(self.conv(F.silu(F.gelu(y)))))
            y = F.interpolate(F.max_pool2d(y[None], 2), scale_factor=2.0, mode="nearest")[0]
            y = torch.index_put(y, (i[0, :1],), y.softmax(-1).log_softmax(-1)[0, 0, 0])
            return torch.addmm(y[0], y[1, :, :4], y[1, :4]) + y[0, :, :4].mm(y[0, :4])

    program = exported(tmp_path, All().eval(), (torch.randn(2, 8, 8), torch.tensor([[1, 2, 3, 4, 0, 1, 2, 3]] * 2)))
    ops = {call.name.split(".")[1] for call in program.methods["forward"].calls}
    assert ops >= {
        "linear", "matmul", "scaled_dot_product_attention", "baddbmm", "bmm", "mm", "addmm", "convolution", "layer_norm", "rms_norm",
        "group_norm", "_native_batch_norm_legit_no_training", "_softmax", "_log_softmax", "gelu", "silu", "embedding", "index_put",
        "max_pool2d", "upsample_nearest2d",
    }  # fmt: skip
    assert not ops & {"sigmoid", "rsqrt", "exp", "erf", "var_mean", "native_layer_norm", "native_group_norm"}


# ---- states and methods ----


class Counter(nn.Module):
    """Remembers what it was given, and what it began with."""

    def __init__(self):
        super().__init__()
        self.register_buffer("memory", torch.zeros(4, 3))
        self.register_buffer("total", torch.tensor([1.0, 2.0, 3.0]), persistent=False)
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, x, at):
        self.memory.index_copy_(0, at, x * self.scale)
        self.total.add_(x.sum(0))
        self.memory[0, 1] = -1
        return self.memory.sum(1), self.total * torch.tensor([1.0, 0.5, 0.25])


def test_buffers_that_change_are_states(tmp_path):
    n = Dim("n", min=1, max=4)
    methods = {
        "many": ((torch.randn(2, 3), torch.tensor([0, 1])), None, ({0: n}, {0: n})),
        "one": ((torch.randn(1, 3), torch.tensor([0])),),
    }
    model = Counter().eval()
    program = exported(tmp_path, model, methods=methods)
    assert {program.keys[s] for s in program.states} == {"memory", "total"}
    assert "memory" not in load_file(tmp_path / "model.safetensors"), "zeros are not stored"
    assert set(program.keys.values()) == {"memory", "total", "scale", "constant.0", "constant.1"}
    assert torch.equal(model.total, torch.tensor([1.0, 2.0, 3.0])), "exporting changed the model"
    for step, at in enumerate(([1, 2], [3], [0, 1, 2, 3], [2], [2])):
        x, at = models.floats(len(at), 3, seed=step), torch.tensor(at)
        with torch.no_grad():
            want = model(x, at)
        got = program.run("one" if len(at) == 1 else "many", x, at)
        assert list(got) == ["0", "1"]
        assert all(map(torch.equal, want, got.values()))


@pytest.mark.parametrize("name,dtype", [("llama", torch.bfloat16), ("mistral", torch.float32)])
def test_language_models_with_caches(name, dtype, tmp_path):
    from heddle.caches import WithStaticCache

    model = models.make(name).to(dtype)
    tokens, seq = models.ids(2, 24), Dim("seq", min=2, max=16)
    methods = {
        "prefill": ((tokens[:, :7], torch.arange(7)), None, ({1: seq}, {0: seq})),
        "decode": ((tokens[:, :1], torch.tensor([0])), None, None),
    }
    program = exported(tmp_path, WithStaticCache(model, 2, 32), methods=methods)
    layers = model.config.num_hidden_layers
    assert {program.keys[s] for s in program.states} == {f"cache.{i}.{kv}" for i in range(layers) for kv in ("keys", "values")}
    assert all(s.dtype == dtype and s.shape == (2, 2, 32, 8) for s in program.states.values())
    eager, at, logits = WithStaticCache(model, 2, 32), 0, []
    for n in (9, 1, 1, 12, 1):  # beyond mistral's window of 8
        args = tokens[:, at : at + n], torch.arange(at, at + n)
        with torch.no_grad():
            want = eager(*args)
        logits.append(program.run("decode" if n == 1 else "prefill", *args)["output"])
        assert torch.equal(want, logits[-1])
        at += n
    for state, want in (("cache.0.keys", eager.cache[0].keys), ("cache.0.values", eager.cache[0].values)):
        assert torch.equal(program.states[state], want)
    with torch.no_grad():
        whole = model(tokens[:, :at], use_cache=False).logits
    assert worst(whole, torch.cat(logits, dim=1)) < (1e-5 if dtype == torch.float32 else 0.03)


# ---- the files ----


def test_weights_have_the_names_of_the_models_state_dict(tmp_path):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.head = nn.Embedding(6, 4), nn.Linear(4, 6, bias=False)
            self.head.weight = self.embed.weight
            self.blocks = nn.ModuleDict({"a-b": nn.Linear(4, 4), "c d": nn.Linear(4, 4)})
            self.register_buffer("unused", torch.ones(3))
            self.register_buffer("hidden", torch.rand(4), persistent=False)
            self.register_buffer("strided", torch.arange(8.0).view(2, 4).t()[:, 1])
            self.x = nn.Parameter(torch.tensor(3.0))

        def forward(self, x):
            y = self.embed(x) * self.x
            for block in self.blocks.values():
                y = block(y)
            return {"logits": self.head(y + self.hidden + torch.tensor([1.0, 2.0, 3.0, 4.0]) * self.strided), "input": x}

    model = Tied().eval()
    program = exported(tmp_path, model, (torch.tensor([[1, 2]]),))
    stored = load_file(tmp_path / "model.safetensors")
    state_dict = model.state_dict()
    assert set(stored) - set(state_dict) == {"hidden", "constant.0"}
    assert set(state_dict) - set(stored) == {"head.weight", "unused"}
    assert all(torch.equal(stored[k], state_dict[k]) for k in set(stored) & set(state_dict))
    compare(program, model, (torch.tensor([[5, 0]]),), {}, 0)
    assert list(program.methods["forward"].outputs) == ["logits", "input"]


def test_sizes_have_names_of_their_own(tmp_path):
    """Even where a Dim is called as something of the format, or as what a size without a name would be called."""

    class Sum(nn.Module):
        def forward(self, x, y):
            return x.sum(1)[:, None] + y

    shapes = ({0: Dim("f32", min=2, max=4), 1: Dim("max", min=2, max=5)}, {0: Dim("f32", min=2, max=4), 1: Dim("max_1", min=2, max=6)})
    program = exported(tmp_path, Sum().eval(), (torch.randn(3, 4), torch.randn(3, 5)), dynamic_shapes=shapes)
    assert program.symbols == {"f32_1": (2, 4), "max_1": (2, 5), "max_1_1": (2, 6)}
    compare(program, Sum(), (torch.randn(2, 5), torch.randn(2, 6)), {}, 0)


def test_calls_know_their_module_and_line(tmp_path):
    class Inner(nn.Module):
        def forward(self, x):
            return x.sin()  # line of sin

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([Inner(), Inner()])

        def forward(self, x):
            x = self.layers[1](self.layers[0](self.layers[1](x)))
            return F.layer_norm(x, (3,))  # line of norm

    program = exported(tmp_path, Outer().eval(), (torch.randn(2, 3),))
    lines = Path(__file__).read_text().splitlines()
    line = {what: f"test_export.py:{next(i for i, s in enumerate(lines, 1) if s.endswith('# line of ' + what))}" for what in ("sin", "norm")}
    assert [(c.name, c.scope, c.source) for c in program.methods["forward"].calls] == [
        ("aten.sin.default", "layers.1", line["sin"]), ("aten.sin.default", "layers.0", line["sin"]),
        ("aten.sin.default", "layers.1", line["sin"]), ("aten.layer_norm.default", "", line["norm"]),
    ]  # fmt: skip


def test_the_same_model_gives_the_same_bytes(tmp_path):
    """In this process and in one that orders sets and hashes otherwise."""
    script = (
        "import sys; sys.path[:0] = sys.argv[2:]\n"
        "import heddle, program_models as models\n"
        "case, model = models.CASES['joined'], models.make('joined')\n"
        "heddle.export(model, case.inputs(**case.sizes[0])[0], f'{sys.argv[1]}/joined.hdg', dynamic_shapes=case.dynamic)\n"
    )
    folders = [str(Path(__file__).parent), str(Path(heddle.__file__).parents[1])]
    subprocess.run([sys.executable, "-c", script, str(tmp_path), *folders], check=True, env={**os.environ, "PYTHONHASHSEED": "7"}, timeout=300)
    (tmp_path / "here").mkdir()
    case, model = models.CASES["joined"], models.make("joined")
    heddle.export(model, case.inputs(**case.sizes[0])[0], tmp_path / "here" / "joined.hdg", dynamic_shapes=case.dynamic)
    files = list((tmp_path / "here").iterdir())
    assert len(files) == 2 and all(f.read_bytes() == (tmp_path / f.name).read_bytes() for f in files)


def test_files_appear_when_they_are_complete(tmp_path, monkeypatch):
    model = nn.Linear(3, 3).eval()
    heddle.export(model, (torch.randn(1, 3),), tmp_path / "model.hdg")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert set(before) == {"model.hdg", "model.safetensors"}

    def fails(file, tensors):
        file.write(b"half of it")
        raise OSError("the disk is full")

    monkeypatch.setattr("heddle.weights.write_safetensors", fails)
    with pytest.raises(OSError, match="the disk is full"):
        heddle.export(nn.Linear(3, 3).eval(), (torch.randn(1, 3),), tmp_path / "model.hdg")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_all_types_are_written_as_they_are(tmp_path):
    dtypes = [torch.bool, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.uint16, torch.uint32, torch.uint64,
              torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.float8_e4m3fn, torch.float8_e5m2]  # fmt: skip

    class Types(nn.Module):
        def __init__(self):
            super().__init__()
            for i, dtype in enumerate(dtypes):
                self.register_buffer(f"b{i}", torch.tensor([[0, 1], [1, 3], [2, 1]]).to(dtype))
            self.register_buffer("empty", torch.zeros(0, 3))

        def forward(self, x):
            return [x, self.empty, *(getattr(self, f"b{i}") for i in range(len(dtypes)))]

    program = exported(tmp_path, Types().eval(), (torch.randn(1),))
    results = list(program.run("forward", torch.ones(1)).values())
    assert [r.dtype for r in results[2:]] == dtypes and results[1].shape == (0, 3)
    assert all(torch.equal(r.double(), torch.tensor([[0, 1], [1, 3], [2, 1]]).to(d).double()) for r, d in zip(results[2:], dtypes))


def test_the_reader_notices_what_is_wrong(tmp_path):
    """Or it would prove nothing."""
    n = Dim("n", min=2, max=9)
    heddle.export(nn.Linear(3, 3).eval(), (torch.randn(4, 3),), tmp_path / "model.hdg", dynamic_shapes=({0: n},))
    text = (tmp_path / "model.hdg").read_text()
    for old, new in ((": f32[n, 3]", ": f32[n + 1, 3]"), ("linear.default(%input", "linear.default(%inpu"), ("aten.linear", "aten.lines"),
                     ('"bias"', '"base"'), ("heddle program 1", "heddle program 2"), ("end\n", ""), (" : f32", " f32")):  # fmt: skip
        assert old in text
        (tmp_path / "model.hdg").write_text(text.replace(old, new))
        with pytest.raises((Bad, AttributeError)):
            Program(tmp_path / "model.hdg").run("forward", torch.randn(5, 3))
    (tmp_path / "model.hdg").write_text(text)
    with pytest.raises(Bad, match="out of its range"):
        Program(tmp_path / "model.hdg").run("forward", torch.randn(10, 3))
