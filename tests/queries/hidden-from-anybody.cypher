WITH $in.v0 AS id
MATCH (n:Agency {id: id})
WHERE any(r IN n.seen_by WHERE r IN $me.names)
RETURN [n.name] AS row
// $in: {"v0":"agency:court"}
// $me: {"names":["*"]}

WITH $in.v0 AS id
MATCH (n:Partnership {id: id})
WHERE any(r IN n.seen_by WHERE r IN $me.names)
RETURN [n.name] AS row
// $in: {"v0":"partnership:files"}
// $me: {"names":["*"]}

WITH $in.v0 AS id
MATCH (n:Agency {id: id})
WHERE any(r IN n.seen_by WHERE r IN $me.names)
RETURN [n.name, n.kind, NOT any(r IN n.shown_to WHERE r IN $me.names), CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [n.description] END] AS row
// $in: {"v0":"agency:helpers"}
// $me: {"names":["*"]}

MATCH (n:Agency)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false)
RETURN [[n.name], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired"}
// $me: {"names":["*"]}
// $k: ""
// $id: ""
// $n: 20

MATCH (n:Agency)
WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false)
RETURN count(n)
// $in: {"v0":"retired"}
// $me: {"names":["*"]}

MATCH (n:Resource)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v7, false)
RETURN [[n.name, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN COLLECT {
  MATCH (n)<-[x1:USES]-(x2:Agency)
  WHERE any(r IN x2.shown_to WHERE r IN $me.names) AND NOT coalesce(x1.since > $in.v0, false) AND NOT coalesce(x1.until < $in.v0, false) AND NOT coalesce(x2.status = $in.v1, false)
  WITH n, x1, x2
  ORDER BY x2.name_key, x2.id, x1.key LIMIT $in.v2
  RETURN [x2.name]
} END, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN COLLECT {
  MATCH (n)<-[x3:REQUIRES]-(x4:Service)
  WHERE any(r IN x4.shown_to WHERE r IN $me.names) AND NOT coalesce(x4.status = $in.v3, false)
  WITH n, x3, x4
  ORDER BY x4.name_key, x4.id LIMIT $in.v4
  RETURN [x4.name]
} END, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN COUNT {
  MATCH (n)<-[x5:USES]-(x6:Agency)
  WHERE any(r IN x6.shown_to WHERE r IN $me.names) AND NOT coalesce(x5.since > $in.v5, false) AND NOT coalesce(x5.until < $in.v5, false) AND NOT coalesce(x6.status = $in.v6, false)
  RETURN DISTINCT x6
} END], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"2026-11-25","v1":"retired","v2":50,"v3":"retired","v4":50,"v5":"2026-11-25","v6":"retired","v7":"retired"}
// $me: {"names":["*"]}
// $k: ""
// $id: ""
// $n: 20
