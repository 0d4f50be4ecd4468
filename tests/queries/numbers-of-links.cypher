MATCH (n:Resource)
WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v8, false) AND NOT (NOT (COUNT {
  MATCH (n)-[x12:IN_AREA]->(x13:Area)
  WHERE any(r IN x13.seen_by WHERE r IN $me.names) AND NOT coalesce(x13.status = $in.v9, false)
} = $in.v10)) AND (any(r IN n.shown_to WHERE r IN $me.names) AND (NOT coalesce(any(k IN ['Agency'] WHERE k IN $me.partial_kinds), true) OR COUNT {
  MATCH (n)<-[x16:USES]-(x17:Agency)
  WHERE any(r IN x17.shown_to WHERE r IN $me.names) AND NOT coalesce(x16.since > $in.v14, false) AND NOT coalesce(x16.until < $in.v14, false) AND NOT coalesce(x17.status = $in.v15, false)
  RETURN DISTINCT x17
} > 0) AND (COUNT {
  MATCH (n)<-[x14:USES]-(x15:Agency)
  WHERE any(r IN x15.shown_to WHERE r IN $me.names) AND NOT coalesce(x14.since > $in.v11, false) AND NOT coalesce(x14.until < $in.v11, false) AND NOT coalesce(x15.status = $in.v12, false)
  RETURN DISTINCT x15
} < $in.v13))
WITH DISTINCT n, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) AND (NOT coalesce(any(k IN ['Agency'] WHERE k IN $me.partial_kinds), true) OR COUNT {
  MATCH (n)<-[x3:USES]-(x4:Agency)
  WHERE any(r IN x4.shown_to WHERE r IN $me.names) AND NOT coalesce(x3.since > $in.v2, false) AND NOT coalesce(x3.until < $in.v2, false) AND NOT coalesce(x4.status = $in.v3, false)
  RETURN DISTINCT x4
} > 0) THEN COUNT {
  MATCH (n)<-[x1:USES]-(x2:Agency)
  WHERE any(r IN x2.shown_to WHERE r IN $me.names) AND NOT coalesce(x1.since > $in.v0, false) AND NOT coalesce(x1.until < $in.v0, false) AND NOT coalesce(x2.status = $in.v1, false)
  RETURN DISTINCT x2
} ELSE -9999999999 END AS k0, COUNT {
  MATCH (n)<-[x5:OWNS]-(x6:Agency)
  WHERE any(r IN x6.seen_by WHERE r IN $me.names) AND NOT coalesce(x6.status = $in.v4, false)
} AS k1, n.id AS k2
ORDER BY k0 DESC, k1, k2 LIMIT $n
RETURN [[n.name, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [x9 IN [COUNT {
  MATCH (n)<-[x7:USES]-(x8:Agency)
  WHERE any(r IN x8.shown_to WHERE r IN $me.names) AND NOT coalesce(x7.since > $in.v5, false) AND NOT coalesce(x7.until < $in.v5, false) AND NOT coalesce(x8.status = $in.v6, false)
  RETURN DISTINCT x8
}] WHERE x9 > 0 OR NOT coalesce(any(k IN ['Agency'] WHERE k IN $me.partial_kinds), true)][0] END, COUNT {
  MATCH (n)<-[x10:OWNS]-(x11:Agency)
  WHERE any(r IN x11.seen_by WHERE r IN $me.names) AND NOT coalesce(x11.status = $in.v7, false)
}], [k0, k1, k2]] AS row
ORDER BY k0 DESC, k1, k2
// $in: {"v0":"2026-11-25","v1":"retired","v2":"2026-11-25","v3":"retired","v4":"retired","v5":"2026-11-25","v6":"retired","v7":"retired","v8":"retired","v9":"retired","v10":0,"v11":"2026-11-25","v12":"retired","v13":9,"v14":"2026-11-25","v15":"retired"}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}
// $n: 2

MATCH (n:Agency)
WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v6, false)
WITH DISTINCT n, COUNT {
  MATCH (n)-[x1:PROVIDES]->(x2:Service)
  WHERE any(r IN x2.seen_by WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v0, false)
} AS k0, n.id AS k1 WHERE k0 < $in.v1 OR (k0 = $in.v1 AND (k1 < $in.v2))
WITH n, k0, k1
ORDER BY k0 DESC, k1 DESC LIMIT $n
RETURN [[n.name, COLLECT {
  MATCH (n)-[x3:PROVIDES]->(x4:Service)
  WHERE any(r IN x4.seen_by WHERE r IN $me.names) AND NOT coalesce(x4.status = $in.v3, false)
  WITH n, x3, x4
  ORDER BY COUNT {
    MATCH (x4)<-[x5:PROVIDES]-(x6:Agency)
    WHERE any(r IN x6.seen_by WHERE r IN $me.names) AND NOT coalesce(x6.status = $in.v4, false)
  }, x3.role DESC, x4.id DESC LIMIT $in.v5
  RETURN [x3.role, [x4.name]]
}], [k0, k1]] AS row
ORDER BY k0 DESC, k1 DESC
// $in: {"v0":"retired","v1":1,"v2":"agency:roads","v3":"retired","v4":"retired","v5":50,"v6":"retired"}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}
// $n: 2
