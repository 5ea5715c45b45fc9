import json

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.records.manifest import Manifest, read_manifest

SETTINGS = {"kind": "wordpiece", "vocab_sha256": "07eced", "do_lower_case": True}


def _manifest(tokenizer: dict) -> Manifest:
    return Manifest(
        task="question_answering",
        settings={},
        seed=0,
        tokenizer=tokenizer,
        sources=(),
        counts={"windows": 3},
        length_histogram={12: 2, 7: 1},
        shards=(),
        indexes=(),
        records_by_copy=(3,),
    )


def test_the_settings_of_a_tokenizer_of_any_kind_are_kept_as_they_are(tmp_path):
    manifest = _manifest({"kind": "sentencepiece", "model_sha256": "1f2e"})
    (tmp_path / "manifest.json").write_text(manifest.to_json())

    assert read_manifest(str(tmp_path)) == manifest


def test_a_manifest_without_a_kind_of_tokenizer_is_of_word_pieces(tmp_path):
    value = json.loads(_manifest(SETTINGS).to_json())
    del value["tokenizer"]["kind"]
    (tmp_path / "manifest.json").write_text(json.dumps(value))

    assert read_manifest(str(tmp_path)) == _manifest(SETTINGS)


# A remote shard is copied to a local folder under its name.
@pytest.mark.parametrize("name", ["../../a", "/a", "a/b", "..", "", "a\0"])
@pytest.mark.parametrize("key", ["shards", "indexes", "files"])
def test_a_manifest_that_names_other_places_is_refused(tmp_path, key, name):
    value = json.loads(_manifest(SETTINGS).to_json())
    entry = {"file": name, "split": "train", "sha256": ""}
    value[key] = [{"shards": {**entry, "records": 1, "bytes": 1}, "indexes": entry, "files": name}[key]]
    (tmp_path / "manifest.json").write_text(json.dumps(value))

    with pytest.raises(InputError, match="expected the names of files in this folder, got "):
        read_manifest(str(tmp_path))
