"""The page in headless Chromium; a fake finds given words in the transcript, so that what must be marked is known."""

import json
import threading

import pytest

pytest.importorskip("uvicorn", reason="needs the extra `serving`")
pytest.importorskip("selenium", reason="needs selenium, of the extra `test`")
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions

from bert_qa_tf.serving import rest
from bert_qa_tf.serving.backends import HttpReply, LocalModel
from bert_qa_tf.serving.predict_request import Limits
from bert_qa_tf.speech.transcripts.reader import read_transcript
from tests.serving.page import (
    QUESTION,
    ask,
    ask_for,
    element,
    find_words,
    open_transcript,
    put_transcript,
    seconds_played,
    text_of,
    times,
    wait,
)
from tests.serving.running import FakeBackend, running
from tests.testing import TESTDATA

pytestmark = pytest.mark.slow

# Two code units each in the browser's strings, one code point in the model's; the last is several code points.
EMOJI = "😀 🇫🇷 👩‍👩‍👧 "


@pytest.fixture
def page(browser):
    with running(FakeBackend(find_words)) as url:
        browser.get(url)
        wait(browser, lambda: text_of(browser, "#model") == "model qa, version 3")
        yield browser
        assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_the_answer_is_marked_in_place_with_the_others_and_their_scores(page):
    context = "so margaret said it is under the blue pot by the door"
    ask(page, context)
    assert text_of(page, "mark.chosen") == "under the blue pot"
    assert [mark.text for mark in page.find_elements(By.CSS_SELECTOR, "mark.other")] == ["margaret"]
    rows = [row.text.split("\n") for row in page.find_elements(By.CSS_SELECTOR, "#answers li")]
    assert rows == [["under the blue pot", "0.500"], ["the blue pot", "0.250"], ["margaret", "0.125"]]
    assert element(page, "#view").get_property("textContent") == context


def test_offsets_hold_behind_emoji(page):
    ask(page, EMOJI * 5 + "it is under the blue pot 😀")
    assert text_of(page, "mark.chosen") == "under the blue pot"
    ask(page, f"key {EMOJI}: {EMOJI}x", f":{EMOJI.strip()}")
    assert text_of(page, "mark.chosen") == EMOJI.strip()


def test_a_broken_surrogate_does_not_shift_the_mark(page):
    ask(page, "\ud83d half 😀 it is under the blue pot")
    assert text_of(page, "mark.chosen") == "under the blue pot"


def test_a_transcript_is_shown_as_text_never_as_html(page):
    context = "<img src=x onerror=document.title='bad'><b>under the blue pot</b> & more"
    ask(page, context)
    assert element(page, "#view").get_property("textContent") == context
    assert page.find_elements(By.CSS_SELECTOR, "#view img, #view b") == []
    assert page.title == "Ask a transcript"


def test_a_long_transcript_is_scrolled_to_the_answer_and_the_page_is_not(page):
    ask(page, "and so on and so forth " * 2000 + "under the blue pot" + " until they left" * 2000)
    view, mark = element(page, "#view"), element(page, "mark.chosen")
    assert view.get_property("scrollTop") > 1000
    assert view.rect["y"] < mark.rect["y"] < view.rect["y"] + view.rect["height"]
    assert page.execute_script("return scrollY") == 0


def test_the_keyboard_is_enough(page):
    box = element(page, "#context")
    element(page, "#question").send_keys(QUESTION)
    box.click()
    box.send_keys("margaret put it under the blue pot", Keys.CONTROL, Keys.ENTER)
    wait(page, lambda: page.find_elements(By.CSS_SELECTOR, "mark.chosen"))
    first = element(page, "#answers button")
    page.execute_script("arguments[0].focus()", first)
    first.send_keys(Keys.ARROW_DOWN)
    page.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    assert text_of(page, "mark.chosen") == "margaret"
    assert page.switch_to.active_element.get_attribute("aria-pressed") == "true"
    element(page, "#edit").send_keys(Keys.ENTER)
    assert page.switch_to.active_element == box
    assert box.get_property("value") == "margaret put it under the blue pot"


def test_everything_that_is_used_has_a_label(page):
    for name in ("context", "question", "file", "recording-file", "paragraph"):
        assert page.execute_script("return document.getElementById(arguments[0]).labels.length", name) == 1
    assert element(page, "#status").get_attribute("aria-live") == "polite"


def test_no_answer_is_said_to_be_none_and_other_text_removes_old_marks(page):
    ask(page, "nothing to be found")
    assert text_of(page, "#answers .text") == "no answer"
    assert text_of(page, "#status").startswith("No answer in this transcript.")
    assert page.find_elements(By.CSS_SELECTOR, "mark") == []
    ask(page, "under the blue pot")
    put_transcript(page, "something else")
    assert page.find_elements(By.CSS_SELECTOR, "#answers li") == []
    assert element(page, "#context").is_displayed()


def test_what_is_missing_is_asked_for_where_it_belongs(page):
    element(page, "#question").send_keys(QUESTION, Keys.ENTER)
    assert text_of(page, "#status") == "There is no transcript yet."
    assert page.switch_to.active_element == element(page, "#context")
    put_transcript(page, "a text")
    element(page, "#question").clear()
    element(page, "#ask").click()
    assert text_of(page, "#status") == "What is the question?"
    assert page.switch_to.active_element == element(page, "#question")


@pytest.mark.parametrize("name", ["call.txt", "squad.json", "bad.txt"])
def test_files_are_opened(page, tmp_path, name):
    squad = {
        "data": [
            {
                "title": "Calls",
                "paragraphs": [
                    {"context": "the first", "qas": [{"question": "which :first", "id": "1", "answers": []}]},
                    {"context": "the second 😀 call", "qas": [{"question": "which :second", "id": "2", "answers": []}]},
                ],
            }
        ]
    }
    contents = {"call.txt": "\ufeffit is\r\nunder the blue pot".encode(), "squad.json": json.dumps(squad).encode()}
    (tmp_path / name).write_bytes(contents.get(name, b"caf\xe9"))
    element(page, "#file").send_keys(str(tmp_path / name))
    wait(page, lambda: f"{name}:" in text_of(page, "#status"))
    if name == "bad.txt":
        assert "bad.txt:1: not UTF-8 at byte 3" in text_of(page, "#status")
        page.get_log("browser")  # it holds the refused request
        return
    if name == "squad.json":
        assert text_of(page, "#status") == "squad.json: 2 paragraphs."
        assert element(page, "#question").get_property("value") == "which :first"
        element(page, "#paragraph").send_keys("2")
        assert element(page, "#context").get_property("value") == "the second 😀 call"
    else:
        assert element(page, "#context").get_property("value") == "it is\nunder the blue pot"
        element(page, "#question").send_keys(QUESTION)
    element(page, "#question").send_keys(Keys.ENTER)
    wait(page, lambda: page.find_elements(By.CSS_SELECTOR, "mark.chosen"))
    assert text_of(page, "mark.chosen") == ("second" if name == "squad.json" else "under the blue pot")


# === Transcripts with times, and recordings ===

VTT = """WEBVTT

00:01.000 --> 00:03.000
<v Ann>😀 so <00:01.500>margaret <00:02.000>said

01:02:03.250 --> 01:02:06.000
it is under the blue pot 👩‍👩‍👧 ok
"""


def test_a_transcript_with_times_shows_when_each_answer_is_said(page, tmp_path):
    open_transcript(page, tmp_path / "call.vtt", VTT)
    assert text_of(page, "#status") == "call.vtt: vtt, 12 words; 10 with estimated times."
    text = "😀 so margaret said it is under the blue pot 👩‍👩‍👧 ok"
    assert element(page, "#context").get_property("value") == text
    ask_for(page, "margaret", "under the blue pot", "👩‍👩‍👧 ok", "said it")
    assert times(page) == [
        ["Play from 0:01"],
        ["Play from about 1:02:03"],
        ["Play from about 1:02:05"],
        ["Play from about 0:02"],
    ]
    shown = element(page, "#answers .time")
    assert shown.text == "0:01"
    assert shown.get_attribute("title") == "said from 0:01 to 0:02"


def test_an_answer_shows_who_says_it(page, tmp_path):
    words = [
        {"word": "margaret", "start": 0, "end": 1, "speaker": "Ana <b>"},
        {"word": "the", "start": 1, "end": 2, "speaker": "Ana <b>"},
        {"word": "blue", "start": 2, "end": 3, "speaker": "Ben"},
        {"word": "pot", "start": 3, "end": 4},
    ]
    # Such a list of words begins like no caption: the server reads it by what it holds.
    open_transcript(page, tmp_path / "call.data", json.dumps(words))
    ask_for(page, "margaret the", "blue", "the blue", "pot")
    rows = [row.text.split("\n") for row in page.find_elements(By.CSS_SELECTOR, "#answers .answer")]
    assert rows == [
        ["margaret the", "0.500", "said by Ana <b>"],
        ["blue", "0.250", "said by Ben"],
        ["the blue", "0.125"],
        ["pot", "0.063"],
    ]


@pytest.mark.parametrize("path", sorted((TESTDATA / "transcripts").glob("call.*")), ids=lambda path: path.name)
def test_every_format_can_be_opened(page, path):
    open_transcript(page, path)
    ask_for(page, "Tuesday")
    [word] = [word for word in read_transcript(path).transcript.words if word.text.startswith("Tuesday")]
    about = "about " if word.times_estimated else ""
    assert times(page) == [[] if path.name == "call.txt" else [f"Play from {about}1:00:0{int(word.start_secs % 60)}"]]


def test_a_time_plays_the_recording_from_there_and_nothing_is_sent(page, tmp_path, tone):
    open_transcript(page, tmp_path / "call.srt", "1\n00:00:04,000 --> 00:00:09,000\nmargaret\n")
    ask_for(page, "margaret")
    element(page, "#answers .time").click()
    assert text_of(page, "#status") == "Open the recording to hear it from there."
    assert page.switch_to.active_element == element(page, "#recording-file")
    assert not element(page, "#audio").is_displayed()
    element(page, "#recording-file").send_keys(str(tone))
    wait(page, lambda: text_of(page, "#recording-help") == "tone.wav")
    assert element(page, "#audio").is_displayed()
    element(page, "#answers .time").send_keys(Keys.ENTER)  # the keyboard is enough
    wait(page, lambda: seconds_played(page) >= 4)
    assert seconds_played(page) < 10
    assert text_of(page, "mark.chosen") == "margaret"
    sent = page.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in sent if "tone" in name and not name.startswith("blob:")] == []


def test_arrow_keys_go_from_answer_to_answer_from_a_time_too(page, tmp_path):
    open_transcript(page, tmp_path / "call.vtt", VTT)
    ask_for(page, "margaret", "under the blue pot")
    first = element(page, "#answers .time")
    page.execute_script("arguments[0].focus()", first)
    first.send_keys(Keys.ARROW_DOWN)
    assert text_of(page, "mark.chosen") == "under the blue pot"
    assert page.switch_to.active_element.get_attribute("class") == "answer"


def test_what_cannot_be_played_is_said_so(page, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    element(page, "#recording-file").send_keys(str(tmp_path / "bad.wav"))
    wait(page, lambda: text_of(page, "#status") == "bad.wav: this browser cannot play it.")
    assert not element(page, "#audio").is_displayed()


def test_other_text_has_no_times(page, tmp_path):
    open_transcript(page, tmp_path / "call.vtt", VTT)
    box = element(page, "#context")
    box.send_keys(" and more")
    assert text_of(page, "#status") == "The text was changed: its times no longer fit and are gone."
    ask_for(page, "margaret")
    assert times(page) == [[]]
    open_transcript(page, tmp_path / "call.vtt")
    element(page, "#example").click()
    ask_for(page, "margaret")
    assert times(page) == [[]]


def test_a_file_that_is_no_transcript_is_named_with_what_is_wrong(page, tmp_path):
    (tmp_path / "call.vtt").write_text("WEBVTT\n\n00:01.000 --> soon\nhi", encoding="utf-8")
    element(page, "#file").send_keys(str(tmp_path / "call.vtt"))
    wait(page, lambda: text_of(page, "#status").startswith("call.vtt:3: expected times such as"))
    assert "error" in element(page, "#status").get_attribute("class")
    page.get_log("browser")  # it holds the refused request


def test_the_example_can_be_asked(page):
    element(page, "#example").click()
    element(page, "#question").clear()
    element(page, "#question").send_keys("which :doctor brandt", Keys.ENTER)
    wait(page, lambda: page.find_elements(By.CSS_SELECTOR, "mark.chosen"))
    assert text_of(page, "mark.chosen") == "doctor brandt"


def test_nothing_is_wider_than_a_phone(page, tmp_path, tone):
    metrics = {"width": 360, "height": 640, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        ask(page, "word" * 300 + " under the blue pot", f"{QUESTION}:under the blue pot|{'word' * 300}")
        assert page.execute_script("return [innerWidth, document.documentElement.scrollWidth]") == [360, 360]
        assert element(page, "#answers li").rect["y"] < 640
        assert element(page, "mark.chosen").rect["y"] < 640
        open_transcript(page, tmp_path / "call.vtt", VTT + "word" * 300)
        element(page, "#recording-file").send_keys(str(tone))
        ask_for(page, "under the blue pot", "word" * 300)
        assert element(page, "#answers .time").is_displayed()
        assert page.execute_script("return [innerWidth, document.documentElement.scrollWidth]") == [360, 360]
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_what_the_server_says_is_wrong_is_shown(browser):
    message = "Input context of row 0 has 11 characters, more than the 10 that this server takes"
    error = rest.RestError(400, message)
    with running(FakeBackend(lambda request: HttpReply(error.status, error.body()))) as url:
        browser.get(url)
        wait(browser, lambda: text_of(browser, "#status") == message)  # of the status, asked for at the start
        put_transcript(browser, "a transcript")
        element(browser, "#question").send_keys(QUESTION, Keys.ENTER)
        wait(browser, lambda: text_of(browser, "#status") == message)
        assert "error" in element(browser, "#status").get_attribute("class")
    element(browser, "#question").send_keys(Keys.ENTER)
    wait(browser, lambda: text_of(browser, "#status") == "The server does not answer. Is it still running?")
    browser.get_log("browser")  # it holds the failed requests


def test_a_second_question_takes_the_place_of_one_on_its_way(browser):
    go_on = threading.Event()

    def first_waits(request):
        if b"slow" in request.body:
            go_on.wait(20)
        return find_words(request)

    with running(FakeBackend(first_waits)) as url:
        browser.get(url)
        put_transcript(browser, "margaret put it under the blue pot")
        box = element(browser, "#question")
        box.send_keys("slow :margaret", Keys.ENTER)
        wait(browser, lambda: text_of(browser, "#status").startswith("Looking"))
        box.clear()
        box.send_keys("fast :pot", Keys.ENTER)
        wait(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "mark.chosen"))
        go_on.set()
        assert text_of(browser, "mark.chosen") == "pot"
        assert element(browser, ".asking").get_attribute("aria-busy") is None


def test_the_page_shows_what_a_model_answers(browser, tiny_export):
    from bert_qa_tf.serving.servable import Servable

    context = EMOJI + "the cat sat on the mat . " * 30 + "😀"
    with running(LocalModel(Servable(tiny_export.qa_dir), "qa", Limits())) as url:
        browser.get(url)
        wait(browser, lambda: text_of(browser, "#model") == "model qa, version 1")
        ask(browser, context, "who")
        answer = element(browser, "#answers .text").text
        assert answer
        assert text_of(browser, "mark.chosen") == answer
        assert element(browser, "#view").get_property("textContent") == context


SECRET = "a+b/0123456789"


def answers_with_the_token(browser):
    ask(browser, "so margaret said it is under the blue pot by the door")
    return text_of(browser, "mark.chosen") == "under the blue pot"


def test_the_page_takes_the_token_from_its_address_and_leaves_it_nowhere(browser):
    with running(FakeBackend(find_words), token=SECRET) as url:
        browser.get(f"{url}/#token={SECRET}")
        wait(browser, lambda: text_of(browser, "#model") == "model qa, version 3")
        assert browser.current_url == f"{url}/"
        assert answers_with_the_token(browser)
        browser.get(url)  # the tab still has it
        wait(browser, lambda: text_of(browser, "#model") == "model qa, version 3")
        browser.execute_script("sessionStorage.clear()")


def test_the_page_asks_for_the_token_and_says_when_it_is_wrong(browser):
    with running(FakeBackend(find_words), token=SECRET) as url:
        for typed, shown in (("wrong", "This server asks for a token"), (SECRET, "Enter asks")):
            browser.get(url)
            wait(browser, lambda: expected_conditions.alert_is_present()(browser))
            browser.switch_to.alert.send_keys(typed)
            browser.switch_to.alert.accept()
            wait(browser, lambda shown=shown: shown in text_of(browser, "#status"))
        assert answers_with_the_token(browser)
        browser.execute_script("sessionStorage.clear()")
        browser.get_log("browser")  # takes the line on status 401
