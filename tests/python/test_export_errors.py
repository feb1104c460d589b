# SPDX-License-Identifier: Apache-2.0
"""What cannot be exported is refused with a sentence for each reason, the operator and its line in it, and nothing is written."""
import inspect
import re

import pytest
import torch
from torch import nn
from torch.export import Dim

import heddle
from heddle.program import Program

torch.set_num_threads(1)

X = torch.randn(4, 6)
N = Dim("n", min=2, max=9)


class Of(nn.Module):
    """A module of one function."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.eval()

    def forward(self, *args, **kwargs):
        return self.function(self, *args, **kwargs)


@torch.library.custom_op("heddle_tests::twice", mutates_args=())
def twice(x: torch.Tensor) -> torch.Tensor:
    return x * 2


@twice.register_fake
def _(x):
    return torch.empty_like(x)


def refused(tmp_path, model, args, **kwargs):
    """The sentence; LINE stands for any line of this file."""
    with pytest.raises(heddle.ExportError) as error:
        heddle.export(model, args, tmp_path / "model.hdg", **kwargs)
    assert not list(tmp_path.iterdir())
    return re.sub(r"test_export_errors\.py:\d+", "LINE", str(error.value))


def branches(self, x):
    return torch.cond(x.sum() > 0, lambda x: x.sin(), lambda x: x.cos(), (x,))


def asserts(self, x, y):
    torch._check(2 * x.shape[0] >= y.shape[0])
    return x + 1, y + 1


def in_place(self, x):
    x.add_(1)
    return x * 2


# name: (function, example arguments, dynamic shapes, the sentence)
CASES = {
    "custom operator": (lambda self, x: twice(x), (X,), None,
        "heddle_tests.twice.default (LINE): is not an operator of ATen; a custom operator cannot be compiled"),
    "control flow": (branches, (X,), None, "cond (LINE): control flow and other operators on functions are not supported"),
    "size from data": (lambda self, x: x.nonzero().sum(0), (X,), None,
        "aten.nonzero.default (LINE): makes a size or a number from data, which is not known before the run"),
    "number from data": (lambda self, x: x * x.sum().item(), (X,), None,
        "aten._local_scalar_dense.default (LINE): makes a size or a number from data, which is not known before the run"),
    "complex": (lambda self, x: torch.fft.fft(x).abs(), (X,), None,
        "aten._fft_r2c.default (LINE): the type torch.complex64 is not one that a program file has"),
    "input in place": (in_place, (X,), None, "forward changes its input args_0 in place; work on a copy of it, or keep it as a buffer"),
    "output None": (lambda self, x: {"a": x, "b": None}, (X,), None, "the output b of forward is None; outputs are tensors"),
    "output string": (lambda self, x: (x, "x"), (X,), None, "the output 1 of forward is 'x'; outputs are tensors"),
    "output size": (lambda self, x: (x, x.shape[0] * 2), (X,), ({0: N},),
        "the output 1 of forward is a number made from sizes; outputs are tensors"),
    "float from sizes": (lambda self, x: x * (x.shape[0] / 2 + 0.5), (X,), ({0: N},),
        "aten.mul.Tensor (LINE): its argument (IntTrueDiv(n, 2)) + 0.5 is made from sizes and is not an integer"),
    "assertion": (asserts, (X, X[0]), ({0: N}, {0: Dim("m", min=2, max=9)}),
        "aten._assert_scalar.default: asserts m <= 2*n, which does not follow from the ranges of the sizes"),
    "no maximum": (lambda self, x: x + 1, (X,), ({0: Dim("rows")},),
        'the size rows has no upper bound: give it one, as Dim("rows", max=4096)'),
    "no name": (lambda self, x: x + 1, (X,), ({0: Dim.DYNAMIC},),
        'the size args_0_0 has no upper bound: give it one, as Dim("args_0_0", max=4096)'),
    "number at run time": (lambda self, x, n: x + n, (X, 3), (None, Dim.DYNAMIC),
        "the input args_1: a number that is given at run time has no place in a program file; give it as a tensor, or fix it"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CASES))
def test_the_sentence(name, tmp_path):
    function, args, dynamic, sentence = CASES[name]
    said = refused(tmp_path, Of(function), args, dynamic_shapes=None if dynamic is None else {"args": dynamic})
    assert sentence in said.splitlines(), said


def test_all_reasons_at_once(tmp_path):
    def bad(self, x):
        y = twice(x)
        z = torch.fft.fft(x + y).real
        return y, z, x[x > 0].sum(), None

    said = refused(tmp_path, Of(bad), (X,)).splitlines()
    assert said[0] == f"{len(said) - 1} things keep this model from being exported:"
    for part in ("heddle_tests.twice", "aten._fft_r2c", "aten.index.Tensor", "the output 3 of forward is None"):
        assert any(part in line for line in said[1:]), said
    assert all("(LINE)" in line or "output" in line for line in said[1:]), said


def test_the_line_is_the_operators(tmp_path):
    class TwoLines(nn.Module):
        def forward(self, x):
            x = x.sin()
            return twice(x)

    with pytest.raises(heddle.ExportError) as error:
        heddle.export(TwoLines().eval(), (X,), tmp_path / "model.hdg")
    first = inspect.getsourcelines(TwoLines.forward)[1]
    assert str(error.value).startswith(f"heddle_tests.twice.default (test_export_errors.py:{first + 2}): ")


# What PyTorch itself refuses: its sentence is kept, the method and the line are added.
CAPTURE = {
    "constant": (lambda self, x: x.view(4, 6) + 1, ({0: N},), r"forward could not be captured.*: Constraints violated \(n\)!"),
    "range": (lambda self, x: x + 1, ({0: Dim("n", max=3)},), r"forward could not be captured.*: .*(4 not in range|Constraints violated)"),
    "structure": (lambda self, x: x + 1, ({0: N}, {0: N}), r"forward could not be captured.*: .*dynamic_shapes"),
    "branch on data": (lambda self, x: x + 1 if x.sum() > 0 else x, None, r"forward could not be captured at LINE: "),
    "error": (lambda self, x: x @ x, None, r"forward could not be captured at LINE: .*reduction dim"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CAPTURE))
def test_what_pytorch_cannot_capture(name, tmp_path):
    function, dynamic, pattern = CAPTURE[name]
    said = refused(tmp_path, Of(function), (X,), dynamic_shapes=None if dynamic is None else {"args": dynamic})
    assert re.match(pattern, said, re.DOTALL), said
    assert "TORCH_LOGS" not in said and "draft_export" not in said


def test_states_that_share_memory():
    program, buffer = Program(), torch.ones(6)
    program.add_tensor("buffer", buffer)
    program.add_tensor("alias", buffer.view(2, 3))
    program.check()
    program.add_state("buffer")
    with pytest.raises(heddle.ExportError, match="the buffers buffer and alias share memory, and the first is changed"):
        program.check()


def test_sizes_that_may_be_negative(tmp_path):
    """PyTorch reasons from sizes of at least 2, and lets the range begin below."""
    shapes = {"args": ({0: Dim("n", max=9)},)}
    said = refused(tmp_path, Of(lambda self, x: x.sum() + torch.arange(3 * x.shape[0] - 4)), (X,), dynamic_shapes=shapes)
    assert said == "aten.arange.start_step (LINE): the size 3*n - 4 is negative for n = 1; give the Dim a larger min", said


def test_wrong_calls(tmp_path):
    model = Of(lambda self, x: x + 1)
    assert refused(tmp_path, model.train(), (X,)) == "the model is in training mode; call model.eval() first"
    model.eval()
    assert refused(tmp_path, lambda x: x, (X,)) == "the model is a function; it has to be a torch.nn.Module"
    assert refused(tmp_path, model, (X,), methods={"a": ((X,),)}).startswith("methods were given, so args")
    assert refused(tmp_path, model, None, methods={}) == "there is no method to export"
    assert refused(tmp_path, model, None, methods={"a b": ((X,),)}).startswith("a method may not be called 'a b'")
    assert refused(tmp_path, model, None, methods={"a": (X,)}).startswith("the method a has to be a tuple")
    two = {name: ((X,), None, {"args": ({0: Dim("n", min=2, max=most)},)}) for name, most in (("a", 9), ("b", 8))}
    assert refused(tmp_path, model, None, methods=two).startswith("the size n is 2..9 in one method and 2..8 in another")
    with pytest.raises(heddle.ExportError, match="is where the tensors go"):
        heddle.export(model, (X,), tmp_path / "model.safetensors")


def test_pytorch_is_imported_when_it_is_needed():
    import subprocess
    import sys
    from pathlib import Path

    script = "import sys; sys.path.insert(0, sys.argv[1]); import heddle; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script, str(Path(heddle.__file__).parents[1])]).returncode == 0
