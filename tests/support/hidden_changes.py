"""Random changes of a world that one actor can see nothing of."""

from random import Random
from typing import Any

from registry.model.kinds import End, Kind, Property
from registry.model.records import Record, Relationship, make_record, make_relationship
from registry.permissions import Actor
from tests.support.oracle import World, may_see, may_see_all
from tests.support.random_world import agreeing, random_value

KEPT = ("id", "access", "status", "steward", "grants", "source", "created", "updated", "version")
NEW = 3  # hidden records more of each kind


class HiddenChanges:
    """Makes a world that an actor cannot tell from another one.

    Records that the actor may not know of come, go and change; so do the details of those whose summary alone they see,
    and the links, and the details of links, that lead to either.
    """

    def __init__(self, world: World, actor: Actor, random: Random) -> None:
        self._world, self._actor, self._random = world, actor, random
        self._kinds = [kind for kind in world.model if not kind.read_only]

    def make(self) -> World:
        """Return the other world."""
        records = [one for record in self._world.records for one in self._of_record(record)]
        records += [self._new(kind, number) for kind in self._kinds for number in range(NEW)]
        self._records = {one.id: one for one in records}
        ties = [one for tie in self._world.ties for one in self._of_tie(tie)]
        known = {(one.end.link.relation, one.start_id, one.end_id) for one in ties}
        full = {(one.end.link.relation, self._here(one)) for one in ties if one.end.single}
        for kind in self._kinds:
            for end in (one for one in kind.ends.values() if one.declared):
                for tie in self._new_ties(end):
                    key = (tie.end.link.relation, tie.start_id, tie.end_id)
                    if key not in known and (tie.end.link.relation, self._here(tie)) not in full:
                        ties.append(tie)
                        known.add(key)
                        full |= {(tie.end.link.relation, self._here(tie))} if end.single else set()
        return World(self._world.model, self._world.made, self._world.source, records, ties)

    def _of_record(self, record: Record) -> list[Record]:
        if record.kind.read_only or may_see_all(self._actor, record.values):
            return [record]
        if may_see(self._actor, record.values):
            details = {
                name: one for name, one in record.kind.properties.items() if not one.summary and name not in KEPT
            }
            return [self._changed(record, details)]
        if self._random.random() < 0.4:
            return []
        return [self._changed(record, {name: one for name, one in record.kind.properties.items() if name not in KEPT})]

    def _changed(self, record: Record, those: dict[str, Property]) -> Record:
        raw = {name: value for name, value in record.values.items() if not record.kind.properties[name].read_only}
        changed = agreeing(record.kind.properties, {**raw, **self._values(those)})
        untouched = all(changed[name] == value for name, value in raw.items() if name not in those)
        return self._record(record.kind, changed if untouched else raw)

    def _new(self, kind: type[Kind], number: int) -> Record:
        """Return a hidden record that is called as one that is there, so that it would be found with it."""
        own = {name: one for name, one in kind.properties.items() if name not in KEPT}
        values = agreeing(own, self._values(own))
        namesake = self._random.choice([one for one in self._world.records if one.kind is kind])
        access, status = self._random.choice([("closed", "published"), ("open", "draft"), ("restricted", "proposed")])
        raw = {**values, "name": namesake.values["name"], "access": access, "status": status}
        return self._record(kind, {"id": f"{kind.__name__.lower()}:hidden-{number}", **raw})

    def _record(self, kind: type[Kind], raw: dict[str, Any]) -> Record:
        made, problems = make_record(kind, raw)
        assert made, problems
        return made

    def _of_tie(self, tie: Relationship) -> list[Relationship]:
        if tie.start_id not in self._records or tie.end_id not in self._records:
            return []
        if not self._hides(tie.end, tie.start_id, tie.end_id):
            if self._whole(tie.start_id) and self._whole(tie.end_id):
                return [tie]
            details = {name: one for name, one in tie.end.link.properties.items() if not one.summary}
            changed = agreeing(tie.end.link.properties, {**tie.values, **self._values(details)})
            untouched = all(changed[name] == value for name, value in tie.values.items() if name not in details)
            return [self._tie(tie.end, self._here(tie), self._there(tie), changed if untouched else dict(tie.values))]
        return [tie] if self._random.random() < 0.5 else []

    def _new_ties(self, end: End) -> list[Relationship]:
        """Return a few links of which the actor cannot know."""
        ids = {
            kind: [one.id for one in self._records.values() if one.kind.__name__ == kind]
            for kind in (end.kind, end.target)
        }
        pairs = {(self._random.choice(ids[end.kind]), self._random.choice(ids[end.target])) for _ in range(12)}
        hidden = [(here, there) for here, there in sorted(pairs) if here != there and self._hides(end, here, there)]
        declared = end.link.properties
        return [self._tie(end, *pair, agreeing(declared, self._values(declared))) for pair in hidden]

    def _tie(self, end: End, here: str, there: str, values: dict[str, Any]) -> Relationship:
        made, problems = make_relationship(end, here, there, values)
        assert made, problems
        return made

    def _values(self, those: Any) -> dict[str, Any]:
        return {name: random_value(self._random, one) for name, one in those.items()}

    def _hides(self, end: End, one: str, other: str) -> bool:
        """Tell whether the actor cannot know of a link: one end is hidden, or the link is a detail of a summary."""
        sees = self._known if end.link.summary else self._whole
        return not (sees(one) and sees(other))

    def _known(self, one: str) -> bool:
        return may_see(self._actor, self._records[one].values)

    def _whole(self, one: str) -> bool:
        return may_see_all(self._actor, self._records[one].values)

    def _here(self, tie: Relationship) -> str:
        return tie.start_id if tie.end.outgoing else tie.end_id

    def _there(self, tie: Relationship) -> str:
        return tie.end_id if tie.end.outgoing else tie.start_id
