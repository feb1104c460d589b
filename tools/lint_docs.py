#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the pages: every relative link leads somewhere, and docs/README.md names every page of docs/."""
import re
import sys
from pathlib import Path

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def links(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [link for link in LINK.findall(text) if "://" not in link and not link.startswith("mailto:")]


def main():
    hidden = [ROOT / "build", ROOT / ".git", ROOT / "tests/lint/bad"]  # the last breaks the rules on purpose
    pages = [p for p in sorted(ROOT.rglob("*.md")) if not any(h in p.parents for h in hidden)]
    problems = []
    for page in pages:
        for link in links(page):
            if not (page.parent / link).exists():
                problems.append(f"{page.relative_to(ROOT)}: the link {link} leads nowhere")
    index = ROOT / "docs/README.md"
    named = {(index.parent / link).resolve() for link in links(index)} if index.exists() else set()
    for page in sorted((ROOT / "docs").rglob("*.md")):
        if page != index and page.resolve() not in named:
            problems.append(f"docs/README.md does not name {page.relative_to(ROOT)}")
    print("\n".join(problems + [f"{len(pages)} pages, {len(problems)} problems"]))
    return 1 if problems or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
