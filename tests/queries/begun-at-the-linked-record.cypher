WITH $in.v0 AS id
MATCH (m:Sector {id: id})
MATCH (n:Agency)-[:IN_SECTOR]->(m)
WHERE any(r IN m.seen_by WHERE r IN $me.names) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(m.status = $in.v1, false) AND NOT coalesce(n.status = $in.v2, false) AND NOT coalesce(n.kind = $in.v3, false)
WITH DISTINCT n, n.name_key AS k0, n.id AS k1
ORDER BY k0, k1 LIMIT $n
RETURN [[n.name], [k0, k1]] AS row
ORDER BY k0, k1
// $in: {"v0":"sector:health","v1":"retired","v2":"retired","v3":"department"}
// $me: {"names":["*","*administrators"]}
// $n: 20

MATCH (n:Agency)
WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND NOT coalesce(n.kind = $in.v1, false) AND EXISTS {
  MATCH (n)-[x1:IN_SECTOR]->(x2:Sector)
  WHERE any(r IN x2.seen_by WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v3, false) AND coalesce(x2.id = $in.v2, false)
}
RETURN count(n)
// $in: {"v0":"retired","v1":"department","v2":"sector:health","v3":"retired"}
// $me: {"names":["*","*administrators"]}
