UNWIND [$in.v0] AS id
MATCH (n:Agency {id: id})
WHERE any(r IN n.seen_by WHERE r IN $me.names)
RETURN [n.name, n.acronym, COLLECT {
  MATCH (n)-[x1:IN_SECTOR]->(x2:Sector)
  WHERE any(r IN x2.seen_by WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v1, false)
  WITH n, x1, x2
  ORDER BY x2.name_key, x2.id LIMIT $in.v2
  RETURN [x2.name]
}] AS row
// $in: {"v0":"agency:health","v1":"retired","v2":50}
// $me: {"names":["*","*administrators"]}
