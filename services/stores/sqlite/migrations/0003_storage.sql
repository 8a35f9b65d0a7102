-- How many bytes a user keeps, counted where rows are written. A row counts for 512 bytes beside
-- its texts: for itself, its run and its places in the indexes.
CREATE TABLE user_storage (
  user_id TEXT PRIMARY KEY,
  bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE VIEW session_bytes AS
SELECT id, user_id, 512 + coalesce(length(CAST(title AS BLOB)), 0)
  + coalesce(length(CAST(system_prompt AS BLOB)), 0) + length(CAST(metadata AS BLOB)) AS bytes
FROM sessions;

INSERT INTO user_storage (user_id, bytes)
SELECT user_id, sum(bytes) FROM (
  SELECT user_id, 512 + length(CAST(content AS BLOB)) AS bytes FROM messages
  UNION ALL
  SELECT user_id, bytes FROM session_bytes
) GROUP BY user_id;

CREATE TRIGGER bytes_of_new_message AFTER INSERT ON messages
BEGIN
  INSERT INTO user_storage (user_id, bytes)
  VALUES (new.user_id, 512 + length(CAST(new.content AS BLOB)))
  ON CONFLICT (user_id) DO UPDATE SET bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER bytes_of_changed_message AFTER UPDATE OF content ON messages WHEN new.content <> old.content
BEGIN
  UPDATE user_storage SET bytes = bytes
    + length(CAST(new.content AS BLOB)) - length(CAST(old.content AS BLOB))
  WHERE user_id = new.user_id;
END;

CREATE TRIGGER bytes_of_deleted_message AFTER DELETE ON messages
BEGIN
  UPDATE user_storage SET bytes = bytes - 512 - length(CAST(old.content AS BLOB))
  WHERE user_id = old.user_id;
END;

CREATE TRIGGER bytes_of_new_session AFTER INSERT ON sessions
BEGIN
  INSERT INTO user_storage (user_id, bytes)
  SELECT user_id, bytes FROM session_bytes WHERE id = new.id
  ON CONFLICT (user_id) DO UPDATE SET bytes = user_storage.bytes + excluded.bytes;
END;

CREATE TRIGGER bytes_before_session_changes
BEFORE UPDATE OF title, system_prompt, metadata ON sessions
WHEN new.title IS NOT old.title OR new.system_prompt IS NOT old.system_prompt
  OR new.metadata <> old.metadata
BEGIN
  UPDATE user_storage
  SET bytes = bytes - (SELECT s.bytes FROM session_bytes AS s WHERE s.id = old.id)
  WHERE user_id = old.user_id;
END;

CREATE TRIGGER bytes_after_session_changed
AFTER UPDATE OF title, system_prompt, metadata ON sessions
WHEN new.title IS NOT old.title OR new.system_prompt IS NOT old.system_prompt
  OR new.metadata <> old.metadata
BEGIN
  UPDATE user_storage
  SET bytes = bytes + (SELECT s.bytes FROM session_bytes AS s WHERE s.id = new.id)
  WHERE user_id = new.user_id;
END;

CREATE TRIGGER bytes_of_deleted_session BEFORE DELETE ON sessions
BEGIN
  UPDATE user_storage
  SET bytes = bytes - (SELECT s.bytes FROM session_bytes AS s WHERE s.id = old.id)
  WHERE user_id = old.user_id;
END;
