"""The script does what its table in the documentation says."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_tree import ROOT
from wires.calls import ask, provider_of

from services.domain.costs import UsageSource
from services.providers.scripted import directions as scripted_commands
from services.providers.scripted import provider as scripted
from services.providers.scripted.directions import Script, read_script
from services.providers.scripted.provider import words_of

DOCUMENT = ROOT / "Documentation" / "scripted.md"
ROW = re.compile(
    r"^\| `(?P<command>/[^`]+)` \|.*\| `(?P<example>[^`]+)` \| `(?P<ending>\w+)` \|$", re.MULTILINE
)
TABLE = ROW.findall(DOCUMENT.read_text())
SCRIPTED = provider_of("scripted")


@pytest.mark.parametrize(("command", "example", "ending"), TABLE)
def test_each_example_of_the_table_ends_as_it_says(command: str, example: str, ending: str) -> None:
    outcome = ask(SCRIPTED, example)

    assert command.split(maxsplit=1)[0] in example
    assert outcome.ending == ending


def test_the_table_and_the_docstring_tell_the_same_commands() -> None:
    told = re.findall(r"^    (/\w+(?: \w+)?)", scripted.__doc__ or "", re.MULTILINE)

    assert set(told) == {command for command, _, _ in TABLE}


def test_without_a_command_it_says_that_it_is_a_demonstration() -> None:
    outcome = ask(SCRIPTED, "/slow 0x\nWas ist {das}?")

    assert "demonstration without any AI key" in outcome.text
    assert "Was ist {das}?" in outcome.text
    assert {"é", "ü", "你", "👋"} <= set(outcome.text)
    assert len(words_of(outcome.text)) > 50


def test_the_same_message_gets_the_same_answer() -> None:
    assert ask(SCRIPTED, "/slow 0 /long 300").events == ask(SCRIPTED, "/slow 0 /long 300").events


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_echo_repeats_any_text_exactly(text: str) -> None:
    assert ask(SCRIPTED, f"/slow 0 /echo {text}", max_tokens=10_000).text == text


def test_long_tells_exactly_as_many_words() -> None:
    outcome = ask(SCRIPTED, "/long 321 /slow 0")

    assert len(outcome.text.split()) == 321
    assert outcome.usage is not None
    assert outcome.usage.output_tokens == 321
    assert outcome.usage.source is UsageSource.ESTIMATED


def test_an_answer_longer_than_max_tokens_ends_with_length() -> None:
    outcome = ask(SCRIPTED, "/long 50 /slow 0", max_tokens=7)

    assert outcome.ending == "length"
    assert len(outcome.text.split()) == 7


def test_an_answer_of_exactly_max_tokens_is_complete() -> None:
    assert ask(SCRIPTED, "/long 7 /slow 0", max_tokens=7).ending == "stop"


@pytest.mark.parametrize("command", ["filter", "fail during", "stall", "cut"])
def test_what_breaks_half_way_has_told_the_first_half(command: str) -> None:
    outcome = ask(SCRIPTED, f"/{command} /long 40 /slow 0")

    assert len(outcome.text.split()) == 20


def test_commands_combine_and_further_lines_are_left_alone() -> None:
    script = read_script("/long 500 /slow 5 /reasoning /cut\r\n/empty")

    assert script.word_count == 500
    assert script.milliseconds == 5
    assert script.reasons
    assert script.ending == "cut"
    assert not script.is_empty


@pytest.mark.parametrize(
    "line",
    [
        "",
        "/",
        "/unknown",
        "/slow",
        "/slow x",
        "/slow 60001",
        "/slow -1",
        "/long 0",
        "/long 100001",
        "/fail",
        "/fail now",
        "/stall it",
        "/cutting",
        "/echo",
        "please /cut",
        "/slow 5 and then",
        " /cut",
    ],
)
def test_a_line_that_is_not_all_commands_is_text(line: str) -> None:
    assert read_script(line) == Script(text=line)


def test_the_limits_of_the_commands_are_those_of_the_table() -> None:
    text = DOCUMENT.read_text()

    assert f"{scripted_commands.LONGEST_PAUSE_MILLISECONDS} at most" in text
    assert f"{scripted_commands.MOST_WORDS} at most" in text
    assert f"({scripted_commands.WORD_MILLISECONDS} without it" in text
    assert f"asks to wait {scripted.RETRY_AFTER_SECONDS:.0f} seconds" in text
