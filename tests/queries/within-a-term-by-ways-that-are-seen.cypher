CALL {
  UNWIND $in.ids AS id
  MATCH (n:Agency {id: id})
  RETURN n
  UNION ALL UNWIND $in.ids AS id
  MATCH (n:Service {id: id})
  RETURN n
  UNION ALL UNWIND $in.ids AS id
  MATCH (n:Resource {id: id})
  RETURN n
  UNION ALL UNWIND $in.ids AS id
  MATCH (n:Need {id: id})
  RETURN n
  UNION ALL UNWIND $in.ids AS id
  MATCH (n:Request {id: id})
  RETURN n
  UNION ALL UNWIND $in.ids AS id
  MATCH (n:Partnership {id: id})
  RETURN n
  UNION ALL UNWIND $in.ids AS id
  MATCH (n:Statement {id: id})
  RETURN n
  UNION ALL UNWIND $in.ids AS id
  MATCH (n:Channel {id: id})
  RETURN n
  UNION ALL UNWIND $in.ids AS id
  MATCH (n:Feedback {id: id})
  RETURN n
  UNION ALL UNWIND $in.ids AS id
  MATCH (n:Sector {id: id})
  RETURN n
  UNION ALL UNWIND $in.ids AS id
  MATCH (n:Area {id: id})
  RETURN n
  UNION ALL UNWIND $in.ids AS id
  MATCH (n:Audience {id: id})
  RETURN n
  UNION ALL UNWIND $in.ids AS id
  MATCH (n:Function {id: id})
  RETURN n
  UNION ALL UNWIND $in.ids AS id
  MATCH (n:Source {id: id})
  RETURN n
  UNION ALL UNWIND $in.ids AS id
  MATCH (n:Run {id: id})
  RETURN n
  UNION ALL UNWIND $in.ids AS id
  MATCH (n:Change {id: id})
  RETURN n
}
WITH n WHERE any(r IN n.seen_by WHERE r IN $me.names)
RETURN collect([n.id, labels(n)[0], n.status = 'retired'])
// $in: {"ids":["sector:order"]}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

MATCH (n:Agency)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false) AND EXISTS {
  MATCH (n)-[:OWNS|NEEDED_BY|PARTY_TO*0..1]-(a)-[:IN_SECTOR]->(t:Sector)
  MATCH way = (t)-[:BROADER*0..6]->(:Sector {id: $in.sector})
  WHERE any(r IN a.seen_by WHERE r IN $me.names) AND all(x IN nodes(way)
  WHERE any(r IN x.seen_by WHERE r IN $me.names))
}
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END, []] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "office"
// $n: 200
// $in: {"sector":"sector:order","area":null}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

MATCH (n:Service)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false) AND EXISTS {
  MATCH (n)-[:OWNS|NEEDED_BY|PARTY_TO*0..1]-(a)-[:IN_SECTOR]->(t:Sector)
  MATCH way = (t)-[:BROADER*0..6]->(:Sector {id: $in.sector})
  WHERE any(r IN a.seen_by WHERE r IN $me.names) AND all(x IN nodes(way)
  WHERE any(r IN x.seen_by WHERE r IN $me.names))
}
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END, []] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "office"
// $n: 200
// $in: {"sector":"sector:order","area":null}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

MATCH (n:Resource)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false) AND EXISTS {
  MATCH (n)-[:OWNS|NEEDED_BY|PARTY_TO*0..1]-(a)-[:IN_SECTOR]->(t:Sector)
  MATCH way = (t)-[:BROADER*0..6]->(:Sector {id: $in.sector})
  WHERE any(r IN a.seen_by WHERE r IN $me.names) AND all(x IN nodes(way)
  WHERE any(r IN x.seen_by WHERE r IN $me.names))
}
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END, []] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "office"
// $n: 200
// $in: {"sector":"sector:order","area":null}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

MATCH (n:Need)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false) AND EXISTS {
  MATCH (n)-[:OWNS|NEEDED_BY|PARTY_TO*0..1]-(a)-[:IN_SECTOR]->(t:Sector)
  MATCH way = (t)-[:BROADER*0..6]->(:Sector {id: $in.sector})
  WHERE any(r IN a.seen_by WHERE r IN $me.names) AND all(x IN nodes(way)
  WHERE any(r IN x.seen_by WHERE r IN $me.names))
}
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END, []] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "office"
// $n: 200
// $in: {"sector":"sector:order","area":null}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

MATCH (n:Request)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false) AND EXISTS {
  MATCH (n)-[:OWNS|NEEDED_BY|PARTY_TO*0..1]-(a)-[:IN_SECTOR]->(t:Sector)
  MATCH way = (t)-[:BROADER*0..6]->(:Sector {id: $in.sector})
  WHERE any(r IN a.seen_by WHERE r IN $me.names) AND all(x IN nodes(way)
  WHERE any(r IN x.seen_by WHERE r IN $me.names))
}
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END, []] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "office"
// $n: 200
// $in: {"sector":"sector:order","area":null}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

MATCH (n:Partnership)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false) AND EXISTS {
  MATCH (n)-[:OWNS|NEEDED_BY|PARTY_TO*0..1]-(a)-[:IN_SECTOR]->(t:Sector)
  MATCH way = (t)-[:BROADER*0..6]->(:Sector {id: $in.sector})
  WHERE any(r IN a.seen_by WHERE r IN $me.names) AND all(x IN nodes(way)
  WHERE any(r IN x.seen_by WHERE r IN $me.names))
}
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END, []] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "office"
// $n: 200
// $in: {"sector":"sector:order","area":null}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

MATCH (n:Statement)
WHERE n.name_key = $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false) AND EXISTS {
  MATCH (n)-[:OWNS|NEEDED_BY|PARTY_TO*0..1]-(a)-[:IN_SECTOR]->(t:Sector)
  MATCH way = (t)-[:BROADER*0..6]->(:Sector {id: $in.sector})
  WHERE any(r IN a.seen_by WHERE r IN $me.names) AND all(x IN nodes(way)
  WHERE any(r IN x.seen_by WHERE r IN $me.names))
}
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END, []] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "office"
// $n: 200
// $in: {"sector":"sector:order","area":null}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

MATCH (n:Channel)
WHERE n.name_key = $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false) AND EXISTS {
  MATCH (n)-[:OWNS|NEEDED_BY|PARTY_TO*0..1]-(a)-[:IN_SECTOR]->(t:Sector)
  MATCH way = (t)-[:BROADER*0..6]->(:Sector {id: $in.sector})
  WHERE any(r IN a.seen_by WHERE r IN $me.names) AND all(x IN nodes(way)
  WHERE any(r IN x.seen_by WHERE r IN $me.names))
}
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END, []] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "office"
// $n: 200
// $in: {"sector":"sector:order","area":null}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

MATCH (n:Feedback)
WHERE n.name_key = $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false) AND EXISTS {
  MATCH (n)-[:OWNS|NEEDED_BY|PARTY_TO*0..1]-(a)-[:IN_SECTOR]->(t:Sector)
  MATCH way = (t)-[:BROADER*0..6]->(:Sector {id: $in.sector})
  WHERE any(r IN a.seen_by WHERE r IN $me.names) AND all(x IN nodes(way)
  WHERE any(r IN x.seen_by WHERE r IN $me.names))
}
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END, []] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "office"
// $n: 200
// $in: {"sector":"sector:order","area":null}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

MATCH (n:Sector)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false) AND EXISTS {
  MATCH (n)-[:OWNS|NEEDED_BY|PARTY_TO*0..1]-(a)-[:IN_SECTOR]->(t:Sector)
  MATCH way = (t)-[:BROADER*0..6]->(:Sector {id: $in.sector})
  WHERE any(r IN a.seen_by WHERE r IN $me.names) AND all(x IN nodes(way)
  WHERE any(r IN x.seen_by WHERE r IN $me.names))
}
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END, []] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "office"
// $n: 200
// $in: {"sector":"sector:order","area":null}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

MATCH (n:Area)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false) AND EXISTS {
  MATCH (n)-[:OWNS|NEEDED_BY|PARTY_TO*0..1]-(a)-[:IN_SECTOR]->(t:Sector)
  MATCH way = (t)-[:BROADER*0..6]->(:Sector {id: $in.sector})
  WHERE any(r IN a.seen_by WHERE r IN $me.names) AND all(x IN nodes(way)
  WHERE any(r IN x.seen_by WHERE r IN $me.names))
}
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END, []] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "office"
// $n: 200
// $in: {"sector":"sector:order","area":null}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

MATCH (n:Audience)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false) AND EXISTS {
  MATCH (n)-[:OWNS|NEEDED_BY|PARTY_TO*0..1]-(a)-[:IN_SECTOR]->(t:Sector)
  MATCH way = (t)-[:BROADER*0..6]->(:Sector {id: $in.sector})
  WHERE any(r IN a.seen_by WHERE r IN $me.names) AND all(x IN nodes(way)
  WHERE any(r IN x.seen_by WHERE r IN $me.names))
}
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END, []] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "office"
// $n: 200
// $in: {"sector":"sector:order","area":null}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

MATCH (n:Function)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false) AND EXISTS {
  MATCH (n)-[:OWNS|NEEDED_BY|PARTY_TO*0..1]-(a)-[:IN_SECTOR]->(t:Sector)
  MATCH way = (t)-[:BROADER*0..6]->(:Sector {id: $in.sector})
  WHERE any(r IN a.seen_by WHERE r IN $me.names) AND all(x IN nodes(way)
  WHERE any(r IN x.seen_by WHERE r IN $me.names))
}
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END, []] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "office"
// $n: 200
// $in: {"sector":"sector:order","area":null}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

MATCH (n:Source)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false) AND EXISTS {
  MATCH (n)-[:OWNS|NEEDED_BY|PARTY_TO*0..1]-(a)-[:IN_SECTOR]->(t:Sector)
  MATCH way = (t)-[:BROADER*0..6]->(:Sector {id: $in.sector})
  WHERE any(r IN a.seen_by WHERE r IN $me.names) AND all(x IN nodes(way)
  WHERE any(r IN x.seen_by WHERE r IN $me.names))
}
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END, []] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "office"
// $n: 200
// $in: {"sector":"sector:order","area":null}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

UNWIND $in.indexes AS i
CALL db.index.fulltext.queryNodes(i, $in.query) YIELD node
WITH node AS n, any(r IN node.shown_to WHERE r IN $me.names) AS details WHERE any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false) AND EXISTS {
  MATCH (n)-[:OWNS|NEEDED_BY|PARTY_TO*0..1]-(a)-[:IN_SECTOR]->(t:Sector)
  MATCH way = (t)-[:BROADER*0..6]->(:Sector {id: $in.sector})
  WHERE any(r IN a.seen_by WHERE r IN $me.names) AND all(x IN nodes(way)
  WHERE any(r IN x.seen_by WHERE r IN $me.names))
}
WITH n, [term IN $in.terms | CASE WHEN all(forms IN term.own WHERE any(form IN forms WHERE n.name_words CONTAINS form)) THEN 1.0 WHEN all(forms IN term.own WHERE any(form IN forms WHERE n.summary_words CONTAINS form)) THEN 0.5 WHEN all(forms IN term.own WHERE any(form IN forms WHERE CASE WHEN details THEN n.words ELSE '' END CONTAINS form)) THEN 0.25 WHEN any(phrase IN term.synonyms WHERE all(forms IN phrase WHERE any(form IN forms WHERE n.name_words CONTAINS form))) THEN -1.0 WHEN any(phrase IN term.synonyms WHERE all(forms IN phrase WHERE any(form IN forms WHERE n.summary_words CONTAINS form))) THEN -0.5 WHEN any(phrase IN term.synonyms WHERE all(forms IN phrase WHERE any(form IN forms WHERE CASE WHEN details THEN n.words ELSE '' END CONTAINS form))) THEN -0.25 ELSE 0.0 END] AS gains, coalesce($in.text IN n.search_keys, false) AS same
WITH n, gains, same, [i IN range(0, size(gains) - 1)
WHERE gains[i] = 0.0] AS missing WHERE same OR size(missing) <= $in.missing
WITH n, CASE WHEN same THEN [] ELSE missing END AS missing, CASE WHEN same THEN 5.0 WHEN labels(n)[0] IN $in.named AND n.name_key STARTS WITH $in.text THEN 4.0 WHEN size(missing) > 0 THEN reduce(sum = 0.0, i IN range(0, size(gains) - 1) | sum + abs(gains[i]) * $in.weights[i]) ELSE reduce(sum = 0.0, gain IN gains | sum + abs(gain)) / size(gains) + CASE WHEN any(gain IN gains WHERE gain < 0.0) THEN 1.0 ELSE 2.0 END END AS score
ORDER BY score DESC, n.name_key, n.id LIMIT $n
RETURN collect([labels(n)[0], n.id, n.name_key, score, missing])
// $n: 200
// $in: {"indexes":["registry_agency_words","registry_service_words","registry_resource_words","registry_need_words","registry_request_words","registry_partnership_words","registry_statement_words","registry_channel_words","registry_feedback_words","registry_sector_words","registry_area_words","registry_audience_words","registry_function_words","registry_source_words"],"named":["Agency","Service","Resource","Need","Request","Partnership","Sector","Area","Audience","Function","Source"],"query":"+((+(office* offic )))","terms":[{"own":[[" office","=offic "," offic ","=office "]],"synonyms":[[["~office "]]]}],"text":"office","missing":0,"weights":[],"sector":"sector:order","area":null}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

MATCH (n:Agency)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND EXISTS {
  MATCH (n)-[x1:IN_SECTOR]->(x2:Sector)
  WHERE any(r IN x2.seen_by WHERE r IN $me.names) AND NOT coalesce(x2.status = $in.v2, false) AND EXISTS {
    MATCH x4 = (x2)-[:BROADER*0..6]->(x3:Sector)
    WHERE x3.id IN $in.v1 AND all(x IN nodes(x4)
    WHERE any(r IN x.seen_by WHERE r IN $me.names))
  }
}
RETURN [[n.name], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired","v1":["sector:order"],"v2":"retired"}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}
// $k: ""
// $id: ""
// $n: 20

MATCH (n:Sector)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND EXISTS {
  MATCH x2 = (n)-[:BROADER*0..6]->(x1:Sector)
  WHERE x1.id IN $in.v1 AND all(x IN nodes(x2)
  WHERE any(r IN x.seen_by WHERE r IN $me.names))
}
RETURN [[n.name], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired","v1":["sector:order"]}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}
// $k: ""
// $id: ""
// $n: 20

MATCH (n:Sector)
WHERE n.name_key >= $k AND n.id IS NOT NULL AND (n.name_key > $k OR n.id > $id) AND any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v0, false) AND EXISTS {
  MATCH x2 = (n)-[:BROADER*0..6]->(x1:Sector)
  WHERE x1.id IN $in.v1 AND all(x IN nodes(x2)
  WHERE any(r IN x.seen_by WHERE r IN $me.names))
}
RETURN [[n.name], [n.name_key, n.id]] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $in: {"v0":"retired","v1":["sector:inquiries"]}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}
// $k: ""
// $id: ""
// $n: 20

MATCH (n:Agency)
WHERE any(r IN n.seen_by WHERE r IN $me.names) AND NOT coalesce(n.status = $in.v1, false)
MATCH (n)-[e:IN_SECTOR]->(t:Sector)
MATCH way = (t)-[:BROADER*0..6]->(m:Sector)
WHERE any(r IN t.seen_by WHERE r IN $me.names) AND t.status <> 'retired' AND all(x IN nodes(way)
WHERE any(r IN x.seen_by WHERE r IN $me.names)) AND m.status <> 'retired'
WITH m, m.id AS value, count(DISTINCT n) AS number
WITH value, [m.name, m.label_id, m.label_en] AS names, number, false AS withheld
ORDER BY number DESC, value LIMIT $in.v0
RETURN collect([value, names, number, withheld])
// $in: {"v0":20,"v1":"retired"}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}

CALL {
  UNWIND $in.v0 AS id
  MATCH (n:Agency {id: id})
  RETURN n
  UNION ALL UNWIND $in.v0 AS id
  MATCH (n:Service {id: id})
  RETURN n
  UNION ALL UNWIND $in.v0 AS id
  MATCH (n:Resource {id: id})
  RETURN n
  UNION ALL UNWIND $in.v0 AS id
  MATCH (n:Need {id: id})
  RETURN n
  UNION ALL UNWIND $in.v0 AS id
  MATCH (n:Request {id: id})
  RETURN n
  UNION ALL UNWIND $in.v0 AS id
  MATCH (n:Partnership {id: id})
  RETURN n
  UNION ALL UNWIND $in.v0 AS id
  MATCH (n:Statement {id: id})
  RETURN n
  UNION ALL UNWIND $in.v0 AS id
  MATCH (n:Channel {id: id})
  RETURN n
  UNION ALL UNWIND $in.v0 AS id
  MATCH (n:Feedback {id: id})
  RETURN n
  UNION ALL UNWIND $in.v0 AS id
  MATCH (n:Sector {id: id})
  RETURN n
  UNION ALL UNWIND $in.v0 AS id
  MATCH (n:Area {id: id})
  RETURN n
  UNION ALL UNWIND $in.v0 AS id
  MATCH (n:Audience {id: id})
  RETURN n
  UNION ALL UNWIND $in.v0 AS id
  MATCH (n:Function {id: id})
  RETURN n
  UNION ALL UNWIND $in.v0 AS id
  MATCH (n:Source {id: id})
  RETURN n
  UNION ALL UNWIND $in.v0 AS id
  MATCH (n:Run {id: id})
  RETURN n
  UNION ALL UNWIND $in.v0 AS id
  MATCH (n:Change {id: id})
  RETURN n
}
WITH n WHERE any(r IN n.seen_by WHERE r IN $me.names)
RETURN collect([n.id, [labels(n)[0], [n.name]]])
// $in: {"v0":["agency:health"]}
// $me: {"names":["*"],"partial_kinds":["Agency","Resource"]}
