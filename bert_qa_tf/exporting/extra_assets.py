"""What lies beside an exported model in `assets.extra`: its card, and the requests a server warms up with.

What goes in: a loaded run, and what a process of its own said of the written model. What comes out: files' contents, as
`exporter.py` writes them. TF Serving reads the warm-up requests by their name; the rest is for people.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from bert_qa_tf.config import DecodingConfig, WindowingConfig
from bert_qa_tf.tasks.question_answering.examples import SquadExample

FOLDER = "assets.extra"
CARD_FILE = "model_card.md"
WARMUP_FILE = "tf_serving_warmup_requests"


@dataclasses.dataclass(frozen=True)
class Provenance:
    """Where a model comes from.

    Attributes:
      config: the run's `config.json`.
      step: of the weights.
      windowing: as trained.
      decoding: as exported.
      dev_scores: on the development split, of these weights; None where there is none.
      test_scores: of these weights, on files that `evaluate` scored: file → its `metrics.json`.
      inference_dtype: what the export computes in.
      license: of the weights.
    """

    config: Mapping[str, Any]
    step: int
    windowing: WindowingConfig
    decoding: DecodingConfig
    dev_scores: Mapping[str, float] | None
    test_scores: Mapping[str, Mapping[str, Any]]
    inference_dtype: str
    license: str


def model_card(run: Provenance) -> str:
    """A model card in Markdown: what it is, what it was trained on, its scores, its limits."""
    train, data = run.config["train"], run.config.get("data", {})
    sources = [f"* `{_name(source['file'])}`, SHA-256 `{source['sha256']}`" for source in data.get("sources", [])]
    counts = data.get("counts", {})
    shown = {name: counts[name] for name in ("train_questions", "dev_questions", "windows") if name in counts}
    may_abstain = run.decoding.version_2_with_negative
    lines = [
        "# Model card",
        "",
        "Finds the answer to a question in a transcript of speech: a span of its words, never words of its own.",
        f"Made with bert_qa_tf {run.config.get('versions', {}).get('bert_qa_tf', '(version not recorded)')}.",
        "",
        "## Model",
        "",
        f"* encoder: `{_name(train.get('encoder_handle', 'not recorded'))}`; weights of step {run.step}",
        f"* windows of {run.windowing.max_seq_length} word pieces, every {run.windowing.doc_stride}, answers of at "
        f"most {run.decoding.max_answer_length}{'; may answer nothing' if may_abstain else ''}",
        f"* trained in {run.config.get('mixed_precision', 'not recorded')}, exported in {run.inference_dtype}",
        f"* licence of the weights: {run.license}",
        "",
        "## Data",
        "",
        *(sources or ["* not recorded"]),
        *(f"* {name.replace('_', ' ')}: {count:,}" for name, count in shown.items()),
        "",
        "## Training",
        "",
        f"* {train.get('num_train_epochs', 'unrecorded')} epochs at most, batches of "
        f"{train.get('global_batch_size', 'unrecorded')}; windows: {train.get('max_train_examples') or 'all'}; start: "
        f"{_name(train.get('init_checkpoint') or 'the pretrained encoder')}",
        "",
        "## Scores",
        "",
        "On the development split (articles set aside from training):"
        if run.dev_scores
        else "No development split was scored.",
        *(f"* {name.replace('_', ' ')}: {value:.2f}" for name, value in (run.dev_scores or {}).items()),
        *_test_table(run.test_scores),
        "",
        "## Limits",
        "",
        "* An answer that recognition garbled cannot be spelled right: `audit` says what the best possible score is.",
        "* English, as its vocabulary is. Text of another kind than the data above was not tried.",
        "* A score between 0 and 1 compares candidates of one question; it is no probability of being right.",
        *(
            []
            if run.decoding.version_2_with_negative
            else ["* It always answers, also where the text holds no answer."]
        ),
    ]
    return "\n".join(lines) + "\n"


def _test_table(scores: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Scores on files beside the best that any span could have reached there; nothing where no file was scored."""
    if not scores:
        return []
    rows = [
        f"| `{file}` | {values['total']:,} | {values['exact_match']:.2f} | {values['f1']:.2f} | "
        f"{values['ceiling_exact_match']:.2f} / {values['ceiling_f1']:.2f} |"
        for file, values in sorted(scores.items())
    ]
    return [
        "",
        "On other files, scored with `evaluate`:",
        "",
        "| file | questions | exact match | F1 | best EM / F1 of any span |",
        "|---|---:|---:|---:|---:|",
        *rows,
    ]


def _name(path: str) -> str:
    """Without the folders of the machine it was trained on."""
    return path.rstrip("/").rsplit("/", 1)[-1] if path.startswith(("/", "~", ".")) else path


def warmup_requests(examples: Sequence[SquadExample], model_name: str = "qa") -> list[bytes] | None:
    """Requests for `serving_default` as TF Serving replays them before it takes any: one question, and all together.

    Args:
      examples: what to ask.
      model_name: as the server knows it.

    Returns:
      Serialized `PredictionLog`s; None where tensorflow-serving-api, of the extra `serving`, is not installed.
    """
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError:
        return None
    import tensorflow as tf

    records = []
    for batch in (examples[:1], examples):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model_name
        request.model_spec.signature_name = "serving_default"
        for name in ("question", "context"):
            texts = [getattr(example, name) for example in batch]
            request.inputs[name].CopyFrom(tf.make_tensor_proto(texts, tf.string))
        log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
        records.append(log.SerializeToString())
    return records


def replay(path: str, serve) -> int:  # noqa: ANN001  a signature has no public type
    """Asks what a file of warm-up requests asks; returns how many there were.

    Args:
      path: the file.
      serve: the `serving_default` signature.
    """
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    count = 0
    for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        serve(**{name: tf.constant(tf.make_ndarray(tensor)) for name, tensor in request.inputs.items()})
        count += 1
    return count
