MATCH (n:Partnership)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND (any(r IN n.shown_to WHERE r IN $me.names) AND (n.valid_until IS NULL) = $in.v1) AND (any(r IN n.shown_to WHERE r IN $me.names) AND (NOT coalesce(n.valid_from > $in.v2, false) AND NOT coalesce(n.valid_until < $in.v2, false)))
RETURN [[n.name], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired","v1":true,"v2":"2026-01-01"}
// $me: {"names":["*","*administrators"]}
// $k: ""
// $id: ""
// $n: 20

MATCH (n:Partnership)
WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND NOT ((NOT any(r IN n.shown_to WHERE r IN $me.names) OR (coalesce(n.valid_until < $in.v1, false)))) AND (any(r IN n.shown_to WHERE r IN $me.names) AND coalesce(n.valid_until <= $in.v2, false))
RETURN count(n)
// $in: {"v0":"retired","v1":"2026-11-25","v2":"2027-01-01"}
// $me: {"names":["*","*administrators"]}

MATCH (n:Resource)
WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND (any(r IN n.shown_to WHERE r IN $me.names) AND coalesce((n.capacity - n.in_use) >= $in.v1, false)) AND EXISTS {
  MATCH (n)<-[x1:OWNS]-(x2:Agency)
  WHERE any(r IN x2.seen_by WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v3, false) AND EXISTS {
    MATCH x4 = (x2)-[:PART_OF*0..4]->(x3:Agency)
    WHERE all(x IN nodes(x4)
    WHERE any(r IN x.seen_by WHERE r IN $me.names))
    WITH DISTINCT x3
    MATCH x6 = (x3)-[:PART_OF*0..4]->(x5:Agency)
    WHERE all(x IN nodes(x6)
    WHERE any(r IN x.seen_by WHERE r IN $me.names))
    WITH DISTINCT x5
    MATCH x8 = (x5)-[:PART_OF*0..4]->(x7:Agency)
    WHERE x7.id IN $in.v2 AND all(x IN nodes(x8)
    WHERE any(r IN x.seen_by WHERE r IN $me.names))
  }
}
WITH DISTINCT n, coalesce(CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN (n.capacity - n.in_use) END, -1.7976931348623157e308) AS k0, n.id AS k1
ORDER BY k0 DESC, k1 DESC LIMIT $n
RETURN [[n.name, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [(n.capacity - n.in_use)] END], [k0, k1]] AS row
ORDER BY k0 DESC, k1 DESC
// $in: {"v0":"retired","v1":10.0,"v2":["agency:roads"],"v3":"retired"}
// $me: {"names":["*","*administrators"]}
// $n: 20
