"""Recordings that the page sends to be recognised, in headless Chromium; a stub hears what the file's bytes say."""

import contextlib

import pytest

pytest.importorskip("uvicorn", reason="needs the extra `serving`")
pytest.importorskip("selenium", reason="needs selenium, of the extra `test`")
from selenium.webdriver.common.keys import Keys

from bert_qa_tf.config import RecognizerConfig
from bert_qa_tf.serving.predict_request import Limits
from bert_qa_tf.serving.recordings import Recordings, RecordingsConfig
from bert_qa_tf.speech.recordings.transcribing import transcribe
from tests.serving import stub_recognition
from tests.serving.page import (
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
from tests.serving.running import FakeBackend, running, wait_until
from tests.speech.speaking import needs_pocketsphinx
from tests.testing import shared_data

pytestmark = pytest.mark.slow

HEARD = "3 words heard in 12.0 s of sound by pocketsphinx."


@contextlib.contextmanager
def page_of(browser, recognise=stub_recognition.recognise, config=None):
    recordings = Recordings(config or RecordingsConfig(), Limits(), recognise)
    with running(FakeBackend(find_words), recordings) as url:
        browser.get(url)
        wait(browser, lambda: text_of(browser, "#model") == "model qa, version 3")
        yield browser


@pytest.fixture
def page(browser):
    with page_of(browser) as opened:
        yield opened


def open_recording(browser, path, content=None):
    if content is not None:
        path.write_bytes(content)
    element(browser, "#recording-file").send_keys(str(path))


def context(browser):
    return element(browser, "#context").get_property("value")


def test_a_recording_is_recognised_asked_and_played_from_the_answer(page, tmp_path, tone):
    # What is heard is the stub's; what is played is a real recording.
    (tmp_path / "talk.wav").write_bytes(tone.read_bytes())
    assert text_of(page, "#recording-help") == "Played here; pocketsphinx on this server makes its transcript."
    with page_of(page, stub_recognition.hear_ten_words) as opened:
        open_recording(opened, tmp_path / "talk.wav")
        wait(opened, lambda: text_of(opened, "#status").startswith("talk.wav: 10 words heard in 10.0 s"))
        assert context(opened) == "w0 w1 w2 w3 w4 w5 w6 w7 w8 w9"
        assert not element(opened, "#listening").is_displayed()
        assert opened.switch_to.active_element == element(opened, "#question")
        ask_for(opened, "w4 w5")
        assert times(opened) == [["Play from 0:04"]]
        element(opened, "#answers .time").send_keys(Keys.ENTER)
        wait(opened, lambda: seconds_played(opened) >= 4)
        assert seconds_played(opened) < 10


def test_it_can_be_seen_waited_for_and_stopped(page, tmp_path):
    open_recording(page, tmp_path / "talk.wav", f"slow {tmp_path}".encode())
    wait(page, lambda: element(page, "#listening").is_displayed())
    wait(page, lambda: text_of(page, "#elapsed") == "1 s")
    element(page, "#question").send_keys("who", Keys.ENTER)
    assert text_of(page, "#status") == "Wait: still recognizing talk.wav…"
    wait_until((tmp_path / "pid").exists, 60)
    button = element(page, "#recognize")
    assert button.text == "Stop"
    button.send_keys(Keys.ENTER)
    assert text_of(page, "#status") == "Recognizing was stopped."
    assert not element(page, "#listening").is_displayed()
    assert button.text == "Recognize"
    wait_until(lambda: not stub_recognition.is_alive(tmp_path))
    # And again, to the end.
    (tmp_path / "go").touch()
    wait_until(lambda: try_again(page, button))
    assert context(page) == "slow"


def try_again(page, button):
    """The server may be at the last one still."""
    button.send_keys(Keys.ENTER)
    wait(page, lambda: button.text == "Recognize")
    page.get_log("browser")  # it holds refused requests
    return text_of(page, "#status") == "talk.wav: 1 words heard in 12.0 s of sound by pocketsphinx."


def test_what_is_typed_meanwhile_is_kept(page, tmp_path):
    open_recording(page, tmp_path / "talk.wav", f"slow {tmp_path}".encode())
    wait(page, lambda: element(page, "#listening").is_displayed())
    element(page, "#context").send_keys("margaret")
    assert text_of(page, "#status") == "Recognizing was stopped: there is a text now."
    assert not element(page, "#listening").is_displayed()
    (tmp_path / "go").touch()
    ask_for(page, "margaret")
    assert context(page) == "margaret"


def test_with_a_transcript_it_is_only_played_unless_the_button_is_pressed(page, tmp_path):
    open_transcript(page, tmp_path / "call.srt", "1\n00:00:04,000 --> 00:00:09,000\nmargaret\n")
    open_recording(page, tmp_path / "talk.bin", b"hi x nora ann")
    wait(page, lambda: "cannot play it" in text_of(page, "#status"))
    assert context(page) == "margaret"
    element(page, "#recognize").click()
    wait(page, lambda: text_of(page, "#status") == f"talk.bin: {HEARD}")
    assert context(page) == "hi nora ann"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"bad", "talk.wav: broken audio at 7200 s"),
        (b"die", "talk.wav: recognising it failed; the server's log has more"),
        (b"silence", "talk.wav: nothing was heard in it."),
    ],
)
def test_what_is_wrong_is_shown_as_other_errors_are(page, tmp_path, content, message):
    open_recording(page, tmp_path / "talk.wav", content)
    wait(page, lambda: text_of(page, "#status") == message)
    assert "error" in element(page, "#status").get_attribute("class")
    assert not element(page, "#listening").is_displayed()
    assert context(page) == ""
    page.get_log("browser")  # it holds the refused request


def test_what_is_too_large_is_played_and_not_sent(browser, tone):
    with page_of(browser, config=RecordingsConfig(max_audio_bytes=2**17)):
        open_recording(browser, tone)
        expected = "tone.wav is larger than the 0.1 MiB that this server takes."
        wait(browser, lambda: text_of(browser, "#status") == expected)
        assert element(browser, "#audio").is_displayed()


def test_without_a_recogniser_it_is_played_and_said_so(browser, tone):
    with running(FakeBackend(find_words)) as url:
        browser.get(url)
        wait(browser, lambda: text_of(browser, "#model") == "model qa, version 3")
        assert text_of(browser, "#recording-help") == "Played here, sent nowhere."
        open_recording(browser, tone)
        expected = "tone.wav is open. This server recognizes no speech: open its transcript to ask about it."
        wait(browser, lambda: text_of(browser, "#status") == expected)
        assert element(browser, "#audio").is_displayed()
        assert not element(browser, "#recognize").is_displayed()


def test_it_fits_a_phone(page, tmp_path):
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        put_transcript(page, "")
        open_recording(page, tmp_path / f"{'long' * 40}.wav", f"slow {tmp_path}".encode())
        wait(page, lambda: element(page, "#listening").is_displayed())
        assert page.execute_script("return [innerWidth, document.documentElement.scrollWidth]") == [390, 390]
        element(page, "#recognize").click()
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@needs_pocketsphinx
def test_a_real_recording_is_recognised(browser):
    path = shared_data("audio", "librivox", "sense_and_sensibility_01_austen_64kb-0880.wav")
    config = RecordingsConfig(RecognizerConfig(search="fast"))
    with page_of(browser, transcribe, config):
        open_recording(browser, path)
        wait(browser, lambda: " words heard in 3.0 s of sound" in text_of(browser, "#status"))
        ask_for(browser, "young man")
        assert times(browser) in ([["Play from 0:01"]], [["Play from 0:02"]])
