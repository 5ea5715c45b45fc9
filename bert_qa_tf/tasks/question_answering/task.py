"""Implements question answering as a task; see `tasks.base`."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bert_qa_tf.config import schema
from bert_qa_tf.storage import files
from bert_qa_tf.tasks.base import Answerer, Baseline, CardText, Comparison, Evaluation, ExportedModule, Task
from bert_qa_tf.tasks.question_answering import columns, evaluation, metrics, report
from bert_qa_tf.tasks.question_answering.config import (
    ConversionConfig,
    DecodingConfig,
    ExportConfig,
    QuestionAnsweringConfig,
    ReferenceConfig,
    RequestConfig,
    WindowingConfig,
)
from bert_qa_tf.tasks.question_answering.decoding import DecodedAnswer
from bert_qa_tf.tasks.question_answering.evaluation import FileReference
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.features import QA_FEATURES
from bert_qa_tf.tasks.question_answering.reading.input_formats import read_examples, with_shards
from bert_qa_tf.tasks.question_answering.reading.squad_reader import read_squad
from bert_qa_tf.tasks.question_answering.request import QuestionRequest
from bert_qa_tf.text.timed_text import ReadTimedText

if TYPE_CHECKING:  # they import TensorFlow
    import tensorflow as tf
    import tf_keras

    from bert_qa_tf.records.manifest import Manifest
    from bert_qa_tf.tasks.question_answering.answerer import QuestionAnswerer
    from bert_qa_tf.tasks.question_answering.conversion import SquadConverter
    from bert_qa_tf.tasks.question_answering.development import DevelopmentScorer
    from bert_qa_tf.text.tokenizer import Tokenizer


class QuestionAnswering(Task):
    """Finds the answer to a question as a span of a text.

    Args:
      settings: how contexts are windowed and answers decoded.
    """

    name = "question_answering"
    title = "Question answering"
    table = QA_FEATURES
    best_metric = "f1"
    export_name = "qa"
    served_inputs = columns.INPUTS
    served_outputs = columns.OUTPUTS
    conversion_config = ConversionConfig
    training_config = DecodingConfig
    answering_config = DecodingConfig
    export_config = ExportConfig
    reference_config = ReferenceConfig
    request_config = RequestConfig
    asks_timed_text = True
    development_file = "dev.json"
    page = pathlib.Path(__file__).resolve().parent / "page"

    settings: QuestionAnsweringConfig

    # === Conversion ===

    @classmethod
    def converter(cls, input_files: Sequence[str], tokenizer: Tokenizer, config: ConversionConfig) -> SquadConverter:
        """See `Task`; the input files are those that `input_formats` reads."""
        from bert_qa_tf.tasks.question_answering.conversion import SquadConverter

        return SquadConverter(input_files, tokenizer, config)

    @classmethod
    def input_files(cls, paths: Sequence[str]) -> list[str]:
        """See `Task`; a folder stands for its Parquet files."""
        return with_shards(paths)

    # === Settings ===

    @classmethod
    def from_json(cls, settings: Mapping[str, Any]) -> QuestionAnswering:
        """See `Task`."""
        place = "settings"
        decoding = settings.get("decoding") or {
            "version_2_with_negative": settings.get("version_2_with_negative", False)
        }
        return cls(
            QuestionAnsweringConfig(
                schema.member(WindowingConfig, settings, "windowing", place),
                schema.read(DecodingConfig, decoding, f"{place}: `decoding`"),
            )
        )

    @property
    def max_seq_length(self) -> int:
        """See `Task`."""
        return self.settings.windowing.max_seq_length

    # === Training ===

    def build_model(self, encoder: tf_keras.Model) -> tf_keras.Model:
        """See `Task`."""
        from bert_qa_tf.tasks.question_answering.span_model import build_span_model

        return build_span_model(encoder)

    def losses(self, outputs: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """See `Task`."""
        from bert_qa_tf.tasks.question_answering.loss import span_loss

        return span_loss(
            outputs["start_logits"], outputs["end_logits"], batch["start_positions"], batch["end_positions"]
        )

    def development_scorer(
        self, train_dir: str, manifest: Manifest, tokenizer: Tokenizer, batch_size: int
    ) -> DevelopmentScorer | None:
        """See `Task`; the scores are exact match, F1 and loss."""
        from bert_qa_tf.tasks.question_answering.development import DevelopmentScorer

        if not manifest.split("dev"):
            return None
        return DevelopmentScorer(train_dir, manifest, tokenizer, self.settings, batch_size)

    # === Answering ===

    def answerer(self, model: tf_keras.Model, tokenizer: Tokenizer, batch_size: int = 32) -> QuestionAnswerer:
        """See `Task`."""
        from bert_qa_tf.tasks.question_answering.answerer import QuestionAnswerer

        return QuestionAnswerer(model, tokenizer, self.settings, batch_size)

    @classmethod
    def request(
        cls,
        options: RequestConfig,
        input_file: str | None,
        output_file: str | None,
        timed_texts: Mapping[str, tuple[str | None, ReadTimedText]],
    ) -> QuestionRequest:
        """See `Task`."""
        return QuestionRequest(**vars(options), input_file=input_file, output_file=output_file, timed_texts=timed_texts)

    # === Evaluation ===

    @classmethod
    def read_reference(cls, path: str, options: ReferenceConfig) -> FileReference:
        """See `Task`; the file is one that `input_formats` reads."""
        return FileReference.of(path, read_examples(path, options.input_format, require_answers=True))

    @classmethod
    def evaluate(
        cls, reference: FileReference, answerer: Answerer, source: str, progress: Callable[..., Iterable]
    ) -> Evaluation:
        """See `Task`."""
        return evaluation.evaluate_answerer(reference, answerer, source, progress)

    @classmethod
    def evaluate_predictions(cls, reference: FileReference, path: str) -> Evaluation:
        """See `Task`; the file is the official script's `predictions.json`."""
        return Evaluation(evaluation.evaluate(reference, metrics.read_predictions(path), source=path))

    @classmethod
    def baselines(cls) -> dict[str, Baseline]:
        """See `Task`."""
        text = (
            "Questions: also score a baseline that answers with the words nearest to those of the question. Of some "
            "dozens of ways to count shared words, it uses the one that is best on the evaluated file."
        )
        return {"word_overlap": Baseline(evaluation.WORD_OVERLAP, text, evaluation.evaluate_word_overlap)}

    @classmethod
    def format_report(cls, file: str, by_model: Mapping[str, Mapping[str, Any]]) -> str:
        """See `Task`."""
        return report.format_table(file, by_model)

    # === Export ===

    def export_modules(
        self, model: tf_keras.Model, tokenizer: Tokenizer, options: ExportConfig
    ) -> tuple[ExportedModule, ExportedModule]:
        """See `Task`."""
        from bert_qa_tf.tasks.question_answering.export_module import IdsModule, QaModule

        module = QaModule(model, tokenizer, self.settings, options)
        ids_module = IdsModule(model)
        return (
            ExportedModule(self.export_name, module, {"serving_default": module.serve, "serve_ids": module.serve_ids}),
            ExportedModule(f"{self.export_name}_ids", ids_module, {"serve_ids": ids_module.serve_ids}),
        )

    def built_in_examples(self) -> list[SquadExample]:
        """See `Task`; texts that are long, empty or not ASCII."""
        call = "hi this is nora from the library the book you asked for came in this morning we are open until six "
        max_seq_length = self.settings.windowing.max_seq_length
        long_text = call * (2 + max_seq_length // 10)  # more than one window
        asked = [
            ("who is calling", call),
            ("when does it close", long_text),
            ("what is it", "😀 the café at 北京 opens at ½ past nine …"),
            ("", call),
            ("where", ""),
            ("where", "   "),
            ("very " * max_seq_length + "long question", long_text),
        ]
        return [SquadExample(f"built-in-{i}", question, context) for i, (question, context) in enumerate(asked)]

    @classmethod
    def development_examples(cls, directory: str) -> list[SquadExample]:
        """See `Task`."""
        path = f"{directory}/{cls.development_file}"
        return read_squad(path) if files.exists(path) else []

    def model_inputs(self, examples: Sequence[SquadExample], tokenizer: Tokenizer) -> list[dict[str, Sequence[int]]]:
        """See `Task`; the inputs are those of the first window of each question."""
        from bert_qa_tf.tasks.question_answering.windowing import featurize_examples

        windows_of = featurize_examples(examples, tokenizer, self.settings.windowing, lambda _: None)
        names = ("input_word_ids", "input_type_ids")
        return [{name: getattr(windows[0], name).tolist() for name in names} for windows in windows_of]

    @classmethod
    def to_columns(cls, examples: Sequence[SquadExample]) -> dict[str, list[str]]:
        """See `Task`."""
        return columns.to_columns(examples)

    @classmethod
    def from_columns(cls, found: Mapping[str, Any], examples: Sequence[SquadExample]) -> list[DecodedAnswer]:
        """See `Task`."""
        return columns.from_columns(found, examples)

    def compare(
        self,
        answerer: QuestionAnswerer,
        examples: Sequence[SquadExample],
        found: Sequence[DecodedAnswer],
        tolerance: float,
    ) -> Comparison:
        """See `Task`."""
        from bert_qa_tf.tasks.question_answering.export_parity import compare_answers

        return compare_answers(answerer, examples, found, tolerance)

    def card_text(self) -> CardText:
        """See `Task`."""
        windowing, decoding = self.settings.windowing, self.settings.decoding
        may_abstain = decoding.version_2_with_negative
        return CardText(
            summary="Finds the answer to a question in a transcript of speech: a span of its words, never words of its "
            "own.",
            model=[
                f"windows of {windowing.max_seq_length} word pieces, every {windowing.doc_stride}, answers of at most "
                f"{decoding.max_answer_length}{'; may answer nothing' if may_abstain else ''}"
            ],
            counts=("train_questions", "dev_questions", "windows"),
            scores={
                "exact match": "exact_match",
                "F1": "f1",
                "best EM / F1 of any span": ("ceiling_exact_match", "ceiling_f1"),
            },
            limits=[
                "An answer that recognition garbled cannot be spelled right: `audit` says what the best possible "
                "score is.",
                "English, as its vocabulary is. Text of another kind than the data above was not tried.",
                "A score between 0 and 1 compares candidates of one question; it is no probability of being right.",
                *([] if may_abstain else ["It always answers, also where the text holds no answer."]),
            ],
        )
