-- One-time links with which an account is made, or its password is chosen anew. `subject` is whom a
-- link is for: the folded address of an invitation (NULL: anybody), the account of a reset.

CREATE TABLE account_links (
  token_hash TEXT PRIMARY KEY,
  purpose TEXT NOT NULL CHECK (purpose IN ('invitation', 'reset')),
  subject TEXT,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL
) STRICT;
CREATE INDEX account_links_by_subject ON account_links (purpose, subject);
CREATE INDEX account_links_by_expiry ON account_links (expires_at);
