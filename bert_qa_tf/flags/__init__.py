"""Defines every absl flag of the project once, in groups that the commands pick from.

Each function defines the flags of one group in an absl `FlagValues`. The first line of its docstring is the group's
heading in `--help`. Only entry points import this package.
"""

from bert_qa_tf.flags.data import (
    define_audit,
    define_conversion,
    define_demo,
    define_download,
    define_odd_items,
)
from bert_qa_tf.flags.model import (
    define_casing,
    define_encoder,
    define_encoder_mode,
    define_evaluation,
    define_inference,
    define_model_source,
    define_prediction,
    define_trust,
)
from bert_qa_tf.flags.options import (
    given_options,
    input_paths,
    option_group,
    read_request,
    refusal,
    switch_group,
    task_config,
    task_of_request,
    task_options,
)
from bert_qa_tf.flags.serving import (
    define_client,
    define_export,
    define_serve,
)
from bert_qa_tf.flags.speech import (
    define_fast_recognizer,
    define_recognizer,
    define_recording,
    define_served_recognizer,
    define_spoken,
    define_transcription,
    recognizer_config,
)
from bert_qa_tf.flags.training import (
    define_optimizer,
    define_runtime,
    define_training,
)
from bert_qa_tf.flags.transcripts import define_transcript, timed_text_config

__all__ = [
    "define_audit",
    "define_casing",
    "define_client",
    "define_conversion",
    "define_demo",
    "define_download",
    "define_encoder",
    "define_encoder_mode",
    "define_evaluation",
    "define_export",
    "define_fast_recognizer",
    "define_inference",
    "define_model_source",
    "define_odd_items",
    "define_optimizer",
    "define_prediction",
    "define_recognizer",
    "define_recording",
    "define_runtime",
    "define_serve",
    "define_served_recognizer",
    "define_spoken",
    "define_training",
    "define_transcript",
    "define_transcription",
    "define_trust",
    "given_options",
    "input_paths",
    "option_group",
    "read_request",
    "recognizer_config",
    "refusal",
    "switch_group",
    "task_config",
    "task_of_request",
    "task_options",
    "timed_text_config",
]
