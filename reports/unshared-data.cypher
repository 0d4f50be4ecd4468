// for = "everybody"
// title = { en = "Data that nobody else uses", id = "Data yang tidak digunakan pihak lain" }
//
// [question]
// en = "Which data may be shared, but are used by nobody except their owner?"
// id = "Data mana yang boleh dibagipakaikan, tetapi tidak digunakan siapa pun selain pemiliknya?"
//
// [method]
// en = "Resources of the kind data that are open or shared on request, with fewer users in use on the day than least_users. Only users that you can see in full are counted."
// id = "Sumber daya berjenis data yang dibagipakaikan secara terbuka atau atas permintaan, dengan pengguna aktif pada hari itu kurang dari least_users. Hanya pengguna yang dapat Anda lihat seluruhnya yang dihitung."
//
// [parameters.least_users]
// type = "integer"
// default = 1
// least = 1
// most = 100
// label = { en = "Number of users from which data are not listed", id = "Jumlah pengguna sejak data tidak dicantumkan" }
// description = { en = "Data with at least this many users are not listed.", id = "Data dengan sedikitnya sebanyak ini pengguna tidak dicantumkan." }
//
// [columns.data]
// type = "record"
// label = { en = "Data", id = "Data" }
// description = { en = "What could be used.", id = "Apa yang dapat digunakan." }
//
// [columns.shareability]
// type = "code"
// label = { en = "Shared", id = "Bagi pakai" }
// description = { en = "How it may be shared.", id = "Bagaimana data ini boleh dibagipakaikan." }
// words.open = { en = "openly", id = "terbuka" }
// words.on-request = { en = "on request", id = "atas permintaan" }
//
// [columns.owners]
// type = "records"
// label = { en = "Owners", id = "Pemilik" }
// description = { en = "Who has it to give.", id = "Siapa yang memilikinya." }
//
// [columns.users]
// type = "integer"
// label = { en = "Users", id = "Pengguna" }
// description = { en = "Agencies that use it on the day.", id = "Instansi yang menggunakannya pada hari itu." }
// unit = { en = "agencies", id = "instansi" }
MATCH (r:Resource)
WHERE r.status = 'published' AND r.kind = 'data' AND r.shareability IN ['open', 'on-request']
WITH r, COUNT {
    MATCH (r)<-[e:USES]-(a:Agency)
    WHERE coalesce(e.since, '') <= $as_of AND $as_of <= coalesce(e.until, '9999-12-31')
        AND a.status = 'published' AND any(name IN a.shown_to WHERE name IN $actor_names)
} AS users
OPTIONAL MATCH (r)<-[:OWNS]-(o:Agency) WHERE o.status = 'published'
WITH r, users, o ORDER BY o.name, o.id
WITH r, users, collect(o.id) AS owners
RETURN r.id AS data, r.shareability AS shareability, owners, users, users < $least_users AS found
ORDER BY users, r.name, r.id
