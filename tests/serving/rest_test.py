"""TF Serving's REST protocol, against the examples of its documentation and the errors of its own tests."""

import base64
import json

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

from bert_qa_tf.errors import InputError
from bert_qa_tf.serving import predict_request, rest
from bert_qa_tf.serving.json_tensor import JsonTensorError, to_array, to_json
from bert_qa_tf.serving.predict_request import Limits, TensorSpec, parse_predict
from bert_qa_tf.text.surrogates import replace_surrogates

SIGNATURES = {
    "serving_default": {"question": TensorSpec("string", (None,)), "context": TensorSpec("string", (None,))},
    "serve_ids": {"ids": TensorSpec("int32", (None, None)), "mask": TensorSpec("int32", (None, None))},
    "one": {"x": TensorSpec("float32", (None,))},
}
LIMITS = Limits(max_batch_size=3, max_context_chars=10)


def parse(document, limits=LIMITS):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return parse_predict(body, SIGNATURES, limits)


def error_of(document):
    with pytest.raises(rest.RestError) as caught:
        parse(document)
    assert caught.value.status == 400
    message = json.loads(caught.value.body())["error"]
    assert message == replace_surrogates(caught.value.message)
    return message


# === Paths ===


@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("POST", "/v1/models/qa:predict", ("qa", None, None, "predict")),
        ("POST", "/v1/models/qa/versions/3:predict", ("qa", 3, None, "predict")),
        ("POST", "/v1/models/qa/labels/stable:classify", ("qa", None, "stable", "classify")),
        ("POST", "/V1/Models/qa:PREDICT", ("qa", None, None, "predict")),
        ("GET", "/v1/models/qa", ("qa", None, None, "status")),
        ("GET", "/v1/models/qa/versions/3", ("qa", 3, None, "status")),
        ("GET", "/v1/models/qa/metadata", ("qa", None, None, "metadata")),
        ("GET", "/v1/models/a%20b/versions/12/metadata", ("a b", 12, None, "metadata")),
    ],
)
def test_paths_name_a_model_a_version_and_what_to_do(method, path, target):
    found = rest.parse_path(method, path)
    assert found == rest.Target(*target)
    assert found.path() == path.lower()


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("GET", "/v1/foo", "Malformed request: GET /v1/foo"),
        ("POST", "/v1/models", "Malformed request: POST /v1/models"),
        ("GET", "/v1/models", "Missing model name in request."),
        ("GET", "/v1/models/debug/model_name", "Malformed request: GET /v1/models/debug/model_name"),
        ("GET", "/v1/models/foo:predict", "Malformed request: GET /v1/models/foo:predict"),
        ("POST", "/v1/models/foo/version/50:regress", "Malformed request: POST /v1/models/foo/version/50:regress"),
        (
            "POST",
            "/v1/models/foo/versions/HELLO:predict",
            "Malformed request: POST /v1/models/foo/versions/HELLO:predict",
        ),
        ("POST", "/v1/models/foo/metadata", "Malformed request: POST /v1/models/foo/metadata"),
        ("DELETE", "/v1/models/foo", "Malformed request: DELETE /v1/models/foo"),
        ("GET", "/v1/models/..", "Malformed request: GET /v1/models/.."),
        ("GET", "/v1/models/.", "Malformed request: GET /v1/models/."),
        ("GET", "/v1/models/%2e%2E", "Malformed request: GET /v1/models/%2e%2E"),
        ("GET", "/v1/models/..%2f..%2fmonitoring", "Malformed request: GET /v1/models/..%2f..%2fmonitoring"),
        ("GET", "/v1/models/..%5cmonitoring", "Malformed request: GET /v1/models/..%5cmonitoring"),
        ("GET", "/v1/models/a\\b", "Malformed request: GET /v1/models/a\\b"),
        ("GET", "/v1/models/%252e%252e", "Malformed request: GET /v1/models/%252e%252e"),
        ("GET", "/v1/models/a%00b", "Malformed request: GET /v1/models/a%00b"),
        ("GET", "/v1/models/a%0d%0ab", "Malformed request: GET /v1/models/a%0d%0ab"),
        ("POST", "/v1/models/qa/labels/..:predict", "Malformed request: POST /v1/models/qa/labels/..:predict"),
        ("GET", "/v1/models/qa/../../monitoring", "Malformed request: GET /v1/models/qa/../../monitoring"),
        ("GET", "http://other/v1/models/qa", "Malformed request: GET http://other/v1/models/qa"),
        (
            "POST",
            "/v1/models/foo/versions/18446744073709551615:predict",
            "Failed to convert version: 18446744073709551615 to numeric.",
        ),
    ],
)
def test_other_paths_are_status_400(method, path, message):
    with pytest.raises(rest.RestError) as caught:
        rest.parse_path(method, path)
    assert (caught.value.status, caught.value.message) == (400, message)


@pytest.mark.parametrize(
    ("target", "status", "message"),
    [
        (("other", None, None, "predict"), 404, "Servable not found for request: Latest(other)"),
        (("other", 50, None, "predict"), 404, "Servable not found for request: Specific(other, 50)"),
        (("qa", 2, None, "metadata"), 404, "Servable not found for request: Specific(qa, 2)"),
        (("other", None, None, "status"), 404, "Could not find any versions of model other"),
        (("qa", 2, None, "status"), 404, "Could not find version 2 of model qa"),
        (("qa", None, "stable", "predict"), 400, "Unrecognized servable version label: stable"),
    ],
)
def test_what_is_not_served_is_not_found(target, status, message):
    with pytest.raises(rest.RestError) as caught:
        rest.check_target(rest.Target(*target), "qa", 1)
    assert (caught.value.status, caught.value.message) == (status, message)


@pytest.mark.parametrize("version", [None, 1])
def test_the_served_model_is_found_with_and_without_its_version(version):
    rest.check_target(rest.Target("qa", version, None, "predict"), "qa", 1)


# === Requests ===


def test_the_row_form_is_one_object_a_question():
    request = parse({"instances": [{"question": "who", "context": "a"}, {"context": "b", "question": "wo 😀"}]})
    assert request.signature_name == "serving_default"
    assert request.is_row_form
    assert request.inputs["question"].tolist() == [b"who", "wo 😀".encode()]
    assert request.inputs["context"].tolist() == [b"a", b"b"]


def test_the_columnar_form_is_one_list_an_input():
    request = parse({"signature_name": "", "inputs": {"question": ["who"], "context": ["a"]}})
    assert request.signature_name == "serving_default"
    assert not request.is_row_form
    assert {name: array.tolist() for name, array in request.inputs.items()} == {"question": [b"who"], "context": [b"a"]}


@pytest.mark.parametrize("depth", [33, 63, 64, 65, 200, 900])
@pytest.mark.parametrize("form", ['{"inputs": %s}', '{"instances": %s}', '{"signature_name": %s, "inputs": 1}'])
def test_deep_lists_are_the_clients_error(depth, form):
    body = form % f"{'[' * depth}1{']' * depth}"
    for name in ('"one"', '"serve_ids"'):
        with pytest.raises(rest.RestError) as caught:
            parse(body.replace("{", f'{{"signature_name": {name}, ', 1).encode())
        assert caught.value.status == 400


def test_token_ids_come_as_nested_lists_in_both_forms():
    rows = parse({"signature_name": "serve_ids", "instances": [{"ids": [1, 2], "mask": [1, 1]}] * 2})
    columns = parse({"signature_name": "serve_ids", "inputs": {"ids": [[1, 2], [1, 2]], "mask": [[1, 1], [1, 1]]}})
    for request in (rows, columns):
        assert request.inputs["ids"].dtype == np.int32
        assert request.inputs["ids"].tolist() == [[1, 2], [1, 2]]


def test_a_single_input_needs_no_name():
    assert parse({"signature_name": "one", "instances": [1, 2.5]}).inputs["x"].tolist() == [1, 2.5]
    assert parse({"signature_name": "one", "inputs": [1, 2.5]}).inputs["x"].tolist() == [1, 2.5]


def test_binary_strings_come_as_base64():
    encoded = {"b64": base64.b64encode(b"caf\xe9").decode()}
    request = parse({"instances": [{"question": encoded, "context": {"b64": ""}}]})
    assert request.inputs["question"].tolist() == [b"caf\xe9"]
    assert request.inputs["context"].tolist() == [b""]


def test_bytes_that_are_no_utf8_and_half_surrogates_become_replacement_characters():
    request = parse(b'{"inputs": {"question": ["\xff"], "context": ["\\ud83d \\ud83d\\ude00"]}}')
    assert request.inputs["question"].tolist() == ["\ufffd".encode()]
    assert request.inputs["context"].tolist() == ["\ufffd 😀".encode()]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"instances = [1, 2]", "JSON Parse error: Invalid value. at offset: 0"),
        (b'{"instances": [1,}', "JSON Parse error: Invalid value. at offset: 17"),
        (b"[" * 100_000, "JSON Parse error: lists are nested too deeply"),
        (
            b'{"inputs": ' + b"[" * 65 + b"1" + b"]" * 65 + b"}",  # NumPy's arrays end at 64 dimensions
            "JSON Parse error: lists are nested too deeply",
        ),
        (
            b'{"inputs": ' + b"[" * 63 + b"1" + b"]" * 63 + b"}",
            "inputs is a plain value/list, but expecting an object",
        ),
        (b"1" * 5000, "JSON Parse error: Number too big"),
        ([1], "JSON Value: [1] Is not object"),
        (["\ud83d"], 'JSON Value: ["\ufffd"] Is not object'),
        ({}, "Missing 'inputs' or 'instances' key"),
        ({"signature_name": 100}, "'signature_name' key must be a string value."),
        ({"signature_name": "nope"}, 'Serving signature name: "nope" not found in signature def'),
        ({"instances": [1], "inputs": [1]}, "expecting only one of 'inputs' or 'instances' keys to exist"),
        ({"instances": 1}, "Expecting 'instances' to be an list/array"),
        ({"instances": []}, "No values in 'instances' array"),
        ({"instances": ["who"]}, "instances is a plain list, but expecting list of objects"),
        ({"inputs": ["who"]}, "inputs is a plain value/list, but expecting an object"),
        ({"inputs": {"question": ["who"]}}, "Missing named input: context in 'inputs' object."),
        ({"instances": [{"question": "who"}]}, "keys must be equal to: context,question"),
        (
            {"instances": [{"question": "who", "context": "a", "more": 1}]},
            "Failed to process element: 0 key: more of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does "
            "not have named input: more",
        ),
        ({"instances": [{"question": "who", "context": "a"}, "b"]}, "Expecting object but got list at item 1 of input"),
        (
            {"signature_name": "one", "instances": [1, {"x": 1}]},
            "Expecting value/list but got object at item 1 of input",
        ),
        (
            {"instances": [{"question": 5, "context": "a"}]},
            "JSON Value: 5 Type: Number is not of expected type: string",
        ),
        (
            {"inputs": {"question": [None], "context": ["a"]}},
            "JSON Value: null Type: Null is not of expected type: string",
        ),
        ({"signature_name": "one", "inputs": [True]}, "JSON Value: true Type: True is not of expected type: float"),
        ({"signature_name": "one", "inputs": [1e300]}, "Cannot convert JSON value: 1e+300 to float without loss"),
        ({"inputs": {"question": [{"b65": ""}], "context": ["a"]}}, "not formatted correctly for base64 data"),
        ({"inputs": {"question": [{"b64": "!"}], "context": ["a"]}}, "Unable to base64 decode"),
        (
            {"signature_name": "serve_ids", "instances": [{"ids": [1], "mask": [1]}, {"ids": [1, 2], "mask": [1]}]},
            "Failed to process element: 1 key: ids of 'instances' list. Error: INVALID_ARGUMENT: Expecting tensor "
            "size: 1 but got: 2",
        ),
        (
            {"signature_name": "serve_ids", "inputs": {"ids": [[1], [1, 2]], "mask": [[1], [1]]}},
            "Encountered list at unexpected size: 2 at level: 1 expected size: 1",
        ),
        (
            {"signature_name": "serve_ids", "inputs": {"ids": [[1.5]], "mask": [[1]]}},
            "JSON Value: 1.5 Type: Number is not of expected type: int32",
        ),
        (
            {"signature_name": "serve_ids", "inputs": {"ids": [[2**31]], "mask": [[1]]}},
            "JSON Value: 2147483648 Type: Number is not of expected type: int32",
        ),
        (
            {"signature_name": "serve_ids", "inputs": {"ids": [1], "mask": [[1]]}},
            "Input ids has shape [1], expected [-1,-1]",
        ),
        ({"inputs": {"question": "who", "context": "a"}}, "Input question has shape [], expected [-1]"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_requests_that_tf_serving_refuses_are_refused_in_its_words(document, message):
    assert message in error_of(document)


_KEYS = strategies.sampled_from(["signature_name", "instances", "inputs", "question", "context", "ids", "b64", "x"])
_SCALARS = strategies.one_of(
    strategies.none(),
    strategies.booleans(),
    strategies.integers(),
    strategies.floats(),
    strategies.text(strategies.characters(codec=None), max_size=12),
    strategies.sampled_from([*SIGNATURES, "/w=="]),
)
_JSON = strategies.recursive(
    _SCALARS, lambda inner: strategies.lists(inner, max_size=4) | strategies.dictionaries(_KEYS, inner, max_size=4)
)


@hypothesis.given(strategies.dictionaries(_KEYS, _JSON, max_size=3) | _JSON | strategies.binary())
@hypothesis.settings(max_examples=500, deadline=None)
def test_any_body_is_a_request_or_an_error_of_the_client(document):
    try:
        request = parse(document)
    except rest.RestError as error:
        status, body = error.status, error.body()
    else:
        status, body = 200, b""
        assert request.inputs.keys() == SIGNATURES[request.signature_name].keys()
    assert (status, bool(body)) in ((200, False), (400, True))


def test_an_error_does_not_repeat_a_whole_transcript():
    assert len(error_of({"instances": [{"question": "x" * 10_000}]})) < 300


def test_more_rows_or_characters_than_allowed_are_refused():
    assert error_of({"inputs": {"question": ["a"] * 4, "context": ["a"] * 4}}) == (
        "Input question has 4 rows, more than the 3 that this server takes"
    )
    assert error_of(
        {"instances": [{"question": "a", "context": "ä" * 10}, {"question": "a", "context": "ä" * 11}]}
    ) == ("Input context of row 1 has 11 characters, more than the 10 that this server takes")


@pytest.mark.parametrize("piece", ["[],", "{},", "1,", '"",'])
def test_more_values_than_any_request_needs_are_refused_before_they_are_made(monkeypatch, piece):
    monkeypatch.setattr(predict_request.json_text, "parse", lambda *_, **__: pytest.fail("it was parsed"))
    with pytest.raises(rest.RestError, match="more JSON values than one of 400000 word pieces needs"):
        parse_predict(f'{{"inputs": [{1_400_000 * piece}{piece[:-1]}]}}'.encode(), SIGNATURES, Limits())


def test_limits_below_one_are_an_input_error():
    with pytest.raises(InputError, match="--max_batch_size must be at least 1, got 0"):
        Limits(max_batch_size=0)


# === Replies ===

OUTPUTS = {
    "answer": np.array([b"caf\xc3\xa9", b""], object),
    "score": np.array([0.2, 1.0], np.float32),
    "nbest_start": np.array([[1, 2], [0, 0]], np.int32),
}


def test_the_row_form_is_answered_with_predictions():
    assert json.loads(rest.predict_body(OUTPUTS, is_row_form=True)) == {
        "predictions": [
            {"answer": "café", "score": 0.2, "nbest_start": [1, 2]},
            {"answer": "", "score": 1.0, "nbest_start": [0, 0]},
        ]
    }


def test_the_columnar_form_is_answered_with_outputs():
    assert json.loads(rest.predict_body(OUTPUTS, is_row_form=False)) == {
        "outputs": {"answer": ["café", ""], "score": [0.2, 1.0], "nbest_start": [[1, 2], [0, 0]]}
    }


def test_a_single_output_has_no_name():
    outputs = {"score": OUTPUTS["score"]}
    assert json.loads(rest.predict_body(outputs, is_row_form=True)) == {"predictions": [0.2, 1.0]}
    assert json.loads(rest.predict_body(outputs, is_row_form=False)) == {"outputs": [0.2, 1.0]}


def test_floats_are_as_short_as_they_can_be_and_read_back_the_same():
    values = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    written = rest.predict_body({"x": values}, is_row_form=False)
    assert np.array(json.loads(written)["outputs"], np.float32).tolist() == values.tolist()
    assert len(written) < 14 * 1000
    assert rest.predict_body({"x": np.float32([np.nan, np.inf])}, is_row_form=False) == b'{"outputs": [NaN, Infinity]}'


def test_outputs_named_bytes_are_base64():
    assert to_json("raw_bytes", np.array([[b"\xff"]], object)) == [[{"b64": "/w=="}]]


def test_outputs_of_different_batch_sizes_have_no_rows():
    outputs = {"a": np.zeros(2), "b": np.zeros(3)}
    with pytest.raises(rest.RestError, match="Tensor name: b has inconsistent batch size: 3 expecting: 2"):
        rest.predict_body(outputs, is_row_form=True)


def test_status_and_metadata_are_as_protobuf_writes_them():
    assert json.loads(rest.status_body(7)) == {
        "model_version_status": [
            {"version": "7", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        ]
    }
    assert json.loads(rest.metadata_body("qa", 7, {"serving_default": {"inputs": {}}})) == {
        "model_spec": {"name": "qa", "signature_name": "", "version": "7"},
        "metadata": {"signature_def": {"signature_def": {"serving_default": {"inputs": {}}}}},
    }


# === Tensors ===


@pytest.mark.parametrize("dtype", ["int64", "uint8", "float64", "bool", "string"])
def test_arrays_of_every_type_come_back_as_they_were(dtype):
    values = {"bool": [[True, False]], "string": [["a", "ü\x00"]]}.get(dtype, [[1, 2]])
    array = to_array(values, dtype)
    assert array.shape == (1, 2)
    assert to_json("x", array) == values


@pytest.mark.parametrize("values", [[1, [1]], [[1], 1]])
def test_lists_of_mixed_depth_are_no_tensor(values):
    with pytest.raises(JsonTensorError, match="level"):
        to_array(values, "int32")
