MATCH (n:Agency)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false)
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "roads"
// $n: 200
// $in: {"sector":null,"area":null}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}

MATCH (n:Service)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false)
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "roads"
// $n: 200
// $in: {"sector":null,"area":null}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}

MATCH (n:Resource)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false)
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "roads"
// $n: 200
// $in: {"sector":null,"area":null}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}

MATCH (n:Need)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false)
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "roads"
// $n: 200
// $in: {"sector":null,"area":null}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}

MATCH (n:Request)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false)
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "roads"
// $n: 200
// $in: {"sector":null,"area":null}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}

MATCH (n:Partnership)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false)
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "roads"
// $n: 200
// $in: {"sector":null,"area":null}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}

MATCH (n:Statement)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false)
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "roads"
// $n: 200
// $in: {"sector":null,"area":null}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}

MATCH (n:Channel)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false)
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "roads"
// $n: 200
// $in: {"sector":null,"area":null}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}

MATCH (n:Feedback)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false)
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "roads"
// $n: 200
// $in: {"sector":null,"area":null}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}

MATCH (n:Sector)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false)
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "roads"
// $n: 200
// $in: {"sector":null,"area":null}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}

MATCH (n:Area)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false)
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "roads"
// $n: 200
// $in: {"sector":null,"area":null}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}

MATCH (n:Audience)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false)
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "roads"
// $n: 200
// $in: {"sector":null,"area":null}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}

MATCH (n:Function)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false)
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "roads"
// $n: 200
// $in: {"sector":null,"area":null}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}

MATCH (n:Source)
WHERE n.name_key STARTS WITH $k AND n.id IS NOT NULL AND any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false)
RETURN [labels(n)[0], n.id, n.name_key, CASE WHEN n.name_key = $k THEN 5.0 ELSE 4.0 END] AS row
ORDER BY n.name_key, n.id LIMIT $n
// $k: "roads"
// $n: 200
// $in: {"sector":null,"area":null}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}

UNWIND $in.indexes AS i
CALL db.index.fulltext.queryNodes(i, $in.query) YIELD node
WITH node AS n, any(r IN node.shown_to WHERE r IN $me.names) AS details, all(word IN $in.words WHERE any(part IN word WHERE node.summary_words CONTAINS part)) AS summary WHERE any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false) AND (summary OR details)
WITH n, CASE WHEN n.name_key = $in.text OR coalesce(toLower(n.acronym) = $in.text, false) THEN 5.0 WHEN n.name_key STARTS WITH $in.text THEN 4.0 ELSE CASE WHEN summary THEN 2.0 ELSE 1.0 END + toFloat(size([word IN $in.words WHERE any(part IN word WHERE (' ' + n.name_key + ' ') CONTAINS part)])) / size($in.words) END AS score
ORDER BY score DESC, n.name_key, n.id LIMIT $n
RETURN collect([labels(n)[0], n.id, n.name_key, score])
// $n: 200
// $in: {"indexes":["registry_agency_words","registry_service_words","registry_resource_words","registry_need_words","registry_request_words","registry_partnership_words","registry_statement_words","registry_channel_words","registry_feedback_words","registry_sector_words","registry_area_words","registry_audience_words","registry_function_words","registry_source_words"],"query":"+(roads* road)","words":[[" roads"," road "]],"text":"roads","sector":null,"area":null}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}

UNWIND $in.v0 AS id
MATCH (n:Agency|Service|Resource|Need|Request|Partnership|Statement|Channel|Feedback|Sector|Area|Audience|Function|Source|Run|Change {id: id})
WHERE any(r IN n.seen_by WHERE r IN $me.names)
RETURN collect([n.id, [labels(n)[0], [n.id, n.name]]])
// $in: {"v0":["sector:roads","agency:roads"]}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}

WITH $in.v0 AS id
MATCH (n:Agency|Service|Resource|Need|Request|Partnership|Statement|Channel|Feedback|Sector|Area|Audience|Function|Source|Run|Change {id: id})
WHERE any(r IN n.seen_by WHERE r IN $me.names)
RETURN [labels(n)[0], CASE WHEN n:Agency THEN [n.name, n.acronym] WHEN n:Resource THEN [n.name, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [n.unit] END] ELSE [n.name] END] AS row
// $in: {"v0":"resource:vans"}
// $me: {"names":["*","*administrators"],"partial_kinds":[]}
