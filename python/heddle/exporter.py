# SPDX-License-Identifier: Apache-2.0
"""The torch.export side: captures a model's methods, names their sizes, gathers its tensors and writes both files."""
from __future__ import annotations

import os
import re
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Callable

import sympy
import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind, TensorArgument

from . import decompositions, weights
from .capturing import masks_without_vmap
from .dims import dim_names, output_names, symbols_of
from .errors import ExportError
from .method import TORCH, Signature, is_higher_order
from .program import Program
from .shape_reasoning import sharper
from .sizes import Sizes

TENSORS = (InputKind.PARAMETER, InputKind.BUFFER, InputKind.CONSTANT_TENSOR)


def capture_and_write(
    model: torch.nn.Module,
    args: tuple[Any, ...] | None,
    path: str | os.PathLike[str],
    kwargs: Mapping[str, Any] | None,
    dynamic_shapes: Any,
    methods: Mapping[str, tuple[Any, ...]] | None,
) -> None:
    """heddle.export, which documents it."""
    path = Path(path)
    tensors = path.with_suffix(".safetensors")
    if tensors == path:
        raise ExportError([f"{path} is where the tensors go; give the program another ending, as model.hdg"])
    if not path.parent.is_dir():
        raise ExportError([f"there is no folder {path.parent} to write {path.name} into"])
    program = capture(model, _methods(model, args, kwargs, dynamic_shapes, methods))
    # The tensors first: a program never stands beside tensors that are older than itself.
    _write(tensors, lambda file: weights.write_safetensors(file, program.stored()))
    _write(path, lambda file: file.write(program.text().encode()))


def _methods(
    model: torch.nn.Module, args: Any, kwargs: Any, dynamic_shapes: Any, methods: Mapping[str, tuple[Any, ...]] | None
) -> dict[str, tuple[tuple[Any, ...], dict[str, Any], Any]]:
    """What to capture: name -> (args, kwargs, dynamic_shapes)."""
    if not isinstance(model, torch.nn.Module):
        raise ExportError([f"the model is a {type(model).__name__}; it has to be a torch.nn.Module"])
    if model.training:
        raise ExportError(["the model is in training mode; call model.eval() first"])
    if methods is None:
        methods = {"forward": (() if args is None else args, kwargs, dynamic_shapes)}
    elif args is not None or kwargs is not None or dynamic_shapes is not None:
        raise ExportError(["methods were given, so args, kwargs and dynamic_shapes belong into them"])
    if not methods:
        raise ExportError(["there is no method to export"])
    complete = {}
    for name, given in methods.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ExportError([f"a method may not be called {name!r}: letters, digits and _ make a name"])
        if not isinstance(given, tuple) or not 1 <= len(given) <= 3 or not isinstance(given[0], tuple):
            raise ExportError([f"the method {name} has to be a tuple (args, kwargs, dynamic_shapes), and its args a tuple"])
        args, kwargs, dynamic_shapes = (*given, None, None)[:3]
        complete[name] = (args, dict(kwargs or {}), dynamic_shapes)
    return complete


def capture(model: torch.nn.Module, methods: Mapping[str, tuple[tuple[Any, ...], dict[str, Any], Any]]) -> Program:
    """The program of a model's methods; ExportError with all that is wrong with it."""
    program = Program()
    captured = {}
    for name, (args, kwargs, dynamic_shapes) in methods.items():
        captured[name] = _exported(model, name, args, kwargs, dynamic_shapes)
    signatures = {}
    names = weights.names_of(model)
    for name, exported in captured.items():
        signatures[name] = _signature(program, exported, name, names)
    for name, exported in captured.items():
        args, kwargs, dynamic_shapes = methods[name]
        symbols = symbols_of(exported, (args, kwargs), dim_names(model, args, kwargs, dynamic_shapes), program.problems)
        for symbol in symbols.values():
            program.add_symbol(symbol)
        program.add_method(name, exported.graph_module, signatures[name], Sizes(symbols))
    program.check()
    return program


def _exported(model: torch.nn.Module, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], dynamic_shapes: Any) -> ExportedProgram:
    try:
        with torch.no_grad(), sharper(), masks_without_vmap():
            exported = torch.export.export(model, args, kwargs, dynamic_shapes=dynamic_shapes, strict=False)
            decomposed = exported.run_decompositions(decompositions.table())
            _keep_lines(exported, decomposed)
            return decomposed
    except Exception as e:  # whatever PyTorch, or the model's own code, has to say
        raise ExportError([f"{name} could not be captured{_line_of(e)}: {_said(e)}"]) from e


def _keep_lines(before: ExportedProgram, after: ExportedProgram) -> None:
    """Operators on functions lose their lines when a graph is decomposed; they are in the same order."""
    old, new = ([n for n in e.graph.nodes if is_higher_order(n)] for e in (before, after))
    if [n.target for n in old] == [n.target for n in new]:
        for a, b in zip(old, new):
            b.meta["stack_trace"] = a.meta.get("stack_trace")


def _said(error: Exception) -> str:
    """What an exception says: its first paragraph and, of a wrong range, what would be right. The rest is about PyTorch's own functions."""
    first, *rest = re.sub(r" *For more information, run with TORCH_LOGS=\S+", "", str(error)).strip().split("\n\n")
    said = [first, *(p for p in rest if p.startswith("Suggested fixes"))]
    return "\n".join(said) if first else type(error).__name__


def _line_of(error: Exception) -> str:
    """The innermost line outside of PyTorch and this package, as " at file.py:12"."""
    package = str(Path(__file__).parent)
    own = (TORCH, package, str(Path(sympy.__file__).parent), "<")
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(own)]
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def _signature(program: Program, exported: ExportedProgram, method: str, names: Mapping[tuple[object, ...], str]) -> Signature:
    """Names a method's tensors, adds those that are used to the program, and says what the graph's ends are."""
    nodes = {node.name: node for node in exported.graph.nodes}
    results = exported.graph_signature.output_specs
    returned = {spec.arg.name for spec in results if isinstance(spec.arg, TensorArgument)}
    changed = {spec.target for spec in results if spec.kind == OutputKind.BUFFER_MUTATION}
    keys: dict[str, str] = {}  # of PyTorch's targets
    tensors, inputs = {}, []
    for spec in exported.graph_signature.input_specs:
        name = getattr(spec.arg, "name", "")
        node = nodes.get(name)
        if spec.kind in TENSORS:
            if node is not None and (node.users or name in returned or spec.target in changed):
                tensors[name] = keys[spec.target] = _add(program, exported, spec.target, names)
        elif spec.kind == InputKind.USER_INPUT:
            if node is not None and isinstance(node.meta.get("val"), (torch.Tensor, torch.SymInt)):
                inputs.append(name)
        else:
            program.problems.append(f"the input {name} of {method} is a {spec.kind.name.lower()}; inputs are tensors")
    updates = {}
    outputs: list[tuple[str, str | None, Any]] = []
    output = iter(output_names(exported))
    for spec in results:
        if spec.kind == OutputKind.BUFFER_MUTATION:
            updates[keys[spec.target]] = spec.arg.name
            program.add_state(keys[spec.target])
        elif spec.kind == OutputKind.USER_OUTPUT:
            constant = hasattr(spec.arg, "value")
            outputs.append((next(output), None if constant else spec.arg.name, spec.arg.value if constant else None))
        elif spec.kind == OutputKind.USER_INPUT_MUTATION:
            program.problems.append(f"{method} changes its input {spec.target} in place; work on a copy of it, or keep it as a buffer")
        else:
            program.problems.append(f"the result {spec.arg} of {method} is a {spec.kind.name.lower()}; results are tensors")
    return Signature(tensors, inputs, outputs, updates)


def _add(program: Program, exported: ExportedProgram, target: str, names: Mapping[tuple[object, ...], str]) -> str:
    """A tensor under the model's name for it, or, for one that was made while capturing, under one of the program's. The key."""
    tensor = exported.state_dict.get(target, exported.constants.get(target))
    assert isinstance(tensor, torch.Tensor)
    key = names.get(weights.identity(tensor))
    if key is None and target in exported.state_dict:
        key = target
    if key is None:
        return program.add_constant(tensor, set(names.values()))
    program.add_tensor(key, tensor)
    return key


def _write(path: Path, fill: Callable[[BinaryIO], Any]) -> None:
    """Makes a file that appears under its name when it is complete."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp's are private
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
