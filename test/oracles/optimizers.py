"""Twenty steps by each optimizer, and values of schedules, from Keras and PyTorch in float64: writes optimizers.json.

    pip install tensorflow-cpu==2.21.0 keras==3.15.1
    python test/oracles/optimizers.py keras
    pip install torch==2.13.0 numpy==2.4.6
    python test/oracles/optimizers.py torch

Each call renews its half of the file. The loss is mean((tanh(x kernel + bias) - y)^2), with the same x in each step.
"""

import json
import sys
from pathlib import Path

import numpy as np

STEPS = 20
FILE = Path(__file__).with_suffix(".json")
random = np.random.default_rng(20241124)


def draw(*shape, low=-1.0, high=1.0):
    """Multiples of 1/64, which float32 holds exactly."""
    return np.round(random.uniform(low, high, shape) * 64) / 64


DATA = {"x": draw(6, 3, low=-2, high=2), "y": draw(6, 2), "kernel": draw(3, 2), "bias": draw(2)}
# Gradients of the third input are small, those of the first large: what a step makes of sizes is to be seen.
DATA["x"][:, 0] *= 4
DATA["x"][:, 2] /= 16

# ── Keras ────────────────────────────────────────────────────────────────────────────────────────────────────────────

DECAY = {"exponentialDecay": {"initial": 0.1, "decaySteps": 4, "decayRate": 0.5}}

KERAS = [
    ("SGD", {"learning_rate": 0.1}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"learning_rate": DECAY, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.1, "weight_decay": 0.1}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.5, "clipvalue": 0.02}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.5, "clipnorm": 0.05}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.5, "global_clipnorm": 0.05}),
    ("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.8}),
    ("Adagrad", {"learning_rate": 0.1}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adadelta", {"learning_rate": 0.5, "rho": 0.8, "epsilon": 1e-4}),
    ("RMSprop", {"learning_rate": 0.01}),
    ("RMSprop", {"learning_rate": 0.01, "rho": 0.8, "momentum": 0.9}),
    ("RMSprop", {"learning_rate": 0.01, "centered": True, "epsilon": 1e-3}),
    ("RMSprop", {"learning_rate": DECAY, "momentum": 0.5, "centered": True, "epsilon": 1e-2}),
    ("Adam", {"learning_rate": 0.01}),
    ("Adam", {"learning_rate": 0.05, "amsgrad": True, "beta_2": 0.9}),
    ("Adam", {"learning_rate": DECAY, "weight_decay": 0.1, "use_ema": True}),
    ("AdamW", {"learning_rate": 0.01}),
    ("AdamW", {"learning_rate": 0.01, "weight_decay": 0.5, "global_clipnorm": 0.1}),
    ("Adamax", {"learning_rate": 0.01}),
    ("Adamax", {"learning_rate": 0.05, "beta_2": 0.9}),
    ("Nadam", {"learning_rate": 0.01}),
    ("Nadam", {"learning_rate": 0.05, "weight_decay": 0.1}),
    ("Lion", {"learning_rate": 0.01}),
    ("Lion", {"learning_rate": 0.003, "beta_1": 0.8, "beta_2": 0.7, "weight_decay": 0.1}),
]

KERAS_SCHEDULES = [
    ("ExponentialDecay", [0.1], {"decay_steps": 7, "decay_rate": 0.9}),
    ("ExponentialDecay", [0.1], {"decay_steps": 7, "decay_rate": 0.9, "staircase": True}),
    ("InverseTimeDecay", [0.1], {"decay_steps": 7, "decay_rate": 0.5}),
    ("InverseTimeDecay", [0.1], {"decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    ("PolynomialDecay", [0.1], {"decay_steps": 20, "end_learning_rate": 0.0001}),
    ("PolynomialDecay", [0.1], {"decay_steps": 20, "end_learning_rate": 0.01, "power": 0.5}),
    ("PolynomialDecay", [0.1], {"decay_steps": 12, "end_learning_rate": 0.01, "power": 2, "cycle": True}),
    ("CosineDecay", [0.1], {"decay_steps": 20}),
    ("CosineDecay", [0.1], {"decay_steps": 20, "alpha": 0.1}),
    ("CosineDecay", [0.01], {"decay_steps": 20, "alpha": 0.1, "warmup_target": 0.1, "warmup_steps": 5}),
    ("CosineDecayRestarts", [0.1], {"first_decay_steps": 5}),
    ("CosineDecayRestarts", [0.1], {"first_decay_steps": 5, "t_mul": 1.0, "m_mul": 0.8, "alpha": 0.1}),
    ("CosineDecayRestarts", [0.1], {"first_decay_steps": 4, "t_mul": 1.5, "m_mul": 0.8, "alpha": 0.1}),
    ("PiecewiseConstantDecay", [[5, 10, 11], [0.1, 0.05, 0.02, 0.01]], {}),
]


def keras_half():
    import keras
    import tensorflow as tf

    # Python's numbers become float32 on the way to float64, NumPy's do not.
    cast = keras.src.ops.cast
    keras.src.ops.cast = lambda x, dtype: cast(np.float64(x) if isinstance(x, float) else x, dtype)

    def train(name, options, dtype):
        keras.config.set_floatx(dtype)
        rate = options["learning_rate"]
        if rate is DECAY:
            given = rate["exponentialDecay"]
            initial = np.array(given["initial"], dtype)
            rate = keras.optimizers.schedules.ExponentialDecay(initial, given["decaySteps"], given["decayRate"])
        optimizer = getattr(keras.optimizers, name)(**{**options, "learning_rate": rate})
        if optimizer.weight_decay is not None:
            optimizer.weight_decay = np.float64(optimizer.weight_decay)
        variables = [keras.Variable(DATA[key], dtype=dtype, name=key) for key in ("kernel", "bias")]
        x, y = (tf.constant(DATA[key], dtype=dtype) for key in ("x", "y"))
        losses = []
        for _ in range(STEPS):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((tf.tanh(x @ variables[0].value + variables[1].value) - y) ** 2)
            optimizer.apply(tape.gradient(loss, [variable.value for variable in variables]), variables)
            losses.append(float(loss))
        weights = [variable.numpy() for variable in variables]
        averages = []
        if options.get("use_ema"):
            optimizer.finalize_variable_values(variables)
            averages = [variable.numpy() for variable in variables]
        return losses, weights, averages

    def values(name, args, options):
        keras.config.set_floatx("float64")
        if name == "PiecewiseConstantDecay":
            given = [args[0], [np.array(value) for value in args[1]]]
        else:
            given = [np.array(args[0])]
        schedule = getattr(keras.optimizers.schedules, name)(*given, **options)
        return [float(schedule(tf.constant(step, dtype="float64"))) for step in range(40)]

    return {
        "version": f"keras {keras.__version__}, tensorflow {tf.__version__}",
        "runs": [run(name, options, train) for name, options in KERAS],
        "schedules": [
            {"schedule": name, "args": args, "options": options, "values": values(name, args, options)}
            for name, args, options in KERAS_SCHEDULES
        ],
    }


# ── PyTorch ──────────────────────────────────────────────────────────────────────────────────────────────────────────

GAMMA = 0.8
TORCH = [
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "gamma": GAMMA}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "gamma": GAMMA}),
    ("Adagrad", {"lr": 0.1}),
    ("Adadelta", {"lr": 1.0}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "alpha": 0.9, "eps": 1e-3, "momentum": 0.9, "centered": True}),
    ("Adam", {"lr": 0.01, "eps": 1e-3}),
    ("Adam", {"lr": 0.05, "amsgrad": True, "betas": [0.8, 0.9]}),
    ("AdamW", {"lr": 0.01, "eps": 1e-3, "weight_decay": 0.1, "gamma": GAMMA}),
    ("Adamax", {"lr": 0.01, "eps": 0.0}),
    ("NAdam", {"lr": 0.01}),
    ("NAdam", {"lr": 0.05, "momentum_decay": 0.1}),
]


def torch_half():
    import torch
    from torch.optim import SGD, lr_scheduler

    def train(name, options, dtype):
        given = {key: value for key, value in options.items() if key != "gamma"}
        # PyTorch keeps some scalars in its default dtype.
        torch.set_default_dtype(getattr(torch, dtype))
        of = lambda key: torch.tensor(DATA[key], dtype=getattr(torch, dtype))
        x, y = of("x"), of("y")
        weights = [of(key).requires_grad_() for key in ("kernel", "bias")]
        optimizer = getattr(torch.optim, name)(weights, **given)
        schedule = lr_scheduler.ExponentialLR(optimizer, options.get("gamma", 1.0))
        losses = []
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss = ((torch.tanh(x @ weights[0] + weights[1]) - y) ** 2).mean()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
        return losses, [weight.detach().numpy() for weight in weights], []

    def values(make, steps, rate=0.1):
        optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=rate)
        schedule = make(optimizer)
        found = []
        for _ in range(steps):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        return found

    schedules = {
        "StepLR(7, 0.9)": values(lambda o: lr_scheduler.StepLR(o, 7, 0.9), 40),
        "ExponentialLR(0.9)": values(lambda o: lr_scheduler.ExponentialLR(o, 0.9), 40),
        "CosineAnnealingLR(20, 0.01)": values(lambda o: lr_scheduler.CosineAnnealingLR(o, 20, 0.01), 21),
        "CosineAnnealingWarmRestarts(5, 2, 0.01)": values(
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 5, 2, 0.01), 40
        ),
        "LinearLR(0.1, 5) then ExponentialLR(0.9)": values(
            lambda o: lr_scheduler.SequentialLR(
                o, [lr_scheduler.LinearLR(o, 0.1, 1.0, 5), lr_scheduler.ExponentialLR(o, 0.9)], [5]
            ),
            40,
        ),
        "OneCycleLR(0.1, 30)": values(lambda o: lr_scheduler.OneCycleLR(o, 0.1, 30), 30),
        "OneCycleLR(0.1, 20, linear, 0.4, 10, 100)": values(
            lambda o: lr_scheduler.OneCycleLR(
                o, 0.1, 20, anneal_strategy="linear", pct_start=0.4, div_factor=10, final_div_factor=100
            ),
            20,
        ),
    }
    return {
        "version": f"torch {torch.__version__}",
        "runs": [run(name, options, train) for name, options in TORCH],
        "schedules": schedules,
    }


# ── both ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def run(name, options, train):
    losses, weights, averages = train(name, options, "float64")
    losses32, weights32, _ = train(name, options, "float32")
    flat = lambda arrays: [float(value) for array in arrays for value in np.ravel(array)]
    far = lambda a, b: float(np.max(np.abs(np.subtract(a, b))))
    return {
        "optimizer": name,
        "options": options,
        "losses": losses,
        # The kernel, row by row, then the bias.
        "weights": flat(weights),
        "averages": flat(averages),
        # How far the framework's own float32 run is from this one.
        "float32": {"losses": far(losses, losses32), "weights": far(flat(weights), flat(weights32))},
    }


half = {"keras": keras_half, "torch": torch_half}[sys.argv[1]]()
content = json.loads(FILE.read_text()) if FILE.exists() else {"format": "optimizers/1"}
content["data"] = {key: {"shape": array.shape, "data": array.ravel().tolist()} for key, array in DATA.items()}
content[sys.argv[1]] = half
FILE.write_text(json.dumps(content, separators=(",", ":")) + "\n")
