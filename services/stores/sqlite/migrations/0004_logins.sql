-- A digest of the network that a login came from, and of the account. Null: it is not known, or
-- counts no more.
ALTER TABLE logins ADD COLUMN network TEXT;
CREATE INDEX logins_by_network ON logins (user_id, network) WHERE network IS NOT NULL;

-- The token that follows a used one, what it was made with, and the digest of the key that came
-- with the first use.
ALTER TABLE refresh_tokens ADD COLUMN next_hash TEXT;
ALTER TABLE refresh_tokens ADD COLUMN next_seed TEXT;
ALTER TABLE refresh_tokens ADD COLUMN used_with TEXT;
