"""One layer called once: its outputs, gradients and moved statistics."""

import inspect

import numpy as np

from oracle import described, draw, draw_weight, generator, instance, keras, number, tensor, tf

cases = []


def is_float(value):
    return value is not None and value.dtype.is_floating


class Input:
    """Stands for the input with that index among the arguments of a call."""

    def __init__(self, index):
        self.index = index


def shown(value):
    if isinstance(value, Input):
        return {"input": value.index}
    if isinstance(value, list):
        return [shown(part) for part in value]
    return tensor(value) if isinstance(value, np.ndarray) else value


def shown_weight(weight):
    return {"name": weight.path, **({} if weight.trainable else {"trainable": False}), **tensor(weight)}


def replaced(value, inputs):
    if isinstance(value, Input):
        return inputs[value.index]
    return [replaced(part, inputs) for part in value] if isinstance(value, list) else value


def layer_case(name, layer, inputs, /, *, training=False, call=None, merge=False, note=None, **arguments):
    """Adds a case.

    `inputs` holds arrays, or shapes to be drawn. The layer is called with the first input, or with the list of all
    (`merge`), or with those that `call` names: `call` holds the arguments by name, and `Input(i)` where input i goes.
    """
    keras.backend.clear_session()  # numbers the names from the start
    random = generator(name)
    inputs = [value if isinstance(value, np.ndarray) else draw(random, value) for value in inputs]
    call = call or {}
    named = bool(call) and any(isinstance(value, Input) for key, value in call.items() if key != "initial_state")
    made = instance(described(layer, **arguments))
    tensors = [tf.constant(value) for value in inputs]
    takes = inspect.signature(made.call).parameters

    def run():
        keywords = {key: replaced(value, tensors) for key, value in call.items()}
        if "training" in takes or "kwargs" in takes or isinstance(made, keras.Model):
            keywords["training"] = training
        return made(**keywords) if named else made(tensors if merge else tensors[0], **keywords)

    run()
    for weight in made.weights:
        weight.assign(draw_weight(random, weight))
    weights = [shown_weight(weight) for weight in made.weights]

    trainable = made.trainable_weights
    with tf.GradientTape() as tape:
        tape.watch([value for value in tensors if is_float(value)])
        outputs = tf.nest.flatten(run())
        coefficients = [draw(random, output.shape, -1, 1) for output in outputs]
        scalar = sum(
            tf.reduce_sum(tf.cast(output, "float64") * coefficient)
            for output, coefficient in zip(outputs, coefficients)
        ) + sum(tf.cast(loss, "float64") for loss in made.losses)
    watched = [value for value in tensors if is_float(value)]
    found = tape.gradient(scalar, [*watched, *[weight.value for weight in trainable]], unconnected_gradients="zero")
    found = [tensor(tf.convert_to_tensor(value)) for value in found]
    input_gradients, weight_gradients = iter(found[: len(watched)]), iter(found[len(watched) :])

    case = {"name": name, "layer": layer, "arguments": arguments, "inputs": [tensor(value) for value in inputs]}
    if merge:
        case["merge"] = True
    if call:
        case["call"] = {key: shown(value) for key, value in call.items()}
    case |= {"training": training, "weights": weights, "outputs": [tensor(output) for output in outputs]}
    mask = getattr(outputs[0], "_keras_mask", None)
    if mask is not None:
        case["mask"] = tensor(mask)
    case["coefficients"] = [tensor(value) for value in coefficients]
    if made.losses:
        case["losses"] = [number(loss) for loss in made.losses]
    case["gradients"] = {
        "inputs": [next(input_gradients)["data"] if is_float(value) else None for value in tensors],
        "weights": [next(weight_gradients)["data"] if weight.trainable else None for weight in made.weights],
    }
    if training and made.non_trainable_weights:
        case["updated"] = [{"name": weight.path, **tensor(weight)} for weight in made.non_trainable_weights]
    if note:
        case["note"] = note
    cases.append(case)
