"""What the README of the sample says is planted, as ids, so that text and tests cannot differ."""

import re

from tests.support.sample import TABLES


def told(section: str, label: str) -> set[str]:
    """Return what stands between backticks in the row of the section's table that begins with the label; `-x` repeats a prefix."""
    readme = (TABLES.parent / "README.md").read_text(encoding="utf-8")
    (row,) = re.findall(
        rf"^\| {re.escape(label)} \| (.*) \|$", readme.split(f"### {section}\n")[1].split("\n### ")[0], re.MULTILINE
    )
    return set(re.findall(r"`([^`]+)`", row))
