MATCH (n:Agency)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND ((coalesce(n.name_key CONTAINS $in.v1, false)) OR (coalesce(n.kind IN $in.v2, false) AND NOT ((n.acronym IS NULL) = $in.v3)))
RETURN [[n.name], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired","v1":"elysee","v2":["department","community"],"v3":true}
// $me: {"names":["*","*administrators"]}
// $k: ""
// $id: ""
// $n: 20

MATCH (n:Service)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND (any(r IN n.shown_to WHERE r IN $me.names) AND coalesce(n.digital_maturity >= $in.v1, false)) AND (any(r IN n.shown_to WHERE r IN $me.names) AND coalesce(n.digital_maturity < $in.v2, false))
RETURN [[n.name], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired","v1":2,"v2":5}
// $me: {"names":["*","*administrators"]}
// $k: ""
// $id: ""
// $n: 20

MATCH (n:Service)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status = $in.v0, false)
RETURN [[n.name, n.status], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired"}
// $me: {"names":["*","*administrators"]}
// $k: ""
// $id: ""
// $n: 20
