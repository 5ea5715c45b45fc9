import numpy as np
import pytest

from bert_qa_tf.asr_simulation.simulator import AsrSimulator, HeardWord
from bert_qa_tf.text.verbalization import VerbalizedWord, verbalize
from tests.asr_simulation.tiny_recognizer import ALWAYS, ENTRIES, NEVER, UNSAID, level, table, tiny_vocabulary, weights

TEXT = "The cat sat on the mat, and the hat fell on Saturn before 3 trees."
SIMULATOR = AsrSimulator(tiny_vocabulary(), table())
WRITTEN = {"cats", *ENTRIES} - {"cats'", "a.", "u.s.", *UNSAID}


def hear(text: str, seed: int = 0, **changes) -> list[HeardWord]:
    return SIMULATOR.hear_at(verbalize(text), level(**changes), np.random.default_rng(seed))


def texts(words: list[HeardWord]) -> list[str]:
    return [word.text for word in words]


def test_without_errors_the_words_are_those_that_were_said():
    assert texts(hear("The cat sat on the Mat.", error_weights=NEVER)) == ["the", "cat", "sat", "on", "the", "mat"]


def test_the_same_generator_hears_the_same():
    assert hear(TEXT, seed=3) == hear(TEXT, seed=3)
    assert len({tuple(hear(TEXT, seed=seed)) for seed in range(5)}) > 1


def test_only_words_of_the_vocabulary_are_ever_heard():
    for seed in range(20):
        words = hear(TEXT, seed=seed, splits=0.2, splits_unknown=0.2, ends_kept=0.4, ends_moved=0.3, inserted=0.2)
        assert set(texts(words)) <= WRITTEN


def test_a_word_that_the_recogniser_does_not_know_is_always_misheard():
    for seed in range(10):
        heard = texts(hear("on skyfall the mitten", seed=seed, error_weights=NEVER))
        assert heard[0] == "on"
        assert not {"skyfall", "mitten"} & set(heard)


def test_what_is_misheard_sounds_alike():
    heard = [texts(hear("skyfall", seed=seed, sound=3.0))[0] for seed in range(5)]
    assert heard == ["scuffle"] * 5


def test_a_misheard_word_is_never_heard_as_itself_but_may_be_as_its_like():
    heard = {texts(hear("two", seed=seed, error_weights=ALWAYS, sound=3.0))[0] for seed in range(20)}
    assert heard == {"to"}


def test_one_word_is_heard_as_two_and_two_as_one():
    split = hear("skyfall", splits_unknown=1.0)
    assert len(split) == 6
    assert {(word.start_char, word.end_char) for word in split} == {(0, 7)}
    [merged] = hear("sat turn", error_weights=ALWAYS, ends_kept=0.0, sound=3.0)
    assert merged == HeardWord("saturn", 0, 8)


def test_an_end_may_move_by_a_phone():
    [one, other] = hear("cat sat", error_weights=ALWAYS, ends_kept=0.0, ends_moved=1.0, sound=3.0)
    assert (one.start_char, one.end_char, other.start_char, other.end_char) == (0, 3, 4, 7)


def test_each_heard_word_knows_the_characters_it_stands_for():
    for seed in range(20):
        heard = hear(TEXT, seed=seed, splits=0.1, ends_kept=0.5, ends_moved=0.2, dropped=0.2, inserted=0.3)
        spans = [(word.start_char, word.end_char) for word in heard]
        assert all(0 <= start <= end <= len(TEXT) for start, end in spans)
        assert [start for start, _ in spans] == sorted(start for start, _ in spans)
        for word in heard:
            if TEXT[word.start_char : word.end_char].lower() == word.text:
                break
        else:
            pytest.fail("no word was heard as it was said")


def test_a_number_is_said_in_words_that_share_its_characters():
    assert hear("at 3 on", error_weights=NEVER)[1] == HeardWord("three", 3, 4)


def test_dropped_words_are_gone_and_inserted_ones_stand_for_nothing():
    assert hear("the cat", error_weights=ALWAYS, dropped=1.0) == []
    heard = hear("the cat", error_weights=NEVER, inserted=1.0)
    assert [(word.start_char, word.end_char) for word in heard] == [(0, 3), (3, 3), (4, 7), (7, 7)]


def test_errors_come_in_runs_where_an_error_makes_the_next_likelier():
    words = [VerbalizedWord("cat", 4 * i, 4 * i + 3) for i in range(3000)]

    def runs(after_error: float, bias: float) -> tuple[float, float]:
        made_with = level(error_weights=weights(bias=bias, after_error=after_error))
        heard = SIMULATOR.hear_at(words, made_with, np.random.default_rng(0))
        wrong = np.array([word.text != "cat" for word in heard])
        return wrong.mean(), (wrong[1:] & wrong[:-1]).sum() / wrong[:-1].sum()

    share, after = runs(0.0, -1.0)
    assert after == pytest.approx(share, abs=0.05)
    share, after = runs(3.0, -2.0)
    assert after > share + 0.2


def test_letters_sound_like_their_names():
    heard = {texts(hear("A.A.", seed=seed, error_weights=NEVER, splits=0.0))[0] for seed in range(3)}
    assert heard == {"a"}


def test_no_words_give_no_words():
    assert SIMULATOR.hear([], 0.3, np.random.default_rng(0)) == []


def test_the_rate_that_is_asked_for_decides_the_level():
    calm, wild = level(wer=0.1, error_weights=NEVER), level(wer=0.9, error_weights=ALWAYS)
    simulator = AsrSimulator(tiny_vocabulary(), table(calm, wild))
    words = verbalize("the cat sat on the mat")
    assert texts(simulator.hear(words, 0.1, np.random.default_rng(0))) == [word.text for word in words]
    assert not set(texts(simulator.hear(words, 0.9, np.random.default_rng(0)))[1:3]) & {"cat", "sat"}
