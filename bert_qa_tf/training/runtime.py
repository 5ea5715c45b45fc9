"""Sets up the distribution strategy, the precision policy and the random seeds of a training.

The caller must keep this order: first the strategy (workers must connect before any op runs), then seeds, then the
policy, then variables.
"""

from __future__ import annotations

import os
import pathlib
import textwrap
from typing import Any

import tensorflow as tf
import tf_keras

from bert_qa_tf.config import RuntimeConfig, schema
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import json_text

# TensorFlow's name of the option that rewrites graphs to bfloat16.
GRAPH_REWRITE = "auto_mixed_precision_onednn_bfloat16"
_CPU_INFO = pathlib.Path("/proc/cpuinfo")


def make_strategy(config: RuntimeConfig) -> tf.distribute.Strategy:
    """Builds the strategy that the config names.

    Raises:
      InputError: the hardware that it needs (a GPU, a cluster, a TPU) is not available.
    """
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    builders = {
        "one_device": _one_device,
        "mirrored": _mirrored,
        "multi_worker_mirrored": lambda: _multi_worker_mirrored(config.all_reduce),
        "tpu": lambda: _tpu(config.tpu),
    }
    return builders[config.distribution_strategy]()


def _one_device() -> tf.distribute.Strategy:
    return tf.distribute.OneDeviceStrategy("GPU:0" if tf.config.list_physical_devices("GPU") else "CPU:0")


def _mirrored() -> tf.distribute.Strategy:
    gpus = tf.config.list_logical_devices("GPU")
    # Several logical CPUs exist only if a program has created them, to try out replicas without GPUs.
    cpus = tf.config.list_logical_devices("CPU")
    if not gpus and len(cpus) < 2:
        raise InputError(
            "distribution_strategy=mirrored needs a GPU and TensorFlow sees none; "
            "on a CPU use --flagfile=configs/cpu.flags (or --distribution_strategy=one_device)"
        )
    return tf.distribute.MirroredStrategy([device.name for device in gpus or cpus])


def _multi_worker_mirrored(all_reduce: str) -> tf.distribute.Strategy:
    try:
        cluster = json_text.parse(os.environ.get("TF_CONFIG", "{}")).get("cluster", {})
    except (json_text.JsonError, AttributeError) as error:
        raise InputError(f"TF_CONFIG is not a JSON object: {error}") from error
    schema.read(dict[str, Any], cluster, "TF_CONFIG: `cluster`")
    if not cluster.get("worker"):
        raise InputError(
            "distribution_strategy=multi_worker_mirrored needs TF_CONFIG in the environment, naming every worker: "
            '{"cluster": {"worker": ["host1:port", "host2:port"]}, "task": {"type": "worker", "index": 0}}'
        )
    communication = tf.distribute.experimental.CommunicationOptions(
        implementation=tf.distribute.experimental.CommunicationImplementation[all_reduce.upper()]
    )
    return tf.distribute.MultiWorkerMirroredStrategy(communication_options=communication)


def _tpu(name: str) -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
        if name != "local":
            tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    # OSError: outside of Google Cloud, the metadata server that lists TPUs cannot be reached.
    except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
        raise InputError(
            f"distribution_strategy=tpu: TensorFlow finds no TPU at --tpu={name} "
            f"({textwrap.shorten(str(error).splitlines()[0], 120, placeholder=' …')})"
        ) from error


def resolve_precision(policy: str, distribution_strategy: str) -> str:
    """Returns the Keras policy for `policy` on this hardware.

    "auto" is bfloat16 on TPUs, on GPUs of compute capability 8 and up and on CPUs with AMX; float16 on GPUs of 7.x; and
    float32 otherwise. So half precision is used only if the hardware supports it.

    Args:
      policy: a policy name, or "auto".
      distribution_strategy: the strategy's name, as in `RuntimeConfig`.
    """
    if policy != "auto":
        return policy
    if distribution_strategy == "tpu":
        return "mixed_bfloat16"
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        capability = min(
            tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0)) for gpu in gpus
        )
        return "mixed_bfloat16" if capability >= (8, 0) else "mixed_float16" if capability >= (7, 0) else "float32"
    return "mixed_bfloat16" if _cpu_has_amx() else "float32"


def rewrite_graphs(config: RuntimeConfig, policy: str, encoder_mode: str) -> None:
    """Enables TensorFlow's rewriting of graphs to bfloat16, if the config requests it.

    Unlike a Keras policy, the rewriting also affects the inside of a wrapped module. It does not know about layers, but
    decides for each operation whether it stays in float32.

    Args:
      config: the runtime settings of the training.
      policy: the Keras policy.
      encoder_mode: "rebuild" or "wrap".

    Raises:
      InputError: the rewriting is requested for a setup in which it was not shown to help.
    """
    if not config.graph_rewrite:
        return
    on_cpu = config.distribution_strategy != "tpu" and not tf.config.list_physical_devices("GPU")
    if encoder_mode != "wrap" or policy != "mixed_bfloat16" or not on_cpu:
        raise InputError(
            "--graph_rewrite is for --encoder_mode=wrap with --mixed_precision=mixed_bfloat16 on a CPU, got "
            f"encoder_mode={encoder_mode}, mixed_precision={policy}{'' if on_cpu else ' and another device'}"
        )
    tf.config.optimizer.set_experimental_options({GRAPH_REWRITE: True})


def _cpu_has_amx() -> bool:
    return _CPU_INFO.exists() and "amx_bf16" in _CPU_INFO.read_text(encoding="utf-8", errors="replace")


def set_seed(seed: int) -> None:
    """Seeds Python, NumPy and TensorFlow for the initial weights of heads. Dropout is seeded at each step."""
    tf_keras.utils.set_random_seed(seed)
