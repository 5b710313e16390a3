"""Whole runs of `fit`, without shuffling, in float64 and float32: a part of callbacks.json."""

import numpy as np

from oracle import described, draw, generator, instance, keras, number, tensor

random = generator("fits")
x = draw(random, (70, 4))
labels = (x @ np.array([[1, -1, 0.5], [0.5, 1, -1], [-1, 0, 1], [0.25, 0.5, -1]])).argmax(1).astype("int32")
sample_weight = random.integers(0, 5, size=70) / 2
plain_model = [described("Dense", units=3, activation="tanh"), described("Dense", units=3, activation="softmax")]
# A bias before normalisation has no gradient but rounding, which Adam would turn into steps.
normalized_model = [described("Dense", units=3, use_bias=False), described("BatchNormalization", momentum=0.9), described("Activation", activation="relu"),
                    described("Dense", units=3)]
regularized_model = [described("Dense", units=3, activation="relu", kernel_regularizer=described("L2", l2=0.01),
                               kernel_constraint=described("MaxNorm", max_value=1, axis=0)),
                     described("Dense", units=3, activation="softmax", activity_regularizer=described("L1", l1=0.001))]


def draw_initial(name, model):
    random = generator(name)
    return [np.full(weight.shape, 1.0) if weight.path.endswith(("gamma", "variance")) else
            np.zeros(weight.shape) if weight.path.endswith(("moving_mean", "beta")) else draw(random, weight.shape, -1, 1)
            for weight in model.weights]


def run(name, dtype, layers, optimizer, settings, loss, metrics):
    keras.backend.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    keras.backend.clear_session()
    model = keras.Sequential([keras.Input([4]), *instance(layers)])
    initial = draw_initial(name, model)
    model.set_weights(initial)
    model.compile(optimizer=getattr(keras.optimizers, optimizer["class"])(**optimizer["arguments"]), loss=instance_of_loss(loss),
                  weighted_metrics=metrics, jit_compile=False)
    given = {}
    for key, value in settings.items():
        if key == "class_weight":
            value = {int(label): weight for label, weight in value.items()}
        if key == "sample_weight":
            value = sample_weight.astype(dtype)
        if key == "validation_data":
            start, end = value["rows"]
            value = (x[start:end].astype(dtype), labels[start:end], *((sample_weight[start:end].astype(dtype),) if value["weighted"] else ()))
        given[key] = value
    rows = settings.get("validation_data", {"rows": [70]})["rows"][0]
    if "sample_weight" in given:
        given["sample_weight"] = given["sample_weight"][:rows]
    history = model.fit(x[:rows].astype(dtype), labels[:rows], shuffle=False, verbose=0, **given).history
    evaluated = model.evaluate(x.astype(dtype), labels, batch_size=32, verbose=0, return_dict=True)
    return {
        "initial": [{"name": weight.path, **tensor(value)} for weight, value in zip(model.weights, initial)],
        dtype: {
            "history": {key: [number(value) for value in values] for key, values in history.items()},
            "evaluate": {key: number(value) for key, value in evaluated.items()},
            "weights": [tensor(weight)["data"] for weight in model.weights],
            "predictions": tensor(model.predict(x[:2].astype(dtype), verbose=0)),
            "iterations": int(model.optimizer.iterations.numpy()),
        },
    }


def instance_of_loss(loss):
    return getattr(keras.losses, loss["class"])(**loss["arguments"])


def fits():
    entries = []

    def fit(name, layers=plain_model, optimizer=described("Adam", learning_rate=0.01), loss=described("SparseCategoricalCrossentropy"),
            metrics=("accuracy",), dtypes=("float64", "float32"), **settings):
        settings = {"epochs": 3, "batch_size": 32, **settings}
        entry = {"name": name, "layers": layers, "optimizer": optimizer, "loss": loss, "weighted_metrics": list(metrics), "fit": settings}
        for dtype in dtypes:
            entry |= run(name, dtype, layers, optimizer, settings, loss, list(metrics))
        entries.append(entry)

    fit("plain")
    fit("validation_split", validation_split=0.2)
    fit("class_weight", class_weight={"0": 1, "1": 2, "2": 0.5}, validation_split=0.2)
    fit("sample_weight", sample_weight="sample_weight", validation_split=0.2)
    fit("validation_data", validation_data={"rows": [50, 70], "weighted": False}, validation_batch_size=16)
    fit("validation_data with sample_weight", validation_data={"rows": [50, 70], "weighted": True}, sample_weight="sample_weight")
    fit("steps_per_epoch", steps_per_epoch=1)  # an epoch goes on with the rows after those of the epoch before
    fit("logits and batch normalization", normalized_model, loss=described("SparseCategoricalCrossentropy", from_logits=True), validation_split=0.2)
    fit("regularizers and a constraint", regularized_model, validation_split=0.2)
    for name, optimizer in (
        ("SGD", described("SGD", learning_rate=0.1)),
        ("SGD, momentum", described("SGD", learning_rate=0.1, momentum=0.9)),
        ("SGD, nesterov", described("SGD", learning_rate=0.1, momentum=0.9, nesterov=True)),
        ("SGD, weight_decay", described("SGD", learning_rate=0.1, weight_decay=0.01)),
        ("RMSprop", described("RMSprop", learning_rate=0.01)),
        ("RMSprop, centered, momentum", described("RMSprop", learning_rate=0.01, momentum=0.5, centered=True)),
        ("Adam, amsgrad", described("Adam", learning_rate=0.01, amsgrad=True)),
        ("Adam, clipnorm", described("Adam", learning_rate=0.01, clipnorm=0.05)),
        ("Adam, global_clipnorm", described("Adam", learning_rate=0.01, global_clipnorm=0.05)),
        ("Adam, clipvalue", described("Adam", learning_rate=0.01, clipvalue=0.01)),
        ("Adam, use_ema", described("Adam", learning_rate=0.01, use_ema=True, ema_momentum=0.9)),
        ("AdamW", described("AdamW", learning_rate=0.01, weight_decay=0.1)),
        ("Nadam", described("Nadam", learning_rate=0.01)),
        ("Adamax", described("Adamax", learning_rate=0.01)),
        ("Adagrad", described("Adagrad", learning_rate=0.1)),
        ("Adadelta", described("Adadelta", learning_rate=1.0)),
        ("Ftrl", described("Ftrl", learning_rate=0.1)),
        ("Lion", described("Lion", learning_rate=0.01)),
        ("Adafactor", described("Adafactor", learning_rate=0.1)),
        ("Lamb", described("Lamb", learning_rate=0.01)),
    ):
        fit(f"optimizer: {name}", optimizer=optimizer, dtypes=("float64",))
    return {"data": {"x": tensor(x), "y": tensor(labels), "sample_weight": tensor(sample_weight)}, "fits": entries}
