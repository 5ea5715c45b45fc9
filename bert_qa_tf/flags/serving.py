"""Defines the flags of exporting a model, serving it and querying a server."""

from __future__ import annotations

from absl import flags

Values = flags.FlagValues


def define_export(values: Values) -> None:
    """Export."""
    flags.DEFINE_enum(
        "what",
        "model",
        ["model", "encoder"],
        "What to export. model: a trained model that takes text and returns answers. encoder: only the encoder of "
        "--model_dir, or else of --encoder_handle, as a TF-Hub module.",
        flag_values=values,
    )
    flags.DEFINE_string("model_dir", None, "Trained model to export: the --model_dir of `train`.", flag_values=values)
    flags.DEFINE_string(
        "export_dir",
        "exports",
        "Folder to write to. It gets qa/<version> and qa_ids/<version> for question answering, "
        "classification/<version> and classification_ids/<version> for classification, or encoder/<version>.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "archive",
        None,
        "Also pack the export into this .tar.gz file, with checksums; `predict --saved_model` accepts it.",
        flag_values=values,
    )
    flags.DEFINE_bool(
        "overwrite",
        False,
        "Replace --archive even if it is not an archive of an earlier export. A version is never replaced.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "version", None, "Version number; by default one more than the highest in the folder.", flag_values=values
    )
    flags.DEFINE_string(
        "license", "not stated", "Licence of the weights, which the export's model card states.", flag_values=values
    )


def define_serve(values: Values) -> None:
    """Serving."""
    flags.DEFINE_string(
        "saved_model",
        None,
        "Exported model to serve: the version folder that `export` wrote, or an archive of it, as a .tar.gz file or an "
        "https:// address.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "tf_serving",
        None,
        "host:port of a TF Serving REST API to use instead of --saved_model. The web page, and requests below /v1, are "
        "answered by that server.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "model_name",
        None,
        "Name of the model in request paths, /v1/models/<name>. By default qa or classification, depending on the "
        "model; qa with --tf_serving.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "host",
        "127.0.0.1",
        "Address to listen on; by default only this machine can connect. With 0.0.0.0, everybody who can reach this "
        "machine can use the server, unless it asks for a token (--token_file).",
        flag_values=values,
    )
    flags.DEFINE_integer("port", 8501, "Port to listen on; 0 for any free one.", flag_values=values)
    _define_token(
        values,
        "that programs and people must know to use the model, recognise recordings or read transcripts. Programs send "
        "it as the header `Authorization: Bearer <secret>`; the page asks for it, or takes it from its address, "
        "http://…/#token=<secret>",
    )
    flags.DEFINE_list(
        "allowed_hosts",
        [],
        "More names under which this server is reached, separated by commas, such as that of a proxy in front of it: "
        "qa.example.org. A server for this machine only refuses requests under any other name than localhost.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "max_body_bytes", 16 * 2**20, "Refuse requests whose body is larger than this.", flag_values=values
    )
    flags.DEFINE_integer(
        "max_batch_size",
        64,
        "Refuse requests with more questions, sentences or rows of token ids than this.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "max_context_chars", 1_000_000, "Refuse requests with a text that is longer than this.", flag_values=values
    )
    flags.DEFINE_integer(
        "max_word_pieces",
        400_000,
        "Refuse requests whose texts together are more work than this: the number of word pieces that the model would "
        "cut them into, as estimated from their words, signs and letters. 1,000 words of English count as some 1,500.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "max_concurrent_calls",
        None,
        "Maximum number of requests that are processed at the same time; by default 2, or 32 with --tf_serving.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "max_waiting", 64, "Maximum number of waiting requests; further ones are refused.", flag_values=values
    )
    flags.DEFINE_integer(
        "max_connections",
        512,
        "Maximum number of open connections. A further one takes the place of that which has been silent longest.",
        flag_values=values,
    )
    flags.DEFINE_float(
        "receive_secs",
        60.0,
        "Refuse requests whose body is not complete after this many seconds; each 64 KiB that have arrived give a "
        "second more.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "grace_secs",
        30,
        "After SIGTERM or Ctrl-C, how many seconds to wait for requests in progress; what is not done then is given "
        "up.",
        flag_values=values,
    )
    flags.DEFINE_float(
        "timeout_secs",
        60.0,
        "How many seconds to wait for an answer of --tf_serving.",
        lower_bound=0.001,
        flag_values=values,
    )


def _define_token(values: Values, purpose: str) -> None:
    flags.DEFINE_string(
        "token",
        None,
        f"Secret {purpose}. Other users of this machine can see command lines: --token_file, or the environment "
        "variable BERT_QA_TF_TOKEN, keeps it from them.",
        flag_values=values,
    )
    flags.DEFINE_string("token_file", None, "File that holds the secret of --token.", flag_values=values)


def define_client(values: Values) -> None:
    """Server."""
    flags.DEFINE_string(
        "server",
        "localhost:8501",
        "Address of the server: host:port or http://… for REST, grpc://host:port for gRPC; https:// or grpcs:// for "
        "TLS.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "model_name",
        None,
        "Name of the model on the server. By default qa for a question and classification for a text; for an "
        "--input_file, the name that belongs to --task, or else qa.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "task",
        None,
        "Task of the model, as for create_tfrecords; by default the server is asked for it.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "model_version",
        None,
        "Version of the model to use; by default the latest.",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_string(
        "model_version_label", None, "Label of the model version to use, such as stable.", flag_values=values
    )
    flags.DEFINE_integer(
        "batch_size",
        32,
        "Maximum number of questions or sentences per request.",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_float("timeout_secs", 30.0, "How many seconds one attempt may take.", flag_values=values)
    flags.DEFINE_float(
        "deadline_secs",
        120.0,
        "How many seconds all attempts of one request may take together.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "max_attempts",
        4,
        "Maximum number of attempts if the server is unreachable, overloaded or slow.",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_multi_string(
        "header",
        [],
        "HTTP header or gRPC metadata to send with every request, as 'Name: value'. Repeat the flag for several. Put "
        "secrets in a flagfile, because other users may see the command line.",
        flag_values=values,
    )
    _define_token(values, "that the server asks for; it is sent as the header `Authorization: Bearer <secret>`")
    for name, text in (
        ("ca_file", "PEM file of certificates to trust instead of the system's."),
        ("client_cert_file", "PEM file of the client certificate to present to the server."),
        ("client_key_file", "PEM file of the private key of --client_cert_file."),
    ):
        flags.DEFINE_string(name, None, text, flag_values=values)
