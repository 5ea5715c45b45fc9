"""`configs/serving/`: each file as TF Serving's own message type, and the compose file against what it names."""

import http.server
import re
import shutil
import subprocess
import threading

import pytest
import yaml
from absl import flags as absl_flags
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from ovmsclient.tfs_compat.protos.tensorflow_serving.config import monitoring_config_pb2, ssl_config_pb2
from tensorflow_serving.config import model_server_config_pb2

from bert_qa_tf import client
from tests.serving.servers import Certificate
from tests.testing import REPOSITORY

FOLDER = REPOSITORY / "configs" / "serving"
DOCUMENT = (REPOSITORY / "docs" / "serving.md").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((FOLDER / "docker-compose.yml").read_text(encoding="utf-8"))
SERVING = COMPOSE["services"]["serving"]

# Flags of tensorflow_model_server that the compose file may use (its --help; tensorflow_serving/model_servers/main.cc).
SERVER_FLAGS = {
    *("allow_version_labels_for_unavailable_models", "batching_parameters_file", "enable_batching"),
    *("enable_model_warmup", "file_system_poll_wait_seconds", "grpc_channel_arguments", "model_config_file"),
    *("model_config_file_poll_wait_seconds", "monitoring_config_file", "rest_api_num_threads", "ssl_config_file"),
    *("rest_api_timeout_in_ms", "tensorflow_inter_op_parallelism", "tensorflow_intra_op_parallelism"),
}

# BatchingParameters of tensorflow_serving/servables/tensorflow/session_bundle_config.proto, by number. No wheel has it:
# `tensorflow-serving-api` has the messages that clients need, `ovmsclient` those of the other files here.
BATCHING_FIELDS = {
    "max_batch_size": (1, "google.protobuf.Int64Value"),
    "batch_timeout_micros": (2, "google.protobuf.Int64Value"),
    "max_enqueued_batches": (3, "google.protobuf.Int64Value"),
    "num_batch_threads": (4, "google.protobuf.Int64Value"),
    "thread_pool_name": (5, "google.protobuf.StringValue"),
    "allowed_batch_sizes": (6, None),  # repeated int64
    "pad_variable_length_inputs": (7, bool),
}


def _batching_parameters():
    """An empty BatchingParameters."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="batching_parameters.proto", package="tensorflow.serving", syntax="proto3"
    )
    file.dependency.append(wrappers_pb2.DESCRIPTOR.name)
    message = file.message_type.add(name="BatchingParameters")
    for name, (number, kind) in BATCHING_FIELDS.items():
        field = message.field.add(name=name, number=number, label=kinds.LABEL_OPTIONAL, type=kinds.TYPE_INT64)
        if kind is None:
            field.label = kinds.LABEL_REPEATED
        elif kind is bool:
            field.type = kinds.TYPE_BOOL
        else:
            field.type, field.type_name = kinds.TYPE_MESSAGE, f".{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.serving.BatchingParameters"))()


def _parse(name, message):
    return text_format.Parse((FOLDER / name).read_text(encoding="utf-8"), message)


def _flags():
    """The server's flags in the compose file, by name."""
    pairs = (argument.removeprefix("--").split("=", 1) for argument in SERVING["command"])
    return dict(pairs)


# === The files ===


def test_the_models_are_named_and_labelled_as_clients_ask_for_them():
    config = _parse("models.config", model_server_config_pb2.ModelServerConfig())
    [model] = config.model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == ("qa", "/models/qa", "tensorflow")
    versions = list(model.model_version_policy.specific.versions)
    assert versions
    assert dict(model.version_labels) == {"stable": versions[0]}


def test_every_models_config_of_the_document_labels_only_versions_it_loads():
    snippets = re.findall(r"```proto\n(.*?)```", DOCUMENT, re.DOTALL)
    assert len(snippets) >= 3
    for snippet in snippets:
        model = text_format.Parse(snippet, model_server_config_pb2.ModelConfig())
        assert set(model.version_labels.values()) <= set(model.model_version_policy.specific.versions)


def test_batching_takes_the_requests_that_the_client_makes():
    batching = _parse("batching.config", _batching_parameters())
    values = absl_flags.FlagValues()
    for group in client.FLAG_GROUPS:
        group(values)
    assert batching.max_batch_size.value >= values["batch_size"].default
    assert batching.num_batch_threads.value >= 1
    assert batching.max_enqueued_batches.value >= 1
    assert 0 <= batching.batch_timeout_micros.value <= 10_000
    # Copies of a question, and a mask that is padded with ones: see the file.
    assert not batching.allowed_batch_sizes
    assert not batching.pad_variable_length_inputs


def test_a_field_that_does_not_exist_is_no_batching_parameter():
    with pytest.raises(text_format.ParseError, match="max_batch_sise"):
        text_format.Parse("max_batch_sise { value: 1 }", _batching_parameters())


def test_metrics_are_where_prometheus_looks_for_them():
    monitoring = _parse("monitoring.config", monitoring_config_pb2.MonitoringConfig())
    assert monitoring.prometheus_config.enable
    prometheus = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    [job] = prometheus["scrape_configs"]
    assert job["metrics_path"] == monitoring.prometheus_config.path
    assert job["static_configs"] == [{"targets": ["serving:8501"]}]
    assert monitoring.prometheus_config.path in DOCUMENT


# === The compose file ===


def test_every_flag_is_one_of_the_servers_and_every_file_is_mounted():
    flags = _flags()
    assert set(flags) <= SERVER_FLAGS
    files = {value.removeprefix("/config/") for value in flags.values() if value.startswith("/config/")}
    assert files == {"models.config", "batching.config", "monitoring.config"}
    assert ".:/config:ro" in SERVING["volumes"]
    assert all((FOLDER / name).is_file() for name in files)
    # Without this a server with --batching_parameters_file does not start.
    assert flags["enable_batching"] == "true"
    # Without these, labels at the start are refused, and an edited file is not read.
    assert flags["allow_version_labels_for_unavailable_models"] == "true"
    assert int(flags["model_config_file_poll_wait_seconds"]) > 0


def test_the_exports_are_mounted_where_the_models_are_looked_for():
    [model] = _parse("models.config", model_server_config_pb2.ModelServerConfig()).model_config_list.config
    mounts = dict(volume.removesuffix(":ro").rsplit(":", 1) for volume in SERVING["volumes"])
    [source] = [source for source, target in mounts.items() if model.base_path == f"{target}/qa"]
    default = re.fullmatch(r"\$\{EXPORT_DIR:-(.+)\}", source)[1]
    assert (FOLDER / default).resolve() == REPOSITORY / "exports"


def test_ports_are_open_to_this_machine_only():
    services = COMPOSE["services"].values()
    assert all(port.startswith("127.0.0.1:") for service in services for port in service["ports"])
    assert SERVING["ports"] == ["127.0.0.1:8500:8500", "127.0.0.1:8501:8501"]


def test_images_are_pinned_and_prometheus_starts_only_when_asked_for():
    for service in COMPOSE["services"].values():
        assert re.search(r":(v?\d+\.\d+\.\d+|\$\{TF_SERVING_VERSION:-\d+\.\d+\.\d+\})$", service["image"])
    assert COMPOSE["services"]["prometheus"]["profiles"] == ["monitoring"]


@pytest.mark.parametrize(("state", "status"), [("AVAILABLE", 0), ("LOADING", 1), (None, 1)])
def test_the_health_check_tells_a_loaded_model_from_one_that_is_not(state, status):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            assert self.path == "/v1/models/qa"
            body = f'{{"model_version_status": [{{"version": "1", "state": "{state}"}}]}}'.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    kind, *command = SERVING["healthcheck"]["test"]
    assert kind == "CMD"
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        if state:
            threading.Thread(target=server.handle_request, daemon=True).start()
        # Compose reads $$ as $, and there is none here. Nobody listens on port 1.
        port = server.server_address[1] if state else 1
        command = [word.replace("/8501", f"/{port}") for word in command]
        assert not any("$" in word for word in command)
        done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    assert done.returncode == status


# === The document ===


def test_the_document_names_every_file_and_port_of_the_compose_file():
    for path in sorted(FOLDER.iterdir()):
        assert f"configs/serving/{path.name}" in DOCUMENT, path.name
    for port in ("8500", "8501"):
        assert f"localhost:{port}" in DOCUMENT
    for variable in ("TF_SERVING_VERSION", "EXPORT_DIR"):
        assert variable in DOCUMENT


def test_the_documents_requests_are_those_that_the_server_takes():
    bodies = re.findall(r"curl .*-d '(\{.*?\})'", DOCUMENT.replace("\\\n", " "))
    assert bodies
    for body in bodies:
        inputs = yaml.safe_load(body)["inputs"]  # JSON is YAML
        assert set(inputs) == {"question", "context"}
        assert len(inputs["question"]) == len(inputs["context"])
    models = set(re.findall(r"localhost:8501/v1/models/(\w+)", DOCUMENT))
    assert models == {"qa"}


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_the_documents_command_writes_an_ssl_config(tmp_path):
    Certificate(tmp_path, "server")
    [command] = re.findall(r"```sh\n([^`]*ssl\.config\n)```", DOCUMENT)
    subprocess.run(["bash", "-euc", command], cwd=tmp_path, check=True)
    config = text_format.Parse((tmp_path / "ssl.config").read_text(), ssl_config_pb2.SSLConfig())
    assert config.server_key == (tmp_path / "server.key").read_text()
    assert config.server_cert == (tmp_path / "server.crt").read_text()
    assert not config.client_verify
