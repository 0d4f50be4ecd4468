"""What follows an agreement, what cannot be told of a use, and what a network lacks without an agreement."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.analysis.agreements import NetworkWithout
from registry.analysis.report import Report
from registry.analysis.snapshot import AgencyRow, PartnershipRow, ResourceRow, Snapshot
from registry.reports.catalogue import run_on_snapshot

AS_OF = "2026-11-25"
AGENCIES = [AgencyRow(one, one.upper()) for one in "abcdefg"]


def agreement(name: str, parties: str, until: str | None, *renews: str) -> PartnershipRow:
    return PartnershipRow(
        name, name, True, "mou", "2020-01-01", until, "A rule", list(parties), ["x"], False, list(renews)
    )


def report(*agreements: PartnershipRow, resources: tuple[ResourceRow, ...] = ()) -> Report:
    return run_on_snapshot(Snapshot(AGENCIES, resources=resources, partnerships=agreements), "agreements", AS_OF)


def found(asked: Report) -> set[tuple[object, object]]:
    return {(row["finding"], row["agreement"]) for row in asked.rows}


def test_an_agreement_is_followed_by_one_that_ends_later() -> None:
    assert not report(agreement("old", "ab", "2025-01-01"), agreement("new", "ab", "2030-01-01", "old")).rows
    assert not report(agreement("old", "ab", "2025-01-01"), agreement("new", "ab", None, "old")).rows


def test_an_agreement_that_renews_itself_is_followed_by_nothing() -> None:
    assert found(report(agreement("old", "ab", "2025-01-01", "old"))) == {("expired", "old")}


def test_of_agreements_that_renew_each_other_the_last_has_no_renewal() -> None:
    circle = agreement("one", "ab", "2025-01-01", "two"), agreement("two", "ab", "2025-06-30", "one")
    assert found(report(*circle)) == {("expired", "two")}
    twins = agreement("one", "ab", "2025-01-01", "two"), agreement("two", "ab", "2025-01-01", "one")
    assert found(report(*twins)) == {("expired", "one"), ("expired", "two")}


def test_a_use_of_what_nobody_is_known_to_own_is_unknown() -> None:
    unowned = ResourceRow("data", "Data", True, [], [["a", None, None]])
    asked = report(agreement("other", "bc", None), resources=(unowned,))
    assert (asked.found, asked.unknown) == (0, 1)
    assert any(note.startswith("1 use of a resource without an agreement cannot be judged") for note in asked.notes)


def test_an_agreement_that_may_cover_hidden_records_is_not_called_empty() -> None:
    empty = agreement("one", "ab", None)._replace(covers=())
    assert found(report(empty)) == {("empty", "one")}
    hidden = report(empty._replace(covers_hidden=True))
    assert (hidden.found, hidden.unknown) == (0, 1)


def test_an_agreement_that_ended_tells_who_is_alone_and_what_fell_apart() -> None:
    asked = report(agreement("ended", "ad", "2026-01-01"), agreement("left", "bc", None), agreement("also", "ab", None))
    (row,) = asked.rows
    assert (row["alone"], row["parts"], row["connecting_agencies"]) == (("D",), 2, ())


def test_an_agreement_that_ended_tells_on_whom_what_is_left_hangs() -> None:
    chain = [agreement(one, one, None) for one in ("ab", "bc", "cd")]
    (row,) = report(agreement("ended", "ad", "2026-01-01"), *chain).rows
    assert (row["alone"], row["parts"], row["connecting_agencies"]) == ((), None, ("B", "C"))


def test_an_agreement_about_to_end_is_told_without_the_others_that_are() -> None:
    both = agreement("first", "ab", "2026-12-01"), agreement("second", "ab", "2026-12-02")
    assert [row["alone"] for row in report(*both).rows] == [("A", "B"), ("A", "B")]


def test_an_agreement_whose_ties_rest_on_others_too_holds_nothing() -> None:
    (row,) = report(agreement("ended", "ab", "2026-01-01"), agreement("other", "abc", None)).rows
    assert (row["alone"], row["parts"], row["connecting_agencies"]) == ((), None, ())


@settings(max_examples=300, deadline=None)
@given(st.integers(2, 14), st.floats(0.05, 0.5), st.integers(0, 2**32 - 1), st.data())
def test_what_a_network_lacks_is_what_networkx_finds_in_both_networks(
    size: int, share: float, seed: int, data: st.DataObject
) -> None:
    network = nx.relabel_nodes(nx.gnp_random_graph(size, share, seed=seed), str)
    parties = data.draw(st.lists(st.sampled_from(sorted(network)), min_size=2, unique=True))
    whole = network.copy()
    whole.add_edges_from((one, other) for one in parties for other in parties if one != other)
    place = {agency: number for number, agency in enumerate(network)}
    ties = np.array([(place[a], place[b]) for a, b in network.edges], np.int64).reshape(-1, 2)
    lapse = NetworkWithout(list(place), ties).lapse(parties)
    assert set(lapse.alone) == set(nx.isolates(network)) - set(nx.isolates(whole))
    assert lapse.parts - 1 == nx.number_connected_components(network) - nx.number_connected_components(whole)
    assert set(lapse.articulation_points) == set(nx.articulation_points(network)) - set(nx.articulation_points(whole))


def test_a_disputed_agreement_is_a_finding_and_makes_no_link() -> None:
    disputed = agreement("one", "ab", None)._replace(disputed_by=("b",))
    assert found(report(disputed)) == {("disputed", "one")}
    lists = Snapshot(AGENCIES, partnerships=[disputed])
    assert run_on_snapshot(lists, "network", AS_OF).found == 0
    alone = {row["agency"]: row["finding"] for row in run_on_snapshot(lists, "isolates", AS_OF).rows}
    assert alone["A"] == alone["B"] == "disputed" and alone["C"] == "never"
    gaps = run_on_snapshot(lists, "gaps", AS_OF)
    assert ("disputed", "one") in {(row["finding"], row["subject"]) for row in gaps.rows}


def test_a_use_that_only_a_disputed_agreement_covers_is_unknown() -> None:
    used = ResourceRow("x", "X", True, ["b"], [["a", None, None]])
    disputed = agreement("one", "ab", None)._replace(disputed_by=("b",))
    assert found(report(agreement("one", "ab", None), resources=(used,))) == set()
    asked = report(disputed, resources=(used,))
    assert (found(asked), asked.unknown) == ({("disputed", "one")}, 1)


def test_a_disputed_renewal_renews_nothing() -> None:
    renewal = agreement("new", "ab", "2030-01-01", "old")._replace(disputed_by=("a",))
    assert found(report(agreement("old", "ab", "2025-01-01"), renewal)) == {("expired", "old"), ("disputed", "new")}


def test_an_agreement_whose_renewal_begins_a_year_later_leaves_a_gap() -> None:
    def renewed(ends: str, begins: str) -> set[tuple[object, object]]:
        renewal = agreement("new", "ab", "2030-01-01", "old")._replace(valid_from=begins)
        return found(report(agreement("old", "ab", ends), renewal))

    assert renewed("2026-06-30", "2027-07-01") == {("interrupted", "old")}
    assert renewed("2026-12-31", "2027-12-31") == {("interrupted", "old")}, "it ends soon"
    assert renewed("2026-12-31", "2027-01-01") == set(), "nothing lies between the two"
    assert renewed("2025-06-30", "2026-07-01") == {("resumed", "old")}, "the renewal is in force by now"
    assert renewed("2025-06-30", "2025-07-01") == renewed("2025-06-30", "2024-01-01") == set()
    assert renewed("2027-06-30", "2028-01-01") == set(), "it does not end soon"
    renewal = agreement("new", "ab", "2030-01-01", "old")._replace(valid_from="2027-07-01")
    (row,) = report(agreement("old", "ab", "2026-06-30"), renewal).rows
    assert (row["resumes"], row["days"]) == ("2027-07-01", -148)


def test_each_hole_in_a_chain_of_renewals_is_a_finding() -> None:
    second = agreement("second", "ab", "2025-12-31", "first")._replace(valid_from="2024-03-01")
    third = agreement("third", "ab", "2030-01-01", "second")._replace(valid_from="2027-01-01")
    chain = agreement("first", "ab", "2023-12-31"), second, third
    assert found(report(*chain)) == {("resumed", "first"), ("interrupted", "second")}
    assert {row["resumes"] for row in report(*chain).rows} == {"2024-03-01", "2027-01-01"}
    assert found(report(*chain[:2])) == {("resumed", "first"), ("expired", "second")}


def test_an_agency_whose_renewal_begins_later_has_one_that_starts_later() -> None:
    old = agreement("old", "ab", "2026-06-30")
    new = agreement("new", "ab", "2030-01-01", "old")._replace(valid_from="2027-01-01")
    rows = run_on_snapshot(Snapshot(AGENCIES[:2], partnerships=[old, new]), "isolates", AS_OF).rows
    assert [(row["finding"], row["agreement"], row["day"]) for row in rows] == [("ahead", "new", "2027-01-01")] * 2
    rows = run_on_snapshot(Snapshot(AGENCIES[:2], partnerships=[old]), "isolates", AS_OF).rows
    assert [row["finding"] for row in rows] == ["lapsed"] * 2


def test_an_agreement_with_a_retired_agency_names_it() -> None:
    with_gone = agreement("one", "a", None)._replace(retired=[["gone", "Gone Office"]])
    (row,) = report(with_gone).rows
    assert (row["finding"], row["agencies"], row.evidence[-1].id) == ("retired-party", ("Gone Office",), "gone")
    snapshot = Snapshot(AGENCIES[:1], partnerships=[with_gone])
    assert found(run_on_snapshot(snapshot, "agreements", AS_OF, {"agency": "a"})) == {("retired-party", "one")}
    (row,) = run_on_snapshot(snapshot, "isolates", AS_OF).rows
    assert (row["finding"], row["partners"], row["agreement"]) == ("retired", ("Gone Office",), "one")
    (row,) = (row for row in run_on_snapshot(snapshot, "gaps", AS_OF).rows if row["finding"] == "retired-party")
    assert row["who"] == ("Gone Office",)
    assert found(report(with_gone._replace(valid_until="2026-01-01"))) == {("expired", "one")}


def test_whose_agreement_was_renewed_has_not_only_agreements_that_ended() -> None:
    old, new = agreement("old", "ab", "2025-01-01"), agreement("new", "a", "2030-01-01", "old")
    findings = {
        row["agency"]: row["finding"]
        for row in run_on_snapshot(Snapshot(AGENCIES, partnerships=[old, new]), "isolates", AS_OF).rows
    }
    assert findings["A"] == findings["B"] == "no-partner"
    findings = {
        row["agency"]: row["finding"]
        for row in run_on_snapshot(Snapshot(AGENCIES, partnerships=[old]), "isolates", AS_OF).rows
    }
    assert findings["A"] == "lapsed"


def test_agreements_that_not_every_party_has_confirmed_are_counted_apart() -> None:
    both = agreement("both", "ab", None)._replace(confirmed_by=("a",), with_account=("a",))
    one = agreement("one", "bc", "2026-12-01")._replace(confirmed_by=("b",), with_account=("b", "c"))
    nobody = agreement("nobody", "de", "2026-12-02")
    assert (both.confirmed, one.confirmed, nobody.confirmed, nobody.confirmable) == (True, False, False, False)
    asked = report(both, one, nobody)
    note = "Not known to be confirmed by every party with an account: 1. No party has an account: 1."
    assert f"Agreements in force on Nov 25, 2026: 3 of 3. {note}" in asked.notes
    assert [row["confirmation"] for row in asked.rows] == ["no-account", "unconfirmed"]
    ties = "Ties in force on Nov 25, 2026: 3, of which 1 are not known to be confirmed by every party with an account, "
    for name in ("network", "brokers", "cut-points", "isolates", "missing-ties", "likely-partners", "communities"):
        told = run_on_snapshot(Snapshot(AGENCIES, partnerships=[both, one, nobody]), name, AS_OF).notes
        assert any(f"{ties}and 1 cannot be confirmed, because no party has an account." in line for line in told), name
    for name in ("levels", "matches"):
        told = run_on_snapshot(Snapshot(AGENCIES, partnerships=[both, one, nobody]), name, AS_OF).notes
        assert any(note in line for line in told), name


@pytest.mark.parametrize(
    ("begins", "ends", "findings"),
    [
        ("2026-11-25", None, {"empty"}),
        ("2026-11-26", None, set()),
        (None, None, {"empty"}),
        (None, "2026-11-25", {"empty", "expiring"}),
        (None, "2026-11-24", {"expired"}),
        (None, "2027-02-23", {"empty", "expiring"}),
        (None, "2027-02-24", {"empty"}),
        ("2026-11-25", "2026-11-24", {"reversed"}),
        ("2026-11-25", "2026-11-25", {"empty", "expiring"}),
        ("2027-01-01", "2027-02-01", set()),
    ],
)
def test_the_first_and_the_last_day_belong_to_an_agreement(
    begins: str | None, ends: str | None, findings: set[str]
) -> None:
    one = agreement("one", "ab", ends)._replace(valid_from=begins, covers=())
    assert {code for code, _name in found(report(one))} == findings


@pytest.mark.parametrize(
    ("since", "until", "uncovered"),
    [
        (None, None, True),
        ("2026-11-25", "2026-11-25", True),
        ("2026-11-26", None, False),
        (None, "2026-11-24", False),
    ],
)
def test_the_first_and_the_last_day_belong_to_a_use(since: str | None, until: str | None, uncovered: bool) -> None:
    used = ResourceRow("x", "X", True, ["b"], [["a", since, until, "user"]])
    asked = report(agreement("other", "cd", None), resources=(used,))
    assert (asked.found, asked.of) == (int(uncovered), 1 + uncovered)
    for row in asked.rows:
        assert (row["finding"], row["agreement"], row["resource"]) == ("uncovered", None, "X")
        assert row["agencies"] == ("A", "B") and [one.id for one in row.evidence] == ["x", "a", "b"]


def test_a_use_without_agreement_names_the_one_that_covered_it_last() -> None:
    used = ResourceRow("x", "X", True, ["b"], [["a", None, None]])
    ended = agreement("first", "ab", "2024-01-01"), agreement("last", "ab", "2025-01-01")
    others = agreement("reversed", "ab", "2019-01-01"), agreement("ahead", "ab", None)._replace(valid_from="2027-01-01")
    asked = report(*ended, *others, resources=(used,))
    (row,) = (row for row in asked.rows if row["finding"] == "uncovered")
    assert (row["agreement"], row["until"], row["days"]) == ("last", "2025-01-01", -693)
    covered = report(*ended, agreement("now", "ab", AS_OF), resources=(used,))
    assert "uncovered" not in {row["finding"] for row in covered.rows}


def test_a_use_between_a_body_and_its_units_needs_no_agreement() -> None:
    units = [AgencyRow("a", "A", part_of=["b"]), AgencyRow("b", "B", part_of=["c"]), AgencyRow("c", "C")]
    for user, owner in (("a", "c"), ("c", "a"), ("a", "a")):
        used = ResourceRow("x", "X", True, [owner], [[user, None, None]])
        assert run_on_snapshot(Snapshot(units, resources=[used]), "agreements", AS_OF).of == 0


def test_findings_that_hidden_records_could_change_are_unknown() -> None:
    ended, hidden = agreement("ended", "ab", "2025-01-01"), agreement("hidden", "ab", None)._replace(whole=False)
    asked = report(ended, hidden)
    assert (asked.found, asked.of, asked.unknown) == (0, 1, 2)
    apart = report(ended, hidden._replace(parties=["a", "c"]))
    assert (found(apart), apart.unknown) == ({("expired", "ended")}, 1)


def test_an_agreement_without_a_legal_basis_is_found_if_it_is_formal() -> None:
    plain = agreement("one", "ab", None)._replace(legal_basis=None)
    assert found(report(plain)) == {("no-basis", "one")}
    assert not report(plain._replace(instrument="informal")).rows
    assert not report(plain._replace(instrument=None)).rows


def test_a_row_says_what_the_parties_say_of_the_agreement() -> None:
    empty = agreement("one", "ab", None)._replace(covers=())

    def said(one: PartnershipRow) -> object:
        (row,) = (row for row in report(one).rows if row["finding"] in ("empty", "disputed"))
        return row["confirmation"]

    assert said(empty) == "no-account"
    assert said(empty._replace(confirmed_by=["a"], with_account=["a", "b"])) == "unconfirmed"
    assert said(empty._replace(confirmed_by=["a"], with_account=["a"])) == "confirmed"
    assert said(empty._replace(confirmed_by=["a"], with_account=["a"], words_hidden=True)) == "withheld"
    assert said(empty._replace(words_hidden=True)) == "withheld"
    assert said(empty._replace(disputed_by=["a"])) == "disputed"


def test_the_agreements_that_leave_most_alone_come_first() -> None:
    ties = [agreement("a1", "ab", "2026-12-01"), agreement("a2", "cd", "2026-12-02"), agreement("a3", "ce", None)]
    assert [row["agreement"] for row in report(*ties).rows] == ["a1", "a2"]
    assert [row["alone"] for row in report(*ties).rows] == [("A", "B"), ("D",)]
    both = [
        agreement("b2", "ab", "2026-12-01"),
        agreement("b1", "cd", "2026-12-01"),
        agreement("b0", "fg", "2026-12-05"),
    ]
    assert [row["agreement"] for row in report(*both).rows] == ["b2", "b1", "b0"], (
        "then by the last day and the parties"
    )
