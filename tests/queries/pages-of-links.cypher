MATCH (n:Agency)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v13, false)
RETURN [[n.name, [COLLECT {
  MATCH (n)-[x1:PROVIDES]->(x2:Service)
  WHERE any(r IN x2.seen_by WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v0, false)
  WITH n, x1, x2, x1.role AS x2k0, x2.id AS x2k1
  ORDER BY x2k0, x2k1 LIMIT $in.v4
  RETURN [x1.role, [x2.name, [COLLECT {
    MATCH (x2)<-[x3:PROVIDES]-(x4:Agency)
    WHERE any(r IN x4.seen_by WHERE r IN $me.names) AND NOT coalesce(x4.status = $in.v1, false)
    WITH x2, x3, x4, x4.name_key AS x4k0, x4.id AS x4k1
    ORDER BY x4k0, x4k1 LIMIT $in.v2
    RETURN [x3.role, [x4.name, x4.access], [x4k0, x4k1]]
  }, $in.v3, null]], [x2.id], [x2k0, x2k1]]
}, $in.v5, COUNT {
  MATCH (n)-[x5:PROVIDES]->(x6:Service)
  WHERE any(r IN x6.seen_by WHERE r IN $me.names) AND NOT coalesce(x6.status = $in.v6, false)
}], [COLLECT {
  MATCH (n)-[x7:IN_SECTOR]->(x8:Sector)
  WHERE any(r IN x8.seen_by WHERE r IN $me.names) AND NOT coalesce(x8.status = $in.v7, false)
  WITH n, x7, x8, x8.name_key AS x8k0, x8.id AS x8k1
  ORDER BY x8k0 DESC, x8k1 DESC LIMIT $in.v8
  RETURN [[x8.name], [x8k0, x8k1]]
}, $in.v9, null], CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [x11 IN [[[], $in.v10, COUNT {
  MATCH (n)-[x9:USES]->(x10:Resource)
  WHERE any(r IN x10.shown_to WHERE r IN $me.names) AND NOT coalesce(x9.since > $in.v11, false) AND NOT coalesce(x9.until < $in.v11, false) AND NOT coalesce(x10.status = $in.v12, false)
}]] WHERE x11[2] > 0 OR NOT coalesce(any(k IN ['Resource'] WHERE k IN $me.partial_kinds), true)][0] END], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired","v1":"retired","v2":50,"v3":50,"v4":2,"v5":1,"v6":"retired","v7":"retired","v8":2,"v9":1,"v10":50,"v11":"2026-11-25","v12":"retired","v13":"retired"}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}
// $k: ""
// $id: ""
// $n: 2
