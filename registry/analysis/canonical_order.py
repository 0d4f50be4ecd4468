"""The canonical order of the records of a snapshot: by name and content, so that no result of an analysis depends on ids."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Rows = Sequence[Any]  # named tuples with an id and a name; their lists hold ids, or links that begin with an id
MOST_ROUNDS, NOWHERE = 20, (-1, 0)
Places = list[list[int]]  # the place of each row of each list; rows that are not yet distinguished share a place


def canonical_order(lists: Sequence[Rows]) -> list[list[Any]]:
    """Return the lists with their rows, and the links of each row, in canonical order.

    Analyses draw random numbers and break ties in this order. Therefore their results are the same on every database, and do not
    change when records get other ids or are saved in another order. Terms are ordered by code, and other rows by name. Rows of
    equal names are ordered by their other fields and by the places of the records that they are linked with, which is repeated until
    no more rows are distinguished (colour refinement; Weisfeiler & Leman 1968). The id decides only between rows that are equal in
    all this.
    """
    places = _refined(lists, [_ranks([_name(row) for row in rows]) for rows in lists])
    ordered = []
    for rows, ranks in zip(lists, places, strict=True):
        order = sorted(zip(ranks, (row.id for row in rows), range(len(rows)), strict=True))
        ordered.append([rows[n] for _rank, _id, n in order])
    rank = {row.id: n for n, row in enumerate(row for rows in ordered for row in rows)}
    return [list(_with_ordered_links(rows, rank)) for rows in ordered]


def _name(row: Any) -> tuple[str, str]:
    """Return the code of a term, and the name; a name that is only a copy of the id is left out."""
    return getattr(row, "code", None) or "", "" if row.name == row.id else row.name or ""


def _ranks(keys: Sequence[Any]) -> list[int]:
    """Return the rank of each key among the distinct keys."""
    rank, ranks, last = -1, [0] * len(keys), None
    for n in sorted(range(len(keys)), key=keys.__getitem__):
        rank += last is None or keys[n] != last
        ranks[n], last = rank, keys[n]
    return ranks


def _refined(lists: Sequence[Rows], places: Places) -> Places:
    """Return the places after rows that share a place are distinguished by their fields and links as far as possible.

    If this distinguishes no more rows, the first rows that share a place are put in the order of their ids, and the places of all
    other rows are refined again. Therefore rows that are linked with each other are ordered alike.
    """
    shared = [_shared(ranks) for ranks in places]
    incoming = _incoming(lists, {rows[n].id for rows, numbers in zip(lists, shared, strict=True) for n in numbers})
    for _round in range(MOST_ROUNDS):
        if not any(shared):
            break
        known = {row.id: (kind, places[kind][n]) for kind, rows in enumerate(lists) for n, row in enumerate(rows)}
        refined = []
        for rows, ranks, numbers in zip(lists, places, shared, strict=True):
            keys: list[tuple[Any, ...]] = [(rank,) for rank in ranks]
            for n in numbers:
                outgoing = sorted(
                    (field, known.get(link[0], NOWHERE), *map(str, link[1:])) for field, link in _links(rows[n])
                )
                toward = sorted((kind, field, places[kind][at]) for kind, field, at in incoming[rows[n].id])
                keys[n] = ranks[n], _content(rows[n]), outgoing, toward
            refined.append(_ranks(keys))
        if refined == places:
            kind = next(kind for kind, numbers in enumerate(shared) if numbers)
            first = min(places[kind][n] for n in shared[kind])
            refined[kind] = _ranks(
                [(rank, row.id if rank == first else "") for rank, row in zip(places[kind], lists[kind], strict=True)]
            )
        places, shared = refined, [_shared(ranks) for ranks in refined]
    return places


def _incoming(lists: Sequence[Rows], ambiguous: set[str]) -> Mapping[str, list[tuple[int, int, int]]]:
    """Return for each ambiguous id the links to it: the list, the field and the number of the row that has the link."""
    found: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for kind, rows in enumerate(lists if ambiguous else ()):
        for n, row in enumerate(rows):
            for field, link in _links(row):
                if link[0] in ambiguous:
                    found[link[0]].append((kind, field, n))
    return found


def _shared(ranks: Sequence[int]) -> list[int]:
    """Return the numbers of the rows that share their place with another row."""
    times = Counter(ranks)
    return [n for n, rank in enumerate(ranks) if times[rank] > 1]


def _content(row: Any) -> tuple[str, ...]:
    """Return the fields of a row that are not ids, names or links, as texts; equal numbers have equal texts."""
    cells = (
        cell for name, cell in zip(row._fields, row, strict=True) if name not in ("id", "name") and not _several(cell)
    )
    return tuple(str(float(cell) if isinstance(cell, int) else cell) for cell in cells)


def _links(row: Any) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yield each link of a row, with the number of its field; a link begins with the id of the other record."""
    for field, cell in enumerate(row):
        if _several(cell):
            for one in cell:
                yield field, (one,) if isinstance(one, str) else one


def _with_ordered_links(rows: Rows, rank: Mapping[str, int]) -> Iterator[Any]:
    """Yield the rows with their links in the order of the records at the far ends; links with unknown records come last, by id."""

    def key(link: Any) -> tuple[int, str]:
        far = link if isinstance(link, str) else link[0]
        return rank.get(far, len(rank)), far

    fields = [(n, name) for n, name in enumerate(rows[0]._fields) if _several(rows[0][n])] if rows else []
    for row in rows:
        several = {name: sorted(row[n], key=key) for n, name in fields if len(row[n]) > 1}
        yield row._replace(**several) if several else row


def _several(cell: Any) -> bool:
    return isinstance(cell, (list, tuple))
