MATCH (n:Agency)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false)
RETURN [[n.name], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired"}
// $me: {"names":["*","*administrators"]}
// $k: "court of secrets"
// $id: "agency:court"
// $n: 3
