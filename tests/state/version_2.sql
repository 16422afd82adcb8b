-- A file of version 2, as the release that made it left it. It never changes.
PRAGMA application_id = 1919178615;
PRAGMA user_version = 2;
BEGIN TRANSACTION;
CREATE TABLE adds (target TEXT NOT NULL, id TEXT NOT NULL, at TEXT NOT NULL, state TEXT NOT NULL,
            body TEXT NOT NULL, crc INTEGER NOT NULL, UNIQUE (target, id));
INSERT INTO "adds" VALUES('archivexxxxxxxxxxxxxxx','000001','2026-11-22T12:01:00.000000Z','sent','{"id":"000001","run_id":"run","pair":"week-to-archive","target":"archivexxxxxxxxxxxxxxx","at":"2026-11-22T12:01:00.000000Z","position":7,"state":"sent","additions":[{"uri":"spotify:track:000000000000000000000a","kind":"track","name":"a","artists":["Anna"],"added_at":null,"source":"liked"},{"uri":"spotify:track:000000000000000000000b","kind":"track","name":"b","artists":["Anna"],"added_at":null,"source":"liked"},{"uri":"spotify:track:000000000000000000000c","kind":"track","name":"c","artists":["Anna"],"added_at":null,"source":"liked"}]}',2189002120);
INSERT INTO "adds" VALUES('archivexxxxxxxxxxxxxxx','000002','2026-11-22T12:02:00.000000Z','landed','{"id":"000002","run_id":"run","pair":"week-to-archive","target":"archivexxxxxxxxxxxxxxx","at":"2026-11-22T12:02:00.000000Z","position":7,"state":"landed","additions":[{"uri":"spotify:track:000000000000000000000a","kind":"track","name":"a","artists":["Anna"],"added_at":null,"source":"liked"},{"uri":"spotify:track:000000000000000000000b","kind":"track","name":"b","artists":["Anna"],"added_at":null,"source":"liked"}]}',1014795913);
INSERT INTO "adds" VALUES('archivexxxxxxxxxxxxxxx','000003','2026-11-22T12:03:00.000000Z','undone','{"id":"000003","run_id":"run","pair":"week-to-archive","target":"archivexxxxxxxxxxxxxxx","at":"2026-11-22T12:03:00.000000Z","position":7,"state":"undone","additions":[{"uri":"spotify:track:000000000000000000000c","kind":"track","name":"c","artists":["Anna"],"added_at":null,"source":"liked"}]}',2942562346);
CREATE TABLE cache (name TEXT NOT NULL PRIMARY KEY, content BLOB NOT NULL,
            crc INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "cache" VALUES('week',X'00FF20636F6E74656E74',3682342804);
CREATE TABLE facts (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL,
            crc INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "facts" VALUES('resume_at','week',1816190668);
CREATE TABLE limits (client_id TEXT NOT NULL PRIMARY KEY, at TEXT NOT NULL, quota INTEGER NOT NULL,
            crc INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO "limits" VALUES('app','2026-11-22T13:00:00.000000Z',1,3794969249);
CREATE INDEX adds_by_time ON adds (at, id);
COMMIT;
