"""Exporting a model, serving it, asking a server."""

from __future__ import annotations

from absl import flags

Values = flags.FlagValues


def define_export(values: Values) -> None:
    """Export."""
    flags.DEFINE_enum(
        "what",
        "model",
        ["model", "encoder"],
        "model: a trained model that takes text and gives answers. encoder: the encoder alone, as a TF-Hub module, of "
        "--model_dir or, without one, of --encoder_handle.",
        flag_values=values,
    )
    flags.DEFINE_string("model_dir", None, "Run directory of `train` to export from.", flag_values=values)
    flags.DEFINE_string(
        "export_dir",
        "exports",
        "Folder for qa/<version> and qa_ids/<version> (classification/…, for that task), or for encoder/<version>.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "archive",
        None,
        "Pack the export into this .tar.gz too, with checksums, for `predict --saved_model=` here or elsewhere.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "version", None, "Version number; one more than the highest there by default.", flag_values=values
    )
    flags.DEFINE_string(
        "license", "not stated", "Licence of the weights, for the model card of the export.", flag_values=values
    )


def define_serve(values: Values) -> None:
    """Serving."""
    flags.DEFINE_string(
        "saved_model",
        None,
        "SavedModel that `export` wrote: its version folder, or the .tar.gz or https:// address of its archive.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "tf_serving",
        None,
        "Instead of --saved_model: host:port of a TF Serving's REST port. The page asks it, and so do requests below "
        "/v1.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "model_name",
        None,
        "The model's name in paths: /v1/models/<name>. By default that of the task's exports (qa, classification); qa "
        "in front of a TF Serving.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "host",
        "127.0.0.1",
        "Address to listen on: this machine only by default. 0.0.0.0 lets everybody in who can reach it, unasked.",
        flag_values=values,
    )
    flags.DEFINE_integer("port", 8501, "Port to listen on; 0 for any free one.", flag_values=values)
    flags.DEFINE_integer(
        "max_body_bytes", 16 * 2**20, "Refuse a request whose body is larger than this.", flag_values=values
    )
    flags.DEFINE_integer(
        "max_batch_size",
        64,
        "Refuse a request with more questions, sentences or rows of token ids than this.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "max_context_chars", 1_000_000, "Refuse a request with a longer text than this.", flag_values=values
    )
    flags.DEFINE_integer(
        "max_concurrent_calls",
        None,
        "Requests worked on at the same time: 2 for a model in this process, 32 for --tf_serving by default.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "max_waiting", 64, "Requests that may wait for their turn; more are refused.", flag_values=values
    )
    flags.DEFINE_integer(
        "grace_secs", 30, "After SIGTERM or Ctrl-C, wait so long for requests in flight.", flag_values=values
    )
    flags.DEFINE_float(
        "timeout_secs", 60.0, "How long to wait for --tf_serving to answer.", lower_bound=0.001, flag_values=values
    )


def define_client(values: Values) -> None:
    """Server."""
    flags.DEFINE_string(
        "server",
        "localhost:8501",
        "host:port or http://… for REST, grpc://host:port for gRPC; https:// and grpcs:// over TLS.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "model_name",
        None,
        "The model's name on the server. By default that of the exports of what is asked (qa, classification); for an "
        "--input_file, of --task, or qa.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "task",
        None,
        "What the model is for, see create_tfrecords; asked of the server by default.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "model_version", None, "Which version to ask; the latest by default.", lower_bound=1, flag_values=values
    )
    flags.DEFINE_string("model_version_label", None, "Which version, by its label: stable.", flag_values=values)
    flags.DEFINE_integer(
        "batch_size", 32, "Questions or sentences in one request, at most.", lower_bound=1, flag_values=values
    )
    flags.DEFINE_float("timeout_secs", 30.0, "How long one attempt may take.", flag_values=values)
    flags.DEFINE_float(
        "deadline_secs", 120.0, "How long all attempts of one request may take together.", flag_values=values
    )
    flags.DEFINE_integer(
        "max_attempts", 4, "How often to try where the server is away, full or slow.", lower_bound=1, flag_values=values
    )
    flags.DEFINE_multi_string(
        "header",
        [],
        "'Name: value' to send with every request, as HTTP header or gRPC metadata. Repeat the flag for several. A "
        "secret is better kept in a flagfile: others may see the command line.",
        flag_values=values,
    )
    for name, text in (
        ("ca_file", "PEM certificates to trust instead of the system's."),
        ("client_cert_file", "PEM certificate to show to the server."),
        ("client_key_file", "PEM private key of --client_cert_file."),
    ):
        flags.DEFINE_string(name, None, text, flag_values=values)
