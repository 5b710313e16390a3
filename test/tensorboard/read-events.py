"""What TensorFlow reads in the event file of the tests, as JSON; and a file TensorFlow wrote, for the other direction.

    npx tsx test/tensorboard/example.ts
    pip install tensorflow-cpu==2.21.0 tensorboard==2.21.0
    python test/tensorboard/read-events.py

Writes example.json and tensorflow.v2 to test/oracles/tensorboard. Floats have all their digits, and are texts
where JSON has none; bytes are Base64.
"""

import base64
import json
import os
import pathlib
import shutil
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorboard
import tensorflow as tf
from google.protobuf import json_format
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.histogram import summary_v2 as histogram_summary

FOLDER = pathlib.Path(__file__).parent.parent / "oracles" / "tensorboard"


def number(value):
    return float(value) if np.isfinite(value) else str(value)


def text(data):
    return base64.b64encode(data).decode()


def series(k, length):
    return [(((i + 1) * 40503 + k * 9973) * 65537) % 2**32 / 2**32 - 0.5 for i in range(length)]


def value_of(value):
    array = tf.make_ndarray(value.tensor)
    elements = [text(item) if isinstance(item, bytes) else number(item) for item in array.flatten()]
    metadata = value.metadata
    return {
        "tag": value.tag,
        "plugin": metadata.plugin_data.plugin_name,
        "dataClass": metadata.data_class,
        "description": metadata.summary_description,
        "dtype": tf.dtypes.as_dtype(value.tensor.dtype).name,
        "shape": list(array.shape),
        "elements": elements,
    }


def event_of(event):
    """Every record, as TensorFlow's own reader and messages give it; a graph must be what TensorFlow can parse."""
    graph = None
    if event.HasField("graph_def"):
        parsed = tf.compat.v1.GraphDef.FromString(event.graph_def)
        graph = json_format.MessageToDict(parsed)
    return {
        "wallTime": number(event.wall_time),
        "step": event.step,
        "fileVersion": event.file_version,
        "values": [value_of(value) for value in event.summary.value],
        "graph": graph,
    }


def accumulated(path):
    """What TensorBoard shows: tags by plugin, and the points of each."""
    accumulator = event_accumulator.EventAccumulator(str(path), size_guidance={event_accumulator.TENSORS: 0})
    accumulator.Reload()
    tags = accumulator.Tags()
    return {
        "graph": tags["graph"],
        "nodes": len(accumulator.Graph().node),
        "plugins": {
            plugin: sorted(accumulator.PluginTagToContent(plugin))
            for plugin in ("scalars", "histograms", "text", "images")
        },
        "steps": {tag: [event.step for event in accumulator.Tensors(tag)] for tag in sorted(tags["tensors"])},
    }


def buckets(data, count=None):
    """The buckets TensorBoard makes of the same values."""
    value = histogram_summary.histogram_pb("values", np.array(data), buckets=count).value[0]
    return [[number(item) for item in row] for row in tf.make_ndarray(value.tensor)]


def read_example():
    path = FOLDER / "example.v2"
    with tempfile.TemporaryDirectory() as folder:
        # TensorBoard knows event files by their names.
        copy = pathlib.Path(folder) / "events.out.tfevents.1700000000.example.1.0.v2"
        shutil.copy(path, copy)
        result = {
            "tensorflow": tf.__version__,
            "tensorboard": tensorboard.__version__,
            "events": [event_of(event) for event in tf.compat.v1.train.summary_iterator(str(copy))],
            "accumulated": accumulated(copy),
        }
    result["histograms"] = {
        **{f"series {k}": buckets(series(k, 100)) for k in range(3)},
        "series of 1000": buckets(series(7, 1000), 17),
        "float32": buckets(np.array(series(5, 300)).astype(np.float32), 30),
        "few": buckets([1, 2, 4], 4),
        "constant": buckets(np.array([0.1, 0.1], np.float32), 3),
        "nothing": buckets([], 2),
    }
    (FOLDER / "example.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def write_with_tensorflow():
    with tempfile.TemporaryDirectory() as folder:
        writer = tf.summary.create_file_writer(folder)
        with writer.as_default():
            tf.summary.scalar("loss", 0.25, step=1, description="of TensorFlow")
            tf.summary.histogram("weights", [1.0, 2.0, 4.0], step=2, buckets=3)
            tf.summary.histogram("same", tf.zeros([2]), step=2, buckets=3)
            tf.summary.text("notes", "η", step=3)
            tf.summary.image("pixels", tf.zeros([2, 1, 3, 3]), step=4)
            function = tf.function(lambda x: tf.nn.relu(x) + 1.0)
            graph = function.get_concrete_function(tf.TensorSpec([None, 2], tf.float32)).graph
            tf.summary.graph(graph)
        writer.close()
        (path,) = pathlib.Path(folder).iterdir()
        data = path.read_bytes()
    # A number as TensorFlow 1 writes it.
    with tempfile.TemporaryDirectory() as folder:
        name = f"{folder}/old"
        with tf.io.TFRecordWriter(name) as old:
            value = tf.compat.v1.Summary.Value(tag="old", simple_value=0.5)
            event = tf.compat.v1.Event(wall_time=1.5, step=-1, summary=tf.compat.v1.Summary(value=[value]))
            old.write(event.SerializeToString())
        data += pathlib.Path(name).read_bytes()
    (FOLDER / "tensorflow.v2").write_bytes(data)


if __name__ == "__main__":
    read_example()
    write_with_tensorflow()
