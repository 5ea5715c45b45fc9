import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bert_qa_tf.config import CleaningConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.speech.transcripts.cleaning import clean
from bert_qa_tf.speech.transcripts.cleaning_rules import FILLERS, RULES

ALL = CleaningConfig.of(("all",))
NONE = CleaningConfig.of(("none",))


def cleaned(text, *rules):
    return clean(text, CleaningConfig.of(rules)).text


# === Each rule ===


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SPEAKER_00: hi SPEAKER_01: hello", "hi hello"),
        ("[SPEAKER_00]: hi\n[SPEAKER_01]: hello", "hi\nhello"),
        ("Speaker 2: hi (speaker 0) hello spk_1: bye", "hi hello bye"),
        ("John: hi\nDr. O'Neil-Smith: hello", "hi\nhello"),
        (">> hi. >> hello >>> bye", "hi. hello bye"),
        ("- Who?\n– Nora.", "Who?\nNora."),
        ("Who? - Nora.", "Who? Nora."),
        ("John: so? Ann: yes. John: no. Ann: well", "so? yes. no. well"),
        ("yes John: no John: yes", "yes no yes"),
        ("yes DR. OSEI: no [Ann Lee]: yes JOHN: well", "yes no yes well"),
        ("hi [SPEAKER_TURN] hello", "hi hello"),
        # Not a label:
        ("He said: come. I saw Ann. John: once", "He said: come. I saw Ann. John: once"),
        ("see page A: the map at 10: 30", "see page A: the map at 10: 30"),
        ("Remember: the key. at 12:30 - or later", "Remember: the key. at 12:30 - or later"),
        ("twenty - five >>", "twenty - five"),
        ("a->b and well-known", "a->b and well-known"),
    ],
)
def test_speaker_labels(text, expected):
    assert cleaned(text, "speaker_labels") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[00:12:31] so we (12:31) met <00:01.000> there", "so we met there"),
        ("[00:00.000 --> 00:05.000]   hello\n[0:05 - 0:10] there", "hello\nthere"),
        ("0:00\nhello\n1:02:03\nthere", "hello\nthere"),
        ("00:12:31 hello\n00:12:35.5 there", "hello\nthere"),
        # Said, or part of a word:
        ("meet at 12:31 or [12] pm", "meet at 12:31 or [12] pm"),
        ("word[00:01]word", "word[00:01]word"),
    ],
)
def test_time_stamps(text, expected):
    assert cleaned(text, "time_stamps") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[Music] hello [soft applause] there (laughter)", "hello there"),
        ("hello (clears throat) there *sighs* [ __ ]", "hello there"),
        ("♪ la la ♪ bye", "la la bye"),
        ("one\n[Music]\ntwo", "one\ntwo"),
        ("one[Music] [Laughter]two", "one two"),
        ("one [Music] [Laughter]\n [Bell] two\n", "one\n two\n"),
        ("one two [Music] [Bell]", "one two"),
        ("one [Music]\ntwo", "one\ntwo"),
        # Said in brackets, a number, a time:
        ("come (or call) on [5] [00:12]", "come (or call) on [5] [00:12]"),
        ("[SPEAKER_00]: hi [Ann]: hello", "[SPEAKER_00]: hi [Ann]: hello"),
    ],
)
def test_sound_notes(text, expected):
    assert cleaned(text, "sound_notes") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("um I uh think erm, so", "I think so"),
        ("Um, I think, uh... yes", "I think, yes"),
        ("I think um. Yes", "I think. Yes"),
        ("Yes. Um. No", "Yes. No"),
        ("Hmm? Yes", "Yes"),
        ("uh- I went", "I went"),
        # Not a filler:
        ("uh-huh uh huh the ER is 5 mm um's hum", "uh-huh uh huh the ER is 5 mm um's hum"),
    ],
)
def test_fillers(text, expected):
    assert cleaned(text, "fillers") == expected


@pytest.mark.parametrize("filler", FILLERS)
def test_every_filler_is_found(filler):
    assert cleaned(f"so {filler} yes", "fillers") == "so yes"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the the cat", "the cat"),
        ("I I think I think so", "I think so"),
        ("The, the cat, the cat.", "the cat."),
        ("in the room in the room in the room now", "in the room now"),
        ("on monday at noon on monday at noon", "on monday at noon"),
        # Numbers, spelling, grammar, two sentences:
        ("five five five oh one twenty twenty 4 4", "five five five oh one twenty twenty 4 4"),
        ("twenty four twenty four a f c c a f c c", "twenty four twenty four a f c c a f c c"),
        ("he had had that that day", "he had had that that day"),
        ("I saw her. Her brother. Her brother", "I saw her. Her brother. Her brother"),
        ("- - what", "- - what"),
    ],
)
def test_repeats(text, expected):
    assert cleaned(text, "repeats") == expected


def test_invisible_characters_but_not_those_that_scripts_and_emoji_need():
    assert cleaned("tele\u00adphone\u200b \ufeffcall\u200d", "invisible") == "telephone call"
    assert cleaned("می\u200cخواهم 👩\u200d👧", "invisible") == "می\u200cخواهم 👩\u200d👧"


# === Together ===


def test_rules_go_on_until_none_finds_anything_and_each_is_counted():
    done = clean("Ann: the um the key [Music] is is, uh, here", ALL)
    assert done.text == "the key is, here"
    assert done.counts == {
        "speaker_labels": 1,
        "time_stamps": 0,
        "sound_notes": 1,
        "fillers": 2,
        "repeats": 2,
        "invisible": 0,
    }


def test_a_span_leads_back_to_what_was_said():
    done = clean("so um we meet on monday uh the the ninth", ALL)
    assert done.text == "so we meet on monday the ninth"
    start = done.text.index("monday")
    span = done.original_span(start, len(done.text))
    assert done.original[slice(*span)] == "monday uh the the ninth"
    assert done.original_span(0, 2) == (0, 2)
    assert done.original_span(3, 3) == (6, 6)
    assert done.original_span(len(done.text), len(done.text)) == (len(done.original), len(done.original))


def test_rules_have_names_that_can_be_given():
    assert CleaningConfig.of(("fillers", "repeats")).names == ("fillers", "repeats")
    assert ALL.names == tuple(RULES) == tuple(field.name for field in dataclasses.fields(CleaningConfig))
    assert NONE.names == ()
    assert CleaningConfig().names == tuple(name for name in RULES if name != "repeats")
    for names in (("filler",), ("all", "fillers"), ("none", "all"), ("",)):
        with pytest.raises(
            InputError, match=r"expected all, none or rules of speaker_labels, .* to clean a transcript"
        ):
            CleaningConfig.of(names)


# === Whatever the text ===

PIECES = (
    *("Ann:", "SPEAKER_00:", "[SPEAKER_1]:", ">>", "-", "[00:01]", "(12:31)", "0:05", "[Music]", "(laughs)", "♪", "um"),
    *("Um,", "uh", "erm.", "...", "the", "The", "the,", "cat", "cat.", "I", "five", "mm", "\u00ad", "te\u200ble", "😀"),
    *("[", ")", ".", "?", ",", ":", "a-", "uh-huh", "é"),
)
TEXTS = st.one_of(
    st.lists(st.sampled_from((*PIECES, " ", " ", " ", "\n", "\t")), max_size=30).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=20).map(" ".join),
    st.text(max_size=30),
)
CONFIGS = st.sets(st.sampled_from(tuple(RULES)), min_size=1).map(lambda names: CleaningConfig.of(tuple(names)))


@settings(max_examples=100, deadline=None)
@given(TEXTS, CONFIGS, st.floats(0, 1), st.floats(0, 1))
def test_every_span_comes_from_one_that_holds_its_characters_in_order(text, config, share, other_share):
    done = clean(text, config)
    start, end = sorted(round(part * len(done.text)) for part in (share, other_share))
    first, past = done.original_span(start, end)
    assert 0 <= first <= past <= len(text)
    remaining = iter(text[first:past])
    assert all(character in remaining for character in done.text[start:end])
    if start < end:
        assert (text[first], text[past - 1]) == (done.text[start], done.text[end - 1])


@settings(max_examples=100, deadline=None)
@given(TEXTS, CONFIGS)
def test_cleaning_again_changes_nothing_and_what_is_gone_was_counted(text, config):
    done = clean(text, config)
    again = clean(done.text, config)
    assert again.text == done.text
    assert set(again.counts.values()) <= {0}
    assert (done.text == text) == (sum(done.counts.values()) == 0)


@settings(max_examples=50, deadline=None)
@given(TEXTS)
def test_with_all_rules_off_a_text_stays_as_it_is(text):
    done = clean(text, NONE)
    assert (done.text, list(done.kept), done.counts) == (text, list(range(len(text))), {})


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_words_that_were_apart_stay_apart(text):
    """No word of the cleaned text is made of two of the original one."""
    done = clean(text, ALL)
    for place in range(1, len(done.text)):
        if done.text[place - 1].isalnum() and done.text[place].isalnum():
            between = text[done.kept[place - 1] + 1 : done.kept[place]]
            assert not any(character.isspace() for character in between)


def _names(count):
    letters = "abcdefghijklmnopqrstuvwxyz"
    return [f"{a.upper()}{b}{c}" for a in letters for b in letters for c in letters][:count]


def _rounds(monkeypatch, text):
    """How often the rules are gone through."""
    calls = []
    monkeypatch.setitem(RULES, "invisible", lambda text: calls.append(text) or [])
    cleaned = clean(text, ALL).text
    return len(calls), cleaned


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" ".join(f"{name}:" for name in _names(1600)) + " so", "so"),
        ("- " * 1000 + "a", "a"),
        ("um, " * 1000 + "a", "a"),
    ],
    ids=["labels", "dashes", "fillers"],
)
def test_what_uncovers_the_next_of_its_kind_takes_few_rounds(monkeypatch, text, expected):
    rounds, cleaned = _rounds(monkeypatch, text)
    assert cleaned == expected
    assert rounds <= 4


def test_the_number_of_rounds_is_bounded(monkeypatch):
    rounds, _ = _rounds(monkeypatch, " ".join(f"{name}: 0:00:01" for name in _names(500)))
    assert rounds == 20


def test_a_label_behind_a_label_counts_only_where_the_first_begins_a_line():
    assert clean("Ann: Bob: hi", ALL).text == "hi"
    assert clean("so ANN: Bob: hi", ALL).text == "so Bob: hi"
