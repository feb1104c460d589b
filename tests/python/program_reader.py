# SPDX-License-Identifier: Apache-2.0
"""Reads program files by docs/program_file.md and runs them with torch.ops: an oracle for what writes them, and apart from it.

Anything that the page does not allow is an error here, with its line. Every result is compared with the type that the file gives it.
"""
import operator
import re
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file

DTYPES = {
    "bool": torch.bool, "i8": torch.int8, "i16": torch.int16, "i32": torch.int32, "i64": torch.int64,
    "u8": torch.uint8, "u16": torch.uint16, "u32": torch.uint32, "u64": torch.uint64, "f16": torch.float16,
    "bf16": torch.bfloat16, "f32": torch.float32, "f64": torch.float64, "f8_e4m3": torch.float8_e4m3fn, "f8_e5m2": torch.float8_e5m2,
}  # fmt: skip
NAME = re.compile(r"[A-Za-z0-9_.]+")
SYMBOL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
FLOAT = re.compile(r"-?(?:\d+\.\d*(?:e[+-]?\d+)?|\d+e[+-]?\d+|inf\b|nan\b)")
FORBIDDEN_SYMBOLS = {"true", "false", "none", "inf", "nan", "min", "max", *DTYPES}


class Bad(Exception):
    pass


@dataclass(frozen=True)
class Value:
    name: str


@dataclass(frozen=True)
class Size:
    """An expression of symbols, as nested tuples: ("+", a, b), "seq" or 3."""

    tree: object

    def at(self, symbols):
        return self._at(self.tree, symbols)

    def _at(self, tree, symbols):
        if isinstance(tree, int):
            return tree
        if isinstance(tree, str):
            return symbols[tree]
        sign, a, b = tree[0], self._at(tree[1], symbols), self._at(tree[2], symbols)
        if sign in ("//", "%") and b < 1:
            raise Bad(f"a divisor is {b}")
        return {"+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "%": operator.mod, "min": min, "max": max}[sign](a, b)


@dataclass(frozen=True)
class Type:
    dtype: torch.dtype
    sizes: tuple

    def shape(self, symbols):
        shape = tuple(s.at(symbols) for s in self.sizes)
        if any(n < 0 for n in shape):
            raise Bad(f"a size is negative: {shape}")
        return shape


@dataclass
class Call:
    line: str
    results: list
    op: object
    name: str
    args: list
    kwargs: dict
    types: list
    scope: str
    source: str


@dataclass
class Method:
    inputs: list = field(default_factory=list)  # (name, type)
    calls: list = field(default_factory=list)
    updates: dict = field(default_factory=dict)
    outputs: dict = field(default_factory=dict)


class Line:
    """One statement, taken from the left."""

    def __init__(self, text, symbols):
        self.text, self.at, self.symbols = text, 0, symbols

    def space(self):
        while self.at < len(self.text) and self.text[self.at] in " \t":
            self.at += 1

    def sees(self, what):
        self.space()
        return self.text.startswith(what, self.at)

    def maybe(self, what):
        found = self.sees(what)
        self.at += len(what) if found else 0
        return found

    def expect(self, what):
        if not self.maybe(what):
            raise Bad(f"{what!r} expected before {self.text[self.at:]!r}")

    def match(self, pattern):
        self.space()
        m = pattern.match(self.text, self.at)
        if not m:
            return None
        self.at = m.end()
        return m.group()

    def need(self, pattern, what):
        found = self.match(pattern)
        if found is None:
            raise Bad(f"{what} expected before {self.text[self.at:]!r}")
        return found

    def end(self):
        self.space()
        if self.at < len(self.text) and self.text[self.at] != "#":
            raise Bad(f"{self.text[self.at:]!r} is too much")

    def value(self):
        self.expect("%")
        return self.need(NAME, "a name")

    def string(self):
        self.expect('"')
        text = ""
        while not self.text.startswith('"', self.at):
            if self.at >= len(self.text):
                raise Bad("a string does not end")
            c = self.text[self.at]
            self.at += 1
            if c == "\\":
                e = self.text[self.at]
                self.at += 1
                if e == "u":
                    c = chr(int(self.text[self.at : self.at + 4], 16))
                    self.at += 4
                else:
                    c = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}[e]
            text += c
        self.at += 1
        return text

    # ---- sizes ----

    def sum(self):
        tree = self.product()
        while sign := next((s for s in "+-" if self.maybe(s)), None):
            tree = (sign, tree, self.product())
        return tree

    def product(self):
        tree = self.atom()
        while sign := next((s for s in ("*", "//", "%") if self.maybe(s)), None):
            tree = (sign, tree, self.atom())
        return tree

    def atom(self):
        if self.maybe("("):
            tree = self.sum()
            self.expect(")")
            return tree
        if self.maybe("-"):
            return ("-", 0, self.atom())
        if (number := self.match(re.compile(r"\d+"))) is not None:
            return int(number)
        word = self.need(SYMBOL, "a size")
        if word in ("min", "max"):
            self.expect("(")
            a = self.sum()
            self.expect(",")
            b = self.sum()
            self.expect(")")
            return (word, a, b)
        if word not in self.symbols:
            raise Bad(f"{word} is no symbol")
        return word

    def type(self):
        dtype = DTYPES[self.need(SYMBOL, "a type")]
        self.expect("[")
        sizes = []
        while not self.maybe("]"):
            if sizes:
                self.expect(",")
            sizes.append(Size(self.sum()))
        if len(sizes) > 8:
            raise Bad(f"{len(sizes)} dims")
        return Type(dtype, tuple(sizes))

    # ---- arguments ----

    def argument(self):
        if self.sees("%"):
            return Value(self.value())
        if self.sees('"'):
            return self.string()
        if self.maybe("["):
            items = []
            while not self.maybe("]"):
                if items:
                    self.expect(",")
                items.append(self.argument())
            return items
        if (number := self.match(FLOAT)) is not None:
            return float(number)
        for word, value in (("true", True), ("false", False), ("none", None), *DTYPES.items()):
            if self.match(re.compile(word + r"\b")):
                return value
        return Size(self.sum())


class Program:
    def __init__(self, path):
        self.symbols, self.weights, self.states, self.methods = {}, {}, {}, {}
        self.keys = {}  # of the safetensors
        self.text = Path(path).read_text()
        self._stored = load_file(Path(path).with_suffix(".safetensors"))
        self._used = set()
        self._method = None
        statements = 0
        for number, text in enumerate(self.text.splitlines(), 1):
            try:
                line = Line(text, self.symbols)
                line.space()
                if line.at == len(text) or text[line.at] == "#":
                    continue
                if statements == 0 and text != "heddle program 1":
                    raise Bad("the first statement is 'heddle program 1'")
                if statements:
                    self._statement(line)
                statements += 1
            except (Bad, KeyError, IndexError) as e:
                raise Bad(f"{path}:{number}: {e!r}: {text}") from e
        if self._method is not None or not self.methods:
            raise Bad(f"{path}: a method does not end, or there is none")
        if left := set(self._stored) - self._used:
            raise Bad(f"{path}: tensors that nobody uses: {left}")

    def _statement(self, line):
        if line.sees("%"):
            return self._call(line)
        word = line.need(SYMBOL, "a statement")
        outside = {"symbol", "weight", "state", "method"}
        if word not in outside | {"input", "update", "output", "end"} or (word in outside) != (self._method is None):
            raise Bad(f"{word} has no place here")
        getattr(self, "_begin" if word == "method" else f"_{word}")(line)
        line.end()

    def _symbol(self, line):
        name = line.need(SYMBOL, "a symbol")
        least = int(line.need(re.compile(r"\d+"), "a minimum"))
        line.expect("..")
        most = int(line.need(re.compile(r"\d+"), "a maximum"))
        hint = int(line.need(re.compile(r"\d+"), "a hint")) if line.maybe("hint") else None
        if name in self.symbols or name in FORBIDDEN_SYMBOLS or not least <= (least if hint is None else hint) <= most:
            raise Bad(f"the symbol {name}")
        self.symbols[name] = (least, most)

    def _tensor(self, line, tensors, zeros):
        name, key, type = line.value(), line.string(), line.type()
        shape = type.shape({})
        if name in self.weights or name in self.states or key in self.keys.values():
            raise Bad(f"{name} is there twice")
        tensor = self._stored.get(key)
        if tensor is None and zeros:
            tensor = torch.zeros(shape, dtype=type.dtype)
        if tensor is None or tensor.dtype != type.dtype or tuple(tensor.shape) != shape:
            raise Bad(f"the file has no such tensor: {key}")
        self._used.add(key)
        self.keys[name] = key
        tensors[name] = tensor

    def _weight(self, line):
        self._tensor(line, self.weights, zeros=False)

    def _state(self, line):
        self._tensor(line, self.states, zeros=True)

    def _begin(self, line):
        name = line.need(SYMBOL, "a name")
        if name in self.methods:
            raise Bad(f"the method {name} is there twice")
        self._method = self.methods[name] = Method()
        self._known = {**{n: None for n in self.weights}, **{n: None for n in self.states}}

    def _end(self, line):
        if not self._method.outputs and not self._method.updates:
            raise Bad("a method without results")
        self._method = None

    def _define(self, name):
        if name in self._known:
            raise Bad(f"%{name} is there twice")
        self._known[name] = None

    def _input(self, line):
        if self._method.calls:
            raise Bad("inputs come before calls")
        name, type = line.value(), line.type()
        self._define(name)
        self._method.inputs.append((name, type))

    def _update(self, line):
        state, value = line.value(), line.value()
        if state not in self.states or value not in self._known or self._method.outputs or state in self._method.updates:
            raise Bad(f"the update of %{state}")
        self._method.updates[state] = value

    def _output(self, line):
        name, value = line.string(), line.value()
        if value not in self._known or name in self._method.outputs:
            raise Bad(f"the output {name}")
        self._method.outputs[name] = value

    def _call(self, line):
        if self._method is None or self._method.updates or self._method.outputs:
            raise Bad("a call has no place here")
        results = [line.value()]
        while line.maybe(","):
            results.append(line.value())
        line.expect("=")
        name = line.need(NAME, "an operator")
        library, packet, overload = name.split(".")
        if library != "aten":
            raise Bad(f"{name} is not of ATen")
        op = getattr(getattr(torch.ops.aten, packet), overload)
        args, kwargs = self._arguments(line)
        line.expect(":")
        types = [line.type()]
        while line.maybe(","):
            types.append(line.type())
        scope, source = (line.string(), line.string()) if line.maybe("@") else ("", "")
        line.end()
        schema = [a.name for a in op._schema.arguments]
        if len(args) > len(schema) or not set(kwargs) <= set(schema[len(args) :]) or list(kwargs) != sorted(kwargs, key=schema.index):
            raise Bad(f"arguments that {name} has not")
        if len(types) != len(results):
            raise Bad("not as many types as results")
        for r in results:
            self._define(r)
        self._method.calls.append(Call(line.text, results, op, name, args, kwargs, types, scope, source))

    def _arguments(self, line):
        args, kwargs = [], {}
        line.expect("(")
        while not line.maybe(")"):
            if args or kwargs:
                line.expect(",")
            name = line.match(re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?==)"))
            if name:
                line.expect("=")
                kwargs[name] = self._known_argument(line.argument())
            elif kwargs:
                raise Bad("an argument by position after one by name")
            else:
                args.append(self._known_argument(line.argument()))
        return args, kwargs

    def _known_argument(self, argument):
        for a in argument if isinstance(argument, list) else [argument]:
            if isinstance(a, Value) and a.name not in self._known:
                raise Bad(f"%{a.name} is not made before")
        return argument

    # ---- running ----

    def bind(self, method, inputs):
        """The symbols' values for these inputs."""
        symbols = {}
        if len(inputs) != len(method.inputs):
            raise Bad(f"{len(inputs)} inputs for {len(method.inputs)}")
        for (_, type), tensor in zip(method.inputs, inputs):
            symbols.update({s.tree: n for s, n in zip(type.sizes, tensor.shape) if isinstance(s.tree, str)})
        missing = [s for s in self.symbols if s not in symbols]
        for (_, type), tensor in zip(method.inputs, inputs):  # one that is in no input by itself, as in 2*d
            for s, n in zip(type.sizes, tensor.shape):
                for name in missing:
                    if name in str(s.tree):
                        symbols.update({name: v for v in range(self.symbols[name][0], self.symbols[name][1] + 1) if s.at({**symbols, name: v}) == n})
        for (name, type), tensor in zip(method.inputs, inputs):
            if any(symbol not in symbols for symbol in missing if symbol in str(type.sizes)):
                raise Bad(f"no value of its symbols makes the input {name} {tuple(tensor.shape)}")
            if type.dtype != tensor.dtype or type.shape(symbols) != tuple(tensor.shape):
                raise Bad(f"the input {name} is {tensor.dtype} {tuple(tensor.shape)} in place of {type}")
        for name, value in symbols.items():
            if not self.symbols[name][0] <= value <= self.symbols[name][1]:
                raise Bad(f"{name} = {value} is out of its range")
        return symbols

    @torch.no_grad()
    def run(self, name, *inputs):
        """The outputs by name. States change."""
        method = self.methods[name]
        symbols = self.bind(method, inputs)
        values = {**self.weights, **self.states, **{n: t for (n, _), t in zip(method.inputs, inputs)}}

        def read(a):
            if isinstance(a, Value):
                return values[a.name]
            if isinstance(a, list):
                return [read(x) for x in a]
            return a.at(symbols) if isinstance(a, Size) else a

        for call in method.calls:
            try:
                made = call.op(*[read(a) for a in call.args], **{k: read(a) for k, a in call.kwargs.items()})
            except Exception as e:
                raise Bad(f"{e}: {call.line}") from e
            made = [made] if isinstance(made, torch.Tensor) else list(made)
            if len(made) != len(call.results):
                raise Bad(f"{len(made)} results: {call.line}")
            for n, type, tensor in zip(call.results, call.types, made):
                if tensor.dtype != type.dtype or tuple(tensor.shape) != type.shape(symbols):
                    raise Bad(f"%{n} is {tensor.dtype} {tuple(tensor.shape)}, not {type.shape(symbols)}: {call.line}")
                values[n] = tensor.contiguous()  # values have no strides
        for state, value in method.updates.items():
            if values[value].shape != self.states[state].shape or values[value].dtype != self.states[state].dtype:
                raise Bad(f"the update of %{state} is {values[value].dtype} {tuple(values[value].shape)}")
        outputs = {n: values[v] for n, v in method.outputs.items()}
        self.states.update({s: values[v] for s, v in method.updates.items()})
        return outputs
