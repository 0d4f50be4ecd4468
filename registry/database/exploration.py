"""Cypher for search, paths, neighbourhood, impact, shared resources and ties between agencies."""

from collections.abc import Collection, Mapping, Sequence

from registry.database.compiler import LEVELS, PARTS, path_visible, period_predicate
from registry.database.driver import Cypher
from registry.database.schema import words_index
from registry.model.definitions import MODEL
from registry.model.kinds import Kind
from registry.model.records import SearchTerms
from registry.permissions import Actor, can_view_details, can_view_summary

ANY = "|".join(kind.__name__ for kind in MODEL)
SUMMARY_LINKS = sorted({link.relation for link in MODEL.links() if link.summary})
SAME, BEGINS = 5.0, 4.0  # scores of a search


def named(
    wanted: SearchTerms, kind: type[Kind], actor: Actor, *, sector: str | None, area: str | None, most: int
) -> Cypher:
    """Return a row `[kind, id, name key, score]` for each record of a kind whose name begins with the text, by name.

    The index of names yields the records in order, so that a common beginning costs no more than a rare one.
    """
    text = (
        f"MATCH (n:{kind.__name__}) WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL"
        f" AND {_is_visible('n')}{_in_terms(sector, area)}"
        f" RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN {SAME} ELSE {BEGINS} END] AS row"
        " ORDER BY n.name_key, n.id LIMIT $n"
    )
    inside = {"sector": sector, "area": area}
    return Cypher(text, {"k": wanted.text, "n": most, "in": inside, "me": actor.parameter()}, long=True)


def found(
    wanted: SearchTerms, kinds: Sequence[type[Kind]], actor: Actor, *, sector: str | None, area: str | None, most: int
) -> Cypher:
    """Return `[kind, id, name key, score]` of records that contain every word, best first, then by name and id.

    Words that only the details contain match only for actors with access to them. The engine's own score and limit are not used:
    both take account of records and words that the actor may not see. The score is SAME where the name or the acronym equals
    the text, and BEGINS where the name begins with it; otherwise 1, plus 1 where the summary contains all words, plus the
    share of the words that the name contains.
    """
    holds = "any(part IN word WHERE {} CONTAINS part)"
    text = (
        "UNWIND $in.indexes AS i CALL db.index.fulltext.queryNodes(i, $in.query) YIELD node"
        f" WITH node AS n, {can_view_details('node')} AS details,"
        f" all(word IN $in.words WHERE {holds.format('node.summary_words')}) AS summary"
        f" WHERE {_is_visible('n')} AND (summary OR details){_in_terms(sector, area)}"
        f" WITH n, CASE WHEN n.name_key = $in.text OR coalesce(toLower(n.acronym) = $in.text, false) THEN {SAME}"
        f" WHEN n.name_key STARTS WITH $in.text THEN {BEGINS} ELSE CASE WHEN summary THEN 2.0 ELSE 1.0 END"
        " + toFloat(size([word IN $in.words WHERE "
        + holds.format("(' ' + n.name_key + ' ')")
        + "])) / size($in.words) END AS score"
        " ORDER BY score DESC, n.name_key, n.id LIMIT $n RETURN collect([labels(n)[0], n.id, n.name_key, score])"
    )
    inside = {
        "indexes": [words_index(kind) for kind in kinds],
        "query": wanted.query,
        "words": wanted.parts,
        "text": wanted.text,
        "sector": sector,
        "area": area,
    }
    return _statement(text, actor, inside, n=most)


def links_of(ids: Sequence[str], relations: Collection[str], actor: Actor, *, day: str, most: int) -> Cypher:
    """Return the links of each record, at most `most` of them, as a row.

    A row is `[id, kind, name, links, number of links, number of links that are not current, whether the details are visible]`.

    A link is `[relation, whether it leads away, far kind, far id, far name]`, ordered by the far name, the relation and the
    direction, outgoing first. Uses and agreements that are not current on the day are left out and counted separately.
    """
    current = (
        f"({_is_current('e', 'since', 'until')} AND"
        f" (NOT m:Partnership OR NOT {can_view_details('m')} OR ({_is_current('m', 'valid_from', 'valid_until')})))"
    )
    match = (
        f"MATCH (n)-[e]-(m) WHERE type(e) IN $in.relations AND {_is_visible('m')}"
        f" AND (type(e) IN $in.in_summary OR ({can_view_details('n')} AND {can_view_details('m')}))"
    )
    text = (
        f"UNWIND $in.ids AS id MATCH (n:{ANY} {{id: id}}) WHERE {_is_visible('n')}"
        f" RETURN collect([n.id, labels(n)[0], n.name, COLLECT {{ {match} AND {current}"
        " WITH DISTINCT type(e) AS relation, startNode(e).id = n.id AS away, m"
        " ORDER BY m.name_key, m.id, relation, away DESC LIMIT $n RETURN [relation, away, labels(m)[0], m.id, m.name] },"
        f" COUNT {{ {match} AND {current} RETURN DISTINCT type(e), startNode(e), m }},"
        f" COUNT {{ {match} AND NOT {current} RETURN DISTINCT type(e), startNode(e), m }}, {can_view_details('n')}])"
    )
    inside = {"ids": list(ids), "relations": sorted(relations), "in_summary": SUMMARY_LINKS, "day": day}
    return _statement(text, actor, inside, n=most)


def dependents(ids: Sequence[str], actor: Actor, *, day: str, most: int) -> Cypher:
    """Return `[id, name, withheld, dependents]` of each record, at most `most` dependents of each.

    A dependent is `[relation, kind, id, name, whether it has an alternative]`. Dependents of an agency are the services it
    provides and the resources it owns; of a resource, the services that require it and the agencies that use it; of a service,
    the services that depend on it, its providers and the areas where it is offered. `withheld` says that some dependents are
    details of the record that the actor may not see. The alternative to an agency is another lead provider or co-provider of
    the service, or another owner of the resource. The alternative to a resource is another one of the same kind and function
    that may be shared. An agency that uses a resource or provides a service always has an alternative.
    """
    other = (
        f"MATCH (n)-[:HAS_FUNCTION]->(t:Function)<-[:HAS_FUNCTION]-(o:Resource) WHERE o.id <> n.id AND o.kind = n.kind"
        f" AND {_is_visible('t')} AND {_is_visible('o')} AND coalesce(o.shareability <> 'not-shared', false)"
    )
    provider = f"MATCH (m)<-[f:PROVIDES]-(o:Agency) WHERE o.id <> n.id AND f.role IN {_LEADING} AND {_is_visible('o')}"
    owner = f"MATCH (m)<-[:OWNS]-(o:Agency) WHERE o.id <> n.id AND {_is_visible('o')}"
    parts = (
        ("n:Agency", "(n)-[e:PROVIDES]->(m:Service)", f"e.role IN {_LEADING}", f"EXISTS {{ {provider} }}"),
        ("n:Agency", "(n)-[e:OWNS]->(m:Resource)", "true", f"EXISTS {{ {owner} }}"),
        ("n:Resource", "(n)<-[e:REQUIRES]-(m:Service)", _DETAILS_VISIBLE, f"EXISTS {{ {other} }}"),
        (
            "n:Resource",
            "(n)<-[e:USES]-(m:Agency)",
            f"{_DETAILS_VISIBLE} AND {_is_current('e', 'since', 'until')}",
            "true",
        ),
        ("n:Service", "(n)<-[e:DEPENDS_ON]-(m:Service)", _DETAILS_VISIBLE, "false"),
        ("n:Service", "(n)<-[e:PROVIDES]-(m:Agency)", f"e.role IN {_LEADING}", "true"),
        ("n:Service", "(n)-[e:IN_AREA]->(m:Area)", "true", "false"),
    )
    hiding = " OR ".join(
        sorted({label for label, _pattern, also, _fallback in parts if also.startswith(_DETAILS_VISIBLE)})
    )
    lists = " + ".join(
        f"COLLECT {{ MATCH {pattern} WHERE {label} AND {_is_visible('m')} AND {also}"
        " WITH DISTINCT n, type(e) AS relation, m ORDER BY m.name_key, m.id LIMIT $n"
        f" RETURN [relation, labels(m)[0], m.id, m.name, {fallback}] }}"
        for label, pattern, also, fallback in parts
    )
    text = (
        f"UNWIND $in.ids AS id MATCH (n:Agency|Service|Resource {{id: id}}) WHERE {_is_visible('n')}"
        f" RETURN collect([n.id, n.name, ({hiding}) AND NOT {can_view_details('n')}, {lists}])"
    )
    return _statement(text, actor, {"ids": list(ids), "day": day}, n=most)


def shared_resources(ids: Sequence[str], actor: Actor, *, day: str, most: int) -> Cypher:
    """Return `[id, owners, uses, agreements, hidden, whole]` of resources that at least two of the agencies own or use.

    Owners and uses are those of these agencies only; a use is `[agency, role, since, until]`. Agreements are those in force
    that cover the resource, each `[id, parties]`. `hidden` are the users that have an agreement with an owner of which the
    actor sees only the summary, so that it may cover the resource. `whole` is whether the actor sees the details of the
    resource; where it is false, the uses and agreements are unknown.
    """
    relevant = f"((type(e) = 'OWNS') OR (({_DETAILS_VISIBLE}) AND {_is_current('e', 'since', 'until')}))"
    hidden = (
        "MATCH (m)<-[:OWNS]-(o:Agency)-[:PARTY_TO]->(p:Partnership)<-[:PARTY_TO]-(u:Agency)"
        f" WHERE {_is_visible('o')} AND {_is_visible('u')} AND {_is_visible('p')} AND NOT {can_view_details('p')}"
        " WITH DISTINCT u ORDER BY u.id RETURN u.id"
    )
    covering = (
        f"MATCH (m)<-[:COVERS]-(p:Partnership) WHERE {_is_in_force('p')} AND {can_view_details('m')}"
        f" WITH p ORDER BY p.id RETURN [p.id, {_parties('p')}]"
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
    """Return whether uses of these agencies, or of the resources they own, are details that the actor may not see."""
    owned = f"MATCH (n)-[:OWNS]->(m:Resource) WHERE {_is_visible('m')} AND NOT {can_view_details('m')}"
    text = (
        f"UNWIND $in.ids AS id MATCH (n:Agency {{id: id}}) WHERE {_is_visible('n')}"
        f" AND (NOT {can_view_details('n')} OR EXISTS {{ {owned} }}) RETURN count(n) > 0"
    )
    return Cypher(text, {"in": {"ids": list(ids)}, "me": actor.parameter()})


def shared_services(ids: Sequence[str], actor: Actor, *, most: int) -> Cypher:
    """Return `[id, providers]` of services that at least two of the agencies provide; a provider is `[agency, role]`."""
    text = (
        f"UNWIND $in.ids AS id MATCH (n:Agency {{id: id}})-[e:PROVIDES]->(m:Service) WHERE {_is_visible('n')}"
        f" AND {_is_visible('m')} WITH m, n, e ORDER BY n.id"
        " WITH m, collect([n.id, e.role]) AS providers, count(DISTINCT n.id) AS agencies WHERE agencies > 1"
        " WITH m, providers ORDER BY m.name_key, m.id LIMIT $n RETURN collect([m.id, providers])"
    )
    return _statement(text, actor, {"ids": list(ids)}, n=most)


def shared_partnerships(ids: Sequence[str], actor: Actor, *, most: int) -> Cypher:
    """Return `[id, parties, whole, valid from, valid until, statements]` of partnerships of at least two of the agencies.

    A party is `[agency, role]`; a statement is `[id, agency, scale, level, on]`, latest first. `whole` is whether the actor
    sees the details; where it is false, the dates and statements are left out.
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
        f" {detail.format('valid_until')}, COLLECT {{ {statements} }}])"
    )
    return _statement(text, actor, {"ids": list(ids)}, n=most)


def met_needs(ids: Sequence[str], actor: Actor, *, most: int) -> Cypher:
    """Return `[need, needing agency, resource, owner]` where one of the agencies owns what another needs.

    The resource is of the kind that is needed, may be shared, and has free capacity where that is known. Where both the need
    and the resource have functions, they share one.
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
    """Return `[agency, groups]` of every agency; a group is `[id, name, Indonesian label, English label]`.

    `by` is a key of GROUPS. The group `parent` of an agency is the topmost body above it.
    """
    match, labels = GROUPS[by]
    if by == "level_of_government":
        listed = "[one IN [n.level_of_government] WHERE one IS NOT NULL | [one, null, null, null]]"
    else:
        listed = f"COLLECT {{ {match} WITH DISTINCT t ORDER BY t.id RETURN [t.id, t.name, {labels}] }}"
    text = f"MATCH (n:Agency) WHERE {_is_visible('n')} WITH n ORDER BY n.id RETURN collect([n.id, {listed}])"
    return Cypher(text, {"me": actor.parameter()})


def ties(actor: Actor, *, day: str) -> Cypher:
    """Return the parties of each agreement in force, the providers of each service, `[user, owner]` of each use, and `withheld`.

    Only uses that are current on the day are included. `withheld` is whether there are agencies, resources or agreements of
    which the actor sees only the summary, so that further ties are unknown.
    """
    parties = f"MATCH (p:Partnership) WHERE {_is_in_force('p')} WITH p ORDER BY p.id RETURN {_parties('p')}"
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
    withheld = " OR ".join(
        f"EXISTS {{ MATCH (n:{kind}) WHERE {_is_visible('n')} AND NOT {can_view_details('n')} }}"
        for kind in ("Agency", "Resource", "Partnership")
    )
    text = f"RETURN [COLLECT {{ {parties} }}, COLLECT {{ {providers} }}, COLLECT {{ {uses} }}, {withheld}]"
    return Cypher(text, {"in": {"day": day}, "me": actor.parameter()})


def _statement(text: str, actor: Actor, inside: Mapping[str, object], *, n: int) -> Cypher:
    return Cypher(text, {"n": n, "in": inside, "me": actor.parameter()})


def _is_visible(node: str) -> str:
    """Return the predicate that the actor may see the summary of a record, and that it is not retired."""
    return f"{can_view_summary(node)} AND coalesce({node}.status <> 'retired', false)"


def _is_current(owner: str, first: str, last: str) -> str:
    return period_predicate("current", owner, "$in.day", first, last)


def _is_in_force(partnership: str) -> str:
    current = _is_current(partnership, "valid_from", "valid_until")
    return f"{_is_visible(partnership)} AND {can_view_details(partnership)} AND {current}"


def _parties(partnership: str) -> str:
    match = f"MATCH ({partnership})<-[:PARTY_TO]-(x:Agency) WHERE {_is_visible('x')}"
    return f"COLLECT {{ {match} WITH x ORDER BY x.id RETURN x.id }}"


def _has_capacity(resource: str) -> str:
    free = f"{resource}.capacity > coalesce({resource}.in_use, 0.0)"
    return f"NOT {can_view_details(resource)} OR coalesce({free}, true)"


def _in_terms(sector: str | None, area: str | None) -> str:
    """Return the condition that a record, or an agency linked to it, is in a sector and an area, or in narrower ones."""
    texts = (("IN_SECTOR", "Sector", "sector", sector), ("IN_AREA", "Area", "area", area))
    return "".join(
        f" AND EXISTS {{ MATCH (n)-[:OWNS|NEEDED_BY|PARTY_TO*0..1]-(a)-[:{relation}]->(t:{kind})"
        f" MATCH way = (t){PARTS}(:{kind} {{id: $in.{name}}}) WHERE {can_view_summary('a')} AND {path_visible('way')} }}"
        for relation, kind, name, value in texts
        if value is not None
    )


_DETAILS_VISIBLE = f"{can_view_details('n')} AND {can_view_details('m')}"
# Match level by level, each body once: there may be very many paths where units belong to several bodies.
_TOPMOST = (
    f"MATCH (n)-[:PART_OF*0..1]->(t:Agency) WHERE {_is_visible('t')} WITH DISTINCT t"
    + (LEVELS - 1) * f" MATCH (t)-[:PART_OF*0..1]->(x:Agency) WHERE {_is_visible('x')} WITH DISTINCT x AS t"
    + f" WHERE NOT EXISTS {{ MATCH (t)-[:PART_OF]->(above:Agency) WHERE {_is_visible('above')} }}"
)
_LEADING = "['lead', 'co-provider']"
GROUPS = {
    "sector": (f"MATCH (n)-[:IN_SECTOR]->(t:Sector) WHERE {_is_visible('t')}", "t.label_id, t.label_en"),
    "area": (f"MATCH (n)-[:IN_AREA]->(t:Area) WHERE {_is_visible('t')}", "t.label_id, t.label_en"),
    "parent": (_TOPMOST, "null, null"),
    "level_of_government": ("", ""),
}


def named_like(kind: type[Kind], beginnings: Sequence[str], me: Mapping[str, object], *, most: int) -> Cypher:
    """Return one row: `[id, name]` of at most `most` records with a word in the name that has one of these beginnings.

    Only records that are not retired and that `me` may see are returned, those with most beginnings first. The index's own
    score and limit are not used, as they take account of records that `me` may not see.
    """
    text = (
        "CALL db.index.fulltext.queryNodes($in.index, $in.query) YIELD node"
        f" WITH node AS n WHERE n.status <> 'retired' AND {can_view_summary('n')}"
        " WITH n, size([one IN $in.beginnings WHERE ' ' + n.name_key CONTAINS ' ' + one]) AS shared"
        " WHERE shared > 0 WITH n ORDER BY shared DESC, n.name_key, n.id LIMIT $n RETURN collect([n.id, n.name])"
    )
    query = " ".join(f"{one}*" for one in beginnings)
    inside = {"index": words_index(kind), "query": query, "beginnings": list(beginnings)}
    return Cypher(text, {"n": most, "in": inside, "me": me})


def names(kind: type[Kind], me: Mapping[str, object]) -> Cypher:
    """Return one row: `[id, name]` of all records of a kind that are not retired and that `me` may see."""
    text = f"MATCH (n:{kind.__name__}) WHERE n.status <> 'retired' AND {can_view_summary('n')} RETURN collect([n.id, n.name])"
    return Cypher(text, {"me": me})


def visible(ids: Collection[str], actor: Actor) -> Cypher:
    """Return the id, name and kind of those records that exist and whose details the actor may see, one row each."""
    return Cypher(
        f"UNWIND $in.ids AS id MATCH (n:{ANY} {{id: id}}) WHERE {can_view_summary('n')} AND {can_view_details('n')}"
        " RETURN DISTINCT n.id, coalesce(n.name, n.id), labels(n)[0]",
        {"in": {"ids": sorted(ids)}, "me": actor.parameter()},
    )
