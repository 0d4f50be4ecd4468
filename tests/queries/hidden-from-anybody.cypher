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
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v5, false)
RETURN [[n.name, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN COLLECT {
  MATCH (n)<-[x1:USES]-(x2:Agency)
  WHERE any(r IN x2.shown_to WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v0, false)
  WITH n, x1, x2
  ORDER BY x2.name_key, x2.id LIMIT $in.v1
  RETURN [x2.name]
} END, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN COLLECT {
  MATCH (n)<-[x3:REQUIRES]-(x4:Service)
  WHERE any(r IN x4.shown_to WHERE r IN $me.names) AND NOT coalesce(x4.status = $in.v2, false)
  WITH n, x3, x4
  ORDER BY x4.name_key, x4.id LIMIT $in.v3
  RETURN [x4.name]
} END, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN COUNT {
  MATCH (n)<-[x5:USES]-(x6:Agency)
  WHERE any(r IN x6.shown_to WHERE r IN $me.names) AND NOT coalesce(x6.status = $in.v4, false)
} END], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired","v1":50,"v2":"retired","v3":50,"v4":"retired","v5":"retired"}
// $me: {"names":["*"]}
// $k: ""
// $id: ""
// $n: 20
