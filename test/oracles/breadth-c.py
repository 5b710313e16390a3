"""Values and gradients of the remaining pointwise operations and losses, from PyTorch in float64: writes breadth-c.json.

    pip install torch==2.13.0 numpy==2.4.6
    python test/oracles/breadth-c.py
"""

import torch
import torch.nn.functional as F

from gradpack import case, distribution, draw, write

torch.manual_seed(20241124)

x = draw(3, 5, low=-3, high=3)
away = torch.where(x.abs() < 0.05, torch.full_like(x, 0.5), x)
case("reciprocal", "reciprocal", lambda x: 1 / x, {"x": away})
case("ceil", "ceil", lambda x: torch.ceil(x) + 0 * x, {"x": away}, doc="the derivative is 0")
case("round", "round", lambda x: torch.round(x) + 0 * x, {"x": torch.tensor([-2.5, -1.5, -0.5, 0.5, 1.5, 2.25], dtype=torch.float64)}, doc="ties to even; the derivative is 0")
case("log1p", "log1p", lambda x: torch.log1p(x), {"x": draw(4, 4, low=-0.75, high=3)})
case("selu", "selu", lambda x: F.selu(x), {"x": away}, doc="scale 1.0507, alpha 1.6733")
case("step", "step", lambda x: (x > 0).to(x.dtype) + 0 * x, {"x": away}, doc="the derivative is 0")
case("add_n", "add_n", lambda a, b, c: a + b + c, {"a": draw(2, 3), "b": draw(2, 3), "c": draw(2, 3)})
case("flatten", "flatten", lambda x: x.flatten(1), {"x": draw(2, 3, 4)})
case("maxout", "maxout", lambda a, b: torch.maximum(a, b), {"a": draw(3, 4), "b": draw(3, 4)})
case("squared_error", "squared_error", lambda t, y: F.mse_loss(y, t, reduction="none"), {"t": draw(4, 2), "y": draw(4, 2)})
case(
    "gaussian_nll",
    "gaussian_nll",
    lambda t, mean, variance: F.gaussian_nll_loss(mean, t, variance, full=True, eps=0, reduction="none"),
    {"t": draw(4, 3), "mean": draw(4, 3), "variance": draw(4, 3, low=0.5, high=2)},
    doc="with the constant log(2 pi) / 2",
)
case(
    "categorical_cross_entropy",
    "categorical_cross_entropy",
    lambda t, y: -(t * torch.log((y / y.sum(-1, keepdim=True)).clamp(1e-7, 1 - 1e-7))).sum(-1),
    {"t": distribution(4, 3), "y": distribution(4, 3)},
    wrt=["y"],
    doc="Keras: rescaled to sum 1, clipped at 1e-7",
)
write(__file__)
