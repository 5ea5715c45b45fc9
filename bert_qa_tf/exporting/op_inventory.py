"""Lists the ops of an exported model and checks that TF Serving supports them.

`fresh_process.py` counts the ops in the SavedModel's graph. TF Serving links all ops of the TensorFlow of its own
version, and tensorflow-text's ops (from tensorflow-text 2.12 up to TF Serving 2.19.1).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from bert_qa_tf.errors import InputError

OPS_FILE = "ops.json"
# The ops of tensorflow-text that an export uses and that TF Serving 2.16 to 2.20 link.
LINKED_TEXT_OPS = ("FastWordpieceTokenizeWithOffsets",)
# The ops that TensorFlow 2.20 registers and 2.16 does not. No op that a model could hold was removed in between.
# `experiments/serving_compat/serving_compat.py` compares this list with the ops that 2.16 registers.
NEWER_THAN_2_16 = frozenset(
    (
        "CalibrationStatisticsSaver",
        "CheckPinned",
        "ComputeDedupDataSizeV2",
        "ComputeDedupDataTupleMaskV2",
        "ConvertToListOfSparseCoreCooTensors",
        "ConvertToSparseCoreCsrWrappedCooTensor",
        "DecodeWebP",
        "FinalizeTPUEmbeddingV2",
        "GetStatsFromListOfSparseCoreCooTensors",
        "GetTpuTaskId",
        "GlobalShuffleDataset",
        "IndexFlatMapDataset",
        "IteratorGetModelProto",
        "SortListOfSparseCoreCooTensors",
        "TPUDummyInput",
        "UpdateTaskIdAndGlobalCoreArray",
        "WeightedFlatMapDataset",
        "XlaRecvTPUEmbeddingActivationsV2",
        "XlaRecvTPUEmbeddingDeduplicationDataV2",
        "XlaSendTPUEmbeddingGradientsV2",
        "XlaSparseActivationsUnstack",
        "XlaSparseDenseMatmulCustomCombinerOnTcGradWithAdagradAndCsrInput",
        "XlaSparseDenseMatmulCustomCombinerOnTcGradWithAdagradMomentumAndCsrInput",
        "XlaSparseDenseMatmulCustomCombinerOnTcGradWithAdamAndCsrInput",
        "XlaSparseDenseMatmulCustomCombinerOnTcGradWithCsrInput",
        "XlaSparseDenseMatmulCustomCombinerOnTcGradWithFtrlAndCsrInput",
        "XlaSparseDenseMatmulCustomCombinerOnTcGradWithSgdAndCsrInput",
        "XlaSparseDenseMatmulCustomCombinerOnTcWithCsrInput",
        "XlaSparseDenseMatmulGradWithAdagradAndStaticBufferSize",
        "XlaSparseDenseMatmulGradWithAdagradMomentumAndStaticBufferSize",
        "XlaSparseDenseMatmulGradWithAdamAndStaticBufferSize",
        "XlaSparseDenseMatmulGradWithCsrInput",
        "XlaSparseDenseMatmulGradWithFtrlAndStaticBufferSize",
        "XlaSparseDenseMatmulGradWithSgdAndStaticBufferSize",
        "XlaSparseDenseMatmulWithStaticBufferSize",
        "XlaSparseGradientsStack",
        "_MklNativeSparseMatrixMatMul",
        "_QuantizedMatMul",
    )
)


def to_json(ops: Mapping[str, Sequence[int | bool]]) -> str:
    """Returns the content of `ops.json`: each op with its count, its library and the TF Serving versions that link it.

    Args:
      ops: name → its number of occurrences, and whether TensorFlow itself registers it.

    Raises:
      InputError: some TF Serving from 2.16 to 2.20 is not known to link an op.
    """
    unknown = [
        name
        for name, (_, is_core) in sorted(ops.items())
        if (name in NEWER_THAN_2_16 if is_core else name not in LINKED_TEXT_OPS)
    ]
    if unknown:
        raise InputError(
            f"export: TF Serving 2.16 to 2.20 is not known to link {', '.join(unknown)}, so nothing was kept"
        )
    inventory = {
        name: {
            "count": count,
            "from": "tensorflow" if is_core else "tensorflow-text",
            "linked_by_tf_serving": "2.16 to 2.20",
        }
        for name, (count, is_core) in sorted(ops.items())
    }
    return json.dumps(inventory, indent=1) + "\n"
