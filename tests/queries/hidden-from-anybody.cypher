UNWIND [$in.v0] AS id
MATCH (n:Agency {id: id})
WHERE any(r IN n.seen_by WHERE r IN $me.names)
RETURN [n.name] AS row
// $in: {"v0":"agency:court"}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

UNWIND [$in.v0] AS id
MATCH (n:Partnership {id: id})
WHERE any(r IN n.seen_by WHERE r IN $me.names)
RETURN [n.name] AS row
// $in: {"v0":"partnership:files"}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

UNWIND [$in.v0] AS id
MATCH (n:Agency {id: id})
WHERE any(r IN n.seen_by WHERE r IN $me.names)
RETURN [n.name, n.kind, NOT any(r IN n.shown_to WHERE r IN $me.names), CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [n.description] END] AS row
// $in: {"v0":"agency:helpers"}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

MATCH (n:Agency)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false)
RETURN [[n.name], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired"}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}
// $k: ""
// $id: ""
// $n: 20

MATCH (n:Agency)
WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false)
RETURN count(n)
// $in: {"v0":"retired"}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

MATCH (n:Resource)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v7, false)
RETURN [[n.name, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [x3 IN [COLLECT {
  MATCH (n)<-[x1:USES]-(x2:Agency)
  WHERE any(r IN x2.shown_to WHERE r IN $me.names) AND NOT coalesce(x1.since > $in.v0, false) AND NOT coalesce(x1.until < $in.v0, false) AND NOT coalesce(x2.status = $in.v1, false)
  WITH n, x1, x2
  ORDER BY x2.name_key, x2.id, x1.key LIMIT $in.v2
  RETURN [x2.name]
}] WHERE size(x3) > 0 OR NOT coalesce(any(k IN ['Agency'] WHERE k IN $me.partial_kinds), true)][0] END, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [x6 IN [COLLECT {
  MATCH (n)<-[x4:REQUIRES]-(x5:Service)
  WHERE any(r IN x5.shown_to WHERE r IN $me.names) AND NOT coalesce(x5.status = $in.v3, false)
  WITH n, x4, x5
  ORDER BY x5.name_key, x5.id LIMIT $in.v4
  RETURN [x5.name]
}] WHERE size(x6) > 0 OR NOT coalesce(any(k IN ['Service'] WHERE k IN $me.partial_kinds), true)][0] END, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [x9 IN [COUNT {
  MATCH (n)<-[x7:USES]-(x8:Agency)
  WHERE any(r IN x8.shown_to WHERE r IN $me.names) AND NOT coalesce(x7.since > $in.v5, false) AND NOT coalesce(x7.until < $in.v5, false) AND NOT coalesce(x8.status = $in.v6, false)
  RETURN DISTINCT x8
}] WHERE x9 > 0 OR NOT coalesce(any(k IN ['Agency'] WHERE k IN $me.partial_kinds), true)][0] END], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"2026-11-25","v1":"retired","v2":50,"v3":"retired","v4":50,"v5":"2026-11-25","v6":"retired","v7":"retired"}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}
// $k: ""
// $id: ""
// $n: 20
