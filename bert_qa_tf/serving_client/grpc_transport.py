"""Calls a model over gRPC, with TF Serving's `PredictionService`.

Each call is one attempt. It returns the reply or raises an `AttemptFailed`, which says whether a retry may succeed. The
message types come from `tensorflow-serving-api`, which imports TensorFlow. So this module is imported only when gRPC is
used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bert_qa_tf.errors import InputError
from bert_qa_tf.serving_client.connection import Connection
from bert_qa_tf.serving_client.retries import AttemptFailed
from bert_qa_tf.storage import files

try:
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("grpc", "tensorflow", "tensorflow_serving"):
        raise
    raise InputError(
        f"gRPC needs the extra `serving` (no module {error.name}): pip install tensorflow-serving-api, or ask over "
        "REST with --server=http://host:8501"
    ) from error

_RETRIED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
_CHANNEL_OPTIONS = (
    # Texts may be long, and gRPC limits incoming messages to 4 MB by default.
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # The waits before a lost connection is opened again. The default, a second, is longer than the first waits between
    # attempts, and every attempt before the connection is opened again fails at once.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5000),
)


class GrpcTransport:
    """Calls the gRPC service of one server.

    Args:
      connection: a connection with the scheme `grpc` or `grpcs`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._metadata = tuple((name.lower(), value) for name, value in connection.headers)
        if connection.is_secure:
            names = (connection.ca_file, connection.client_key_file, connection.client_cert_file)
            credentials = grpc.ssl_channel_credentials(*(files.read_bytes(name) if name else None for name in names))
            self._channel = grpc.secure_channel(connection.address, credentials, _CHANNEL_OPTIONS)
        else:
            self._channel = grpc.insecure_channel(connection.address, _CHANNEL_OPTIONS)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def predict(self, columns: Mapping[str, Sequence[str]], timeout_secs: float) -> dict[str, Any]:
        """Makes one attempt to run the model.

        Args:
          columns: by input name, texts of valid Unicode.
          timeout_secs: the time until the reply must be complete; the server stops working on the request then, too.

        Returns:
          The outputs by name, each a list with an entry for each text of a column.

        Raises:
          AttemptFailed: there was no valid reply.
        """
        request = predict_pb2.PredictRequest()
        self._name_model(request.model_spec)
        request.model_spec.signature_name = "serving_default"
        for name, texts in columns.items():
            encoded = [text.encode("utf-8") for text in texts]
            request.inputs[name].CopyFrom(tf.make_tensor_proto(encoded, tf.string, [len(encoded)]))
        reply = self._call(self._stub.Predict, request, timeout_secs)
        return {name: _to_list(tensor) for name, tensor in reply.outputs.items()}

    def inputs(self, timeout_secs: float) -> set[str]:
        """Returns the names of the inputs of the model's `serving_default` signature.

        Args:
          timeout_secs: see `predict`.

        Raises:
          AttemptFailed: there was no valid reply.
        """
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._name_model(request.model_spec)
        reply = self._call(self._stub.GetModelMetadata, request, timeout_secs)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        reply.metadata["signature_def"].Unpack(signatures)
        if "serving_default" not in signatures.signature_def:
            raise AttemptFailed("REPLY", "the model has no signature `serving_default`", may_retry=False)
        return set(signatures.signature_def["serving_default"].inputs)

    def _name_model(self, model_spec: Any) -> None:
        model_spec.name = self._connection.model_name
        if self._connection.model_version is not None:
            model_spec.version.value = self._connection.model_version
        elif self._connection.model_version_label is not None:
            model_spec.version_label = self._connection.model_version_label

    def _call(self, method: Callable[..., Any], request: Any, timeout_secs: float) -> Any:
        try:
            return method(request, timeout=timeout_secs, metadata=self._metadata)
        except grpc.RpcError as error:
            message = " ".join((error.details() or "no message").split())
            # A retry does not make a certificate trusted.
            may_retry = error.code() in _RETRIED and "handshake failed" not in message.lower()
            raise AttemptFailed(error.code().name, message, may_retry) from error

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()


def _to_list(tensor: Any) -> list:
    """Converts a `TensorProto` to nested lists and decodes its strings."""
    return _decode(tf.make_ndarray(tensor).tolist())


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(entry) for entry in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
