from bert_qa_tf.records.dev_split import DevSplit
from bert_qa_tf.tasks.question_answering.examples import SquadExample


def _examples(titles: str, paragraphs: int = 2) -> list[SquadExample]:
    return [
        SquadExample(f"{title}{i}", "q", f"text {title} {i}", title=title, paragraph_index=i)
        for title in titles
        for i in range(paragraphs)
    ]


def _paragraphs(examples: list[SquadExample]) -> set[tuple[str, int]]:
    return {(example.title, example.paragraph_index) for example in examples}


def _held_out(split: DevSplit, examples: list[SquadExample]) -> list[str]:
    return [example.qas_id for example in examples if split.holds_out(example.title, example.paragraph_index)]


def test_whole_articles_are_held_out():
    examples, warnings = _examples("abcdefghij"), []
    split = DevSplit(0.2, seed=0, warn=warnings.append)
    split.add_file("file", _paragraphs(examples))
    held_out = _held_out(split, examples)
    assert len(held_out) == 4
    assert len({qas_id[0] for qas_id in held_out}) == 2
    assert warnings == []


def test_an_article_is_on_the_same_side_in_every_file():
    first, second = _examples("abcdef"), _examples("efghij")
    split = DevSplit(0.5, seed=3, warn=print)
    split.add_file("first", _paragraphs(first))
    split.add_file("second", _paragraphs(second))
    sides = {}
    for example in first + second:
        sides.setdefault(example.title, set()).add(split.holds_out(example.title, example.paragraph_index))
    assert all(len(side) == 1 for side in sides.values())


def test_another_seed_holds_out_other_articles():
    chosen = set()
    for seed in range(8):
        split = DevSplit(0.1, seed, print)
        split.add_file("file", _paragraphs(_examples("abcdefghij")))
        chosen.add(tuple(_held_out(split, _examples("abcdefghij"))))
    assert len(chosen) > 2


def test_a_single_article_is_cut_by_paragraph_with_a_warning():
    examples, warnings = _examples("a", paragraphs=10), []
    split = DevSplit(0.3, seed=0, warn=warnings.append)
    split.add_file("reddit.json", _paragraphs(examples))
    assert len(_held_out(split, examples)) == 3
    assert len(warnings) == 1
    assert warnings[0].startswith("reddit.json: one article only")


def test_a_single_paragraph_is_trained_on_whole_with_a_warning():
    examples, warnings = _examples("a", paragraphs=1), []
    split = DevSplit(0.3, seed=0, warn=warnings.append)
    split.add_file("call.json", _paragraphs(examples))
    assert _held_out(split, examples) == []
    assert warnings == ["call.json: one paragraph only, so nothing of it is set aside for development"]


def test_no_fraction_holds_out_nothing_and_a_tiny_one_at_least_one_article():
    examples = _examples("abc")
    for fraction, expected in ((0.0, 0), (0.01, 2)):
        split = DevSplit(fraction, 0, print)
        split.add_file("file", _paragraphs(examples))
        assert len(_held_out(split, examples)) == expected
