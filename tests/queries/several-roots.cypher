UNWIND [$in.v0] AS id
MATCH (n:Agency {id: id})
WHERE any(r IN n.seen_by WHERE r IN $me.names)
RETURN [n.name] AS row
// $in: {"v0":"agency:clinic"}
// $me: {"names":["*","*administrators"]}

UNWIND [$in.v0] AS id
MATCH (n:Agency {id: id})
WHERE any(r IN n.seen_by WHERE r IN $me.names)
RETURN [n.name] AS row
// $in: {"v0":"agency:nobody"}
// $me: {"names":["*","*administrators"]}

MATCH (n:Sector)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v1, false)
RETURN [[n.label_en, COUNT {
  MATCH (n)<-[x1:IN_SECTOR]-(x2:Agency)
  WHERE any(r IN x2.seen_by WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v0, false)
}], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired","v1":"retired"}
// $me: {"names":["*","*administrators"]}
// $k: ""
// $id: ""
// $n: 20

MATCH (n:Sector)
WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false)
RETURN count(n)
// $in: {"v0":"retired"}
// $me: {"names":["*","*administrators"]}

MATCH (n:Resource)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND (any(r IN n.shown_to WHERE r IN $me.names) AND coalesce(n.capacity > $in.v1, false))
RETURN [[n.name, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [n.unit, n.capacity, n.in_use] END], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired","v1":10.0}
// $me: {"names":["*","*administrators"]}
// $k: ""
// $id: ""
// $n: 20
