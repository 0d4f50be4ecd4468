MATCH (n:Service)
WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false)
WITH DISTINCT n, coalesce(CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN n.digital_maturity END, -9999999999) AS k0, n.name_key AS k1, n.id AS k2
ORDER BY k0 DESC, k1, k2 LIMIT $n
RETURN [[n.name, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [n.digital_maturity] END], [k0, k1, k2]] AS row
ORDER BY k0 DESC, k1, k2
// $in: {"v0":"retired"}
// $me: {"names":["*","*administrators"]}
// $n: 3
