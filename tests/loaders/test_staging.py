"""The staging area: what is given twice."""

from collections.abc import Iterator

import pytest

from loaders.staging import ENDS, Duplicate, RowLocation, Staging
from registry.model.definitions import MODEL
from registry.model.records import Record, Relationship, make_record, make_relationship


def agency(record_id: str = "a:1", **values: object) -> Record:
    record, problems = make_record(MODEL["Agency"], {"id": record_id, "name": "A", "kind": "agency", **values})
    assert record, problems
    return record


def use(since: str | None = None, until: str | None = None, role: str = "reuse") -> Relationship:
    tie, problems = make_relationship(ENDS["Agency.uses"], "a:1", "r:1", {"role": role, "since": since, "until": until})
    assert tie, problems
    return tie


@pytest.fixture
def staging() -> Iterator[Staging]:
    with Staging({"since": "earliest", "until": "latest"}) as staging:
        yield staging


def kept(staging: Staging) -> dict[str, object]:
    ((row,),) = staging.links("resources.users", 10)
    return row["props"]  # type: ignore[return-value]


def test_the_same_record_twice_names_the_first_row(staging: Staging) -> None:
    assert staging.add_record(agency(), RowLocation("a.csv", 2)) is None
    assert staging.add_record(agency(), RowLocation("a.csv", 9)) == Duplicate(RowLocation("a.csv", 2), None)


def test_another_record_of_the_same_id_names_what_differs(staging: Staging) -> None:
    staging.add_record(agency(), RowLocation("a.csv", 2))
    assert staging.add_record(agency(acronym="X"), RowLocation("b.csv", 3)) == Duplicate(
        RowLocation("a.csv", 2), "acronym", "X"
    )
    (((row,)),) = staging.records("Agency", 10)
    assert row["hash"] == agency().hash(), "the first stays"


def test_an_implied_record_gives_way_to_a_row_of_its_own_before_or_after(staging: Staging) -> None:
    staging.add_record(agency(name="guessed"), RowLocation("units.csv", 2), implied=True)
    assert [place for _, _, place in staging.implied()] == [RowLocation("units.csv", 2)]
    assert staging.add_record(agency(name="own"), RowLocation("a.csv", 5)) is None
    assert staging.add_record(agency(name="guessed"), RowLocation("units.csv", 3), implied=True) is None
    ((row,),) = staging.records("Agency", 10)
    assert row["name"] == "own"
    assert not list(staging.implied())


@pytest.mark.parametrize(
    ("first", "second", "since", "until"),
    [
        (("2020-01-01", "2024-01-01"), ("2019-01-01", "2025-01-01"), "2019-01-01", "2025-01-01"),
        (("2019-01-01", "2025-01-01"), ("2020-01-01", "2024-01-01"), "2019-01-01", "2025-01-01"),
        ((None, "2024-01-01"), ("2020-01-01", None), "2020-01-01", None),
        (("2020-01-01", None), (None, "2024-01-01"), "2020-01-01", None),
        ((None, None), (None, "2024-01-01"), None, None),
    ],
)
def test_a_tie_given_twice_lasts_from_the_earliest_start_to_the_latest_end(
    staging: Staging,
    first: tuple[str | None, str | None],
    second: tuple[str | None, str | None],
    since: str | None,
    until: str | None,
) -> None:
    staging.add_link(use(*first), "uses", RowLocation("a.csv", 2))
    assert staging.add_link(use(*second), "uses", RowLocation("a.csv", 3)) == Duplicate(RowLocation("a.csv", 2), None)
    assert kept(staging) == {"role": "reuse", "since": since, "until": until}


def test_a_link_that_differs_without_a_merge_rule_stays_as_it_was(staging: Staging) -> None:
    staging.add_link(use("2020-01-01"), "uses", RowLocation("a.csv", 2))
    assert staging.add_link(use("2019-01-01", role="first"), "uses", RowLocation("a.csv", 3)) == Duplicate(
        RowLocation("a.csv", 2), "role", "first"
    )
    assert kept(staging)["since"] == "2020-01-01"


def test_ties_at_one_of_some_ids_are_lost_and_name_their_rows(staging: Staging) -> None:
    staging.add_link(use(), "uses", RowLocation("a.csv", 2))
    ((ids),) = staging.missing_ends("resources.users", "finish", "Resource", 10)
    assert ids == ["r:1"]
    assert [reference.location for reference in staging.remove_links("resources.users", "finish", ids)] == [
        RowLocation("a.csv", 2)
    ]
    assert not list(staging.links("resources.users", 10))
