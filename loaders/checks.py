"""What can be checked only when all rows are in: whose the ids are, whether what is named is there, expectations."""

from collections import Counter
from collections.abc import Collection, Sequence

from loaders.before import Before
from loaders.contradictions import Contradictions
from loaders.outcome import Refused, RowProblem, Tally
from loaders.source import PLURALS, Source
from loaders.staging import LINKS, LOADED, Named, Place, Staging, is_single, link_name
from registry.cypher import standing
from registry.cypher.states import BY_HAND
from registry.model import MODEL
from registry.modelling import Kind
from registry.store import Store

BATCH = 1_000
KEPT_BY_HAND = "somebody changed this record by hand since; it stays as they left it"
Found = list[tuple[str, str, str, str]]


class Checks:
    """The checks of one run, against what the run read and what the graph holds. Rows with errors are left out."""

    def __init__(
        self, source: Source, staging: Staging, store: Store, before: Before, tally: Tally, *, sweep: bool
    ) -> None:
        self._source = source
        self._staging = staging
        self._store = store
        self._before = before
        self._tally = tally
        self._sweep = sweep
        self._seen_again: Counter[str] = Counter()

    def run(self, *, retire_most: bool) -> None:
        """Check everything.

        Raises Refused when less is left than the source is expected to give, and, unless `retire_most`, when more than
        half of what it gave before of a kind would be retired.
        """
        self._owners()
        while self._references():
            pass  # a record that is left out may be one that another refers to
        self._ends()
        self._single_ends()
        self._contradictions()
        self._implied()
        self._expectations()
        if self._sweep and not retire_most:
            self._retirements()

    def _owners(self) -> None:
        """Leave out records whose id belongs to another source, or to a record of another kind."""
        known = [kind for kind in LOADED if self._before[kind].total]
        for kind in LOADED if known else ():
            for ids in self._staging.spared(kind.__name__, BATCH):
                self._seen_again[kind.plural] += self._alive(self._standing(kind, ids))
            self._leave_to_owners(kind, [other for other in known if other is not kind])

    def _leave_to_owners(self, kind: type[Kind], others: Sequence[type[Kind]]) -> None:
        taken: dict[str, str] = {}
        for ids in self._staging.ids(kind.__name__, BATCH):
            found = self._standing(kind, ids)
            self._seen_again[kind.plural] += self._alive(found)
            taken |= self._taken(ids, found, others)
        for record_id, message in taken.items():
            place, implied = self._staging.origin(record_id)
            if message == KEPT_BY_HAND:
                rule = "a record that nobody changed by hand"
                self._tally.add(RowProblem("warning", "BY_HAND", *place, "id", record_id, rule, message))
            elif not implied:
                self._tell(Named(place, "id", record_id), "TAKEN", "an id of this source", message)
        self._staging.drop_records(kind.__name__, taken)

    def _taken(self, ids: list[str], found: Found, others: Sequence[type[Kind]]) -> dict[str, str]:
        """Return those of the ids that this source may not use, and why."""
        taken = {
            one: KEPT_BY_HAND if owner == BY_HAND else f"it belongs to the source {owner}"
            for one, owner, *_ in found
            if owner != self._source.id
        }
        new = sorted(set(ids) - {one for one, *_ in found})
        for other in others if new else ():
            known = self._store.read(standing.known(other, new))[0][0]
            taken |= dict.fromkeys(known, f"it is that of a record of the kind {other.__name__}")
        return taken

    def _references(self) -> int:
        """Leave out records that refer to one that is nowhere. Returns how many."""
        lost = 0
        for kind in self._staging.count_records():
            for field, declared in MODEL[kind].properties.items():
                if declared.refers_to and not declared.kept_by_us:
                    lost += self._reference(kind, field, declared.refers_to)
        return lost

    def _reference(self, kind: str, field: str, target: str) -> int:
        dropped = []
        for batch in self._staging.references_not_here(kind, field, target, BATCH):
            nowhere = self._nowhere(target, {named.id for _, named in batch})
            for record_id, named in batch:
                if named.id in nowhere:
                    self._tell_unknown(named, target)
                    dropped.append(record_id)
        self._staging.drop_records(kind, dropped)
        return len(dropped)

    def _ends(self, lost: Collection[Place] = ()) -> None:
        """Leave out ties to a record that is nowhere; of rows that are `lost` anyway nothing more is told."""
        for link in LINKS:
            for side, target in (("start", link.start), ("finish", link.end)):
                nowhere: set[str] = set()
                for ids in self._staging.ends_not_here(link_name(link), side, target, BATCH):
                    nowhere |= self._nowhere(target, set(ids))
                for named in self._staging.lose_ties(link_name(link), side, nowhere):
                    if named.place not in lost:
                        self._tell_unknown(named, target)

    def _single_ends(self) -> None:
        """Leave out ties of records that have several where the model allows one."""
        for name, start in [(link_name(link), link.start) for link in LINKS if is_single(link)]:
            for named in self._staging.lose_ties(name, "start", self._staging.several(name)):
                self._tell(named, "SEVERAL", "at most one", f"{start} {named.id} has more than one")

    def _contradictions(self) -> None:
        """Leave out what breaks a rule, and what names a record that is left out for that."""
        rules = Contradictions(self._source, self._staging, self._store, self._before, self._tally, sweep=self._sweep)
        rules.circles()
        while rules.records():
            while self._references():
                pass
            self._ends(rules.lost)

    def _implied(self) -> None:
        for kind, record_id, place in self._staging.implied():
            message = f"no row gives this {kind.lower()}; it is known from rows that name it"
            self._tally.add(RowProblem("warning", "NO_ROW", *place, "id", record_id, "a row of its own", message))

    def _expectations(self) -> None:
        counts = self._staging.count_records()
        for plural, least in self._source.expect.items():
            found = counts.get(PLURALS[plural], 0)
            if found < least:
                raise Refused(f"{self._source.id} gives {found} {plural} where at least {least} are expected.")
        lost, most = self._tally.rows_left_out, self._source.left_out_at_most
        if lost > most:
            raise Refused(f"{lost} rows of {self._source.id} have errors, and at most {most} may be left out.")

    def _retirements(self) -> None:
        """Refuse to retire most of a kind: rather than that so much is gone, the files are not what they should be."""
        for kind in LOADED:
            alive = self._before[kind].alive
            gone = alive - self._seen_again[kind.plural]
            if 2 * gone > alive:
                raise Refused(
                    f"{gone} of the {alive} {kind.plural} that {self._source.id} gave before are not in it now and would"
                    " be retired; if that is right, run it with --retire-most; to keep them, with --no-sweep."
                )

    def _standing(self, kind: type[Kind], ids: Sequence[str]) -> Found:
        found: Found = self._store.read(standing.standing(kind, ids))[0][0]
        return found

    def _alive(self, found: Found) -> int:
        return sum(owner == self._source.id and status != "retired" for _, owner, _, status in found)

    def _nowhere(self, kind: str, ids: set[str]) -> set[str]:
        """Return those of the ids, none of them staged, that the graph will not hold after this run either."""
        found = self._standing(MODEL[kind], sorted(ids)) if ids else []
        return ids - {one for one, owner, *_ in found if self._stays(kind, one, owner)}

    def _stays(self, kind: str, record_id: str, owner: str) -> bool:
        return not self._sweep or owner != self._source.id or self._staging.is_spared(kind, record_id)

    def _tell_unknown(self, named: Named, kind: str) -> None:
        self._tell(
            named, "UNKNOWN_RECORD", f"the id of a record of the kind {kind}", f"there is no such {kind.lower()}"
        )

    def _tell(self, named: Named, code: str, rule: str, message: str) -> None:
        place: Place = named.place
        self._tally.add(RowProblem("error", code, *place, named.field, named.id, rule, message))
