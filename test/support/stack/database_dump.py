"""How two databases differ, told object by object from their dumps."""

import re
from collections import defaultdict
from collections.abc import Mapping
from difflib import unified_diff

# What pg_dump writes above each object.
HEADING = re.compile(
    r"^--\n-- Name: (?P<name>.+); Type: (?P<type>[A-Z ]+); Schema: (?P<schema>\S+);"
    r" Owner: (?P<owner>.*)\n--\n",
    re.MULTILINE,
)
LAST_LINES = re.compile(r"\n--\n-- PostgreSQL database dump complete\n.*", re.DOTALL)
# Each dump has a random key of its own in these lines.
RESTRICTIONS = re.compile(r"^\\(un)?restrict .*\n", re.MULTILINE)


def objects_of(dump: str) -> dict[str, str]:
    """Give the SQL that makes each object, by its kind and name; the SQL tells its owner too.

    A table's columns stand in their physical order, on which whole rows depend (`row(...)`,
    `select *`); grants are sorted, because their order depends on how often each was given.
    """
    objects: dict[str, str] = defaultdict(str)
    dump = RESTRICTIONS.sub("", dump)
    headings = list(HEADING.finditer(dump))
    ends = [heading.start() for heading in headings[1:]] + [len(dump)]
    for heading, end in zip(headings, ends, strict=True):
        sql = LAST_LINES.sub("", dump[heading.end() : end]).strip()
        if heading["type"].endswith("ACL"):
            sql = "\n".join(sorted(sql.splitlines()))
        name = f"{heading['type']} {heading['schema']}.{heading['name']}"
        objects[name] += f"-- owner: {heading['owner']}\n{sql}\n"
    assert objects, "pg_dump writes other headings than it used to"
    return dict(objects)


def differences(
    left: Mapping[str, str], right: Mapping[str, str], left_name: str, right_name: str
) -> dict[str, str]:
    """Give the lines that differ, by their object; empty where all objects are equal."""
    return {
        name: "\n".join(
            unified_diff(
                left.get(name, "").splitlines(),
                right.get(name, "").splitlines(),
                left_name if name in left else f"{left_name} (has no such object)",
                right_name if name in right else f"{right_name} (has no such object)",
                n=2,
                lineterm="",
            )
        )
        for name in sorted({*left, *right})
        if left.get(name) != right.get(name)
    }
