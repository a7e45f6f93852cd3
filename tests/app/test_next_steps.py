"""What is said after the start can be copied and works: nobody is sent to an address that Twilio cannot reach."""

from __future__ import annotations

from stella.app.next_steps import next_steps

PUBLIC = "https://stella.example.at"


def test_on_this_machine_alone_no_address_is_called_twilios() -> None:
    """`http://127.0.0.1` in the console is the first thing a newcomer would try, and it can never ring."""
    words = next_steps(3001)
    assert "/api/stella/call/voice" not in words
    assert "stella dev --tunnel auto --connect" in words
    assert "docs/how-to/connect-twilio.md" in words


def test_another_port_is_part_of_the_command() -> None:
    """`stella call` rings 3001 unless it is told otherwise."""
    assert '.venv/bin/stella call --say "' in next_steps(3001)
    assert '.venv/bin/stella call http://localhost:3411 --lang de --say "' in next_steps(3411)


def test_a_public_address_is_what_the_number_must_be_told() -> None:
    """The call stays on this machine: `.env` has the address for both, and the way in from outside may not stand yet."""
    words = next_steps(3001, PUBLIC)
    assert '.venv/bin/stella call --say "' in words
    for path in ("voice", "fallback", "status"):
        assert f"{PUBLIC}/api/stella/call/{path}" in words


def test_behind_a_tunnel_the_call_goes_through_it_and_its_keeper_says_the_addresses() -> None:
    """What is signed for localhost was refused; and the addresses stood there twice, once as if still to be set."""
    words = next_steps(3001, PUBLIC, tunnelled=True)
    assert f'.venv/bin/stella call {PUBLIC} --say "' in words
    assert "/api/stella/call/voice" not in words


def test_the_remarks_stand_in_one_column() -> None:
    """Whatever the port."""
    rows = [row for row in next_steps(3411).splitlines() if row.startswith("  .venv")]
    ends = ("ring it and talk", "the same in German", "read what was said", "let a Twilio number ring it")
    assert len({row.index(end) for row, end in zip(rows, ends, strict=True)}) == 1


def test_nobody_is_asked_to_speak_what_the_agent_does_not() -> None:
    """An agent that a program describes often has one language."""
    assert "--lang de" not in next_steps(3001, languages=["en"])
    german = next_steps(3001, languages=["de"])
    assert "--lang de" in german
    assert "opening hours" not in german
