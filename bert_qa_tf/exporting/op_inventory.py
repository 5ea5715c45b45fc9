"""Which ops a written model needs, and which TF Serving has them.

What goes in: what a fresh process counted in the SavedModel's graph. What comes out: the content of `ops.json`, or one
line where a server is not known to have an op. TF Serving links the whole of the TensorFlow of its own version, and
tensorflow-text's ops (its own 2.12 until TF Serving 2.19.1).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from bert_qa_tf.errors import InputError

OPS_FILE = "ops.json"
# The ops of tensorflow-text that TF Serving 2.16 to 2.20 links.
LINKED_TEXT_OPS = ("FastWordpieceTokenizeWithOffsets",)
# The ops that TensorFlow 2.20 registers and 2.16 does not: no op has moved the other way that a model could hold.
# `experiments/serving_compat/serving_compat.py` compares this list with what the older one registers.
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
    """Every op of a written model, how often it occurs, whose it is, and which TF Serving links it, as JSON.

    Args:
      ops: name → how often it occurs, and whether TensorFlow alone registers it.

    Raises:
      InputError: an op that not every TF Serving from 2.16 to 2.20 is known to link.
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
