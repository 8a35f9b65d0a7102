"""A file of models: what it may say, and that each mistake is told with its line."""

from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.providers.models.catalog import Catalog, InvalidModels
from services.providers.models.file import MAX_BYTES, ModelsFile

KNOWN = Catalog.load()


def extended(text: str) -> Catalog:
    return KNOWN.extended(ModelsFile.parse("models.yaml", dedent(text)))


def mistakes(text: str) -> list[str]:
    with pytest.raises(InvalidModels) as caught:
        extended(text)
    return list(caught.value.mistakes)


def entry(line: str) -> str:
    """Write an entry whose third line, the fourth of the file, is the given one."""
    return f"models:\n- provider: openai\n  name: gpt-4.1-mini\n  {line}\n"


@pytest.mark.parametrize(
    ("line", "field", "said"),
    [
        ("window: many", "window", "'many' is not a whole number of tokens"),
        ("window: 0", "window", "'0' is not a whole number of tokens"),
        ("window: -5", "window", "'-5' is not a whole number"),
        ("window: 1e3", "window", "'1e3' is not a whole number"),
        ("window: 1:30", "window", "'1:30' is not a whole number"),
        ("window: 0x10", "window", "'0x10' is not a whole number"),
        ("window: 0128", "window", "'0128' is not a whole number"),
        ("window: 128,000", "window", "'128,000' is not a whole number"),
        ("window: 1_2", "window", "'1_2' is not a whole number"),
        ("window: 128000.0", "window", "'128000.0' is not a whole number"),
        ("window: 1000000001", "window", "from 1 to 1000000000"),
        ("window: ١٢٨", "window", "is not a whole number"),
        ("window:", "window", "It has no value"),
        ("window: ~", "window", "It has no value"),
        ("window: null", "window", "It has no value"),
        ('window: ""', "window", "It has no value"),
        ("window: [1]", "window", "It takes a single value"),
        ("window: {a: 1}", "window", "It takes a single value"),
        ("max_output: 2_000_000", "max_output", "2000000 is more than the window of 1047576"),
        ("tier: medium", "tier", "'medium' is not one of small, large"),
        ("reasons: yes", "reasons", "'yes' is not true or false"),
        ("sees: on", "sees", "'on' is not true or false"),
        ("takes_temperature: 1", "takes_temperature", "'1' is not true or false"),
        ("default: True", "default", "'True' is not true or false"),
        ("max_temperature: 0", "max_temperature", "'0' is not a number above 0, up to 2"),
        ("max_temperature: 2.1", "max_temperature", "'2.1' is not a number above 0, up to 2"),
        ("max_temperature: .inf", "max_temperature", "'.inf' is not a number"),
        ("ends: soon", "ends", "'soon' is not a day such as 2027-01-14, or never"),
        ("ends: 2027-1-14", "ends", "'2027-1-14' is not a day"),
        ("ends: 20270114", "ends", "'20270114' is not a day"),
        ("ends: 2027-02-30", "ends", "'2027-02-30' is not a day"),
        ("ends: 2027-01-14T00:00:00Z", "ends", "'2027-01-14T00:00:00Z' is not a day"),
        ("ends: ٢٠٢٧-01-14", "ends", "is not a day"),
        ("ends:", "ends", "It has no value"),
        ("price: 5", "price", "It takes fields such as `input:`"),
        ("price: {input: 1}", "price", "output is missing"),
        ("price: {input: 1e-3, output: 1}", "input", "'1e-3' is not US dollars"),
        ("price: {input: -1, output: 1}", "input", "'-1' is not US dollars"),
        ("price: {input: 1, output: .nan}", "output", "'.nan' is not US dollars"),
        ("price: {input: 1, output: 1000001}", "output", "'1000001' is not US dollars"),
        ("price: {input: 1, output: 1, cached: 1}", "cached", "is not known here"),
        ("context: 5", "context", "is not known here. Known: provider, name, tier, window"),
        ("name: again", "name", "It stands in line 3 already"),
        ("<<: {window: 5}", "<<", "is not known here"),
        ("? [a, b]", "?", "is not known here"),
        ("remove: true\n  window: 5", "window", "It has no place beside `remove: true`"),
    ],
)
def test_a_wrong_field_is_told_with_its_line(line: str, field: str, said: str) -> None:
    (told,) = mistakes(entry(line))

    at = 5 if line.startswith("remove") else 4
    assert told.startswith(f"models.yaml, line {at}: ")
    assert field in told
    assert said in told


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "models: It is missing"),
        ("models:", 1, "It takes a list"),
        ("{}", 1, "models: It is missing"),
        ("- provider: openai", 1, "the file: It takes fields such as `models:`"),
        ("models: {a: 1}", 1, "It takes a list"),
        ("models: []\nversion: 1", 2, "'version' is not known here. Known: models."),
        ("models: []\nmodels: []", 2, "models: It stands in line 1 already"),
        ("models:\n- openai", 2, "an entry: It takes fields such as `provider:`"),
        ("models:\n- name: x\n", 2, "provider: It is missing"),
        ("models:\n- provider: openai\n", 2, "name: It is missing"),
        ("models:\n- provider: nobody\n  name: x", 2, "'nobody' is not one of gemini, openai"),
        ("models:\n- provider: scripted\n  name: x", 2, "'scripted' is not one of"),
        ("models:\n- provider: OpenAI\n  name: x", 2, "'OpenAI' is not one of"),
        ('models:\n- provider: openai\n  name: "a\\tb"', 3, "is not a name"),
        ('models:\n- provider: openai\n  name: " a"', 3, "is not a name"),
        ("models:\n- provider: openai\n  name: " + "x" * 201, 3, "is not a name of up to 200"),
        (
            "models:\n- provider: openai\n  name: gpt-5\n  window: 9",
            4,
            "is more than the window of 9",
        ),
        ("models:\n- {provider: openai, name: x}", 2, "window and max_output: It is missing"),
        ("models:\n- {provider: local, name: x, window: 5}", 2, "max_output: It is missing"),
        ("models:\n- {provider: openai, name: x, remove: true}", 2, "'x' is not a model of openai"),
        ('models:\n- {provider: openai, name: "*", remove: true}', 2, "is not a model of openai"),
        ('models:\n- {provider: openai, name: "*", default: true}', 2, "answers nobody"),
        ('models:\n- {provider: openai, name: "*", ends: 2027-01-14}', 2, "does not end"),
        ("models:\n  - provider: openai\n bad", 3, "It is not YAML"),
        ("models: [", 1, "It is not YAML"),
        ("models: []\n---\nmodels: []", 2, "It is not YAML"),
        ("models: []\n\x00", 2, "It is not YAML"),
        ("models:\n- &a [*b]", 2, "It is not YAML"),
    ],
)
def test_a_wrong_file_is_told_with_the_line(text: str, line: int, said: str) -> None:
    (told,) = mistakes(text)

    assert told.startswith(f"models.yaml, line {line}: ")
    assert said in told


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    told = mistakes(
        """\
        models:
          - provider: openai
            name: gpt-4.1
            window: many
            sees: perhaps
          - provider: openai
            name: brand-new
            window: 1000
          - provider: nobody
            nmae: x
          - provider: openai
            name: gpt-4.1
            default: true
          - provider: openai
            name: gpt-4o-mini
            default: true
        """
    )

    assert [one.split(":")[0] for one in told] == [
        f"models.yaml, line {line}" for line in (4, 5, 6, 9, 9, 10, 12, 16)
    ]


def test_a_tag_makes_nothing() -> None:
    (told,) = mistakes(entry("window: !!python/object/apply:os.getpid []"))

    assert "It takes a single value" in told


@pytest.mark.parametrize("escape", ["UFFFFFFFF", "U00110000"])
def test_a_character_that_does_not_exist_is_refused(escape: str) -> None:
    (told,) = mistakes(entry(f'tier: "\\{escape}"'))

    assert told.startswith("models.yaml, line 4: It is not YAML")


PARTS = st.sampled_from(
    [
        *("models:", "- ", "provider: ", "name: ", "window: ", "price: ", "remove: ", "openai"),
        *("input: ", "true", "~", "*", "&a ", "*a", "<<: ", "? ", "|", ">", "!!set ", "%YAML 1.1"),
        *("\n", "\n  ", "\n- ", "{", "}", "[", "]", ", ", ": ", '"', "'", "\\U", "#", "---", "1"),
    ]
)


@given(st.lists(PARTS | st.text(max_size=3), max_size=40).map("".join))
def test_whatever_a_file_holds_is_taken_or_told(text: str) -> None:
    told = ["models.yaml, line 1: nothing, all of it was taken"]
    try:
        extended(text)
    except InvalidModels as exc:
        told = list(exc.mistakes)

    assert told
    assert all(one.startswith("models.yaml, line ") for one in told)


def test_what_is_nested_without_end_is_refused() -> None:
    (told,) = mistakes("models: " + "[" * 20_000)

    assert told == "models.yaml, line 1: It is nested too deeply."


def test_a_number_of_any_length_is_refused_at_once() -> None:
    (told,) = mistakes(entry("window: " + "9" * 100_000))

    assert len(told) < 200


def test_a_file_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    big, binary = tmp_path / "big.yaml", tmp_path / "binary.yaml"
    big.write_text("#" * (MAX_BYTES + 1))
    binary.write_bytes(b"models: []\n# \xff\n")

    for path, said in (
        (tmp_path / "none.yaml", "none.yaml: It cannot be read: No such file or directory."),
        (tmp_path, f"{tmp_path.name}: It is not a file."),
        (Path("/dev/zero"), "zero: It is not a file."),
        (big, f"big.yaml: It is larger than {MAX_BYTES} bytes."),
        (binary, "binary.yaml, line 2: It is not UTF-8."),
    ):
        with pytest.raises(InvalidModels) as caught:
            Catalog.load(str(path))
        assert list(caught.value.mistakes) == [said]


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "models.yaml"
    path.write_text("models: []", encoding="utf-8-sig")

    assert Catalog.load(str(path)).models_of("openai") == KNOWN.models_of("openai")
