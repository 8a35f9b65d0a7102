"""What the documents say of the models is what the server knows of them."""

import re

from source_tree import ROOT

from services.domain.catalog import Model
from services.providers.models.catalog import Catalog
from services.providers.models.fields import ENTRY_FIELDS, KINDS
from services.providers.models.file import MAX_BYTES, ModelsFile

TEXT = (ROOT / "Documentation" / "models.md").read_text()
KNOWN = Catalog.load()


def row(model: Model) -> str:
    """Write a model as the table has it."""

    def told(*, yes: bool) -> str:
        return "yes" if yes else "no"

    limit = "yes" if model.max_temperature == 2 else f"up to {model.max_temperature:g}"
    cells = (
        model.provider,
        f"`{model.name}`",
        model.tier.value,
        str(model.window),
        str(model.max_output),
        told(yes=model.reasons),
        told(yes=model.sees),
        limit if model.takes_temperature else "no",
        str(model.ends or ""),
    )
    return f"| {' | '.join(cells)} |".replace("|  |", "| |")


def test_the_table_of_the_models_is_the_catalog() -> None:
    rows = re.findall(rf"^\| (?:{'|'.join(KINDS)}) \|.*$", TEXT, re.MULTILINE)

    assert rows == [row(model) for kind in KINDS for model in KNOWN.models_of(kind)]


def test_the_example_of_a_file_is_one() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)

    extended = KNOWN.extended(ModelsFile.parse("example", example))

    assert extended.models_of("openai")[0].name == "gpt-6.1-terra"
    assert extended.models_of("anthropic")[-1].name == "claude-next"


def test_every_field_of_a_file_is_told() -> None:
    section = TEXT[TEXT.index("| field |") :]
    fields = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)

    assert sorted(fields) == sorted([*ENTRY_FIELDS, "price"])
    assert f"{MAX_BYTES} bytes" in TEXT
