"""Writes and replays the warm-up requests that TF Serving runs when it loads a model, before it accepts others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bert_qa_tf.storage import protos

FOLDER = "assets.extra"
# TF Serving looks for this name.
FILE = "tf_serving_warmup_requests"


def requests(columns: Mapping[str, Sequence[str]], model_name: str) -> list[bytes] | None:
    """Returns two requests for `serving_default`: one with the first example, and one with all examples.

    Args:
      columns: by input name, a text for each example.
      model_name: the model's name on the server.

    Returns:
      Serialized `PredictionLog`s; None if tensorflow-serving-api (the extra `serving`) is not installed.
    """
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError:
        return None
    import tensorflow as tf

    records = []
    for count in (1, None):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model_name
        request.model_spec.signature_name = "serving_default"
        for name, texts in columns.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(texts[:count], tf.string))
        log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
        records.append(log.SerializeToString())
    return records


def replay(path: str, serve: Callable[..., Any]) -> int:
    """Runs the requests of a warm-up file and returns how many there were.

    Args:
      path: the file of warm-up requests.
      serve: the `serving_default` signature.
    """
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    count = 0
    for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
        log = protos.parse(prediction_log_pb2.PredictionLog, record, path, "file of warm-up requests")
        request = log.predict_log.request
        serve(**{name: tf.constant(tf.make_ndarray(tensor)) for name, tensor in request.inputs.items()})
        count += 1
    return count
