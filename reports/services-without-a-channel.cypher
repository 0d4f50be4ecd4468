// of = "MATCH (s:Service) WHERE s.kind = 'public' RETURN count(s) AS of"
// title = { en = "Services without an answer", id = "Layanan tanpa jawaban" }
//
// [question]
// en = "Which public services have no channel through which people get an answer?"
// id = "Layanan publik mana yang tidak memiliki kanal yang memberi jawaban kepada warga?"
//
// [method]
// en = "Services for the public without a two-way channel of their own on record."
// id = "Layanan publik tanpa kanal dua arah miliknya yang tercatat."
//
// [columns.service]
// type = "text"
// label = { en = "Service", id = "Layanan" }
// description = { en = "The service.", id = "Layanannya." }
//
// [columns.providers]
// type = "texts"
// label = { en = "Providers", id = "Penyelenggara" }
// description = { en = "Who provides it.", id = "Siapa yang menyelenggarakannya." }
MATCH (s:Service)
WHERE s.kind = 'public' AND NOT EXISTS { MATCH (s)<-[:CHANNEL_FOR]-(c:Channel) WHERE coalesce(c.two_way, false) }
OPTIONAL MATCH (s)<-[:PROVIDES]-(a:Agency)
WITH s, a ORDER BY a.name, a.id
WITH s, collect(a) AS agencies
RETURN s.name AS service, [a IN agencies | a.name] AS providers, [s] + agencies AS evidence
ORDER BY s.name, s.id
