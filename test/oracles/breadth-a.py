"""Writes breadth-a.json: values and gradients, by PyTorch in float64, of ops the shared oracles do not have.

    pip install torch==2.13.0 numpy
    python test/oracles/breadth-a.py

The format is gradpack/1 (see README.md): inputs are exact in float32, L = sum of <cot[k], out[k]>, `grad` its gradient.
"""

import json
import pathlib

import numpy as np
import torch

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(20240607)
cases = []


def values(shape, low=-2.0, high=2.0, apart=False):
    """Multiples of 1/128 in a range; `apart`: all different."""
    count = int(np.prod(shape))
    steps = np.arange(int(np.ceil(low * 128)), int(high * 128) + 1)
    picked = rng.choice(steps, size=count, replace=not apart)
    return torch.tensor(picked.reshape(shape) / 128)


def packed(x):
    kind = "float" if x.is_floating_point() else "bool" if x.dtype == torch.bool else "int32"
    data = [float(v) if kind == "float" else int(v) for v in x.flatten().tolist()]
    return {"shape": list(x.shape), "dtype": kind, "data": data}


def case(name, op, f, inputs, attrs=None, constant=(), doc=None):
    """`constant` names floating-point inputs that are not differentiated."""
    single = {k: x.to(torch.float32) if x.is_floating_point() else x for k, x in inputs.items()}
    runs = []
    cots = None
    for given in (inputs, single):
        leaves = {k: x.clone().requires_grad_(x.is_floating_point() and k not in constant) for k, x in given.items()}
        out = f(**leaves)
        out = list(out) if isinstance(out, (tuple, list)) else [out]
        if cots is None:
            cots = [values(tuple(y.shape), -1, 1) if y.is_floating_point() else None for y in out]
        terms = [(y * c.to(y.dtype)).sum() for y, c in zip(out, cots) if c is not None and y.requires_grad]
        wanted = {k: x for k, x in leaves.items() if x.requires_grad} if terms else {}
        grads = torch.autograd.grad(sum(terms), list(wanted.values()), allow_unused=True) if wanted else []
        runs.append((out, {k: g for k, g in zip(wanted, grads) if g is not None}))
    (out, grad), (out32, grad32) = runs

    def loss(a, b):
        return max([float((x.detach() - y.detach().to(x.dtype)).abs().max()) for x, y in zip(a, b) if x.is_floating_point() and x.numel()] or [0.0])

    cases.append(
        {
            "name": name,
            "op": op,
            "attrs": attrs or {},
            **({"doc": doc} if doc else {}),
            "in": {k: packed(x) for k, x in inputs.items()},
            "out": [packed(y.detach()) for y in out],
            "cot": [None if c is None else c.flatten().tolist() for c in cots],
            "grad": {k: g.flatten().tolist() for k, g in grad.items()},
            "f32loss": {"out": loss(out, out32), "grad": loss([grad[k] for k in grad], [grad32[k] for k in grad])},
        }
    )


class Digamma(torch.autograd.Function):
    """PyTorch's trigamma is right to 1e-10 only; its zeta is better."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.digamma(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        mirrored = (torch.pi / torch.sin(torch.pi * x)) ** 2 - torch.special.zeta(2, 1 - x)
        return g * torch.where(x > 0, torch.special.zeta(2, x.abs()), mirrored)


def polygamma(order, x):
    return torch.special.zeta(2, x) if order == 1 else torch.polygamma(order, x)


# ── one operand ──────────────────────────────────────────────────────────────────────────────────────────────────────
F = torch.nn.functional
UNARY = {
    "asin": (torch.asin, -0.9, 0.9),
    "atan": (torch.atan, -4, 4),
    "cosh": (torch.cosh, -3, 3),
    "asinh": (torch.asinh, -4, 4),
    "atanh": (torch.atanh, -0.9, 0.9),
    "log2": (torch.log2, 0.1, 9),
    "erfc": (torch.erfc, -2, 4),
    "digamma": (Digamma.apply, 0.2, 9),
    "silu": (F.silu, -5, 5),
    "mish": (F.mish, -5, 5),
    "softsign": (F.softsign, -5, 5),
    "relu6": (F.relu6, 0.1, 7),
    "hard_swish": (F.hardswish, -2.9, 2.9),
}
for op, (f, low, high) in UNARY.items():
    case(op, op, lambda x, f=f: f(x), {"x": values((3, 4), low, high)})
negative = torch.tensor([-0.5, -1.25, -2.75, -6.5])
case("digamma_negative", "digamma", lambda x: Digamma.apply(x), {"x": negative})
case("lgamma_negative", "lgamma", torch.lgamma, {"x": negative})
for order in (1, 2, 3):
    case(f"polygamma_{order}", "polygamma", lambda x, n=order: polygamma(n, x), {"x": values((2, 3), 0.3, 6)}, {"order": order})
ints = lambda *shape, low=-50, high=50: torch.tensor(rng.integers(low, high, size=shape), dtype=torch.int32)
for op in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    case(op, op, lambda a, b, op=op: getattr(torch, op)(a, b), {"a": ints(2, 3), "b": ints(3)})
case("bitwise_not", "bitwise_not", lambda x: torch.bitwise_not(x), {"x": ints(4)})
case("left_shift", "left_shift", lambda a, b: torch.bitwise_left_shift(a, b), {"a": ints(2, 3), "b": ints(3, low=0, high=9)})
case("right_shift", "right_shift", lambda a, b: torch.bitwise_right_shift(a, b), {"a": ints(2, 3), "b": ints(3, low=0, high=9)})

# ── along axes ───────────────────────────────────────────────────────────────────────────────────────────────────────


def cumprod(x, axis, exclusive, reverse):
    if reverse:
        x = x.flip(axis)
    y = torch.cumprod(x, axis)
    if exclusive:
        y = torch.cat([torch.ones_like(y.narrow(axis, 0, 1)), y.narrow(axis, 0, x.shape[axis] - 1)], axis)
    return y.flip(axis) if reverse else y


for exclusive in (False, True):
    for reverse in (False, True):
        attrs = {"axis": 1, "exclusive": exclusive, "reverse": reverse}
        case(f"cumprod_{exclusive}_{reverse}", "cumprod", lambda x, a=attrs: cumprod(x, a["axis"], a["exclusive"], a["reverse"]), {"x": values((2, 4))}, attrs)
zeros = torch.tensor([[1.5, 0.0, -2.0, 0.5], [0.0, 2.0, 0.0, 1.0]])
case("cumprod_zeros", "cumprod", lambda x: torch.cumprod(x, 1), {"x": zeros}, {"axis": 1, "exclusive": False, "reverse": False})
for axis, descending in ((0, False), (1, True)):
    attrs = {"axis": axis, "direction": "DESCENDING" if descending else "ASCENDING"}
    x = values((17, 5), apart=True)
    case(f"sort_{axis}", "sort", lambda x, a=axis, d=descending: torch.sort(x, dim=a, descending=d).values, {"x": x}, attrs)
    ties = torch.tensor(rng.integers(0, 4, size=(33, 6)) / 2)
    case(f"argsort_{axis}", "argsort", lambda x, a=axis, d=descending: torch.argsort(x, dim=a, descending=d, stable=True).int(), {"x": ties}, attrs, constant=("x",))
line = torch.tensor([0.0, 0.5, 0.5, 1.25, 3.0])
for side in ("left", "right"):
    case(f"search_sorted_{side}", "search_sorted", lambda sequence, v, s=side: torch.searchsorted(sequence, v, side=s).int(), {"sequence": line, "v": torch.tensor([-1.0, 0.0, 0.5, 1.0, 3.0, 4.0])}, {"side": side}, constant=("sequence", "v"))
case("count_nonzero", "count_nonzero", lambda x: torch.count_nonzero(x, 1).int(), {"x": zeros}, {"axis": 1}, constant=("x",))
case("repeat", "repeat", lambda x: torch.repeat_interleave(x, 3, 1), {"x": values((2, 3))}, {"repeats": 3, "axis": 1})
case("repeat_list", "repeat", lambda x: torch.repeat_interleave(x, torch.tensor([2, 0, 1]), 1), {"x": values((2, 3))}, {"repeats": [2, 0, 1], "axis": 1})
case("space_to_depth", "space_to_depth", lambda x: x.reshape(2, 2, 2, 3, 2, 3).permute(0, 1, 3, 2, 4, 5).reshape(2, 2, 3, 12), {"x": values((2, 4, 6, 3))}, {"block": 2})


def symmetric(x):
    return torch.cat([x.flip(1)[:, 4 - 2 :], x, x.flip(1)[:, :3]], 1)


case("mirror_pad_symmetric", "mirror_pad", symmetric, {"x": values((2, 4))}, {"paddings": [[0, 0], [2, 3]], "mode": "SYMMETRIC"})

# ── matrices ─────────────────────────────────────────────────────────────────────────────────────────────────────────
case("diag", "diag", torch.diag_embed, {"x": values((2, 3))})
case("trace", "trace", lambda x: torch.diagonal(x, dim1=-2, dim2=-1).sum(-1), {"x": values((2, 3, 4))})
case("diag_part_wide", "diag_part", lambda x: torch.diagonal(x, dim1=-2, dim2=-1), {"x": values((2, 3, 4))})
case("tril", "tril", torch.tril, {"x": values((2, 3, 4))})
case("triu", "triu", torch.triu, {"x": values((2, 3, 4))})
case("band_part_narrow", "band_part", lambda x: torch.triu(torch.tril(x, 1), -1), {"x": values((5, 4))}, {"lower": 1, "upper": 1})
regular = values((2, 4, 4), -1, 1) + 3 * torch.eye(4)
case("matrix_inverse_batch", "matrix_inverse", lambda x: torch.linalg.inv(x), {"x": regular})
exchanged = torch.tensor([[0.0, 2.0, 1.0], [1.0, 0.0, 0.5], [3.0, 1.0, 0.0]])
case("matrix_inverse_exchange", "matrix_inverse", lambda x: torch.linalg.inv(x), {"x": exchanged})
root = values((2, 3, 3), -1, 1)
definite = root @ root.mT + 2 * torch.eye(3)
case("cholesky_batch", "cholesky", lambda x: torch.linalg.cholesky((x + x.mT) / 2), {"x": definite})
EQUATIONS = [
    ("ij,kj->ik", (2, 3), (4, 3)),
    ("...ij,...jk->...ik", (2, 1, 2, 3), (4, 3, 2)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("iji->j", (2, 3, 2)),
    ("i...->...", (3, 2, 2)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("bij,bij->b", (2, 3, 4), (2, 3, 4)),
    ("ab,cd->acbd", (2, 2), (2, 3)),
    ("abcd,ebad->ce", (2, 3, 2, 2), (3, 3, 2, 2)),
]
for equation, *shapes in EQUATIONS:
    inputs = {name: values(shape) for name, shape in zip("abc", shapes)}
    case(f"einsum {equation}", "einsum", lambda equation=equation, **x: torch.einsum(equation, *x.values()), inputs, {"equation": equation})
case("tensordot_2", "tensordot", lambda a, b: torch.tensordot(a, b, 2), {"a": values((2, 3, 4)), "b": values((3, 4, 5))}, {"axes": 2})
case("tensordot_0", "tensordot", lambda a, b: torch.tensordot(a, b, 0), {"a": values((2,)), "b": values((3,))}, {"axes": 0})
case("tensordot_lists", "tensordot", lambda a, b: torch.tensordot(a, b, ([2, 0], [1, 2])), {"a": values((2, 3, 4)), "b": values((5, 4, 2))}, {"axes": [[2, 0], [1, -1]]})

# ── by index ─────────────────────────────────────────────────────────────────────────────────────────────────────────
tuples = torch.tensor([[0, 1], [2, 0], [0, 1]], dtype=torch.int32)
rows = torch.tensor([[3], [1]], dtype=torch.int32)
pick = lambda i: tuple(i.long().unbind(-1))
case("gather_nd_elements", "gather_nd", lambda x, i: x[pick(i)], {"x": values((3, 2)), "i": tuples})
case("gather_nd_rows", "gather_nd", lambda x, i: x[pick(i)], {"x": values((4, 3)), "i": rows})
case("scatter_nd_rows", "scatter_nd", lambda i, u: torch.zeros(4, 3, dtype=u.dtype).index_put(pick(i), u), {"i": rows, "u": values((2, 3))}, {"shape": [4, 3]})
case("tensor_scatter_add", "tensor_scatter_add", lambda x, i, u: x.index_put(pick(i), u, accumulate=True), {"x": values((3, 2)), "i": tuples, "u": values((3,))})
case("tensor_scatter_update", "tensor_scatter_update", lambda x, i, u: x.index_put(pick(i), u), {"x": values((4, 3)), "i": rows, "u": values((2, 3))})
segments = torch.tensor([2, 0, -1, 2, 5, 0], dtype=torch.int32)


def segment_sum(x, i):
    keep = ((i >= 0) & (i < 4)).nonzero().flatten()
    return torch.zeros(4, 2, dtype=x.dtype).index_add(0, i[keep].long(), x[keep])


case("unsorted_segment_sum", "unsorted_segment_sum", segment_sum, {"x": values((6, 2)), "i": segments}, {"num": 4}, doc="-1 and 5 are dropped")
case("linspace", "linspace", lambda x: torch.linspace(-1, 2, 7) * x, {"x": torch.tensor(1.0)}, {"start": -1, "stop": 2, "num": 7})
case("eye", "eye", lambda x: torch.eye(2, 3) * x, {"x": torch.tensor(1.0)}, {"rows": 2, "columns": 3})
case("meshgrid_xy", "meshgrid", lambda a, b: torch.meshgrid(a, b, indexing="xy"), {"a": values((2,)), "b": values((3,))}, {"indexing": "xy"})

target = pathlib.Path(__file__).with_name("breadth-a.json")
lines = ",\n".join("  " + json.dumps(c) for c in cases)
target.write_text('{"format": "gradpack/1", "torch": "' + torch.__version__ + '", "cases": [\n' + lines + "\n]}\n")
print(len(cases), "cases")
