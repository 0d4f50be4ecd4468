MATCH (n:Resource)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v14, false) AND (any(r IN n.shown_to WHERE r IN $me.names) AND EXISTS {
  MATCH (n)<-[x19:USES]-(x20:Agency)
  WHERE any(r IN x20.shown_to WHERE r IN $me.names) AND NOT coalesce(x19.since > $in.v17, false) AND NOT coalesce(x19.until < $in.v17, false) AND NOT coalesce(x20.status = $in.v16, false) AND NOT coalesce(x20.kind = $in.v15, false)
})
RETURN [[n.name, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [x3 IN [COLLECT {
  MATCH (n)<-[x1:USES]-(x2:Agency)
  WHERE any(r IN x2.shown_to WHERE r IN $me.names) AND NOT coalesce(x1.since > $in.v0, false) AND NOT coalesce(x1.until < $in.v0, false) AND NOT coalesce(x2.status = $in.v1, false)
  WITH n, x1, x2
  ORDER BY x2.name_key, x2.id, x1.key LIMIT $in.v2
  RETURN [x1.since, x1.until, [x2.name]]
}] WHERE size(x3) > 0 OR NOT coalesce(any(k IN ['Agency'] WHERE k IN $me.partial_kinds), true)][0] END, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [x6 IN [COUNT {
  MATCH (n)<-[x4:USES]-(x5:Agency)
  WHERE any(r IN x5.shown_to WHERE r IN $me.names) AND NOT coalesce(x4.since > $in.v3, false) AND NOT coalesce(x4.until < $in.v3, false) AND NOT coalesce(x5.status = $in.v4, false)
  RETURN DISTINCT x5
}] WHERE x6 > 0 OR NOT coalesce(any(k IN ['Agency'] WHERE k IN $me.partial_kinds), true)][0] END, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [x9 IN [COUNT {
  MATCH (n)<-[x7:USES]-(x8:Agency)
  WHERE any(r IN x8.shown_to WHERE r IN $me.names) AND coalesce(x7.until < $in.v5, false) AND NOT coalesce(x8.status = $in.v6, false)
  RETURN DISTINCT x8
}] WHERE x9 > 0 OR NOT coalesce(any(k IN ['Agency'] WHERE k IN $me.partial_kinds), true)][0] END, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [x12 IN [COUNT {
  MATCH (n)<-[x10:USES]-(x11:Agency)
  WHERE any(r IN x11.shown_to WHERE r IN $me.names) AND coalesce(x10.since > $in.v7, false) AND NOT coalesce(x10.until < $in.v7, false) AND NOT coalesce(x11.status = $in.v8, false)
  RETURN DISTINCT x11
}] WHERE x12 > 0 OR NOT coalesce(any(k IN ['Agency'] WHERE k IN $me.partial_kinds), true)][0] END, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [x15 IN [COLLECT {
  MATCH (n)<-[x13:USES]-(x14:Agency)
  WHERE any(r IN x14.shown_to WHERE r IN $me.names) AND NOT coalesce(x13.since > $in.v9, false) AND NOT coalesce(x13.until < $in.v9, false) AND NOT coalesce(x14.status = $in.v10, false)
  WITH n, x13, x14
  ORDER BY x14.name_key, x14.id, x13.key LIMIT $in.v11
  RETURN [x14.name]
}] WHERE size(x15) > 0 OR NOT coalesce(any(k IN ['Agency'] WHERE k IN $me.partial_kinds), true)][0] END, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [x18 IN [COUNT {
  MATCH (n)<-[x16:USES]-(x17:Agency)
  WHERE any(r IN x17.shown_to WHERE r IN $me.names) AND NOT coalesce(x17.status = $in.v12, false) AND coalesce(x17.name_key CONTAINS $in.v13, false)
  RETURN DISTINCT x17
}] WHERE x18 > 0 OR NOT coalesce(any(k IN ['Agency'] WHERE k IN $me.partial_kinds), true)][0] END], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"2026-11-25","v1":"retired","v2":50,"v3":"2026-11-25","v4":"retired","v5":"2026-11-25","v6":"retired","v7":"2026-11-25","v8":"retired","v9":"2025-06-01","v10":"retired","v11":50,"v12":"retired","v13":"c","v14":"retired","v15":"media","v16":"retired","v17":"2026-11-25"}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}
// $k: ""
// $id: ""
// $n: 20

MATCH (n:Resource)
WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND (any(r IN n.shown_to WHERE r IN $me.names) AND EXISTS {
  MATCH (n)<-[x1:USES]-(x2:Agency)
  WHERE any(r IN x2.shown_to WHERE r IN $me.names) AND NOT coalesce(x1.since > $in.v3, false) AND NOT coalesce(x1.until < $in.v3, false) AND NOT coalesce(x2.status = $in.v2, false) AND NOT coalesce(x2.kind = $in.v1, false)
})
RETURN count(n)
// $in: {"v0":"retired","v1":"media","v2":"retired","v3":"2026-11-25"}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}
