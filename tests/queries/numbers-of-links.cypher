MATCH (n:Resource)
WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v6, false) AND NOT (NOT (COUNT {
  MATCH (n)-[x9:IN_AREA]->(x10:Area)
  WHERE any(r IN x10.seen_by WHERE r IN $me.names) AND NOT coalesce(x10.status = $in.v7, false)
} = $in.v8)) AND (any(r IN n.shown_to WHERE r IN $me.names) AND (COUNT {
  MATCH (n)<-[x11:USES]-(x12:Agency)
  WHERE any(r IN x12.shown_to WHERE r IN $me.names) AND NOT coalesce(x11.since > $in.v9, false) AND NOT coalesce(x11.until < $in.v9, false) AND NOT coalesce(x12.status = $in.v10, false)
  RETURN DISTINCT x12
} < $in.v11))
WITH DISTINCT n, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN COUNT {
  MATCH (n)<-[x1:USES]-(x2:Agency)
  WHERE any(r IN x2.shown_to WHERE r IN $me.names) AND NOT coalesce(x1.since > $in.v0, false) AND NOT coalesce(x1.until < $in.v0, false) AND NOT coalesce(x2.status = $in.v1, false)
  RETURN DISTINCT x2
} ELSE 9999999999 END AS k0, COUNT {
  MATCH (n)<-[x3:OWNS]-(x4:Agency)
  WHERE any(r IN x4.seen_by WHERE r IN $me.names) AND NOT coalesce(x4.status = $in.v2, false)
} AS k1, n.id AS k2
ORDER BY k0 DESC, k1, k2 LIMIT $n
RETURN [[n.name, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN COUNT {
  MATCH (n)<-[x5:USES]-(x6:Agency)
  WHERE any(r IN x6.shown_to WHERE r IN $me.names) AND NOT coalesce(x5.since > $in.v3, false) AND NOT coalesce(x5.until < $in.v3, false) AND NOT coalesce(x6.status = $in.v4, false)
  RETURN DISTINCT x6
} END, COUNT {
  MATCH (n)<-[x7:OWNS]-(x8:Agency)
  WHERE any(r IN x8.seen_by WHERE r IN $me.names) AND NOT coalesce(x8.status = $in.v5, false)
}], [k0, k1, k2]] AS row
ORDER BY k0 DESC, k1, k2
// $in: {"v0":"2026-11-25","v1":"retired","v2":"retired","v3":"2026-11-25","v4":"retired","v5":"retired","v6":"retired","v7":"retired","v8":0,"v9":"2026-11-25","v10":"retired","v11":9}
// $me: {"names":["*"]}
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
// $me: {"names":["*"]}
// $n: 2
