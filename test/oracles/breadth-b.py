"""Values and gradients of neural network operations, from PyTorch in float64: writes breadth-b.json (gradpack/1).

    pip install torch==2.13.0 numpy==2.4.6
    python test/oracles/breadth-b.py

Inputs are multiples of 1/256, which float32 holds exactly. Images are NHWC and filters HWIO, as in TensorFlow; what
PyTorch pads, lays out or names otherwise is brought into that form here. SAME is padded by hand, the odd pixel at the
end.
"""

import math

import torch
import torch.nn.functional as F

from gradpack import CASES, case, distribution, draw, write

torch.manual_seed(20240611)

# ── windows ──────────────────────────────────────────────────────────────────────────────────────────────────────

last_to_second = lambda x: x.movedim(-1, 1)
second_to_last = lambda x: x.movedim(1, -1)


def pads_of(sizes, taps, strides, dilations, padding):
    """Pairs (before, after) for each axis."""
    if padding == "VALID":
        return [(0, 0)] * len(sizes)
    if padding != "SAME":
        return padding
    pairs = []
    for size, tap, stride, dilation in zip(sizes, taps, strides, dilations):
        total = max(0, (math.ceil(size / stride) - 1) * stride + (tap - 1) * dilation + 1 - size)
        pairs.append((total // 2, total - total // 2))
    return pairs


def padded(x, pairs, value=0.0):
    """x is channels-first; torch lists the last axis first."""
    return F.pad(x, [p for pair in reversed(pairs) for p in pair], value=value)


def convolution(x, w, strides, padding, dilations, groups):
    dims = x.dim() - 2
    pairs = pads_of(x.shape[1:-1], w.shape[:dims], strides, dilations, padding)
    filters = w.movedim((-1, -2), (0, 1))
    conv = [F.conv1d, F.conv2d, F.conv3d][dims - 1]
    return second_to_last(conv(padded(last_to_second(x), pairs), filters, None, strides, 0, dilations, groups))


def conv_case(name, x, w, strides=None, padding="VALID", dilations=None, groups=1):
    dims = len(x) - 2
    strides, dilations = strides or [1] * dims, dilations or [1] * dims
    attrs = {"strides": strides, "padding": padding, "dilations": dilations, "groups": groups}
    fn = lambda x, w: convolution(x, w, **attrs)
    case(name, f"conv{dims}d_full", fn, {"x": draw(*x), "w": draw(*w)}, attrs)


conv_case("conv1d_causal", [2, 6, 2], [3, 2, 3], padding=[[4, 0]], dilations=[2])
conv_case("conv1d_groups", [1, 7, 4], [2, 2, 6], strides=[2], padding="SAME", groups=2)
conv_case("conv2d_dilated_groups", [1, 7, 6, 4], [3, 2, 2, 4], padding="SAME", dilations=[2, 3], groups=2)
conv_case("conv2d_explicit_strides", [2, 5, 6, 2], [3, 2, 2, 3], strides=[2, 3], padding=[[1, 2], [0, 1]])
conv_case("conv3d_same", [1, 4, 5, 4, 2], [2, 3, 3, 2, 2], strides=[2, 1, 2], padding="SAME")
conv_case("conv3d_dilated_groups", [1, 4, 3, 5, 2], [2, 1, 3, 1, 4], dilations=[3, 1, 2], groups=2)
conv_case("conv3d_explicit", [1, 3, 3, 2, 1], [2, 2, 2, 1, 2], padding=[[1, 0], [0, 2], [1, 1]])


def transposed(x, w, shape, attrs):
    """The gradient of the convolution with respect to its images, as a function of both."""
    zeros = torch.zeros(shape, dtype=x.dtype, requires_grad=True)
    y = convolution(zeros, w, **attrs)
    return torch.autograd.grad(y, zeros, x, create_graph=True)[0]


def transpose_case(name, x, w, shape, strides, padding="VALID", dilations=None, groups=1):
    dims = len(x) - 2
    attrs = {"strides": strides, "padding": padding, "dilations": dilations or [1] * dims, "groups": groups}
    fn = lambda x, w: transposed(x, w, shape, attrs)
    case(name, f"conv{dims}d_transpose_full", fn, {"x": draw(*x), "w": draw(*w)}, {**attrs, "shape": shape})


transpose_case("conv1d_transpose_same", [2, 4, 3], [3, 2, 3], [2, 7, 2], [2], "SAME")
transpose_case("conv2d_transpose_groups", [1, 3, 2, 4], [2, 3, 1, 4], [1, 7, 6, 2], [2, 2], "VALID", [2, 1], 2)
transpose_case("conv2d_transpose_same_dilated", [1, 5, 5, 2], [3, 3, 2, 2], [1, 5, 5, 2], [1, 1], "SAME", [2, 2])
transpose_case("conv3d_transpose_same", [1, 2, 3, 2, 2], [2, 3, 3, 1, 2], [1, 3, 3, 4, 1], [2, 1, 2], "SAME")


def depthwise(x, w, strides, padding, dilations):
    height, width, channels, multiplier = w.shape
    filters = w.reshape(height, width, 1, channels * multiplier)
    return convolution(x, filters, strides, padding, dilations, channels)


for name, x, w, attrs in [
    ("depthwise_dilated", [1, 6, 7, 3], [2, 3, 3, 2], {"strides": [1, 1], "padding": "SAME", "dilations": [2, 2]}),
    ("depthwise_explicit", [2, 4, 4, 2], [3, 3, 2, 1], {"strides": [2, 1], "padding": [[1, 1], [0, 2]], "dilations": [1, 1]}),
]:
    fn = lambda x, w, attrs=attrs: depthwise(x, w, **attrs)
    case(name, "depthwise_conv2d_full", fn, {"x": draw(*x), "w": draw(*w)}, attrs)

attrs = {"strides": [2, 2], "padding": "SAME", "dilations": [1, 1]}
case(
    "separable_strides",
    "separable_conv2d_full",
    lambda x, dw, pw: convolution(depthwise(x, dw, **attrs), pw, [1, 1], "VALID", [1, 1], 1),
    {"x": draw(2, 6, 5, 2), "dw": draw(3, 2, 2, 2), "pw": draw(1, 1, 4, 3)},
    attrs,
)


def pool(kind, x, window, strides, padding):
    dims = len(window)
    pairs = pads_of(x.shape[1:-1], window, strides, [1] * dims, padding)
    image = last_to_second(x)
    if kind == "max":
        largest = [F.max_pool1d, F.max_pool2d, F.max_pool3d][dims - 1]
        return second_to_last(largest(padded(image, pairs, -math.inf), window, strides))
    conv = [F.conv1d, F.conv2d, F.conv3d][dims - 1]
    ones = torch.ones([x.shape[-1], 1, *window], dtype=x.dtype)
    total = lambda y: conv(padded(y, pairs), ones, stride=strides, groups=x.shape[-1])
    return second_to_last(total(image) / total(torch.ones_like(image)))


for kind, dims, x, window, strides, padding in [
    ("max", 1, [2, 7, 2], [3], [2], "SAME"),
    ("max", 2, [2, 5, 6, 2], [2, 2], [2, 2], "SAME"),
    ("max", 2, [1, 6, 7, 2], [3, 2], [1, 2], "VALID"),
    ("max", 2, [1, 4, 5, 1], [3, 3], [2, 1], [[1, 1], [2, 0]]),
    ("max", 3, [1, 4, 5, 3, 2], [2, 3, 2], [2, 2, 1], "SAME"),
    ("avg", 1, [2, 7, 2], [3], [2], "SAME"),
    ("avg", 2, [1, 4, 5, 2], [3, 3], [2, 1], [[1, 1], [2, 0]]),
    ("avg", 3, [1, 4, 5, 3, 2], [2, 3, 2], [2, 2, 1], "SAME"),
]:
    attrs = {"window": window, "strides": strides, "padding": padding}
    name = f"{kind}_pool{dims}d_{len(CASES)}"
    fn = lambda x, kind=kind, attrs=attrs: pool(kind, x, **attrs)
    case(name, f"{kind}_pool{dims}d", fn, {"x": draw(*x)}, attrs)

case("global_max", "global_max_pool", lambda x: x.amax((1, 2)), {"x": draw(2, 3, 4, 2)})
case("global_avg_3d_keep", "global_avg_pool_keep", lambda x: x.mean((1, 2, 3), keepdim=True), {"x": draw(2, 2, 3, 2, 2)})


def resize(x, size, mode, align=None):
    return second_to_last(F.interpolate(last_to_second(x), size, mode=mode, align_corners=align))


for x, size in [([1, 2, 3, 2], [4, 6]), ([2, 5, 4, 1], [3, 7]), ([1, 3, 3, 1], [1, 5])]:
    attrs = {"size": size}
    bilinear = lambda x, size=size: resize(x, size, "bilinear", False)
    nearest = lambda x, size=size: resize(x, size, "nearest-exact")
    case(f"bilinear_half_{len(CASES)}", "resize_bilinear_half_pixel", bilinear, {"x": draw(*x)}, attrs)
    case(f"nearest_half_{len(CASES)}", "resize_nearest_half_pixel", nearest, {"x": draw(*x)}, attrs)
case(
    "bilinear_aligned_down",
    "resize_bilinear_aligned",
    lambda x: resize(x, [2, 4], "bilinear", True),
    {"x": draw(1, 5, 7, 2)},
    {"size": [2, 4]},
)
case(
    "nearest_legacy",
    "resize_nearest_legacy",
    lambda x: resize(x, [5, 3], "nearest"),
    {"x": draw(1, 3, 7, 1)},
    {"size": [5, 3]},
)

# ── normalisation and attention ──────────────────────────────────────────────────────────────────────────────────

attrs = {"depth_radius": 2, "bias": 1.5, "alpha": 0.25, "beta": 0.75}
case(
    "lrn",
    "local_response_normalization",
    lambda x: second_to_last(F.local_response_norm(last_to_second(x), 5, alpha=0.25 * 5, beta=0.75, k=1.5)),
    {"x": draw(2, 3, 2, 7)},
    attrs,
    doc="PyTorch divides alpha by the size of the window, TensorFlow does not",
)
features = lambda n: {"gamma": draw(n, low=0.5, high=1.5), "beta": draw(n)}
case(
    "batch_norm_inference",
    "batch_norm_inference",
    lambda x, gamma, beta, mean, variance: second_to_last(
        F.batch_norm(last_to_second(x), mean, variance, gamma, beta, False, 0.0, 1e-3)
    ),
    {"x": draw(2, 3, 2, 3), **features(3), "mean": draw(3), "variance": draw(3, low=0.5, high=2)},
    {"epsilon": 1e-3},
    wrt=["x", "gamma", "beta"],
)
case(
    "instance_norm",
    "instance_norm",
    lambda x, gamma, beta: second_to_last(F.instance_norm(last_to_second(x), weight=gamma, bias=beta, eps=1e-3)),
    {"x": draw(2, 3, 4, 2), **features(2)},
    {"epsilon": 1e-3},
)
case(
    "group_norm_channels_first",
    "group_norm",
    lambda x, gamma, beta: F.group_norm(x, 3, gamma, beta, 1e-3),
    {"x": draw(2, 6, 4), **features(6)},
    {"groups": 3, "axis": 1, "epsilon": 1e-3},
)
case(
    "rms_norm",
    "rms_norm",
    lambda x, gamma: F.rms_norm(x, [5], gamma, 1e-6),
    {"x": draw(2, 3, 5), "gamma": draw(5)},
    {"epsilon": 1e-6},
)

qkv = lambda: {"q": draw(2, 3, 4), "k": draw(2, 5, 4), "v": draw(2, 5, 3)}
attend = lambda q, k, v, mask=None: F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
case("attention", "scaled_dot_product_attention", attend, qkv())
mask = torch.rand(3, 5) < 0.6
mask[:, 0] = True
case("attention_bool_mask", "scaled_dot_product_attention", attend, {**qkv(), "mask": mask})
case("attention_float_mask", "scaled_dot_product_attention", attend, {**qkv(), "mask": draw(2, 3, 5)})

# ── losses, per element or per row ───────────────────────────────────────────────────────────────────────────────

pair = lambda *shape: {"t": draw(*shape), "f": draw(*shape, low=-2, high=2)}
case("huber_1", "huber", lambda t, f: F.huber_loss(f, t, reduction="none", delta=1.0), pair(3, 4), {"delta": 1.0})
case("huber_03", "huber", lambda t, f: F.huber_loss(f, t, reduction="none", delta=0.3), pair(3, 4), {"delta": 0.3})
case("log_cosh_far", "log_cosh_elements", lambda t, f: torch.log(torch.cosh(f - t)), pair(8))
signs = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0, 1.0], dtype=torch.float64)
case(
    "squared_hinge",
    "squared_hinge",
    lambda t, f: torch.clamp(1 - t * f, min=0) ** 2,
    {"t": signs, "f": draw(6, low=-2, high=2)},
)
case(
    "kl_divergence",
    "kl_divergence",
    lambda t, p: F.kl_div(torch.log(p), t, reduction="none").sum(-1),
    {"t": distribution(3, 4), "p": distribution(3, 4)},
)
case(
    "cosine_similarity",
    "cosine_similarity",
    lambda t, f: -F.cosine_similarity(t, f, dim=-1),
    pair(3, 4),
)
case(
    "poisson_counts",
    "poisson_nll",
    lambda t, f: F.poisson_nll_loss(f, t, log_input=False, eps=1e-7, reduction="none"),
    {"t": torch.tensor([0.0, 1.0, 4.0, 2.0], dtype=torch.float64), "f": draw(4, low=0.25, high=3)},
    {"epsilon": 1e-7},
)


def binary_focal(t, f, gamma, alpha, logits):
    entropy = F.binary_cross_entropy_with_logits if logits else F.binary_cross_entropy
    p = torch.sigmoid(f) if logits else f
    right = t * p + (1 - t) * (1 - p)
    weight = 1.0 if alpha is None else t * alpha + (1 - t) * (1 - alpha)
    return weight * (1 - right) ** gamma * entropy(f, t, reduction="none")


bits = torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0], dtype=torch.float64)
for name, f, attrs in [
    ("binary_focal", draw(5, low=0.1, high=0.9), {"gamma": 2.0, "alpha": None, "logits": False}),
    ("binary_focal_logits", draw(5, low=-3, high=3), {"gamma": 1.5, "alpha": 0.25, "logits": True}),
]:
    fn = lambda t, f, attrs=attrs: binary_focal(t, f, **attrs)
    case(name, "binary_focal_crossentropy", fn, {"t": bits, "f": f}, attrs, wrt=["f"])


def categorical_focal(t, f, gamma, alpha, logits):
    logarithm = F.log_softmax(f, -1) if logits else torch.log(f / f.sum(-1, keepdim=True))
    return -alpha * (t * (1 - logarithm.exp()) ** gamma * logarithm).sum(-1)


for name, f, attrs in [
    ("categorical_focal", draw(3, 4, low=0.1, high=0.9), {"gamma": 2.0, "alpha": 0.25, "logits": False}),
    ("categorical_focal_logits", draw(3, 4, low=-3, high=3), {"gamma": 1.5, "alpha": 1.0, "logits": True}),
]:
    fn = lambda t, f, attrs=attrs: categorical_focal(t, f, **attrs)
    case(name, "categorical_focal_crossentropy", fn, {"t": distribution(3, 4), "f": f}, attrs, wrt=["f"])


def ctc(logits, labels, label_lengths, logit_lengths, blank):
    scores = F.log_softmax(logits, -1).transpose(0, 1)
    return F.ctc_loss(scores, labels.long(), logit_lengths.long(), label_lengths.long(), blank, reduction="none")


whole = lambda *values: torch.tensor(values, dtype=torch.int32)
for name, steps, classes, labels, label_lengths, logit_lengths, blank in [
    ("ctc", 6, 4, [[1, 2, 3], [2, 2, 1], [3, 1, 1]], [3, 3, 2], [6, 6, 5], 0),
    ("ctc_blank_last", 5, 3, [[0, 1], [1, 0]], [2, 1], [5, 3], 2),
    ("ctc_repeats", 7, 3, [[1, 1, 1], [2, 2, 1]], [3, 2], [7, 7], 0),
    ("ctc_one_step", 1, 3, [[1], [2]], [1, 1], [1, 1], 0),
]:
    inputs = {
        "logits": draw(len(labels), steps, classes, low=-2, high=2),
        "labels": whole(*labels),
        "label_lengths": whole(*label_lengths),
        "logit_lengths": whole(*logit_lengths),
    }
    case(name, "ctc_loss", lambda blank=blank, **given: ctc(blank=blank, **given), inputs, {"blank": blank})

# ── distributions ────────────────────────────────────────────────────────────────────────────────────────────────

case(
    "bernoulli_log_prob",
    "bernoulli_log_prob",
    lambda x, p: torch.distributions.Bernoulli(probs=p, validate_args=False).log_prob(x),
    {"x": bits, "p": draw(5, low=0.1, high=0.9)},
    wrt=["p"],
)
case(
    "categorical_log_prob",
    "categorical_log_prob",
    lambda x, logits: torch.distributions.OneHotCategorical(logits=logits, validate_args=False).log_prob(x),
    {"x": torch.eye(3, dtype=torch.float64), "logits": draw(3, 3, low=-2, high=2)},
    wrt=["logits"],
)
case(
    "normal_log_prob",
    "normal_log_prob",
    lambda x, mean, variance: torch.distributions.Normal(mean, variance.sqrt(), validate_args=False).log_prob(x),
    {"x": draw(3, 4), "mean": draw(4), "variance": draw(3, 1, low=0.5, high=3)},
)

write(__file__)
