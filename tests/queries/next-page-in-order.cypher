MATCH (n:Service)
WHERE (coalesce(CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN n.digital_maturity END, -9999999999) < $in.v0 OR (coalesce(CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN n.digital_maturity END, -9999999999) = $in.v0 AND (n.name_key > $in.v1 OR (n.name_key = $in.v1 AND (n.id > $in.v2))))) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v3, false)
WITH DISTINCT n, coalesce(CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN n.digital_maturity END, -9999999999) AS k0, n.name_key AS k1, n.id AS k2
ORDER BY k0 DESC, k1, k2 LIMIT $n
RETURN [[n.name, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [n.digital_maturity] END], [k0, k1, k2]] AS row
ORDER BY k0 DESC, k1, k2
// $in: {"v0":3,"v1":"vaccination","v2":"service:vaccines","v3":"retired"}
// $me: {"names":["*","*administrators"]}
// $n: 3
