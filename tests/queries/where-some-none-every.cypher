MATCH (n:Agency)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND EXISTS {
  MATCH (n)-[x1:PROVIDES]->(x2:Service)
  WHERE any(r IN x2.seen_by WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v3, false) AND coalesce(x2.kind = $in.v1, false) AND coalesce(x1.role = $in.v2, false)
}
RETURN [[n.name], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// On Neo4j:
CALL {
  MATCH (m:Service)
  WHERE m.kind IN [$in.v4]
  WITH m LIMIT 1000
  RETURN collect(m) AS few
}
CALL (few) {
  WITH few WHERE size(few) < 1000
  UNWIND few AS m
  MATCH (n:Agency)-[e:PROVIDES]->(m)
  WHERE any(r IN m.seen_by WHERE r IN $me.names) AND NOT coalesce(m.status = $in.v5, false) AND coalesce(m.kind = $in.v6, false) AND coalesce(e.role = $in.v7, false)
  WITH DISTINCT n WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v8, false)
  RETURN n
  UNION ALL UNWIND CASE WHEN size(few) = 1000 THEN [1] ELSE [] END AS enough
  CALL {
    MATCH (n:Agency)
    WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND EXISTS {
      MATCH (n)-[x1:PROVIDES]->(x2:Service)
      WHERE any(r IN x2.seen_by WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v3, false) AND coalesce(x2.kind = $in.v1, false) AND coalesce(x1.role = $in.v2, false)
    }
    RETURN n
    ORDER BY n.name_key, n.id LIMIT $n
  }
  RETURN n
}
RETURN [[n.name], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired","v1":"public","v2":"lead","v3":"retired","v4":"public","v5":"retired","v6":"public","v7":"lead","v8":"retired"}
// $me: {"names":["*","*administrators"]}
// $k: ""
// $id: ""
// $n: 20

MATCH (n:Agency)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND NOT EXISTS {
  MATCH (n)-[x1:PROVIDES]->(x2:Service)
  WHERE any(r IN x2.seen_by WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v2, false) AND coalesce(x1.role = $in.v1, false)
}
RETURN [[n.name], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired","v1":"lead","v2":"retired"}
// $me: {"names":["*","*administrators"]}
// $k: ""
// $id: ""
// $n: 20

MATCH (n:Agency)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND NOT EXISTS {
  MATCH (n)-[x1:IN_SECTOR]->(x2:Sector)
  WHERE any(r IN x2.seen_by WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v2, false) AND NOT (coalesce(x2.name_key STARTS WITH $in.v1, false))
}
RETURN [[n.name], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired","v1":"heal","v2":"retired"}
// $me: {"names":["*","*administrators"]}
// $k: ""
// $id: ""
// $n: 20
