UNWIND [$in.v0] AS id
MATCH (n:Agency {id: id})
WHERE any(r IN n.seen_by WHERE r IN $me.names)
RETURN [n.id, n.name, n.status, n.created, n.kind, COLLECT {
  MATCH (x1:Agency {id: n.steward})
  WHERE any(r IN x1.seen_by WHERE r IN $me.names)
  RETURN [x1.name, x1.acronym]
}, COUNT {
  MATCH (n)-[x2:PROVIDES]->(x3:Service)
  WHERE any(r IN x3.seen_by WHERE r IN $me.names) AND NOT coalesce(x3.status = $in.v1, false)
}] AS row
// $in: {"v0":"agency:clinic","v1":"retired"}
// $me: {"names":["*","*administrators"]}
