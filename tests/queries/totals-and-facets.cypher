MATCH (n:Agency)
WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND NOT coalesce(n.kind = $in.v1, false)
RETURN count(n)
// $in: {"v0":"retired","v1":"community"}
// $me: {"names":["*","*administrators"]}

MATCH (n:Agency)
WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v1, false) AND NOT coalesce(n.kind = $in.v2, false)
WITH n.kind AS value, count(n) AS number
WITH value, null AS names, number, false AS withheld
ORDER BY number DESC, value LIMIT $in.v0
RETURN collect([value, names, number, withheld])
// $in: {"v0":20,"v1":"retired","v2":"community"}
// $me: {"names":["*","*administrators"]}

MATCH (n:Agency)
WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v1, false) AND NOT coalesce(n.kind = $in.v2, false)
MATCH (n)-[e:IN_SECTOR]->(m:Sector)
WHERE any(r IN m.seen_by WHERE r IN $me.names) AND m.status <> 'retired'
WITH m, m.id AS value, count(DISTINCT n) AS number
WITH value, [m.name, m.label_id, m.label_en] AS names, number, false AS withheld
ORDER BY number DESC, value LIMIT $in.v0
RETURN collect([value, names, number, withheld])
// $in: {"v0":1,"v1":"retired","v2":"community"}
// $me: {"names":["*","*administrators"]}
