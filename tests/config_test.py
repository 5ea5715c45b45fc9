import pytest

from bert_qa_tf.config import AsrSimulationConfig, EncoderConfig, OptimizerConfig, TrainConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.question_answering.config import ConversionConfig, DecodingConfig, WindowingConfig


def test_a_stride_beyond_the_room_for_text_would_skip_words_and_is_refused():
    WindowingConfig(max_seq_length=64, doc_stride=45, max_query_length=16)
    with pytest.raises(InputError, match=r"doc_stride=46 is larger than the room for text: .* is 45"):
        WindowingConfig(max_seq_length=64, doc_stride=46, max_query_length=16)


@pytest.mark.parametrize(
    ("config", "values", "message"),
    [
        (WindowingConfig, {"max_seq_length": 67}, "leaves no room for text"),
        (WindowingConfig, {"doc_stride": 0}, "doc_stride must be at least 1"),
        (ConversionConfig, {"dev_fraction": 1.0}, r"dev_fraction must be in \[0, 1\), got 1.0"),
        (ConversionConfig, {"num_shards": 0}, "num_shards must be at least 1"),
        (ConversionConfig, {"min_aligned_fraction": 1.1}, "min_aligned_fraction must be in"),
        (DecodingConfig, {"n_best_size": 0}, "n_best_size must be at least 1"),
        (OptimizerConfig, {"learning_rate": 0.0}, "learning_rate must be above 0"),
        (OptimizerConfig, {"warmup_proportion": 1.0}, "warmup_proportion must be in"),
        (OptimizerConfig, {"layerwise_lr_decay": 0.0}, "layerwise_lr_decay must be above 0 and at most 1, got 0.0"),
        (OptimizerConfig, {"layerwise_lr_decay": 1.1}, "layerwise_lr_decay must be above 0 and at most 1, got 1.1"),
        (TrainConfig, {"freeze_layers": -2}, r"freeze_layers must be -1 \(the embeddings\), 0 .* got -2"),
        (TrainConfig, {"global_batch_size": 0}, "global_batch_size must be at least 1"),
        (TrainConfig, {"max_train_steps": 0}, "max_train_steps must be at least 1"),
        (TrainConfig, {"length_buckets": 0}, "length_buckets must be a number of at least 1, or ascending .* got 0"),
        (TrainConfig, {"length_buckets": (256, 128)}, r"length_buckets must be .* ascending lengths, got \(256, 128\)"),
        (TrainConfig, {"length_buckets": ()}, r"length_buckets must be .* got \(\)"),
    ],
)
def test_values_that_make_no_sense_are_named(config, values, message):
    required = {"train_dir": "a", "model_dir": "b", "encoder_handle": "c"} if config is TrainConfig else {}
    with pytest.raises(InputError, match=message):
        config(**required, **values)


def test_heads_must_divide_the_hidden_size():
    with pytest.raises(InputError, match="hidden_size=30 is no multiple of num_attention_heads=4"):
        EncoderConfig(100, 30, 2, 4, 60)


def test_an_encoder_config_comes_back_from_its_dict():
    config = EncoderConfig(100, 32, 2, 4, 60, hidden_act="gelu_tanh")
    assert EncoderConfig(**config.to_dict()) == config


@pytest.mark.parametrize("wer", [(0.0,), (0.9,), (0.4, 0.2), (0.1, 0.2, 0.3), ()])
def test_rates_that_make_no_sense_are_refused(wer):
    with pytest.raises(InputError, match=r"simulate_wer must be a rate above 0 and at most 0\.7, or two"):
        AsrSimulationConfig(wer)


@pytest.mark.parametrize("sizes", [(100, 32, 10**9, 4, 60), (2 * 10**9, 32, 2, 4, 60), (100, 10**6, 2, 4, 60)])
def test_an_encoder_that_no_machine_holds_is_refused(sizes):
    with pytest.raises(InputError, match=r"parameters, expected at most 1,000 with 10,000,000,000"):
        EncoderConfig(*sizes)
