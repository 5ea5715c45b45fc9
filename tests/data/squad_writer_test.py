from bert_qa_tf.data.examples import Answer, SquadExample
from bert_qa_tf.data.squad import read_squad
from bert_qa_tf.data.squad_writer import SquadWriter


def test_what_is_written_an_article_at_a_time_is_read_back(tmp_path):
    examples = [
        SquadExample("1", "who", "é cat", (Answer("cat", 2),), title="a", paragraph_index=0),
        SquadExample("2", "what", "é cat", (Answer("é", 0),), title="a", paragraph_index=0),
        SquadExample("3", "who", "a dog", (Answer("dog", 2),), title="a", paragraph_index=1),
        SquadExample("4", "who", "a hen", (Answer("hen", 2), Answer("a hen", 0)), title="b", paragraph_index=0),
    ]
    path = str(tmp_path / "dev.json")
    with SquadWriter(path, "1.1") as writer:
        for example in examples:
            writer.add(example)
    assert read_squad(path) == examples


def test_squad_2_keeps_what_is_impossible(tmp_path):
    example = SquadExample("1", "who", "a cat", (), is_impossible=True, title="a")
    path = str(tmp_path / "dev.json")
    with SquadWriter(path, "v2.0") as writer:
        writer.add(example)
    assert read_squad(path) == [example]
