"""Cypher for search, paths, neighbourhoods, impact, shared resources, and cooperation between agencies."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from registry.database.conditions import LEVELS, PARTS, disputing, match_ids, period_predicate
from registry.database.dialect import words_index
from registry.database.driver import Cypher
from registry.model.definitions import MODEL
from registry.model.kinds import Kind
from registry.model.records import INITIALS, STEM, SearchTerm, SearchTerms
from registry.permissions import Actor, can_view_details, can_view_path, can_view_summary, may_be_partial

ANY = [kind.__name__ for kind in MODEL]
SUMMARY_LINKS = sorted({link.relation for link in MODEL.links() if link.summary})


@dataclass(frozen=True)
class SearchScope:
    """Where a search looks: the actor, the kinds, and the ids of a sector and an area that the records must be in."""

    actor: Actor
    kinds: Sequence[type[Kind]]
    sector: str | None = None
    area: str | None = None

    def statement(self, text: str, inside: Mapping[str, object], *, n: int = 0) -> Cypher:
        """Return a statement of the search with its parameters."""
        return _statement(text, self.actor, {**inside, "sector": self.sector, "area": self.area}, n=n)

    def holds(self, node: str) -> str:
        """Return the condition that the actor may see the summary of a record, and that it is in the sector and the area."""
        return f"{_is_visible(node)}{_in_terms(self.sector, self.area)}"

    @property
    def indexes(self) -> list[str]:
        """The names of the full-text indexes of the kinds."""
        return [words_index(kind) for kind in self.kinds]


SAME, BEGINS = 5.0, 4.0  # scores of a search hit: its name equals the text, or begins with the text


def named(wanted: SearchTerms, kind: type[Kind], scope: SearchScope, *, most: int) -> Cypher:
    """Return Cypher that finds the records of a kind whose name begins with the search text, ordered by name.

    Records of a kind without names have their id as name. They are found only by their whole id.

    A row is `[kind, id, name key, score, []]`. The index of names yields the records in order, so that the query costs no more if
    many names begin with the text.
    """
    text = (
        f"MATCH (n:{kind.__name__}) WHERE n.name_key {'STARTS WITH' if kind.named else '='} $k AND n.id IS NOT NULL"
        f" AND {scope.holds('n')}"
        f" RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN {SAME} ELSE {BEGINS} END, []] AS row"
        " ORDER BY n.name_key, n.id LIMIT $n"
    )
    inside = {"sector": scope.sector, "area": scope.area}
    return Cypher(text, {"k": wanted.text, "n": most, "in": inside, "me": scope.actor.parameter()}, long=True)


def found(
    wanted: SearchTerms,
    scope: SearchScope,
    *,
    most: int,
    missing: int = 0,
    some: Sequence[SearchTerm] = (),
    weights: Sequence[float] = (),
) -> Cypher:
    """Return Cypher that finds the records that lack at most `missing` terms: highest score first, then by name and id.

    If terms may be missing, a record must contain one of the terms `some`.

    A row is `[kind, id, name key, score, missing terms]`, in which a term is given by its position. A word that occurs only in the
    details of a record matches only if the actor may see the details. The query ignores the engine's own score and limit, because
    both depend on records and words that the actor may not see.

    The score is SAME if a search key of the record equals the text, and BEGINS if the name begins with the text. Otherwise it is
    the average over the terms of 1 for a term in a name, 0.5 for another one in the summary, and 0.25 for another one in the
    details; plus 1 if no term is missing, and plus another 1 if the record also needs no synonym. The weights of the terms apply
    if a term is missing.
    """
    text = (
        "UNWIND $in.indexes AS i CALL db.index.fulltext.queryNodes(i, $in.query) YIELD node"
        f" WITH node AS n, {can_view_details('node')} AS details WHERE {scope.holds('n')}"
        f" WITH n, [term IN $in.terms | {_gain('term')}] AS gains, coalesce($in.text IN n.search_keys, false) AS same"
        " WITH n, gains, same, [i IN range(0, size(gains) - 1) WHERE gains[i] = 0.0] AS missing"
        " WHERE same OR size(missing) <= $in.missing"
        f" WITH n, CASE WHEN same THEN [] ELSE missing END AS missing, CASE WHEN same THEN {SAME}"
        f" WHEN labels(n)[0] IN $in.named AND n.name_key STARTS WITH $in.text THEN {BEGINS} WHEN size(missing) > 0"
        " THEN reduce(sum = 0.0, i IN range(0, size(gains) - 1) | sum + abs(gains[i]) * $in.weights[i])"
        " ELSE reduce(sum = 0.0, gain IN gains | sum + abs(gain)) / size(gains)"
        " + CASE WHEN any(gain IN gains WHERE gain < 0.0) THEN 1.0 ELSE 2.0 END END AS score"
        " ORDER BY score DESC, n.name_key, n.id LIMIT $n RETURN collect([labels(n)[0], n.id, n.name_key, score, missing])"
    )
    inside = {
        "indexes": scope.indexes,
        "named": [kind.__name__ for kind in scope.kinds if kind.named],
        "query": " ".join(f"({term.query})" for term in some) if missing else wanted.query,
        "terms": [_parameter(term) for term in wanted.terms],
        "text": wanted.text,
        "missing": missing,
        "weights": list(weights),
    }
    return scope.statement(text, inside, n=most)


def count_found(term: SearchTerm, scope: SearchScope, *, most: int) -> Cypher:
    """Return Cypher that counts the records that contain a term of a search, up to `most`."""
    text = (
        "UNWIND $in.indexes AS i CALL db.index.fulltext.queryNodes(i, $in.query) YIELD node"
        f" WITH node AS n, {can_view_details('node')} AS details, $in.term AS term WHERE {scope.holds('n')}"
        f" WITH n, {_gain('term')} AS gain WHERE gain <> 0.0 WITH n LIMIT $n RETURN count(n)"
    )
    return scope.statement(text, {"indexes": scope.indexes, "query": term.query, "term": _parameter(term)}, n=most)


def _parameter(term: SearchTerm) -> dict[str, object]:
    return {"own": term.own, "synonyms": term.synonyms}


def _gain(term: str) -> str:
    """Return the expression for how well a record matches a term: negative for a synonym, and 0 if it does not match."""
    places = (
        ("n.name_words", "1.0"),
        ("n.summary_words", "0.5"),
        ("CASE WHEN details THEN n.words ELSE '' END", "0.25"),
    )
    own = f"all(forms IN {term}.own WHERE any(form IN forms WHERE {{}} CONTAINS form))"
    synonym = (
        f"any(phrase IN {term}.synonyms WHERE all(forms IN phrase WHERE any(form IN forms WHERE {{}} CONTAINS form)))"
    )
    cases = [
        f"WHEN {holds.format(words)} THEN {sign}{gain}"
        for holds, sign in ((own, ""), (synonym, "-"))
        for words, gain in places
    ]
    return f"CASE {' '.join(cases)} ELSE 0.0 END"


def name_words(lengths: Collection[int], parts: Collection[str], scope: SearchScope) -> Cypher:
    """Return Cypher that reads `[word, number of records]` for each word of these lengths in the names of records, in one row.

    Only the names that contain one of the parts are read.
    """
    text = (
        f"MATCH (n:{'|'.join(kind.__name__ for kind in scope.kinds)})"
        f" WHERE any(part IN $in.parts WHERE n.name_words CONTAINS part) AND {scope.holds('n')}"
        " UNWIND split(n.name_words, ' ') AS word WITH word WHERE size(word) IN $in.lengths"
        f" AND NOT left(word, 1) IN ['{STEM}', '{INITIALS}'] WITH word, count(*) AS records RETURN collect([word, records])"
    )
    return scope.statement(text, {"lengths": sorted(lengths), "parts": sorted(parts)})


def links_of(ids: Sequence[str], relations: Collection[str], actor: Actor, *, day: str, most: int) -> Cypher:
    """Return Cypher that reads the links of each record, at most `most` of them, one row per record.

    A row is `[id, kind, name, links, number of links, number of links that are not current, whether the details are visible]`.

    A link is `[relation, whether the link points away from the record, far kind, far id, far name]`, where "far" is the other end.
    Links are ordered by the name of the record at the other end, by relation, and by direction (outgoing links first). Uses that are
    not current on the day, and agreements that are not in force, are left out of the links and counted separately.
    """
    current = (
        f"({_is_current('e', 'since', 'until')} AND (NOT m:Partnership OR NOT {can_view_details('m')}"
        f" OR (({_is_current('m', 'valid_from', 'valid_until')}) AND NOT EXISTS {{ {disputing('m')} }})))"
    )
    # One scan orders and counts all links, and the first become rows. Without links, Neo4j 5.26 returns no list at all.
    links = (
        f"COLLECT {{ MATCH (n)-[e]-(m) WHERE type(e) IN $in.relations AND {_is_visible('m')}"
        f" AND (type(e) IN $in.in_summary OR ({can_view_details('n')} AND {can_view_details('m')}))"
        f" WITH DISTINCT type(e) AS relation, startNode(e).id = n.id AS away, m, {current} AS current"
        " ORDER BY current DESC, m.name_key, m.id, relation, away DESC WITH collect([relation, away, m]) AS every,"
        " count(CASE WHEN current THEN 1 END) AS yes, count(CASE WHEN NOT current THEN 1 END) AS no RETURN"
        " [[x IN every[..CASE WHEN yes < $n THEN yes ELSE $n END] | [x[0], x[1], labels(x[2])[0], x[2].id, x[2].name]], yes, no] }"
    )
    text = (
        f"{match_ids('$in.ids', ANY)} WHERE {_is_visible('n')} WITH n, coalesce({links}[0], [[], 0, 0]) AS links"
        f" RETURN collect([n.id, labels(n)[0], n.name, links[0], links[1], links[2], {can_view_details('n')}])"
    )
    inside = {"ids": list(ids), "relations": sorted(relations), "in_summary": SUMMARY_LINKS, "day": day}
    return _statement(text, actor, inside, n=most)


def dependents(kind: str, ids: Collection[str], actor: Actor, *, day: str) -> Cypher:
    """Return Cypher that reads the dependents of records of a kind: the records that are affected if they become unavailable.

    A row is `[id, whether the details are visible, kind of resource, functions, lists]`. There is one list for each member of
    `DEPENDENTS[kind]`, in the same order: a list of ids or, if dependents may have an alternative, of `[id, whether it has one]`.

    The alternative to an agency is another lead provider or co-provider of the service, or another owner of the resource. An
    agency that uses a resource or provides a service always has an alternative. The Cypher of `alternatives` reads the alternatives
    to resources.
    """
    found = f"COLLECT {{ MATCH (n)-[:HAS_FUNCTION]->(t:Function) WHERE {_is_visible('t')} RETURN t.id }}"
    functions = found if kind == "Resource" else "[]"
    lists = ", ".join(
        f"COLLECT {{ MATCH {one.pattern} WHERE {_is_visible('m')} AND {one.condition} WITH DISTINCT n, m"
        f" RETURN {f'[m.id, {one.alternative}]' if one.alternative else 'm.id'} }}"
        for one in DEPENDENTS[kind]
    )
    text = (
        f"UNWIND $in.ids AS id MATCH (n:{kind} {{id: id}}) WHERE {_is_visible('n')}"
        f" RETURN collect([n.id, {can_view_details('n')}, n.kind, {functions}, [{lists}]])"
    )
    return Cypher(text, {"in": {"ids": sorted(ids), "day": day}, "me": actor.parameter()})


def alternatives(resources: Collection[str], actor: Actor) -> Cypher:
    """Return Cypher that reads, for each function of the given resources, the resources that can replace another one.

    A row is `[function, kind of resource, two of the resources]`. The resources have the function and may be shared.
    """
    text = (
        f"UNWIND $in.ids AS id MATCH (n:Resource {{id: id}})-[:HAS_FUNCTION]->(t:Function) WHERE {_is_visible('t')}"
        f" WITH DISTINCT t MATCH (t)<-[:HAS_FUNCTION]-(o:Resource) WHERE coalesce(o.shareability <> 'not-shared', false)"
        f" AND {_is_visible('o')} WITH t.id AS function, o.kind AS kind, collect(o.id)[..2] AS two"
        " RETURN collect([function, kind, two])"
    )
    return Cypher(text, {"in": {"ids": sorted(resources)}, "me": actor.parameter()})


def names_of(kind: str, ids: Collection[str], actor: Actor) -> Cypher:
    """Return Cypher that reads `[id, name]` of records of a kind."""
    text = (
        f"UNWIND $in.ids AS id MATCH (n:{kind} {{id: id}}) WHERE {can_view_summary('n')} RETURN collect([n.id, n.name])"
    )
    return Cypher(text, {"in": {"ids": sorted(ids)}, "me": actor.parameter()})


def placed(kind: str, ids: Collection[str], actor: Actor, terms: Mapping[str, str]) -> Cypher:
    """Return Cypher that reads where records are placed: in which of the given terms, and whether in any such term.

    `terms` has the id of a `Sector`, of an `Area`, or of both. A row is `[id, whether it is in all terms, whether it is in a term of
    each kind]`. A resource is in the sectors of its owners, and an area is in itself.
    """
    within = " AND ".join(_has_term(kind, term, f" AND t.id = $in.terms.{term}") for term in terms)
    known = " AND ".join(_has_term(kind, term) for term in terms)
    text = f"UNWIND $in.ids AS id MATCH (n:{kind} {{id: id}}) RETURN collect([n.id, {within}, {known}])"
    return Cypher(text, {"in": {"ids": sorted(ids), "terms": dict(terms)}, "me": actor.parameter()})


def _has_term(kind: str, term: str, also: str = "") -> str:
    if kind == "Area":
        return "false" if term == "Sector" else "n.id = $in.terms.Area"
    owned = (kind, term) == ("Resource", "Sector")
    owner, visible = ("<-[:OWNS]-(o:Agency)", f" AND {_is_visible('o')}") if owned else ("", "")
    return f"EXISTS {{ MATCH (n){owner}-[:IN_{term.upper()}]->(t:{term}) WHERE {_is_visible('t')}{visible}{also} }}"


def shared_resources(ids: Sequence[str], actor: Actor, *, day: str, most: int) -> Cypher:
    """Return Cypher that finds the resources that at least two of the agencies own or use.

    A row is `[id, owners, uses, agreements, hidden, whole]`. `owners` and `uses` include only the given agencies; a use is
    `[agency, role, since, until]`. `agreements` are the agreements that are valid on the day and cover the resource, each as `[id,
    parties, parties that dispute it, whether the actor sees the position of every party]`. `whole` is whether the actor sees the
    details of the resource; if it is false, the uses and agreements are unknown.

    `hidden` lists agencies that use the resource and have an agreement with an owner, if the actor sees only the summary of the
    agreement. The actor cannot know whether such an agreement covers the resource.
    """
    relevant = f"((type(e) = 'OWNS') OR (({_DETAILS_VISIBLE}) AND {_is_current('e', 'since', 'until')}))"
    hidden = (
        "MATCH (m)<-[:OWNS]-(o:Agency)-[:PARTY_TO]->(p:Partnership)<-[:PARTY_TO]-(u:Agency)"
        f" WHERE {_is_visible('o')} AND {_is_visible('u')} AND {_is_visible('p')} AND NOT {can_view_details('p')}"
        " WITH DISTINCT u ORDER BY u.id RETURN u.id"
    )
    covering = (
        f"MATCH (m)<-[:COVERS]-(p:Partnership) WHERE {_is_valid('p')} AND {can_view_details('m')}"
        f" WITH p ORDER BY p.id RETURN [p.id, {_parties('p')}, {_disputing('p')}, {_positions_visible('p')}]"
    )
    text = (
        f"UNWIND $in.ids AS id MATCH (n:Agency {{id: id}})-[e:OWNS|USES]->(m:Resource) WHERE {_is_visible('n')}"
        f" AND {_is_visible('m')} AND {relevant} WITH m, n, e ORDER BY n.id"
        " WITH m, collect(DISTINCT CASE WHEN type(e) = 'OWNS' THEN n.id END) AS owners,"
        " collect(DISTINCT CASE WHEN type(e) = 'USES' THEN [n.id, e.role, e.since, e.until] END) AS uses,"
        " count(DISTINCT n.id) AS agencies WHERE agencies > 1 WITH m, owners, uses ORDER BY m.name_key, m.id LIMIT $n"
        f" RETURN collect([m.id, owners, uses, COLLECT {{ {covering} }}, COLLECT {{ {hidden} }},"
        f" {can_view_details('m')}])"
    )
    return _statement(text, actor, {"ids": list(ids), "day": day}, n=most)


def shared_withheld(ids: Sequence[str], actor: Actor) -> Cypher:
    """Return Cypher that reads whether some uses of resources by the given agencies may be hidden from the actor.

    They may be hidden if the actor sees only the summary of one of the agencies, or of some resources.
    """
    text = (
        f"UNWIND $in.ids AS id MATCH (n:Agency {{id: id}}) WHERE {_is_visible('n')}"
        f" AND (NOT {can_view_details('n')} OR {may_be_partial(['Resource'])}) RETURN count(n) > 0"
    )
    return Cypher(text, {"in": {"ids": list(ids)}, "me": actor.parameter()})


def shared_services(ids: Sequence[str], actor: Actor, *, most: int) -> Cypher:
    """Return Cypher that finds the services that at least two of the agencies provide.

    A row is `[id, providers]`; a provider is `[agency, role]`.
    """
    text = (
        f"UNWIND $in.ids AS id MATCH (n:Agency {{id: id}})-[e:PROVIDES]->(m:Service) WHERE {_is_visible('n')}"
        f" AND {_is_visible('m')} WITH m, n, e ORDER BY n.id"
        " WITH m, collect([n.id, e.role]) AS providers, count(DISTINCT n.id) AS agencies WHERE agencies > 1"
        " WITH m, providers ORDER BY m.name_key, m.id LIMIT $n RETURN collect([m.id, providers])"
    )
    return _statement(text, actor, {"ids": list(ids)}, n=most)


def shared_partnerships(ids: Sequence[str], actor: Actor, *, most: int) -> Cypher:
    """Return Cypher that finds the partnerships to which at least two of the agencies are parties.

    A row is `[id, parties, whole, valid from, valid until, parties that dispute it, whether the actor sees the position of every
    party, assessments]`. A party is `[agency, role]`. An assessment, a party's opinion of the level of collaboration, is `[id,
    agency, scale, level, on]`; the latest comes first. `whole` is whether the actor sees the details of the partnership; if it is
    false, the dates and assessments are left out.
    """
    statements = (
        "MATCH (m)<-[:STATED_ABOUT]-(s:Statement)-[:STATED_BY]->(a:Agency)"
        f" WHERE {_is_visible('s')} AND {can_view_details('s')} AND {can_view_details('m')} AND {can_view_details('a')}"
        " WITH s, a ORDER BY s.on DESC, s.id RETURN [s.id, a.id, s.scale, s.level, s.on]"
    )
    detail = f"CASE WHEN {can_view_details('m')} THEN m.{{}} END"
    text = (
        f"UNWIND $in.ids AS id MATCH (n:Agency {{id: id}})-[e:PARTY_TO]->(m:Partnership) WHERE {_is_visible('n')}"
        f" AND {_is_visible('m')} WITH m, n, e ORDER BY n.id"
        " WITH m, collect([n.id, e.role]) AS parties, count(DISTINCT n.id) AS agencies WHERE agencies > 1"
        " WITH m, parties ORDER BY m.name_key, m.id LIMIT $n"
        f" RETURN collect([m.id, parties, {can_view_details('m')}, {detail.format('valid_from')},"
        f" {detail.format('valid_until')}, {_disputing('m')}, {_positions_visible('m')}, COLLECT {{ {statements} }}])"
    )
    return _statement(text, actor, {"ids": list(ids)}, n=most)


def met_needs(ids: Sequence[str], actor: Actor, *, most: int) -> Cypher:
    """Return Cypher that finds the resources of one agency that meet a need of another agency.

    A row is `[need, needing agency, resource, owner]`. The resource is of the needed kind, may be shared, and has free capacity if
    its capacity is known. If both the need and the resource have functions, they must have at least one function in common.
    """
    functions = f"MATCH ({{0}})-[:HAS_FUNCTION]->(f:Function) WHERE {_is_visible('f')}"
    text = (
        f"UNWIND $in.ids AS id MATCH (a:Agency {{id: id}})<-[:NEEDED_BY]-(n:Need) WHERE {_is_visible('a')} AND {_is_visible('n')}"
        " UNWIND $in.ids AS other MATCH (b:Agency {id: other})-[:OWNS]->(m:Resource)"
        f" WHERE b.id <> a.id AND {_is_visible('b')} AND {_is_visible('m')} AND m.kind = n.kind"
        f" AND coalesce(m.shareability <> 'not-shared', false) AND ({_has_capacity('m')})"
        f" AND (NOT EXISTS {{ {functions.format('n')} }} OR NOT EXISTS {{ {functions.format('m')} }}"
        f" OR EXISTS {{ MATCH (n)-[:HAS_FUNCTION]->(f:Function)<-[:HAS_FUNCTION]-(m) WHERE {_is_visible('f')} }})"
        " WITH a, n, b, m ORDER BY n.name_key, n.id, m.name_key, m.id, b.id LIMIT $n"
        " RETURN collect([n.id, a.id, m.id, b.id])"
    )
    return _statement(text, actor, {"ids": list(ids)}, n=most)


def groups(by: str, actor: Actor) -> Cypher:
    """Return Cypher that reads the groups of every agency, such as its sectors.

    A row is `[agency, groups]`; a group is `[id, name, Indonesian label, English label]`. `by` is a key of GROUPS. For the key
    `parent`, the group of an agency is the topmost body above it.
    """
    match, labels = GROUPS[by]
    if by == "level_of_government":
        listed = "[one IN [n.level_of_government] WHERE one IS NOT NULL | [one, null, null, null]]"
    else:
        listed = f"COLLECT {{ {match} WITH DISTINCT t ORDER BY t.id RETURN [t.id, t.name, {labels}] }}"
    text = f"MATCH (n:Agency) WHERE {_is_visible('n')} WITH n ORDER BY n.id RETURN collect([n.id, {listed}])"
    return Cypher(text, {"me": actor.parameter()})


def ties(actor: Actor, *, day: str) -> Cypher:
    """Return Cypher that reads which agencies cooperate: by agreements, by shared services, or by using each other's resources.

    The only row holds four values: the parties of each agreement in force that no party disputes, the providers of each service,
    `[user, owner]` for each use that is current on the day, and `withheld`. `withheld` is true if the actor sees only the summary
    of some agencies, resources or agreements. There may then be cooperation that the actor cannot see.
    """
    parties = (
        f"MATCH (p:Partnership) WHERE {_is_valid('p')} AND NOT EXISTS {{ {disputing('p')} }}"
        f" WITH p ORDER BY p.id RETURN {_parties('p')}"
    )
    providers = (
        f"MATCH (m:Service)<-[:PROVIDES]-(n:Agency) WHERE {_is_visible('m')} AND {_is_visible('n')}"
        " WITH m, n ORDER BY n.id WITH m, collect(DISTINCT n.id) AS those WHERE size(those) > 1"
        " WITH m, those ORDER BY m.id RETURN those"
    )
    uses = (
        f"MATCH (n:Agency)-[e:USES]->(m:Resource)<-[:OWNS]-(o:Agency) WHERE {_is_visible('n')} AND {_is_visible('m')}"
        f" AND {_is_visible('o')} AND {_DETAILS_VISIBLE} AND {_is_current('e', 'since', 'until')} AND n.id <> o.id"
        " WITH n, o, m ORDER BY n.id, o.id, m.id RETURN [n.id, o.id]"
    )
    withheld = may_be_partial(("Agency", "Resource", "Partnership"))
    text = f"RETURN [COLLECT {{ {parties} }}, COLLECT {{ {providers} }}, COLLECT {{ {uses} }}, {withheld}]"
    return Cypher(text, {"in": {"day": day}, "me": actor.parameter()})


def _statement(text: str, actor: Actor, inside: Mapping[str, object], *, n: int) -> Cypher:
    return Cypher(text, {"n": n, "in": inside, "me": actor.parameter()})


def _is_visible(node: str) -> str:
    """Return the predicate that the actor may see the summary of a record and that the record is not retired."""
    return f"{can_view_summary(node)} AND coalesce({node}.status <> 'retired', false)"


def _is_current(owner: str, first: str, last: str) -> str:
    return period_predicate("current", owner, "$in.day", first, last)


def _is_valid(partnership: str) -> str:
    """Return the predicate that the actor sees the details of an agreement, and that it is valid on the day."""
    current = _is_current(partnership, "valid_from", "valid_until")
    return f"{_is_visible(partnership)} AND {can_view_details(partnership)} AND {current}"


def _disputing(partnership: str) -> str:
    """Return the expression for the ids of the parties that dispute an agreement, as far as the actor sees their positions."""
    return f"COLLECT {{ {disputing(partnership)} WITH x ORDER BY x.id RETURN x.id }}"


def _positions_visible(partnership: str) -> str:
    """Return the predicate that the actor sees the details of every party of an agreement, and thus whether it disputes it."""
    match = f"MATCH ({partnership})<-[:PARTY_TO]-(x:Agency) WHERE {_is_visible('x')} AND NOT {can_view_details('x')}"
    return f"NOT EXISTS {{ {match} }}"


def _parties(partnership: str) -> str:
    match = f"MATCH ({partnership})<-[:PARTY_TO]-(x:Agency) WHERE {_is_visible('x')}"
    return f"COLLECT {{ {match} WITH x ORDER BY x.id RETURN x.id }}"


def _has_capacity(resource: str) -> str:
    free = f"{resource}.capacity > coalesce({resource}.in_use, 0.0)"
    return f"NOT {can_view_details(resource)} OR coalesce({free}, true)"


def _in_terms(sector: str | None, area: str | None) -> str:
    """Return the condition that a record, or an agency linked to it, is in a sector and an area.

    Narrower sectors and areas match too.
    """
    texts = (("IN_SECTOR", "Sector", "sector", sector), ("IN_AREA", "Area", "area", area))
    return "".join(
        f" AND EXISTS {{ MATCH (n)-[:OWNS|NEEDED_BY|PARTY_TO*0..1]-(a)-[:{relation}]->(t:{kind})"
        f" MATCH way = (t){PARTS}(:{kind} {{id: $in.{name}}})"
        f" WHERE {can_view_summary('a')} AND {can_view_path('way')} }}"
        for relation, kind, name, value in texts
        if value is not None
    )


_DETAILS_VISIBLE = f"{can_view_details('n')} AND {can_view_details('m')}"
# Match one level of the hierarchy after the other, each body once: there may be very many paths if units belong to several bodies.
_TOPMOST = (
    f"MATCH (n)-[:PART_OF*0..1]->(t:Agency) WHERE {_is_visible('t')} WITH DISTINCT t"
    + (LEVELS - 1) * f" MATCH (t)-[:PART_OF*0..1]->(x:Agency) WHERE {_is_visible('x')} WITH DISTINCT x AS t"
    + f" WHERE NOT EXISTS {{ MATCH (t)-[:PART_OF]->(above:Agency) WHERE {_is_visible('above')} }}"
)
_LEADING = "['lead', 'co-provider']"


@dataclass(frozen=True)
class ImpactLink:
    """A link by which records `m` of a kind depend on a record `n`. If `forward` is set, the link leads from `n` to `m`.

    `condition` is Cypher, and so is `alternative`, whether `m` has an alternative to `n`; without it, `replaced` says so for every
    `m`. If `hidden` is set, the link is a detail: an actor who sees only the summary of `n` or of `m` does not see it.
    """

    relation: str
    kind: str
    forward: bool
    condition: str
    alternative: str = ""
    replaced: bool = False
    hidden: bool = False

    @property
    def pattern(self) -> str:
        """The Cypher pattern of the link."""
        left, right = ("-", "->") if self.forward else ("<-", "-")
        return f"(n){left}[e:{self.relation}]{right}(m:{self.kind})"


_OTHER = f"EXISTS {{{{ MATCH (m)<-[f:{{}}]-(o:Agency) WHERE o.id <> n.id AND {{}}{_is_visible('o')} }}}}"
_LEADS, _OTHER_LEADS = f"e.role IN {_LEADING}", f"f.role IN {_LEADING} AND "
_USED = f"{_DETAILS_VISIBLE} AND {_is_current('e', 'since', 'until')}"
DEPENDENTS: Mapping[str, Sequence[ImpactLink]] = {
    "Agency": (
        ImpactLink("PROVIDES", "Service", True, _LEADS, _OTHER.format("PROVIDES", _OTHER_LEADS)),
        ImpactLink("OWNS", "Resource", True, "true", _OTHER.format("OWNS", "")),
    ),
    "Resource": (
        ImpactLink("REQUIRES", "Service", False, _DETAILS_VISIBLE, hidden=True),
        ImpactLink("USES", "Agency", False, _USED, replaced=True, hidden=True),
    ),
    "Service": (
        ImpactLink("DEPENDS_ON", "Service", False, _DETAILS_VISIBLE, hidden=True),
        ImpactLink("PROVIDES", "Agency", False, _LEADS, replaced=True),
        ImpactLink("IN_AREA", "Area", True, "true"),
    ),
}
GROUPS = {
    "sector": (f"MATCH (n)-[:IN_SECTOR]->(t:Sector) WHERE {_is_visible('t')}", "t.label_id, t.label_en"),
    "area": (f"MATCH (n)-[:IN_AREA]->(t:Area) WHERE {_is_visible('t')}", "t.label_id, t.label_en"),
    "parent": (_TOPMOST, "null, null"),
    "level_of_government": ("", ""),
}


def named_like(kind: type[Kind], beginnings: Sequence[str], me: Mapping[str, object], *, most: int) -> Cypher:
    """Return Cypher that finds the records with a word in their names that begins with one of the given texts, best match first.

    The best match has the most of the given texts and the fewest other words. The query's only row is a list of `[id, name]` of at
    most `most` records. Retired records and records that the user `me` may not see are left out. The query ignores the index's own
    score and limit, because they depend on records that the user may not see.
    """
    text = (
        "CALL db.index.fulltext.queryNodes($in.index, $in.query) YIELD node"
        f" WITH node AS n WHERE n.status <> 'retired' AND {can_view_summary('n')}"
        " WITH n, size([one IN $in.beginnings WHERE n.name_words CONTAINS ' ' + one]) AS shared WHERE shared > 0"
        " WITH n, 2 * shared - size(split(n.name_key, ' ')) AS overlap ORDER BY overlap DESC, n.name_key, n.id LIMIT $n"
        " RETURN collect([n.id, n.name])"
    )
    query = " ".join(f"{one}*" for one in beginnings)
    inside = {"index": words_index(kind), "query": query, "beginnings": list(beginnings)}
    return Cypher(text, {"n": most, "in": inside, "me": me})


def names(kind: type[Kind], me: Mapping[str, object]) -> Cypher:
    """Return Cypher that reads `[id, name]` of all records of a kind that are not retired and that the user `me` may see."""
    text = f"MATCH (n:{kind.__name__}) WHERE n.status <> 'retired' AND {can_view_summary('n')} RETURN collect([n.id, n.name])"
    return Cypher(text, {"me": me})


def kinds_of(ids: Collection[str], actor: Actor) -> Cypher:
    """Return Cypher that reads `[id, kind, whether it is retired]` of the given records whose summary the actor may see."""
    text = f"{match_ids('$in.ids', ANY)} WHERE {can_view_summary('n')} RETURN collect([n.id, labels(n)[0], n.status = 'retired'])"
    return Cypher(text, {"in": {"ids": sorted(ids)}, "me": actor.parameter()})


def visible(ids: Collection[str], actor: Actor) -> Cypher:
    """Return Cypher that reads the id, name and kind of the given records, one row each, if the actor may see their details."""
    return Cypher(
        f"{match_ids('$in.ids', ANY)} WHERE {can_view_summary('n')} AND {can_view_details('n')}"
        " RETURN DISTINCT n.id, coalesce(n.name, n.id), labels(n)[0]",
        {"in": {"ids": sorted(ids)}, "me": actor.parameter()},
    )
