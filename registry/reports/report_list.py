"""Generate docs/report-list.md from the report definitions: `python -m registry.reports.report_list`."""

from collections.abc import Iterator, Mapping

from registry.analysis.report import Column, Parameter, ReportDefinition, TextParameter


def describe(questions: Mapping[str, ReportDefinition]) -> str:
    """Return the contents of docs/report-list.md."""
    lines = [
        "# What each report asks and holds",
        "",
        "Written by `make docs`; how to read them: [reports.md](reports.md).",
        "",
    ]
    for question in questions.values():
        lines += [*_section(question), ""]
    return "\n".join(lines)


def _section(question: ReportDefinition) -> Iterator[str]:
    yield f"## {question.name}"
    yield ""
    yield f"**{question.text}** {question.method}"
    yield ""
    if question.parameters:
        yield "| parameter | what it does | usual | from | to |"
        yield "|---|---|---|---|---|"
        yield from map(_parameter, question.parameters)
        yield ""
    yield "| column | type | what it says |"
    yield "|---|---|---|"
    yield from map(_column, question.columns)


def _parameter(one: Parameter | TextParameter) -> str:
    if isinstance(one, TextParameter):
        return f"| `{one.name}` | {one.description} | empty | | {one.longest} letters |"
    return f"| `{one.name}` | {one.description} | {one.default:g} | {one.least:g} | {one.most:g} |"


def _column(one: Column) -> str:
    counted = f", {one.unit}" if one.unit else ""
    codes = f" Codes: {'; '.join(f'`{code}` {word}' for code, word in one.words.items())}." if one.words else ""
    return f"| `{one.name}` | {one.type}{counted} | {one.description}{codes} |"


if __name__ == "__main__":
    from registry.reports.catalogue import DEFINITIONS

    print(describe(DEFINITIONS), end="")
