-- Times are RFC 3339 in UTC with six digits and a Z: one width, so that they sort as text.
-- Money is decimal text. Ids are UUIDs as text. Users have no foreign key pointing at them: who
-- owns a row may be an account of another issuer, which has no row here.

CREATE TABLE tenants (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  email TEXT NOT NULL,
  email_folded TEXT NOT NULL UNIQUE,
  name TEXT,
  role TEXT NOT NULL CHECK (role IN ('admin', 'member')),
  password_hash TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE logins (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  revoked INTEGER NOT NULL DEFAULT 0 CHECK (revoked IN (0, 1)),
  created_at TEXT NOT NULL
) STRICT;
CREATE INDEX logins_by_user ON logins (user_id);

CREATE TABLE refresh_tokens (
  token_hash TEXT PRIMARY KEY,
  login_id TEXT NOT NULL REFERENCES logins (id) ON DELETE CASCADE,
  issued_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  used_at TEXT
) STRICT;
CREATE INDEX refresh_tokens_by_login ON refresh_tokens (login_id);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

-- `title_folded` is the title without case and accents, for the search. A deleted session is hidden
-- at once; its row goes last, after all that hangs on it.
CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  title TEXT,
  title_folded TEXT,
  system_prompt TEXT,
  provider TEXT,
  model TEXT,
  metadata TEXT NOT NULL,
  archived INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1)),
  deleted INTEGER NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1)),
  active_leaf TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_by_use ON sessions (user_id, archived, updated_at, id);
CREATE INDEX deleted_sessions ON sessions (deleted) WHERE deleted = 1;

-- `seq` is the order of creation, and the row number that the full-text index needs to be stable.
CREATE TABLE messages (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  user_id TEXT NOT NULL,
  parent_id TEXT,
  role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
  content TEXT NOT NULL,
  status TEXT NOT NULL
    CHECK (status IN ('streaming', 'complete', 'stopped', 'interrupted', 'failed')),
  finish_reason TEXT
    CHECK (finish_reason IN ('stop', 'length', 'stopped', 'content_filter', 'budget')),
  provider TEXT,
  model TEXT,
  usage TEXT,
  cost_amount TEXT,
  cost_currency TEXT,
  token_estimate INTEGER NOT NULL,
  created_at TEXT NOT NULL
) STRICT;
CREATE INDEX messages_by_session ON messages (session_id);

-- `offer` is the model as it was offered (limits and price) when the run began; `input_tokens` is
-- the estimate of what one call sends.
CREATE TABLE runs (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  user_id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  message_id TEXT NOT NULL UNIQUE,
  user_message_id TEXT NOT NULL,
  worker_id TEXT NOT NULL,
  epoch INTEGER NOT NULL CHECK (epoch > 0),
  status TEXT NOT NULL
    CHECK (status IN ('streaming', 'complete', 'stopped', 'interrupted', 'failed')),
  finish_reason TEXT
    CHECK (finish_reason IN ('stop', 'length', 'stopped', 'content_filter', 'budget')),
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  offer TEXT NOT NULL,
  max_tokens INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  held_amount TEXT,
  attempt INTEGER NOT NULL DEFAULT 0,
  stop_requested_at TEXT,
  usage TEXT,
  cost_amount TEXT,
  cost_currency TEXT,
  terminal TEXT,
  terminal_seq INTEGER,
  created_at TEXT NOT NULL,
  ended_at TEXT,
  CHECK ((status = 'streaming') = (ended_at IS NULL)),
  CHECK ((terminal IS NULL) = (ended_at IS NULL)),
  CHECK ((terminal_seq IS NULL) = (ended_at IS NULL))
) STRICT;
CREATE INDEX runs_by_session ON runs (session_id);
CREATE UNIQUE INDEX one_active_run_a_session ON runs (session_id) WHERE status = 'streaming';
CREATE INDEX active_runs_by_user ON runs (user_id) WHERE status = 'streaming';
CREATE INDEX active_runs_by_worker ON runs (worker_id) WHERE status = 'streaming';

CREATE TABLE checkpoints (
  run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (run_id, epoch, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE workers (
  id TEXT PRIMARY KEY,
  counter INTEGER NOT NULL DEFAULT 0,
  seen_at TEXT NOT NULL
) STRICT;

-- No foreign key: what was paid for stays on record when its session is deleted.
CREATE TABLE ledger (
  seq INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  purpose TEXT NOT NULL DEFAULT 'answer',
  user_id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('ok', 'failed', 'cancelled')),
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  usage_source TEXT NOT NULL CHECK (usage_source IN ('provider', 'estimated')),
  amount TEXT,
  currency TEXT,
  created_at TEXT NOT NULL,
  UNIQUE (run_id, attempt)
) STRICT;
CREATE INDEX ledger_by_user ON ledger (user_id, created_at);
CREATE INDEX ledger_by_tenant ON ledger (tenant_id, created_at);

CREATE TABLE idempotency_keys (
  user_id TEXT NOT NULL,
  key_hash TEXT NOT NULL,
  body_hash TEXT NOT NULL,
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  run_id TEXT,
  created_at TEXT NOT NULL,
  PRIMARY KEY (user_id, key_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_session ON idempotency_keys (session_id);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE VIEW session_rows AS
SELECT s.*, r.id AS active_run
FROM sessions AS s
LEFT JOIN runs AS r ON r.session_id = s.id AND r.status = 'streaming'
WHERE s.deleted = 0;

-- The words of all messages. The owner is indexed as one word (the id without hyphens), so that
-- the index itself keeps one user's search away from the messages of all others.
CREATE VIEW messages_with_words AS
SELECT seq, content, replace(user_id, '-', '') AS owner FROM messages WHERE content <> '';

CREATE VIRTUAL TABLE message_words USING fts5 (
  content,
  owner,
  content = 'messages_with_words',
  content_rowid = 'seq',
  tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TRIGGER words_of_new_message AFTER INSERT ON messages WHEN new.content <> ''
BEGIN
  INSERT INTO message_words (rowid, content, owner)
  VALUES (new.seq, new.content, replace(new.user_id, '-', ''));
END;

CREATE TRIGGER words_of_deleted_message AFTER DELETE ON messages WHEN old.content <> ''
BEGIN
  INSERT INTO message_words (message_words, rowid, content, owner)
  VALUES ('delete', old.seq, old.content, replace(old.user_id, '-', ''));
END;

CREATE TRIGGER words_before_change BEFORE UPDATE OF content ON messages WHEN old.content <> ''
BEGIN
  INSERT INTO message_words (message_words, rowid, content, owner)
  VALUES ('delete', old.seq, old.content, replace(old.user_id, '-', ''));
END;

CREATE TRIGGER words_after_change AFTER UPDATE OF content ON messages WHEN new.content <> ''
BEGIN
  INSERT INTO message_words (rowid, content, owner)
  VALUES (new.seq, new.content, replace(new.user_id, '-', ''));
END;
