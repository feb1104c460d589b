# SPDX-License-Identifier: Apache-2.0
"""Small models of the kinds that are exported, with random weights, and inputs for them at several sizes."""
from dataclasses import dataclass
from typing import Callable

import torch
import torch.nn.functional as F
import transformers as hf
from torch import nn
from torch.export import Dim


@dataclass
class Case:
    make: Callable  # () -> module
    inputs: Callable  # (**sizes) -> (args, kwargs)
    sizes: list  # of dicts: the first is exported, all are run
    dynamic: object = None
    tolerance: float = 0  # relative to the largest output; 0: the same bits


CASES = {}


def case(name, *args, **kwargs):
    CASES[name] = Case(*args, **kwargs)


def floats(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


def ids(*shape, below=96):
    return torch.randint(3, below, shape, generator=torch.Generator().manual_seed(sum(shape)))


# ---- nets for images ----


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(torch.sigmoid(self.conv1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.conv2(x)), 2)
        x = F.relu(self.fc1(torch.flatten(x, 1)))
        return F.log_softmax(self.fc3(F.relu(self.fc2(x))), dim=1)


class Residual(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)
        self.conv2, self.bn2 = nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    """The layers of ResNet-18, with an eighth of their channels."""

    def __init__(self, channels=8):
        super().__init__()
        c = channels
        self.conv1, self.bn1 = nn.Conv2d(3, c, 7, 2, 3, bias=False), nn.BatchNorm2d(c)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        blocks = [(c, c, 1), (c, 2 * c, 2), (2 * c, 4 * c, 2), (4 * c, 8 * c, 2)]
        self.layers = nn.Sequential(*(nn.Sequential(Residual(a, b, s), Residual(b, b, 1)) for a, b, s in blocks))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(8 * c, 10)

    def forward(self, x):
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        return self.fc(torch.flatten(self.avgpool(self.layers(x)), 1))


class Inverted(nn.Module):
    """MobileNetV3's block: expansion, depthwise convolution, squeeze and excitation, projection."""

    def __init__(self, c, expanded, kernel, stride, activation):
        super().__init__()
        norm = lambda n: nn.BatchNorm2d(n, eps=0.001)
        self.expand = nn.Sequential(nn.Conv2d(c, expanded, 1, bias=False), norm(expanded), activation())
        self.depthwise = nn.Sequential(
            nn.Conv2d(expanded, expanded, kernel, stride, kernel // 2, groups=expanded, bias=False), norm(expanded), activation()
        )
        self.squeeze, self.excite = nn.Conv2d(expanded, 8, 1), nn.Conv2d(8, expanded, 1)
        self.project = nn.Sequential(nn.Conv2d(expanded, c, 1, bias=False), norm(c))
        self.residual = stride == 1

    def forward(self, x):
        y = self.depthwise(self.expand(x))
        scale = F.hardsigmoid(self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(y, 1)))))
        y = self.project(y * scale)
        return x + y if self.residual else y


class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.Hardswish())
        self.blocks = nn.Sequential(Inverted(8, 16, 3, 1, nn.ReLU), Inverted(8, 24, 5, 2, nn.Hardswish))
        self.head = nn.Sequential(nn.Linear(8, 16), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(16, 10))

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


class UNet(nn.Module):
    """One level of a diffusion model's net: group norms, attention over pixels, down and up again, a time embedding."""

    def __init__(self, c=16):
        super().__init__()
        self.time = nn.Sequential(nn.Linear(c, c), nn.SiLU(), nn.Linear(c, c))
        self.input, self.down = nn.Conv2d(4, c, 3, padding=1), nn.Conv2d(c, c, 3, stride=2, padding=1)
        self.norm, self.qkv, self.out = nn.GroupNorm(4, c), nn.Linear(c, 3 * c), nn.Linear(c, c)
        self.up, self.last = nn.Conv2d(c, c, 3, padding=1), nn.Conv2d(2 * c, 4, 3, padding=1)

    def forward(self, x, t):
        frequencies = torch.exp(-torch.arange(8, dtype=torch.float32) / 8)
        angles = t[:, None].float() * frequencies
        time = self.time(torch.cat([angles.sin(), angles.cos()], dim=-1))
        first = self.input(x) + time[:, :, None, None]
        y = self.down(F.silu(self.norm(first)))
        b, c, h, w = y.shape
        q, k, v = self.qkv(y.flatten(2).transpose(1, 2)).view(b, h * w, 3, 2, c // 2).permute(2, 0, 3, 1, 4)
        y = y + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, h * w, c)).transpose(1, 2).view(b, c, h, w)
        y = self.up(F.interpolate(y, size=first.shape[-2:], mode="nearest"))
        return self.last(torch.cat([y, first], dim=1))


class Convolutions(nn.Module):
    """All the other kinds, at any length: one dim, transposed, dilated, padded in several ways, resized."""

    def __init__(self):
        super().__init__()
        self.one, self.back = nn.Conv1d(4, 8, 5, stride=2, padding=2), nn.ConvTranspose1d(8, 4, 4, stride=2, padding=1)
        self.same = nn.Conv1d(4, 4, 3, padding="same", dilation=2)
        self.circular = nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect")
        self.prelu = nn.PReLU(4)

    def forward(self, x):
        y = self.back(F.gelu(self.one(x)))
        y = self.same(F.pad(y, (2, 3))) + self.prelu(F.pad(y, (2, 3)))
        z = self.circular(y.unflatten(-1, (-1, 1)).expand(-1, -1, -1, 6))
        z = F.interpolate(z, scale_factor=2, mode="bilinear", align_corners=False)
        return y[..., : x.shape[-1] // 2], F.adaptive_avg_pool2d(z, (3, 2)), F.pixel_shuffle(z, 2), F.instance_norm(z).amax((2, 3))


BATCH = Dim("batch", min=1, max=8)


def image(h_least, most=64):
    return {0: BATCH, 2: Dim("h", min=h_least, max=most), 3: Dim("w", min=h_least, max=most)}


case("mlp", lambda: nn.Sequential(nn.Linear(20, 64), nn.GELU(approximate="tanh"), nn.Linear(64, 64), nn.Softplus(), nn.Linear(64, 5)),
     lambda batch: ((floats(batch, 20),), {}), [dict(batch=3), dict(batch=1), dict(batch=8)], ({0: BATCH},), 1e-6)  # fmt: skip
case("lenet", LeNet, lambda batch: ((floats(batch, 1, 28, 28),), {}), [dict(batch=2), dict(batch=1), dict(batch=7)], ({0: BATCH},), 1e-6)
case("resnet18", ResNet18, lambda batch, h, w: ((floats(batch, 3, h, w),), {}),
     [dict(batch=2, h=70, w=75), dict(batch=1, h=64, w=64), dict(batch=3, h=97, w=66)], (image(64, 128),), 1e-5)  # fmt: skip
case("mobilenetv3", MobileNet, lambda batch, h, w: ((floats(batch, 3, h, w),), {}),
     [dict(batch=2, h=33, w=30), dict(batch=1, h=16, w=64), dict(batch=4, h=49, w=31)], (image(16),), 1e-5)  # fmt: skip
case("unet", UNet, lambda batch, h, w: ((floats(batch, 4, h, w), torch.arange(batch) * 50), {}),
     [dict(batch=2, h=12, w=9), dict(batch=1, h=8, w=8), dict(batch=3, h=16, w=21)], (image(8, 32), {0: BATCH}), 1e-5)  # fmt: skip
case("convolutions", Convolutions, lambda n: ((floats(2, 4, n),), {}), [dict(n=20), dict(n=8), dict(n=31), dict(n=64)],
     ({2: Dim("n", min=8, max=64)},), 1e-5)  # fmt: skip


# ---- operators on integers, booleans, indices ----


class Integers(nn.Module):
    def forward(self, x, mask):
        small = x.to(torch.uint8)
        bits = (x << 2) ^ (x & 5) | (~mask).to(torch.int64)
        return {
            "floor": x // 3 - x % 3, "bits": bits, "trunc": torch.div(x, -4, rounding_mode="trunc"), "half": x / 2,
            "any": mask.any(1), "all": (x > 2).all(), "sum": mask.sum(0), "wrap": small * small, "max": x.amax(1), "arg": x.argmax(1),
            "clamp": x.clamp(4, 40), "float": x.float().round().to(torch.int32), "xor": torch.logical_xor(mask, x > 9),
            "range": torch.arange(x.shape[1]) + x, "full": torch.full((x.shape[0], 2), 7), "eye": torch.eye(3, dtype=torch.bool),
            "pow": x**2, "equal": x == x.t()[: x.shape[0], :1],
        }  # fmt: skip


class Selection(nn.Module):
    def forward(self, x, index, mask):
        values, order = torch.sort(x, dim=-1, descending=True)
        best, at = x.topk(3, dim=-1)
        return {
            "sorted": values, "order": order, "topk": best, "gathered": x.gather(1, index), "taken": x.index_select(1, index[0]),
            "scattered": torch.zeros_like(x).scatter(1, at, best), "added": x.scatter_add(1, index, torch.ones_like(x)),
            "cumsum": x.cumsum(1), "cumprod": x.cumprod(0), "where": torch.where(mask, x, 0.5), "filled": x.masked_fill(mask, float("-inf")),
            "triangle": x.tril(-1) + x.triu(2), "flip": x.flip(1).roll(1, 1), "argsort": x.argsort(1), "kth": x.kthvalue(2, dim=1)[0],
            "put": x.index_put((index[:, 0],), torch.ones(x.shape[1]), accumulate=True), "min": x.min(1), "norm": x.norm(dim=1),
            "var": x.var(1, unbiased=False), "lse": x.logsumexp(1), "unfold": x.unfold(1, 3, 2), "pad": F.pad(x, (1, 2), value=2.0),
            "hot": F.one_hot(index, 9), "mean": x.mean(), "repeat": x.repeat(2, 3), "interleave": x.repeat_interleave(2, dim=1),
        }  # fmt: skip


class Joined(nn.Module):
    """Sizes that are sums, products, minima and halves of others."""

    def forward(self, x, y):
        both = torch.cat([x, y, x[:, 1:-1]], dim=1)
        half = both[:, ::2]
        a, b = both.split([x.shape[1], both.shape[1] - x.shape[1]], dim=1)
        least = torch.sym_min(9, x.shape[1])
        grid = torch.einsum("bic,bjc->bij", x, y)
        flat = grid.reshape(-1)
        windows = F.pad(x, (0, 0, 0, (x.shape[1] + 3) // 4 * 4 - x.shape[1])).view(2, -1, 4, 5)
        return {
            "both": both, "half": half, "a": a, "b": b * x.shape[1], "least": x.new_zeros(least), "grid": grid, "flat": flat,
            "most": x.new_ones(torch.sym_max(x.shape[1], y.shape[1])), "ratio": x.sum(1) / y.shape[1], "stack": torch.stack([x, x]),
            "rest": F.pad(y, (0, 0, 0, y.shape[1] % 3)), "back": F.pad(y, (0, 0, 0, -y.shape[1] % 4)), "windows": windows,
            "outer": x[:, :, None] - y[:, None], "mean": grid.mean((1, 2)), "product": x @ y.transpose(1, 2),
            "linspace": torch.linspace(0, 1, 5) + x.shape[1] * y.shape[1],
        }  # fmt: skip


class Pairs(nn.Module):
    """Sizes that are given as multiples and sums of a Dim, and nested, constant and unused arguments."""

    def forward(self, x, others, *, mask, factor=1.5, nothing=None):
        torch._check(2 * x.shape[0] >= mask["m"].shape[0])  # follows from the ranges
        y = x[:, ::2] * x[:, 1::2] * factor
        return y + others[0][1:] * y.shape[1] + others[1]["o"], mask["m"] * 2


PAIRS, HALF = Dim("pairs", min=2, max=9), Dim("half", min=2, max=12)

ROWS, COLUMNS = Dim("rows", min=2, max=20), Dim("columns", min=5, max=40)


def masks(rows, columns):
    return floats(rows, columns) > 0


case("integers", Integers, lambda rows, columns: ((ids(rows, columns), masks(rows, columns)), {}),
     [dict(rows=4, columns=6), dict(rows=2, columns=5), dict(rows=11, columns=40)],
     {"x": {0: ROWS, 1: COLUMNS}, "mask": {0: ROWS, 1: COLUMNS}})  # fmt: skip
case("selection", Selection, lambda rows, columns: ((floats(rows, columns), ids(rows, columns, below=4) - 2, masks(rows, columns)), {}),
     [dict(rows=4, columns=6), dict(rows=2, columns=5), dict(rows=11, columns=33)],
     ({0: ROWS, 1: COLUMNS}, {0: ROWS, 1: COLUMNS}, {0: ROWS, 1: COLUMNS}), 1e-6)  # fmt: skip
case("joined", Joined, lambda a, b: ((floats(2, a, 5), floats(2, b, 5)), {}),
     [dict(a=7, b=4), dict(a=5, b=2), dict(a=30, b=3), dict(a=6, b=30)], ({1: Dim("a", min=5, max=30)}, {1: Dim("b", min=2, max=30)}), 1e-6)  # fmt: skip
case("pairs", Pairs, lambda pairs, half, m: (
         (floats(pairs, 2 * half), [floats(half + 1), {"o": floats(half), "unused": floats(3)}]), dict(mask={"m": floats(m)}, factor=0.5, nothing=None)),
     [dict(pairs=3, half=4, m=2), dict(pairs=2, half=2, m=4), dict(pairs=9, half=12, m=3)],
     {"x": {0: PAIRS, 1: 2 * HALF}, "others": [{0: HALF + 1}, {"o": {0: HALF}, "unused": None}], "mask": {"m": {0: Dim("m", min=2, max=4)}},
      "factor": None, "nothing": None}, 1e-6)  # fmt: skip


# ---- transformers ----

LLM = dict(
    hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=4, num_key_value_heads=2, vocab_size=96,
    max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0, use_cache=False,
)  # fmt: skip
SEQ = Dim("seq", min=2, max=48)
TOKENS = {"input_ids": {0: BATCH, 1: SEQ}, "attention_mask": {0: BATCH, 1: SEQ}}


def padded(batch, seq):
    mask = torch.ones(batch, seq, dtype=torch.int64)
    mask[:, : seq // 3] = torch.arange(batch)[:, None] % 2
    return (), dict(input_ids=ids(batch, seq), attention_mask=mask)


def language_model(config):
    def make():
        return hf.AutoModelForCausalLM.from_config(config)

    return make


SIZES = [dict(batch=2, seq=9), dict(batch=1, seq=2), dict(batch=3, seq=48), dict(batch=8, seq=17)]
for name, config in {
    "llama": hf.LlamaConfig(**{**LLM, "num_hidden_layers": 2}), "qwen2": hf.Qwen2Config(**LLM, tie_word_embeddings=True),
    "qwen3": hf.Qwen3Config(**LLM, head_dim=16), "gemma": hf.GemmaConfig(**LLM, head_dim=8),
    "mistral": hf.MistralConfig(**LLM, sliding_window=8), "phi3": hf.Phi3Config(**LLM),
}.items():  # fmt: skip
    case(name, language_model(config), padded, SIZES, TOKENS, 1e-5)

BERT = hf.BertConfig(hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=4, vocab_size=96, max_position_embeddings=64)
case("bert", lambda: hf.BertModel(BERT), padded, SIZES, TOKENS, 1e-5)

WHISPER = hf.WhisperConfig(
    vocab_size=96, d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=48,
    decoder_ffn_dim=48, num_mel_bins=8, max_source_positions=20, max_target_positions=64, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    decoder_start_token_id=1, use_cache=False, suppress_tokens=None, begin_suppress_tokens=None,
)  # fmt: skip
case("whisper", lambda: hf.WhisperForConditionalGeneration(WHISPER),
     lambda batch, seq: ((), dict(input_features=floats(batch, 8, 40), decoder_input_ids=ids(batch, seq))), SIZES,
     {"input_features": {0: BATCH}, "decoder_input_ids": {0: BATCH, 1: SEQ}}, 1e-5)  # fmt: skip

CLIP = hf.CLIPConfig(
    text_config=dict(hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=4, vocab_size=96, max_position_embeddings=48,
                     bos_token_id=1, eos_token_id=2, pad_token_id=0),
    vision_config=dict(hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=4, image_size=32, patch_size=8),
    projection_dim=16,
)  # fmt: skip
case("clip", lambda: hf.CLIPModel(CLIP),
     lambda batch, seq: ((), dict(**padded(batch, seq)[1], pixel_values=floats(batch, 3, 32, 32))), SIZES,
     {**TOKENS, "pixel_values": {0: BATCH}}, 1e-5)  # fmt: skip


def make(name):
    """The case's model, the same whenever it is made: weights in which no gain is 1 and no bias 0, statistics of batch norms too."""
    torch.manual_seed(0)
    model = CASES[name].make().eval()
    with torch.no_grad():
        for key, p in [*model.named_parameters(), *model.named_buffers()]:
            if p.dim() == 1 and p.is_floating_point() and "inv_freq" not in key:
                p.uniform_(0.5, 1.5) if key.endswith(("weight", "running_var")) else p.normal_(0, 0.3)
    return model
