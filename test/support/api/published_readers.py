"""The examples of Documentation/clients/readers.md, run as they stand there."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from source_tree import ROOT

PAGE = ROOT / "Documentation" / "clients" / "readers.md"
SECTION = r"^## {}\n(?:(?!^## ).*\n)*?```(js|python)\n((?:(?!^```).*\n)*)```$"
ASK_IN_PYTHON = """
import sys
sys.stdout.buffer.write(json.dumps(ask(*json.load(sys.stdin))).encode())
"""
ASK_IN_NODE = """
import { readFileSync } from "node:fs";
import { ask } from "./reader.mjs";
process.stdout.write(JSON.stringify(await ask(...JSON.parse(readFileSync(0, "utf8")))));
process.exit();
"""
BROWSER = """
globalThis.window = globalThis;
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };
"""
"""As much of a browser as those provide who use `@microsoft/fetch-event-source` in Node."""

PATIENCE_SECONDS = 120


def _example(section: str) -> tuple[str, str]:
    """Give the language and the code of the first example of a section."""
    found = re.search(SECTION.format(re.escape(section)), PAGE.read_text(), re.MULTILINE)
    assert found, section
    return found[1], found[2]


@dataclass(frozen=True, slots=True)
class PublishedReader:
    """A reader, with the first example of its section of the page, and the `fetch` for it."""

    name: str
    language: str
    code: str
    watch: str

    @classmethod
    def of(cls, name: str) -> Self:
        """Find its section."""
        _, watch = _example("A `fetch` that watches")
        return cls(name, *_example(name), watch)

    def impatient(self) -> Self:
        """Give the same reader, which takes a second without a word for a lost network."""
        return replace(
            self,
            code=self.code.replace("timeout=40", "timeout=1"),
            watch=self.watch.replace("40_000", "1_000"),
        )

    def ask(self, folder: Path, *arguments: str) -> str:
        """Call `ask(base, token, session_id, content)` in a process of its own, to its end."""
        ran = subprocess.run(
            self._command(folder),
            cwd=folder,
            input=json.dumps(arguments).encode(),
            capture_output=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        assert ran.returncode == 0, ran.stderr.decode()
        text: str = json.loads(ran.stdout)
        return text

    def _command(self, folder: Path) -> list[str]:
        if self.language == "python":
            (folder / "reader.py").write_text(self.code + ASK_IN_PYTHON)
            return [sys.executable, "reader.py"]
        (folder / "node_modules").symlink_to(ROOT / "test" / "node_modules")
        (folder / "reader.mjs").write_text(self.code)
        (folder / "watchful.mjs").write_text(self.watch)
        (folder / "browser.mjs").write_text(BROWSER)
        (folder / "ask.mjs").write_text(ASK_IN_NODE)
        shim = ["--import", "./browser.mjs"] if "fetch-event-source" in self.name else []
        return ["node", *shim, "ask.mjs"]
