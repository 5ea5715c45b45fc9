"""Servers for tests of clients, on 127.0.0.1 and in this process: TF Serving's gRPC services and its REST API.

Both run a real exported model. The gRPC one is built on `tensorflow-serving-api`; the REST one speaks the shapes of
https://www.tensorflow.org/tfx/serving/api_rest. Both call the model as its folder is called (`qa` for `…/qa/1`), answer
for versions 1 and 2 and the label `stable` for 1, note what reaches them, and can be told to fail.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import datetime
import http.server
import ipaddress
import json
import pathlib
import re
import ssl
import threading
import time
from collections.abc import Iterable, Iterator

import grpc
import tensorflow as tf
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

VERSIONS = (1, 2)
LABELS = {"stable": 1}


class RequestError(Exception):
    """What a server says instead of answering: a gRPC status, the HTTP status TF Serving gives it, and words."""

    def __init__(self, code: grpc.StatusCode, http_status: int, message: str, headers: dict | None = None) -> None:
        super().__init__(message)
        self.code, self.http_status, self.message, self.headers = code, http_status, message, headers or {}


UNAVAILABLE = RequestError(grpc.StatusCode.UNAVAILABLE, 503, "The batch scheduling queue is full")


@dataclasses.dataclass
class Seen:
    """What reached a server of a model called `name`, and what it is to do with the next requests."""

    name: str
    failures: list[RequestError] = dataclasses.field(default_factory=list)
    delays: list[float] = dataclasses.field(default_factory=list)
    batches: list[int] = dataclasses.field(default_factory=list)
    versions: list[int] = dataclasses.field(default_factory=list)
    headers: list[dict[str, str]] = dataclasses.field(default_factory=list)
    replaced: dict | None = None
    port: int = 0

    def next_request(self, headers: dict[str, str]) -> None:
        self.headers.append(headers)
        if self.delays:
            time.sleep(self.delays.pop(0))
        if self.failures:
            raise self.failures.pop(0)


def resolve(served: str, name: str, version: int | None, label: str | None) -> int:
    """The version asked for, of the model that is served; in TF Serving's words where there is none."""
    if label is not None:
        if name != served or label not in LABELS:
            message = f"Unrecognized servable version label: {label}"
            raise RequestError(grpc.StatusCode.INVALID_ARGUMENT, 400, message)
        return LABELS[label]
    if name != served or (version is not None and version not in VERSIONS):
        wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        raise RequestError(grpc.StatusCode.NOT_FOUND, 404, f"Servable not found for request: {wanted}")
    return version if version is not None else VERSIONS[-1]


def check_inputs(module: tf.Module, signature_name: str, given: Iterable[str]) -> None:
    """Refuses inputs that the signature does not take."""
    unknown = set(given) - set(module.signatures[signature_name].structured_input_signature[1])
    if unknown:
        message = f"JSON object: does not have named input: {min(unknown)}"
        raise RequestError(grpc.StatusCode.INVALID_ARGUMENT, 400, message)


class _PredictionServicer(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, path: str, seen: Seen) -> None:
        self.module = tf.saved_model.load(path)
        self.path = path
        self.seen = seen

    def Predict(self, request, context):
        try:
            self.seen.next_request({entry.key: entry.value for entry in context.invocation_metadata()})
            spec = request.model_spec
            version = spec.version.value if spec.HasField("version") else None
            self.seen.versions.append(resolve(self.seen.name, spec.name, version, spec.version_label or None))
            check_inputs(self.module, spec.signature_name or "serving_default", request.inputs)
        except RequestError as error:
            context.abort(error.code, error.message)
        inputs = {name: tf.constant(tf.make_ndarray(tensor)) for name, tensor in request.inputs.items()}
        self.seen.batches.append(len(next(iter(inputs.values()))))
        outputs = self.module.signatures[spec.signature_name or "serving_default"](**inputs)
        reply = predict_pb2.PredictResponse(model_spec=spec)
        for name, value in outputs.items():
            reply.outputs[name].CopyFrom(tf.make_tensor_proto(value.numpy()))
        return reply

    def GetModelMetadata(self, request, context):
        saved = saved_model_pb2.SavedModel.FromString(pathlib.Path(self.path, "saved_model.pb").read_bytes())
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in saved.meta_graphs[0].signature_def.items():
            signatures.signature_def[name].CopyFrom(signature)
        reply = get_model_metadata_pb2.GetModelMetadataResponse(model_spec=request.model_spec)
        reply.model_spec.version.value = VERSIONS[-1]
        reply.metadata["signature_def"].Pack(signatures)
        return reply


class _ModelServicer(model_service_pb2_grpc.ModelServiceServicer):
    def GetModelStatus(self, request, context):
        reply = get_model_status_pb2.GetModelStatusResponse()
        for version in VERSIONS:
            status = reply.model_version_status.add(version=version)
            status.state = get_model_status_pb2.ModelVersionStatus.AVAILABLE
        return reply


@contextlib.contextmanager
def grpc_server(path: str, port: int = 0, credentials: grpc.ServerCredentials | None = None) -> Iterator[Seen]:
    """A server of the SavedModel at `path`; over TLS with `credentials`."""
    seen = Seen(pathlib.Path(path).parent.name)
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_PredictionServicer(path, seen), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_ModelServicer(), server)
    address = f"127.0.0.1:{port}"
    seen.port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    server.start()
    try:
        yield seen
    finally:
        server.stop(None).wait()


_PREDICT = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?:predict")


def _rest_handler(module: tf.Module, seen: Seen) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                seen.next_request(dict(self.headers.items()))
                self._reply(200, self._predict(body))
            except RequestError as error:
                self._reply(error.http_status, {"error": error.message}, error.headers)

        def do_GET(self) -> None:
            inputs = {
                name: {"inputs": {key: {} for key in signature.structured_input_signature[1]}}
                for name, signature in module.signatures.items()
            }
            is_metadata = self.path.endswith("/metadata")
            found = {"metadata": {"signature_def": {"signature_def": inputs}}} if is_metadata else {}
            self._reply(200 if is_metadata else 404, found)

        def _predict(self, body: bytes) -> dict:
            match = _PREDICT.fullmatch(self.path)
            if not match:
                raise RequestError(grpc.StatusCode.INVALID_ARGUMENT, 400, f"Malformed request: POST {self.path}")
            name, version, label = match.groups()
            seen.versions.append(resolve(seen.name, name, version and int(version), label))
            request = json.loads(body)
            rows = request.get("instances")
            inputs = request["inputs"] if rows is None else {key: [row[key] for row in rows] for key in rows[0]}
            check_inputs(module, request.get("signature_name", "serving_default"), inputs)
            seen.batches.append(len(next(iter(inputs.values()))))
            if seen.replaced is not None:
                return seen.replaced
            signature = module.signatures[request.get("signature_name", "serving_default")]
            outputs = signature(**{key: tf.constant(value) for key, value in inputs.items()})
            columns = {key: _plain(value.numpy().tolist()) for key, value in outputs.items()}
            if rows is None:
                return {"outputs": columns}
            return {"predictions": [{key: columns[key][i] for key in columns} for i in range(len(rows))]}

        def _reply(self, status: int, body: dict | bytes, headers: dict | None = None) -> None:
            content = body if isinstance(body, bytes) else json.dumps(body, indent=4, ensure_ascii=False).encode()
            self.send_response(status)
            for key, value in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a client that waited long enough
                self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler


def _plain(value: object) -> object:
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value.decode() if isinstance(value, bytes) else value


class _QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *arguments: object) -> None:
        pass  # a client that refused the certificate


@contextlib.contextmanager
def rest_server(path: str, port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[Seen]:
    """A server of the SavedModel at `path`; over TLS with `tls`."""
    seen = Seen(pathlib.Path(path).parent.name)
    server = _QuietServer(("127.0.0.1", port), _rest_handler(tf.saved_model.load(path), seen))
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    seen.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Certificate:
    """A self-signed certificate for 127.0.0.1 and its key, as PEM files in `folder`."""

    def __init__(self, folder: pathlib.Path, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(key, hashes.SHA256())
        )
        self.cert = certificate.public_bytes(serialization.Encoding.PEM)
        self.key = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.cert_file = str(folder / f"{name}.crt")
        self.key_file = str(folder / f"{name}.key")
        pathlib.Path(self.cert_file).write_bytes(self.cert)
        pathlib.Path(self.key_file).write_bytes(self.key)

    def rest_tls(self, client: Certificate | None = None) -> ssl.SSLContext:
        """How a REST server shows it; with `client`, it wants that one shown in turn."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert_file, self.key_file)
        if client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client.cert_file)
        return context

    def grpc_tls(self, client: Certificate | None = None) -> grpc.ServerCredentials:
        """How a gRPC server shows it; with `client`, it wants that one shown in turn."""
        return grpc.ssl_server_credentials([(self.key, self.cert)], client and client.cert, client is not None)
