UNWIND $in.indexes AS i
CALL db.index.fulltext.queryNodes(i, $in.query, {limit: 400}) YIELD node, score
WITH node AS n, score, all(word IN $in.words WHERE any(part IN word WHERE node.face_words CONTAINS part)) AS face WHERE any(r IN n.seen_by WHERE r IN $me.names) AND coalesce(n.status <> 'retired', false) AND (face OR any(r IN n.shown_to WHERE r IN $me.names))
WITH n, score, CASE WHEN n.name_key = $in.text OR coalesce(toLower(n.acronym) = $in.text, false) THEN 0 WHEN n.name_key STARTS WITH $in.text THEN 1 WHEN face THEN 2 ELSE 3 END AS tier
ORDER BY tier, score DESC, n.id LIMIT $n
RETURN collect([labels(n)[0], n.id, tier, score])
// $n: 200
// $in: {"indexes":["registry_agency_words","registry_service_words","registry_resource_words","registry_need_words","registry_request_words","registry_partnership_words","registry_statement_words","registry_channel_words","registry_feedback_words","registry_sector_words","registry_area_words","registry_audience_words","registry_function_words","registry_source_words"],"query":"+(roads* road)","words":[[" roads"," road "]],"text":"roads","sector":null,"area":null}
// $me: {"names":["*","*administrators"]}

UNWIND $in.v0 AS id
MATCH (n:Agency|Service|Resource|Need|Request|Partnership|Statement|Channel|Feedback|Sector|Area|Audience|Function|Source|Run|Change {id: id})
WHERE any(r IN n.seen_by WHERE r IN $me.names)
RETURN collect([n.id, [labels(n)[0], [n.id, n.name]]])
// $in: {"v0":["sector:roads","agency:roads"]}
// $me: {"names":["*","*administrators"]}

WITH $in.v0 AS id
MATCH (n:Agency|Service|Resource|Need|Request|Partnership|Statement|Channel|Feedback|Sector|Area|Audience|Function|Source|Run|Change {id: id})
WHERE any(r IN n.seen_by WHERE r IN $me.names)
RETURN [labels(n)[0], CASE WHEN n:Agency THEN [n.name, n.acronym] WHEN n:Resource THEN [n.name, CASE WHEN any(r IN n.shown_to WHERE r IN $me.names) THEN [n.unit] END] ELSE [n.name] END] AS row
// $in: {"v0":"resource:vans"}
// $me: {"names":["*","*administrators"]}
