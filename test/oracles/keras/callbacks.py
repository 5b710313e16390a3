"""When Keras calls which hook, what it calls its logs, what its callbacks decide, how a fit ends: writes callbacks.json.

    pip install tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6
    python test/oracles/keras/callbacks.py
"""

import os
import re
import tempfile

import numpy as np

from fits import fits
from oracle import draw, generator, keras, number, write

random = generator("callbacks")
x, y, z = draw(random, (6, 2)), draw(random, (6, 1)), draw(random, (5, 2))

hook_names = [name for name in dir(keras.callbacks.Callback) if name.startswith("on_") and not name.startswith("on_batch")]


def logger(events, label=None):
    """A callback that writes down every call: the hook, its epoch or batch, the sorted keys of its logs."""

    def noted(hook):
        def note(self, *arguments):
            *index, logs = arguments if len(arguments) else (None,)
            event = [hook, index[0] if index else None, sorted(logs) if logs is not None else None]
            events.append([label, *event] if label else event)

        # Keras looks at the signature no further than the number of arguments.
        if hook.endswith(("train_begin", "train_end", "test_begin", "test_end", "predict_begin", "predict_end")) and "batch" not in hook:
            return lambda self, logs=None: note(self, logs)
        return lambda self, index, logs=None: note(self, index, logs)

    return type("Logger", (keras.callbacks.Callback,), {hook: noted(hook) for hook in hook_names})()


def regression(learning_rate=0.01):
    keras.backend.clear_session()
    model = keras.Sequential([keras.Input([2]), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile(optimizer=keras.optimizers.SGD(float(learning_rate)), loss="mse", metrics=["mae"], jit_compile=False)
    return model


# The order of the hooks
hooks = []


def hooks_of(name, run, *, settings, labels=(None,), learning_rate=0.01, extra=(), note=None):
    """`run(model, callbacks)`; `extra` callbacks come after the loggers."""
    events = []
    loggers = [logger(events, label) for label in labels]
    run(regression(learning_rate), [*loggers, *extra])
    entry = {"name": name, "settings": settings, "params": loggers[0].params, "events": events}
    hooks.append({**entry, "note": note} if note else entry)


def fit(**arguments):
    return lambda model, callbacks: model.fit(x, y, batch_size=4, shuffle=False, verbose=0, callbacks=callbacks, **arguments)


class StopAt(keras.callbacks.Callback):
    """Sets stop_training in one hook of one epoch or batch."""

    def __init__(self, hook, index):
        super().__init__()

        def stop(at, logs=None):
            if at == index:
                self.model.stop_training = True

        setattr(self, hook, stop)


six = {"rows": 6, "batch_size": 4}
hooks_of("fit", fit(epochs=2), settings={**six, "epochs": 2})
hooks_of("fit with validation_data", fit(epochs=2, validation_data=(x[:5], y[:5])), settings={**six, "epochs": 2, "validation_rows": 5})
hooks_of("fit with validation_split", fit(epochs=1, validation_split=0.34), settings={**six, "epochs": 1, "validation_split": 0.34},
         note="the rows from floor(6 * (1 - 0.34)) = 3 on are for validation")
hooks_of("fit with validation_freq 2", fit(epochs=3, validation_data=(x[:4], y[:4]), validation_freq=2),
         settings={**six, "epochs": 3, "validation_rows": 4, "validation_freq": 2})
hooks_of("fit with validation_freq of epochs", fit(epochs=3, validation_data=(x[:4], y[:4]), validation_freq=[1, 3]),
         settings={**six, "epochs": 3, "validation_rows": 4, "validation_freq": [1, 3]})
hooks_of("fit with initial_epoch", fit(epochs=4, initial_epoch=2), settings={**six, "epochs": 4, "initial_epoch": 2})
hooks_of("fit with steps_per_epoch", fit(epochs=2, steps_per_epoch=1), settings={**six, "epochs": 2, "steps_per_epoch": 1})
hooks_of("evaluate", lambda model, callbacks: model.evaluate(x, y, batch_size=4, verbose=0, callbacks=callbacks), settings=six)
hooks_of("predict", lambda model, callbacks: model.predict(z, batch_size=2, verbose=0, callbacks=callbacks),
         settings={"rows": 5, "batch_size": 2})
hooks_of("two loggers", fit(epochs=1, validation_data=(x[:4], y[:4])), labels=("first", "second"),
         settings={**six, "epochs": 1, "validation_rows": 4})
hooks_of("early stopping", fit(epochs=9, validation_data=(x[:4], y[:4])), learning_rate=0,
         extra=[keras.callbacks.EarlyStopping(patience=1)], settings={**six, "epochs": 9, "validation_rows": 4, "EarlyStopping": {"patience": 1}},
         note="the learning rate is 0: no epoch is better than the first")
hooks_of("stop_training after a batch", fit(epochs=2), extra=[StopAt("on_train_batch_end", 0)], settings={**six, "epochs": 2})
hooks_of("stop_training after a batch, with validation", fit(epochs=2, validation_data=(x[:4], y[:4])), extra=[StopAt("on_train_batch_end", 0)],
         settings={**six, "epochs": 2, "validation_rows": 4})
hooks_of("stop_training at the beginning of an epoch", fit(epochs=3), extra=[StopAt("on_epoch_begin", 1)], settings={**six, "epochs": 3})
hooks_of("stop_training at the end of an epoch, with validation", fit(epochs=3, validation_data=(x[:4], y[:4])),
         extra=[StopAt("on_epoch_end", 1)], settings={**six, "epochs": 3, "validation_rows": 4})
hooks_of("ReduceLROnPlateau after the logger", fit(epochs=1), extra=[keras.callbacks.ReduceLROnPlateau(monitor="loss")],
         settings={**six, "epochs": 1})
events = []
regression().fit(x, y, batch_size=4, epochs=1, verbose=0, callbacks=[
    keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate), keras.callbacks.ReduceLROnPlateau(monitor="loss"), logger(events)])
hooks.append({"name": "LearningRateScheduler and ReduceLROnPlateau before the logger", "settings": {**six, "epochs": 1}, "events": events})
hooks_of("TerminateOnNaN", lambda model, callbacks: model.fit(x, y * np.array([1, 1, 1, 1, np.nan, 1])[:, None], batch_size=2, epochs=2,
         shuffle=False, verbose=0, callbacks=callbacks), extra=[keras.callbacks.TerminateOnNaN()],
         settings={"rows": 6, "batch_size": 2, "epochs": 2}, note="the loss of the third batch is NaN")

# The names of losses and metrics
names = []
rows = {
    "numbers": y, "binary": (y > 0).astype("float64"), "one-hot": np.eye(3)[np.arange(6) % 3], "integers": (np.arange(6) % 3)[:, None],
}


def bias(y_true, y_pred):
    return keras.ops.mean(y_pred - y_true)


def built(outputs):
    """A model with those outputs: [name, units, activation] each; a dictionary gives a dictionary of outputs."""
    keras.backend.clear_session()
    inputs = keras.Input([2], name="features")
    layers = lambda parts: [keras.layers.Dense(units, activation=activation, name=name)(inputs) for name, units, activation in parts]
    if isinstance(outputs, dict):
        return keras.Model(inputs, dict(zip(outputs, layers(outputs.values()))))
    made = layers(outputs)
    return keras.Model(inputs, made[0] if len(made) == 1 else made)


def made_of(value):
    """Replaces ["AUC", {...}] by the metric, "bias" by the function."""
    if isinstance(value, dict):
        return {key: made_of(part) for key, part in value.items()}
    if isinstance(value, list):
        if len(value) == 2 and isinstance(value[1], dict):
            return getattr(keras.metrics, value[0])(**value[1])
        return [made_of(part) for part in value]
    return bias if value == "bias" else value


def targets(kinds):
    if isinstance(kinds, dict):
        return {key: rows[kind] for key, kind in kinds.items()}
    return [rows[kind] for kind in kinds] if isinstance(kinds, list) else rows[kinds]


def names_of(name, outputs, kinds, note=None, **settings):
    model = built(outputs)
    model.compile(optimizer="sgd", jit_compile=False, **{key: made_of(value) for key, value in settings.items()})
    labels = targets(kinds)
    history = model.fit(x, labels, validation_data=(x, labels), epochs=1, verbose=0).history
    # With weights, the loss differs from a metric of the same formula.
    weights = {} if isinstance(kinds, (list, dict)) else {"sample_weight": np.arange(1, 7) / 2}
    evaluated = model.evaluate(x, labels, verbose=0, return_dict=True, **weights)
    listed = np.atleast_1d(model.evaluate(x, labels, verbose=0, **weights))
    entry = {
        "name": name, "outputs": outputs, "targets": kinds, "compile": settings, "history": list(history), "evaluate": list(evaluated),
        # What `evaluate` gives as a list: the keys whose values they are.
        "evaluate_list": [next(key for key, value in evaluated.items() if np.isclose(value, one, rtol=1e-9)) for one in listed],
        "metrics": [metric.name for metric in model.metrics],
    }
    compiled = getattr(model, "_compile_metrics", None)
    if compiled is not None:
        entry["metric_classes"] = [type(metric).__name__ if type(metric).__name__ != "MeanMetricWrapper" else f"MeanMetricWrapper({metric.name})"
                                   for metric in compiled.metrics]
    names.append({**entry, "note": note} if note else entry)


one, two = [["out", 1, None]], [["out_a", 1, None], ["out_b", 1, "sigmoid"]]
sigmoid, softmax = [["out", 1, "sigmoid"]], [["out", 3, "softmax"]]
names_of("no metrics", one, "numbers", loss="mse")
names_of("mae", one, "numbers", loss="mse", metrics=["mae"])
names_of("mean_absolute_error", one, "numbers", loss="mse", metrics=["mean_absolute_error"])
names_of("MeanAbsoluteError", one, "numbers", loss="mse", metrics=["MeanAbsoluteError"])
names_of("metric objects", one, "numbers", loss="mse", metrics=[["MeanAbsoluteError", {}], ["RootMeanSquaredError", {"name": "rmse"}]])
names_of("a function", one, "numbers", loss="mse", metrics=["bias"])
names_of("several", one, "numbers", loss="mse", metrics=["mae", "mse", "mape", "msle", "cosine_similarity"])
names_of("accuracy, binary", sigmoid, "binary", loss="binary_crossentropy", metrics=["accuracy"])
names_of("acc, binary", sigmoid, "binary", loss="binary_crossentropy", metrics=["acc"])
names_of("accuracy, one-hot", softmax, "one-hot", loss="categorical_crossentropy", metrics=["accuracy"])
names_of("accuracy, integers", softmax, "integers", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
names_of("acc, integers", softmax, "integers", loss="sparse_categorical_crossentropy", metrics=["acc"])
names_of("binary_accuracy", sigmoid, "binary", loss="binary_crossentropy", metrics=["binary_accuracy"])
names_of("accuracy and AUC", sigmoid, "binary", loss="binary_crossentropy", metrics=["accuracy", ["AUC", {}], ["Precision", {}], ["Recall", {}]])
names_of("two AUC", sigmoid, "binary", loss="binary_crossentropy", metrics=[["AUC", {}], ["AUC", {"curve": "PR"}]])
names_of("weighted_metrics", sigmoid, "binary", loss="binary_crossentropy", metrics=["accuracy"], weighted_metrics=["mae"])
names_of("the same metric weighted and not", sigmoid, "binary", loss="binary_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy"])
names_of("a dictionary for one output", sigmoid, "binary", loss="binary_crossentropy", metrics={"out": ["accuracy"]})
names_of("two outputs, one loss", two, ["numbers", "binary"], loss="mse")
names_of("two outputs, losses", two, ["numbers", "binary"], loss=["mse", "binary_crossentropy"], metrics=[["mae"], ["accuracy"]])
names_of("two outputs, loss_weights", two, ["numbers", "binary"], loss=["mse", "binary_crossentropy"], loss_weights=[1, 0.5],
         metrics=[["mae"], ["mae", "accuracy"]])
names_of("two outputs, metrics of one", two, ["numbers", "binary"], loss=["mse", "binary_crossentropy"], metrics=[[], ["accuracy"]])
names_of("two outputs, dictionaries", two, {"out_a": "numbers", "out_b": "binary"}, loss={"out_a": "mse", "out_b": "binary_crossentropy"},
         metrics={"out_a": "mae", "out_b": ["accuracy", ["AUC", {}]]})
names_of("two outputs, a loss of one", two, {"out_a": "numbers", "out_b": "binary"}, loss={"out_a": None, "out_b": "binary_crossentropy"},
         metrics={"out_b": "accuracy"}, note="a loss without the key out_a would be an error")
names_of("a dictionary of outputs", {"price": ["price_head", 1, None], "sold": ["sold_head", 1, "sigmoid"]}, {"price": "numbers", "sold": "binary"},
         loss={"price": "mse", "sold": "binary_crossentropy"}, metrics={"price": ["mae"], "sold": ["accuracy"]},
         note="the names are the keys, not the layers'")
names_of("a dictionary of outputs out of order", {"sold": ["sold_head", 1, "sigmoid"], "price": ["price_head", 1, None]},
         {"price": "numbers", "sold": "binary"}, loss={"price": "mse", "sold": "binary_crossentropy"}, metrics={"price": ["mae"], "sold": ["accuracy"]})


# Decisions
def weights_are(epoch):
    return [np.full((2, 1), float(epoch)), np.zeros(1)]


early_stopping = []


def stopping(name, values, monitor="val_loss", **arguments):
    """The values of one epoch after the other; the weights of the model tell the epoch they are of."""
    model = regression()
    model.fit(x, y, verbose=0)  # so that the model knows its metrics
    callback = keras.callbacks.EarlyStopping(monitor=monitor, **arguments)
    callback.set_model(model)
    model.stop_training = False
    callback.on_train_begin({})
    epochs = 0
    for epoch, value in enumerate(values):
        model.set_weights(weights_are(epoch))
        callback.on_epoch_end(epoch, {monitor: value})
        epochs += 1
        if model.stop_training:
            break
    callback.on_train_end({})
    early_stopping.append({
        "name": name, "arguments": {"monitor": monitor, **arguments}, "values": [number(value) for value in values], "epochs": epochs,
        "stopped_epoch": callback.stopped_epoch, "best": None if callback.best is None else number(callback.best),
        "best_epoch": callback.best_epoch, "weights_of_epoch": int(model.get_weights()[0][0, 0]),
    })


falling = [1, 0.9, 0.8, 0.85, 0.84, 0.83, 0.7, 0.75, 0.76, 0.77]
stopping("patience 0", falling)
stopping("patience 0, worse at once", [1, 2, 3])
stopping("patience 2", falling, patience=2)
stopping("patience 3", falling, patience=3)
stopping("patience 3 and a better epoch in the last moment", [1, 1.1, 1.2, 0.9, 1, 1, 1], patience=3)
stopping("never", [5, 4, 3, 2, 1], patience=1)
stopping("equal is not better", [1, 1, 1, 1], patience=2)
stopping("restore_best_weights", falling, patience=3, restore_best_weights=True)
stopping("restore_best_weights without stopping", [3, 1, 2], patience=5, restore_best_weights=True)
stopping("restore_best_weights, the first is best", [1, 2, 3, 4], patience=2, restore_best_weights=True)
stopping("min_delta", [1, 0.95, 0.91, 0.89, 0.5, 0.45, 0.41], patience=2, min_delta=0.1)
stopping("min_delta exactly reached", [1, 0.75, 0.5, 0.25], patience=1, min_delta=0.25)
stopping("min_delta negative", [1, 0.95, 0.91, 0.89, 0.85], patience=2, min_delta=-0.1)
stopping("baseline never reached", [1, 0.9, 0.8, 0.7, 0.6], patience=3, baseline=0.5)
stopping("baseline never reached, restore_best_weights", [1, 0.9, 0.8, 0.85, 0.6], patience=3, baseline=0.5, restore_best_weights=True)
stopping("baseline reached", [1, 0.4, 0.45, 0.6, 0.39, 0.5, 0.5, 0.5], patience=2, baseline=0.5, restore_best_weights=True)
stopping("start_from_epoch", [1, 2, 3, 4, 3.5, 3.6, 3.7], patience=2, start_from_epoch=3)
stopping("start_from_epoch, restore_best_weights", [0.1, 2, 3, 4, 3.5, 3.6, 3.7], patience=2, start_from_epoch=3, restore_best_weights=True)
stopping("mode max", [0.5, 0.6, 0.7, 0.65, 0.7, 0.71], "val_accuracy", patience=2, mode="max")
stopping("mode max, min_delta, restore_best_weights", [0.5, 0.6, 0.65, 0.68, 0.9], "val_accuracy", patience=2, mode="max", min_delta=0.1, restore_best_weights=True)
stopping("mode auto of an error", [1, 0.9, 0.95, 0.96], "val_mae", patience=1)
stopping("NaN", [1, float("nan"), float("nan"), 0.5], patience=2, restore_best_weights=True)
stopping("NaN first", [float("nan"), 1, 0.9, 1, 1, 1], patience=2, restore_best_weights=True)

plateau = []


def plateaus(name, values, monitor="val_loss", learning_rate=0.5, **arguments):
    """learning_rates: after each epoch; logged: what the callback adds to the logs, the rate before its decision."""
    model = regression(learning_rate)
    model.fit(x, y, verbose=0)
    callback = keras.callbacks.ReduceLROnPlateau(monitor=monitor, **arguments)
    callback.set_model(model)
    callback.on_train_begin({})
    rates, logged = [], []
    for epoch, value in enumerate(values):
        logs = {monitor: value}
        callback.on_epoch_begin(epoch, {})
        callback.on_epoch_end(epoch, logs)
        logged.append(number(logs["learning_rate"]))
        rates.append(number(model.optimizer.learning_rate))
    plateau.append({"name": name, "learning_rate": learning_rate, "arguments": {"monitor": monitor, **arguments},
                    "values": values, "learning_rates": rates, "logged": logged})


flat = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
plateaus("factor 0.5, patience 2", flat, factor=0.5, patience=2)
plateaus("patience 0", [1, 1, 0.9, 0.9], factor=0.5, patience=0)
plateaus("patience 1", [1, 1, 0.9, 0.9, 0.9], factor=0.5, patience=1)
plateaus("defaults", flat + [1, 1, 1])
plateaus("min_delta", [1, 0.99995, 0.9998, 0.5], factor=0.5, patience=1)
plateaus("min_delta of 0.1", [1, 0.95, 0.91, 0.89, 0.5, 0.45], factor=0.5, patience=1, min_delta=0.1)
plateaus("cooldown 2", flat, factor=0.5, patience=1, cooldown=2)
plateaus("cooldown 3, patience 2", flat + flat, factor=0.5, patience=2, cooldown=3)
plateaus("min_lr", flat, factor=0.5, patience=1, min_lr=0.2)
plateaus("mode max", [0.5, 0.6, 0.6, 0.55, 0.7, 0.6, 0.6], "val_accuracy", factor=0.1, patience=2, mode="max")

scheduler = []
for name, schedule, arguments in (
    ("of the epoch", "0.5 / (1 + epoch)", {}), ("of the epoch and the rate", "rate if epoch < 1 else rate * 0.5", {}),
):
    model = regression(0.25)
    function = eval(f"lambda epoch, rate: {schedule}")
    history = model.fit(x, y, epochs=4, verbose=0, callbacks=[keras.callbacks.LearningRateScheduler(function)]).history
    scheduler.append({"name": name, "schedule": schedule, "learning_rate": 0.25, "keys": list(history),
                      "learning_rates": [number(rate) for rate in history["learning_rate"]]})

checkpoints = []


def saves(name, values, filepath, monitor="val_loss", batches=3, **arguments):
    """Which files are written when: [hook, epoch, batch, file]."""
    model, written = regression(), []
    model.fit(x, y, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        callback = keras.callbacks.ModelCheckpoint(os.path.join(folder, filepath), monitor=monitor, **arguments)
        callback.set_model(model)
        now = []
        for method in ("save", "save_weights"):
            setattr(model, method, lambda path, overwrite, method=method: written.append([*now, method, os.path.relpath(path, folder)]))
        callback.on_train_begin({})
        for epoch, value in enumerate(values):
            callback.on_epoch_begin(epoch, {})
            for batch in range(batches):
                now[:] = ["on_train_batch_end", epoch, batch]
                callback.on_train_batch_end(batch, {"loss": value})
            now[:] = ["on_epoch_end", epoch, None]
            callback.on_epoch_end(epoch, {"loss": value, monitor: value})
    checkpoints.append({"name": name, "filepath": filepath, "arguments": {"monitor": monitor, **arguments}, "batches": batches,
                        "values": values, "saves": written})


saves("every epoch", [1, 2], "model.keras")
saves("every epoch, name with epoch and value", [1, 0.12345], "{epoch:02d}-{val_loss:.2f}.keras")
saves("save_best_only", [1, 0.9, 0.95, 0.9, 0.8], "best-{epoch}.keras", save_best_only=True)
saves("save_best_only, mode max", [0.5, 0.4, 0.6], "best-{epoch}.keras", "val_accuracy", save_best_only=True, mode="max")
saves("save_best_only, initial_value_threshold", [1, 0.4, 0.6, 0.3], "best-{epoch}.keras", save_best_only=True, initial_value_threshold=0.5)
saves("save_weights_only", [1, 2], "{epoch}.weights.h5", save_weights_only=True)
saves("save_freq 2", [1, 2, 3], "{epoch}-{batch}.keras", save_freq=2)
saves("save_freq 4", [1, 2, 3], "{epoch}-{batch}.keras", save_freq=4)

# CSVLogger
csv = []
for name, arguments, validation_freq in (("default", {}, 1), ("separator", {"separator": ";"}, 1), ("validation in the second epoch", {}, 2)):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "log.csv")
        regression(0).fit(x, y, epochs=2, verbose=0, validation_data=(x, y), validation_freq=validation_freq,
                          callbacks=[keras.callbacks.CSVLogger(path, **arguments)])
        with open(path, newline="") as file:
            lines = file.read()
        lines = re.sub(r"-?\d+\.\d+(e-?\d+)?", "<number>", lines)
        csv.append({"name": name, "arguments": arguments, "validation_freq": validation_freq, "file": lines})

write(__file__, {
    "hooks": hooks, "names": names, "early_stopping": early_stopping, "reduce_lr_on_plateau": plateau,
    "learning_rate_scheduler": scheduler, "model_checkpoint": checkpoints, "csv_logger": csv, **fits(),
})
