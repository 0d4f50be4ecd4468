// for = "everybody"
// of = """
//   MATCH (s:Service)
//   WHERE s.status = 'published' AND s.kind = 'public' AND any(name IN s.shown_to WHERE name IN $actor_names)
//   RETURN count(s) AS of
// """
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
// type = "record"
// label = { en = "Service", id = "Layanan" }
// description = { en = "The service.", id = "Layanannya." }
//
// [columns.providers]
// type = "records"
// label = { en = "Providers", id = "Penyelenggara" }
// description = { en = "Who provides it.", id = "Siapa yang menyelenggarakannya." }
MATCH (s:Service)
WHERE s.status = 'published' AND s.kind = 'public' AND NOT EXISTS {
    MATCH (s)<-[:CHANNEL_FOR]-(c:Channel) WHERE c.status = 'published' AND coalesce(c.two_way, false)
}
OPTIONAL MATCH (s)<-[:PROVIDES]-(a:Agency) WHERE a.status = 'published'
WITH s, a ORDER BY a.name, a.id
WITH s, collect(a.id) AS providers
RETURN s.id AS service, providers
ORDER BY s.name, s.id
