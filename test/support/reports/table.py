"""How reports stand in the tables of `Documentation/untidy-servers.md`."""


def linked(thread: str) -> str:
    """Link a public thread, named `owner/repository#number`."""
    repository, _, number = thread.partition("#")
    return f"[{thread}](https://github.com/{repository}/issues/{number})"


def row_of(*cells: str) -> str:
    """Write a row of a table."""
    escaped = (cell.replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"
