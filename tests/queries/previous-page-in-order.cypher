MATCH (n:Service)
WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND (coalesce(CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN n.digital_maturity END, 9999999999) > $in.v1 OR (coalesce(CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN n.digital_maturity END, 9999999999) = $in.v1 AND (n.name_key < $in.v2 OR (n.name_key = $in.v2 AND (n.id < $in.v3)))))
WITH DISTINCT n, coalesce(CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN n.digital_maturity END, 9999999999) AS k0, n.name_key AS k1, n.id AS k2
ORDER BY k0, k1 DESC, k2 DESC LIMIT $n
RETURN [[n.name, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [n.digital_maturity] END], [k0, k1, k2]] AS row
ORDER BY k0, k1 DESC, k2 DESC
// $in: {"v0":"retired","v1":2,"v2":"ambulance","v3":"service:ambulance"}
// $me: {"names":["*","*administrators"]}
// $n: 2
