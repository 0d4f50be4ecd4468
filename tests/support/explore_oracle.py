"""The oracle of the questions that are more than a list: plain loops over a world's records and ties, as one actor sees it."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import networkx as nx

from registry.model.records import NAMES, SearchTerm, fold, parse_search, stem
from registry.model.values import Identifiers, Prose, Text
from registry.permissions import Actor
from tests.support.oracle import World, may_see, may_see_all

LEADING = ("lead", "co-provider")


@dataclass(frozen=True)
class Seen:
    """A tie of which the actor may know."""

    relation: str
    start: str
    end: str
    values: Any


class Sight:
    """What one actor sees of a world: records that are not retired, and the ties among them."""

    def __init__(self, world: World, actor: Actor) -> None:
        every = {one.id: {**one.values, "__kind": one.kind.__name__} for one in world.records}
        self.model, self.actor = world.model, actor
        self.records = {key: one for key, one in every.items() if may_see(actor, one) and one["status"] != "retired"}
        self.whole = {key for key, one in self.records.items() if may_see_all(actor, one)}
        self.partial = {
            str(one["__kind"])
            for one in every.values()
            if may_see(actor, one) and not may_see_all(actor, one) and not world.model[str(one["__kind"])].read_only
        }
        parties = [one for one in world.ties if one.end.link.relation == "PARTY_TO"]
        self.disputes = {  # what a party said before it retired still counts
            one.end_id
            for one in parties
            if one.values.get("standing") == "disputed"
            and one.end_id in self.whole
            and may_see_all(actor, every[one.start_id])
        }
        self.ties = [
            Seen(one.end.link.relation, one.start_id, one.end_id, one.values)
            for one in world.ties
            if {one.start_id, one.end_id} <= (self.records.keys() if one.end.link.summary else self.whole)
        ]

    def kind(self, one: str) -> str:
        return str(self.records[one]["__kind"])

    def of(self, relation: str, *, start: str | None = None, end: str | None = None) -> Iterator[Seen]:
        for tie in self.ties:
            if tie.relation == relation and start in (None, tie.start) and end in (None, tie.end):
                yield tie

    def graph(self, relations: Collection[str], day: str | None) -> "nx.MultiGraph[str]":
        graph: nx.MultiGraph[str] = nx.MultiGraph()
        graph.add_nodes_from(self.records)
        graph.add_edges_from(
            (tie.start, tie.end, (tie.relation, tie.start, tie.end))
            for tie in self.ties
            if tie.relation in relations and (day is None or self._runs(tie, day))
        )
        return graph

    def words(self, one: str, *, summary: bool) -> str:
        """Return the words of a record with their stems, as a search sees them: a space stands around each."""
        kind, record = self.model[self.kind(one)], self.records[one]
        texts: list[str] = [one.rpartition(":")[2]] if kind.named else []
        for name, declared in kind.properties.items():
            value = record.get(name)
            if (
                declared.value in (Text, Prose, Identifiers)
                and (declared.summary or not summary)
                and value not in (None, one)
            ):
                texts.append(" ".join(value) if isinstance(value, list) else str(value))
        found = {f"={pair[0]}{pair[1]}" for name in NAMES for pair in pairwise(tokens(record.get(name) or ""))}
        found |= {form for text in texts for word in tokens(text) for form in (word, f"={stem(word)}")}
        return f" {' '.join(sorted(found))} "

    def search(self, text: str, kinds: Collection[str]) -> set[str]:
        """Return the records that have all words of the text, or a synonym of each."""
        terms = parse_search(text).terms
        return {
            one
            for one in self.records
            if terms and self.kind(one) in kinds and self._holds(terms, self.words(one, summary=one not in self.whole))
        }

    def impact(self, start: str, day: str) -> dict[str, bool]:
        """Return whether each record that is hit is lost."""
        reached, lost = {start}, {start}
        changed = True
        while changed:
            before = len(reached), len(lost)
            for near, far, falls_back in self._rests(day):
                if near in reached and (near == start or self.kind(near) != "Agency"):
                    reached.add(far)
                    if near in lost and not falls_back and far != start:
                        lost.add(far)
            changed = before != (len(reached), len(lost))
        return {one: one in lost for one in reached - {start}}

    def hides(self, one: str, relations: Collection[str]) -> bool:
        """Tell whether a record may have links of these relations which the actor does not see as they are its details."""
        return one not in self.whole and bool(self._detail_targets(one, relations))

    def may_hide(self, one: str, relations: Collection[str]) -> bool:
        """Tell whether a record may have links which the actor does not see as they are details of it or of what they lead to."""
        return self.hides(one, relations) or not self.partial.isdisjoint(self._detail_targets(one, relations))

    def _detail_targets(self, one: str, relations: Collection[str]) -> set[str]:
        ends = self.model[self.kind(one)].ends.values()
        return {end.target for end in ends if not end.link.summary and end.link.relation in relations}

    def count(self, number: int, records: Collection[str], relations: Collection[str]) -> int | None:
        """Return a number of links of some records; it is not known where it may be none only because links are hidden."""
        unknown = any(self.hides(one, relations) for one in records)
        return None if unknown or (not number and any(self.may_hide(one, relations) for one in records)) else number

    def providers(self, services: Collection[str]) -> dict[str, set[str]]:
        """Return the services of each lead provider and co-provider."""
        found: dict[str, set[str]] = {}
        for tie in self.of("PROVIDES"):
            if tie.end in services and tie.values.get("role") in LEADING:
                found.setdefault(tie.start, set()).add(tie.end)
        return found

    def impact_withheld(self, start: str, hit: Collection[str]) -> bool:
        return any(
            one not in self.whole
            or not self.partial.isdisjoint({"Service", "Agency"} if self.kind(one) == "Resource" else {"Service"})
            for one in {start, *hit}
            if self.kind(one) in ("Service", "Resource")
        )

    def shared_withheld(self, agencies: Collection[str]) -> bool:
        seen = [one for one in agencies if one in self.records]
        return any(one not in self.whole for one in seen) or ("Resource" in self.partial and bool(seen))

    def shared(self, agencies: list[str], day: str) -> dict[str, Any]:
        return {
            "resources": {
                resource: self._of_resource(resource, agencies, day)
                for resource in self._all("Resource")
                if len(self._tied(resource, agencies, day)) > 1
            },
            "services": self._together("PROVIDES", "Service", agencies),
            "partnerships": self._together("PARTY_TO", "Partnership", agencies),
            "needs": set(self._met(agencies)),
        }

    def ties_by(self, groups: dict[str, set[str]], day: str) -> dict[tuple[str, str], tuple[int, int, int, int]]:
        """Return, by pair of groups, tied pairs of agencies, agreements, services and uses."""
        lists = [list(self._agreements(day)), list(self._joint()), list(self._uses(day))]
        pairs = {frozenset(pair) for those in lists for one in those for pair in combinations(sorted(one), 2)}
        counts = [
            self._tie_pairs([sorted(pair) for pair in pairs], groups),
            *(self._tie_pairs(each, groups) for each in lists),
        ]
        return {pair: tuple(each[pair] for each in counts) for pair in counts[0]}  # type: ignore[misc]

    def groups(self, by: str) -> dict[str, set[str]]:
        agencies = self._all("Agency")
        if by == "level_of_government":
            return {one: {self.records[one][by]} - {None} for one in agencies}
        if by == "parent":
            above: nx.DiGraph[str] = nx.DiGraph((tie.start, tie.end) for tie in self.of("PART_OF"))
            above.add_nodes_from(agencies)
            tops = {one for one in agencies if not self.has_any_parent(one)}
            return {one: ({one} | nx.descendants(above, one)) & tops for one in agencies}
        relation = {"sector": "IN_SECTOR", "area": "IN_AREA"}[by]
        return {one: {tie.end for tie in self.of(relation, start=one)} for one in agencies}

    def has_any_parent(self, one: str) -> bool:
        return any(self.of("PART_OF", start=one))

    def in_force(self, one: str, day: str) -> bool:
        """Tell whether a record is no agreement that the actor knows to be out of force."""
        known = self.kind(one) == "Partnership" and one in self.whole
        return not known or (within(self.records[one], "valid_from", "valid_until", day) and not self.disputed(one))

    def disputed(self, agreement: str) -> bool:
        """Tell whether a party disputes an agreement, as far as the actor sees what the parties say of it."""
        return agreement in self.disputes

    def _all(self, kind: str) -> list[str]:
        return [one for one in self.records if self.kind(one) == kind]

    @staticmethod
    def _holds(terms: Sequence[SearchTerm], words: str) -> bool:
        return all(
            any(all(any(form in words for form in forms) for forms in phrase) for phrase in (term.own, *term.synonyms))
            for term in terms
        )

    def _runs(self, tie: Seen, day: str) -> bool:
        return within(tie.values, "since", "until", day) and all(
            self.in_force(one, day) for one in (tie.start, tie.end)
        )

    def _rests(self, day: str) -> Iterator[tuple[str, str, bool]]:
        for tie in self.of("PROVIDES"):
            if tie.values["role"] in LEADING:
                others = [one for one in self.of("PROVIDES", end=tie.end) if one.start != tie.start]
                yield tie.start, tie.end, any(one.values["role"] in LEADING for one in others)
                yield tie.end, tie.start, True
        for tie in self.of("OWNS"):
            yield tie.start, tie.end, any(one.start != tie.start for one in self.of("OWNS", end=tie.end))
        for tie in self.of("REQUIRES"):
            yield tie.end, tie.start, self._has_substitute(tie.end)
        for tie in self.of("USES"):
            if within(tie.values, "since", "until", day):
                yield tie.end, tie.start, True
        for tie in self.of("DEPENDS_ON"):
            yield tie.end, tie.start, False
        for tie in self.of("IN_AREA"):
            if self.kind(tie.start) == "Service":
                yield tie.start, tie.end, False

    def _has_substitute(self, resource: str) -> bool:
        functions = {tie.end for tie in self.of("HAS_FUNCTION", start=resource)}
        return any(
            other.end in functions
            and self.kind(other.start) == "Resource"
            and other.start != resource
            and self.records[other.start]["kind"] == self.records[resource]["kind"]
            and self.records[other.start]["shareability"] not in (None, "not-shared")
            for other in self.of("HAS_FUNCTION")
        )

    def _tied(self, resource: str, agencies: list[str], day: str) -> set[str]:
        owners = {tie.start for tie in self.of("OWNS", end=resource)}
        users = {tie.start for tie in self.of("USES", end=resource) if within(tie.values, "since", "until", day)}
        return (owners | users) & set(agencies)

    def _of_resource(self, resource: str, agencies: list[str], day: str) -> Any:
        covering = [
            tie.start
            for tie in self.of("COVERS", end=resource)
            if within(self.records[tie.start], "valid_from", "valid_until", day)
        ]
        known = {one: {tie.start for tie in self.of("PARTY_TO", end=one)} for one in covering}
        known = {one: those for one, those in known.items() if those & set(agencies)}
        parties_of = {one: those for one, those in known.items() if not self.disputed(one)}
        certain = set().union(*(those for those in parties_of.values() if those <= self.whole))
        disputed = set(known) - set(parties_of)
        uses = {
            tie.start: tie.start in certain
            for tie in self.of("USES", end=resource)
            if tie.start in agencies and within(tie.values, "since", "until", day)
        }
        owners = {tie.start for tie in self.of("OWNS", end=resource)} & set(agencies)
        if resource not in self.whole:
            return owners, None, None, None, None
        between = {one for one, those in parties_of.items() if len(those & set(agencies)) > 1}
        others = {one: frozenset(those) for one, those in parties_of.items() if one not in between}
        return owners, uses, between, others, disputed

    def _together(self, relation: str, kind: str, agencies: list[str]) -> dict[str, set[str]]:
        found = {
            one: {tie.start for tie in self.of(relation, end=one) if tie.start in agencies} for one in self._all(kind)
        }
        return {one: those for one, those in found.items() if len(those) > 1}

    def _met(self, agencies: list[str]) -> Iterator[tuple[str, str, str, str]]:
        for needed in self.of("NEEDED_BY"):
            for owned in self.of("OWNS"):
                need, resource = self.records[needed.start], self.records[owned.end]
                mine = {tie.end for tie in self.of("HAS_FUNCTION", start=needed.start)}
                theirs = {tie.end for tie in self.of("HAS_FUNCTION", start=owned.end)}
                full = owned.end in self.whole and resource["capacity"] is not None
                if (
                    {needed.end, owned.start} <= set(agencies)
                    and needed.end != owned.start
                    and need["kind"] == resource["kind"]
                    and resource["shareability"] not in (None, "not-shared")
                    and not (full and resource["capacity"] <= (resource["in_use"] or 0))
                    and (not mine or not theirs or mine & theirs)
                ):
                    yield needed.start, needed.end, owned.end, owned.start

    def _agreements(self, day: str) -> Iterator[list[str]]:
        for one in self._all("Partnership"):
            valid = within(self.records[one], "valid_from", "valid_until", day)
            if one in self.whole and valid and not self.disputed(one):
                yield sorted({tie.start for tie in self.of("PARTY_TO", end=one)})

    def _joint(self) -> Iterator[list[str]]:
        for one in self._all("Service"):
            yield sorted({tie.start for tie in self.of("PROVIDES", end=one)})

    def _uses(self, day: str) -> Iterator[list[str]]:
        for use in self.of("USES"):
            for owner in self.of("OWNS", end=use.end):
                if use.start != owner.start and within(use.values, "since", "until", day):
                    yield sorted([use.start, owner.start])

    def _tie_pairs(self, lists: list[list[str]], groups: dict[str, set[str]]) -> Counter[tuple[str, str]]:
        counted: Counter[tuple[str, str]] = Counter()
        for those in lists:
            pairs = {
                tuple(sorted((one, other)))
                for a, b in combinations(those, 2)
                for one in groups[a]
                for other in groups[b]
            }
            counted.update(pairs)  # type: ignore[arg-type]
        return counted


def within(values: Any, first: str, last: str, day: str) -> bool:
    """Tell whether a day lies within two days that may be open; what has no such days is always so."""
    return (values.get(first) or day) <= day <= (values.get(last) or day)


def tokens(text: str) -> list[str]:
    """Return the folded words of a text."""
    return re.findall(r"[^\W_]+", fold(text))
