"""A tokenizer is read from every kind of handle as `load_encoder` reads it, and without the weights."""

import json
import pathlib
import subprocess
import sys

import pytest

from bert_qa_tf.encoders.sources import hub_graph
from bert_qa_tf.encoders.sources.loader import load_encoder
from bert_qa_tf.encoders.tokenizers import load_saved_tokenizer, load_tokenizer
from bert_qa_tf.errors import InputError
from bert_qa_tf.text.tokenization import BertTokenizer
from tests import testing
from tests.encoders import fixtures

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "##b", "A"]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(params=["hub", "google", "safetensors"])
def folder(request, tmp_path) -> pathlib.Path:
    """A folder of each kind that can be made without keras-nlp."""
    if request.param == "hub":
        return pathlib.Path(testing.tiny_hub_module(tmp_path))
    folder = tmp_path / request.param
    if request.param == "google":
        fixtures.tensorflow_1_checkpoint(testing.tiny_pretrained(hidden_act="gelu_tanh"), folder)
    else:
        fixtures.safetensors_folder(folder)
    return folder


# === From a handle ===


def test_it_is_the_tokenizer_of_the_encoder(folder):
    tokenizer = load_tokenizer(str(folder))

    assert tokenizer.settings() == load_encoder(str(folder)).tokenizer.settings()


@pytest.mark.parametrize("folder", ["google", "safetensors"], indirect=True)
def test_no_weights_are_read(folder):
    for path in folder.iterdir():
        if path.name.startswith("bert_model.ckpt") or path.suffix == ".safetensors":
            path.write_bytes(b"no weights")

    assert load_tokenizer(str(folder)).cls_id == 2


def test_of_a_modules_variables_only_the_casing_is_read(tmp_path, monkeypatch):
    read = []
    array = hub_graph._Checkpoint.array
    monkeypatch.setattr(hub_graph._Checkpoint, "array", lambda self, key: read.append(key) or array(self, key))

    assert load_tokenizer(testing.tiny_hub_module(tmp_path)).settings()["do_lower_case"] is True
    assert read == ["do_lower_case/.ATTRIBUTES/VARIABLE_VALUE"]


@pytest.mark.parametrize("folder", ["hub", "safetensors"], indirect=True)
def test_a_casing_that_the_source_contradicts_is_refused_as_for_the_encoder(folder):
    other = not load_tokenizer(str(folder)).settings()["do_lower_case"]
    messages = []
    for load in (load_encoder, load_tokenizer):
        with pytest.raises(InputError, match="do_lower_case") as error:
            load(str(folder), do_lower_case=other)
        messages.append(str(error.value))

    assert messages[0] == messages[1]


def test_a_casing_that_the_source_leaves_open_is_asked_for(tmp_path):
    folder = tmp_path / "cased_L-2"  # its vocabulary says otherwise
    fixtures.tensorflow_1_checkpoint(testing.tiny_pretrained(hidden_act="gelu_tanh"), folder)

    with pytest.raises(InputError, match="say which with --do_lower_case=true or =false"):
        load_tokenizer(str(folder))
    assert load_tokenizer(str(folder), do_lower_case=False).settings()["do_lower_case"] is False


def test_a_vocabulary_of_another_size_than_the_table_is_refused(folder):
    [vocab] = folder.glob("**/vocab.txt")
    vocab.write_text(vocab.read_text() + "more\n")

    with pytest.raises(
        InputError, match=r"vocab\.txt: the vocabulary has \d+ pieces, the encoder's table has \d+ rows"
    ):
        load_tokenizer(str(folder))


def test_a_folder_of_another_architecture_is_refused(tmp_path):
    fixtures.safetensors_folder(tmp_path / "bert")
    file = tmp_path / "bert" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"model_type": "roberta"}))

    with pytest.raises(InputError, match="expected a BERT model, got model_type 'roberta'"):
        load_tokenizer(str(tmp_path / "bert"))


def test_a_handle_that_leads_nowhere_is_refused():
    with pytest.raises(InputError, match="'nowhere': there is no such folder, and the known names are minilm"):
        load_tokenizer("nowhere")


@pytest.mark.parametrize(("asked", "lowers"), [(None, True), (True, True), (False, False)])
def test_a_vocabulary_file_takes_the_place_of_the_handle(tmp_path, asked, lowers):
    (tmp_path / "mine.txt").write_text("".join(f"{piece}\n" for piece in VOCAB))

    tokenizer = load_tokenizer("nowhere", do_lower_case=asked, vocab_file=str(tmp_path / "mine.txt"))

    assert tokenizer.settings() == BertTokenizer(VOCAB, lowers).settings()


@pytest.mark.slow
def test_minilm_needs_no_library_of_encoders():
    testing.minilm_folder()
    program = """
import sys
from bert_qa_tf.encoders.tokenizers import load_tokenizer
print(load_tokenizer("minilm").vocab_size)
heavy = {"official", "tensorflow_hub", "keras_nlp", "keras_hub", "tf_keras"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.stdout.splitlines() == ["30522", "[]"], done.stderr[-2000:]


# === From where it was saved ===


@pytest.mark.parametrize("lowers", [True, False])
def test_a_saved_tokenizer_reads_back_as_the_same(tmp_path, lowers):
    tokenizer = BertTokenizer(VOCAB, lowers)

    tokenizer.save(str(tmp_path / "new"))
    read = load_saved_tokenizer(str(tmp_path / "new"), tokenizer.settings())

    assert [path.name for path in (tmp_path / "new").iterdir()] == ["vocab.txt"]
    assert read.fingerprint == tokenizer.fingerprint
    assert read.tokenize_texts(["Ab"])[0].ids.tolist() == ([4, 5] if lowers else [6, 5])


def test_settings_of_the_first_runs_hold_the_casing_alone(tmp_path):
    BertTokenizer(VOCAB, False).save(str(tmp_path))

    read = load_saved_tokenizer(str(tmp_path), {"do_lower_case": False})

    assert read.settings() == BertTokenizer(VOCAB, False).settings()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "bytes"}, "its tokenizer is of kind 'bytes', expected wordpiece$"),
        ({"do_lower_case": None}, "the settings of its tokenizer lack do_lower_case$"),
        (
            {"vocab_sha256": 64 * "0"},
            "is not the one that was saved: expected kind=wordpiece, vocab_sha256=000000000000, ",
        ),
    ],
)
def test_a_tokenizer_that_is_not_what_its_settings_say_is_one_line(tmp_path, change, message):
    tokenizer = BertTokenizer(VOCAB, True)
    tokenizer.save(str(tmp_path))
    settings = {name: value for name, value in (tokenizer.settings() | change).items() if value is not None}

    with pytest.raises(InputError, match=message) as error:
        load_saved_tokenizer(str(tmp_path), settings)

    assert str(error.value).startswith(f"{tmp_path}: ")
    assert "\n" not in str(error.value)
