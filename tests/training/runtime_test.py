import pathlib
import urllib.error

import pytest
import tensorflow as tf

from bert_qa_tf.config import RuntimeConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.training import runtime


def _needs_no_gpu() -> None:
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("this machine has a GPU")


def test_mirrored_without_a_gpu_names_the_flagfile_for_cpus():
    _needs_no_gpu()
    with pytest.raises(InputError, match=r"needs a GPU and TensorFlow sees none; .*configs/cpu.flags"):
        runtime.make_strategy(RuntimeConfig(distribution_strategy="mirrored"))


@pytest.mark.parametrize(
    ("tf_config", "message"),
    [(None, "needs TF_CONFIG in the environment"), ("{", "TF_CONFIG is not a JSON object"), ("[]", "TF_CONFIG is not")],
)
def test_several_workers_need_a_cluster(monkeypatch, tf_config, message):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if tf_config is not None:
        monkeypatch.setenv("TF_CONFIG", tf_config)
    with pytest.raises(InputError, match=message):
        runtime.make_strategy(RuntimeConfig(distribution_strategy="multi_worker_mirrored"))


@pytest.mark.parametrize("error", [urllib.error.URLError("no such host"), ValueError("no TPU"), RuntimeError("none")])
def test_a_tpu_that_is_not_there_is_one_line(monkeypatch, error):
    def resolver(tpu: str) -> None:
        raise error

    monkeypatch.setattr(tf.distribute.cluster_resolver, "TPUClusterResolver", resolver)
    with pytest.raises(InputError, match="TensorFlow finds no TPU at --tpu=no-such-tpu"):
        runtime.make_strategy(RuntimeConfig(distribution_strategy="tpu", tpu="no-such-tpu"))


@pytest.mark.parametrize(("flags", "policy"), [("avx2 amx_bf16 amx_tile", "mixed_bfloat16"), ("avx2", "float32")])
def test_auto_is_bfloat16_on_a_cpu_that_multiplies_in_it(monkeypatch, tmp_path, flags, policy):
    _needs_no_gpu()
    (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n")
    monkeypatch.setattr(runtime, "_CPU_INFO", pathlib.Path(tmp_path / "cpuinfo"))
    assert runtime.resolve_precision("auto", "one_device") == policy


@pytest.mark.parametrize(
    ("capability", "policy"), [((9, 0), "mixed_bfloat16"), ((7, 5), "mixed_float16"), ((6, 1), "float32")]
)
def test_auto_follows_the_gpus_generation(monkeypatch, capability, policy):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["gpu"] if kind == "GPU" else ["cpu"])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: {"compute_capability": capability})
    assert runtime.resolve_precision("auto", "mirrored") == policy


def test_a_named_policy_is_taken_as_it_is_and_a_tpu_gets_bfloat16():
    assert runtime.resolve_precision("float32", "tpu") == "float32"
    assert runtime.resolve_precision("auto", "tpu") == "mixed_bfloat16"
