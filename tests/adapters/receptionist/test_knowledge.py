"""The receptionist finds the page that answers, and says so when there is none."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import stella.app.agents
from stella.adapters.receptionist import Knowledge
from stella.adapters.receptionist.knowledge import cut, for_the_ear, plain
from stella.adapters.receptionist.words import fold, language_of, terms

PAGES = Path(stella.app.agents.__file__).parent / "knowledge"
KNOWLEDGE = Knowledge.load(PAGES)
QUESTIONS = tomllib.loads(Path(__file__).with_name("questions.toml").read_text("utf-8"))
FLOORS = {("tuned", "de"): 0.95, ("tuned", "en"): 0.95, ("control", "de"): 0.9, ("control", "en"): 0.9}


def _right(language: str, question: str, page: str) -> bool:
    found = KNOWLEDGE.search(question, language)
    return bool(found) and found[0].chunk.source.startswith(page) if page else not found


@pytest.mark.parametrize(("kind", "language"), FLOORS)
def test_most_questions_find_their_page(kind, language):
    """A floor under the ranking, so that a change for one question cannot spoil the others."""
    rows = QUESTIONS[kind][language]
    assert len(rows) >= 30
    wrong = [question for question, page in rows if not _right(language, question, page)]
    assert 1 - len(wrong) / len(rows) >= FLOORS[kind, language], wrong


@pytest.mark.parametrize("language", ["de", "en"])
def test_off_topic_questions_are_not_answered(language):
    """A wrong answer is worse than none: at most one of them may slip through."""
    off = [question for kind in QUESTIONS for question, page in QUESTIONS[kind][language] if not page]
    assert len(off) >= 15
    assert sum(bool(KNOWLEDGE.search(question, language)) for question in off) <= 1


@given(st.text(max_size=300), st.sampled_from(["de", "en"]))
def test_any_question_is_survived(question, language):
    """Callers say anything; what is found is honest about its coverage."""
    for found in KNOWLEDGE.search(question, language):
        assert 0.5 <= found.coverage <= 1.01
        assert found.chunk.language == language


def test_every_built_in_answer_fits_the_ear():
    """Two sentences at most, no Markdown, no more than a caller keeps in mind."""
    assert len(KNOWLEDGE.chunks) >= 25
    for chunk in KNOWLEDGE.chunks:
        assert 10 < len(chunk.say) <= 300
        assert not set("#*_[]<>|`") & set(chunk.say)


def test_a_page_is_cut_at_its_headings():
    """Each heading is a subject; front matter names the language, a comment what is said."""
    page = "---\nlanguage: en\n---\nIntro text.\n"
    page += "# One\nFirst. Second. Third.\n## Two\n<!-- say: Said aloud. -->\nwritten only\n# Empty\n"
    chunks = cut(page, "page.md")
    assert [(chunk.source, chunk.say) for chunk in chunks] == [
        ("page.md", "Intro text."),
        ("page.md#One", "First. Second."),
        ("page.md#Two", "Said aloud."),
    ]
    assert {chunk.language for chunk in chunks} == {"en"}


def test_the_language_of_a_chunk_is_heard_from_its_words():
    """Pages without front matter may mix languages chunk by chunk."""
    chunks = cut(
        "# Parken\nDas Auto kann man vor dem Haus parken.\n# Parking\nYou can park the car in front of the house.\n",
        "p.md",
    )
    assert [chunk.language for chunk in chunks] == ["de", "en"]
    assert language_of("Where is the office?") == "en"


def test_markdown_is_not_read_aloud():
    """Marks are for the eye."""
    assert plain("**Bold** and [a link](https://x.example) and `code`\n- item") == "Bold and a link and code item"
    assert for_the_ear("A" * 1000).endswith(".")
    assert len(for_the_ear("word " * 500)) <= 402


def test_a_folder_out_of_bounds_names_what_it_left_out(tmp_path):
    """Nothing is dropped silently: pages too large or unreadable are listed."""
    (tmp_path / "good.md").write_text("# Öffnung\nWir haben offen.", "utf-8")
    (tmp_path / "huge.md").write_text("x" * 600_000, "utf-8")
    (tmp_path / "latin.md").write_bytes(b"# Caf\xe9\nnot utf-8")
    knowledge = Knowledge.load(tmp_path)
    assert knowledge.left_out == ("huge.md", "latin.md")
    assert len(knowledge.chunks) == 1


def test_no_folder_is_an_empty_knowledge():
    """An agent without pages still works; it knows nothing and says so."""
    assert Knowledge.load("").search("Was kostet das?", "de") == []


def test_words_are_folded_alike_however_they_are_written():
    """Umlauts, accents, case and apostrophes differ between engines."""
    assert fold("Größe, bitte: DON’T!") == "groesse bitte dont"
    assert fold("café") == "cafe"
    assert terms("Was kosten die Gebühren?", "de") == terms("preis preis", "de")
