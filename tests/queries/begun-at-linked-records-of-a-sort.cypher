MATCH (n:Agency)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND EXISTS {
  MATCH (n)-[x1:PROVIDES]->(x2:Service)
  WHERE any(r IN x2.seen_by WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v2, false) AND coalesce(x2.kind = $in.v1, false)
}
RETURN [[n.name], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// On Neo4j:
CALL {
  MATCH (m:Service)
  WHERE m.kind IN [$in.v3]
  WITH m LIMIT 1000
  RETURN collect(m) AS few
}
CALL (few) {
  WITH few WHERE size(few) < 1000
  UNWIND few AS m
  MATCH (n:Agency)-[e:PROVIDES]->(m)
  WHERE any(r IN m.seen_by WHERE r IN $me.names) AND NOT coalesce(m.status = $in.v4, false) AND coalesce(m.kind = $in.v5, false)
  WITH DISTINCT n WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v6, false)
  RETURN n
  UNION ALL UNWIND CASE WHEN size(few) = 1000 THEN [1] ELSE [] END AS enough
  CALL {
    MATCH (n:Agency)
    WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND EXISTS {
      MATCH (n)-[x1:PROVIDES]->(x2:Service)
      WHERE any(r IN x2.seen_by WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v2, false) AND coalesce(x2.kind = $in.v1, false)
    }
    RETURN n
    ORDER BY n.name_key, n.id LIMIT $n
  }
  RETURN n
}
RETURN [[n.name], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired","v1":"public","v2":"retired","v3":"public","v4":"retired","v5":"public","v6":"retired"}
// $me: {"names":["*"]}
// $k: ""
// $id: ""
// $n: 2

MATCH (n:Agency)
WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND EXISTS {
  MATCH (n)-[x1:PROVIDES]->(x2:Service)
  WHERE any(r IN x2.seen_by WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v2, false) AND coalesce(x2.kind = $in.v1, false)
}
RETURN count(n)
// On Neo4j:
CALL {
  MATCH (m:Service)
  WHERE m.kind IN [$in.v3]
  WITH m LIMIT 1000
  RETURN collect(m) AS few
}
CALL (few) {
  WITH few WHERE size(few) < 1000
  UNWIND few AS m
  MATCH (n:Agency)-[e:PROVIDES]->(m)
  WHERE any(r IN m.seen_by WHERE r IN $me.names) AND NOT coalesce(m.status = $in.v4, false) AND coalesce(m.kind = $in.v5, false)
  WITH DISTINCT n WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v6, false)
  RETURN n
  UNION ALL UNWIND CASE WHEN size(few) = 1000 THEN [1] ELSE [] END AS enough
  CALL {
    MATCH (n:Agency)
    WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND EXISTS {
      MATCH (n)-[x1:PROVIDES]->(x2:Service)
      WHERE any(r IN x2.seen_by WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v2, false) AND coalesce(x2.kind = $in.v1, false)
    }
    RETURN n
  }
  RETURN n
}
RETURN count(n)
// $in: {"v0":"retired","v1":"public","v2":"retired","v3":"public","v4":"retired","v5":"public","v6":"retired"}
// $me: {"names":["*"]}
