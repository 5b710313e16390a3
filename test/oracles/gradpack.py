"""What the generators of oracles share: random inputs that float32 holds exactly, and cases in gradpack/1."""

import json
from pathlib import Path

import torch

CASES = []


def draw(*shape, low=-1.0, high=1.0):
    x = torch.rand(shape, dtype=torch.float64) * (high - low) + low
    return torch.round(x * 256) / 256


def distribution(*shape):
    """Rows of multiples of 1/256 that sum to 1."""
    x = torch.rand(shape, dtype=torch.float64) + 0.25
    x = torch.floor(x / x.sum(-1, keepdim=True) * 256) / 256
    x[..., -1] += 1 - x.sum(-1)
    return x


def pack(x):
    kinds = {torch.int32: "int32", torch.bool: "bool"}
    data = x.detach()
    dtype = kinds.get(data.dtype, "float")
    return {"shape": list(data.shape), "dtype": dtype, "data": data.reshape(-1).to(torch.float64).tolist()}


def run(fn, inputs, wrt, cot, dtype):
    given = {k: v.to(dtype) if v.is_floating_point() else v for k, v in inputs.items()}
    given = {k: v.clone().requires_grad_(k in wrt) if v.is_floating_point() else v for k, v in given.items()}
    out = fn(**given)
    cot = draw(*out.shape) if cot is None else cot
    grads = torch.autograd.grad((out * cot.to(dtype)).sum(), [given[k] for k in wrt])
    return out, cot, dict(zip(wrt, grads))


def case(name, op, fn, inputs, attrs=None, wrt=None, doc=None):
    wrt = [k for k, v in inputs.items() if v.is_floating_point()] if wrt is None else wrt
    out, cot, grads = run(fn, inputs, wrt, None, torch.float64)
    out32, _, grads32 = run(fn, inputs, wrt, cot, torch.float32)
    distance = lambda a, b: (a - b.to(torch.float64)).abs().max().item() if a.numel() else 0.0
    CASES.append(
        {
            "name": name,
            "op": op,
            "attrs": attrs or {},
            **({"doc": doc} if doc else {}),
            "in": {k: pack(v) for k, v in inputs.items()},
            "out": [pack(out)],
            "cot": [cot.reshape(-1).tolist()],
            "grad": {k: g.reshape(-1).tolist() for k, g in grads.items()},
            "f32loss": {
                "out": distance(out, out32),
                "grad": max((distance(grads[k], grads32[k]) for k in wrt), default=0.0),
            },
        }
    )


def write(script):
    """Writes the cases beside the script that made them."""
    path = Path(script).with_suffix(".json")
    pack_of_cases = {"format": "gradpack/1", "torch": torch.__version__, "cases": CASES}
    path.write_text(json.dumps(pack_of_cases, separators=(",", ":")))
    print(f"{len(CASES)} cases, {len({c['op'] for c in CASES})} operations, {path.stat().st_size} bytes")
