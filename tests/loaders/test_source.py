"""A source's folder: what its `source.toml` may say, and how it is found."""

from collections.abc import Callable
from pathlib import Path

import pytest

from loaders.result import LoadAborted
from loaders.source import SourceDefinition, find_source, known_sources, read_source
from loaders.tables import files_of, open_tables
from registry.config import Settings

TOML = 'name = "N"\npublisher = "P"\nlicence = "L"\nformat = "csv"\nfiles = ["agencies.csv"]\n'
MAPPING = "from loaders.source import record\n\ndef agencies(row):\n    yield record('Agency', row['id'])\n"


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    def make(toml: str = TOML, mapping: str | None = MAPPING, name: str = "city_list") -> Path:
        (tmp_path / name).mkdir()
        (tmp_path / name / "source.toml").write_text(toml, encoding="utf-8")
        (tmp_path / name / "agencies.csv").write_text("id\nx:1\n", encoding="utf-8")
        if mapping is not None:
            (tmp_path / name / "mapping.py").write_text(mapping, encoding="utf-8")
        return tmp_path / name

    return make


def settings(sources: Path) -> Settings:
    return Settings(sources=sources)


def test_a_source_is_found_by_name_by_either_spelling_and_by_path(folder: Callable[..., Path]) -> None:
    place = folder()
    for name in ("city-list", "city_list", "City-List", str(place)):
        assert find_source(name, settings(place.parent)).id == "city-list"


def test_the_built_in_sources_are_known_beside_the_sites_own(folder: Callable[..., Path]) -> None:
    assert {one.id for one in known_sources(settings(folder().parent))} >= {
        "city-list",
        "depok",
        "us-fedramp",
        "uk-api-catalogue",
    }


def test_an_unknown_name_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(LoadAborted, match=r"There is no source 'us-fedrmp'\. Did you mean us-fedramp\?"):
        find_source("us-fedrmp", settings(tmp_path))
    with pytest.raises(LoadAborted, match=r"The sources are: depok, emon, uk-api-catalogue, us-fedramp\."):
        find_source("qqq", settings(tmp_path))


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ("name = ", "is not valid TOML"),
        (TOML.replace("licence", "license"), "unknown entry 'license'. Did you mean licence"),
        (TOML.replace('licence = "L"\n', ""), "licence: Field required"),
        (TOML.replace('"csv"', '"dbf"'), "format"),
        (TOML + "left_out_at_most = -1\n", "left_out_at_most"),
        (TOML + "[expect]\nagency = 3\n", "'agency' is not the plural name of a kind. Did you mean agencies?"),
        (TOML + '[repeated]\nsince = "newest"\n', "repeated.since"),
    ],
)
def test_what_is_wrong_in_source_toml_is_one_sentence_that_names_it(
    folder: Callable[..., Path], toml: str, sentence: str
) -> None:
    with pytest.raises(LoadAborted) as refused:
        read_source(folder(toml))
    assert sentence in str(refused.value) and "source.toml" in str(refused.value)
    assert "\n" not in str(refused.value)


def refusal(source: SourceDefinition, from_path: Path | None = None) -> str:
    with pytest.raises(LoadAborted) as refused:
        list(open_tables(source, files_of(source, from_path), lambda _: None))
    return str(refused.value)


@pytest.mark.parametrize("name", ["../secret.csv", "/etc/passwd", "link.csv"])
def test_no_file_outside_the_folder_is_read(folder: Callable[..., Path], name: str) -> None:
    place = folder(TOML.replace("agencies.csv", name))
    (place.parent / "secret.csv").write_text("id\n1\n")
    (place / "link.csv").symlink_to(place.parent / "secret.csv")
    assert f"{name} is outside" in refusal(read_source(place))


def test_files_are_looked_for_in_the_folder_that_is_given(folder: Callable[..., Path], tmp_path: Path) -> None:
    source = read_source(folder())
    assert "does not exist" in refusal(source, tmp_path)
    (tmp_path / "agencies.csv").write_text("id\nx:2\n")
    ((_path, ((table, map_row),)),) = open_tables(source, files_of(source, tmp_path), lambda _: None)
    assert [one for row in table.rows for one in map_row(row)] == [("Agency", "x:2", {}, False)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        (None, "has no mapping.py"),
        ("import nothing_of_the_kind", "ModuleNotFoundError"),
        ("def agency(row): ...", "has no function agencies"),
        ("def agencies(row:", "SyntaxError"),
    ],
)
def test_a_mapping_that_cannot_be_used_says_why(
    folder: Callable[..., Path], mapping: str | None, sentence: str
) -> None:
    assert sentence in refusal(read_source(folder(mapping=mapping)))
