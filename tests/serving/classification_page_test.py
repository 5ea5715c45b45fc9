"""The page of classification in headless Chromium, against a fake whose labels are known, and against a real model."""

import json
import threading

import pytest

pytest.importorskip("uvicorn", reason="needs the extra `serving`")
pytest.importorskip("selenium", reason="needs selenium, of the extra `test`")
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from bert_qa_tf.serving import rest
from bert_qa_tf.serving.backends import HttpReply, LocalModel
from bert_qa_tf.serving.predict_request import Limits
from bert_qa_tf.tasks.classification.task import Classification
from tests.serving.page import element, put, text_of, wait
from tests.serving.running import FakeBackend, running

pytestmark = pytest.mark.slow

LIMITS = Limits(max_body_bytes=1000, max_batch_size=4, max_context_chars=300)


def find_labels(request):
    """`good` for a sentence that has the word in it, else `bad`; the fake's labels are in the order bad, fair, good."""
    if request.method == "GET":
        return HttpReply(200, rest.status_body(3))
    predictions = []
    for instance in json.loads(request.body)["instances"]:
        is_good = "good" in instance["text"]
        probabilities = [0.0625, 0.125, 0.8125] if is_good else [0.75, 0.25, 0.0]
        label = "good" if is_good else "bad"
        row = {"label": label, "score": max(probabilities), "labels": ["bad", "fair", "good"]}
        predictions.append({**row, "probabilities": probabilities})
    return HttpReply(200, rest.to_body({"predictions": predictions}))


@pytest.fixture
def backend():
    return FakeBackend(find_labels, of_task=Classification)


@pytest.fixture
def page(browser, backend):
    with running(backend, model_name="mood", limits=LIMITS) as url:
        browser.get(url)
        wait(browser, lambda: text_of(browser, "#model") == "model mood, version 3")
        yield browser
        assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def classify(page, text):
    put(page, "#text", text)
    element(page, "#classify").click()
    wait(page, lambda: text_of(page, "#status").startswith("Classified") and "…" not in text_of(page, "#status"))


def bars(page):
    return [item.text.split("\n") for item in page.find_elements(By.CSS_SELECTOR, "#bars li")]


def rows(page):
    return [
        [cell.text for cell in row.find_elements(By.TAG_NAME, "td")]
        for row in page.find_elements(By.CSS_SELECTOR, "#rows tr")
    ]


def asked(backend):
    """The texts of each request."""
    bodies = [json.loads(request.body) for request in backend.requests if request.method == "POST"]
    return [[instance["text"] for instance in body["instances"]] for body in bodies]


def test_the_label_of_a_sentence_is_a_headline_with_a_bar_for_each_label_best_first(page, backend):
    classify(page, "a good film")
    assert text_of(page, "#label") == "good"
    assert bars(page) == [["good", "81.3%"], ["fair", "12.5%"], ["bad", "6.3%"]]
    widths = [bar.rect["width"] for bar in page.find_elements(By.CSS_SELECTOR, "#bars .meter")]
    track = element(page, "#bars .track").rect["width"]
    assert widths == [pytest.approx(share * track, abs=1) for share in (0.8125, 0.125, 0.0625)]
    assert not element(page, "#several").is_displayed()
    assert text_of(page, "#status").startswith("Classified in 0.")
    assert asked(backend) == [["a good film"]]
    assert [request.path for request in backend.requests if request.method == "POST"] == ["/v1/models/mood:predict"]


def test_several_sentences_are_a_table_in_their_order(page, backend):
    classify(page, "a good film\n\n  a film  \r\nso good")
    assert rows(page) == [
        ["good", "81.3%", "a good film"],
        ["bad", "75.0%", "a film"],
        ["good", "81.3%", "so good"],
    ]
    assert not element(page, "#single").is_displayed()
    assert text_of(page, "#length") == "3 sentences"
    assert text_of(page, "#status").endswith(" s. good: 2, bad: 1.")
    assert asked(backend) == [["a good film", "a film", "so good"]]


def test_requests_stay_within_the_limits_of_the_server(page, backend):
    long = "é" * 290
    sentences = [*(f"film {i}" for i in range(9)), long, long, "good"]
    classify(page, "\n".join(sentences))
    assert [text for _, _, text in rows(page)] == sentences
    # Four sentences at most, and a thousand bytes: the long ones have 580 each.
    assert [len(batch) for batch in asked(backend)] == [4, 4, 2, 2]
    assert all(len(request.body) <= LIMITS.max_body_bytes for request in backend.requests)
    assert text_of(page, "#status").endswith(" s. bad: 11, good: 1.")


def test_a_sentence_that_is_too_long_is_named_and_not_sent(page, backend):
    classify(page, "😀" * 160)  # 320 code units in the browser's strings
    put(page, "#text", "good\n\n" + "x" * 301)
    element(page, "#classify").click()
    expected = "Line 3 has 301 characters, more than the 300 that this server takes."
    wait(page, lambda: text_of(page, "#status") == expected)
    assert "error" in element(page, "#status").get_attribute("class")
    assert len(asked(backend)) == 1


def test_the_keyboard_is_enough(page):
    box = element(page, "#text")
    box.click()
    box.send_keys("a good film", Keys.ENTER)
    wait(page, lambda: text_of(page, "#label") == "good")
    box.send_keys(Keys.SHIFT, Keys.ENTER, Keys.NULL, "a film", Keys.CONTROL, Keys.ENTER)
    wait(page, lambda: len(rows(page)) == 2)
    assert box.get_property("value") == "a good film\na film"


def test_everything_that_is_used_has_a_label(page):
    for name in ("text", "file"):
        assert page.execute_script("return document.getElementById(arguments[0]).labels.length", name) == 1
    assert element(page, "#status").get_attribute("aria-live") == "polite"


def test_texts_are_shown_as_text_never_as_html(page):
    sentence = "<img src=x onerror=document.title='bad'><b>good</b> & more"
    classify(page, f"{sentence}\nfilm")
    assert rows(page)[0] == ["good", "81.3%", sentence]
    assert page.find_elements(By.CSS_SELECTOR, "#rows img, #rows b") == []
    assert page.title == "Classify sentences"


def test_half_a_surrogate_pair_can_be_asked(page, backend):
    classify(page, "\ud83d good 😀")
    assert asked(backend) == [["\ufffd good 😀"]]


def test_a_change_of_the_text_removes_what_was_found(page):
    classify(page, "a good film")
    element(page, "#text").send_keys(" or not")
    assert text_of(page, "#status") == "The text was changed."
    assert not element(page, "#single").is_displayed()
    classify(page, "one\ntwo")
    classify(page, "good")
    assert not element(page, "#several").is_displayed()


def test_no_sentence_is_asked_for_where_it_belongs(page, backend):
    put(page, "#text", " \n ")
    element(page, "#classify").click()
    wait(page, lambda: text_of(page, "#status") == "There is no sentence yet.")
    assert page.switch_to.active_element == element(page, "#text")
    assert asked(backend) == []


@pytest.mark.parametrize("name", ["reviews.txt", "bad.txt"])
def test_a_file_is_opened(page, tmp_path, name):
    contents = {"reviews.txt": "\ufeffa good film\r\n\r\na film\r\n".encode(), "bad.txt": b"caf\xe9"}
    (tmp_path / name).write_bytes(contents[name])
    element(page, "#file").send_keys(str(tmp_path / name))
    wait(page, lambda: name in text_of(page, "#status"))
    if name == "bad.txt":
        assert text_of(page, "#status") == "bad.txt is not UTF-8 text."
        return
    assert text_of(page, "#status") == "reviews.txt: 2 sentences."
    page.switch_to.active_element.send_keys(Keys.ENTER)  # the button has the focus
    wait(page, lambda: len(rows(page)) == 2)
    assert [text for _, _, text in rows(page)] == ["a good film", "a film"]


def test_a_file_can_be_dropped(page):
    page.execute_script(
        "const files = new DataTransfer(); files.items.add(new File(['so good'], 'note.txt'));"
        "document.querySelector('#text').dispatchEvent(new DragEvent('drop', {dataTransfer: files, cancelable: true}));"
    )
    wait(page, lambda: text_of(page, "#status") == "note.txt: 1 sentence.")
    assert element(page, "#text").get_property("value") == "so good"


def test_the_example_can_be_classified(page):
    element(page, "#example").click()
    page.switch_to.active_element.send_keys(Keys.ENTER)
    wait(page, lambda: len(rows(page)) > 1)
    assert all(label in ("good", "bad") for label, _, _ in rows(page))


def test_more_rows_than_anybody_reads_are_counted_and_not_shown(browser, backend):
    with running(backend) as url:
        browser.get(url)
        wait(browser, lambda: text_of(browser, "#model") == "model qa, version 3")
        classify(browser, "\n".join(f"good {i}" for i in range(1100)))
        assert text_of(browser, "#status").endswith(" s. good: 1,100. The first 1,000 are shown.")
        assert browser.execute_script("return document.querySelectorAll('#rows tr').length") == 1000


def test_nothing_is_wider_than_a_phone(page):
    metrics = {"width": 360, "height": 640, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        classify(page, f"{'word' * 70}\ngood")
        assert page.execute_script("return [innerWidth, document.documentElement.scrollWidth]") == [360, 360]
        classify(page, "good")
        assert page.execute_script("return [innerWidth, document.documentElement.scrollWidth]") == [360, 360]
        assert element(page, "#label").rect["y"] < 640
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_what_the_server_says_is_wrong_is_one_line(browser):
    message = "1 requests are waiting already; try again later"
    error = rest.RestError(503, message)

    def third_fails(request):
        is_asked = b"film 5" in request.body or b"alone" in request.body
        return HttpReply(error.status, error.body()) if is_asked else find_labels(request)

    with running(FakeBackend(third_fails, of_task=Classification), limits=LIMITS) as url:
        browser.get(url)
        wait(browser, lambda: text_of(browser, "#model") == "model qa, version 3")
        put(browser, "#text", "alone")
        element(browser, "#classify").click()
        wait(browser, lambda: text_of(browser, "#status") == message)
        assert "error" in element(browser, "#status").get_attribute("class")
        put(browser, "#text", "\n".join(f"film {i}" for i in range(9)))
        element(browser, "#classify").click()
        wait(browser, lambda: text_of(browser, "#status") == f"Stopped after 4 of 9 sentences: {message}")
        assert len(rows(browser)) == 4
        assert element(browser, ".labels").get_attribute("aria-busy") is None
    element(browser, "#classify").click()
    wait(browser, lambda: text_of(browser, "#status") == "The server does not answer. Is it still running?")
    browser.get_log("browser")  # it holds the failed requests


def test_later_sentences_take_the_place_of_those_on_their_way(browser):
    go_on = threading.Event()

    def first_waits(request):
        if b"slow" in request.body:
            go_on.wait(20)
        return find_labels(request)

    with running(FakeBackend(first_waits, of_task=Classification)) as url:
        browser.get(url)
        put(browser, "#text", "slow")
        element(browser, "#classify").click()
        wait(browser, lambda: text_of(browser, "#status") == "Classifying…")
        classify(browser, "fast and good")
        go_on.set()
        assert text_of(browser, "#label") == "good"
        assert element(browser, ".labels").get_attribute("aria-busy") is None


def test_the_page_shows_what_a_model_gives(browser, classification_path):
    from bert_qa_tf.exporting.exported_model import ExportedModel
    from bert_qa_tf.serving.servable import Servable

    texts = ["the cat sat", "😀 北京 é", "who is it ?", "mat " * 100]
    name = "classification"
    found = ExportedModel(classification_path).predict({"text": [text.strip() for text in texts]})
    with running(LocalModel(Servable(classification_path), name, Limits()), model_name=name) as url:
        browser.get(url)
        wait(browser, lambda: text_of(browser, "#model") == "model classification, version 1")
        classify(browser, "\n".join(texts))
        assert [[label, text] for label, _, text in rows(browser)] == [
            [label, text.strip()] for label, text in zip(found["label"], texts, strict=True)
        ]
        classify(browser, texts[0])
        assert text_of(browser, "#label") == found["label"][0]
        assert sorted(name for name, _ in bars(browser)) == ["bad", "fair", "good"]
        assert bars(browser)[0] == [found["label"][0], f"{100 * found['score'][0]:.1f}%"]
