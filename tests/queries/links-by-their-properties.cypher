MATCH (n:Resource)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v9, false)
RETURN [[n.name, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [x5 IN [COLLECT {
  MATCH (n)<-[x1:USES]-(x2:Agency)
  WHERE any(r IN x2.shown_to WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v0, false) AND (((coalesce(x1.since > $in.v1, false) AND NOT coalesce(x1.until < $in.v1, false))) OR ((COUNT {
    MATCH (x2)-[x3:PROVIDES]->(x4:Service)
    WHERE any(r IN x4.seen_by WHERE r IN $me.names) AND NOT coalesce(x4.status = $in.v2, false)
  } >= $in.v3) AND coalesce(x1.role = $in.v4, false))) AND NOT (coalesce(n.kind = $in.v5, false))
  WITH n, x1, x2
  ORDER BY coalesce(x1.since, '') DESC, x2.name_key, x2.id, x1.key LIMIT $in.v6
  RETURN [x1.role, x1.since, [x2.name]]
}] WHERE size(x5) > 0 OR NOT coalesce(any(k IN ['Agency', 'Resource'] WHERE k IN $me.partial_kinds), true)][0] END, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [x8 IN [COUNT {
  MATCH (n)<-[x6:USES]-(x7:Agency)
  WHERE any(r IN x7.shown_to WHERE r IN $me.names) AND NOT coalesce(x7.status = $in.v7, false) AND coalesce(x6.since >= $in.v8, false)
  RETURN DISTINCT x7
}] WHERE x8 > 0 OR NOT coalesce(any(k IN ['Agency', 'Resource'] WHERE k IN $me.partial_kinds), true)][0] END], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired","v1":"2026-11-25","v2":"retired","v3":1,"v4":"reuse","v5":"facility","v6":50,"v7":"retired","v8":"2020-01-01","v9":"retired"}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}
// $k: ""
// $id: ""
// $n: 20

MATCH (n:Agency)
WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND EXISTS {
  MATCH (n)-[x1:PROVIDES]->(x2:Service)
  WHERE any(r IN x2.seen_by WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v3, false) AND ((coalesce(x1.role = $in.v1, false)) OR (coalesce(x2.name_key CONTAINS $in.v2, false)))
}
RETURN count(n)
// $in: {"v0":"retired","v1":"lead","v2":"a","v3":"retired"}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}
