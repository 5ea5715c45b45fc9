"""TF-Hub modules, checkpoints and safetensors folders as others write them, and BERT's forward pass in plain NumPy."""

from __future__ import annotations

import json
import math
import pathlib
import shutil
import tempfile
import warnings

import numpy as np
import safetensors.numpy
import tensorflow as tf
import tf_keras
from official.legacy.bert import configs
from official.nlp.modeling import layers, models
from official.nlp.tools import export_tfhub_lib
from official.nlp.tools import tf1_bert_checkpoint_converter_lib as converter

from bert_qa_tf.encoders import encoder as encoder_lib
from bert_qa_tf.encoders.sources.loader import build_pretrained_encoder
from bert_qa_tf.encoders.sources.weights import PretrainedEncoder, assign_weights


def official_config(pretrained: PretrainedEncoder) -> configs.BertConfig:
    """The encoder's architecture in tf-models-official's own form."""
    config = pretrained.config
    return configs.BertConfig(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        num_hidden_layers=config.num_layers,
        num_attention_heads=config.num_attention_heads,
        intermediate_size=config.intermediate_size,
        hidden_act="gelu",  # which is the tanh approximation there
        max_position_embeddings=config.max_position_embeddings,
        type_vocab_size=config.type_vocab_size,
    )


def official_module(pretrained: PretrainedEncoder, folder: pathlib.Path, *, with_mlm: bool) -> str:
    """A module written by tf-models-official's own exporter, with or without the masked-LM variables."""
    folder.mkdir()
    vocab_file = folder / "vocab.txt"
    vocab_file.write_text("".join(f"{piece}\n" for piece in pretrained.tokenizer.vocab), encoding="utf-8")
    bert_config = official_config(pretrained)
    encoder = export_tfhub_lib.get_bert_encoder(bert_config)
    assign_weights(encoder, pretrained.weights)
    if with_mlm:
        pretrainer = models.BertPretrainerV2(encoder_network=encoder, mlm_activation=tf_keras.activations.gelu)
        pretrainer(pretrainer.inputs)
        checkpoint = tf.train.Checkpoint(**pretrainer.checkpoint_items)
    else:
        checkpoint = tf.train.Checkpoint(encoder=encoder)
    module = str(folder / "module")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Input dict contained keys")  # the exporter's own call
        export_tfhub_lib.export_model(
            module,
            bert_config=bert_config,
            model_checkpoint_path=checkpoint.save(str(folder / "checkpoint")),
            vocab_file=str(vocab_file),
            do_lower_case=pretrained.tokenizer.do_lower_case,
            with_mlm=with_mlm,
        )
    return module


def list_style_module(pretrained: PretrainedEncoder, folder: pathlib.Path) -> str:
    """A module with the first TF2 modules' interface, [ids, mask, types] → [pooled, sequence], and variable names."""
    folder.mkdir()
    vocab_file = folder / "vocab.txt"
    vocab_file.write_text("".join(f"{piece}\n" for piece in pretrained.tokenizer.vocab), encoding="utf-8")
    module = _ListStyleBert(pretrained)
    module.vocab_file = tf.saved_model.Asset(str(vocab_file))
    module.do_lower_case = tf.Variable(pretrained.tokenizer.do_lower_case, trainable=False)
    tf.saved_model.save(module, str(folder / "module"))
    return str(folder / "module")


def tensorflow_1_checkpoint(pretrained: PretrainedEncoder, folder: pathlib.Path) -> None:
    """Makes a folder as google-research/bert published them: TensorFlow 1's names, with both heads and Adam's state."""
    _checkpoint_folder(pretrained, folder)
    hidden = pretrained.config.hidden_size
    arrays = {f"bert/{name}": array for name, array in pretrained.weights.items()}
    arrays |= {f"bert/pooler/dense/bias/adam_{moment}": np.ones(hidden, np.float32) for moment in "mv"}
    arrays |= {
        "cls/predictions/output_bias": np.ones(len(pretrained.tokenizer.vocab), np.float32),
        "cls/predictions/transform/dense/kernel": np.ones((hidden, hidden), np.float32),
        "cls/predictions/transform/dense/bias": np.ones(hidden, np.float32),
        "cls/predictions/transform/LayerNorm/gamma": np.ones(hidden, np.float32),
        "cls/predictions/transform/LayerNorm/beta": np.ones(hidden, np.float32),
        "cls/seq_relationship/output_weights": np.ones((2, hidden), np.float32),
        "cls/seq_relationship/output_bias": np.ones(2, np.float32),
        "global_step": np.array(1000, np.int64),
    }
    write_variables(folder, arrays)


def write_variables(folder: pathlib.Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes a checkpoint of TensorFlow 1 with these variables, as `bert_model.ckpt`."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variables = {name: tf.compat.v1.Variable(array, name=name.replace("/", "_")) for name, array in arrays.items()}
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver(variables)
        saver.save(session, str(folder / "bert_model.ckpt"), write_meta_graph=False, write_state=False)


def converted_checkpoint(tensorflow_1: pathlib.Path, folder: pathlib.Path, bert_config: configs.BertConfig) -> None:
    """Makes the folder of the same encoder in TensorFlow 2's form, by tf-models-official's own converter."""
    shutil.copytree(tensorflow_1, folder, ignore=shutil.ignore_patterns("bert_model.ckpt*"))
    load_official_encoder(tensorflow_1, bert_config, save_as=folder / "bert_model.ckpt")


def load_official_encoder(
    tensorflow_1: pathlib.Path, bert_config: configs.BertConfig, save_as: pathlib.Path | None = None
) -> tf_keras.Model:
    """tf-models-official's encoder with a TensorFlow 1 checkpoint in it, converted as its command does it."""
    with tempfile.TemporaryDirectory() as temporary:
        renamed = f"{temporary}/renamed"
        converter.convert(
            checkpoint_from_path=str(tensorflow_1 / "bert_model.ckpt"),
            checkpoint_to_path=renamed,
            num_heads=bert_config.num_attention_heads,
            name_replacements=converter.BERT_V2_NAME_REPLACEMENTS,
            permutations=converter.BERT_V2_PERMUTATIONS,
            exclude_patterns=["adam", "Adam"],
        )
        encoder = export_tfhub_lib.get_bert_encoder(bert_config)
        converter.create_v2_checkpoint(encoder, renamed, str(save_as or f"{temporary}/saved"), "encoder")
        return encoder


def pretrainer_checkpoint(pretrained: PretrainedEncoder, folder: pathlib.Path) -> None:
    """Makes a folder as pre-training in tf-models-official leaves it: heads and optimizer beside the encoder."""
    _checkpoint_folder(pretrained, folder)
    encoder = export_tfhub_lib.get_bert_encoder(official_config(pretrained))
    assign_weights(encoder, pretrained.weights)
    head = layers.ClassificationHead(
        inner_dim=pretrained.config.hidden_size, num_classes=2, name="next_sentence", dropout_rate=0.1
    )
    model = models.BertPretrainerV2(encoder, classification_heads=[head])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Input dict contained keys")
        model(model.inputs)
    optimizer = tf_keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    tf.train.Checkpoint(model=model, optimizer=optimizer, **model.checkpoint_items).save(str(folder / "ckpt"))


def _checkpoint_folder(pretrained: PretrainedEncoder, folder: pathlib.Path) -> None:
    folder.mkdir()
    (folder / "bert_config.json").write_text(official_config(pretrained).to_json_string())
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pretrained.tokenizer.vocab), encoding="utf-8")


class _ListStyleBert(tf.Module):
    """BERT with the tanh GELU, in plain TensorFlow operations."""

    def __init__(self, pretrained: PretrainedEncoder) -> None:
        super().__init__()
        config = pretrained.config
        self._heads, self._layers = config.num_attention_heads, config.num_layers
        self._epsilon = config.layer_norm_epsilon
        self._weights = [
            tf.Variable(self._shaped(name, array), name=self._old_name(name))
            for name, array in pretrained.weights.items()
        ]
        self._index = {name: number for number, name in enumerate(pretrained.weights)}

    def _shaped(self, name: str, array: np.ndarray) -> np.ndarray:
        if "/attention/self/" in name:
            return array.reshape(*array.shape[:-1], self._heads, -1)
        if name.endswith("attention/output/dense/kernel"):
            return array.reshape(self._heads, -1, array.shape[-1])
        return array

    def _old_name(self, name: str) -> str:
        for new, old in (
            ("embeddings/word_embeddings", "word_embeddings/embeddings"),
            ("embeddings/token_type_embeddings", "embedding_postprocessor/type_embeddings"),
            ("embeddings/position_embeddings", "embedding_postprocessor/position_embeddings"),
            ("embeddings/LayerNorm", "embedding_postprocessor/layer_norm"),
            ("attention/self", "self_attention"),
            ("attention/output/dense", "self_attention_output"),
            ("attention/output/LayerNorm", "self_attention_layer_norm"),
            ("intermediate/dense", "intermediate"),
            ("output/dense", "output"),
            ("output/LayerNorm", "output_layer_norm"),
            ("pooler/dense", "pooler_transform"),
        ):
            name = name.replace(new, old)
        return f"bert_model/{name}"

    def _get(self, name: str) -> tf.Variable:
        return self._weights[self._index[name]]

    def _norm(self, name: str, x: tf.Tensor) -> tf.Tensor:
        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        gamma, beta = self._get(f"{name}/gamma"), self._get(f"{name}/beta")
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, self._epsilon)

    @tf.function(input_signature=[[tf.TensorSpec([None, None], tf.int32)] * 3])
    def __call__(self, inputs: list[tf.Tensor]) -> list[tf.Tensor]:
        word_ids, mask, type_ids = inputs
        positions = self._get("embeddings/position_embeddings")[: tf.shape(word_ids)[1]]
        x = tf.gather(self._get("embeddings/word_embeddings"), word_ids) + positions
        x = self._norm("embeddings/LayerNorm", x + tf.gather(self._get("embeddings/token_type_embeddings"), type_ids))
        bias = (1.0 - tf.cast(mask, tf.float32))[:, None, None, :] * -10000.0
        for layer in (f"encoder/layer_{index}" for index in range(self._layers)):
            query, key, value = (
                tf.einsum("bsh,hnd->bsnd", x, self._get(f"{layer}/attention/self/{part}/kernel"))
                + self._get(f"{layer}/attention/self/{part}/bias")
                for part in ("query", "key", "value")
            )
            scores = tf.einsum("bsnd,btnd->bnst", query, key) / math.sqrt(query.shape[-1]) + bias
            mixed = tf.einsum("bnst,btnd->bsnd", tf.nn.softmax(scores), value)
            mixed = tf.einsum("bsnd,ndh->bsh", mixed, self._get(f"{layer}/attention/output/dense/kernel"))
            x = self._norm(
                f"{layer}/attention/output/LayerNorm", x + mixed + self._get(f"{layer}/attention/output/dense/bias")
            )
            inner = tf.einsum("bsh,hi->bsi", x, self._get(f"{layer}/intermediate/dense/kernel"))
            inner = tf.nn.gelu(inner + self._get(f"{layer}/intermediate/dense/bias"), approximate=True)
            outer = tf.einsum("bsi,ih->bsh", inner, self._get(f"{layer}/output/dense/kernel"))
            x = self._norm(f"{layer}/output/LayerNorm", x + outer + self._get(f"{layer}/output/dense/bias"))
        pooled = tf.tanh(tf.matmul(x[:, 0], self._get("pooler/dense/kernel")) + self._get("pooler/dense/bias"))
        return [pooled, x]


def numpy_forward(
    tensors: dict[str, np.ndarray], word_ids: np.ndarray, mask: np.ndarray, type_ids: np.ndarray, heads: int
) -> tuple[np.ndarray, np.ndarray]:
    """BERT's forward pass on Hugging Face's tensors, in float64, with the exact GELU and epsilon 1e-12.

    Written from the paper and PyTorch's convention of kernels as [outputs, inputs]; shares nothing with the package.

    Returns:
      `sequence_output: <float64>[batch, seq_length, hidden]` and `pooled_output: <float64>[batch, hidden]`.
    """
    tensors = {name: array.astype(np.float64) for name, array in tensors.items()}

    def dense(name: str, x: np.ndarray) -> np.ndarray:
        return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    def norm(name: str, x: np.ndarray) -> np.ndarray:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    def split(x: np.ndarray) -> np.ndarray:
        return x.reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3)

    erf = np.vectorize(math.erf)
    x = tensors["embeddings.word_embeddings.weight"][word_ids]
    x = x + tensors["embeddings.position_embeddings.weight"][: word_ids.shape[1]]
    x = norm("embeddings.LayerNorm", x + tensors["embeddings.token_type_embeddings.weight"][type_ids])
    layer = 0
    while f"encoder.layer.{layer}.output.dense.weight" in tensors:
        at = f"encoder.layer.{layer}"
        query, key, value = (split(dense(f"{at}.attention.self.{part}", x)) for part in ("query", "key", "value"))
        scores = query @ key.transpose(0, 1, 3, 2) / math.sqrt(query.shape[-1])
        scores = np.where(mask[:, None, None, :] == 1, scores, -np.inf)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (shares / shares.sum(-1, keepdims=True)) @ value
        mixed = mixed.transpose(0, 2, 1, 3).reshape(x.shape)
        x = norm(f"{at}.attention.output.LayerNorm", x + dense(f"{at}.attention.output.dense", mixed))
        inner = dense(f"{at}.intermediate.dense", x)
        inner = 0.5 * inner * (1.0 + erf(inner / math.sqrt(2.0)))
        x = norm(f"{at}.output.LayerNorm", x + dense(f"{at}.output.dense", inner))
        layer += 1
    return x, np.tanh(dense("pooler.dense", x[:, 0]))


def safetensors_folder(folder: pathlib.Path) -> dict[str, np.ndarray]:
    """A one-layer BERT of Hugging Face's form; its tensors."""
    random = np.random.default_rng(0)
    hidden, inner = 4, 6
    shapes = {
        "embeddings.position_ids": (1, 8),
        "embeddings.word_embeddings.weight": (5, hidden),
        "embeddings.position_embeddings.weight": (8, hidden),
        "embeddings.token_type_embeddings.weight": (2, hidden),
        "encoder.layer.0.intermediate.dense.weight": (inner, hidden),
        "encoder.layer.0.intermediate.dense.bias": (inner,),
        "encoder.layer.0.output.dense.weight": (hidden, inner),
        "encoder.layer.0.output.dense.bias": (hidden,),
    }
    for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
        shapes[f"encoder.layer.0.{name}.weight"] = (hidden, hidden)
        shapes[f"encoder.layer.0.{name}.bias"] = (hidden,)
    shapes |= {"pooler.dense.weight": (hidden, hidden), "pooler.dense.bias": (hidden,)}
    for name in ("embeddings", "encoder.layer.0.attention.output", "encoder.layer.0.output"):
        shapes |= {f"{name}.LayerNorm.weight": (hidden,), f"{name}.LayerNorm.bias": (hidden,)}
    tensors = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    config = {
        "model_type": "bert",
        "vocab_size": 5,
        "hidden_size": hidden,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": inner,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": 8,
        "type_vocab_size": 2,
    }
    folder.mkdir()
    safetensors.numpy.save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\n")
    return tensors


def difference_from_numpy(pretrained, tensors, word_ids, mask, type_ids) -> float:
    """The largest difference of the built encoder from the NumPy forward pass, at positions that are not padding."""
    encoder = build_pretrained_encoder(pretrained)
    inputs = dict(zip(encoder_lib.INPUT_NAMES, map(tf.constant, (word_ids, mask, type_ids)), strict=True))
    outputs = encoder(inputs)
    sequence, pooled = numpy_forward(tensors, word_ids, mask, type_ids, pretrained.config.num_attention_heads)
    shown = mask.astype(bool)
    return max(
        np.abs(outputs["sequence_output"].numpy()[shown] - sequence[shown]).max(),
        np.abs(outputs["pooled_output"].numpy() - pooled).max(),
    )
