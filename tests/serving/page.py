"""What tests of the page share: a browser's elements, and a fake that finds given words in the transcript."""

from __future__ import annotations

import json

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from bert_qa_tf.serving import rest
from bert_qa_tf.serving.backends import HttpReply

QUESTION = "where is the key"


def find_words(request):
    """Answers with the words that a fake was told to find: the question's own, after a colon."""
    if request.method == "GET":
        return HttpReply(200, rest.status_body(3))
    [instance] = json.loads(request.body)["instances"]
    context, words = instance["context"], instance["question"].partition(":")[2].split("|")
    if words == [""]:
        words = ["under the blue pot", "the blue pot", "margaret"]
    found = [word for word in words if word in context]
    starts = [context.index(word) for word in found]
    scores = [0.5 / 2**i for i in range(len(found))]
    best = (found or [""])[0]
    prediction = {
        "answer": best,
        "answer_start": (starts or [0])[0],
        "answer_end": (starts or [0])[0] + len(best),
        "score": (scores or [0.9])[0],
        # Short lists are filled up.
        "nbest_answer": [*found, "", ""],
        "nbest_start": [*starts, 0, 0],
        "nbest_score": [*scores, 0.0, 0.0],
    }
    return HttpReply(200, rest.to_body({"predictions": [prediction]}))


def wait(browser, condition):
    WebDriverWait(browser, 20).until(lambda _: condition())


def element(browser, selector):
    return browser.find_element(By.CSS_SELECTOR, selector)


def text_of(browser, selector):
    return element(browser, selector).get_property("textContent").strip()


def put(browser, selector, text):
    """As pasted text arrives: chromedriver cannot type emoji. Through JSON, which can spell half a surrogate pair."""
    browser.execute_script(
        "const box = document.querySelector(arguments[0]); box.value = JSON.parse(arguments[1]);"
        "box.dispatchEvent(new Event('input', {bubbles: true}));",
        selector,
        json.dumps(text),
    )


def put_transcript(browser, text):
    put(browser, "#context", text)


def ask(browser, context, question=QUESTION):
    put_transcript(browser, context)
    put(browser, "#question", question)
    browser.execute_script("document.querySelector('#status').textContent = ''")
    element(browser, "#question").send_keys(Keys.ENTER)
    wait(browser, lambda: "answered in" in text_of(browser, "#status"))


def open_transcript(browser, path, content=None):
    if content is not None:
        path.write_text(content, encoding="utf-8")
    element(browser, "#file").send_keys(str(path))
    wait(browser, lambda: text_of(browser, "#status").startswith(f"{path.name}: "))


def ask_for(browser, *words):
    """Asks; the fake finds these words."""
    put(browser, "#question", f"{QUESTION}:{'|'.join(words)}")
    browser.execute_script("document.querySelector('#status').textContent = ''")
    element(browser, "#question").send_keys(Keys.ENTER)
    wait(browser, lambda: "answered in" in text_of(browser, "#status"))


def times(browser):
    return [
        [button.get_attribute("aria-label") for button in item.find_elements(By.CSS_SELECTOR, ".time")]
        for item in browser.find_elements(By.CSS_SELECTOR, "#answers li")
    ]


def seconds_played(browser):
    return browser.execute_script("const a = document.querySelector('#audio'); return a.paused ? -1 : a.currentTime")
