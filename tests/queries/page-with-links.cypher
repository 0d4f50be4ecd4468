MATCH (n:Agency)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v13, false)
RETURN [[n.name, COLLECT {
  MATCH (n)-[x1:IN_SECTOR]->(x2:Sector)
  WHERE any(r IN x2.seen_by WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v0, false)
  WITH n, x1, x2
  ORDER BY x2.name_key, x2.id LIMIT $in.v1
  RETURN [x2.name]
}, COLLECT {
  MATCH (n)-[x3:PROVIDES]->(x4:Service)
  WHERE any(r IN x4.seen_by WHERE r IN $me.names) AND NOT coalesce(x4.status = $in.v2, false)
  WITH n, x3, x4
  ORDER BY x4.name_key DESC, x4.id DESC LIMIT $in.v7
  RETURN [x3.role, [x4.name, CASE WHEN any(r IN x4.shown_to WHERE r IN $me.names) THEN [x9 IN [COLLECT {
    MATCH (x4)-[x5:DEPENDS_ON]->(x6:Service)
    WHERE any(r IN x6.shown_to WHERE r IN $me.names) AND NOT coalesce(x6.status = $in.v3, false)
    WITH x4, x5, x6
    ORDER BY x6.name_key, x6.id LIMIT $in.v6
    RETURN [x6.name, COLLECT {
      MATCH (x6)<-[x7:PROVIDES]-(x8:Agency)
      WHERE any(r IN x8.seen_by WHERE r IN $me.names) AND NOT coalesce(x8.status = $in.v4, false)
      WITH x6, x7, x8
      ORDER BY x8.name_key, x8.id LIMIT $in.v5
      RETURN [x7.role, [x8.name]]
    }]
  }] WHERE size(x9) > 0 OR NOT coalesce(any(k IN ['Service'] WHERE k IN $me.partial_kinds), true)][0] END]]
}, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [x14 IN [COLLECT {
  MATCH (n)-[x10:USES]->(x11:Resource)
  WHERE any(r IN x11.shown_to WHERE r IN $me.names) AND NOT coalesce(x10.since > $in.v8, false) AND NOT coalesce(x10.until < $in.v8, false) AND NOT coalesce(x11.status = $in.v9, false)
  WITH n, x10, x11
  ORDER BY x11.name_key, x11.id, x10.key LIMIT $in.v12
  RETURN [x10.role, x10.since, [x11.name, COLLECT {
    MATCH (x11)<-[x12:OWNS]-(x13:Agency)
    WHERE any(r IN x13.seen_by WHERE r IN $me.names) AND NOT coalesce(x13.status = $in.v10, false)
    WITH x11, x12, x13
    ORDER BY x13.name_key, x13.id LIMIT $in.v11
    RETURN [x13.name]
  }]]
}] WHERE size(x14) > 0 OR NOT coalesce(any(k IN ['Resource'] WHERE k IN $me.partial_kinds), true)][0] END], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired","v1":50,"v2":"retired","v3":"retired","v4":"retired","v5":50,"v6":50,"v7":1,"v8":"2026-11-25","v9":"retired","v10":"retired","v11":50,"v12":50,"v13":"retired"}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}
// $k: ""
// $id: ""
// $n: 3
