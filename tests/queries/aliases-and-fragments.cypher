UNWIND [$in.v0] AS id
MATCH (n:Agency {id: id})
WHERE any(r IN n.seen_by WHERE r IN $me.names)
RETURN [n.name, n.acronym, COLLECT {
  MATCH (n)-[x1:PROVIDES]->(x2:Service)
  WHERE any(r IN x2.seen_by WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v1, false) AND coalesce(x2.name_key CONTAINS $in.v2, false)
  WITH n, x1, x2
  ORDER BY x2.name_key, x2.id LIMIT $in.v3
  RETURN [x1.role, [x2.name], [n.acronym]]
}, COLLECT {
  MATCH (n)-[x3:PROVIDES]->(x4:Service)
  WHERE any(r IN x4.seen_by WHERE r IN $me.names) AND NOT coalesce(x4.status = $in.v4, false)
  WITH n, x3, x4
  ORDER BY x4.name_key, x4.id LIMIT $in.v5
  RETURN [x3.role, [x4.name], [n.acronym]]
}] AS row
// $in: {"v0":"agency:roads","v1":"retired","v2":"permit","v3":50,"v4":"retired","v5":1}
// $me: {"names":["*","*administrators"]}
